//! Processes of this machine, known again by when they began.

use std::fs;

/// What agents start between themselves and a hook.
const BETWEEN: &[&str] = &["ash", "bash", "dash", "env", "fish", "ksh", "sh", "zsh"];

/// The most processes that are looked at.
const DEPTH: usize = 8;

/// A process; a later one with the same number is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pid: u32,
    /// When it began, in ticks since the machine started.
    began: u64,
}

impl Process {
    /// Returns the process that had this one started, shells between them left out; none where that cannot be known.
    pub fn caller() -> Option<Self> {
        let mut pid = std::os::unix::process::parent_id();
        for _ in 0..DEPTH {
            let (name, parent, began) = stat(pid)?;
            if pid <= 1 {
                return None;
            }
            if !BETWEEN.contains(&name.as_str()) {
                return Some(Self { pid, began });
            }
            pid = parent;
        }
        None
    }

    /// Returns whether it is still there.
    pub fn is_there(&self) -> bool {
        stat(self.pid).is_some_and(|(_, _, began)| began == self.began)
    }

    /// Returns it as text.
    pub fn to_text(&self) -> String {
        format!("{} {}", self.pid, self.began)
    }

    /// Reads the text.
    pub fn parse(text: &str) -> Option<Self> {
        let (pid, began) = text.trim().split_once(' ')?;
        Some(Self { pid: pid.parse().ok()?, began: began.parse().ok()? })
    }
}

/// Returns the name, the parent and the begin of a process: proc(5). A zombie is none.
fn stat(pid: u32) -> Option<(String, u32, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = text.split_once('(')?.1.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    Some((name.to_owned(), fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_is_known_again() {
        let caller = Process::caller().expect("something runs the tests");
        assert!(caller.is_there());
        assert_eq!(Process::parse(&caller.to_text()), Some(caller.clone()));
        assert!(!Process { began: caller.began + 1, ..caller }.is_there(), "another with this number");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        let (_, _, began) = stat(child.id()).expect("it runs");
        let process = Process { pid: child.id(), began };
        assert!(process.is_there());
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        assert!(!process.is_there());
        assert_eq!((Process::parse(""), Process::parse("1")), (None, None));
    }
}
