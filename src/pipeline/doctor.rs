//! What works here, and what can be done where something does not.

use std::fmt::Write;
use std::fs;

use serde::Serialize;

use super::{Answer, World};
use crate::commit::Repository;
use crate::console::{escape, hints};
use crate::nix::Nix;
use crate::recorders;

/// What `doctor` found.
#[derive(Debug, Serialize)]
pub struct Doctor {
    /// Whether everything works that is needed.
    pub works: bool,
    /// One thing each.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// How it is.
    pub state: State,
    /// What was found, one sentence without a period.
    pub says: String,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// What this recorder cannot see, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blind: Vec<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It works.
    Ok,
    /// It does not, and one can do without.
    Without,
    /// It does not, and it is needed.
    No,
}

impl Finding {
    fn new(what: &str, found: Result<String, (String, String)>, needed: bool) -> Self {
        let (state, says, cure) = match found {
            Ok(says) => (State::Ok, says, None),
            Err((why, cure)) => (if needed { State::No } else { State::Without }, why, Some(cure)),
        };
        Self { what: what.to_owned(), state, says, cure, blind: Vec::new() }
    }
}

impl Doctor {
    /// Returns whether everything works that is needed.
    pub fn answer(&self) -> Answer {
        if self.works { Answer::Yes } else { Answer::No }
    }

    /// Returns it for a terminal: one line for each thing, and below a recorder what it cannot see.
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        let width = self.findings.iter().map(|finding| finding.what.len()).max().unwrap_or(0);
        for Finding { what, state, says, cure, blind } in &self.findings {
            let sign = match state {
                State::Ok => "ok",
                State::Without => "-",
                State::No => "NO",
            };
            let cure = cure.as_ref().map(|cure| format!("; cure: {}", escape(cure))).unwrap_or_default();
            writeln!(out, "{sign:2}  {what:width$}  {}{cure}", escape(says)).expect("a String takes all");
            for sentence in blind {
                writeln!(out, "    {:width$}    cannot see: {}", "", escape(sentence.trim_end_matches('.')))
                    .expect("a String takes all");
            }
        }
        out
    }

    /// Returns it as JSON, LF at the end.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// `doctor`: tries out what capturing a session needs.
pub fn doctor(world: &World) -> Doctor {
    let mut findings = recorders_here();
    findings.extend(nix_here(world));
    findings.push(Finding::new("git", git(world), true));
    findings.extend([user_namespaces(), yama(), kernel()].into_iter().flatten());
    let works = findings.iter().all(|finding| finding.state != State::No);
    Doctor { works, findings }
}

/// Tries each recorder; the first that works is the one that is used.
fn recorders_here() -> Vec<Finding> {
    let mut used = false;
    let mut findings: Vec<Finding> = recorders::ALL
        .iter()
        .map(|recorder| {
            let says = |()| if used { "works, if asked for by name" } else { "works, and is used" }.to_owned();
            let found = recorder.available().map(says).map_err(|why| (why, recorder.cure().to_owned()));
            let first = found.is_ok() && !used;
            used |= found.is_ok();
            let blind = if first { recorder.blind() } else { Vec::new() };
            Finding { blind, ..Finding::new(&format!("recorder {}", recorder.name()), found, false) }
        })
        .collect();
    if !used {
        findings.iter_mut().for_each(|finding| finding.state = State::No);
    }
    findings
}

fn nix_here(world: &World) -> Vec<Finding> {
    let Some(nix) = Nix::find(world.path.as_deref()) else {
        let cure = "install Nix: https://nixos.org/download";
        return vec![Finding::new("nix", Err(("there is none on PATH".to_owned(), cure.to_owned())), true)];
    };
    let cure = "set `sandbox = true` in nix.conf, on Linux with user namespaces; in a container allow them";
    let sandbox = nix.try_sandbox().map(|()| "builds are sandboxed".to_owned()).map_err(|why| (why, cure.to_owned()));
    let flakes = match nix.has_flakes() {
        true => Ok("enabled".to_owned()),
        false => Err((
            "not enabled in your settings, which agent-capture itself does not need".to_owned(),
            "for `nix develop`, set `experimental-features = nix-command flakes` in nix.conf".to_owned(),
        )),
    };
    vec![
        Finding::new("nix", Ok(nix.version().to_owned()), true),
        Finding::new("nix sandbox", sandbox, true),
        Finding::new("nix flakes", flakes, false),
    ]
}

/// Finds out whether a commit would work.
fn git(world: &World) -> Result<String, (String, String)> {
    let ready = || -> anyhow::Result<()> {
        let repository = Repository::discover(&world.cwd)?;
        repository.propose(&[], false)?.ready()
    };
    ready().map(|()| "a commit would work".to_owned()).map_err(|error| {
        let cures: Vec<_> = hints(&error).collect();
        let cure = if cures.is_empty() { "see what `git status` says".to_owned() } else { cures.join("; ") };
        (error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": "), cure)
    })
}

/// Reads a setting of the kernel; none when it has no such setting.
fn setting(path: &str) -> Option<u64> {
    fs::read_to_string(format!("/proc/sys/{path}")).ok()?.trim().parse().ok()
}

fn user_namespaces() -> Option<Finding> {
    let most = setting("user/max_user_namespaces")?;
    let refused = |setting: &str, value: &str| {
        let why = format!("refused to users without privileges ({setting})");
        Err((why, format!("`sysctl -w {setting}={value}`, if Nix's sandbox does not work")))
    };
    let found = if most == 0 {
        refused("user.max_user_namespaces", "15000")
    } else if setting("kernel/unprivileged_userns_clone") == Some(0) {
        refused("kernel.unprivileged_userns_clone", "1")
    } else if setting("kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        refused("kernel.apparmor_restrict_unprivileged_userns", "0")
    } else {
        Ok("allowed".to_owned())
    };
    Some(Finding::new("user namespaces", found, false))
}

fn yama() -> Option<Finding> {
    let cure = || "`sysctl -w kernel.yama.ptrace_scope=1`, if recorders do not work".to_owned();
    let found = match setting("kernel/yama/ptrace_scope") {
        None => Ok("not there: your processes may be read and traced by each other".to_owned()),
        Some(0) => Ok("your processes may be read and traced by each other".to_owned()),
        Some(1) => {
            Ok("processes may be read and traced from above: enough to record what is started recorded".to_owned())
        }
        Some(scope) => Err((format!("ptrace_scope is {scope}: only root may read and trace"), cure())),
    };
    Some(Finding::new("yama", found, false))
}

fn kernel() -> Option<Finding> {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let release = text.trim();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let cure = "Linux 6.15 or newer".to_owned();
    let found = match version {
        (..=4, _) | (5, ..=4) => Err((format!("{release}: seccomp user notification needs 5.5"), cure)),
        (5, _) | (6, ..=14) => {
            Err((format!("{release}: seccomp does not tell which processes ended by a signal"), cure))
        }
        _ => Ok(format!("{release}: ends of all processes are told exactly")),
    };
    Some(Finding::new("kernel", found, false))
}
