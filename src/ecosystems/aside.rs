//! What drives a session and is no part of what it used: the agent, what runs the agent, and this program.

use super::{Context, listed, paths};
use crate::journal::Program;

/// Programs that are agents, and no other tool has their name.
const AGENTS: &str = "aider auggie claude codex copilot crush cursor-agent droid gemini kiro-cli opencode openhands \
    qwen windsurf";

/// Folders in which agents bring programs of their own.
const FOLDERS: &[&str] = &[
    "/@anthropic-ai/claude-code/",
    "/@google/gemini-cli/",
    "/@openai/codex/",
    "/.claude/",
    "/.codex/",
    "/.cursor/",
    "/.gemini/",
    "/.local/share/claude/",
    "/.local/share/opencode/",
    "/claude-code/vendor/",
];

/// What runs agents.
const RUNTIMES: &str = "bun deno node nodejs python python3";

/// Programs that set something up and then become the agent.
const PREFIXES: &str = "env nice nohup script setsid stdbuf timeout";

/// Returns why a program is set aside, when it is.
pub(super) fn reason(program: &Program, context: &Context) -> Option<&'static str> {
    let path = program.path.as_str()?;
    let name = paths::name(path);
    if name == "agent-capture" {
        return Some("this program itself");
    }
    let session = &context.journal.session;
    let is_agent = |name: &str| {
        listed(AGENTS, name) || session.agent.as_deref().is_some_and(|agent| agent == name)
    };
    if is_agent(name) || is_agent(name.trim_start_matches('.').trim_end_matches("-wrapped")) {
        return Some("the agent itself");
    }
    let brought = |path: &str| FOLDERS.iter().any(|folder| path.contains(folder));
    if paths::of(program)
        .filter(|path| !paths::is_project(path))
        .any(brought)
    {
        return Some("a part of the agent");
    }
    let outside = session.agent.is_some() && program.commands.is_empty();
    (outside && (listed(RUNTIMES, name) || listed(PREFIXES, name))).then_some("it runs the agent")
}
