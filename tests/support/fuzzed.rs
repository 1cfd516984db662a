//! What is done with bytes from anywhere: the bodies of the fuzz targets in `fuzz/`, which `tests/corpus.rs` replays on what
//! they found. None may panic, and what is read must be written as it was read.

#![allow(dead_code, clippy::allow_attributes, reason = "each user of it uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::LazyLock;

use agent_capture::agents::Import;
use agent_capture::ecosystems;
use agent_capture::event::{Bytes, Event};
use agent_capture::flake::{Flake, default_pin};
use agent_capture::index::Index;
use agent_capture::index::build::Facts;
use agent_capture::journal::{Claims, Closing, Journal, Place, Session, SessionId};
use agent_capture::nix::{Heard, Pin, System, listen};
use agent_capture::pipeline::imported;
use agent_capture::policy::Policy;
use agent_capture::redact;
use agent_capture::requirements::{Document, FORMAT, Requirements, VERSION};
use agent_capture::session::{Active, Open, Sessions};
use agent_capture::verification::statics::{Files, Found, Rules, judge};
use serde_json::{Value, json};

/// Something that is done with bytes.
pub(crate) type Target = fn(&[u8]);

/// Each target, by the name of its folder in `fuzz/corpus`.
pub(crate) const TARGETS: [(&str, Target); 11] = [
    ("journal", journal),
    ("lock", lock),
    ("nix_index", nix_index),
    ("nix_log", nix_log),
    ("policy", policy),
    ("redact", redacted),
    ("render", render),
    ("requirements", requirements),
    ("segment", segment),
    ("statics", statics),
    ("transcript", transcript),
];

static INDEX: LazyLock<Index> = LazyLock::new(Index::new);

/// A journal → the same journal, and a flake.
pub(crate) fn journal(data: &[u8]) {
    let Ok(journal) = Journal::parse(data) else { return };
    again(&journal);
    flake_of(journal, &Policy::default());
}

/// `requirements.json` → the same document, and a flake.
pub(crate) fn requirements(data: &[u8]) {
    let newer = Document::is_newer(data);
    let Ok(document) = Document::parse(data) else { return };
    assert!(!newer, "what is newer is not read");
    let written = document.to_bytes().expect("written");
    assert_eq!(Document::parse(&written).expect("read back"), document);
    if let Ok(flake) = Flake::of(&document).render() {
        is_sound(&flake);
    }
}

/// A policy, applied to a session.
pub(crate) fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(policy) = Policy::parse(text) else { return };
    drop(ecosystems::unknown(&policy, &INDEX));
    let journal = Journal::parse(include_bytes!("../../fixtures/make-check/journal.json")).expect("a journal");
    flake_of(journal, &policy);
}

/// A segment of raw events → the journal of its session.
pub(crate) fn segment(data: &[u8]) {
    static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));
    static OPEN: LazyLock<Open> = LazyLock::new(|| {
        let sessions = Sessions::new(FOLDER.path());
        let id = SessionId::parse("fuzz").expect("a name");
        let active = json!({ "version": 1, "id": id, "start": "2026-11-22T10:00:00.000Z", "line": "sh" });
        sessions.open(serde_json::from_value::<Active>(active).expect("a session")).expect("opened")
    });
    static SEGMENT: LazyLock<PathBuf> = LazyLock::new(|| OPEN.claim().expect("a segment"));
    fs::write(&*SEGMENT, data).expect("written");
    let place = Place { root: "/home/u/app".into(), home: Some("/home/u".into()) };
    let mut closing = Closing::new(&place, 0, false, ecosystems::READS);
    let mut read = 0_usize;
    let digest = OPEN.read(&mut |event| match event {
        None => closing.segment(),
        Some(event) => {
            read += 1;
            let written = serde_json::to_vec(&event).expect("written");
            assert_eq!(serde_json::from_slice::<Event>(&written).expect("read back"), event);
            closing.event(event);
        }
    });
    let Ok(digest) = digest else { return };
    assert!(digest.length as usize <= data.len() && read <= data.len());
    let journal = closing.finish(session("fuzz"), digest, &|_| BTreeMap::default());
    again(&journal);
    flake_of(journal, &Policy::default());
}

/// A transcript of any agent → the journal of what it tells.
pub(crate) fn transcript(data: &[u8]) {
    let mut claims = Claims::new(ecosystems::READS);
    let mut import = Import::default();
    import.read(data, &mut |call| claims.call(call)).expect("bytes can be read");
    let Some(transcript) = import.finish(&mut |call| claims.call(call)) else { return };
    let place = Place { root: "/home/u/app".into(), home: Some("/home/u".into()) };
    let now = chrono::DateTime::from_timestamp_millis(1_795_168_800_000).expect("a time");
    let journal = imported(transcript, claims, |_| SessionId::parse("fuzz"), now, &place);
    let Ok(journal) = journal else { return };
    again(&journal);
    flake_of(journal, &Policy::default());
}

