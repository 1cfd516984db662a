//! Compilers of C and C++: libraries that a command line links by name, `-lssl`.

use super::install::STANDARD;
use super::{Asked, Context, Ecosystem, call, libraries, listed, paths};
use crate::journal::Invocation;

/// Programs that link.
const COMPILERS: &str = "c++ cc clang clang++ g++ gcc gfortran tcc";

/// Libraries of the compiler and of the C library.
const OWN: &str = "anl asan atomic BrokenLocale c c_nonshared crypt dl g gcc gcc_eh gcc_s gfortran gomp itm lsan m nsl objc pthread \
    quadmath resolv rt ssp stdc++ stdc++fs supc++ thread_db tsan ubsan util";

/// The most words of a line that is kept: what longer ones link is told by the files that they make.
const WORDS: usize = 48;

/// The ecosystem.
pub(super) struct Cc;

impl Ecosystem for Cc {
    fn name(&self) -> &'static str {
        "cc"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        // What `configure` and CMake try out is named so.
        let is_trial = |word: &&str| word.contains("conftest") || word.contains("cmTC_");
        argv.len() <= WORDS
            && linked(argv).is_some_and(|names| names.iter().any(|name| !listed(OWN, name)))
            && !argv.iter().any(is_trial)
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let mut asked = Asked::default();
        for name in linked(&words)? {
            let attr = || context.index.soname(&format!("lib{name}.so"));
            if listed(OWN, name) {
                asked.ignored.insert(STANDARD);
            } else if searches_project(&words) {
                asked.ignored.insert("the project's own folder is searched for it");
            } else if let Some(attr) = attr() {
                asked.wants.push(libraries::wanted(attr));
            } else {
                asked.unrecognized.insert(format!("-l{name}"));
            }
        }
        Some(asked)
    }
}

/// Returns the names of the libraries that a command line links; none when it is no compiler's.
fn linked<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (program, words) = call(argv)?;
    if !listed(COMPILERS, libraries::bare(program)) {
        return None;
    }
    let mut names = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let name = match word.strip_prefix("-l") {
            Some("") => rest.next().copied(),
            name => name,
        };
        let name =
            name.map(|name| name.strip_prefix(":lib").map_or(name, |file| file.split('.').next().unwrap_or(file)));
        names.extend(name.filter(|name| !name.is_empty() && !name.starts_with(':')));
    }
    Some(names)
}

/// Returns whether a folder of the project is searched for libraries.
fn searches_project(words: &[&str]) -> bool {
    let mut rest = words.iter();
    let mut folders = std::iter::from_fn(|| {
        let folder = rest.find_map(|word| word.strip_prefix("-L"))?;
        Some(if folder.is_empty() { rest.next().copied().unwrap_or_default() } else { folder })
    });
    folders.any(paths::is_project)
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn command_lines() {
        let standard = "the standard environment has it";
        for (line, reading) in [
            ("gcc -o app main.c -lssl -lcrypto", "wants openssl openssl".to_owned()),
            ("g++-12 -O2 x.cpp -lpq -lm", format!("wants libpq | ignored {standard}")),
            ("cc x.c -l z -L/usr/local/lib", "wants zlib".to_owned()),
            ("clang x.c -l:libsqlite3.a", "wants sqlite".to_owned()),
            ("gcc x.c -L build -lutils", "ignored the project's own folder is searched for it".to_owned()),
            ("gcc x.c -lzz-none", "unrecognized -lzz-none".to_owned()),
        ] {
            assert_eq!(ask(&Cc, line), Some(reading), "{line}");
        }
        for line in ["gcc -c x.c", "gcc x.c -lm -lpthread", "ld -lz", "gcc -o conftest conftest.c -lz"] {
            assert!(!Cc.keeps(&line.split(' ').collect::<Vec<_>>()), "{line}");
        }
    }
}
