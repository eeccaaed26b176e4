#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Limits before work: places, times and sizes, each a client's source at most; and who that is."""

import http.client
import select
import signal
import socket
import ssl
import threading
import unittest

from relayprocess import (
    DEADLINE_S, Answer, Device, Relay, Watched, create_body, draw, until
)

OTHER = "127.9.9.9"  # another source
ORIGIN = "https://relay.example"


def is_refused(relay, source=None):
    """The connection is ended before anything is said on it."""
    try:
        relay.socket(source).close()
    except (ssl.SSLError, ConnectionError):
        return True
    return False


class Connections(unittest.TestCase):
    def test_places_of_one_source(self):
        with Watched("ConnectionsPerSource=3\n") as relay:
            taken = [relay.socket() for _ in range(3)]
            self.assertTrue(is_refused(relay))
            self.assertFalse(is_refused(relay, OTHER))
            self.assertGreaterEqual(relay.number('limited_total{limit="connections"}'), 1)
            taken.pop().close()
            until(lambda: not is_refused(relay), "there is a place again")
            relay.reload("MetricsListen=127.0.0.1:0\nConnectionsPerSource=0\n")
            more = [relay.socket() for _ in range(5)]
            for sock in taken + more:
                sock.close()

    def test_new_ones_of_a_minute(self):
        with Watched("ConnectionsPerMinute=3\n") as relay:
            for _ in range(3):
                self.assertFalse(is_refused(relay))
            self.assertTrue(is_refused(relay))
            self.assertFalse(is_refused(relay, OTHER))
            self.assertGreaterEqual(relay.number('limited_total{limit="connection-rate"}'), 1)


class HeldReads(unittest.TestCase):
    def ask(self, device):
        return device.read(If_None_Match='"1"', Prefer="wait=60")

    def test_places_of_one_source(self):
        # two, for a device that holds is two of them for a moment
        with Watched("HeldReadsPerSource=2\n") as relay:
            alice = Device(relay)
            alice.create()
            bob = alice.peer()
            bob.read()
            held = [alice.hold(1)]
            held.append(Device(relay, alice.claim, alice.path))
            second = Device(relay)
            second.create()
            waits = threading.Thread(target=self.ask, args=(second.peer(second.claim),))
            waits.start()
            until(lambda: relay.number("held_reads") == 2, "two wait")
            answer = self.ask(bob)
            self.assertEqual(answer.status, 304)
            self.assertIsNone(answer.headers["Preference-Applied"])
            self.assertEqual(relay.number('limited_total{limit="held"}'), 1)
            elsewhere = alice.peer(bob.claim, OTHER)
            other = threading.Thread(target=self.ask, args=(elsewhere,))
            other.start()
            until(lambda: relay.number("held_reads") == 3, "another source's waits")
            alice.update("two")  # ends two of them
            self.assertEqual(held[0].get().status, 200)
            other.join(DEADLINE_S)
            until(lambda: relay.number("held_reads") == 1, "one waits")
            again = threading.Thread(
                target=bob.read, kwargs={"If_None_Match": '"2"', "Prefer": "wait=60"}
            )
            again.start()
            until(lambda: relay.number("held_reads") == 2, "there is a place again")
            alice.delete()
            second.delete()
            for thread in (waits, again):
                thread.join(DEADLINE_S)

    def test_places_in_all(self):
        with Watched("MaxHeldReads=1\n") as relay:
            alice = Device(relay)
            alice.create()
            waits = threading.Thread(target=self.ask, args=(alice.peer(alice.claim),))
            waits.start()
            until(lambda: relay.number("held_reads") == 1, "one waits")
            answer = self.ask(alice.peer(source=OTHER))
            self.assertEqual((answer.status, answer.headers["Preference-Applied"]), (304, None))
            alice.delete()
            waits.join(DEADLINE_S)

    def test_longest_wait(self):
        with Relay(settings="MaxWait=1\n") as relay:
            alice = Device(relay)
            alice.create()
            answer = self.ask(alice)
            self.assertEqual((answer.status, answer.headers["Preference-Applied"]), (304, "wait=1"))
            relay.reload("MaxWait=0\n")
            answer = self.ask(alice)
            self.assertEqual((answer.status, answer.headers["Preference-Applied"]), (304, None))


