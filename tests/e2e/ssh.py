#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An SSH certificate is lent: a real sshd lets its holder in, as far as was consented to, and no
more after it was revoked."""

import json
import subprocess
import sys
import time

from crash_parts import Failed, Person, Wrong, claim, enter_world, equal, refused, run, until

enter_world()
from ssh_parts import (Agent, Authority, Server, content_of, leaves_nothing, put_key,  # noqa: E402
                       options as typed_options)


def is_lent(alice, bob, authority, settings=None, **terms):
    """A whole exchange: alice's share, bob's, and the key as he would use it."""
    share = authority.lend(settings, **terms)
    link = alice.invitation(share)
    received = bob.accept(link)
    if settings and settings.get("pin"):
        bob.reaches(received, "pin-needed")
        pin = alice.call(share, "Share", "GetPin")
        bob.call(received, "Share", "ProvidePin", "v", "s", pin)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    alice.ends_by(share, "peer")
    for person in (alice, bob):
        leaves_nothing(person)
    return share, received


def ways(alice, bob, authority, server):
    claim("with and without PIN, by mailbox and by plain HTTP, in both modes: sshd lets him in")
    for number, settings in enumerate(({"pin": False}, {"pin": True}, {"compat": True},
                                       {"pin": False, "transport": "tdch"},
                                       {"pin": True, "transport": "tdch"},
                                       {"compat": True, "transport": "tdch"})):
        share, received = is_lent(alice, bob, authority, settings)
        key = put_key(bob, content_of(bob, received), f"way{number}")
        equal(server.login(bob, key), "in", f"the login with {settings}")


def details(alice, bob, authority, server):
    claim("both see what is lent, before and after: who signs, for whom, from when to when")
    share, received = is_lent(alice, bob, authority, force_command="id -un",
                              source_address="127.0.0.1/32", permit=[])
    seen = [dict(person.get(path, "Details")) for person, path in
            ((alice, share), (bob, received), (bob, bob.get(received, "Credential")))]
    for name in ("Principals", "Valid from", "Valid until", "Only from", "Only command", "Permits",
                 "Key id", "Authority"):
        equal(len({one[name] for one in seen}), 1, f"{name} in {seen}")
    equal((seen[0]["Only command"], seen[0]["Permits"], seen[0]["Principals"]),
          ("id -un", "nothing more", "alice"), "what is shown")
    credential = bob.get(received, "Credential")
    equal(bob.get(credential, "Kind"), "lend", "its kind")
    span = bob.get(credential, "NotAfter") - bob.get(credential, "NotBefore")
    equal(8 * 3600 <= span <= 8 * 3600 + 120, True, f"its time, {span}")
    equal(bob.get(credential, "Issuer"), seen[0]["Authority"], "its issuer")
    claim("a forced command is the only one; from another address he is not let in")
    key = put_key(bob, content_of(bob, received), "forced")
    equal(server.login(bob, key, "echo in"), "alice", "the forced command")
    share, received = is_lent(alice, bob, authority, source_address="192.0.2.1/32")
    equal(server.login(bob, put_key(bob, content_of(bob, received), "away")), None,
          "from another address")


def token(alice, bob, authority, server):
    claim("an authority's key in a PKCS#11 token signs, with the PIN out of a file, and is revoked")
    library = "/usr/lib/softhsm/libsofthsm2.so"
    home = alice.environment["HOME"]
    run("as", alice.name, "sh", "-c", f"""umask 077
        mkdir -p {home}/.config/softhsm2 {home}/tokens
        printf 'directories.tokendir = %s\nobjectstore.backend = file\n' {home}/tokens \
            >{home}/.config/softhsm2/softhsm2.conf
        echo 4321 >{home}/pin; echo 9999 >{home}/wrong; echo 4321 >{home}/open
        chmod 640 {home}/open
        openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {home}/key.pem
        softhsm2-util --init-token --free --label lend --so-pin 1234 --pin 4321
        softhsm2-util --import {home}/key.pem --token lend --label ca --id 01 --pin 4321
        rm {home}/key.pem
        ssh-keygen -D {library} >{home}/token.pub""")
    server.trust(f"{home}/token.pub")
    terms = {"ca": f"{home}/token.pub", "pkcs11": library, "pkcs11_pin": f"{home}/pin"}
    share, received = is_lent(alice, bob, authority, **terms)
    key = put_key(bob, content_of(bob, received), "token")
    equal(server.login(bob, key), "in", "token")
    alice.call(share, "Share", "Revoke", "s", "")
    equal(server.login(bob, key), None, "after Revoke")
    claim("a wrong PIN is tried once, and ends the share")
    share = authority.lend({"compat": True}, **{**terms, "pkcs11_pin": f"{home}/wrong"})
    received = bob.accept(alice.invitation(share))
    equal(alice.ended(share), "failed", "alice's share")
    equal("is the PIN right" in alice.get(share, "Failure")[1], True, "why")
    leaves_nothing(alice)
    claim("a PIN that others can read, or that is none, is refused before anybody is asked")
    for part, words in (("not yours alone", {"pkcs11_pin": f"{home}/open"}),
                        ("names no file", {"pkcs11_pin": f"{home}/none"}),
                        ("names no file", {"pkcs11_pin": "/dev/zero"}),
                        ("holds no PIN", {"pkcs11_pin": f"{authority.key}"}),
                        ("is of a token", {"pkcs11": None}),
                        ("the token's library", {"pkcs11": f"{home}/none.so"})):
        refused(lambda words=words: authority.lend(**{**terms, **words}), part)
    claim("a token that was put into an ssh-agent signs there")
    run("as", alice.name, "sh", "-c", f"umask 077; printf '#!/bin/sh\necho 4321\n' >{home}/says-pin;"
        f"chmod 700 {home}/says-pin")
    with Agent(alice) as holder:
        run("as", alice.name, "env", f"SSH_AUTH_SOCK={holder.socket}", "SSH_ASKPASS_REQUIRE=force",
            f"SSH_ASKPASS={home}/says-pin", "ssh-add", "-s", library)
        share, received = is_lent(alice, bob, authority, ca=f"{home}/token.pub",
                                  agent=holder.socket)
        equal(server.login(bob, put_key(bob, content_of(bob, received), "held")), "in", "agent")


def use(person, credential, socket, **options):
    """What the wallet says of having put it into the agent."""
    answer = person.call(credential, "Credential", "Use", "sa{sv}", "ssh-agent",
                         *typed_options(agent=socket, **options))
    return {name: value["data"] for name, value in answer.items()}


def limits(alice, bob, authority, server):
    claim("another principal, and a time that is not yet or over, are not let in")
    for name, terms in (("principal", {"principals": ["root"]}),
                        ("early", {"not_before": ("t", int(time.time()) + 3600),
                                   "not_after": ("t", int(time.time()) + 7200)})):
        share, received = is_lent(alice, bob, authority, **terms)
        equal(server.login(bob, put_key(bob, content_of(bob, received), name)), None, name)
    end = int(time.time()) + 60
    share, received = is_lent(alice, bob, authority, not_after=("t", end))
    key = put_key(bob, content_of(bob, received), "short")
    equal(server.login(bob, key), "in", "before its end")
    claim("put to use, it stays in an agent no longer than it is valid")
    credential = bob.get(received, "Credential")
    with Agent(bob) as own:
        answer = use(bob, credential, own.socket)
        equal(answer["until"] < end, True, f"how long: {answer}")
        equal(server.login(bob, agent=own.socket), "in", "by agent, before its end")
    return key, credential, end


def revocation(alice, bob, authority, server):
    claim("revoked, it is not let in any more; others are; twice is an error")
    share, received = is_lent(alice, bob, authority)
    other, elsewhere = is_lent(alice, bob, authority)
    key = put_key(bob, content_of(bob, received), "first")
    second = put_key(bob, content_of(bob, elsewhere), "second")
    equal([server.login(bob, one) for one in (key, second)], ["in", "in"], "before")
    alice.call(share, "Share", "Revoke", "s", "")
    equal(alice.state(share), "revoked", "the state")
    equal([server.login(bob, one) for one in (key, second)], [None, "in"], "after")
    refused(lambda: alice.call(share, "Share", "Revoke", "s", ""), "nothing to be revoked")
    refused(lambda: bob.call(received, "Share", "Revoke", "s", ""), "cannot be taken back")
    claim("the list only grows")
    alice.call(other, "Share", "Revoke", "s", "lost")
    equal([server.login(bob, one) for one in (key, second)], [None, None], "both")
    leaves_nothing(alice)
    claim("after a restart it is still revoked; a copy and what was never given cannot be")
    alice.kill()
    equal(alice.state(share), "revoked", "the state after a restart")
    copy = alice.share("a copy")
    refused(lambda: alice.call(copy, "Share", "Revoke", "s", ""), "cannot be taken back")
    alice.call(copy, "Share", "Cancel", "s", "")
    unused = authority.lend()
    refused(lambda: alice.call(unused, "Share", "Revoke", "s", ""), "cancel it instead")
    alice.call(unused, "Share", "Cancel", "s", "")
    refused(lambda: alice.call(unused, "Share", "Revoke", "s", ""), "nothing was given")
    equal(alice.get(unused, "Failure")[1], "cancelled before the credential was sent", "cancelled")


def arguments(alice, authority):
    claim("what cannot be signed is said before anybody is asked")
    home = alice.environment["HOME"]
    run("as", alice.name, "sh", "-c", f"umask 077; echo rubbish >{home}/rubbish")
    run("as", alice.name, "ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f",
        f"{home}/locked")
    known = set(alice.objects("share"))
    for part, terms in (
            ("\"ca\" is missing", {"ca": None}),
            ("names no file", {"ca": f"{home}/nothing"}),
            ("cannot be used", {"ca": f"{home}/rubbish"}),
            ("passphrase", {"ca": f"{home}/locked"}),
            ("whole path", {"ca": "ca"}),
            ("names no file", {"ca": "/dev/zero"}),
            ("1 to 16 principals", {"principals": []}),
            ("1 to 16 principals", {"principals": None}),
            ("a principal is a name", {"principals": ["alice,root"]}),
            ("a principal is a name", {"principals": ["*"]}),
            ("key id", {"key_id": "a b"}),
            ("one of \"valid-for\"", {"valid_for": ("u", 60), "not_after": ("t", 4000000000)}),
            ("over before", {"not_after": ("t", 1000)}),
            ("must be after its beginning", {"not_before": ("t", 4000000000),
                                             "not_after": ("t", 3999999999)}),
            ("source address", {"source_address": "host.example"}),
            ("one line", {"force_command": "a\nb"}),
            ("\"permit\" knows", {"permit": ["everything"]}),
            ("not a key known here", {"secret": "x"}),
            ("must be of type as", {"principals": "alice"}),
            ("one of \"agent\"", {"agent": "/a", "pkcs11": "/b"}),
    ):
        refused(lambda terms=terms: authority.lend(**terms), part)
    equal(set(alice.objects("share")), known, "shares that were made")


def agent(alice, bob, authority, server):
    claim("an authority's key that is in an ssh-agent alone signs as well")
    with Agent(alice) as holder:
        holder.add(authority.key)
        share, received = is_lent(alice, bob, authority, ca=f"{authority.key}.pub",
                                  agent=holder.socket)
        equal(server.login(bob, put_key(bob, content_of(bob, received), "agent")), "in", "agent")
    claim("an agent that is gone is waited for: nothing is given up, and it goes on by itself")
    share = authority.lend({"compat": True}, ca=f"{authority.key}.pub", agent=holder.socket)
    received = bob.accept(alice.invitation(share))
    until("the trouble is told", lambda: alice.get(share, "Failure")[0] == "Failed")
    equal(alice.state(share), "exchanging", "the state meanwhile")
    refused(lambda: bob.call(received, "Share", "Relinquish"), "has been answered already")
    with Agent(alice) as holder:
        holder.add(authority.key)
        bob.reaches(received, "completed")
    claim("an authority's key that was changed after the consent signs nothing")
    share = authority.lend()
    for suffix in ("", ".pub"):
        run("as", alice.name, "mv", authority.key + suffix, authority.key + suffix + ".old")
    run("as", alice.name, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", authority.key)
    received = bob.accept(alice.invitation(share))
    equal(alice.ended(share), "failed", "alice's share")
    equal("not what was consented to" in alice.get(share, "Failure")[1], True, "why")
    equal(bob.ended(received), "cancelled", "bob's share")
    for suffix in ("", ".pub"):
        run("as", alice.name, "mv", authority.key + suffix + ".old", authority.key + suffix)


def own_agent(alice, bob, authority, server):
    claim("what arrives is in no agent; put to use it is in the recipient's own, and logs in")
    share, received = is_lent(alice, bob, authority)
    credential = bob.get(received, "Credential")
    equal([name for name, _ in bob.get(credential, "Targets")], ["ssh-agent"], "its targets")
    with Agent(bob) as own:
        equal(own.has(), [], "before")
        answer = use(bob, credential, own.socket)
        leaves_nothing(bob)
        equal(server.login(bob, agent=own.socket), "in", "by agent")
        equal(answer["agent"], own.socket, "where it is")
        equal(answer["until"] < bob.get(credential, "NotAfter"), True, f"how long: {answer}")
        claim("put to use twice it is there once; a shorter life is as short")
        before = own.has()
        answer = use(bob, credential, own.socket, lifetime=("u", 5))
        equal(answer["until"] <= time.time() + 5, True, f"how long: {answer}")
        until("it is forgotten", lambda: own.has() == [])
        use(bob, credential, own.socket, lifetime=("u", 4000000000))
        equal(own.has(), before, "what is there")
        claim("taken back, it opens nothing, wherever it is")
        alice.call(share, "Share", "Revoke", "s", "")
        equal(server.login(bob, agent=own.socket), None, "after Revoke")
    claim("what cannot be done is said, and changes nothing")
    for part, target, words in (
            ("no such use, only \"ssh-agent\"", "agent", {}),
            ("not a key known here", "ssh-agent", {"life": ("u", 3)}),
            ("must be of type u", "ssh-agent", {"lifetime": "3"}),
            ("at least a second", "ssh-agent", {"lifetime": ("u", 0), "agent": own.socket}),
            ("whole path", "ssh-agent", {"agent": "agent"}),
            ("knows of no ssh-agent", "ssh-agent", {}),
            ("ssh-add: ", "ssh-agent", {"agent": own.socket})):
        refused(lambda: bob.call(credential, "Credential", "Use", "sa{sv}", target,
                                 *typed_options(**words)), part)
    leaves_nothing(bob)
    copy = bob.accept(alice.invitation(alice.share("a copy")))
    bob.reaches(copy, "completed")
    copy = bob.get(copy, "Credential")
    equal(bob.get(copy, "Targets"), [], "targets of a copy")
    refused(lambda: use(bob, copy, own.socket), "put to use by nothing here")


def accept_for(person, link, **terms):
    """With a key of the person's own."""
    return person.begin("AcceptInvitation", "va{sv}", "s", link, "2", "wait", "b", "true", "terms",
                        "a{sv}", *typed_options(**terms))


