#!/usr/bin/env bash
# Runs every test, those with real Nix included. Ends in the test runner's own summary.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"

need git=git jq=jq rg=ripgrep make=make gcc=gcc perl=perl python3=python3 script=bsdutils ssh-keygen=openssh-client || exit 3
need chromium=chromium || exit 3
[ -e /usr/include/zlib.h ] && [ -e /usr/include/openssl/sha.h ] || need zlib.h=zlib1g-dev sha.h=libssl-dev || exit 3
need pkg-config=pkg-config bwrap=bubblewrap strace=strace gdb=gdb sudo=sudo zsh=zsh fish=fish || exit 3
PATH=/usr/local/bin:/usr/bin:/bin python3 -c 'import pytest' 2>/dev/null || need pytest-3=python3-pytest || exit 3

# A machine of CI builds once: what would make the next build faster only fills its disk.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0
cargo build --quiet --locked --tests --examples &
build=$!
testbed --with cargo cmake nodejs rustc
wait "$build"

arguments=()
if [ -n "${AGENT_CAPTURE_TESTBED:-}" ]; then
  arguments+=(--include-ignored)
else
  say "SKIPPED: the tests with real Nix: $no_nix"
fi
cargo fmt --check
cargo clippy --quiet --locked --all-targets -- -D warnings
# In the background of a shell signals may be ignored, which the programs of the tests would inherit.
# A test that waits for ever is worse than one that fails.
timeout --foreground --kill-after=10 3000 env --default-signal cargo test --locked --no-fail-fast -- "${arguments[@]}"
[ ${#arguments[@]} -gt 0 ] || say "SKIPPED: the tests with real Nix: $no_nix"
