//! Go: what `go install` brings, toolchains beside each other, and what tests, builds and lints.

use super::install::{self, Kind, Line};
use super::{Asked, Context, Ecosystem, Near, Need, Reading, call, paths, verb};
use crate::index::Index;
use crate::journal::{Invocation, Journal, Program, ProjectFile};
use crate::requirements::LockKind;

/// Options that take a value.
const VALUES: &str =
    "-C -asmflags -buildmode -gcflags -ldflags -mod -modfile -overlay -p -pgo -pkgdir -tags -toolexec -exec -o";

/// Reason for what needs modules of which nobody knows the hash yet.
pub const UNFOUND: &str =
    "its go.mod requires modules that are not vendored, and their hash is found only by building with a network";

/// Programs whose packages have other names, by the last parts of their import paths.
const NAMES: &str = "gofumpt=gofumpt go-bindata=go-bindata oapi-codegen=oapi-codegen migrate=go-migrate swag=go-swag \
    mockery=go-mockery task=go-task protoc-gen-go=protoc-gen-go protoc-gen-go-grpc=protoc-gen-go-grpc air=air";

/// The ecosystem.
pub(super) struct Go;

impl Ecosystem for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = program.path.as_str() else {
            return Reading::Unrecognized;
        };
        if paths::of(program).any(|path| path.contains("/pkg/tool/")) {
            return Reading::Ignored(install::PART);
        }
        // What a distribution's `go` leads to is the version that it happens to have.
        let chosen = |path: &&str| *path == program.path.as_str().unwrap_or_default() || !path.contains("/lib/go-");
        match paths::of(program).filter(chosen).find_map(version) {
            Some(version) => {
                install::managed(context, "go", version, if path.ends_with("gofmt") { "gofmt" } else { "go" })
            }
            None => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let (modules, runs) = request(&words)?;
        let mut asked = Asked::default();
        for module in modules {
            let want = find(context.index, module);
            match want {
                Some(want) if runs => asked.wants.push(want),
                want => install::put(module, want, Kind::Tool, &mut asked),
            }
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        request(argv).is_some_and(|(_, runs)| !runs)
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "go" => verb(program, rest, &["build", "test", "vet"]),
            "golangci-lint" if rest.contains(&"--fix") => None,
            "golangci-lint" => verb(program, rest, &["run"]).map(|_| "golangci-lint".to_owned()),
            "staticcheck" => Some("staticcheck".to_owned()),
            _ => None,
        }
    }

    fn need(&self, program: &str, near: &Near) -> Option<Need> {
        let folder = |file: &ProjectFile, name: &str| file.path.strip_suffix(name).map(str::to_owned);
        let module = near.find("go.mod").and_then(|file| folder(file, "go.mod"));
        let vendored = near.find("vendor/modules.txt").and_then(|file| folder(file, "vendor/modules.txt")) == module;
        (program == "go" && !vendored).then(|| near.need(LockKind::Go, UNFOUND))?
    }

    fn makes(&self, argv: &[&str], _near: &Near) -> Vec<String> {
        match call(argv) {
            Some(("go", ["build", rest @ ..])) => Line::read(rest, VALUES).values("-o").map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }
}

/// Returns the `go.mod` files of a journal that require modules of which nobody knows the hash yet.
pub fn unfound(journal: &Journal) -> Vec<&str> {
    let is_vendored = |folder: &str| {
        let list = format!("{folder}vendor/modules.txt");
        journal.files.iter().any(|file| file.path == list)
    };
    let lacks = |file: &&ProjectFile| {
        let folder = file.path.strip_suffix("go.mod").filter(|folder| folder.is_empty() || folder.ends_with('/'));
        folder.is_some_and(|folder| !is_vendored(folder))
            && file.found.is_none()
            && file.keeps.is_some_and(|keeps| keeps.packages > 0)
    };
    journal.files.iter().filter(lacks).map(|file| file.path.as_str()).collect()
}

