#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What supervisors are told: counts, and whether the relay lives and can work."""

import base64
import os
import re
import resource
import signal
import socket
import subprocess
import time
import unittest

from relayprocess import DEADLINE_S, RELAY, Answer, Device, Relay, Watched, draw, until

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
SAMPLE = r'tigress_relay_[a-z_]+(\{[a-z]+="[a-z0-9.+I-]+"(,[a-z]+="[a-z0-9-]+")?\})? \d+(\.\d+)?'


class Metrics(unittest.TestCase):
    def test_requests_are_counted_by_kind_and_status(self):
        with Watched() as relay:
            alice = Device(relay)
            alice.create()
            bob = alice.peer()
            bob.read()
            alice.peer().read()
            bob.update("two")
            alice.ask("GET")
            bob.relinquish()
            alice.delete()
            alice.read()
            alice.ask("BREW", "/nowhere")
            for kind, status, n in [
                ("create", "2xx", 1), ("read", "2xx", 1), ("read", "4xx", 2), ("update", "2xx", 1),
                ("preview", "2xx", 1), ("relinquish", "4xx", 1), ("delete", "2xx", 1),
                ("none", "4xx", 1), ("create", "5xx", 0),
            ]:
                self.assertEqual(relay.requests(kind, status), n, (kind, status))
            self.assertEqual(relay.number("request_seconds_count"), 9)
            self.assertEqual(relay.number('request_seconds_bucket{le="+Inf"}'), 9)
            self.assertGreater(relay.number("request_seconds_sum"), 0)
            # create, bind, update, delete; the sweeps may add some
            self.assertGreaterEqual(relay.number("store_commits_total"), 4)

    def test_held_reads_and_connections_come_and_go(self):
        with Watched() as relay:
            alice = Device(relay)
            alice.create()
            held = alice.hold(1)
            until(lambda: relay.number("held_reads") == 1, "one is held")
            self.assertGreaterEqual(relay.number("connections"), 2)
            n = relay.number("request_seconds_count")
            alice.update("two")
            held.get()
            until(lambda: relay.number("held_reads") == 0, "none is held")
            self.assertEqual(relay.number("request_seconds_count"), n + 1)  # not the held one
            held.device.connection.close()
            alice.connection.close()
            until(lambda: relay.number("connections") == 0, "all have gone")
            self.assertGreaterEqual(relay.number("connections_accepted_total"), 2)

    def test_what_the_store_has_and_what_has_expired(self):
        with Watched("EraseInterval=1\n") as relay:
            alice = Device(relay)
            alice.create(expires=int(time.time()) + 3600)
            Device(relay).create(expires=int(time.time()) + 2)
            path = "/v1/t/" + base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
            headers = {"Expires-In": "1", "Mailbox-Request-ID": draw()}
            self.assertEqual(alice.ask("PUT", path, b"octets", headers, claim=False).status, 201)
            until(lambda: relay.number("expired_total") == 2, "both are erased")
            self.assertEqual(relay.number("mailboxes"), 1)
            self.assertEqual(relay.number("messages"), 0)
            self.assertGreater(relay.number("store_bytes"), 4096)

    def test_nothing_but_counts(self):
        with Watched("CreationsPerMinute=2\n") as relay:
            alice = Device(relay)
            alice.create(title="Moonshine")
            alice.create()
            self.assertEqual(Device(relay).create().status, 429)
            bob = alice.peer()
            bob.read()
            text = relay.text()
            for line in text.splitlines():
                if not line.startswith("# "):
                    self.assertRegex(line, "^" + SAMPLE + "$")
            for secret in (alice.claim, bob.claim, alice.path, alice.path[-12:], "Moonshine",
                           "127.0.0.1", str(relay.port)):
                self.assertNotIn(secret, text)
            self.assertEqual(relay.number('limited_total{limit="creation-rate"}'), 1)

    def test_manual_has_every_metric(self):
        with Watched() as relay:
            known = set(re.findall(r"^# TYPE (\S+) ", relay.text(), re.M))
        with open(os.path.join(ROOT, "data/man/tigress-relay.8")) as file:
            told = set(re.findall(r"tigress_relay_[a-z_]+", file.read()))
        self.assertGreater(len(known), 10)
        self.assertEqual(told, known)

    def test_reloads_are_counted(self):
        with Watched() as relay:
            relay.reload()
            relay.reload("Junk=1\n", "the settings stay what they were")
            self.assertEqual(relay.number('reloads_total{result="taken"}'), 1)
            self.assertEqual(relay.number('reloads_total{result="refused"}'), 1)


