#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Wake-ups by relays that share a Redis: whoever has made a change sends them, and nobody else."""

import unittest

from pushcases import NOW, OnService, Trouble, WakeUp
from pushreceiver import share, update
from redisserver import Redis, need_redis
from relayprocess import Device, until


class OnRedis(OnService):
    def setUp(self):
        super().setUp()
        self.redis = self.enterContext(Redis())

    def relay(self, settings=NOW, **how):
        return super().relay(settings + "Store=%s\n" % self.redis.url(), **how)

    def stored(self, relay):
        return b"".join(b"".join(self.redis.say("HGETALL", key)) for key in self.redis.keys("m"))


class WakeUpOnRedis(OnRedis, WakeUp):
    pass


class Tokens(OnRedis):
    wake = Trouble.wake
    test_a_dead_endpoint_is_forgotten = Trouble.test_a_dead_endpoint_is_forgotten
    test_a_token_that_has_come_meanwhile_is_kept = \
        Trouble.test_a_token_that_has_come_meanwhile_is_kept
    test_who_has_let_go_is_not_tried_again = Trouble.test_who_has_let_go_is_not_tried_again


class Several(OnRedis):
    def test_who_writes_wakes(self):
        one, two = self.relay(), self.relay()
        alice, for_alice, for_bob = Device(one), self.subscribe(), self.subscribe()
        bob, _ = share(alice, for_alice, for_bob)
        update(Device(two, alice.claim, alice.path))
        self.assertEqual(self.service.get().path, for_bob.path)
        two.until_pushes("sent", 1)
        update(bob)
        self.assertEqual(self.service.get().path, for_alice.path)
        one.until_pushes("sent", 1)
        self.assertEqual(Device(two, bob.claim, alice.path).delete().status, 200)
        self.assertEqual(self.service.get().path, for_alice.path)
        two.until_pushes("sent", 2)
        for relay in (one, two):
            until(lambda: relay.number("push_waiting") == 0, "all is done")


del OnService, Trouble, WakeUp  # not once more here

if __name__ == "__main__":
    need_redis()
    unittest.main(verbosity=2, warnings="ignore")
