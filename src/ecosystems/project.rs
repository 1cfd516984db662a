//! What the files of a project say of its tools, as the journal kept it.

use super::{locks, paths};
use crate::journal::{Journal, Locked, ProjectFile};

/// Files that keep the packages of a language, by language.
const LOCKS: &[(&str, &[&str])] = &[
    ("python", &["uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock"]),
    (
        "node",
        &[
            "package-lock.json",
            "npm-shrinkwrap.json",
            "pnpm-lock.yaml",
            "yarn.lock",
            "bun.lock",
            "bun.lockb",
            "package.json",
        ],
    ),
    ("rust", &["Cargo.lock"]),
    ("go", &["go.sum", "go.mod", "vendor/modules.txt"]),
    ("ruby", &["Gemfile.lock"]),
    ("php", &["composer.lock"]),
];

/// Other well-known files.
const OTHERS: &[&str] = &[
    ".java-version",
    ".mise.toml",
    ".node-version",
    ".nvmrc",
    ".php-version",
    ".python-version",
    ".ruby-version",
    ".sdkmanrc",
    ".terraform.lock.hcl",
    ".tool-versions",
    "Cargo.toml",
    "mise.toml",
    "mix.lock",
    "rust-toolchain",
    "rust-toolchain.toml",
];

/// Returns the names of the files that say which tools and packages a project has: they are looked for when a session
/// closes.
pub fn well_known() -> impl Iterator<Item = &'static str> {
    LOCKS.iter().flat_map(|(_, names)| names.iter()).chain(OTHERS).copied()
}

/// Returns whether a well-known file is a lock file: those are long.
pub fn is_lock(name: &str) -> bool {
    LOCKS.iter().any(|(_, names)| names.contains(&name)) || name == "mix.lock"
}

/// Returns what a lock file keeps; none when it is no lock file that is read.
pub fn locked(name: &str, text: &str) -> Option<Locked> {
    locks::read(name, text)
}

/// Returns the programs that a build of the package makes which a `Cargo.toml` describes; `has` tells of files beside it.
pub fn programs(name: &str, text: &str, has: &dyn Fn(&str) -> bool) -> Vec<String> {
    let table: toml::Table =
        if name == "Cargo.toml" { toml::from_str(text).unwrap_or_default() } else { return Vec::new() };
    let named = |value: &toml::Value| value.get("name").and_then(|name| name.as_str()).map(str::to_owned);
    let listed = table.get("bin").and_then(|bins| bins.as_array()).into_iter().flatten().filter_map(named);
    let own = table.get("package").and_then(named).filter(|_| has("src/main.rs"));
    let mut programs: Vec<String> = listed.chain(own).filter(|name| word(name)).collect();
    programs.sort();
    programs.dedup();
    programs.into_iter().take(20).map(|name| format!("bin {name}")).collect()
}

fn word(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+:/@".contains(&b))
}

/// Returns what a well-known file says, `tool version` each; nothing of a lock file.
pub fn tools(name: &str, text: &str) -> Vec<String> {
    let first =
        || text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let one = |tool: &str, version: &str| vec![(tool.to_owned(), version.to_owned())];
    let pairs = |between: fn(char) -> bool| -> Vec<(String, String)> {
        let rows = text.lines().filter_map(|line| line.trim().split_once(between));
        rows.map(|(tool, version)| (tool.trim().to_owned(), version.trim().to_owned())).collect()
    };
    let said = match name {
        ".python-version" => one("python", first()),
        ".nvmrc" | ".node-version" => one("node", first().trim_start_matches('v')),
        ".php-version" => one("php", first()),
        ".ruby-version" => one("ruby", first().trim_start_matches("ruby-")),
        ".java-version" => one("java", first()),
        "rust-toolchain" | "rust-toolchain.toml" => one("rust", &channel(text).unwrap_or_else(|| first().to_owned())),
        ".tool-versions" => pairs(char::is_whitespace),
        ".sdkmanrc" => pairs(|c| c == '='),
        "go.mod" => {
            text.lines().find_map(|line| line.strip_prefix("go ")).map_or_else(Vec::new, |version| one("go", version))
        }
        "package.json" => package_manager(text),
        "mise.toml" | ".mise.toml" => mise(text),
        _ => Vec::new(),
    };
    let shown = |(tool, version): (String, String)| {
        let version = version.split_whitespace().next().unwrap_or_default();
        (word(&tool) && word(version)).then(|| format!("{tool} {version}"))
    };
    said.into_iter().filter_map(shown).take(100).collect()
}

