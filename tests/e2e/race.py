#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hundred attackers who have read the link, against the one for whom it is meant: over a relay
that keeps the rules, and together with one that keeps none."""

import json
import os
import sys
import uuid

os.environ.setdefault("TIGRESS_USERS", "alice bob carol")
sys.dont_write_bytecode = True
from hostile_world import (Answer, Authority, Relay, User, Wrong, bundle, claim, contains, equal,
                           eventually, fail, folder, outcome, run, world)
from attackers import N_ATTACKERS, Attacker, Race, all_at_once, attackers, compact, crowd, heads

N_TRIES = 3
ENDS = "completed cancelled declined expired refused burned failed relinquished".split()

# carol's wallet is bob's second device.
alice, bob, carol = User("alice"), User("bob"), User("carol")
authority = Authority(folder())
relay = Relay(authority.issue("127.0.0.1", "localhost"))
n_contents = 0


def a_race(**options):
    """A share of alice's at the honest relay, and its attackers."""
    content = new_content()
    race = Race(alice.share(content, **sealed(options)), content)
    for attacker in attackers:
        attacker.begin(race)
    return race


def new_content():
    global n_contents
    n_contents += 1
    return f"race-{n_contents}-{uuid.uuid4()}"


def sealed(options):
    return {"compat": ("b", "false"), "pin": ("b", "false"), **options}


WITH_PIN = {"pin": ("b", "true")}


# ---- what holds in each race ----


def is_told_used(share):
    """Who came too late is told so in words."""
    share.ended("failed", "relay", "AlreadyUsed")
    contains(share.get("Failure")[1], "already used on another device; ask the sender to cancel it",
             "what the loser is told")


def is_over(race):
    """After the first end the mailbox is nobody's: not to be claimed, read, written, let go."""
    eventually(lambda: attackers[-1].read()[0] == 404, "the mailbox is not deleted")

    def again(attacker):
        return (attacker.read()[0], attacker.write('{"type":"AEAD_AES_256_GCM","data":""}'),
                attacker.let_go(), attacker.delete())

    for statuses in all_at_once(again):
        if not set(statuses) <= {401, 404}:
            fail(f"after the end an attacker was answered {statuses}")
    attackers[0].claim = str(uuid.uuid4())
    equal(attackers[0].read()[0], 404, "a claim that nobody had")


def typed(share, pin):
    eventually(lambda: share.state == "pin-needed", lambda: f"bob is not asked: {share.state}")
    share.call("ProvidePin", "v", "s", pin)


# ---- without PIN, a relay that keeps the rules ----


def take(attacker, offer, tag):
    """The winner answers, and reads what the others will never see."""
    equal(attacker.write(attacker.answer(offer)), 200, "the winner's answer")
    word = "none"
    while word != "message":
        status, payload, tag = attacker.read_next(tag)
        equal(status, 200, "the winner's read")
        word, _ = attacker.show(payload)
        if word not in ("none", "message"):
            fail(f"the winner is shown {word}")


def bind(attacker):
    status, offer, tag = attacker.read()
    if status not in (200, 401, 404):
        fail(f"a claim was answered {status}")
    return (attacker, offer, tag) if status == 200 else None


def winner_of(claims):
    winners = [won for won in claims if won is not None]
    if len(winners) > 1:
        fail(f"{len(winners)} attackers have one mailbox")
    return winners[0] if winners else None


def one_of_all(race, won, received):
    """However it went, one party has it, and the other knows."""
    if won is not None:
        take(*won)
        is_told_used(received)
        equal(heads.has(race.content), True, "whether the winner has the credential")
        race.share.reaches("exchanging").call("Cancel", "s", "")
        contains(race.share.get("Failure")[1], "may have been received", "what alice is told")
        is_over(race)
        return "an attacker"
    received.reaches("completed")
    equal(bob.content_of(received), race.content.encode(), "what bob has")
    race.share.ended("completed", "peer")
    is_over(race)
    return "bob"


def attackers_first():
    claim("a hundred attackers are first: one has it, bob is told so in words")
    race = a_race()
    won = winner_of(all_at_once(bind))
    if won is None:
        fail("nobody could claim")
    n_before = bob.credentials()
    received = bob.accept(race.link)
    equal(one_of_all(race, won, received), "an attacker")
    equal(bob.credentials(), n_before, "bob's keyring")


def bob_first():
    claim("bob is first: he has it, and no attacker gets in, neither meanwhile nor afterwards")
    race = a_race()
    received = bob.accept(race.link)
    eventually(lambda: received.seen("State") not in ("authorizing", "claiming"), "no claim")
    equal(winner_of(all_at_once(bind)), None, "an attacker who got in")
    equal(one_of_all(race, None, received), "bob")


