# SPDX-License-Identifier: LGPL-2.1-or-later
"""A relay that a test is the master of.

It speaks the mailbox API over TLS as the real one does (draft-vinokurov-tigress-http-00,
claim proof, held reads), remembers every octet that it was sent and on which connection,
and lies where it is told to:

    relay = Relay(authority.issue("localhost"))
    relay.plan(lambda request, honest: gone("completed") if request.kind == "read" else honest())

A plan is asked at each request to its mailbox. It answers with an Answer, with honest(),
which does and answers what is right, or with an alteration of that.
"""

import base64
import calendar
import collections
import email.utils
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
import uuid

WEEK_S = 7 * 86400
KINDS = {"POST": "read", "PUT": "write", "DELETE": "delete", "PATCH": "let-go", "GET": "preview",
         "HEAD": "preview"}


class Authority:
    """Certificates: Authority(folder).issue("localhost", "127.0.0.1") is what a Relay takes."""

    def __init__(self, folder, name="authority"):
        self.folder, self.count = folder, 0
        self.file = os.path.join(folder, name + ".pem")
        self.key = os.path.join(folder, name + ".key")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", self.key, "-out", self.file, "-days", "2",
                      "-subj", "/CN=" + name, "-addext", "basicConstraints=critical,CA:TRUE")

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(("openssl",) + arguments, check=True, capture_output=True)

    def issue(self, *names, days=2):
        """A context for a server of these names; days -1: it was valid until yesterday."""
        self.count += 1
        stem = self.file + f".{self.count}"
        alternatives = ",".join(("IP:" if name[0].isdigit() else "DNS:") + name for name in names)
        with open(stem + ".ext", "w") as extensions:
            extensions.write(f"subjectAltName={alternatives}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", stem + ".key", "-out", stem + ".csr", "-subj", "/CN=relay")
        self._openssl("x509", "-req", "-in", stem + ".csr", "-CA", self.file, "-CAkey", self.key,
                      "-CAcreateserial", "-days", str(days), "-extfile", stem + ".ext",
                      "-out", stem + ".crt")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(stem + ".crt", stem + ".key")
        return context


class Answer:
    """What goes out. raw(socket): writes by itself, instead of all the rest."""

    def __init__(self, status, body=b"", headers=(), raw=None, kind="application/json"):
        self.status, self.raw, self.version = status, raw, 0
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = [("Content-Type", kind)] if self.body else []
        self.headers += list(headers)

    def set(self, name, value):
        """The same with the header NAME changed; value None: without it."""
        self.headers = [item for item in self.headers if item[0].lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))
        return self

    def octets(self, relay, with_body=True):
        headers = list(self.headers)
        names = [name.lower() for name, _ in headers]
        if "date" not in names:
            headers.append(("Date", format_date(relay.now())))
        if "content-length" not in names and "transfer-encoding" not in names:
            headers.append(("Content-Length", str(len(self.body))))
        lines = [f"HTTP/1.1 {self.status} Said"]
        lines += [f"{name}: {value}" for name, value in headers if value is not None]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (self.body if with_body else b"")


def problem(status, word, headers=()):
    body = json.dumps({"type": word, "title": word, "status": status})
    return Answer(status, body, headers, kind="application/problem+json")


def gone(word="not-found", status=404):
    return problem(status, word)


class Request:
    def __init__(self, connection, method, path, headers, body):
        self.connection, self.method, self.path = connection, method, path
        self.headers, self.body = headers, body
        self.at = time.monotonic()
        self.box = self.side = None
        self.status = 0
        self.answered = 0  # the version that it was shown
        self.kind = "create" if (method, path) == ("POST", "/v1/m") else KINDS.get(method, method)

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    @property
    def claim(self):
        return self.header("Mailbox-Device-Claim")

    @property
    def id(self):
        return self.header("Mailbox-Request-ID")


