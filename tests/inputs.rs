//! Other flakes than nixpkgs: what a session used of them is an input of the flake, proved and judged like all else.

mod support;

use std::fs;
use std::path::PathBuf;

use agent_capture::ecosystems;
use agent_capture::flake::{Flake, default_pin};
use agent_capture::index::Index;
use agent_capture::journal::Journal;
use agent_capture::nix::Pin;
use agent_capture::policy::Policy;
use agent_capture::requirements::{Document, FORMAT, Requirements, VERSION};
use serde_json::{Value, json};
use support::{Project, Said, pin, validate};

const DOCUMENT: &str = ".agent-capture/requirements.json";
const JOURNAL: &str = ".agent-capture/nix-inputs/journal.json";
const REV: &str = "0123456789abcdef0123456789abcdef01234567";

/// A repository with the fixture's capture, as a pull request would bring it.
fn captured() -> Project {
    let project = Project::demo();
    let text = include_str!("../fixtures/nix-inputs/journal.json");
    let journal = Journal::parse(text.as_bytes()).expect("a journal");
    let index = Index::new();
    let requirements = ecosystems::resolve(&[journal], &index, &Policy::default());
    let document =
        Document { version: VERSION, format: FORMAT, index: index.date().to_owned(), pin: default_pin(), requirements };
    project.write(JOURNAL, text);
    write(&project, &document);
    project
}

fn write(project: &Project, document: &Document) {
    project.write(DOCUMENT, &String::from_utf8(document.to_bytes().expect("bytes")).expect("text"));
    project.write("flake.nix", &Flake::of(document).render().expect("rendered"));
    project.write("flake.lock", &Flake::of(document).lock());
}

fn document(project: &Project) -> Document {
    Document::parse(project.read(DOCUMENT).as_bytes()).expect("a document")
}

/// Verifies without Nix; returns what was found, a code and a message each.
fn found(project: &Project, more: &[&str]) -> Vec<String> {
    project.git(&["add", "-Af"]);
    project.git(&["commit", "-qm", "Change", "--allow-empty"]);
    let arguments = [&["verify", "--level", "static", "--commit", "HEAD", "--format", "json"], more].concat();
    let said = project.run(&arguments);
    let json: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    let word = |value: &Value| value.as_str().expect("text").to_owned();
    let findings = json["findings"].as_array().expect("findings").iter();
    findings
        .filter(|it| it["code"] != "attributes-differ")
        .map(|it| format!("{} {} {}", word(&it["severity"]), word(&it["code"]), word(&it["message"])))
        .collect()
}

#[track_caller]
fn refused(project: &Project, code: &str, words: &str) {
    let all = found(project, &[]);
    let is = |it: &String| it.starts_with(&format!("error {code} ")) && it.contains(words);
    assert!(all.iter().any(is), "no {code} with {words} in {all:#?}");
}

#[test]
fn code_of_another_flake_is_named_to_who_did_not_write_it() {
    let project = captured();
    let own = found(&project, &[]);
    assert!(own.iter().all(|it| it.starts_with("note foreign-flake ")) && own.len() == 2, "{own:#?}");
    let strange = found(&project, &["--untrusted"]);
    let what = format!("warning foreign-flake it brings code of another flake: numtide/treefmt at {REV}");
    assert!(strange.contains(&what), "{strange:#?}");
}

#[test]
fn reviewers_see_other_flakes_as_all_else() {
    let project = captured();
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "Captured"]);
    let report = validate("report.schema.json", &project.run(&["report", "--format", "json"]).success().stdout);
    let rows = report["packages"].as_array().expect("packages");
    let row = rows.iter().find(|row| row["attr"] == "github:numtide/treefmt#default").expect("a row");
    assert_eq!((&row["version"], &row["version_of"], &row["runs"]), (&Value::Null, &Value::Null, &2.into()));
    project.run(&["report", "nix-inputs"]).success().stdout.contains("github:numtide/treefmt#default");
    let diff = validate("diff.schema.json", &project.run(&["diff", "HEAD~1", "--json"]).code(1).stdout);
    assert_eq!(diff["inputs"][1]["after"]["repo"], "treefmt", "{diff}");
    let terminal = project.run(&["diff", "HEAD~1"]).code(1).stdout;
    let moved = format!("  + github:numtide/treefmt/{REV}\n");
    assert!(terminal.contains("  + github:numtide/treefmt#default ") && terminal.contains(&moved), "{terminal}");
    // Another revision of the same flake is a change, and nothing else is.
    let text = project.read(DOCUMENT).replace(REV, &REV.replace('0', "f"));
    write(&project, &Document::parse(text.as_bytes()).expect("a document"));
    let diff = validate("diff.schema.json", &project.run(&["diff", "--json"]).code(1).stdout);
    assert_eq!((&diff["packages"], diff["inputs"].as_array().map(Vec::len)), (&json!([]), Some(1)), "{diff}");
    let markdown = project.run(&["diff", "--format", "markdown"]).code(1).stdout;
    assert!(markdown.contains(&format!("| **input** | **changed** | `github:numtide/treefmt/{REV}` → ")), "{markdown}");
    project.write("d.json", &project.run(&["diff", "--json"]).code(1).stdout);
    assert_eq!(project.run(&["diff", "--read", "d.json"]).stdout, project.run(&["diff"]).stdout);
}