class Health(unittest.TestCase):
    def test_ready_while_the_store_takes_changes(self):
        with Watched("EraseInterval=30\n") as relay:
            alice = Device(relay)
            alice.create()
            self.assertEqual((relay.ask("/readyz").status, relay.ask("/healthz").status),
                             (200, 200))
            pid, most = relay.process.pid, resource.RLIM_INFINITY
            size = os.path.getsize(os.path.join(relay.state, "relay.db-wal"))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))
            self.assertEqual(Device(relay).create().status, 503)
            answer = relay.ask("/readyz")
            self.assertEqual((answer.status, answer.body), (503, b"the store is in doubt\n"))
            self.assertEqual(relay.ask("/healthz").status, 200)
            self.assertEqual(relay.number("store_in_doubt"), 1)
            self.assertGreaterEqual(relay.number("store_errors_total"), 1)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
            self.assertEqual(Device(relay).create().status, 200)
            self.assertEqual(relay.ask("/readyz").status, 200)

    def test_not_ready_once_it_stops(self):
        with Watched("StopTimeout=600\n") as relay:
            late = Device(relay)
            late.connection.putrequest("POST", "/v1/m")
            late.connection.putheader("Content-Length", "10")
            late.connection.endheaders(b"[")
            until(lambda: relay.number("body_bytes") == 1, "it has begun")
            relay.process.send_signal(signal.SIGTERM)
            until(lambda: relay.ask("/readyz").status == 503, "it says so")
            self.assertEqual(relay.ask("/readyz").body, b"stopping\n")
            self.assertEqual(relay.ask("/healthz").status, 200)
            late.connection.send(b"         ")
            self.assertEqual(Answer(late.connection.getresponse()).status, 415)
            self.assertEqual(relay.ended(), 0)
            relay.start()


class Sockets(unittest.TestCase):
    def test_each_socket_has_its_own(self):
        with Watched() as relay:
            self.assertEqual(relay.ask("/v1/m").status, 404)
            self.assertEqual(relay.ask("/").status, 404)
            self.assertEqual(relay.ask("/metrics", "POST").status, 405)
            self.assertEqual(relay.ask("/metrics", "HEAD").body, b"")
            for path in ("/metrics", "/healthz", "/readyz"):
                self.assertEqual(Device(relay).ask("GET", path).status, 404)
            for octets in (b"\0" * 5000, b"GET /" + b"a" * 9000, b"GET / HTTP/9\r\n\r\n"):
                with socket.create_connection(("127.0.0.1", relay.monitor)) as sock:
                    sock.sendall(octets)
            self.assertEqual(relay.ask("/healthz").status, 200)

    def test_local_socket_also_after_a_crash(self):
        relay = Relay(settings="")
        path = os.path.join(relay.directory, "metrics.sock")
        relay.set("MetricsListen=unix:%s\n" % path)

        def health():
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(path)
                sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: sock.recv(4096), b""))

        with relay:
            self.assertEqual(relay.process.stdout.readline(), b"metrics unix:%s\n" % path.encode())
            self.assertTrue(health().startswith(b"HTTP/1.0 200") or b" 200 OK" in health())
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o700 & ~0o077)
            relay.kill()
            relay.start()
            self.assertIn(b" 200 OK", health())

    def test_systemd_may_hand_one_over(self):
        relay = Relay("--store", ":memory:")
        ports = []
        for _ in range(2):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                ports.append(probe.getsockname()[1])
        command = ["systemd-socket-activate", "--fdname=relay:metrics",
                   "-l", "127.0.0.1:%d" % ports[0], "-l", "127.0.0.1:%d" % ports[1],
                   RELAY, "--trial", "--state-directory", relay.state, "--store", ":memory:"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        def poke():
            try:
                return socket.create_connection(("127.0.0.1", ports[1]), DEADLINE_S)
            except ConnectionRefusedError:
                return None

        try:
            until(poke, "systemd listens").close()
            lines = [process.stdout.readline().decode() for _ in range(3)]
            self.assertEqual(lines[0], "listening https://127.0.0.1:%d\n" % ports[0])
            self.assertEqual(lines[2], "metrics http://127.0.0.1:%d\n" % ports[1])
            relay.monitor = ports[1]
            self.assertEqual(Watched.ask(relay, "/healthz").status, 200)
            self.assertNotIn(b"tigress_relay_mailboxes", Watched.ask(relay, "/metrics").body)
        finally:
            process.terminate()
            self.assertEqual(process.wait(DEADLINE_S), 0)
            process.stdout.close()
            subprocess.run(["rm", "-rf", relay.directory], check=True)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
