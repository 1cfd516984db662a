#!/usr/bin/env bash
# testbed.sh [--clean | [--with-mid] [--with PROGRAM…]]
#
# Sets up real Nix for tests that need no network: two or three private Nix
# versions made from Debian packages, a small package set (tests/nixpkgs) made
# from Debian packages, and a store for each version in which it is built.
# Changes nothing outside ${AGENT_CAPTURE_TESTBED:-target/testbed}; needs no root.
# Each part is made once and again when what it is made from has changed.
#
#   nix-{new,old,mid}/bin, version     Nix from forky, bookworm and (--with-mid) trixie
#   packages/flake, packages/debs      the package set, its Debian packages
#   pin.json, pin.flakeref             the package set as a pin of Nixpkgs
#   store-{new,old,mid}                chroot stores with all of it
#   env-{new,old,mid}                  shell files: `. target/testbed/env-new; nix …`
#
# PROGRAM is an attribute of tests/nixpkgs/extra.nix ($AGENT_CAPTURE_TESTBED_WITH
# does the same); once asked for it stays, until --clean removes all.
#
# Exit status: 0 ready, 1 a part failed, 2 usage, 3 this machine lacks something
# (one line on stderr says what), 4 not Debian, but there is a nix to use instead.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(realpath -m "${AGENT_CAPTURE_TESTBED:-$here/../target/testbed}")
state=$root/.state
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
rev=8eeec934ae0dbeca3d7868c059568a65c08b2fc3
last_modified=1784011430

# Dependencies that nothing here needs at run time; with each goes all it drags in.
not_needed='^(adduser|base-files|base-passwd|bash-static|bzip2|ca-certificates|curl|debconf|debianutils|dpkg'
not_needed+='|gcc-[0-9]+-base|gdb|install-info|lib[ahltu]*san[0-9]*|libc-gconv-.*|libdb5.3.*|libpam.*'
not_needed+='|libsasl2-modules-db|lib.*-perl|lsb-base|mawk|media-types|netbase|nix-setup-systemd|node-corepack|openssl.*'
not_needed+='|passwd|perl.*|python3|python3-minimal|readline-common|sensible-utils|sysvinit-utils|tzdata|xz-utils)$'

main() {
  local mid='' clean='' extras=${AGENT_CAPTURE_TESTBED_WITH:-} name nix_code
  while [ $# -gt 0 ]; do
    case $1 in
      --clean) clean=yes ;;
      --with-mid) mid=mid ;;
      --with) while [ $# -gt 1 ] && [[ $2 != -* ]]; do extras+=" $2" && shift; done ;;
      *) echo "usage: $0 [--clean] [--with-mid] [--with PROGRAM…]" >&2 && exit 2 ;;
    esac
    shift
  done
  if [ "$clean" ]; then clean_up && exit; fi
  check_machine
  mkdir -p "$state/log"
  # One at a time: who comes second waits and finds everything there.
  exec 9> "$state/lock"
  flock 9
  [ -d "$root/nix-mid" ] && mid=mid
  # shellcheck disable=SC2086
  printf '%s\n' $extras > "$state/asked"
  touch "$state/extras"
  sort -u "$state/asked" "$state/extras" | grep . > "$state/extras.new" || true
  for name in $(< "$state/extras.new"); do
    grep -qE "^  $name(\.debs)? =" "$here/nixpkgs/extra.nix" ||
      { echo "testbed: tests/nixpkgs/extra.nix has no $name" >&2 && exit 2; }
  done
  mv "$state/extras.new" "$state/extras"

  trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
  nix_code=$(code apt_open closure install_nix write_env)
  # The network and dpkg-deb take their time side by side.
  part nix-new "$nix_code" install_nix new forky
  part nix-old "$nix_code" install_nix old bookworm
  [ -z "$mid" ] || part nix-mid "$nix_code" install_nix mid trixie
  part debs "$(code apt_open closure fetch_debs) $(wanted_debs)" fetch_debs trixie
  finish
  part flake "$(code make_flake) $(stamp debs) $(cat "$here"/nixpkgs/*.{nix,sh})" make_flake
  finish
  part store-new "$(code make_store build_all) $(stamp nix-new flake)" make_store new
  finish
  for name in old ${mid:-}; do
    part "store-$name" "$(code share_store build_all) $(stamp "nix-$name" store-new)" share_store "$name"
  done
  finish
  echo "testbed ready: Nix $(cat "$root"/nix-*/version | paste -sd' ') in $root"
}

