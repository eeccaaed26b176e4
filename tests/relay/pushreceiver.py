# SPDX-License-Identifier: LGPL-2.1-or-later

"""A push service of the test's own (RFC 8030, 8291, 8292), and a relay that goes to it."""

import base64
import http.server
import json
import os
import queue
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from relayprocess import DEADLINE_S, Watched, create_body, draw, payload, until

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from cryptography.hazmat.primitives.serialization import (
        Encoding, NoEncryption, PrivateFormat, PublicFormat)
except ImportError:
    print("skipped: needs python3-cryptography: tests/packages.sh test installs it")
    sys.exit(77)

NAMES = os.environ["TIGRESS_NAMES"]
HOST = "push.example"


def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key):
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=DEADLINE_S)


def make_server_pair(folder):
    """An authority, and a certificate of its for HOST."""
    def at(name):
        return os.path.join(folder, name)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-days", "30", "-subj", "/CN=push test authority",
            "-out", at("ca.pem"), "-keyout", at("ca.key"))
    openssl("req", *curve, "-subj", "/CN=" + HOST, "-out", at("server.csr"),
            "-keyout", at("server.key"))
    with open(at("names"), "w") as file:
        file.write("subjectAltName=DNS:%s,DNS:*.%s,IP:127.0.0.1,IP:::1\n" % (HOST, HOST))
    openssl("x509", "-req", "-in", at("server.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"),
            "-CAcreateserial", "-days", "30", "-extfile", at("names"), "-out", at("server.pem"))
    return at("ca.pem"), at("server.pem"), at("server.key")


class Subscription:
    """What one device has made of one mailbox: an endpoint, and keys or (UnifiedPush) none."""

    def __init__(self, service, has_keys=True, host=HOST, port=None):
        self.service = service
        self.path = "/" + encode(os.urandom(24))
        self.url = "https://%s:%d%s" % (host, port or service.port, self.path)
        self.key = ec.generate_private_key(ec.SECP256R1()) if has_keys else None
        self.auth = os.urandom(16)

    def token(self):
        data = self.url
        if self.key:
            keys = {"p256dh": encode(point(self.key)), "auth": encode(self.auth)}
            data = json.dumps({"endpoint": self.url, "expirationTime": None, "keys": keys})
        return {"type": "webpush", "tokenData": data}

    def open(self, body):
        """RFC 8291: what the subscriber reads, and how much padding there was."""
        salt, size, n_key = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        assert (size, n_key) == (4096, 65), (size, n_key)
        sender = body[21:86]
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.key.exchange(ec.ECDH(), theirs)

        def derive(salt, secret, info, n_bytes):
            return HKDF(hashes.SHA256(), n_bytes, salt, info).derive(secret)

        secret = derive(self.auth, shared, b"WebPush: info\0" + point(self.key) + sender, 32)
        key = derive(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derive(salt, secret, b"Content-Encoding: nonce\0", 12)
        text = AESGCM(key).decrypt(nonce, body[86:], None)
        data = text.rstrip(b"\0")
        assert data.endswith(b"\2"), data
        return data[:-1], len(text) - len(data)


class Message:
    def __init__(self, handler, body):
        self.path = handler.path
        self.headers = handler.headers
        self.body = body
        self.at = time.monotonic()


class Reply:
    def __init__(self, status=201, headers=(), body=b"", gate=None, is_endless=False):
        self.status, self.headers, self.body = status, dict(headers), body
        self.gate = gate  # an Event that it waits for before it answers
        self.is_endless = is_endless


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *what):
        pass

    def take(self):
        service = self.server.service
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        message = Message(self, body)
        message.method = self.command
        service.messages.put(message)
        reply = service.reply_to(self.path)
        if reply.gate:
            reply.gate.wait(DEADLINE_S)
        try:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if not reply.is_endless:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
            while reply.is_endless:
                service.n_endless += self.wfile.write(b"x" * 65536)
        except (ConnectionError, ssl.SSLError):
            service.n_cut += 1
            self.close_connection = True

    do_POST = do_GET = do_PUT = take


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self):
        raw, address = super().get_request()
        self.service.n_connections += 1
        return raw, address

    def finish_request(self, raw, address):
        try:
            with self.service.tls.wrap_socket(raw, server_side=True) as sock:
                super().finish_request(sock, address)
        except (ConnectionError, ssl.SSLError, OSError):
            pass  # whoever has gone


