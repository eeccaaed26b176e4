#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""handlers.py [PART…] - handlers of other programs: found by their files, started by the bus; they
die and come back, hang, lie and flood, and harm no share but their own."""

import subprocess
import sys

from crash_parts import (NAME, ROOT, Failed, Person, Relay, Wrong, claim, enter_world, equal, refused,
                         run, shown_on_failure, until)

enter_world()
from crash_world import HERE  # noqa: E402
from handler_parts import (CAR, DOOR, Folders, Handler, exchange, forget_files,  # noqa: E402
                           ident, is_whole, write_as)


class People:
    """Alice gives, bob takes; each has a handler of doors."""

    def __init__(self):
        self.alice, self.bob = Person("alice"), Person("bob")
        self.folders = [Folders(person) for person in (self.alice, self.bob)]
        self.giver, self.taker = (self.with_handler(folders, DOOR) for folders in self.folders)

    def with_handler(self, folders, keys, **how):
        handler = Handler(folders, keys, **how)
        folders.declare(keys["BusName"], keys)
        folders.sees(keys["Format"])
        return handler

    def clear(self):
        for handler in (self.giver, self.taker):
            handler.behaves()
        forget_files(self.giver, self.taker)
        self.bob.remove_all()
        for person in (self.bob, self.alice):
            person.forget_all()


def whole(people):
    claim("a lend of three messages by a handler: shown before and after, kept, used, taken back")
    alice, bob, giver, taker = people.alice, people.bob, people.giver, people.taker
    for number, settings in enumerate(({}, {"pin": True}, {"compat": True}, {"transport": "tdch"})):
        share = giver.share(f"door {number}", **settings)
        equal(alice.get(share, "Details"), [["Door", f"door {number}"]], "what alice saw")
        received = bob.accept(alice.invitation(share))
        if settings.get("pin"):
            bob.reaches(received, "pin-needed")
            pin = alice.call(share, "Share", "GetPin")
            bob.call(received, "Share", "ProvidePin", "v", "s", pin)
        bob.reaches(received, "completed")
        alice.reaches(share, "completed")
        alice.ends_by(share, "peer")
        is_whole(giver, taker, share, received)
        equal(bob.get(received, "Details"), [["Door", f"door {number}"]], "what bob sees")
        credential = bob.get(received, "Credential")
        equal((bob.get(credential, "Kind"), bob.get(credential, "Format")),
              ("lend", DOOR["Format"]), "the credential")
        equal([call[0::2] for call in giver.calls()],
              [["Check"], ["Begin", 0], ["Receive", 1]], "what alice's handler was asked")
        equal([call[0::2] for call in taker.calls()],
              [["Receive", 0], ["Receive", 1], ["Provision", 2]], "what bob's was asked")
        refused(lambda c=credential: bob.call(c, "Credential", "Share", "a{sv}", "0"), "lent")
        alice.call(share, "Share", "Revoke", "s", "")
        equal(alice.state(share), "revoked", "taken back")
        equal(giver.files("revoked"), [f"revoked-{ident(share)}"], "the handler knows")
        people.clear()


def taken_back(people):
    claim("what its handler says was revoked is revoked for good, and nobody else is believed")
    alice, bob, giver, taker = people.alice, people.bob, people.giver, people.taker
    received = [exchange(giver, taker, bob)[1] for _ in range(2)]
    kept, lost = (bob.get(share, "Credential") for share in received)
    said = (DOOR["ObjectPath"], "org.tigress.Vertical1", "Revoked", "s", ident(received[0]))
    bob.busctl("emit", *said)
    wallet = bob.busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner",
                        "s", NAME)[0]
    bob.busctl("emit", f"--destination={wallet}", *said)
    write_as(bob, f"{taker.folder}/keys/lost-{ident(received[1])}", "")
    until("the wallet has heard it", lambda: bob.get(lost, "Revoked"))
    equal(bob.get(kept, "Revoked"), False, "of which another program spoke")
    bob.kill()
    equal((bob.get(kept, "Revoked"), bob.get(lost, "Revoked")), (False, True), "a wallet later")
    bob.call(kept, "Credential", "Reveal", "a{sv}", "0")
    refused(lambda: bob.call(lost, "Credential", "Reveal", "a{sv}", "0"), "was revoked")
    claim("what a wallet did not hear, since it did not run, is told when its handler starts")
    run("wallet", bob.name, "stop")
    taker.kill()
    write_as(bob, f"{taker.folder}/keys/lost-{ident(received[0])}", "")
    equal(bob.get(kept, "Revoked"), False, "before")
    exchange(giver, taker, bob)
    until("the wallet has heard it", lambda: bob.get(kept, "Revoked"))
    people.clear()


def cars(people):
    alice, bob = people.alice, people.bob
    claim("without a program for car keys both sides are told so, and nothing is claimed")
    about = "no program here handles car keys"
    refused(lambda: alice.call(ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", CAR["Format"],
                               "1", "content", "s", "my car", "0"), about)
    giver = people.with_handler(people.folders[0], CAR)
    share = giver.share("my car")
    link = alice.invitation(share)
    equal("?v=c#" in link, True, "the link's letter")
    refused(lambda: bob.accept(link), about)
    equal(bob.objects("share"), {}, "bob's shares")
    claim("once there is one, without a restart, the same link works: three messages, opaque")
    taker = people.with_handler(people.folders[1], CAR)
    received = bob.accept(link)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    is_whole(giver, taker, share, received)
    claim("a fourth message, or a first that is the last, is none of a car key")
    for handler, method, lie in ((giver, "Begin", "last"), (taker, "Receive", "keep")):
        handler.will(method, "lie", lie)
        share = giver.share("my car")
        if handler == taker:
            received = bob.accept(alice.invitation(share))
            equal(bob.ended(received), "failed", "bob's share")
        equal(alice.ended(share), "failed", "alice's share")
    claim("a link that was made to promise something else is refused")
    share = giver.share("my car")
    received = bob.accept(alice.invitation(share).replace("?v=c#", "?v=a#"))
    equal((bob.ended(received), bob.get(received, "Failure")[0]),
          ("failed", "Tampered"), "bob's share")
    for folders in people.folders:
        folders.withdraw(CAR["BusName"])
        folders.sees(CAR["Format"], False)
    forget_files(giver, taker)
    people.clear()


def claims(people):
    claim("what a file may not say is not used, and the log says why; the first folder wins")
    alice, folders = people.alice, people.folders[0]
    before = folders.formats()
    key = {**DOOR, "Letter": "k", "Format": "org.example.k.key"}
    for name, keys, why in (
            ("own", {**key, "Format": "tigress.end"}, "are the exchange's own"),
            ("own2", {**key, "Format": "Tigress.End"}, "are the exchange's own"),
            ("built-in", {**key, "Format": "org.tigress.secret.item"}, "secret.item is taken"),
            ("letter", {**key, "Letter": "a"}, "letter \"a\" is taken"),
            ("z-door", {**key, "Letter": "d"}, f"is taken already, by {DOOR['Format']}"),
            ("car", {**key, "Letter": "c"}, "go together"),
            ("car2", {**key, "Format": CAR["Format"]}, "go together"),
            ("wallet", {**key, "BusName": "org.tigress.Wallet1"}, "of the handler's own"),
            ("missing", {k: v for k, v in key.items() if k != "Kind"}, "Kind= is missing"),
            ("more", {**key, "Trusted": "yes"}, "a key that is not known")):
        folders.declare(name, keys)
        until(f"the log tells of {name}", lambda n=name, w=why: any(
            f"{n}.vertical is not used" in line and w in line
            for line in run("bus-log", alice.name).splitlines()))
        equal(folders.formats(), before, f"formats with {name}")
        folders.withdraw(name)
    folders.declare("b", {**key, "Name": "Second"}, "second")
    folders.sees(key["Format"])
    folders.declare("z", {**key, "Name": "First"}, "first")
    until("the first counts", lambda: folders.formats()[key["Format"]] == "First")
    folders.withdraw("z")
    until("the second again", lambda: folders.formats().get(key["Format"]) == "Second")
    folders.withdraw("b", "second")
    folders.sees(key["Format"], False)
    claim("a file in the user's own data folder is nothing")
    run("as", alice.name, "sh", "-c",
        'mkdir -p "$XDG_DATA_HOME/tigress/verticals" && cp "$1" "$XDG_DATA_HOME/tigress/verticals/"',
        "-", folders.path(DOOR["BusName"]))
    folders.withdraw(DOOR["BusName"])
    folders.sees(DOOR["Format"], False)
    folders.declare(DOOR["BusName"], DOOR)
    folders.sees(DOOR["Format"])


def deaths(people):
    claim("a handler that dies before, in or after each of its steps comes back, and goes on")
    for handler, method, number in ((people.giver, "Begin", 1), (people.giver, "Receive", 1),
                                    (people.taker, "Receive", 1), (people.taker, "Receive", 2),
                                    (people.taker, "Provision", 1)):
        for what in ("die", "die-after", "fail"):
            handler.will(method, what, "", number)
            share, received = exchange(people.giver, people.taker, people.bob)
            equal(handler.has_turned(), True, f"{what} at {method}")
            is_whole(people.giver, people.taker, share, received)
            equal(people.bob.count_items("credential"), 1, "items")
            people.clear()
    claim("one that dies between its steps as well; at Check and Revoke the caller is told")
    alice, bob, giver, taker = people.alice, people.bob, people.giver, people.taker
    share = giver.share()
    giver.kill()
    taker.kill()
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    giver.will("Revoke", "die")
    refused(lambda: alice.call(share, "Share", "Revoke", "s", ""), "handles Key to a door")
    equal(alice.state(share), "completed", "the share")
    alice.call(share, "Share", "Revoke", "s", "")
    equal(alice.state(share), "revoked", "the share")
    giver.will("Check", "die")
    refused(giver.share, "handles Key to a door")
    people.clear()


def absence(people):
    claim("what runs waits while the file is gone, and goes on when it is back")
    alice, bob, giver, taker = people.alice, people.bob, people.giver, people.taker
    share = giver.share()
    link = alice.invitation(share)
    people.folders[0].withdraw(DOOR["BusName"])
    people.folders[0].sees(DOOR["Format"], False)
    received = bob.accept(link)
    until("it is told", lambda: "is not there" in alice.get(share, "Failure")[1])
    alice.kill()
    people.folders[0].declare(DOOR["BusName"], DOOR)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    is_whole(giver, taker, share, received)
    people.clear()


def hanging(people):
    claim("one that hangs holds up its own shares only; they can be cancelled, and go on later")
    alice, bob, giver, taker = people.alice, people.bob, people.giver, people.taker
    taker.will("Receive", "hang", "", 0)
    first, second = giver.share(), giver.share("side door")
    stuck = [bob.accept(alice.invitation(share)) for share in (first, second)]
    taker.asked("Receive")
    token = alice.share("not held up")
    received = bob.accept(alice.invitation(token))
    bob.reaches(received, "completed")
    equal([bob.state(share) for share in stuck], ["exchanging"] * 2, "those that hang")
    bob.call(stuck[0], "Share", "Decline", "s", "no patience")
    equal(alice.ended(first), "declined", "alice's share")
    taker.behaves()
    taker.kill()  # what it holds is answered with an error by the bus
    bob.reaches(stuck[1], "completed")
    alice.reaches(second, "completed")
    is_whole(giver, taker, second, stuck[1])
    people.clear()


def lies(people):
    claim("an answer that is not as agreed ends its share, with nothing kept; and no other")
    alice, bob, giver, taker = people.alice, people.bob, people.giver, people.taker
    other = giver.share("another")
    for lie in ("unknown", "type", "last-type", "both", "no-json", "an-array", "deep", "deeper",
                "large", "huge", "state", "receipt", "details", "keep"):
        giver.will("Begin", "lie", lie)
        equal(alice.ended(giver.share()), "failed", lie)
    for what in ("empty", "twice"):
        giver.will("Begin", what)
        equal(alice.ended(giver.share()), "failed", what)
    for lie in ("keep-large", "time", "last", "details", "deep", "space"):
        taker.will("Receive", "lie", lie)
        share = giver.share()
        received = bob.accept(alice.invitation(share))
        equal((bob.ended(received), alice.ended(share)), ("failed", "failed"), lie)
        equal(alice.get(share, "EndedBy"), "peer", f"whose word, {lie}")
    taker.will("Provision", "lie", "plain")
    share = giver.share()
    received = bob.accept(alice.invitation(share))
    equal((bob.ended(received), alice.ended(share)), ("failed", "failed"), "provision")
    equal(bob.count_items("credential"), 0, "items")
    claim("it cannot write what is around its messages")
    giver.will("Begin", "lie", "outer")
    share = giver.share()
    received = bob.accept(alice.invitation(share))
    equal((bob.ended(received), alice.ended(share)), ("failed", "failed"), "tigress.end inside")
    claim("a refusal ends the share; its words are cleaned")
    for handler, method in ((giver, "Check"), (giver, "Begin"), (taker, "Receive"),
                            (taker, "Provision")):
        handler.will(method, "refuse")
        if method == "Check":
            refused(giver.share, "refuses: no[31m rotide second linexxx")
            continue
        share = giver.share()
        mine = share
        if handler == taker:
            mine = bob.accept(alice.invitation(share))
        equal(handler.person.ended(mine), "failed", method)
        said = handler.person.get(mine, "Failure")[1]
        equal(("refuses: no[31m rotide" in said, said.isprintable(), len(said) < 400),
              (True, True, True), f"what is told: {said}")
        equal(alice.ended(share), "failed", method)
    equal(bob.count_items("credential"), 0, "items")
    received = bob.accept(alice.invitation(other))
    bob.reaches(received, "completed")
    alice.reaches(other, "completed")
    people.clear()


def floods(people):
    claim("one that floods, or answers for ever, is one share's trouble")
    alice, bob, giver, taker = people.alice, people.bob, people.giver, people.taker
    for handler, method in ((giver, "Begin"), (taker, "Receive")):
        handler.will(method, "flood", "5000")
    share, received = exchange(giver, taker, bob)
    is_whole(giver, taker, share, received)
    people.clear()


def conformance(people):
    claim("the sample is as a handler should be, and the test of that finds one that is not")
    alice = people.alice
    program = run("give", f"{HERE}/../handlers/vertical-conformance").strip()
    plain = {**DOOR, "BusName": "org.example.PlainKeys", "ObjectPath": "/org/example/PlainKeys"}
    file = people.folders[0].path("plain", "elsewhere")
    people.folders[0].declare("plain", plain, "elsewhere")
    knob = Handler(people.folders[0], plain)

    def said(*words):
        done = subprocess.run(["as", alice.name, program, *words], capture_output=True, text=True)
        return done.returncode, done.stderr.strip()

    equal(said(file, "door"), (0, ""), "the sample")
    equal(said("--kill", file, "door"), (0, ""), "the sample, killed")
    lose = f"{knob.folder}/lose"
    write_as(alice, lose, f"#!/bin/sh\n: >{knob.folder}/keys/lost-$1\n")
    run("as", alice.name, "chmod", "+x", lose)
    equal(said("--lose", lose, file, "door"), (0, ""), "the sample, of what is lost")
    status, why = said("--seconds", "2", "--lose", "/bin/true", file, "door")
    equal((status, "told to be Revoked" in why), (1, True), f"one that tells nothing: {why}")
    for method, number, what, wanted in (
            ("Begin", 2, "lie plain", "answers as before"), ("Begin", 1, "lie deep", "15 deep"),
            ("Begin", 1, "lie large", "not larger"), ("Begin", 1, "lie unknown", "keys of its own"),
            ("Begin", 1, "lie type", "is of type"), ("Begin", 1, "lie no-json", "one JSON object"),
            ("Begin", 1, "lie both", "keys of its own"), ("Begin", 0, "empty", "has a message"),
            ("Begin", 1, "twice", "a key once"), ("Begin", 0, "lie last", "no message about"),
            ("Begin", 1, "hang", "within 2 seconds"), ("Provision", 2, "die", "NoReply"),
            ("Provision", 1, "lie plain", "with nothing"), ("Revoke", 2, "refuse", "Refused"),
            ("Receive", 2, "lie last", "answers as before"), ("Receive", 13, "fail", "not by")):
        knob.will(method, what, number=number)
        status, why = said("--seconds", "2", file, "door")
        knob.behaves()
        equal((status, wanted in why), (1, True), f"{method} {number} {what}: {why}")


def endless(people):
    claim("two that answer each other for ever end at 504 messages each, and hear of it")
    for handler in (people.giver, people.taker):
        handler.will("Receive", "lie", "plain", 0)
    share = people.giver.share()
    received = people.bob.accept(people.alice.invitation(share))
    steps = [0]

    def goes_on():
        """A hundred further, or over."""
        more = [call[2] for handler in (people.giver, people.taker) for call in handler.calls()
                if call[0] == "Receive"]
        steps[1:] = [max(steps + more)]
        return steps[-1] >= wanted or is_over()

    def is_over():
        return {people.alice.state(share), people.bob.state(received)} <= {"failed", "cancelled"}

    for wanted in range(100, 600, 100):
        until(f"step {wanted}", goes_on)
    until("both have ended", is_over)
    goes_on()
    said = people.alice.get(share, "Failure")[1] + people.bob.get(received, "Failure")[1]
    equal("at most 504 messages" in said, True, said)
    equal(steps[-1], 503, "the last step")


def patience(people):
    claim("a step that is not answered is given up after two minutes, told, and comes again")
    people.taker.will("Receive", "hang")
    share = people.giver.share()
    received = people.bob.accept(people.alice.invitation(share))
    until("it is told", lambda: "120 seconds" in people.bob.get(received, "Failure")[1])
    people.bob.reaches(received, "completed")
    people.alice.reaches(share, "completed")
    is_whole(people.giver, people.taker, share, received)


PARTS = {"conformance": conformance, "cars": cars, "whole": whole, "taken-back": taken_back, "claims": claims, "deaths": deaths, "absence": absence,
         "hanging": hanging, "lies": lies, "floods": floods, "endless": endless}


LONG = {"patience": patience}  # minutes: where they are named


def main():
    people = People()
    for name in sys.argv[1:] or PARTS:
        try:
            (PARTS | LONG)[name](people)
        except (Wrong, Failed) as failure:
            print(f"failed: {name}: {failure}", file=sys.stderr)
            shown_on_failure([people.alice, people.bob])
            sys.exit(1)


main()
