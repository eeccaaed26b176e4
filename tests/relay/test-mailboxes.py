#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Mailboxes of a real relay over real TLS: races, waiting, ends, durability."""

import asyncio
import base64
import hashlib
import json
import os
import re
import threading
import time
import unittest
import uuid

from relayprocess import DEADLINE_S, Device, Held, Relay, create_body, draw, payload, until, utc

N_RACERS = 1000


async def request(relay, method, path, headers, body=b"", context=None):
    """One request on a connection of its own: its status and body."""
    reader, writer = await asyncio.open_connection(
        relay.host, relay.port, ssl=context or relay.tls(), server_hostname=relay.host
    )
    head = "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % (method, path)
    head += "".join("%s: %s\r\n" % pair for pair in headers.items())
    head += "Content-Length: %d\r\n\r\n" % len(body)
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    top, _, rest = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), rest


class Races(unittest.TestCase):
    def test_of_a_thousand_racers_exactly_one_binds(self):
        with Relay() as relay:
            alice = Device(relay)
            alice.create()
            context = relay.tls()
            turns = asyncio.Semaphore(200)

            async def race(claim):
                async with turns:
                    status, _ = await request(
                        relay, "POST", alice.path, {"Mailbox-Device-Claim": claim}, context=context
                    )
                return status

            async def race_all():
                return await asyncio.gather(*(race(claim) for claim in claims))

            claims = [draw() for _ in range(N_RACERS)]
            statuses = asyncio.run(race_all())
            self.assertEqual(statuses.count(200), 1)
            self.assertEqual(statuses.count(401), N_RACERS - 1)
            # for ever
            winner = claims[statuses.index(200)]
            self.assertEqual(alice.peer(winner).read().status, 200)
            loser = claims[statuses.index(401)]
            self.assertEqual(alice.peer(loser).read().status, 401)

    def test_duplicates_of_a_running_create_find_its_mailbox(self):
        with Relay() as relay:
            claim, name = draw(), draw()
            headers = {
                "Mailbox-Device-Claim": claim,
                "Mailbox-Request-ID": name,
                "Content-Type": "application/json",
            }
            body = json.dumps(create_body()).encode()
            context = relay.tls()

            async def ask_all():
                return await asyncio.gather(
                    *(request(relay, "POST", "/v1/m", headers, body, context) for _ in range(40))
                )

            answers = asyncio.run(ask_all())
            statuses = [status for status, _ in answers]
            self.assertEqual(statuses.count(200), 1)
            self.assertEqual(statuses.count(201), 39)
            self.assertEqual(len({json.loads(body)["urlLink"] for _, body in answers}), 1)
            # another's claim gets nothing by this id
            mallory = Device(relay)
            self.assertEqual(mallory.create(request=name).status, 200)
            self.assertNotIn(mallory.path.encode(), answers[0][1])

    def test_late_duplicate_of_an_older_update_changes_nothing(self):
        with Relay() as relay:
            alice = Device(relay)
            alice.create()
            bob = alice.peer()
            self.assertEqual(bob.read().status, 200)
            old = draw()
            self.assertEqual(bob.update("one", old, If_Match='"1"').status, 200)
            self.assertEqual(bob.update("two", If_Match='"2"').status, 200)
            self.assertEqual(bob.update("one", old, If_Match='"1"').status, 412)
            self.assertEqual(alice.read().json()["payload"], payload("two"))


