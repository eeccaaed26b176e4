# SPDX-License-Identifier: LGPL-2.1-or-later

"""A redis-server of the test's own, a client that can say anything to it, and relays on it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from relayprocess import DEADLINE_S, Relay, until

SERVER = shutil.which("redis-server", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
SCRIPTS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "data", "redis")
NO_LIMITS = (
    "ConnectionsPerMinute=0\nRequestsPerMinute=0\nCreationsPerMinute=0\nConnectionsPerSource=0\n"
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Redis:
    """Listens on a local socket and on PORT; flushes before it answers."""

    def __init__(self, *lines, sentinel=False):
        self.folder = tempfile.mkdtemp(prefix="tigress-redis-")
        self.path = os.path.join(self.folder, "socket")
        self.port = free_port()
        self.is_sentinel = sentinel
        self.config = os.path.join(self.folder, "redis.conf")
        own = ["dir " + self.folder, "unixsocket " + self.path, "daemonize no"]
        if not any(line.startswith("port ") for line in lines):
            own += ["port %d" % self.port, "bind 127.0.0.1"]
        if not sentinel:
            own += ["appendonly yes", "appendfsync always", 'save ""', "enable-debug-command local"]
        with open(self.config, "w") as file:
            file.write("\n".join(own + list(lines)) + "\n")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [SERVER, self.config] + (["--sentinel"] if self.is_sentinel else []),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        until(self.is_there, "redis-server answers")
        return self

    def is_there(self):
        assert self.process.poll() is None, "redis-server ended"
        try:
            return self.say("PING") == b"PONG"
        except (ConnectionRefusedError, FileNotFoundError, ConnectionResetError):
            return False
        except Refused as refused:
            return not str(refused).startswith("LOADING")  # else it asks for a password

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def signal(self, number):
        self.process.send_signal(number)

    def __enter__(self):
        return self.start()

    def __exit__(self, *what):
        self.signal(signal.SIGCONT)
        self.kill()
        shutil.rmtree(self.folder)

    def say(self, *words):
        """One command on a connection of its own."""
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(DEADLINE_S)
            raw.connect(self.path)
            return self.say_on(raw, *words)

    @staticmethod
    def say_on(raw, *words):
        raw.sendall(pack(*words))
        return read_reply(raw.makefile("rb"))

    def run(self, name, keys, *arguments):
        """One of the relay's scripts."""
        with open(os.path.join(SCRIPTS, name + ".lua")) as file:
            return self.say("EVAL", file.read(), len(keys), *keys, *arguments)

    def unread(self):
        """The ports of those who have sent over TCP what it has not read yet."""
        with open("/proc/net/tcp") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        return [int(row[2].rpartition(":")[2], 16) for row in rows
                if row[1].endswith(":%04X" % self.port) and row[3] == "01"
                and int(row[4].partition(":")[2], 16) > 0]

    def keys(self, kind=""):
        return sorted(self.say("KEYS", "tigress:%s*" % kind))

    def url(self, userinfo="", database=0):
        return "redis+unix://%s%s?db=%d" % (userinfo, self.path, database)


def pack(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class Refused(Exception):
    pass


def read_reply(stream):
    line = stream.readline()
    if not line:
        raise ConnectionResetError()
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return [read_reply(stream) for _ in range(int(rest))]
    raise Refused(rest.decode())


class RelayOn(Relay):
    """A relay on a Redis, at one port for all of its lives."""

    def __init__(self, store, settings="", public=None):
        self.fixed_port = free_port()
        self.public = public or "https://relay.example"
        super().__init__(plain=True, settings=NO_LIMITS + "Store=%s\n%s" % (store, settings))

    def command(self):
        return super().command() + [
            "--public-url", self.public, "--listen", "127.0.0.1:%d" % self.fixed_port
        ]

    def start(self):
        super().start()
        self.port = self.fixed_port
        self.origin = self.public
        return self


def need_redis():
    if not SERVER:
        print("skipped: needs redis-server: tests/packages.sh test installs it")
        sys.exit(77)
