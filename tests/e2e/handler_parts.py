# SPDX-License-Identifier: LGPL-2.1-or-later
"""Handlers of other programs: wallets that look for their files in folders of the test's, and the
sample handler, which does at one step or another what it should not."""

import json
import os
import re

from crash_parts import NAME, ROOT, Failed, equal, run, until
from crash_world import HERE
from ssh_parts import options

SAMPLE = "/usr/share/doc/tigress/examples/door-keys.py"
DOOR = {"Format": "org.example.door.key", "Letter": "d", "Name": "Key to a door",
        "BusName": "org.example.DoorKeys", "ObjectPath": "/org/example/DoorKeys",
        "Kind": "lend", "SecondFactor": "optional"}
CAR = {**DOOR, "Format": "digitalwallet.carkey.ccc", "Letter": "c", "Name": "Car key",
       "BusName": "org.example.CarKeys", "ObjectPath": "/org/example/CarKeys"}


def write_as(person, path, text):
    run("as", person.name, "mkdir", "-p", os.path.dirname(path))
    run("as", person.name, "sh", "-c", 'cat >"$1.new" && mv "$1.new" "$1"', "-", path, input=text)


class Folders:
    """Where a person's wallet looks for handlers: "first" before "second"."""

    def __init__(self, person):
        self.person = person
        home = person.environment["HOME"]
        self.root = f"{home}/data"
        self.services = f"{person.environment['XDG_DATA_HOME']}/dbus-1/services"
        own = f"{self.services}/{NAME}.service"
        if not os.path.exists(own):
            own = f"{os.environ['TIGRESS_WORLD']}/services/{NAME}.service"
        with open(own) as file:
            command = re.search(r"^Exec=(\S+) (.*)$", file.read(), re.M)
        data = f"XDG_DATA_DIRS={self.root}/first:{self.root}/second:{self.root}/first:relative"
        write_as(person, f"{self.services}/{NAME}.service",
                 f"[D-BUS Service]\nName={NAME}\nExec={command[1]} env {data} {command[2]}\n")
        run("wallet", person.name, "stop")
        self.reload()

    def reload(self):
        self.person.busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus",
                           "ReloadConfig")

    def path(self, name, folder="first"):
        return f"{self.root}/{folder}/tigress/verticals/{name}.vertical"

    def declare(self, name, keys, folder="first"):
        """A file; a text is taken as it is."""
        if isinstance(keys, dict):
            keys = "[Vertical]\n" + "".join(f"{key}={value}\n" for key, value in keys.items())
        write_as(self.person, self.path(name, folder), keys)

    def withdraw(self, name, folder="first"):
        run("as", self.person.name, "rm", self.path(name, folder))

    def formats(self):
        return {format: name for format, name, _ in self.person.get(ROOT, "Formats")}

    def sees(self, format, wanted=True):
        until(f"{self.person.name}'s wallet sees {format}: {wanted}",
              lambda: (format in self.formats()) == wanted)


class Handler:
    """One that the bus starts when it is called."""

    def __init__(self, folders, keys, is_naughty=True):
        self.person = folders.person
        self.keys = keys
        self.name = keys["BusName"]
        self.folder = f"{self.person.environment['HOME']}/{self.name}"
        run("as", self.person.name, "mkdir", "-p", self.folder)
        program = [SAMPLE]
        if is_naughty:
            naughty = run("give", f"{HERE}/../fakes/naughty_handler.py").strip()
            program = [naughty, SAMPLE, self.folder, self.name]
        self.command = ["/usr/bin/python3", *program]
        write_as(self.person, f"{folders.services}/{self.name}.service",
                 f"[D-BUS Service]\nName={self.name}\nExec={' '.join(self.command)}\n")
        folders.reload()

    def will(self, method, what, argument="", number=1):
        """At the NUMBERth call of METHOD from now on; 0: at each."""
        write_as(self.person, f"{self.folder}/knob", f"{method} {number} {what} {argument}")

    def behaves(self):
        run("as", self.person.name, "rm", "-f", f"{self.folder}/knob")

    def has_turned(self):
        return not os.path.exists(f"{self.folder}/knob")

    def calls(self):
        """[METHOD, SHARE, STEP] of each since the last look."""
        path = f"{self.folder}/calls"
        if not os.path.exists(path):
            return []
        with open(path) as file:
            calls = [json.loads(line) for line in file]
        os.unlink(path)
        return calls

    def asked(self, method):
        """It is in the middle of METHOD."""
        def look():
            with open(f"{self.folder}/calls") as file:
                return any(json.loads(line)[0] == method for line in file)
        until(f"{self.name} is asked to {method}",
              lambda: os.path.exists(f"{self.folder}/calls") and look())

    def files(self, kind):
        folder = f"{self.folder}/keys"
        if not os.path.exists(folder):
            return []
        return sorted(name for name in os.listdir(folder) if name.startswith(kind + "-"))

    def kill(self):
        """It runs, or has run."""
        try:
            pid = self.person.busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus",
                                     "GetConnectionUnixProcessID", "s", self.name)[0]
        except Failed:
            return
        run("as", self.person.name, "kill", "-KILL", str(pid))
        def is_gone():
            names = self.person.busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus",
                                       "NameHasOwner", "s", self.name)
            return not names[0]
        until(f"{self.name} is gone", is_gone)

    def share(self, content="front door", **settings):
        settings = {"pin": False, "wait": True, **settings}
        return self.person.begin("CreateShare", "sa{sv}a{sv}", self.keys["Format"],
                                 *options(content=content), *options(**settings))


def exchange(giver, taker, bob, **settings):
    """A whole one: both shares."""
    alice = giver.person
    share = giver.share(**settings)
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    alice.ends_by(share, "peer")
    return share, received


def ident(path):
    return path.rsplit("/", 1)[1]


def is_whole(giver, taker, share, received):
    """One grant, one key, of these two shares."""
    equal(giver.files("grant"), [f"grant-{ident(share)}"], "grants")
    equal(taker.files("key"), [f"key-{ident(received)}"], "keys")


def forget_files(*handlers):
    for handler in handlers:
        for kind in ("grant", "key", "revoked", "lost"):
            for name in handler.files(kind):
                os.unlink(f"{handler.folder}/keys/{name}")
        handler.calls()