# Files in a store are read-only, so that rm and `cargo clean` fail on them.
clean_up() {
  [ -d "$state" ] || return 0
  chmod -R u+w "$root"
  rm -rf "$root"
}

# ---- parts: made once, side by side, logged ----

pids=() names=() part=''

# part NAME INPUTS FUNCTION ARG…: in the background, unless it is there, made from
# the same inputs
part() {
  local name=$1 stamp
  stamp=$(digest "${@:2}")
  shift 2
  [ "$(cat "$state/$name" 2> /dev/null)" != "$stamp" ] || return 0
  rm -f "$state/$name" "$state/$name.missing"
  run_part "$name" "$stamp" "$@" &
  pids+=($!) names+=("$name")
}

run_part() {
  local stamp=$2 begin=$SECONDS
  part=$1
  shift 2
  "$@" &> "$state/log/$part"
  echo "$stamp" > "$state/$part"
  printf '%-9s %2d s  %s\n' "$part" "$((SECONDS - begin))" "$(tail -n 1 "$state/log/$part")"
}

# Waits for the parts begun so far. Nothing after a failed one is tried.
finish() {
  local i failed=''
  for i in "${!pids[@]}"; do wait "${pids[i]}" || failed+=" ${names[i]}"; done
  pids=() names=()
  [ -n "$failed" ] || return 0
  # shellcheck disable=SC2086
  for i in $failed; do
    [ ! -s "$state/$i.missing" ] || { cat "$state/$i.missing" >&2 && exit 3; }
  done
  for i in $failed; do
    echo "testbed: $i failed; the end of $state/log/$i:" >&2
    grep . "$state/log/$i" | tail -n 20 >&2
  done
  exit 1
}

# A part's work depends on its code, which stays the same when comments change.
code() { declare -f "$@" && declare -p root rev last_modified not_needed; }
digest() { sha256sum <<< "$*" | cut -d' ' -f1; }
stamp() { (cd "$state" && cat "$@"); }

# ---- what the machine must have ----

# missing TEXT: ends the script, or the part it is called from, with status 3
missing() {
  if [ -n "$part" ]; then
    echo "testbed: $*" > "$state/$part.missing"
  else
    echo "testbed: $*" >&2
  fi
  exit 3
}

check_machine() {
  local tool
  if [ ! -e /etc/debian_version ] || [ "$(uname -sm)" != "Linux x86_64" ] || ! grep -qx 'ID=debian' /etc/os-release; then
    command -v nix > /dev/null || missing "needs Debian on x86_64, or a nix on PATH"
    echo "testbed: not Debian on x86_64: use $(command -v nix) with the real Nixpkgs instead" >&2
    exit 4
  fi
  for tool in apt-get apt-cache apt-config dpkg-deb awk flock unshare; do
    command -v "$tool" > /dev/null || missing "needs the program $tool"
  done
  [ -r "$keyring" ] || missing "needs the package debian-archive-keyring"
  # Nix's sandbox wants just these.
  unshare --user --map-root-user --mount --pid --net --fork --mount-proc true 2> /dev/null ||
    missing "the kernel or the container forbids user namespaces, which Nix's sandbox needs"
  # They go unquoted into library paths, URLs and scripts.
  [[ $root =~ ^[A-Za-z0-9_./+-]+$ ]] || missing "needs a path without blanks and special characters, not $root"
}

# ---- apt as a verified downloader ----

