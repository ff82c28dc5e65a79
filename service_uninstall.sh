#!/bin/sh
# Removes what service_install.sh has installed. docs/systemd.md has the details.
set -eu

usage() {
  cat <<'TEXT'
Usage: service_uninstall.sh [--root DIR] [--purge] [--dry-run]

Stops the service openrouter-proxy, which may finish what runs, and removes it. Its configuration,
keys and state stay, and so does its user.

  --purge     remove these as well: nothing is left
  --root DIR  remove the files under DIR; no user, nothing stopped
  --dry-run   print what would be done
  --help      print this

Exit codes: 0 done, or nothing was there; 1 failed, 2 wrong usage, 77 not root
TEXT
}

name=openrouter-proxy
root='' purge=no dry=no

# refuse CODE LINE…
refuse() {
  code=$1
  shift
  printf 'service_uninstall.sh: %s\n' "$@" >&2
  exit "$code"
}

while [ $# -gt 0 ]; do
  case $1 in
    --root)
      if [ -z "${2-}" ]; then refuse 2 "$1 needs a value; see --help"; fi
      root=$2
      shift 2
      ;;
    --purge) purge=yes && shift ;;
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

is_there() {
  [ -e "$root$1" ] || [ -L "$root$1" ]
}

# did WHAT: says what was removed.
found=no
did() {
  found=yes
  [ "$dry" = yes ] || printf 'removed  %s\n' "$1"
}

# drop PATH…: removes those that are there.
drop() {
  for path in "$@"; do
    if is_there "$path"; then
      run rm -rf -- "$root$path"
      did "$root$path"
    fi
  done
}

check() {
  [ "$dry" = no ] || return 0
  if [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || refuse 77 'only root can remove a service: run it with sudo'
  else
    [ -w "$root" ] || refuse 77 "$root cannot be written to"
  fi
}

uses_systemd() {
  [ -z "$root" ] && [ -d /run/systemd/system ]
}

stop_service() {
  [ -e "/etc/systemd/system/$name.service" ] || return 0
  run systemctl --quiet disable --now "$name.service"
}

remove_files() {
  drop "/etc/systemd/system/$name.service" "/etc/sysusers.d/$name.conf" "/etc/tmpfiles.d/$name.conf"
  drop "/opt/$name" "/opt/$name.new" "/opt/$name.old"
  # Not another's command of the same name.
  if grep -qs "/opt/$name/" "$root/usr/local/bin/kms"; then drop /usr/local/bin/kms; fi
}

remove_data() {
  drop "/etc/$name" "/var/lib/$name" "/etc/systemd/system/$name.service.d"
  [ -z "$root" ] || return 0
  if getent passwd "$name" >/dev/null; then
    run userdel "$name"
    did "the user $name"
  fi
  if getent group "$name" >/dev/null; then
    run groupdel "$name"
    did "the group $name"
  fi
}

# Says what stays, if anything does.
tell_kept() {
  kept=no
  for path in "/etc/$name" "/var/lib/$name" "/etc/systemd/system/$name.service.d"; do
    if is_there "$path"; then printf 'kept     %s\n' "$root$path" && kept=yes; fi
  done
  if [ -z "$root" ] && getent passwd "$name" >/dev/null; then
    printf 'kept     the user %s\n' "$name"
    kept=yes
  fi
  [ "$kept" = no ] || echo 'What was kept is removed with --purge.'
  [ "$found$kept" != nono ] || echo 'Nothing was there.'
}

plan() {
  echo "Would stop $name and remove its program, unit and CLI."
  if [ "$purge" = yes ]; then
    echo 'Its configuration, keys, state and user would go as well.'
  else
    echo 'Its configuration, keys, state and user would stay.'
  fi
}

check
[ "$dry" = no ] || plan
if uses_systemd; then stop_service; fi
remove_files
[ "$purge" = no ] || remove_data
if uses_systemd; then
  run systemctl daemon-reload
  run systemctl reset-failed "$name.service" 2>/dev/null || true
fi
[ "$dry" = yes ] || tell_kept
