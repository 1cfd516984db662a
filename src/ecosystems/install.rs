//! What is common to command lines that install packages by name, and to programs that version managers keep.

use super::{Asked, Context, Reading, Want, families, libraries, listed, versions};
use crate::index::{Index, Source};
use crate::nix::AttrPath;

/// Reason for what the standard environment has.
pub(super) const STANDARD: &str = "the standard environment has it";

/// Reason for what a project itself says that it needs.
pub(super) const LOCKED: &str = "the project's lock file keeps it";

/// Reason for what installs, where that is wanted which it installs.
pub(super) const INSTALLER: &str = "it installs packages, and those are wanted";

/// Reason for what keeps versions or environments, where those are wanted that it keeps.
pub(super) const MANAGER: &str = "a version manager";

/// Reason for what belongs to a program that is read by itself.
pub(super) const PART: &str = "a part of another program";

/// Packages of the standard environment, as attrs.
const ENVIRONMENT: &str = "bash binutils bzip2 coreutils diffutils file findutils gawk gcc gnugrep gnumake gnupatch gnused gnutar \
    gzip patchelf stdenv xz";

/// The words of a command line, apart from its options.
#[derive(Debug, Default)]
pub(super) struct Line<'a> {
    /// Words that are neither an option nor the value of one.
    pub(super) words: Vec<&'a str>,
    /// Options, each with its value or an empty text.
    pub(super) options: Vec<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    /// Reads words; `values` are the options that take the next word. After `--` all are plain.
    pub(super) fn read(words: &[&'a str], values: &str) -> Self {
        let mut line = Self::default();
        let mut rest = words.iter().copied();
        while let Some(word) = rest.next() {
            if word == "--" {
                line.words.extend(rest.by_ref());
            } else if let Some((option, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
                line.options.push((option, value));
            } else if listed(values, word) {
                line.options.push((word, rest.next().unwrap_or_default()));
            } else if word.starts_with('-') && word.len() > 1 {
                line.options.push((word, ""));
            } else {
                line.words.push(word);
            }
        }
        line
    }

    /// Returns whether one of these options is there.
    pub(super) fn has(&self, options: &str) -> bool {
        self.options.iter().any(|(option, _)| listed(options, option))
    }

    /// Returns the values of these options.
    pub(super) fn values(&self, options: &str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(option, _)| listed(options, option)).map(|(_, value)| *value)
    }

    /// Returns the words after the first, when that is one of these.
    pub(super) fn after(&self, verbs: &str) -> Option<&[&'a str]> {
        let (verb, rest) = self.words.split_first()?;
        listed(verbs, verb).then_some(rest)
    }
}

/// What a package is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It counts when a program of it ran.
    Tool,
    /// It has nothing that one starts by name: it counts when it was installed.
    Library,
}

/// Libraries whose names do not say so, as package managers without packages of their own for headers call them.
const LIBRARIES: &str = "boost cairo eigen expat fftw fontconfig freetype fribidi glew glfw glib glm gmp gnutls gsl gtk+3 gtk3 gtk4 \
    harfbuzz hdf5 icu icu4c jansson jpeg jpeg-turbo leveldb lmdb mpfr ncurses netcdf nettle openblas openssl openssl@1.1 openssl@3 \
    pango pcre pcre2 poppler qt qt@5 qt@6 readline rocksdb sdl2 sdl3 snappy spdlog unixodbc zeromq zlib";

/// Returns what a package is for by its name.
pub(super) fn kind(name: &str) -> Kind {
    let is_library = (name.starts_with("lib") && !name.starts_with("libreoffice")) || listed(LIBRARIES, name);
    if is_library { Kind::Library } else { Kind::Tool }
}

/// Returns what a table says of a name: rows `name=attr`, set apart by white space; an empty attr is the standard
/// environment's.
pub(super) fn by_hand(table: &'static str, name: &str) -> Option<&'static str> {
    table
        .split_ascii_whitespace()
        .filter_map(|row| row.rsplit_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, attr)| attr)
}

/// Returns the package that many call by this name, of this version when there are several.
pub(super) fn tool(index: &Index, name: &str, version: Option<&str>) -> Option<Want> {
    let seen = version.and_then(versions::upstream);
    if let Some(choice) = families::of_tool(index, name, version) {
        return Some(Want::of(choice, seen));
    }
    let found = index.program(name);
    let sure = found
        .as_ref()
        .filter(|found| matches!(found.source, Source::Override | Source::Rule) || found.attr.as_str() == name);
    let attr = sure.map(|found| found.attr.clone()).or_else(|| index.known(name));
    let attr = attr.or_else(|| Some(found?.attr)).or_else(|| index.debian(name))?;
    Some(Want { seen, ..Want::new(attr) })
}

/// Returns the package that has a program of this name for certain: it was chosen by hand, is called like it, or that is its
/// main program.
pub(super) fn sure(index: &Index, name: &str) -> Option<AttrPath> {
    let found = index.program(name)?;
    let by_hand = matches!(found.source, Source::Override | Source::Rule);
    let is_main = || index.attr(&found.attr).and_then(|attr| attr.main_program) == Some(name);
    (by_hand || found.attr.names().last() == Some(name) || is_main()).then_some(found.attr)
}

