# SPDX-License-Identifier: LGPL-2.1-or-later

"""What is true of wake-ups with each store."""

import threading
import unittest

from pushreceiver import PushService, Pushing, Reply, Subscription, HOST, share, update
from relayprocess import DEADLINE_S, Device, draw, until

NOW = "PushInterval=0\nEraseInterval=1\n"


class OnService(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = PushService()
        cls.addClassCleanup(cls.service.close)

    def setUp(self):
        self.service.replies.clear()
        self.service.n_connections = self.service.n_cut = self.service.n_endless = 0

    def tearDown(self):
        self.assertTrue(self.service.messages.empty())

    def relay(self, settings=NOW, **how):
        return self.enterContext(Pushing(self.service, settings, **how))

    def stored(self, relay):
        """All octets of its store."""
        return relay.files()

    def subscribe(self, **how):
        return Subscription(self.service, **how)

    def assert_nothing_came(self, relay, result, n=1):
        """Once the relay has done with it."""
        relay.until_pushes(result, n)
        until(lambda: relay.number("push_waiting") == 0, "all is done")
        self.assertTrue(self.service.messages.empty())


class WakeUp(OnService):
    def test_a_change_wakes_the_other_side(self):
        relay = self.relay(NOW + "PushContact=mailto:me@relay.example\n")
        alice, for_alice, for_bob = Device(relay), self.subscribe(), self.subscribe()
        bob, created = share(alice, for_alice, for_bob)
        self.assertIs(created["isPushNotificationSupported"], True)
        self.assertIs(update(alice)["isPushNotificationSupported"], True)
        message = self.service.get()
        self.assertEqual(message.path, for_bob.path)
        self.service.check_sender(message, relay.key, "mailto:me@relay.example")
        self.assertEqual(message.headers["Content-Encoding"], "aes128gcm")
        self.assertEqual(for_bob.open(message.body), (b"", 128))
        self.assertEqual([message.headers[name] for name in ("TTL", "Urgency", "Topic")],
                         ["86400", "normal", "tigress"])
        self.assertEqual(message.headers.get_all("User-Agent"), ["tigress-relay"])
        self.assertEqual(
            set(message.headers), {"Host", "Authorization", "TTL", "Urgency", "Topic",
                                   "User-Agent", "Content-Encoding", "Content-Type",
                                   "Content-Length"})
        relay.until_pushes("sent", 1)
        update(bob)
        message = self.service.get()
        self.assertEqual(message.path, for_alice.path)
        self.assertEqual(for_alice.open(message.body), (b"", 128))
        relay.until_pushes("sent", 2)
        until(lambda: relay.number("push_waiting") == 0, "all is done")

    def test_an_address_alone_gets_a_request_without_a_body(self):
        relay = self.relay()
        alice, for_bob = Device(relay), self.subscribe(has_keys=False)
        share(alice, None, for_bob)
        update(alice)
        message = self.service.get()
        self.assertEqual((message.path, message.body), (for_bob.path, b""))
        self.service.check_sender(message, relay.key)
        self.assertNotIn("Content-Encoding", message.headers)
        relay.until_pushes("sent", 1)

    def test_nothing_else_wakes(self):
        relay = self.relay()
        alice, for_alice, for_bob = Device(relay), self.subscribe(), self.subscribe()
        bob, _ = share(alice, for_alice, for_bob)  # a creation, a binding
        bob.read()
        alice.ask("GET")
        self.assertEqual(alice.update("x", If_Match='"7"').status, 412)
        self.assertEqual(bob.relinquish().status, 200)
        update(alice)  # and nobody is bound
        self.assertEqual(alice.update("y", request="x").status, 400)
        until(lambda: relay.number("push_waiting") == 0, "all is done")
        self.assertEqual(relay.pushes("sent"), 0)

    def test_the_answer_does_not_wait(self):
        relay = self.relay()
        alice, for_bob, gate = Device(relay), self.subscribe(), threading.Event()
        self.addCleanup(gate.set)
        bob, _ = share(alice, None, for_bob)
        self.service.say(for_bob, Reply(gate=gate))
        update(alice)  # and has its answer
        self.service.get()  # which waits, while the relay goes on
        self.assertEqual(bob.read().headers["ETag"], '"2"')
        self.assertEqual(update(bob), {"isPushNotificationSupported": True})
        self.assertEqual(relay.pushes("sent"), 0)
        gate.set()
        relay.until_pushes("sent", 1)

    def test_many_changes_are_one_wake_up_more(self):
        relay = self.relay("PushInterval=1\n")
        alice, for_bob, gate = Device(relay), self.subscribe(), threading.Event()
        self.addCleanup(gate.set)
        share(alice, None, for_bob)
        self.service.say(for_bob, Reply(gate=gate))
        update(alice)
        first = self.service.get()
        for _ in range(5):
            update(alice)
        gate.set()
        self.assertGreaterEqual(self.service.get().at - first.at, 1)
        relay.until_pushes("sent", 2)
        until(lambda: relay.number("push_waiting") == 0, "all is done")

    def test_a_repetition_wakes_again(self):
        """Whoever repeats has had no answer: the relay may have died, and the wake-up with it."""
        relay = self.relay()
        alice, for_bob, request = Device(relay), self.subscribe(), draw()
        share(alice, None, for_bob)
        for n, status in ((1, 200), (2, 201)):
            self.assertEqual(alice.update("same", request).status, status)
            self.assertEqual(self.service.get().path, for_bob.path)
            relay.until_pushes("sent", n)

    def test_the_end_is_heard_of_and_its_token_is_gone(self):
        relay = self.relay()
        alice, for_alice, for_bob = Device(relay), self.subscribe(), self.subscribe()
        gate = threading.Event()
        self.addCleanup(gate.set)
        share(alice, for_alice, for_bob)
        self.service.say(for_bob, Reply(gate=gate))
        self.assertIn(for_bob.path.encode(), self.stored(relay))
        self.assertEqual(alice.delete().status, 200)
        self.assertEqual(self.service.get().path, for_bob.path)
        paths = [subscription.path.encode() for subscription in (for_alice, for_bob)]
        until(lambda: not any(path in self.stored(relay) for path in paths), "they are erased")
        gate.set()
        relay.until_pushes("sent", 1)
        until(lambda: relay.number("push_waiting") == 0, "all is done")

    def test_what_was_asked_before_a_stop_is_sent(self):
        relay = self.relay(NOW + "StopTimeout=600\n")
        alice, for_bob, gate = Device(relay), self.subscribe(), threading.Event()
        self.addCleanup(gate.set)
        share(alice, None, for_bob)
        self.service.say(for_bob, Reply(gate=gate))
        update(alice)
        self.service.get()
        relay.process.terminate()
        until(lambda: relay.log.count(b": stopping"), "it stops")
        self.assertIsNone(relay.process.poll())
        gate.set()
        self.assertEqual(relay.ended(), 0)
        relay.start()


class Trouble(OnService):
    def wake(self, *replies, settings=NOW):
        """A relay and a mailbox, whose recipient's service will answer so."""
        relay = self.relay(settings)
        alice, for_bob = Device(relay), self.subscribe()
        bob, _ = share(alice, None, for_bob)
        self.service.say(for_bob, *replies)
        update(alice)
        return relay, alice, bob, for_bob

    def test_a_dead_endpoint_is_forgotten(self):
        for status in (404, 410):
            relay, alice, bob, for_bob = self.wake(Reply(status))
            self.service.get()
            relay.until_pushes("forgotten", 1)
            until(lambda: for_bob.path.encode() not in self.stored(relay), "it is erased")
            update(alice)
            until(lambda: relay.number("push_waiting") == 0, "all is done")
            other = self.subscribe()
            update(bob, other)
            update(alice)
            self.assertEqual(self.service.get().path, other.path)
            relay.until_pushes("sent", 1)

    def test_a_token_that_has_come_meanwhile_is_kept(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        relay, alice, bob, for_bob = self.wake(Reply(410, gate=gate))
        self.service.get()
        other = self.subscribe()
        update(bob, other)
        gate.set()
        relay.until_pushes("forgotten", 1)
        update(alice)
        self.assertEqual(self.service.get().path, other.path)
        relay.until_pushes("sent", 1)

    def test_trouble_of_the_service_is_waited_out(self):
        relay, *_, for_bob = self.wake(Reply(503), Reply(429, {"Retry-After": "3"}))
        first, second, third = (self.service.get() for _ in range(3))
        self.assertEqual({message.path for message in (first, second, third)}, {for_bob.path})
        self.assertGreaterEqual(second.at - first.at, 1)
        self.assertGreaterEqual(third.at - second.at, 3)
        relay.until_pushes("sent", 1)
        self.assertEqual((relay.pushes("retried"), relay.pushes("failed")), (2, 0))

    def test_who_has_let_go_is_not_tried_again(self):
        relay, alice, bob, for_bob = self.wake(Reply(500))
        self.service.get()
        relay.until_pushes("retried", 1)
        self.assertEqual(bob.relinquish().status, 200)
        until(lambda: relay.number("push_waiting") == 0, "all is done")
        self.assertEqual((relay.pushes("sent"), relay.pushes("failed")), (0, 0))

    def test_silence_is_waited_for_no_longer_than_set(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        relay, *_ = self.wake(Reply(gate=gate), settings=NOW + "PushTimeout=1\n")
        self.service.get()
        self.service.get()  # again, while the first still says nothing
        relay.until_pushes("sent", 1)
        self.assertEqual(relay.pushes("retried"), 1)

    def test_a_redirect_is_not_followed(self):
        elsewhere = self.subscribe()
        for status in (301, 302, 303, 307, 308):
            relay, alice, *_ = self.wake(Reply(status, {"Location": elsewhere.url}))
            self.assertNotEqual(self.service.get().path, elsewhere.path)
            self.assert_nothing_came(relay, "failed")

    def test_an_answer_without_end_is_cut(self):
        relay, *_ = self.wake(Reply(201, is_endless=True))
        self.service.get()
        relay.until_pushes("sent", 1)
        until(lambda: self.service.n_cut == 1, "the service is hung up on")
        self.assertLess(self.service.n_endless, 32 << 20)  # what sockets hold, and no more

    def test_what_does_not_fit_is_dropped(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        relay, *_ = self.wake(Reply(gate=gate), settings=NOW + "PushQueue=1\n")
        self.service.get()
        alice = Device(relay)
        share(alice, None, self.subscribe())
        update(alice)
        self.assertEqual(relay.pushes("dropped"), 1)
        gate.set()
        relay.until_pushes("sent", 1)

    def test_one_host_leaves_places_for_others(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        relay, *_ = self.wake(Reply(gate=gate), settings=NOW + "PushConnections=2\n")
        self.service.get()
        alice, same = Device(relay), self.subscribe()
        share(alice, None, same)
        update(alice)
        relay.name("other." + HOST, "127.0.0.1")
        other = Device(relay)
        elsewhere = self.subscribe(host="other." + HOST)
        share(other, None, elsewhere)
        update(other)
        message = self.service.messages.get(timeout=DEADLINE_S)
        self.assertEqual(message.path, elsewhere.path)
        gate.set()
        self.assertEqual(self.service.get().path, same.path)
        relay.until_pushes("sent", 3)
