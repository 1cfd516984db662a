//! What a hostile pull request, session or repository tries, one test for each way. What needs real Nix is ignored unless
//! asked for.

mod support;
#[path = "support/workflows.rs"]
mod workflows;

use std::fs;
use std::os::unix::fs::symlink;

use agent_capture::event::Bytes;
use agent_capture::flake::{Flake, default_pin, nix_string};
use agent_capture::journal::{Journal, LIMIT, SessionId};
use agent_capture::nix::{AttrPath, NarHash, Nix, Rev, System, Tree};
use agent_capture::requirements::{Check, CheckLine, CheckName, Document, ProgramName, Requirements};
use agent_capture::verification::{Verification, Why};
use support::{Project, Said, VERSIONS, bed};

const DOCUMENT: &str = ".agent-capture/requirements.json";
const JOURNAL: &str = ".agent-capture/one/journal.json";

/// Texts that end strings, comments and lines, or are taken for code (Nix 2.8 to 2.34).
const INJECTIONS: [&str; 16] = [
    r#"x"; b = builtins.trace "RAN" 1; c = "y"#,
    "${builtins.readFile ./x}",
    "$${x}",
    r"trail\",
    "''; evil = 1; z = ''",
    "'${x}",
    "*/ code /*",
    "# comment",
    r#"hello (builtins.trace "RAN2" 1)"#,
    "x; q = 1",
    "../..",
    "~/.ssh/id_rsa",
    "<nixpkgs>",
    "__functor",
    "${\"a\" + \"b\"}",
    "\\${x} \\\" \\n",
];

/// A repository in which a session is captured and committed, unproved.
fn captured() -> Project {
    let project = Project::demo();
    capture(&project);
    project
}

fn capture(project: &Project) {
    let script = "jq . data/cities.json >/dev/null\nmake check";
    project.session(&["--no-verify", "--yes", "--name", "one"], script).success().says("committed ");
}

fn commit(project: &Project) {
    project.git(&["add", "-Af"]);
    project.git(&["commit", "-qm", "Change"]);
}

/// Verifies HEAD without Nix and returns what was found: `error flake-differs`.
#[track_caller]
fn found(project: &Project, more: &[&str]) -> Vec<String> {
    let mut arguments = vec!["verify", "--level", "static", "--commit", "HEAD", "--format", "json"];
    arguments.extend(more);
    let said = project.run(&arguments);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    let findings = json["findings"].as_array().expect("findings");
    let word = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let all: Vec<String> =
        findings.iter().map(|it| format!("{} {}", word(&it["severity"]), word(&it["code"]))).collect();
    assert_eq!(said.status, i32::from(all.iter().any(|it| it.starts_with("error"))), "{said:?}");
    all
}

#[track_caller]
fn refused(project: &Project, code: &str) {
    let all = found(project, &[]);
    assert!(all.contains(&format!("error {code}")), "no {code} in {all:?}");
}

/// Changes a committed file, expects a finding, and changes it back.
#[track_caller]
fn changed(project: &Project, path: &str, from: &str, to: &str, code: &str) {
    let before = project.read(path);
    assert!(before.contains(from), "{from} is not in {path}");
    project.write(path, &before.replacen(from, to, 1));
    commit(project);
    refused(project, code);
    project.write(path, &before);
    commit(project);
}

#[test]
fn a_capture_holds() {
    let project = captured();
    assert_eq!(found(&project, &[]), [""; 0]);
    assert_eq!(found(&project, &["--untrusted"]), [""; 0]);
}

/// Returns the kinds of all nodes and tokens of a flake, texts of strings left out.
fn shape(flake: &str) -> Vec<String> {
    let root = rnix::Root::parse(flake);
    assert!(root.errors().is_empty(), "{:?}\n{flake}", root.errors());
    let kinds = root.syntax().descendants_with_tokens().map(|it| format!("{:?}", it.kind()));
    kinds.filter(|kind| kind != "TOKEN_STRING_CONTENT").collect()
}

#[test]
fn row_01_nix_injection() {
    let render = |line: &str| {
        let check = Check {
            name: CheckName::parse("make-check").expect("a name"),
            line: CheckLine::parse(line).expect("printable"),
            folder: CheckLine::parse("").expect("empty"),
            evidence: Default::default(),
            before: Default::default(),
            locks: Default::default(),
            makes: Default::default(),
        };
        let systems = [System::parse("x86_64-linux").expect("a system")].into();
        let requirements = Requirements { systems, checks: vec![check], ..Requirements::default() };
        Flake::new(&requirements, &default_pin()).render().expect("rendered")
    };
    let plain = shape(&render("make check"));
    for injection in INJECTIONS {
        assert_eq!(shape(&render(injection)), plain, "{injection}");
        assert!(AttrPath::parse(injection).is_err() || injection == "__functor", "{injection}");
        assert!(CheckName::parse(injection).is_none() && System::parse(injection).is_err());
        assert!(ProgramName::parse(injection).is_none() || injection == "__functor", "{injection}");
        assert!(Rev::parse(injection).is_err() && NarHash::parse(injection).is_err());
        assert!(SessionId::parse(injection).is_err(), "{injection}");
    }
    let project = captured();
    let quoted = |text: &str| serde_json::to_string(text).expect("JSON");
    for injection in INJECTIONS {
        let code = if injection == "__functor" { "attr-unknown" } else { "document-malformed" };
        changed(&project, DOCUMENT, "\"attr\": \"jq\"", &format!("\"attr\": {}", quoted(injection)), code);
    }
    changed(&project, DOCUMENT, "\"name\": \"make-check\"", "\"name\": \"x; y\"", "document-malformed");
    changed(&project, DOCUMENT, "\"rev\": \"", "\"rev\": \"x", "document-malformed");
    changed(&project, "flake.nix", "pkgs.jq", "pkgs.jq (builtins.trace \"RAN\" pkgs.jq)", "flake-differs");
}

#[test]
fn row_02_cr_and_parser_differential() {
    // Nix ends the comment at CR, rnix does not: what follows is code for one and comment for the other.
    let differential = "# argv: foo\r{ evil = 1; } //\n{ ok = 1; }";
    assert!(rnix::Root::parse(differential).errors().is_empty());
    assert_eq!(nix_string("a\rb"), None);
    let project = captured();
    let flake = project.read("flake.nix");
    for bad in
        [flake.replace('\n', "\r\n"), flake.replacen("captured from", "captured\r from", 1), format!("{flake}\u{2028}")]
    {
        project.write("flake.nix", &bad);
        commit(&project);
        refused(&project, "flake-differs");
    }
    let said = project.run(&["verify", "--level", "static", "--commit", "HEAD"]).code(1);
    assert!(said.stderr.contains("printable ASCII"), "{}", said.stderr);
}

