#!/bin/sh
# What a configure script does: 2,700 short commands, in the locale that it sets, found where Debian has them.
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
folder=$(mktemp -d) && cd "$folder" || exit 1
number=0
while [ "$number" -lt 300 ]; do
  echo "int x$number;" >conf.c
  /bin/true
  cat conf.c >conf.o
  grep -q "x$number" conf.c
  next=$(expr "$number" + 1)
  echo "a$number.b" | sed 's/a\([0-9]*\).b/\1/' >/dev/null
  sh -c 'exit 0'
  ls conf.c >/dev/null
  rm conf.o
  basename "/usr/lib/x$number.so" .so >/dev/null
  number=$next
done
cd / && rm -rf "$folder"
