//! What starts other programs, and what is none.

use super::words::Text;

/// Builtins and keywords of Bash (bash(1), SHELL BUILTIN COMMANDS): no program runs.
pub(super) const BUILTINS: &[&str] = &[
    ".",
    ":",
    "[",
    "[[",
    "alias",
    "bg",
    "bind",
    "break",
    "caller",
    "cd",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

/// Shells whose `-c` is a script.
pub(super) const SHELLS: &[&str] = &["ash", "bash", "dash", "ksh", "sh", "zsh"];

/// Programs that become or start the program that follows: their options that take a value, and how many words of their own
/// stand before it: the duration of `timeout`, the mask of `taskset`, the priority of `chrt`.
const WRAPPERS: &[(&str, &str, usize)] = &[
    ("builtin", "", 0),
    ("caffeinate", "-t -w", 0),
    ("chronic", "", 0),
    ("chrt", "-T -P -D", 1),
    ("command", "", 0),
    ("cpulimit", "-l --limit -p --pid -e --exe", 0),
    ("dbus-run-session", "--config-file --dbus-daemon", 0),
    ("doas", "-u -C", 0),
    ("dumb-init", "", 0),
    ("eatmydata", "", 0),
    ("entr", "", 0),
    ("env", "-u --unset -C --chdir -S --split-string", 0),
    ("exec", "-a", 0),
    ("faketime", "", 1),
    ("firejail", "", 0),
    ("flock", "-w --timeout -E --conflict-exit-code", 1),
    ("gosu", "", 1),
    ("ionice", "-c -n -p", 0),
    ("ltrace", "-a -e -l -n -o -p -s -u -x", 0),
    ("nice", "-n --adjustment", 0),
    ("nohup", "", 0),
    ("numactl", "-N -m -C -p -i", 0),
    (
        "parallel",
        "-a --arg-file -C --colsep -d --delimiter -I -j --jobs -L -n --max-args -N -s --max-chars -S --sshlogin --joblog \
         --results --retries --tagstring --timeout --delay --load --memfree --nice --shuf --tmpdir --workdir",
        0,
    ),
    ("proxychains", "-f", 0),
    ("proxychains4", "-f", 0),
    ("runuser", "-u --user -g --group -G --supp-group -w --whitelist-environment", 0),
    ("setsid", "", 0),
    ("stdbuf", "-i -o -e", 0),
    ("strace", "-a -b -e -E -I -o -O -p -P -s -S -u -U -X", 0),
    ("su-exec", "", 1),
    ("sudo", "-u --user -g --group -h --host -p --prompt -C -D --chdir -R -r -t -T -U", 0),
    ("systemd-run", "-p --property -u --unit -E --setenv -M --machine --working-directory --uid --gid --slice", 0),
    ("taskset", "", 1),
    ("time", "-f --format -o --output", 0),
    ("timeout", "-s --signal -k --kill-after", 1),
    ("tini", "-p -e", 0),
    ("torsocks", "-a -P -u -p", 0),
    ("unbuffer", "", 0),
    ("valgrind", "", 0),
    ("watch", "-n --interval -q --equexit", 0),
    (
        "xargs",
        "-I -n -P -L -d -E -s -a --max-args --max-procs --replace --delimiter --arg-file --max-lines --max-chars",
        0,
    ),
    ("xvfb-run", "-n --server-num -s --server-args -e --error-file -f --auth-file -p --xauth-protocol -w --wait", 0),
];

/// Programs that start what stands behind a word of their own: they set variables, or up an environment.
const BEHIND: &[(&str, &str)] = &[
    ("aws-vault", "--"),
    ("chamber", "--"),
    ("devbox", "--"),
    ("devenv", "--"),
    ("doppler", "--"),
    ("dotenv", "--"),
    ("dotenvx", "--"),
    ("flox", "--"),
    ("gdb", "--args"),
    ("infisical", "--"),
    ("lldb", "--"),
    ("op", "--"),
];

/// Programs that start the same for each of several arguments: none may be there.
pub(super) const MANY: &[&str] = &["parallel", "xargs"];

/// Programs that give their words to a shell.
pub(super) const JOIN: &[&str] = &["parallel", "watch"];

/// Returns the script that `su -c SCRIPT` and its like give to a shell.
pub(super) fn script<'a>(base: &str, words: &'a [Text]) -> Option<&'a Text> {
    let takes = |word: &str| match base {
        "script" => word.starts_with('-') && !word.starts_with("--") && word.ends_with('c') || word == "--command",
        "flock" | "runuser" | "su" => word == "-c" || word == "--command",
        _ => false,
    };
    // `runuser -u USER COMMAND` and `flock FILE COMMAND` have commands, which have options of their own.
    let own = match base {
        "runuser" if words.iter().any(|word| ["-u", "--user"].contains(&word.shown.as_str())) => 0,
        "flock" => own(base, words)? + 1,
        _ => words.len(),
    };
    let at = words.iter().take(own).position(|word| takes(&word.shown))?;
    words.get(at + 1)
}

/// Returns how many of the words after a program are its own, when it starts what follows.
pub(super) fn own(base: &str, words: &[Text]) -> Option<usize> {
    let shown = |at: usize| words.get(at).map(|word| word.shown.as_str());
    if let Some((_, mark)) = BEHIND.iter().find(|(name, _)| *name == base) {
        return words.iter().position(|word| word.shown == *mark).map(|at| at + 1);
    }
    if base == "direnv" {
        // `direnv exec FOLDER COMMAND`.
        return (shown(0) == Some("exec") && words.len() > 2).then_some(2);
    }
    let (_, values, positional) = WRAPPERS.iter().find(|(name, ..)| *name == base)?;
    if base == "command" && ["-v", "-V"].iter().any(|ask| shown(0) == Some(ask)) {
        return None;
    }
    let mut at = 0;
    while let Some(word) = shown(at) {
        let assigns = ["env", "sudo", "doas"].contains(&base) && word.contains('=');
        if word == "--" {
            at += 1;
            break;
        } else if values.split_ascii_whitespace().any(|option| option == word) {
            at += 2;
        } else if assigns || (word.starts_with('-') && word.len() > 1) {
            at += 1;
        } else {
            break;
        }
    }
    Some((at + positional).min(words.len()))
}

/// Returns where what a program starts ends: at the arguments of `parallel COMMAND ::: ARGUMENTS`.
pub(super) fn end(base: &str, words: &[Text]) -> usize {
    let is_end = |word: &Text| word.shown.starts_with(":::");
    let end = words.iter().position(is_end).filter(|_| base == "parallel");
    end.unwrap_or(words.len())
}
