//! `start --attach`: what runs already is recorded from then on, and notices nothing.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use agent_capture::event::{Event, Status};
use agent_capture::journal::Journal;
use rustix::process::Signal;
use support::recording::{BINARY, example, processes, signal, state, wait_for};
use support::{Project, Said, skipped};

/// A process to attach to, which was started unrecorded and is ended with the test.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(project: &Project, argv: &[&str]) -> Self {
        Self::of(project.command(argv[0]).args(&argv[1..]))
    }

    fn of(command: &mut Command) -> Self {
        // Of its own group: where the tests' has no terminal, Linux hangs it up when one of it is stopped and another ends.
        command.process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("piped")));
        Self { child, input, output }
    }

    fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().expect("piped"), "{line}").expect("written");
    }

    /// Returns the next line that it prints.
    fn says(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Closes its input and returns its status.
    fn ends(&mut self) -> Option<i32> {
        self.input = None;
        self.child.wait().expect("an end").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn attach(project: &Project, pid: i32) -> Said {
    project.run(&["start", "--attach", &pid.to_string(), "--name", "one"])
}

fn stop(project: &Project) -> Journal {
    project.run(&["stop", "--no-verify", "--no-commit"]).success();
    Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal")
}

fn lines(journal: &Journal) -> Vec<String> {
    journal.commands.iter().map(|command| command.line.to_text().into_owned()).collect()
}

/// Returns a field of `/proc/<pid>/status`.
fn field(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("the field");
    line.trim().to_owned()
}

/// Returns whether this machine lets tests attach; says so when it does not.
fn can() -> bool {
    let can = rustix::thread::capabilities(None).is_ok_and(|sets| {
        sets.effective.contains(rustix::thread::CapabilitySet::SYS_ADMIN | rustix::thread::CapabilitySet::SYS_PTRACE)
    });
    if !can {
        skipped("attaching needs CAP_SYS_ADMIN and CAP_SYS_PTRACE");
    }
    can
}

#[test]
fn a_shell_that_waits_for_its_input() {
    if !can() {
        return;
    }
    let project = Project::demo();
    let mut shell = Running::start(&project, &["bash"]);
    shell.types("jq -n 1; trap 'echo got' USR1");
    assert_eq!(shell.says(), "1");
    let before = fs::read_dir(format!("/proc/{}/fd", shell.pid())).expect("descriptors").count();
    attach(&project, shell.pid()).success().says(&format!("session one records process {};", shell.pid()));
    let of = |name| field(shell.pid(), name);
    assert_eq!((of("TracerPid"), of("NoNewPrivs"), of("Seccomp_filters")), ("0".into(), "0".into(), "1".into()));
    assert_eq!(fs::read_dir(format!("/proc/{}/fd", shell.pid())).expect("descriptors").count(), before);
    signal(shell.pid(), Signal::USR1);
    shell.types("jq -n 2; (jq -n 3; true); no-such-program; echo $?; exec bash -c 'rg -q people data; exit 7'");
    assert_eq!([shell.says(), shell.says(), shell.says(), shell.says()], ["got", "2", "3", "127"]);
    assert_eq!(shell.ends(), Some(7));
    let journal = stop(&project);
    assert_eq!(lines(&journal)[..2], ["jq -n 2", "jq -n 3"], "{:?}", lines(&journal));
    assert!(project.read("flake.nix").contains("pkgs.ripgrep # 1 run\n"));
    assert_eq!(journal.events.lost, 0);
    wait_for("the recorder's end", || {
        let ours = |(_, line): &(i32, Vec<Vec<u8>>)| {
            line.get(1).is_some_and(|word| word == b"__guard" || word == b"__worker")
                && line.iter().any(|word| word.starts_with(project.root().to_str().expect("text").as_bytes()))
        };
        (!processes().any(|process| ours(&process))).then_some(())
    });
}

/// What each waits in is begun again, and each has its threads, handlers and children.
#[test]
fn whatever_it_waits_in() {
    if !can() {
        return;
    }
    let python_threads = "
import threading, subprocess, sys
go = threading.Event()
def work(n):
    go.wait(); subprocess.run(['jq', '-n', str(n)], stdout=subprocess.DEVNULL, check=True)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]
print('ready', flush=True); sys.stdin.readline(); go.set()
[t.join() for t in threads]; print('done', flush=True)";
    let python_epoll = "
import select, subprocess, sys
e = select.epoll(); e.register(0, select.EPOLLIN)
print('ready', flush=True); assert e.poll() == [(0, select.EPOLLIN)]
subprocess.run(['jq', '-n', '1'], stdout=subprocess.DEVNULL, check=True); print('done', flush=True)";
    let busy = "$| = 1; print qq(ready\\n); $SIG{USR1} = sub { $x = 1 }; 1 until $x;
        system(qw(jq -cn 1)) == 0 or die; print qq(done\\n)";
    let sleeps = "$| = 1; print qq(ready\\n); select(undef, undef, undef, 1.5); system(qw(jq -cn 1)) == 0 or die; print qq(done\\n)";
    let waits = "sleep 2 & echo ready; wait $!; echo $?; sleep 0.01; jq -n 1 >/dev/null; echo done";
    for (argv, count) in [
        (["/usr/bin/python3", "-c", python_threads], 8),
        (["/usr/bin/python3", "-c", python_epoll], 1),
        (["perl", "-e", busy], 1),
        (["perl", "-e", sleeps], 1),
        (["bash", "-c", waits], 1),
        (["dash", "-c", "echo ready; sleep 1.5; jq -n 1 >/dev/null; echo done"], 1),
    ] {
        let project = Project::demo();
        let mut process = Running::start(&project, &argv);
        assert_eq!(process.says(), "ready");
        attach(&project, process.pid()).success();
        assert_eq!(field(process.pid(), "TracerPid"), "0");
        if argv[2] == busy {
            signal(process.pid(), Signal::USR1);
        } else {
            process.types("go");
        }
        let said: Vec<_> = std::iter::from_fn(|| Some(process.says()).filter(|line| !line.is_empty())).collect();
        assert_eq!((said.last().map(String::as_str), process.ends()), (Some("done"), Some(0)), "{argv:?}: {said:?}");
        let journal = stop(&project);
        let jq = journal.programs.iter().find(|program| program.name().as_str() == Some("jq"));
        assert_eq!(jq.map(|program| (program.runs, program.failed)), Some((count, 0)), "{argv:?}: {journal:?}");
    }
}

#[test]
fn those_below_it_too() {
    if !can() {
        return;
    }
    let project = Project::demo();
    let inner = "while read -r line; do jq -n \"$line\"; done; exit 3";
    let script = format!("sleep 60 & bash -c '{inner}'; echo $?; kill $!");
    let mut shell = Running::start(&project, &["bash", "-c", &script]);
    wait_for("its children", || {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", shell.pid())).ok()?;
        (children.split_whitespace().count() == 2).then_some(())
    });
    attach(&project, shell.pid()).success().says("and 2 below it");
    shell.types("5");
    assert_eq!((shell.says().as_str(), shell.ends()), ("5", Some(0)));
    let journal = stop(&project);
    assert!(lines(&journal).contains(&"jq -n 5".to_owned()), "{:?}", lines(&journal));
    assert_eq!(journal.events.lost, 0);
}

#[test]
fn from_the_shell_itself() {
    if !can() {
        return;
    }
    let project = Project::demo();
    let script = format!(
        "jq -n 1; {BINARY} start --attach $$ --name one; jq -n 2; {BINARY} stop --no-verify --no-commit; rg -q x; jq -n 3"
    );
    let said = Said::from(project.command("bash").args(["-c", &script]).output().expect("runs")).success();
    assert!(said.stdout.ends_with("3\n"), "{said:?}");
    let flake = project.read("flake.nix");
    assert!(flake.contains("pkgs.jq # 1 run\n") && !flake.contains("ripgrep"), "{flake}");
}

#[test]
fn a_killed_worker_is_replaced() {
    if !can() {
        return;
    }
    let project = Project::demo();
    let mut shell = Running::start(&project, &["bash"]);
    attach(&project, shell.pid()).success();
    for _ in 0..2 {
        let segment = project.root().join(".git/agent-capture/one/events-1.jsonl");
        let segment = fs::canonicalize(segment).expect("a segment");
        let worker = wait_for("a worker", || {
            let ours = |line: &[Vec<u8>]| {
                line.get(1).is_some_and(|word| word == b"__worker")
                    && line.iter().any(|word| word == segment.to_str().expect("text").as_bytes())
            };
            processes().find(|(_, line)| ours(line)).map(|(pid, _)| pid)
        });
        signal(worker, Signal::KILL);
        wait_for("its end", || state(worker).is_none_or(|state| state == 'Z').then_some(()));
        shell.types("jq -n 1");
        assert_eq!(shell.says(), "1");
    }
    assert_eq!(shell.ends(), Some(0));
    let journal = stop(&project);
    let jq = journal.programs.iter().find(|program| program.name().as_str() == Some("jq"));
    assert_eq!((jq.map(|program| program.runs), journal.events.lost), (Some(2), 2));
}

#[test]
fn what_is_refused() {
    if !can() {
        return;
    }
    let project = Project::demo();
    let refused = |pid: i32, why: &str| {
        attach(&project, pid).code(3).says(&format!("cannot record process {pid}: {why}"));
        assert_eq!(project.run(&["status"]).success().stdout, "no session is open here\n");
    };
    attach(&project, i32::MAX).code(3).says("there is no process");
    if let Some((kernel, _)) = processes()
        .find(|(pid, _)| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "kthreadd\n"))
    {
        refused(kernel, "it is a thread of the kernel");
    } else {
        skipped("no thread of the kernel is seen here");
    }
    let mut other = Running::of(project.command("sleep").arg("60").uid(65534).gid(65534));
    refused(other.pid(), "it is another user's");
    let stopped = Running::start(&project, &["sleep", "60"]);
    signal(stopped.pid(), Signal::STOP);
    wait_for("the stop", || (state(stopped.pid()) == Some('T')).then_some(()));
    refused(stopped.pid(), "it is stopped");
    // One that would lose the right to gain privileges.
    let mut without =
        Running::start(&project, &["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", "sleep", "60"]);
    wait_for("sleep", || {
        (fs::read_to_string(format!("/proc/{}/comm", without.pid())).ok()? == "sleep\n").then_some(())
    });
    refused(without.pid(), "recording it would take from it the right to gain privileges");
    assert_eq!((field(without.pid(), "NoNewPrivs"), field(without.pid(), "Seccomp_filters")), ("0".into(), "0".into()));
    // One that can gain none has nothing to lose.
    let mut can_gain_none =
        Running::start(&project, &["setpriv", "--bounding-set=-sys_admin", "--no-new-privs", "bash"]);
    wait_for("bash", || {
        (fs::read_to_string(format!("/proc/{}/comm", can_gain_none.pid())).ok()? == "bash\n").then_some(())
    });
    attach(&project, can_gain_none.pid()).success();
    refused_while_open(&project, can_gain_none.pid());
    can_gain_none.types("jq -n 1");
    assert_eq!(can_gain_none.says(), "1");
    assert!(lines(&stop(&project)).contains(&"jq -n 1".to_owned()));
    for process in [&mut other, &mut without] {
        assert!(process.child.try_wait().expect("a state").is_none(), "it goes on");
    }
}

