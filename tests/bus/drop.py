#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""drop.py TEST: runs it against a real relay, the nginx of README, and servers in between."""

import http.server
import os
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "relay"))
from nginxprocess import NGINX, Nginx
from relayprocess import Relay


class Strict(http.server.BaseHTTPRequestHandler):
    """Creates once, as HTTP says, and knows nothing of request ids."""

    protocol_version = "HTTP/1.1"
    hides = False  # what asks for a lock from whoever shows no claim
    kept = {}

    def log_message(self, *what):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) > 65584:
            return self.answer(413)
        if self.path in self.kept and self.headers["If-None-Match"] == "*":
            return self.answer(412)
        self.kept[self.path] = body
        return self.answer(201)

    def do_GET(self):
        if self.path not in self.kept or self.hides and not self.headers["Mailbox-Device-Claim"]:
            return self.answer(404)
        return self.answer(200, self.kept[self.path])

    def do_DELETE(self):
        self.answer(204 if self.kept.pop(self.path, None) is not None else 404)


class Hiding(Strict):
    hides = True


def run_own(test, kind, handler, relay):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(relay.ca, os.path.join(relay.state, "key.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        return run(test, kind, "https://127.0.0.1:%d" % server.server_port, relay.ca)
    finally:
        server.shutdown()
        server.server_close()


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
        failed |= run_own(sys.argv[1], "strict", Strict, relay)
        failed |= run_own(sys.argv[1], "hiding", Hiding, relay)
    sys.exit(1 if failed else 0)


main()
