//! Devbox and Flox: environments of packages that nixpkgs has, by names and versions of it.

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::Value;

use super::install::{self, Line};
use super::{Asked, Context, Ecosystem, Want, call, families, listed, versions};
use crate::index::Index;
use crate::journal::Invocation;

/// Options that take a value.
const DEVBOX: &str =
    "-c --config -e --env --env-file --environment --allow-insecure -p --platform --exclude-platform -o --outputs";
const FLOX: &str = "-d --dir -r --remote -i --id -f --file -g --generation -m --mode";

/// Where their own files are.
const PACKAGES: &str = "devbox.json";
const MANIFEST: &str = ".flox/env/manifest.toml";

/// The ecosystem.
pub(super) struct Devbox;

impl Ecosystem for Devbox {
    fn name(&self) -> &'static str {
        "devbox"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let mut asked = Asked::default();
        let words = invocation.words()?;
        let said = invocation.says.iter().map(String::as_str);
        request(&words)?.into_iter().chain(said).for_each(|word| read(word, context.index, &mut asked));
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        let verbs = "add global init install remove rm update uninstall upgrade";
        call(argv).is_some_and(|(program, rest)| {
            listed("devbox flox", program) && rest.first().is_some_and(|verb| listed(verbs, verb))
        })
    }

    fn files(&self, argv: &[&str]) -> Vec<String> {
        let Some((program, rest)) = call(argv) else { return Vec::new() };
        let line = Line::read(rest, if program == "devbox" { DEVBOX } else { FLOX });
        let below =
            |folder: Option<&str>, file: &str| folder.map_or(file.to_owned(), |folder| format!("{folder}/{file}"));
        match (program, line.words.first()) {
            ("devbox", Some(&("install" | "run" | "shell"))) => {
                // Its option names the file, or the folder that it is in.
                let named = line.values("-c --config").next();
                let file = named.filter(|name| name.ends_with(".json")).map(str::to_owned);
                vec![file.unwrap_or_else(|| below(named, PACKAGES))]
            }
            ("flox", Some(&"activate")) if !line.has("-r --remote") => {
                vec![below(line.values("-d --dir").next(), MANIFEST)]
            }
            _ => Vec::new(),
        }
    }

    fn says(&self, argv: &[&str], text: &str) -> Vec<String> {
        match call(argv) {
            Some(("flox", _)) => of_manifest(text),
            _ => of_packages(text),
        }
    }
}

/// Returns the packages that a command line installs; none of its own when its file says them.
fn request<'a>(argv: &[&'a str]) -> Option<Vec<&'a str>> {
    let (program, rest) = call(argv)?;
    match program {
        "devbox" => {
            let line = Line::read(rest.strip_prefix(&["global"]).unwrap_or(rest), DEVBOX);
            line.after("add").map(<[&str]>::to_vec).or_else(|| line.after("install run shell").map(|_| Vec::new()))
        }
        "flox" => {
            let line = Line::read(rest, FLOX);
            line.after("install i").map(<[&str]>::to_vec).or_else(|| line.after("activate").map(|_| Vec::new()))
        }
        _ => None,
    }
}

/// Returns what `devbox.json` lists: `"packages": ["jq@latest"]`, or an object with the version of each.
fn of_packages(text: &str) -> Vec<String> {
    let value: Value = parse_to_serde_value(text, &ParseOptions::default()).unwrap_or_default();
    let version = |value: &Value| {
        let version = value.as_str().or_else(|| value.get("version")?.as_str()).unwrap_or("latest");
        version.to_owned()
    };
    match value.get("packages") {
        Some(Value::Array(all)) => all.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        Some(Value::Object(all)) => all.iter().map(|(name, value)| format!("{name}@{}", version(value))).collect(),
        _ => Vec::new(),
    }
}