/// Returns the channel of a `rust-toolchain.toml`.
fn channel(text: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(text).ok()?;
    Some(table.get("toolchain")?.get("channel")?.as_str()?.to_owned())
}

/// Returns the tools that a `package.json` asks for: `pnpm` and `9.1.0` of `"packageManager": "pnpm@9.1.0+sha256.…"`, and those of
/// `"volta": { "node": "20.11.1" }`.
fn package_manager(text: &str) -> Vec<(String, String)> {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let manager = value.get("packageManager").and_then(|it| it.as_str()?.split_once('@'));
    let manager = manager.map(|(tool, version)| (tool, version.split('+').next().unwrap_or(version)));
    let volta = value.get("volta").and_then(|it| it.as_object()).into_iter().flatten();
    let volta = volta.filter_map(|(tool, version)| Some((tool.as_str(), version.as_str()?)));
    manager.into_iter().chain(volta).map(|(tool, version)| (tool.to_owned(), version.to_owned())).collect()
}

/// Returns the tools of a `mise.toml`: `node = "22"`, `node = ["22", "20"]`, `node = { version = "22" }`.
fn mise(text: &str) -> Vec<(String, String)> {
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    let tools = table.get("tools").and_then(|tools| tools.as_table()).into_iter().flatten();
    let version = |value: &toml::Value| {
        let first = value.as_array().and_then(|all| all.first()).unwrap_or(value);
        first.get("version").unwrap_or(first).as_str().map(str::to_owned)
    };
    tools.filter_map(|(tool, value)| Some((tool.clone(), version(value)?))).collect()
}

/// Returns whether a file of the project keeps the packages of a language.
pub(super) fn keeps(journal: &Journal, language: &str) -> bool {
    let names = LOCKS.iter().find(|(name, _)| *name == language).map_or(&[][..], |(_, names)| names);
    journal.files.iter().any(|file| names.contains(&paths::name(&file.path)))
}

/// Returns the version of a tool that a file of the project asks for; of several files, the one nearest to the root.
pub(super) fn version<'a>(journal: &'a Journal, tool: &str) -> Option<&'a str> {
    let said = |file: &'a ProjectFile| {
        file.says
            .iter()
            .filter_map(|text| text.split_once(' '))
            .find(|(name, _)| *name == tool)
            .map(|(_, version)| version)
    };
    let mut files: Vec<&ProjectFile> = journal.files.iter().collect();
    files.sort_by_key(|file| (file.path.matches('/').count(), file.path.as_str()));
    files.into_iter().find_map(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_say_versions() {
        for (name, text, said) in [
            (".python-version", "# x\n3.11.7\n", &["python 3.11.7"][..]),
            (".nvmrc", "v20.11\n", &["node 20.11"]),
            (".nvmrc", "lts/iron\n", &["node lts/iron"]),
            ("rust-toolchain", "1.75.0\n", &["rust 1.75.0"]),
            ("rust-toolchain.toml", "[toolchain]\nchannel = \"nightly-2024-01-01\"\n", &["rust nightly-2024-01-01"]),
            (
                ".tool-versions",
                "nodejs 20.11.1\npython 3.12.1 3.11.0\n# x\n",
                &["nodejs 20.11.1", "python 3.12.1", "# x"][..2],
            ),
            ("go.mod", "module x\n\ngo 1.22.3\n", &["go 1.22.3"]),
            ("package.json", "{ \"packageManager\" : \"pnpm@9.1.0+sha256.0\" }", &["pnpm 9.1.0"]),
            (
                "mise.toml",
                "[env]\nx = 1\n[tools]\nnode = \"22\"\n\"npm:x\" = '1'\ngo = { version = \"1\" }\n[x]\ny = \"2\"\n",
                &["go 1", "node 22", "npm:x 1"],
            ),
            ("package.json", r#"{"volta": {"node": "20.11.1", "extends": 1}}"#, &["node 20.11.1"]),
            (".php-version", "8.2\n", &["php 8.2"]),
            (".sdkmanrc", "java=17.0.9-tem\n", &["java 17.0.9-tem"]),
            ("Cargo.lock", "version = 3\n", &[]),
            (".nvmrc", "\u{1b}[31m\n", &[]),
        ] {
            assert_eq!(tools(name, text), said, "{name}");
        }
        assert!(well_known().any(|name| name == "uv.lock"));
        let manifest = "[package]\nname = \"greet\"\n[[bin]]\nname = \"other\"\npath = \"x.rs\"\n";
        assert_eq!(programs("Cargo.toml", manifest, &|path| path == "src/main.rs"), ["bin greet", "bin other"]);
        assert_eq!(programs("Cargo.toml", manifest, &|_| false), ["bin other"]);
    }
}