def own_key(alice, bob, authority, server):
    claim("a key of the recipient's own is certified: its file, or where an agent has it")
    key = f"{bob.environment['HOME']}/id"
    run("as", bob.name, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    run("as", bob.name, "ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", f"{key}-rsa")
    run("as", bob.name, "ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", f"{key}-locked")
    with Agent(bob) as own:
        own.add(key)
        for number, terms in enumerate(({"key": key},
                                        {"key": f"{key}.pub", "agent": own.socket})):
            share = authority.lend({"transport": "tdch"} if number else None)
            received = accept_for(bob, alice.invitation(share), **terms)
            bob.reaches(received, "completed")
            alice.reaches(share, "completed")
            content = content_of(bob, received)
            equal((content.split()[0], len(content.splitlines())),
                  ("ssh-ed25519-cert-v01@openssh.com", 1), "what is kept")
            equal(dict(bob.get(received, "Details"))["Key of your own"], terms["key"], "shown")
            certificate = f"{key}-{number}-cert.pub"
            run("as", bob.name, "sh", "-c", 'cat >"$1"', "-", certificate, input=content)
            equal(server.login(bob, agent=own.socket, certificate=certificate), "in", "login")
            credential = bob.get(received, "Credential")
            refused(lambda: use(bob, credential, own.socket), "for a key of your own")
            for person in (alice, bob):
                leaves_nothing(person)
        equal(len(own.has()), 1, "what the agent has")
        claim("a key that cannot be used is refused before anything is claimed")
        share = authority.lend()
        link = alice.invitation(share)
        known = set(bob.objects("share"))
        for part, terms in (("names no file", {"key": f"{key}-none"}),
                            ("names no file", {"agent": own.socket}),
                            ("no Ed25519 key", {"key": f"{key}-rsa"}),
                            ("does not have the key", {"key": f"{key}-locked.pub",
                                                       "agent": own.socket}),
                            ("knows of no ssh-agent", {"key": f"{key}.pub"}),
                            ("passphrase", {"key": f"{key}-locked"}),
                            ("cannot be used", {"key": "/etc/passwd"}),
                            ("whole path", {"key": "id"}),
                            ("not a key known here", {"ca": key})):
            refused(lambda terms=terms: accept_for(bob, link, **terms), part)
        leaves_nothing(bob)
        equal(set(bob.objects("share")), known, "shares that were made")
        equal(alice.state(share), "invited", "the share meanwhile")
        bob.reaches(accept_for(bob, link, key=key), "completed")
        claim("what was said of a certificate is not said of anything else")
        received = accept_for(bob, alice.invitation(alice.share("a copy")), key=key)
        equal(bob.ended(received), "failed", "the copy")
        equal("is for org.tigress.ssh.certificate" in bob.get(received, "Failure")[1], True, "why")
        claim("tigressctl names the key, and the agent of its terminal")
        link = alice.invitation(authority.lend())
        received = run("as", bob.name, "env", f"SSH_AUTH_SOCK={own.socket}", "tigressctl", "accept",
                       "--yes", "--json", "--term", f"key={key}.pub", input=link + "\n")
        credential = json.loads(received.splitlines()[-1])["credential"]
        equal(run("as", bob.name, "tigressctl", "reveal", credential).startswith("ssh-ed25519-cert"),
              True, "what is kept")


def asks_each_time(alice, bob, authority, server):
    claim("with confirm the agent asks whether it may be used, each time")
    share, received = is_lent(alice, bob, authority)
    credential = bob.get(received, "Credential")
    for askpass, outcome in (("/bin/false", None), ("/bin/true", "in")):
        with Agent(bob, askpass=askpass) as own:
            use(bob, credential, own.socket, confirm=True)
            equal(server.login(bob, agent=own.socket), outcome, f"asked by {askpass}")


def mismatched(alice, bob, authority):
    claim("a key whose certificate is not its own is not said to be in the agent")
    (_, one), (_, other) = (is_lent(alice, bob, authority) for _ in range(2))
    credential = bob.get(one, "Credential")
    end = "-----END OPENSSH PRIVATE KEY-----\n"
    key, certificate = content_of(bob, one).split(end)[0], content_of(bob, other).split(end)[1]
    run("as", bob.name, "secret-tool", "store", "--label", "changed", "tigress", "credential", "id",
        credential.rsplit("/", 1)[1], input=key + end + certificate)
    with Agent(bob) as own:
        refused(lambda: use(bob, credential, own.socket), "has not taken the certificate")
        equal([line for line in own.has() if "-cert-" in line], [], "certificates")


def by_hand(alice, bob, authority, server):
    claim("tigressctl lends, shows and takes back")

    def ctl(person, *arguments, **options):
        return run("as", person.name, "tigressctl", *arguments, **options).strip()

    made = ctl(alice, "share", "--ca", authority.key, "--principal", "alice", "--principal", "ops",
               "--valid", "1h", "--term", f"krl={authority.krl}", "--term", "permit=pty,user-rc",
               "--term", "force-command=echo forced", "--no-pin", "--no-wait", "--json")
    made = json.loads(made.splitlines()[0])
    received = ctl(bob, "accept", "--yes", "--json", input=made["link"] + "\n").splitlines()[-1]
    credential = json.loads(received)["credential"]
    shown = json.loads(ctl(bob, "show", "--json", credential))["details"]
    equal((shown["Principals"], shown["Only command"], shown["Permits"]),
          ("alice, ops", "echo forced", "pty, user-rc"), "what is shown")
    equal("Only command" in ctl(bob, "show", credential), True, "the table")
    key = put_key(bob, ctl(bob, "reveal", credential) + "\n", "by-hand")
    equal(server.login(bob, key), "forced", "the login")
    until("its end is told", lambda: "completed" in ctl(alice, "show", made["id"]))
    equal("revoked" in ctl(alice, "revoke", "--json", made["id"]), True, "revoke")
    equal(server.login(bob, key), None, "after it was taken back")


def main():
    alice, bob = Person("alice"), Person("bob")
    authority = Authority(alice)
    server = Server(alice, authority)
    try:
        arguments(alice, authority)
        short, credential, end = limits(alice, bob, authority, server)
        own_agent(alice, bob, authority, server)
        ways(alice, bob, authority, server)
        details(alice, bob, authority, server)
        revocation(alice, bob, authority, server)
        agent(alice, bob, authority, server)
        token(alice, bob, authority, server)
        asks_each_time(alice, bob, authority, server)
        own_key(alice, bob, authority, server)
        mismatched(alice, bob, authority)
        by_hand(alice, bob, authority, server)
        claim("a certificate whose time is over is not let in")
        until("its end", lambda: time.time() > end + 1)
        equal(server.login(bob, short), None, "after its end")
        refused(lambda: use(bob, credential, "/nowhere"), "was good until")
    except (Wrong, Failed) as failure:
        for person in (alice, bob):
            print(run("bus-log", person.name)[-3000:], file=sys.stderr)
        raise SystemExit(f"failed: {failure}") from None
    finally:
        server.stop()


main()