#[test]
fn an_input_without_evidence_is_refused() {
    let project = captured();
    let good = document(&project);
    let change = |change: &dyn Fn(&mut Document)| {
        let mut document = good.clone();
        change(&mut document);
        write(&project, &document);
    };
    let json = |from: &str, to: &str| {
        let text = String::from_utf8(good.to_bytes().expect("bytes")).expect("text");
        assert!(text.contains(from), "{from}");
        Document::parse(text.replace(from, to).as_bytes())
    };
    for (from, to) in [
        ("\"owner\": \"numtide\"", "\"owner\": \"evil\""),
        ("\"lastModified\": 1784000000", "\"lastModified\": 1784000001"),
        ("\"nixpkgs\": true", "\"nixpkgs\": false"),
        (REV, "1123456789abcdef0123456789abcdef01234567"),
    ] {
        write(&project, &json(from, to).expect("a document"));
        refused(&project, "requirement-without-evidence", "no journal that counts used the flake");
    }
    change(&|document| document.requirements.inputs[0].packages[0].evidence.clear());
    refused(&project, "requirement-without-evidence", "nothing shows that");
    write(&project, &json("\"attr\": \"default\"", "\"attr\": \"miner\"").expect("a document"));
    refused(&project, "requirement-without-evidence", "`miner`");
    change(&|document| document.requirements.inputs[1].packages[0].runs = 1000);
    refused(&project, "evidence-differs", "other runs");
    for (from, to) in [
        ("\"name\": \"treefmt\"", "\"name\": \"nixpkgs\""),
        ("\"name\": \"treefmt\"", "\"name\": \"x; evil = 1\""),
        ("\"owner\": \"numtide\"", "\"owner\": \"a/b?x=\\\"\""),
        (REV, "main"),
    ] {
        assert!(json(from, to).is_err(), "{to}");
    }
}

#[test]
fn a_journal_cannot_give_a_flakeref_another_meaning() {
    let project = captured();
    let text = project.read(JOURNAL);
    for (from, to) in [
        ("\"owner\": \"numtide\"", "\"owner\": \"evil\""),
        ("\"repo\": \"Systems\",\n        \"rev\": \"8", "\"repo\": \"Systems\",\n        \"rev\": \"7"),
    ] {
        assert!(text.contains(from), "{from}");
        let journal = Journal::parse(text.replace(from, to).as_bytes()).expect("a journal");
        let requirements = ecosystems::resolve(&[journal], &Index::new(), &Policy::default());
        assert_eq!(requirements.inputs.len(), 1, "{to}");
    }
    let drop = "[[input]]\ndrop = \"treefmt\"\nreason = \"not ours\"\n";
    let journal = Journal::parse(text.as_bytes()).expect("a journal");
    let requirements = ecosystems::resolve(&[journal], &Index::new(), &Policy::parse(drop).expect("a policy"));
    assert_eq!(requirements.inputs.len(), 1);
    assert!(requirements.ignored.iter().any(|it| it.reason == "the policy drops its flake"));
}

#[test]
fn a_lock_that_leads_elsewhere_is_refused() {
    let project = captured();
    let good = project.read("flake.lock");
    for (from, to, words) in [
        ("\"owner\": \"numtide\"", "\"owner\": \"evil\"", "`treefmt.locked.owner` is \"evil\""),
        ("sha256-12Kr", "sha256-aaaa", "`systems-flake.locked.narHash`"),
        (
            "\"nixpkgs\": [\n          \"nixpkgs\"\n        ]",
            "\"nixpkgs\": \"nixpkgs\"",
            "the nixpkgs of `treefmt` is not ours",
        ),
        ("\"nodes\": {", "\"nodes\": {\n\"nixpkgs_2\": {},", "nodes has more than it should: nixpkgs_2"),
        ("\"treefmt\": \"treefmt\"", "\"treefmt\": \"nixpkgs\"", "its input `treefmt` is not the node"),
    ] {
        assert!(good.contains(from), "{from} is not in {good}");
        project.write("flake.lock", &good.replacen(from, to, 1));
        refused(&project, "lock-poisoned", words);
    }
}

