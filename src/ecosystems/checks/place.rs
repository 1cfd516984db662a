//! Where the commands of a line run, and which paths lead out of the project.

use super::bare;
use crate::shell::Simple;

/// Options by which a program is told to work elsewhere.
const ELSEWHERE: [&str; 5] = ["-C", "--directory", "--prefix", "--cwd", "--test-dir"];

/// Returns a path below the project's root, from a folder of it; none when it leads out or only the shell knows it.
pub(in crate::ecosystems) fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with(['/', '~']) || path.contains(['$', '`', '*', '?']) {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')).filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns each command of a strict line with the folder in which it runs; none when a `cd` leaves the project.
pub(super) fn places<'a>(folder: &str, commands: &'a [Simple]) -> Option<Vec<(String, &'a Simple)>> {
    let mut at = join("", folder)?;
    let mut all = Vec::new();
    for simple in commands {
        all.push((at.clone(), simple));
        match simple.texts().as_slice() {
            ["cd", rest @ ..] => {
                let to =
                    rest.iter().find(|word| **word != "--").filter(|_| simple.words.iter().all(|word| word.literal));
                at = join(&at, to.filter(|to| **to != "-")?)?;
            }
            ["pushd" | "popd", ..] => return None,
            _ => {}
        }
    }
    Some(all)
}

/// Returns the folder that a command works in: the one it is told to go to, else the one it runs in.
pub(super) fn works_in(folder: &str, words: &[&str]) -> String {
    let value = words.iter().zip(words.iter().skip(1)).find_map(|(option, value)| match *option {
        option if ELSEWHERE.contains(&option) => Some((*value).to_owned()),
        "--manifest-path" => value.rsplit_once('/').map(|(folder, _)| folder.to_owned()),
        _ => None,
    });
    value.and_then(|value| join(folder, &value)).unwrap_or_else(|| folder.to_owned())
}

/// Returns whether a command names a path that is not in the project, when it runs in this folder of it.
pub(super) fn leaves(folder: &str, simple: &Simple) -> bool {
    let outside = |text: &str| {
        let path = text.split_once('=').map_or(text, |(_, value)| value);
        (path.starts_with('/') && path != "/dev/null")
            || path.starts_with('~')
            || path.split('/').any(|part| part == "..") && join(folder, path).is_none()
    };
    simple.words.iter().chain(&simple.others).any(|word| outside(&word.text))
}

/// Returns the words of a command without its wrappers.
pub(super) fn words(simple: &Simple) -> Vec<&str> {
    bare(&simple.texts()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::strict;

    #[test]
    fn paths() {
        assert_eq!(join("a/b", "../c").as_deref(), Some("a/c"));
        assert_eq!(join("", "./a/./b/").as_deref(), Some("a/b"));
        assert_eq!(join("a", "..").as_deref(), Some(""));
        for (folder, path) in [("", ".."), ("a", "../../b"), ("", "/etc"), ("", "~/x"), ("", "$X")] {
            assert_eq!(join(folder, path), None, "{folder} {path}");
        }
    }

    #[test]
    fn folders_of_a_line() {
        let all = |folder: &str, line: &str| {
            let commands = strict(line).expect("strict");
            places(folder, &commands).map(|all| all.into_iter().map(|(folder, _)| folder).collect::<Vec<_>>())
        };
        assert_eq!(
            all("x", "mkdir b && cd b && cmake .. && make"),
            Some(vec!["x".into(), "x".into(), "x/b".into(), "x/b".into()])
        );
        for line in ["cd .. && make", "cd && make", "cd - && make", "cd $X && make", "cd /x && make", "pushd a && make"]
        {
            assert_eq!(all("", line), None, "{line}");
        }
        assert_eq!(works_in("a", &["cargo", "test", "--manifest-path", "b/Cargo.toml"]), "a/b");
        assert_eq!(works_in("", &["make", "-C", "sub", "check"]), "sub");
        let command = |line: &str| strict(line).expect("strict").remove(0);
        assert!(!leaves("build", &command("cmake ..")) && leaves("", &command("cmake ..")));
        assert!(leaves("", &command("make PREFIX=/usr")) && !leaves("", &command("make >/dev/null")));
    }
}