def at_once():
    claim("all at once: whoever wins, it is one")
    race = a_race()
    for attacker in attackers:  # nobody has a line already, as bob has none
        if attacker.connection:
            attacker.connection.close()
            attacker.connection = None
    world("relay", "freeze")
    received = bob.accept(race.link)
    try:
        works = [crowd.submit(bind, attacker) for attacker in attackers]
    finally:
        world("relay", "thaw")
    won = winner_of([work.result() for work in works])
    print("  won by", one_of_all(race, won, received), flush=True)


def let_go_with_it():
    claim("who has won lets go with the credential in the mailbox: bob is told that it was used")
    race = a_race()
    won = winner_of(all_at_once(bind))
    take(*won)
    equal(won[0].let_go(), 200, "letting go")
    received = bob.accept(race.link)
    is_told_used(received)
    race.share.reaches("exchanging").call("Cancel", "s", "")
    is_over(race)


# ---- with PIN, a relay that keeps the rules ----


def tries_of_two():
    claim("with PIN: two attackers guess and let go, then bob: he has it, and nobody else")
    race = a_race(**WITH_PIN)
    for n, attacker in enumerate(attackers[:2]):
        status, verdict = attacker.guess_once()
        equal((status, attacker.show(verdict)[0]), (200, "none"), "the next offer, shown again")
        eventually(lambda n=n: race.share.get("PinAttemptsLeft") == 2 - n, "tries left")
        equal(attacker.let_go(), 200, "letting go")
    received = bob.accept(race.link)
    received.reaches("pin-needed")
    equal(winner_of(all_at_once(bind)), None, "an attacker who got in")
    typed(received, race.pin)
    received.reaches("completed")
    race.share.ended("completed", "peer")
    is_over(race)
    race.nobody_has_it()


def is_burned(race):
    race.share.reaches("burned")
    equal(race.share.get("PinAttemptsLeft"), 0, "tries left")
    name, sentence = race.share.get("Failure")
    equal(name.rsplit(".", 1)[-1], "WrongPin", "why it has ended")
    contains(sentence, "failed 3 times", "what alice is told")


def burned():
    claim("with PIN: three guesses end it, alice is told, and there is no fourth")
    race = a_race(**WITH_PIN)
    won = winner_of(all_at_once(bind))
    for n in range(N_TRIES):
        attacker = won[0] if n == 0 else attackers[(int(won[0].name) + n) % N_ATTACKERS]
        status, _ = attacker.guess_once()
        equal(status, 200 if n < N_TRIES - 1 else 404, f"after guess {n + 1}")
        if n < N_TRIES - 1:
            equal(attacker.let_go(), 200, "letting go")
    is_burned(race)
    received = bob.accept(race.link)
    received.ended("failed", "relay", "Expired")
    is_over(race)
    race.nobody_has_it()


def declined():
    claim("declined is over too")
    race = a_race(**WITH_PIN)
    received = bob.accept(race.link)
    received.reaches("pin-needed").call("Decline", "s", "no")
    race.share.reaches("declined")
    is_over(race)


# ---- letting go for a device of one's own ----


def lets_go(received):
    received.reaches("pin-needed").call("Relinquish")
    received.reaches("relinquished")

    def is_done():
        try:
            received.call("Forget")
            return True
        except Wrong:
            return False

    eventually(is_done, "the relay has not been told")


def own_second_device():
    claim("bob lets go for his tablet: it gets the credential, and whoever read before nothing")
    race = a_race(**WITH_PIN)
    eve, line = attackers[0], Attacker("0")
    line.race, line.claim = race, eve.claim
    status, _, tag = eve.read()
    equal(status, 200, "eve's claim")
    held = crowd.submit(eve.read, tag, 60)
    equal(line.let_go(), 200, "letting go")

    received = bob.accept(race.link)
    lets_go(received)
    tablet = carol.accept(race.link)
    tablet.reaches("pin-needed")
    equal(winner_of(all_at_once(bind)), None, "an attacker who got in")
    typed(tablet, race.pin)
    tablet.reaches("completed")
    race.share.ended("completed", "peer")
    equal(carol.content_of(tablet), race.content.encode(), "what the tablet has")
    status, payload, _ = held.result()
    if payload is not None or status not in (304, 401, 404):
        fail(f"a read that was held over it all was answered {status}")
    is_over(race)
    race.nobody_has_it()


def lost_in_between():
    claim("whoever gets in between has no PIN, and the tablet is told that it was used")
    race = a_race(**WITH_PIN)
    lets_go(bob.accept(race.link))
    won = winner_of(all_at_once(bind))
    tablet = carol.accept(race.link)
    is_told_used(tablet)
    attacker, offer, _ = won
    equal(attacker.write(attacker.answer(offer)), 200, "an answer")
    eventually(lambda: race.share.get("PinAttemptsLeft") == 2, "a try that counts")
    race.share.call("Cancel", "s", "")
    is_over(race)
    race.nobody_has_it()


