//! What starts other programs, and what is none.

use std::ops::Range;

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
struct Behind {
    name: &'static str,
    /// The word that says so; empty when none has to.
    verb: &'static str,
    mark: &'static str,
    /// Their options that take a value.
    values: &'static str,
    /// How many words may stand between the verb and the mark.
    own: usize,
}

const fn behind(name: &'static str, verb: &'static str, mark: &'static str, values: &'static str) -> Behind {
    Behind { name, verb, mark, values, own: 0 }
}

const BEHIND: &[Behind] = &[
    Behind { own: 1, ..behind("aws-vault", "exec", "--", "-d --duration -t --mfa-token --region --backend --prompt") },
    Behind { own: usize::MAX, ..behind("chamber", "exec", "--", "-b --backend -r --retries --retry-mode") },
    behind("devbox", "run", "--", "-c --config -e --env --env-file --environment"),
    behind("devenv", "shell", "--", "-j --max-jobs -u --cores -s --system -P --profile"),
    behind("doppler", "run", "--", "-p --project -c --config -t --token --scope --mount --mount-format --fallback"),
    behind("dotenv", "run", "--", "-f --file -q --quote -e --export"),
    behind("dotenv", "", "--", "-e -v"),
    behind("dotenvx", "run", "--", "-e --env -f --env-file -fk --env-keys-file -l --log-level --convention"),
    behind("flox", "activate", "--", "-d --dir -r --remote -m --mode -g --generation"),
    behind("flox", "run", "--", "-p --package"),
    behind("gdb", "", "--args", "-ex -x -cd -d -iex -ix --eval-command --command --directory"),
    behind("infisical", "run", "--", "-e --env --path --projectId --token -t --tags --domain -l --log-level"),
    behind("lldb", "", "--", "-o --one-line -O --one-line-before-file -s --source -S --source-before-file -k -K"),
    behind("op", "run", "--", "--env-file --environment --account --session --config"),
];

/// Programs that start the same for each of several arguments: none may be there.
pub(super) const MANY: &[&str] = &["parallel", "xargs"];

/// Programs that keep their standard input for themselves, or start the same more than once.
pub(super) const DEAF: &[&str] = &["entr", "gdb", "lldb", "parallel", "systemd-run", "watch", "xargs"];

/// Programs that give their words to a shell.
pub(super) const JOIN: &[&str] = &["parallel", "watch"];

/// Returns the script that `su -c SCRIPT` and its like give to a shell.
pub(super) fn script<'a>(base: &str, words: &'a [Text]) -> Option<&'a Text> {
    if base == "entr" {
        let (own, rest) = words.split_at(own(base, words)?);
        let is_script = |word: &Text| !word.shown.starts_with("--") && word.shown.contains('s');
        return rest.first().filter(|_| own.iter().any(is_script));
    }
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
    let mut all = BEHIND.iter().filter(|behind| behind.name == base).peekable();
    if all.peek().is_some() {
        return all.find_map(|behind| behind.own(words));
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
        } else if is_in(values, word) {
            at += 2;
        } else if assigns || (word.starts_with('-') && word.len() > 1) {
            at += 1;
        } else {
            break;
        }
    }
    Some((at + positional).min(words.len()))
}

impl Behind {
    /// Returns where what it starts begins, when nothing but what is its own stands before that.
    fn own(&self, words: &[Text]) -> Option<usize> {
        let (mut at, mut verb, mut left) = (0, self.verb, self.own);
        while let Some(word) = words.get(at).map(|word| word.shown.as_str()) {
            at += 1;
            if verb.is_empty() && word == self.mark {
                return Some(at);
            } else if is_in(self.values, word) {
                at += 1;
            } else if word.starts_with('-') && word != "--" {
            } else if !verb.is_empty() && word == verb {
                verb = "";
            } else if verb.is_empty() && left > 0 {
                left -= 1;
            } else {
                return None;
            }
        }
        None
    }
}

fn is_in(options: &str, word: &str) -> bool {
    options.split_ascii_whitespace().any(|option| option == word)
}

/// Returns where the next command begins and ends that `find … -exec COMMAND {} ;` and `fd … -x COMMAND` start.
pub(super) fn found(base: &str, words: &[Text], from: usize) -> Option<Range<usize>> {
    let is_find = base == "find";
    let marks = if is_find { "-exec -execdir -ok -okdir" } else { "-x -X --exec --exec-batch" };
    let begin = from + words.get(from..)?.iter().position(|word| is_in(marks, &word.shown))? + 1;
    let is_end = |at: &usize| match words[*at].shown.as_str() {
        ";" => true,
        "+" => is_find && words[*at - 1].shown == "{}",
        _ => false,
    };
    let end = (begin..words.len()).find(is_end).or((!is_find).then_some(words.len()))?;
    Some(begin..end)
}

/// Returns where what a program starts ends: at the arguments of `parallel COMMAND ::: ARGUMENTS`.
pub(super) fn end(base: &str, words: &[Text]) -> usize {
    let is_end = |word: &Text| word.shown.starts_with(":::");
    let end = words.iter().position(is_end).filter(|_| base == "parallel");
    end.unwrap_or(words.len())
}
