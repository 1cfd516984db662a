//! Words and cells: how numbers, times and text from elsewhere are written in a report.

use std::fmt::{Display, Write};

use crate::console::escape;

/// Writes a line.
pub(super) fn line(out: &mut String, text: impl Display) {
    writeln!(out, "{text}").expect("a String takes all that is written");
}

/// Returns a count with its noun: `1 run`, `2 runs`.
pub(super) fn plural(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Returns a size as a person reads it, in powers of 1000.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{} kB", bytes / 1000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

/// Returns milliseconds as a person reads them.
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Returns at most `most` characters of a text, with an ellipsis when some are missing.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// Returns text as Markdown code in a table: fences longer than any run of backticks in it, no cell or tag can begin.
pub(super) fn code(text: &str) -> String {
    let text = escape(text).replace('|', "\\|");
    if text.is_empty() {
        return text;
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Returns a reason as words of a sentence, when it is plain words; else, as it is none of ours, as code.
pub(super) fn words(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " ,;'()-".contains(c);
    if text.len() <= 200 && text.chars().all(plain) { text.to_owned() } else { code(&shorten(text, 200)) }
}

/// Returns lines as a block of Markdown code that cannot end early.
pub(super) fn block(lines: &[String], longest_line: usize) -> String {
    let text: Vec<String> = lines.iter().map(|text| escape(&shorten(text, longest_line))).collect();
    let text = text.join("\n");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

/// A part of a Markdown page: rows are added while they fit its share of the page, and what does not fit is counted.
pub(super) struct Part<'a> {
    out: &'a mut String,
    /// Characters that are left.
    left: usize,
    omitted: usize,
}

impl<'a> Part<'a> {
    /// Begins a part that adds at most some `most` characters.
    pub(super) fn new(out: &'a mut String, most: usize) -> Self {
        Self { out, left: most, omitted: 0 }
    }

    /// Adds a row when it fits. After one that does not, all are left out, so that what is shown is the first.
    pub(super) fn row(&mut self, row: &str) {
        let length = row.chars().count() + 1;
        if self.omitted > 0 || length > self.left {
            self.omitted += 1;
            return;
        }
        self.left -= length;
        line(self.out, row);
    }

    /// Says how many rows are left out.
    pub(super) fn end(self, what: &str) {
        if self.omitted > 0 {
            line(self.out, format_args!("\n_… and {} more {what}._", self.omitted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cannot_end_early() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a```|<img>\n"), "```` `a```\\|<img>\\n ````");
        assert_eq!(shorten("abcdef", 4), "abc…");
    }

    #[test]
    fn times_and_sizes_are_short() {
        let times = [7, 1_250, 61_000, 3_725_000].map(duration);
        assert_eq!(times, ["7 ms", "1.2 s", "1 min 1 s", "1 h 2 min"]);
        assert_eq!([999, 1_500, 2_000_000, 3_000_000_000].map(size), ["999 B", "1 kB", "2 MB", "3 GB"]);
    }

    #[test]
    fn a_part_keeps_to_its_share_and_counts_the_rest() {
        let mut out = String::new();
        let mut part = Part::new(&mut out, 20);
        ["a".repeat(10), "b".repeat(15), "c".to_owned()].iter().for_each(|row| part.row(row));
        part.end("rows");
        assert_eq!(out, "aaaaaaaaaa\n\n_… and 2 more rows._\n");
    }
}
