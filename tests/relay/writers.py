# SPDX-License-Identifier: LGPL-2.1-or-later

"""Clients that write all the time and know what they were acknowledged, so that they can say of a
relay that was interrupted whether it has lost, torn or forgotten anything."""

import base64
import hashlib
import http.client
import json
import os

from relayprocess import DEADLINE_S, Answer, draw

MAX_BOXES = 5
SIZES = [48, 48, 900, 3000, 20000, 65000]
SETTINGS = "CreationsPerMinute=0\nRequestsPerMinute=0\nConnectionsPerMinute=0\n"


def make_payload(seed, version):
    octets = hashlib.shake_128(b"%d %d" % (seed, version)).digest(SIZES[(seed + version) % 6])
    return {"type": "AEAD_AES_128_GCM", "data": base64.b64encode(octets).decode()}


class Request:
    """One that may be sent again, as it is."""

    def __init__(self, name, claim, method, path, body=None, **headers):
        self.name, self.claim, self.method, self.path = name, claim, method, path
        self.body = None if body is None else json.dumps(body)
        self.headers = {"Mailbox-Device-Claim": claim, "Mailbox-Request-ID": draw()}
        self.headers.update((k.replace("_", "-"), v) for k, v in headers.items())
        if body is not None:
            self.headers["Content-Type"] = "application/json"


class Box:
    """What one mailbox is, as far as has been acknowledged: STATE; and the request under way, with
    what the state is once it has been done: PENDING."""

    def __init__(self, chance):
        self.seed = chance.randrange(1 << 30)
        self.alice, self.path = draw(), None
        self.proof = os.urandom(32)
        self.former = []  # claims that let go
        # version, who wrote it, the recipient's claim, the word of its end
        self.state = (0, None, None, None)
        self.pending = None
        self.last = {}  # claim → the last request that it was acknowledged

    def request_create(self):
        digest = hashlib.sha256(self.proof).digest()
        body = {
            "payload": make_payload(self.seed, 1),
            "displayInformation": {"title": "Key", "description": "", "imageURL": ""},
            "mailboxConfiguration": {"accessRights": "RWD"},
        }
        return (Request("create", self.alice, "POST", "/v1/m", body,
                        Mailbox_Claim_Verifier=encode(digest)), (1, "alice", None, None))

    def request_bind(self):
        version, writer, _, word = self.state
        claim = draw()
        return (Request("bind", claim, "POST", self.path, Mailbox_Claim_Proof=encode(self.proof)),
                (version, writer, claim, word))

    def request_update(self, side):
        version, _, bob, word = self.state
        claim = self.alice if side == "alice" else bob
        body = {"payload": make_payload(self.seed, version + 1)}
        return (Request("update", claim, "PUT", self.path, body, If_Match='"%d"' % version),
                (version + 1, side, bob, word))

    def request_relinquish(self):
        version, writer, bob, word = self.state
        return Request("relinquish", bob, "PATCH", self.path), (version, writer, None, word)

    def request_delete(self, side):
        version, writer, bob, _ = self.state
        claim = self.alice if side == "alice" else bob
        return (Request("delete", claim, "DELETE", self.path),
                (version, writer, bob, "cancelled" if side == "alice" else "completed"))

    def choose(self, chance, is_full):
        """The next request, any of those that the state allows."""
        _, writer, bob, _ = self.state
        if not self.path:
            return self.request_create()
        side = chance.choice(["alice", "bob"]) if bob else "alice"
        if is_full:
            return self.request_delete(side)
        acts = [lambda: self.request_update(side)] * 3
        if not bob:
            acts += [self.request_bind] * 4
        elif writer == "alice":
            acts += [self.request_relinquish] * 2
        return chance.choice(acts)()