/// Returns the modules that a command line installs or runs from elsewhere, and whether it runs them. The project's own have
/// no `@`.
fn request<'a>(argv: &[&'a str]) -> Option<(Vec<&'a str>, bool)> {
    let (_, words) = call(argv).filter(|(program, _)| *program == "go")?;
    let line = Line::read(words, VALUES);
    let (verb, words) = line.words.split_first()?;
    let words = match *verb {
        "install" => words,
        "run" => words.get(..1)?,
        _ => return None,
    };
    let modules: Vec<&str> = words.iter().copied().filter(|word| word.contains('@')).collect();
    (!modules.is_empty()).then_some((modules, *verb == "run"))
}

/// Returns the package that has the program of a module: `gopls` of `golang.org/x/tools/gopls@v0.15.0`.
fn find(index: &Index, module: &str) -> Option<super::Want> {
    let (path, version) = module.split_once('@')?;
    let is_major =
        |part: &&str| part.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let name = path.rsplit('/').find(|part| !is_major(part))?;
    if path.starts_with("golang.org/dl/") {
        return install::tool(index, "go", name.strip_prefix("go"));
    }
    let seen = super::versions::upstream(version.trim_start_matches('v'));
    let want = match install::by_hand(NAMES, name) {
        Some(attr) => super::Want::new(index.known(attr)?),
        None => super::Want::new(index.program(name)?.attr),
    };
    Some(super::Want { seen, ..want })
}

/// Returns the version of Go that a folder is of.
fn version(path: &str) -> Option<&str> {
    let folders =
        ["/sdk/go", "/golang.org/toolchain@v0.0.1-go", "/lib/go-", "/hostedtoolcache/go/", "/.goenv/versions/"];
    let at = folders.iter().find_map(|folder| Some(paths::below(path, folder)?.0));
    let named = || paths::name(path).strip_prefix("go").filter(|rest| rest.starts_with("1."));
    let version = at.or_else(named).filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))?;
    let end = version.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(version.len());
    Some(version[..end].trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("go install golang.org/x/tools/gopls@v0.15.3", "tools gopls=0.15.3"),
            ("go install golang.org/x/tools/cmd/goimports@latest", "tools gotools"),
            ("go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.1.0", "tools golangci-lint=2.1.0"),
            ("go install golang.org/dl/go1.25.1@latest", "tools go_1_25=1.25.1"),
            ("go run honnef.co/go/tools/cmd/staticcheck@latest ./...", "wants go-tools"),
            ("go install x.org/zz-none@latest", "unrecognized x.org/zz-none@latest"),
        ] {
            assert_eq!(ask(&Go, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["go install ./...", "go get x.org/y", "go mod download", "go run . a@b"] {
            assert_eq!(ask(&Go, line), None, "{line}");
        }
    }

    #[test]
    fn programs() {
        for (path, reading) in [
            ("/usr/local/go/bin/go", "go [go] 1"),
            ("/usr/local/go/pkg/tool/linux_amd64/compile", "p1 ignored: a part of another program"),
            ("~/go/bin/gopls", "gopls [gopls] 1"),
            ("~/sdk/go1.25.3/bin/go", "go_1_25 1.25.3 [go] 1"),
            (
                "~/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.22.3.linux-amd64/bin/go",
                "go_1_25 for go_1_22 1.22.3 [go] 1",
            ),
            ("/usr/lib/go-1.25/bin/gofmt", "go_1_25 1.25 [gofmt] 1"),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
    }

    #[test]
    fn checks() {
        for (line, name) in [
            ("go test ./...", Some("go-test")),
            ("go vet ./...", Some("go-vet")),
            ("go run .", None),
            ("gofmt -l .", None),
            ("golangci-lint run", Some("golangci-lint")),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Go.verifies(&words).as_deref(), name, "{line}");
        }
    }
}
