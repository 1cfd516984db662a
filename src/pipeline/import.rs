//! `import`: transcript → journal, and on as from a recording.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use chrono::{DateTime, SecondsFormat, Utc};

use super::capture::take;
use super::open::{free_name, place};
use super::{Answer, Options, World};
use crate::agents::{self, Head, Import, Transcript};
use crate::commit::Repository;
use crate::console::{Hint, escape};
use crate::ecosystems;
use crate::event::Bytes;
use crate::journal::{Call, Claims, Journal, Outcome, Place, Recorder, Session, SessionId, Summary};
use crate::nix::{Nix, System};

/// What a transcript cannot tell, a sentence each.
const BLIND: &[&str] = &[
    "It tells what the agent says it ran; no kernel saw it.",
    "Of what programs start, only what their command line names is in it; where a program was found is not.",
];

/// Which transcript.
#[derive(Clone, Debug)]
pub enum Source {
    /// Standard input.
    Input,
    /// A file, or all transcripts in a folder.
    Path(PathBuf),
    /// The newest one of this project.
    Latest,
}

/// `import`: makes a session of a transcript and captures it; with `dry_run` only says what the transcript tells.
pub fn import(world: &World, source: &Source, json: bool, options: &Options) -> anyhow::Result<Answer> {
    let repository = if options.dry_run { None } else { Some(Repository::discover(&world.cwd)?) };
    let (files, shown) = files(world, source)?;
    let mut claims = Claims::new(ecosystems::READS);
    let transcript = read(files, &mut claims).with_context(|| format!("failed to read `{shown}`"))?;
    let transcript = transcript.ok_or_else(|| anyhow!("`{shown}` is no transcript of an agent that is known"));
    let transcript = transcript.hint("`agent-capture import --help` names the agents")?;
    let text = if json { as_json(&transcript, claims.summary())? } else { as_text(&transcript, claims.summary()) };
    let Some(repository) = repository else {
        world.console.print(text)?;
        return Ok(Answer::Yes);
    };
    match json {
        true => world.console.print(text)?,
        false => world.console.say(text.trim_end()),
    }
    let name = |dated: &str| free_name(&repository, options.name.as_deref().unwrap_or(dated));
    let mut journal = imported(transcript, claims, name, (world.now)(), &place(world, &repository))?;
    super::files::keep(&mut journal, repository.root());
    super::flakes::told(&mut journal, Nix::find(world.path.as_deref()).as_ref());
    take(world, &repository, journal, None, options)
}

/// Returns the files to read, none for standard input, and how a person knows them.
fn files(world: &World, source: &Source) -> anyhow::Result<(Vec<PathBuf>, String)> {
    let path = match source {
        Source::Input => return Ok((Vec::new(), "standard input".to_owned())),
        Source::Path(path) => world.cwd.join(path),
        Source::Latest => {
            let root = Repository::discover(&world.cwd)?.root().to_path_buf();
            let home = world.home.as_deref().ok_or_else(|| anyhow!("HOME is not set"))?;
            let found = agents::latest(home, &root).ok_or_else(|| anyhow!("no agent has a session of this project"));
            let found =
                found.hint("name the transcript: `agent-capture import FILE`; opencode, Goose: export it first")?;
            world.console.say(format_args!("transcript {}", escape(&found.to_string_lossy())));
            found
        }
    };
    let shown = escape(&path.to_string_lossy());
    let meta = fs::metadata(&path).with_context(|| format!("failed to read `{shown}`"))?;
    if meta.is_dir() {
        let files = agents::below(&path);
        let any = if files.is_empty() { Err(anyhow!("`{shown}` has no transcripts")) } else { Ok(files) };
        return Ok((any?, shown));
    }
    // Claude Code writes what subagents did beside the session.
    let mut files = agents::below(&path.with_extension("").join("subagents"));
    files.insert(0, path);
    Ok((files, shown))
}

/// Reads the commands of a transcript.
pub(super) fn calls(path: &Path, each: &mut dyn FnMut(Call)) -> anyhow::Result<()> {
    let shown = || escape(&path.to_string_lossy());
    // To open a pipe would wait for somebody.
    let is_file = fs::metadata(path).is_ok_and(|meta| meta.is_file());
    ensure!(is_file, "`{}` is no file", shown());
    let file = File::open(path).with_context(|| format!("failed to open `{}`", shown()))?;
    let mut import = Import::default();
    import.read(file, each)?;
    import.finish(each);
    Ok(())
}

fn read(files: Vec<PathBuf>, claims: &mut Claims) -> anyhow::Result<Option<Transcript>> {
    let mut import = Import::default();
    if files.is_empty() {
        import.read(std::io::stdin().lock(), &mut |call| claims.call(call))?;
    }
    for path in files {
        let file =
            File::open(&path).with_context(|| format!("failed to open `{}`", escape(&path.to_string_lossy())))?;
        import.read(file, &mut |call| claims.call(call))?;
    }
    Ok(import.finish(&mut |call| claims.call(call)))
}

