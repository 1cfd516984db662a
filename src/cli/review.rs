//! Command lines of what reviewers read.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a report is written
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Terminal,
    /// For a pull request
    Markdown,
    /// A page, whole in one file
    Html,
    /// For a program, as schemas/report.schema.json says
    Json,
}

/// Report
#[derive(Args, Debug)]
pub struct Report {
    /// How it is written [default: as the name of the output ends, else terminal]
    #[arg(long, value_enum)]
    pub format: Option<Format>,

    /// File to write it to [default: standard output]
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// The session [default: all of them]
    #[arg(value_name = "SESSION")]
    pub session: Option<String>,
}

impl Report {
    /// Returns the format that was asked for.
    pub fn format(&self) -> Format {
        let ending = self.output.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
        self.format.unwrap_or(match ending {
            Some("md" | "markdown") => Format::Markdown,
            Some("html" | "htm") => Format::Html,
            Some("json") => Format::Json,
            _ => Format::Terminal,
        })
    }
}

/// How a difference is written
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For a terminal
    #[default]
    Terminal,
    /// For a pull request
    Markdown,
    /// For a program, as schemas/diff.schema.json says
    Json,
}

/// Compare
#[derive(Args, Debug)]
pub struct Diff {
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: DiffFormat,

    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// Read a difference that was written as JSON, instead of comparing
    #[arg(long, value_name = "FILE", conflicts_with = "revisions", value_hint = clap::ValueHint::FilePath)]
    pub read: Option<PathBuf>,

    /// REV: with the work tree; A..B; A...B: B with the last commit that both have [default: the last commit with other
    /// requirements, with the work tree]
    #[arg(value_name = "REV")]
    pub revisions: Option<String>,
}
