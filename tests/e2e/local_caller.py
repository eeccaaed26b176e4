# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program of some user's on the session bus, as polite or as hostile as a test wants it.

Imported: the client, D-Bus over a socket without any library, so that nothing stands between
the test and what it wants to say. Run: serves the methods of Connection to a test that asks
over stdin and stdout (tests/e2e/consent_world.py), as whoever it was started.

Values are Python's: an array is a list, a struct a tuple, a dictionary a dict or a list of
pairs (which may name a key twice), a variant (signature, value), a descriptor its number.
"""

import array
import collections
import os
import pickle
import select
import socket
import struct
import sys
import time

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY, NO_AUTO_START, INTERACTIVE = 1, 2, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, FDS = range(1, 10)

_FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q",
          "d": "d", "h": "I"}
_ALIGNMENT = {**{code: struct.calcsize(c) for code, c in _FIXED.items()},
              "s": 4, "o": 4, "g": 1, "v": 1, "a": 4, "(": 8, "{": 8}


def split(signature):
    """The complete types that a signature is made of."""
    types, at = [], 0
    while at < len(signature):
        start = at
        while signature[at] == "a":
            at += 1
        if signature[at] in "({":
            depth = 0
            while True:
                depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[at], 0)
                if depth == 0:
                    break
                at += 1
        at += 1
        types.append(signature[start:at])
    return types


class Writer:
    def __init__(self):
        self.data, self.fds = bytearray(), []

    def align(self, n):
        self.data += bytes(-len(self.data) % n)

    def put(self, kind, value):
        code = kind[0]
        self.align(_ALIGNMENT[code])
        if code == "h":
            self.fds.append(value)
            value = len(self.fds) - 1
        if code in _FIXED:
            self.data += struct.pack("<" + _FIXED[code], value)
        elif code in "so":
            text = value if isinstance(value, bytes) else value.encode()
            self.data += struct.pack("<I", len(text)) + text + b"\0"
        elif code == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif code == "v":
            self.put("g", value[0])
            self.put(value[0], value[1])
        elif code == "a":
            self.put_array(kind[1:], value)
        else:
            for member, part in zip(split(kind[1:-1]), value):
                self.put(member, part)

    def put_array(self, kind, value):
        at = len(self.data)
        self.data += bytes(4)
        self.align(_ALIGNMENT[kind[0]])
        start = len(self.data)
        if kind == "y":
            self.data += bytes(value)
        else:
            for part in value.items() if isinstance(value, dict) else value:
                self.put(kind, part)
        struct.pack_into("<I", self.data, at, len(self.data) - start)


class Reader:
    def __init__(self, data, fds=()):
        self.data, self.at, self.fds = data, 0, fds

    def align(self, n):
        self.at += -self.at % n

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def get(self, kind):
        code = kind[0]
        self.align(_ALIGNMENT[code])
        if code in _FIXED:
            value = struct.unpack("<" + _FIXED[code], self.take(_ALIGNMENT[code]))[0]
            return bool(value) if code == "b" else self.fds[value] if code == "h" else value
        if code in "so":
            n = struct.unpack("<I", self.take(4))[0]
            return self.take(n + 1)[:-1].decode()
        if code == "g":
            return self.take(self.take(1)[0] + 1)[:-1].decode()
        if code == "v":
            inner = self.get("g")
            return inner, self.get(inner)
        if code == "a":
            return self.get_array(kind[1:])
        return tuple(self.get(member) for member in split(kind[1:-1]))

    def get_array(self, kind):
        n = struct.unpack("<I", self.take(4))[0]
        self.align(_ALIGNMENT[kind[0]])
        if kind == "y":
            return bytes(self.take(n))
        end, parts = self.at + n, []
        while self.at < end:
            parts.append(self.get(kind))
        return dict(parts) if kind[0] == "{" else parts


Message = collections.namedtuple("Message", "type fields flags values")


class Gone(Exception):
    """The bus has ended the connection."""


class Connection:
    def __init__(self, path=None):
        """path: of the bus's socket; else that of the environment."""
        self.path = path or os.environ["DBUS_SESSION_BUS_ADDRESS"].partition("unix:path=")[2]
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.connect(self.path)
        self.buffer, self.arrived_fds, self.serial = bytearray(), [], 0
        self.answers, self.signals, self.files = {}, [], []
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() +
                            b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
        for wanted in (b"OK", b"AGREE"):
            line = self._line()
            if not line.startswith(wanted):
                raise Gone(line.decode())
        self.name = self.ask("org.freedesktop.DBus", "/org/freedesktop/DBus",
                             "org.freedesktop.DBus", "Hello")[2][0]

    # ---- octets

    def _more(self, timeout):
        if not select.select([self.socket], [], [], timeout)[0]:
            return False
        try:
            data, ancillary, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(253 * 4))
        except ConnectionError:
            data, ancillary = b"", []
        for level, kind, octets in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(octets)
                self.arrived_fds += fds
        if not data:
            raise Gone("the bus has ended the connection")
        self.buffer += data
        return True

    def _line(self):
        while b"\r\n" not in self.buffer:
            self._more(None)
        line, _, rest = bytes(self.buffer).partition(b"\r\n")
        self.buffer = bytearray(rest)
        return line

    def say(self, octets, fds=()):
        """Any octets at all."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            n = self.socket.sendmsg([octets], rights)
            while n < len(octets):
                # Who does not listen while he speaks is in the end not listened to either.
                readable, writable, _ = select.select([self.socket], [self.socket], [])
                if readable:
                    self._more(0)
                if writable:
                    n += self.socket.send(octets[n:n + (1 << 16)])
        except ConnectionError:
            raise Gone("the bus has ended the connection") from None

    # ---- messages

    def _take(self):
        """The next whole message of the buffer, or None."""
        if len(self.buffer) < 16:
            return None
        n_body, _, n_fields = struct.unpack_from("<III", self.buffer, 4)
        n_head = 16 + n_fields + (-n_fields % 8)
        if len(self.buffer) < n_head + n_body:
            return None
        reader = Reader(bytes(self.buffer[:n_head]))
        reader.at = 12
        fields = {code: value[1] for code, value in reader.get("a(yv)")}
        n_fds = fields.get(FDS, 0)
        fds, self.arrived_fds = self.arrived_fds[:n_fds], self.arrived_fds[n_fds:]
        body = Reader(bytes(self.buffer[n_head:n_head + n_body]), fds)
        kind, flags = self.buffer[1], self.buffer[2]
        del self.buffer[:n_head + n_body]
        values = [body.get(part) for part in split(fields.get(SIGNATURE, ""))]
        return Message(kind, fields, flags, values)

    def listen(self, timeout):
        """Takes in what has come, or comes within the time; FALSE if it is nothing."""
        message = self._take()
        while message is None:
            if not self._more(timeout):
                return False
            message = self._take()
        if message.type == SIGNAL:
            self.signals.append((message.fields[PATH], message.fields[INTERFACE],
                                 message.fields[MEMBER], message.values))
        elif message.type == RETURN:
            self.answers[message.fields[REPLY_SERIAL]] = (
                "return", message.fields.get(SIGNATURE, ""), message.values)
        elif message.type == ERROR:
            self.answers[message.fields[REPLY_SERIAL]] = (
                "error", message.fields[ERROR_NAME],
                message.values[0] if message.values else "")
        return True

    def send(self, destination, path, interface, member, signature="", values=(),
             flags=INTERACTIVE, kind=CALL, body=None):
        """The serial, by which to wait for the answer. body: octets that are none of the
        signature's."""
        self.serial += 1
        writer = Writer()
        for part, value in zip(split(signature), values):
            writer.put(part, value)
        octets = bytes(writer.data) if body is None else body
        fields = [(PATH, ("o", path)), (MEMBER, ("s", member)), (DESTINATION, ("s", destination))]
        if interface:
            fields.append((INTERFACE, ("s", interface)))
        if signature:
            fields.append((SIGNATURE, ("g", signature)))
        if writer.fds:
            fields.append((FDS, ("u", len(writer.fds))))
        head = Writer()
        head.data += struct.pack("<BBBBII", ord("l"), kind, flags, 1, len(octets), self.serial)
        head.put("a(yv)", fields)
        head.align(8)
        self.say(bytes(head.data) + octets, writer.fds)
        return self.serial

    def answer(self, serial, timeout=60.0):
        """("return", signature, values), ("error", name, sentence), or None: not in time."""
        until = time.monotonic() + timeout
        while serial not in self.answers:
            if not self.listen(max(0.0, until - time.monotonic())):
                return None
        return self.answers.pop(serial)

    def peek(self, serial):
        """Whether the answer is there, without waiting for it."""
        while self.listen(0):
            pass
        return serial in self.answers

    def ask(self, *call, **options):
        return self.answer(self.send(*call, **options))

    def flood(self, n, *call):
        """n times the same, without waiting; how many answers of each name came."""
        serials = [self.send(*call) for _ in range(n)]
        told = collections.Counter()
        for serial in serials:
            answer = self.answer(serial)
            told[answer and (answer[1] if answer[0] == "error" else "return")] += 1
        return dict(told)

    def mumble(self, n, *call, **options):
        """n times the same, and never listens. Less than that may be heard."""
        for _ in range(n):
            self.send(*call, **options)

    def answer_for(self, destination, kind, serial):
        """An answer to something that was asked of somebody else."""
        head = Writer()
        self.serial += 1
        fields = [(REPLY_SERIAL, ("u", serial)), (DESTINATION, ("s", destination)),
                  (ERROR_NAME, ("s", "org.example.Error"))]
        head.data += struct.pack("<BBBBII", ord("l"), kind, NO_REPLY, 1, 0, self.serial)
        head.put("a(yv)", fields)
        head.align(8)
        self.say(bytes(head.data))

    def heard(self, member=None):
        """The signals that have come, which are forgotten then."""
        while self.listen(0):
            pass
        heard, self.signals = self.signals, []
        return [s for s in heard if member in (None, s[2])]

    def match(self, rule, n=1):
        """Asks the bus for signals; n times."""
        serials = [self.send("org.freedesktop.DBus", "/org/freedesktop/DBus",
                             "org.freedesktop.DBus", "AddMatch", "s", (rule,)) for _ in range(n)]
        for serial in serials:
            if self.answer(serial)[0] != "return":
                raise Gone("a match was refused")

    def leave(self):
        self.socket.close()

    # ---- what descriptors may be

    def memfd(self, content):
        return self.write(os.memfd_create("content", os.MFD_CLOEXEC), content)

    def write(self, fd, content):
        """At the beginning, and nothing after it."""
        os.ftruncate(fd, 0)
        os.pwrite(fd, content, 0)
        return fd

    def feed(self, fd, content):
        os.write(fd, content)

    def pipe(self, content=b"", closed=False):
        """(for reading, for writing)"""
        ends = os.pipe2(os.O_CLOEXEC)
        os.write(ends[1], content)
        if closed:
            os.close(ends[1])
        return ends

    def endless(self):
        """A pipe that somebody never stops writing to."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        if os.fork() == 0:
            os.close(reading)
            try:
                while True:
                    os.write(writing, b"x" * 4096)
            except BrokenPipeError:
                pass
            finally:
                os._exit(0)
        os.close(writing)
        return reading

    def open(self, path, flags=os.O_RDONLY):
        return os.open(path, flags | os.O_CLOEXEC)

    def make_file(self, path, content):
        with open(path, "wb") as file:
            file.write(content)
        return self.open(path)

    def make_fifo(self, path):
        os.mkfifo(path)
        return self.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def sockets(self, kind="stream", content=b""):
        """A connected pair; the first is for the other side to read from."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, {"stream": socket.SOCK_STREAM,
                                                          "datagram": socket.SOCK_DGRAM}[kind])
        if content:
            theirs.sendall(content)
        self.files += [ours, theirs]
        return ours.fileno(), theirs.fileno()

    def listener(self):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        self.files.append(listener)
        return listener.fileno()

    def close(self, *fds):
        for fd in fds:
            os.close(fd)

    def read(self, fd):
        """From the beginning to the end."""
        os.lseek(fd, 0, os.SEEK_SET)
        with open(fd, "rb") as file:
            return file.read()

    # ---- itself

    def another(self):
        """Another connection of this same process; it takes the place of this one, which
        stays open. The one that was is had back by back()."""
        other = Connection(self.path)
        other.before = self
        return other

    def back(self):
        return self.before

    def process(self):
        return os.getpid()


