//! `mcp`: a server for agents, over the Model Context Protocol on standard input and output. It answers from the index that is
//! compiled in and from what is on the disk, and runs nothing.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use chrono::{DateTime, Utc};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, Implementation, ServerCapabilities, ServerConfig};
use rmcp::schemars::{self, JsonSchema};
use rmcp::transport::stdio;
use rmcp::{ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::plan::Plan;
use super::prove::remembered;
use super::{Answer, World, status, versions};
use crate::commit::Repository;
use crate::console::{Console, Level, escape, hints};
use crate::flake::default_pin;
use crate::index::{Index, Scored};
use crate::nix::{AttrPath, Pin};
use crate::verification::Versions;

/// The most names in one question, and the most bytes of each.
const NAMES: usize = 50;
const LONGEST: usize = 200;

/// What the model is told of the server.
const INSTRUCTIONS: &str = "Finds packages of nixpkgs. Ask find_package before you write an attribute path of nixpkgs, and \
    check_attrs for one that you know: both answer from an index, so what they do not have is not to be guessed. \
    session_status and last_verification are about the agent-capture session of this repository.";

/// `mcp`: serves until standard input ends.
pub fn mcp(world: &World) -> anyhow::Result<Answer> {
    let server = Server { cwd: world.cwd.clone(), home: world.home.clone(), path: world.path.clone(), now: world.now };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("failed to start the server")?;
    let served: anyhow::Result<()> = runtime.block_on(async {
        let service = server.serve(stdio()).await.context("failed to greet the client")?;
        service.waiting().await.context("failed to serve the client")?;
        Ok(())
    });
    // Reading standard input may still be under way in a thread.
    runtime.shutdown_background();
    served.map(|()| Answer::Yes)
}

/// What answers.
#[derive(Clone)]
struct Server {
    cwd: PathBuf,
    home: Option<PathBuf>,
    path: Option<OsString>,
    now: fn() -> DateTime<Utc>,
}

/// What a package is looked for by.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// A program: `rg`
    Program,
    /// A shared library: `libz.so.1`
    Library,
    /// A header, as in `#include`: `openssl/ssl.h`
    Header,
    /// A module of Python, as in `import`: `yaml`
    PythonModule,
    /// A package of Debian: `libssl-dev`
    DebianPackage,
    /// A module of pkg-config, the name of a `.pc` file: `openssl`
    PkgConfig,
    /// A package of CMake, as in `find_package`: `fmt`
    Cmake,
}

/// Which packages are looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Find {
    /// What the names are names of
    kind: Kind,
    /// 1 to 50 names
    #[schemars(length(min = 1, max = 50))]
    names: Vec<String>,
}

/// Which attribute paths are asked about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Attrs {
    /// 1 to 50 attribute paths of nixpkgs: `ripgrep`, `python3Packages.requests`
    #[schemars(length(min = 1, max = 50))]
    attrs: Vec<String>,
}

#[tool_router]
impl Server {
    #[tool(
        description = "Find the nixpkgs packages that have a program, library, header, Python module, Debian package, \
            pkg-config or CMake module: attribute paths, best first, with versions. No candidates: none is known",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn find_package(&self, Parameters(Find { kind, names }): Parameters<Find>) -> CallToolResult {
        let (index, at) = (Index::new(), self.at());
        let find = |name: &String| {
            let candidates = index.which(&kind.key(name)?);
            let candidate = |Scored { attr, score, reason }: Scored| {
                let (version, version_of) = at.version(&index, &attr);
                json!({ "attr": attr, "version": version, "version_of": version_of, "score": score, "reason": reason })
            };
            let candidates: Vec<Value> = candidates.into_iter().map(candidate).collect();
            Ok(json!({ "name": name, "candidates": candidates }))
        };
        let found = bounded(&names).and_then(|()| names.iter().map(find).collect::<anyhow::Result<Vec<Value>>>());
        said(found.map(|found| at.with_pin(&index, json!({ "found": found }))))
    }

    #[tool(
        description = "Check whether nixpkgs has these attribute paths: the version, or the nearest names that exist",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn check_attrs(&self, Parameters(Attrs { attrs }): Parameters<Attrs>) -> CallToolResult {
        let (index, at) = (Index::new(), self.at());
        let check = |text: &String| match index.known(text) {
            Some(attr) => {
                let program = index.attr(&attr).unwrap_or_default().main_program;
                let (version, version_of) = at.version(&index, &attr);
                json!({ "attr": text, "exists": true, "write": attr, "version": version, "version_of": version_of, "main_program": program })
            }
            None if AttrPath::parse(text).is_err() => json!({ "attr": text, "exists": false, "near": [] }),
            None => json!({ "attr": text, "exists": false, "near": index.near(text) }),
        };
        let checked = bounded(&attrs).map(|()| attrs.iter().map(check).collect::<Vec<Value>>());
        said(checked.map(|checked| at.with_pin(&index, json!({ "attrs": checked }))))
    }

