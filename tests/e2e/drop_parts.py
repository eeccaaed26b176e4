# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of plain HTTP stand on: where messages lie, and a server in between that a
test is the master of."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import os
import socketserver
import ssl
import struct
import threading
import uuid

WORLD = os.environ["TIGRESS_WORLD"]
CERTIFICATES = f"{WORLD}/home/tigress-relay/state"
EXPRESSION = "{tigress_location}"


def of_base64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Link:
    """What stands in an invitation of the suite 0x1301."""

    def __init__(self, text):
        octets = of_base64(text.partition("#")[2])
        mode, self.suite, n_r = struct.unpack(">BHB", octets[:4])
        assert mode == 0x10, text
        self.r = octets[4:4 + n_r]
        self.template = octets[4 + n_r + 2:].decode()

    def first_url(self):
        """Where message 0 lies."""
        label = b"tls13 Location"
        context = hashlib.sha256(b"").digest()
        info = struct.pack(">HB", 32, len(label)) + label + bytes([len(context)]) + context
        location = hmac.digest(self.r, info + b"\x01", "sha256")
        text = base64.urlsafe_b64encode(location).decode().rstrip("=")
        return self.template.replace(EXPRESSION, text)


def tdch_link(suite, r, template):
    octets = struct.pack(">BHB", 0x10, suite, len(r)) + r
    octets += struct.pack(">H", len(template)) + template.encode()
    origin = "/".join(template.split("/")[:3])
    return origin + "/t#" + base64.urlsafe_b64encode(octets).decode().rstrip("=")


def ask(method, url, body=None, **headers):
    """Status, headers and body of one request."""
    host, _, path = url.removeprefix("https://").partition("/")
    trust = ssl.create_default_context(cafile=f"{WORLD}/relay/ca.pem")
    connection = http.client.HTTPSConnection(host, context=trust, timeout=120)
    with contextlib.closing(connection):
        connection.request(method, "/" + path, body=body,
                           headers={name.replace("_", "-"): value for name, value
                                    in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def a_claim():
    return {"Mailbox_Device_Claim": str(uuid.uuid4())}


class Between:
    """A server that hands everything on to another one, unless its plan says otherwise:
    plan(method, path, hand_on) returns what hand_on() did, or None for no answer."""

    def __init__(self, upstream):
        self.upstream, self.seen = upstream, []
        self.plan = lambda method, path, hand_on: hand_on()
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _serve(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)) or None
                headers = {name: value for name, value in self.headers.items()
                           if name.lower() not in ("host", "connection")}
                between.seen.append((self.command, self.path, headers))
                answer = between.plan(self.command, self.path, lambda: ask(
                    self.command, between.upstream + self.path, body, **headers))
                if answer is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                status, answer_headers, answer_body = answer
                self.send_response_only(status)
                for name, value in answer_headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(answer_body)))
                self.end_headers()
                self.wfile.write(answer_body)

            do_GET = do_PUT = do_DELETE = do_POST = _serve

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def get_request(self):
                connection, address = super().get_request()
                between.n_visits += 1
                return connection, address

            def handle_error(self, *_):
                pass  # who was not answered has gone

        self.n_visits = 0
        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{CERTIFICATES}/ca.pem", f"{CERTIFICATES}/key.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.origin = f"https://127.0.0.1:{self.server.server_port}"
        self.template = f"{self.origin}/v1/t/{EXPRESSION}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, method):
        return sum(kind == method for kind, _, _ in self.seen)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