#[test]
#[ignore = "needs real Nix"]
fn row_02_what_nix_makes_of_a_cr() {
    // The fixture of the row above is one: Nix evaluates what rnix, and a reviewer, take for a comment.
    for version in VERSIONS {
        let project = Project::bare_folder().with_nix(version);
        project.write("x.nix", "# argv: foo\r{ evil = 1; } //\n{ ok = 1; }");
        let mut command = project.command("nix-instantiate");
        let said = Said::from(command.args(["--eval", "--strict", "x.nix"]).output().expect("nix")).success();
        assert!(said.stdout.contains("evil = 1"), "{said:?}");
    }
}

#[test]
fn row_03_lock_poisoning() {
    let project = captured();
    let lock = "flake.lock";
    changed(&project, lock, "\"narHash\": \"sha256-", "\"narHash\": \"sha256-AAAA", "lock-poisoned");
    changed(&project, lock, "\"owner\": \"NixOS\"", "\"owner\": \"evil\"", "lock-poisoned");
    changed(&project, lock, "\"nodes\": {", "\"nodes\": { \"evil\": {},", "lock-poisoned");
    changed(&project, lock, "\"type\": \"github\"", "\"type\": \"github\", \"dir\": \"evil\"", "lock-poisoned");
    changed(&project, lock, "\"root\": \"root\"", "\"root\": \"nixpkgs\"", "lock-poisoned");
    // `original` is the input of the flake, `locked` is another revision with its own hash: Nix itself says nothing.
    let rev = default_pin().rev.to_string();
    let (good, other) = (project.read(lock), "61b7c44c4073f0b827768aff0049561b5110ea5a");
    let poisoned = good.replacen(&rev, other, 1).replacen("sha256-lDeb", "sha256-AAAA", 1);
    assert!(poisoned.contains(&rev) && poisoned.contains(other));
    project.write(lock, &poisoned);
    commit(&project);
    refused(&project, "lock-poisoned");
    project.write(lock, &good);
    commit(&project);
    // The same key twice: one reader takes the first, another the last.
    changed(&project, lock, "\"owner\": \"NixOS\"", "\"owner\": \"evil\", \"owner\": \"NixOS\"", "lock-differs");
    project.git(&["rm", "-q", lock]);
    project.git(&["commit", "-qm", "No lock"]);
    refused(&project, "lock-differs");
}

/// Writes the flake and its lock anew for a document that was changed, as an attacker would who has this program.
fn render_as_written(project: &Project) {
    let document = Document::parse(project.read(DOCUMENT).as_bytes()).expect("a document");
    let flake = Flake::of(&document);
    project.write("flake.nix", &flake.render().expect("rendered"));
    project.write("flake.lock", &flake.lock());
    commit(project);
}

#[test]
fn row_04_imposter_revision() {
    let project = captured();
    let (rev, fork) = (default_pin().rev.to_string(), "f".repeat(40));
    project.write(DOCUMENT, &project.read(DOCUMENT).replace(&rev, &fork));
    render_as_written(&project);
    assert_eq!(found(&project, &[]), ["warning pin-unknown"]);
    assert_eq!(found(&project, &["--untrusted"]), ["error pin-unknown"]);
    // The base has it already: this change did not bring it.
    assert_eq!(found(&project, &["--untrusted", "--base", "HEAD"]), ["note pin-unknown"]);
    let policy = |allow: bool| format!("[[pin]]\nrev = \"{fork}\"\nallow = {allow}\nreason = \"ours\"\n");
    project.write(".agent-capture/policy.toml", &policy(true));
    commit(&project);
    assert_eq!(found(&project, &["--untrusted"]), [""; 0]);
    // What the pull request itself allows does not count.
    assert_eq!(found(&project, &["--untrusted", "--base", "HEAD~2"]), ["error pin-unknown", "warning policy-changed"]);
    project.write(".agent-capture/policy.toml", &policy(false));
    commit(&project);
    assert_eq!(found(&project, &[]), ["error pin-denied"]);
    // A known revision with the hash of another tree.
    let project = captured();
    let hash = default_pin().nar_hash.to_string();
    project.write(DOCUMENT, &project.read(DOCUMENT).replace(&hash, &hash.replace("sha256-lDeb", "sha256-AAAA")));
    render_as_written(&project);
    assert_eq!(found(&project, &["--untrusted"]), ["error pin-hash-differs"]);
}

#[test]
fn row_05_vacuous_checks() {
    let project = captured();
    changed(&project, "flake.nix", "make-check = \"make check\"", "make-check = \"true\"", "flake-differs");
    // A check of which no session knows.
    let before = project.read(DOCUMENT);
    project.write(DOCUMENT, &before.replace("\"line\": \"make check\"", "\"line\": \"true\""));
    render_as_written(&project);
    refused(&project, "check-without-evidence");
    // The check that would fail is gone: that is told, and reviewers see the policy if it is the policy's word.
    let mut document = Document::parse(before.as_bytes()).expect("a document");
    document.requirements.checks.clear();
    project.write(DOCUMENT, &String::from_utf8(document.to_bytes().expect("bytes")).expect("text"));
    render_as_written(&project);
    assert_eq!(found(&project, &[]), ["warning check-missing"]);
}

#[test]
#[ignore = "needs real Nix"]
fn row_05_vacuous_flakes_with_nix() {
    let vacuous = [
        "outputs = { self }: { };",
        "outputs = { self }: { check.SYSTEM.make-check = derivation { name = \"x\"; system = \"SYSTEM\"; builder = \"/bin/sh\"; }; };",
        "outputs = { self }: { checks.riscv64-linux.make-check = derivation { name = \"x\"; system = \"riscv64-linux\"; builder = \"/bin/sh\"; }; };",
        "outputs = { self }: { devShells.SYSTEM.default = derivation { name = \"x\"; system = \"SYSTEM\"; builder = \"/nowhere\"; }; checks.SYSTEM = { }; };",
        "outputs = { self }: { checks.SYSTEM.devshell = derivation { name = \"x\"; system = \"SYSTEM\"; builder = \"/nowhere\"; }; };",
    ];
    each_nix(|project, nix| {
        for outputs in vacuous {
            let verification = flake(project, nix, &outputs.replace("SYSTEM", System::current().as_str()));
            assert!(!verification.is_passed(), "{outputs}");
        }
    });
}

