//! Each recorder on real processes. The programs in `tests/programs` are examples of the package: `cargo test` builds them,
//! `cargo test --test recorders` alone needs `cargo build --examples` before.
#![cfg(target_os = "linux")]

mod support;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use agent_capture::event::{Bytes, EndKnown, Event, Exec, Status};
use rustix::process::Signal;
use support::recording::*;

#[test]
fn a_tree_of_shells() {
    let session = Session::new();
    fs::create_dir(session.path("inner")).expect("folder");
    let script = "cd inner; sh -c 'cat /nowhere; exit 3'; (echo one | cat | wc -l); exit 7";
    let recorded = session.sh(script);
    assert_eq!((recorded.code(), recorded.stdout()), (Some(7), "1\n"));
    let Some(Event::Start(start)) = recorded.events.first() else { panic!("no start: {:?}", recorded.events) };
    assert_eq!((start.format, start.recorder.as_str()), (1, RECORDER.get()));
    assert!(!start.blind.is_empty());
    let shells = recorded.named("sh");
    let (outer, inner) = (shells[0], shells[1]);
    assert_eq!((outer.id, outer.process, outer.parent), (1, 1, None));
    assert_eq!(argv(outer), ["/bin/sh", "-c", script]);
    assert_eq!(outer.cwd.as_path(), fs::canonicalize(session.folder.path()).expect("folder"));
    assert_eq!((inner.parent, inner.cwd.as_path()), (Some(1), &*outer.cwd.as_path().join("inner")));
    let cats = recorded.named("cat");
    assert_eq!(cats.len(), 2);
    assert_eq!((cats[0].parent, argv(cats[0])), (Some(inner.id), vec!["cat", "/nowhere"]));
    // Made by a subshell, which runs no program of its own.
    assert_eq!((cats[1].parent, recorded.one("wc").parent), (Some(1), Some(1)));
    assert_eq!(recorded.end(cats[0]), Some(Status::Code(1)));
    assert_eq!(recorded.end(inner), Some(Status::Code(3)));
    assert_eq!(recorded.end(outer), Some(Status::Code(7)));
    let program = fs::canonicalize("/bin/sh").expect("/bin/sh");
    assert_eq!(outer.resolved.as_ref().map_or(outer.program.as_path(), Bytes::as_path), program);
    assert_eq!((recorded.exits().count(), recorded.lost()), (5, 0));
    let known = match RECORDER.get() {
        "ptrace" => EndKnown::Wait,
        "ebpf" => EndKnown::Tracepoint,
        _ => EndKnown::Pidfd,
    };
    assert!(recorded.exits().all(|exit| exit.known == known), "{:?}", recorded.events);
    let loader = |exec: &Exec| exec.loader.as_ref().is_some_and(|loader| loader.as_path().exists());
    assert!(recorded.execs().all(loader), "{:?}", recorded.events);
}

#[test]
fn input_and_output_pass() {
    let session = Session::new();
    let mut command = session.recording(["/bin/sh", "-c", "cat; echo err >&2"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run");
    child.stdin.take().expect("piped").write_all(b"through\0and through").expect("write");
    let output = child.wait_with_output().expect("wait");
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"through\0and through"[..], &b"err\n"[..]));
}

#[test]
fn the_end_is_passed_on() {
    for (script, code) in [("exit 0", 0), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -SEGV $$", 139)] {
        assert_eq!(Session::new().sh(script).code(), Some(code), "{script}");
    }
    let session = Session::new();
    let mut command = session.recording(["no-such-program", "argument"]);
    let recorded = session.finish(command.env("PATH", "/usr/bin:/bin").output().expect("run"));
    assert_eq!(recorded.code(), Some(127));
    assert!(by_ptrace() || recorded.missing()[0].program.as_str() == Some("no-such-program"));
    let said = String::from_utf8_lossy(&recorded.output.stderr).into_owned();
    assert_eq!((said.lines().count(), said.contains("no-such-program")), (1, true), "{said}");
    let file = session.path("file");
    fs::write(&file, "").expect("file");
    let recorded = session.run([&file]);
    assert_eq!(recorded.code(), Some(126));
}

#[test]
fn ends_by_signal_are_told() {
    let recorded = Session::new().sh("sh -c 'kill -TERM $$'; sh -c 'kill -KILL $$'; true");
    let ends: Vec<_> = recorded.named("sh").iter().map(|exec| recorded.end(exec)).collect();
    assert_eq!(ends, [Status::Code(0), Status::Signal(15), Status::Signal(9)].map(Some));
}

/// Returns a program that ends with 7.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn seven() -> Vec<u8> {
    #[cfg(target_arch = "x86_64")]
    return tiny(62, true, b"\xbf\x07\0\0\0\xb8\x3c\0\0\0\x0f\x05"); // mov edi, 7; mov eax, 60; syscall
    #[cfg(target_arch = "aarch64")]
    return tiny(183, true, b"\xe0\0\x80\xd2\xa8\x0b\x80\xd2\x01\0\0\xd4"); // mov x0, 7; mov x8, 93; svc 0
}

