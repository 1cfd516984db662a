# shellcheck shell=bash
# The part of the Nixpkgs stdenv's setup script that checks and small builds
# use. $initialPath and $shell are put in front of it by pkgs.nix.
: "${out:?}" "${shell:?}"
__setup_options=$-
set -eu
set -o pipefail
shopt -s inherit_errexit

# append VARIABLE FOLDER: to a list with colons, once; what comes first wins
append() {
  case ":${!1-}:" in
    *":$2:"*) ;;
    *) export "$1=${!1:+${!1}:}$2" ;;
  esac
}

addInput() {
  local q
  [ ! -d "$1/bin" ] || append PATH "$1/bin"
  if [ -d "$1/lib/pkgconfig" ]; then
    append CPATH "$1/include"
    append LIBRARY_PATH "$1/lib"
    append PKG_CONFIG_PATH "$1/lib/pkgconfig"
  fi
  if [ -e "$1/nix-support/propagated-build-inputs" ]; then
    for q in $(< "$1/nix-support/propagated-build-inputs"); do addInput "$q"; done
  fi
  # shellcheck disable=SC1091
  if [ -e "$1/nix-support/setup-hook" ]; then source "$1/nix-support/setup-hook"; fi
}
unset CPATH LIBRARY_PATH PKG_CONFIG_PATH
# shellcheck disable=SC2123
PATH=
for p in ${nativeBuildInputs-} ${buildInputs-} ${initialPath:?}; do addInput "$p"; done
export PATH SHELL="$shell" CONFIG_SHELL="$shell" SOURCE_DATE_EPOCH=315532800
unset p

# There is no /usr/bin/env in the sandbox.
patchShebangs() {
  local file line program
  while read -r file; do
    IFS= read -r line < "$file" || continue
    [[ $line =~ ^#!\ *(/usr/bin/env\ +)?([^ ]+)(.*)$ && ${BASH_REMATCH[2]} != /nix/store/* ]] || continue
    program=$(command -v "${BASH_REMATCH[2]##*/}") || continue
    sed -i "1s|.*|#!$program${BASH_REMATCH[3]}|" "$file"
  done < <(find "$@" -type f -perm -0100)
}

runHook() {
  if declare -F "$1" > /dev/null; then
    "$1"
  else
    eval "${!1-}"
  fi
}

unpackPhase() {
  runHook preUnpack
  if [ -d "${src:?no src}" ]; then
    cp -r "$src" source
    chmod -R u+w source
    cd source
  else
    tar xf "$src"
    cd ./*/
  fi
  runHook postUnpack
}
patchPhase() {
  local p
  runHook prePatch
  for p in ${patches-}; do patch -p1 < "$p"; done
  runHook postPatch
}
configurePhase() {
  runHook preConfigure
  [ ! -x ./configure ] || ./configure --prefix="$out"
  runHook postConfigure
}
buildPhase() {
  runHook preBuild
  if [ -e Makefile ]; then make; else echo "no Makefile, doing nothing"; fi
  runHook postBuild
}
checkPhase() {
  runHook preCheck
  [ ! -e Makefile ] || make check
  runHook postCheck
}
installPhase() {
  runHook preInstall
  [ ! -e Makefile ] || make install
  runHook postInstall
}
fixupPhase() {
  runHook preFixup
  runHook postFixup
}

runPhase() {
  local name=${1%Phase} skip
  skip=dont${name^}
  [ -z "${!skip-}" ] || return 0
  [ "$1" != checkPhase ] || [ -n "${doCheck-}" ] || return 0
  echo "Running phase: $1"
  if [ -n "${!1-}" ]; then eval "${!1}"; else "$1"; fi
}

genericBuild() {
  local phase
  if [ -n "${buildCommandPath-}" ]; then
    # shellcheck disable=SC1090
    source "$buildCommandPath"
    return
  fi
  for phase in ${phases:-unpackPhase patchPhase configurePhase buildPhase checkPhase installPhase fixupPhase}; do
    runPhase "$phase"
  done
}

# As in Nixpkgs, what this script is sourced into keeps its own -e and -u.
[[ $__setup_options == *e* ]] || set +e
[[ $__setup_options == *u* ]] || set +u
unset __setup_options
