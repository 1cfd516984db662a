#!/usr/bin/env bash
# A real session becomes one commit whose flake real Nix has proved: sets up what is missing, records a scripted agent in a
# copy of fixtures/demo, shows what came out.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

need git=git jq=jq rg=ripgrep make=make gcc=gcc perl=perl python3=python3 || exit 3
PATH=/usr/local/bin:/usr/bin:/bin python3 -c 'import pytest' 2>/dev/null || need pytest-3=python3-pytest || exit 3

say "building agent-capture and setting up Nix"
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" &
build=$!
testbed
wait "$build"
agent_capture=${CARGO_TARGET_DIR:-$root/target}/debug/agent-capture

demo=$(mktemp -d "${TMPDIR:-/tmp}/agent-capture-demo.XXXXXX")
cp -r "$root/fixtures/demo/." "$demo"
cd "$demo"
git init -q -b main .
git config user.name "Demo"
git config user.email "demo@example.org"
git add -A
git commit -qm "A small project"

options=(--yes --name demo)
PATH=/usr/local/bin:/usr/bin:/bin
if [ -n "${AGENT_CAPTURE_TESTBED:-}" ]; then
  # shellcheck source=/dev/null
  source "$AGENT_CAPTURE_TESTBED/env-new"
  options+=(--nixpkgs "$(cat "$AGENT_CAPTURE_TESTBED/pin.flakeref")")
elif nix=$(command -v nix); then
  say "not Debian: using $nix and real nixpkgs"
else
  say "without a proof by Nix: $no_nix"
  options+=(--no-verify)
fi

say "agent-capture run -- bash demo-agent.sh"
"$agent_capture" run "${options[@]}" -- bash "$root/tests/demo-agent.sh"

say "agent-capture report --format markdown"
"$agent_capture" report --format markdown
say "flake.nix"
cat flake.nix
say "git show --stat"
git --no-pager show --stat
say "the repository is $demo"