/// Returns what Flox's manifest installs: `[install]`, `jq.pkg-path = "jq"`, `jq.version = "1.7"`.
fn of_manifest(text: &str) -> Vec<String> {
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    let all = table.get("install").and_then(toml::Value::as_table).into_iter().flatten();
    let package = |value: &toml::Value| {
        let field = |name: &str| value.get(name).and_then(toml::Value::as_str);
        let path = field("pkg-path").or_else(|| field("flake"))?;
        Some(field("version").map_or_else(|| path.to_owned(), |version| format!("{path}@{version}")))
    };
    all.filter_map(|(_, value)| package(value)).collect()
}

/// Reads `attr`, `attr@version`, `attr^output`; other flakes are not what they know.
fn read(word: &str, index: &Index, asked: &mut Asked) {
    let (name, version) = word.split_once('@').map_or((word, None), |(name, version)| (name, Some(version)));
    let name = name.split('^').next().unwrap_or(name);
    let version = version.map(|version| version.trim_start_matches(['^', '~', '=', '>', '<', ' ']));
    let version = version.filter(|version| !version.is_empty() && *version != "latest");
    let seen = version.and_then(versions::upstream);
    let of_version = || families::of_tool(index, name, Some(version?)).map(|choice| Want::of(choice, seen.clone()));
    let by_name = || Some(Want { seen: seen.clone(), ..Want::new(index.known(name)?) });
    install::put(word, of_version().or_else(by_name), install::kind(name), asked);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("devbox add jq ripgrep@latest", "tools jq ripgrep"),
            ("devbox add python@3.11 nodejs@22 go@1.25", "tools python311=3.11 nodejs_22=22 go_1_25=1.25"),
            ("devbox global add --platform x86_64-linux gh openssl", "wants openssl | tools gh"),
            ("devbox add github:owner/flake#thing", "unrecognized github:owner/flake#thing"),
            ("flox install -d x ripgrep 'nodejs@^20'", "tools ripgrep nodejs_22=20"),
            ("flox install --id my-jq jq^bin", "tools jq"),
            ("flox install no-such-thing-zz", "unrecognized no-such-thing-zz"),
        ] {
            assert_eq!(ask(&Devbox, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["devbox search jq", "flox list", "devbox rm jq"] {
            assert_eq!(ask(&Devbox, line), None, "{line}");
        }
    }

    #[test]
    fn files_of_theirs() {
        assert_eq!(Devbox.files(&["devbox", "run", "test"]), ["devbox.json"]);
        assert_eq!(Devbox.files(&["devbox", "shell", "-c", "sub"]), ["sub/devbox.json"]);
        assert_eq!(Devbox.files(&["flox", "activate", "--", "make"]), [".flox/env/manifest.toml"]);
        assert!(Devbox.files(&["flox", "activate", "-r", "owner/env"]).is_empty());
        let list = "{\n  // what is needed\n  \"packages\": [\"jq@latest\", \"python@3.11\"],\n  \"shell\": {}\n}\n";
        assert_eq!(Devbox.says(&["devbox", "shell"], list), ["jq@latest", "python@3.11"]);
        let table = r#"{"packages": {"go": "1.22", "jq": {"version": "1.7"}, "gh": {}}}"#;
        let mut said = Devbox.says(&["devbox", "shell"], table);
        said.sort();
        assert_eq!(said, ["gh@latest", "go@1.22", "jq@1.7"]);
        let manifest =
            "version = 1\n[install]\njq.pkg-path = \"jq\"\nnode.pkg-path = \"nodejs\"\nnode.version = \"20\"\n";
        assert_eq!(Devbox.says(&["flox", "activate"], manifest), ["jq", "nodejs@20"]);
        assert!(
            Devbox.says(&["flox", "activate"], "= no").is_empty() && Devbox.says(&["devbox", "run"], "[").is_empty()
        );
    }

    #[test]
    fn programs() {
        assert_eq!(alone(program("/usr/local/bin/devbox")), "p1 ignored: a version manager");
        let store = "/nix/store/0c0rkxlw3dwjzkh7s02b0j51fzihj2k9-ripgrep-14.1.0/bin/rg";
        assert_eq!(alone(program(store)), "ripgrep 14.1.0 [rg] 1");
    }
}
