//! What a recording survives, and what survives a recording: on real processes, by each recorder that can be.
#![cfg(target_os = "linux")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use agent_capture::ecosystems;
use agent_capture::event::{Bytes, Event, Exec, Exit, Status};
use agent_capture::journal::{Closing, Place};
use rustix::process::Signal;
use support::recording::*;
use support::{PATH, Project, skipped};

/// Runs a test once by each recorder.
fn by_each(test: impl Fn()) {
    for recorder in ["seccomp", "ptrace"] {
        RECORDER.set(recorder);
        test();
    }
}

/// Returns whether a program is on the PATH of the tests; says so when it is not.
fn has(program: &str) -> bool {
    let there = std::env::split_paths(PATH).any(|folder| folder.join(program).exists());
    if !there {
        skipped(&format!("`{program}` is not there: `bash tests/all.sh` installs it"));
    }
    there
}

/// Returns the text that a recorded command wrote as an error.
fn stderr(recorded: &Recorded) -> String {
    String::from_utf8_lossy(&recorded.output.stderr).into_owned()
}

#[track_caller]
fn ends(recorded: &Recorded, name: &str, status: Status) {
    assert_eq!(recorded.end(recorded.one(name)), Some(status), "{name}: {:#?}", recorded.events);
}

#[test]
fn all_namespaces() {
    if !has("bwrap") {
        return;
    }
    by_each(|| {
        let script = "/bin/true; sh -c 'exit 7'; cat /proc/sys/kernel/ns_last_pid; exit 6";
        let sandbox = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc"];
        let recorded = Session::new().run(sandbox.into_iter().chain(["--dev", "/dev", "sh", "-c", script]));
        assert_eq!(recorded.code(), Some(6), "{}", stderr(&recorded));
        let shells = recorded.named("sh");
        assert_eq!(
            shells.iter().map(|exec| recorded.end(exec)).collect::<Vec<_>>(),
            [6, 7].map(|n| Some(Status::Code(n)))
        );
        let shell =
            recorded.execs().find(|exec| argv(exec).last() == Some(&script) && argv(exec)[0] == "sh").expect("sh");
        assert_eq!((recorded.one("true").parent, recorded.lost()), (Some(shell.id), 0));
    });
}

/// A browser's sandbox has namespaces, filters of its own and a process that makes the others. Root has none, so where we
/// are root the browser runs as nobody.
#[test]
fn a_browser() {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| std::env::split_paths(PATH).any(|folder| folder.join(name).exists()))
    else {
        return skipped("no Chromium is there");
    };
    let root = rustix::process::geteuid().is_root();
    let binary = tempfile::tempdir().expect("a folder");
    fs::set_permissions(binary.path(), fs::Permissions::from_mode(0o755)).expect("mode");
    fs::copy(BINARY, binary.path().join("agent-capture")).expect("copy");
    by_each(|| {
        let session = Session::new();
        let home = session.path("home");
        fs::create_dir(&home).expect("folder");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).expect("mode");
        fs::set_permissions(session.folder.path(), fs::Permissions::from_mode(0o777)).expect("mode");
        let page = ["--headless", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom", "data:text/html,<p>here"];
        let words = ["env".into(), format!("HOME={}", home.display()), format!("TMPDIR={}", home.display())];
        let words: Vec<String> = words.into_iter().chain([browser.to_owned()]).chain(page.map(str::to_owned)).collect();
        let as_user = |command: &mut Command| {
            if root {
                command.uid(65534).gid(65534);
            }
            command.stdin(Stdio::null()).output().expect("run")
        };
        let mut bare = Command::new(&words[0]);
        let bare = as_user(bare.args(&words[1..]).current_dir(session.folder.path()));
        if !bare.status.success() {
            return skipped(&format!(
                "Chromium's sandbox does not work here: {}",
                String::from_utf8_lossy(&bare.stderr)
            ));
        }
        let mut command = session.recording_by(binary.path().join("agent-capture"), &words);
        let recorded = session.finish(as_user(&mut command));
        assert_eq!((recorded.code(), recorded.stdout().contains("<p>here")), (Some(0), true), "{}", stderr(&recorded));
        let sandboxed = recorded.execs().any(|exec| argv(exec).iter().any(|word| word.starts_with("--type=zygote")));
        let open = recorded.execs().any(|exec| argv(exec).contains(&"--no-sandbox"));
        assert!(sandboxed && !open, "{:#?}", recorded.events);
    });
}

