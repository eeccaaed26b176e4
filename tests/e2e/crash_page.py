# SPDX-License-Identifier: LGPL-2.1-or-later
"""A page through which a program can be killed at one of its steps (tests/fakes/kill-at.c)."""

import mmap
import os
import re
import signal
import struct

from checks import run

FLUSHES, CHANGES, SENDS, RECEIPTS = 1, 2, 4, 8
EFFECTS = FLUSHES | CHANGES | SENDS


class Page:
    """Counts the steps of one program, and kills it at one of them."""

    LAYOUT = struct.Struct("<QQQQQQ80s")

    def __init__(self, user, name):
        self.path = f"{os.environ['TIGRESS_WORLD']}/tmp/{name}.steps"
        # Made by its owner: others may not write to it in a folder like /tmp.
        run("as", user, "truncate", "--size", str(self.LAYOUT.size), self.path)
        with open(self.path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), self.LAYOUT.size)
        self.tally = {}
        self.disarm()

    def _read(self):
        return self.LAYOUT.unpack(self.memory[: self.LAYOUT.size])

    def _put(self, index, number):
        # One aligned word at a time, for the program counts meanwhile.
        memoryview(self.memory).cast("Q")[index] = number

    def arm(self, step, kinds=EFFECTS, by=signal.SIGKILL):
        """Step 1 is the next of one of these kinds."""
        self._put(1, 0)
        self.memory[40:] = bytes(88)  # who met it, and at what
        self._put(2, kinds)
        self._put(4, by)
        self._put(0, 0)
        self._put(1, step)

    def arm_again(self, further):
        """So many steps after the ones that were counted."""
        self._put(1, self._read()[0] + further)

    def disarm(self):
        self.arm(0)

    def stop_counting(self):
        self._put(1, 0)

    @property
    def steps(self):
        return self._read()[0]

    @property
    def pid(self):
        return self._read()[3]

    @property
    def hit(self):
        """What the program died at, empty while it lives."""
        return self._read()[6].split(b"\0")[0].decode()

    def is_dead(self):
        """Or about to be, and there is no other yet."""
        _, _, _, pid, by, met, _ = self._read()
        return met == pid and (by == signal.SIGKILL or self.is_gone())

    def stands(self):
        """It is stopped indeed: what it met is written a moment before."""
        if not self.hit:
            return False
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] == "T"
        except FileNotFoundError:
            return False

    def is_gone(self):
        return not os.path.exists(f"/proc/{self.pid}")

    def note(self):
        self.tally[self.hit] = self.tally.get(self.hit, 0) + 1

    def preload(self, program):
        """The environment under which `program` counts. A sanitizer comes first."""
        libraries = [os.environ["TIGRESS_WORLD"] + "/bin/kill-at.so"]
        linked = run("ldd", program)
        libraries[:0] = re.findall(r"=> (/\S*/lib[at]san\.so\S*)", linked)
        return f"LD_PRELOAD={':'.join(libraries)} KILL_AT={self.path}"
