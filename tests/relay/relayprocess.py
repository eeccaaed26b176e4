# SPDX-License-Identifier: LGPL-2.1-or-later

"""A real tigress-relay in a directory of its own, and clients over real TLS."""

import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import uuid

RELAY = os.environ["TIGRESS_RELAY"]
FLUSHES = os.environ["TIGRESS_FLUSHES"]
DEADLINE_S = 60  # for what must happen and has no time of its own

# All that the relay may ever say on standard error.
LOG_LINES = [
    r"A trial relay, for this machine only\. To trust it:",
    r"  curl:      --cacert \S+",
    r"  tigressd:  CaFile=\S+ and Relay=\S+",
    r"             in ~/\.config/tigress/tigress\.conf, group \[Wallet\]",
    r"Ctrl-C ends it\.",
    r"",
    r".*: ready",
    r".*: stopping",
    r".*: the store is in doubt, requests are answered 503: .*",
    r".*: the store takes changes again",
    r".*: held reads are not woken by other relays: Redis answers [A-Z]+ to SUBSCRIBE",
    r".*: held reads are woken by other relays again",
    r".*: the settings have been read again",
    r".*: the settings stay what they were: .*",
    r".*: [A-Za-z]+=(, [A-Za-z]+=)* will change at the next start: restart the relay for it",
    r".*: metrics are for whoever reaches \S+: .*",
    r".*: the certificate has expired: clients refuse it; renew it",
    r".*: the certificate ends in \d+ hours: renew it",
]


def until(condition, what):
    """Waits for CONDITION, with one generous deadline."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("never: " + what)


def draw():
    return str(uuid.uuid4())


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def payload(text="hello", n_bytes=64):
    data = text.encode().ljust(n_bytes, b".")
    return {"type": "AEAD_AES_128_GCM", "data": base64.b64encode(data).decode()}


def create_body(text="hello", title="Key", rights="RWD", expires=None, n_bytes=64):
    configuration = {"accessRights": rights}
    if expires is not None:
        configuration["expiration"] = utc(expires)
    return {
        "payload": payload(text, n_bytes),
        "displayInformation": {"title": title, "description": "", "imageURL": ""},
        "mailboxConfiguration": configuration,
    }


def make_pair(folder, name):
    """A certificate for loopback and its key."""
    paths = [os.path.join(folder, name + end) for end in (".pem", ".key")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "30", "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1",
         "-out", paths[0], "-keyout", paths[1]],
        check=True, capture_output=True,
    )
    return paths


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def without_date(self):
        """Everything of it that a stranger may compare."""
        kept = [(k, v) for k, v in self.headers.items() if k != "Date"]
        return self.status, kept, self.body


class Relay:
    """Started on entering; ended by SIGTERM on leaving, with exit status 0."""

    def __init__(self, *options, environment=None, preload=False, settings=None, plain=False):
        self.directory = tempfile.mkdtemp(prefix="tigress-relay-")
        self.state = os.path.join(self.directory, "state")
        self.options = list(options)
        self.environment = dict(os.environ, **(environment or {}))
        self.flushes_path = os.path.join(self.directory, "flushes")
        if preload:
            self.environment["LD_PRELOAD"] = FLUSHES
            self.environment["TG_FLUSHES"] = self.flushes_path
            self.environment["ASAN_OPTIONS"] = "verify_asan_link_order=0:detect_leaks=0"
        self.settings_path = os.path.join(self.directory, "relay.conf")
        if settings is not None:
            self.set(settings)
            self.options += ["--config", self.settings_path]
        self.is_plain = plain
        self.log = b""
        self.process = None

    def set(self, settings):
        with open(self.settings_path, "w") as file:
            file.write("[Relay]\n" + settings)

    def reload(self, settings=None, said="the settings have been read again"):
        """New settings for the one that runs; it has taken, or refused, them when this returns."""
        if settings is not None:
            self.set(settings)
        before = self.log.count(said.encode())
        self.process.send_signal(signal.SIGHUP)
        until(lambda: self.log.count(said.encode()) > before, said)

    def command(self):
        trial = [] if self.is_plain else ["--trial"]
        return [
            RELAY, *trial, "--listen", "127.0.0.1:0", "--state-directory", self.state, *self.options
        ]

    def start(self):
        self.process = subprocess.Popen(
            self.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment
        )
        line = self.process.stdout.readline().decode()
        match = re.fullmatch(r"listening (https?://(.*):(\d+))\n", line)
        if not match:
            raise AssertionError("did not start: " + self.process.stderr.read().decode())
        self.origin, self.host, self.port = match[1], match[2], int(match[3])
        if not self.is_plain:
            self.ca = self.process.stdout.readline().decode().split()[1]
        self.reader = threading.Thread(target=self.read_log, args=(self.process.stderr,))
        self.reader.start()
        return self

    def read_log(self, stream):
        for line in stream:
            self.log += line

    def ended(self):
        status = self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        self.process.stdout.close()
        self.process.stderr.close()
        return status

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.ended()
        if status != 0:
            raise AssertionError("exit status %d:\n%s" % (status, self.log.decode()))

    def kill(self):
        self.process.kill()
        self.ended()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        try:
            if self.process.poll() is None:
                self.stop()
            elif kind is None:
                raise AssertionError("died: " + self.log.decode())
            for line in self.log.decode().splitlines():
                if not any(re.fullmatch(known, line) for known in LOG_LINES):
                    raise AssertionError("in the log: " + line)
        finally:
            shutil.rmtree(self.directory)

    def tls(self):
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def connect(self, source=None):
        """From loopback's address SOURCE, where it matters."""
        how = {"timeout": DEADLINE_S, "source_address": (source, 0) if source else None}
        if self.is_plain:
            return http.client.HTTPConnection(self.host, self.port, **how)
        return http.client.HTTPSConnection(self.host, self.port, context=self.tls(), **how)

    def socket(self, source=None):
        raw = socket.create_connection(
            (self.host, self.port), DEADLINE_S, (source, 0) if source else None
        )
        return raw if self.is_plain else self.tls().wrap_socket(raw, server_hostname=self.host)

    def flushes(self):
        with open(self.flushes_path, "rb") as file:
            return int.from_bytes(file.read(8), "little")

    def files(self):
        """Every octet in the state directory but the certificate's."""
        found = b""
        for name in sorted(os.listdir(self.state)):
            if not name.endswith(".pem"):
                with open(os.path.join(self.state, name), "rb") as file:
                    found += file.read()
        return found