/// A control group whose processes can be frozen, as a suspended machine's are.
struct Freezer {
    folder: std::path::PathBuf,
    /// The file and the words that freeze and thaw.
    state: (&'static str, &'static str, &'static str),
}

impl Freezer {
    /// Makes one; none where that may not be done.
    fn new() -> Option<Self> {
        let name = format!("agent-capture-test-{}", std::process::id());
        let all = [
            ("/sys/fs/cgroup/freezer", ("freezer.state", "FROZEN", "THAWED")),
            ("/sys/fs/cgroup", ("cgroup.freeze", "1", "0")),
        ];
        all.into_iter().find_map(|(root, state)| {
            let folder = std::path::Path::new(root).join(&name);
            fs::create_dir(&folder).ok()?;
            let freezer = Self { folder, state };
            freezer.folder.join(state.0).exists().then_some(freezer)
        })
    }

    fn set(&self, word: &str) {
        fs::write(self.folder.join(self.state.0), word).expect("a state");
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        drop(fs::write(self.folder.join(self.state.0), self.state.2));
        let emptied = fs::remove_dir(&self.folder);
        drop(emptied);
    }
}

/// A suspended machine freezes processes anywhere, also between what they ask for and the answer: Linux then asks again.
#[test]
fn a_machine_that_is_suspended() {
    let Some(freezer) = Freezer::new() else { return skipped("no control group can be made here") };
    by_each(|| {
        let session = Session::new();
        let script = "i=0; while [ $i -lt 300 ]; do /bin/true || echo bad; i=$((i+1)); done; exit 6";
        let joined = format!("echo $$ >{}/cgroup.procs; exec sh -c '{script}'", freezer.folder.display());
        let mut command = session.recording(["sh", "-c", &joined]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run");
        let mut times = 0;
        while child.try_wait().expect("wait").is_none() {
            freezer.set(freezer.state.1);
            sleep(Duration::from_millis(5));
            freezer.set(freezer.state.2);
            sleep(Duration::from_millis(10));
            times += 1;
        }
        let recorded = session.finish(child.wait_with_output().expect("wait"));
        assert!(times > 3, "{times}");
        assert_eq!((recorded.code(), recorded.stdout(), stderr(&recorded).as_str()), (Some(6), "", ""));
        assert_eq!((recorded.named("true").len(), recorded.lost()), (300, 0), "frozen {times} times");
    });
}

#[test]
fn a_program_that_listens_itself() {
    let listens = example("listens");
    by_each(|| {
        let recorded = Session::new().run([&listens]);
        let refused = recorded.stdout().contains("busy");
        let Event::Start(start) = &recorded.events[0] else { panic!("no start") };
        let said = start.blind.iter().any(|sentence| sentence.contains("a listener of their own"));
        assert_eq!(
            (refused, said),
            (RECORDER.get() == "seccomp", RECORDER.get() == "seccomp"),
            "{}",
            recorded.stdout()
        );
    });
}

#[test]
fn strace_and_gdb() {
    if !has("strace") || !has("gdb") {
        return;
    }
    by_each(|| {
        let all = RECORDER.get() == "seccomp";
        let script = "strace -f -e trace=none sh -c '/bin/true; exit 3'; echo $?; \
                      gdb -nx -batch -ex run -ex 'info inferiors' --args sh -c 'exit 5'; exit 4";
        let recorded = Session::new().sh(script);
        assert_eq!(recorded.code(), Some(4), "{}", stderr(&recorded));
        assert!(
            recorded.stdout().starts_with("3\n") && recorded.stdout().contains("exited with code 05"),
            "{recorded:?}"
        );
        ends(&recorded, "strace", Status::Code(3));
        assert!(recorded.end(recorded.one("gdb")).is_some_and(Status::is_success));
        // What they run is theirs to trace: ptrace lets go of it.
        assert_eq!(recorded.named("true").len(), usize::from(all));
    });
}

#[test]
fn leak_checkers() {
    if !has("gcc") {
        return;
    }
    by_each(|| {
        let session = Session::new();
        let source = "#include <stdlib.h>\nint main(void) { void *volatile p = malloc(10); p = 0; return 0; }\n";
        fs::write(session.path("leak.c"), source).expect("source");
        for checker in ["address", "leak"] {
            let compiled = format!("gcc -fsanitize={checker} leak.c -o {checker}");
            let compiled = Command::new("sh").args(["-c", &compiled]).current_dir(session.folder.path()).output();
            if !compiled.expect("sh").status.success() {
                return skipped("gcc has no sanitizers here");
            }
            let recorded = session.run([format!("./{checker}")]);
            let said = stderr(&recorded);
            assert!(said.contains("10 byte(s) leaked") && !said.contains("fatal"), "{said}");
            assert_eq!(recorded.code(), Some(if checker == "address" { 1 } else { 23 }));
            fs::remove_file(session.path("segment")).expect("segment");
        }
    });
}

#[test]
fn sudo_with_privileges() {
    if !rustix::process::geteuid().is_root() || !has("sudo") {
        return skipped("only root is privileged");
    }
    by_each(|| {
        // From root to a user, and from there back by a setuid program.
        let session = Session::new();
        fs::set_permissions(session.folder.path(), fs::Permissions::from_mode(0o755)).expect("mode");
        let own = session.program("id-of-root", fs::read("/usr/bin/id").expect("id"));
        fs::set_permissions(&own, fs::Permissions::from_mode(0o4755)).expect("mode");
        let recorded = session.sh("sudo -n -u nobody ./id-of-root; sudo -n -u nobody id -un; exit 3");
        let said = recorded.stdout();
        if recorded
            .events
            .iter()
            .any(|event| matches!(event, Event::Exec(exec) if exec.program.as_slice().ends_with(b"/sudo")))
            && said.is_empty()
        {
            panic!("sudo does not work: {}", stderr(&recorded));
        }
        assert!(said.contains("euid=0(root)") && said.ends_with("nobody\n"), "{said} {}", stderr(&recorded));
        assert_eq!((recorded.code(), recorded.end(recorded.one("id-of-root"))), (Some(3), Some(Status::Code(0))));
    });
}

/// A repository that belongs to nobody, and the program where they can run it.
fn project_of_nobody() -> (Project, tempfile::TempDir) {
    let (project, folder) = (Project::demo(), tempfile::tempdir().expect("a folder"));
    let parent = project.root().parent().expect("a folder").to_path_buf();
    let chown = Command::new("chown").arg("-R").arg("65534:65534").arg(&parent).status().expect("chown");
    assert!(chown.success());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("mode");
    fs::copy(BINARY, folder.path().join("agent-capture")).expect("copy");
    (project, folder)
}

#[test]
fn sudo_without_privileges_is_spoken_of_before() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can become another user");
    }
    let (project, folder) = project_of_nobody();
    let run = |arguments: &[&str]| {
        let mut command = project.command(folder.path().join("agent-capture"));
        command.args(["run", "--no-verify", "--no-commit"]).args(arguments).uid(65534).gid(65534);
        support::Said::from(command.output().expect("run"))
    };
    let said = run(&["--", "sh", "-c", "echo now >&2; exit 5"]).code(5);
    let (warned, ran) = (said.stderr.find("sudo"), said.stderr.find("now\n"));
    assert!(warned.is_some() && warned < ran, "{}", said.stderr);
    assert_eq!(said.stderr.matches("sudo and other").count(), 1, "{}", said.stderr);
    // Kept, sudo works: it is let go of, and all else is seen.
    if cfg!(target_arch = "x86_64") {
        let id = folder.path().join("id-of-root");
        fs::copy("/usr/bin/id", &id).expect("id");
        fs::set_permissions(&id, fs::Permissions::from_mode(0o4755)).expect("mode");
        let script = format!("{} -u; {} -u; jq -n 1 >&2; exit 5", id.display(), id.display());
        let said = run(&["--keep-sudo", "--name", "kept", "--", "sh", "-c", &script]).code(5);
        assert_eq!(said.stdout, "0\n0\n", "{}", said.stderr);
        let journal = project.read(".agent-capture/kept/journal.json");
        let journal = agent_capture::journal::Journal::parse(journal.as_bytes()).expect("a journal");
        let runs = |name: &[u8]| {
            let programs = journal.programs.iter().filter(|it| it.path.as_slice().ends_with(name));
            programs.map(|it| (it.runs, it.failed)).collect::<Vec<_>>()
        };
        assert_eq!((runs(b"/id-of-root"), runs(b"/jq")), (vec![(2, 0)], vec![(1, 0)]));
        assert!(journal.session.recorder.blind.iter().any(|sentence| sentence.contains("sudo")));
    }
    // It takes nothing from root, so nothing is said.
    let root = Project::demo().run(&["run", "--keep-sudo", "--no-verify", "--no-commit", "--", "sh", "-c", "exit 5"]);
    assert!(!root.code(5).stderr.contains("sudo"));
}