/// What Nix says with `--log-format internal-json`.
pub(crate) fn nix_log(data: &[u8]) {
    let (mut building, mut heard) = (0_i64, 0_usize);
    let read = listen(data, &mut |it| {
        heard += 1;
        match it {
            Heard::Line(line) | Heard::Says(_, line) => assert!(!line.contains(['\n', '\r', '\u{1b}']), "{line:?}"),
            Heard::Building(_) => building += 1,
            Heard::Ended(_) => building -= 1,
            Heard::Substituting(_) => {}
        }
        assert!(building >= 0, "nothing ends that did not begin");
    });
    read.expect("bytes can be read");
    assert!(heard <= 3 * data.len());
}

/// A database of nix-index: as it is, or what one holds unpacked.
pub(crate) fn nix_index(data: &[u8]) {
    let packed = if data.starts_with(b"NIXI") { data.to_vec() } else { database(data) };
    let facts = Facts::read(&packed[..], &mut |_| ());
    if let Ok(facts) = facts {
        assert!(facts.store_paths > 0 && facts.entries <= data.len() as u64 * 1000);
    }
}

/// A lock file.
pub(crate) fn lock(data: &[u8]) {
    if let Some(pin) = Pin::from_lock(data) {
        let lock = Flake::new(&Requirements::default(), &pin).lock();
        assert_eq!(Pin::from_lock(lock.as_bytes()), Some(pin));
    }
    judged("flake.lock", data);
}

/// One of our files in a pull request: the first byte says which.
pub(crate) fn statics(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    let paths = [
        "flake.nix",
        "flake.lock",
        ".agent-capture/requirements.json",
        ".agent-capture/policy.toml",
        ".agent-capture/.gitattributes",
    ];
    match paths.get(usize::from(which.wrapping_sub(b'0'))) {
        Some(path) => judged(path, bytes),
        None => judged(&format!(".agent-capture/{}/journal.json", GOOD.1), bytes),
    }
}

/// Any requirements → a flake. Each line is one thing: `package ATTR RUNS PROGRAM…`, `python NAME`, `check NAME|FOLDER|LINE`,
/// `system NAME`, `unfree NAME`, `compiler`; what is no such thing is passed over.
pub(crate) fn render(data: &[u8]) {
    if let Some(flake) = rendered(data) {
        is_sound(&flake);
    }
}

/// The flake of what [`render`] reads.
pub(crate) fn rendered(data: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(data);
    let mut wanted = json!({
        "systems": [], "compiler": [], "packages": [], "checks": [], "unchecked": [], "ignored": [], "unrecognized": []
    });
    let mut seen = std::collections::BTreeSet::new();
    for line in text.split('\n').take(200) {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let entry = match kind {
            "package" | "python" => package(kind, rest),
            "check" => check(rest),
            "system" => Some(("systems", json!(rest))),
            "unfree" => Some(("unfree", json!(rest))),
            "compiler" => Some(("compiler", json!({ "session": "s", "entry": "p1" }))),
            _ => None,
        };
        let Some((list, value)) = entry else { continue };
        let key = value.get("attr").or(value.get("name")).unwrap_or(&value).clone();
        // Each entry by itself must be what the reader takes.
        let mut one = json!({
            "systems": [], "compiler": [], "packages": [], "checks": [], "unchecked": [], "ignored": [], "unrecognized": []
        });
        one[list] = json!([value]);
        if serde_json::from_value::<Requirements>(one).is_ok() && seen.insert((list, key.to_string())) {
            if wanted[list].is_null() {
                wanted[list] = json!([]);
            }
            wanted[list].as_array_mut().expect("a list").push(value);
        }
    }
    let mut requirements: Requirements = serde_json::from_value(wanted).expect("each entry is well-formed");
    requirements.packages.sort_by(|a, b| a.attr.cmp(&b.attr));
    requirements.checks.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    let document =
        Document { version: VERSION, format: FORMAT, index: "2026-07-18".into(), pin: default_pin(), requirements };
    Flake::of(&document).render().ok()
}

fn package(kind: &str, rest: &str) -> Option<(&'static str, Value)> {
    let mut words = rest.split(' ');
    let attr = words.next()?;
    let attr = if kind == "python" { format!("python3Packages.{attr}") } else { attr.to_owned() };
    let runs: u64 = words.next().and_then(|runs| runs.parse().ok()).unwrap_or_default();
    let programs: Vec<&str> = words.collect();
    Some(("packages", json!({ "attr": attr, "programs": programs, "runs": runs, "known": "traced", "evidence": [] })))
}

fn check(rest: &str) -> Option<(&'static str, Value)> {
    let mut parts = rest.splitn(3, '|');
    let (name, folder, line) = (parts.next()?, parts.next()?, parts.next()?);
    Some(("checks", json!({ "name": name, "folder": folder, "line": line, "evidence": [] })))
}

