#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Three relays on one Redis behind nginx, in the middle of exchanges: a relay dies and comes
back, then Redis does. Every exchange is completed, and nothing that was acknowledged is lost."""

import base64
import http.client
import os
import shutil
import subprocess
import sys
import threading
import time
import unittest

from redisserver import Redis, RelayOn, free_port, need_redis
from relayprocess import DEADLINE_S, Device, draw, payload, until

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
N_EXCHANGES = 24
N_RACERS = 24

CONFIG = """
worker_processes 1;
daemon off;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u;
    scgi_temp_path s;
    upstream relays {
        %s
        keepalive 32;
    }
    server {
        listen 127.0.0.1:%d;
        client_max_body_size 200k;
        location / {
            proxy_pass http://relays;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_read_timeout 90s;
            proxy_next_upstream error timeout;
        }
    }
}
"""


class Balancer:
    """In place of a relay, for Device."""

    def __init__(self, folder, relays):
        self.host, self.port = "127.0.0.1", free_port()
        self.origin = "https://relay.example"
        config = os.path.join(folder, "nginx.conf")
        servers = " ".join("server 127.0.0.1:%d max_fails=1 fail_timeout=1s;" % relay.fixed_port
                           for relay in relays)
        with open(config, "w") as file:
            file.write(CONFIG % (servers, self.port))
        self.process = subprocess.Popen(
            [NGINX, "-e", os.path.join(folder, "error.log"), "-p", folder, "-c", config],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.is_there, "nginx listens")

    def is_there(self):
        assert self.process.poll() is None, "nginx ended"
        try:
            self.connect().connect()
        except ConnectionRefusedError:
            return False
        return True

    def connect(self, source=None):
        return http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE_S)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.terminate()
        self.process.wait(DEADLINE_S)


def insist(device, method, path=None, body=None, headers=None):
    """As a client does: the same request under the same id, until it is answered."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        try:
            answer = device.ask(method, path, body, headers)
        except (http.client.HTTPException, ConnectionError):
            device.connection.close()
            answer = None
        if answer and answer.status not in (500, 502, 503, 504):
            return answer
        time.sleep(0.01)
    raise AssertionError("never answered: " + method)


class Exchange(threading.Thread):
    """Create, bind, and turn by turn an update that the other is waiting for; STEPS of them are
    acknowledged before the pause, as many after it, and then it is deleted."""

    STEPS = 6

    def __init__(self, balancer, number, pause):
        super().__init__(daemon=True)
        self.alice = Device(balancer)
        self.number, self.pause = number, pause
        self.problem = "never ended"
        self.start()

    def run(self):
        try:
            self.exchange()
            self.problem = None
        except BaseException as problem:
            self.problem = repr(problem)
            self.pause.abort()

    def text(self, version):
        return "%d-%d" % (self.number, version)

    def turn(self, writer, reader, version):
        """WRITER puts VERSION + 1, READER gets it by the read that he holds."""
        got = []

        def wait():
            got.append(insist(reader, "POST", headers={
                "If-None-Match": '"%d"' % version, "Prefer": "wait=50"}))

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        if version == self.STEPS:
            self.pause.wait(DEADLINE_S)  # all are here, with a read held
            self.pause.wait(DEADLINE_S)  # it is over
        written = insist(writer, "PUT", body={"payload": payload(self.text(version + 1))},
                         headers={"Mailbox-Request-ID": draw(), "If-Match": '"%d"' % version})
        assert written.status in (200, 201), written.status
        waiting.join(DEADLINE_S)
        assert got, "not woken"
        self.check(got[0], version + 1)

    def check(self, answer, version):
        assert answer.status == 200, answer.status
        assert answer.headers["ETag"] == '"%d"' % version, answer.headers["ETag"]
        data = base64.b64decode(answer.json()["payload"]["data"]).rstrip(b".").decode()
        assert data == self.text(version), data

    def exchange(self):
        alice, request = self.alice, {"Mailbox-Request-ID": draw()}
        body = {"payload": payload(self.text(1)),
                "displayInformation": {"title": "Key", "description": "", "imageURL": ""},
                "mailboxConfiguration": {"accessRights": "RWD"}}
        answer = insist(alice, "POST", "/v1/m", body, request)
        assert answer.status in (200, 201), answer.status
        alice.path = answer.json()["urlLink"].removeprefix(alice.relay.origin)
        bob = alice.peer()
        self.check(insist(bob, "POST"), 1)
        for version in range(1, 2 * self.STEPS):
            writer, reader = (bob, alice) if version % 2 else (alice, bob)
            self.turn(writer, reader, version)
        self.check(insist(alice, "POST"), 2 * self.STEPS)
        assert insist(alice, "DELETE", headers={"Mailbox-Request-ID": draw()}).status in (200, 404)
        assert insist(bob, "POST").json()["type"] == "cancelled"