#[test]
fn signals_in_an_exec() {
    let program = example("signalled");
    let program = program.to_str().expect("text");
    by_each(|| {
        for how in ["restart", "interrupt"] {
            let recorded = Session::new().run([program, how, "300"]);
            let interrupted: usize = recorded.stdout().parse().expect("a number");
            // Linux ends a call that is told to somebody when a signal comes before it was received.
            assert!(interrupted == 0 || how == "interrupt" && RECORDER.get() == "seccomp", "{how} {interrupted}");
            #[expect(clippy::print_stdout, reason = "it is a measurement")]
            if how == "interrupt" {
                println!("{}: {interrupted} of 300 execs under a storm of signals failed with EINTR", RECORDER.get());
            }
            let seen = recorded.named("true").len();
            // Linux may end one just as it is let go on, so that it is seen: one of some 100,000.
            let seen_too = if interrupted > 0 { 2 } else { 0 };
            assert!(seen + interrupted <= 300 + seen_too, "{how}: {seen} and {interrupted}: no exec is seen twice");
            assert!(seen + interrupted >= 290 && recorded.code() == Some(0), "{how}: {seen} and {interrupted}");
        }
    });
}

#[test]
fn ways_to_make_a_process() {
    let makers = example("makers");
    by_each(|| {
        for way in ["fork", "vfork", "posix-spawn", "no-signal", "sibling", "twice"] {
            let session = Session::new();
            let program = makers.to_str().expect("text");
            let recorded = session.run(["sh", "-c", &format!("{program} {way}; exit $?")]);
            assert_eq!(recorded.code(), Some(0), "{way}");
            let recorded = session.wait_for(|recorded| recorded.exits().count() == 3);
            assert_eq!(argv(recorded.one("true")), ["true", "argument"], "{way}");
            ends(&recorded, "true", Status::Code(0));
            let maker = recorded.one("makers").id;
            let parent = recorded.one("true").parent;
            assert!(
                parent == Some(maker) || way == "sibling" && [Some(1), None].contains(&parent),
                "{way}: {parent:?}"
            );
            assert_eq!(recorded.lost(), 0);
        }
    });
}