# apt_open FOLDER SUITE: a state folder of its own and an empty list of installed
# packages, so that a solution holds libc too. Of the host's settings only those
# for transport (proxy, validity of frozen mirrors) are kept: its hooks and extra
# indexes are not wanted. Signatures are checked against the Debian keyring.
apt_open() {
  local apt=$1 suite=$2 mirror
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | awk '/\/debian\/*$/ { print; exit }')
  [ -n "$mirror" ] || missing "found no Debian mirror in apt's sources"
  mkdir -p "$apt"/{lists/partial,archives/partial,empty}
  : > "$apt/status"
  echo "deb [signed-by=$keyring] $mirror $suite main" > "$apt/sources.list"
  {
    apt-config dump | grep '^Acquire::' | grep -vE '^Acquire::(IndexTargets|Languages|GzipIndexes)'
    cat << CONF
Dir::Etc::Main "/dev/null";
Dir::Etc::Parts "$apt/empty";
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "$apt/empty";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "$apt/empty";
Dir::State "$apt";
Dir::State::Status "$apt/status";
Dir::Cache "$apt";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
CONF
  } > "$apt/apt.conf"
  export APT_CONFIG=$apt/apt.conf
  apt-get -q -o APT::Update::Error-Mode=any update ||
    missing "apt could not read Debian $suite: $(apt_reason)"
}

apt_reason() { grep -m 1 '^E: ' "$state/log/$part" || echo "see $state/log/$part"; }

# closure PACKAGE…: one line `name version sha256 dependency…` for each package
# needed, leaving out what $not_needed names.
closure() {
  # The solver chooses among alternatives; awk walks what it chose.
  apt-get -qq --simulate install "$@" | awk '/^Inst / { print $2 }' |
    xargs apt-cache show --no-all-versions |
    LC_ALL=C awk -v roots="$*" -v not_needed="$not_needed" '
      /^Package: / { name = $2 }
      /^Version: / { version[name] = $2 }
      /^SHA256: / { sha256[name] = $2 }
      /^(Pre-)?Depends: / {
        sub(/^[^ ]*/, "")
        gsub(/\([^)]*\)|:any|:native|[,|]/, " ")
        depends[name] = depends[name] $0
      }
      END {
        n = split(roots, queue)
        for (i = 1; i <= n; i++) seen[queue[i]] = 1
        for (i = 1; i <= n; i++) {
          if (!(queue[i] in sha256)) { print "no package " queue[i] > "/dev/stderr"; exit 1 }
          line = queue[i] " " version[queue[i]] " " sha256[queue[i]]
          count = split(depends[queue[i]], names)
          for (j = 1; j <= count; j++) {
            dependency = names[j]
            if (!(dependency in sha256) || dependency ~ not_needed) continue
            line = line " " dependency
            if (!seen[dependency]++) queue[++n] = dependency
          }
          print line
        }
      }' | LC_ALL=C sort
}

# ---- Nix ----

# install_nix NAME SUITE: unpacked, never configured, run by its own libc
install_nix() {
  local to=$root/nix-$1 tmp=$root/nix-$1/tmp suite=$2 programs loader libs lib deb tool
  chmod -R u+w "$to" 2> /dev/null || true
  rm -rf "$to"
  mkdir -p "$to/bin" "$to/etc" "$to/root"
  apt_open "$tmp" "$suite"
  closure nix-bin busybox-static patchelf > "$to/packages"
  (cd "$tmp/archives" && cut -d' ' -f1 "$to/packages" | xargs apt-get -q download) ||
    missing "apt could not download Nix from Debian $suite: $(apt_reason)"
  for deb in "$tmp"/archives/*.deb; do dpkg-deb -x "$deb" "$to/root"; done
  rm -rf "$tmp" "$to/root/usr/share"

  # The loader and library path are written into the program: Nix starts
  # /proc/self/exe again (build hook, nix develop), which must not be ld.so.
  loader=$(find "$to/root" -path '*-linux-gnu/ld-linux-x86-64.so.2')
  libs=$(find "$to/root" -name '*.so*' -printf '%h\n' | grep -E '/(x86_64-linux-gnu|nix)$' | sort -u | paste -sd:)
  programs=$to/root/usr/bin
  # A RUNPATH in Nix's own libraries would hide it from them.
  patchelf() { "$loader" --library-path "$libs" "$programs/patchelf" "$@"; }
  patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$libs" "$programs/nix"
  find "$to/root" -name 'libnix*.so*' -type f | while read -r lib; do patchelf --remove-rpath "$lib"; done
  "$loader" --list "$programs/nix" | grep -v "vdso\|$to/root" && echo "^ not from Debian $suite" && exit 1
  find "$to/root" -name busybox -path '*/bin/*' -exec cp {} "$to/bin/" \;

  # /etc/nix is never read: Debian's has no sandbox, a developer's has anything.
  # The build hook is named because Debian's default lies outside this folder;
  # 2.8 takes one program, which is told by its name.
  cat > "$to/etc/nix.conf" << CONF
build-hook = $to/bin/build-remote
build-users-group =
builders =
connect-timeout = 5
download-attempts = 1
experimental-features = nix-command flakes
flake-registry =
sandbox = true
sandbox-fallback = false
sandbox-paths = /bin/sh=$to/bin/busybox
substitute = false
substituters =
CONF
  cat > "$to/bin/nix" << WRAPPER
#!/bin/sh
NIX_CONF_DIR="\${NIX_CONF_DIR:-$to/etc}" NIX_BIN_DIR="$to/bin" exec "$programs/\${0##*/}" "\$@"
WRAPPER
  chmod 755 "$to/bin/nix"
  for tool in build-remote nix-build nix-collect-garbage nix-copy-closure nix-daemon nix-env nix-hash \
    nix-instantiate nix-prefetch-url nix-shell nix-store; do
    ln -s nix "$to/bin/$tool"
    ln -sf nix "$programs/$tool"
  done
  write_env "$1"
  "$to/bin/nix" --version | sed 's/.* //' > "$to/version"
  cat "$to/version"
}

