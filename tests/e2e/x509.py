#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An X.509 client certificate is lent: a real nginx lets its holder in, until its time is over or it
was revoked."""

import json
import os
import sys
import time

from crash_parts import Failed, Person, Wrong, claim, enter_world, equal, run, until

enter_world()
from ssh_parts import content_of, leaves_nothing  # noqa: E402
from x509_parts import Authority, Server, put_pem  # noqa: E402

BOB = "O=Example,CN=bob"  # as nginx writes names: the other way round


def is_lent(alice, bob, authority, settings=None, **terms):
    """A whole exchange: alice's share, bob's, and the file as he would use it."""
    share = authority.lend(settings, **terms)
    received = bob.accept(alice.invitation(share))
    if settings and settings.get("pin"):
        bob.reaches(received, "pin-needed")
        bob.call(received, "Share", "ProvidePin", "v", "s", alice.call(share, "Share", "GetPin"))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    alice.ends_by(share, "peer")
    for person in (alice, bob):
        leaves_nothing(person)
    return share, received, put_pem(bob, content_of(bob, received), received.rsplit("/", 1)[1])


def refused(call, part):
    try:
        call()
    except (Failed, Wrong) as failure:
        if part not in str(failure):
            raise Wrong(f"refused by {failure}, wanted {part!r}") from None
        return
    raise Wrong(f"not refused: {part}")


def knows(server, client, pem):
    who = server.login(client, "--cert", pem)
    return who and ",".join(sorted(who.split(","), reverse=True))


def text_of(person, *arguments):
    return run("as", person.name, "openssl", *arguments)


def ways(alice, bob, authority, server):
    claim("with and without PIN, by mailbox and by plain HTTP, both kinds of keys: nginx lets him in")
    for settings, key in (({"pin": True}, "p256"), ({"compat": True}, "ed25519"),
                          ({"pin": False, "transport": "tdch"}, "ed25519")):
        share, received, pem = is_lent(alice, bob, authority, settings, key_type=key)
        equal(knows(server, bob, pem), BOB, f"the login with {settings}")
    claim("who has no certificate, or one of another authority, is not let in")
    equal(server.login(bob), None, "without")
    stranger = Authority(bob, "stranger")
    both = put_pem(bob, "".join(open(path).read() for path in
                                (stranger.key, stranger.certificate)), "strange")
    equal(server.login(bob, "--cert", both), None, "a stranger's")


def details(alice, bob, authority, server):
    claim("both see what is lent, before and after; the certificate is that, and can do no more")
    share, received, pem = is_lent(alice, bob, authority, alt_names=["email:bob@example.org"])
    credential = bob.get(received, "Credential")
    seen = [dict(person.get(path, "Details")) for person, path in
            ((alice, share), (bob, received), (bob, credential))]
    for name in ("Subject", "Other names", "Valid from", "Valid until", "Serial number",
                 "Authority", "Authority's SHA-256"):
        equal(len({one[name] for one in seen}), 1, f"{name} in {seen}")
    equal((seen[0]["Subject"], seen[0]["Other names"]), ("CN=bob,O=Example", "email:bob@example.org"),
          "what is shown")
    equal((bob.get(credential, "Kind"), bob.get(credential, "Issuer")), ("lend", "CN=ca"), "kind")
    span = bob.get(credential, "NotAfter") - bob.get(credential, "NotBefore")
    equal(8 * 3600 <= span <= 8 * 3600 + 120, True, f"its time, {span}")
    shown = text_of(bob, "x509", "-in", pem, "-noout", "-text")
    for part in ("CA:FALSE", "TLS Web Client Authentication", "Digital Signature",
                 "email:bob@example.org"):
        equal(part in shown, True, f"{part} in {shown}")
    for part in ("Server Authentication", "Certificate Sign"):
        equal(part in shown, False, f"{part} in {shown}")
    equal(seen[0]["Serial number"].upper() in text_of(bob, "x509", "-in", pem, "-noout", "-serial"),
          True, "its number")
    equal("OK" in text_of(alice, "verify", "-purpose", "sslclient", "-CAfile",
                          authority.certificate, put_pem(alice, open(pem).read().split(
                              "-----END PRIVATE KEY-----\n")[1], "seen")), True, "verify")


def revocation(alice, bob, authority, server):
    claim("revoked, it is not let in after nginx has read the list; others are; the list only grows")
    (first, _, pem), (second, _, other) = (is_lent(alice, bob, authority) for _ in range(2))
    equal([knows(server, bob, one) for one in (pem, other)], [BOB, BOB], "before")
    alice.call(first, "Share", "Revoke", "s", "")
    equal(alice.state(first), "revoked", "the state")
    server.reload()
    until("it is refused", lambda: server.login(bob, "--cert", pem) is None)
    equal(knows(server, bob, other), BOB, "the other one")
    alice.call(second, "Share", "Revoke", "s", "lost")
    server.reload()
    until("the other is refused", lambda: server.login(bob, "--cert", other) is None)
    equal(server.login(bob, "--cert", pem), None, "the first")
    shown = text_of(alice, "crl", "-in", authority.crl, "-noout", "-text", "-CAfile",
                    authority.certificate)
    equal(shown.count("Serial Number:"), 3, f"entries in {shown}")
    leaves_nothing(alice)
    claim("a list that is another's is not touched, and revoking can be tried again")
    share, _, _ = is_lent(alice, bob, authority, crl=f"{authority.crl}.other")
    run("as", alice.name, "sh", "-c", f"echo mine >{authority.crl}.other")
    refused(lambda: alice.call(share, "Share", "Revoke", "s", ""), "no list in PEM")
    equal(open(f"{authority.crl}.other").read(), "mine\n", "the file")
    equal(alice.state(share), "completed", "the state after that")
    os.unlink(f"{authority.crl}.other")
    alice.call(share, "Share", "Revoke", "s", "")
    equal(alice.state(share), "revoked", "the state at last")


def arguments(alice, authority):
    claim("what cannot be signed is said before anybody is asked")
    home = alice.environment["HOME"]
    leaf = Authority(alice, "leaf", "-addext", "basicConstraints=critical,CA:FALSE")
    lame = Authority(alice, "lame", "-addext", "keyUsage=critical,keyCertSign")
    short = Authority(alice, "short", days="1")
    run("as", alice.name, "openssl", "pkey", "-in", authority.key, "-aes128", "-passout",
        "pass:secret", "-out", f"{home}/locked.key")
    known = set(alice.objects("share"))
    for part, terms in (
            ("\"ca\" is missing", {"ca": None}),
            ("names no file", {"ca": f"{home}/nothing"}),
            ("names no file", {"ca": "/dev/zero"}),
            ("no certificate in PEM", {"ca": authority.key}),
            ("whole path", {"ca": "ca"}),
            ("not one of an authority", {"ca": leaf.certificate, "ca_key": leaf.key}),
            ("may not sign revocation lists", {"ca": lame.certificate, "ca_key": lame.key}),
            ("is over, or would be", {"ca": short.certificate, "ca_key": short.key,
                                      "valid_for": ("u", 2 * 86400)}),
            ("does not belong to its certificate", {"ca_key": leaf.key}),
            ("no private key in PEM", {"ca_key": None}),
            ("has a passphrase", {"ca_key": f"{home}/locked.key"}),
            ("\"subject\" is missing", {"subject": None}),
            ("the subject is a list", {"subject": "bob"}),
            ("alternative names", {"alt_names": ["bob"]}),
            ("\"key-type\" is", {"key_type": "rsa"}),
            ("one of \"valid-for\"", {"valid_for": ("u", 60), "not_after": ("t", 4000000000)}),
            ("over before", {"not_after": ("t", 1000)}),
            ("not a key known here", {"secret": "x"}),
            ("one of \"ca-key\"", {"token": "pkcs11:object=ca"}),
            ("begins with pkcs11:", {"token": "/lib", "ca_key": None}),
            ("may not hold a PIN", {"token": "pkcs11:object=ca?pin-value=1", "ca_key": None}),
            ("has not signed", {"token": "pkcs11:object=nothing", "ca_key": None}),
    ):
        refused(lambda terms=terms: authority.lend(**terms), part)
    equal(set(alice.objects("share")), known, "shares that were made")
    leaves_nothing(alice)


def token(alice, bob, authority, server):
    claim("an authority's key in a PKCS#11 token signs certificates and lists as well")
    home = alice.environment["HOME"]
    run("as", alice.name, "sh", "-c", f"""umask 077
        mkdir -p {home}/.config/softhsm2 {home}/tokens && printf 4321 >{home}/pin
        printf 'directories.tokendir = %s\\nobjectstore.backend = file\\n' {home}/tokens \\
            >{home}/.config/softhsm2/softhsm2.conf
        softhsm2-util --init-token --free --label lend --so-pin 1234 --pin 4321
        softhsm2-util --import {authority.key} --token lend --label ca --id 01 --pin 4321""")
    where = f"pkcs11:token=lend;object=ca;type=private;pin-source=file:{home}/pin"
    share, received, pem = is_lent(alice, bob, authority, ca_key=None, token=where)
    equal(knows(server, bob, pem), BOB, "the login")
    alice.call(share, "Share", "Revoke", "s", "")
    server.reload()
    until("it is refused", lambda: server.login(bob, "--cert", pem) is None)
    leaves_nothing(alice)


def by_hand(alice, bob, authority, server):
    claim("tigressctl lends, shows, gives PKCS#12, and takes back")

    def ctl(person, *arguments, **more):
        return run("as", person.name, "tigressctl", *arguments, **more).strip()

    home = bob.environment["HOME"]
    made = ctl(alice, "share", "--format", "org.tigress.x509.certificate", "--ca",
               authority.certificate, "--term", f"ca-key={authority.key}", "--term",
               "subject=CN=bob, O=Example", "--valid", "1h", "--term", f"crl={authority.crl}",
               "--no-pin", "--no-wait", "--json")
    made = json.loads(made.splitlines()[0])
    received = ctl(bob, "accept", "--yes", "--json", input=made["link"] + "\n").splitlines()[-1]
    credential = json.loads(received)["credential"]
    equal(json.loads(ctl(bob, "show", "--json", credential))["details"]["Subject"],
          "CN=bob,O=Example", "what is shown")
    run("as", bob.name, "sh", "-c", f"umask 077; echo s3cret >{home}/passphrase")
    ctl(bob, "reveal", credential, "--pkcs12", "--passphrase-file", f"{home}/passphrase",
        "--output", f"{home}/lent.p12")
    equal(os.stat(f"{home}/lent.p12").st_mode & 0o777, 0o600, "who may read it")
    packed = ("--cert-type", "P12", "--cert", f"{home}/lent.p12:s3cret")
    who = server.login(bob, *packed)
    equal(bool(who) and "CN=bob" in who, True, f"the login as {who}")
    refused(lambda: ctl(bob, "reveal", credential, "--passphrase-file", f"{home}/passphrase"),
            "for --pkcs12 alone")
    refused(lambda: ctl(bob, "reveal", credential, "--pkcs12"), "no terminal to ask on")
    until("its end is told", lambda: "completed" in ctl(alice, "show", made["id"]))
    equal("revoked" in ctl(alice, "revoke", "--json", made["id"]), True, "revoke")
    server.reload()
    until("it is refused", lambda: server.login(bob, *packed) is None)


def exports(alice, bob):
    claim("a form that a credential does not have, and a passphrase that nothing is sealed with, are errors")
    share = alice.share("a copy")
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    path = bob.get(received, "Credential")
    refused(lambda: bob.call(path, "Credential", "Reveal", "a{sv}", "2", "as", "s", "pkcs12",
                             "passphrase", "s", "x"), "for X.509 certificates")
    refused(lambda: bob.call(path, "Credential", "Reveal", "a{sv}", "1", "passphrase", "s", "x"),
            "sealed with one")


def main():
    alice, bob = Person("alice"), Person("bob")
    authority = Authority(alice)
    share, received, lost = is_lent(alice, bob, authority)
    alice.call(share, "Share", "Revoke", "s", "")  # which makes the list that nginx wants
    server = Server(alice, authority)
    try:
        equal(server.login(bob, "--cert", lost), None, "one that was revoked before")
        end = int(time.time()) + 30
        _, _, short = is_lent(alice, bob, authority, not_after=("t", end))
        equal(knows(server, bob, short), BOB, "before its end")
        arguments(alice, authority)
        ways(alice, bob, authority, server)
        details(alice, bob, authority, server)
        revocation(alice, bob, authority, server)
        token(alice, bob, authority, server)
        by_hand(alice, bob, authority, server)
        exports(alice, bob)
        claim("a certificate whose time is over is not let in")
        until("its end", lambda: time.time() > end + 1)
        equal(server.login(bob, "--cert", short), None, "after its end")
    except (Wrong, Failed) as failure:
        for person in (alice, bob):
            print(run("bus-log", person.name)[-3000:], file=sys.stderr)
        raise SystemExit(f"failed: {failure}") from None
    finally:
        server.stop()


main()
