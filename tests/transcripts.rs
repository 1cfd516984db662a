//! Real transcripts, which are not in this repository: what is read of each is compared with `tests/data/transcripts.tsv`,
//! counts only. They are looked for in the folder that `AGENT_CAPTURE_TRANSCRIPTS` names, else in `../shared/transcripts`
//! beside the checkout. `SNAPSHOTS=overwrite` writes the table anew.

mod support;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use agent_capture::agents::{Import, below};
use agent_capture::ecosystems;
use agent_capture::journal::{Claims, Outcome, StatusKnown, Summary};
use snapbox::{Assert, Data};

const COLUMNS: &str = "file\tagent\tunread\tcalls\tran\trefused\tblocked\tcancelled\tunknown\texact\tparsed\tinferred\tuntold\t\
    failed\truns\tfailed_runs\taside\tmissing\tkept\tprograms\n";

fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/transcripts");
    std::env::var_os("AGENT_CAPTURE_TRANSCRIPTS").map(PathBuf::from).or(Some(beside)).filter(|folder| folder.is_dir())
}

fn row(name: &str, path: &Path) -> String {
    let mut claims = Claims::new(ecosystems::READS);
    let mut import = Import::default();
    import.read(File::open(path).expect("a file"), &mut |call| claims.call(call)).expect("readable");
    let transcript = import.finish(&mut |call| claims.call(call)).unwrap_or_else(|| panic!("{name}: no agent's"));
    let Summary { calls, outcomes, statuses, failed, runs, failed_runs, aside, missing, kept, programs, .. } =
        claims.summary();
    let mut row = format!("{name}\t{}\t{}\t{calls}", transcript.agent, transcript.digest.unwritten);
    for outcome in [Outcome::Ran, Outcome::Refused, Outcome::Blocked, Outcome::Cancelled, Outcome::Unknown] {
        write!(row, "\t{}", outcomes.get(&outcome).unwrap_or(&0)).expect("a String takes it");
    }
    for known in [StatusKnown::Exact, StatusKnown::Parsed, StatusKnown::Inferred, StatusKnown::Unknown] {
        write!(row, "\t{}", statuses.get(&known).unwrap_or(&0)).expect("a String takes it");
    }
    // Names of the recorded projects' own tools are nobody's business: only programs that the index has are named.
    let index = agent_capture::index::Index::new();
    let public = |name: &str| index.program(name).is_some() || index.stdenv(name).is_some();
    let known = programs.iter().filter(|(name, _)| public(name)).map(|(name, runs)| format!("{name}={runs}"));
    let others: u64 = programs.iter().filter(|(name, _)| !public(name)).map(|(_, runs)| runs).sum();
    let programs: Vec<String> = known.chain((others > 0).then(|| format!("?={others}"))).collect();
    let numbers = format!("{failed}\t{runs}\t{failed_runs}\t{aside}\t{missing}\t{kept}");
    format!("{row}\t{numbers}\t{}\n", programs.join(" "))
}

#[test]
fn real_transcripts_are_read_as_before() {
    let Some(folder) = folder() else {
        return support::skipped("no real transcripts: set AGENT_CAPTURE_TRANSCRIPTS to their folder");
    };
    let files = below(&folder);
    assert!(files.len() >= 25, "{} transcripts in {}", files.len(), folder.display());
    let mut table = COLUMNS.to_owned();
    for path in files {
        let name = path.strip_prefix(&folder).expect("below").to_string_lossy().into_owned();
        table += &row(&name, &path);
    }
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/transcripts.tsv");
    Assert::new()
        .action_env("SNAPSHOTS")
        .eq(table, Data::read_from(&expected, Some(snapbox::data::DataFormat::Text)).raw());
    assert!(fs::exists(expected).expect("readable"), "the table is written");
}