# use NAME: this shell uses that Nix with its store
use() {
  # shellcheck disable=SC1090
  . "$root/env-$1"
}

write_env() {
  cat > "$root/env-$1" << ENV
# Source this: a Nix and a store of their own, and nothing of the user's.
export PATH="$root/nix-$1/bin:\$PATH"
export NIX_REMOTE="local?root=$root/store-$1" NIX_CONF_DIR="$root/nix-$1/etc"
export HOME="$root/home-$1"
export XDG_CACHE_HOME="\$HOME/.cache" XDG_CONFIG_HOME="\$HOME/.config"
export XDG_DATA_HOME="\$HOME/.local/share" XDG_STATE_HOME="\$HOME/.local/state"
unset IN_NIX_SHELL NIX_CONFIG NIX_PATH NIX_PROFILES NIX_STORE NIX_STORE_DIR NIX_USER_CONF_FILES XDG_CONFIG_DIRS
mkdir -p "\$HOME"
ENV
}

# ---- the package set ----

# The Debian packages that the tables in tests/nixpkgs name.
wanted_debs() {
  awk -v extras="$(paste -sd' ' "$state/extras")" '
    BEGIN { split(extras, list); for (i in list) asked[list[i]] = 1 }
    match($0, /^  [a-z0-9-]+/) { name = substr($0, 3, RLENGTH - 2) }
    / ?debs = \[/ { inside = 1 }
    inside && (FILENAME !~ /extra\.nix$/ || name in asked) {
      for (rest = $0; match(rest, /"[^"]*"/); rest = substr(rest, RSTART + RLENGTH))
        print substr(rest, RSTART + 1, RLENGTH - 2)
    }
    /\]/ { inside = 0 }' "$here/nixpkgs/packages.nix" "$here/nixpkgs/extra.nix" | sort -u
}

# fetch_debs SUITE: packages that are there with the right hash are kept
fetch_debs() {
  local to=$root/packages tmp=$root/packages/tmp name version sha256 _
  chmod -R u+w "$tmp" "$to/busybox" 2> /dev/null || true
  rm -rf "$tmp" "$to/busybox"
  mkdir -p "$to/debs" "$to/busybox/bin"
  apt_open "$tmp" "$1"
  # shellcheck disable=SC2046
  closure $(wanted_debs) > "$to/closure"
  while read -r name version sha256 _; do
    [ -e "$to/debs/$name.deb" ] || continue
    sha256sum --status -c <<< "$sha256  $to/debs/$name.deb" || rm "$to/debs/$name.deb"
  done < "$to/closure"
  (cd "$tmp/archives" && awk -v debs="$to/debs/" '
    system("test -e " debs $1 ".deb") { print $1 }' "$to/closure" | xargs -r apt-get -q download) ||
    missing "apt could not download packages from Debian $1: $(apt_reason)"
  for name in "$tmp"/archives/*.deb; do
    [ -e "$name" ] || continue
    version=${name##*/}
    mv "$name" "$to/debs/${version%%_*}.deb"
  done

  # A folder of applets: busybox goes by the name it is called with.
  dpkg-deb -x "$to/debs/busybox-static.deb" "$tmp/busybox"
  cp "$tmp/busybox/usr/bin/busybox" "$to/busybox/bin/"
  for name in $("$to/busybox/bin/busybox" --list | grep -vx busybox); do ln -s busybox "$to/busybox/bin/$name"; done
  rm -rf "$tmp"
  echo "$(wc -l < "$to/closure") Debian packages, $(du -sm "$to/debs" | cut -f1) MB"
}

make_flake() {
  local to=$root/packages nar_hash
  use new
  rm -rf "$to/flake"
  mkdir "$to/flake"
  cp "$here"/nixpkgs/*.nix "$here"/nixpkgs/*.sh "$to/flake/"
  awk -v busybox="$(nix hash path --base16 "$to/busybox")" '
    BEGIN { print "{\n  \"busybox\": \"" busybox "\",\n  \"debs\": {" }
    {
      list = ""
      for (i = 4; i <= NF; i++) list = list (i > 4 ? ", " : "") "\"" $i "\""
      printf "%s    \"%s\": { \"version\": \"%s\", \"sha256\": \"%s\", \"depends\": [%s] }",
        (NR > 1 ? ",\n" : ""), $1, $2, $3, list
    }
    END { print "\n  }\n}" }' "$to/closure" > "$to/flake/debs.json"
  nar_hash=$(nix hash path "$to/flake")
  printf '{"rev":"%s","lastModified":%s,"narHash":"%s"}\n' "$rev" "$last_modified" "$nar_hash" > "$root/pin.json"
  printf 'github:NixOS/nixpkgs/%s?lastModified=%s&narHash=%s\n' "$rev" "$last_modified" \
    "$(sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g' <<< "$nar_hash")" > "$root/pin.flakeref"
  echo "$nar_hash"
}

# ---- stores ----

# Adds the package set and builds it. What an older one left behind stays: it
# does no harm, and tests may be using it.
make_store() {
  local packages=$root/packages roots=$root/store-$1/nix/var/nix/gcroots/testbed path
  use "$1"
  mkdir -p "$root/store-$1/nix/var/nix/gcroots"
  {
    nix-store --add-fixed sha256 "$packages"/debs/*.deb
    nix-store --add-fixed --recursive sha256 "$packages/busybox"
    nix store add-path --name source "$packages/flake"
    build_all
  } > "$state/$part.paths"
  # A garbage collection in a test must not take these.
  rm -rf "$roots"
  mkdir "$roots"
  while read -r path; do ln -sf "$path" "$roots/${path##*/}"; done < "$state/$part.paths"
  echo "$(wc -l < "$state/$part.paths") paths, $(du -sm "$root/store-$1" | cut -f1) MB"
}