#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn other_roots() {
    let session = Session::new();
    session.program("root/real", seven());
    session.program("other/tool", seven());
    std::os::unix::fs::symlink("/real", session.path("root/link")).expect("link");
    fs::create_dir(session.path("place")).expect("folder");
    let recorded =
        session.run(["unshare", "-rm", "sh", "-c", "chroot root /link; mount --bind other place; place/tool"]);
    if recorded.named("link").is_empty() {
        return; // No namespaces here.
    }
    let (link, tool) = (recorded.one("link"), recorded.one("tool"));
    assert_eq!((link.program.as_str(), link.resolved.as_ref().and_then(Bytes::as_str)), (Some("/link"), Some("/real")));
    assert_eq!((recorded.end(link), recorded.end(tool)), (Some(Status::Code(7)), Some(Status::Code(7))));
    let place = fs::canonicalize(session.path("place")).expect("place").join("tool");
    assert_eq!((tool.program.as_path(), &tool.resolved, recorded.code()), (&*place, &None, Some(7)));
}

#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn static_programs() {
    let session = Session::new();
    let program = session.program("tiny", seven());
    let recorded = session.sh("./tiny; :");
    let exec = recorded.one("tiny");
    assert_eq!((exec.program.as_path(), argv(exec)), (&*fs::canonicalize(program).expect("tiny"), vec!["./tiny"]));
    assert_eq!((recorded.end(exec), exec.resolved.is_none()), (Some(Status::Code(7)), true));
    assert_eq!(exec.loader, None);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn programs_of_32_bits() {
    // mov eax, 11; mov ebx, path; mov ecx, argv; xor edx, edx; int 0x80; mov eax, 1; mov ebx, 9; int 0x80
    let at = |offset: u32| (0x0804_8000 + 52 + 32 + offset).to_le_bytes();
    let mut code = [b"\xb8\x0b\0\0\0\xbb".as_slice(), &at(31), b"\xb9", &at(41), b"\x31\xd2\xcd\x80"].concat();
    code.extend(b"\xb8\x01\0\0\0\xb3\x09\xcd\x80\x90\x90\x90");
    assert_eq!(code.len(), 31);
    code.extend([b"/bin/true\0".as_slice(), &at(31), &at(36), &[0; 4]].concat());
    let session = Session::new();
    session.program("narrow", tiny(3, false, &code));
    let recorded = session.sh("./narrow; echo $?");
    let (narrow, then) = (recorded.one("narrow"), recorded.one("true"));
    assert_eq!((recorded.stdout(), then.process, argv(then)), ("0\n", narrow.process, vec!["/bin/true", "true"]));
}

#[test]
fn threads() {
    let session = Session::new();
    let recorded = session.run([example("exec-in-thread")]);
    let (first, then) = (recorded.one("exec-in-thread"), recorded.one("sh"));
    assert_eq!((recorded.code(), then.process, recorded.end(then)), (Some(5), first.process, Some(Status::Code(5))));
    let session = Session::new();
    let recorded = session.run([example("many-threads")]);
    assert_eq!((recorded.code(), recorded.named("true").len(), recorded.lost()), (Some(0), 200, 0));
    assert!(recorded.named("true").iter().all(|exec| exec.parent == Some(1)));
    assert_eq!(recorded.exits().filter(|exit| exit.status == Some(Status::Code(0))).count(), 201);
}

#[test]
fn ways_to_exec() {
    let odd = example("odd-exec");
    let run = |way: &str| Session::new().run([odd.as_os_str(), OsStr::new(way)]);
    for way in ["no-arguments", "null-arguments"] {
        let recorded = run(way);
        // Linux itself then hands an empty one to the program.
        assert_eq!((recorded.code(), recorded.one("true").argv.len()), (Some(0), afterwards().into()), "{way}");
    }
    let recorded = run("bad-pointer");
    assert_eq!((recorded.code(), recorded.execs().count(), recorded.lost()), (Some(11), 1, 0));
    let recorded = run("descriptor");
    let exec = recorded.execs().last().expect("exec");
    assert_eq!((recorded.code(), argv(exec)), (Some(0), vec!["odd", "argument"]));
    assert!(exec.program.as_slice().starts_with(b"/memfd:inside"), "{exec:?}");
    let recorded = run("folder");
    let program = fs::canonicalize("/bin").expect("/bin").join("true");
    let exec = recorded.one("true");
    let known = if afterwards() { fs::canonicalize(&program).expect("true") } else { program };
    assert_eq!((recorded.code(), exec.program.as_path()), (Some(0), &*known));
    let recorded = run("only-check");
    assert_eq!((recorded.code(), recorded.execs().count(), recorded.missing().len()), (Some(12), 1, 0));
    #[cfg(target_arch = "x86_64")]
    {
        // Most kernels have x32 switched off, and refuse.
        let recorded = run("x32");
        match recorded.code() {
            Some(0) => recorded.is_there_or_lost("true", &["odd", "argument"]),
            code => assert_eq!((code, recorded.execs().count(), recorded.lost()), (Some(13), 1, 0)),
        }
    }
    let recorded = run("own-link");
    let exec = recorded.one("exe");
    assert_eq!(exec.resolved.as_ref().map(Bytes::as_path), Some(&*fs::canonicalize(&odd).expect("odd")));
    assert_eq!((recorded.code(), argv(exec)), (Some(11), vec!["again", "bad-pointer"]));
    let recorded = run("unreadable");
    assert_eq!(recorded.code(), Some(0));
    recorded.is_there_or_lost("true", &["odd", "argument"]);
}

