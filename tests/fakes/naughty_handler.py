#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""naughty_handler.py SAMPLE FOLDER BUS-NAME - the sample handler SAMPLE, which at a step that
FOLDER/knob names does something else than it should. What it is asked is written into FOLDER/calls.

knob: a line "METHOD NUMBER WHAT ARGUMENT": at the NUMBERth call of METHOD from now on (0: at each
one) it does WHAT."""

import importlib.util
import json
import os
import sys

from gi.repository import Gio, GLib

sample_path, folder, name = sys.argv[1:4]
spec = importlib.util.spec_from_file_location("sample", sample_path)
sample = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sample)
kept = []  # calls that are never answered


class Deaf:
    """Takes an answer, and tells nobody."""

    def return_value(self, value):
        pass

    def return_dbus_error(self, name, message):
        pass


def ay(octets):
    return GLib.Variant.new_from_bytes(GLib.VariantType("ay"), GLib.Bytes.new(octets), True)


def deep(n):
    return b'{"a":' * n + b"1" + b"}" * n


OUTER = b'{"format":"tigress.end","content":{"outcome":"completed"}}'
LIES = {
    "unknown": {"message": ay(b"{}"), "format": GLib.Variant("s", "tigress.end")},
    "type": {"message": GLib.Variant("s", "{}")},
    "last-type": {"message": ay(b"{}"), "last": GLib.Variant("u", 1)},
    "both": {"message": ay(b"{}"), "keep": ay(b"x")},
    "no-json": {"message": ay(b"hello")},
    "an-array": {"message": ay(b"[]")},
    "space": {"message": ay(b"{} ")},
    "deep": {"message": ay(deep(16))},
    "deeper": {"message": ay(deep(5000))},
    "large": {"message": ay(b'{"a":"' + b"x" * 60000 + b'"}')},
    "huge": {"message": ay(b"x" * 32 * 1024 * 1024)},
    "state": {"message": ay(b"{}"), "state": ay(b"x" * 65537)},
    "receipt": {"message": ay(b"{}"), "receipt": ay(b"x" * 8193)},
    "keep-large": {"keep": ay(b"x" * 43009)},
    "time": {"keep": ay(b"x"), "not-after": GLib.Variant("t", 2**63)},
    "details": {"message": ay(b"{}"), "details": GLib.Variant("a(ss)", [("a", "b")] * 33)},
    "keep": {"keep": ay(b"x")},
    "last": {"message": ay(b"{}"), "last": GLib.Variant("b", True)},
    "outer": {"message": ay(OUTER), "last": GLib.Variant("b", True)},
    "plain": {"message": ay(b"{}")},
}
EVIL = "no\x1b[31m \u202erotide \n second line" + "x" * 5000


def turn():
    """What to do at this call, by the knob."""
    try:
        with open(f"{folder}/knob") as file:
            knob = file.read().split()
    except FileNotFoundError:
        return None
    return knob or None


def is_due(method, knob):
    if knob is None or knob[0] != method:
        return False
    number = int(knob[1])
    if number == 1:
        os.unlink(f"{folder}/knob")
    elif number > 1:
        with open(f"{folder}/knob.new", "w") as file:
            file.write(" ".join([method, str(number - 1), *knob[2:]]))
        os.replace(f"{folder}/knob.new", f"{folder}/knob")
    return number in (0, 1)


def misbehave(handler, what, argument, method, arguments, call):
    if what == "die":
        os._exit(1)
    elif what == "die-after":
        sample.on_call(handler, method, arguments, Deaf())
        os._exit(1)
    elif what == "hang":
        kept.append(call)
    elif what == "fail":
        call.return_dbus_error("org.example.Error.Failed", "the reader is not plugged in")
    elif what == "refuse":
        call.return_dbus_error("org.tigress.Vertical1.Error.Refused", EVIL)
    elif what == "empty":
        call.return_value(GLib.Variant("(a{sv})", ({},)))
    elif what == "twice":
        entry = GLib.Variant.new_dict_entry(GLib.Variant("s", "message"), GLib.Variant("v", ay(b"{}")))
        array = GLib.Variant.new_array(GLib.VariantType("{sv}"), [entry, entry])
        call.return_value(GLib.Variant.new_tuple(array))
    elif what == "flood":
        bus = call.get_connection()
        for _ in range(int(argument)):
            bus.emit_signal(call.get_sender(), "/flood", "org.example.Flood", "Flood",
                            GLib.Variant("(s)", ("x" * 1000,)))
        sample.on_call(handler, method, arguments, call)
        for _ in range(20):
            bus.call(call.get_sender(), "/", "org.freedesktop.DBus.Peer", "Ping", None, None, 0, -1,
                     None, None)
    elif what == "lie":
        # Past GDBus, which would not let it give another type than is agreed.
        reply = Gio.DBusMessage.new_method_reply(call.get_message())
        reply.set_body(GLib.Variant("(a{sv})", (LIES[argument],)))
        call.get_connection().send_message(reply, Gio.DBusSendMessageFlags.NONE)
    else:
        sys.exit(f"no knob {what}")


def answer(handler, method, arguments, call):
    where = arguments.unpack()[:-1]
    with open(f"{folder}/calls", "a") as file:
        file.write(json.dumps([method, *where]) + "\n")
    knob = turn()
    if is_due(method, knob):
        misbehave(handler, knob[2], (knob + [None])[3], method, arguments, call)
    else:
        sample.on_call(handler, method, arguments, call)


sample.serve(sample.DoorKeys(f"{folder}/keys"), name, answer)