class Slow(unittest.TestCase):
    def test_half_a_request_is_not_waited_for(self):
        with Watched("RequestTimeout=1\n") as relay:
            alice = Device(relay)
            alice.create()
            held = alice.hold(1)
            raw = socket.create_connection((relay.host, relay.port), DEADLINE_S)  # no TLS even
            head = b"POST /v1/m HTTP/1.1\r\nHost: x\r\n"
            slow = [raw]
            for part in (b"", head, head + b"Content-Length: 100\r\n\r\n{"):
                slow.append(relay.socket())
                slow[-1].sendall(part)

            def is_ended(sock):
                try:
                    return sock.recv(4096) == b""
                except (ssl.SSLError, ConnectionError):
                    return True

            for sock in slow:
                self.assertTrue(is_ended(sock))  # or the socket's own time-out is an error
                sock.close()
            until(lambda: relay.number('limited_total{limit="time"}') >= 4, "they are counted")
            # a read that waits is none
            self.assertIsNone(held.answer)
            self.assertEqual(Device(relay, alice.claim, alice.path).update("two").status, 200)
            self.assertEqual(held.get().status, 200)

    def test_octet_by_octet_does_not_help(self):
        with Relay(settings="RequestTimeout=1\n") as relay:
            with relay.socket() as sock:
                sock.sendall(b"POST /v1/m HTTP/1.1\r\nX: ")

                def drip():
                    if select.select([sock], [], [], 0.05)[0]:
                        return True  # it has been ended
                    try:
                        sock.send(b"a")
                    except (ssl.SSLError, ConnectionError):
                        return True
                    return False

                until(drip, "it is ended")


class Sizes(unittest.TestCase):
    def test_headers(self):
        for settings, is_taken in (("", True), ("MaxHeaders=4096\n", False)):
            with Relay(settings=settings) as relay:
                device = Device(relay)
                try:
                    answer = device.ask("POST", "/v1/m", create_body(),
                                        {"Mailbox-Request-ID": draw(), "X-Long": "a" * 5000})
                except (ConnectionError, http.client.HTTPException):
                    answer = None
                self.assertEqual(answer is not None and answer.status == 200, is_taken)

    def test_bodies_in_all(self):
        with Watched("MaxBodyMemory=131072\n") as relay:
            first = Device(relay)
            first.connection.putrequest("POST", "/v1/m")
            first.connection.putheader("Content-Length", "120000")
            first.connection.endheaders(b"[" * 100000)
            until(lambda: relay.number("body_bytes") == 100000, "it has come")
            body = create_body(n_bytes=40000)
            second = Device(relay)
            answer = second.ask("POST", "/v1/m", body, {"Mailbox-Request-ID": draw()})
            self.assertEqual(answer.status, 503)
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
            self.assertEqual(relay.number('limited_total{limit="body-memory"}'), 1)
            self.assertEqual(second.create().status, 200)  # a small one
            first.connection.close()
            until(lambda: relay.number("body_bytes") == 0, "there is room")
            answer = second.ask("POST", "/v1/m", body, {"Mailbox-Request-ID": draw()})
            self.assertEqual(answer.status, 200)


class Proxies(unittest.TestCase):
    PROXY = "127.0.0.5"

    def relay(self, trusted):
        settings = "CreationsPerMinute=1\n" + trusted
        relay = Relay("--public-url", ORIGIN, settings=settings, plain=True)
        return relay

    def create(self, relay, source, *forwarded):
        """Its status, for one who says so."""
        connection = relay.connect(source)
        body = str(create_body()).replace("'", '"').encode()
        connection.putrequest("POST", "/v1/m")
        for value in forwarded:
            connection.putheader("Forwarded", value)
        for name, value in {
            "Mailbox-Device-Claim": draw(), "Mailbox-Request-ID": draw(),
            "Content-Type": "application/json", "Content-Length": str(len(body)),
        }.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        status = Answer(connection.getresponse()).status
        connection.close()
        return status

    def test_nobody_is_believed_but_who_is_configured(self):
        for trusted in ("", "TrustedProxies=127.0.0.5\n"):
            with self.relay(trusted) as relay:
                for n, status in enumerate((200, 429, 429)):
                    said = self.create(relay, "127.0.0.6", "for=198.51.100.%d" % n)
                    self.assertEqual(said, status)

    def test_source_is_what_the_trusted_proxy_says(self):
        with self.relay("TrustedProxies=127.0.0.5;203.0.113.0/24\n") as relay:
            for status, *forwarded in [
                (200, "for=198.51.100.1"),
                (429, "for=198.51.100.1:4711"),
                (429, "proto=https;FOR=\"198.51.100.1\";by=x"),
                (200, "for=198.51.100.2"),
                (429, "for=192.0.2.99, for=198.51.100.2"),  # what a client says of itself
                (429, "for=192.0.2.99", "for=198.51.100.2"),
                (200, "for=198.51.100.3, for=203.0.113.7"),  # one trusted proxy behind another
                (429, "for=198.51.100.3"),
                (200, 'for="[2001:db8:0:1::1]:99"'),
                (429, 'for="[2001:db8:0:2::9]"'),  # one /56
                (200, 'for="[2001:db8:0:100::1]"'),
                (200, "for=unknown"),  # the proxy's own, from here on
                (429, "for=_hidden"), (429, "for=2001:db8::5"), (429, "junk"), (429, "for=1.2.3"),
                (429, ""), (429, ";for"), (429, 'for="[::1'), (429,),
            ]:
                self.assertEqual(self.create(relay, self.PROXY, *forwarded), status, forwarded)

    def test_proxies_themselves_have_no_limit(self):
        settings = "ConnectionsPerSource=1\nConnectionsPerMinute=1\nTrustedProxies=127.0.0.5\n"
        with Relay("--public-url", ORIGIN, settings=settings, plain=True) as relay:
            taken = [relay.socket(self.PROXY) for _ in range(5)]
            for sock in taken:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertTrue(sock.recv(12).startswith(b"HTTP/1.1 404"))
                sock.close()
            relay.socket("127.0.0.6").close()
            with relay.socket("127.0.0.6") as sock:
                try:
                    sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertEqual(sock.recv(1), b"")
                except ConnectionError:
                    pass