#[test]
fn scripts() {
    let session = Session::new();
    let inner = session.program("inner", "#!/bin/sh -e\necho inner $1 $2 $3\n");
    let outer = session.program("outer", format!("#!{} argument\n", inner.display()));
    session.program("lost", "#!/no/such/interpreter\n");
    session.program("by-env", "#!/usr/bin/env sh\nexit 4\n");
    session.program("bare", "echo bare\n");
    let recorded = session.sh("./outer given; ./lost; ./by-env; env ./bare");
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let exec = recorded.one("outer");
    let interpreters: Vec<_> = exec.interpreters.iter().map(|path| text(path.as_path())).collect();
    assert_eq!(interpreters, [text(&inner), "/bin/sh".to_owned()]);
    assert_eq!((recorded.stdout(), argv(exec)), ("inner argument ./outer given\nbare\n", vec!["./outer", "given"]));
    assert_eq!(exec.program.as_path().file_name(), outer.file_name());
    assert!(exec.loader.is_some() && exec.loader == recorded.named("sh")[0].loader, "the last interpreter's");
    let missing: Vec<_> = recorded.missing().iter().map(|missing| missing.program.as_path().file_name()).collect();
    assert!(by_ptrace() || missing == [Some(OsStr::new("lost"))], "{missing:?}");
    let script = recorded.one("by-env");
    let shell = recorded.execs().find(|exec| exec.process == script.process && exec.id != script.id).expect("sh");
    assert_eq!((argv(shell), recorded.end(script)), (vec!["sh", "./by-env"], Some(Status::Code(4))));
    // The deepest nesting that the kernel takes is recorded, one more is not.
    let session = Session::new();
    session.program("s0", "#!/bin/sh\necho $0\n");
    for depth in 1..=5 {
        session.program(&format!("s{depth}"), format!("#!{}\n", session.path(&format!("s{}", depth - 1)).display()));
    }
    for depth in 0..=5 {
        let recorded = session.sh(&format!("./s{depth}; :"));
        let runs = !recorded.stdout().is_empty();
        let seen = recorded.execs().filter(|exec| exec.argv[0].as_str() == Some(&format!("./s{depth}"))).count() > 0;
        assert_eq!(runs, seen, "{depth} {:?}", recorded.output);
    }
}

#[test]
fn names_tried_in_path() {
    let session = Session::new();
    for (folder, name) in [("one", "other"), ("two", "tool"), ("three", "other")] {
        session.program(&format!("{folder}/{name}"), "#!/bin/sh\n");
    }
    fs::create_dir(session.path("one/tool")).expect("a folder is no program");
    fs::write(session.path("three/tool"), "").expect("file");
    let path = format!("PATH={0}/one:{0}/none:{0}/two:/usr/bin:/bin", session.folder.path().display());
    let recorded =
        session.run(["/usr/bin/env", &path, "/bin/sh", "-c", "env tool x; env no-such y; echo a | xargs nor-this; :"]);
    let tool = recorded.one("tool");
    // What a script was called, Linux itself replaces by its path.
    let called = if afterwards() { tool.program.as_str().expect("text") } else { "tool" };
    assert_eq!((tool.probes, argv(tool)), (2, vec![called, "x"]));
    let missing = recorded.missing();
    let told: Vec<_> =
        missing.iter().map(|missing| (missing.program.as_str().expect("text"), missing.probes)).collect();
    assert_eq!(told, [("no-such", 5), ("nor-this", 5)]);
    let texts: Vec<_> = missing
        .iter()
        .map(|missing| missing.argv.iter().map(|word| word.as_str().expect("text")).collect::<Vec<_>>())
        .collect();
    assert_eq!(texts, [["no-such", "y"], ["nor-this", "a"]]);
    // env itself looked for the one, a child of xargs for the other.
    let (env, xargs) = (recorded.named("env")[2], recorded.one("xargs"));
    assert_eq!((missing[0].parent, missing[1].parent), (Some(env.id), Some(xargs.id)));
    assert_eq!(recorded.end(env), Some(Status::Code(127)));
    let recorded = Session::new().run(["/usr/bin/env", "/nowhere/at-all"]);
    assert_eq!((recorded.missing()[0].program.as_str(), recorded.missing()[0].probes), (Some("/nowhere/at-all"), 1));
}

#[test]
fn a_daemon_goes_on() {
    let session = Session::new();
    let script =
        "(setsid sh -c 'while [ ! -e go ]; do sleep 0.02; done; /bin/true; exit 6' </dev/null >/dev/null 2>&1 3>&- &)";
    let mut command = session.recording(["/bin/sh", "-c", script]);
    let recorded =
        session.finish(command.stdin(Stdio::null()).output().expect("its output ends, so nobody holds the pipe"));
    assert_eq!((recorded.code(), recorded.named("true").len()), (Some(0), 0));
    fs::write(session.path("go"), "").expect("file");
    let recorded = session.wait_for(|recorded| {
        let daemon = recorded.execs().find(|exec| exec.argv[0].as_str() == Some("setsid")).map(|exec| exec.process);
        recorded.exits().any(|exit| Some(exit.process) == daemon && exit.status == Some(Status::Code(6)))
    });
    let daemon = recorded.execs().filter(|exec| exec.argv[0].as_str() == Some("sh")).last().expect("the daemon");
    assert_eq!(recorded.one("true").parent, Some(daemon.id));
    wait_for("the worker's end", || session.events().len().eq(&recorded.events.len()).then_some(()));
}

