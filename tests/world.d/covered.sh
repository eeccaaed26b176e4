#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# covered.sh COMMAND… - a world in mounts and processes of its own: /run is new,
# and what is written to /etc and /usr goes into memory. It runs as process 1 of
# that world: when it ends the kernel ends all the others.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/parts.sh"
. "$here/inside.sh"

put() {
        install -D -m "${3:-644}" "$1" "$2"
}

undo() {
        :
}

cover() { # FOLDER
        local layer=$world/cover$1
        mkdir -p "$layer"/{upper,work}
        mount -t overlay tigress-world \
                -o "lowerdir=$1,upperdir=$layer/upper,workdir=$layer/work" "$1"
}

[[ $here/ != /run/* && $TIGRESS_BUILD/ != /run/* ]] ||
        die "/run is covered here: move tree and build folder elsewhere"
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tigress-world /run
install -d -m 755 /run/lock
cover /etc
cover /usr
find /etc/polkit-1/rules.d -name '*.rules' -delete
for name in ${TIGRESS_USERS:-alice bob} tigress-relay; do
        # Somebody of that name may live on this machine; here is another.
        ! id "$name" >/dev/null 2>&1 ||
                sed -i "/^$name:/d" /etc/{passwd,shadow,group,gshadow,subuid,subgid}
done
if [ "${TIGRESS_NET:-}" = loopback ]; then
        ip link set lo up
fi

status=0
live "$@" || status=$?
exit $status
