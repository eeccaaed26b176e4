#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# packages.sh [build] [world] [test]    (without arguments: all three)
#
# Installs what is missing on a bare Debian 12, and nothing where nothing is:
#
#   build   to compile
#   world   to run tests/world and tests/demo: buses, polkit, keyring, tools
#   test    to run tests/all: a second compiler, checkers, clients
set -eu

declare -A group
group[build]="gcc libc6-dev meson ninja-build pkg-config git
        libglib2.0-dev libsystemd-dev libsecret-1-dev libssl-dev libcurl4-openssl-dev
        libmicrohttpd-dev libgnutls28-dev libsqlite3-dev libhiredis-dev"
group[world]="python3 python3-gi dbus dbus-bin dbus-daemon polkitd gnome-keyring libsecret-tools libglib2.0-bin systemd openssh-client
        procps util-linux passwd curl ca-certificates"
group[test]="clang clang-format-14 libclang-rt-14-dev python3 openssl sqlite3 iproute2
        libxml2-utils desktop-file-utils mandoc nginx softhsm2 libengine-pkcs11-openssl python3-cryptography redis-server valgrind spin openssh-server
        chromium chromium-driver fonts-dejavu-core libnss3-tools wireguard-tools wireguard-go
        network-manager"

wanted=()
for name in "${@:-build world test}"; do
        for name in $name; do # the default is one word
                [ -n "${group[$name]:-}" ] || {
                        echo "packages.sh: no group \"$name\": say build, world or test" >&2
                        exit 2
                }
                wanted+=(${group[$name]})
        done
done

if ! command -v apt-get >/dev/null; then
        echo "packages.sh: no apt-get here; what Debian calls ${wanted[*]} must be there" >&2
        exit 0
fi

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
missing=()
for package in "${wanted[@]}"; do
        grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || {
                echo "packages.sh: missing: ${missing[*]}; install them, or run this as root" >&2
                exit 1
        }
        as_root=(sudo -n)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" \
                >"$log" 2>&1 </dev/null
}
# Debian starts a server as soon as it is installed. The tests start their own; this machine asked
# for none.
keep_quiet() {
        local server
        [ -d /run/systemd/system ] || return 0
        for server in nginx redis-server network-manager; do
                grep -qxF "$server" < <(printf '%s\n' "${missing[@]}") || continue
                "${as_root[@]}" systemctl -q "$@" "${server/network-manager/NetworkManager}.service" \
                        >/dev/null 2>&1 || :
        done
}
echo "packages.sh: installing ${missing[*]}" >&2
keep_quiet mask --runtime
# Lists that are there may do; asking again costs time and, offline, everything.
apt install -y --no-install-recommends "${missing[@]}" ||
        { apt update && apt install -y --no-install-recommends "${missing[@]}"; } || {
        cat "$log" >&2
        echo "packages.sh: apt-get failed (above)" >&2
        exit 1
}
keep_quiet unmask --runtime
keep_quiet disable
