//! `export`: a command line of Nix becomes a flake, and nothing is run.

use std::path::Path;

use anyhow::{Context, anyhow};

use super::flakes::named;
use super::plan::policy;
use super::{Answer, World};
use crate::commit::{File, Repository, write_files};
use crate::console::{Hint, escape};
use crate::ecosystems::{self, Exported};
use crate::flake::{Flake, default_pin};
use crate::index::{Index, pins};
use crate::nix::{Nix, Pin, Reach, Rev, System};
use crate::policy::Policy;

/// `export`: validates the whole line first; prints the flake, or with `write` puts it with its lock into the current folder.
/// The answer is no when something of the line cannot be in a flake.
pub fn export(world: &World, argv: &[String], nixpkgs: Option<&str>, write: bool) -> anyhow::Result<Answer> {
    let console = world.console;
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    // Outside of a repository nobody has chosen anything.
    let policy = Repository::discover(&world.cwd).map_or_else(|_| Ok(Policy::default()), |it| Ok(policy(&it)?.0));
    let policy: anyhow::Result<Policy> = policy;
    let progress = console.progress("looking up what the line names");
    let flakes = named(std::iter::once(words.clone()), Nix::find(world.path.as_deref()).as_ref(), Reach::Network);
    drop(progress);
    let exported = ecosystems::export(&words, &flakes, &Index::new(), &policy?);
    let exported = exported.ok_or_else(|| anyhow!("`{}` names no packages", escape(&argv.join(" "))));
    let Exported { mut requirements, compiler, nixpkgs: refs, command, not } = exported
        .hint("`nix shell`, `nix run` and `nix-shell -p` do; for another program, record it: `agent-capture run`")?;
    if !not.is_empty() {
        not.iter().for_each(|what| console.say(escape(what)));
        console.say("nothing is exported");
        return Ok(Answer::No);
    }
    requirements.systems.insert(System::current());
    let pin = pin(world, nixpkgs, &refs)?;
    let flake = Flake::exported(&requirements, &pin, compiler);
    let text = flake.render()?;
    if write {
        let files = [File::new("flake.nix", text), File::new("flake.lock", flake.lock())];
        files.iter().try_for_each(|file| is_free(&world.cwd, file))?;
        write_files(&world.cwd, &files).context("failed to write the flake")?;
        console.say("wrote flake.nix and flake.lock");
    } else {
        console.print(text)?;
    }
    if let Some(command) = command {
        console.say(format_args!("the command is not in it; after `nix develop` run: {}", escape(&command)));
    }
    Ok(Answer::Yes)
}

/// Fails when something else is at the place of a file.
fn is_free(folder: &Path, file: &File) -> anyhow::Result<()> {
    let path = folder.join(&file.path);
    if path.symlink_metadata().is_err() || std::fs::read(&path).ok() == file.bytes {
        return Ok(());
    }
    Err(anyhow!("there is a `{}` already, which stays as it is", file.path))
        .hint("without `--write` the flake is printed; or go to another folder")
}

/// Returns the pin: the one asked for, what the flakeref of the line stands for, the built-in one.
fn pin(world: &World, nixpkgs: Option<&str>, refs: &[String]) -> anyhow::Result<Pin> {
    let nix = Nix::find(world.path.as_deref());
    let mut refs = refs.to_vec();
    refs.sort();
    refs.dedup();
    let (wanted, plain) = match (nixpkgs, refs.as_slice()) {
        (Some(asked), _) => (asked, false),
        (None, []) => ("nixpkgs", true),
        (None, [one]) => (one.as_str(), !one.contains('/') || one.eq_ignore_ascii_case("github:nixos/nixpkgs")),
        (None, several) => {
            return Err(anyhow!("a flake here has one nixpkgs, and the line names {}", escape(&several.join(" and "))))
                .hint("choose one: `--nixpkgs PIN`");
        }
    };
    let name = wanted.rsplit('/').next().unwrap_or(wanted);
    if let Some(pin) = Pin::parse(wanted).or_else(|| pins::pin(&Rev::parse(name).ok()?)) {
        return Ok(pin);
    }
    let known = nix.as_ref().filter(|_| nixpkgs.is_none()).and_then(|nix| nix.known_pin(wanted));
    match (known, nix) {
        (Some(pin), _) => Ok(pin),
        (None, _) if plain => Ok(default_pin()),
        (None, Some(nix)) => nix.pin(name),
        (None, None) => Err(anyhow!("failed to look up `{}`: there is no `nix` on PATH", escape(wanted)))
            .hint("name the pin whole: --nixpkgs 'github:NixOS/nixpkgs/REV?lastModified=N&narHash=HASH'"),
    }
}
