#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A peer that keeps to no rule: every malformed message of the vectors as a first message and as
an answer, wrong formats and letters, ends that are none, attributes of other items, texts that
would be more than text."""

import base64
import hmac
import json
import os
import sys
import unicodedata

sys.dont_write_bytecode = True
from hostile_world import (Authority, Client, ITEM, MANAGER, Peer, Relay, TOKEN, User,
                           bundle, by_and_by, claim, equal, eventually, fail, folder, outcome, run,
                           until, vectors)

alice, bob = User("alice"), User("bob")
trial = Client()
authority = Authority(folder())
relay = Relay(authority.issue("127.0.0.1"))


def in_context(octets, role, sid, format, content):
    """A malformed plaintext of the vectors, so changed that it would do something if it were
    believed: what is wrong with it stays wrong."""
    for old, new in ((b'"format":"f"', b'"format":"%s"' % format.encode()),
                     (b'"content":{}', b'"content":%s' % content.encode()),
                     (b'"sid":"O4tzD7e6xxGp0eMPLzaIcA"', b'"sid":"%s"' % sid.encode()),
                     (b'"role":"s"', b'"role":"%s"' % role.encode())):
        octets = octets.replace(old, new)
    return octets


# ---- to a recipient ----


def malformed_offers():
    """On the real relay: what cannot be read, then what can."""
    told = []
    for vector in vectors("json_profile")["reject"]:
        peer = Peer()
        octets = in_context(bytes.fromhex(vector["hex"]), "s", peer.sid, TOKEN, '{"token":"bad"}')
        told.append((vector["name"], peer, peer.seal(octets)))
    for name, changes in {"role r": {"role": "r"}, "ack of nothing": {"ack": 0}}.items():
        peer = Peer()
        told.append((name, peer, peer.seal(peer.message(**changes))))
    for format in ("tigress.end", "tigress.t2.offer", "tigress.offer", "tigress."):
        peer = Peer()  # formats that are the exchange's own
        told.append((format, peer, peer.seal(peer.message({"outcome": "completed"}, format))))

    def offer(name, peer, payload):
        url = trial.create(peer, payload)
        share = bob.accept(peer.link(url))
        yield from share.will_reach("exchanging", name)
        trial.write(peer, url, peer.seal(peer.message({"token": name})))
        yield from share.will_reach("completed", name)
        equal(json.loads(bob.content_of(share)), {"token": name})

    def check():
        claim("a first message that is malformed is ignored; the right one, later, is taken")
        by_and_by(offer(*words) for words in told)
    return check


def malformed_payloads():
    """On a relay that keeps whatever it is given."""
    told = []
    for vector in vectors("payload")["openReject"]:
        key = bytes.fromhex(vector["key"])
        told.append((vector["name"], Peer(key if len(key) in (16, 32) else None),
                     json.dumps(vector["payload"])))
    told += [(text[:40], Peer(), text) for text in (
        "7", "null", "[]", "{}", '""', '"x"', '"{}"', '"[1]"', '{"type":{},"data":[]}',
        '{"type":"AEAD_AES_256_GCM","data":"%s"}' % ("A" * 90000))]

    def offer(name, peer, payload):
        box = relay.put(payload)
        share = bob.accept(peer.link(relay.url(box)))
        yield from until(lambda: box.asked("read", "recipient"), f"{name}: nobody asked")
        relay.write(box, peer.seal(peer.message({"token": name})))
        yield from share.will_reach("completed", name)
        equal(json.loads(bob.content_of(share)), {"token": name})

    def check():
        claim("a payload that cannot be opened is ignored; the right one, later, is taken")
        by_and_by(offer(*words) for words in told)
    return check


def scenarios():
    """The vectors of exchange_state, as far as a recipient goes who ends with what it accepts."""
    began = []
    for scenario in vectors("exchange_state")["scenarios"]:
        events = scenario["events"]
        if scenario["role"] == "r" and scenario["legacyAllowed"]:
            peer = Peer(bytes.fromhex(scenario["key"]))
            box = relay.put(json.dumps(events[0]["payload"]))
            began.append((scenario["name"], events, box, bob.accept(peer.link(relay.url(box)))))
    refused = [name for name, events, _, _ in began if events[0]["expect"].startswith("E_")]
    equal(len(refused) > 0, True, "scenarios that begin with a refusal")

    def check():
        claim("the first message of each scenario is judged as the vectors say")
        for name, events, box, share in began:
            if name in refused:
                share.reaches("exchanging")
                relay.write(box, json.dumps(events[1]["payload"]))
            share.ended("failed", "self", "Invalid")  # of a format that nobody here knows
            eventually(lambda b=box: b.asked("write") or b.asked("delete"), f"{name}: no word")
    return check


def limited(peer, limits):
    """Limits as they are, null too."""
    message = peer.message()
    message["tigress"]["limits"] = limits
    return message


def unacceptable():
    """What can be read, and is nothing for this wallet."""
    began = []

    def offer(name, failure, message, letter=None, peer=None):
        peer = peer or Peer()
        box = relay.put(peer.seal(message(peer)))
        began.append((name, failure, peer, box, bob.accept(peer.link(relay.url(box), letter))))

    for format in ("digitalwallet.carkey.ccc", "x" * 255, TOKEN + "x", TOKEN.upper(),
                   "\u202e\u001b[31mf\nf"):
        offer(format, "Invalid", lambda p, f=format: p.message({"outcome": "completed"}, f))
    for name, content in {
            "no base64": {"octets": "%%%"}, "no padding": {"octets": "YQ"},
            "spaces": {"octets": "YQ= ="}, "url-safe": {"octets": "-_-_"}}.items():
        offer(name, "Invalid", lambda p, c=content: p.message(c))
    item = {"label": "x", "contentType": "text/plain", "octets": "eA==", "attributes": {}}
    for key in item:
        offer(f"no {key}", "Invalid",
              lambda p, k=key: p.message({n: v for n, v in item.items() if n != k}, ITEM))
        offer(f"{key} of another type", "Invalid",
              lambda p, k=key: p.message({**item, k: 7}, ITEM))
    for limits in (None, 7, [], {}, "never", {"uses": 0}, {"uses": -1}, {"uses": 1e300},
                   {"uses": 2**32},
                   {"uses": "1"}, {"notAfter": 1}, {"notBefore": 4e9, "notAfter": 3e9},
                   {"notBefore": 4000000000, "notAfter": 3000000000}, {"notAfter": 2**63},
                   {"notAfter": True}, {"reshare": True}, {"reshare": "no"},
                   {"uses": 1, "only": "here"}, {"uses": 1, "pad": "x" * 300}):
        offer(f"limits {limits}", "Invalid", lambda p, v=limits: limited(p, v))
    for kind in ("", "text/plain\r\nX: y", "text/\u202eplain", "x" * 200, 'a"b'):
        offer(f"content type {kind!r}", "Invalid",
              lambda p, k=kind: p.message({**item, "contentType": k}, ITEM))

    def check():
        claim("unknown formats, broken content: refused, told, nothing provisioned")
        for name, failure, peer, box, share in began:
            share.ended("failed", "self", failure)
            eventually(lambda b=box: b.asked("write"), f"{name}: the sender is not told")
            said = peer.open(box.payload)
            equal(said["format"], "tigress.end", name)
            equal(said["content"]["outcome"], "failed", name)
            equal(share.get("Credential"), "/", name)
            clean(said["content"].get("reason", ""), name)
            clean(share.get("Failure")[1], name)
    return check


def large():
    """As large as a plaintext can be."""
    peer = Peer()
    message = peer.message({"token": ""})
    room = 65536 - len(json.dumps(message, separators=(",", ":")))
    message["content"]["token"] = "t" * room
    url = trial.create(peer, peer.seal(message))
    share = bob.accept(peer.link(url))

    def check():
        claim("the largest message there can be arrives whole")
        share.reaches("completed")
        equal(json.loads(bob.content_of(share)), {"token": "t" * room})
    return check


# ---- to a sender ----


def answering(name, *messages, ended=("completed", "peer")):
    """A share of alice's, and somebody who answers it message by message, each when the one
    before it has been read."""
    share, box = alice.share_at(relay, "x")
    peer = Peer.of_link(share.link())
    peer.learn(box.payload)
    box.recipient = peer.claim
    offer = box.payload

    def is_read():
        return any(r.status == 200 and r.answered == box.version
                   for r in box.asked("read", "initiator"))

    for message in messages:
        if callable(message):
            message = message(peer)
        payload = offer if message == "@offer@" else message
        equal(share.seen("State") or "invited", "invited", name)
        relay.write(box, payload if isinstance(payload, str) else peer.seal(payload))
        yield from until(is_read, f"{name}: not read")
    state, by = ended
    yield from share.will_reach(state, name)
    share.ended(state, by, about=name)
    clean(share.get("Failure")[1], name, 600)

    # And what comes after it is not even read.
    yield from until(lambda: box.end, f"{name}: alice deletes nothing")
    n_requests = len(box.requests)
    relay.write(box, peer.seal(peer.end("declined", seq=2147483647)))
    equal((len(box.requests), share.state), (n_requests, state), name)


def answers():
    other = Peer()
    nothing = lambda p: p.message({}, "x.y", ack=0)  # noqa: E731
    end = lambda **changes: lambda p: p.end(**changes)  # noqa: E731
    all_of_them = []

    def answer(name, *messages, **options):
        all_of_them.append(answering(name, *messages, **options))

    for vector in vectors("json_profile")["reject"]:
        answer(vector["name"], lambda p, v=vector: in_context(
            bytes.fromhex(v["hex"]), "r", p.sid, "tigress.end", '{"outcome":"declined"}'), end())
    for vector in vectors("payload")["openReject"]:
        if len(vector["key"]) == 64:  # as the keys of our senders
            answer(vector["name"], json.dumps(vector["payload"]), end())
    bad = {"outcome": "declined"}
    answer("role s", end(outcome="declined", role="s"), end())
    answer("another sid", lambda p: {**p.end("declined"), "tigress": other.header(role="r", ack=0)},
           end())
    answer("ack of what was not sent", end(outcome="declined", ack=1), end())
    answer("another key", lambda p: other.seal({**p.end("declined")}), end())
    answer("the offer, come back", "@offer@", end())
    answer("the same number again", lambda p: p.message({}, "x.y", seq=5, ack=0),
           end(outcome="declined", seq=5), end(seq=6))
    once = []
    answer("the same octets again",
           lambda p: once.append(p.seal(p.message({}, "x.y", ack=0))) or once[0],
           "@offer@", lambda p: once[0], end(seq=1))
    answer("an older number", lambda p: p.message({}, "x.y", seq=5, ack=0),
           end(outcome="declined", seq=4), end(seq=6))
    answer("the header taken off", nothing, lambda p: {"format": "tigress.end", "content": bad},
           end(seq=1))
    answer("a header put on", {"format": "x.y", "content": {}}, end(outcome="declined"),
           {"format": "tigress.end", "content": {"outcome": "completed"}})
    answer("formats that are like it", lambda p: p.message(bad, "tigress.End", ack=0), end(seq=1))

    # What is an end, of whatever shape; the second one comes too late.
    for outcome_name, wanted in {"completed": "completed", "declined": "declined",
                                 "failed": "failed", "provisioned": "failed", "": "failed",
                                 "Completed": "failed"}.items():
        answer(f"outcome {outcome_name!r}", end(outcome=outcome_name), ended=(wanted, "peer"))
    for content in ({}, {"outcome": 7}, {"outcome": ["completed"]}, {"outcome": None}):
        answer(f"content {content}", lambda p, c=content: p.message(c, "tigress.end", ack=0),
               ended=("failed", "peer"))
    for reason in REASONS:
        answer("a reason", end(outcome="declined", reason=reason), ended=("declined", "peer"))
    answer("no ack", end(ack=None), ended=("completed", "peer"))
    answer("the largest number", end(seq=2147483647), ended=("completed", "peer"))

    def check():
        claim("an answer that is malformed, old or another's is ignored; the right end is taken, "
              "and nothing after it")
        by_and_by(all_of_them, at_once=24)
        at_terminal(alice, "list", "--all")
        for path, share in list(alice.objects().items()):
            if share["State"] == "declined":
                at_terminal(alice, "show", path.rsplit("/")[-1])
    return check


# ---- texts ----

TOUCHED = f"/tmp/touched-{os.getpid()}"  # by nobody, and by no other run
SIGHTS = [
    "\u001b[31mred\u001b[0m", "\u001b]8;;https://evil.example\u0007click\u001b]8;;\u0007",
    "two\nlines", "back\rover", "\tTab", "bell\u0007", "\u009b31mC1", "\u202edesrever",
    "\u2066isolated\u2069", "zero\u200bwidth", "line\u2028separator", "\u2029", "soft\u00adhyphen",
    "<b>bold</b> &amp; <script>alert(1)</script>", "%s%n%1$s", '"quoted" \\ back', "'; --",
    "tag\U000e0041", "private\ue000", "\ufeffmark", "e\u0301" * 40, "\U0001f431" * 40, "   gaps   ",
    f"$(touch {TOUCHED}) `id`", "a" * 256, "-n --help", "#", "{}"]
REASONS = SIGHTS + ["r" * 10240, "\u202e" * 3000, "\u001b[2J" * 200, 7, None, ["x"], {"x": "y"}]


def clean(text, about, most=None):
    """One line of a stranger's, with nothing in it that does more than stand there."""
    for c in text:
        if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs"):
            fail(f"{about}: {c!r} is in {text!r}")
    if most is not None and len(text.encode()) > most:
        fail(f"{about}: {len(text.encode())} octets")


