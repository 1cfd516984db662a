//! Holes in the sandbox of Nix, and the versions in which they are closed.
//!
//! A version tells little where a distribution puts fixes into an old one; to be on the safe side it counts as it says.
//! Only releases of Nix itself are known; its forks number otherwise.

/// A hole by which a build may leave the sandbox or change what others built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advisory {
    /// Its name.
    pub name: &'static str,
    /// What it lets a build do, a clause.
    pub what: &'static str,
    /// The first release that has it, `(major, minor, patch)`.
    since: (u32, u32, u32),
    /// The first release of each branch that does not have it, newest branch first. Later branches do not have it, other
    /// ones have it.
    fixed: &'static [(u32, u32, u32)],
    /// Whether it is one of macOS only.
    macos: bool,
}

/// All that are known, newest first.
const ADVISORIES: &[Advisory] = &[
    Advisory {
        name: "CVE-2026-44028 (GHSA-vh5x-56v6-4368)",
        what: "a deeply nested archive overwrites memory of the daemon",
        since: (2, 24, 4),
        fixed: &[(2, 34, 7), (2, 33, 6), (2, 32, 8), (2, 31, 5), (2, 30, 5), (2, 29, 4), (2, 28, 7)],
        macos: false,
    },
    Advisory {
        name: "CVE-2026-39860 (GHSA-g3g9-5vj6-r3gj)",
        what: "a fixed-output build has the daemon write through a symlink",
        since: (2, 18, 2),
        fixed: &[(2, 34, 5), (2, 33, 4), (2, 32, 7), (2, 31, 4), (2, 30, 4), (2, 29, 3), (2, 28, 6)],
        macos: false,
    },
    Advisory {
        name: "CVE-2025-46415 and CVE-2025-46416 (GHSA-g948-229j-48j3)",
        what: "a build becomes the build user and leaves the sandbox",
        since: (0, 0, 0),
        fixed: &[(2, 29, 1), (2, 28, 4), (2, 26, 4), (2, 24, 15)],
        macos: false,
    },
    Advisory {
        name: "CVE-2024-51481 (GHSA-wf4c-57rh-9pjg)",
        what: "on macOS a built-in builder is not sandboxed",
        since: (0, 0, 0),
        fixed: &[(2, 24, 10), (2, 23, 4), (2, 22, 4), (2, 21, 5), (2, 20, 9), (2, 19, 7), (2, 18, 9)],
        macos: true,
    },
    Advisory {
        name: "CVE-2024-38531 (GHSA-q82p-44mg-mgh5)",
        what: "others reach into the folder of a build",
        since: (0, 0, 0),
        fixed: &[(2, 23, 1), (2, 22, 2), (2, 21, 3), (2, 20, 7), (2, 19, 5), (2, 18, 4)],
        macos: false,
    },
    Advisory {
        name: "CVE-2024-27297 (GHSA-2ffj-w4mj-pg37)",
        what: "fixed-output builds change what is in the store already",
        since: (0, 0, 0),
        fixed: &[(2, 20, 5), (2, 19, 4), (2, 18, 2)],
        macos: false,
    },
];

impl Advisory {
    fn concerns(&self, version: (u32, u32, u32), macos: bool) -> bool {
        let branch = |of: (u32, u32, u32)| (of.0, of.1);
        let newest = self.fixed.first().copied().unwrap_or_default();
        let fixed = self.fixed.iter().find(|fixed| branch(**fixed) == branch(version));
        let is_fixed = fixed.map_or(branch(version) > branch(newest), |fixed| version >= *fixed);
        (macos || !self.macos) && version >= self.since && !is_fixed
    }
}

/// Returns the holes of a version, `2.26.3`; none when its name says nothing that can be compared.
pub fn advisories(version: &str, macos: bool) -> Vec<&'static Advisory> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let mut number = || numbers.next().and_then(Result::ok);
    let (Some(major), Some(minor)) = (number(), number()) else { return Vec::new() };
    // `2.36pre2026…`: a snapshot from before the release counts as its first.
    let patch = if version.contains("pre") { 0 } else { number().unwrap_or(0) };
    ADVISORIES.iter().filter(|advisory| advisory.concerns((major, minor, patch), macos)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(version: &str) -> Vec<&'static str> {
        let first = |advisory: &'static Advisory| advisory.name.split(' ').next().unwrap_or_default();
        advisories(version, false).into_iter().map(first).collect()
    }

    #[test]
    fn versions() {
        assert_eq!(names("2.34.8"), [""; 0]);
        assert_eq!(names("2.36pre20260822_abcdef"), [""; 0]);
        assert_eq!(names("2.34.4"), ["CVE-2026-44028", "CVE-2026-39860"]);
        assert_eq!(names("2.34.6"), ["CVE-2026-44028"]);
        assert_eq!(names("2.28.7"), [""; 0]);
        assert_eq!(names("2.26.3"), ["CVE-2026-44028", "CVE-2026-39860", "CVE-2025-46415"]);
        assert_eq!(names("2.8.0"), ["CVE-2025-46415", "CVE-2024-38531", "CVE-2024-27297"]);
        assert_eq!(names("2.18.1").last(), Some(&"CVE-2024-27297"));
        assert!(!names("2.18.9").contains(&"CVE-2024-27297"));
        assert_eq!(names("main"), [""; 0]);
        assert_eq!(advisories("2.23.3", true).len(), names("2.23.3").len() + 1);
    }
}
