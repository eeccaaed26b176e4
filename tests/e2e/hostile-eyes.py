#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a relay sees of those who use it: nothing of what travels, nothing that tells two shares
to be of one device, no step that they take together. And who only looks binds nothing."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import urllib.parse

sys.dont_write_bytecode = True
from hostile_world import (Authority, Client, ITEM, MANAGER, Peer, Relay, TRIAL_CA, TRIAL_RELAY,
                           User, bundle, claim, contains, equal, eventually, fail, folder, outcome,
                           run, world)
from hostile_relay import Answer, problem

alice, bob = User("alice"), User("bob")
authority = Authority(folder())
relay = Relay(authority.issue("127.0.0.1"))


def alice_shares(content, plan=None, at=relay, **options):
    options.setdefault("compat", ("b", "false"))
    return alice.share_at(at, content, plan, **options)


def exchange(content, **options):
    """A whole one; what it was about."""
    share, box = alice_shares(content, **options)
    link = share.link()
    bob.inspect(link)
    received = bob.accept(link)
    received.reaches("completed")
    share.ended("completed", "peer")
    eventually(lambda: box.end, "alice deletes nothing")
    return share, box, link


# ---- secrets ----


def disguises(text):
    """The octets of a text as they may stand in a request: plain, and under the usual codes."""
    octets = text if isinstance(text, bytes) else text.encode()
    found = {octets, octets.lower(), octets.upper(), octets.hex().encode(),
             octets.hex().upper().encode(), urllib.parse.quote(octets, safe="").encode(),
             octets[::-1], json.dumps(octets.decode("latin-1"))[1:-1].encode()}
    for shift in range(3):  # wherever it stands among the octets that are encoded together
        code = base64.b64encode(b"\0" * shift + octets)
        begin = -(-shift * 8 // 6)
        code = code[begin:len(code.rstrip(b"=")) - 1]
        found |= {code, code.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def is_seen(text):
    octets = b"".join(c.octets + c.hello for c in list(relay.connections))
    return any(disguise in octets for disguise in disguises(text))


def is_said(text):
    """The same for a short one, which may stand in ciphertext by chance: in words of their own."""
    octets = b"".join(c.octets for c in list(relay.connections))
    return re.search(rb"(?<![\w+/-])" + re.escape(text.encode()) + rb"(?![\w+/-])", octets, re.I)


def secrets():
    words = {"content": "c0ntent-canary-5f1d", "title": "t1tle-canary-88a2",
             "description": "d3scription-canary-c03e", "image": "https://im4ge-canary.example/x",
             "label": "l4bel-canary-19bb", "own": "0wn-canary-77de"}
    share, box, link = exchange(words["content"], title=("s", words["title"]),
                                description=("s", words["description"]),
                                image_url=("s", words["image"]))
    fragment = link.partition("#")[2]
    alice.run("secret-tool", "store", "--label=" + words["label"], "canary", "item",
              input=b"1tem-canary-0c11", stdin=None)
    other = relay.plan()
    item = alice.call(MANAGER, "Manager", "CreateShare", "sa{sv}a{sv}", ITEM, "1", "attributes",
                      "a{ss}", "1", "canary", "item", "3", "relay", "s", relay.origin, "wait", "b",
                      "true", "pin", "b", "false")
    item_link = eventually(lambda: other.id, "nothing was created") and alice.call(
        item[0], "Share", "GetInvitation")[0]
    bob.accept(item_link, title=("s", words["own"])).reaches("completed")
    for about, text in {**words, "item": "1tem-canary-0c11", "fragment": fragment,
                        "key": base64.urlsafe_b64decode(fragment)[1:],
                        "item's key": base64.urlsafe_b64decode(item_link.partition("#")[2])[1:],
                        "home": alice.home,
                        "boot": open("/proc/sys/kernel/random/boot_id").read().strip()}.items():
        if is_seen(text):
            outcome.of(fail, f"the relay has seen the {about}")
    for about in ("alice", "bob", socket.gethostname()):
        if is_said(about):
            outcome.of(fail, f"the relay was told of {about}")
    for request in relay.requests:
        if "#" in request.path or "?" in request.path:
            fail(f"the relay was asked for {request.path}")

    claim("(what is made public on purpose is found by the same search)")
    exchange("x", title=("s", "publ1c-canary-aa01"), public_title=("b", "true"))
    equal(is_seen("publ1c-canary-aa01"), True, "the public title was seen")
    for text in ("x", "xy", "xyz"):
        relay.connections[0].octets += base64.b64encode(text.encode() + b"s3arched" + text.encode())
    equal(is_seen("s3arched"), True, "found in base64")


# ---- sizes ----


def payload_sizes(box):
    return [len(json.loads(r.body)["payload"]["data"]) for r in box.requests if r.body]


def sizes():
    small = exchange("x")[1]
    larger = exchange("y" * 2500, title=("s", "t" * 200))[1]
    peer_sizes = payload_sizes(small)
    equal(len(peer_sizes), 4, "payloads of an exchange: offer, response, accept and end")
    equal(payload_sizes(larger), peer_sizes, "sizes do not tell what it is")
    equal(len(set(peer_sizes)), 1, "nor which step")


# ---- two shares of one device ----

CONSTANT = {"host", "user-agent", "accept", "content-type", "prefer"}
OF_THE_RELAY = {"if-none-match", "if-match", "content-length"}


def strings(value):
    """All texts in a JSON value, but what all wallets write alike."""
    if isinstance(value, dict):
        return set().union(set(), *(strings(v) for k, v in value.items() if k not in (
            "expiration", "accessRights", "type", "displayInformation")))
    if isinstance(value, list):
        return set().union(set(), *map(strings, value))
    return {value} if isinstance(value, str) else set()


def tells(box):
    """What could be compared: header values, texts of bodies, TLS values, of one mailbox."""
    headers, bodies, hellos = set(), set(), set()
    for request in box.requests:
        headers |= {(name.lower(), value) for name, value in request.headers}
        if request.body:
            bodies |= strings(json.loads(request.body))
        hello = request.connection.hello
        hellos |= {hello[11:43], hello[44:44 + hello[43]]}  # random, session id
        hellos.add(request.connection.extensions().get(51, b""))  # key share
    return headers, bodies, hellos - {b""}


def unlinkable(boxes):
    for connection in relay.connections:
        mine = connection.boxes & set(boxes)
        if len(mine) > 1:
            fail(f"one connection served {len(mine)} shares")
    for i, box in enumerate(boxes):
        # The end goes by the same connection: a new one would tell nothing, but take its time.
        bound = {id(request.connection) for request in box.requests if request.method != "GET"}
        equal(len(bound), 2, "connections, one for each side")
        for request in box.requests:
            extensions = request.connection.extensions()
            if not extensions:
                fail("no TLS extensions were seen: is this test still right?")
            equal(extensions.get(35, b""), b"", "a session ticket")
            equal(extensions.get(41), None, "a session resumed")
        for other in boxes[i + 1:]:
            (headers, bodies, hellos), (headers_2, bodies_2, hellos_2) = tells(box), tells(other)
            common = {(n, v) for n, v in headers & headers_2 if n not in OF_THE_RELAY}
            equal({name for name, _ in common} - CONSTANT, set(), "headers in common")
            equal(bodies & bodies_2, set(), "texts in common")
            equal(hellos & hellos_2, set(), "TLS values in common")
        equal({v for n, v in tells(box)[0] if n == "user-agent"}, {"tigress"})
        names = {n for n, _ in tells(box)[0]}
        equal({n for n in names if not n.startswith("mailbox-")} - CONSTANT - OF_THE_RELAY, set(),
              "headers that nobody needs")
        equal("mailbox-device-attestation" in names, False, "an attestation")
        bodies = [json.loads(r.body) for r in box.requests if r.body]
        if any("notificationToken" in body for body in bodies):
            fail("a token was sent")


def ids_of(box):
    return {v for n, v in tells(box)[0] if re.fullmatch("[0-9a-f-]{36}", v)}


def linkability():
    boxes = [exchange("a secret", title=("s", "The same"))[1] for _ in range(3)]
    unlinkable(boxes)
    for box in boxes:
        creates = box.asked("create")
        writes = box.asked("write") + box.asked("delete")
        ids = [r.id for r in creates + writes]
        equal(len(ids), len(set(ids)), "request ids used once")
        equal(ids_of(box) & {box.id}, set(), "an id that is the mailbox's")
        if creates[0].claim == box.asked("write", "recipient")[0].claim:
            fail("both sides have one claim")
    previews = [r for r in relay.requests if r.kind == "preview"]
    equal(len(previews) > 0, True, "previews")
    for request in previews:
        equal([n for n, _ in request.headers if n.lower().startswith("mailbox-")], [],
              "what a preview says of who looks")
        equal(request.connection.requests, [request], "what else went over a preview's connection")


# ---- clocks ----


def spread_of(boxes, before):
    """Between the first and the last of what all the boxes are asked next."""
    eventually(lambda: all(len(b.requests) > n for b, n in zip(boxes, before)),
               lambda: f"asked again: {[len(b.requests) - n for b, n in zip(boxes, before)]}")
    times = sorted(b.requests[n].at for b, n in zip(boxes, before))
    return times[-1] - times[0]


def ticks():
    boxes = [alice_shares("x")[1] for _ in range(8)]
    for box in boxes:
        eventually(lambda b=box: b.asked("read"), "alice does not wait")
    before = [len(b.requests) for b in boxes]
    alice.restart()
    # Each draws its moment from ten seconds: one second for all comes once in a million.
    if spread_of(boxes, before) < 1:
        fail("after a start all shares ask at the same moment")


def keyring_tick():
    """Shares that were sent away for an hour."""
    away = lambda r, h: problem(503, "unavailable", [("Retry-After", "3600")]) \
        if r.kind == "read" else h()  # noqa: E731
    boxes = [alice_shares("x", away)[1] for _ in range(4)]
    for box in boxes:
        eventually(lambda b=box: b.asked("read"), "alice does not ask")
    for what in ("lock", "unlock", "lock", "unlock"):
        world("keyring", "alice", what)
        state = {"lock": "locked", "unlock": "unlocked"}[what]
        eventually(lambda: alice.get(MANAGER, "Manager", "KeyringState") == state, "keyring")
    # What it made the shares do is done when a later one has done more.
    share, box, _ = exchange("later")
    equal([len(b.asked("read")) for b in boxes], [1] * len(boxes), "reads of who was sent away")


# ---- who only looks ----


def curl(*words):
    done = subprocess.run(("curl", "-sS", "--cacert", TRIAL_CA, "-o", os.devnull, "-w",
                           "%{http_code}") + words, capture_output=True, text=True, check=True)
    return done.stdout


def lookers():
    share = alice.share("for one only", relay=("s", TRIAL_RELAY), title=("s", "Door"),
                        compat=("b", "false"))
    link = share.link()
    url = link.partition("#")[0]
    for words in ([], ["-I"], ["-A", "WhatsApp/2"], ["-H", "Accept: application/json"],
                  ["-X", "HEAD", "-I"], ["-L"]):
        equal(curl(*words, url), "200", f"curl {words}")
    for _ in range(3):
        found = bob.inspect(link)
        equal(found["trusted"], True)
        equal(found["title"], "Shared credential")
    bob.run("tigressctl", "inspect", input=link.encode(), stdin=None)

    # Who has the address, and not the secret, cannot bind.
    stranger = Peer()
    for proof in (None, stranger.proof, stranger.verifier, ""):
        stranger.proof = proof
        equal(Client().read(stranger, url)[0] in (400, 401), True, f"a read with proof {proof}")

    received = bob.accept(link)
    received.reaches("completed")
    equal(bob.content_of(received), b"for one only")
    share.ended("completed", "peer")


def pictures():
    """What a relay names is not fetched."""
    trap = Relay(relay.tls)
    display = {"title": "x", "description": "x", "imageURL": f"{trap.origin}/picture.png"}
    peer = Peer()
    box = relay.put(peer.seal(peer.message(display=display)), display=display)
    link = peer.link(relay.url(box))
    equal(bob.inspect(link)["image-url"], display["imageURL"])
    page = f'<meta property="og:title" content="a page"><meta property="og:image" ' \
           f'content="{display["imageURL"]}"><img src="{display["imageURL"]}">' \
           f'<meta http-equiv="refresh" content="0; url={trap.origin}/">'
    box.plan = lambda r, h: Answer(200, page, kind="text/html") if r.kind == "preview" else h()
    contains(bob.inspect(link)["title"], "a page")
    bob.accept(link).reaches("completed")
    equal(len(trap.connections), 0, "connections to who was named")


def main():
    for user in (alice, bob):
        user.trust(relay, default=relay, ca=bundle(authority))

    claim("a relay sees neither link nor title nor content, in no disguise")
    outcome.of(secrets)
    claim("nor by the size what travels, or which step it is")
    outcome.of(sizes)
    claim("nothing in two shares is the same: no connection, TLS session, header, claim, id")
    outcome.of(linkability)
    claim("no picture or page that somebody names is fetched")
    outcome.of(pictures)
    claim("who looks at an invitation, however often, binds nothing; its recipient does")
    outcome.of(lookers)
    claim("the keyring's coming and going makes nobody ask before his time")
    outcome.of(keyring_tick)
    claim("after a start the shares do not ask all at once")
    outcome.of(ticks)


run(main)