#[test]
fn five_hundred_threads() {
    by_each(|| {
        let recorded = Session::new().run([example("crowd")]);
        assert_eq!((recorded.code(), recorded.lost()), (Some(0), 0), "{}", stderr(&recorded));
        assert_eq!((recorded.one("true").parent, recorded.exits().count()), (Some(1), 2));
    });
}

#[test]
fn five_thousand_forks() {
    by_each(|| {
        let script = "i=0; while [ $i -lt 5000 ]; do (exit 0); i=$((i+1)); done; /bin/true; (/bin/true); exit 6";
        let recorded = Session::new().sh(script);
        assert_eq!((recorded.code(), recorded.named("true").len(), recorded.lost()), (Some(6), 2, 0));
        assert!(recorded.named("true").iter().all(|exec| exec.parent == Some(1)));
        assert_eq!(recorded.exits().count(), 3, "a process that ran nothing is none of ours");
    });
}

#[test]
fn two_mebibytes_of_arguments() {
    by_each(|| {
        let script =
            r#"ulimit -s unlimited; x=$(head -c 2097152 /dev/zero | tr '\0' x | fold -w 60000); exec /bin/true $x"#;
        let recorded = Session::new().run(["/bin/bash", "-c", script]);
        let exec = recorded.one("true");
        let kept: usize = exec.argv.iter().map(|word| word.as_slice().len()).sum();
        assert_eq!((recorded.code(), exec.shortened, kept), (Some(0), true, 1 << 20), "{}", stderr(&recorded));
    });
}

