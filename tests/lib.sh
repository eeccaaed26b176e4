# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# lib.sh - what tests/world, tests/demo and tests/all share: where things are,
# how they are built, how they speak. To be sourced.

source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
umask 022

say() {
        printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
        say "$*"
        exit 1
}

# Meson counts 77 as skipped.
skip() {
        say "skipped: $*"
        exit 77
}

# quietly LOG COMMAND…: shows what COMMAND said only if it failed.
quietly() {
        local log=$1
        shift
        "$@" >"$log" 2>&1 </dev/null || {
                cat "$log" >&2
                say "failed: $*"
                return 1
        }
}

# build_tree DIR [SETUP-OPTION…]: configures DIR when it is not yet, and builds.
build_tree() {
        local dir=$1
        shift
        mkdir -p "$dir"
        (
                flock 7 # two worlds may start at once
                [ -f "$dir/build.ninja" ] ||
                        quietly "$dir/setup.log" meson setup "$dir" "$source_root" "$@" || exit
                quietly "$dir/build.log" ninja -C "$dir"
        ) 7<"$dir"
}

# stage_tree DIR: what `meson install` would put into /, in DIR/world-stage.
stage_tree() {
        local dir=$1 stage=$1/world-stage stamp=$1/world-stage/.stamp
        (
                flock 7
                [ ! -e "$stamp" ] || [ -n "$(find "$dir/.ninja_log" "$dir/build.ninja" \
                        "$source_root"/{data,dbus,polkit} -newer "$stamp" -print -quit)" ] || exit 0
                rm -rf "$stage"
                quietly "$dir/stage.log" meson install -C "$dir" --no-rebuild --quiet \
                        --destdir "$stage" || exit
                touch "$stamp"
        ) 7<"$dir"
}

# may_cover: can this process have mounts and processes of its own?
may_cover() {
        # The overlay is tried too: not every file system may lie under one.
        unshare --mount --pid --ipc --cgroup --fork --kill-child --mount-proc -- bash -c '
                mount --make-rprivate / && mount -t tmpfs cover /run && mkdir /run/{upper,work} &&
                mount -t overlay cover -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc
        ' >/dev/null 2>&1
}

# is_disposable: a machine that may be changed for a while: a container.
is_disposable() {
        case ${TIGRESS_IN_PLACE:-} in
        1) return 0 ;;
        0) return 1 ;;
        esac
        [ -e /.dockerenv ] || [ -e /run/.containerenv ] || [ -e /run/systemd/container ] ||
                tr '\0' '\n' 2>/dev/null </proc/1/environ | grep -q '^container=' ||
                grep -qE 'docker|lxc|kubepods|containerd|libpod' /proc/1/cgroup
}