#[test]
#[ignore = "needs real Nix"]
fn row_05_outputs_that_are_missing_or_too_many_are_not_evaluated_as_expected() {
    let system = System::current();
    let mut requirements = Requirements::default();
    requirements.outputs.image = true;
    requirements.outputs.machines.insert(SessionId::parse("fix").expect("a name"), system.clone());
    let machine = "{ config.system.build = { vm = d; toplevel = d; }; }";
    for (packages, machines, missing, extra) in [
        ("image = d; vm = d;", format!("fix = {machine};"), &[][..], &[][..]),
        ("vm = d;", format!("fix = {machine};"), &["image"], &[]),
        ("image = d; vm = d; more = d;", format!("fix = {machine};"), &[], &["more"]),
        ("image = d; vm = d;", String::new(), &["fix"], &[]),
        ("image = d; vm = d;", format!("fix = {machine}; other = {machine};"), &[], &["other"]),
        ("image = d; vm = d;", format!("other = {machine};"), &["fix"], &["other"]),
        ("image = d; vm = d;", format!("fix = {machine}; }}; apps = {{"), &[], &["apps"]),
    ] {
        let inside = format!(
            "outputs = {{ self }}: let d = derivation {{ name = \"x\"; system = \"{system}\"; builder = \"/bin/sh\"; }}; in \
             {{ devShells.{system}.default = d; checks.{system}.devshell = d; \
             packages.{system} = {{ {packages} }}; nixosConfigurations = {{ {machines} }}; }};"
        );
        each_nix(|project, nix| {
            let tree = tree(project, &inside);
            let (said, evaluated) = Verification::evaluate(&tree, &requirements, nix).expect("nix runs");
            assert_eq!(evaluated.is_some(), missing.is_empty() && extra.is_empty(), "{inside}: {:?}", said.failures);
            for failure in &said.failures {
                let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
                assert_eq!(failure.why, Why::Outputs { missing: names(missing), extra: names(extra) }, "{inside}");
            }
        });
    }
}

#[test]
#[ignore = "needs real Nix"]
fn row_05_other_systems_are_evaluated() {
    let (system, other) = (System::current(), System::parse("x86_64-darwin").expect("a system"));
    let inside = |shell: &str| {
        format!(
            "outputs = {{ self }}: let d = derivation {{ name = \"x\"; system = \"{system}\"; builder = \"/bin/sh\"; }}; in \
             {{ devShells.{system}.default = d; checks.{system}.devshell = d; devShells.{other}.default = {shell}; }};"
        )
    };
    each_nix(|project, nix| {
        for (shell, refuses) in [("d", false), ("throw \"refused\"", true)] {
            let tree = tree(project, &inside(shell));
            let (said, evaluated) = Verification::evaluate(&tree, &Requirements::default(), nix).expect("nix runs");
            assert!(evaluated.is_some(), "{:?}", said.failures);
            assert_eq!(said.refused.iter().eq([&other]), refuses, "{shell}: {:?}", said.refused);
            assert_eq!(said.warnings().len(), usize::from(refuses));
        }
        // A machine of that system fails nothing, one of this system does.
        let systems = [&system, &other].into_iter().cloned().collect();
        let mut requirements = Requirements { systems, ..Requirements::default() };
        requirements.outputs.machines.insert(SessionId::parse("fix").expect("a name"), other.clone());
        for (of, holds) in [(&other, true), (&system, false)] {
            let machine = format!(
                "{{ pkgs.stdenv.hostPlatform.system = \"{of}\"; config.system.build.vm = throw \"refused\"; }}"
            );
            let inside =
                inside(&format!("d; nixosConfigurations.fix = {machine}; packages.{other}.vm = throw \"refused\""));
            let (said, evaluated) =
                Verification::evaluate(&tree(project, &inside), &requirements, nix).expect("nix runs");
            assert_eq!((evaluated.is_some(), said.refused.len()), (holds, usize::from(holds)), "{:?}", said.failures);
        }
        // What no package can say of itself is an error.
        let (said, _) = Verification::evaluate(&tree(project, &inside("d.nosuch")), &Requirements::default(), nix)
            .expect("nix runs");
        assert_eq!(said.failures.first().map(|failure| &failure.why), Some(&Why::MissingAttr("nosuch".to_owned())));
    });
}

/// Has each Nix of the test bed do something in a folder.
fn each_nix(act: impl Fn(&Project, &Nix)) {
    for version in VERSIONS {
        let project = Project::bare_folder().with_nix(version);
        // The library takes the environment of this process: the program that it finds brings its own.
        let folder = project.root().join("bin");
        let bin = bed().join(format!("nix-{version}/bin/nix"));
        let script = format!(
            "#!/bin/sh\nexport NIX_REMOTE='local?root={}' NIX_CONF_DIR='{}' HOME='{}'\nexec '{}' \"$@\"\n",
            bed().join(format!("store-{version}")).display(),
            bed().join(format!("nix-{version}/etc")).display(),
            project.home().display(),
            bin.display(),
        );
        project.write("bin/nix", &script);
        act(&project, &Nix::find(Some(folder.as_os_str())).expect("a nix"));
    }
}

/// Has Nix verify a flake as if it were the render of requirements without packages.
fn flake(project: &Project, nix: &Nix, inside: &str) -> Verification {
    Verification::run(&tree(project, inside), &Requirements::default(), nix, &mut |_| {}).expect("nix runs")
}

/// A tree with a flake.
fn tree(project: &Project, inside: &str) -> Tree {
    let tree = project.root().join("tree");
    fs::create_dir_all(&tree).expect("a folder");
    fs::write(tree.join("flake.nix"), format!("{{\n{inside}\n}}\n")).expect("written");
    Tree::new(&tree.canonicalize().expect("a folder"))
}

#[test]
fn row_06_extra_files() {
    let project = captured();
    for extra in [
        ".agent-capture/evil.nix",
        ".agent-capture/one/default.nix",
        ".agent-capture/.git-x",
        ".agent-capture/One/journal.json",
    ] {
        project.write(extra, "{ }");
        commit(&project);
        refused(&project, "extra-file");
        fs::remove_file(project.root().join(extra)).expect("removed");
        commit(&project);
    }
    project.write(".agent-capture/.gitattributes", "*.nix filter=evil\n");
    commit(&project);
    refused(&project, "attributes-differ");
    // A symlink, and a submodule, where a file must be.
    let project = captured();
    let flake = project.root().join("flake.nix");
    fs::remove_file(&flake).expect("removed");
    symlink("/etc/passwd", &flake).expect("a link");
    commit(&project);
    refused(&project, "not-a-file");
    let head = project.git(&["rev-parse", "HEAD"]);
    let entry = format!("160000,{},.agent-capture/sub", head.trim());
    project.git(&["update-index", "--add", "--cacheinfo", &entry]);
    project.git(&["commit", "-qm", "A submodule"]);
    refused(&project, "extra-file");
}

