#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What strangers can tell of a relay's mailboxes, and of whose they are: nothing."""

import base64
import itertools
import os
import re
import socket
import sqlite3
import subprocess
import time
import unittest

from redisserver import SERVER, Redis, RelayOn, free_port
from relayprocess import DEADLINE_S, Device, Relay, draw, make_pair, payload, until

LARGEST = 65564
PLACE = 43
GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Line:
    """One connection, and on it each octet of an answer but the date's."""

    def __init__(self, relay):
        self.sock = relay.socket()
        self.stream = self.sock.makefile("rb")

    def ask(self, method, path, headers):
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: x", "Content-Length: 0"]
        lines += ["%s: %s" % pair for pair in headers.items()]
        self.sock.sendall("\r\n".join(lines + ["", ""]).encode())
        answer = []
        while not answer or answer[-1] != b"\r\n":
            answer.append(self.stream.readline())
        kept = [line for line in answer if not line.startswith(b"Date: ")]
        assert len(kept) == len(answer) - 1, answer
        length = [int(line[15:]) for line in kept if line.lower().startswith(b"content-length:")]
        body = self.stream.read(length[0]) if length and method != "HEAD" else b""
        return b"".join(kept) + body

    def close(self):
        self.stream.close()
        self.sock.close()


class Strangers(unittest.TestCase):
    def make_ended(self, relay):
        """A mailbox for each way to an end, and a claim that has let go of each."""
        former = Device(relay)
        paths = {"never": "/v1/m/" + draw()}
        for way in ("cancelled", "completed", "expired"):
            alice = Device(relay)
            alice.create(expires=int(time.time()) + 2 if way == "expired" else None)
            paths[way] = alice.path
            self.assertEqual(Device(relay, former.claim, alice.path).read().status, 200)
            self.assertEqual(Device(relay, former.claim, alice.path).relinquish().status, 200)
            bob = alice.peer()
            self.assertEqual(bob.read().status, 200)
            if way != "expired":
                ends = bob if way == "completed" else alice
                self.assertEqual(ends.delete().status, 200)
            else:
                until(lambda: alice.read().status == 404, "it expires")
            self.assertEqual(alice.read().json()["type"], way)
        return former.claim, paths

    def judge(self, relay, claim, paths):
        line = Line(relay)
        for method in ("POST", "PUT", "DELETE", "PATCH", "GET", "HEAD"):
            for who in (draw(), claim, "junk", None):
                headers = {"Mailbox-Request-ID": draw(), "Accept": "application/json"}
                if who:
                    headers["Mailbox-Device-Claim"] = who
                told = {way: line.ask(method, path, headers) for way, path in paths.items()}
                expected = b"HTTP/1.1 %d" % (400 if method == "PUT" else 404)
                self.assertTrue(told["never"].startswith(expected), told)
                self.assertEqual(set(told.values()), {told["never"]}, (method, who))
        line.close()

    def test_ended_mailboxes_are_as_if_they_had_never_been(self):
        for settings in ("EraseInterval=30\n", "EraseInterval=1\n"):
            with Relay(settings=settings) as relay:
                claim, paths = self.make_ended(relay)
                self.judge(relay, claim, paths)
                if "=1\n" in settings:  # once more, when its row has gone, too
                    until(lambda: len(rows(relay, "mailbox")) == 0, "it is swept away")
                    self.judge(relay, claim, paths)

    @unittest.skipUnless(SERVER, "needs redis-server: tests/packages.sh test installs it")
    def test_on_redis_too(self):
        with Redis() as redis, RelayOn(redis.url()) as relay:
            self.judge(relay, *self.make_ended(relay))

    def test_messages_are_as_if_they_had_never_been(self):
        with Relay() as relay:
            device = Device(relay)
            paths = {way: "/v1/t/" + way[0] * (PLACE - 1) + "A"
                     for way in ("never", "locked", "deleted", "expired")}
            for way in ("locked", "deleted", "expired"):
                headers = {"Mailbox-Reader-Lock": "required", "Content-Type": "text/plain",
                           "Mailbox-Request-ID": draw(), "Expires-In": "2"
                           if way == "expired" else "600"}
                self.assertEqual(device.ask("PUT", paths[way], "x", headers).status, 201)
                self.assertEqual(device.ask("GET", paths[way]).status, 200)
            self.assertEqual(device.ask("DELETE", paths["deleted"]).status, 204)
            until(lambda: device.ask("GET", paths["expired"]).status == 404, "it expires")
            line = Line(relay)
            for method, who in itertools.product(("GET", "DELETE"), (draw(), None)):
                headers = {"Mailbox-Device-Claim": who} if who else {}
                told = {way: line.ask(method, path, headers) for way, path in paths.items()}
                self.assertTrue(told["never"].startswith(b"HTTP/1.1 404"), told)
                self.assertEqual(set(told.values()), {told["never"]}, (method, who))
            line.close()


