//! `export`.

use clap::Args;

/// Make a flake of a command line of Nix
#[derive(Args, Debug)]
pub struct Export {
    /// Write flake.nix and flake.lock into the current folder, where there are none
    #[arg(long)]
    pub write: bool,

    /// Pin of nixpkgs, as in `run` [default: what the line names, as far as Nix knows it]
    #[arg(long, value_name = "PIN")]
    pub nixpkgs: Option<String>,

    /// The command line: nix shell, nix run, nix-shell -p, nix-env -iA
    #[arg(required = true, last = true, value_name = "CMD")]
    pub argv: Vec<String>,
}