    #[tool(
        description = "What agent-capture records in this repository now, and which packages that would bring; null when no \
            session is open",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn session_status(&self) -> CallToolResult {
        let status = self.world(|world| Ok(serde_json::to_value(status(world)?)?));
        said(status.map(|status| json!({ "session": status })))
    }

    #[tool(
        description = "What Nix proved last of the captured flake as it is now; null when it was not verified since it changed",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn last_verification(&self) -> CallToolResult {
        let verified = self.world(|world| {
            let repository = Repository::discover(&world.cwd)?;
            let proposal = Plan::as_written(&repository)?;
            let proposal = proposal.propose(&repository, false)?;
            let verified = remembered(&repository, &proposal);
            Ok(verified.map(
                |it| json!({ "nix": it.nix, "system": it.system, "passed": it.passed, "is_proved": it.is_passed(), "versions": it.versions }),
            ))
        });
        said(verified.map(|verified| json!({ "verification": verified })))
    }
}

#[tool_handler]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let info = Implementation::new("agent-capture", env!("CARGO_PKG_VERSION"));
        let config = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        config.with_server_info(info).with_instructions(INSTRUCTIONS)
    }
}

impl Server {
    /// Does something in the repository, without a word to the person.
    fn world<T>(&self, act: impl FnOnce(&World) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let console = Console::new(Level::Quiet);
        let (cwd, home, path) = (self.cwd.clone(), self.home.clone(), self.path.clone());
        act(&World { console: &console, cwd, home, path, now: self.now })
    }

    /// Returns the pin of the repository, else the built-in one, and what is known of its versions.
    fn at(&self) -> At {
        let known = self.world(|world| {
            let repository = Repository::discover(&world.cwd)?;
            let pin = Plan::as_written(&repository)?.document.pin;
            Ok(At { versions: versions::known(&repository, &pin), pin })
        });
        known.unwrap_or_else(|_no_capture| At { pin: default_pin(), versions: Versions::default() })
    }
}

/// The pin, and the versions that are known of it.
struct At {
    pin: Pin,
    versions: Versions,
}

impl At {
    /// Returns the version of a package, and of what it is the version: `pin`, `index`.
    fn version<'a>(&'a self, index: &'a Index, attr: &AttrPath) -> (Option<&'a str>, Option<&'static str>) {
        match (self.versions.of(attr), index.attr(attr).and_then(|attr| attr.version)) {
            (Some(version), _) => (Some(version), Some("pin")),
            (None, Some(version)) => (Some(version), Some("index")),
            (None, None) => (None, None),
        }
    }

    /// Adds what the versions are those of.
    fn with_pin(&self, index: &Index, mut answer: Value) -> Value {
        let note = format!("a version_of `index` is that of nixpkgs at {}; this pin may have another", index.date());
        answer["pin"] = json!({ "nixpkgs": self.pin.rev, "note": note });
        answer
    }
}

impl Kind {
    /// Returns a name as the index is asked for it.
    fn key(self, name: &str) -> anyhow::Result<String> {
        let is_header = name.contains('/') || [".h", ".hh", ".hpp", ".hxx"].iter().any(|end| name.ends_with(end));
        match self {
            Self::Program if name.contains(':') => anyhow::bail!("`{name}` is no name of a program"),
            Self::Program => Ok(name.to_owned()),
            Self::Library if name.contains(".so") => Ok(name.to_owned()),
            Self::Library => Ok(format!("{name}.so")),
            Self::Header if is_header => Ok(name.to_owned()),
            Self::Header => anyhow::bail!("`{name}` is no header: write it as in #include, `openssl/ssl.h`"),
            Self::PythonModule => Ok(format!("py:{name}")),
            Self::DebianPackage => Ok(format!("deb:{name}")),
            Self::PkgConfig => Ok(format!("pc:{name}")),
            Self::Cmake => Ok(format!("cmake:{name}")),
        }
    }
}

/// Fails when there are too many names, or one is too long or no text.
fn bounded(names: &[String]) -> anyhow::Result<()> {
    anyhow::ensure!((1..=NAMES).contains(&names.len()), "ask for 1 to {NAMES} names, not for {}", names.len());
    let is_name = |name: &String| (1..=LONGEST).contains(&name.len()) && !name.contains(char::is_control);
    match names.iter().find(|name| !is_name(name)) {
        Some(name) => {
            anyhow::bail!("`{}` is no name of 1 to {LONGEST} bytes", escape(&name.chars().take(40).collect::<String>()))
        }
        None => Ok(()),
    }
}

/// Returns an answer, or the error with its cures.
fn said(answer: anyhow::Result<Value>) -> CallToolResult {
    answer.map_or_else(
        |error| {
            let hints: Vec<&str> = hints(&error).collect();
            CallToolResult::structured_error(json!({ "error": format!("{error:#}"), "hints": hints }))
        },
        CallToolResult::structured,
    )
}
