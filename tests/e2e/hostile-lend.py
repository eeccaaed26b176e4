#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Liars who are lent a certificate or a place in a WireGuard network, or lend one: who proves nothing
gets nothing, who has got something gets no second, what was not promised is not kept, and who never
says what he has got does not keep it for that."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from curve25519 import Key, agree
from hostile_world import (MANAGER, Answer, Authority, Client, Peer, Relay, Share, User, bundle,
                           claim, contains, equal, eventually, folder, run)

SSH = "org.tigress.ssh.certificate"
WIREGUARD = "org.tigress.wireguard.peer"
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


def binding(peer, format=SSH):
    """Of T1: of the share's id."""
    sid = base64.urlsafe_b64decode(peer.sid + "==")
    return hashlib.sha256(b"TIGRESS binding\0" + sid + format.encode()).hexdigest()


def request(peer, name, signer=None, about=None, **changes):
    statement = "I hold this key, and ask for a certificate in the exchange\n" \
                f"{about or binding(peer)}\n"
    proof = keygen("-q", "-Y", "sign", "-f", signer or name, "-n", SSH, input=statement)
    return peer.message({"publicKey": public(name), "proof": proof}, SSH,
                        **{"ack": 0, **changes})


def ssh_terms():
    home = alice.home
    if not os.path.exists(f"{home}/ca"):
        alice.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{home}/ca")
    return (SSH, "3", "ca", "s", f"{home}/ca", "krl", "s", f"{home}/krl", "principals", "as", "1",
            "alice")


def create(terms=ssh_terms, **options):
    options = {"compat": ("b", "true"), "wait": ("b", "true"), **options}
    words = [word for name, (kind, value) in options.items() for word in (name, kind, value)]
    return Share(alice, alice.call(
        MANAGER, "Manager", "CreateShare", "sa{sv}a{sv}", *terms(), str(len(options)),
        *words)[0])


def lend(terms=ssh_terms):
    """A share, who is lent to, the mailbox and what is offered."""
    share = create(terms)
    link = share.link()
    peer = Peer.of_link(link)
    url = link.partition("#")[0]
    status, _, answer = trial.read(peer, url)
    equal(status, 200, "the first read")
    return share, peer, url, peer.learn(json.dumps(json.loads(answer)["payload"]))["content"]


def slot(peer, url):
    """What lies in the mailbox, opened."""
    status, _, answer = trial.read(peer, url)
    return peer.open(json.dumps(json.loads(answer)["payload"])) if status == 200 else None


def wants(peer, url, message):
    trial.write(peer, url, peer.seal(message))


def ends_for(lie, about, terms=ssh_terms, tampered=False):
    share, peer, url, offer = lend(terms)
    wants(peer, url, lie(peer, offer))
    share.ended("failed", "self", about=about)
    eventually(lambda: trial.read(peer, url)[0] in (401, 404), f"{about}: not deleted")
    contains(share.get("Failure")[0], "Tampered" if tampered else "Invalid", about)
    contains(alice.refused(share.path, "Share", "Revoke", "s", ""), "nothing was given", about)


def lying_recipients():
    claim("who proves nothing gets no signature: the share ends, and nothing is written")
    key("mine")
    key("other")
    equal(lend()[3]["principals"], ["alice"], "the offer")
    for about, lie in (
            ("a proof by another key", lambda p, o: request(p, "mine", signer="other")),
            ("a proof of another share", lambda p, o: request(p, "mine", about="00" * 32)),
            ("no proof", lambda p, o: p.message({"publicKey": public("mine")}, SSH, ack=0)),
            ("no key", lambda p, o: p.message({}, SSH, ack=0)),
            ("an unknown format", lambda p, o: p.message({}, "x.y", ack=0))):
        ends_for(lie, about)
    ends_for(lambda p, o: p.message({}, ack=0), "another format", tampered=True)


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


# ---- somebody who is lent a place in a network ----


SERVER = Key()


def text_of(octets):
    return base64.b64encode(octets).decode()


