#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Resources of the plain-HTTP transport at a real relay, over real TLS: one writer, one reader."""

import asyncio
import base64
import hashlib
import http.client
import os
import threading
import time
import unittest
import uuid

from relayprocess import DEADLINE_S, Answer, Relay, draw, until

N_RACERS = 500
LIMIT = 65584


def location():
    return base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


class Visitor:
    """Somebody with a connection, and a claim where one is given."""

    def __init__(self, relay):
        self.relay = relay
        self.connection = relay.connect()

    def ask(self, method, place, body=None, claim=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if claim:
            headers["Mailbox-Device-Claim"] = claim
        self.connection.request(method, "/v1/t/" + place, body=body, headers=headers)
        return Answer(self.connection.getresponse())

    def put(self, place, body, request=None, lock=True, **headers):
        if lock:
            headers["Mailbox-Reader-Lock"] = "required"
        return self.ask(
            "PUT", place, body, If_None_Match="*", Mailbox_Request_ID=request or draw(), **headers
        )

    def get(self, place, claim=None, **headers):
        return self.ask("GET", place, claim=claim, **headers)

    def delete(self, place, claim=None):
        return self.ask("DELETE", place, claim=claim)


class Waiting(threading.Thread):
    """A held read of its own connection."""

    def __init__(self, relay, place, claim, seconds=60):
        super().__init__(daemon=True)
        self.visitor = Visitor(relay)
        self.place, self.claim, self.seconds = place, claim, seconds
        self.answer = None
        self.start()

    def run(self):
        begin = time.monotonic()
        self.answer = self.visitor.get(self.place, self.claim, Prefer="wait=%d" % self.seconds)
        self.waited_s = time.monotonic() - begin

    def get(self):
        self.join(DEADLINE_S / 2)
        assert self.answer is not None, "the read is still being held"
        return self.answer


def hold(relay, place, claim):
    """A read that waits, and is known to: of two of one claim the older has ended."""
    reads = [Waiting(relay, place, claim) for _ in range(2)]
    ended = until(lambda: [read for read in reads if read.answer], "the older is ended")
    assert ended[0].answer.status == 404, ended[0].answer.status
    return next(read for read in reads if read is not ended[0])


class Exchange(unittest.TestCase):
    def setUp(self):
        self.relay = Relay().__enter__()
        self.addCleanup(self.relay.__exit__, None, None, None)
        self.visitor = Visitor(self.relay)

    def test_a_message_goes_from_one_to_the_other(self):
        place, claim, request = location(), draw(), draw()
        octets = bytes(range(256)) * 256 + b"\0" * (LIMIT - 65536)
        self.assertEqual(self.visitor.get(place, claim).status, 404)
        answer = self.visitor.put(place, octets, request)
        self.assertEqual((answer.status, answer.body), (201, b""))
        self.assertEqual(answer.headers["Mailbox-Request-ID"], request)
        # a lost answer: the same request again is no attack, another is
        self.assertEqual(self.visitor.put(place, b"else", request).status, 201)
        self.assertEqual(self.visitor.put(place, b"else").status, 412)
        answer = self.visitor.get(place, claim)
        self.assertEqual((answer.status, answer.body), (200, octets))
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
        self.assertIsNone(answer.headers["Set-Cookie"])
        # a crash between reading and deleting: the same claim again
        self.assertEqual(self.visitor.get(place, claim).body, octets)
        answer = self.visitor.delete(place, claim)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.visitor.get(place, claim).status, 404)
        self.assertEqual(self.visitor.delete(place, claim).status, 404)

    def test_too_much_is_refused(self):
        place = location()
        self.assertEqual(self.visitor.put(place, b"x" * (LIMIT + 1)).status, 413)
        self.assertEqual(self.visitor.put(place, b"x" * 200000).status, 413)
        self.assertEqual(self.visitor.put(place, b"x" * LIMIT).status, 201)

    def test_there_is_no_list_and_no_other_method(self):
        place = location()
        self.visitor.put(place, b"one", lock=False)
        for path in ("", "/", ".", "..", place + "/", place[:-1], "*"):
            for method in ("GET", "HEAD", "PUT", "DELETE", "POST"):
                status = self.visitor.ask(method, path).status
                self.assertEqual(status, 404, (method, path))
        for method in ("HEAD", "POST", "PATCH", "OPTIONS", "PROPFIND", "MKCOL", "COPY", "MOVE"):
            answer = self.visitor.ask(method, place, Destination="/v1/t/" + location())
            self.assertEqual(answer.status, 405, method)
            self.assertNotIn(b"one", answer.body)
        self.assertEqual(self.visitor.get(place, draw()).body, b"one")

    def test_nobody_can_tell_what_is_not_his(self):
        read, ended, expired, never = (location() for _ in range(4))
        claim = draw()
        self.visitor.put(read, b"one")
        self.visitor.get(read, claim)
        self.visitor.put(ended, b"one")
        self.visitor.get(ended, claim)
        self.visitor.delete(ended, claim)
        self.visitor.put(expired, b"one", Expires_In="1")
        until(lambda: self.visitor.get(expired, claim).status == 404, "it expires")
        for method in ("GET", "DELETE"):
            for who in (draw(), None):
                answers = [
                    self.visitor.ask(method, place, claim=who).without_date()
                    for place in (never, read, ended, expired)
                ]
                self.assertEqual(answers[0][0], 404)
                self.assertEqual(answers[1:], answers[:1] * 3)
        self.assertEqual(self.visitor.get(read, claim).body, b"one")

    def test_expiry_at_the_second(self):
        place, claim = location(), draw()
        before = time.time()
        self.visitor.put(place, b"one", Expires_In="2")
        made = time.time()
        n_read = 0
        while self.visitor.get(place, claim).status == 200:
            self.assertLess(time.time(), made + 2 + 1)
            n_read += 1
        self.assertGreater(n_read, 10)
        self.assertGreaterEqual(time.time(), int(before) + 2)
        self.assertEqual(self.visitor.put(place, b"two", Expires_In="604801").status, 400)
        self.assertEqual(self.visitor.put(place, b"two", Expires_In="604800").status, 201)


