#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Wake-ups: whom they reach, what they say, and where nobody can send the relay by them."""

import subprocess
import unittest

from pushcases import NOW, OnService, Trouble, WakeUp
from pushreceiver import HOST, ec, make_key, share, update
from relayprocess import DEADLINE_S, RELAY, Device, Relay, until


class Guard(OnService):
    """Nothing of all this reaches the receiver, which would answer anybody."""

    def wake_at(self, relay, *subscriptions):
        for subscription in subscriptions:
            alice = Device(relay)
            share(alice, None, subscription)
            update(alice)

    def test_addresses_of_this_machine_and_its_networks(self):
        relay = self.relay(private=None)
        port = self.service.port
        hosts = ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "0.0.0.0", "[::]",
                 HOST]
        self.wake_at(relay, *(self.subscribe(host=host, port=port) for host in hosts))
        self.assert_nothing_came(relay, "refused", len(hosts))
        self.assertEqual(self.service.n_connections, 0)

    def test_one_bad_address_of_a_name_is_enough(self):
        relay = self.relay()
        relay.name(HOST, "127.0.0.1", "10.0.0.1")
        self.wake_at(relay, self.subscribe())
        self.assert_nothing_came(relay, "refused")
        relay.name(HOST, "::1", "127.0.0.1")
        self.wake_at(relay, self.subscribe())
        self.assert_nothing_came(relay, "refused", 2)
        self.assertEqual(self.service.n_connections, 0)

    def test_a_name_is_asked_for_once(self):
        relay = self.relay()
        self.wake_at(relay, self.subscribe())
        self.service.get()
        relay.until_pushes("sent", 1)
        self.assertEqual(relay.asked(), [HOST])

    def test_a_name_that_has_moved_is_looked_at_anew(self):
        relay = self.relay()
        alice, for_bob = Device(relay), self.subscribe()
        share(alice, None, for_bob)
        update(alice)
        self.service.get()
        relay.until_pushes("sent", 1)
        relay.name(HOST, "::1")
        update(alice)
        self.assert_nothing_came(relay, "refused")

    def test_only_hosts_of_the_list(self):
        relay = self.relay(NOW + "PushHosts=push.other.example;*.else.example\n")
        alice, for_bob = Device(relay), self.subscribe()
        for host, is_told in ((HOST, False), ("push.other.example", True), ("else.example", False),
                              ("a.else.example", True), ("xelse.example", False)):
            _, created = share(Device(relay), self.subscribe(host=host), None)
            self.assertIs(created["isPushNotificationSupported"], is_told, host)
        share(alice, None, for_bob)
        update(alice)
        self.assert_nothing_came(relay, "refused")
        relay.reload("MetricsListen=127.0.0.1:0\n%s%sPushHosts=%s\n" % (relay.common, NOW, HOST))
        update(alice)
        self.assertEqual(self.service.get().path, for_bob.path)
        relay.until_pushes("sent", 1)

    def test_a_certificate_of_somebody_else_is_none(self):
        relay = self.relay()
        relay.name("stranger.example", "127.0.0.1")
        self.wake_at(relay, self.subscribe(host="stranger.example"))
        until(lambda: relay.pushes("retried") >= 1, "it has been tried")
        self.assertGreater(self.service.n_connections, 0)
        self.assertTrue(self.service.messages.empty())

    def test_tokens_that_lead_nowhere(self):
        relay = self.relay()
        good = self.subscribe().token()["tokenData"]
        url = "https://%s:%d/x" % (HOST, self.service.port)
        wrong = ["", "x", url.replace("https", "http"), url.replace("//", "//a:b@"),
                 url.replace("//", "//127.0.0.1#@"), url + "#x", url + " x", url + "\r\nX: y",
                 "https://localhost/x", "https://push/x", "https://127.1/x", "https://%s:25/x" % HOST,
                 "https://%s:0/x" % HOST, good.replace("p256dh", "other"), good[:-1],
                 good.replace("https", "ftp"), '{"endpoint": 7}', "{}", "file:///etc/passwd"]
        for data in wrong:
            alice = Device(relay)
            body = {"notificationToken": {"type": "webpush", "tokenData": data}}
            bob, _ = share(alice)
            self.assertEqual(bob.ask("POST", body=body).status, 200, data)
            update(alice)
        relay.until_pushes("failed", len(wrong))
        until(lambda: relay.number("push_waiting") == 0, "all is done")
        self.assertEqual(self.service.n_connections, 0)

    def test_other_kinds_of_tokens_are_let_be(self):
        relay = self.relay()
        alice = Device(relay)
        bob, _ = share(alice)
        url = self.subscribe().url
        body = {"notificationToken": {"type": "com.example.push", "tokenData": url}}
        self.assertEqual(bob.ask("POST", body=body).status, 200)
        update(alice)
        until(lambda: relay.number("push_waiting") == 0, "all is done")
        self.assertEqual(self.service.n_connections, 0)