# ---- together with the relay ----


class Treachery:
    """A mailbox whose relay is one of the attackers. Alice and bob each see just what is put there
    for them, under a new tag each; nothing of theirs gets lost, and deleting does nothing."""

    def __init__(self):
        self.shown = {"initiator": [], "recipient": []}
        self.written = {"initiator": [], "recipient": []}
        self.places = {}  # of a tag: how much of what is shown its reader knows
        self.is_open = True

    def plan(self, request, honest):
        if request.kind == "create":
            answer = honest()
            self.take("initiator", request.box.payload)
            return answer.set("ETag", self.tag(0))
        side = "initiator" if request.side == "initiator" else "recipient"
        if request.kind == "read":
            return self.read(request, side)
        if request.kind == "write":
            self.take(side, json.dumps(json.loads(request.body)["payload"]))
            place = self.places.get(request.header("If-Match"), 0)
            return Answer(200, '{"isPushNotificationSupported":false}', [("ETag", self.tag(place))])
        return Answer(200)

    def tag(self, place):
        with relay.changed:
            tag = f'"{len(self.places) + 1}"'
            self.places[tag] = place
            return tag

    def take(self, side, payload):
        payload = compact(json.loads(payload))
        heads.ask("seen", payload)
        with relay.changed:
            self.written[side].append(payload)
            relay.changed.notify_all()

    def read(self, request, side):
        wait = int((request.header("Prefer") or "").partition("wait=")[2] or 0)
        shown, place = self.shown[side], self.places.get(request.header("If-None-Match"), 0)
        with relay.changed:
            relay.changed.wait_for(lambda: len(shown) > place or not self.is_open, wait)
            if len(shown) > place:
                body = '{"payload":%s,"displayInformation":{"title":"","description":"",' \
                       '"imageURL":""}}' % shown[place]
                return Answer(200, body, [("ETag", self.tag(place + 1))])
        if not self.is_open and side == "recipient":
            return Answer(404, '{"type":"not-found"}', kind="application/problem+json")
        return Answer(304)

    def show(self, side, *payloads):
        with relay.changed:
            self.shown[side] += payloads
            relay.changed.notify_all()

    def nth(self, side, n):
        """The nth message of that side, from 1, as soon as it is there."""
        eventually(lambda: len(self.written[side]) >= n, f"message {n} of the {side}")
        return self.written[side][n - 1]

    def close(self):
        with relay.changed:
            self.is_open = False
            relay.changed.notify_all()


def a_treachery(**options):
    treachery, content = Treachery(), new_content()
    share, box = alice.share_at(relay, content, treachery.plan, **sealed(options))
    race = Race(share, content)
    for number, attacker in enumerate(attackers):
        attacker.begin(race)
        if number % 2:  # the relay knows alice's claim: half of them come under it
            heads.ask("join", attacker.name, race.link, box.initiator)
    treachery.box = box
    heads.ask("seen", treachery.nth("initiator", 1))
    return race, treachery


silent = []  # what must have been the last that alice sent


def is_over_for_alice(race, treachery, extra=()):
    """Whatever is served from now on, she does not come for it."""
    eventually(lambda: treachery.box.asked("delete", "initiator"), "alice deletes nothing")
    treachery.show("initiator", *extra)
    silent.append((race, treachery, len(treachery.box.asked(side="initiator"))))


def nothing_comes_after_the_end():
    claim("a relay that goes on serving gets nothing more of alice, restarted or not")
    alice.restart()
    content = new_content()
    share, _ = alice.share_at(relay, content, **sealed({}))  # she is there and talks to it
    received = bob.accept(share.link())
    received.reaches("completed")
    share.ended("completed", "peer")
    for race, treachery, n_requests in silent:
        equal(len(treachery.box.asked(side="initiator")), n_requests, "requests of alice")
        if race.share.state not in ENDS:
            fail("it goes on")


def guesses_with_the_relay():
    claim("with PIN, and the relay on their side: a hundred guesses are three")
    race, treachery = a_treachery(**WITH_PIN)
    answers = [attacker.answer(treachery.nth("initiator", 1)) for attacker in attackers]
    treachery.show("initiator", answers[0])
    for n in (1, 2):
        offer = treachery.nth("initiator", n + 1)
        # An answer to the offer before counts for nothing; nor does her own.
        treachery.show("initiator", answers[n], treachery.nth("initiator", 1))
        more = []
        for attacker in attackers[10 * n:10 * n + 10]:
            heads.ask("join", attacker.name, race.link, str(uuid.uuid4()))
            more.append(attacker.answer(offer))
        treachery.show("initiator", more[0])
        answers += more[1:]
    is_burned(race)
    equal(len(treachery.written["initiator"]), N_TRIES, "what alice wrote: offers")
    is_over_for_alice(race, treachery, answers)
    race.nobody_has_it()


