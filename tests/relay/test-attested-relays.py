#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Relays that want an attestation: who issues, who redeems, and who can know of what."""

import base64
import hashlib
import json
import os
import random
import subprocess
import time
import unittest

from redisserver import SERVER, Redis, RelayOn
from relayprocess import DEADLINE_S, RELAY, Answer, Device, Relay, create_body, draw
from tokenissuer import (
    Issuer, as_credentials, as_mac, get_token, is_signed, read_challenge
)

NAME = "issuer.example:8443"
SHARED = bytes(range(32))
HEADER = "Mailbox-Device-Attestation"


def write(relay, name, text, mode=0o600):
    path = os.path.join(relay.directory, name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def token_settings(*paths, window=86400):
    return "Attestation=token\nTokenIssuer=%s\nTokenWindow=%d\nAttestationKeys=%s\n" % (
        NAME, window, ";".join(paths))


def create(relay, credentials=None, claim=None, request=None, header=HEADER, body=None):
    device = Device(relay, claim)
    headers = {"Mailbox-Request-ID": request or draw()}
    if credentials is not None:
        headers[header] = credentials
    answer = device.ask("POST", "/v1/m", body or create_body(), headers)
    device.connection.close()
    return answer


def challenge_of(relay):
    answer = create(relay)
    assert answer.status == 401, answer.status
    return read_challenge(answer.headers["WWW-Authenticate"])


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.issuer, cls.next = Issuer(), Issuer()

    def relay(self, **how):
        relay = Relay(settings="", **how)
        self.path = write(relay, "issuer.pem", self.issuer.pem(), 0o644)
        relay.set(token_settings(self.path))
        return relay

    def token(self, challenge):
        return as_credentials(get_token(self.issuer, challenge))

    def test_challenge_says_whose_token_and_for_whom(self):
        with self.relay() as relay:
            challenge = challenge_of(relay)
            self.assertEqual(challenge["issuer"], NAME)
            self.assertEqual(challenge["origin"], relay.origin.partition("://")[2])
            self.assertEqual(challenge["key"], self.issuer.key)
            self.assertEqual(challenge_of(relay)["octets"], challenge["octets"])
            self.assertTrue(86400 <= challenge["max-age"] <= 2 * 86400)
            token = self.token(challenge)
            self.assertEqual(create(relay, token, header="Authorization").status, 200)
            # known beforehand, of any mailbox, and without one
            stranger = Device(relay, path="/v1/m/" + draw())
            answer = stranger.ask("GET", claim=False)
            stranger.connection.close()
            self.assertEqual((answer.status, answer.headers[HEADER]), (404, "PrivateToken"))

    def test_blind_tokens_tell_their_issuer_nothing(self):
        """Each token fits each of the issuer's views equally: for every pair of them there is a
        blinding under which that view is of that token."""
        with self.relay() as relay:
            challenge = challenge_of(relay)
            self.issuer.seen.clear()
            tokens = [get_token(self.issuer, challenge) for _ in range(4)]
            views = list(self.issuer.seen)
            random.shuffle(tokens)
            for token in tokens:
                self.assertEqual(create(relay, as_credentials(token)).status, 200)
            n = self.issuer.modulus
            for token in tokens:
                signature = int.from_bytes(token[98:], "big")
                is_right, encoded = is_signed(token[:98], signature, n)
                self.assertTrue(is_right)
                for blinded, blind_signature in views:
                    self.assertNotIn(signature, (blinded, blind_signature))
                    self.assertNotIn(encoded, (blinded, blind_signature))
                    blind = blind_signature * pow(signature, -1, n) % n
                    self.assertEqual(encoded * pow(blind, 65537, n) % n, blinded)

    def test_what_is_kept_of_a_token_is_no_part_of_it(self):
        with self.relay() as relay:
            challenge = challenge_of(relay)
            tokens = [get_token(self.issuer, challenge) for _ in range(3)]
            for token in tokens:
                self.assertEqual(create(relay, as_credentials(token)).status, 200)
            kept = relay.files()
            for token in tokens:
                parts = (token[2:34], token[34:66], token[66:98], token[98:],
                         base64.urlsafe_b64encode(token)[:64], hashlib.sha256(token).digest(),
                         hashlib.sha256(token[:98]).digest(),
                         hashlib.sha256(token[2:34]).digest())
                for part in parts:
                    self.assertNotIn(part, kept)
            rows = subprocess.run(
                ["sqlite3", "-readonly", os.path.join(relay.state, "relay.db"),
                 "SELECT count(*), min(length(id)), count(DISTINCT expires) FROM spent;"
                 "SELECT count(*) FROM pragma_table_list WHERE name = 'spent' AND wr;"],
                capture_output=True, text=True, check=True).stdout
            # by the digest alone: no number of a row tells when, and no time which
            self.assertEqual(rows.split(), ["3|32|1", "1"])

    def test_keys_are_changed_under_way(self):
        with self.relay() as relay:
            later = write(relay, "next.pem", self.next.pem(), 0o644)
            challenge = challenge_of(relay)
            old = [self.token(challenge) for _ in range(3)]
            claim, request = draw(), draw()
            first = create(relay, old[0], claim, request)
            self.assertEqual(first.status, 200)
            new = as_credentials(get_token(self.next, dict(challenge, key=self.next.key)))
            self.assertEqual(create(relay, new).status, 401)

            relay.reload(token_settings(later, self.path))
            self.assertEqual(challenge_of(relay)["key"], self.next.key)
            self.assertEqual(create(relay, new).status, 200)
            self.assertEqual(create(relay, old[1]).status, 200)
            self.assertEqual(create(relay, old[0]).status, 401)

            relay.reload(token_settings(later))
            self.assertEqual(create(relay, old[2]).status, 401)
            again = create(relay, old[0], claim, request)
            self.assertEqual((again.status, again.json()), (201, first.json()))

            relay.reload("Attestation=none\n")
            self.assertEqual(create(relay).status, 200)

    def test_nothing_but_a_body_that_is_right_is_judged(self):
        with self.relay() as relay:
            token = self.token(challenge_of(relay))
            self.assertEqual(create(relay, token, body={"payload": 1}).status, 400)
            relay.reload(token_settings(self.path) + "CreationsPerMinute=1\n")
            self.assertEqual(create(relay, "PrivateToken token=AAAA").status, 401)
            limited = create(relay, token)
            self.assertEqual((limited.status, limited.headers["WWW-Authenticate"]), (429, None))
            relay.reload(token_settings(self.path))
            self.assertEqual(create(relay, token).status, 200)


@unittest.skipUnless(SERVER, "needs redis-server: tests/packages.sh test installs it")
class Shared(unittest.TestCase):
    def test_of_relays_on_one_redis_one_takes_a_token(self):
        issuer = Issuer()
        with Redis() as redis:
            path = os.path.join(redis.folder, "issuer.pem")
            with open(path, "w") as file:
                file.write(issuer.pem())
            first, second = (RelayOn(redis.url(), token_settings(path)) for _ in range(2))
            with first, second:
                self.check_two(redis, issuer, first, second)

    def check_two(self, redis, issuer, first, second):
        challenge = challenge_of(first)
        self.assertEqual(challenge_of(second)["octets"], challenge["octets"])
        self.assertEqual(challenge["origin"], "relay.example")
        # those who were refused have left nothing behind
        self.assertEqual(redis.keys(), [])

        token, claim, request = as_credentials(get_token(issuer, challenge)), draw(), draw()
        made = create(first, token, claim, request)
        self.assertEqual(made.status, 200)
        self.assertEqual(create(second, token).status, 401)
        self.assertEqual(create(first, token).status, 401)
        again = create(second, token, claim, request)
        self.assertEqual((again.status, again.json()), (201, made.json()))

        # what is kept has an end, and tells of no mailbox
        (key,) = redis.keys("a:")
        self.assertTrue(0 < redis.say("PTTL", key) <= (2 * 86400 + 7200) * 1000)
        mailbox = bytes.fromhex(made.json()["urlLink"].rpartition("/")[2].replace("-", ""))
        kept, digest = redis.say("GET", key), bytes.fromhex(key.decode()[11:-1])
        self.assertEqual((len(kept), len(digest)), (16, 32))
        for guess in (mailbox, digest + mailbox, mailbox + digest):
            self.assertNotEqual(hashlib.sha256(guess).digest()[:16], kept)
            self.assertNotIn(guess, kept + digest)

        # cut off between the two: the mailbox is not made yet, and nobody else may have it
        mailboxes = redis.keys("m:")
        redis.say("DEL", *mailboxes, *redis.keys("e:"))
        self.assertEqual(create(second, token).status, 401)
        again = create(second, token, claim, request)
        self.assertEqual((again.status, again.json()), (200, made.json()))
        self.assertEqual(redis.keys("m:"), mailboxes)

        # a race of both for one token
        for _ in range(8):
            token = as_credentials(get_token(issuer, challenge))
            devices = [Device(relay) for relay in (first, second)]
            body = json.dumps(create_body())
            for device in devices:
                device.connection.request("POST", "/v1/m", body, {
                    "Mailbox-Device-Claim": device.claim, "Mailbox-Request-ID": draw(),
                    "Content-Type": "application/json", HEADER: token})
            answers = [Answer(device.connection.getresponse()) for device in devices]
            for device in devices:
                device.connection.close()
            self.assertEqual(sorted(answer.status for answer in answers), [200, 401])


class SharedKey(unittest.TestCase):
    def settings(self, *paths):
        return "Attestation=shared-key\nAttestationSkew=60\nAttestationKeys=%s\n" % ";".join(paths)

    def test_mac_over_body_and_time(self):
        relay = Relay(settings="")
        path = write(relay, "key", base64.b64encode(SHARED).decode() + "\n")
        relay.set(self.settings(path))
        with relay:
            body = json.dumps(create_body()).encode()
            answer = create(relay, body=body)
            self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]),
                             (401, "Tigress-HMAC-SHA256 max-skew=60"))
            now = int(time.time())
            self.assertEqual(create(relay, as_mac(SHARED, body, now - 3600), body=body).status, 401)
            self.assertEqual(create(relay, as_mac(bytes(32), body, now), body=body).status, 401)
            self.assertEqual(create(relay, as_mac(SHARED, body + b" ", now), body=body).status, 401)
            mac, claim, request = as_mac(SHARED, body, now), draw(), draw()
            self.assertEqual(create(relay, mac, claim, request, body=body).status, 200)
            self.assertEqual(create(relay, mac, claim, request, body=body).status, 201)
            self.assertEqual(create(relay, mac, body=body).status, 401)

            other = write(relay, "other", base64.b64encode(bytes(48)).decode())
            relay.reload(self.settings(other, path))
            for key in (SHARED, bytes(48)):
                self.assertEqual(
                    create(relay, as_mac(key, body, now + 1), body=body).status, 200)
            self.assertNotIn(SHARED, relay.files())

    def test_key_that_others_can_read_is_none(self):
        relay = Relay(settings="")
        path = write(relay, "key", base64.b64encode(SHARED).decode() + "\n")
        relay.set(self.settings(path))
        with relay:
            for mode in (0o604, 0o602, 0o620, 0o644):
                os.chmod(path, mode)
                relay.reload(said="the settings stay what they were")
            os.chmod(path, 0o640)
            relay.reload()


