# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A person at a terminal, and a script: runs tigressctl on a pseudo-terminal of its
own, types when it is asked, and looks at what others could see of it meanwhile.
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

DEADLINE_S = 60


class Failed(Exception):
    pass


def claim(sentence):
    print("-", sentence, flush=True)


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what))


def equal(got, wanted, what=""):
    check(got == wanted, what, "got", repr(got), "wanted", repr(wanted))


def eventually(condition, what):
    until = time.monotonic() + DEADLINE_S
    while not condition():
        check(time.monotonic() < until, "not within", DEADLINE_S, "s:", what)
        time.sleep(0.01)


def run(argv, stdin=b"", env=None, pass_fds=()):
    """As a script runs it: no terminal at all. (status, stdout, stderr)"""
    done = subprocess.run(argv, input=stdin, capture_output=True, timeout=DEADLINE_S, env=env,
                          pass_fds=pass_fds, start_new_session=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Terminal:
    """A command whose controlling terminal is ours. With `pipe_out` its stdout is a pipe,
    with `stdin` (bytes) its stdin is one."""

    def __init__(self, argv, pipe_out=False, stdin=None, env=None, columns=80):
        out_r, out_w = os.pipe() if pipe_out else (None, None)
        in_r, in_w = os.pipe() if stdin is not None else (None, None)
        self.seen = ""     # what the terminal shows and was not yet expected
        self.shown = ""    # all of it
        self.out = out_r
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM,
                           signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            if pipe_out:
                os.dup2(out_w, 1)
            if stdin is not None:
                os.dup2(in_r, 0)
            for fd in (out_r, out_w, in_r, in_w):
                if fd is not None:
                    os.close(fd)
            os.execvpe(argv[0], argv, env or os.environ)
        termios.tcsetwinsize(self.fd, (24, columns))
        if pipe_out:
            os.close(out_w)
        if stdin is not None:
            os.close(in_r)
            os.write(in_w, stdin)
            os.close(in_w)

    def _read(self):
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            data = b""
        text = data.decode("utf-8", "replace")
        self.seen += text
        self.shown += text
        return bool(data)

    def expect(self, pattern):
        """Waits until the terminal shows it; returns the match."""
        until = time.monotonic() + DEADLINE_S
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            check(time.monotonic() < until, "no", repr(pattern), "in", repr(self.shown))
            if select.select([self.fd], [], [], 0.1)[0]:
                check(self._read(), "ended without", repr(pattern), "after", repr(self.shown))

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, (text + "\n").encode())

    def type_secret(self, text):
        """Only when nobody can read it: what is typed before goes to the screen."""
        eventually(lambda: not self.echoes(), "echo off")
        self.type(text)

    def key(self, letter):
        """Ctrl and the letter."""
        os.write(self.fd, bytes([ord(letter) & 31]))

    def kill(self, number):
        os.kill(self.pid, number)

    def result(self):
        """What came through the stdout pipe, to its end."""
        data = b""
        while True:
            # The terminal has to be read as well, or the program stands still.
            for fd in select.select([self.fd, self.out], [], [])[0]:
                if fd == self.fd:
                    self._read()
                    continue
                piece = os.read(self.out, 65536)
                if not piece:
                    return data.decode()
                data += piece

    def line(self):
        """The next line of the stdout pipe."""
        data = b""
        while not data.endswith(b"\n"):
            for fd in select.select([self.fd, self.out], [], [], DEADLINE_S)[0]:
                if fd == self.fd:
                    self._read()
                    continue
                piece = os.read(self.out, 1)
                check(piece, "stdout ended after", data, "; terminal:", self.shown)
                data += piece
        return data.decode()

    def end(self):
        """The exit status, -N for a signal."""
        until = time.monotonic() + DEADLINE_S
        while time.monotonic() < until:
            if select.select([self.fd], [], [], 0.02)[0] and self._read():
                continue
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while select.select([self.fd], [], [], 0)[0] and self._read():
                    pass
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        raise Failed("does not end; shown: " + repr(self.shown))

    def must_end(self, status):
        got = self.end()
        check(got == status, "status", got, "wanted", status, "shown:", self.shown)


def main(tests):
    """Runs what was defined, or what is named; the first failure ends it."""
    wanted = sys.argv[1:]
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        claim(test.__name__.replace("_", " "))
        try:
            test()
        except Failed as failure:
            print(f"failed: {test.__name__}: {failure}", file=sys.stderr)
            sys.exit(1)