def serve(connection_of):
    """Answers (method, arguments, options) with (TRUE, result) or (FALSE, what went wrong)."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def tell(*answer):
        pickle.dump(answer, told)
        told.flush()

    try:
        connection = connection_of()
    except (Gone, OSError) as error:
        tell(False, f"{type(error).__name__}: {error}")
        return
    tell(True, (connection.name, os.getpid()))
    while True:
        try:
            method, arguments, options = pickle.load(asked)
        except EOFError:
            return
        try:
            result = getattr(connection, method)(*arguments, **options)
            if isinstance(result, Connection):
                connection, result = result, result.name
            tell(True, result)
        except Exception as error:  # whatever it is, the test is to hear of it
            tell(False, f"{type(error).__name__}: {error}")


def inside(root, user, runtime):
    """Goes where a sandboxed program of the user's is, as the wallet sees it: a root directory
    of its own. The bus is reached through the working directory, which stays outside; so
    nothing need be mounted, which not every machine allows. With "/" for the root it only
    becomes the user, with the socket in its hands whatever folder it is in."""
    import ctypes
    import encodings.idna  # noqa: F401  nothing can be imported any more afterwards
    import pwd

    entry = pwd.getpwnam(user)
    socket_fd = os.open(runtime + "/bus", os.O_PATH)
    os.chdir(runtime)
    os.chroot(root)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, as a started program is
    return Connection(f"/proc/self/fd/{socket_fd}" if root == "/" else "bus")


if __name__ == "__main__":
    serve((lambda: inside(*sys.argv[1:])) if len(sys.argv) > 1 else Connection)