class Box:
    """A mailbox, or what will be one when the create of its plan comes."""

    def __init__(self, plan=None):
        self.plan = plan
        self.id = None
        self.requests = []  # all that asked for it, its creates too
        self.payload = None  # JSON text
        self.display = json.dumps({"title": "", "description": "", "imageURL": ""})
        self.expiration = 0
        self.version = 1
        self.initiator = self.recipient = self.verifier = None
        self.last_id = {}
        self.end = None

    def side_of(self, claim):
        if claim is None:
            return None
        return {self.initiator: "initiator", self.recipient: "recipient"}.get(claim)

    def asked(self, kind=None, side=None):
        return [r for r in list(self.requests) if kind in (None, r.kind) and side in (None, r.side)]


class Connection:
    def __init__(self, number):
        self.number, self.hello, self.octets = number, b"", b""
        self.boxes = set()
        self.requests = []
        self.is_secured = False
        self.socket = None

    def cut(self):
        """Ends it, as a network does."""
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            pass

    def extensions(self):
        """TLS extensions of its first message: {number: octets}."""
        found, data, at = {}, self.hello[5:], 38  # behind version and random
        try:
            at += 1 + data[at]
            at += 2 + struct.unpack_from(">H", data, at)[0]
            at += 1 + data[at]
            end = at + 2 + struct.unpack_from(">H", data, at)[0]
            at += 2
            while at + 4 <= end:
                kind, size = struct.unpack_from(">HH", data, at)
                found[kind] = data[at + 4:at + 4 + size]
                at += 4 + size
        except (IndexError, struct.error):
            pass
        return found