/// Makes a flake with a package and a shell, and returns its folder.
fn second_flake(project: &Project) -> PathBuf {
    let folder = project.home().join("greet");
    fs::create_dir_all(&folder).expect("a folder");
    let pin = Pin::parse(&pin()).expect("a pin");
    let flake = r#"{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/REV";
  outputs =
    { self, nixpkgs }:
    {
      packages = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ] (system: {
        default = nixpkgs.legacyPackages.${system}.runCommand "greet" { } ''
          mkdir -p $out/bin
          printf '#!/bin/sh\necho hello\n' > $out/bin/greet
          chmod +x $out/bin/greet
        '';
      });
      devShells = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: {
        default = with nixpkgs.legacyPackages.${system}; mkShell {
          packages = [ self.packages.${system}.default ];
          buildInputs = [ jq ];
        };
      });
    };
}
"#;
    fs::write(folder.join("flake.nix"), flake.replace("REV", pin.rev.as_str())).expect("a flake");
    fs::write(folder.join("flake.lock"), Flake::new(&Requirements::default(), &pin).lock()).expect("a lock");
    folder
}

/// Puts the flake's tree into the store of a Nix, so that it need not be fetched; returns its hash.
fn seed(project: &Project, folder: &std::path::Path) -> String {
    let nix = |words: &[&str]| {
        let mut command = project.command("nix");
        command.args(["--extra-experimental-features", "nix-command flakes"]).args(words).arg(folder);
        Said::from(command.output().expect("nix")).success().stdout
    };
    nix(&["store", "add-path", "--name", "source"]);
    nix(&["hash", "path"]).trim().to_owned()
}

