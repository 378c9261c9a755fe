#!/bin/sh
# datatask: this header, and behind it a compressed archive of the Deno runtime and the program.
# The archive is unpacked once, into the user's cache. DATATASK_PERMISSIONS replaces --allow-all.
set -eu
id=@ID@
home=${DATATASK_RUNTIME:-${XDG_CACHE_HOME:-$HOME/.cache}/datatask/runtime}/$id
if [ ! -x "$home/deno" ]; then
  new=$home.$$
  trap 'rm -rf "$new"' EXIT
  mkdir -p "$new"
  tail -c +@SKIP@ "$0" | tar xzf - -C "$new"
  mv -T "$new" "$home" 2>/dev/null || [ -x "$home/deno" ]
  trap - EXIT
  rm -rf "$new"
fi
DATATASK_EXE=$(readlink -f "$0")
export DATATASK_EXE
# shellcheck disable=SC2086 # several words
exec "$home/deno" run ${DATATASK_PERMISSIONS:---allow-all} --quiet --no-prompt --no-check \
  --config "$home/program/deno.json" "$home/program/cli.ts" "$@"