def network():
    return (WIREGUARD, "4", "server-key", "s", text_of(SERVER.public), "endpoint", "s",
            "192.0.2.1:51820", "pool", "as", "1", "10.8.0.0/24", "peers", "s",
            f"{alice.home}/peers.conf")


def peers():
    path = f"{alice.home}/peers.conf"
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read()


def place_for(peer, offer, own, holder=None, about=None, name=None, **changes):
    """The proof is of what @own and the initiator's key have in common, and of the share."""
    name = name or text_of(own.public)
    shared = agree((holder or own).private, base64.b64decode(offer["proofKey"]))
    salt = bytes.fromhex(about or binding(peer, WIREGUARD))
    mixed = hmac.digest(salt, shared, "sha256")
    secret = hmac.digest(mixed, WIREGUARD.encode() + b" proof\1", "sha256")
    proof = text_of(hmac.digest(secret, name.encode(), "sha256"))
    return peer.message({"publicKey": name, "proof": proof}, WIREGUARD, **{"ack": 0, **changes})


def liars_in_a_network():
    claim("who proves nothing gets no address: the share ends, and no peer is written")
    own, other = Key(), Key()
    for about, lie in (
            ("a proof by another key", lambda p, o: place_for(p, o, own, holder=other)),
            ("a proof of another share", lambda p, o: place_for(p, o, own, about="00" * 32)),
            ("a proof of nothing", lambda p, o: p.message(
                {"publicKey": text_of(own.public), "proof": text_of(bytes(32))}, WIREGUARD, ack=0)),
            ("no proof", lambda p, o: p.message({"publicKey": text_of(own.public)}, WIREGUARD,
                                                ack=0)),
            ("the server's key", lambda p, o: place_for(p, o, SERVER)),
            ("a key of low order", lambda p, o: place_for(p, o, own, name=text_of(bytes(32)))),
            ("a key and more", lambda p, o: place_for(
                p, o, own, name=text_of(own.public) + "\n[Interface]\nPostUp = id"))):
        ends_for(lie, about, network)
    equal("[Peer]" in peers(), False, f"peers: {peers()}")


def one_place():
    claim("who has got one address asks for a second in vain")
    own, other = Key(), Key()
    box = relay.plan(None)
    share = create(network, relay=("s", relay.origin))
    peer = Peer.of_link(share.link())
    offer = peer.learn(box.payload)["content"]
    box.recipient = peer.claim
    relay.write(box, peer.seal(place_for(peer, offer, own)))
    eventually(lambda: peer.open(box.payload)["tigress"]["role"] == "s", "no answer")
    before = peers()
    contains(before, text_of(own.public), "the peer")
    relay.write(box, peer.seal(place_for(peer, offer, other, seq=1, ack=1)))
    eventually(lambda: any(r.status == 200 and r.answered == box.version
                           for r in box.asked("read", "initiator")), "the second is not read")
    relay.write(box, peer.seal(peer.end(seq=2, ack=1)))
    share.ended("completed", "peer")
    equal(peers(), before, "the peers")
    share.call("Revoke", "s", "")
    equal("[Peer]" in peers(), False, "after it was taken back")


X509 = "org.tigress.x509.certificate"


def lend_renewed():
    """A certificate that is renewed, to bob, whose word that he has it comes to nobody's ears."""
    writes = []

    def deaf(asked, honest):
        if asked.kind == "write" and asked.side == "recipient":
            writes.append(asked)
            if len(writes) > 2:  # the answer, the request
                return Answer(200, '{"isPushNotificationSupported":false}')
        return honest()

    pem, home = f"{alice.home}/x509.pem", alice.home
    if not os.path.exists(pem):
        alice.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{home}/x509.key", "-out", pem,
                  "-days", "30", "-subj", "/CN=ca", "-addext",
                  "keyUsage=critical,keyCertSign,cRLSign")
    relay.plan(deaf)
    share = Share(alice, alice.call(
        MANAGER, "Manager", "CreateShare", "sa{sv}a{sv}", X509, "6", "ca", "s", pem, "ca-key", "s",
        f"{home}/x509.key", "crl", "s", f"{home}/x509.crl", "subject", "s", "CN=bob",
        "valid-for", "u", "10", "renew-until", "t", str(int(time.time()) + 3600),
        "3", "pin", "b", "false", "wait", "b", "true", "relay", "s", relay.origin)[0])
    bob.accept(share.link()).reaches("completed")
    return share