build_all() {
  nix-build --no-out-link --max-jobs 2 --cores 1 --expr "
    let
      lib = import $root/packages/flake/lib.nix;
    in
    (import $root/packages/flake/pkgs.nix { inherit lib; system = \"x86_64-linux\"; }).prebuilt
  "
}

# Store paths do not depend on the version of Nix, so the other stores get the
# first one's files as hard links and its database as text: seconds, no space.
share_store() {
  local from=$root/store-new/nix to=$root/store-$1/nix path
  mkdir -p "$to/store" "$to/var/nix/gcroots"
  for path in "$from"/store/*; do
    [ -e "$to/store/${path##*/}" ] || [ -L "$to/store/${path##*/}" ] && continue
    chmod -R u+w "$to/store/.new" 2> /dev/null || true
    rm -rf "$to/store/.new"
    cp -al "$path" "$to/store/.new"
    mv "$to/store/.new" "$to/store/${path##*/}"
  done
  (use new && nix-store --dump-db) | (use "$1" && nix-store --load-db)
  rm -rf "$to/var/nix/gcroots/testbed"
  cp -a "$from/var/nix/gcroots/testbed" "$to/var/nix/gcroots/"
  # Says so if the paths are not what this version would build.
  (use "$1" && build_all) > "$state/$part.paths"
  echo "$(wc -l < "$state/$part.paths") paths as in store-new"
}

main "$@"
