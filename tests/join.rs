//! Commands that join an open session: each records itself in a segment of its own.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use agent_capture::event::{Event, Status};
use agent_capture::journal::{Journal, Known};
use rustix::process::Signal;
use support::recording::{BINARY, example, signal, state, wait_for};
use support::{Project, Said};

/// A project with an open session, in which `jq -n 0` ran recorded.
fn open() -> (Project, PathBuf) {
    let project = Project::demo();
    project.session(&["--dry-run", "--name", "one"], "jq -n 0").success();
    let folder = project.root().join(".git/agent-capture/one");
    (project, folder)
}

/// Returns a command that joins the session of this folder.
fn joining(project: &Project, folder: &PathBuf, argv: &[&str]) -> Command {
    let mut command = project.command(BINARY);
    command.env("AGENT_CAPTURE_SESSION", folder).args(["__join", "--"]).args(argv);
    command
}

fn join(project: &Project, folder: &PathBuf, argv: &[&str]) -> Said {
    joining(project, folder, argv).output().expect("the program runs").into()
}

/// Returns the segments and what ran in each: the names of programs.
fn segments(folder: &PathBuf) -> Vec<(String, Vec<String>)> {
    let mut segments: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("events");
            let execs = text.lines().filter_map(|line| match serde_json::from_str(line).expect("an event") {
                Event::Exec(exec) => exec.program.as_path().file_name().map(|name| name.to_string_lossy().into_owned()),
                _ => None,
            });
            (path.file_name().expect("a name").to_string_lossy().into_owned(), execs.collect())
        })
        .collect();
    segments.sort();
    segments
}

/// Closes the session and returns its journal.
fn stop(project: &Project) -> Journal {
    project.run(&["stop", "--no-verify", "--no-commit"]).success();
    Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal")
}

fn lines(journal: &Journal) -> Vec<String> {
    journal.commands.iter().map(|command| command.line.to_text().into_owned()).collect()
}

