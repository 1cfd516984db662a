//! Versions as they are written down on machines.

use std::cmp::Ordering;

/// Returns the version that upstream gave, without what Debian adds: `3.11.2` of `1:3.11.2-1+b1`.
pub(super) fn upstream(version: &str) -> Option<String> {
    let version = version.split_once(':').map_or(version, |(_epoch, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(rest, _revision)| rest);
    let version = version.split(['+', '~']).next().unwrap_or(version);
    let valid = version.starts_with(|c: char| c.is_ascii_digit())
        && version.len() <= 40
        && version.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    valid.then(|| version.to_owned())
}

/// Returns the higher of two versions.
pub(super) fn highest(a: Option<String>, b: Option<String>) -> Option<String> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if compare(&a, &b).is_lt() { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Compares by numbers and words, one after the other; those that are equal so, by their bytes.
fn compare(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (parts(a), parts(b));
    loop {
        let order = match (x.next(), y.next()) {
            (None, None) => return a.cmp(b),
            (Some(x), Some(y)) => x.cmp(&y),
            (x, y) => x.is_some().cmp(&y.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Returns the numbers and words of a version; a word is less than a number (`1.0-rc` < `1.0.1`).
fn parts(version: &str) -> impl Iterator<Item = (bool, u64, &str)> {
    version.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).map(|part| match part.parse() {
        Ok(number) => (true, number, ""),
        Err(_word) => (false, 0, part),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_versions() {
        for (debian, version) in [
            ("1:3.11.2-1+b1", Some("3.11.2")),
            ("9.1-1", Some("9.1")),
            ("2.36", Some("2.36")),
            ("4.3.4+dfsg-1", Some("4.3.4")),
            ("", None),
            ("x\u{1b}", None),
        ] {
            assert_eq!(upstream(debian).as_deref(), version, "{debian}");
        }
    }

    #[test]
    fn the_highest_version() {
        for (low, high) in [("1.9", "1.10"), ("1.0-rc", "1.0.1"), ("1", "1.0"), ("2.a", "2.b")] {
            for (a, b) in [(low, high), (high, low)] {
                assert_eq!(highest(Some(a.to_owned()), Some(b.to_owned())).as_deref(), Some(high));
            }
        }
        assert_eq!(highest(None, Some("1".to_owned())).as_deref(), Some("1"));
    }
}
