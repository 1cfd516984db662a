#!/usr/bin/env bash
# prepare.sh FOLDER [--peers]: the source of GNU sed, from Debian, configured; and with --peers the other recorders that can be
# had: of Debian by apt-get, of PyPI and crates.io below FOLDER. A peer that cannot be had is left out, which is said.
set -euo pipefail
folder=$(realpath -m "$1")
peers=${2:-}
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
mkdir -p "$folder/lists/partial" "$folder/work"
cp "$here"/exec-heavy.sh "$here"/open-heavy.* "$folder/work/"
cd "$folder"
[ -d .git ] || git init -q
cc -O2 -o floor "$here/floor.c" || echo "cannot have the floor: no C compiler, or headers before Linux 5.5" >&2

# quiet NAME COMMAND...: what a command says goes to a file, whose end is shown when it fails.
quiet() {
  local name=$1
  shift
  "$@" >"$name.log" 2>&1 || { echo "cannot have $name: $(tail -n 1 "$name.log")" >&2; return 1; }
}

if [ -n "$peers" ]; then
  for peer in strace bear fsatrace; do
    command -v "$peer" >/dev/null || quiet "$peer" apt-get install -qy --no-install-recommends "$peer" || true
  done
  if [ ! -x peers/bin/reprozip ]; then
    quiet reprozip-venv python3 -m venv peers && quiet reprozip peers/bin/pip install -q reprozip || true
  fi
  [ -x peers/bin/tracexec ] || quiet libseccomp apt-get install -qy --no-install-recommends libseccomp-dev || true
  [ -x peers/bin/tracexec ] ||
    quiet tracexec cargo install --quiet --locked --no-default-features --root peers --target-dir tracexec tracexec || true
  rm -rf tracexec
fi

if [ ! -x work/sed/config.status ]; then
  mirror=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
    sed -nE 's/^URIs: *([^ ]*debian)\/?( .*)?$/\1/p; s/^deb( \[[^]]*\])? +([^ ]*debian)\/? .*/\2/p' | head -n 1)
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >source.list
  options=(-o "Dir::Etc::sourcelist=$PWD/source.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$PWD/lists"
    -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update -qq
  apt-get "${options[@]}" source -qq --download-only sed
  rm -rf work/sed && mkdir work/sed && tar -xf sed_*.orig.tar.* -C work/sed --strip-components=1
  (cd work/sed && ./configure -q >/dev/null 2>&1)
fi