#[test]
fn names_that_are_no_text() {
    by_each(|| {
        let session = Session::new();
        let folder = session.folder.path().join(OsStr::from_bytes(b"f\xff\n"));
        fs::create_dir(&folder).expect("folder");
        let program = folder.join(OsStr::from_bytes(b"\x1b[31m\xfe"));
        fs::copy("/bin/true", &program).expect("copy");
        let mut command = session.recording([program.as_os_str(), OsStr::from_bytes(b"\xfd")]);
        let recorded = session.finish(command.current_dir(&folder).output().expect("run"));
        let exec = recorded.execs().next().expect("an exec");
        assert_eq!(
            (exec.program.as_path(), exec.cwd.as_path()),
            (&*program, &*fs::canonicalize(&folder).expect("folder"))
        );
        assert_eq!((exec.argv[1].as_slice(), recorded.code()), (&b"\xfd"[..], Some(0)));
    });
}

/// The disk of the events is full in the middle of a session: it goes on, what was lost is counted, and once there is room
/// events are written again.
#[test]
fn a_full_disk() {
    by_each(|| {
        let session = Session::new();
        fs::create_dir(session.path("disk")).expect("folder");
        let script = "/bin/echo one; head -c 1000000 /dev/zero >disk/rest 2>/dev/null; i=0; \
                      while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done; rm disk/rest; sleep 0.1; /bin/echo two; exit 6";
        let recorder = ["--recorder", RECORDER.get(), "--segment", "disk/segment", "--closed", "closed", "--"];
        let words = [&[BINARY, "__front"][..], &recorder, &["sh", "-c", script]].concat();
        let whole = "mount -t tmpfs -o size=64k none disk || exit 77; \"$@\"; s=$?; cp disk/segment segment; exit $s";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", whole, "sh"]).args(words).current_dir(session.folder.path());
        let recorded = session.finish(command.output().expect("unshare"));
        if recorded.code() != Some(6) && recorded.events.is_empty() {
            return skipped("nothing can be mounted here");
        }
        assert_eq!((recorded.code(), recorded.stdout()), (Some(6), "one\ntwo\n"), "{}", stderr(&recorded));
        let trues = recorded.named("true").len() as u64;
        assert!(trues < 100 && recorded.lost() > 0, "{trues} {}", recorded.lost());
        // An exec and an end of each, and of the programs that filled the disk and made room.
        let seen = recorded.events.iter().filter(|event| !matches!(event, Event::Lost(_) | Event::Start(_))).count();
        assert_eq!(seen as u64 + recorded.lost(), 2 * (1 + 1 + 1 + 100 + 1 + 1 + 1), "{:#?}", recorded.events);
        assert_eq!(recorded.named("echo").len(), 2);
    });
}