/// Writes down what Nix would have found in its cache: the locked flake, by the name that a registry has for it.
fn register(project: &Project, hash: &str) {
    let registry = project.home().join(".config/nix/registry.json");
    fs::create_dir_all(registry.parent().expect("a folder")).expect("folders");
    let to = format!(
        r#"{{"__final":true,"type":"github","owner":"acme","repo":"greet","rev":"{REV}","lastModified":1784011430,"narHash":"{hash}"}}"#
    );
    let text =
        format!(r#"{{"version":2,"flakes":[{{"exact":true,"from":{{"type":"indirect","id":"greet"}},"to":{to}}}]}}"#);
    fs::write(registry, text).expect("a registry");
}

#[test]
#[ignore = "needs real Nix"]
fn a_command_line_with_another_flake_is_exported() {
    let project = Project::bare_folder().with_nix("new");
    let hash = seed(&project, &second_flake(&project));
    register(&project, &hash);
    let (pin, line) = (pin(), ["nix", "shell", "greet", "nixpkgs#jq"]);
    let export =
        |more: &[&str], line: &[&str]| project.run(&[&["export", "--nixpkgs", &pin], more, &["--"], line].concat());
    export(&["--write"], &line).success().says("wrote flake.nix and flake.lock");
    let flake = project.read("flake.nix");
    let line = "        greet.packages.${pkgs.stdenv.hostPlatform.system}.default # asked for\n";
    assert!(flake.contains(line) && flake.contains("        pkgs.jq # asked for\n"), "{flake}");
    let lock = project.read("flake.lock");
    let mut command = project.command("nix");
    command.args([
        "--extra-experimental-features",
        "nix-command flakes",
        "develop",
        "--offline",
        "path:.",
        "-c",
        "greet",
    ]);
    assert_eq!(Said::from(command.output().expect("nix")).success().stdout, "hello\n");
    assert_eq!(project.read("flake.lock"), lock, "Nix has nothing to add");
    for (line, why) in [
        (["nix", "shell", "greet#nosuch"], "`greet#nosuch`: it has no such package that evaluates"),
        (["nix", "develop", "greet#nosuch"], "`greet#nosuch`: it has no such shell that evaluates"),
        (["nix", "shell", "path:/somewhere#x"], "only flakes github:OWNER/REPO[/REV] are"),
    ] {
        export(&[], &line).code(1).says(why).says("nothing is exported");
    }
}

/// Returns a project whose check runs this, with the second flake registered.
fn checked_with(command: &str) -> Project {
    let project = Project::demo().with_nix("new");
    project.write("Makefile", &format!("check:\n\t{command}\n"));
    project.git(&["commit", "-qam", "A check that needs the other flake"]);
    register(&project, &seed(&project, &second_flake(&project)));
    project
}

#[test]
#[ignore = "needs real Nix"]
fn the_shell_of_another_flake_is_captured_proved_and_minimized() {
    let project = checked_with("greet | jq -R .");
    let folder = project.home().join("greet");
    let pin = pin();
    let exported = project.run(&["export", "--nixpkgs", &pin, "--", "nix", "develop", "greet"]).success().stdout;
    assert!(exported.contains("inputsFrom = shellsFor pkgs;") && exported.contains("mkShell {"), "{exported}");
    project.write(".agent-capture/policy.toml", "[outputs]\nimage = true\n");
    let agent = "nix develop greet -c make check\nnix develop greet -c greet\n";
    let said = project.session(&["--yes", "--name", "one"], agent).success().says("verified: ");
    let flake = project.read("flake.nix");
    for line in [
        "        greet.devShells.${pkgs.stdenv.hostPlatform.system}.default # 3 runs\n",
        "          inputsFrom = shellsFor pkgs;\n",
        "        make-check = \"make check\";\n",
        "for program in greet jq;",
    ] {
        assert!(flake.contains(line), "no {line} in\n{flake}\n{said:?}");
    }
    assert!(!flake.contains("pkgs.jq") && !flake.contains("greet.packages"), "what its shell brings: {flake}");
    let name = "github:acme/greet#devShells.default";
    assert!(project.run(&["report"]).success().stdout.contains(name));
    validate("report.schema.json", &project.run(&["report", "--format", "json"]).success().stdout);
    assert!(project.run(&["list", "--json"]).success().stdout.contains(name));
    assert!(project.run(&["diff", "HEAD~1"]).code(1).stdout.contains(&format!("  + {name} ")));
    let lock = project.read("flake.lock");
    let mut project = project;
    for version in support::VERSIONS {
        project = project.with_nix(version);
        seed(&project, &folder);
        project.run(&["verify"]).success();
        assert_eq!(project.read("flake.lock"), lock, "{version}");
        let mut command = project.command("nix");
        command.args([
            "--extra-experimental-features",
            "nix-command flakes",
            "build",
            "--offline",
            "--no-link",
            ".#image",
        ]);
        Said::from(command.output().expect("nix")).success();
    }
    let project = project.with_nix("new");
    let said = project.run(&["minimize"]).success().stdout;
    assert!(said.contains(&format!("{name}  necessary: without it make-check failed")), "{said}");
    project.run(&["forget", "one", "--yes"]).success().says(name);
}

/// Writes a transcript of lines that ended well.
fn transcript(project: &Project, lines: &[String]) -> PathBuf {
    let mut transcript = String::new();
    for (at, line) in lines.iter().enumerate() {
        let call = json!({"type": "tool_use", "id": format!("t{at}"), "name": "Bash", "input": {"command": line}});
        let result =
            json!({"type": "tool_result", "tool_use_id": format!("t{at}"), "content": "hello", "is_error": false});
        for (role, content) in [("assistant", call), ("user", result)] {
            let row = json!({"type": role, "message": {"role": role, "content": [content]}, "session_id": "7a"});
            transcript.push_str(&row.to_string());
            transcript.push('\n');
        }
    }
    let path = project.home().join("transcript.jsonl");
    fs::write(&path, transcript).expect("a transcript");
    path
}

#[test]
#[ignore = "needs real Nix"]
fn what_a_package_is_built_with_is_captured_proved_and_necessary() {
    let project = Project::demo().with_nix("new");
    project.write("Makefile", "check:\n\tjq -n 1 && type gcc\n");
    project.git(&["commit", "-qam", "A check that needs what a package is built with"]);
    let path = transcript(&project, &[format!("nix develop '{}#entr' -c make check", pin())]);
    let path = path.to_str().expect("text");
    project.run(&["import", "--yes", "--name", "one", "--nixpkgs", &pin(), path]).success().says("verified: ");
    let flake = project.read("flake.nix");
    for line in [
        "      packagesFor = pkgs: [ ];\n",
        "        pkgs.entr # 1 run\n",
        "          inputsFrom = shellsFor pkgs;\n",
        "        make-check = \"make check\";\n",
    ] {
        assert!(flake.contains(line), "no {line} in\n{flake}");
    }
    validate("report.schema.json", &project.run(&["report", "--format", "json"]).success().stdout);
    let mut project = project;
    for version in support::VERSIONS {
        project = project.with_nix(version);
        project.run(&["verify"]).success();
    }
    let said = project.with_nix("new").run(&["minimize"]).success().stdout;
    assert!(said.contains("entr  necessary: without it make-check failed"), "{said}");
}

#[test]
#[ignore = "needs real Nix"]
fn a_transcript_tells_of_another_flake_when_it_says_the_revision() {
    let project = Project::demo().with_nix("new");
    let hash = seed(&project, &second_flake(&project));
    register(&project, &hash);
    let locked = format!("github:acme/greet/{REV}");
    let path = transcript(&project, &[format!("nix run {locked}"), "nix run greet".to_owned()]);
    // This Nix has it in its cache, by the name in the registry.
    let cached = format!(
        "#!/bin/bash\nexec {}/nix-new/bin/nix \"${{@/{}/greet}}\"\n",
        support::bed().display(),
        locked.replace('/', "\\/")
    );
    project.write("../home/bin/nix", &cached);
    let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", project.home().display()));
    command.args(["import", "--yes", "--name", "one", "--nixpkgs", &pin()]).arg(path);
    let said = Said::from(command.output().expect("the program runs")).success().says("verified: ");
    said.says("the flake greet: not captured (1 run): a transcript does not tell which revision was used");
    let flake = project.read("flake.nix");
    let line = "        greet.packages.${pkgs.stdenv.hostPlatform.system}.default # 1 run\n";
    assert!(flake.contains(line) && flake.contains(&format!("github:acme/greet/{REV}\"")), "{flake}");
}

#[test]
#[ignore = "needs real Nix"]
fn packages_of_another_flake_are_proved_necessary_or_not() {
    let project = checked_with("greet");
    let agent = "nix shell greet -c make check\n";
    project.session(&["--yes", "--name", "one"], agent).success().says("verified: ");
    let said = project.run(&["minimize"]).success().stdout;
    assert!(said.contains("github:acme/greet#default  necessary: without it make-check failed"), "{said}");
    // Without the check nothing needs it.
    project.write(".agent-capture/policy.toml", "[[check]]\ndrop = \"make-check\"\nreason = \"slow\"\n");
    project.run(&["render"]).success();
    assert!(project.run(&["minimize", "--json"]).code(1).stdout.contains("\"attr\": \"github:acme/greet#default\""));
    project.run(&["minimize", "--write"]).success().says("drops 1");
    assert!(!project.read("flake.nix").contains("acme/greet"), "{}", project.read("flake.nix"));
    project.run(&["verify"]).success();
}

#[test]
#[ignore = "needs real Nix"]
fn a_session_with_another_flake_is_proved_by_new_nix_and_old() {
    let project = Project::demo().with_nix("new");
    let folder = second_flake(&project);
    let hash = seed(&project, &folder);
    register(&project, &hash);
    let agent = "nix shell greet -c greet\nnix run greet\nnix run github:acme/unknown\nmake check";
    let said = project.session(&["--yes", "--name", "one"], agent).success().says("verified: ");
    let said = said.says("the flake github:acme/unknown: not captured: its run failed");
    let flake = project.read("flake.nix");
    for line in [
        &format!("  inputs.greet.url = \"github:acme/greet/{REV}\";\n"),
        "  inputs.greet.inputs.nixpkgs.follows = \"nixpkgs\";\n",
        "        greet.packages.${pkgs.stdenv.hostPlatform.system}.default # 2 runs\n",
        "for program in greet",
    ] {
        assert!(flake.contains(line), "no {line} in\n{flake}\n{said:?}");
    }
    let json = project.run(&["report", "--format", "json"]).success().stdout;
    validate("report.schema.json", &json);
    let lock = project.read("flake.lock");
    let mut project = project;
    for version in support::VERSIONS {
        project = project.with_nix(version);
        seed(&project, &folder);
        project.run(&["verify"]).success();
        // Nix would write the same lock.
        let mut command = project.command("nix");
        command.args(["--extra-experimental-features", "nix-command flakes", "flake", "lock", "--offline"]);
        Said::from(command.output().expect("nix")).success();
        assert_eq!(project.read("flake.lock"), lock, "{version}");
    }
}
