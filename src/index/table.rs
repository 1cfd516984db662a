//! A table: sorted lines, bisected in place.

/// Rows `key TAB value …`, sorted by the bytes of the key, each with LF.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table(pub(super) &'static str);

impl Table {
    /// Returns what follows the key in its row; empty when the row is only a key.
    pub(super) fn get(self, key: &str) -> Option<&'static str> {
        let bytes = self.0.as_bytes();
        let (mut low, mut high) = (0, bytes.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = bytes[low..middle].iter().rposition(|b| *b == b'\n').map_or(low, |at| low + at + 1);
            let end = bytes[middle..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| middle + at);
            let row = &self.0[start..end];
            let (found, value) = row.split_once('\t').unwrap_or((row, ""));
            match found.as_bytes().cmp(key.as_bytes()) {
                std::cmp::Ordering::Less => low = end + 1,
                std::cmp::Ordering::Equal => return Some(value),
                std::cmp::Ordering::Greater => high = start,
            }
        }
        None
    }

    /// Returns the keys of rows with this value.
    pub(super) fn with_value(self, value: &str) -> impl Iterator<Item = &'static str> {
        self.0
            .lines()
            .filter_map(|row| row.split_once('\t'))
            .filter(move |(_, found)| *found == value)
            .map(|(key, _)| key)
    }

    /// Returns all keys.
    pub(super) fn keys(self) -> impl Iterator<Item = &'static str> {
        self.0.lines().map(|row| row.split('\t').next().unwrap_or(row))
    }
}
