#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""How a relay gets to its Redis: over TLS, with a user of few rights, by Sentinels."""

import os
import re
import shlex
import subprocess
import unittest

from redisserver import Redis, RelayOn, free_port, need_redis
from relayprocess import RELAY, Device, payload, until

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
MANUAL = os.path.join(ROOT, "data", "man", "tigress-relay.8")
PASSWORD = "canary p@ss:w/rd?#%"
IN_URL = "canary%20p%40ss%3Aw%2Frd%3F%23%25"


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certificate(folder, name, subject, ca=None):
    """NAME.pem and NAME.key for SUBJECT, of its own or of the authority CA."""
    own = ["-CA", ca + ".pem", "-CAkey", ca + ".key"] if ca else []
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-keyout", name + ".key", "-out", name + ".pem",
            "-subj", "/CN=" + name, "-addext", "subjectAltName=" + subject, *own)


class Links(unittest.TestCase):
    def works(self, relay, other=None):
        """One exchange, and a read that is woken."""
        alice = Device(relay)
        self.assertEqual(alice.create(text="long", n_bytes=65564).status, 200)
        self.assertEqual(alice.read().json()["payload"], payload("long", 65564))
        bob = Device(other or relay, path=alice.path)
        self.assertEqual(bob.read().status, 200)
        held = alice.hold(1)
        self.assertEqual(bob.update("two").status, 200)
        self.assertEqual(held.get().headers["ETag"], '"2"')
        self.assertEqual(alice.delete().status, 200)

    def relay(self, store, settings=""):
        return self.enterContext(RelayOn(store, settings))

    def check_refused(self, relay, word):
        """503, and a sentence that says why and no more."""
        self.assertEqual(Device(relay).create().status, 503)
        until(lambda: word in relay.log, word)
        self.assertNotIn(b"canary", relay.log)

    def test_tls(self):
        redis = Redis("port 0", "bind 127.0.0.1", "tls-cert-file redis.pem",
                      "tls-key-file redis.key", "tls-ca-cert-file ca.pem")
        with open(redis.config, "a") as file:
            file.write("tls-port %d\n" % redis.port)
        certificate(redis.folder, "ca", "DNS:ca")
        certificate(redis.folder, "redis", "IP:127.0.0.1", "ca")
        certificate(redis.folder, "relay", "DNS:relay", "ca")
        certificate(redis.folder, "stranger", "DNS:stranger")
        self.enterContext(redis)
        store = "rediss://127.0.0.1:%d" % redis.port
        files = {name: os.path.join(redis.folder, name) for name in
                 ("ca.pem", "relay.pem", "relay.key", "stranger.pem", "stranger.key")}
        own = "StoreCertificate=%(relay.pem)s\nStoreKey=%(relay.key)s\n" % files
        good = "StoreCaFile=%(ca.pem)s\n" % files + own
        self.works(self.relay(store + "/3", good), self.relay(store + "/3", good))
        # by another authority, under another name, without or with a wrong certificate of ours
        self.check_refused(self.relay(store, "StoreCaFile=%(stranger.pem)s\n" % files + own),
                           b"TLS with the store: self-signed certificate")
        self.check_refused(self.relay(store, own), b"TLS with the store: ")
        self.check_refused(self.relay("rediss://localhost:%d" % redis.port, good),
                           b"TLS with the store: hostname mismatch")
        for settings in ("", "StoreCertificate=%(stranger.pem)s\nStoreKey=%(stranger.key)s\n"):
            relay = self.relay(store, ("StoreCaFile=%(ca.pem)s\n" + settings) % files)
            self.assertEqual(Device(relay).create().status, 503)
        # without TLS to where there is TLS, and with it to where there is none
        self.assertEqual(Device(self.relay("redis://127.0.0.1:%d" % redis.port))
                         .create().status, 503)
        plain = self.enterContext(Redis())
        self.assertEqual(Device(self.relay("rediss://127.0.0.1:%d" % plain.port, good))
                         .create().status, 503)

    def test_a_user_with_the_rights_of_the_manual(self):
        with open(MANUAL) as file:
            text = file.read()
        rule = re.search(r"^(ACL SETUSER tigress .*?)\n\.fi", text, re.M | re.S)[1]
        words = [">" + PASSWORD if word == ">PASSWORD" else word
                 for word in shlex.split(rule.replace("\\-", "-"))]
        redis = self.enterContext(Redis())
        redis.say(*words)
        redis.say("ACL", "SETUSER", "default", "off")
        where = "127.0.0.1:%d/1" % redis.port
        url = "redis://tigress:%s@%s" % (IN_URL, where)
        password = os.path.join(redis.folder, "password")
        with open(password, "w") as file:
            file.write(PASSWORD + "\n")
        os.chmod(password, 0o600)
        one = self.relay(url)
        two = self.relay("redis://tigress@" + where, "StorePasswordFile=%s\n" % password)
        self.works(one, two)
        path = "/v1/t/" + "A" * 43
        device = Device(one, path=path)
        self.assertEqual(device.ask("PUT", body=b"x", claim=False).status, 201)
        self.assertEqual(device.ask("GET").status, 200)
        self.assertEqual(device.ask("DELETE").status, 204)
        for relay in (one, two):
            self.assertNotIn(b"canary", relay.log)
            with open("/proc/%d/cmdline" % relay.process.pid, "rb") as file:
                self.assertNotIn(b"canary", file.read())
        # who he is not, and what he may not
        self.check_refused(self.relay("redis://tigress:wrong@" + where), b"answers WRONGPASS")
        self.check_refused(self.relay("redis://" + where), b"answers NOAUTH")

    def test_rights_that_are_taken_away_are_a_store_in_doubt(self):
        redis = self.enterContext(Redis())
        redis.say("ACL", "SETUSER", "some", "on", "nopass", "~*", "&*", "+@all")
        relay = self.relay("redis://some:x@127.0.0.1:%d" % redis.port)
        device = Device(relay)
        device.create()
        redis.say("ACL", "SETUSER", "some", "-hmget")
        self.assertEqual(device.read().status, 503)
        redis.say("ACL", "SETUSER", "some", "+hmget", "-hset")
        self.assertEqual(device.update("x").status, 503)
        redis.say("ACL", "SETUSER", "some", "+hset")
        self.assertEqual(device.update("x").status, 200)
        self.assertEqual(device.read().headers["ETag"], '"2"')

    def test_the_credential_of_the_unit(self):
        redis = self.enterContext(Redis("requirepass canary"))
        with open(os.path.join(redis.folder, "store-password"), "w") as file:
            file.write("canary")
        os.chmod(file.name, 0o600)
        relay = RelayOn("redis://127.0.0.1:%d" % redis.port)
        relay.environment["CREDENTIALS_DIRECTORY"] = redis.folder
        self.enterContext(relay)
        self.assertEqual(Device(relay).create().status, 200)

    def test_passwords_are_not_shown(self):
        result = subprocess.run(
            [RELAY, "--trial", "--check-config", "--config", "/dev/stdin"],
            input="[Relay]\nStore=redis://u:canary@host:1/2\n", capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("@host:1/2", result.stdout)
        self.assertNotIn("canary", result.stdout + result.stderr)

    def test_sentinels_know_the_master(self):
        """It dies with everything it has acknowledged in its replica; the relay follows."""
        master = self.enterContext(Redis())
        replica = self.enterContext(Redis("replicaof 127.0.0.1 %d" % master.port))
        sentinel = self.enterContext(Redis(
            "sentinel monitor mine 127.0.0.1 %d 1" % master.port,
            "sentinel down-after-milliseconds mine 300",
            "sentinel failover-timeout mine 3000", sentinel=True))
        store = "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d/mine" % (free_port(), sentinel.port)
        relay = self.relay(store)
        alice = Device(relay)
        self.assertEqual(until(lambda: alice.create().status == 200, "a master is found"), True)
        bob = alice.peer()
        self.assertEqual(bob.read().status, 200)
        until(lambda: b"slaves=1" in sentinel.say("INFO", "sentinel"), "it knows the replica")
        until(lambda: replica.say("DBSIZE") == master.say("DBSIZE"), "the replica has it")
        held = alice.hold(1)
        master.kill()
        until(lambda: bob.update("two").status == 200, "the replica is the master now")
        self.assertEqual(held.get().headers["ETag"], '"2"')
        self.assertEqual(replica.say("ROLE")[0], b"master")


if __name__ == "__main__":
    need_redis()
    unittest.main(verbosity=2, warnings="ignore")
