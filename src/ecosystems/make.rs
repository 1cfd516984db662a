//! The C toolchain's builders: what tests and builds.

use super::{Ecosystem, Near, Stage, State, call, check_name, listed, verb};

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
            "cmake" => (rest.contains(&"--build") && !rest.contains(&"install")).then(|| "cmake-build".to_owned()),
            "meson" => verb(program, rest, &["compile", "test"]),
            "scons" => targets(program, rest, "-C -f -j"),
            "bazel" => verb(program, rest, &["build", "test"]),
            "cppcheck" => Some("cppcheck".to_owned()),
            _ if is_compiler(program) => compiled(rest).map(|_| check_name(&[program])),
            "just" | "task" => {
                let recipe = rest.iter().find(|word| !word.starts_with('-') && !word.contains('='))?;
                is_check(recipe).then(|| check_name(&[program, recipe]))
            }
            _ => None,
        }
    }

    fn stage(&self, argv: &[&str]) -> Option<Stage> {
        let (program, rest) = call(argv)?;
        match program {
            "cmake" => cmake(rest),
            "meson" => meson(rest),
            "ctest" => Some(built(value(rest, "--test-dir"), State::Built, true, None)),
            "ninja" | "make" | "gmake" if self.verifies(argv).is_none() => None,
            "ninja" => Some(built(value(rest, "-C"), State::Configured, true, Some(State::Built))),
            "make" | "gmake" => {
                Some(built(value(rest, "-C --directory"), State::Configured, false, Some(State::Built)))
            }
            "configure" | "autogen.sh" | "bootstrap" | "autoreconf" | "autoconf" | "automake" | "aclocal"
            | "autoheader" | "libtoolize" => Some(configured("")),
            _ => None,
        }
    }

    fn makes(&self, argv: &[&str], _near: &Near) -> Vec<String> {
        let Some((program, rest)) = call(argv) else { return Vec::new() };
        match program {
            "make" | "gmake" => {
                let inside = value(rest, "-C --directory");
                let is_file = |word: &&&str| {
                    !word.starts_with('-') && !word.contains('=') && word.contains(['/', '.']) && !word.ends_with('/')
                };
                let plain = !rest.iter().any(|word| word.starts_with("-f") || word.starts_with("--file"));
                let files = rest.iter().filter(is_file).filter(|word| plain && **word != inside);
                files.map(|word| within(inside, word)).collect()
            }
            _ if is_compiler(program) => compiled(rest).map(str::to_owned).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// Returns whether a program compiles C or C++.
fn is_compiler(program: &str) -> bool {
    listed("c++ cc clang clang++ g++ gcc", program)
}

/// Returns the file that a compiler's words name as its output.
fn compiled<'a>(rest: &[&'a str]) -> Option<&'a str> {
    let next = rest.iter().position(|word| *word == "-o").and_then(|at| rest.get(at + 1)).copied();
    next.filter(|file| *file != "-" && *file != "/dev/null")
}

/// Returns the value of the first of these options; empty when there is none.
fn value<'a>(rest: &[&'a str], options: &str) -> &'a str {
    let at = rest.iter().position(|word| listed(options, word));
    let next = at.and_then(|at| rest.get(at + 1)).copied();
    let joined = || rest.iter().find_map(|word| options.split(' ').find_map(|option| word.strip_prefix(option)));
    next.or_else(|| joined().map(|value| value.trim_start_matches('='))).unwrap_or_default()
}

fn within(folder: &str, path: &str) -> String {
    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}

fn configured(folder: &str) -> Stage {
    Stage { folder: folder.to_owned(), needs: None, must: false, gives: Some(State::Configured) }
}

fn built(folder: &str, needs: State, must: bool, gives: Option<State>) -> Stage {
    Stage { folder: folder.to_owned(), needs: Some(needs), must, gives }
}

/// Reads a call of CMake (cmake(1)): it configures the folder of `-B`, else the one it runs in.
fn cmake(rest: &[&str]) -> Option<Stage> {
    if rest.iter().any(|word| listed("-E -P --install --open --find-package --workflow --preset", word)) {
        return None;
    }
    if rest.contains(&"--build") {
        return Some(built(value(rest, "--build"), State::Configured, true, Some(State::Built)));
    }
    (!rest.is_empty()).then(|| configured(value(rest, "-B")))
}

/// Reads a call of Meson: `setup` may be left out.
fn meson(rest: &[&str]) -> Option<Stage> {
    let folder = |rest: &[&str]| {
        let words = rest.iter().filter(|word| !word.starts_with('-')).copied();
        words.map(str::to_owned).next()
    };
    match rest {
        ["compile", rest @ ..] => Some(built(value(rest, "-C"), State::Configured, true, Some(State::Built))),
        ["test", rest @ ..] => Some(built(value(rest, "-C"), State::Configured, true, None)),
        ["setup", rest @ ..] => Some(configured(&folder(rest)?)),
        _ => None,
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
