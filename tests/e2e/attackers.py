# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hundred attackers who have read the link. Importing this enters a world."""

import base64
import concurrent.futures
import http.client
import json
import ssl
import threading
import uuid

from hostile_world import TRIAL_CA, TRIAL_RELAY, equal, fail
from line_program import LineProgram

N_ATTACKERS = 100


class Heads(LineProgram):
    """What all attackers know together (tests/fakes/attacker.c)."""

    def __init__(self):
        super().__init__("attacker")

    def ask(self, *words):
        return super().ask(*words) or fail(f"the attackers cannot {words[0]}")

    def has(self, content):
        """Whether any octet that any of them read or can open has to do with the content."""
        n_keys, n_payloads, *found = self.ask("loot").split(" ")
        if not (int(n_keys) and int(n_payloads) and found):
            fail("the attackers have seen nothing: this shows nothing")
        return any(form in bytes.fromhex(plaintext) for plaintext in found
                   for form in forms_of(content.encode()))


def forms_of(content):
    """As it is, in hex, and what is the same in base64 wherever it begins."""
    return [content, content.hex().encode(),
            *(base64.b64encode(bytes(n) + content)[4 if n else 0:-4] for n in range(3))]


heads = Heads()


class Race:
    """One link that everybody has. What the attackers did in another is forgotten."""

    def __init__(self, share, content):
        self.share, self.content = share, content
        self.link = share.link()
        heads.ask("clear")
        self.url, self.proof = heads.ask("link", self.link).split(" ")
        self.pin = share.call("GetPin")[0].replace("-", "") if share.get("PinRequired") else None

    def guess(self):
        while (pin := heads.ask("guess")) == self.pin:
            pass
        return pin

    def nobody_has_it(self):
        equal(heads.has(self.content), False, "whether an attacker has the credential")


def compact(payload):
    return json.dumps(payload, separators=(",", ":"))


class Attacker:
    """Has a line to the relay that stays, and whatever the link gives."""

    context = ssl.create_default_context(cafile=TRIAL_CA)

    def __init__(self, number):
        self.name = str(number)
        self.connection = None

    def begin(self, race):
        self.race, self.claim = race, str(uuid.uuid4())
        heads.ask("join", self.name, race.link, self.claim)

    def ask(self, method, headers, body=None):
        """(status, headers, body)"""
        headers = {"Mailbox-Device-Claim": self.claim,
                   "Content-Type": body and "application/json", **headers}
        headers = {key: value for key, value in headers.items() if value}
        for _ in range(2):  # the relay does not keep idle lines for ever
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPSConnection(
                        TRIAL_RELAY.partition("//")[2], context=self.context, timeout=120)
                self.connection.request(method, self.race.url.partition(TRIAL_RELAY)[2], body,
                                        headers)
                answer = self.connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (http.client.HTTPException, ConnectionError, ssl.SSLEOFError):
                self.connection.close()
                self.connection = None
        fail("the relay does not talk to an attacker")

    def read(self, tag=None, wait=0):
        """Claims too, where nobody has: (status, payload, tag)."""
        status, headers, body = self.ask("POST", {
            "Mailbox-Claim-Proof": self.race.proof, "If-None-Match": tag,
            "Prefer": wait and f"wait={wait}"})
        if status != 200:
            return status, None, None
        payload = compact(json.loads(body)["payload"])
        heads.ask("seen", payload)
        return status, payload, headers["ETag"]

    def read_next(self, tag):
        """What comes after it."""
        while True:
            status, payload, next_tag = self.read(tag, 30)
            if status != 304:
                return status, payload, next_tag

    def write(self, payload):
        return self.ask("PUT", {"Mailbox-Request-ID": str(uuid.uuid4())},
                        '{"payload":%s}' % payload)[0]

    def let_go(self):
        return self.ask("PATCH", {"Mailbox-Request-ID": str(uuid.uuid4())})[0]

    def delete(self):
        return self.ask("DELETE", {"Mailbox-Request-ID": str(uuid.uuid4())})[0]

    def show(self, payload):
        """(what becomes of it, what to write)"""
        word, _, reply = heads.ask("show", self.name, payload).partition(" ")
        return word, reply

    def answer(self, offer):
        """What this one writes to an offer: with PIN, by a guess."""
        word, reply = self.show(offer)
        if word == "pin-needed":
            word, _, reply = heads.ask("type", self.name, self.race.guess()).partition(" ")
        equal(word, "write", "what an attacker does with an offer")
        return reply

    def guess_once(self):
        """From the claim to the verdict: (status, payload)."""
        status, offer, tag = self.read()
        equal(status, 200, "a claim that is free")
        equal(self.write(self.answer(offer)), 200, "the answer")
        while True:
            status, verdict, tag = self.read_next(tag)
            # Its own answer may be what it reads first.
            if verdict is None or self.show(verdict)[0] != "none":
                return status, verdict


attackers = [Attacker(n) for n in range(N_ATTACKERS)]
crowd = concurrent.futures.ThreadPoolExecutor(N_ATTACKERS + 2)


def all_at_once(action):
    """What each attacker's action returns; nobody begins before all are ready."""
    ready = threading.Barrier(N_ATTACKERS)

    def begin(attacker):
        ready.wait()
        return action(attacker)

    return [work.result() for work in [crowd.submit(begin, each) for each in attackers]]