/// One that is recorded already, and its recorder.
fn refused_while_open(project: &Project, pid: i32) {
    let two = Project::demo();
    attach(&two, pid).code(3).says("it is recorded already");
    let folder = project.root().join(".git/agent-capture/one").canonicalize().expect("a folder");
    let ours = processes().find(|(_, line)| {
        line.get(1).is_some_and(|word| word == b"__guard")
            && line.iter().any(|word| word.starts_with(folder.to_str().expect("text").as_bytes()))
    });
    attach(&two, ours.expect("a guardian").0).code(3).says("it is this program itself");
}

#[test]
fn where_ptrace_is_not_allowed() {
    if !can() {
        return;
    }
    let project = Project::demo();
    let mut shell = Running::start(&project, &["bash"]);
    for (what, why) in [("ptrace", "ptrace is refused"), ("seccomp", "this kernel has no seccomp user notification")] {
        let mut command = project.command(example("deny"));
        command.args([what, "--", BINARY, "start", "--name", "one", "--attach", &shell.pid().to_string()]);
        Said::from(command.output().expect("runs")).code(3).says(why);
    }
    assert_eq!((field(shell.pid(), "Seccomp_filters"), field(shell.pid(), "TracerPid")), ("0".into(), "0".into()));
    shell.types("jq -n 1");
    assert_eq!((shell.says().as_str(), shell.ends()), ("1", Some(0)));
}

/// Its end is told as that of what a recorder started.
#[test]
fn how_it_ends_is_known() {
    if !can() {
        return;
    }
    let project = Project::demo();
    let mut shell = Running::start(&project, &["bash"]);
    attach(&project, shell.pid()).success();
    shell.types("kill -TERM $$");
    shell.ends();
    let segment = project.root().join(".git/agent-capture/one/events-1.jsonl");
    let ended = wait_for("its end", || {
        let text = fs::read_to_string(&segment).ok()?;
        text.lines().find_map(|line| match serde_json::from_str(line).ok()? {
            Event::Exit(exit) if exit.process == 1 => Some(exit.status),
            _ => None,
        })
    });
    assert_eq!(ended, Some(Status::Signal(15)));
}