class Settings(OnService):
    def check(self, settings):
        relay = Relay(settings="PublicUrl=https://x.example\n" + settings)
        self.addCleanup(subprocess.run, ["rm", "-rf", relay.directory])
        return subprocess.run(
            [RELAY, "--check-config", "--config", relay.settings_path],
            capture_output=True, text=True, timeout=DEADLINE_S)

    def test_without_a_key_nobody_is_woken(self):
        relay = self.relay()
        alice, for_bob = Device(relay), self.subscribe()
        relay.reload("MetricsListen=127.0.0.1:0\n")
        _, created = share(alice, self.subscribe(), for_bob)
        self.assertIs(created["isPushNotificationSupported"], False)
        self.assertIs(update(alice)["isPushNotificationSupported"], False)
        self.assertEqual(relay.number("push_waiting"), 0)
        relay.reload("MetricsListen=127.0.0.1:0\n" + relay.common)
        self.assertIs(update(alice)["isPushNotificationSupported"], True)
        self.assertEqual(self.service.get().path, for_bob.path)
        relay.until_pushes("sent", 1)

    def test_the_key_is_named_for_subscribers(self):
        path, public = make_key(self.service.folder.name)
        result = self.check("PushKey=%s\n" % path)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("\n# public key for subscriptions: %s\n" % public, result.stdout)

    def test_what_is_wrong_is_said(self):
        folder = self.service.folder.name
        good = "PushKey=%s\n" % make_key(folder)[0]
        cases = [
            ("PushKey=%s\n" % make_key(folder, 0o644)[0], "chmod 600"),
            ("PushKey=%s\n" % make_key(folder, 0o620)[0], "chmod 600"),
            ("PushKey=%s\n" % make_key(folder, curve=ec.SECP384R1())[0], "P-256"),
            ("PushKey=%s\n" % folder, "no regular file"),
            ("PushKey=/none\n", "cannot be opened"),
            (good + "PushContact=me\n", "PushContact="),
            (good + "PushHosts=Push.example\n", "PushHosts="),
            (good + "PushHosts=*\n", "PushHosts="),
            (good + "PushHosts=*.example\n", "PushHosts="),
            (good + "PushPrivate=localhost\n", "PushPrivate="),
            (good + "PushPrivate=unix\n", "PushPrivate="),
            (good + "PushCaFile=/none\n", "PushCaFile="),
            (good + "PushTimeout=0\n", "PushTimeout="),
        ]
        for settings, named in cases:
            result = self.check(settings)
            self.assertEqual((result.returncode, result.stdout), (2, ""), settings)
            self.assertRegex(result.stderr, "^tigress-relay: error: [^\n]*\n$")
            self.assertIn(named, result.stderr)

    def test_a_group_may_read_the_key(self):
        path, _ = make_key(self.service.folder.name, 0o440)
        self.assertEqual(self.check("PushKey=%s\n" % path).returncode, 0)


assert WakeUp and Trouble  # are run, too

if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