/// Returns the journal of what a transcript tells. Without a name it is named by its first command's time, or by `now`;
/// `place` is the project here, which the transcript's own takes the place of when that is another.
pub fn imported(
    transcript: Transcript,
    claims: Claims,
    name: impl FnOnce(&str) -> anyhow::Result<SessionId>,
    now: DateTime<Utc>,
    place: &Place,
) -> anyhow::Result<Journal> {
    let Transcript { agent, head, digest } = transcript;
    let time = |at: Option<i64>| at.and_then(DateTime::from_timestamp_millis).unwrap_or(now);
    let (start, end) = (time(claims.summary().start), time(claims.summary().end));
    let written = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let place = told(place, &head);
    let session = Session {
        id: name(&start.format("%Y%m%d-%H%M%S").to_string())?,
        start: written(start),
        end: written(end),
        line: Bytes::from(agent),
        agent: Some(head.agent.unwrap_or_else(|| agent.to_owned())),
        agent_version: head.version,
        model: head.model,
        recorder: Recorder {
            name: "transcript".to_owned(),
            blind: BLIND.iter().map(|sentence| (*sentence).to_owned()).collect(),
        },
        system: System::current(),
        os: None,
        nix: None,
        nixpkgs: None,
        base: None,
        status: None,
    };
    Ok(claims.finish(session, &place, &digest))
}

/// Returns the project and the home folder as the transcript names them: it may be of another machine.
fn told(here: &Place, head: &Head) -> Place {
    match head.root.as_deref().map(Path::new) {
        Some(told) if !told.starts_with(&here.root) => Place { root: told.to_path_buf(), home: home(told) },
        _ => here.clone(),
    }
}

/// Returns the home folder that a path is in, by where systems have them.
fn home(path: &Path) -> Option<PathBuf> {
    let mut parts = path.iter();
    let (root, first) = (parts.next()?, parts.next()?);
    match first.to_str() {
        Some("home" | "Users") => Some([root, first, parts.next()?].iter().collect()),
        Some("root") => Some([root, first].iter().collect()),
        _ => None,
    }
}

fn as_json(transcript: &Transcript, summary: &Summary) -> anyhow::Result<String> {
    let Transcript { agent, head, digest } = transcript;
    let value = serde_json::json!({
        "agent": head.agent.as_deref().unwrap_or(agent), "format": agent, "version": head.version, "model": head.model,
        "bytes": digest.length, "sha256": digest.sha256, "unread": digest.unwritten, "told": summary,
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn as_text(transcript: &Transcript, summary: &Summary) -> String {
    let Transcript { agent, head, digest } = transcript;
    let of = |outcome| summary.outcomes.get(&outcome).copied().unwrap_or_default();
    let mut did: Vec<String> = vec![format!("{} ran, {} of them failed", of(Outcome::Ran), summary.failed)];
    for (outcome, word) in [
        (Outcome::Refused, "refused"),
        (Outcome::Blocked, "blocked"),
        (Outcome::Cancelled, "cancelled"),
        (Outcome::Unknown, "without a result"),
    ] {
        did.extend(Some(of(outcome)).filter(|count| *count > 0).map(|count| format!("{count} {word}")));
    }
    let mut programs: Vec<(&String, &u64)> = summary.programs.iter().collect();
    programs.sort_by_key(|(name, runs)| (u64::MAX - **runs, *name));
    let list: Vec<String> = programs.iter().take(24).map(|(name, runs)| format!("{} {runs}", escape(name))).collect();
    let more = programs.len().saturating_sub(list.len());
    let agent = head.agent.as_deref().unwrap_or(agent);
    let told = [Some(agent), head.version.as_deref(), head.model.as_deref()].into_iter().flatten();
    let rows = [
        ("agent", escape(&told.collect::<Vec<_>>().join(", "))),
        ("commands", format!("{}: {}", summary.calls, did.join(", "))),
        ("programs", if more > 0 { format!("{}, {more} more", list.join(", ")) } else { list.join(", ") }),
        ("set aside", format!("{} runs of programs that are not known to have ended well", summary.aside)),
        ("installs", format!("{} command lines that say what is needed", summary.kept)),
        ("unread", format!("{} damaged or overlong lines", digest.unwritten)),
    ];
    let always = |name: &str| ["agent", "commands", "programs"].contains(&name);
    let rows = rows.iter().filter(|(name, text)| always(name) || !text.starts_with("0 "));
    rows.map(|(name, text)| format!("{name:9}  {text}\n")).collect()
}