#[test]
fn everything_passes() {
    let (project, folder) = open();
    let mut command = joining(&project, &folder, &["bash", "-c", "cat; echo \"$0 $1\" >&2; exit 7", "a name", "a  b"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    child.stdin.take().expect("piped").write_all(b"through\0\n").expect("written");
    let said = Said::from(child.wait_with_output().expect("an end")).code(7);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("through\0\n", "a name a  b\n"));
    join(&project, &folder, &["bash", "-c", "kill -TERM $$"]).code(128 + 15);
    join(&project, &folder, &["no-such-program"]).code(127).says("cannot run `no-such-program`");
    project.write("plain", "x");
    join(&project, &folder, &["./plain"]).code(126);
    let mut command = project.command(BINARY);
    command.env("AGENT_CAPTURE_SESSION", &folder).args(["__join", "--program", "/bin/bash", "--", "-b", "-c"]);
    assert_eq!(Said::from(command.arg("echo $0 $-").output().expect("runs")).success().stdout, "-b hBc\n");
    // A folder that is gone is nothing to a command that does not ask for it.
    let script = format!("mkdir gone; cd gone; rmdir ../gone; exec {BINARY} __join -- jq -n 1");
    let mut command = project.command("sh");
    command.env("AGENT_CAPTURE_SESSION", &folder).args(["-c", &script]);
    assert_eq!(Said::from(command.output().expect("runs")).success().stdout, "1\n");
    assert!(lines(&stop(&project)).contains(&"jq -n 1".to_owned()));
}

#[test]
fn many_at_a_time_are_one_session() {
    let (project, folder) = open();
    let script = |number: usize| {
        format!("jq -n {number} >ready{number}; while [ ! -e go ]; do sleep 0.02; done; rg -q people data")
    };
    let start = |number| joining(&project, &folder, &["bash", "-c", &script(number)]).spawn().expect("runs");
    let children: Vec<Child> = (0..8).map(start).collect();
    let ready = |number| fs::metadata(project.root().join(format!("ready{number}"))).is_ok_and(|file| file.len() > 0);
    wait_for("all of them", || (0..8).all(ready).then_some(()));
    project.write("go", "");
    for mut child in children {
        assert!(child.wait().expect("an end").success());
    }
    let written = segments(&folder);
    assert_eq!(written.len(), 9);
    for (_, execs) in &written[1..] {
        assert_eq!((&execs[..2], execs.last().map(String::as_str)), (&["bash".into(), "jq".into()][..], Some("rg")));
    }
    fs::remove_file(folder.join("events-4.jsonl")).expect("removed");
    let journal = stop(&project);
    let lines = lines(&journal);
    let count = |what: &str| lines.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((count("jq -n"), count("rg")), (1 + 7, 7), "{lines:?}");
    assert!(journal.commands.is_sorted_by_key(|command| command.at), "{:?}", journal.commands);
    let last = |what: &str| lines.iter().rposition(|line| line.starts_with(what)).expect("one");
    assert!(last("jq -n") < lines.iter().position(|line| line.starts_with("rg")).expect("one"), "{lines:?}");
    let ids: Vec<String> = journal.commands.iter().map(|command| command.id.to_string()).collect();
    assert_eq!(ids, (1..=ids.len()).map(|number| format!("c{number}")).collect::<Vec<_>>());
    let jq = journal.programs.iter().find(|program| program.name().as_str() == Some("jq")).expect("jq");
    let of_jq: Vec<String> = jq.commands.iter().map(ToString::to_string).collect();
    let named = journal.commands.iter().filter(|command| of_jq.contains(&command.id.to_string()));
    assert!(named.clone().count() == 8 && named.clone().all(|command| command.line.to_text().starts_with("jq")));
    assert_eq!((jq.runs, journal.events.lost), (8, 0));
}

#[test]
fn what_is_recorded_joins_once() {
    let (project, folder) = open();
    let inner = format!("{BINARY} __join -- jq -n 1; env -u AGENT_CAPTURE_INSIDE {BINARY} __join -- jq -n 2");
    assert_eq!(join(&project, &folder, &["bash", "-c", &inner]).success().stdout, "1\n2\n");
    assert_eq!(segments(&folder).len(), 2, "one of the session, one of the join");
    stop(&project);
    // In what `run` records, too; and when its worker was replaced.
    let project = Project::demo();
    let folder = project.root().join(".git/agent-capture/one");
    let script = format!(
        "export AGENT_CAPTURE_SESSION={}\n{BINARY} __join -- jq -n 1\n\
         kill -KILL $(ps -o ppid= $$)\nsleep 0.3\n{BINARY} __join -- jq -n 2",
        folder.display()
    );
    assert_eq!(project.session(&["--dry-run", "--name", "one"], &script).success().stdout.lines().take(2).count(), 2);
    assert_eq!(segments(&folder).len(), 1, "{:?}", segments(&folder));
}

#[test]
fn without_a_session_it_only_runs() {
    let (project, folder) = open();
    let plain = |command: &mut Command| {
        let said = Said::from(command.output().expect("runs")).code(3);
        assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("1\n", ""), "{said:?}");
    };
    let script = ["sh", "-c", "jq -n 1; exit 3"];
    for session in ["", "one", "/nowhere", "/tmp", "/"] {
        plain(joining(&project, &folder, &script).env("AGENT_CAPTURE_SESSION", session));
    }
    plain(joining(&project, &folder, &script).env_remove("AGENT_CAPTURE_SESSION"));
    assert_eq!(segments(&folder).len(), 1);
    stop(&project);
    plain(&mut joining(&project, &folder, &script));
    assert_eq!(segments(&folder).len(), 1);
    fs::remove_dir_all(&folder).expect("removed");
    plain(&mut joining(&project, &folder, &script));
    assert!(!folder.exists());
}

