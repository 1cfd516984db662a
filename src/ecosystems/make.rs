//! The C toolchain's builders: what tests and builds.

use super::{Ecosystem, call, check_name, listed, verb};

/// The ecosystem.
pub(super) struct Make;

impl Ecosystem for Make {
    fn name(&self) -> &'static str {
        "make"
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "make" | "gmake" => make(rest),
            "ninja" => targets(program, rest, "-C -f -j -l -k -d -t -w"),
            "ctest" => Some("ctest".to_owned()),
            "cmake" if rest.contains(&"--build") => Some("cmake-build".to_owned()),
            "meson" => verb(program, rest, &["compile", "test"]),
            "scons" => targets(program, rest, "-C -f -j"),
            "bazel" => verb(program, rest, &["build", "test"]),
            "cppcheck" => Some("cppcheck".to_owned()),
            "just" | "task" => {
                let recipe = rest.iter().find(|word| !word.starts_with('-') && !word.contains('='))?;
                is_check(recipe).then(|| check_name(&[program, recipe]))
            }
            _ => None,
        }
    }
}

/// Reads targets of make; its dry runs build nothing.
fn make(rest: &[&str]) -> Option<String> {
    let tells =
        |word: &&str| word.starts_with('-') && !word.starts_with("--") && word.contains(['n', 'q', 't', 'p', 'v']);
    let tells_in_words = |word: &&str| listed("--just-print --recon --question --touch --print-data-base", word);
    let flags = rest.iter().filter(|word| !word.starts_with("-C") && !word.starts_with("-f"));
    if flags.clone().any(|word| tells(word) || tells_in_words(word)) {
        return None;
    }
    targets("make", rest, "-C --directory -f --file -I -j --jobs -l -o -W")
}

/// Returns the name for the first target that tests or builds; for no target at all, the builder's own.
fn targets(program: &str, rest: &[&str], values: &str) -> Option<String> {
    let mut words = rest.iter().copied().peekable();
    let mut all = Vec::new();
    while let Some(word) = words.next() {
        if word == "-t" {
            return None;
        }
        if listed(values, word) {
            let counts = !listed("-j --jobs -l", word);
            words.next_if(|value| counts || value.bytes().all(|b| b.is_ascii_digit()));
        } else if !word.starts_with('-') && !word.contains('=') {
            all.push(word);
        }
    }
    if all.is_empty() {
        return Some(program.to_owned());
    }
    all.into_iter().find(|target| is_check(target)).map(|target| check_name(&[program, target]))
}

/// Returns whether a target of this name tests, builds or lints: a word of its name says so.
fn is_check(target: &str) -> bool {
    let mut words = target.split(|c: char| !c.is_ascii_alphanumeric());
    let first = words.next().unwrap_or(target);
    listed(
        "all build check ci compile distcheck lint test tests typecheck unittest unittests validate verify vet",
        first,
    ) && !words.any(|word| listed("deploy fix install publish push release update upload watch", word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks() {
        for (line, name) in [
            ("make", Some("make")),
            ("make -j4 check", Some("make-check")),
            ("make -C sub -j 4 test V=1", Some("make-test")),
            ("make install", None),
            ("make clean", None),
            ("make clean test", Some("make-test")),
            ("make -n test", None),
            ("ninja -C build", Some("ninja")),
            ("ninja -C build test", Some("ninja-test")),
            ("ctest --output-on-failure", Some("ctest")),
            ("cmake --build build", Some("cmake-build")),
            ("cmake -B build", None),
            ("meson test", Some("meson-test")),
            ("just test", Some("just-test")),
            ("just deploy", None),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Make.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