/// A command line, and the same as arguments: nothing is left to take out of what is written.
pub(crate) fn redacted(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (once, changed) = redact::line(&text);
    assert_eq!(changed, once != text);
    assert_eq!(redact::line(&once), (once.clone(), false), "{text:?}");
    let words: Vec<Vec<u8>> = data.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (once, _) = redact::argv(&words);
    assert_eq!(once.len(), words.len());
    assert_eq!(redact::argv(&once).0, once, "{words:?}");
}

/// Asserts that a flake is printable ASCII that parses, and that formatting leaves it as it is.
pub(crate) fn is_sound(flake: &str) {
    assert!(flake.bytes().all(|byte| byte == b'\n' || (0x20..=0x7e).contains(&byte)), "{flake}");
    let errors = rnix::Root::parse(flake).errors().to_vec();
    assert!(errors.is_empty(), "{errors:?}\n{flake}");
    let formatted = nixfmt_rs::format(flake).unwrap_or_else(|error| panic!("{error:?}\n{flake}"));
    assert_eq!(formatted, flake, "nixfmt leaves it as it is");
}

/// Asserts that a journal is read as it is written, unless it is too long to be one.
fn again(journal: &Journal) {
    let Ok(written) = journal.to_bytes() else { return };
    let back = Journal::parse(&written);
    let back = back.unwrap_or_else(|error| panic!("{error:#}\n{}", String::from_utf8_lossy(&written)));
    assert_eq!(back.to_bytes().expect("written"), written);
}

fn flake_of(journal: Journal, policy: &Policy) {
    let requirements = ecosystems::resolve(&[journal], &INDEX, policy);
    let document =
        Document { version: VERSION, format: FORMAT, index: INDEX.date().to_owned(), pin: default_pin(), requirements };
    let written = document.to_bytes().expect("written");
    assert_eq!(Document::parse(&written).expect("read back"), document);
    if let Ok(flake) = Flake::of(&document).render() {
        is_sound(&flake);
    }
}

/// Files that hold, and the name of their session.
static GOOD: LazyLock<(Files, SessionId)> = LazyLock::new(|| {
    let bytes = include_bytes!("../../fixtures/make-check/journal.json");
    let journal = Journal::parse(bytes).expect("a journal");
    let id = journal.session.id.clone();
    let requirements = ecosystems::resolve(&[journal], &INDEX, &Policy::default());
    let document =
        Document { version: VERSION, format: FORMAT, index: INDEX.date().to_owned(), pin: default_pin(), requirements };
    let flake = Flake::of(&document);
    let file = |path: &str, bytes: Vec<u8>| (path.to_owned(), Found::File(bytes));
    let found = [
        file("flake.nix", flake.render().expect("rendered").into_bytes()),
        file("flake.lock", flake.lock().into_bytes()),
        file(".agent-capture/requirements.json", document.to_bytes().expect("bytes")),
        file(&format!(".agent-capture/{id}/journal.json"), bytes.to_vec()),
        file(".agent-capture/.gitattributes", agent_capture::verification::statics::ATTRIBUTES.into()),
    ];
    (Files { found: found.into(), ..Files::default() }, id)
});

/// Judges files of which one is replaced: when they hold, flake and lock are our own render.
fn judged(path: &str, bytes: &[u8]) {
    let mut files = GOOD.0.clone();
    files.found.insert(path.to_owned(), Found::File(bytes.to_vec()));
    for untrusted in [false, true] {
        let judged = judge(&files, &Rules { index: &INDEX, base: None, untrusted });
        for finding in &judged.findings {
            assert!(!finding.message.is_empty());
        }
        if !judged.holds() {
            continue;
        }
        let flake = Flake::of(judged.document.as_ref().expect("it holds"));
        let rendered = flake.render().expect("rendered");
        is_sound(&rendered);
        assert_eq!(files.bytes("flake.nix"), Some(rendered.as_bytes()));
        assert_eq!(files.bytes("flake.lock"), Some(flake.lock().as_bytes()));
    }
}

fn session(name: &str) -> Session {
    let text = include_bytes!("../../fixtures/make-check/journal.json");
    let mut session = Journal::parse(text).expect("a journal").session;
    session.id = SessionId::parse(name).expect("a name");
    session.line = Bytes::from("sh");
    session.system = System::parse("x86_64-linux").expect("a system");
    session
}

/// Packs entries as nix-index does, without compression.
pub(crate) fn database(entries: &[u8]) -> Vec<u8> {
    let mut out = [&b"NIXI"[..], &1_u64.to_le_bytes()].concat();
    // A frame of one segment whose size has four bytes; raw blocks have 128 KiB at most.
    out.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000]);
    out.extend_from_slice(&u32::try_from(entries.len()).expect("short").to_le_bytes());
    let mut blocks = entries.chunks(1 << 17).peekable();
    if entries.is_empty() {
        out.extend_from_slice(&[1, 0, 0]);
    }
    while let Some(block) = blocks.next() {
        let head = u32::from(blocks.peek().is_none()) | (block.len() as u32) << 3;
        out.extend_from_slice(&head.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    out
}

/// The folder of what each target was given.
pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}