/// Returns the package of a language that has a program of this name for certain: one of its set of packages (`rubyPackages`), or
/// the one of that very name when the set has such a program or package, too.
pub(super) fn of_language(index: &Index, name: &str, set: &str) -> Option<AttrPath> {
    let is_of = |attr: &AttrPath| attr.names().next().is_some_and(|first| first.starts_with(set));
    let found = sure(index, name)?;
    let has = || index.known(&format!("{set}.{name}")).is_some() || index.candidates(name).any(|attr| is_of(&attr));
    (is_of(&found) || found.as_str() == name && has()).then_some(found)
}

/// Programs that are no project's own, whatever starts them: nobody calls one of theirs so.
const ELSEWHERE: &str = "cargo curl docker docker-compose ffmpeg ffprobe git gradle jq kubectl magick mvn nginx npm npx openssl \
    pandoc pdflatex pdftotext pg_dump podman psql redis-cli redis-server rsync rustc shellcheck sqlite3 ssh terraform tesseract \
    tmux tofu unzip valgrind wget";

/// Returns whether a program is certain to be none of those that a project's tool looks for first.
pub(super) fn is_elsewhere(index: &Index, name: &str) -> bool {
    index.stdenv(name).is_some() || listed(ELSEWHERE, name)
}

/// Notes a package that is installed.
pub(super) fn put(name: &str, want: Option<Want>, kind: Kind, asked: &mut Asked) {
    match want {
        Some(want) if listed(ENVIRONMENT, want.attr.as_str()) => drop(asked.ignored.insert(STANDARD)),
        Some(want) if kind == Kind::Library => {
            let library = libraries::is_library(&want.attr);
            asked.wants.push(Want { library, ..want });
        }
        Some(want) => asked.tools.push(want),
        None => drop(asked.unrecognized.insert(name.to_owned())),
    }
}

/// Returns the package for a name in a table, or else for what many call by it.
pub(super) fn named(index: &Index, table: &'static str, name: &str, version: Option<&str>) -> Option<Want> {
    match by_hand(table, name) {
        // The standard environment has one version of it.
        Some("") => match version.and_then(|version| families::of_tool(index, name, Some(version))) {
            Some(choice) => Some(Want::of(choice, version.and_then(versions::upstream))),
            None => AttrPath::parse("stdenv").ok().map(Want::new),
        },
        Some(attr) => {
            let seen = version.and_then(versions::upstream);
            let choice = families::of_tool(index, attr, version).map(|choice| Want::of(choice, seen.clone()));
            choice.or_else(|| Some(Want { seen, ..Want::new(index.known(attr)?) }))
        }
        None => tool(index, name, version),
    }
}

/// Reads a program of a tool that a version manager keeps in a folder of its own. A program that is not the tool's was
/// installed beside it: the other ecosystems read it by its name.
pub(super) fn managed(context: &Context, tool_name: &str, version: &str, program: &str) -> Reading {
    let Some(want) = tool(context.index, tool_name, Some(version)) else {
        return Reading::Unrecognized;
    };
    // The index knows the programs of the default version best.
    let default = || families::of_tool(context.index, tool_name, None).map(|choice| choice.attr);
    let called = context.index.called(&want.attr, program).or_else(|| context.index.called(&default()?, program));
    let programs = match called {
        Some(called) => vec![called.to_owned()],
        // What no other package has is a part of it.
        None if context.index.program(program).is_none_or(|found| same(context.index, &found.attr, &want.attr)) => {
            Vec::new()
        }
        None => return Reading::Unrecognized,
    };
    Reading::Wants(vec![Want { programs, ..want }])
}

/// Returns whether two attrs are one package, in another version or with another output.
fn same(index: &Index, a: &AttrPath, b: &AttrPath) -> bool {
    let pname = |attr: &AttrPath| {
        let first = attr.names().next().map(str::to_owned).unwrap_or_default();
        index.attr(attr).and_then(|attr| attr.pname).map_or(first, str::to_owned)
    };
    pname(a) == pname(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let line = Line::read(&["-y", "install", "-c", "x", "--no=1", "a", "--", "-b"], "-c");
        assert_eq!((line.words.as_slice(), line.has("-y"), line.has("-c")), (&["install", "a", "-b"][..], true, true));
        assert_eq!(line.values("-c --no").collect::<Vec<_>>(), ["x", "1"]);
        assert_eq!(line.after("add install"), Some(&["a", "-b"][..]));
    }

    #[test]
    fn names_of_tools() {
        let index = Index::new();
        for (name, version, attr) in [
            ("helm", None, "kubernetes-helm"),
            ("node", Some("22"), "nodejs_22"),
            ("maven", Some("3.9.6"), "maven"),
            ("ripgrep", None, "ripgrep"),
            ("rg", None, "ripgrep"),
        ] {
            assert_eq!(
                tool(&index, name, version).map(|want| want.attr.as_str().to_owned()).as_deref(),
                Some(attr),
                "{name}"
            );
        }
        assert_eq!(by_hand("a@3=b c=", "a@3"), Some("b"));
        assert_eq!(by_hand("a=b c=", "c"), Some(""));
    }
}