def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Client:
    """One kept connection, and some mailboxes of which it plays both sides."""

    def __init__(self, chance):
        self.chance = chance
        self.boxes, self.ended = [], []
        self.n_acknowledged = self.n_pending = self.n_done = 0
        self.problem = None

    def send(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body=body, headers=headers or {})
        return Answer(self.connection.getresponse())

    def ask(self, request):
        return self.send(request.method, request.path, request.body, request.headers)

    def read(self, box, claim):
        """Without a proof: it binds nobody."""
        return self.send("POST", box.path, headers={"Mailbox-Device-Claim": claim})

    # ---- looking ----

    def look(self, box):
        """The state that the relay shows. What is torn is no state."""
        answer = self.read(box, box.alice)
        if answer.status == 404:
            word = answer.json()["type"]
            assert word in ("cancelled", "completed"), (word, box.state)
            return word
        assert answer.status == 200, answer.status
        version = int(answer.headers["ETag"].strip('"'))
        assert answer.json()["payload"] == make_payload(box.seed, version), "torn"
        for claim in box.former:
            assert self.read(box, claim).status == 401, "who let go still reads"
        return version

    def is_bound(self, box, claim):
        status = self.read(box, claim).status
        assert status in (200, 401), status
        return status == 200

    def matches(self, box, state):
        version, _, bob, word = state
        seen = self.look(box)
        if word or not isinstance(seen, int):
            return seen == word
        return seen == version and (not bob or self.is_bound(box, bob))

    def check(self, box):
        """What was acknowledged is there, and its last requests are answered as repetitions."""
        assert self.matches(box, box.state), ("lost", box.state, self.look(box))
        for claim, request in box.last.items():
            if request.name in ("create", "update") and not box.state[3]:
                answer = self.ask(request)
                assert answer.status == 201, ("repeated", request.name, answer.status)
                if request.name == "create":
                    assert path_of(answer) == box.path, "another mailbox"
        assert self.matches(box, box.state), "a repetition changed something"

    def resolve(self, box):
        """What was not acknowledged is done as a whole or not at all; then it is done."""
        request, after = box.pending
        self.n_pending += 1
        if request.name == "create":
            answer = self.ask(request)
            assert answer.status in (200, 201), answer.status
            is_done = answer.status == 201
            box.path = path_of(answer)
        else:
            _, _, bob, word = after
            # before what it looks like when it was not: who has let go reads no longer
            if request.name == "relinquish":
                is_done = not self.is_bound(box, box.state[2])
            elif request.name == "bind":
                is_done = self.is_bound(box, bob)
            else:
                is_done = self.matches(box, after)
            assert is_done or self.matches(box, box.state), ("half", request.name, self.look(box))
            answer = self.ask(request)
            done = {"update": 201, "delete": 404, "relinquish": 401, "bind": 200}
            assert answer.status == (done[request.name] if is_done else 200), (
                "repeated", request.name, is_done, answer.status)
        self.n_done += is_done
        self.acknowledge(box, request, after)
        assert self.matches(box, box.state), "not what was asked for"

    def recover(self):
        """After a fault."""
        for box in list(self.boxes):
            if box.pending:
                self.resolve(box)
        for box in self.boxes + self.ended:
            self.check(box)

    # ---- writing ----

    def acknowledge(self, box, request, after):
        if request.name == "relinquish":
            box.former.append(box.state[2])
            box.last.pop(box.state[2], None)
        else:
            box.last[request.claim] = request
        box.state, box.pending = after, None
        self.on_acknowledged(box)
        if after[3]:
            self.boxes.remove(box)
            self.ended = (self.ended + [box])[-4:]

    def on_acknowledged(self, box):
        """For those who keep a history."""

    def write(self):
        is_new = not self.boxes or (len(self.boxes) < MAX_BOXES and self.chance.random() < 0.3)
        if is_new:
            self.boxes.append(Box(self.chance))
        box = self.boxes[-1] if is_new else self.chance.choice(self.boxes)
        is_full = len(self.boxes) == MAX_BOXES and self.chance.random() < 0.3
        box.pending = box.choose(self.chance, is_full)
        request, after = box.pending
        answer = self.ask(request)
        assert answer.status == 200, (request.name, answer.status)
        if request.name == "create":
            box.path = path_of(answer)
        self.acknowledge(box, request, after)
        self.n_acknowledged += 1
        if self.chance.random() < 0.3:
            assert self.matches(box, box.state), "not what was acknowledged"

    def run(self, relay, ready):
        """Until the relay is killed."""
        self.connection = relay.connect()
        try:
            self.recover()
            ready.wait(DEADLINE_S)
            while True:
                self.write()
        except (OSError, http.client.HTTPException):
            if ready.n_waiting or not relay.is_killed:
                self.problem = "the connection ended by itself"
        except BaseException as problem:
            self.problem = repr(problem)
        finally:
            self.connection.close()
            if self.problem:
                ready.abort()


def path_of(answer):
    return "/v1/m/" + answer.json()["urlLink"].rsplit("/", 1)[1]