def texts():
    began = []
    for sight in SIGHTS:
        peer = Peer()
        display = {"title": sight, "description": sight, "imageURL": sight}
        box = relay.put(peer.seal(peer.message(display=display)), display=display)
        link = peer.link(relay.url(box))
        began.append((sight, link, bob.inspect(link), bob.accept(link)))
    for sight in SIGHTS:  # in the item's own label, and only the relay's word until then
        peer = Peer()
        item = {"label": sight, "contentType": "text/plain", "octets": "eA==", "attributes": {}}
        box = relay.put(peer.seal(peer.message(item, ITEM)), display={
            "title": sight, "description": sight, "imageURL": sight})
        began.append((sight, None, None, bob.accept(peer.link(relay.url(box)))))
    peer = Peer()
    box = relay.put(peer.seal(b"nothing"), display={
        "title": "\u202e" + "\u001b[31m" + "w" * 9999, "description": ["x"], "imageURL": 7})
    began.append(("too long", None, None, waiting := bob.accept(peer.link(relay.url(box)))))

    def check():
        claim("a stranger's text is only text: at the properties, in the table, in the JSON")
        for sight, link, found, share in began:
            share.reaches("exchanging" if share is waiting else "completed")
            clean(share.get("Title"), repr(sight), 256)
            clean(share.get("Description"), repr(sight), 1024)
            for key in ("title", "description", "image-url") if found else ():
                clean(found[key], f"inspect, {key} of {sight!r}")
        for path, credential in bob.objects("Credential").items():
            clean(credential["Title"], path, 256)

        at_terminal(bob, "list", "--all")
        at_terminal(bob, "credentials")
        for sight, link, _, share in began:
            at_terminal(bob, "show", share.path.rsplit("/")[-1])
            if link is not None:
                at_terminal(bob, "inspect", said=link)
    return check


