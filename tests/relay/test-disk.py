#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A disk that is full, read-only or broken: what cannot be made durable is 503, what can be read is
read, the supervisor is told, and when the disk is well again the relay is, without a restart. On a
real file system where one may be mounted, else on one that relay-disk.c makes so."""

import contextlib
import errno
import os
import random
import subprocess
import time
import unittest

from disk import (
    ALL, FLUSH, FULL, READ_ONLY, Disk, SmallDisk, check_file, may_mount, run_where_mounting_is_allowed
)
from relayprocess import DEADLINE_S, RELAY, Device, Watched, draw, payload, until
from writers import SETTINGS, Client

SMALL = 8 << 20


def is_ready(relay):
    answer = relay.ask("/readyz")
    assert answer.status == 200 or answer.body == b"the store is in doubt\n", answer.body
    return answer.status == 200


def location():
    return "/v1/t/" + "A" * 21 + draw().replace("-", "")[:21] + "A"


def write_until_refused(client, meanwhile=lambda: None):
    for _ in range(300):
        meanwhile()
        try:
            client.write()
        except AssertionError as problem:
            if problem.args[0][-1:] != (503,):
                raise
            return 1
    return 0


class Faults(unittest.TestCase):
    def relay(self, is_traced=False):
        relay = Watched("EraseInterval=1\n" + SETTINGS)
        return relay, Disk(relay, is_traced)

    def check_refused(self, answer):
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.json()["type"], "unavailable")
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)

    def fill(self, device, **how):
        """Creates until there is no more room, also not after a while."""
        paths, n_refused = [], 0
        while n_refused < 100:
            self.assertLess(len(paths), 5000)
            answer = device.create(n_bytes=8000, **how)
            if answer.status == 200:
                paths.append(device.path)
                n_refused = 0
            else:
                self.check_refused(answer)
                n_refused += 1
        return paths

    def through_a_fault(self, relay, begin, end):
        """What holds of each of them. Nothing can be written between BEGIN and END."""
        alice = Device(relay)
        self.assertEqual(alice.create().status, 200)
        bob = alice.peer()
        self.assertEqual(bob.read().status, 200)
        unbound = Device(relay)
        self.assertEqual(unbound.create().status, 200)
        mortal = Device(relay)
        self.assertEqual(mortal.create(expires=int(time.time()) + 3).status, 200)
        place = location()
        self.assertEqual(alice.ask("PUT", place, b"octets", claim=False).status, 201)
        held = bob.hold(1)
        self.assertTrue(is_ready(relay))

        begin()
        mallory, request, update = Device(relay), draw(), draw()
        self.check_refused(mallory.create(request=request))
        self.assertFalse(is_ready(relay))
        self.check_refused(unbound.peer().read())
        self.check_refused(alice.update("new", update))
        self.check_refused(bob.relinquish())
        self.check_refused(alice.delete())
        self.check_refused(alice.ask("PUT", location(), b"octets", claim=False))
        self.check_refused(alice.ask("GET", place))  # it would lock
        # reads go on, and show what there was
        self.assertEqual(bob.read().json()["payload"], payload("hello"))
        self.assertEqual(bob.read().headers["ETag"], '"1"')
        self.assertEqual(alice.ask("GET", claim=False).status, 200)
        self.assertEqual(alice.ask("GET", place, claim=False).body, b"octets")
        self.assertEqual(alice.peer().read().status, 401)
        self.assertEqual(relay.ask("/healthz").status, 200)
        # what has expired cannot be erased, but is not given out
        until(lambda: mortal.read().status == 404, "its time is up")
        # it is not ready again merely because some sweeps have had nothing to write
        errors = relay.number("store_errors_total")
        until(lambda: relay.number("store_errors_total") > errors + 20, "sweeps")
        self.assertFalse(is_ready(relay))
        self.assertEqual(relay.number("expired_total"), 0)
        self.assertIsNone(held.answer)

        end()
        until(lambda: is_ready(relay), "it has seen that all is well")
        until(lambda: relay.number("expired_total") == 1, "erased")
        self.assertEqual(unbound.peer().read().status, 200)  # the other one was not bound
        self.assertEqual(mallory.create(request=request).status, 200)
        self.assertEqual(mallory.create(request=request).status, 201)
        self.assertEqual(alice.update("new", update).status, 200)
        self.assertEqual(held.get().json()["payload"], payload("new"))
        self.assertEqual(alice.delete().status, 200)
        self.assertEqual(relay.log.count(b"the store is in doubt"), 1)
        self.assertEqual(relay.log.count(b"the store takes changes again"), 1)
        relay.kill()
        check_file(relay.state)
        relay.start()


class Full(Faults):
    @unittest.skipUnless(may_mount(), "nothing may be mounted here")
    def test_a_real_disk(self):
        """That others fill. What is there may be changed as long as the log has room yet."""
        relay, disk = self.relay()
        with SmallDisk(SMALL) as small, contextlib.ExitStack() as stack:
            relay.state = small.folder
            stack.enter_context(relay)
            client = Client(random.Random(1))
            client.connection = relay.connect()
            for _ in range(40):
                client.write()
            self.assertTrue(is_ready(relay))
            mallory, request = Device(relay), draw()
            small.fill()
            self.check_refused(mallory.create(request=request))
            self.assertFalse(is_ready(relay))
            self.assertEqual(write_until_refused(client, small.fill), 1)
            for box in client.boxes:
                if not box.pending:
                    self.assertTrue(client.matches(box, box.state))
            errors = relay.number("store_errors_total")
            until(lambda: relay.number("store_errors_total") > errors + 3, "sweeps")
            self.assertFalse(is_ready(relay))
            small.empty()
            until(lambda: is_ready(relay), "it has seen that all is well")
            self.assertEqual(mallory.create(request=request).status, 200)
            client.recover()
            relay.kill()
            check_file(relay.state)
            relay.start()

    def test_one_on_which_nothing_can_grow(self):
        relay, disk = self.relay()
        with relay:
            self.through_a_fault(relay, lambda: disk.fail(errno.ENOSPC, FULL), disk.heal)

    @unittest.skipUnless(may_mount(), "nothing may be mounted here")
    def test_a_store_that_fills_its_disk_can_be_emptied(self):
        """Whatever is taken can be deleted, and erased when its time is up: nobody has to help."""
        relay, _ = self.relay()
        with SmallDisk(SMALL) as small, contextlib.ExitStack() as stack:
            relay.state = small.folder
            stack.enter_context(relay)
            device = Device(relay)
            begin = time.monotonic()
            for _ in range(30):
                self.assertEqual(device.create(expires=int(time.time()) + 4).status, 200)
            # long enough to fill it, also where all is slow
            life = max(4, int((time.monotonic() - begin) / 30 * 1500))
            mortals = self.fill(device, expires=int(time.time()) + life)
            self.assertGreater(len(mortals), 50)
            self.assertGreater(small.n_free(), 0)
            self.assertFalse(is_ready(relay))
            # with what is there everything can be done
            device.path = mortals[0]
            bob = device.peer()
            self.assertEqual(bob.read().status, 200)
            self.assertEqual(device.update("x" * 60).status, 200)
            self.assertEqual(device.ask("POST", mortals[1]).status, 200)
            self.assertEqual(device.delete().status, 200)
            for _ in range(2):
                until(lambda: relay.number("mailboxes") < 5, "all of them are erased")
                until(lambda: is_ready(relay), "it takes new ones")
                # in the place of the old ones, also what is larger than any of them
                self.assertEqual(device.create(n_bytes=60000).status, 200)
                self.assertEqual(device.delete().status, 200)
                n = len(self.fill(device, expires=int(time.time()) + life))
                self.assertGreater(n, len(mortals) / 4)
            relay.kill()
            check_file(relay.state)
            relay.start()


class ReadOnly(Faults):
    def test_nothing_can_be_written(self):
        relay, disk = self.relay()
        with relay:
            self.through_a_fault(relay, lambda: disk.fail(errno.EROFS, READ_ONLY), disk.heal)

    def test_start(self):
        """One sentence, and what there was stays as it was."""
        relay, disk = self.relay()
        with relay:
            alice = Device(relay)
            alice.create()
            relay.kill()
            for error, kinds in ((errno.EROFS, READ_ONLY), (errno.ENOSPC, FULL), (errno.EIO, ALL)):
                disk.fail(error, kinds)
                result = subprocess.run(relay.command(), env=relay.environment, text=True,
                                        capture_output=True, timeout=DEADLINE_S)
                self.assertNotEqual(result.returncode, 0)
                self.assertRegex(result.stderr, r"^tigress-relay: error: cannot [^\n]*\n$")
            disk.heal()
            relay.start()
            alice.connection = relay.connect()
            self.assertEqual(alice.read().json()["payload"], payload("hello"))


class Broken(Faults):
    """Each of the writes and flushes that a change needs fails once, and all after it."""

    def test_each_write_and_each_flush(self):
        seed = int(os.environ.get("TIGRESS_SEED", str(random.SystemRandom().randrange(1 << 32))))
        print("TIGRESS_SEED=%d" % seed, flush=True)
        relay, disk = self.relay()
        with relay:
            client = Client(random.Random(seed))
            client.connection = relay.connect()
            for error, kinds in ((errno.EIO, ALL), (errno.EIO, FLUSH), (errno.ENOSPC, FULL)):
                for n_spared in range(24):
                    client.write()
                    disk.fail(error, kinds, n_spared)
                    n_refused = write_until_refused(client)
                    disk.heal()
                    client.recover()
                    # what is full may have room yet in the log
                    if kinds != FULL:
                        self.assertEqual(n_refused, 1, (error, kinds, n_spared))
            relay.kill()
            check_file(relay.state)
            relay.start()


if __name__ == "__main__":
    run_where_mounting_is_allowed()
    unittest.main(verbosity=2, warnings="ignore")
