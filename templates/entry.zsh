# Written by agent-capture. ZDOTDIR names the folder of this file: while a session is open, a shell that reads it records
# itself. What follows is read from the folder that ZDOTDIR named before.
if [[ -n ${AGENT_CAPTURE_ZDOTDIR-} ]]; then
  export ZDOTDIR=$AGENT_CAPTURE_ZDOTDIR
else
  unset ZDOTDIR
fi
if [[ -n ${AGENT_CAPTURE_SESSION-} && ${AGENT_CAPTURE_INSIDE-} != $AGENT_CAPTURE_SESSION &&
  -d $AGENT_CAPTURE_SESSION && ! -e $AGENT_CAPTURE_SESSION/closed && -x @program@ && -r /proc/self/cmdline ]]; then
  () {
    emulate -L zsh
    local shell=/proc/self/exe
    local -a argv0=("${(@0)$(</proc/self/cmdline)}")
    argv0[-1]=()
    shell=${shell:A}
    if [[ -x $shell && $#argv0 -gt 0 ]]; then
      exec @program@ __join --program $shell -- "${argv0[@]}"
    fi
  }
fi
if [[ -r ${ZDOTDIR:-$HOME}/.zshenv ]]; then
  source ${ZDOTDIR:-$HOME}/.zshenv
fi