/// Where Linux lets nobody see what runs, as in an agent's sandbox, the line is known, and that it is a claim.
#[test]
fn what_cannot_be_seen_is_claimed() {
    let (project, folder) = open();
    let joined = |argv: &[&str]| {
        let mut command = project.command(example("deny"));
        command.args(["seccomp", "ptrace", "--", BINARY, "__join", "--"]).args(argv);
        Said::from(command.env("AGENT_CAPTURE_SESSION", &folder).output().expect("runs"))
    };
    let said = joined(&["bash", "-c", "rg -q people data && jq -n 1; bash -c 'exit 3'"]).code(3);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("1\n", ""), "{said:?}");
    let said = joined(&["bash", "-c", "rg -q people data && jq -n 2"]).success();
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("2\n", ""), "{said:?}");
    joined(&["sh", "-c", "kill -TERM $$"]).code(128 + 15);
    let journal = stop(&project);
    let claimed: Vec<_> = journal.commands.iter().filter(|command| command.known == Known::Claimed).collect();
    let lines: Vec<_> = claimed.iter().map(|command| command.line.to_text().into_owned()).collect();
    assert_eq!(lines[1..], ["rg -q people data && jq -n 2", "kill -TERM $$"], "{lines:?}");
    assert_eq!((claimed[1].status, journal.events.lost), (Some(Status::Code(0)), 0));
    assert!(
        journal.session.recorder.name.contains("shell") && journal.session.agent.is_none(),
        "{:?}",
        journal.session
    );
    assert!(project.read("flake.nix").contains("pkgs.ripgrep"), "{}\n{journal:?}", project.read("flake.nix"));
}

/// `run` where Linux lets nobody see what runs: it is said, and the shells tell their lines.
#[test]
fn a_session_in_a_sandbox() {
    let project = Project::demo();
    let script = "bash -c 'rg -q people data && jq -n 1'; zsh -c 'make check'; exit 5";
    let mut command = project.command(example("deny"));
    command.args(["seccomp", "ptrace", "--", BINARY, "run", "--no-verify", "--no-commit", "--name", "one", "--"]);
    let said = Said::from(command.args(["sh", "-c", script]).output().expect("runs")).code(5);
    assert!(said.stdout.starts_with("1\n"), "{said:?}");
    let why = "ptrace is refused";
    let said = said.says(why).says("only which lines bash and zsh are given will be known\n");
    assert!(said.stderr.find("will be known") < said.stderr.find("packages"), "{}", said.stderr);
    let journal = Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal");
    let lines = lines(&journal);
    assert!(lines.contains(&"rg -q people data && jq -n 1".to_owned()) && lines.contains(&"make check".to_owned()));
    assert!(journal.commands.iter().all(|command| command.known == Known::Claimed) && journal.events.execs == 0);
    let flake = project.read("flake.nix");
    assert!(flake.contains("pkgs.jq") && flake.contains("pkgs.ripgrep"), "{flake}");
}

#[test]
fn what_kills_it_kills_the_command() {
    for recorder in ["seccomp", "ptrace", "shell"] {
        let project = Project::demo();
        // The agent's own shell enters the session, too; `sh` has no such file.
        let mut command = project.command(BINARY);
        command.args(["run", "--dry-run", "--name", "one", "--recorder", recorder, "--", "sh", "-c", "jq -n 0; true"]);
        Said::from(command.output().expect("runs")).success();
        let folder = project.root().join(".git/agent-capture/one");
        let mut command = joining(&project, &folder, &["sh", "-c", "echo $$ >pid; exec sleep 60"]);
        let mut child = command.process_group(0).spawn().expect("runs");
        let pid: i32 = wait_for("the command", || {
            fs::read_to_string(project.root().join("pid")).ok()?.strip_suffix('\n')?.parse().ok()
        });
        signal(child.id() as i32, Signal::KILL);
        child.wait().expect("an end");
        wait_for("its end", || state(pid).is_none_or(|state| state == 'Z').then_some(()));
        // A signal that can be passed on reaches the command alone.
        let mut command = joining(
            &project,
            &folder,
            &["sh", "-c", "trap 'echo got; exit 9' USR1; echo go; while :; do sleep 0.01; done"],
        );
        let mut child = command.stdout(Stdio::piped()).process_group(0).spawn().expect("runs");
        let mut said = std::io::BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        std::io::BufRead::read_line(&mut said, &mut line).expect("a line");
        signal(child.id() as i32, Signal::USR1);
        std::io::BufRead::read_line(&mut said, &mut line).expect("a line");
        assert_eq!((line.as_str(), child.wait().expect("an end").code()), ("go\ngot\n", Some(9)));
        stop(&project);
    }
}
