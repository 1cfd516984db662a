# shellcheck shell=dash
# Builder functions that turn unpacked .debs into store paths; run by busybox.
# $ld and $libs (loader and folder of the shared libraries), $patchelf and
# $busybox come from pkgs.nix. $libPath holds more library folders of a package.
set -eu
export PATH="${busybox:?}/bin"
: "${out:?}" "${ld=}" "${libs=}" "${patchelf=}" "${libPath=}"

# unpack FOLDER DEB...
unpack() {
  local to=$1 deb
  shift
  mkdir -p "$to"
  for deb; do dpkg-deb -x "$deb" "$to"; done
}

# Programs, data and libraries of an unpacked tree, without its documents.
take() {
  local part
  mkdir -p "$out"
  for part in bin sbin; do
    [ ! -d "$1/usr/$part" ] || { mkdir -p "$out/bin" && cp -a "$1/usr/$part/." "$out/bin/"; }
  done
  for part in lib libexec share include; do
    [ ! -d "$1/usr/$part" ] || cp -a "$1/usr/$part" "$out/"
  done
  for part in bash-completion doc doc-base info lintian locale man zsh; do rm -rf "$out/share/$part"; done
  [ ! -d "$out/share" ] || rmdir "$out/share" 2> /dev/null || true
  flatten_dev
}

# Headers and link libraries lie in folders named after the machine; a compiler
# wants plain include/ and lib/, and the .so links must lead to $libs.
flatten_dev() {
  local triplet=x86_64-linux-gnu link
  [ -d "$out/lib/$triplet/pkgconfig" ] || return 0
  [ ! -d "$out/include/$triplet" ] || { cp -a "$out/include/$triplet/." "$out/include/" && rm -rf "$out/include/$triplet"; }
  find "$out/lib" -name '*.a' -exec rm -f {} +
  for link in "$out/lib/$triplet"/*.so; do
    [ -L "$link" ] && ln -s "$libs/lib/$(basename "$(readlink "$link")")" "$out/lib/${link##*/}"
  done
  mv "$out/lib/$triplet/pkgconfig" "$out/lib/"
  rm -rf "${out:?}/lib/$triplet"
  sed -i "s,^prefix=.*,prefix=$out,; s,/$triplet\$,," "$out"/lib/pkgconfig/*.pc
}

# wrap PROGRAM VARIABLE=DEFAULT: a program that needs to be told where its data is
wrap() {
  mv "$out/bin/$1" "$out/bin/.$1-wrapped"
  script "$out/bin/$1" "export ${2%%=*}=\"\${${2%%=*}-${2#*=}}\"" "exec $out/bin/.$1-wrapped \"\$@\""
}

# redirect PROGRAM FOLDER: a program that opens files of FOLDER, by names fixed
# when it was compiled, opens those in $out. It needs $gcc.
redirect() {
  cat > redirect.c << C
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int open64(const char *name, int flags, ...) {
  char moved[4096];
  va_list rest;
  va_start(rest, flags);
  int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
  va_end(rest);
  if (!strncmp(name, "$2/", ${#2} + 1) &&
      snprintf(moved, sizeof moved, "$out%s", name + sizeof "/usr" - 1) < (int)sizeof moved)
    name = moved;
  return syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}
int open(const char *, int, ...) __attribute__((alias("open64")));
C
  "${gcc:?}/bin/gcc" -D_GNU_SOURCE -O2 -shared -fPIC -o "$out/lib/redirect.so" redirect.c
  "$patchelf" --add-needed "$out/lib/redirect.so" "$out/bin/$1"
}

# script FILE LINE...
script() {
  local file=$1
  shift
  { echo "#!$busybox/bin/sh" && printf '%s\n' "$@"; } > "$file"
  chmod 555 "$file"
}

is_elf() { [ "$(head -c 4 "$1" | tail -c 3)" = ELF ]; }
is_fixed_address() { [ "$(od -An -tu1 -j16 -N1 "$1" | tr -d ' ')" = 2 ]; }

# A library with a RUNPATH of its own makes the loader ignore the program's
# RPATH for what that library needs.
drop_runpaths() {
  local file
  find "$out" -name '*.so*' -type f | while read -r file; do
    [ -n "$("$patchelf" --print-rpath "$file" 2> /dev/null)" ] || continue
    chmod u+w "$file"
    "$patchelf" --remove-rpath "$file"
  done
}

# Position-independent programs get the loader and RPATH (not RUNPATH, which
# would not reach libraries of libraries) written into them. patchelf breaks
# fixed-address ones (python3, cc1): the loader starts those from a script.
relocate() {
  local file path=${libPath:+$libPath:}$libs/lib
  [ ! -d "$out/lib/x86_64-linux-gnu" ] || path=$out/lib/x86_64-linux-gnu:$path
  drop_runpaths
  find "$out" -type f -perm +111 | while read -r file; do
    is_elf "$file" || continue
    "$patchelf" --print-interpreter "$file" > /dev/null 2>&1 || continue
    chmod u+w "$file"
    if is_fixed_address "$file"; then
      mv "$file" "${file%/*}/.${file##*/}-real"
      script "$file" "exec $ld --argv0 \"\$0\" --library-path $path ${file%/*}/.${file##*/}-real \"\$@\""
    else
      "$patchelf" --set-interpreter "$ld" --force-rpath --set-rpath "$path" "$file"
    fi
  done
}