class Watched(Relay):
    """One that tells its supervisor."""

    def __init__(self, settings="", *options, **how):
        super().__init__(*options, settings="MetricsListen=127.0.0.1:0\n" + settings, **how)

    def start(self):
        super().start()
        line = self.process.stdout.readline().decode()
        self.monitor = int(re.fullmatch(r"metrics http://127\.0\.0\.1:(\d+)\n", line)[1])
        return self

    def ask(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.monitor, timeout=DEADLINE_S)
        connection.request(method, path)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def text(self):
        answer = self.ask("/metrics")
        assert answer.status == 200, answer.status
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return answer.body.decode()

    def number(self, sample):
        """The value of one line, given as it stands there."""
        found = re.findall("^tigress_relay_%s (.*)$" % re.escape(sample), self.text(), re.M)
        assert len(found) == 1, (sample, found)
        return float(found[0])

    def requests(self, kind, status):
        return self.number('requests_total{kind="%s",status="%s"}' % (kind, status))


class Device:
    """One side of a share: a claim, and a connection that is kept."""

    def __init__(self, relay, claim=None, path=None, source=None):
        self.relay = relay
        self.claim = claim or draw()
        self.path = path
        self.connection = relay.connect(source)

    def ask(self, method, path=None, body=None, headers=None, claim=True):
        headers = dict(headers or {})
        if claim:
            headers.setdefault("Mailbox-Device-Claim", self.claim)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        self.connection.request(method, path or self.path, body=body, headers=headers)
        return Answer(self.connection.getresponse())

    def create(self, request=None, **how):
        answer = self.ask(
            "POST", "/v1/m", create_body(**how), {"Mailbox-Request-ID": request or draw()}
        )
        if answer.status in (200, 201):
            link = answer.json()["urlLink"]
            assert link.startswith(self.relay.origin + "/v1/m/"), link
            self.path = link[len(self.relay.origin) :]
        return answer

    def peer(self, claim=None, source=None):
        return Device(self.relay, claim, self.path, source)

    def read(self, **headers):
        return self.ask("POST", headers={k.replace("_", "-"): v for k, v in headers.items()})

    def update(self, text, request=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        headers["Mailbox-Request-ID"] = request or draw()
        return self.ask("PUT", body={"payload": payload(text)}, headers=headers)

    def delete(self):
        return self.ask("DELETE", headers={"Mailbox-Request-ID": draw()})

    def relinquish(self):
        return self.ask("PATCH", headers={"Mailbox-Request-ID": draw()})

    def hold(self, version, seconds=60):
        """A read that waits, and is known to: of two of one claim the older has ended."""
        reads = [Held(self.peer(self.claim), version, seconds) for _ in range(2)]
        ended = until(lambda: [read for read in reads if read.answer], "the older is ended")
        assert ended[0].answer.status == 304, ended[0].answer.status
        return next(read for read in reads if read is not ended[0])


class Held(threading.Thread):
    def __init__(self, device, version, seconds):
        super().__init__(daemon=True)
        self.device, self.version, self.seconds = device, version, seconds
        self.answer = None
        self.start()

    def run(self):
        self.answer = self.device.read(
            If_None_Match='"%d"' % self.version, Prefer="wait=%d" % self.seconds
        )

    def get(self):
        self.join(self.seconds / 2 if self.seconds == 60 else DEADLINE_S)
        assert self.answer is not None, "the read is still being held"
        return self.answer
