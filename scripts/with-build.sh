#!/bin/sh
# with-build.sh COMMAND…: installs what is missing, builds what is stale, then becomes the command,
# which finds the pinned Node and every tool of node_modules/.bin first in its PATH.
# When there is nothing to do this costs a few milliseconds. What it says goes to standard error.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
bin=$root/node_modules/.bin
installed=$root/node_modules/.package-lock.json
built=$root/.build-stamp

say() { printf '%s\n' "$*" >&2; }

# newer_than FILE PATH…: whether FILE is missing, or anything at or below the paths is newer.
# A folder is newer when something in it was added, renamed or deleted.
newer_than() {
  reference=$1
  shift
  [ ! -e "$reference" ] || [ -n "$(find "$@" -newer "$reference" | head -n 1)" ]
}

must_install() {
  newer_than "$installed" "$root/package-lock.json" "$root/package.json" "$root"/packages/*/package.json
}

must_build() {
  for sources in "$root"/packages/*/src; do
    [ -d "${sources%/src}/dist" ] || return 0
  done
  [ -d "$root/packages/dashboard/dist/assets" ] || return 0
  newer_than "$built" "$root"/tsconfig*.json "$root"/packages/*/tsconfig.json \
    "$root"/packages/*/package.json "$root"/packages/*/vite.config.ts "$root"/packages/*/src
}

install() {
  say 'Installing dependencies …'
  # npm must not run on the Node that it is about to replace.
  outer_path=$(printf '%s' "$PATH" | sed "s|$bin:||g")
  (cd "$root" && PATH=$outer_path npm ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
  touch "$installed"
  # Where the pinned Node cannot run (Alpine's musl), the machine's own is used.
  "$bin/node" --version >/dev/null 2>&1 || rm -f "$bin/node"
}

build() {
  say 'Building …'
  touch "$built.next" # what changes during the build is newer than its beginning
  (cd "$root" && tsc -b && vite build packages/dashboard) >&2
  mv "$built.next" "$built"
}

# One at a time. The kernel frees the lock when its holder and all that it started are gone.
lock() {
  exec 9>"$root/.build-lock"
  command -v flock >/dev/null || return 0
  flock -n 9 && return 0
  say 'Waiting for another installation or build …'
  flock 9
}

require_node() {
  [ -x "$bin/node" ] && return 0
  [ "$(node -p 'parseInt(process.versions.node)')" -ge 24 ] && return 0
  say "This needs Node 24 or newer. Here is $(node --version), and there is no pinned Node for this platform."
  exit 78
}

PATH=$bin:$PATH
export PATH

if must_install || must_build; then
  lock
  if must_install; then install; fi
  require_node
  if must_build; then build; fi
  exec 9>&-
fi
require_node

exec "$@"