def at_terminal(user, *words, said=""):
    """What tigressctl shows of it, for people and for programs."""
    for mode in ([], ["--json"]):
        done = user.run("tigressctl", *mode, *words, input=said.encode(), stdin=None)
        text = done.stdout.decode()
        if not text.strip():
            fail(f"tigressctl {' '.join(words)} says nothing")
        for line in (text + done.stderr.decode()).split("\n"):
            clean(line, f"tigressctl {' '.join(mode)} {' '.join(words)}")
        for line in text.splitlines() if mode else ():
            json.loads(line)


# ---- attributes ----


def attributes():
    store = lambda secret, *words: bob.run(  # noqa: E731
        "secret-tool", "store", "--label=Work", *words, input=secret, stdin=None)
    store(b"the right one", "service", "mail", "user", "bob")
    store(b"the other", "xdg:schema", "org.gnome.keyring.NetworkPassword", "server", "x.example")
    lookups = [("service", "mail", "user", "bob"), ("service", "mail"), ("user", "bob"),
               ("server", "x.example"), ("xdg:schema", "org.gnome.keyring.NetworkPassword"),
               ("tigress", "state-key"), ("tigress", "try-counter"), ("service", "other")]

    def look():
        found = {}
        for words in lookups:
            done = bob.run("secret-tool", "search", "--all", *words, check=False)
            lines = (done.stdout + done.stderr).decode(errors="backslashreplace").splitlines()
            # The keyring names a schema where there is none when it has saved the item.
            found[words] = sorted(line for line in lines if not line.startswith("modified") and
                                  line != "schema = org.freedesktop.Secret.Generic")
        return found

    bob.accept(first_link()).reaches("completed")  # the state key is there
    before = look()
    began = []
    for chosen in ({"service": "mail", "user": "bob"}, {"service": "mail"}, {"service": "other"},
                   {"xdg:schema": "org.gnome.keyring.NetworkPassword", "server": "x.example"},
                   {"tigress": "state-key", "xdg:schema": "org.tigress.Wallet1.StateKey"},
                   {"tigress": "try-counter"}, {"tigress": "credential", "id": "0" * 32}):
        for format in (ITEM, TOKEN):
            peer = Peer()
            content = {"label": "Work", "contentType": "text/plain", "octets": "ZXZpbA==",
                       "attributes": chosen, **({} if format == ITEM else chosen)}
            box = relay.put(peer.seal(peer.message(content, format)))
            began.append((chosen, bob.accept(peer.link(relay.url(box)))))

    def check():
        claim("attributes that a peer chose are found by no lookup of another program")
        for chosen, share in began:
            share.reaches("completed")
            identifier = share.get("Credential").rsplit("/", 1)[-1]
            said = bob.run("secret-tool", "search", "tigress", "credential", "id", identifier)
            names = sorted(line.partition(" = ")[0] for line in
                           (said.stdout + said.stderr).decode().splitlines()
                           if line.startswith("attribute."))
            equal([n for n in names if n != "attribute.xdg:schema"],
                  ["attribute.id", "attribute.tigress"], str(chosen))
        equal(look(), before, "what other programs find")
        equal(bob.run("secret-tool", "lookup", "service", "mail", "user", "bob").stdout,
              b"the right one")
    return check


