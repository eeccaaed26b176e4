#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The proxy of README, "Behind nginx": an nginx that runs that very configuration."""

import os
import re
import shutil
import socket
import subprocess
import sys
import unittest

from relayprocess import DEADLINE_S, Device, Relay, draw, make_pair, until

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
OTHER = "127.9.9.9"
FRAME = """daemon off;
user %(user)s;
pid %(folder)s/nginx.pid;
error_log %(folder)s/error.log crit;
worker_processes 1;
events { }
http {
client_body_temp_path %(folder)s/body;
proxy_temp_path %(folder)s/proxy;
fastcgi_temp_path %(folder)s/fastcgi;
uwsgi_temp_path %(folder)s/uwsgi;
scgi_temp_path %(folder)s/scgi;
%(shown)s
}
"""


def shown_configuration(values):
    """What README shows, with the value of some lines put in; each must be there, once."""
    with open(os.path.join(ROOT, "README.md")) as file:
        section = file.read().partition("### Behind nginx\n")[2].partition("\n#")[0]
    text = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    for name, value in values.items():
        text, n = re.subn(r"(?m)^( *%s) .*;$" % name, lambda m: "%s %s;" % (m[1], value), text)
        assert n == 1, name
    return text


class Proxied(Relay):
    """A relay on a local socket, and nginx before it, which is what its clients know."""

    def __init__(self, settings):
        super().__init__(settings=settings, plain=True)
        self.local = os.path.join(self.directory, "relay.sock")
        self.ca, key = make_pair(self.directory, "nginx")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.outer = probe.getsockname()[1]
        self.origin = "https://127.0.0.1:%d" % self.outer
        self.options += ["--listen", "unix:" + self.local, "--public-url", self.origin]
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout
        self.configuration = os.path.join(self.directory, "nginx.conf")
        with open(self.configuration, "w") as file:
            file.write(FRAME % {
                "user": user.strip(), "folder": self.directory,
                "shown": shown_configuration({
                    "server": "unix:" + self.local,
                    "listen": "127.0.0.1:%d ssl http2" % self.outer,
                    "server_name": "127.0.0.1",
                    "ssl_certificate": self.ca,
                    "ssl_certificate_key": key,
                    "error_log": self.directory + "/error.log crit",
                }),
            })

    def start(self):
        origin = self.origin
        super().start()
        self.is_plain, self.origin, self.port = False, origin, self.outer
        self.nginx = subprocess.Popen(
            [NGINX, "-e", self.directory + "/error.log", "-p", self.directory,
             "-c", self.configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        until(self.is_there, "nginx listens")
        return self

    def is_there(self):
        assert self.nginx.poll() is None, "nginx has ended"
        try:
            socket.create_connection(("127.0.0.1", self.outer)).close()
        except ConnectionRefusedError:
            return False
        return True

    def __exit__(self, *what):
        try:
            super().__exit__(*what)
        finally:
            self.nginx.terminate()
            self.nginx.wait(DEADLINE_S)


class Nginx(unittest.TestCase):
    def test_an_exchange_and_a_held_read(self):
        with Proxied("TrustedProxies=unix\n") as relay:
            alice = Device(relay)
            self.assertEqual(alice.create(n_bytes=65564).status, 200)
            bob = alice.peer()
            self.assertEqual(bob.read().status, 200)
            held = bob.hold(1)
            self.assertEqual(alice.update("two").status, 200)
            self.assertEqual(held.get().status, 200)
            self.assertEqual(alice.ask("GET", claim=False).status, 200)
            self.assertEqual(bob.delete().status, 200)

    def test_clients_are_told_apart_and_not_believed(self):
        with Proxied("TrustedProxies=unix\nCreationsPerMinute=1\n") as relay:
            self.assertEqual(Device(relay).create().status, 200)
            answer = Device(relay).create()
            self.assertEqual(answer.status, 429)
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
            claimed = {"Forwarded": "for=192.0.2.7", "Mailbox-Request-ID": draw()}
            self.assertEqual(Device(relay).ask("POST", "/v1/m", {}, claimed).status, 429)
            self.assertEqual(Device(relay, source=OTHER).create().status, 200)
            self.assertEqual(Device(relay, source=OTHER).create().status, 429)


if __name__ == "__main__":
    if not NGINX:
        print("skipped: needs nginx: tests/packages.sh test installs it")
        sys.exit(77)
    unittest.main(verbosity=2, warnings="ignore")
