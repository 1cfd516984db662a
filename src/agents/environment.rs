//! Which agent a program runs under, by its environment.

use super::{ALL, Agent};

/// The agent that a program runs under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Under {
    /// The agent: the name that is used here when it is a known one, else as it was told.
    pub name: String,
    /// Its version, when it is told.
    pub version: Option<String>,
}

/// Returns the agent whose program has this name: `claude`.
pub fn by_program(name: &str) -> Option<&'static dyn Agent> {
    ALL.iter().copied().find(|agent| agent.programs().contains(&name))
}

/// Returns the agent that this process runs under; `variable` tells a variable of the environment.
///
/// `AGENT` (a proposal of agents.md) and `AI_AGENT` (`claude-code_2.1.0_cli`, of Vercel's detect-agent) come first: they are
/// made to be read. Then what each agent sets.
pub fn under(variable: &dyn Fn(&str) -> Option<String>) -> Option<Under> {
    let set = |name: &&str| variable(name).is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    let named = ["AGENT", "AI_AGENT"].iter().find_map(|name| variable(name).and_then(|value| named(&value)));
    named.or_else(|| {
        let agent = ALL.iter().find(|agent| agent.variables().iter().any(set))?;
        Some(Under { name: agent.name().to_owned(), version: None })
    })
}

/// Reads the value of a variable that names an agent. Other programs use the same names: only a known agent is one.
fn named(value: &str) -> Option<Under> {
    let value = value.trim().to_ascii_lowercase();
    let mut parts = value.split(['_', '@', '/']);
    let name = parts.next()?;
    let agent = ALL.iter().find(|agent| {
        [agent.name()].iter().chain(agent.programs()).any(|known| *known == name || *known == value)
            || name.strip_suffix("-cli").is_some_and(|short| short == agent.name())
    })?;
    let version = parts.next().filter(|version| version.starts_with(|c: char| c.is_ascii_digit()));
    let plain = |version: &str| {
        version.len() <= 32 && version.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b))
    };
    Some(Under { name: agent.name().to_owned(), version: version.filter(|it| plain(it)).map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Option<(String, Option<String>)> {
        let get = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        under(&get).map(|Under { name, version }| (name, version))
    }

    #[test]
    fn agents_are_known_by_what_they_set() {
        for (variables, name, version) in [
            (&[("CLAUDECODE", "1")][..], "claude-code", None),
            (&[("AI_AGENT", "claude-code_2.1.0_cli"), ("CLAUDECODE", "1")], "claude-code", Some("2.1.0")),
            (&[("AGENT", "goose")], "goose", None),
            (&[("AGENT", "Amp")], "amp", None),
            (&[("AI_AGENT", "gemini-cli")], "gemini", None),
            (&[("CODEX_SANDBOX", "seatbelt")], "codex", None),
            (&[("CODEX_THREAD_ID", "0199")], "codex", None),
            (&[("CURSOR_AGENT", "1")], "cursor", None),
            (&[("GEMINI_CLI", "1")], "gemini", None),
            (&[("OPENCODE_CLIENT", "cli")], "opencode", None),
            (&[("AGENT", "jenkins"), ("OPENCODE", "1")], "opencode", None),
        ] {
            assert_eq!(found(variables), Some((name.to_owned(), version.map(str::to_owned))), "{variables:?}");
        }
        for nobody in [&[][..], &[("AGENT", "jenkins-1")], &[("CLAUDECODE", "0")], &[("AGENT", "")]] {
            assert_eq!(found(nobody), None, "{nobody:?}");
        }
        assert_eq!(found(&[("AI_AGENT", "codex_<x>_cli")]), Some(("codex".to_owned(), None)), "no text from outside");
        assert_eq!(by_program("claude").map(Agent::name), Some("claude-code"));
        assert!(by_program("make").is_none());
    }
}
