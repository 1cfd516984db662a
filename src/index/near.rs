//! Names that someone may have meant.

use super::table::Table;

/// How many names are offered.
const MOST: usize = 3;

/// Returns the keys with the fewest edits from a name, nearest first; at most a third of the name may differ.
pub(super) fn nearest(table: Table, name: &str) -> impl Iterator<Item = &'static str> {
    let most = (name.len() / 3).clamp(1, 4);
    let close = |key: &&'static str| key.len().abs_diff(name.len()) <= most;
    let mut found: Vec<_> =
        table.keys().filter(close).map(|key| (distance(name, key), key)).filter(|(edits, _)| *edits <= most).collect();
    found.sort_unstable();
    found.into_iter().take(MOST).map(|(_, key)| key)
}

/// Returns how many bytes must be put in, taken out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let change = corner + usize::from(!x.eq_ignore_ascii_case(&y));
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, edits) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("Jq", "jq", 0), ("fd", "df", 2)] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }
}
