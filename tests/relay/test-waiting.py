#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What waits costs nothing. Where there is no descriptor for another connection, or no room, those
who come wait, those who are there are served, and when there is one again all are, without a restart;
none is ever lost.

The cost is the relay's processor time, which no other load can raise: a loop that tries again and
again takes what it gets of a core, many times as much as is allowed here."""

import contextlib
import http.client
import itertools
import os
import resource
import socket
import time
import unittest

from relayprocess import DEADLINE_S, Answer, Device, Watched, until

WINDOW_S = 2
MOST_TICKS = WINDOW_S * os.sysconf("SC_CLK_TCK") * 4 // 100
N_WAITING = 20
SETTINGS = "EraseInterval=1\n"
HEADER = b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 443\r\n"


class Fds(Watched):
    def fds(self):
        return {int(name) for name in os.listdir("/proc/%d/fd" % self.process.pid)}

    def ticks(self):
        """Of all its threads."""
        with open("/proc/%d/stat" % self.process.pid) as file:
            fields = file.read().rpartition(") ")[2].split()
        return int(fields[11]) + int(fields[12])

    def allow(self, n):
        """As many descriptors, however many there are; None: as at first."""
        _, most = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (most if n is None else n, most))

    def allow_no_more(self):
        there = self.fds()
        self.allow(next(n for n in itertools.count() if n not in there))

    def n_own(self):
        """How many there are besides the connections'."""
        return len(self.fds()) - self.number("connections")

    def raw(self, port, header=b""):
        """A connection that the kernel has taken."""
        raw = socket.create_connection((self.host, port), DEADLINE_S)
        raw.sendall(header)
        return raw

    def device(self, header):
        """On a connection that is there, and begins with HEADER."""
        device = Device(self)
        device.connection.sock = self.tls().wrap_socket(
            self.raw(self.port, header), server_hostname=self.host)
        return device


@unittest.skipUnless(os.geteuid() == 0, "a relay lets nobody but root see its descriptors")
class Waiting(unittest.TestCase):
    def check_idle(self, relay):
        """It is not said when it first finds that there is none: it sleeps from then on."""
        n = relay.ticks()
        time.sleep(WINDOW_S)
        self.assertLessEqual(relay.ticks() - n, MOST_TICKS)

    def check_waiting(self, settings="", header=b""):
        with Fds(SETTINGS + settings) as relay, contextlib.ExitStack() as stack:
            first = relay.device(header)
            self.assertEqual(first.create().status, 200)
            self.assertEqual(relay.ask("/healthz").status, 200)
            before = min(relay.n_own() for _ in range(20))
            devices = [relay.device(header) for _ in range(2)]
            self.assertEqual(devices[0].create(expires=int(time.time()) + 3).status, 200)
            devices[1].claim, devices[1].path = first.claim, first.path
            held = first.hold(1) if not header else None

            relay.allow_no_more()
            waiting = [stack.enter_context(relay.raw(relay.port, header)) for _ in range(N_WAITING)]
            watching = [stack.enter_context(relay.raw(relay.monitor)) for _ in range(2)]
            self.check_idle(relay)
            # nothing else has stopped
            self.assertEqual(first.ask("GET", claim=False).status, 200)
            self.assertEqual(devices[1].read().status, 200)
            until(lambda: devices[0].read().status == 404, "its time is up")
            self.assertEqual(first.update("two").status, 200)
            if held:
                self.assertEqual(held.get().headers["ETag"], '"2"')
            self.check_idle(relay)

            relay.allow(None)
            for raw in waiting:
                device = Device(relay, first.claim, first.path)
                device.connection.sock = relay.tls().wrap_socket(raw, server_hostname=relay.host)
                self.assertEqual(device.read().headers["ETag"], '"2"')
                device.connection.close()
            for raw in watching:
                connection = http.client.HTTPConnection("127.0.0.1", relay.monitor)
                connection.sock = raw
                connection.request("GET", "/readyz")
                self.assertEqual(Answer(connection.getresponse()).status, 200)
                connection.close()
            self.assertEqual(relay.log.count(b"the store is in doubt"), 0)
            for device in devices:
                device.connection.close()
            until(lambda: relay.n_own() == before, "none is lost")

    def test_none_for_another_connection(self):
        self.check_waiting()

    def test_none_for_what_a_proxy_brings(self):
        self.check_waiting("ProxyProtocol=1\nTrustedProxies=127.0.0.1\n", HEADER)

    def test_no_room(self):
        with Fds(SETTINGS + "MaxConnections=4\n") as relay, contextlib.ExitStack() as stack:
            taken = [Device(relay) for _ in range(4)]
            for device in taken:
                device.connection.connect()
            waiting = [stack.enter_context(relay.raw(relay.port)) for _ in range(N_WAITING)]
            self.check_idle(relay)
            for device in taken:
                self.assertEqual(device.create().status, 200)
                device.connection.close()
            for raw in waiting:
                tls = relay.tls().wrap_socket(raw, server_hostname=relay.host)
                device = Device(relay)
                device.connection.sock = tls
                self.assertEqual(device.create().status, 200)
                device.connection.close()


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