class Sizes(unittest.TestCase):
    def test_the_largest_payload_and_not_an_octet_more(self):
        with Relay() as relay:
            alice = Device(relay)
            headers = {"Mailbox-Request-ID": draw()}
            self.assertEqual(alice.create(n_bytes=LARGEST + 1).status, 413)
            self.assertEqual(alice.create(n_bytes=LARGEST).status, 200)
            more, most = ({"payload": payload("two", LARGEST + i)} for i in (1, 0))
            self.assertEqual(alice.ask("PUT", body=more, headers=headers).status, 413)
            self.assertEqual(alice.read().json()["payload"], payload("hello", LARGEST))
            self.assertEqual(alice.ask("PUT", body=most, headers=headers).status, 200)
            self.assertEqual(alice.peer().read().json(), alice.read().json())
            self.assertEqual(alice.read().json()["payload"], payload("two", LARGEST))


def rows(relay, table):
    """As sqlite3 reads them: dictionaries."""
    connection = sqlite3.connect("file:%s/relay.db?mode=ro" % relay.state, uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute("SELECT * FROM " + table)]
    finally:
        connection.close()


def is_there(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def octets(value):
    if isinstance(value, int):
        value = "%020d" % value
    return value if isinstance(value, bytes) else str(value).encode()


def varying(values):
    """Of values of one kind, each the runs of octets that are not the same in all of them."""
    kept = [octets(value) for value in values]
    assert len({len(value) for value in kept}) == 1, kept
    mask = bytes(len(set(column)) > 1 for column in zip(*kept))
    runs = [match.span() for match in re.finditer(b"\x01+", mask)]
    return [[value[begin:end] for begin, end in runs] for value in kept]


def windows(run):
    """Twelve octets anywhere in it: eight of what may be text in base64."""
    return {run[i : i + 12] for i in range(max(1, len(run) - 11))}


def noise():
    return {"type": "AEAD_AES_128_GCM", "data": base64.b64encode(os.urandom(300)).decode()}


class Unlinkable(unittest.TestCase):
    N_CLIENTS = 5
    N_EACH = 4

    def exchange(self, relay):
        """Several mailboxes of each client, in turn, by one who is careless: one claim, one
        connection, one way to introduce himself. Returns whose an id is."""
        self.ends = int(time.time()) + 3000
        clients = [Device(relay, source="127.3.0.%d" % (i + 1)) for i in range(self.N_CLIENTS)]
        readers = [Device(relay, source="127.4.0.%d" % (i + 1)) for i in range(self.N_CLIENTS)]
        agents = ["agent-%s" % draw() for _ in clients]
        owner = {}
        for n, (i, client) in itertools.product(range(self.N_EACH), enumerate(clients)):
            own = {"User-Agent": agents[i], "Mailbox-Device-Attestation": agents[i],
                   "Cookie": agents[i]}
            body = {"payload": noise(), "displayInformation":
                    {"title": "Shared credential", "description": "", "imageURL": ""},
                    "notificationToken": {"type": "webpush", "tokenData": os.urandom(32).hex()},
                    "mailboxConfiguration": {"accessRights": "RWD", "expiration": time.strftime(
                        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.ends))}}
            answer = client.ask("POST", "/v1/m", body, {**own, "Mailbox-Request-ID": draw()})
            self.assertEqual(answer.status, 200)
            path = "/v1/m/" + answer.json()["urlLink"].rpartition("/")[2]
            owner[path.rpartition("/")[2].replace("-", "")] = i
            self.assertEqual(readers[i].ask("POST", path, headers=own).status, 200)
            body = {"payload": noise()}
            answer = readers[i].ask("PUT", path, body, {**own, "Mailbox-Request-ID": draw()})
            self.assertEqual(answer.status, 200)
            if n == 0:
                answer = client.ask("DELETE", path, headers={**own, "Mailbox-Request-ID": draw()})
                self.assertEqual(answer.status, 200)
        return owner

    def judge(self, kept):
        """KEPT: of each mailbox, its owner and what is kept of it."""
        owners = {}
        for name in kept[0][1]:
            runs = varying([values[name] for _, values in kept])
            for i, (owner, _) in enumerate(kept):
                for window in set().union(*map(windows, runs[i])):
                    if len(window) > 4:  # else a count, and all mailboxes have one
                        owners.setdefault(window, {})[i] = owner
        self.assertGreater(len(owners), 10 * len(kept))  # else nothing was looked at
        links = [window for window, found in owners.items()
                 if len(found) > 1 and len(set(found.values())) == 1]
        self.assertEqual(links, [])

    def test_two_mailboxes_of_one_client_in_the_file(self):
        with Relay(settings="CreationsPerMinute=0\n") as relay:
            owner = self.exchange(relay)
            found = rows(relay, "mailbox")
            self.assertEqual(len(found), self.N_CLIENTS * (self.N_EACH - 1))
            self.judge([(owner[row["id"].hex()], row) for row in found])
            # in the order in which they came, which tells of others' as much, and ending when
            # they were asked to
            self.assertEqual({row["expires"] for row in found}, {self.ends})
            # the words of those that have ended say nothing of which, and so of whose they are:
            # a word, a second, and half a digest that is nobody else's
            words = rows(relay, "ended")
            self.assertEqual(len(words), 2 * self.N_CLIENTS)
            self.assertEqual({tuple(row) for row in words}, {("row", "claim", "word", "at")})
            digests = [row["claim"] for row in words]
            self.assertEqual(len(set(digests)), len(digests))
            self.assertEqual({len(digest) for digest in digests}, {16})

    @unittest.skipUnless(SERVER, "needs redis-server: tests/packages.sh test installs it")
    def test_two_mailboxes_of_one_client_in_redis(self):
        with Redis() as redis, RelayOn(redis.url()) as relay:
            owner = self.exchange(relay)
            kept = {}
            for key in redis.keys():
                kind, name = key.decode().split(":", 2)[1:]
                value = redis.say("HGETALL" if kind == "m" else "GET", key)
                if kind == "c":  # leads to a mailbox
                    kept.setdefault(value.hex(), {})["creation"] = key[11:-1]
                    continue
                parts = zip(value[::2], value[1::2]) if kind == "m" else [("end", value)]
                kept.setdefault(name[1:-1], {}).update(parts)
            self.assertEqual(len(kept), self.N_CLIENTS * self.N_EACH)
            living = {name: values for name, values in kept.items() if len(values) > 1}
            self.assertEqual(len(living), self.N_CLIENTS * (self.N_EACH - 1))
            self.judge([(owner[name], values) for name, values in living.items()])
            self.judge([(owner[name], {"end": values["end"]}) for name, values in kept.items()])