#[test]
fn an_orphan_belongs_to_its_session() {
    let script = "setsid sh -c '(until [ -e gone ]; do sleep 0.02; done; /bin/true; : >done) & exit 0'; : >gone; until [ -e done ]; do sleep 0.02; done";
    let recorded = Session::new().sh(script);
    let leader = recorded.execs().find(|exec| exec.argv[0].as_str() == Some("sh") && exec.id > 1).expect("sh");
    assert_eq!(recorded.one("true").parent, Some(leader.id));
}

/// Between an orphan and who ran the program that it is a copy of, processes ended without a trace.
#[test]
fn an_orphan_belongs_to_whose_copy_it_is() {
    let late = "until [ -e gone ]; do sleep 0.02; done; /bin/true; : >done";
    let wait = ": >gone; until [ -e done ]; do sleep 0.02; done";
    let recorded = Session::new().sh(&format!("( ({late}) & ); {wait}"));
    assert_eq!(recorded.one("true").parent, Some(1), "who lives");
    let inner = format!("( ({late}) & ) & exit 0");
    let session = Session::new();
    session.program("inner", &inner);
    let recorded = session.sh(&format!("sh -c \"$(cat inner)\" inner; {wait}"));
    let inner = recorded.execs().find(|exec| argv(exec).last() == Some(&"inner") && argv(exec)[0] == "sh").expect("sh");
    assert_eq!(recorded.one("true").parent, Some(inner.id), "who ended");
}

#[test]
fn two_thousand_execs() {
    for flags in [vec![], vec!["--exit-group"]] {
        let session = Session { flags, ..Session::new() };
        let recorded = session.sh("i=0; while [ $i -lt 2000 ]; do /bin/true || echo bad; i=$((i+1)); done");
        assert_eq!((recorded.code(), recorded.stdout()), (Some(0), ""));
        assert_eq!((recorded.named("true").len(), recorded.lost()), (2000, 0));
        assert_eq!(recorded.exits().filter(|exit| exit.status == Some(Status::Code(0))).count(), 2001);
    }
}

#[test]
fn arguments() {
    let session = Session::new();
    let odd = OsString::from_vec(b"\xff\n\x1b[31m".to_vec());
    let recorded = session.run([OsStr::new("/bin/true"), &odd, OsStr::new(""), OsStr::new("\u{e9}")]);
    let words: Vec<_> = recorded.one("true").argv.iter().map(|word| word.as_slice().to_vec()).collect();
    assert_eq!(words, [b"/bin/true".as_slice(), odd.as_bytes(), b"", "\u{e9}".as_bytes()]);
    let lengths = |exec: &Exec| exec.argv.iter().map(|word| word.as_slice().len()).collect::<Vec<_>>();
    // 64 KiB are kept of an argument, 1 MiB of all.
    let words: Vec<_> = (0..18).map(|_| "x".repeat(100 << 10)).collect();
    let recorded = Session::new().run(["/bin/true"].into_iter().chain(words.iter().map(String::as_str)));
    let exec = recorded.one("true");
    assert_eq!((recorded.code(), exec.shortened, lengths(exec)[1]), (Some(0), true, 64 << 10));
    assert_eq!(lengths(exec).iter().sum::<usize>(), 1 << 20);
    let recorded = Session::new().run(["/bin/true"].into_iter().chain(std::iter::repeat_n("y", 20_000)));
    assert_eq!((recorded.one("true").argv.len(), recorded.one("true").shortened), (10_000, true));
    // More than the kernel takes: 2 MiB in all with the usual stack, 128 KiB in one.
    let script = r#"x=$(head -c 2097152 /dev/zero | tr '\0' x | fold -w 60000); env true $x; env true $(head -c 131072 /dev/zero | tr '\0' x); env true $(head -c 131071 /dev/zero | tr '\0' x)"#;
    let recorded = Session::new().run(["/bin/bash", "-c", script]);
    assert_eq!(recorded.named("true").len() as i32 + recorded.named("env").len() as i32, 2, "{:?}", recorded.output);
}