/// Both the front and the worker are killed. What ptrace saw goes on as if nothing were; with seccomp nobody is left to
/// answer, so no program can be run any more, but what runs goes on.
#[test]
fn both_are_killed() {
    by_each(|| {
        let session = Session::new();
        let script =
            "exec 2>/dev/null; while [ ! -e go ]; do sleep 0.02; done; /bin/true && echo ran >after || echo not >after";
        let mut child = session.recording(["sh", "-c", script]).spawn().expect("run");
        session.wait_for(|recorded| !recorded.named("sleep").is_empty());
        let worker = session.worker();
        // At once: one that lives starts the other.
        signal(child.id() as i32, Signal::STOP);
        signal(worker, Signal::KILL);
        child.kill().expect("kill");
        child.wait().expect("wait");
        sleep(Duration::from_millis(50));
        fs::write(session.path("go"), "").expect("file");
        let after = wait_for("the session's end", || {
            fs::read_to_string(session.path("after")).ok().filter(|text| text.ends_with('\n'))
        });
        assert_eq!(after, if RECORDER.get() == "ptrace" { "ran\n" } else { "not\n" });
    });
}

/// Killed at any time, `stop` leaves a session that can be stopped, or one that is.
#[test]
fn a_killed_stop() {
    let project = Project::demo();
    let script = "jq . data/cities.json >/dev/null";
    project.session(&["--dry-run", "--name", "one"], script).success();
    let mut killed = 0;
    for wait in (0..40).map(|step| Duration::from_millis(step * 4)) {
        let mut command = project.command(BINARY);
        command.args(["stop", "--no-verify", "--no-commit"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("stop");
        sleep(wait);
        child.kill().expect("kill");
        if !child.wait().expect("wait").success() {
            killed += 1;
        }
        let status = project.run(&["status", "--json"]).success().stdout;
        if status.trim() == "null" {
            break;
        }
    }
    assert!(killed > 0, "none was killed");
    if project.run(&["status", "--json"]).success().stdout.trim() != "null" {
        project.run(&["stop", "--no-verify", "--no-commit"]).success();
    }
    let journal = project.read(".agent-capture/one/journal.json");
    agent_capture::journal::Journal::parse(journal.as_bytes()).expect("a whole journal");
    project.run(&["render"]).success();
    assert!(project.read("flake.nix").contains("pkgs.jq # 1 run\n"));
    assert_eq!(project.git(&["status", "--porcelain", "--", ":!flake.nix", ":!flake.lock", ":!.agent-capture"]), "");
}

/// A clock that is set back while a command runs makes no time negative.
#[test]
fn a_clock_that_jumps() {
    let place = Place { root: "/project".into(), home: None };
    let mut closing = Closing::new(&place, 5_000_000, false, ecosystems::READS);
    let exec = |id, at, parent: Option<u64>| {
        Event::Exec(Exec {
            id,
            at,
            process: id,
            parent,
            program: Bytes::from("/usr/bin/jq"),
            argv: vec![Bytes::from("jq")],
            cwd: Bytes::from("/project"),
            ..Exec::default()
        })
    };
    let exit = |process, at| Event::Exit(Exit { at, process, status: Some(Status::Code(0)), ..Exit::default() });
    closing.segment();
    for event in [exec(1, 4_000_000, None), exec(2, 9_000_000, Some(1)), exit(2, 1_000), exit(1, -5)] {
        closing.event(event);
    }
    let template = include_bytes!("../fixtures/journal-v1/journal.json");
    let template = agent_capture::journal::Journal::parse(template).expect("a journal");
    let journal = closing.finish(template.session, Default::default(), &|_| Default::default());
    let times: Vec<_> = journal.commands.iter().map(|command| (command.at, command.took)).collect();
    assert!(
        !times.is_empty() && times.iter().all(|(at, took)| *at >= 0 && took.is_none_or(|took| took >= 0)),
        "{times:?}"
    );
}

/// What sandboxes and containers refuse: the recorder that works is found, and none is an error with all reasons.
#[test]
fn what_is_refused() {
    RECORDER.set("");
    let deny = example("deny");
    for (what, used) in [
        (&["listen"][..], Some("ptrace")),
        (&["receive"], Some("ptrace")),
        (&["answer"], Some("ptrace")),
        (&["seccomp"], Some("ptrace")),
        (&["ptrace"], Some("seccomp")),
        (&["listen", "ptrace"], None),
        (&["receive", "ptrace"], None),
    ] {
        let session = Session::new();
        let inner = session.recording(["sh", "-c", "/bin/true; exit 5"]);
        let mut command = Command::new(&deny);
        command.args(what).arg("--").arg(inner.get_program()).args(inner.get_args()).current_dir(session.folder.path());
        let recorded = session.finish(command.output().expect("run"));
        let Some(used) = used else {
            let said = stderr(&recorded);
            let reasons = ["cannot record: seccomp: ", "; ptrace: ", "hint: ", "--recorder hook"];
            assert!(reasons.iter().all(|reason| said.contains(reason)), "{said}");
            assert_eq!((recorded.code(), recorded.events.len()), (Some(3), 0));
            continue;
        };
        let Some(Event::Start(start)) = recorded.events.first() else { panic!("no start: {}", stderr(&recorded)) };
        assert_eq!((recorded.code(), start.recorder.as_str()), (Some(5), used), "{what:?}");
        ends(&recorded, "true", Status::Code(0));
    }
}

/// By its hooks alone: nothing is seen, everything is passed on, and it is said.
#[test]
fn nothing_but_hooks() {
    RECORDER.set("hook");
    for (script, code) in [("exit 7", 7), ("kill -TERM $$", 143), ("kill -STOP $$ & wait; exit 3", 3)] {
        let session = Session::new();
        let mut child = session.recording(["sh", "-c", script]).process_group(0).spawn().expect("run");
        if script.contains("STOP") {
            wait_for("the stop", || (state(child.id() as i32) == Some('T')).then_some(()));
            signal(child.id() as i32, Signal::CONT);
        }
        assert_eq!(child.wait().expect("wait").code(), Some(code), "{script}");
        let events = session.events();
        let Some(Event::Start(start)) = events.first() else { panic!("no start") };
        assert_eq!((start.recorder.as_str(), events.len()), ("hook", 1));
    }
    let project = Project::demo();
    let said = project.run(&["run", "--recorder", "hook", "--name", "one", "--", "sh", "-c", "exit 7"]).code(7);
    said.says("warning: nothing here sees what runs");
    project
        .run(&["run", "--recorder", "nonsense", "--", "true"])
        .code(3)
        .says("there is: seccomp, ptrace, shell, hook");
}

#[test]
fn doctor_tells_what_works() {
    let project = Project::demo();
    let said = project.run(&["doctor"]);
    // There is no Nix on this PATH.
    assert!(said.stdout.contains("NO  nix") && said.stdout.contains("cure: install Nix"), "{}", said.stdout);
    let json: serde_json::Value =
        serde_json::from_str(&project.run(&["doctor", "--json"]).code(1).stdout).expect("JSON");
    let state = |what: &str| {
        let found = json["findings"].as_array().expect("a list").iter().find(|finding| finding["what"] == what);
        found.map(|finding| finding["state"].as_str().expect("a state").to_owned())
    };
    assert_eq!((json["works"].as_bool(), state("git").as_deref()), (Some(false), Some("ok")));
    assert_eq!((state("recorder seccomp").as_deref(), state("recorder ptrace").as_deref()), (Some("ok"), Some("ok")));
    assert_eq!(state("recorder hook").as_deref(), Some("without"));
    let without = |what: &[&str]| {
        let mut command = project.command(example("deny"));
        command.args(what).args(["--", BINARY, "doctor"]);
        support::Said::from(command.output().expect("run")).code(1).stdout
    };
    let text = without(&["listen"]);
    assert!(text.contains("-   recorder seccomp  this process is recorded already"), "{text}");
    assert!(text.contains("ok  recorder ptrace   works, and is used\n"), "{text}");
    let text = without(&["listen", "ptrace"]);
    assert!(text.contains("NO  recorder ptrace   ptrace is refused"), "{text}");
    fs::remove_dir_all(project.root().join(".git")).expect("removed");
    let said = project.run(&["doctor"]).code(1);
    assert!(said.stdout.lines().any(|line| line.starts_with("NO  git")), "{}", said.stdout);
}
