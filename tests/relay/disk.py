# SPDX-License-Identifier: LGPL-2.1-or-later

"""The disk under a relay: one that is full, read-only or broken, and what is left of one after a
loss of power. relay-disk.c is the relay's side of it."""

import ctypes
import mmap
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

DISK = os.environ["TIGRESS_DISK"]
WRITE, GROW, SIZE, FLUSH, MAKE, REMOVE = 1, 2, 4, 8, 16, 32
ALL = 63
FULL = GROW | MAKE  # what a full disk refuses; the rest of it can still be written
READ_ONLY = WRITE | GROW | SIZE | MAKE | REMOVE
SECTOR = 512


class Plan(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int)
                for name in ("error", "kinds", "n_spared", "n_failed", "is_lying")]


class Disk:
    """That of RELAY, which has not been started yet."""

    def __init__(self, relay, is_traced=False):
        self.folder = relay.directory
        plan = os.path.join(relay.directory, "plan")
        self.trace_path = os.path.join(relay.directory, "trace")
        with open(plan, "wb") as file:
            file.write(bytes(ctypes.sizeof(Plan)))
        with open(plan, "r+b") as file:
            self.plan = Plan.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Plan)))
        relay.environment.update(
            LD_PRELOAD=DISK, TG_DISK_FOLDER=relay.directory, TG_DISK_PLAN=plan,
            ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        if is_traced:
            relay.environment["TG_DISK_TRACE"] = self.trace_path

    def fail(self, error, kinds, n_spared=0):
        self.plan.error = 0  # nothing in between
        self.plan.kinds, self.plan.n_spared, self.plan.n_failed = kinds, n_spared, 0
        self.plan.error = error

    def heal(self):
        self.plan.error = 0

    def traced(self):
        """How much of the trace there is."""
        return os.path.getsize(self.trace_path)


def check_file(state):
    """The store in a folder is whole. In a copy: who opens a store changes it."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("relay.db", "relay.db-wal"):
            if os.path.exists(os.path.join(state, name)):
                shutil.copy(os.path.join(state, name), folder)
        database = sqlite3.connect(os.path.join(folder, "relay.db"))
        found = database.execute("PRAGMA integrity_check").fetchall()
        database.close()
        assert found == [("ok",)], found


# ---- without power ----


class File:
    """What has been done to one, by its place in the trace."""

    def __init__(self, path, made):
        self.path, self.made, self.removed = path, made, None
        self.changes, self.flushes = [], []


class Trace:
    """All that was done to the disk, and what a loss of power at some time of it leaves: of each file
    what was flushed, and of what was not whatever the disk liked to write first, sector by sector;
    of the names in a directory likewise."""

    def __init__(self, path):
        self.ends = []  # of each entry, in octets of the trace
        self.files, self.flushes = [], {}  # of directories
        there = {".": File(".", -1)}
        with open(path, "rb") as file:
            while line := file.readline():
                kind, name, offset, length = line.split()
                octets = file.read(int(length))
                self.take(there, kind.decode(), name.decode(), int(offset), octets)
                self.ends.append(file.tell())

    def take(self, there, kind, name, offset, octets):
        at = len(self.ends)
        if kind in ("make", "mkdir"):
            there[name] = File(name, at)
            there[name].is_directory = kind == "mkdir"
            self.files.append(there[name])
        elif kind == "remove":
            there.pop(name).removed = at
        elif kind == "flush":
            there[name].flushes.append(at)
        else:
            there[name].changes.append((at, kind, offset, octets))
        if kind == "flush":
            self.flushes.setdefault(name, []).append(at)

    def is_durable(self, at, flushes, cut):
        return any(at < flush < cut for flush in flushes)

    def is_entry_done(self, at, file, cut, chance, luck):
        """A name that was made or taken away."""
        flushes = self.flushes.get(os.path.dirname(file.path) or ".", [])
        return at < cut and (self.is_durable(at, flushes, cut) or chance.random() < luck)

    def content(self, file, cut, chance, luck):
        octets = bytearray()
        for at, kind, offset, new in file.changes:
            if at >= cut:
                break
            is_kept = self.is_durable(at, file.flushes, cut) or chance.random() < luck
            if kind == "size" and is_kept:
                octets[offset:] = bytes(max(0, offset - len(octets)))
            elif kind == "write":
                parts = [(0, len(new))] if is_kept else torn(offset, len(new), chance, luck)
                for start, end in parts:
                    octets.extend(bytes(max(0, offset + end - len(octets))))
                    octets[offset + start : offset + end] = new[start:end]
        return octets

    def leave(self, folder, cut, chance):
        """In FOLDER, what there is after CUT entries."""
        luck = chance.choice([0, 0, 0.1, 0.5, 0.9, 1])
        for file in self.files:
            if not self.is_entry_done(file.made, file, cut, chance, luck):
                continue
            if file.removed is not None and self.is_entry_done(
                    file.removed, file, cut, chance, luck):
                continue
            path = os.path.join(folder, file.path)
            if not os.path.isdir(os.path.dirname(path)):
                continue  # its directory was lost
            if file.is_directory:
                os.mkdir(path, 0o700)
            else:
                with open(path, "wb") as out:
                    out.write(self.content(file, cut, chance, luck))


def torn(offset, n_bytes, chance, luck):
    """Some of its sectors, perhaps."""
    if luck == 0 or chance.random() < 0.5:
        return
    start = 0
    while start < n_bytes:
        end = min(n_bytes, start + SECTOR - (offset + start) % SECTOR)
        if chance.random() < 0.5:
            yield start, end
        start = end


# ---- a real one ----


def run_where_mounting_is_allowed():
    """The test again in a mount namespace of its own, if there may be one."""
    if "TIGRESS_MAY_MOUNT" in os.environ:
        return
    os.environ["TIGRESS_MAY_MOUNT"] = ""
    for how in (["unshare", "-m"], ["unshare", "-rm"]):
        with tempfile.TemporaryDirectory() as folder:
            tried = subprocess.run([*how, "mount", "-t", "tmpfs", "none", folder],
                                   capture_output=True)
        if tried.returncode == 0:
            os.environ["TIGRESS_MAY_MOUNT"] = "1"
            os.execvp("unshare", [*how, sys.executable, *sys.argv])


def may_mount():
    return os.environ.get("TIGRESS_MAY_MOUNT") == "1"


class SmallDisk:
    """A file system of its own, for relay.state."""

    def __init__(self, n_bytes):
        self.folder = tempfile.mkdtemp(prefix="tigress-disk-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % n_bytes, "none", self.folder],
                       check=True)
        self.ballast = os.path.join(self.folder, "ballast")

    def fill(self):
        with open(self.ballast, "ab", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def empty(self):
        os.unlink(self.ballast)

    def n_free(self):
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_bsize

    def __enter__(self):
        return self

    def __exit__(self, *what):
        subprocess.run(["umount", self.folder], check=True)
        os.rmdir(self.folder)
