#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""drop.py TEST: runs it against a real relay and against the nginx of README."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "relay"))
from nginxprocess import NGINX, Nginx
from relayprocess import Relay


def run(test, kind, origin, authority):
    print("--- " + kind, flush=True)
    environment = dict(
        os.environ, TIGRESS_DROP=origin, TIGRESS_DROP_CA=authority, TIGRESS_DROP_KIND=kind
    )
    return subprocess.run([test], env=environment).returncode


def main():
    if not NGINX:
        print("skipped: needs nginx: tests/packages.sh test installs it")
        sys.exit(77)
    with Relay() as relay:
        failed = run(sys.argv[1], "relay", relay.origin, relay.ca)
        with Nginx(relay) as nginx:
            origin = "https://127.0.0.1:%d" % nginx.port
            failed |= run(sys.argv[1], "nginx", origin, relay.ca)
    sys.exit(1 if failed else 0)


main()
