//! `start`: at a terminal, for `eval`, in a workflow; and how later shells record themselves.
#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use agent_capture::journal::Journal;
use support::recording::BINARY;
use support::{PATH, Project, Said};

/// Runs a script in a shell that evaluates what `start` prints.
fn script(project: &Project, shell: &str, text: &str) -> Said {
    let mut command = project.command(shell);
    let path = PathBuf::from(BINARY);
    let path = path.parent().expect("a folder");
    command.env("PATH", format!("{}:{PATH}", path.display())).args(["-c", text]);
    command.output().expect("the shell runs").into()
}

/// Returns the journal of session `one`.
fn journal(project: &Project) -> Journal {
    Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal")
}

fn lines(journal: &Journal) -> Vec<String> {
    journal.commands.iter().map(|command| command.line.to_text().into_owned()).collect()
}

/// Returns how many segments of session `one` have an exec.
fn segments(project: &Project) -> usize {
    let entries = fs::read_dir(project.root().join(".git/agent-capture/one")).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(r#""event":"exec""#))).count()
}

const STOP: &str = "agent-capture stop --no-verify --no-commit";

#[test]
fn shells_record_themselves() {
    for shell in ["bash", "zsh", "sh"] {
        let project = Project::demo();
        let text = format!(
            "eval \"$(agent-capture start --name one)\"\n\
             jq -n 1 >/dev/null # by no shell: not seen\n\
             bash -c 'jq . data/cities.json >/dev/null; bash -c \"jq -n 2; true\"; true'\n\
             zsh -c 'rg -q people data'\n{STOP}"
        );
        let said = script(&project, shell, &text).success();
        assert_eq!(said.stdout, "2\n", "{said:?}");
        let journal = journal(&project);
        assert_eq!(lines(&journal), ["jq . data/cities.json", "jq -n 2; true", "rg -q people data"]);
        let jq = journal.programs.iter().find(|program| program.name().as_str() == Some("jq")).expect("jq");
        assert_eq!((jq.runs, segments(&project), journal.events.lost), (2, 2, 0), "once for each tree");
        let flake = project.read("flake.nix");
        assert!(flake.contains("pkgs.jq # 2 runs\n") && flake.contains("pkgs.ripgrep # 1 run\n"), "{flake}");
    }
}

#[test]
fn fish_sources_them() {
    let project = Project::demo();
    let text = format!("agent-capture start --name one | source; bash -c 'jq -n 1'; {STOP}");
    assert_eq!(script(&project, "fish", &text).success().stdout, "1\n");
    assert_eq!(lines(&journal(&project)), ["jq -n 1"]);
}

/// A script that tells all that it was given.
const TELLS: &str = r#"
printf '<%s>' "$0" "$@"; echo "$-" "${BASH_SOURCE[0]-}" "$#"
[ -p /dev/stdin ] && cat
echo "${OWN-unset}" "$(type -t own 2>/dev/null)" "${agent_capture_file-}" >&2
exit 7
"#;

/// Each way to call a shell does what it does unrecorded, and is recorded.
#[test]
fn each_way_to_call_a_shell() {
    let ways = [
        "bash -c \"$t\" 'a name' 'b  c' ''",
        "bash -lc \"$t\" x",
        "bash 'a script' 'b  c' ''",
        "bash ./'a script' \"$(printf 'x\\n\\n')y\"",
        "'./a script' 1",
        "bash --noprofile --norc -eo pipefail 'a script'",
        "bash -eux 'a script' 2>/dev/null",
        "echo input | bash 'a script' -",
        "echo 'echo \"$0\" \"$@\"; exit 7' | bash -s 1 '2 3'",
        "bash <'a script'",
        "bash <<'E'\necho \"$0 $#\"; read -r x; echo $x\nof the script\nexit 7\nE\n",
        "(exec -a -odd bash -c \"$t\")",
        "(exec -a odd bash -c \"$t\")",
        "bash -c 'kill -TERM $$'",
        "bash -c 'set -u; jq -n 1; no-such-program'",
        "zsh -c \"$t\" 'a name' 'b  c' ''",
        "zsh 'a script' 'b  c' \"$(printf 'x\\n')\"",
        "echo input | zsh -e 'a script' -",
        "echo 'echo \"$0\" \"$@\"; exit 7' | zsh -s 1 '2 3'",
        "zsh -lc \"$t\" x",
    ];
    let project = Project::demo();
    project.write("a script", &format!("#!/bin/bash\n{TELLS}"));
    project.write("../home/.bash_profile", "export OWN=profile\n");
    project.write("../home/.zshenv", "export OWN=zshenv; own() { : }\n");
    let run = |variables: &BTreeMap<String, String>, way: &str| {
        let mut command = project.command("bash");
        // The shell that calls is no part of it.
        let text = format!("{}\n{way}", exports(variables));
        Said::from(command.env("t", TELLS).args(["-c", &text]).output().expect("runs"))
    };
    let none = BTreeMap::new();
    let open = variables(&project, "one", &[]);
    for (number, way) in ways.into_iter().enumerate() {
        let (plain, recorded) = (run(&none, way), run(&open, way));
        let all = |said: Said| (said.status, said.stdout, said.stderr);
        assert_eq!(all(recorded), all(plain), "{way}");
        assert_eq!(segments(&project), number + 1, "{way} is recorded");
    }
}

/// Returns lines that export variables.
fn exports(variables: &BTreeMap<String, String>) -> String {
    let line =
        |(name, value): (&String, &String)| format!("export {name}={}\n", shlex::try_quote(value).expect("text"));
    variables.iter().map(line).collect()
}

/// Opens a session with these in its environment; returns the variables that it says.
fn variables(project: &Project, name: &str, environment: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut command = project.command(BINARY);
    command.args(["start", "--name", name]).envs(environment.iter().copied());
    let said = Said::from(command.output().expect("runs")).success();
    let lines = said.stdout.lines().map(|line| line.strip_prefix("export ").expect("export").trim_end_matches(';'));
    let words = lines.map(|line| shlex::split(line).expect("quoted").remove(0));
    words.map(|word| word.split_once('=').map(|(name, value)| (name.into(), value.into())).expect("a value")).collect()
}

#[test]
fn the_users_own_files_are_read() {
    let project = Project::demo();
    let home = project.home();
    project.write("../home/own env", "OWN=$((OWN + 1)); export OWN; own() { :; }; declare local=1; (exit 5)\n");
    project.write("../home/zsh/.zshenv", "OWN=$((OWN + 1)); export OWN; typeset local=1\n");
    project.write("../home/zsh/.zshrc", "echo rc\n");
    let zsh = home.join("zsh").display().to_string();
    let own = [("BASH_ENV", "$HOME/own env"), ("ZDOTDIR", zsh.as_str())];
    let tells = "echo $? $OWN $(type own 2>/dev/null | head -1) ${local-unset} $(set | grep -c '^agent_capture')";
    let run = |argv: &[&str], variables: &BTreeMap<String, String>| {
        let mut command = project.command(argv[0]);
        command.args(&argv[1..]).envs(own).envs(variables);
        Said::from(command.output().expect("runs")).success().stdout
    };
    let none = BTreeMap::new();
    let plain =
        (run(&["bash", "-c", tells], &none), run(&["zsh", "-c", tells], &none), run(&["zsh", "-ic", "true"], &none));
    assert_eq!(
        (plain.0.as_str(), plain.1.as_str(), plain.2.as_str()),
        ("5 1 own is a function 1 0\n", "0 1 own not found 1 0\n", "rc\n")
    );
    let again = |variables: &BTreeMap<String, String>, why: &str| {
        let said = |argv: &[&str]| run(argv, variables);
        let all = (said(&["bash", "-c", tells]), said(&["zsh", "-c", tells]), said(&["zsh", "-ic", "true"]));
        assert_eq!(all, plain, "{why}");
    };
    let open = variables(&project, "one", &own);
    again(&open, "open");
    let shells = ["bash", "zsh", "bash"].map(|shell| format!("{shell} -c 'jq -n 1; true'"));
    run(&["bash", "-c", &shells.join("; ")], &open);
    assert!(segments(&project) >= 4);
    project.run(&["stop", "--no-verify", "--no-commit"]).success();
    again(&open, "closed");
    let before = segments(&project);
    let folder = project.root().join(".git/agent-capture");
    fs::remove_dir_all(folder.join("one")).expect("pruned");
    again(&open, "pruned");
    assert!(before >= 4 && !folder.join("one").exists());
    for name in ["bash_env", ".zshenv"] {
        let mode = fs::metadata(folder.join("shell.d").join(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // A second session in the same shell keeps the user's own files, not ours.
    let mut both: Vec<(&str, &str)> = own.to_vec();
    both.extend(open.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let second = variables(&project, "two", &both);
    assert!(!second.contains_key("AGENT_CAPTURE_BASH_ENV") && open.contains_key("AGENT_CAPTURE_BASH_ENV"));
    again(&open.into_iter().chain(second).collect(), "opened again");
}

#[test]
fn a_session_that_nothing_joined() {
    let project = Project::demo();
    let text = "eval \"$(agent-capture start --name one)\"; agent-capture status; agent-capture stop --dry-run; \
                agent-capture stop; agent-capture start >/dev/null";
    let said = script(&project, "bash", text).success().says("nothing to capture").says("does nothing any more");
    assert!(said.stdout.contains("session   one\n") && said.stdout.contains("execs: 0\n"), "{said:?}");
    assert!(!project.exists(".agent-capture") && !project.exists("flake.nix"));
}

#[test]
fn names_are_quoted() {
    let name = "it's \"$(touch pwned)\" `touch pwned` \\ $HOME\n;";
    for (shell, start) in [
        ("bash", "eval \"$(agent-capture start --name one)\""),
        ("zsh", "eval \"$(agent-capture start --name one)\""),
        ("fish", "agent-capture start --name one | source"),
        ("sh", "eval \"$(agent-capture start --name one --shell sh)\""),
    ] {
        let project = Project::bare_folder();
        let root = project.root().join(name);
        fs::create_dir(&root).expect("a folder");
        let text = format!("{start}; bash -c 'jq -n 1'; zsh -c 'jq -n 2'; {STOP}");
        let mut command = project.command("git");
        assert!(command.args(["init", "-q"]).current_dir(&root).status().expect("git").success());
        let mut command = project.command(shell);
        let path = PathBuf::from(BINARY);
        command.env("PATH", format!("{}:{PATH}", path.parent().expect("a folder").display()));
        let said = Said::from(command.args(["-c", &text]).current_dir(&root).output().expect("runs")).success();
        assert_eq!(said.stdout, "1\n2\n", "{said:?}");
        let journal = fs::read(root.join(".agent-capture/one/journal.json")).expect("a journal");
        assert_eq!(lines(&Journal::parse(&journal).expect("a journal")), ["jq -n 1", "jq -n 2"]);
        assert!(!root.join("pwned").exists() && !project.exists("pwned"));
    }
}

#[test]
fn two_shells_at_a_time() {
    let project = Project::demo();
    let wait = "while [ ! -e $1 ]; do sleep 0.02; done";
    let text = format!(
        "eval \"$(agent-capture start --name one)\"\n\
         bash -c 'jq -n 1 >a; {wait}; rg -q people data' x b & bash -c 'jq -n 2 >b; {wait}; make check' x a &\n\
         wait\n{STOP}"
    );
    script(&project, "bash", &text).success();
    let journal = journal(&project);
    assert!(journal.commands.is_sorted_by_key(|command| command.at) && segments(&project) == 2, "{journal:?}");
    let flake = project.read("flake.nix");
    for line in ["pkgs.jq # ", "pkgs.ripgrep # 1 run\n", "make-check = \"make check\";\n"] {
        assert!(flake.contains(line), "no {line} in {flake}");
    }
}

/// Reads a file of variables as a runner does.
fn github_env(text: &str) -> BTreeMap<String, String> {
    let mut lines = text.lines();
    let mut found = BTreeMap::new();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").expect("a name and a delimiter");
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        found.insert(name.to_owned(), value.join("\n"));
    }
    found
}

#[test]
fn later_steps_of_a_workflow() {
    let project = Project::demo();
    let file = project.home().join("github_env");
    fs::write(&file, "").expect("a file");
    let step = |script: &str| {
        let path = project.home().join("step.sh");
        fs::write(&path, script).expect("a script");
        let mut command = project.command("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(path).env("GITHUB_ACTIONS", "true");
        command.env("GITHUB_ENV", &file).envs(github_env(&fs::read_to_string(&file).expect("a file")));
        Said::from(command.output().expect("runs"))
    };
    let hostile = "x\nEVIL=1\nNAME<<EOF\n";
    let started =
        step(&format!("export BASH_ENV={} \n{BINARY} start --name one", shlex::try_quote(hostile).expect("text")));
    let started = started.success().says("session one is open: the shells of later steps record themselves");
    assert_eq!(started.stdout, "");
    let variables = github_env(&fs::read_to_string(&file).expect("a file"));
    assert_eq!(variables.get("AGENT_CAPTURE_BASH_ENV").map(String::as_str), Some(hostile));
    assert!(!variables.contains_key("EVIL") && !variables.contains_key("NAME"));
    step("jq . data/cities.json | head -1\nrg -q people data").success();
    step("make check\nfalse\nmake chekc").code(1);
    step(&format!("{BINARY} stop --no-verify --no-commit")).success();
    step("jq -n 1").success();
    let journal = journal(&project);
    for line in ["head -1", "jq . data/cities.json", "rg -q people data", "make check"] {
        assert!(lines(&journal).contains(&line.to_owned()), "no {line} in {:?}", lines(&journal));
    }
    assert_eq!(segments(&project), 3, "the step that closes the session is in it, the one after is not");
    let flake = project.read("flake.nix");
    for line in ["pkgs.jq # 2 runs\n", "pkgs.ripgrep # 1 run\n", "make-check = \"make check\";\n"] {
        assert!(flake.contains(line), "no {line} in {flake}");
    }
}

/// Types into a recorded shell at a terminal.
#[test]
fn at_a_terminal() {
    for (shell, typed) in [
        ("/bin/bash", "jq -n 1\nexit 5\n"),
        ("/usr/bin/zsh", "jq -n 1\nexit 5\n"),
        ("/usr/bin/fish", "jq -n 1\nexit 5\n"),
        ("/bin/bash", "jq -n 1\nexec bash -c 'exit 5'\n"),
    ] {
        let project = Project::demo();
        project.write("../home/.zshrc", "");
        let mut command = project.command("script");
        let start = format!("{BINARY} start --name one --no-verify --no-commit");
        command.env("SHELL", shell).args(["-qec", &start, "/dev/null"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script");
        child.stdin.take().expect("stdin").write_all(typed.as_bytes()).expect("typed");
        let said = Said::from(child.wait_with_output().expect("ends"));
        assert_eq!(said.status, 5, "{shell}: {said:?}");
        assert!(lines(&journal(&project)).contains(&"jq -n 1".to_owned()), "{shell}: {said:?}");
    }
}