/// Runs a script that says nothing and ends with 3, and kills three workers while it runs.
#[track_caller]
fn with_killed_workers(session: &Session, script: &str) -> Recorded {
    let mut command = session.recording(["/bin/sh", "-c", script]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run");
    for more in [50, 100, 150] {
        let seen = session.events().len();
        session.wait_for(|recorded| recorded.events.len() > seen + more);
        signal(session.worker(), Signal::KILL);
    }
    let recorded = session.finish(child.wait_with_output().expect("wait"));
    assert_eq!((recorded.code(), recorded.stdout(), recorded.output.stderr.as_slice()), (Some(3), "", &b""[..]));
    recorded
}

#[test]
fn a_killed_worker_is_replaced() {
    let session = Session::new();
    let script = "i=0; while [ $i -lt 1500 ]; do /bin/true || echo bad; i=$((i+1)); done; sh -c 'exit 3'";
    let recorded = with_killed_workers(&session, script);
    let losses = recorded.events.iter().filter(|event| matches!(event, Event::Lost(_))).count();
    assert!(losses == 3 || afterwards() && losses > 3, "{losses}");
    assert_eq!(recorded.events.iter().filter(|event| matches!(event, Event::Start(_))).count(), 1);
    let trues = recorded.named("true");
    // Until another has taken over, ptrace and eBPF tell nobody, and seccomp waits. eBPF takes longest to begin.
    let least = match RECORDER.get() {
        "ebpf" => 400,
        "ptrace" => 1300,
        _ => 1490,
    };
    assert!(trues.len() > least, "{}", trues.len());
    let others: Vec<_> = trues.iter().filter(|exec| exec.parent != Some(1)).collect();
    assert!(others.is_empty(), "{others:?}");
    let ids: Vec<_> = recorded.execs().map(|exec| exec.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert_eq!(recorded.end(recorded.named("sh")[0]), Some(Status::Code(3)));
}

/// Opens are taken by several threads, any of which may have one in hand.
#[test]
fn a_killed_worker_that_records_opens_is_replaced() {
    let mut session = Session::new();
    session.flags = vec!["--depth", "full", "--receivers", "2"];
    let script = "for n in 1 2 3 4; do
        (i=0; while [ $i -lt 400 ]; do cat /etc/passwd >$n || echo bad; i=$((i+1)); done) &
        done; wait; exit 3";
    let recorded = with_killed_workers(&session, script);
    let losses: Vec<_> = recorded.events.iter().filter(|event| matches!(event, Event::Lost(_))).collect();
    assert_eq!(losses.len(), 3, "{losses:?}");
    assert!(recorded.named("cat").len() > 1580, "{}", recorded.named("cat").len());
}

#[test]
fn a_killed_front_ends_nothing() {
    let session = Session::new();
    let script = "while [ ! -e go ]; do sleep 0.02; done; /bin/true && exit 4";
    let mut child = session.recording(["/bin/sh", "-c", script]).spawn().expect("run");
    session.wait_for(|recorded| !recorded.named("sleep").is_empty());
    child.kill().expect("kill");
    child.wait().expect("wait");
    fs::write(session.path("go"), "").expect("file");
    let recorded = session.wait_for(|recorded| recorded.exits().any(|exit| exit.process == 1));
    assert_eq!(recorded.end(recorded.one("true")), Some(Status::Code(0)));
    assert_eq!(recorded.end(recorded.named("sh")[0]), Some(Status::Code(4)));
}

/// A daemon that outlives the command, or the front that was killed, still has who starts another worker.
#[test]
fn a_worker_without_its_front_is_replaced() {
    for killed in [false, true] {
        let session = Session::new();
        let ends = if killed { "wait; exit 4" } else { "exit 4" };
        let daemon = r#"n=1; while [ $n -le 3 ]; do
            until [ -e go$n ]; do [ -e segment ] || exit; /bin/sleep 0.02; done; /bin/true $n && : >ran$n; n=$((n+1)); done; exit 6"#;
        let script = format!("setsid sh -c '{daemon}' </dev/null >/dev/null 2>&1 & {ends}");
        let mut front = session.recording(["/bin/sh", "-c", &script]).spawn().expect("run");
        session.wait_for(|recorded| !recorded.named("sleep").is_empty());
        if killed {
            front.kill().expect("kill");
        }
        assert_eq!(front.wait().expect("wait").code(), (!killed).then_some(4));
        for n in 1..=2 {
            let worker = session.worker();
            wait_for("a guardian", || guards(&session).then_some(()));
            signal(worker, Signal::KILL);
            wait_for("its end", || state(worker).is_none_or(|state| state == 'Z').then_some(()));
            fs::write(session.path(&format!("go{n}")), "").expect("file");
            wait_for("the daemon", || session.path(&format!("ran{n}")).exists().then_some(()));
            // It is said that another goes on before it does.
            session.wait_for(|recorded| {
                let last = recorded.events.iter().rposition(|event| matches!(event, Event::Lost(_)));
                let later = &recorded.events[last.unwrap_or(recorded.events.len())..];
                recorded.lost() >= n && later.iter().any(|event| matches!(event, Event::Exec(_)))
            });
        }
        fs::write(session.path("go3"), "").expect("file");
        session.wait_for(|recorded| {
            let daemon = recorded.execs().find(|exec| exec.argv[0].as_str() == Some("setsid"));
            let three = recorded.named("true").last().is_some_and(|exec| argv(exec).last() == Some(&"3"));
            three && recorded.exits().any(|exit| Some(exit.process) == daemon.map(|daemon| daemon.process))
        });
        wait_for("the guardian's end", || (!guards(&session)).then_some(()));
    }
}

/// Returns whether a guardian is there for what is recorded here.
fn guards(session: &Session) -> bool {
    let segment = session.path("segment").into_os_string().into_vec();
    processes().any(|(_, line)| line.get(1).is_some_and(|word| word == b"__guard") && line.contains(&segment))
}

#[test]
fn signals_reach_the_command() {
    for (name, sent) in [("TERM", Signal::TERM), ("INT", Signal::INT), ("HUP", Signal::HUP), ("USR1", Signal::USR1)] {
        let session = Session::new();
        let script = format!("trap 'exit 9' {name}; echo ready; while :; do sleep 0.02; done");
        let mut child = session.recording(["/bin/sh", "-c", &script]).stdout(Stdio::piped()).spawn().expect("run");
        child.stdout.take().expect("piped").read_exact(&mut [0; 6]).expect("ready");
        signal(child.id() as i32, sent);
        assert_eq!(child.wait().expect("wait").code(), Some(9), "{name}");
    }
}

#[test]
fn a_stopped_command_stops_the_front() {
    let session = Session::new();
    let mut command = session.recording(["/bin/sh", "-c", "echo $$ >pid; kill -STOP $$; exit 8"]);
    let mut child = command.process_group(0).spawn().expect("run");
    let front = child.id() as i32;
    wait_for("the stop", || (state(front) == Some('T')).then_some(()));
    let command: i32 = fs::read_to_string(session.path("pid")).expect("pid").trim().parse().expect("number");
    assert!([Some('T'), Some('t')].contains(&state(command)));
    signal(front, Signal::CONT);
    assert_eq!(child.wait().expect("wait").code(), Some(8));
}

#[test]
fn a_command_that_stops_and_goes_on_at_once() {
    let script = "i=0; while [ $i -lt 40 ]; do sh -c 'kill -STOP $1; kill -CONT $1' sh $$; i=$((i+1)); done; exit 8";
    let session = Session::new();
    let status = session.recording(["/bin/sh", "-c", script]).process_group(0).status().expect("run");
    assert_eq!(status.code(), Some(8));
}

/// Starts a recording as the leader of a new session at a new terminal.
fn at_terminal(session: &Session, script: &str) -> (fs::File, Child) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("pty");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("pty");
    let name = ptsname(&master, Vec::new()).expect("pty");
    let terminal = fs::File::options().read(true).write(true).open(OsStr::from_bytes(name.as_bytes())).expect("pty");
    let recording = session.recording(["/bin/sh", "-c", script]);
    // Whoever runs the tests in the background may have these ignored.
    let mut command = Command::new("env");
    command
        .args(["--default-signal=INT,QUIT", "setsid", "--ctty", "--wait"])
        .arg(recording.get_program())
        .args(recording.get_args());
    command.current_dir(session.folder.path());
    let copy = || Stdio::from(terminal.try_clone().expect("dup"));
    (master.into(), command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().expect("setsid"))
}

#[test]
fn keys_at_the_terminal_reach_the_command_once() {
    for (key, name) in [(b"\x03", "INT"), (b"\x1c", "QUIT")] {
        let session = Session::new();
        let script =
            format!("trap 'echo {name} >>got' {name}; echo $$ >pid; while [ ! -e go ]; do sleep 0.05; done; exit 5");
        let (mut master, mut child) = at_terminal(&session, &script);
        wait_for("the command", || session.path("pid").exists().then_some(()));
        master.write_all(key).expect("key");
        wait_for("the signal", || session.path("got").exists().then_some(()));
        fs::write(session.path("go"), "").expect("file");
        assert_eq!(child.wait().expect("wait").code(), Some(5));
        assert_eq!(fs::read_to_string(session.path("got")).expect("got"), format!("{name}\n"));
    }
}

/// What a command finds must be what it finds without us.
#[test]
fn the_command_finds_what_it_would_find() {
    let looks = [
        "grep -E '^(Sig(Blk|Ign|Cgt)|Umask|Cap|Groups)' /proc/self/status",
        "ls -l /proc/self/fd | sed 's/.*[0-9] \\([0-9]* -> \\)/\\1/; /fd$/d'",
        "env",
        "cat /proc/self/limits",
        "pwd; ps -o pgid=,sid=,tpgid= -p $$ | cut -d' ' -f3-",
    ];
    let before = ["", "trap '' PIPE;", "trap '' CHLD INT;", "umask 027; ulimit -c 0; exec 7</dev/null;", "exec <&-;"];
    for (look, before) in looks.iter().flat_map(|look| before.iter().map(move |before| (look, before))) {
        let session = Session::new();
        let shell = |recorded: bool| {
            let command = session.recording(["sh", "-c", look]);
            let words: Vec<_> = [command.get_program()].into_iter().chain(command.get_args()).collect();
            let words = if recorded { &words[..] } else { &words[words.len() - 3..] };
            let mut shell = Command::new("bash");
            shell.arg("-c").arg(format!("{before} exec \"$@\"")).arg("bash").args(words);
            shell.current_dir(session.folder.path()).env("FIRST", "a").env("EMPTY", "");
            let output = shell.stdin(Stdio::null()).output().expect("run");
            assert!(output.status.success(), "{output:?}");
            let text = String::from_utf8(output.stdout).expect("text");
            text.lines().filter(|line| !line.contains("pipe:")).map(str::to_owned).collect::<Vec<_>>()
        };
        let unrecorded = shell(false);
        assert!(!unrecorded.is_empty() || look.contains("/fd"));
        assert_eq!(shell(true), unrecorded, "{before} {look}");
    }
}

#[test]
fn statuses_without_pidfds_that_tell_them() {
    let session = Session { flags: vec!["--exit-group"], ..Session::new() };
    let recorded = session.sh("sh -c 'exit 9'; (sh -c 'sleep 0.05; exit 8' &); sleep 0.3; exit 2");
    let mut ends: Vec<_> = recorded.exits().filter_map(|exit| exit.status).collect();
    ends.sort();
    let expected = [0, 0, 2, 8, 9].map(Status::Code);
    assert_eq!((recorded.code(), ends.as_slice()), (Some(2), &expected[..]));
    // Our own children, the command and orphans, we wait for.
    assert!(recorded.exits().any(|exit| exit.known == EndKnown::ExitGroup), "{:?}", recorded.events);
    assert!(recorded.exits().all(|exit| [EndKnown::ExitGroup, EndKnown::Wait].contains(&exit.known)));
}

#[test]
fn a_recorder_in_a_recorder() {
    for (outside, inside, works) in
        [("seccomp", "seccomp", false), ("ptrace", "ptrace", false), ("seccomp", "ptrace", true), ("seccomp", "", true)]
    {
        let (outer, inner) = (Session::new(), Session::new());
        RECORDER.set(inside);
        let command = inner.recording(["sh", "-c", "/bin/true; exit 5"]);
        RECORDER.set(outside);
        let recorded = outer.run([command.get_program()].into_iter().chain(command.get_args()));
        let said = String::from_utf8_lossy(&recorded.output.stderr).into_owned();
        let within = inner.finish(recorded.output);
        if works {
            assert_eq!((within.code(), said.as_str()), (Some(5), ""), "{inside} in {outside}");
            let Event::Start(start) = &within.events[0] else { panic!("no start: {:?}", within.events) };
            let best = cfg!(feature = "ebpf") && inside.is_empty() && start.recorder == "ebpf";
            assert!(best || start.recorder == "ptrace", "{inside} in {outside}: {start:?}");
            assert_eq!(within.end(within.one("true")), Some(Status::Code(0)));
            assert_eq!(within.end(within.one("sh")), Some(Status::Code(5)));
        } else {
            assert_eq!((within.code(), said.lines().count()), (Some(3), 2), "{said}");
            assert!(said.contains("cannot record: ") && said.contains("hint: "), "{said}");
            assert!(inner.events().is_empty());
        }
    }
}

#[test]
fn a_closed_session_records_no_more() {
    let session = Session::new();
    let recorded = session.sh(
        r#"/bin/true; timeout 60 sh -c 'until grep -q "\"argv\":\[\"/bin/true\"\]" segment; do :; done'; : >closed; cat /dev/null && exit 5"#,
    );
    assert_eq!((recorded.code(), recorded.named("true").len(), recorded.named("cat").len()), (Some(5), 1, 0));
}

/// As in a container or a job of CI, whose session was begun outside of it: there its leader is nobody.
#[test]
fn in_a_pid_namespace() {
    let session = Session::new();
    let unshare = |command: &mut Command| {
        // In a user namespace of its own nobody may use eBPF.
        command.args((RECORDER.get() != "ebpf").then_some("--map-root-user"));
        command.args(["--mount-proc", "--pid", "--fork"]);
    };
    let mut probe = Command::new("unshare");
    unshare(&mut probe);
    if !probe.arg("true").output().is_ok_and(|output| output.status.success()) {
        return support::skipped("there are no PID namespaces here");
    }
    // The double fork leaves an orphan, whose session is all that tells whose it is.
    let script = "(sh -c '(sleep 0.1; cat /dev/null) &'); env true; sleep 0.3; exit 5";
    let recording = session.recording(["/bin/sh", "-c", script]);
    let mut command = Command::new("unshare");
    unshare(&mut command);
    command.args(["/bin/sh", "-c", "\"$@\"; exit $?", "sh"]).arg(recording.get_program()).args(recording.get_args());
    let recorded =
        session.finish(command.current_dir(session.folder.path()).stdin(Stdio::null()).output().expect("run"));
    assert_eq!((recorded.code(), &*String::from_utf8_lossy(&recorded.output.stderr)), (Some(5), ""));
    assert_eq!((recorded.one("cat").argv.len(), recorded.one("true").argv.len(), recorded.lost()), (2, 1, 0));
}

#[test]
fn a_segment_that_cannot_be_written() {
    let session = Session::new();
    fs::create_dir(session.path("segment")).expect("folder");
    let recorded = Recorded { output: session.recording(["true"]).output().expect("run"), events: Vec::new() };
    let said = String::from_utf8_lossy(&recorded.output.stderr).into_owned();
    assert!(said.contains("cannot record: "), "{said}");
    assert_eq!(recorded.code(), Some(3));
}

#[test]
fn without_privileges() {
    let session = Session::new();
    let binary = session.path("agent-capture");
    fs::copy(BINARY, &binary).expect("copy");
    let odd = session.path("odd-exec");
    fs::copy(example("odd-exec"), &odd).expect("copy");
    fs::set_permissions(session.folder.path(), fs::Permissions::from_mode(0o777)).expect("mode");
    session.program("not-yours", "#!/bin/sh\n");
    fs::set_permissions(session.path("not-yours"), fs::Permissions::from_mode(0o700)).expect("mode");
    let script = "env ./not-yours; sh -c 'exit 3'; ./odd-exec unreadable; grep NoNew /proc/self/status; exit 4";
    let mut command = session.recording_by(binary, ["/bin/sh", "-c", script]);
    let root = rustix::process::geteuid().is_root();
    if root {
        command.uid(65534).gid(65534);
    }
    let recorded = session.finish(command.output().expect("run"));
    let new = if by_ptrace() { 0 } else { 1 };
    assert_eq!((recorded.code(), recorded.stdout()), (Some(4), &*format!("NoNewPrivs:\t{new}\n")));
    assert_eq!(recorded.end(recorded.named("sh")[1]), Some(Status::Code(3)));
    let Event::Start(start) = &recorded.events[0] else { panic!("no start") };
    assert!(start.blind.iter().any(|sentence| sentence.contains("sudo")));
    recorded.is_there_or_lost("true", &["odd", "argument"]);
    if root && !by_ptrace() {
        assert_eq!(recorded.missing().len(), 1);
    }
}

fn by_ptrace() -> bool {
    RECORDER.get() == "ptrace"
}

/// Whether the recorder looks at a program that has begun already.
fn afterwards() -> bool {
    by_ptrace() || RECORDER.get() == "ebpf"
}

/// What each recorder must see and pass on.
macro_rules! of_each {
    ($too:ident) => {
        $too! {
            a_closed_session_records_no_more a_command_that_stops_and_goes_on_at_once a_daemon_goes_on
            a_killed_front_ends_nothing a_killed_worker_is_replaced a_segment_that_cannot_be_written
            a_stopped_command_stops_the_front a_tree_of_shells an_orphan_belongs_to_its_session arguments
            a_worker_without_its_front_is_replaced ends_by_signal_are_told in_a_pid_namespace input_and_output_pass keys_at_the_terminal_reach_the_command_once
            an_orphan_belongs_to_whose_copy_it_is scripts signals_reach_the_command the_command_finds_what_it_would_find
            the_end_is_passed_on threads two_thousand_execs ways_to_exec
        }
    };
}

mod ptrace {
    macro_rules! too {
        ($($name:ident)*) => { $(
            #[test]
            fn $name() {
                super::RECORDER.set("ptrace");
                super::$name();
            }
        )* };
    }

    of_each! { too }
    too! { without_privileges }

    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    too! { other_roots static_programs }

    #[cfg(target_arch = "x86_64")]
    too! { programs_of_32_bits }
}

#[cfg(feature = "ebpf")]
mod ebpf {
    use super::*;

    /// Returns why eBPF does not work here.
    fn missing() -> Option<String> {
        RECORDER.set("ebpf");
        let recorded = Session::new().sh(":");
        (recorded.code() != Some(0)).then(|| String::from_utf8_lossy(&recorded.output.stderr).into_owned())
    }

    macro_rules! too {
        ($($name:ident)*) => { $(
            #[test]
            fn $name() {
                match missing() {
                    None => super::$name(),
                    Some(why) => support::skipped(&why),
                }
            }
        )* };
    }

    of_each! { too }
    too! { names_tried_in_path other_roots programs_of_32_bits static_programs }

    /// Nobody waits for the recorder: what finds no room is counted, and what lasted longer is recorded.
    #[test]
    fn what_finds_no_room_is_counted() {
        if let Some(why) = missing() {
            return support::skipped(&why);
        }
        let session = Session::new();
        let script = r#"until [ -e go ]; do sleep 0.02; done
            x=$(head -c 1500000 /dev/zero | tr '\0' x | fold -w 60000)
            i=0; while [ $i -lt 14 ]; do /bin/true $x; i=$((i+1)); done; : >gone; until [ -e on ]; do :; done
            (sh -c 'sleep 0.3; exit 3' &) ; exit 6"#;
        let child = session.recording(["/bin/bash", "-c", script]).stdout(Stdio::piped()).spawn().expect("run");
        session.wait_for(|recorded| !recorded.named("sleep").is_empty());
        let worker = session.worker();
        signal(worker, Signal::STOP);
        fs::write(session.path("go"), "").expect("file");
        wait_for("the programs", || session.path("gone").exists().then_some(()));
        signal(worker, Signal::CONT);
        session.wait_for(|recorded| recorded.lost() > 0);
        fs::write(session.path("on"), "").expect("file");
        let recorded = session.finish(child.wait_with_output().expect("wait"));
        assert_eq!(recorded.code(), Some(6));
        let trues = recorded.named("true").len();
        assert!((1..14).contains(&trues), "{trues}");
        // The worker ends, though it was not told of all ends.
        wait_for("the worker's end", || (state(worker).is_none_or(|state| state == 'Z')).then_some(()));
        let recorded = session.finish(recorded.output);
        assert_eq!(recorded.end(recorded.one("sh")), Some(Status::Code(3)));
        assert_eq!(recorded.end(recorded.one("bash")), Some(Status::Code(6)));
    }

    /// Who has no privileges is told which ones are needed, and is recorded in another way when he did not ask for this one.
    #[test]
    fn without_privileges() {
        for (recorder, code) in [("ebpf", 3), ("", 0)] {
            RECORDER.set(recorder);
            let session = Session::new();
            let binary = session.path("agent-capture");
            fs::copy(BINARY, &binary).expect("copy");
            fs::set_permissions(session.folder.path(), fs::Permissions::from_mode(0o777)).expect("mode");
            let mut command = session.recording_by(binary, ["true"]);
            if rustix::process::geteuid().is_root() {
                command.uid(65534).gid(65534);
            }
            let recorded = session.finish(command.output().expect("run"));
            let said = String::from_utf8_lossy(&recorded.output.stderr).into_owned();
            assert_eq!((recorded.code(), said.contains("CAP_BPF")), (Some(code), code == 3), "{said}");
            assert_eq!(recorded.events.is_empty(), code == 3);
        }
    }
}
