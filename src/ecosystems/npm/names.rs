//! What nixpkgs calls packages of npm and their programs.

use super::super::{Want, families, install, listed, paths, versions};
use super::ask::split;
use crate::index::Index;
use crate::nix::AttrPath;

/// Packages whose names differ.
const NAMES: &str = "@biomejs/biome=biome @vue/cli=vue-cli @nestjs/cli=nest-cli aws-cdk=aws-cdk-cli \
    neovim=neovim-node-client vscode-langservers-extracted=vscode-langservers-extracted yarn=yarn pnpm=pnpm \
    @openapitools/openapi-generator-cli=openapi-generator-cli @bazel/bazelisk=bazelisk bun=bun @mermaid-js/mermaid-cli=mermaid-cli \
    @commitlint/cli=commitlint @stoplight/spectral-cli=spectral-cli vercel=vercel wrangler=wrangler corepack=corepack \
    sass=dart-sass @openai/codex=codex @charmland/crush=crush @sourcegraph/amp=amp-cli";

/// Names of packages that are another thing in nixpkgs.
const MISNAMED: &str = "alex bit bower detox http just karma lighthouse lit mint pkg prism rush server sv \
    swagger up uni vite vue which yo";

/// Packages of npm, and their programs, of which nixpkgs has that very tool by this name. What is run by any other name is
/// npm's own: nixpkgs has another thing of many of them.
const TOOLS: &str = "asar bash-language-server biome browser-sync cdk commitlint concurrently cordova cspell \
    degit esbuild eslint firebase firebase-tools gitmoji-cli grunt heroku http-server husky jake js-beautify \
    jshint json-server lerna lessc lint-staged live-server markdownlint markdownlint-cli markdownlint-cli2 mmdc \
    mocha ncu netlify netlify-cli node-gyp node-red nodemon npm-check-updates oxlint patch-package pm2 prettier \
    pyright quicktype sass semantic-release serve sql-formatter stylelint svgo tailwindcss terser textlint tsc \
    tsx turbo typescript typescript-language-server uglify-js uglifyjs vsce web-ext wrangler write-good \
    yaml-language-server zx";

/// Returns the package that is the tool which npm has by this name.
pub(super) fn tool(index: &Index, name: &str) -> Option<AttrPath> {
    let by_hand = || install::by_hand(NAMES, name).and_then(|attr| index.known(attr));
    by_hand().or_else(|| install::sure(index, name).or_else(|| index.known(name)).filter(|_| listed(TOOLS, name)))
}

/// Returns the package of nixpkgs for one of npm.
pub(super) fn find(index: &Index, word: &str) -> Option<Want> {
    let (name, version) = split(word);
    if install::by_hand(NAMES, name).is_none() && name.contains('/') {
        // Of a scope only what has a program of the very name, and a telling one: anyone may call a package `cli` or `inspector`.
        let short = paths::name(name);
        let found = index.program(short).filter(|found| found.attr.as_str() == short && short.contains('-'))?;
        return Some(Want::new(found.attr));
    }
    if install::by_hand(NAMES, name).is_some() {
        return install::named(index, NAMES, name, version);
    }
    let seen = version.and_then(versions::upstream);
    match families::of_tool(index, name, version) {
        Some(choice) => Some(Want::of(choice, seen)),
        None => {
            let known = || index.known(name).filter(|_| !listed(MISNAMED, name));
            Some(Want { seen, ..Want::new(sure(index, name).or_else(known)?) })
        }
    }
}

/// Returns the package that has a program of this name for certain, and is of JavaScript as far as its name tells.
fn sure(index: &Index, name: &str) -> Option<AttrPath> {
    install::sure(index, name).filter(|_| !listed(MISNAMED, name))
}
