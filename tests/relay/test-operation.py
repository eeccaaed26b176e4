#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The relay as its operator sees it: settings checked and read again, certificates, the end."""

import os
import re
import signal
import socket
import ssl
import subprocess
import unittest

from relayprocess import (
    DEADLINE_S, RELAY, Answer, Device, Relay, Watched, create_body, draw, make_pair, until
)

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
ORIGIN = "https://relay.example"


class Certified(Relay):
    """One with a certificate that its operator has given it."""

    def __init__(self, settings=""):
        super().__init__(settings=settings, plain=True)
        self.certificate = os.path.join(self.directory, "certificate.pem")
        self.key = os.path.join(self.directory, "key.pem")
        self.give("first")
        self.options += ["--public-url", ORIGIN,
                         "--certificate", self.certificate, "--key", self.key]

    def start(self):
        super().start()
        self.is_plain = False
        self.origin, self.ca = ORIGIN, self.certificate
        return self

    def give(self, name):
        for made, path in zip(make_pair(self.directory, name), (self.certificate, self.key)):
            os.replace(made, path)

    def shown(self):
        """The certificate that a new connection gets, in DER."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        raw = socket.create_connection((self.host, self.port), DEADLINE_S)
        with context.wrap_socket(raw) as sock:
            return sock.getpeercert(True)

    def given(self):
        with open(self.certificate) as file:
            return ssl.PEM_cert_to_DER_cert(file.read())


class Settings(unittest.TestCase):
    def setUp(self):
        self.relay = Relay(settings="")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.relay.directory])

    def check(self, settings, *options):
        self.relay.set(settings)
        return subprocess.run(
            [RELAY, "--check-config", "--config", self.relay.settings_path, "--state-directory",
             self.relay.state, *options],
            capture_output=True, text=True, timeout=DEADLINE_S,
        )

    def test_check_prints_settings_that_say_the_same(self):
        result = self.check("# mine\n\n PublicUrl = https://X.example/ \nMaxLife=77\n"
                            "Listen=127.0.0.1:1;[::1]:2;\n", "--store", "sqlite:/x/y")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0], "[Relay]")
        for line in ("Listen=127.0.0.1:1;[::1]:2", "PublicUrl=https://x.example", "Store=/x/y",
                     "MaxLife=77", "MaxPayload=65564"):
            self.assertIn(line, lines)
        again = self.check(result.stdout.partition("\n")[2])
        self.assertEqual(again.stdout, result.stdout)
        self.assertFalse(os.path.exists(self.relay.state))

    def test_manual_names_what_waits_for_a_start(self):
        with open(os.path.join(ROOT, "data/man/tigress-relay.conf.5")) as file:
            told = file.read().partition("At the next start only:\n")[2].partition(".SH")[0]
        with open(os.path.join(ROOT, "relay/settings.c")) as file:
            fixed = re.findall(r'\{"(\w+)",[^{}]*?\bFIXED\b', file.read())
        self.assertGreater(len(fixed), 10)
        self.assertEqual(sorted(re.findall(r"(\w+)= ", told)), sorted(fixed))

    def test_check_prints_no_password(self):
        result = self.check("PublicUrl=https://x.example\nStore=redis://ann:s3cret@x.example/1\n")
        if "built without Redis" in result.stderr:
            self.skipTest(result.stderr)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertNotIn("s3cret", result.stdout)
        self.assertRegex(result.stdout, r"\nStore=redis://[^\n]*@x\.example/1\n")

    def test_what_is_wrong_is_one_sentence_with_file_and_line(self):
        certificate, _ = make_pair(self.relay.directory, "one")
        _, key = make_pair(self.relay.directory, "two")
        public = "PublicUrl=https://x.example\n"
        cases = [  # line in the file (0: none), what is named
            (public + "\nMaxlife=1\n", 4, "Maxlife= is no setting of tigress-relay: see"),
            (public + "MaxLife=0\n", 3, "MaxLife= must be a number from 1 to"),
            (public + "MaxLife=1h\n", 3, "MaxLife= must be a number"),
            (public + "MaxLife=\n", 3, "MaxLife= has no value: give one"),
            (public + "MaxLife=1\nMaxTitle=5\nMaxLife=1\n", 5, "in line 3: remove one"),
            (public + "junk\n", 3, "Key=Value"),
            (public + "[Other]\n", 3, "[Relay]"),
            (public + "Store=redis-is-no-url://\n", 3, "the store must be"),
            ("PublicUrl=http://x.example\n", 2, "must be https://"),
            (public + "Certificate=/c\n", 3, "set both"),
            (public + "Certificate=/none\nKey=/none\n", 0, "check Certificate= and Key="),
            (public + "Certificate=%s\nKey=%s\n" % (certificate, key), 0, "not the certificate's"),
            (public + "Certificate=%s\nKey=%s\n" % (key, key), 0, "no chain in PEM"),
            (public + "Listen=somewhere:1\n", 0, "give a numeric address"),
            (public + "Listen=0.0.0.0:1\n", 0, "Certificate="),
            (public + "TrustedProxies=unix;10.0.0.0/8;x\n", 3, '"x" is no network'),
            (public + "ProxyProtocol=1\n", 3, "set TrustedProxies="),
            ("", 0, "PublicUrl="),
        ]
        for settings, line, named in cases:
            result = self.check(settings)
            self.assertEqual((result.returncode, result.stdout), (2, ""), settings)
            where = "%s:%d: " % (self.relay.settings_path, line) if line else ""
            self.assertRegex(
                result.stderr, "^tigress-relay: error: %s[^\n]*\n$" % re.escape(where), settings)
            self.assertIn(named, result.stderr)
        self.assertFalse(os.path.exists(self.relay.state))


class Reload(unittest.TestCase):
    def test_new_settings_disturb_no_connection_and_no_held_read(self):
        with Relay(settings="MaxTitle=3\n") as relay:
            alice = Device(relay)
            self.assertEqual(alice.create(title="Four").status, 413)
            self.assertEqual(alice.create(title="One").status, 200)
            held = alice.hold(1)
            local = alice.connection.sock.getsockname()
            relay.reload("MaxTitle=4\nCreationsPerMinute=1\n")
            sender = Device(relay, alice.claim, alice.path)
            self.assertEqual(Device(relay).create(title="Four").status, 200)
            self.assertEqual(Device(relay).create(title="Four").status, 429)
            self.assertEqual(alice.read().status, 200)
            self.assertEqual(alice.connection.sock.getsockname(), local)
            self.assertIsNone(held.answer)
            self.assertEqual(sender.update("two").status, 200)
            self.assertEqual(held.get().status, 200)

    def test_broken_settings_are_named_and_not_taken(self):
        with Relay(settings="MaxTitle=3\n") as relay:
            alice = Device(relay)
            for broken, named in [
                ("MaxTitle=4\nMaxTitel=5\n", ":3: MaxTitel="), ("MaxTitle=4\nKey=/k\n", "set both")
            ]:
                relay.reload(broken, "the settings stay what they were: ")
                until(lambda: named.encode() in relay.log, named)
                self.assertEqual(alice.create(title="Four").status, 413)
            os.unlink(relay.settings_path)
            relay.reload(None, "the settings stay what they were: cannot read ")
            self.assertEqual(alice.create(title="Four").status, 413)
            relay.reload("MaxTitle=4\n")
            self.assertEqual(alice.create(title="Four").status, 200)

    def test_what_needs_a_start_is_named_and_stays(self):
        with Relay(settings="TellEnd=100\nMaxTitle=3\n") as relay:
            relay.reload("TellEnd=0\nMaxTitle=4\nStore=:memory:\n",
                         "Store=, TellEnd= will change at the next start")
            alice = Device(relay)
            self.assertEqual(alice.create(title="Four").status, 200)
            alice.delete()
            self.assertEqual(alice.read().json()["type"], "cancelled")

    def test_certificate_is_changed_under_open_connections(self):
        with Certified() as relay:
            alice = Device(relay)
            self.assertEqual(alice.create().status, 200)
            held = alice.hold(1)
            local = alice.connection.sock.getsockname()
            first = relay.given()
            self.assertEqual(relay.shown(), first)
            relay.give("second")
            self.assertEqual(relay.shown(), first)  # it has not been told yet
            relay.reload()
            self.assertNotEqual(relay.given(), first)
            self.assertEqual(relay.shown(), relay.given())
            self.assertIsNone(held.answer)
            self.assertEqual(alice.update("two").status, 200)
            self.assertEqual(alice.connection.sock.getsockname(), local)
            self.assertEqual(held.get().status, 200)

    def test_certificate_without_its_key_is_not_taken(self):
        with Certified() as relay:
            first = relay.shown()
            second, _ = make_pair(relay.directory, "second")
            os.replace(second, relay.certificate)
            relay.reload(None, "the key is not the certificate's")
            self.assertEqual(relay.shown(), first)

    def test_supervisor_is_told(self):
        relay = Relay(settings="")
        path = os.path.join(relay.directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(DEADLINE_S)
            relay.environment.update(NOTIFY_SOCKET=path)
            with relay:
                self.assertEqual(notify.recv(4096), b"READY=1")
                relay.reload("")
                self.assertRegex(notify.recv(4096), rb"^RELOADING=1\nMONOTONIC_USEC=[1-9]\d*$")
                self.assertEqual(notify.recv(4096), b"READY=1\nSTATUS=")
                relay.reload("Junk=1\n", "the settings stay what they were")
                self.assertRegex(notify.recv(4096), rb"^RELOADING=1\nMONOTONIC_USEC=[1-9]\d*$")
                self.assertRegex(notify.recv(4096), rb"^READY=1\nSTATUS=Settings not taken: .*Junk=")
            self.assertEqual(notify.recv(4096), b"STOPPING=1")


class Stop(unittest.TestCase):
    def test_what_runs_is_finished_and_nobody_else_comes_in(self):
        with Watched("StopTimeout=600\n") as relay:
            alice = Device(relay)
            alice.create()
            held = alice.hold(1)
            late = Device(relay)
            body = str(create_body()).replace("'", '"').encode()
            late.connection.putrequest("POST", "/v1/m")
            for name, value in {
                "Mailbox-Device-Claim": draw(), "Mailbox-Request-ID": draw(),
                "Content-Type": "application/json", "Content-Length": str(len(body)),
            }.items():
                late.connection.putheader(name, value)
            late.connection.endheaders(body[:10])
            until(lambda: relay.number("body_bytes") == 10, "it has begun")
            relay.process.send_signal(signal.SIGTERM)
            self.assertEqual(held.get().status, 304)

            def is_refused():
                try:
                    socket.create_connection((relay.host, relay.port)).close()
                except ConnectionRefusedError:
                    return True
                return False

            until(is_refused, "it listens no more")
            late.connection.send(body[10:])
            answer = Answer(late.connection.getresponse())
            self.assertEqual((answer.status, answer.headers["Connection"]), (200, "close"))
            self.assertEqual(relay.ended(), 0)
            relay.start()

    def test_whoever_never_ends_a_request_is_not_waited_for(self):
        with Watched("StopTimeout=1\n") as relay:
            sock = relay.socket()
            sock.sendall(b"POST /v1/m HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            until(lambda: relay.number("body_bytes") == 1, "it has begun")
            relay.stop()  # long before a request's time is up, 90 s
            relay.start()
            sock.close()


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
