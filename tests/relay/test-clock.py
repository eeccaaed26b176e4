#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A relay whose wall clock is set forward and back: what it waits for goes by the clock that does
not jump, what it promises until a time by the wall clock, and nothing stays for ever."""

import contextlib
import os
import sqlite3
import struct
import tempfile
import time
import unittest

from relayprocess import Device, Relay, until

CLOCK = os.environ["TIGRESS_CLOCK"]
HOUR_S, DAY_S = 3600, 86400


class Clock:
    """The wall clock of a relay: right, or wrong by some seconds."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile()
        self.is_wrong_by(0)
        self.environment = {"LD_PRELOAD": CLOCK, "TG_WRONG": self.file.name,
                            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}

    def is_wrong_by(self, seconds):
        self.file.seek(0)
        self.file.write(struct.pack("=q", seconds))
        self.file.flush()


@contextlib.contextmanager
def relay_of(clock, settings=""):
    with Relay(settings="EraseInterval=1\n" + settings, environment=clock.environment) as relay:
        yield relay


def count(relay, table):
    with contextlib.closing(sqlite3.connect("file:%s/relay.db?mode=ro" % relay.state,
                                            uri=True)) as file:
        return file.execute("SELECT count(*) FROM " + table).fetchone()[0]


def dates(answer):
    return time.mktime(time.strptime(answer.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT"))


class Steps(unittest.TestCase):
    def test_what_is_not_due_outlives_a_step_forward_and_back(self):
        clock = Clock()
        with relay_of(clock) as relay:
            alice = Device(relay)
            alice.create(expires=time.time() + 2 * HOUR_S)
            for wrong_s in (HOUR_S, 0, -DAY_S, 0):
                clock.is_wrong_by(wrong_s)
                answer = alice.read()
                self.assertEqual(answer.status, 200, wrong_s)
                self.assertLess(abs(dates(answer) - time.mktime(time.gmtime()) - wrong_s), 60)

    def test_what_is_due_is_gone_at_once_and_erased_with_the_next_sweep(self):
        clock = Clock()
        with relay_of(clock) as relay:
            alice = Device(relay)
            alice.create(expires=time.time() + HOUR_S)
            clock.is_wrong_by(2 * HOUR_S)
            self.assertEqual(alice.read().status, 404)
            until(lambda: count(relay, "mailbox") == 0, "it is erased")
            # A clock that was ahead is believed: what is erased does not come back.
            clock.is_wrong_by(0)
            self.assertEqual(alice.read().status, 404)

    def test_a_clock_that_was_behind_keeps_nothing_for_ever(self):
        clock = Clock()
        with relay_of(clock) as relay:
            clock.is_wrong_by(-2 * DAY_S)
            alice = Device(relay)
            answer = alice.create()  # with the default life, counted from its own now
            self.assertEqual(answer.status, 200)
            clock.is_wrong_by(0)
            self.assertEqual(alice.read().status, 404)
            until(lambda: count(relay, "mailbox") == 0, "it is erased")

    def test_how_it_ended_is_forgotten_though_the_clock_was_ahead(self):
        clock = Clock()
        with relay_of(clock) as relay:
            for wrong_s in (DAY_S, 0):  # the older of the two has ended "tomorrow"
                clock.is_wrong_by(wrong_s)
                alice = Device(relay)
                alice.create()
                self.assertEqual(alice.delete().status, 200)
            # What says "tomorrow" goes at once, what says "now" within the hour.
            until(lambda: count(relay, "ended") == 1, "the word of tomorrow is forgotten")
            clock.is_wrong_by(2 * HOUR_S)
            until(lambda: count(relay, "ended") == 0, "and then the other")

    def test_who_waits_does_so_by_the_clock_that_does_not_jump(self):
        clock = Clock()
        with relay_of(clock) as relay:
            alice = Device(relay)
            alice.create(expires=time.time() + DAY_S)
            version = alice.read().headers["ETag"]
            bob = alice.peer()
            bob.read()
            for wrong_s in (-DAY_S, HOUR_S, 0):
                # One that is woken, one whose time is up: neither waits for the wall clock.
                held = alice.hold(int(version.strip('"')))
                clock.is_wrong_by(wrong_s)
                self.assertEqual(bob.update("more").status, 200)
                answer = held.get()
                self.assertEqual(answer.status, 200)
                version = answer.headers["ETag"]
                short = alice.read(If_None_Match=version, Prefer="wait=1")
                self.assertEqual(short.status, 304)

    def test_limits_do_not_lock_out(self):
        clock = Clock()
        with relay_of(clock, "CreationsPerMinute=2\n") as relay:
            alice = Device(relay)
            statuses = [alice.create().status for _ in range(3)]
            self.assertEqual(statuses[-1], 429)
            clock.is_wrong_by(-DAY_S)
            wait_s = int(alice.create().headers["Retry-After"])
            self.assertLessEqual(wait_s, 60)
            clock.is_wrong_by(DAY_S)  # nor does a clock that was set forward give more
            self.assertEqual(alice.create().status, 429)


if __name__ == "__main__":
    unittest.main()