class Balanced(unittest.TestCase):
    def setUp(self):
        self.redis = self.enterContext(Redis())
        self.relays = [self.enterContext(RelayOn(self.redis.url())) for _ in range(3)]
        self.balancer = self.enterContext(Balancer(self.redis.folder, self.relays))

    def through_the_pause(self, fault):
        pause = threading.Barrier(N_EXCHANGES + 1)
        exchanges = [Exchange(self.balancer, i, pause) for i in range(N_EXCHANGES)]
        try:
            pause.wait(DEADLINE_S)
            fault()
            pause.wait(DEADLINE_S)
        except threading.BrokenBarrierError:
            pass
        for exchange in exchanges:
            exchange.join(DEADLINE_S)
        self.assertEqual([e.problem for e in exchanges], [None] * N_EXCHANGES)
        until(lambda: self.redis.keys("m:") == [], "every mailbox is deleted")

    def test_a_relay_dies_and_comes_back(self):
        def fault():
            self.relays[1].kill()
            self.relays[1].start()

        self.through_the_pause(fault)

    def test_redis_dies_and_comes_back(self):
        def fault():
            before = self.redis.say("DBSIZE")
            self.redis.kill()
            self.redis.start()
            self.assertEqual(self.redis.say("DBSIZE"), before)

        self.through_the_pause(fault)

    def test_both_die_under_load(self):
        """At no moment that anybody has chosen."""
        pause = threading.Barrier(N_EXCHANGES, timeout=DEADLINE_S)
        exchanges = [Exchange(self.balancer, i, pause) for i in range(N_EXCHANGES)]
        for relay in self.relays:
            relay.kill()
            relay.start()
            self.redis.kill()
            self.redis.start()
        for exchange in exchanges:
            exchange.join(DEADLINE_S)
        self.assertEqual([e.problem for e in exchanges], [None] * N_EXCHANGES)

    def test_exactly_one_of_many_racers_binds_while_relays_die(self):
        alice = Device(self.balancer)
        self.assertEqual(alice.create().status, 200)
        racers = [alice.peer() for _ in range(N_RACERS)]
        statuses = []
        threads = [threading.Thread(
            target=lambda racer=racer: statuses.append(insist(racer, "POST").status), daemon=True)
            for racer in racers]
        for thread in threads:
            thread.start()
        self.relays[0].kill()
        self.redis.kill()
        self.redis.start()
        self.relays[0].start()
        for thread in threads:
            thread.join(DEADLINE_S)
        self.assertEqual(sorted(statuses), [200] + [401] * (N_RACERS - 1))
        again = sorted(insist(racer, "POST").status for racer in racers)
        self.assertEqual(again, sorted(statuses))


if __name__ == "__main__":
    need_redis()
    if not NGINX:
        print("skipped: needs nginx: tests/packages.sh test installs it")
        sys.exit(77)
    unittest.main(verbosity=2, warnings="ignore")
