# SPDX-License-Identifier: LGPL-2.1-or-later

"""What a relay was told and must forget, and where it may still be: octets, each with a name."""

import hashlib
import os
import re
import signal
import struct
import subprocess
import uuid

from relayprocess import until

SEEK = os.environ["TIGRESS_SEEK"]


class Traces:
    def __init__(self):
        self.needles = {}

    def add(self, kind, name, octets):
        """KIND as in seek.c."""
        if isinstance(octets, str):
            octets = octets.encode()
        assert len(octets) >= 7, name
        self.needles[name, kind] = octets

    def add_uuid(self, name, text):
        self.add("u", name + " (text)", text)
        self.add("o", name, uuid.UUID(text).bytes)

    def add_mailbox(self, name, path, **claims):
        """Its id, and the digests by which the relay knows who may do what there."""
        text = path.rpartition("/")[2]
        self.add_uuid(name + " id", text)
        for who, claim in claims.items():
            both = uuid.UUID(text).bytes + uuid.UUID(claim).bytes
            self.add("o", "%s digest of %s" % (name, who), hashlib.sha256(both).digest())

    def add_keys(self, path):
        """Those of TLS, from a file as SSLKEYLOGFILE names one."""
        with open(path) as file:
            for number, line in enumerate(file):
                if not line.startswith("#"):
                    label, random, secret = line.split()
                    self.add("o", "%s %d" % (label, number), bytes.fromhex(secret))
                    self.add("o", "RANDOM %d" % number, bytes.fromhex(random))

    def write(self, path):
        with open(path, "wb") as file:
            for (name, kind), octets in self.needles.items():
                name = name.encode()
                file.write(kind.encode() + struct.pack("<H", len(name)) + name
                           + struct.pack("<I", len(octets)) + octets)

    def seek(self, folder, haystacks):
        """Lines "HAYSTACK OFFSET NAME"; HAYSTACKS are names with octets, or with None: files."""
        needles = os.path.join(folder, "needles")
        self.write(needles)
        for name, octets in haystacks.items():
            if octets is not None:
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(octets)
        names = [os.path.join(folder, name) for name in haystacks]
        found = subprocess.run([SEEK, needles, *names], stdout=subprocess.PIPE, check=True).stdout
        return found.decode().replace(folder + "/", "").splitlines()


def state_of(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rpartition(")")[2].split()[0]


def dump(process, path):
    """Writes all that the process could have written to into a file, as a core file has it;
    returns where in the file is what."""
    regions = []
    process.send_signal(signal.SIGSTOP)
    try:
        until(lambda: state_of(process.pid) == "T", "it stands still")
        with open("/proc/%d/maps" % process.pid) as file:
            lines = file.read().splitlines()
        with open("/proc/%d/mem" % process.pid, "rb", buffering=0) as memory, \
                open(path, "wb") as out:
            for line in lines:
                begin, end, rights, name = re.fullmatch(
                    r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line).groups()
                if not rights.startswith("rw"):
                    continue
                begin, end = int(begin, 16), int(end, 16)
                regions.append((out.tell(), begin, name or "anonymous"))
                memory.seek(begin)
                while begin < end:
                    octets = memory.read(min(end - begin, 1 << 22))
                    assert octets, line
                    out.write(octets)
                    begin += len(octets)
    finally:
        process.send_signal(signal.SIGCONT)
    return regions


def whereabouts(path, regions, offset):
    """Of an offset in a dump: which memory it was, and what is around."""
    start, begin, name = [region for region in regions if region[0] <= offset][-1]
    with open(path, "rb") as file:
        file.seek(max(offset - 16, start))
        return "%s+%#x %r" % (name, offset - start, file.read(56))
