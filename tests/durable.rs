//! `stop`, killed or refused at each system call that changes a file: the repository is as before or has the whole commit, the
//! user's work is untouched, and the next `stop` or `commit` goes on.
#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};

use agent_capture::journal::Journal;
use agent_capture::requirements::Document;
use support::faults::{self, Fault, Strace};
use support::{Project, Said};

const OURS: [&str; 5] = [
    ".agent-capture/.gitattributes",
    ".agent-capture/one/journal.json",
    ".agent-capture/requirements.json",
    "flake.lock",
    "flake.nix",
];

/// A repository with staged, unstaged and untracked work of a user, and a session that is open.
fn template() -> Project {
    let project = Project::demo();
    project.write("README.md", "staged\n");
    project.write("data/new.json", "{}\n");
    project.git(&["add", "README.md", "data/new.json"]);
    project.write("README.md", "staged, then changed\n");
    project.write("untracked", "u\n");
    project.session(&["--dry-run", "--name", "one"], "jq . data/cities.json >/dev/null\nmake check").success();
    project
}

/// The same, in a folder of its own.
fn copy(template: &Project) -> Project {
    let project = Project::bare_folder();
    for name in ["home", "project"] {
        let from = template.root().with_file_name(name);
        let to = project.root().with_file_name(name);
        fs::remove_dir(&to).expect("it is empty");
        let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
        assert!(copied.success());
    }
    project
}

/// What git says of a repository in one call: HEAD, and each path that is not as committed, with the objects in HEAD and index.
struct Status {
    head: String,
    /// Ours, and the user's.
    ours: String,
    users: String,
}

fn status(project: &Project) -> Status {
    let said = project.git(&["status", "--porcelain=v2", "--branch", "--untracked-files=all", "--no-renames"]);
    let (head, rest): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| line.starts_with("# "));
    let head = head.iter().find_map(|line| line.strip_prefix("# branch.oid ")).expect("HEAD").to_owned();
    let passing = |line: &str| line.ends_with(".tmp");
    let of = |path: &str| OURS.contains(&path) || path.starts_with(".agent-capture/") || passing(path);
    let ours = |line: &&&str| of(line.rsplit(' ').next().unwrap_or_default());
    let lines = |lines: Vec<&&str>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let users = lines(rest.iter().filter(|line| !ours(line)).collect());
    let files = ["README.md", "untracked", "data/new.json"].map(|path| project.read(path)).concat();
    Status { head, ours: lines(rest.iter().filter(ours).collect()), users: users + &files }
}

/// The states in which a fault left the repository, and how often.
#[derive(Default)]
struct States {
    old: usize,
    new: usize,
    said: BTreeMap<i32, usize>,
}

struct Expected {
    users: String,
    head: String,
    flake: String,
    lock: String,
}

impl Expected {
    /// Asserts that nothing is torn; returns whether the commit is there.
    fn holds(&self, project: &Project, what: &str) -> bool {
        let Status { head, users, .. } = status(project);
        assert_eq!(users, self.users, "{what}");
        if head != self.head {
            let changed = project.git(&["show", "--format=%P", "--name-only", "HEAD"]);
            let changed: Vec<&str> = changed.lines().filter(|line| !line.is_empty()).collect();
            assert_eq!(changed[0], self.head, "{what}");
            assert_eq!(changed[1..], OURS, "{what}");
            let text = project.git(&["cat-file", "blob", "HEAD:flake.nix"]);
            assert_eq!(text, self.flake, "{what}");
        }
        for path in OURS.iter().filter(|path| project.exists(path)) {
            let text = project.read(path);
            match *path {
                "flake.nix" => assert_eq!(text, self.flake, "{what}"),
                "flake.lock" => assert_eq!(text, self.lock, "{what}"),
                _ if path.ends_with("journal.json") => drop(Journal::parse(text.as_bytes()).expect(what)),
                _ if path.ends_with("requirements.json") => drop(Document::parse(text.as_bytes()).expect(what)),
                _ => assert!(text.ends_with("requirements.json -text linguist-generated\n"), "{what}"),
            }
        }
        head != self.head
    }

    /// Goes on as a user would, and asserts that all is well then.
    fn goes_on(&self, project: &Project, what: &str) {
        let open = project.exists(".git/agent-capture/active");
        let said = project.run(&[if open { "stop" } else { "commit" }, "--no-verify", "--yes"]);
        assert_eq!(said.status, 0, "{what}: {said:?}");
        assert!(self.holds(project, what), "{what}: {said:?}");
        assert_eq!(status(project).ours, "", "{what}: {said:?}");
        let mut find = project.command("find");
        find.args([
            ".",
            "-name",
            "*.lock",
            "-o",
            "-name",
            "*.tmp",
            "-o",
            "-name",
            "index.agent*",
            "-o",
            "-name",
            "committing",
        ]);
        let left = Said::from(find.output().expect("find")).stdout;
        let left: Vec<&str> = left.lines().filter(|path| *path != "./flake.lock").collect();
        assert_eq!(left, [""; 0], "{what}: {said:?}");
    }
}

fn stop(project: &Project, strace: &Strace) -> Output {
    let words = strace.words(&[]);
    let mut command = project.command(&words[0]);
    command.args(&words[1..]).arg(env!("CARGO_BIN_EXE_agent-capture")).args(["stop", "--no-verify", "--yes"]);
    command.env("TMPDIR", project.root().with_file_name("home")).output().expect("strace")
}

#[test]
fn stop_leaves_the_old_state_or_the_new_one() {
    if !faults::possible() {
        return;
    }
    let template = template();
    let Status { head, users, .. } = status(&template);
    let good = copy(&template);
    good.run(&["stop", "--no-verify", "--yes"]).success();
    let expected = Expected { users, head, flake: good.read("flake.nix"), lock: good.read("flake.lock") };
    let mut states = States::default();
    let run = |strace: &Strace| {
        let project = copy(&template);
        let output = stop(&project, strace);
        (project, output)
    };
    faults::each(run, |fault: Option<&Fault>, project: &Project, output: &Output| {
        let what = fault.map_or("nothing".to_owned(), ToString::to_string);
        let said = Said::from(output.clone());
        let new = expected.holds(project, &what);
        assert_eq!(project.git(&["fsck", "--strict", "--no-dangling"]), "", "{what}");
        // It says that it is done only when it is, and an error when it is not.
        assert!(said.status != 0 || new, "{what}: {said:?}");
        let refused = fault.is_some_and(|fault| !fault.kills()) && said.status != 0;
        assert!(!refused || said.status == 3 && said.stderr.contains("error: "), "{what}: {said:?}");
        *(if new { &mut states.new } else { &mut states.old }) += 1;
        *states.said.entry(said.status).or_default() += 1;
        expected.goes_on(project, &what);
    });
    let States { old, new, said } = states;
    let note = format!("{} faults: {old} left the old state, {new} the new one; statuses {said:?}\n", old + new - 1);
    std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).expect("stderr is open");
    assert!(old > 20 && new > 5 && said.keys().count() >= 3, "{note}");
}
