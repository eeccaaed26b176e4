#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Clients that are in no hurry to be done with TLS: they cost nothing, and lose nothing."""

import os
import socket
import ssl
import unittest

from relayprocess import DEADLINE_S, Device, Relay, until

N_REQUESTS = 50


class Counting(Relay):
    """One whose handshakes are counted each time that they are tried."""

    def __init__(self, *options, **how):
        super().__init__(*options, **how)
        self.count_path = os.path.join(self.directory, "handshakes")
        self.environment["LD_PRELOAD"] = os.environ["TIGRESS_HANDSHAKES"]
        self.environment["TG_HANDSHAKES"] = self.count_path
        self.environment["ASAN_OPTIONS"] = "verify_asan_link_order=0:detect_leaks=0"

    def tries(self):
        with open(self.count_path, "rb") as file:
            return int.from_bytes(file.read(8), "little")


class Slow:
    """A client that says each octet when it is told to."""

    def __init__(self, relay):
        self.socket = socket.create_connection((relay.host, relay.port), DEADLINE_S)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = relay.tls().wrap_bio(self.incoming, self.outgoing, server_hostname=relay.host)

    def flush(self):
        self.socket.sendall(self.outgoing.read())

    def hear(self):
        octets = self.socket.recv(65536)
        assert octets, "the connection was ended"
        self.incoming.write(octets)

    def greet(self):
        """Says hello, and waits for the beginning of what the relay has to say to that."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
            self.hear()

    def until_done(self, what):
        while True:
            try:
                return what()
            except ssl.SSLWantReadError:
                self.flush()
                self.hear()
            finally:
                self.flush()

    def ask(self):
        self.until_done(self.tls.do_handshake)
        self.tls.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        return self.until_done(lambda: self.tls.read(65536))

    def close(self):
        self.socket.close()


class Handshakes(unittest.TestCase):
    def test_who_waits_in_one_is_not_asked_again_and_again(self):
        with Counting() as relay:
            slow = [Slow(relay), Slow(relay)]
            slow[1].greet()
            device = Device(relay)
            device.create()  # came after them: they have had their turn
            before = relay.tries()
            for i in range(N_REQUESTS):
                self.assertEqual(device.update("text %d" % i).status, 200)
            self.assertEqual(relay.tries(), before)
            for client in slow:
                self.assertTrue(client.ask().startswith(b"HTTP/1.1 404 "))
                client.close()
            device.connection.close()

    def test_one_octet_at_a_time(self):
        with Counting() as relay:
            client = Slow(relay)
            try:
                client.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in client.outgoing.read():
                client.socket.sendall(bytes([octet]))
            self.assertTrue(client.ask().startswith(b"HTTP/1.1 404 "))
            client.close()

    def test_who_goes_in_the_middle_is_forgotten(self):
        with Counting(settings="MaxConnections=3\n") as relay:
            for _ in range(3):
                for do in (lambda client: None, Slow.greet):
                    client = Slow(relay)
                    do(client)
                    client.close()
            until(lambda: self.is_let_in(relay), "there is room again")

    def is_let_in(self, relay):
        try:
            relay.socket().close()
        except (ssl.SSLError, ConnectionError):
            return False
        return True

    def test_late_ones_are_ended(self):
        with Counting(settings="RequestTimeout=1\n") as relay:
            for octets in (b"", b"\x16\x03\x01"):
                client = Slow(relay)
                client.socket.sendall(octets)
                self.assertEqual(client.socket.recv(1), b"")
                client.close()

    def test_the_relay_does_not_wait_for_them(self):
        relay = Counting()
        with relay:
            clients = [Slow(relay), Slow(relay)]
            clients[1].greet()
        for client in clients:
            client.close()


if __name__ == "__main__":
    unittest.main()
