#!/usr/bin/env bash
# prepare.sh FOLDER: the source of GNU sed, from Debian, configured; and the peers that Debian and PyPI have.
set -euo pipefail
folder=$(realpath -m "$1")
mkdir -p "$folder/lists/partial"
cd "$folder"
for peer in strace bear fsatrace; do
  command -v "$peer" >/dev/null || apt-get install -qy --no-install-recommends "$peer" >/dev/null 2>&1 || true
done
[ -x peers/bin/reprozip ] || { python3 -m venv peers && peers/bin/pip install -q reprozip; } >/dev/null 2>&1 || true
if [ ! -x sed/config.status ]; then
  mirror=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
    sed -nE 's/^URIs: *([^ ]*debian)\/?( .*)?$/\1/p; s/^deb( \[[^]]*\])? +([^ ]*debian)\/? .*/\2/p' | head -n 1)
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >source.list
  options=(-o "Dir::Etc::sourcelist=$PWD/source.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$PWD/lists"
    -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update -qq
  apt-get "${options[@]}" source -qq --download-only sed
  rm -rf sed && mkdir sed && tar -xf sed_*.orig.tar.* -C sed --strip-components=1
  (cd sed && ./configure -q >/dev/null 2>&1)
fi
