//! Which exec a process asks for once more: a signal can interrupt a call just as it is let go on
//! (seccomp_do_user_notification in Linux's kernel/seccomp.c), and the call is then made anew.

use super::forks::short;
use crate::recorders::exec::arguments::Arguments;
use crate::recorders::exec::glimpse::Glimpse;
use crate::recorders::exec::program::Program;

/// What the latest exec of a process was, in short.
#[derive(Debug, Default)]
pub(super) struct Latest {
    /// Its arguments.
    pub(super) words: u64,
    site: Option<(u64, [u64; 6])>,
}

impl Latest {
    /// Returns it for an exec that is let go on.
    pub(super) fn of(asked: &Arguments) -> Self {
        Self { words: short(&asked.argv), site: asked.site }
    }

    /// Returns whether a process asks for it once more: from the same place with the same addresses, and it shows still what it
    /// was before.
    pub(super) fn is_asked_again(&self, pid: i32, asked: &Arguments, program: &Program) -> bool {
        let same = self.site.is_some() && self.site == asked.site && self.words == short(&asked.argv);
        same && program.starts && !shows(pid, asked, !program.interpreters.is_empty())
    }
}

/// Returns whether a process shows what it asks for. The interpreter and the path of a script stand in place of the first argument.
fn shows(pid: i32, asked: &Arguments, is_script: bool) -> bool {
    let (shown, words) = (Glimpse::of(pid).argv, &asked.argv);
    if is_script {
        shown.len() > words.len() && shown.ends_with(words.get(1..).unwrap_or(&[]))
    } else {
        shown == *words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Bytes;

    #[test]
    fn asked_again() {
        let mut child = std::process::Command::new("sleep").args(["60", "0"]).spawn().expect("sleep");
        let pid = child.id() as i32;
        while Glimpse::of(pid).argv.len() != 3 {
            std::thread::yield_now();
        }
        let asked = |words: &[&str], instruction: u64| Arguments {
            argv: words.iter().copied().map(Bytes::from).collect(),
            site: Some((instruction, [1, 2, 3, 0, 0, 0])),
            ..Arguments::default()
        };
        let again = |latest: &Arguments, now: &Arguments, script: bool| {
            let interpreters = if script { vec![Bytes::from("/bin/sh")] } else { Vec::new() };
            let program = Program { starts: true, interpreters, ..Program::default() };
            Latest::of(latest).is_asked_again(pid, now, &program)
        };
        let other = asked(&["true"], 7);
        assert!(again(&other, &other, false) && !again(&other, &asked(&["true"], 8), false));
        assert!(!again(&other, &asked(&["true", "1"], 7), false));
        // What began runs itself, from where it was run.
        let own = asked(&["sleep", "60", "0"], 7);
        assert!(!again(&own, &own, false) && again(&own, &own, true));
        let script = asked(&["script", "0"], 7);
        assert!(!again(&script, &script, true) && again(&script, &script, false));
        // Nothing tells, and what does not start is counted by itself.
        let nowhere = Arguments { site: None, ..asked(&["true"], 7) };
        assert!(!again(&nowhere, &nowhere, false));
        assert!(!Latest::of(&other).is_asked_again(pid, &other, &Program::default()));
        child.kill().expect("killed");
        child.wait().expect("its end");
    }
}