class ProxyProtocol(unittest.TestCase):
    PROXY = "127.0.0.5"
    SETTINGS = "ProxyProtocol=1\nTrustedProxies=127.0.0.5\n"

    def device(self, relay, header, source=PROXY):
        """Over TLS that begins after HEADER."""
        raw = socket.create_connection((relay.host, relay.port), DEADLINE_S, (source, 0))
        raw.sendall(header)
        device = Device(relay)
        device.connection.sock = relay.tls().wrap_socket(raw, server_hostname=relay.host)
        return device

    def line(self, address, family="TCP4"):
        return b"PROXY %s %s %s 4711 443\r\n" % (
            family.encode(), address.encode(), address.encode())

    def binary(self, address):
        return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(address) * 2
                + b"\x12\x67\1\xbb")

    def test_who_is_named_is_who_connects(self):
        with Watched(self.SETTINGS + "CreationsPerMinute=1\n") as relay:
            for status, header in [
                (200, self.line("198.51.100.1")), (429, self.line("198.51.100.1")),
                (429, self.binary("198.51.100.1")), (200, self.binary("198.51.100.2")),
                (200, self.line("2001:db8:0:1::1", "TCP6")),
                (429, self.line("2001:db8:0:2::1", "TCP6")),
                (200, b"PROXY UNKNOWN\r\n"), (429, b"PROXY UNKNOWN\r\n"),
            ]:
                self.assertEqual(self.device(relay, header).create().status, status, header)

    def test_what_comes_in_the_same_breath_is_the_clients(self):
        relay = Relay("--public-url", ORIGIN, settings=self.SETTINGS, plain=True)
        with relay:
            for header in (self.line("198.51.100.1"), self.binary("198.51.100.1")):
                with relay.socket(self.PROXY) as sock:
                    sock.sendall(header + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertEqual(sock.recv(12), b"HTTP/1.1 404")

    def test_limits_are_those_of_whom_it_names(self):
        with Watched(self.SETTINGS + "ConnectionsPerSource=1\n") as relay:
            first = self.device(relay, self.line("198.51.100.1"))
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                self.device(relay, self.line("198.51.100.1"))
            self.assertEqual(self.device(relay, self.line("198.51.100.2")).create().status, 200)
            self.assertEqual(first.create().status, 200)

    def test_it_is_needed_of_the_proxy_and_of_nobody_else(self):
        with Watched(self.SETTINGS + "RequestTimeout=1\n") as relay:
            self.assertEqual(self.device(relay, b"", OTHER).create().status, 200)
            for header, source in [
                (b"", self.PROXY), (b"PROXY TCP9 \r\n", self.PROXY),
                (self.line("198.51.100.1"), OTHER),
            ]:
                with self.assertRaises((ssl.SSLError, ConnectionError), msg=header):
                    self.device(relay, header, source)
            with socket.create_connection(
                (relay.host, relay.port), DEADLINE_S, (self.PROXY, 0)
            ) as sock:
                sock.sendall(b"PROXY TC")  # and no more
                self.assertEqual(sock.recv(1), b"")
            until(lambda: relay.number('limited_total{limit="time"}') >= 1, "it is counted")

    def test_in_pieces_and_with_a_held_read_until_it_stops(self):
        with Watched(self.SETTINGS + "StopTimeout=600\n") as relay:
            raw = socket.create_connection((relay.host, relay.port), DEADLINE_S, (self.PROXY, 0))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in self.line("198.51.100.1"):
                raw.sendall(bytes([octet]))
            alice = Device(relay)
            alice.connection.sock = relay.tls().wrap_socket(raw, server_hostname=relay.host)
            self.assertEqual(alice.create().status, 200)
            waiting = socket.create_connection((relay.host, relay.port), DEADLINE_S,
                                               (self.PROXY, 0))
            held = alice.hold(1)
            late = relay.socket(OTHER)
            late.sendall(b"POST /v1/m HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
            until(lambda: relay.number("body_bytes") == 1, "it has begun")
            relay.process.send_signal(signal.SIGTERM)
            self.assertEqual(held.get().status, 304)
            self.assertEqual(waiting.recv(1), b"")  # it has not come in yet
            until(lambda: self.is_closed(relay), "nobody comes in")
            late.sendall(b"}")
            self.assertEqual(late.recv(12), b"HTTP/1.1 415")
            self.assertEqual(relay.ended(), 0)
            for sock in (waiting, late):
                sock.close()
            relay.start()

    def is_closed(self, relay):
        try:
            socket.create_connection((relay.host, relay.port)).close()
        except ConnectionRefusedError:
            return relay.process.poll() is None  # while it still runs
        return False


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