def bob_among_them():
    claim("bob gets through in between, by the PIN; what was meant for him opens to nobody else")
    race, treachery = a_treachery(**WITH_PIN)
    offer = treachery.nth("initiator", 1)
    treachery.show("initiator", attackers[0].answer(offer))
    treachery.show("recipient", offer)
    received = bob.accept(race.link)
    typed(received, race.pin)
    treachery.nth("recipient", 1)
    treachery.show("recipient", treachery.nth("initiator", 2))
    typed(received, race.pin)
    treachery.show("initiator", treachery.nth("recipient", 2))
    accept = treachery.nth("initiator", 3)
    for attacker in attackers:
        equal(attacker.show(accept)[0] == "message", False, "whether an attacker takes it")
    treachery.show("recipient", accept)
    received.reaches("completed")
    equal(bob.content_of(received), race.content.encode(), "what bob has")
    treachery.show("initiator", treachery.nth("recipient", 3))
    race.share.ended("completed", "peer")
    is_over_for_alice(race, treachery, [treachery.nth("recipient", 2)])
    race.nobody_has_it()


def false_offers():
    claim("an offer of theirs costs bob his three entries, alice her three tries, and gives nothing")
    race, treachery = a_treachery(**WITH_PIN)
    sid = heads.ask("sid", race.link, treachery.nth("initiator", 1))
    word, _, offer = heads.ask("pose", "poser", race.link, str(uuid.uuid4()), race.guess(),
                               sid).partition(" ")
    equal(word, "write", "a false offer")
    treachery.show("recipient", offer)
    received = bob.accept(race.link)
    for n in range(1, N_TRIES + 1):
        equal(received.get("PinAttemptsLeft"), N_TRIES + 1 - n, "entries left")
        typed(received, race.pin)
        answer = treachery.nth("recipient", n)
        word, _, offer = heads.ask("show", "poser", answer).partition(" ")
        equal(word, "wrong-pin" if n < N_TRIES else "burned", "what the guess was worth")
        if offer:
            treachery.show("recipient", offer)
        treachery.show("initiator", answer)
        eventually(lambda n=n: race.share.get("PinAttemptsLeft") == N_TRIES - n, "alice judges")
    is_burned(race)
    treachery.close()
    received.ended("failed", "relay", "WrongPin")
    equal(len(treachery.written["recipient"]), N_TRIES, "bob's answers")
    is_over_for_alice(race, treachery)
    race.nobody_has_it()


def one_answer(is_bob_first):
    claim(f"without PIN, and the relay on their side: one, {'bob' if is_bob_first else 'not bob'}")
    race, treachery = a_treachery()
    offer = treachery.nth("initiator", 1)
    answers = [attacker.answer(offer) for attacker in attackers]
    treachery.show("recipient", offer)
    received = bob.accept(race.link)
    bobs = treachery.nth("recipient", 1)
    order = [bobs, *answers] if is_bob_first else [*answers, bobs]
    treachery.show("initiator", *order[:3])
    accept = treachery.nth("initiator", 2)
    treachery.show("recipient", accept)
    n_takers = sum(attacker.show(accept)[0] == "message" for attacker in attackers)
    equal(n_takers, 0 if is_bob_first else 1, "attackers who have it")
    equal(heads.has(race.content), not is_bob_first, "whether the attackers have it")
    if is_bob_first:
        received.reaches("completed")
        treachery.show("initiator", treachery.nth("recipient", 2))
        race.share.ended("completed", "peer")
    else:
        race.share.call("Cancel", "s", "")
        race.share.reaches("cancelled")
        treachery.close()
        received.ended("cancelled", "relay")
        equal(received.get("Credential"), "/", "what bob has")
    equal(len(treachery.written["initiator"]), 2, "what alice wrote: an offer, an acceptance")
    is_over_for_alice(race, treachery, order[3:])


def bobs_answer_first():
    one_answer(True)


def another_answer_first():
    one_answer(False)


def main():
    for user in (alice, bob):
        user.trust(relay, ca=bundle(authority))
    for part in PARTS:
        if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
            outcome.of(part)
    outcome.of(nothing_comes_after_the_end)


PARTS = (attackers_first, bob_first, at_once, let_go_with_it, tries_of_two, burned, declined,
         own_second_device, lost_in_between, guesses_with_the_relay, bob_among_them, false_offers,
         bobs_answer_first, another_answer_first)
run(main)
