#!/bin/sh
# Installs the gateway as a systemd service, or upgrades it in place. docs/systemd.md has the details.
set -eu
umask 022

usage() {
  cat <<'TEXT'
Usage: service_install.sh [--config FILE] [--keys FILE] [--no-start] [--dry-run]
       service_install.sh --root DIR [--config FILE] [--keys FILE] [--dry-run]

Installs the built tree that this script is in as the service openrouter-proxy, or upgrades it:
configuration, keys and state that are there stay. Then the service is started.

  --config FILE  the configuration; needed the first time, later it replaces the one there
  --keys FILE    the OpenRouter keys, one a line, which only root and the service can read
  --no-start     enable the service, but leave it as it is: stopped, or running what it runs
  --root DIR     put the files under DIR, for a package or an image; no user, nothing started
  --dry-run      print what would be done
  --help         print this

Exit codes: 0 done, 1 failed, 2 wrong usage, 77 not root, 78 no configuration or no built tree
TEXT
}

name=openrouter-proxy
source=$(cd -- "$(dirname -- "$0")" && pwd)
root='' config='' keys='' start=yes dry=no

# refuse CODE LINE…
refuse() {
  code=$1
  shift
  printf 'service_install.sh: %s\n' "$@" >&2
  exit "$code"
}

while [ $# -gt 0 ]; do
  case $1 in
    --config | --keys | --root)
      if [ -z "${2-}" ]; then refuse 2 "$1 needs a value; see --help"; fi
      case $1 in
        --config) config=$2 ;;
        --keys) keys=$2 ;;
        --root) root=$2 ;;
      esac
      shift 2
      ;;
    --no-start) start=no && shift ;;
    --dry-run) dry=yes && shift ;;
    --help) usage && exit 0 ;;
    *) refuse 2 "what is $1? See --help" ;;
  esac
done

case $root in
  '' | /*) ;;
  *) root=$PWD/$root ;;
esac
root=${root%/}
app=$root/opt/$name
etc=$root/etc/$name

# run COMMAND…: does it, or with --dry-run says it.
run() {
  if [ "$dry" = no ]; then
    "$@"
  else
    printf 'would run:'
    printf " '%s'" "$@"
    printf '\n'
  fi
}

# put MODE SOURCE TARGET [GROUP]: a file with its folder, owned by root where root installs it.
put() {
  [ -d "$(dirname -- "$3")" ] || run install -d -m 0755 -- "$(dirname -- "$3")"
  if [ "$(id -u)" -eq 0 ]; then
    run install -m "$1" -o root -g "${4-root}" -- "$2" "$3"
  else
    run install -m "$1" -- "$2" "$3"
  fi
}

is_ours() {
  [ ! -e "$1" ] || grep -qs "$2" "$3"
}

check() {
  for needed in runtime config kms-protocol kms dashboard gateway cli launcher; do
    [ -d "$source/packages/$needed/dist" ] ||
      refuse 78 'this tree is not built; as its owner, run in it: sh scripts/with-build.sh true'
  done
  node=''
  for candidate in "$source"/node_modules/node-linux-*/bin/node; do
    if [ -x "$candidate" ]; then node=$candidate; fi
  done
  [ -n "$node" ] || refuse 78 'the pinned Node is missing; as the owner of this tree, run in it: npm ci'
  problem=$("$node" --version 2>&1 >/dev/null) ||
    refuse 78 "the pinned Node does not run here: $problem" 'on Debian, what it lacks is in: libatomic1'
  for file in "$config" "$keys"; do
    [ -z "$file" ] || [ -r "$file" ] || refuse 78 "$file cannot be read"
  done
  [ "$dry" = yes ] || may_write
  [ -n "$config" ] || [ -e "$etc/config.yml" ] ||
    refuse 78 'there is no configuration yet: copy config.yml.example, change it to your needs,' \
      'and name the copy with --config FILE'
  is_ours "$app" '"openrouter-proxy"' "$app/package.json" ||
    refuse 1 "$app is something else: move it away first"
  is_ours "$root/usr/local/bin/kms" "/opt/$name/" "$root/usr/local/bin/kms" ||
    refuse 1 "$root/usr/local/bin/kms is another program: move it away first"
}

may_write() {
  if [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || refuse 77 'only root can install a service: run it with sudo, or stage it with --root DIR'
    return
  fi
  mkdir -p -- "$root" 2>/dev/null || true
  [ -w "$root" ] || refuse 77 "$root cannot be written to"
}

# The new tree is whole before it takes the place of the old one.
install_tree() {
  run rm -rf -- "$app.new" "$app.old"
  run install -d -m 0755 -- "$(dirname -- "$app")" "$app.new"
  run "$node" "$source/scripts/production-tree.ts" "$app.new"
  run cp -- "$node" "$app.new/node"
  run chmod -R u=rwX,go=rX -- "$app.new"
  [ "$(id -u)" -ne 0 ] || run chown -R root:root -- "$app.new"
  [ ! -d "$app" ] || run mv -- "$app" "$app.old"
  run mv -- "$app.new" "$app"
  run rm -rf -- "$app.old"
}

install_files() {
  put 0644 "$source/deploy/systemd/$name.service" "$root/etc/systemd/system/$name.service"
  put 0644 "$source/deploy/systemd/sysusers.conf" "$root/etc/sysusers.d/$name.conf"
  put 0644 "$source/deploy/systemd/tmpfiles.conf" "$root/etc/tmpfiles.d/$name.conf"
  put 0755 "$source/deploy/systemd/kms" "$root/usr/local/bin/kms"
}

# Of a staged tree, systemd-sysusers and systemd-tmpfiles make the group the configuration's at boot.
install_configuration() {
  group=root
  if [ -z "$root" ]; then
    group=$name
    run systemd-sysusers "$name.conf"
  fi
  [ -d "$etc" ] || run install -d -m 0750 -- "$etc"
  [ -z "$config" ] || put 0640 "$config" "$etc/config.yml" "$group"
  [ -z "$keys" ] || put 0600 "$keys" "$etc/openrouter_keys"
  [ -n "$root" ] || run systemd-tmpfiles --create "$name.conf"
}

start_service() {
  if [ ! -d /run/systemd/system ]; then
    echo 'Installed. systemd does not run here, so nothing was started.'
    return
  fi
  run systemctl daemon-reload
  run systemctl --quiet enable "$name.service"
  [ "$start" = yes ] || return 0
  run systemctl restart "$name.service" ||
    refuse 1 "installed, but it does not start; why: journalctl -u $name -n 20"
  [ "$dry" = yes ] || echo "Installed and running. See: systemctl status $name"
}

check
install_tree
install_files
install_configuration
[ -n "$root" ] || start_service