class Waits(unittest.TestCase):
    def setUp(self):
        self.relay = Relay().__enter__()
        self.addCleanup(self.relay.__exit__, None, None, None)
        self.visitor = Visitor(self.relay)

    def test_a_message_ends_it(self):
        place, claim = location(), draw()
        held = hold(self.relay, place, claim)
        self.visitor.put(location(), b"elsewhere")
        self.assertIsNone(held.answer)
        self.visitor.put(place, b"one")
        answer = held.get()
        self.assertEqual((answer.status, answer.body), (200, b"one"))
        self.assertEqual(answer.headers["Preference-Applied"], "wait=60")

    def test_its_own_time_ends_it(self):
        begin = time.monotonic()
        answer = self.visitor.get(location(), draw(), Prefer="wait=1")
        self.assertEqual(answer.status, 404)
        self.assertGreaterEqual(time.monotonic() - begin, 1)

    def test_stop_ends_it(self):
        held = hold(self.relay, location(), draw())
        self.relay.stop()
        self.assertEqual(held.get().status, 404)
        self.relay.start()

    def test_of_many_held_readers_exactly_one_is_answered(self):
        place = location()
        held = [hold(self.relay, place, draw()) for _ in range(8)]
        anonymous = [Waiting(self.relay, place, None, seconds=20) for _ in range(2)]
        self.visitor.put(place, b"one")
        until(lambda: any(read.answer for read in held), "one is answered")
        answered = [read for read in held if read.answer]
        self.assertEqual([read.answer.body for read in answered], [b"one"])
        # it takes the message away, and still nobody else hears of it
        self.assertEqual(self.visitor.delete(place, answered[0].claim).status, 204)
        self.relay.stop()
        for read in held + anonymous:
            if read is not answered[0]:
                self.assertEqual(read.get().status, 404)
        self.relay.start()

    def test_who_waits_without_a_claim_ends_nobody_elses_wait(self):
        place = location()
        reads = [Waiting(self.relay, place, None, seconds=2) for _ in range(4)]
        for read in reads:
            self.assertEqual(read.get().status, 404)
            self.assertGreaterEqual(read.waited_s, 2)


class Races(unittest.TestCase):
    def race(self, relay, place, method, headers_of):
        """Statuses and bodies of N_RACERS requests, each on a connection of its own."""
        context = relay.tls()
        turns = asyncio.Semaphore(200)

        async def run(headers):
            async with turns:
                reader, writer = await asyncio.open_connection(
                    relay.host, relay.port, ssl=context, server_hostname=relay.host
                )
                head = "%s /v1/t/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % (method, place)
                head += "".join("%s: %s\r\n" % pair for pair in headers.items())
                body = headers.get("Mailbox-Request-ID", "").encode()
                writer.write((head + "Content-Length: %d\r\n\r\n" % len(body)).encode() + body)
                top, _, rest = (await reader.read()).partition(b"\r\n\r\n")
                writer.close()
                return int(top.split()[1]), rest

        async def run_all():
            return await asyncio.gather(*(run(headers_of()) for _ in range(N_RACERS)))

        return asyncio.run(run_all())

    def test_of_many_readers_exactly_one_reads(self):
        for options in ([], ["--store", ":memory:"]):
            with Relay(*options) as relay:
                place = location()
                Visitor(relay).put(place, b"the message")
                answers = self.race(
                    relay, place, "GET", lambda: {"Mailbox-Device-Claim": draw()}
                )
                self.assertEqual(
                    sorted(status for status, _ in answers), [200] + [404] * (N_RACERS - 1)
                )
                self.assertEqual(sum(b"the message" in body for _, body in answers), 1)

    def test_of_many_writers_exactly_one_writes(self):
        with Relay(settings="CreationsPerMinute=0\n") as relay:
            place = location()
            answers = self.race(relay, place, "PUT", lambda: {"Mailbox-Request-ID": draw()})
            self.assertEqual(
                sorted(status for status, _ in answers), [201] + [412] * (N_RACERS - 1)
            )


