#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The relay as a process: hostile clients, limits, supervisors, certificate, options."""

import http.client
import json
import os
import random
import re
import socket
import ssl
import subprocess
import time
import unittest

from relayprocess import (
    DEADLINE_S, RELAY, Answer, Device, Relay, create_body, draw, payload, until, utc
)


class Hostile(unittest.TestCase):
    def test_order_of_checks_over_the_wire(self):
        with Relay() as relay:
            device = Device(relay)
            large = b"x" * (200 * 1024)
            text = {"Content-Type": "text/plain"}
            cases = [
                (405, "BREW", "/nowhere", large, text),
                (404, "POST", "/nowhere", large, text),
                (404, "POST", "/v1/m/", large, text),
                (404, "POST", "/v1/%6d", large, text),
                (404, "POST", "//v1/m", large, text),
                (405, "DELETE", "/v1/m", large, text),
                (413, "POST", "/v1/m", large, text),
                (415, "POST", "/v1/m", b"{", text),
                (400, "POST", "/v1/m", b"{", None),
                (404, "POST", "/v1/m/" + draw(), b"{}", None),
                (404, "PUT", "/v1/m/" + draw().upper(),
                 json.dumps({"payload": payload()}), None),
            ]
            for status, method, path, body, headers in cases:
                answer = device.ask(method, path, body, headers)
                self.assertEqual(answer.status, status, (method, path))
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                self.assertEqual(answer.json()["status"], status)
                self.assertIsNotNone(answer.headers["Date"])
            # all of it on one connection, which still serves
            self.assertEqual(device.create().status, 200)

    def test_hostile_bodies(self):
        with Relay() as relay:
            device = Device(relay)
            good = json.dumps(create_body()).encode()
            bodies = [
                b"", b"[]", b"null", good + b"x", good + good, good[:-1], b"\xef\xbb\xbf" + good,
                good.replace(b'"Key"', b'"\xff"'), good.replace(b'"Key"', b'"\\ud800"'),
                good.replace(b'"Key"', b'"\\u0000"'), good.replace(b'"Key"', b"1"),
                good.replace(b'"title"', b'"title": "a", "title"'),
                good.replace(b'"RWD"', b'"RR"'), good.replace(b'"RWD"', b'"X"'),
                good.replace(b"=", b""), good.replace(b'"data"', b'"date"'),
                b"[" * 100000, b'{"a":' * 17 + b"1" + b"}" * 17,
            ]
            for body in bodies:
                answer = device.ask("POST", "/v1/m", body, {"Mailbox-Request-ID": draw()})
                self.assertEqual(answer.status, 400, body[:80])
            seed = random.Random(7)
            for _ in range(300):
                body = bytearray(good)
                for _ in range(seed.randrange(1, 4)):
                    body[seed.randrange(len(body))] = seed.randrange(256)
                answer = device.ask("POST", "/v1/m", bytes(body), {"Mailbox-Request-ID": draw()})
                self.assertIn(answer.status, (200, 400, 413))
            self.assertEqual(device.create().status, 200)

    def send(self, relay, octets, shut=True, patience=DEADLINE_S):
        """Whatever comes back before the connection ends, or nothing more is waited for."""
        with relay.socket() as sock:
            sock.settimeout(patience)
            got = b""
            try:
                sock.sendall(octets)
                if shut:
                    sock.shutdown(socket.SHUT_WR)
                more = True
                while more:
                    more = sock.recv(4096)
                    got += more
            except OSError:  # it has ended the connection
                pass
            return got

    def test_hostile_octets(self):
        with Relay("--public-url", "https://relay.example", plain=True) as relay:
            head = b"POST /v1/m HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            long = b"a" * 20000
            for octets in [
                b"\r\n\r\n", b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", long,
                b"GET /" + long + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                head + b"Mailbox-Device-Claim: " + long + b"\r\n\r\n",
                head + b"A: b\r\n" * 5000 + b"\r\n",
                head + b"Content-Length: -1\r\n\r\n",
                head + b"Content-Length: 99999999999999999999999\r\n\r\n",
                head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                head + b"Content-Length: 10\r\n\r\nshort",
                head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
                head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"fff\r\n" + b"x" * 0xFFF + b"\r\n")
                * 5000,
                head + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                head + b"Expect: 100-continue\r\nContent-Length: 100000000\r\n\r\n",
                bytes(random.Random(3).randbytes(5000)),
            ]:
                # what is half a request is answered, or ended, or idle until its time is up
                answer = self.send(relay, octets, patience=1)
                self.assertFalse(answer.startswith(b"HTTP/1.1 2"), octets[:60])
            # too large, and its sender is told: before it sends that much …
            answer = self.send(relay, head + b"Content-Length: 100000000\r\n\r\n", shut=False)
            self.assertTrue(answer.startswith(b"HTTP/1.1 413 "))
            # … or after it has
            size = 3000000
            answer = self.send(relay, head + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
            self.assertTrue(answer.startswith(b"HTTP/1.1 413 "))
            chunks = head + b"Transfer-Encoding: chunked\r\n\r\n"
            chunks += (b"fff\r\n" + b"x" * 0xFFF + b"\r\n") * 40 + b"0\r\n\r\n"
            self.assertTrue(self.send(relay, chunks).startswith(b"HTTP/1.1 413 "))
            # Host is not believed
            device = Device(relay)
            answer = device.ask("POST", "/v1/m", create_body(),
                                {"Host": "evil.example", "Mailbox-Request-ID": draw()})
            self.assertTrue(answer.json()["urlLink"].startswith("https://relay.example/v1/m/"))

    def test_slow_client_holds_up_nobody(self):
        with Relay() as relay:
            slow = []
            for part in (b"", b"POST /v1/m HT", b"POST /v1/m HTTP/1.1\r\nHost: x\r\nContent-Len",
                         b"POST /v1/m HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
                sock = relay.socket()
                sock.sendall(part)
                slow.append(sock)
            slow.append(socket.create_connection((relay.host, relay.port)))  # no TLS even
            device = Device(relay)
            self.assertEqual(device.create().status, 200)
            self.assertEqual(device.delete().status, 200)
            for sock in slow:
                sock.close()

    def test_repeated_headers_are_not_chosen_from(self):
        with Relay() as relay:
            alice = Device(relay)
            alice.create()
            alice.connection.putrequest("POST", alice.path)
            alice.connection.putheader("Mailbox-Device-Claim", draw())
            alice.connection.putheader("Mailbox-Device-Claim", alice.claim)
            alice.connection.putheader("Content-Length", "0")
            alice.connection.endheaders()
            self.assertEqual(Answer(alice.connection.getresponse()).status, 400)
            self.assertEqual(alice.peer().read().status, 200)


class Limits(unittest.TestCase):
    def test_rates_are_by_source(self):
        settings = "RequestsPerMinute=30\nCreationsPerMinute=2\n"
        with Relay(settings=settings) as relay:
            alice = Device(relay)
            statuses = [alice.create().status for _ in range(3)]
            self.assertEqual(statuses, [200, 200, 429])
            statuses = [alice.read() for _ in range(40)]
            limited = [answer for answer in statuses if answer.status == 429]
            self.assertGreaterEqual(len(limited), 5)
            self.assertEqual(limited[0].json()["type"], "limited")
            self.assertGreaterEqual(int(limited[0].headers["Retry-After"]), 1)
            # from another address everything is as before
            other = Device(relay, alice.claim, alice.path)
            other.connection = http.client.HTTPSConnection(
                relay.host, relay.port, context=relay.tls(), source_address=("127.9.9.9", 0)
            )
            self.assertEqual(other.read().status, 200)
            self.assertEqual(other.create().status, 200)

    def test_connections_are_limited(self):
        with Relay(settings="MaxConnections=8\n") as relay:
            taken = [relay.socket() for _ in range(8)]
            raw = socket.create_connection((relay.host, relay.port), 0.5)
            one_more = relay.tls().wrap_socket(
                raw, server_hostname=relay.host, do_handshake_on_connect=False
            )
            with self.assertRaises(OSError):  # it is left waiting
                one_more.do_handshake()
            one_more.close()
            taken.pop().close()
            device = Device(relay)
            device.connection.timeout = DEADLINE_S / 2
            self.assertEqual(device.create().status, 200)
            for sock in taken:
                sock.close()

    def test_settings_change_the_limits(self):
        with Relay(settings="MaxPayload=100\nMaxLife=60\nMaxTitle=3\n") as relay:
            alice = Device(relay)
            self.assertEqual(alice.create(n_bytes=100).status, 200)
            self.assertEqual(alice.create(n_bytes=101).status, 413)
            self.assertEqual(alice.create(title="Four").status, 413)
            self.assertEqual(alice.create(expires=int(time.time()) + 600).status, 400)
            self.assertLessEqual(alice.read().json()["expiration"], utc(time.time() + 60))


class Process(unittest.TestCase):
    def test_socket_activation_by_systemd(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        relay = Relay("--store", ":memory:")
        command = ["systemd-socket-activate", "-l", "127.0.0.1:%d" % port, RELAY, "--trial",
                   "--state-directory", relay.state]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        def poke():
            try:
                return socket.create_connection(("127.0.0.1", port), DEADLINE_S)
            except ConnectionRefusedError:
                return None

        try:
            first = until(poke, "systemd listens")  # this starts it
            line = process.stdout.readline().decode()
            self.assertEqual(line, "listening https://127.0.0.1:%d\n" % port)
            relay.host, relay.port = "127.0.0.1", port
            relay.origin = "https://127.0.0.1:%d" % port
            relay.ca = process.stdout.readline().decode().split()[1]
            self.assertEqual(Device(relay).create().status, 200)
            first.close()
        finally:
            process.terminate()
            self.assertEqual(process.wait(DEADLINE_S), 0)
            process.stdout.close()
            subprocess.run(["rm", "-rf", relay.directory], check=True)

    def test_notifies_its_supervisor(self):
        relay = Relay()
        path = os.path.join(relay.directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(DEADLINE_S)
            relay.environment.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
            with relay:
                self.assertEqual(notify.recv(4096), b"READY=1")
                self.assertEqual(notify.recv(4096), b"WATCHDOG=1")
                self.assertEqual(notify.recv(4096), b"WATCHDOG=1")
            messages = []
            while not messages or messages[-1] != b"STOPPING=1":
                messages.append(notify.recv(4096))
            self.assertLessEqual(set(messages), {b"WATCHDOG=1", b"STOPPING=1"})

    def test_one_relay_a_state_directory(self):
        with Relay() as relay:
            second = subprocess.run(
                relay.command(), capture_output=True, text=True, timeout=DEADLINE_S
            )
            self.assertEqual(second.returncode, 4)
            self.assertIn("another tigress-relay uses the store", second.stderr)

    def test_bad_input_is_one_sentence(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            cases = [
                (["--nonsense"], "try --help"),
                (["extra"], "try --help"),
                (["--trial", "--listen", "0.0.0.0:0"], "a trial is for this machine only"),
                (["--trial", "--listen", "somewhere:1"], "give a numeric address"),
                (["--trial", "--listen", "127.0.0.1:%d" % taken.getsockname()[1]], "--listen"),
                (["--trial", "--config", "/nonexistent"], "cannot read /nonexistent"),
                (["--trial", "--store", "mysql://x"], "the store must be"),
                (["--trial", "--store", "redis://u:secret@x"], "StorePasswordFile="),
                (["--trial", "--store", "redis://x/y"], "the database is a number"),
                ([], "the public address is not set"),
                (["--public-url", "https://x.example"], "there is nothing to listen on"),
                (["--public-url", "https://x.example", "--listen", "0.0.0.0:0"], "Certificate="),
                (["--public-url", "http://x.example"], "must be https://"),
                (["--public-url", "https://x.example", "--certificate", "/c"], "both"),
            ]
            relay = Relay()
            for options, remedy in cases:
                result = subprocess.run(
                    [RELAY, "--state-directory", relay.state] + options,
                    capture_output=True, text=True, timeout=DEADLINE_S,
                )
                self.assertIn(result.returncode, (1, 2), options)
                self.assertRegex(result.stderr, r"^tigress-relay: error: [^\n]*\n$")
                self.assertIn(remedy, result.stderr)
                self.assertNotIn("secret", result.stderr)
                self.assertEqual(result.stdout, "")
            subprocess.run(["rm", "-rf", relay.directory], check=True)

    def test_help_and_version(self):
        text = subprocess.run([RELAY, "--help"], capture_output=True, text=True, check=True).stdout
        self.assertLess(len(text.splitlines()), 25)
        self.assertIn("--trial", text)
        version = subprocess.run([RELAY, "--version"], capture_output=True, text=True, check=True)
        self.assertRegex(version.stdout, r"^tigress-relay \d+\.\d+\.\d+\n$")

    def test_manual_names_every_setting(self):
        root = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
        with open(os.path.join(root, "data/man/tigress-relay.conf.5")) as file:
            told = set(re.findall(r"\b([A-Z][A-Za-z]+)=(?=[ \n\"])", file.read()))
        with open(os.path.join(root, "relay/settings.c")) as file:
            known = set(re.findall(r'\{"([A-Z][A-Za-z]+)",', file.read()))
        self.assertGreater(len(known), 15)
        self.assertEqual(told, known)

    def test_trial_certificate_is_kept_and_its_key_is_private(self):
        with Relay() as relay:
            with open(relay.ca) as file:
                first = file.read()
            self.assertEqual(os.stat(os.path.join(relay.state, "key.pem")).st_mode & 0o777, 0o600)
            self.assertEqual(os.stat(relay.state).st_mode & 0o777, 0o700)
            relay.stop()
            relay.start()
            with open(relay.ca) as file:
                self.assertEqual(first, file.read())
            # by each of its names, and by no other
            for name in ("localhost", "127.0.0.1", "::1"):
                raw = socket.create_connection((relay.host, relay.port))
                relay.tls().wrap_socket(raw, server_hostname=name).close()
            raw = socket.create_connection((relay.host, relay.port))
            with self.assertRaises(ssl.SSLCertVerificationError):
                relay.tls().wrap_socket(raw, server_hostname="relay.example")
            # a key that does not fit, as after a crash between the two files: a new pair
            relay.stop()
            with open(os.path.join(relay.state, "key.pem"), "w") as file:
                file.write("junk")
            relay.start()
            with open(relay.ca) as file:
                self.assertNotEqual(first, file.read())
            self.assertEqual(Device(relay).create().status, 200)

    def test_no_session_can_be_resumed(self):
        with Relay() as relay:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = relay.tls()
                context.maximum_version = context.minimum_version = version
                session = None
                for _ in range(2):
                    raw = socket.create_connection((relay.host, relay.port))
                    sock = context.wrap_socket(raw, server_hostname=relay.host, session=session)
                    sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    while sock.recv(4096):
                        pass
                    self.assertFalse(sock.session_reused)
                    self.assertFalse(sock.session.has_ticket)
                    session = sock.session
                    sock.close()

    def test_in_memory_everything_goes_through_the_writer(self):
        with Relay("--store", ":memory:") as relay:
            alice = Device(relay)
            self.assertEqual(alice.create().status, 200)
            bob = alice.peer()
            held = bob.hold(1)
            self.assertEqual(alice.peer().read().status, 401)
            alice.update("two")
            self.assertEqual(held.get().status, 200)
            self.assertEqual(alice.ask("GET").status, 200)
            self.assertEqual(bob.delete().status, 200)
            self.assertEqual(alice.read().json()["type"], "completed")
            self.assertEqual(
                [name for name in os.listdir(relay.state) if not name.endswith(".pem")], []
            )

    def test_idle_relay_does_nothing(self):
        with Relay() as relay:
            Device(relay).create()
            stat = "/proc/%d/stat" % relay.process.pid

            def ticks():
                with open(stat) as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                return int(fields[11]) + int(fields[12])

            time.sleep(0.3)
            before = ticks()
            time.sleep(1)
            self.assertLessEqual(ticks() - before, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
