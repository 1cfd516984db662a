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
            Some("json") => Format::Json,
            _ => Format::Terminal,
        })
    }
}