class HeldReads(unittest.TestCase):
    def setUp(self):
        self.relay = Relay().__enter__()
        self.addCleanup(self.relay.__exit__, None, None, None)
        self.alice = Device(self.relay)
        self.alice.create()
        self.bob = self.alice.peer()
        self.bob.read()

    def test_payload_ends_it(self):
        held = self.bob.hold(1)
        self.assertIsNone(held.answer)
        self.alice.update("two")
        answer = held.get()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["ETag"], '"2"')
        self.assertEqual(answer.headers["Preference-Applied"], "wait=60")
        self.assertEqual(answer.json()["payload"], payload("two"))

    def test_both_sides_are_woken(self):
        held = [self.alice.hold(1), self.bob.hold(1)]
        self.bob.update("two")
        self.assertEqual([read.get().status for read in held], [200, 200])

    def test_its_own_time_ends_it(self):
        begin = time.monotonic()
        answer = self.bob.read(If_None_Match='"1"', Prefer="wait=1")
        self.assertEqual(answer.status, 304)
        self.assertEqual(answer.headers["ETag"], '"1"')
        self.assertGreaterEqual(time.monotonic() - begin, 1)

    def test_newer_one_ends_it(self):
        older = self.bob.hold(1)
        newer = Held(self.bob.peer(self.bob.claim), 1, 60)
        self.assertEqual(older.get().status, 304)
        self.assertIsNone(newer.answer)
        # another claim's is nothing to it
        alices = self.alice.hold(1)
        self.assertIsNone(newer.answer)
        self.alice.update("two")
        self.assertEqual(newer.get().status, 200)
        self.assertEqual(alices.get().status, 200)

    def test_delete_ends_it(self):
        held = self.bob.hold(1)
        self.alice.delete()
        answer = held.get()
        self.assertEqual(answer.status, 404)
        self.assertEqual(answer.json()["type"], "cancelled")

    def test_relinquish_ends_it_and_it_gets_nothing_more(self):
        held = self.bob.hold(1)
        self.assertEqual(self.bob.relinquish().status, 200)
        self.alice.update("for another")
        answer = held.get()
        self.assertEqual(answer.status, 401)
        self.assertNotIn(payload("for another")["data"].encode(), answer.body)
        self.assertEqual(self.alice.peer().read().status, 200)

    def test_end_of_the_mailbox_ends_it(self):
        alice = Device(self.relay)
        expires = int(time.time()) + 4
        alice.create(expires=expires)
        held = [alice.hold(1), alice.peer().hold(1)]
        for read in held:
            answer = read.get()
            self.assertGreaterEqual(time.time(), expires)
            self.assertEqual(answer.status, 404)
            self.assertEqual(answer.json()["type"], "expired")

    def test_stop_ends_it(self):
        held = self.bob.hold(1)
        self.relay.stop()
        answer = held.get()
        self.assertEqual(answer.status, 304)
        self.assertEqual(answer.headers["Connection"], "close")
        self.relay.start()

    def test_binding_read_waits_too(self):
        alice = Device(self.relay)
        alice.create()
        held = alice.peer().hold(1)
        self.assertEqual(alice.peer().read().status, 401)
        alice.update("two")
        self.assertEqual(held.get().status, 200)


class Ends(unittest.TestCase):
    def test_expiry_at_the_second(self):
        with Relay() as relay:
            alice = Device(relay)
            expires = int(time.time()) + 2
            alice.create(expires=expires)
            bob = alice.peer()
            self.assertEqual(bob.read().status, 200)
            n_read = 0
            while True:
                before = time.time()
                answer = bob.read()
                after = time.time()
                if answer.status != 200:
                    break
                n_read += 1
                self.assertLess(before, expires)
                self.assertEqual(answer.json()["expiration"], utc(expires))
                time.sleep(0.002)
            self.assertGreater(n_read, 10)
            self.assertGreaterEqual(after, expires)
            self.assertEqual(answer.status, 404)
            self.assertEqual(answer.json()["type"], "expired")

    def test_strangers_cannot_tell_that_there_was_one(self):
        with Relay() as relay:
            alice = Device(relay)
            alice.create()
            bob = alice.peer()
            bob.read()
            bob.delete()
            self.assertEqual(alice.read().json()["type"], "completed")
            never = "/v1/m/" + draw()
            for claim in (True, False):
                for method in ("POST", "DELETE", "PATCH", "GET", "HEAD"):
                    eve = Device(relay)
                    headers = {"Mailbox-Request-ID": draw()}
                    ended = eve.ask(method, alice.path, headers=headers, claim=claim)
                    other = eve.ask(method, never, headers=headers, claim=claim)
                    self.assertEqual(ended.status, 404)
                    self.assertEqual(ended.without_date(), other.without_date())

    def forget(self, told_s):
        """Makes, uses and expires a mailbox; returns its secrets, once they are all gone."""
        with Relay(settings="EraseInterval=1\nTellEnd=%d\n" % told_s) as relay:
            alice = Device(relay)
            alice.create(
                text="CANARY-PAYLOAD-1", title="CANARY-TITLE", expires=int(time.time()) + 3,
                n_bytes=3000,
            )
            bob = alice.peer()
            self.assertEqual(bob.read().status, 200)
            self.assertEqual(bob.update("CANARY-PAYLOAD-2").status, 200)
            self.assertEqual(alice.read().status, 200)
            name = uuid.UUID(alice.path.rsplit("/", 1)[1])
            digests = [
                hashlib.sha256(name.bytes + uuid.UUID(device.claim).bytes).digest()
                for device in (alice, bob)
            ]
            canaries = [name.bytes, b"CANARY-TITLE"]
            canaries.append(payload("CANARY-PAYLOAD-2")["data"].encode())
            for canary in canaries + [digests[0], digests[1]]:
                self.assertIn(canary, relay.files())
            never = [str(name).encode(), uuid.UUID(alice.claim).bytes, alice.claim.encode()]
            for canary in never:
                self.assertNotIn(canary, relay.files())

            # digests are there to the end of what is told, but only by half
            canaries += [base64.b64encode(b"CANARY-PAYLOAD-1")[:20], b"CANARY", *digests]
            until(
                lambda: not any(canary in relay.files() for canary in canaries),
                "erased from file and WAL",
            )
            told = [digest[:16] in relay.files() for digest in digests]
            self.assertEqual(told, [told_s > 0] * 2)
            for device in (alice, bob):
                word = device.read().json()["type"]
                self.assertEqual(word, "expired" if told_s else "not-found")
            for canary in canaries + never:
                self.assertNotIn(canary, relay.log)

    def test_expired_is_erased_from_file_wal_and_log(self):
        self.forget(told_s=0)

    def test_what_is_told_afterwards_names_no_mailbox(self):
        self.forget(told_s=3600)


