# Written by agent-capture. BASH_ENV names this file: while a session is open, a shell that reads it records itself.
{ agent_capture_flags=$-; set +vx; } 2>/dev/null
if [ -n "${AGENT_CAPTURE_SESSION-}" ] && [ "${AGENT_CAPTURE_INSIDE-}" != "$AGENT_CAPTURE_SESSION" ] &&
  [ -d "$AGENT_CAPTURE_SESSION" ] && [ ! -e "$AGENT_CAPTURE_SESSION/closed" ] && [ -x @program@ ] &&
  mapfile -d '' -t agent_capture_argv 2>/dev/null </proc/self/cmdline; then
  agent_capture_shell=$BASH
  [ "$BASH" -ef /proc/self/exe ] || agent_capture_shell=$(readlink "/proc/$$/exe") || agent_capture_shell=
  if [ -x "$agent_capture_shell" ] && [ "${#agent_capture_argv[@]}" -gt 0 ]; then
    shopt -s execfail
    exec @program@ __join --program "$agent_capture_shell" -- "${agent_capture_argv[@]}" || shopt -u execfail
  fi
fi
# The file that BASH_ENV named before; bash expands that name.
agent_capture_file=${AGENT_CAPTURE_BASH_ENV-}
case $agent_capture_file in *[\$\`]*) eval "agent_capture_file=\"$agent_capture_file\"" ;; esac
case $agent_capture_file in '' | */*) ;; *) agent_capture_file=./$agent_capture_file ;; esac
if [ -r "$agent_capture_file" ]; then
  printf -v agent_capture_file '. %q' "$agent_capture_file"
else
  agent_capture_file=
fi
case $agent_capture_flags in *x*) agent_capture_file="set -x; $agent_capture_file" ;; esac
case $agent_capture_flags in *v*) agent_capture_file="set -v; $agent_capture_file" ;; esac
eval "unset agent_capture_argv agent_capture_shell agent_capture_flags agent_capture_file; $agent_capture_file"