class PushService:
    """Answers 201, or what it has been told for a path, in that order."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tigress-push-")
        self.ca, certificate, key = make_server_pair(self.folder.name)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.messages = queue.Queue()
        self.replies = {}
        self.n_connections = self.n_cut = self.n_endless = 0
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.service = self
        self.port = self.server.server_address[1]
        self.origin = "https://%s:%d" % (HOST, self.port)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def say(self, subscription, *replies):
        self.replies[subscription.path] = list(replies)

    def reply_to(self, path):
        told = self.replies.get(path)
        return told.pop(0) if told else Reply()

    def get(self):
        """The next that comes; it is right in all that does not depend on what was said."""
        message = self.messages.get(timeout=DEADLINE_S)
        assert message.method == "POST", message.method
        assert message.headers["Host"] == self.origin[8:], message.headers["Host"]
        return message

    def check_sender(self, message, key, contact=None):
        """RFC 8292: the signature, and each claim."""
        scheme, _, parameters = message.headers["Authorization"].partition(" ")
        values = dict(part.strip().split("=", 1) for part in parameters.split(","))
        assert scheme == "vapid" and sorted(values) == ["k", "t"], parameters
        assert values["k"] == key, values["k"]
        signed, _, signature = values["t"].rpartition(".")
        r_s = decode(signature)
        assert len(r_s) == 64, len(r_s)
        r, s = int.from_bytes(r_s[:32], "big"), int.from_bytes(r_s[32:], "big")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(key))
        public.verify(utils.encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
        try:
            public.verify(utils.encode_dss_signature(r, s ^ 1), signed.encode(),
                          ec.ECDSA(hashes.SHA256()))
            raise AssertionError("any signature is right")
        except InvalidSignature:
            pass
        head, claims = (json.loads(decode(part)) for part in signed.split("."))
        assert head == {"typ": "JWT", "alg": "ES256"}, head
        assert claims["aud"] == self.origin, claims
        assert time.time() < claims["exp"] <= time.time() + 24 * 3600, claims
        assert claims.get("sub") == contact, claims


def make_key(folder, mode=0o600, curve=ec.SECP256R1()):
    key = ec.generate_private_key(curve)
    path = os.path.join(folder, "push-%s.pem" % encode(os.urandom(6)))
    with open(path, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    os.chmod(path, mode)
    return path, encode(point(key))


class Pushing(Watched):
    """A relay that goes to SERVICE, though it is on loopback. Names are what the test says."""

    def __init__(self, service, settings="", private="127.0.0.0/8", **how):
        self.names = os.path.join(service.folder.name, "hosts-" + encode(os.urandom(6)))
        self.key_path, self.key = make_key(service.folder.name)
        self.name(HOST, "127.0.0.1")
        self.common = "PushKey=%s\nPushCaFile=%s\n" % (self.key_path, service.ca)
        if private:
            self.common += "PushPrivate=%s\n" % private
        environment = {
            "TG_NAMES": self.names,
            "LD_PRELOAD": NAMES,
            "ASAN_OPTIONS": "verify_asan_link_order=0",
            "G_MESSAGES_DEBUG": "all",
            # nobody listens there: whoever goes by a proxy gets nowhere
            "https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9",
            "ALL_PROXY": "http://127.0.0.1:9",
        }
        super().__init__(self.common + settings, environment=environment, **how)

    def name(self, host, *addresses):
        """Whole at any moment, for somebody may be reading."""
        lines = {}
        if os.path.exists(self.names):
            with open(self.names) as file:
                lines = dict(line.rstrip("\n").split(" ", 1) for line in file)
        lines[host] = " ".join(addresses)
        with open(self.names + ".new", "w") as file:
            file.write("".join("%s %s\n" % line for line in lines.items()))
        os.replace(self.names + ".new", self.names)

    def asked(self):
        try:
            with open(self.names + ".asked") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def pushes(self, result):
        return self.number('pushes_total{result="%s"}' % result)

    def until_pushes(self, result, n):
        until(lambda: self.pushes(result) == n, "%s: %d" % (result, n))


def share(alice, subscription_a=None, subscription_b=None):
    """A mailbox of two, with their tokens: the recipient, and what the initiator was told."""
    body = create_body()
    if subscription_a:
        body["notificationToken"] = subscription_a.token()
    answer = alice.ask("POST", "/v1/m", body, {"Mailbox-Request-ID": draw()})
    assert answer.status == 200, answer.status
    alice.path = "/v1/m/" + answer.json()["urlLink"].rpartition("/")[2]
    bob = alice.peer()
    token = {"notificationToken": subscription_b.token()} if subscription_b else None
    assert bob.ask("POST", body=token).status == 200
    return bob, answer.json()


def update(device, subscription=None):
    body = {"payload": payload("more")}
    if subscription:
        body["notificationToken"] = subscription.token()
    answer = device.ask("PUT", body=body, headers={"Mailbox-Request-ID": draw()})
    assert answer.status == 200, answer.status
    return answer.json()