class Forgetting(unittest.TestCase):
    def test_nothing_is_left_of_a_message(self):
        """Of one that expires and of one that is taken: in file, WAL and log."""
        with Relay(settings="EraseInterval=1\n") as relay:
            visitor = Visitor(relay)
            claim, request = draw(), draw()
            places = [location() for _ in range(2)]
            octets = [b"CANARY-%d" % i + os.urandom(3000) for i in range(2)]
            for i in range(2):
                visitor.put(places[i], octets[i], request, Expires_In="3" if i == 0 else "600")
                self.assertEqual(visitor.get(places[i], claim).status, 200)
            digests = [
                hashlib.sha256(base64.urlsafe_b64decode(place + "=")).digest() for place in places
            ]
            stored = octets + digests + [uuid.UUID(request).bytes] + [
                hashlib.sha256(digest + uuid.UUID(claim).bytes).digest() for digest in digests
            ]
            for canary in stored:
                self.assertIn(canary, relay.files())
            # where it lies and who may read it is nowhere as it came
            never = [uuid.UUID(claim).bytes, claim.encode()]
            never += [place.encode() for place in places]
            never += [base64.urlsafe_b64decode(place + "=") for place in places]
            for canary in never:
                self.assertNotIn(canary, relay.files())
            self.assertEqual(visitor.delete(places[1], claim).status, 204)
            stored += [digest[:16] for digest in stored] + [b"CANARY"]
            until(
                lambda: not any(canary in relay.files() for canary in stored),
                "erased from file and WAL",
            )
            for canary in never:
                self.assertNotIn(canary, relay.files())
        for canary in stored + never:
            self.assertNotIn(canary, relay.log)


class Durability(unittest.TestCase):
    def test_no_acknowledged_message_is_lost_by_kill(self):
        with Relay(settings="CreationsPerMinute=0\nRequestsPerMinute=0\n") as relay:
            done = []
            stop = threading.Event()

            def write():
                try:
                    visitor = Visitor(relay)
                    while not stop.is_set():
                        entry = [location(), draw(), None, False]
                        if visitor.put(entry[0], entry[0].encode(), entry[1]).status != 201:
                            return
                        done.append(entry)
                        claim = draw()
                        if visitor.get(entry[0], claim).status == 200:
                            entry[2] = claim
                except (OSError, http.client.HTTPException):
                    pass  # killed

            for _ in range(3):
                threads = [threading.Thread(target=write) for _ in range(16)]
                for thread in threads:
                    thread.start()
                n_before = len(done)
                until(lambda: len(done) > n_before + 40, "writes")
                relay.kill()
                stop.set()
                for thread in threads:
                    thread.join(DEADLINE_S)
                stop.clear()
                relay.start()

            self.assertGreater(len(done), 120)
            visitor = Visitor(relay)
            for place, request, claim, _ in done:
                # neither the message nor who made it …
                self.assertEqual(visitor.put(place, b"other", request).status, 201)
                self.assertEqual(visitor.put(place, b"other").status, 412)
                # … nor who has read it
                if claim:
                    self.assertEqual(visitor.get(place, draw()).status, 404)
                    self.assertEqual(visitor.get(place, claim).body, place.encode())

    def test_what_changes_is_flushed_and_reading_again_is_not(self):
        with Relay(preload=True, settings="EraseInterval=30\n") as relay:
            visitor = Visitor(relay)
            place, claim, request = location(), draw(), draw()

            def flushes(act, *arguments):
                before = relay.flushes()
                self.assertIn(act(*arguments).status, (200, 201, 204, 404))
                return relay.flushes() - before

            visitor.put(location(), b"other")  # what is done once after a start is done
            self.assertEqual(flushes(visitor.get, place, claim), 0)
            self.assertGreaterEqual(flushes(visitor.put, place, b"one", request), 1)
            self.assertEqual(flushes(visitor.get, place), 0)
            self.assertGreaterEqual(flushes(visitor.get, place, claim), 1)  # it locks
            self.assertEqual(flushes(visitor.get, place, claim), 0)
            self.assertEqual(flushes(visitor.get, place, draw()), 0)
            self.assertGreaterEqual(flushes(visitor.delete, place, claim), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