class Durability(unittest.TestCase):
    def test_each_write_is_flushed_and_reads_are_not(self):
        with Relay(preload=True) as relay:
            alice = Device(relay)

            def flushes(act):
                before = relay.flushes()
                self.assertIn(act().status, (200, 201))
                return relay.flushes() - before

            self.assertGreaterEqual(flushes(alice.create), 1)
            bob = alice.peer()
            self.assertGreaterEqual(flushes(bob.read), 1)  # it binds
            self.assertEqual(flushes(bob.read), 0)
            self.assertGreaterEqual(flushes(lambda: bob.update("x")), 1)
            self.assertEqual(flushes(alice.read), 0)
            self.assertEqual(flushes(lambda: alice.ask("GET", claim=False)), 0)
            self.assertGreaterEqual(flushes(bob.delete), 1)

    def test_writes_that_wait_share_a_flush(self):
        with Relay(preload=True, environment={"TG_SLOW_FLUSH_US": "20000"}) as relay:
            n_each = 10

            def write():
                device = Device(relay)
                for _ in range(n_each):
                    self.assertEqual(device.create().status, 200)

            before = relay.flushes()
            threads = [threading.Thread(target=write) for _ in range(64)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(DEADLINE_S)
            n_flushes = relay.flushes() - before
            self.assertLess(n_flushes, 64 * n_each / 2)
            self.assertGreaterEqual(n_flushes, n_each)  # but none goes without


class Preview(unittest.TestCase):
    def test_previews_bind_nobody(self):
        with Relay() as relay:
            alice = Device(relay)
            alice.create(title="A <b>key</b>")
            scanner = Device(relay)
            for path in (alice.path, alice.path + "?v=c"):
                page = scanner.ask("GET", path)
                self.assertEqual(page.status, 200)
                self.assertEqual(page.headers["Content-Type"], "text/html; charset=utf-8")
                head = scanner.ask("HEAD", path)
                self.assertEqual(head.body, b"")
                self.assertEqual(head.without_date()[:2], page.without_date()[:2])
                data = scanner.ask("GET", path, headers={"Accept": "application/json"})
                self.assertEqual(data.json()["displayInformation"]["title"], "A <b>key</b>")
                for answer in (page, data):
                    self.assertNotIn(b"payload", answer.body)
                    self.assertEqual(answer.headers["Cache-Control"], "no-store")
                    self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
                    self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
            self.assertIn(b"A &lt;b&gt;key&lt;/b&gt;", page.body)

            def hashes(tag):
                found = re.findall(b"<%s>(.*?)</%s>" % (tag, tag), page.body, re.S)
                digests = [base64.b64encode(hashlib.sha256(text).digest()) for text in found]
                return " ".join("'sha256-%s'" % digest.decode() for digest in digests)

            self.assertEqual(
                page.headers["Content-Security-Policy"],
                "default-src 'none'; script-src %s; style-src %s; frame-ancestors 'none'; "
                "form-action 'none'; base-uri 'none'" % (hashes(b"script"), hashes(b"style")),
            )
            self.assertEqual(len(page.headers["Content-Security-Policy"].split("sha256")), 4)
            self.assertEqual(alice.peer().read().status, 200)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