# ---- before the PIN is typed ----


def handshake_key(secret, label):
    """Of the messages that everybody can write who has the link."""
    early = hmac.digest(bytes(32), secret, "sha256")
    label = b"tls13 " + label
    info = (32).to_bytes(2, "big") + bytes([len(label)]) + label + bytes(1)
    return hmac.digest(early, info + b"\1", "sha256")


def answered_by_another():
    """Somebody with the link answers first, and the relay lets him."""
    claim("somebody else answers before the PIN is typed: it is asked for anew, with a try less")
    share, box = alice.share_at(relay, "s3cret", compat=("b", "false"), pin=("b", "true"))
    link = share.link()
    received = bob.accept(link).reaches("pin-needed")
    secret = base64.urlsafe_b64decode(link.partition("#")[2] + "=" * 3)[1:33]
    sid = Peer(handshake_key(secret, b"tg hs s2r")).learn(box.payload)["tigress"]["sid"]
    other = Peer(handshake_key(secret, b"tg hs r2s"), role="r")
    other.sid = sid
    relay.write(box, other.seal(other.message({"attempt": 1}, "tigress.t2.response", ack=0)))
    eventually(lambda: share.seen("PinAttemptsLeft") == 2, "the answer was not judged")
    eventually(lambda: received.seen("PinAttemptsLeft") == 2, "the next offer was not taken")
    equal((received.state, received.get("Failure")), ("pin-needed", ["", ""]), "how it stands")
    received.call("ProvidePin", "v", "s", share.call("GetPin")[0])
    received.ended("completed", "self")
    share.ended("completed", "peer")


def first_link():
    peer = Peer()
    return peer.link(trial.create(peer, peer.seal(peer.message())))


def main():
    for user in (alice, bob):
        user.trust(relay, default=relay, ca=bundle(authority))
    answered_by_another()
    checks = [begin() for begin in (attributes, malformed_offers, malformed_payloads, scenarios,
                                    unacceptable, large, answers, texts)]
    outcome.of_all(checks)

    claim("nothing else came into the keyring, and the wallet finds all of it again")
    equal(bob.credentials(), bob.received())
    bob.restart()
    eventually(lambda: bob.get(MANAGER, "Manager", "KeyringState") == "unlocked", "no keyring")
    bob.accept(first_link()).reaches("completed")
    equal(os.path.exists(TOUCHED), False, "a command in a title was run")


run(main)