class Check(unittest.TestCase):
    def test_what_is_wrong_is_named(self):
        relay = Relay(settings="")
        self.addCleanup(subprocess.run, ["rm", "-rf", relay.directory])
        secret = base64.b64encode(SHARED).decode()
        key = write(relay, "key", secret)
        open_key = write(relay, "open", secret, 0o644)
        pem = write(relay, "pem", Issuer().pem(), 0o644)
        public = "PublicUrl=https://x.example\n"
        keys = public + "AttestationKeys="
        cases = [  # line in the file (0: none), what is named
            (public + "Attestation=tokens\n", 3, "must be none, shared-key or token"),
            (public + "Attestation=token\nTokenIssuer=i\n", 3, "name their files"),
            (public + "Attestation=shared-key\n", 3, "name their files"),
            (keys + key + "\n", 3, "protect nothing"),
            (keys + key + "\nAttestation=none\n", 3, "protect nothing"),
            (keys + pem + "\nAttestation=token\n", 4, "TokenIssuer="),
            (keys + key + "\nAttestation=shared-key\nTokenIssuer=i\n", 5, "or neither"),
            (keys + pem + "\nAttestation=token\nTokenIssuer=a@b\n", 5, "HOST:PORT"),
            (keys + pem + "\nAttestation=token\nTokenIssuer=https://b\n", 5, "HOST:PORT"),
            (keys + pem + "\nAttestation=shared-key\n", 0, "others on this machine"),
            (keys + open_key + "\nAttestation=shared-key\n", 0, "others on this machine"),
            (keys + key + "\nAttestation=token\nTokenIssuer=i\n", 0, "one PUBLIC KEY"),
            (keys + "/none\nAttestation=shared-key\n", 0, "cannot read /none"),
            (keys + "/\nAttestation=shared-key\n", 0, "is no file"),
            (keys + "/dev/null\nAttestation=shared-key\n", 0, "is no file"),
            (public + "TokenWindow=60\n", 3, "TokenWindow= must be a number from 3600"),
            (public + "AttestationSkew=0\n", 3, "AttestationSkew= must be a number from 10"),
        ]
        for settings, line, named in cases:
            result = self.check(relay, settings)
            self.assertEqual((result.returncode, result.stdout), (2, ""), settings)
            self.assertIn(named, result.stderr)
            self.assertNotIn(secret, result.stderr)
            where = "relay.conf:%d: " % line
            self.assertEqual(where in result.stderr, line > 0, result.stderr)
        good = keys + pem + "\nAttestation=token\nTokenIssuer=" + NAME + "\n"
        result = self.check(relay, good)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for line in ("Attestation=token", "AttestationKeys=" + pem, "TokenIssuer=" + NAME,
                     "TokenWindow=86400", "AttestationSkew=300"):
            self.assertIn(line, result.stdout.splitlines())

    def check(self, relay, settings):
        relay.set(settings)
        return subprocess.run(
            [RELAY, "--check-config", "--config", relay.settings_path],
            capture_output=True, text=True, timeout=DEADLINE_S)


if __name__ == "__main__":
    unittest.main()
