//! Nix: programs of the store, and command lines that name packages of nixpkgs.

use super::{Asked, Context, Ecosystem, Reading, Want, families, listed, paths, wants};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::nix::AttrPath;
use crate::shell::Started;

mod ask;
mod line;
mod others;
mod starts;
mod typed;

pub(super) use others::place;
pub use others::{BUILDS, Foreign, foreign};
pub(super) use starts::SHELLS;
pub(super) use typed::{Typed, typed};

/// Programs of Nix itself.
const ITSELF: &str = ", build-remote comma nix nix-build nix-channel nix-collect-garbage nix-copy-closure nix-daemon nix-env nix-hash \
    nix-instantiate nix-prefetch-url nix-shell nix-store";

/// Names of store paths that are the compiler and binutils of the standard environment.
const TOOLCHAIN: &str = "binutils-wrapper gcc-wrapper";

/// The ecosystem.
pub(super) struct Nix;

impl Ecosystem for Nix {
    fn name(&self) -> &'static str {
        "nix"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        ask::request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = program.path.as_str() else {
            return Reading::Unrecognized;
        };
        let name = paths::name(path);
        if listed(ITSELF, name) {
            return Reading::Ignored("Nix itself");
        }
        if let Some(attr) = starts::asked_for(program, name, context) {
            return Reading::Wants(wants(context.index, attr, name, None));
        }
        let Some((place, store)) = paths::of(program).find_map(|path| Some((path, paths::Store::of(path)?))) else {
            return Reading::Unrecognized;
        };
        if paths::is_project(path) && path.starts_with("result") {
            return Reading::Ignored("the project's own program");
        }
        if let Some(borrowed) = others::of_store(context.journal, store.folder, name) {
            return Reading::Borrows(borrowed);
        }
        // Its name may be that of a package of nixpkgs, which it is not.
        if others::is_of_other(context.journal, store.folder) {
            return Reading::Unrecognized;
        }
        if name.starts_with("ld-linux") && name.contains(".so") {
            return Reading::Ignored("the loader of another program");
        }
        let is_part = !paths::is_bin(place) || name.starts_with('.');
        if is_part && context.ran_from(store.folder) {
            return Reading::Ignored("a part of another program");
        }
        let asked = asked_for(context, &store);
        if asked.is_none() && listed(TOOLCHAIN, store.name) {
            return Reading::Stdenv { compiler: true };
        }
        if let Some(package) = context.index.stdenv(name).filter(|_| asked.is_none() && !is_part) {
            return Reading::Stdenv { compiler: package == "gcc" };
        }
        let is_several = store.version.ends_with("-env");
        let seen = version(&store).filter(|_| !is_several || name.starts_with(store.name));
        // An environment of several packages has the name of the first.
        let of_several = || context.index.program(name).filter(|_| is_several).map(|found| found.attr);
        if let Some(attr) = asked {
            return Reading::Wants(wants(context.index, attr, name, seen));
        }
        let Some(attr) = of_several().or_else(|| guess(context.index, name, store.name)) else {
            return Reading::Unrecognized;
        };
        // Nobody asked for it by name: its path says the version.
        match families::of_version(context.index, &attr, store.version) {
            Some(choice) => Reading::Wants(vec![Want {
                programs: context.index.called(&attr, name).map(str::to_owned).into_iter().collect(),
                ..Want::of(choice, seen)
            }]),
            None => Reading::Wants(wants(context.index, attr, name, seen)),
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let argv: Option<Vec<&str>> = invocation.argv.iter().map(|word| word.as_str()).collect();
        let argv = argv?;
        let mut asked = ask::request(&argv)?.read(context.index, &invocation.says);
        place(&mut asked, &argv, &context.journal.flakes);
        Some(asked)
    }

    fn files(&self, argv: &[&str]) -> Vec<String> {
        ask::script(argv).map(str::to_owned).into_iter().collect()
    }

    fn says(&self, _argv: &[&str], text: &str) -> Vec<String> {
        ask::shebang(text)
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        starts::starts(argv)
    }

    fn inner(&self, argv: &[&str], index: &Index, flakes: &[UsedFlake]) -> Option<String> {
        ask::inner(argv, index, flakes)
    }
}

/// Returns the version in a store path, without the name of an output.
fn version(store: &paths::Store) -> Option<String> {
    let (short, output) = store.version.rsplit_once('-').unwrap_or((store.version, ""));
    let version = if listed("bin dev doc env lib man out", output) { short } else { store.version };
    Some(version.to_owned()).filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns the package of this store path that a command line asks for exactly; of several, the one of the same version.
fn asked_for(context: &Context, store: &paths::Store) -> Option<AttrPath> {
    let fits = |attr: &&AttrPath| {
        let pname = context.index.attr(attr).and_then(|attr| attr.pname);
        pname.or(attr.names().last()) == Some(store.name)
            || context.index.store_name(store.name).as_ref() == Some(*attr)
    };
    let minor = |version: &str| version.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    let same = |attr: &&&AttrPath| {
        context
            .index
            .attr(attr)
            .and_then(|attr| attr.version)
            .is_some_and(|version| minor(version) == minor(store.version))
    };
    let all: Vec<&AttrPath> = context.asked.iter().filter(fits).collect();
    all.iter().find(same).or_else(|| all.first()).map(|attr| (*attr).clone())
}

/// Returns the package whose store path has this name: one that has the program, else any.
fn guess(index: &Index, program: &str, name: &str) -> Option<AttrPath> {
    let fits = |attr: &AttrPath| index.attr(attr).and_then(|attr| attr.pname) == Some(name) || attr.as_str() == name;
    index.candidates(program).find(fits).or_else(|| index.store_name(name))
}