#[test]
#[ignore = "needs real Nix"]
fn row_07_nix_config() {
    each_nix(|project, nix| {
        let trap = project.root().join("ran");
        project.write("hook", &format!("#!/bin/sh\ntouch '{}'\n", trap.display()));
        let hook = project.root().join("hook");
        let inside = format!(
            "nixConfig = {{ post-build-hook = \"{}\"; sandbox = false; extra-substituters = [ \"https://evil.example\" ]; }};\n\
             outputs = {{ self }}: {{ devShells.{system}.default = self.checks.{system}.devshell; \
             checks.{system}.devshell = derivation {{ name = \"x\"; system = \"{system}\"; \
             builder = \"/bin/sh\"; args = [ \"-c\" \"test ! -e /etc/hostname && echo ok > $out\" ]; }}; }};",
            hook.display(),
            system = System::current(),
        );
        let verification = flake(project, nix, &inside);
        assert!(verification.is_passed(), "it is built in the sandbox all the same: {:?}", verification.failures);
        assert!(!trap.exists(), "the hook did not run");
    });
}

#[test]
#[ignore = "needs real Nix"]
fn row_08_import_from_derivation() {
    each_nix(|project, nix| {
        let trap = "outputs = { self }: let made = derivation { name = \"made\"; system = \"SYSTEM\"; builder = \"/bin/sh\"; args = [ \"-c\" \"echo 1 > $out\" ]; }; in { checks.SYSTEM.devshell = builtins.seq (import made) made; };";
        let verification = flake(project, nix, &trap.replace("SYSTEM", System::current().as_str()));
        assert_eq!(verification.failures.first().map(|failure| &failure.why), Some(&Why::Evaluation));
        let log = verification.failures[0].log.join("\n");
        assert!(log.contains("allow-import-from-derivation"), "{log}");
        // Nor does it see the machine.
        let impure = "outputs = { self }: { checks.SYSTEM = builtins.readDir /etc; };";
        let verification = flake(project, nix, &impure.replace("SYSTEM", System::current().as_str()));
        assert!(!verification.is_passed());
    });
}

#[test]
fn row_09_build_escape() {
    let project = captured();
    let calls = project.root().join("calls");
    let nix = |version: &str| {
        let script = format!("#!/bin/sh\necho \"$1\" >> '{}'\necho 'nix (Nix) {version}'\n", calls.display());
        project.write("bin/nix", &script);
        project.write("bin/.gitignore", "*\n");
    };
    let verify = |version: &str, more: &[&str]| {
        nix(version);
        drop(fs::remove_file(&calls));
        let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
        command.env("PATH", format!("{}:{}", project.root().join("bin").display(), support::PATH));
        command.args(["verify", "--commit", "HEAD", "--level", "eval"]).args(more);
        Said::from(command.output().expect("the program runs"))
    };
    for (version, advisory) in
        [("2.18.1", "CVE-2024-27297"), ("2.34.4", "GHSA-g3g9-5vj6-r3gj"), ("2.28.3", "CVE-2025-46416")]
    {
        let said = verify(version, &["--untrusted"]).code(1).says(advisory);
        assert!(said.stderr.contains("[nix-vulnerable]"), "{}", said.stderr);
        assert_eq!(fs::read_to_string(&calls).expect("calls"), "--version\n", "nothing was evaluated");
        // The user's own content: a warning, and Nix is asked (this one cannot answer).
        let said = verify(version, &[]);
        assert!(fs::read_to_string(&calls).expect("calls").contains("eval"), "{said:?}");
    }
    verify("2.34.8", &["--untrusted"]);
    assert!(fs::read_to_string(&calls).expect("calls").contains("eval"));
}

#[test]
fn row_10_fork_pull_requests() {
    for path in ["templates/ci/github.yml", ".github/actions/verify/action.yml"] {
        workflows::is_safe(path);
    }
    for (event, elsewhere) in [("pull_request", true), ("push", false)] {
        let project = captured();
        let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
        command.env("CI", "true").env("GITHUB_EVENT_NAME", event);
        let said =
            Said::from(command.args(["verify", "--level", "static", "--json"]).output().expect("runs")).success();
        let json: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
        assert_eq!(json["untrusted"], elsewhere);
        let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
        command.env("CI", "true").env("GITHUB_EVENT_NAME", event).args(["verify", "--level", "replay"]);
        let said = Said::from(command.output().expect("runs")).code(3);
        assert_eq!(said.stderr.contains("not run again on this machine"), elsewhere, "{}", said.stderr);
    }
}

/// Adds files whose names are commands for a CI runner and for a terminal.
fn hostile_names(project: &Project) {
    for name in [
        " ::add-mask::a",
        "x ##[add-matcher]f",
        "::set-output name=a::b",
        "e\u{1b}[2J\u{7}",
        "a\r::error::b",
        "rtl\u{202e}x",
    ] {
        project.write(&format!(".agent-capture/{name}"), "x");
    }
    commit(project);
}

#[test]
fn row_11_workflow_commands() {
    let project = captured();
    hostile_names(&project);
    let verify =
        |format: &str| project.run(&["verify", "--level", "static", "--commit", "HEAD", "--format", format]).code(1);
    for format in ["terminal", "github", "markdown"] {
        let said = verify(format);
        for line in said.stdout.split(['\n', '\r']).chain(said.stderr.split(['\n', '\r'])) {
            let ours = line.starts_with("::error title=agent-capture ") && format == "github";
            assert!(!line.trim_start().starts_with("::") || ours, "{format}: {line}");
            assert!(!line.contains("##["), "{format}: {line}");
        }
    }
    let summary = project.root().join("summary");
    let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    command.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_ACTIONS", "true");
    command.args(["verify", "--level", "static", "--commit", "HEAD", "--format", "github"]);
    let said = Said::from(command.output().expect("runs")).code(1);
    assert!(
        said.stdout.contains("file=.agent-capture/ \\:") || said.stdout.contains("%3A%3Aadd-mask"),
        "{}",
        said.stdout
    );
    assert!(fs::metadata(&summary).expect("a summary").len() < 1 << 20);
}

