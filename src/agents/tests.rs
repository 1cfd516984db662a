use std::path::{Path, PathBuf};

use super::*;
use crate::journal::Outcome;

/// Returns the transcripts of the fixtures.
fn fixtures() -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "transcript");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    below(&folder)
        .into_iter()
        .chain(std::fs::read_dir(&folder).expect("fixtures").flatten().map(|it| it.path().join("transcript.md")))
        .filter(|path| is_one(path) && path.exists())
        .collect()
}

fn read(parts: &[&[u8]]) -> (Vec<Call>, Option<Transcript>) {
    let mut calls = Vec::new();
    let mut import = Import::default();
    for part in parts {
        import.read(*part, &mut |call| calls.push(call)).expect("memory is readable");
    }
    let transcript = import.finish(&mut |call| calls.push(call));
    (calls, transcript)
}

#[test]
fn a_transcript_that_ends_anywhere_tells_no_more() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= ALL.len(), "{}", fixtures.len());
    for path in fixtures {
        let bytes = std::fs::read(&path).expect("a transcript");
        let (whole, transcript) = read(&[&bytes]);
        assert!(transcript.is_some() && !whole.is_empty(), "{}", path.display());
        for cut in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
            // A line of text is whole wherever it ends; JSON is not.
            let is_text = path.extension().is_some_and(|end| end == "md");
            let line = bytes[..cut].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let (part, _) = read(&[&bytes[..if is_text { line } else { cut }]]);
            let ran: Vec<&str> =
                part.iter().filter(|it| it.outcome == Outcome::Ran).map(|it| it.line.as_str()).collect();
            let may = |line: &&str| whole.iter().any(|it| it.line == **line && it.outcome == Outcome::Ran);
            assert!(part.len() <= whole.len() && ran.iter().all(may), "{} at {cut}", path.display());
        }
    }
}

#[test]
fn what_is_told_twice_is_one_command() {
    for path in fixtures() {
        let bytes = std::fs::read(&path).expect("a transcript");
        let (once, _) = read(&[&bytes]);
        let (twice, _) = read(&[&bytes, &bytes]);
        let with_ids = once.iter().filter(|call| !call.id.is_empty()).count();
        let without = once.len() - with_ids;
        assert_eq!(twice.len(), with_ids + 2 * without, "{}", path.display());
    }
}

#[test]
fn parts_of_a_long_transcript() {
    let path = fixtures().into_iter().find(|path| path.to_string_lossy().contains("codex-calls")).expect("a fixture");
    let bytes = std::fs::read(path).expect("a transcript");
    let at = bytes.iter().position(|b| *b == b'\n').expect("lines") + 1;
    let middle = at + bytes[at..].iter().position(|b| *b == b'\n').expect("lines") + 1;
    assert_eq!(read(&[&bytes[..middle], &bytes[middle..]]).0, read(&[&bytes]).0);
}

#[test]
fn what_is_no_transcript() {
    for text in [
        "",
        "\n\n",
        "{}",
        "[]",
        "[[[]]]",
        "{\"messages\": 7}",
        "{\"messages\": [1, null]}",
        "no JSON",
        "\0\u{ff}",
        "{\"a\":",
    ] {
        let (calls, transcript) = read(&[text.as_bytes()]);
        assert!(calls.is_empty() && transcript.is_none(), "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(read(&[deep.as_bytes()]).1.is_none());
}

#[test]
fn lines_that_are_too_long() {
    let path = fixtures().into_iter().find(|path| path.to_string_lossy().contains("codex-calls")).expect("a fixture");
    let mut bytes = std::fs::read(path).expect("a transcript");
    let (before, _) = read(&[&bytes]);
    bytes.extend_from_slice(b"{\"payload\": \"call ");
    bytes.resize(bytes.len() + (40 << 20), b'x');
    bytes.extend_from_slice(b"\"}\n");
    let (after, transcript) = read(&[&bytes]);
    assert_eq!((after.len(), transcript.expect("known").digest.unwritten), (before.len(), 1));
}
