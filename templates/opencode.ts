// Tells agent-capture which commands opencode runs. Written by `agent-capture hooks install opencode`; `hooks remove` takes it away.
import { spawnSync } from "node:child_process"

const HOOK = "agent-capture hook opencode"

// Never throws: an error would keep the tool from running. Returns what the hook answers.
function tell(event, directory, fields) {
  try {
    const input = JSON.stringify({ hook_event_name: event, cwd: directory, ...fields })
    const done = spawnSync("/bin/sh", ["-c", HOOK], { cwd: directory, input, encoding: "utf8", timeout: 5000 })
    return done.stdout ? JSON.parse(done.stdout) : undefined
  } catch {
    return undefined
  }
}

export const AgentCapture = async ({ directory }) => {
  const sessions = new Set()
  process.once("exit", () => sessions.forEach((id) => tell("SessionEnd", directory, { session_id: id })))

  const enter = (id) => {
    if (!id || sessions.has(id)) return
    sessions.add(id)
    tell("SessionStart", directory, { session_id: id })
  }
  const call = (input, args) => ({
    session_id: input.sessionID,
    tool_name: input.tool,
    tool_use_id: input.callID,
    tool_input: { command: args?.command, workdir: args?.workdir },
  })

  return {
    event: async ({ event }) => {
      if (event?.type === "session.created") enter(event.properties?.info?.id)
    },
    "tool.execute.before": async (input, output) => {
      if (input?.tool !== "bash") return
      enter(input.sessionID)
      tell("PreToolUse", directory, call(input, output?.args))
    },
    "tool.execute.after": async (input, output) => {
      if (input?.tool !== "bash") return
      const args = input.args ?? output?.args
      const response = { exit: output?.metadata?.exit, output: String(output?.output ?? "").slice(0, 16384) }
      tell("PostToolUse", directory, { ...call(input, args), tool_response: response })
    },
    "shell.env": async (input, output) => {
      const answer = tell("ShellEnv", input?.cwd ?? directory, { session_id: input?.sessionID })
      if (answer?.env && output?.env) Object.assign(output.env, answer.env)
    },
  }
}
