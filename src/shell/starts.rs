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

/// Programs that become or start the program that follows, with their options that take a value.
pub(super) const WRAPPERS: &[(&str, &str)] = &[
    ("builtin", ""),
    ("chrt", "-T -P -D"),
    ("command", ""),
    ("doas", "-u -C"),
    ("eatmydata", ""),
    ("env", "-u --unset -C --chdir -S --split-string"),
    ("exec", "-a"),
    ("ionice", "-c -n -p"),
    ("nice", "-n --adjustment"),
    ("nohup", ""),
    ("setsid", ""),
    ("stdbuf", "-i -o -e"),
    ("sudo", "-u --user -g --group -h --host -p --prompt -C -D --chdir -R -r -t -T -U"),
    ("taskset", ""),
    ("time", "-f --format -o --output"),
    ("timeout", "-s --signal -k --kill-after"),
    (
        "xargs",
        "-I -n -P -L -d -E -s -a --max-args --max-procs --replace --delimiter --arg-file --max-lines --max-chars",
    ),
];

/// Returns whether a program's status is that of the program that it starts.
pub(super) fn passes_on(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    WRAPPERS.iter().any(|(wrapper, _)| *wrapper == name) || SHELLS.contains(&name)
}

/// Returns how many of the words after a wrapper are its own.
pub(super) fn own(wrapper: &str, values: &str, words: &[Text]) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at).map(|word| word.shown.as_str()) {
        let assigns = ["env", "sudo", "doas"].contains(&wrapper) && word.contains('=');
        if word == "--" {
            at += 1;
            break;
        } else if values.split(' ').any(|option| option == word) {
            at += 2;
        } else if assigns || (word.starts_with('-') && word.len() > 1) {
            at += 1;
        } else {
            break;
        }
    }
    // The duration of `timeout`, the mask of `taskset`, the priority of `chrt`.
    at += usize::from(["timeout", "taskset", "chrt"].contains(&wrapper));
    at.min(words.len())
}
