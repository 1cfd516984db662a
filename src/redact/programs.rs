//! Programs that are known to take secrets, patterns or scripts.

use std::ops::Range;

/// Programs whose arguments are patterns: a name in them is searched for.
const SEARCHES: [&[u8]; 9] = [b"grep", b"egrep", b"fgrep", b"rg", b"ag", b"ack", b"zgrep", b"ripgrep", b"git-grep"];

/// Options of known programs: the programs, the option, and what of its value is secret.
const OPTIONS: [(&[&str], &[&str], Part); 11] = [
    (
        &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlimport",
            "mysqlshow",
            "mariadb",
            "mariadb-dump",
            "7z",
            "7za",
            "7zz",
        ],
        &["-p"],
        Part::Attached,
    ),
    (&["sshpass", "mongo", "mongosh", "mongodump", "mongorestore", "twine", "sqlplus"], &["-p"], Part::Whole),
    (&["zip", "unzip", "sqlcmd", "bcp"], &["-P"], Part::Whole),
    (&["redis-cli"], &["-a"], Part::Whole),
    (&["ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami"], &["-w"], Part::Whole),
    (&["curl"], &["-u", "--user", "-U", "--proxy-user", "--proxy-tlsuser"], Part::After(b':')),
    (&["curl"], &["-b", "--cookie"], Part::After(b'=')),
    (&["curl"], &["--oauth2-bearer", "--pass", "--proxy-pass"], Part::Whole),
    (&["http", "https", "xh", "xhs"], &["-a", "--auth"], Part::After(b':')),
    (&["skopeo", "podman", "buildah", "crane", "oras"], &["--creds", "--src-creds", "--dest-creds"], Part::After(b':')),
    (&["smbclient"], &["-U", "--user"], Part::After(b'%')),
];

/// Programs that log in somewhere, with the secret after `-p`.
const LOGINS: [&[u8]; 9] = [b"docker", b"podman", b"nerdctl", b"buildah", b"helm", b"oras", b"az", b"oc", b"skopeo"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The value, attached or the next word.
    Whole,
    /// The value, when it is attached.
    Attached,
    /// What follows this byte in the value.
    After(u8),
}

const SHELLS: [&[u8]; 12] =
    [b"sh", b"bash", b"dash", b"zsh", b"ksh", b"fish", b"ash", b"busybox", b"su", b"runuser", b"script", b"nix-shell"];

/// It takes a password as its last word, when an option says so.
const HTPASSWD: &[u8] = b"htpasswd";

/// Programs that run their arguments as a script.
const RUNNERS: [&[u8]; 3] = [b"eval", b"ssh", b"watch"];

/// The known programs of a command, as far as it was read.
#[derive(Default)]
pub(super) struct Programs<'a> {
    names: Vec<&'a [u8]>,
    used: Vec<&'static str>,
    login: bool,
}

impl<'a> Programs<'a> {
    /// Notes a word, which may be a program.
    pub(super) fn note(&mut self, word: &'a [u8], before: &[u8]) {
        // The value of an option is no program: `--name mysql`.
        if word.starts_with(b"-") || before.starts_with(b"--") {
            return;
        }
        self.login |= word == b"login";
        let name = word.rsplit(|&byte| byte == b'/').next().unwrap_or(word);
        let has_options = |name: &[u8]| OPTIONS.iter().any(|(programs, ..)| is_one(programs, name));
        let tables = [&SEARCHES[..], &LOGINS, &SHELLS, &RUNNERS, &[HTPASSWD]];
        let known = tables.iter().any(|table| table.contains(&name)) || has_options(name);
        if known && !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    /// Returns whether the arguments are patterns: a name in them is searched for, not set.
    pub(super) fn search(&self) -> bool {
        self.any(&SEARCHES)
    }

    /// Returns whether a word is a script: after `-c` and the like, or for a program that takes one.
    pub(super) fn take_script(&self, before: &[u8], word: &[u8]) -> bool {
        if self.names.is_empty() || !word.iter().any(u8::is_ascii_whitespace) {
            return false;
        }
        let short = before.starts_with(b"-") && !before.starts_with(b"--") && before.ends_with(b"c");
        let asked = short && before.len() < 6 || [&b"--command"[..], b"--run"].contains(&before);
        asked && self.any(&SHELLS) || self.any(&RUNNERS)
    }

    /// Returns the secret in the value of an option: the number of the word and where in it.
    pub(super) fn option(&mut self, words: &[&[u8]], number: usize) -> Option<(usize, Range<usize>)> {
        let word = words[number];
        if !word.starts_with(b"-") {
            return None;
        }
        let of = |programs: &[&str]| self.names.iter().any(|name| is_one(programs, name));
        let known = OPTIONS.iter().filter(|(programs, ..)| of(programs));
        let login = self.login && self.any(&LOGINS);
        let login = login.then_some((&["-p"][..], Part::Whole));
        let known = known.map(|(_, options, part)| (*options, *part)).chain(login);
        for (options, part) in known {
            for option in options {
                let Some(rest) = word.strip_prefix(option.as_bytes()) else {
                    continue;
                };
                let long = option.starts_with("--");
                let (number, start) = match rest.first() {
                    None if part != Part::Attached => (number + 1, 0),
                    Some(b'=') if long => (number, option.len() + 1),
                    Some(_) if !long => (number, option.len()),
                    _ => continue,
                };
                // A program behind it may have an option of that name: `sshpass -p X ssh -p 22`.
                if self.used.contains(option) {
                    continue;
                }
                let value = words.get(number)?.get(start..)?;
                let start = match part {
                    Part::After(mark) => start + value.iter().position(|&byte| byte == mark)? + 1,
                    Part::Whole | Part::Attached => start,
                };
                self.used.push(option);
                return Some((number, start..words[number].len()));
            }
        }
        None
    }

    /// Returns the number of the word that is a secret by its place at the end: `htpasswd -b FILE USER SECRET`.
    pub(super) fn last(&self, words: &[&[u8]]) -> Option<usize> {
        let short = |word: &&[u8]| word.starts_with(b"-") && !word.starts_with(b"--") && word.contains(&b'b');
        let last = words.len().checked_sub(1)?;
        let takes = self.names.contains(&HTPASSWD) && words.iter().any(|word| short(&word));
        (takes && !words[last].starts_with(b"-") && words[last] != HTPASSWD).then_some(last)
    }

    fn any(&self, table: &[&[u8]]) -> bool {
        self.names.iter().any(|name| table.contains(name))
    }
}

fn is_one(programs: &[&str], name: &[u8]) -> bool {
    programs.iter().any(|program| program.as_bytes() == name)
}
