#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An X.509 certificate that lives for seconds is renewed for as long as was consented to, by the two
wallets alone: a real nginx lets its holder in, until the grant is over or was taken back."""

import glob
import os
import subprocess
import sys
import time

from crash_parts import NAME, ROOT, Failed, Person, Wrong, claim, enter_world, equal, run, until

enter_world()
from ssh_parts import leaves_nothing  # noqa: E402
from x509_parts import Authority, Server, put_pem, serial_of  # noqa: E402

BOB = "O=Example,CN=bob"
CLOCKS = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


class Loan:
    """What alice has lent to bob, as both see it."""

    def __init__(self, alice, bob, authority, life_s, until_s, settings=None):
        self.alice, self.bob, self.authority = alice, bob, authority
        self.end = int(time.time()) + until_s
        self.share = authority.lend({"pin": True, **(settings or {})}, valid_for=("u", life_s),
                                    renew_until=("t", self.end))
        self.received = bob.accept(alice.invitation(self.share))
        bob.reaches(self.received, "pin-needed")
        bob.call(self.received, "Share", "ProvidePin", "v", "s",
                 alice.call(self.share, "Share", "GetPin"))
        bob.reaches(self.received, "completed")
        alice.reaches(self.share, "completed")
        self.credential = bob.get(self.received, "Credential")
        self.seen, self.known = [self.pem()], self.after()

    def pem(self):
        """Of the keyring: what is over is revealed no more."""
        return run("as", self.bob.name, "secret-tool", "lookup", "tigress", "credential", "id",
                   self.credential.rsplit("/", 1)[1])

    def after(self):
        return self.bob.get(self.credential, "NotAfter")

    def is_renewed(self):
        """The same credential has another certificate; its text. What is over is not revealed."""
        if self.after() == self.known:
            return None
        self.known = self.after()
        self.seen.append(self.pem())
        return self.seen[-1]

    def running(self, person):
        first = self.share if person is self.alice else self.received
        return [path for path, share in person.objects("share").items()
                if share["Grant"] == first and path in person.running()]

    def login(self, server, number=-1):
        return server.login(self.bob, "--cert", put_pem(self.bob, self.seen[number], "loan"))


def knows(who):
    return bool(who) and ",".join(sorted(who.split(","), reverse=True)) == BOB


def revoked(authority):
    return run("as", authority.person.name, "openssl", "crl", "-in", authority.crl, "-noout",
               "-text", "-CAfile", authority.certificate)


def refused(call, part):
    try:
        call()
    except (Failed, Wrong) as failure:
        if part not in str(failure):
            raise Wrong(f"refused by {failure}, wanted {part!r}") from None
        return
    raise Wrong(f"not refused: {part}")


def arguments(authority):
    claim("what cannot be renewed is said before anybody is asked")
    soon = int(time.time()) + 3600
    for part, settings, terms in (
            ("nothing to renew", {}, {"valid_for": ("u", 7200)}),
            ("10 seconds to 6 days", {}, {"valid_for": ("u", 7 * 86400), "until": 30 * 86400}),
            ("10 seconds to 6 days", {}, {"valid_for": ("u", 10), "until": 20 * 86400}),
            ("is over, or would be", {}, {"valid_for": ("u", 3600), "until": 60 * 86400}),
            ("give \"valid-for\" with", {}, {"not_after": ("t", soon)}),
            ("a relay's mailbox", {"compat": True}, {"valid_for": ("u", 60)}),
            ("a relay's mailbox", {"pin": False, "transport": "tdch"}, {"valid_for": ("u", 60)}),
    ):
        more = terms.pop("until", 0)
        refused(lambda s=settings, t=terms, m=more: authority.lend(
            s, renew_until=("t", soon + m), **t), part)


def is_renewed(alice, bob, authority, server):
    claim("it is renewed until its grant is over, in place, with another key; nobody is asked")
    loan = Loan(alice, bob, authority, 10, 23)
    for person, path in ((alice, loan.share), (bob, loan.received)):
        shown = dict(person.get(path, "Details"))
        equal(shown["Each certificate lives for"], "10 seconds", "what was consented to")
    equal(knows(loan.login(server)), True, "the first login")
    for person in (alice, bob):
        run("consent", person.name, "no")
        equal(len(loan.running(person)), 1, f"shares that {person.name} has begun by himself")
    refused(lambda: alice.call(loan.share, "Share", "Forget"), "still being renewed")
    run("consent", alice.name, "yes")
    refused(lambda: alice.call(loan.running(alice)[0], "Share", "GetInvitation"), "nobody else")
    run("consent", alice.name, "no")
    run("consent", bob.name, "yes", "reveal")
    first_end = loan.after()
    until("the first renewal", loan.is_renewed)
    equal(loan.after() >= first_end + 4, True, "its end has moved, by half of its life or more")
    equal(knows(loan.login(server)), True, "the second login")
    keys = [pem.split("-----END PRIVATE KEY-----\n")[0] for pem in loan.seen]
    equal(keys[0] != keys[1], True, "another key")
    until("the first one is over", lambda: time.time() > first_end)
    equal(loan.login(server, 0), None, "the first, after its end")
    loan.is_renewed()
    equal(knows(loan.login(server)), True, "the newest login")
    until("the end of the grant", lambda: not loan.running(alice) and not loan.running(bob))
    loan.is_renewed()
    equal(loan.after() <= loan.end, True, "none is longer valid than the grant")
    until("its time is over", lambda: time.time() > loan.end)
    equal(loan.login(server), None, "after the grant's end")
    equal((loan.running(alice), loan.running(bob)), ([], []), "shares that run")
    equal(loan.is_renewed(), None, "another one")
    equal(bob.get(loan.credential, "Revoked"), False, "what is over was not taken back")
    equal((bob.count_items("credential"), len(bob.objects("credential"))), (1, 1), "credentials")
    for person in (alice, bob):
        leaves_nothing(person)
        run("consent", person.name, "yes")
    return loan


def is_revoked(alice, bob, authority, server):
    claim("taken back, all that live are on the list, none follows, and its holder hears of it")
    loan = Loan(alice, bob, authority, 16, 3600)
    until("a renewal", loan.is_renewed)
    equal(knows(loan.login(server)), True, "before")
    alice.call(loan.share, "Share", "Revoke", "s", "")
    equal(alice.state(loan.share), "revoked", "the state")
    equal(loan.running(alice), [], "what alice would renew")
    text = revoked(authority)
    for pem in loan.seen:
        equal(text.count(f"Serial Number: {serial_of(alice, pem)}"), 1, f"in the list: {text}")
    server.reload()
    until("the newest is refused", lambda: loan.login(server, 1) is None)
    equal(loan.login(server, 0), None, "the one before")
    until("bob hears of it", lambda: bob.get(loan.credential, "Revoked"))
    equal(loan.running(bob), [], "what bob would ask for")


def begin_ahead(bob, seconds):
    """bob's wallet anew, with a clock that is ahead."""
    with open(f"{os.environ['TIGRESS_WORLD']}/services/org.tigress.Wallet1.service") as lines:
        [command] = [line[5:].split() for line in lines if line.startswith("Exec=")]
    run("wallet", bob.name, "stop")
    with open(f"{os.environ['TIGRESS_WORLD']}/log/{bob.name}-bus.log", "a") as log:
        subprocess.Popen(
            ["as", bob.name, "bash", "-c",
             'export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 '
             f'LD_PRELOAD={CLOCKS[0]} FAKETIME=+{seconds} FAKETIME_DONT_FAKE_MONOTONIC=1; '
             'exec "$@"', "ahead", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    # A call to it would have the bus start another one.
    until("it is there", lambda: subprocess.run(["wallet", bob.name, "pid"],
                                                capture_output=True).returncode == 0)


def is_hurried(alice, bob, authority):
    claim("who asks before it is time waits: nothing is signed before half of a life is over")
    begin_ahead(bob, 8)
    loan = Loan(alice, bob, authority, 20, 3600)
    first_end = loan.after()
    until("it is renewed", loan.is_renewed)
    equal(loan.after() >= first_end + 9, True, "when it was signed")
    alice.call(loan.share, "Share", "Revoke", "s", "")
    run("wallet", bob.name, "stop")
    bob.get(ROOT, "Version")


def is_not_there(alice, bob, authority):
    claim("a key that is away is waited for; one that is another one ends it, which is no revocation")
    loan = Loan(alice, bob, authority, 10, 3600)
    [renewal] = loan.running(alice)
    run("as", alice.name, "mv", authority.key, authority.key + ".away")
    until("alice misses it", lambda: alice.get(renewal, "Failure")[0] == "Failed")
    equal((alice.state(renewal), len(loan.running(bob))), ("exchanging", 1), "what waits")
    run("as", alice.name, "mv", authority.key + ".away", authority.key)
    until("it is renewed", loan.is_renewed)
    [renewal] = loan.running(alice)
    run("as", alice.name, "cp", authority.key, authority.key + ".good")
    run("as", alice.name, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-out", authority.key)
    equal(alice.ended(renewal), "failed", "with another key")
    until("it is over", lambda: time.time() > loan.after())
    equal(bob.get(loan.credential, "Revoked"), False, "whether it was taken back")
    equal(len(loan.running(bob)), 1, "what bob waits for")
    run("as", alice.name, "mv", authority.key + ".good", authority.key)
    alice.call(loan.share, "Share", "Revoke", "s", "")


def is_given_up(alice, bob, authority):
    claim("a relay that keeps no mailbox for a week is asked for as long as before")
    with open(f"{os.environ['TIGRESS_WORLD']}/relay/relay.conf", "w") as conf:
        conf.write("[Relay]\nMaxLife=90000\n")
    os.chmod(conf.name, 0o644)
    run("relay", "restart")
    loan = Loan(alice, bob, authority, 3600, 30 * 86400)
    [renewal] = loan.running(alice)
    life = alice.get(renewal, "Expires") - alice.get(renewal, "Created")
    equal(86400 <= life < 7 * 86400, True, f"its life: {life}")  # counted from when it was asked for
    claim("what runs and cannot be read may renew: with a locked keyring nothing is forgotten")
    run("wallet", alice.name, "stop")
    run("keyring", alice.name, "lock")
    for member, arguments in (("Forget", ()), ("Revoke", ("s", ""))):
        refused(lambda m=member, a=arguments: alice.call(loan.share, "Share", m, *a), "unlock it")
    run("keyring", alice.name, "unlock")
    until("all is read", lambda: loan.running(alice))
    claim("who removes what he holds asks for no more, and the other side hears of it")
    until("bob has it", lambda: alice.state(renewal) == "exchanging")
    run("wallet", bob.name, "stop")
    run("keyring", bob.name, "freeze")
    remove = ["as", bob.name, "busctl", "--user", "call", NAME, loan.credential,
              f"{NAME}.Credential", "Remove"]
    with subprocess.Popen(remove) as removal:
        # Before anything is known of what renews it; polkit is asked one after the other.
        run("consent", bob.name, "no", "reveal")
        refused(lambda: bob.call(loan.credential, "Credential", "Reveal", "a{sv}", "0"), "refused")
        run("keyring", bob.name, "thaw")
        equal(removal.wait(), 0, "the removal")
    run("consent", bob.name, "yes", "reveal")
    equal(alice.ended(renewal), "declined", "the renewal")
    equal(loan.running(bob), [], "what bob would ask for")
    equal(alice.state(loan.share), "completed", "what it was lent with")


def history(alice, bob, loan):
    claim("history does not grow with renewals")
    for person, first in ((alice, loan.share), (bob, loan.received)):
        left = [path for path, share in person.objects("share").items() if share["Grant"] == first]
        equal(len(left) <= 3, True, f"{person.name}'s shares of it: {left}")


def main():
    alice, bob = Person("alice"), Person("bob")
    authority = Authority(alice, days="31")
    loan = authority.lend()
    bob.reaches(bob.accept(alice.invitation(loan)), "completed")
    alice.reaches(loan, "completed")
    alice.call(loan, "Share", "Revoke", "s", "")  # which makes the list that nginx wants
    bob.remove_all()
    server = Server(alice, authority)
    try:
        arguments(authority)
        loan = is_renewed(alice, bob, authority, server)
        history(alice, bob, loan)
        is_revoked(alice, bob, authority, server)
        is_not_there(alice, bob, authority)
        is_given_up(alice, bob, authority)
        if CLOCKS:
            is_hurried(alice, bob, authority)
    except (Wrong, Failed) as failure:
        for person in (alice, bob):
            print(run("bus-log", person.name)[-3000:], file=sys.stderr)
        raise SystemExit(f"failed: {failure}") from None
    finally:
        server.stop()


main()
