#!/bin/sh
# Installs the gateway as a systemd service, or upgrades it in place. docs/systemd.md has the details.
set -eu
umask 022

usage() {
  cat <<'TEXT'
Usage: service_install.sh [--config FILE] [--keys FILE] [--no-start] [--dry-run]
       service_install.sh --root DIR [--config FILE] [--keys FILE] [--dry-run]

Installs the built tree that this script is in as the service openrouter-proxy, or upgrades it:
configuration, keys and state that are there stay. Then the service is started. The configuration
is checked before anything is changed; for `key_env`, with the variables of this shell.

  --config FILE  the configuration; needed the first time, later it replaces the one there
  --keys FILE    the OpenRouter keys, one a line, which only root and the service can read
  --no-start     enable the service, but leave it as it is: stopped, or running what it runs
  --root DIR     put the files under DIR, for a package or an image; no user, nothing started
  --dry-run      check everything, and print what would be done
  --help         print this

Exit codes: 0 done, 1 failed, 2 wrong usage, 77 not root, 78 no valid configuration or no built tree
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

# absolute PATH
absolute() {
  case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$PWD" "$1" ;;
  esac
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

[ -z "$root" ] || root=$(absolute "$root")
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
  [ -f "$source/dist/launcher.js" ] ||
    refuse 78 'this tree is not built; as its owner, run in it: sh scripts/with-build.sh run true'
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

# Checks what would be there as a start does. The folder of links stands for $etc, and has its files under
# the names of the credentials.
check_configuration() {
  if [ -z "$config" ] && [ ! -r "$etc/config.yml" ]; then
    report="not checked: only root and the service's group may read $etc/config.yml"
    return
  fi
  trial=$(mktemp -d)
  for file in "$etc"/*; do
    [ ! -e "$file" ] || ln -s -- "$file" "$trial/"
  done
  [ -z "$config" ] || ln -sfn -- "$(absolute "$config")" "$trial/config.yml"
  [ -z "$keys" ] || ln -sfn -- "$(absolute "$keys")" "$trial/openrouter_keys"
  if report=$(trial_check); then sound=yes; else sound=no; fi
  rm -rf -- "$trial"
  without_place
  [ "$sound" = no ] || return 0
  case $report in
    'There is no OpenRouter key'*)
      [ -n "$root" ] ||
        refuse 78 'nothing was changed: there is no OpenRouter key; give them, one a line, with --keys FILE'
      report="valid, but without an OpenRouter key: put them, one a line, into /etc/$name/openrouter_keys"
      ;;
    *)
      printf '%s\n' "$report" >&2
      refuse 78 'nothing was changed: the configuration has mistakes'
      ;;
  esac
}

# Says file names without the folder of links.
without_place() {
  while :; do
    case $report in
      *"$trial/"*) report=${report%%"$trial/"*}${report#*"$trial/"} ;;
      *) return 0 ;;
    esac
  done
}

trial_check() {
  (
    cd -- "$trial"
    unset OPENROUTER_KEYS OPENROUTER_PROXY_ACCESS_KEY REDIS_URL OPENROUTER_PROXY_CONFIG
    export CREDENTIALS_DIRECTORY=. STATE_DIRECTORY="/var/lib/$name"
    export OPENROUTER_PROXY_GROUP_SOCKET="/run/$name/kms.sock"
    "$node" "$source/dist/cli.js" config check 2>&1
  )
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

# Starts the service, and says in `outcome` what came of it all.
start_service() {
  if [ ! -d /run/systemd/system ]; then
    outcome='Installed; systemd does not run here, so nothing was started:'
    return
  fi
  run systemctl daemon-reload
  run systemctl --quiet enable "$name.service"
  outcome='Installed; not started:'
  [ "$start" = yes ] || return 0
  run systemctl restart "$name.service" ||
    refuse 1 "installed, but it does not start; why: journalctl -u $name -n 20"
  outcome='Installed and running:'
}

# summary HEAD: what is where, and whether the configuration is sound.
summary() {
  if [ -n "$config" ]; then from="from $config"; else from='as it was'; fi
  if [ -n "$keys" ]; then keys_from="from $keys"; else keys_from='as they were'; fi
  printf '%s\n' "$1"
  printf '  %-14s%s\n' program "$app" unit "$root/etc/systemd/system/$name.service" \
    configuration "$etc/config.yml, $from"
  if [ -n "$keys" ] || [ -e "$etc/openrouter_keys" ]; then
    printf '  %-14s%s\n' keys "$etc/openrouter_keys, $keys_from"
  fi
  printf '  %-14s%s\n' kms "$root/usr/local/bin/kms"
  printf '%s\n' "$report"
}

next_commands() {
  if [ -n "$root" ]; then echo 'Next, where it has booted:'; else echo 'Next:'; fi
  if [ -n "$root" ] || [ "$outcome" != 'Installed and running:' ]; then
    echo "  systemctl enable $name && systemctl restart $name"
  fi
  echo "  systemctl status $name"
  echo '  kms status'
  echo "  cat /var/lib/$name/access_key   # the clients' key, if you gave none"
}

check
check_configuration
if [ -d "$app" ]; then deed=upgrade; else deed=install; fi
[ "$dry" = no ] || summary "Would $deed $name, from the tree in $source:"
outcome="Staged in $root; the user and the modes are made at boot:"
install_tree
install_files
install_configuration
[ -n "$root" ] || start_service
if [ "$dry" = no ]; then
  summary "$outcome"
  next_commands
fi
