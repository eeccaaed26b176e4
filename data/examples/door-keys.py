#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A handler, to copy from: it lends keys to doors. See tigress-verticals(7) and the interface's XML.

Nothing is done twice: keys are derived from a secret of ours and the share's id, so a step that
comes again has the same; grants and keys are files, named by the share and written as a whole."""

import hashlib
import hmac
import json
import os

from gi.repository import Gio, GLib

NAME = "org.example.DoorKeys"
TYPES = {"message": "ay", "keep": "ay", "state": "ay", "last": "b", "title": "s", "details": "a(ss)"}


class Refused(Exception):
    """What was given is wrong, and will not become right."""


class DoorKeys:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not os.path.exists(os.path.join(folder, "secret")):
            self.store("secret", os.urandom(32).hex())
        with open(os.path.join(folder, "secret")) as file:
            self.secret = json.load(file).encode()

    def store(self, name, value):  # wholly or not at all
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w") as file:
            json.dump(value, file)  # where a power cut counts: and flush it, os.fsync() it
        os.replace(path + ".new", path)

    def mac(self, *parts):
        return hmac.new(self.secret, "\0".join(parts).encode(), hashlib.sha256).hexdigest()

    def check(self, given):
        door = given["content"].decode(errors="replace")
        if not 1 <= len(door) <= 40:
            raise Refused("the name of a door has 1 to 40 characters")
        return {"details": [("Door", door)]}

    def begin(self, share, step, given):
        return {"message": {"door": given["content"].decode()}, "state": given["content"]}

    def receive(self, share, step, given):
        try:
            said = json.loads(given["message"])
            if given["role"] == "initiator":  # somebody asks: he is granted what was offered
                door, key = given["state"].decode(), str(said["key"])
                self.store(f"grant-{share}", {"door": door, "key": key})
                return {"message": {"door": door, "grant": self.mac("grant", share, key)}, "last": True}
            if step == 0:  # an offer: it is asked for with a key of our own
                key = self.mac("key", share)
                return {"message": {"key": hashlib.sha256(key.encode()).hexdigest()},
                        "state": key.encode(), "details": [("Door", str(said["door"]))]}
            keep = {"door": said["door"], "grant": said["grant"], "key": given["state"].decode()}
            return {"keep": json.dumps(keep).encode(), "title": f"Key to {said['door']}"}
        except (ValueError, TypeError, KeyError):
            raise Refused("this is no message about a key to a door") from None

    def provision(self, share, step, given):
        self.store(f"key-{share}", json.loads(given["content"]))

    def revoke(self, share, step, given):
        self.store(f"revoked-{share}", True)

    def lost(self):  # what the door said no to: in life by its radio, here by a file
        return [name[5:] for name in os.listdir(self.folder) if name.startswith("lost-")]


def on_call(handler, method, arguments, call):
    *where, given = arguments.unpack()
    given = {key: bytes(value) if key != "role" else value for key, value in given.items()}
    try:
        answer = getattr(handler, method.lower())(*where, given)
        if answer and "message" in answer:
            answer["message"] = json.dumps(answer["message"]).encode()
        call.return_value(None if answer is None else GLib.Variant("(a{sv})", (
            {key: GLib.Variant(TYPES[key], value) for key, value in answer.items()},)))
    except Refused as why:
        call.return_dbus_error("org.tigress.Vertical1.Error.Refused", str(why))
    except OSError as why:  # a shortage: the wallet will ask again
        call.return_dbus_error("org.example.Error.Failed", str(why))


def serve(handler, name, answer=on_call):
    with open("/usr/share/dbus-1/interfaces/org.tigress.Vertical1.xml") as file:
        face = Gio.DBusNodeInfo.new_for_xml(file.read()).interfaces[0]
    path = "/" + name.replace(".", "/")
    folder = Gio.File.new_for_path(handler.folder).monitor_directory(Gio.FileMonitorFlags.NONE)

    def tell(bus):  # again at each start, and once too often does no harm
        for share in handler.lost():
            bus.emit_signal(None, path, face.name, "Revoked", GLib.Variant("(s)", (share,)))

    def named(bus, name):
        folder.connect("changed", lambda *_: tell(bus))
        tell(bus)
    Gio.bus_own_name(  # the object first: whoever calls the name finds it
        Gio.BusType.SESSION, name, Gio.BusNameOwnerFlags.NONE, lambda bus, _: bus.register_object(
            path, face, lambda *a: answer(handler, a[4], a[5], a[6])),
        named, lambda bus, _: os._exit(1))
    GLib.MainLoop().run()


if __name__ == "__main__":
    serve(DoorKeys(os.path.join(GLib.get_user_data_dir(), "door-keys")), NAME)
