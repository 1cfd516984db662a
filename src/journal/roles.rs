//! What a program is to a session, by its name and arguments: a shell, an interpreter, what it was started for, and
//! whether it ended well.

use std::path::Path;

use crate::event::{Bytes, Exec, Status};

/// Programs whose status 1 is an answer and no failure, by their manuals.
const ANSWERS: &[&[u8]] = &[
    b"[", b"cmp", b"diff", b"diff3", b"egrep", b"expr", b"fgrep", b"grep", b"pgrep", b"pidof", b"pkill", b"rg",
    b"test", b"which", b"zgrep",
];

/// Shells: what they start are commands.
const SHELLS: &[&[u8]] =
    &[b"ash", b"bash", b"busybox", b"dash", b"elvish", b"fish", b"ksh", b"mksh", b"nu", b"sh", b"xonsh", b"zsh"];

/// Interpreters: with a script as their first argument they may be an agent, and what they start are commands.
const INTERPRETERS: &[&str] = &["bun", "deno", "java", "node", "perl", "php", "python", "ruby"];

/// Programs that set something up and then become another program.
const PREFIXES: &[&[u8]] =
    &[b"chrt", b"dumb-init", b"env", b"ionice", b"nice", b"nohup", b"setsid", b"stdbuf", b"taskset"];

/// Returns the last component of a path.
pub(super) fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or_default()
}

/// Returns whether a run that ended so ended well: status 0, an answer, a reader that went away, or a server that was told
/// to end.
pub(super) fn ended_well(program: &[u8], status: Status) -> bool {
    match status {
        Status::Code(0) | Status::Signal(2 | 13 | 15) => true,
        Status::Code(1) => ANSWERS.contains(&base(program)),
        Status::Code(_) | Status::Signal(_) => false,
    }
}

/// Returns whether a program is a shell.
pub(super) fn is_shell(exec: &Exec) -> bool {
    SHELLS.contains(&base(exec.program.as_slice()))
}

/// Returns whether a program only sets something up and becomes another: `env`, `nice`.
pub(super) fn is_prefix(exec: &Exec) -> bool {
    PREFIXES.contains(&base(exec.program.as_slice()))
}

/// Returns whether it is a hook of ours, or the shell that an agent starts for one.
pub(super) fn is_own(exec: &Exec) -> bool {
    let ours = |program: &[u8], rest: Option<&[u8]>| {
        base(program) == b"agent-capture" && matches!(rest, Some(b"hook" | b"__finish"))
    };
    let argument = |at: usize| exec.argv.get(at).map(Bytes::as_slice);
    let words = script(exec).and_then(|script| shlex::bytes::split(script.as_slice())).unwrap_or_default();
    ours(argument(0).unwrap_or_default(), argument(1))
        || words.first().is_some_and(|program| ours(program, words.get(1).map(Vec::as_slice)))
}

/// Returns whether what this program starts are the commands: a shell, or an interpreter that runs a script from outside
/// the project.
pub(super) fn leads(exec: &Exec, root: &Path) -> bool {
    let name = base(exec.program.as_slice());
    if SHELLS.contains(&name) {
        return true;
    }
    let scripted = |path: &Bytes| SHELLS.contains(&base(path.as_slice()));
    if exec.interpreters.iter().any(scripted) {
        return true;
    }
    let name = String::from_utf8_lossy(name);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let script = exec.argv.get(1).filter(|argument| !argument.as_slice().starts_with(b"-"));
    INTERPRETERS.contains(&name)
        && script.is_some_and(|script| !exec.cwd.as_path().join(script.as_path()).starts_with(root))
}

/// Returns the line that a shell was started for: `make` of `bash -euc make`.
pub(super) fn script(exec: &Exec) -> Option<&Bytes> {
    given(exec.program.as_slice(), &exec.argv)
}

/// Returns what a program is asked to do, as one would type it: the line that a shell was started for, else its arguments.
pub fn line(program: &[u8], argv: &[Bytes]) -> String {
    let line = given(program, argv).map_or_else(|| shown(argv), |script| script.as_slice().trim_ascii().to_vec());
    String::from_utf8_lossy(&line).into_owned()
}

/// Returns the line that a program was started for, if it is a shell.
fn given<'a>(program: &[u8], argv: &'a [Bytes]) -> Option<&'a Bytes> {
    if !SHELLS.contains(&base(program)) {
        return None;
    }
    let mut rest = argv.iter().skip(1);
    let mut found = false;
    while let Some(argument) = rest.next() {
        match argument.as_slice() {
            b"-o" | b"+o" | b"-O" | b"+O" | b"--rcfile" | b"--init-file" => skip(&mut rest),
            [b'-', b'-', ..] => {}
            [b'-', flags @ ..] => {
                found |= flags.contains(&b'c');
                if flags.ends_with(b"o") {
                    skip(&mut rest);
                }
            }
            _ => return found.then_some(argument),
        }
    }
    None
}

/// Passes over the value of an option.
fn skip<'a>(arguments: &mut impl Iterator<Item = &'a Bytes>) {
    arguments.next();
}

/// Returns arguments as one would type them.
pub(super) fn shown(argv: &[Bytes]) -> Vec<u8> {
    let quoted = argv.iter().map(|argument| match shlex::bytes::try_quote(argument.as_slice()) {
        Ok(quoted) => quoted.into_owned(),
        Err(_nul) => argument.as_slice().to_vec(),
    });
    quoted.collect::<Vec<_>>().join(&b' ')
}
