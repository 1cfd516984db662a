# shellcheck shell=bash
# Sourced by demo.sh and all.sh: what they need on any machine, and no more.
#
# After it AGENT_CAPTURE_TESTBED is the test bed's folder, or empty, with the reason in $no_nix, where real Nix cannot run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
no_nix=

# say TEXT: one line of what is done.
say() { printf '== %s\n' "$*" >&2; }

# need COMMAND=PACKAGE...: installs the Debian packages of commands that are missing.
need() {
  local pair missing=()
  for pair; do
    PATH=/usr/local/bin:/usr/bin:/bin:$PATH command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local apt=(apt-get)
  [ "$(id -u)" = 0 ] || apt=(sudo -n apt-get)
  if ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]}; install them and run this again" >&2
    return 1
  fi
  say "installing ${missing[*]}"
  { "${apt[@]}" update -q && DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -qy --no-install-recommends "${missing[@]}"; } \
    >"${TMPDIR:-/tmp}/agent-capture-apt.$$" 2>&1 || {
    tail -n 5 "${TMPDIR:-/tmp}/agent-capture-apt.$$" >&2
    echo "failed to install ${missing[*]}: install them and run this again" >&2
    return 1
  }
  rm -f "${TMPDIR:-/tmp}/agent-capture-apt.$$"
}

# testbed [OPTION...]: real Nix offline; status 0 with it, or with $no_nix set.
testbed() {
  local status=0 said
  said=$(mktemp)
  bash "$root/tests/testbed.sh" "$@" 2>"$said" || status=$?
  cat "$said" >&2
  case $status in
    0) export AGENT_CAPTURE_TESTBED=${AGENT_CAPTURE_TESTBED:-$root/target/testbed} ;;
    3 | 4) no_nix=$(tail -n 1 "$said") AGENT_CAPTURE_TESTBED= ;;
    *) rm -f "$said"; return "$status" ;;
  esac
  rm -f "$said"
}
