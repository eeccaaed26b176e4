# SPDX-License-Identifier: LGPL-2.1-or-later

"""Clients that leave as many traces as they can, and note each."""

import base64
import hashlib
import http.client
import json
import os
import random
import socket
import ssl
import struct
import string
import time

from relayprocess import DEADLINE_S, Answer, draw, utc

CREATION_LABEL = b"tigress creation\0"


def text(n_chars=32):
    return "".join(random.choices(string.ascii_letters + string.digits, k=n_chars))


def base64url(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


class Client:
    """One address, one name for the server, one connection at a time."""

    def __init__(self, relay, traces, name, source, is_proxied, tls12, keys):
        self.relay, self.traces, self.name = relay, traces, name
        self.source, self.is_proxied = source, is_proxied
        self.context = ssl.create_default_context(cafile=relay.ca)
        self.context.check_hostname = False
        version = ssl.TLSVersion.TLSv1_2 if tls12 else ssl.TLSVersion.TLSv1_3
        self.context.minimum_version = self.context.maximum_version = version
        self.context.keylog_filename = keys
        self.agent = text()
        self.connection = None
        traces.add("t", name + " user agent", self.agent)
        traces.add("s", name + " address (text)", source)
        traces.add("t", name + " address (hex)", socket.inet_aton(source).hex())
        self.connect()

    def open(self):
        raw = socket.create_connection(
            (self.relay.host, self.relay.port), DEADLINE_S, (self.source, 0))
        port = raw.getsockname()[1]
        self.traces.add("o", "%s address and port %d" % (self.name, port),
                        b"\x02\0" + struct.pack(">H", port) + socket.inet_aton(self.source))
        server_name = text(24) + ".example"
        self.traces.add("t", self.name + " server name", server_name[:24])
        sock = self.context.wrap_socket(raw, server_hostname=server_name)
        if sock.session and sock.session.id:
            self.traces.add("o", self.name + " TLS session id", sock.session.id)
        return sock

    def connect(self):
        self.close()
        self.connection = http.client.HTTPConnection(self.relay.host, self.relay.port)
        self.connection.sock = self.open()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def headers(self, name, claim, request, more):
        headers = {"User-Agent": self.agent, "Mailbox-Device-Attestation": text(40),
                   "Cookie": text(40), "Accept-Language": text(40)}
        for header in ("Mailbox-Device-Attestation", "Cookie", "Accept-Language"):
            self.traces.add("t", "%s %s" % (name, header), headers[header])
        if self.is_proxied:
            address = os.urandom(16)
            self.traces.add("o", name + " forwarded address", address)
            self.traces.add("o", name + " forwarded prefix", address[:7])
            shown = socket.inet_ntop(socket.AF_INET6, address)
            self.traces.add("t", name + " forwarded address (text)", shown)
            headers["Forwarded"] = 'for="[%s]:%d"' % (shown, random.randrange(1024, 65536))
        if claim:
            headers["Mailbox-Device-Claim"] = claim
            self.traces.add_uuid(name + " claim", claim)
        if request:
            headers["Mailbox-Request-ID"] = request
            self.traces.add_uuid(name + " request", request)
        return {**headers, **more}

    def send(self, method, path, name, claim=None, body=None, request=None, **more):
        more = {key.replace("_", "-"): value for key, value in more.items()}
        headers = self.headers(name, claim, request or draw(), more)
        if isinstance(body, dict):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        self.connection.request(method, path, body=body, headers=headers)

    def take(self, expected):
        answer = Answer(self.connection.getresponse())
        if answer.headers["Connection"] == "close":
            self.connect()
        expected = expected if isinstance(expected, tuple) else (expected,)
        assert answer.status in expected, (answer.status, expected, answer.body)
        return answer

    def ask(self, expected, *request, **more):
        self.send(*request, **more)
        return self.take(expected)


class Exchange:
    """One mailbox or message with two clients; each way to an end is a method."""

    def __init__(self, traces, name, alice, bob, n_bytes):
        self.traces, self.name, self.n_bytes = traces, name, n_bytes
        self.alice, self.bob = alice, bob
        self.claims = {"alice": draw(), "bob": draw()}
        self.proof = os.urandom(32)
        self.path = None

    def payload(self, which):
        octets = os.urandom(self.n_bytes)
        self.traces.add("b", "%s payload %s" % (self.name, which), octets)
        return {"type": "AEAD_AES_128_GCM", "data": base64.b64encode(octets).decode()}

    def token(self, who):
        token = {"type": text(16), "tokenData": text(80)}
        for part, value in token.items():
            self.traces.add("t", "%s %s's token %s" % (self.name, who, part), value)
        return token

    def create(self, seconds=600):
        display = {"title": text(), "description": text(60), "imageURL": "https://" + text(40)}
        for part, value in display.items():
            self.traces.add("t", "%s %s" % (self.name, part), value[-32:])
        verifier = hashlib.sha256(self.proof).digest()
        self.traces.add("o", self.name + " proof", self.proof)
        self.traces.add("o", self.name + " verifier", verifier)
        request = draw()
        both = b"".join(bytes.fromhex(one.replace("-", "")) for one in
                        (self.claims["alice"], request))
        self.traces.add("o", self.name + " creation",
                        hashlib.sha256(CREATION_LABEL + both).digest()[:16])
        body = {
            "payload": self.payload("1"), "displayInformation": display,
            "notificationToken": self.token("alice"),
            "mailboxConfiguration": {
                "accessRights": "RWD", "expiration": utc(int(time.time()) + seconds)},
        }
        answer = self.alice.ask(200, "POST", "/v1/m", self.name, self.claims["alice"], body,
                                request, Mailbox_Claim_Verifier=base64url(verifier))
        self.path = answer.json()["urlLink"].partition("/v1/")[2]
        self.path = "/v1/" + self.path
        self.traces.add_mailbox(self.name, self.path, **self.claims)

    def bind(self, who="bob"):
        body = {"notificationToken": self.token(who)}
        self.bob.ask(200, "POST", self.path, self.name + " bind", self.claims[who], body,
                     Mailbox_Claim_Proof=base64url(self.proof))

    def update(self, client, who):
        body = {"payload": self.payload("of " + who), "notificationToken": self.token(who + " 2")}
        client.ask(200, "PUT", self.path, self.name + " update", self.claims[who], body)

    def delete(self, client, who):
        client.ask(200, "DELETE", self.path, self.name + " delete", self.claims[who])

    # the ways to an end

    def completed(self):
        self.create()
        self.bob.ask(200, "GET", self.path, self.name + " preview")
        self.bind()
        self.alice.send("POST", self.path, self.name + " hold", self.claims["alice"],
                        If_None_Match='"1"', Prefer="wait=20")
        self.update(self.bob, "bob")
        self.alice.take(200)
        self.delete(self.bob, "bob")
        self.alice.ask(404, "POST", self.path, self.name + " late", self.claims["alice"])

    def cancelled(self):
        self.create()
        self.bind()
        self.update(self.alice, "alice")
        self.bob.ask(200, "POST", self.path, self.name + " read", self.claims["bob"])
        self.delete(self.alice, "alice")

    def relinquished(self):
        self.create()
        self.bind()
        self.bob.ask(200, "PATCH", self.path, self.name + " let go", self.claims["bob"])
        self.update(self.alice, "alice")
        self.claims["eve"] = draw()
        self.traces.add_mailbox(self.name, self.path, eve=self.claims["eve"])
        self.bind("eve")
        self.delete(self.bob, "eve")

    def expired(self):
        self.create(random.choice((2, 3)))
        self.bob.ask((200, 404), "POST", self.path, self.name + " bind", self.claims["bob"],
                     Mailbox_Claim_Proof=base64url(self.proof))

    def refused(self):
        """What is told to somebody who then says no."""
        self.create()
        stranger = draw()
        self.traces.add_mailbox(self.name, self.path, stranger=stranger)
        body = {"payload": self.payload("of a stranger")}
        self.bob.ask(401, "PUT", self.path, self.name + " stranger", stranger, body)
        self.bob.ask(401, "POST", self.path, self.name + " no proof", stranger,
                     Mailbox_Claim_Proof=base64url(os.urandom(32)))
        where = text(24)
        self.traces.add("t", self.name + " no path", where)
        self.bob.ask(404, "POST", "/v1/m/" + where, self.name + " nowhere", stranger, body)
        self.bob.ask(200, "GET", self.path + "?v=" + where, self.name + " query")
        self.bob.ask(400, "POST", "/v1/m", self.name + " malformed", stranger, body)
        broken = json.dumps({**body, "displayInformation": {"title": where}}) + "}"
        self.bob.ask(400, "POST", "/v1/m", self.name + " broken", stranger, broken,
                     Content_Type="application/json")
        self.bob.ask(415, "PUT", self.path, self.name + " type", stranger, json.dumps(body),
                     Content_Type=where)
        self.alice.ask(412, "PUT", self.path, self.name + " version", self.claims["alice"], body,
                       If_Match='"7"')
        self.delete(self.alice, "alice")

    def broken_off(self):
        """In the middle of the headers, and of the body."""
        self.create()
        body = json.dumps({"payload": self.payload("half")}).encode()
        head = "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (self.path, len(body))
        headers = self.bob.headers(self.name + " broken off", self.claims["bob"], draw(), {})
        lines = "".join("%s: %s\r\n" % pair for pair in headers.items())
        for octets in ((head + lines).encode(), (head + lines + "\r\n").encode() + body[:-9]):
            with self.bob.open() as sock:
                sock.sendall(octets)
        self.delete(self.alice, "alice")

    def put(self, life="600"):
        place, request = os.urandom(32), draw()
        digest = hashlib.sha256(place).digest()
        self.path = "/v1/t/" + base64url(place)
        self.traces.add("o", self.name + " location", place)
        self.traces.add("o", self.name + " id", digest)
        octets = os.urandom(self.n_bytes)
        self.traces.add("b", self.name + " message", octets)
        reader = hashlib.sha256(digest + bytes.fromhex(self.claims["bob"].replace("-", "")))
        self.traces.add("o", self.name + " digest of the reader", reader.digest())
        self.alice.ask(201, "PUT", self.path, self.name, None, octets, request,
                       Expires_In=life, Mailbox_Reader_Lock="required")

    def get(self, expected):
        self.bob.ask(expected, "GET", self.path, self.name + " get", self.claims["bob"])

    def taken(self):
        self.bob.ask(404, "GET", "/v1/t/" + base64url(os.urandom(32)), self.name + " early", draw())
        self.put()
        self.alice.ask(412, "PUT", self.path, self.name + " again", None, os.urandom(64))
        self.get(200)
        self.bob.ask(404, "GET", self.path, self.name + " other", draw())
        self.bob.ask(204, "DELETE", self.path, self.name + " take", self.claims["bob"])

    def left(self):
        self.put(random.choice("23"))
        self.get((200, 404))

    WAYS = (completed, cancelled, relinquished, expired, refused, broken_off, taken, left)
