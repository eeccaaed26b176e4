#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""How answers leave over TLS: a small one in one record, and nothing is piled up for who does not read."""

import mmap
import os
import socket
import ssl
import unittest

from relayprocess import DEADLINE_S, Device, Relay, until

ASK = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
MANY = 60000
APPLICATION_DATA = 23


def whole_answers(octets):
    """How many; what is left over."""
    n = 0
    while b"\r\n\r\n" in octets:
        head, rest = octets.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 404 "), head
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n")
                      if line.startswith(b"content-length:"))
        if len(rest) < length:
            break
        n, octets = n + 1, rest[length:]
    return n, octets


class Client:
    """One whose records are seen, and whose window is small."""

    def __init__(self, relay):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect((relay.host, relay.port))
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = relay.tls().wrap_bio(self.incoming, self.outgoing, server_hostname=relay.host)
        self.raw = b""
        self.is_over = False
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.hear()
        self.flush()

    def flush(self):
        self.socket.sendall(self.outgoing.read())

    def ask(self, octets):
        self.tls.write(octets)
        self.flush()

    def hear(self):
        try:
            octets = self.socket.recv(65536)
        except ConnectionResetError:
            octets = b""
        self.is_over = not octets
        self.incoming.write(octets)
        self.raw += octets

    def read(self):
        """What has come, in clear; waits when nothing has."""
        text = b""
        while not text and not self.is_over:
            try:
                while octets := self.tls.read(65536):
                    text += octets
                break
            except ssl.SSLWantReadError:
                if not text:
                    self.hear()
        return text

    def answers(self, n):
        """Reads until there are @n, or the connection is over: how many there were."""
        found, text = 0, b""
        while found < n and not self.is_over:
            more, text = whole_answers(text + self.read())
            found += more
        return found


class Filled(Relay):
    """One whose connections take nothing while a test says so."""

    def __init__(self):
        super().__init__(preload=False)
        path = os.path.join(self.directory, "full")
        with open(path, "wb") as file:
            file.write(bytes(8))
        with open(path, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), 8)
        self.environment["LD_PRELOAD"] = os.environ["TIGRESS_FULL"]
        self.environment["TG_FULL"] = path
        self.environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"

    def fill(self, is_full):
        self.shared[0] = is_full

    def refusals(self):
        return int.from_bytes(self.shared[4:8], "little")


def records(raw):
    kinds = []
    while raw:
        kinds.append(raw[0])
        raw = raw[5 + int.from_bytes(raw[3:5], "big"):]
    return kinds


class Answers(unittest.TestCase):
    def test_a_small_answer_is_one_record_and_a_last_one_is_not_kept_back(self):
        with Relay() as relay:
            client = Client(relay)
            for ask, n in ((ASK, 1), (ASK, 1), (LAST, 2)):
                client.raw = b""
                client.ask(ask)
                self.assertEqual(client.answers(1), 1)
                self.assertEqual(records(client.raw)[:2].count(APPLICATION_DATA), n)
            client.socket.close()

    def test_who_asks_much_at_once_gets_all_of_it(self):
        with Relay() as relay:
            client = Client(relay)
            client.ask(200 * ASK)
            self.assertEqual(client.answers(200), 200)
            client.ask(20 * ASK + LAST)
            self.assertEqual(client.answers(21), 21)
            client.socket.close()

    def test_nothing_is_piled_up_for_who_does_not_read(self):
        with Relay(settings="RequestsPerMinute=1000000\n") as relay:
            client = Client(relay)
            try:
                for _ in range(MANY // 100):
                    client.ask(100 * ASK)
            except (ConnectionError, socket.timeout):
                pass
            device = Device(relay)  # others are served
            device.create()
            device.connection.close()
            n = client.answers(MANY)
            self.assertTrue(client.is_over)
            self.assertLess(n, MANY)
            client.socket.close()

    def test_what_finds_no_room_comes_later(self):
        with Filled() as relay:
            client = Client(relay)
            client.ask(2 * ASK)
            self.assertEqual(client.answers(2), 2)
            for ask in (ASK, ASK):
                relay.fill(True)
                before = relay.refusals()
                client.ask(ask)
                until(lambda: relay.refusals() > before, "the answer finds no room")
                relay.fill(False)
                self.assertEqual(client.answers(1), 1)
            client.socket.close()

    def test_who_goes_while_something_is_late_is_forgotten(self):
        with Filled() as relay:
            clients = [Client(relay), Client(relay)]
            relay.fill(True)
            for client in clients:
                before = relay.refusals()
                client.ask(ASK)
                until(lambda: relay.refusals() > before, "the answer finds no room")
            clients[0].socket.close()
            relay.fill(False)
            self.assertEqual(clients[1].answers(1), 1)
            clients[1].socket.close()


if __name__ == "__main__":
    unittest.main()
