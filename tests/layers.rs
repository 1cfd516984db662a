//! The house: modules look down only, members of a family do not know each other, and each member has a fixture.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, ground first; the same table as in `src/lib.rs`.
const FLOORS: [&[&str]; 9] = [
    &["sys", "nix", "console", "redact", "event", "host", "shell", "cli"],
    &["journal", "index", "policy"],
    &["requirements"],
    &["agents", "ecosystems"],
    &["recorders", "session", "flake"],
    &["verification"],
    &["commit", "report"],
    &["pipeline"],
    &["main", "lib"],
];

/// Folders whose files are members of a family.
const FAMILIES: [&str; 3] = ["agents", "ecosystems", "recorders"];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Returns the modules that a text names by `crate::…`, the first two names of each path.
fn used(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.split('}').next().unwrap_or_default();
            all.extend(group.split(',').map(|name| (word(name.trim()), String::new())));
        } else {
            let (first, rest) = rest.split_once("::").unwrap_or((rest, ""));
            all.push((word(first), word(rest)));
        }
    }
    all
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn floors() -> BTreeMap<&'static str, usize> {
    FLOORS.iter().enumerate().flat_map(|(floor, names)| names.iter().map(move |name| (*name, floor))).collect()
}

#[test]
fn modules_look_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let floors = floors();
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20, "the sources are found");
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("below src").with_extension("");
        let names: Vec<&str> = inside.iter().filter_map(|name| name.to_str()).collect();
        let module = names[0];
        let Some(floor) = floors.get(module) else {
            wrong.push(format!("`{module}` has no floor"));
            continue;
        };
        let text = fs::read_to_string(&file).expect("a source");
        let member = names.get(1).filter(|name| FAMILIES.contains(&module) && **name != "mod");
        for (used, inner) in used(&text) {
            let Some(below) = floors.get(used.as_str()) else { continue };
            let same = used == module;
            if !same && below >= floor {
                wrong.push(format!("`{}` looks up or aside at `{used}`", inside.display()));
            }
            let sibling = member
                .is_some_and(|member| inner != **member && src.join(module).join(&inner).with_extension("rs").exists());
            if same && sibling {
                wrong.push(format!("`{}` knows its sibling `{inner}`", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_has_one_address() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let unsafes = |path: &PathBuf| fs::read_to_string(path).expect("a source").contains("unsafe {");
    let outside: Vec<_> = files
        .into_iter()
        .filter(unsafes)
        .filter(|path| !path.starts_with(src.join("sys")) && path != &src.join("sys.rs"))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[test]
fn nix_and_git_have_one_door() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("a source");
        let inside = file.strip_prefix(&src).expect("below src");
        assert!(
            !text.contains("git2::") || inside.starts_with("commit") || inside == Path::new("commit.rs"),
            "{} uses git2",
            inside.display()
        );
        // Hooks are git's own business, and run only when asked for.
        let runs_git = text.contains("Command::new(\"git\")");
        assert!(!runs_git || inside == Path::new("commit/hooks.rs"), "{} runs git", inside.display());
        assert!(!text.contains("Command::new(\"nix"), "{} runs nix", inside.display());
    }
}

#[test]
fn every_member_has_a_fixture() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let names: Vec<String> = fs::read_dir(&fixtures)
        .expect("fixtures")
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    for ecosystem in agent_capture::ecosystems::ALL {
        let prefix = format!("{}-", ecosystem.name());
        assert!(names.iter().any(|name| name.starts_with(&prefix)), "fixtures/{prefix}… is missing");
    }
    let is_transcript = |path: PathBuf| path.file_stem().is_some_and(|stem| stem == "transcript");
    let tells = |name: &&String| {
        fs::read_dir(fixtures.join(name)).into_iter().flatten().flatten().any(|it| is_transcript(it.path()))
    };
    let told: Vec<&String> = names.iter().filter(tells).collect();
    for agent in agent_capture::agents::ALL {
        let prefix = format!("{}-", agent.name());
        assert!(told.iter().any(|name| name.starts_with(&prefix)), "fixtures/{prefix}…/transcript.* is missing");
        let events = fixtures.join(format!("{prefix}hooks/events.jsonl"));
        assert_eq!(events.exists(), agent.hooks().is_some(), "{}: for agents with hooks", events.display());
    }
}

#[test]
fn the_table_in_the_crate_says_the_same() {
    let text = include_str!("../src/lib.rs");
    for (floor, names) in FLOORS.iter().enumerate() {
        let names: Vec<String> = names.iter().filter(|name| **name != "lib").map(|name| format!("`{name}`")).collect();
        let row = format!("//! | {floor} | {} |", names.join(" "));
        assert!(text.contains(&row), "src/lib.rs lacks the row {row}");
    }
}

/// Cargo refuses a package whose targets are missing: the flake that builds it must take their folders.
#[test]
fn the_flake_takes_every_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let flake = fs::read_to_string(root.join("flake.nix"));
    // The flake's own build has the folders, and not the flake.
    let Ok(flake) = flake else { return };
    for folder in ["benches", "src", "templates", "tests"] {
        assert!(flake.contains(&format!("./{folder}\n")), "flake.nix leaves out {folder}");
    }
}
