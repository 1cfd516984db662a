//! Golden sessions: a folder of `fixtures` is a session frozen at each stage, `journal.json → requirements.json →
//! flake.nix → report.md`, with a `transcript.*` before them where an agent told it. `SNAPSHOTS=overwrite cargo test --test golden` writes what is expected anew.

use std::path::Path;

use agent_capture::agents::Import;
use agent_capture::ecosystems;
use agent_capture::flake::{Flake, default_pin};
use agent_capture::index::Index;
use agent_capture::journal::{Claims, Journal, Place, SessionId};
use agent_capture::nix::System;
use agent_capture::pipeline::imported;
use agent_capture::policy::Policy;
use agent_capture::report::Report;
use agent_capture::requirements::{Document, FORMAT, VERSION};
use agent_capture::verification::Versions;
use snapbox::{Assert, Data};

fn session(path: &Path) -> datatest_stable::Result<()> {
    let folder = path.parent().ok_or("a journal is in a folder")?;
    let text = std::fs::read(path)?;
    let journal = Journal::parse(&text)?;
    assert_eq!(
        String::from_utf8(journal.to_bytes()?)?,
        String::from_utf8(text)?,
        "the journal is written as it was read"
    );
    let policy = match std::fs::read_to_string(folder.join("policy.toml")) {
        Ok(text) => Policy::parse(&text)?,
        Err(_absent) => Policy::default(),
    };
    let (index, journals) = (Index::new(), [journal]);
    let requirements = ecosystems::resolve(&journals, &index, &policy);
    let document =
        Document { version: VERSION, format: FORMAT, index: index.date().to_owned(), pin: default_pin(), requirements };
    let bytes = document.to_bytes()?;
    assert_eq!(Document::parse(&bytes)?, document, "the document is read as it was written");
    let flake = Flake::of(&document).render()?;
    assert_eq!(
        nixfmt_rs::format(&flake).map_err(|error| format!("{error:?}"))?,
        flake,
        "nixfmt leaves the flake as it is"
    );
    assert!(rnix::Root::parse(&flake).errors().is_empty(), "the flake parses");
    let versions = Versions::default();
    let report = Report {
        document: &document,
        journals: &journals,
        index: &index,
        versions: &versions,
        verification: None,
        findings: &[],
    };
    let check = |name: &str, text: String| {
        Assert::new()
            .action_env("SNAPSHOTS")
            .eq(text, Data::read_from(&folder.join(name), Some(snapbox::data::DataFormat::Text)).raw());
    };
    check("requirements.json", String::from_utf8(bytes)?);
    if folder.ends_with("host-demo") {
        let readme = include_str!("../README.md");
        assert!(readme.contains(&flake), "the flake in the README is this one");
    }
    check("flake.nix", flake);
    check("report.md", report.markdown());
    Ok(())
}

fn transcript(path: &Path) -> datatest_stable::Result<()> {
    let folder = path.parent().ok_or("a transcript is in a folder")?;
    let name = folder.file_name().and_then(|name| name.to_str()).ok_or("a name")?;
    let mut claims = Claims::new(ecosystems::READS);
    let mut import = Import::default();
    import.read(std::fs::File::open(path)?, &mut |call| claims.call(call))?;
    let transcript = import.finish(&mut |call| claims.call(call)).ok_or("an agent's transcript")?;
    assert!(name.starts_with(&format!("{}-", transcript.agent)), "{name} is of {}", transcript.agent);
    let place = Place { root: "/home/u/app".into(), home: Some("/home/u".into()) };
    let now = chrono::DateTime::from_timestamp_millis(1_795_168_800_000).ok_or("a time")?;
    let mut journal = imported(transcript, claims, |_| SessionId::parse(name), now, &place)?;
    journal.session.system = System::parse("x86_64-linux")?;
    Assert::new().action_env("SNAPSHOTS").eq(
        String::from_utf8(journal.to_bytes()?)?,
        Data::read_from(&folder.join("journal.json"), Some(snapbox::data::DataFormat::Text)).raw(),
    );
    Ok(())
}

datatest_stable::harness! {
    { test = transcript, root = "fixtures", pattern = r"transcript\.[a-z]+$" },
    { test = session, root = "fixtures", pattern = r"journal\.json$" },
}