def of_grant(share, *states):
    return [Share(alice, path) for path, its in alice.objects().items()
            if its["Grant"] == share.path and its["State"] in states]


def running(share):
    return of_grant(share, "uploading", "invited", "exchanging")


def never_says_so():
    claim("who never says that he has got it: taken back or cancelled, it is renewed no more")
    cancelled, revoked = lend_renewed(), lend_renewed()
    for share in (cancelled, revoked):
        eventually(lambda s=share: of_grant(s, "completed") and running(s), "no renewal")
        equal(share.state, "exchanging", "the first of them")
    cancelled.call("Cancel", "s", "")
    equal(len(running(cancelled)), 0, "what would be renewed after a cancel")
    of_grant(revoked, "completed")[0].call("Revoke", "s", "")
    equal(len(running(revoked)), 0, "what would be renewed after it was taken back")
    equal(revoked.state, "revoked", "what it was lent with")
    renewal = [path for path, share in bob.objects().items() if share["Grant"] != "/"][0]
    contains(bob.refused(renewal, "Share", "Revoke", "s", ""), "cannot be taken back", "bob's")


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


def place_of(**changes):
    """What is offered; what wg-quick would run must not get through."""
    return {"serverKey": text_of(SERVER.public), "endpoint": "192.0.2.1:51820",
            "allowedIps": ["10.8.0.0/24"], "dns": [], "keepalive": 0,
            "proofKey": text_of(Key().public), **changes}


def given(**changes):
    return {"addresses": ["10.8.0.2/32"], "presharedKey": text_of(os.urandom(32)), **changes}


def lying_networks():
    claim("an offer or an answer with more than numbers and names in it: nothing is kept")
    before = bob.credentials()
    more = "\nPostUp = id"
    for about, offer in (
            ("a command in the endpoint", place_of(endpoint="192.0.2.1:51820" + more)),
            ("a command in the key", place_of(serverKey=text_of(SERVER.public) + more)),
            ("a command in the networks", place_of(allowedIps=["10.8.0.0/24" + more])),
            ("a command in the servers", place_of(dns=["10.8.0.1" + more])),
            ("a key of low order", place_of(proofKey=text_of(bytes(32))))):
        peer = Peer()
        url = trial.create(peer, peer.seal(peer.message(offer, WIREGUARD)))
        bob.accept(peer.link(url)).ended("failed", "self", "Invalid", about=about)
    for about, answer in (
            ("a command in the address", given(addresses=["10.8.0.2/32" + more])),
            ("a command in the key", given(presharedKey=text_of(os.urandom(32)) + more)),
            ("a short key", given(presharedKey=text_of(os.urandom(31)))),
            ("no address", given(addresses=[])),
            ("addresses without end", given(addresses=["10.8.0.2/32"] * 99)),
            ("nothing", {}),
            ("the truth", given())):
        peer = Peer()
        url = trial.create(peer, peer.seal(peer.message(place_of(), WIREGUARD)))
        share = bob.accept(peer.link(url))
        eventually(lambda: (slot(peer, url) or {}).get("tigress", {}).get("role") == "r",
                   f"{about}: nothing is asked for")
        trial.write(peer, url, peer.seal(peer.message(answer, WIREGUARD, seq=1, ack=0)))
        if about == "the truth":
            share.ended("completed", "self", about=about)
            continue
        share.ended("failed", "self", "Invalid", about=about)
        equal(share.get("Credential"), "/", about)
        equal(bob.credentials(), before, "bob's keyring")


def main():
    for user in (alice, bob):
        user.trust(relay, ca=bundle(authority))
    lying_recipients()
    one_signature()
    liars_in_a_network()
    one_place()
    never_says_so()
    lying_initiators()
    lying_networks()


run(main)