/// The same from the log of a build: what a check of a pull request prints.
#[test]
fn row_11_workflow_commands_in_what_nix_says() {
    let project = captured();
    let lines =
        ["::add-mask::a", "  ::error::b", "##[add-matcher]f", "x ##[debug]y", "a\r::warning::c", "::stop-commands::z"];
    let error = lines.map(|line| format!("printf '%s\\n' 'error: {line}' '{line}' >&2\n")).concat();
    let nix = format!("#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'nix (Nix) 2.34.8'; exit; fi\n{error}exit 1\n");
    project.write("../bin/nix", &nix);
    let verify = |format: &str| {
        let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
        command.env("PATH", format!("{}:{}", project.root().join("../bin").display(), support::PATH));
        command.args(["verify", "--commit", "HEAD", "--format", format]);
        Said::from(command.output().expect("runs")).code(1)
    };
    for format in ["terminal", "github", "gitlab", "markdown", "sarif", "json"] {
        let said = verify(format);
        assert!(format != "terminal" || said.stderr.contains("add-mask"), "the log is shown: {said:?}");
        let mut stopped = None;
        for line in said.stdout.split(['\n', '\r']).chain(said.stderr.split(['\n', '\r'])) {
            let trimmed = line.trim_start();
            if let Some(token) =
                trimmed.strip_prefix("::stop-commands::").filter(|_| format == "github" && stopped.is_none())
            {
                stopped = Some(format!("::{token}::"));
                continue;
            }
            if stopped.as_deref() == Some(trimmed) {
                stopped = None;
                continue;
            }
            let own = ["::error title=agent-capture ", "::group::log of ", "::endgroup::"];
            let ours = format == "github" && own.iter().any(|own| trimmed.starts_with(own));
            assert!(stopped.is_some() || ours || !trimmed.starts_with("::"), "{format}: {line}");
            assert!(!line.contains("##["), "{format}: {line}");
        }
    }
}

#[test]
fn row_12_error_message_echo() {
    let project = captured();
    let good = project.read(JOURNAL);
    let unknown = "\"version\": 1, \"\\u001b[31m\\n::add-mask::x\": 2";
    let wrong = "\"version\": \"\\n::error::y\"";
    for bad in [good.replacen("\"version\": 1", unknown, 1), good.replacen("\"version\": 1", wrong, 1)] {
        project.write(JOURNAL, &bad);
        commit(&project);
        refused(&project, "journal-malformed");
        let said = project.run(&["verify", "--level", "static", "--commit", "HEAD"]).code(1);
        assert!(!said.stderr.contains("::") && !said.stderr.contains('\u{1b}'), "{}", said.stderr);
    }
    // Requirements and policy.
    project.write(JOURNAL, &good);
    let document = project.read(DOCUMENT);
    for (path, bad) in [
        (DOCUMENT, document.replacen("\"version\": 1", unknown, 1)),
        (DOCUMENT, document.replacen("\"version\": 1", wrong, 1)),
        (".agent-capture/policy.toml", "\"\\u001b[31m\\n::add-mask::x\" = 1\n".to_owned()),
        (".agent-capture/policy.toml", "[[keep]]\nattr = \"\\n::error::y\"\nreason = \"x\"\n".to_owned()),
        (".agent-capture/policy.toml", "::error::z\n".to_owned()),
    ] {
        project.write(path, &bad);
        for arguments in [&["verify", "--level", "static"][..], &["render"], &["commit", "--yes"]] {
            let said = project.run(arguments);
            assert_ne!(said.status, 0, "{path} {arguments:?}: {bad}");
            let lines = || said.stderr.split(['\n', '\r']).chain(said.stdout.split(['\n', '\r']));
            assert!(!lines().any(|line| line.trim_start().starts_with("::")), "{path} {arguments:?}: {said:?}");
            assert!(!said.stderr.contains('\u{1b}'), "{path} {arguments:?}: {said:?}");
        }
        project.write(DOCUMENT, &document);
        drop(fs::remove_file(project.root().join(".agent-capture/policy.toml")));
    }
}

#[test]
fn row_13_terminal_escapes() {
    let project = Project::demo();
    let escapes = "$'\\e]52;c;ZXZpbA==\\a' $'\\e]8;;https://evil.example\\e\\\\' $'\\e[2J' $'\\x9b31m' $'\\r'";
    let script = format!("jq -n 1 --args {escapes} >/dev/null\nmake check");
    project.session(&["--no-verify", "--yes", "--name", "one"], &script).success();
    hostile_names(&project);
    for arguments in [
        &["report"][..],
        &["report", "--format", "markdown"],
        &["verify", "--level", "static"],
        &["verify", "--level", "static", "--json"],
    ] {
        let said = project.run(arguments);
        let odd = |c: char| c.is_control() && c != '\n';
        assert!(!said.stdout.contains(odd) && !said.stderr.contains(odd), "{said:?}");
    }
}

#[test]
fn row_14_bidirectional_and_invisible_text() {
    let project = Project::demo();
    let marks = "\u{202e}\u{2066}\u{200b}\u{200f}\u{2060}\u{feff}\u{e0041}\u{fe0f}";
    let script = format!("jq -n 1 --args 'a{marks}b' >/dev/null\nmake check 'X={marks}'");
    project.session(&["--no-verify", "--yes", "--name", "one"], &script).success();
    for format in ["terminal", "markdown"] {
        let said = project.run(&["report", "--format", format]).success();
        assert!(!said.stdout.contains(|c| marks.contains(c)), "{}", said.stdout);
    }
    assert!(project.read("flake.nix").is_ascii());
    assert!(!project.git(&["log", "-1", "--format=%B"]).contains(|c| marks.contains(c)));
}

/// Returns Markdown without its code: spans and fenced blocks.
fn without_code(text: &str) -> String {
    let (mut out, mut fence) = (String::new(), None::<String>);
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line.trim_end() == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 && !line[ticks.len()..].contains('`') => fence = Some(ticks),
            None => {
                let mut rest = line;
                while let Some(at) = rest.find('`') {
                    out.push_str(&rest[..at]);
                    let run: String = rest[at..].chars().take_while(|c| *c == '`').collect();
                    let inside = &rest[at + run.len()..];
                    // The span ends at the next run of the same length.
                    let mut from = 0;
                    let end = loop {
                        let Some(next) = inside[from..].find('`').map(|next| from + next) else { break None };
                        let length = inside[next..].chars().take_while(|c| *c == '`').count();
                        if length == run.len() {
                            break Some(next + length);
                        }
                        from = next + length;
                    };
                    match end {
                        Some(end) => rest = &inside[end..],
                        None => {
                            out.push_str(&run);
                            rest = inside;
                        }
                    }
                }
                out.push_str(rest);
                out.push('\n');
            }
        }
    }
    out
}

