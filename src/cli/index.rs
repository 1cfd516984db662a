//! The index.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The index
#[derive(Debug, Subcommand)]
pub enum Index {
    /// Show the packages for a name, best first, with points and reasons; status 1 when one has none
    ///
    /// A name is that of a program, an absolute path, a package of Debian (deb:libssl-dev), a module of pkg-config
    /// (pc:openssl), a package of CMake (cmake:fmt), a library (libz.so.1), a header (openssl/ssl.h) or a module of Python
    /// (py:yaml).
    #[command(after_help = "Example: agent-capture index which --json rg deb:libssl-dev")]
    Which(Which),
    /// Make the tables anew from a database of nix-index
    ///
    /// Says what changes. A database that lacks well-known packages or many rows is refused with status 1.
    #[command(after_help = "Example: agent-capture index build ~/.cache/nix-index/files --dry-run")]
    Build(Build),
}

/// Ask the index
#[derive(Args, Debug)]
pub struct Which {
    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Programs, paths, deb:…, pc:…, cmake:…, py:…, libraries, headers
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// Make the index
#[derive(Args, Debug)]
pub struct Build {
    /// The database: ~/.cache/nix-index/files, or one of nix-index-database
    #[arg(value_name = "DATABASE", value_hint = clap::ValueHint::FilePath, required_unless_present = "debian")]
    pub database: Option<PathBuf>,

    /// Versions: rows of attr, pname, version and mainProgram with tabs between [default: those there are]
    #[arg(long, value_name = "FILE.tsv")]
    pub attrs: Option<PathBuf>,

    /// Packages of a Debian archive, for the sources that they are built from
    #[arg(long, value_name = "Packages", value_hint = clap::ValueHint::FilePath)]
    pub debian: Option<PathBuf>,

    /// Folder to write the tables to [default: src/index of this checkout]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Write the tables of a database that is not whole
    #[arg(long)]
    pub force: bool,

    /// Say what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}