class Relay:
    def __init__(self, tls, host="127.0.0.1", port=0, name=None):
        self.tls = tls  # of connections from now on
        self.before_tls = None  # instead of TLS: function(socket)
        self.offset_s = 0  # of its clock
        self.holds = self.tags = self.proves = True
        self.boxes, self.requests, self.connections = {}, [], []
        self.changed = threading.Condition()
        self._plans = collections.deque()
        self._created = {}
        self.host, self.port = host, port
        self._listener = None
        self.start()
        self.origin = f"https://{name or host}:{self.port}"

    # ---- what a test says

    def plan(self, plan=None):
        """The Box of the next create that comes, with its plan."""
        box = Box(plan)
        with self.changed:
            self._plans.append(box)
        return box

    def put(self, payload, plan=None, verifier=None, display=None, life_s=3600, initiator=None):
        """A mailbox as a sender would have made it; payload is JSON text, or no JSON at all."""
        box = Box(plan)
        box.payload, box.verifier = payload, verifier
        box.initiator = initiator or str(uuid.uuid4())
        box.expiration = int(self.now()) + life_s
        if display is not None:
            box.display = json.dumps(display)
        self._keep(box)
        return box

    def write(self, box, payload):
        with self.changed:
            box.payload = payload
            box.version += 1
            self.changed.notify_all()

    def url(self, box):
        return f"{self.origin}/v1/m/{box.id}"

    def now(self):
        return time.time() + self.offset_s

    def start(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(256)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self):
        """Nobody listens any more; the port stays this relay's."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    # ---- the wire

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self.changed:
                connection = Connection(len(self.connections))
                self.connections.append(connection)
                self.changed.notify_all()
            threading.Thread(target=self._serve, args=(sock, connection), daemon=True).start()

    def _serve(self, sock, connection):
        connection.socket = sock
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.hello = self._peek_hello(sock)
            if self.before_tls is not None:
                self.before_tls(sock)
                return
            with self.tls.wrap_socket(sock, server_side=True) as secured:
                connection.is_secured, connection.socket = True, secured
                while self._serve_one(secured, connection):
                    pass
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            sock.close()

    @staticmethod
    def _peek_hello(sock):
        hello, until = b"", time.monotonic() + 10
        sock.settimeout(10)
        while time.monotonic() < until:
            hello = sock.recv(16384, socket.MSG_PEEK)
            if not hello or hello[0] != 22:
                break
            if len(hello) >= 5 and len(hello) >= 5 + struct.unpack_from(">H", hello, 3)[0]:
                break
        sock.settimeout(None)
        return hello

    def _read(self, sock, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = sock.recv(65536)
            if not chunk:
                return None
            data += chunk
            connection.octets += chunk
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        request = Request(connection, method, path, headers, body)
        size = int(request.header("Content-Length") or 0)
        while len(request.body) < size:
            chunk = sock.recv(65536)
            if not chunk:
                return None
            request.body += chunk
            connection.octets += chunk
        return request

    def _serve_one(self, sock, connection):
        request = self._read(sock, connection)
        if request is None:
            return False
        self._place(request)
        answer = self._answer(request)
        request.status = answer.status
        request.answered = answer.version
        if answer.raw is not None:
            answer.raw(sock)
            return False
        sock.sendall(answer.octets(self, with_body=request.method != "HEAD"))
        return True

    # ---- the mailboxes

    def _keep(self, box):
        with self.changed:
            box.id = str(uuid.uuid4())
            self.boxes[box.id] = box
            self.changed.notify_all()

    def _place(self, request):
        """Finds the box that a request is about, and notes it."""
        with self.changed:
            if request.kind == "create":
                if request.claim not in self._created:
                    self._created[request.claim] = self._plans.popleft() if self._plans else Box()
                request.box, request.side = self._created[request.claim], "initiator"
            else:
                request.box = self.boxes.get(request.path.rsplit("/", 1)[-1].lower())
            if request.box is not None:
                request.side = request.side or request.box.side_of(request.claim)
                request.box.requests.append(request)
                request.connection.boxes.add(request.box)
            request.connection.requests.append(request)
            self.requests.append(request)
            self.changed.notify_all()

    def _answer(self, request):
        box = request.box
        if box is None:
            return gone()
        if box.plan is None:
            return self.honest(request)
        return box.plan(request, lambda: self.honest(request))

    def honest(self, request):
        if request.kind == "create":
            return self._create(request)
        if request.kind == "preview":
            return self._preview(request)
        return {"read": self._read_box, "write": self._write_box, "delete": self._delete,
                "let-go": self._let_go}[request.kind](request)

    def _tag(self, box):
        return [("ETag", f'"{box.version}"')] if self.tags else []

    def _create(self, request):
        box, body = request.box, json.loads(request.body)
        wanted = body.get("mailboxConfiguration", {}).get("expiration")
        expires = parse_time(wanted) if wanted else int(self.now()) + 86400
        if request.claim is None or request.id is None or \
                not self.now() < expires <= self.now() + WEEK_S:
            return problem(400, "malformed")
        is_repeated = box.id is not None and box.last_id.get("initiator") == request.id
        if not is_repeated:
            box.payload, box.display = json.dumps(body["payload"]), json.dumps(
                body["displayInformation"])
            box.initiator, box.expiration = request.claim, expires
            box.verifier = request.header("Mailbox-Claim-Verifier") if self.proves else None
            box.last_id["initiator"] = request.id
            self._keep(box)
        answer = {"urlLink": self.url(box), "isPushNotificationSupported": False}
        if box.verifier:
            answer["extensions"] = ["claim-proof"]
        return Answer(201 if is_repeated else 200, json.dumps(answer),
                      [] if is_repeated else self._tag(box))

    def _is_gone(self, box, side):
        if box.end is not None:
            return gone(box.end if side is not None else "not-found")
        if box.expiration <= self.now():
            return gone("expired" if side is not None else "not-found")
        return None

    def _bind(self, box, request):
        if request.claim is None or box.recipient is not None:
            return False
        if box.verifier is not None:
            text = request.header("Mailbox-Claim-Proof") or ""
            try:
                proof = base64.urlsafe_b64decode(text + "=")
            except ValueError:
                return False
            digest = base64.urlsafe_b64encode(hashlib.sha256(proof).digest()).decode().rstrip("=")
            if digest != box.verifier:
                return False
        box.recipient, request.side = request.claim, "recipient"
        return True

    def _read_box(self, request):
        box, known = request.box, request.header("If-None-Match")
        with self.changed:
            is_gone = self._is_gone(box, request.side)
            if is_gone:
                return is_gone
            if request.side is None and not self._bind(box, request):
                return problem(401, "unauthorized")
            prefer = request.header("Prefer") or ""
            if self.holds and self.tags and known == f'"{box.version}"':
                seconds = int(prefer.partition("wait=")[2] or 0)
                self.changed.wait_for(
                    lambda: known != f'"{box.version}"' or self._is_gone(box, request.side),
                    min(seconds, 60))
                is_gone = self._is_gone(box, request.side)
                if is_gone:
                    return is_gone
            if self.tags and known == f'"{box.version}"':
                return Answer(304, headers=self._tag(box))
            return self.content(box)

    def content(self, box):
        """What a read is answered with when there is something."""
        body = '{"payload":%s,"displayInformation":%s,"expiration":"%s"}' % (
            box.payload, box.display, format_time(box.expiration))
        answer = Answer(200, body, self._tag(box))
        answer.version = box.version
        return answer

    def _bound(self, request, right_side=None):
        box = request.box
        is_gone = self._is_gone(box, request.side)
        if is_gone:
            return is_gone
        if request.side is None or right_side not in (None, request.side):
            return problem(401, "unauthorized")
        return None if request.id is not None else problem(400, "malformed")

    def _write_box(self, request):
        box = request.box
        with self.changed:
            refusal = self._bound(request)
            if refusal:
                return refusal
            if box.last_id.get(request.side) == request.id:
                return Answer(201, '{"isPushNotificationSupported":false}')
            known = request.header("If-Match")
            if self.tags and known is not None and known != f'"{box.version}"':
                return problem(412, "version")
            box.last_id[request.side] = request.id
            box.payload = json.dumps(json.loads(request.body)["payload"])
            box.version += 1
            self.changed.notify_all()
            return Answer(200, '{"isPushNotificationSupported":false}', self._tag(box))

    def _delete(self, request):
        box = request.box
        with self.changed:
            refusal = self._bound(request)
            if refusal:
                return refusal
            box.end = "cancelled" if request.side == "initiator" else "completed"
            self.changed.notify_all()
            return Answer(200)

    def _let_go(self, request):
        box = request.box
        with self.changed:
            refusal = self._bound(request, "recipient")
            if refusal:
                return refusal
            box.recipient = None
            self.changed.notify_all()
            return Answer(200)

    def _preview(self, request):
        box = request.box
        is_gone = self._is_gone(box, None)
        if is_gone:
            return is_gone
        if "application/json" in (request.header("Accept") or ""):
            return Answer(200, '{"displayInformation":%s,"expiration":"%s"}' % (
                box.display, format_time(box.expiration)))
        return Answer(200, "<!doctype html><title>an invitation</title>", kind="text/html")


def format_time(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def format_date(seconds):
    return email.utils.formatdate(seconds, usegmt=True)


def parse_time(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


# ---- ways not to answer ----


def raw(write):
    return Answer(0, raw=write)


def tear(sock):
    """Ends the connection at once, without TLS's good-bye."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def reset():
    return raw(tear)


poured = []  # octets that each endless answer got rid of


def endless(head, chunk, between_s=0.0):
    """head, then chunk for ever, or until the other side has enough."""
    def pour(sock):
        n_octets = 0
        try:
            sock.sendall(head)
            while True:
                sock.sendall(chunk)
                n_octets += len(chunk)
                if between_s:
                    time.sleep(between_s)
        finally:
            poured.append(n_octets)
    return raw(pour)