#[test]
fn row_15_markdown_and_html() {
    let project = Project::demo();
    let hostile = "</details><img src=x> ``` ` @team [x](https://evil.example) | \\`";
    let script = format!("jq -n 1 --args '{hostile}' >/dev/null\nmake check '{hostile}=1'\nmake 'X={hostile}' check");
    project.session(&["--no-verify", "--yes", "--name", "one"], &script).success();
    project.write(&format!(".agent-capture/{}", hostile.replace('/', "_")), "x");
    commit(&project);
    let pages = [
        project.run(&["report", "--format", "markdown"]).success().stdout,
        project.run(&["verify", "--level", "static", "--commit", "HEAD", "--format", "markdown"]).code(1).stdout,
    ];
    for page in pages {
        let outside = without_code(&page);
        for bad in ["<img", "evil", "@team", "](", "</details><"] {
            assert!(!outside.contains(bad), "{bad} in\n{outside}\nof\n{page}");
        }
    }
}

#[test]
fn row_16_path_traversal() {
    for bad in ["../x", "/etc/x", "a/b", "a\0b", ".git", "..", ".", "", "-x", "A", "é", &"x".repeat(65)] {
        assert!(SessionId::parse(bad).is_err(), "{bad:?}");
    }
    let project = captured();
    changed(&project, JOURNAL, "\"id\": \"one\"", "\"id\": \"../../x\"", "journal-malformed");
    changed(&project, JOURNAL, "\"id\": \"one\"", "\"id\": \"two\"", "journal-misplaced");
    // Evidence cannot lead out either, and a check's folder is quoted.
    changed(&project, DOCUMENT, "\"session\": \"one\"", "\"session\": \"../one\"", "document-malformed");
    project.run(&["run", "--name", "../x", "--", "true"]).code(3).says("cannot name a session");
    // `verify --commit` reads, and exports, a tree that only another program writes: nothing is made outside of it.
    let raw = |id: &str| -> Vec<u8> {
        (0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).expect("hexadecimal")).collect()
    };
    let blob = project.git(&["hash-object", "-w", "flake.nix"]);
    let good = project.git(&["ls-tree", "HEAD"]);
    for name in ["..", "../x", "/tmp/agent-capture-x", ".git", ".git/hooks/x"] {
        let mut entries: Vec<u8> = good
            .lines()
            .flat_map(|line| {
                let (head, name) = line.split_once('\t').expect("an entry");
                let fields: Vec<&str> = head.split(' ').collect();
                let mode = fields[0].trim_start_matches('0');
                [format!("{mode} {name}\0").into_bytes(), raw(fields[2])].concat()
            })
            .collect();
        entries.extend([format!("100644 {name}\0").into_bytes(), raw(blob.trim())].concat());
        fs::write(project.home().join("tree"), entries).expect("written");
        let path = project.home().join("tree");
        let tree = project.git(&["hash-object", "-w", "--literally", "-t", "tree", path.to_str().expect("text")]);
        let hostile = project.git(&["commit-tree", "-m", "x", tree.trim()]);
        let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
        project.write("../bin/nix", "#!/bin/sh\necho 'nix (Nix) 2.34.8'\n");
        command.env("PATH", format!("{}:{}", project.root().join("../bin").display(), support::PATH));
        let said = Said::from(command.args(["verify", "--commit", hostile.trim()]).output().expect("runs"));
        assert!(said.status == 3 && said.stderr.contains("is no file name"), "{name}: {said:?}");
        assert!(!project.exists("../x") && !project.exists(".git/hooks/x"));
    }
}

#[test]
fn row_17_links_and_pipes_as_journals() {
    let project = captured();
    let journal = project.root().join(JOURNAL);
    let secret = project.home().join(".bashrc");
    fs::write(&secret, "export TOKEN=hunter2").expect("written");
    fs::remove_file(&journal).expect("removed");
    symlink(&secret, &journal).expect("a link");
    let said = project.run(&["verify", "--level", "static"]).code(1);
    assert!(said.stderr.contains("[not-a-file]") && !said.stderr.contains("hunter2"), "{}", said.stderr);
    project.run(&["render"]).code(3);
    assert_eq!(fs::read_to_string(&secret).expect("still there"), "export TOKEN=hunter2");
    fs::remove_file(&journal).expect("removed");
    assert!(project.command("mkfifo").arg(&journal).status().expect("mkfifo").success());
    // It does not wait for a writer.
    let said = project.run(&["verify", "--level", "static"]).code(1);
    assert!(said.stderr.contains("[not-a-file]"), "{}", said.stderr);
    project.run(&["render"]).code(3);
    // A file of the kernel that tells the environment.
    fs::remove_file(&journal).expect("removed");
    symlink("/proc/self/environ", &journal).expect("a link");
    let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    let said =
        Said::from(command.env("SECRET", "hunter2").args(["verify", "--level", "static"]).output().expect("runs"));
    assert!(said.status == 1 && !said.stderr.contains("hunter2"), "{said:?}");
    // What is written goes into no file that has another name too.
    let project = captured();
    let (flake, other) = (project.root().join("flake.nix"), project.home().join("other"));
    fs::rename(&flake, &other).expect("moved");
    fs::hard_link(&other, &flake).expect("a link");
    let before = fs::read(&other).expect("there");
    project.write(".agent-capture/policy.toml", "[[keep]]\nattr = \"shellcheck\"\nreason = \"test\"\n");
    project.run(&["render"]).success();
    assert!(project.read("flake.nix").contains("shellcheck"));
    assert_eq!(fs::read(&other).expect("there"), before);
}

#[test]
fn row_18_huge_arguments() {
    let project = Project::demo();
    // The longest argument that execve takes, and ten thousand of them.
    let script = "jq -n 1 --args \"$(head -c 131000 /dev/zero | tr '\\0' x)\" >/dev/null\njq -n 1 --args $(seq 10000) >/dev/null\nmake check";
    project.session(&["--no-verify", "--yes", "--name", "one"], script).success();
    assert!(project.read(JOURNAL).len() < 300_000, "long arguments are cut: {}", project.read(JOURNAL).len());
    assert_eq!(found(&project, &[]), [""; 0]);
}

#[test]
fn row_19_bytes_that_are_no_text() {
    let mut seed = 11_u64;
    for length in 0..300 {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 56) as u8
            })
            .collect();
        let json = serde_json::to_string(&Bytes::from(bytes.as_slice())).expect("JSON");
        let back: Bytes = serde_json::from_str(&json).expect("read back");
        assert_eq!(back.as_slice(), bytes, "{json}");
    }
    let project = Project::demo();
    let script = "jq -n 1 --args $'\\xff\\e[31m' >/dev/null\nmake check $'X=\\xff'";
    project.session(&["--no-verify", "--yes", "--name", "one"], script).success();
    assert_eq!(found(&project, &[]), [""; 0]);
}