class Sessions(unittest.TestCase):
    """By another client than the wallet's, and seen at another server that it would resume."""

    def ask(self, port, *options):
        result = subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % port, *options],
            input=GET, capture_output=True, timeout=DEADLINE_S)
        return (result.stdout + result.stderr).decode(errors="replace")

    def resumed(self, port, folder, version):
        """Whether a second connection is a continuation of the first, and what the first got."""
        path = os.path.join(folder, "session")
        if os.path.exists(path):
            os.remove(path)
        first = self.ask(port, version, "-ign_eof", "-sess_out", path)
        self.assertIn("New, TLSv1.", first)
        if not os.path.exists(path):  # nothing that could be continued
            return False, first
        second = self.ask(port, version, "-ign_eof", "-sess_in", path)
        self.assertRegex(second, r"(New|Reused), TLSv1\.")
        return "Reused, TLSv1." in second, first

    def judge(self, port, folder, is_resuming):
        for version in ("-tls1_2", "-tls1_3"):
            is_resumed, first = self.resumed(port, folder, version)
            self.assertEqual(is_resumed, is_resuming, version)
            # without a ticket there is nothing for early data to begin with
            has_ticket = "New Session Ticket" in first or "TLS session ticket:" in first
            self.assertEqual(has_ticket, is_resuming, version)
        again = self.ask(port, "-tls1_2", "-reconnect")
        self.assertEqual(again.count("Reused, TLSv1.2") > 0, is_resuming)
        self.assertGreaterEqual(again.count("New, TLSv1.2"), 1 if is_resuming else 6)

    def test_none_is_resumed_and_no_ticket_is_given(self):
        with Relay() as relay:
            self.judge(relay.port, relay.directory, False)
            certificate, key = make_pair(relay.directory, "other")
            port = free_port()
            other = subprocess.Popen(
                ["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-cert", certificate,
                 "-key", key, "-www"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                until(lambda: is_there(port), "the other listens")
                self.judge(port, relay.directory, True)
            finally:
                other.kill()
                other.wait(DEADLINE_S)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
