#!/usr/bin/env bash
# A scripted agent session in fixtures/demo: it looks around, makes mistakes, tries again, and tests.
# Each command runs as agents run theirs: in a shell of its own.
ask() {
  printf '\n$ %s\n' "$1"
  bash -c "$1"
}

ask "jq -r '.[].name' data/cities.json"
ask "rg -n 'def ' stats"
ask "timeout 10 dasel -f data/cities.json '.[0]'" || ask "jq '.[0]' data/cities.json"
ask "perl -MNo::Such::JSON -e 'print 1' 2>&1 | head -n 1"
ask "make chekc" || ask "make"
ask "gcc -Wall -Wextra -fsyntax-only src/greet.c"
ask "make check"
ask "python3 -m pytest -q"
