//! Distributions of Python in a folder: which modules they have, and which other distributions they require.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The most distributions of a folder that are looked at.
const MOST: usize = 4000;
/// The most bytes of a file that are read.
const LARGEST: u64 = 1 << 20;

/// What is known of a distribution.
#[derive(Debug, Default)]
struct Distribution {
    modules: BTreeSet<String>,
    requires: BTreeSet<String>,
}

/// Returns those of some modules of a folder that come along with another of them, because its distribution requires theirs.
pub fn brought(folder: &Path, modules: &BTreeSet<&str>) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MOST);
    let read = |entry: fs::DirEntry| distribution(&entry.path(), modules);
    let all: BTreeMap<String, Distribution> = entries.filter_map(read).collect();
    let requires = |by: &str, name: &str| by != name && all.get(by).is_some_and(|it| it.requires.contains(name));
    // Of two that require each other neither comes along.
    let comes = |name: &str| all.keys().any(|by| requires(by, name) && !requires(name, by));
    all.iter().filter(|(name, _)| comes(name)).flat_map(|(_, it)| it.modules.iter().cloned()).collect()
}

/// Reads the folder or file that describes a distribution; none when that has none of the modules.
fn distribution(path: &Path, modules: &BTreeSet<&str>) -> Option<(String, Distribution)> {
    let file = path.file_name()?.to_str()?;
    let stem = file.strip_suffix(".dist-info").or_else(|| file.strip_suffix(".egg-info"))?;
    let name = normalized(stem.split('-').next()?);
    let own = match text(&path.join("top_level.txt")) {
        Some(names) => names.lines().map(|line| line.trim().to_owned()).collect(),
        None => recorded(&path.join("RECORD")),
    };
    let by_name = name.replace('-', "_");
    let own: BTreeSet<String> = own.into_iter().chain([by_name]).filter(|own| modules.contains(own.as_str())).collect();
    if own.is_empty() {
        return None;
    }
    let described = || ["METADATA", "PKG-INFO"].iter().find_map(|file| text(&path.join(file))).or_else(|| text(path));
    let requires = match text(&path.join("requires.txt")) {
        Some(lines) => lines.lines().take_while(|line| !line.starts_with('[')).filter_map(required).collect(),
        None => described().unwrap_or_default().lines().filter_map(requirement).collect(),
    };
    Some((name, Distribution { modules: own, requires }))
}

/// Returns the modules that a list of files names: `yaml` of `yaml/__init__.py,sha256=…` and `six` of `six.py,…`.
fn recorded(path: &Path) -> BTreeSet<String> {
    let text = text(path).unwrap_or_default();
    let module = |line: &str| {
        let (path, _) = line.split_once(',')?;
        let first = path.split_once('/').map_or_else(|| path.split('.').next(), |(folder, _)| Some(folder))?;
        let is_name = !first.is_empty() && first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        is_name.then(|| first.to_owned())
    };
    text.lines().filter_map(module).collect()
}

/// Returns the distribution of a line `Requires-Dist: NAME (VERSIONS); MARKER`; none of one that only an extra requires.
fn requirement(line: &str) -> Option<String> {
    line.strip_prefix("Requires-Dist:").filter(|rest| !rest.contains("extra ==")).and_then(required)
}

/// Returns the name at the start of a requirement.
fn required(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(text.len());
    Some(normalized(&text[..end])).filter(|name| !name.is_empty())
}

/// Returns a name in the form that is compared (PEP 503).
fn normalized(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

fn text(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(LARGEST).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        let head =
            "Metadata-Version: 2.1\nRequires-Dist: urllib3<3,>=1.21.1\nRequires-Dist: PySocks ; extra == 'socks'\n";
        write(
            "requests-2.31.0.dist-info/METADATA",
            &format!("{head}Requires-Dist: Charset_Normalizer\n\nRequires-Dist"),
        );
        write(
            "requests-2.31.0.dist-info/RECORD",
            "requests/__init__.py,sha256=x,1\nrequests-2.31.0.dist-info/RECORD,,\n",
        );
        write("urllib3-1.26.12.egg-info/PKG-INFO", "Name: urllib3\n");
        write("urllib3-1.26.12.egg-info/top_level.txt", "urllib3\n");
        write("charset_normalizer-3.0.egg-info", "Name: charset-normalizer\n");
        write("PyYAML-6.0.dist-info/top_level.txt", "_yaml\nyaml\n");
        write("pysocks-1.dist-info/top_level.txt", "socks\n");
        write("six.py", "");
        let modules = ["requests", "urllib3", "charset_normalizer", "yaml", "socks", "six"];
        let found = brought(folder.path(), &modules.into_iter().collect());
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["charset_normalizer", "urllib3"]);
        assert_eq!(brought(&folder.path().join("none"), &BTreeSet::from(["x"])), BTreeSet::new());
        // Two that require each other.
        write("a-1.dist-info/METADATA", "Requires-Dist: b\n");
        write("b-1.dist-info/METADATA", "Requires-Dist: a\nRequires-Dist: c\n");
        write("c-1.dist-info/METADATA", "");
        let found = brought(folder.path(), &BTreeSet::from(["a", "b", "c"]));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["c"]);
    }
}
