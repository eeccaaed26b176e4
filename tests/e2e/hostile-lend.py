#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Liars who are lent an SSH certificate, or lend one: who proves nothing gets no signature, who has
got one gets no second, and what was not promised is not kept."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from hostile_world import (MANAGER, Authority, Client, Peer, Relay, Share, User, bundle, claim,
                           contains, equal, eventually, folder, run)

SSH = "org.tigress.ssh.certificate"
alice, bob = User("alice"), User("bob")
trial = Client()
authority = Authority(folder())
relay = Relay(authority.issue("127.0.0.1"))
place = folder()


def keygen(*arguments, input=None):
    return subprocess.run(["ssh-keygen", *arguments], cwd=place, check=True, capture_output=True,
                          input=input, text=True, env={**os.environ, "TZ": "UTC"}).stdout


def key(name):
    keygen("-q", "-t", "ed25519", "-N", "", "-C", "", "-f", name)
    return public(name)


def public(name):
    with open(f"{place}/{name}.pub") as file:
        return file.read().strip()


# ---- somebody who is lent to ----


def binding(peer):
    """Of T1: of the share's id."""
    sid = base64.urlsafe_b64decode(peer.sid + "==")
    return hashlib.sha256(b"TIGRESS binding\0" + sid + SSH.encode()).hexdigest()


def request(peer, name, signer=None, about=None, **changes):
    statement = "I hold this key, and ask for a certificate in the exchange\n" \
                f"{about or binding(peer)}\n"
    proof = keygen("-q", "-Y", "sign", "-f", signer or name, "-n", SSH, input=statement)
    return peer.message({"publicKey": public(name), "proof": proof}, SSH,
                        **{"ack": 0, **changes})


def create(**options):
    home = alice.home
    if not os.path.exists(f"{home}/ca"):
        alice.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{home}/ca")
    options = {"compat": ("b", "true"), "wait": ("b", "true"), **options}
    words = [word for name, (kind, value) in options.items() for word in (name, kind, value)]
    return Share(alice, alice.call(
        MANAGER, "Manager", "CreateShare", "sa{sv}a{sv}", SSH, "3", "ca", "s", f"{home}/ca",
        "krl", "s", f"{home}/krl", "principals", "as", "1", "alice", str(len(options)),
        *words)[0])


def lend():
    share = create()
    link = share.link()
    peer = Peer.of_link(link)
    url = link.partition("#")[0]
    status, _, answer = trial.read(peer, url)
    equal(status, 200, "the first read")
    offer = peer.learn(json.dumps(json.loads(answer)["payload"]))
    equal(offer["content"]["principals"], ["alice"], "the offer")
    return share, peer, url


def slot(peer, url):
    """What lies in the mailbox, opened."""
    status, _, answer = trial.read(peer, url)
    return peer.open(json.dumps(json.loads(answer)["payload"])) if status == 200 else None


def wants(peer, url, message):
    trial.write(peer, url, peer.seal(message))


def lying_recipients():
    claim("who proves nothing gets no signature: the share ends, and nothing is written")
    key("mine")
    key("other")
    for about, lie in (
            ("a proof by another key", lambda p: request(p, "mine", signer="other")),
            ("a proof of another share", lambda p: request(p, "mine", about="00" * 32)),
            ("no proof", lambda p: p.message({"publicKey": public("mine")}, SSH, ack=0)),
            ("no key", lambda p: p.message({}, SSH, ack=0)),
            ("an unknown format", lambda p: p.message({}, "x.y", ack=0)),
            ("another format", lambda p: p.message({}, ack=0))):
        share, peer, url = lend()
        wants(peer, url, lie(peer))
        share.ended("failed", "self", about=about)
        eventually(lambda u=url, p=peer: trial.read(p, u)[0] in (401, 404), f"{about}: not deleted")
        contains(share.get("Failure")[0], "Tampered" if about == "another format" else "Invalid",
                 about)
        contains(alice.refused(share.path, "Share", "Revoke", "s", ""), "nothing was given", about)


def one_signature():
    claim("who has got one signature asks for a second in vain; the share goes on to its end")
    box = relay.plan(None)
    share = create(relay=("s", relay.origin))
    peer = Peer.of_link(share.link())
    peer.learn(box.payload)
    box.recipient = peer.claim

    def is_read():
        return any(r.status == 200 and r.answered == box.version
                   for r in box.asked("read", "initiator"))

    relay.write(box, peer.seal(request(peer, "mine")))
    eventually(lambda: peer.open(box.payload)["tigress"]["role"] == "s", "no answer")
    first = peer.open(box.payload)["content"]["certificate"]
    contains(first, "ssh-ed25519-cert-v01@openssh.com", "the only one")
    for seq, name in ((1, "other"), (2, "mine")):
        relay.write(box, peer.seal(request(peer, name, seq=seq, ack=1)))
        eventually(is_read, "the second request is not read")
    equal(peer.open(box.payload)["tigress"]["role"], "r", "who wrote last")
    equal(share.state, "exchanging", "its state")
    relay.write(box, peer.seal(peer.end(seq=3, ack=1)))
    share.ended("completed", "peer")
    equal(len(box.asked("write", "initiator")), 1, "what alice has written after the offer")
    share.call("Revoke", "s", "")
    equal(share.state, "revoked", "taken back")


# ---- somebody who lends ----


def offer_of(name, **changes):
    now = int(time.time())
    return {"ca": public(name), "principals": ["alice"], "keyId": "x", "validAfter": now - 60,
            "validBefore": now + 3600, "permit": ["pty"], **changes}


def lying_initiators():
    claim("another key's certificate, a host's, a longer one, one with more: nothing is kept")
    key("ca")
    key("ca2")
    before = bob.credentials()
    for about, ca, mine, options, more in (
            ("another key", "ca", "other", [], 0), ("a host's", "ca", None, ["-h"], 0),
            ("longer", "ca", None, [], 3600), ("another authority", "ca2", None, [], 0),
            ("more", "ca", None, ["-O", "permit-agent-forwarding"], 0),
            ("forced", "ca", None, ["-O", "force-command=rm -rf ~"], 0)):
        peer = Peer()
        offer = offer_of("ca")
        url = trial.create(peer, peer.seal(peer.message(offer, SSH)))
        share = bob.accept(peer.link(url))

        def asked():
            said = slot(peer, url)
            return said if said and said["tigress"]["role"] == "r" else None

        eventually(asked, f"{about}: nothing is asked for")
        with open(f"{place}/their.pub", "w") as file:
            file.write(public(mine) if mine else asked()["content"]["publicKey"])
        begin, end = (time.strftime("%Y%m%d%H%M%S", time.gmtime(moment)) for moment in
                      (offer["validAfter"], offer["validBefore"] + more))
        keygen("-q", "-s", ca, "-I", "x", "-n", "alice", "-V", f"{begin}:{end}", "-O", "clear",
               "-O", "permit-pty", *options, "their.pub")
        answer = {"certificate": public("their-cert")}
        trial.write(peer, url, peer.seal(peer.message(answer, SSH, seq=1, ack=0)))
        share.ended("failed", "self", "Invalid", about=about)
        eventually(lambda: (slot(peer, url) or {}).get("format") == "tigress.end", about)
        equal(slot(peer, url)["content"]["outcome"], "failed", about)
        equal(share.get("Credential"), "/", about)
    equal(bob.credentials(), before, "bob's keyring")


def main():
    alice.trust(relay, ca=bundle(authority))
    lying_recipients()
    one_signature()
    lying_initiators()


run(main)