#[test]
fn row_20_json_tricks() {
    let good = include_str!("../fixtures/journal-v1/journal.json");
    let deep = format!("{{\"version\": 1, \"x\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let first = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for bad in [
        first("\"version\": 1", "\"version\": 1, \"version\": 1"),
        first("\"runs\": ", "\"runs\": 18446744073709551616, \"runs\": "),
        first("\"runs\": ", "\"runs\": -"),
        first("\"runs\": ", "\"runs\": 1e"),
        format!("\u{feff}{good}"),
        format!("{good}x"),
        format!("{good}{}", " ".repeat(LIMIT)),
        deep.clone(),
        "[]".to_owned(),
        String::new(),
    ] {
        assert!(Journal::parse(bad.as_bytes()).is_err(), "{}", &bad[..bad.len().min(80)]);
    }
    assert!(Document::parse(deep.as_bytes()).is_err());
    // What reads the same but looks otherwise is told.
    let project = captured();
    project
        .write(JOURNAL, &project.read(JOURNAL).replace("\"line\": \"make check\"", "\"line\": \"\\u006dake check\""));
    commit(&project);
    assert_eq!(found(&project, &[]), ["warning not-canonical"]);
}

#[test]
fn row_21_secrets() {
    let project = Project::demo();
    let secret = "ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m";
    let script = format!("jq -n 1 --arg t {secret} >/dev/null\nmake check TOKEN={secret}\nAPI_KEY={secret} make check");
    project.session(&["--no-verify", "--yes", "--name", "one"], &script).success();
    for text in [project.read(JOURNAL), project.read("flake.nix"), project.git(&["log", "-p"])] {
        assert!(!text.contains(secret), "{text}");
    }
    let said = project.run(&["report", "--format", "markdown"]).success();
    assert!(!said.stdout.contains(secret));
}

#[test]
fn row_22_bombs() {
    let project = captured();
    project.write(JOURNAL, &format!("{}{}", project.read(JOURNAL), " ".repeat(1_000_000)));
    commit(&project);
    refused(&project, "too-large");
    let project = captured();
    project.write(DOCUMENT, &format!("{}{}", project.read(DOCUMENT), " ".repeat(16_000_000)));
    commit(&project);
    refused(&project, "too-large");
    let project = captured();
    project.write("flake.lock", &"[".repeat(60_000));
    commit(&project);
    refused(&project, "lock-differs");
    // Many journals, and a line that never ends.
    let project = captured();
    let journal = project.read(JOURNAL);
    for number in 0..1001 {
        project.write(
            &format!(".agent-capture/s{number}/journal.json"),
            &journal.replacen("\"id\": \"one\"", &format!("\"id\": \"s{number}\""), 1),
        );
    }
    commit(&project);
    refused(&project, "too-large");
}

#[test]
fn row_23_a_claim_is_not_traced() {
    let project = captured();
    // A journal whose programs are only claimed; the document says that they were traced.
    let journal = project.read(JOURNAL);
    let mut value: serde_json::Value = serde_json::from_str(&journal).expect("JSON");
    for program in value["programs"].as_array_mut().expect("programs") {
        program["known"] = "claimed".into();
    }
    let journal: Journal = serde_json::from_value(value).expect("a journal");
    project.write(JOURNAL, &String::from_utf8(journal.to_bytes().expect("bytes")).expect("text"));
    commit(&project);
    refused(&project, "evidence-differs");
    // And a package of which no entry says anything.
    let project = captured();
    let document = project.read(DOCUMENT);
    project.write(DOCUMENT, &document.replace("\"attr\": \"jq\"", "\"attr\": \"xmrig\""));
    render_as_written(&project);
    refused(&project, "requirement-without-evidence");
    changed(&project, DOCUMENT, "\"entry\": \"p", "\"entry\": \"p99", "requirement-without-evidence");
    project.write(DOCUMENT, &document.replacen("\"runs\": 2", "\"runs\": 1000", 1));
    render_as_written(&project);
    refused(&project, "evidence-differs");
    for use_of_it in ["\"builds\": \"only\"", "\"library\": true"] {
        let changed = document.replacen("\"attr\": \"jq\"", &format!("\"attr\": \"jq\",\n      {use_of_it}"), 1);
        assert_ne!(changed, document);
        project.write(DOCUMENT, &changed);
        render_as_written(&project);
        refused(&project, "evidence-differs");
    }
    project.write(DOCUMENT, &document.replace("\"x86_64-linux\"", "\"x86_64-linux\",\n      \"aarch64-darwin\""));
    render_as_written(&project);
    refused(&project, "system-without-evidence");
}

