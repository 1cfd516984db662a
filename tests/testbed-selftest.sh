#!/usr/bin/env bash
# testbed-selftest.sh: does the test bed do what tests rely on? With each Nix of
# it, a flake as agent-capture renders them is checked in the sandbox, offline;
# and checks that must fail are seen to fail. `--keep` leaves the flakes there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bed=$(realpath -m "${AGENT_CAPTURE_TESTBED:-$here/../target/testbed}")
bash "$here/testbed.sh"
work=$(mktemp -d "$bed/selftest.XXXXXX")
[ "${1:-}" = --keep ] || trap 'rm -rf "$work"' EXIT

pin() { sed -E "s/.*\"$1\":\"?([^\",}]*).*/\1/" "$bed/pin.json"; }

# flake FOLDER: a small project, its flake and the lock that Nix would write
flake() {
  mkdir "$1"
  echo '{"a":1}' > "$1/data.json"
  echo hello > "$1/notes.txt"
  printf 'check: ; echo checked\n' > "$1/Makefile"
  printf '#include <iostream>\nint main() { std::cout << "hello\\n"; }\n' > "$1/hello.cc"
  printf 'import requests, yaml\n\ndef test_ok():\n    assert requests.codes.ok == 200\n' > "$1/test_x.py"
  # What was built once is not built again.
  date +%N > "$1/nonce"
  cat > "$1/flake.nix" << FLAKE
{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/$(pin rev)";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forAllSystems = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.\${system});
      packagesFor = pkgs: [
        pkgs.gcc
        pkgs.gnumake
        pkgs.jq
        (pkgs.python3.withPackages (ps: [
          ps.pytest
          ps.pyyaml
          ps.requests
        ]))
        pkgs.ripgrep
      ];
      check =
        pkgs: name: command:
        pkgs.runCommand name
          {
            allowSubstitutes = false;
            nativeBuildInputs = packagesFor pkgs;
          }
          ''
            cp -r \${self.sourceInfo} source
            chmod -R u+w source
            cd source
            \${command}
            touch "\$out"
          '';
    in
    {
      devShells = forAllSystems (pkgs: {
        default = pkgs.mkShell { packages = packagesFor pkgs; };
      });

      checks = forAllSystems (pkgs: {
        gcc = check pkgs "gcc" "g++ -O2 -o hello hello.cc && ./hello";
        jq = check pkgs "jq" "jq -e '.a == 1' data.json";
        make = check pkgs "make" "make check";
        pytest = check pkgs "pytest" "python3 -m pytest -q -p no:cacheprovider";
        rg = check pkgs "rg" "rg -q hello notes.txt";
        # No network, no home, no host: the sandbox is one.
        sandbox = check pkgs "sandbox" ''
          [ "\$(grep -c : /proc/net/dev)" = 1 ]
          [ "\$HOME" = /homeless-shelter ] && [ ! -e "\$HOME" ] && [ ! -e $here ]
          ! (false | true) || exit 1
        '';
      });
    };
}
FLAKE
  cat > "$1/flake.lock" << LOCK
{
  "nodes": {
    "nixpkgs": {
      "locked": {
        "lastModified": $(pin lastModified),
        "narHash": "$(pin narHash)",
        "owner": "NixOS",
        "repo": "nixpkgs",
        "rev": "$(pin rev)",
        "type": "github"
      },
      "original": {
        "owner": "NixOS",
        "repo": "nixpkgs",
        "rev": "$(pin rev)",
        "type": "github"
      }
    },
    "root": {
      "inputs": {
        "nixpkgs": "nixpkgs"
      }
    }
  },
  "root": "root",
  "version": 7
}
LOCK
}

# must_fail FOLDER PATTERN: the check fails, and for this reason
must_fail() {
  if nix flake check --offline -L "path:$1" &> "$1.log"; then echo "passed: $1" && return 1; fi
  grep -E "$2" "$1.log" | head -n 1 | sed "s,^,  $1: ,; s,$work/,,"
  grep -qE "$2" "$1.log" && grep -qE 'exit code 127' "$1.log"
}

selftest() {
  local dir=$work/$1 lock
  # shellcheck disable=SC1090
  . "$bed/env-$1"
  flake "$dir"
  lock=$(< "$dir/flake.lock")
  nix flake check --offline -L "path:$dir" &> "$dir.log" || { tail -n 30 "$dir.log" && return 1; }
  [ "$(grep -c '^building .*\(gcc\|jq\|make\|pytest\|rg\|sandbox\)\.drv' "$dir.log")" = 6 ] ||
    grep -q 'running 6 flake checks' "$dir.log" || { cat "$dir.log" && return 1; }
  nix build --offline --no-link "path:$dir#devShells.x86_64-linux.default" &> "$dir.shell" ||
    { cat "$dir.shell" && return 1; }
  nix develop --offline "path:$dir" -c sh -c 'jq --version && command -v rg' &> "$dir.develop" ||
    { cat "$dir.develop" && return 1; }
  grep -q '^/nix/store/.*-ripgrep' "$dir.develop"
  [ "$lock" = "$(< "$dir/flake.lock")" ]

  flake "$dir-no-rg"
  sed -i '/pkgs.ripgrep/d' "$dir-no-rg/flake.nix"
  must_fail "$dir-no-rg" 'rg: command not found'
  flake "$dir-no-python"
  sed -i '/(pkgs.python3/,/]))/d' "$dir-no-python/flake.nix"
  must_fail "$dir-no-python" 'python3: command not found'
}

for name in new old mid; do
  [ -e "$bed/env-$name" ] || continue
  begin=$SECONDS
  (selftest "$name") &
  wait $! || { echo "selftest: Nix $(< "$bed/nix-$name/version") failed" >&2 && exit 1; }
  echo "selftest: Nix $(< "$bed/nix-$name/version") ok, $((SECONDS - begin)) s"
done
