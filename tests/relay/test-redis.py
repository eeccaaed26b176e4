#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Relays that share a Redis: what one does the others know, and what Redis does they bear."""

import concurrent.futures
import http.client
import signal
import socket
import threading
import time
import unittest
import uuid

from redisserver import Redis, RelayOn, free_port, need_redis, pack
from relayprocess import DEADLINE_S, Device, Held, draw, until

N_RACERS = 24


def identifier(device):
    return uuid.UUID(device.path.rpartition("/")[2]).hex.encode()


def at(device, relay):
    """The same claim, through another relay."""
    return Device(relay, device.claim, device.path)


class Shared(unittest.TestCase):
    def setUp(self):
        self.redis = self.enterContext(Redis())

    def relay(self, settings="", store=None):
        return self.enterContext(RelayOn(store or self.redis.url(), settings))

    def test_what_one_knows_all_know(self):
        one, two, three = self.relay(), self.relay(), self.relay()
        alice = Device(one)
        self.assertEqual(alice.create().status, 200)
        bob = Device(two, path=alice.path)
        answer = bob.read()
        self.assertEqual((answer.status, answer.headers["ETag"]), (200, '"1"'))
        self.assertEqual(Device(three, path=alice.path).read().status, 401)
        self.assertEqual(at(bob, three).update("two", If_Match='"1"').status, 200)
        self.assertEqual(at(alice, two).update("late", If_Match='"1"').status, 412)
        self.assertEqual(at(alice, three).read().headers["ETag"], '"2"')
        self.assertEqual(at(bob, one).delete().status, 200)
        self.assertEqual(at(alice, two).read().json()["type"], "completed")

    def test_a_held_read_is_woken_by_another_relay(self):
        one, two = self.relay(), self.relay()
        alice = Device(one)
        alice.create()
        bob = Device(two, path=alice.path)
        bob.read()
        for version in range(1, 20):
            held = alice.hold(version)
            self.assertEqual(bob.update("n").status, 200)
            self.assertEqual(held.get().headers["ETag"], '"%d"' % (version + 1))
        held = alice.hold(20)
        self.assertEqual(bob.delete().status, 200)
        self.assertEqual(held.get().status, 404)

    def test_a_lost_subscription_is_made_up_for(self):
        """The change comes while nobody can hear of it; who waits looks again when he can."""
        rights = ("on", "nopass", "~*", "+@all")
        self.redis.say("ACL", "SETUSER", "deaf", *rights, "allchannels")
        self.redis.say("ACL", "SETUSER", "other", *rights, "allchannels")
        one, two = self.relay(store=self.redis.url("deaf:x@")), self.relay(
            store=self.redis.url("other:x@"))
        alice = Device(one)
        alice.create()
        bob = Device(two, path=alice.path)
        bob.read()
        held = alice.hold(1)
        self.redis.say("ACL", "SETUSER", "deaf", "resetchannels")
        until(lambda: b"not woken by other relays" in one.log, "it says so")
        self.assertEqual(bob.update("unheard").status, 200)
        self.assertEqual(at(alice, one).read().headers["ETag"], '"2"')
        self.assertIsNone(held.answer)
        self.redis.say("ACL", "SETUSER", "deaf", "allchannels")
        self.assertEqual(held.get().headers["ETag"], '"2"')

    def test_a_change_that_overtakes_the_read_is_not_missed(self):
        """Redis reads the mailbox for one relay and is told of a change in the same turn; word of
        the change is there before what was read."""
        one = self.relay(store="redis://127.0.0.1:%d" % self.redis.port)
        alice = Device(one)
        alice.create()
        alice.read()
        key, id = self.redis.keys("m:")[0], uuid.UUID(alice.path.rpartition("/")[2]).bytes
        state = self.redis.say("HGET", key, "s")
        later = state[:10] + (2).to_bytes(8, "big") + state[18:]
        with socket.create_connection(("127.0.0.1", self.redis.port)) as raw:
            self.redis.signal(signal.SIGSTOP)
            held = Held(alice, 1, 60)
            until(self.redis.unread, "the relay has asked")
            raw.sendall(pack("HSET", key, "s", later) + pack("PUBLISH", "tigress:changed:0", id))
            until(lambda: raw.getsockname()[1] in self.redis.unread(), "the change is on its way")
            self.redis.signal(signal.SIGCONT)
            self.assertEqual(held.get().headers["ETag"], '"2"')

    def test_who_cannot_look_again_waits_on(self):
        self.redis.say("ACL", "SETUSER", "some", "on", "nopass", "~*", "&*", "+@all")
        one, two = self.relay(store=self.redis.url("some:x@")), self.relay()
        alice = Device(one)
        alice.create()
        bob = Device(two, path=alice.path)
        bob.read()
        held = alice.hold(1)
        self.redis.say("ACL", "SETUSER", "some", "-hmget")
        self.assertEqual(bob.update("two").status, 200)
        until(lambda: b"in doubt" in one.log, "it has tried")
        self.assertEqual(Device(one, path=alice.path).read().status, 503)
        self.assertIsNone(held.answer)
        self.redis.say("ACL", "SETUSER", "some", "+hmget")
        self.assertEqual(held.get().headers["ETag"], '"2"')

    def test_exactly_one_of_many_racers_binds(self):
        relays = [self.relay() for _ in range(3)]
        alice = Device(relays[0])
        for _ in range(5):
            alice.create()
            racers = [Device(relays[i % 3], path=alice.path) for i in range(N_RACERS)]
            start = threading.Barrier(N_RACERS)

            def race(racer):
                start.wait(DEADLINE_S)
                return racer.read().status

            with concurrent.futures.ThreadPoolExecutor(N_RACERS) as pool:
                statuses = sorted(pool.map(race, racers))
            self.assertEqual(statuses, [200] + [401] * (N_RACERS - 1))
            again = sorted(racer.read().status for racer in racers)
            self.assertEqual(again, statuses)

    def test_exactly_one_of_many_first_readers_gets_a_message(self):
        relays = [self.relay() for _ in range(3)]
        path = "/v1/t/" + "A" * 43
        held = []
        for i in range(N_RACERS):
            device = Device(relays[i % 3], path=path)
            held.append(device)
        answers = []

        def wait(device):
            answer = device.ask("GET", headers={"Prefer": "wait=20"})
            if answer.status == 200:
                answers.append(answer)
                first.set()

        first = threading.Event()
        threads = [threading.Thread(target=wait, args=(device,), daemon=True) for device in held]
        for thread in threads:
            thread.start()
        put = Device(relays[0], path=path).ask(
            "PUT", body=b"octets", claim=False,
            headers={"Mailbox-Request-ID": draw(), "Mailbox-Reader-Lock": "required"})
        self.assertEqual(put.status, 201)
        self.assertTrue(first.wait(DEADLINE_S))
        statuses = sorted(Device(relays[1], device.claim, path).ask("GET").status
                          for device in held)
        self.assertEqual(statuses, [200] + [404] * (N_RACERS - 1))

    def test_a_create_repeated_anywhere_makes_one_mailbox(self):
        relays = [self.relay() for _ in range(3)]
        for _ in range(5):
            self.redis.say("FLUSHALL")
            claim, request = draw(), draw()
            start = threading.Barrier(N_RACERS)

            def create(i):
                device = Device(relays[i % 3], claim)
                start.wait(DEADLINE_S)
                return device.create(request).status, device.path

            with concurrent.futures.ThreadPoolExecutor(N_RACERS) as pool:
                made = list(pool.map(create, range(N_RACERS)))
            self.assertEqual(len({path for _, path in made}), 1)
            self.assertEqual(sorted(status for status, _ in made), [200] + [201] * (N_RACERS - 1))
            self.assertEqual(len(self.redis.keys("m:")), 1)

    def test_a_create_that_got_half_way_is_completed(self):
        """The first of its two keys is there, the mailbox is not: as after a death between them."""
        one = self.relay()
        device, request = Device(one), draw()
        device.create(request)
        path = device.path
        self.redis.say("DEL", *self.redis.keys("m:"), *self.redis.keys("e:"))
        self.assertEqual(device.create(request).status, 200)
        self.assertEqual(device.path, path)
        self.assertEqual(len(self.redis.keys("c:")), 1)

    def test_redis_forgets_by_itself(self):
        one = self.relay("TellEnd=3600\n")
        device = Device(one)
        now = time.time()
        self.assertEqual(device.create(expires=int(now) + 2, text="canary").status, 200)
        key = b"tigress:m:{%s}" % identifier(device)
        self.assertEqual(self.redis.keys("m:"), [key])
        self.assertLessEqual(self.redis.say("PTTL", key), 2000)
        until(lambda: device.read().status == 404, "its time is up")
        self.assertGreaterEqual(time.time(), int(now) + 2)
        self.assertEqual(device.read().json()["type"], "expired")
        self.assertEqual(device.peer().read().json()["type"], "not-found")
        until(lambda: self.redis.say("DBSIZE") == 1, "all but the word is gone")
        self.assertEqual(self.redis.keys(), [b"tigress:e:{%s}" % identifier(device)])
        left = self.redis.say("GET", self.redis.keys()[0])
        self.assertEqual(len(left), 42)
        self.assertLessEqual(self.redis.say("TTL", self.redis.keys()[0]), 3600)

    def test_nothing_is_given_out_that_redis_is_slow_to_remove(self):
        """The clock of Redis says that there is time; the mailbox's own second is past."""
        one = self.relay()
        device = Device(one)
        expires = int(time.time()) + 2
        device.create(expires=expires)
        self.redis.say("PERSIST", self.redis.keys("m:")[0])
        until(lambda: time.time() >= expires, "its second has come")
        self.assertEqual(device.read().status, 404)
        key, word = self.redis.keys("m:")[0], self.redis.keys("e:")[0]
        state = self.redis.say("HGET", key, "s")
        for now, n_parts in ((expires - 1, 6), (expires, 2)):
            found = self.redis.run("load", [key, word], now, "s", "t", "d", "i", "p")
            self.assertEqual((len(found), found[1]), (n_parts, state))
        change = [state, expires, -1, "", 1, "", "", 0]
        self.assertEqual(self.redis.run("change", [key, word], *change), 0)

    def test_nothing_is_left_of_the_deleted(self):
        one, two = self.relay("TellEnd=0\n"), self.relay("TellEnd=0\n")
        for relay in (one, two):
            device = Device(one)
            device.create()
            at(device, two).peer().read()
            self.assertEqual(at(device, relay).delete().status, 200)
        until(lambda: self.redis.say("DBSIZE") == 0, "nothing is left")

    def test_what_others_wrote_is_a_store_in_doubt(self):
        one = self.relay()
        device = Device(one)
        device.create()
        key = self.redis.keys("m:")[0]
        state = self.redis.say("HGET", key, "s")
        broken = [b"", b"junk", state[:-1], state + b"x", b"z" + state[1:],
                  state[:9] + b"\x08" + state[10:], state[:10] + bytes(8) + state[18:],
                  state[:18] + b"\x02" + state[19:]]
        for octets in broken:
            self.redis.say("HSET", key, "s", octets)
            for answer in (device.read(), device.update("x"), device.delete(),
                           device.ask("GET", claim=False)):
                self.assertEqual(answer.status, 503, octets)
                self.assertTrue(answer.headers["Retry-After"])
        self.redis.say("HSET", key, "s", state)
        for field, value in ((b"p", b"{"), (b"p", b'"text"'), (b"t", b"\xff"), (b"d", b"a\0b")):
            was = self.redis.say("HGET", key, field)
            self.redis.say("HSET", key, field, value)
            self.assertEqual(device.read().status, 503, value)
            self.redis.say("HSET", key, field, was)
        self.assertEqual(device.read().status, 200)
        self.redis.say("DEL", key)
        self.redis.say("SET", key, "of another kind")
        self.assertEqual(device.read().status, 503)

    def test_a_store_in_doubt_is_503_and_never_404(self):
        one = self.relay()
        device = Device(one)
        device.create()
        held = device.hold(1)
        for _ in range(3):
            self.redis.kill()
            answer = device.read()
            self.assertEqual(answer.status, 503)
            self.assertTrue(answer.headers["Retry-After"])
            self.redis.start()
            until(lambda: device.read().status == 200, "it goes on without a restart")
        self.assertEqual(until(lambda: device.update("on").status == 200, "and takes changes"), True)
        self.assertEqual(held.get().headers["ETag"], '"2"')
        self.redis.signal(signal.SIGSTOP)  # it is there, and says nothing
        began = time.monotonic()
        self.assertEqual(device.read().status, 503)
        self.assertLess(time.monotonic() - began, DEADLINE_S / 2)
        self.redis.signal(signal.SIGCONT)
        until(lambda: device.read().status == 200, "it goes on")

    def test_a_balancer_may_ask_who_is_ready(self):
        """Nobody sends requests to one that is not: it finds out by itself, both ways."""
        port = free_port()
        one = self.relay("MetricsListen=127.0.0.1:%d\n" % port)

        def ready():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
            connection.request("GET", "/readyz")
            return connection.getresponse().status

        self.assertEqual(Device(one).create().status, 200)
        self.assertEqual(ready(), 200)
        self.redis.kill()
        until(lambda: ready() == 503, "it is not ready")
        self.redis.start()
        until(lambda: ready() == 200, "it is ready again")
        self.redis.say("CONFIG", "SET", "maxmemory", "1")
        self.assertEqual(Device(one).create().status, 503)
        self.assertEqual(ready(), 503)
        self.redis.say("CONFIG", "SET", "maxmemory", "0")
        until(lambda: ready() == 200, "there is room again")

    def test_a_redis_that_lets_nobody_in_is_dialled_with_patience(self):
        """A connection that is made counts when it has been greeted; else there is a pause."""
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(self.redis.path)
            self.redis.say_on(raw, "CONFIG", "SET", "maxclients", "1")
            one = self.relay()
            until(lambda: b"the store answers ERR" in one.log, "it is told why")
            self.assertEqual(Device(one).create().status, 503)
            self.redis.say_on(raw, "CONFIG", "SET", "maxclients", "1000")
        until(lambda: Device(one).create().status == 200, "it is let in")

    def test_full_is_503(self):
        one = self.relay()
        device = Device(one)
        device.create()
        self.redis.say("CONFIG", "SET", "maxmemory", "1")
        self.assertEqual(device.update("more").status, 503)
        self.assertEqual(device.read().status, 200)
        self.redis.say("CONFIG", "SET", "maxmemory", "0")
        self.assertEqual(device.update("more").status, 200)

    def test_scripts_that_were_forgotten_are_told_again(self):
        one = self.relay()
        device = Device(one)
        for _ in range(3):
            self.redis.say("SCRIPT", "FLUSH")
            self.assertEqual(device.create().status, 200)
            self.redis.say("SCRIPT", "FLUSH")
            self.assertEqual(device.read().status, 200)


if __name__ == "__main__":
    need_redis()
    unittest.main(verbosity=2, warnings="ignore")