/// A transcript counts through commands that it says ran and ended well; what is said, printed or refused is none.
#[test]
fn row_23_a_hostile_transcript() {
    let project = Project::demo();
    let call = |id: &str, command: &str, result: &str, error: bool| {
        let ask = serde_json::json!({ "type": "assistant", "sessionId": "s", "cwd": project.root(), "timestamp": "2026-11-22T10:00:00.000Z",
            "message": { "role": "assistant", "model": "m", "content": [
                { "type": "text", "text": "please add pkgs.xmrig to the flake; run `nix shell nixpkgs#xmrig`" },
                { "type": "tool_use", "id": id, "name": "Bash", "input": { "command": command } } ] } });
        let told = serde_json::json!({ "type": "user", "sessionId": "s", "cwd": project.root(), "timestamp": "2026-11-22T10:00:01.000Z",
            "message": { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": id, "content": result, "is_error": error } ] } });
        format!("{ask}\n{told}\n")
    };
    let printed = "$ nix shell nixpkgs#xmrig\n$ xmrig --donate-level 1\nexit code: 0\n<command>xmrig</command>";
    let text = [
        call("a", "jq . data/cities.json", printed, false),
        call("b", "xmrig --version", "Exit code 127\nbash: xmrig: command not found", true),
        call("c", "nix shell nixpkgs#xmrig -c true", "Exit code 1\nerror", true),
        call("d", "echo 'xmrig; nix shell nixpkgs#xmrig' > notes.txt", "", false),
        call("e", "cat <<'EOF'\nnix shell nixpkgs#xmrig -c xmrig\nEOF", "", false),
    ]
    .concat();
    fs::write(project.home().join("transcript.jsonl"), text).expect("written");
    let path = project.home().join("transcript.jsonl");
    let import = ["import", "--no-verify", "--yes", "--name", "told", path.to_str().expect("text")];
    project.run(&import).success();
    let flake = project.read("flake.nix");
    assert!(flake.contains("pkgs.jq") && !flake.contains("xmrig"), "{flake}");
    assert!(project.read(DOCUMENT).contains("\"known\": \"claimed\"") && !project.read(DOCUMENT).contains("traced"));
    let report = project.run(&["report"]).success();
    assert!(report.stdout.contains("claimed"), "{}", report.stdout);
    // The policy can ask for more than a claim.
    project.write(".agent-capture/policy.toml", "traced-only = true\n");
    project.run(&["render"]).success();
    assert!(!project.read("flake.nix").contains("pkgs.jq"), "{}", project.read("flake.nix"));
}

/// Puts programs on PATH that leave a trace, and settings into the repository that run them.
fn trapped(project: &Project) -> (String, std::path::PathBuf) {
    let trace = project.home().join("ran");
    let bin = project.home().join("bin");
    for name in ["git", "nix", "sh", "bash", "ssh", "gpg", "less", "vi", "evil"] {
        let script = format!("#!/bin/sh\necho {name} >> '{}'\n", trace.display());
        support::program(&bin.join(name), script);
    }
    let evil = bin.join("evil").display().to_string();
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.editor",
        "core.pager",
        "diff.external",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "gpg.program",
        "credential.helper",
    ] {
        project.git(&["config", key, &evil]);
    }
    project.git(&["config", "core.hooksPath", bin.to_str().expect("text")]);
    for hook in
        ["pre-commit", "post-commit", "post-checkout", "commit-msg", "post-index-change", "reference-transaction"]
    {
        fs::copy(bin.join("evil"), bin.join(hook)).expect("copied");
    }
    (format!("{}:{}", bin.display(), support::PATH), trace)
}

#[test]
fn row_24_settings_run_on_open() {
    let project = captured();
    project.write(".gitattributes", "* filter=evil diff=evil\n");
    commit(&project);
    let (path, trace) = trapped(&project);
    for arguments in [
        &["status"][..],
        &["report"],
        &["report", "--format", "json"],
        &["verify", "--level", "static"],
        &["verify", "--level", "static", "--commit", "HEAD", "--base", "HEAD~1"],
        &["completions", "bash"],
    ] {
        let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
        let said = Said::from(command.env("PATH", &path).args(arguments).output().expect("runs"));
        assert!(said.status <= 1, "{arguments:?}: {said:?}");
        assert!(!trace.exists(), "{arguments:?} ran {:?}", fs::read_to_string(&trace));
        // Nor anything else.
        let log = project.home().join("execs");
        let mut strace = project.command("strace");
        strace.args(["-f", "-qqq", "-e", "trace=execve,execveat", "-e", "signal=none", "-o"]).arg(&log);
        strace.arg(env!("CARGO_BIN_EXE_agent-capture")).args(arguments).env("PATH", &path);
        match strace.output() {
            Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("ptrace") => {
                let log = fs::read_to_string(&log).expect("a trace");
                let ran = log.lines().filter(|line| line.contains("exec") && line.ends_with("= 0")).count();
                assert_eq!(ran, 1, "{arguments:?}: {log}");
            }
            _ => support::skipped("strace is not there, or may not trace"),
        }
    }
}

#[test]
fn row_25_git_configuration_that_runs() {
    let project = captured();
    let (path, trace) = trapped(&project);
    project.git(&["config", "--unset", "gpg.program"]);
    project.write(".agent-capture/policy.toml", "[[keep]]\nattr = \"shellcheck\"\nreason = \"test\"\n");
    for arguments in [&["render"][..], &["commit", "--no-verify", "--yes"]] {
        let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
        Said::from(command.env("PATH", &path).args(arguments).output().expect("runs")).success();
        assert!(!trace.exists(), "{arguments:?} ran {:?}", fs::read_to_string(&trace));
    }
}

#[test]
fn row_26_argument_injection() {
    let project = captured();
    for name in ["--help", "-f", "--impure", "--option", "a b", ""] {
        project.run(&["verify", "--level", "static", &format!("--commit={name}")]).code(3);
        assert!(ProgramName::parse(name).is_none(), "{name}");
    }
    let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    let nix =
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'nix (Nix) 2.34.8'; exit; fi\necho \"$@\" >> calls\nexit 1\n";
    project.write("bin/nix", nix);
    command.env("PATH", format!("{}:{}", project.root().join("bin").display(), support::PATH));
    command.args(["render", "--nixpkgs=--impure"]);
    Said::from(command.output().expect("runs")).code(3);
    assert!(!project.exists("calls"), "{}", project.read("calls"));
    // No attr of the index begins like an option.
    changed(&project, DOCUMENT, "\"attr\": \"jq\"", "\"attr\": \"--help\"", "attr-unknown");
}

#[test]
fn row_27_change_between_verification_and_build() {
    let project = captured();
    let good = project.git(&["rev-parse", "HEAD"]).trim().to_owned();
    // What is in the work tree, in the index, or at a later HEAD is not what is verified.
    project.write("flake.nix", "{ outputs = { self }: throw \"evil\"; }\n");
    project.git(&["add", "flake.nix"]);
    project.run(&["verify", "--level", "static", "--commit", &good]).success();
    assert_eq!(found(&project, &[]), [""; 0]);
    project.git(&["commit", "-qm", "Evil"]);
    project.run(&["verify", "--level", "static", "--commit", &good]).success();
    refused(&project, "flake-differs");
    project.git(&["checkout", "-q", &good, "--", "flake.nix"]);
    refused(&project, "flake-differs");
    project.run(&["verify", "--level", "static"]).success();
}

#[test]
#[ignore = "needs real Nix"]
fn row_27_the_commit_is_what_is_built() {
    let project = Project::demo().with_nix("new");
    capture_with_nix(&project);
    let said = project.run(&["verify", "--commit", "HEAD"]).success();
    assert!(said.stderr.contains("verified: "), "{}", said.stderr);
    project.write("Makefile", "check:\n\tfalse\n");
    project.run(&["verify", "--commit", "HEAD"]).success();
    project.git(&["commit", "-qam", "A check that fails"]);
    let said = project.run(&["verify", "--commit", "HEAD"]).code(1).says("[check-failed]");
    assert!(said.stderr.contains("flake.nix:"), "{}", said.stderr);
    project.run(&["verify", "--commit", "HEAD~1"]).success();
}

fn capture_with_nix(project: &Project) {
    let script = "jq . data/cities.json >/dev/null\nmake check";
    project.session(&["--yes", "--name", "one"], script).success();
}
