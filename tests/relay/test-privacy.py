#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What a relay was told is nowhere any more once it is over: file, log, metrics, memory."""

import concurrent.futures
import os
import random
import struct
import unittest

from clients import Client, Exchange
from redisserver import SERVER, Redis
from relayprocess import Device, Watched, draw, until
from traces import Traces, dump, whereabouts

SEEN = os.environ["TIGRESS_SEEN"]
# The allocator of a sanitizer keeps what was freed, on purpose.
HAS_MEMORY = os.environ.get("TIGRESS_SANITIZED", "none") == "none"
N_EXCHANGES = int(os.environ.get("TIGRESS_EXCHANGES", "1000" if HAS_MEMORY else "150"))
N_CLIENTS = 48
LARGEST = 65564
SETTINGS = (
    "EraseInterval=1\nTellEnd=1\nTrustedProxies=127.128.0.0/9\nConnectionsPerMinute=100000\n"
    "RequestsPerMinute=100000\nCreationsPerMinute=54321\n"
)


class Seen(Watched):
    """A relay that says all it can, and can be looked into."""

    def __init__(self, settings=SETTINGS, *options):
        super().__init__(settings, *options, environment={
            "LD_PRELOAD": SEEN, "G_MESSAGES_DEBUG": "all",
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
        # what is freed is overwritten by the relay, not by its environment
        self.environment.pop("MALLOC_PERTURB_", None)
        for name in ("fields", "ahead"):
            path = os.path.join(self.directory, name)
            self.environment["TG_" + name.upper()] = path
            with open(path, "wb") as file:
                file.write(bytes(8 if name == "ahead" else 0))

    def put_clock(self, seconds):
        """How far its clock is ahead; it has looked at it when this returns."""
        with open(self.environment["TG_AHEAD"], "r+b", buffering=0) as file:
            file.write(struct.pack("<q", seconds))
        self.reload()

    def told(self):
        """Where it has told or kept something, but its memory: for Traces.seek()."""
        pages = {name: self.ask(name) for name in ("/metrics", "/healthz", "/readyz")}
        pages = {name[1:]: answer.body + str(answer.headers).encode()
                 for name, answer in pages.items()}
        return {**self.stored(), **pages, "log": self.log, "fields": None}

    def stored(self):
        return {"state/" + name: None for name in os.listdir(self.state)}

    def seek(self, traces, haystacks):
        return traces.seek(self.directory, haystacks)

    def seek_memory(self, traces):
        """What is in its memory, with where that is and what is around."""
        path = os.path.join(self.directory, "memory")
        regions = dump(self.process, path)
        lines = [line.split(None, 2) for line in self.seek(traces, {"memory": None})]
        return ["%s: %s" % (whereabouts(path, regions, int(at)), name) for _, at, name in lines]

    def has_been_left(self):
        return self.number("connections") == 0

    def in_memory(self, octets):
        path = os.path.join(self.directory, "memory")
        dump(self.process, path)
        with open(path, "rb") as file:
            return file.read().count(octets)


def size(i):
    """Of payloads: some have few octets, some fill a page and more, some are the largest."""
    return LARGEST if i % 100 == 7 else random.choice((24, 120, 300, 900, 3000))


def make_client(relay, traces, name, i, keys):
    """Every other comes by a proxy; none has an address like one that is in the settings."""
    second = random.randrange(129, 255) if i % 2 else random.randrange(101, 127)
    source = "127.%d.%d.%d" % (second, random.randrange(101, 255), 101 + i)
    return Client(relay, traces, "%s %d" % (name, i), source, bool(i % 2), i % 3 == 0, keys)


def run_exchanges(relay, traces, n_exchanges):
    """Of all kinds, many at a time; everybody has hung up when this returns."""
    keys = os.path.join(relay.directory, "keys")

    def run(i):
        alice, bob = (make_client(relay, traces, name, i, keys) for name in ("alice", "bob"))
        for n in range(i, n_exchanges, N_CLIENTS):
            way = Exchange.WAYS[(n // N_CLIENTS + i) % len(Exchange.WAYS)]
            name = "exchange %d (%s)" % (n, way.__name__)
            way(Exchange(traces, name, alice, bob, size(n)))
        alice.close()
        bob.close()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(run, range(N_CLIENTS)))
    traces.add_keys(keys)


class Forgetting(unittest.TestCase):
    def forgets(self, look):
        """Within the minute that until() waits."""
        found = []

        def is_clean():
            found[:] = look()
            return not found

        try:
            until(is_clean, "it has forgotten")
        except AssertionError:
            self.fail("\n" + "\n".join(found))

    def forgets_all(self, relay, traces, told):
        until(relay.has_been_left, "all have hung up")
        self.forgets(lambda: relay.seek(traces, told()))
        if HAS_MEMORY:
            self.forgets(lambda: relay.seek_memory(traces))

    def test_nothing_is_left_of_a_thousand_exchanges(self):
        with Seen() as relay:
            traces = Traces()
            run_exchanges(relay, traces, N_EXCHANGES)
            until(lambda: relay.number("mailboxes") == relay.number("messages") == 0, "the end")
            self.forgets_all(relay, traces, relay.told)

    @unittest.skipUnless(SERVER, "needs redis-server: tests/packages.sh test installs it")
    def test_nothing_is_left_on_redis(self):
        """Neither at the relay nor in the keys; in the append-only file until it is rewritten."""
        with Redis() as redis, Seen(SETTINGS + "Store=%s\n" % redis.url()) as relay:
            traces = Traces()
            run_exchanges(relay, traces, N_EXCHANGES // 4)

            def kept():
                found = {}
                for folder, _, names in os.walk(redis.folder):
                    for name in names:
                        path = os.path.join(folder, name)
                        if os.path.isfile(path):
                            with open(path, "rb") as file:
                                found["redis " + name] = file.read()
                return found

            until(lambda: redis.say("DBSIZE") == 0, "the end")
            self.assertNotEqual(relay.seek(traces, kept()), [])
            redis.say("BGREWRITEAOF")
            self.forgets_all(relay, traces, lambda: {**relay.told(), **kept()})

    @unittest.skipUnless(HAS_MEMORY, "looks into memory that a sanitizer has arranged")
    def test_nothing_is_left_of_what_a_supervisor_has_touched(self):
        """Who looks into the store by a handle of his own, and then never again."""
        with Seen() as relay:
            keys, traces = os.path.join(relay.directory, "keys"), Traces()
            alice, bob = (make_client(relay, traces, name, 1, keys) for name in ("alice", "bob"))
            shares = [Exchange(traces, "share %d" % i, alice, bob, 100) for i in range(8)]
            for share in shares:
                share.create()
            self.assertEqual(relay.ask("/readyz").status, 200)
            for share in shares:
                share.delete(alice, "alice")
            alice.close()
            bob.close()
            self.forgets(lambda: relay.seek(traces, relay.stored()))
            self.forgets(lambda: relay.seek_memory(traces))

    def test_what_is_there_is_found(self):
        """Else the tests above would find nothing because they look for nothing."""
        for options, is_file in (((), True), (("--store", ":memory:"), False)):
            with Seen(SETTINGS, *options) as relay:
                keys, traces = os.path.join(relay.directory, "keys"), Traces()
                alice, bob = (make_client(relay, traces, name, 1, keys) for name in ("a", "b"))
                share = Exchange(traces, "share", alice, bob, 3000)
                share.create()
                share.bind()
                message = Exchange(traces, "other", alice, bob, 3000)
                message.put()
                message.get(200)
                traces.add_keys(keys)
                kept = {"payload 1", "title", "description", "imageURL", "verifier", "creation",
                        "digest of alice", "digest of bob", "alice's token type", "id",
                        "alice's token tokenData", "bob's token type", "bob's token tokenData",
                        "message", "digest of the reader"}
                found = names(relay.seek(traces, relay.told()))
                self.assertEqual(found - {"request"}, kept if is_file else set())
                if not HAS_MEMORY:
                    continue
                # of who is still connected his address and keys, of who waits what he said
                alice.send("POST", share.path, "share hold", share.claims["alice"],
                           If_None_Match='"1"', Prefer="wait=60")
                until(lambda: relay.number("held_reads") == 1, "alice waits")
                found = names(relay.seek_memory(traces))
                self.assertLessEqual(
                    {"user agent", "claim (text)", "hold Cookie", "hold forwarded prefix",
                     "hold request", "digest of alice", "address and port"}, found)
                self.assertTrue(any("SECRET" in name for name in found), found)
                if not is_file:
                    self.assertLessEqual(kept, found)
                alice.close()
                bob.close()

    def test_a_connection_that_stays_keeps_nothing_of_what_was_told(self):
        if not HAS_MEMORY:
            self.skipTest("looks into memory that a sanitizer has arranged")
        with Seen(SETTINGS + "IdleTimeout=3600\n") as relay:
            alice, request = Device(relay), draw()
            alice.create(text=draw())
            bob = alice.peer()
            told = alice.read().json()["payload"]["data"].encode()
            self.assertEqual(bob.read().status, 200)
            self.assertEqual(bob.update("new", request).status, 200)
            self.assertEqual(bob.ask("GET", "/nothing").status, 404)
            self.assertEqual(alice.delete().status, 200)
            for octets in (told, request.encode(), alice.path[6:].encode()):
                until(lambda o=octets: relay.in_memory(o) == 0, "it is forgotten: %r" % octets)
            self.assertEqual(relay.number("connections"), 2)

    def test_sources_are_forgotten_within_the_hour(self):
        """Also when nobody comes any more. What is kept of one has its limits in it."""
        if not HAS_MEMORY:
            self.skipTest("looks into memory that a sanitizer has arranged")
        with Seen() as relay:
            burst = struct.pack("<d", 54321)
            before = relay.in_memory(burst)
            for i in range(20):
                device = Device(relay, source="127.1.1.%d" % (i + 1))
                self.assertEqual(device.ask("GET", "/v1/m/" + draw()).status, 404)
                device.connection.close()
            until(relay.has_been_left, "all have hung up")
            self.assertGreaterEqual(relay.in_memory(burst), before + 20)
            relay.put_clock(3500)
            self.assertGreaterEqual(relay.in_memory(burst), before + 20)
            relay.put_clock(3601)
            until(lambda: relay.in_memory(burst) <= before, "they are forgotten")


def names(lines):
    """What of a client or of an exchange was found, whichever it was of."""
    found = set()
    for line in lines:
        name = line.rsplit(": ", 1)[-1] if ": " in line else line.split(None, 2)[2]
        found.add(name.split(" ", 1)[1] if not name[0].isupper() else name)
    return {"address and port" if name.startswith("1 address and port") else
            name.removeprefix("1 ") for name in found}


if __name__ == "__main__":
    if not HAS_MEMORY:
        print("not looked at: memory, which a sanitizer keeps after it was freed")
    unittest.main(verbosity=2, warnings="ignore")
