//! `start`: opens a session that commands join later.
//!
//! At a terminal that is a recorded shell. Else variables are printed, or written for later steps of a workflow, by which
//! later shells record themselves.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::join::{INSIDE, SESSION};
use super::{Answer, Options, World, open, token};
use crate::event::Status;
use crate::recorders::{self, Launch};
use crate::session::{Open, Sessions, is_entry, quoted};

/// The command line of a session that only waits for commands to join it.
pub(super) const LINE: &str = "agent-capture start";
/// The user's own BASH_ENV, which ours reads.
const BASH_ENV: &str = "AGENT_CAPTURE_BASH_ENV";
/// The user's own ZDOTDIR, which ours goes back to.
const ZDOTDIR: &str = "AGENT_CAPTURE_ZDOTDIR";

/// The shell that reads what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// sh, bash, zsh.
    #[default]
    Posix,
    /// fish.
    Fish,
}

/// Where `start` is called.
pub struct Place<'a> {
    /// The user's shell, when standard output is a terminal.
    pub terminal: Option<OsString>,
    /// The shell that reads what is printed; none to find it out.
    pub syntax: Option<Syntax>,
    /// The file that GitHub Actions reads the environment of later steps from.
    pub github_env: Option<PathBuf>,
    /// The environment.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
}

/// `start`: a recorded shell, or variables by which later shells record themselves.
pub fn start(world: &World, place: &Place, options: &Options) -> anyhow::Result<(Status, anyhow::Result<Answer>)> {
    if let Some(shell) = &place.terminal {
        world
            .console
            .say("this shell is recorded: leave it with `exit`, or close the session with `agent-capture stop`");
        return super::run(world, std::slice::from_ref(shell), options);
    }
    let repository = super::repository(world, options)?;
    repository.propose(&[], false)?.ready()?;
    let how = Launch { recorder: options.recorder.clone(), keep_sudo: options.keep_sudo, ..Launch::default() };
    recorders::warnings(&how).iter().for_each(|warning| world.console.warn(warning));
    let argv = LINE.split(' ').map(OsString::from).collect::<Vec<_>>();
    let open = open::open(world, &repository, &super::begin(&argv, options), options)?;
    let told = tell(world, &Sessions::new(repository.git_dir()), &open, place);
    if told.is_err() {
        open.abandon()?;
    }
    told?;
    Ok((Status::Code(0), Ok(Answer::Yes)))
}

/// Says the variables to whoever sets them.
fn tell(world: &World, sessions: &Sessions, open: &Open, place: &Place) -> anyhow::Result<()> {
    let variables = variables(sessions, open, place.environment)?;
    let id = &open.active.id;
    if let Some(path) = &place.github_env {
        let written = for_github(&variables).and_then(|text| {
            let mut file = std::fs::File::options().append(true).create(true).open(path)?;
            Ok(file.write_all(&text)?)
        });
        written.with_context(|| format!("failed to write to `{}`", path.display()))?;
        world.console.say(format_args!("session {id} is open: the shells of later steps record themselves"));
        return Ok(());
    }
    let syntax = place.syntax.unwrap_or_else(calling);
    let mut out = std::io::stdout().lock();
    out.write_all(&for_shell(&variables, syntax)).and_then(|()| out.flush()).context("failed to print")?;
    world.console.say(format_args!("session {id} is open: what bash and zsh run non-interactively records itself"));
    Ok(())
}

/// Returns the variables by which shells enter a session.
pub(super) fn variables(
    sessions: &Sessions,
    open: &Open,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let entry = sessions.entry(&std::env::current_exe().context("failed to find this program")?)?;
    let mut variables = vec![(SESSION, open.folder().into_os_string())];
    for (name, keep) in [("BASH_ENV", BASH_ENV), ("ZDOTDIR", ZDOTDIR)] {
        // When ours is there from a session before, the user's own was kept then.
        let own = environment(name).filter(|value| !value.is_empty() && !is_entry(value.as_bytes()));
        variables.extend(own.map(|value| (keep, value)));
    }
    variables.push(("BASH_ENV", OsString::from_vec(entry.bash_env)));
    variables.push(("ZDOTDIR", entry.zdotdir.into_os_string()));
    Ok(variables)
}

/// Returns whether the shell that calls has the variables of a session, and is not recorded itself.
pub(super) fn is_set(open: &Open) -> bool {
    let is = |name| std::env::var_os(name).is_some_and(|value| value == open.folder());
    is(SESSION) && !is(INSIDE)
}

/// Returns lines that set variables, safe to eval.
fn for_shell(variables: &[(&'static str, OsString)], syntax: Syntax) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in variables {
        let value = value.as_bytes();
        let (set, value) = match syntax {
            Syntax::Posix => (format!("export {name}="), quoted(value)),
            Syntax::Fish => (format!("set -gx {name} "), for_fish(value)),
        };
        text.extend_from_slice(&[set.as_bytes(), &value, b";\n"].concat());
    }
    text
}

/// Quotes a word for fish, in whose single quotes a backslash escapes itself and the quote.
fn for_fish(word: &[u8]) -> Vec<u8> {
    let escaped = word.iter().flat_map(|byte| match byte {
        b'\'' | b'\\' => vec![b'\\', *byte],
        byte => vec![*byte],
    });
    [b"'".to_vec(), escaped.collect(), b"'".to_vec()].concat()
}

/// Returns what a workflow's file of variables takes: a delimiter that is in no value, so that none can set another.
fn for_github(variables: &[(&'static str, OsString)]) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    for (name, value) in variables {
        let delimiter = format!("agent-capture-{}", token()?);
        text.extend_from_slice(format!("{name}<<{delimiter}\n").as_bytes());
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(format!("\n{delimiter}\n").as_bytes());
    }
    Ok(text)
}

/// Returns the shell that called this program, as far as its quoting goes.
fn calling() -> Syntax {
    let program = format!("/proc/{}/exe", std::os::unix::process::parent_id());
    let program = std::fs::read_link(program).unwrap_or_default();
    if Path::file_name(&program) == Some(OsStr::new("fish")) { Syntax::Fish } else { Syntax::Posix }
}
