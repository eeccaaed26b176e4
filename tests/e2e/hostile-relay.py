#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A relay that lies: about ends, claims, contents, versions, addresses. All lies are told at
the same time, for most of them are found out by what does not happen meanwhile."""

import json
import sys
import threading
import time

sys.dont_write_bytecode = True
from hostile_world import (Answer, Authority, Peer, Relay, User, bundle, claim, contains,
                           equal, eventually, fail, folder, gone, most_requests, outcome, run)

alice, bob = User("alice"), User("bob")
authority = Authority(folder())
relay = Relay(authority.issue("127.0.0.1", "localhost"))
trap = Relay(relay.tls)  # as good a relay as the other; but nobody has any business there


def alice_shares(content, plan=None, at=relay, **options):
    return alice.share_at(at, content, plan, **options)


def offer(plan=None, message=None, at=relay):
    """A link to a mailbox that the relay has made up with somebody's help."""
    peer = Peer()
    box = at.put(peer.seal(peer.message() if message is None else message), plan)
    box.peer = peer
    return peer.link(at.url(box)), box


def lie(kind, side, answer):
    """A plan: answer() whenever that side asks for that, else what is right."""
    def plan(request, honest):
        if (request.kind, request.side) == (kind, side) or \
                (side == "stranger" and request.kind == kind and request.side is None):
            return answer()
        return honest()
    return plan


class Quiet:
    """What has ended sends nothing any more, now and after a restart."""

    def __init__(self):
        self.expected = []

    def add(self, about, box, n_requests):
        self.expected.append((about, box, n_requests))

    def check(self):
        for about, box, n_requests in self.expected:
            asked = [f"{r.kind} ({r.side})" for r in box.requests]
            equal(len(asked), n_requests, f"{about}: {asked}")


quiet = Quiet()

# ---- ends ----

LIES = {
    "completed": lambda: gone("completed"),
    "cancelled": lambda: gone("cancelled"),
    "expired": lambda: gone("expired"),
    "nothing": lambda: gone("not-found"),
    "a page": lambda: Answer(404, "<h1>nothing here</h1>", kind="text/html"),
    "no body": lambda: Answer(404),
    "gone": lambda: Answer(410),
    "a uri": lambda: gone("https://relay.example/problem/completed?by=peer#end"),
    "a sight": lambda: gone("\u202edetelpmoc\u001b[31m\nby the recipient"),
}


def lies_about_ends():
    """Of each lie six shares, one in each state in which it can be told."""
    told = []
    for name, answer in LIES.items():
        told.append((name, "uploading", *alice_shares("x", lambda r, h, a=answer: a())))
        told.append((name, "invited", *alice_shares("x", lie("read", "initiator", answer))))
        link, box = offer(lie("read", "stranger", answer))
        told.append((name, "claiming", bob.accept(link), box))

        def later(request, honest, answer=answer):
            is_first = len(request.box.asked("read")) == 1
            return honest() if is_first else answer()
        link, box = offer(later, message=b"no message at all")
        told.append((name, "exchanging", bob.accept(link), box))
        link, box = offer(lie("write", "recipient", answer))
        told.append((name, "ended", bob.accept(link), box))
        share, box = alice_shares("x", lie("delete", "initiator", answer))
        share.reaches("invited").call("Cancel", "s", "")
        told.append((name, "cancelled", share, box))

    def check():
        claim("whatever the relay says of an end, in whatever state, is the relay's word")
        for name, state, share, box in told:
            about = f"\"{name}\" to who is {state}"
            if state == "uploading":
                share.ended("failed", "relay", "Expired")
            elif state == "invited":
                share.ended("completed", "relay")
            elif state == "claiming":
                share.ended("failed", "relay", "Expired")
            elif state == "exchanging":
                share.ended("cancelled", "relay", "Cancelled")
            elif state == "cancelled":
                share.ended("cancelled", "self", "Cancelled")
                eventually(lambda b=box: b.asked("delete"), f"{about}: not deleted")
                continue
            else:
                share.ended("completed", "self")
                eventually(lambda b=box: b.asked("write"), f"{about}: no end message")
            quiet.add(about, box, 1 if state in ("uploading", "claiming") else 2)
        for name, state, share, box in told:
            if state == "cancelled":
                equal([r.kind for r in box.requests][-1], "delete", name)
                quiet.add(f"\"{name}\" to a deletion", box, len(box.requests))
        sight = [s for name, state, s, _ in told if (name, state) == ("a sight", "exchanging")][0]
        sentence = sight.get("Failure")[1]
        if any(ord(c) < 32 or c == "\u202e" for c in sentence):
            fail(f"the relay's word was not cleaned: {sentence!r}")
    return check


def lies_about_claims():
    refusal = lambda: Answer(401, json.dumps({"type": "unauthorized"}))  # noqa: E731
    sender, sent = alice_shares("x", lie("read", "initiator", refusal))
    link, first = offer(lie("read", "stranger", refusal))
    early = bob.accept(link)
    link, second = offer(lambda r, h: h() if len(r.box.asked("read")) == 1 else refusal(),
                         message=b"no message at all")
    late = bob.accept(link)

    # The relay lets in who has the address and not the secret.
    link, third = offer()
    wrong = bob.accept(Peer().link(relay.url(third)))

    def check():
        claim("a relay that denies a claim, or grants it to who has no right, is not believed")
        sender.ended("completed", "relay")
        early.ended("failed", "relay", "AlreadyUsed")
        late.ended("cancelled", "relay")
        quiet.add("401 to the sender", sent, 2)
        quiet.add("401 to the recipient", first, 1)
        quiet.add("401 to the recipient, later", second, 2)
        eventually(lambda: third.asked("read"), "nobody asked")
        wrong.reaches("exchanging")
        equal(wrong.get("Title"), "Shared credential")
        wrong.call("Decline", "s", "")
        wrong.reaches("declined")
    return check


# ---- contents ----


def contents_swapped():
    """The two mailboxes change places for each side's first look."""
    boxes, shares, others = [], [], {}

    def plan(request, honest):
        answer = honest()
        is_first = request.kind == "read" and answer.status == 200 and \
            len(request.box.asked("read", request.side)) == 1
        if not is_first:
            return answer
        return relay.content(others[request.box]).set("ETag", '"another"')

    for content in ("the first", "the second"):
        share, box = alice_shares(content, plan)
        shares.append(share)
        boxes.append(box)
    # Before there is an answer, each looks at the other's offer.
    others.update(zip(boxes, reversed(boxes)))
    received = [bob.accept(share.link()) for share in shares]

    def check():
        claim("another mailbox's content is ignored; the right one, later, is taken")
        for share, got, content in zip(shares, received, (b"the first", b"the second")):
            got.reaches("completed")
            equal(bob.content_of(got), content)
            share.ended("completed", "peer")
    return check


def end_of_another():
    """What the recipient of one says is shown to the sender of another."""
    first, box = alice_shares("x")
    link = first.link()

    def plan(request, honest):
        reads = request.box.asked("read", "initiator")
        if request.kind == "read" and request.side == "initiator" and len(reads) == 1:
            eventually(lambda: box.asked("write"), "bob said nothing")
            return relay.content(box).set("ETag", '"another"')
        return honest()
    second, other = alice_shares("y", plan)
    bob.accept(link)

    def check():
        claim("the end of one share, shown to another, ends nothing")
        first.ended("completed", "peer")
        eventually(lambda: len(other.asked("read")) > 1, "alice never looked again")
        equal(second.state, "invited")
        received = bob.accept(second.link())
        received.reaches("completed")
        second.ended("completed", "peer")
    return check


def own_message_reflected():
    """The recipient's answer is held back; the sender sees her own message, ever newer."""
    kept = {}

    def plan(request, honest):
        box = request.box
        if request.kind == "create":
            answer = honest()
            kept["own"] = box.payload
            return answer
        if request.kind == "read" and request.side == "initiator":
            if len(box.asked("read", "initiator")) <= 2:
                answer, box.payload = box.payload, kept["own"]
                reflection = relay.content(box).set("ETag", f'"{len(box.requests) + 1000}"')
                box.payload = answer
                return reflection
        return honest()
    share, box = alice_shares("x", plan)
    received = bob.accept(share.link())

    def check():
        claim("a sender who is shown her own message has no news, and goes on")
        received.reaches("completed")
        share.ended("completed", "peer")
    return check


def served_after_the_end():
    """Deleting is answered with yes, and changes nothing."""
    def plan(request, honest):
        return Answer(200) if request.kind == "delete" else honest()
    share, box = alice_shares("x", plan)
    link = share.link()
    received = bob.accept(link)
    kept, kept_box = alice_shares("y", plan)
    kept.reaches("invited")

    def check():
        claim("what has ended stays so at a relay that goes on serving it")
        received.reaches("completed")
        share.ended("completed", "peer")
        eventually(lambda: box.asked("delete"), "alice deletes nothing")
        bob.call(received.get("Credential"), "Credential", "Remove")
        received.call("Forget")
        box.recipient = None  # and whoever comes may have it
        n_requests = len(box.requests)
        contains(bob.accept_refused(link), "opened here before")
        quiet.add("opened again", box, n_requests)

        kept.call("Cancel", "s", "")
        kept.ended("cancelled", "self")
        eventually(lambda: kept_box.asked("delete"), "alice deletes nothing")
        quiet.add("cancelled", kept_box, len(kept_box.requests))
    return check


# ---- versions ----


def changing_tag(request, honest):
    answer = honest()
    return answer.set("ETag", f'"{len(request.box.requests) + 10}"')


def content_at_once(request, honest):
    """What is there, whatever was asked for; other answers as they should be."""
    if request.kind == "read" and request.side is not None:
        return relay.content(request.box)
    return honest()


def tag_on_and_off(request, honest):
    answer = content_at_once(request, honest)
    if request.kind == "read":
        answer.set("ETag", None if request.header("If-None-Match") else '"7"')
    return answer


def nothing_new_at_once(request, honest):
    if request.kind == "read" and request.header("If-None-Match"):
        return Answer(304, headers=[("ETag", request.header("If-None-Match"))])
    return honest()


def nothing_new_soon(request, honest):
    if request.kind == "read" and request.header("If-None-Match"):
        time.sleep(1.1)
        return Answer(304, headers=[("ETag", request.header("If-None-Match"))])
    return honest()


def no_tag(request, honest):
    return content_at_once(request, honest).set("ETag", None)


def broken_tag(request, honest):
    return content_at_once(request, honest).set("ETag", "W/\"" + "x" * 9000)


def by_turns(request, honest):
    """304, another tag, no tag, 500, and so on."""
    if request.kind != "read" or request.side is None:
        return honest()
    n = len(request.box.requests)
    content = relay.content(request.box)
    return (Answer(304), content.set("ETag", f'"{n}"'), content.set("ETag", None),
            Answer(500))[n % 4]


SPINS = {
    "a new tag at every read": changing_tag,
    "a tag on and off": tag_on_and_off,
    "the same, at once": content_at_once,
    "nothing new, at once": nothing_new_at_once,
    "nothing new, soon": nothing_new_soon,
    "no tag": no_tag,
    "a broken tag": broken_tag,
    "all by turns": by_turns,
}


def versions():
    watched = []
    for name, plan in SPINS.items():
        watched.append((name, *alice_shares("x", plan)))
        link, box = offer(plan, message=b"no message at all")
        watched.append((name, bob.accept(link), box))
    began = time.monotonic()

    def check():
        claim("no version that a relay invents makes anybody ask more often than the back-off")
        # Long enough to tell the back-off from a wait that does not grow.
        eventually(lambda: time.monotonic() > began + 18, "time does not pass")
        for name, share, box in watched:
            reads = box.asked("read")
            elapsed = time.monotonic() - reads[0].at
            # The first look, one more when there is a tag to wait by.
            most = most_requests(elapsed, 2)
            if any(len(r.header("If-None-Match") or "") > 256 for r in reads):
                outcome.of(fail, f"\"{name}\" was sent back")
            if not 2 <= len(reads) <= most:
                outcome.of(fail, f"\"{name}\" makes {share.user.name} read {len(reads)} times in "
                           f"{elapsed:.1f} s, at most {most} are allowed")
            equal(share.state, "invited" if share.user is alice else "exchanging", name)
    return check


# ---- addresses ----


def altered_link(change):
    def plan(request, honest):
        answer = honest()
        if request.kind == "create":
            body = json.loads(answer.body)
            url = body["urlLink"]
            identifier = url.rsplit("/", 1)[-1]
            answer.body = json.dumps(change(url, identifier, body)).encode()
        return answer
    return plan


def link_is(make):
    return lambda url, identifier, body: {**body, "urlLink": make(url, identifier)}


HOSTILE_LINKS = {
    "another server": link_is(lambda url, i: f"{trap.origin}/v1/m/{i}"),
    "another name": link_is(lambda url, i: url.replace("127.0.0.1", "localhost")),
    "no TLS": link_is(lambda url, i: url.replace("https:", "http:")),
    "no TLS elsewhere": link_is(lambda url, i: trap.origin.replace("s:", ":") + f"/v1/m/{i}"),
    "a user": link_is(lambda url, i: url.replace("//", "//relay@")),
    "a user that looks like the relay": link_is(
        lambda url, i: relay.origin + trap.origin.replace("https://", "@") + f"/v1/m/{i}"),
    "a query": link_is(lambda url, i: url + "?v=a"),
    "an empty query": link_is(lambda url, i: url + "?"),
    "a fragment": link_is(lambda url, i: url + "#" + "A" * 43 + "="),
    "an empty fragment": link_is(lambda url, i: url + "#"),
    "another path": link_is(lambda url, i: f"{relay.origin}/v1/t/{i}"),
    "dot segments": link_is(lambda url, i: f"{relay.origin}/v1/m/../m/{i}"),
    "a slash more": link_is(lambda url, i: url + "/"),
    "no UUID": link_is(lambda url, i: f"{relay.origin}/v1/m/mailbox"),
    "a name without dots": link_is(lambda url, i: f"https://relay/v1/m/{i}"),
    "backslashes": link_is(lambda url, i: url.replace("/", "\\")),
    "relative": link_is(lambda url, i: f"/v1/m/{i}"),
    "without scheme": link_is(lambda url, i: trap.origin[6:] + f"/v1/m/{i}"),
    "a file": link_is(lambda url, i: f"file:///v1/m/{i}"),
    "white space": link_is(lambda url, i: " " + url),
    "a line end": link_is(lambda url, i: url + "\r\nHost: elsewhere"),
    "bidirectional": link_is(lambda url, i: "\u202e" + url),
    "too long": link_is(lambda url, i: url + "/" * 5000),
    "nothing": link_is(lambda url, i: ""),
    "a number": link_is(lambda url, i: 7),
    "null": link_is(lambda url, i: None),
    "a list": link_is(lambda url, i: [url]),
    "no link": lambda url, i, body: {},
    "no object": lambda url, i, body: [body],
}


def named_twice(request, honest):
    answer = honest()
    if request.kind == "create":
        first = b'{"urlLink":"%s/v1/m/%s",' % (trap.origin.encode(), request.box.id.encode())
        answer.body = first + answer.body[1:]
    return answer


def hostile_links():
    told = [(name, *alice_shares("x", altered_link(change)))
            for name, change in HOSTILE_LINKS.items()]
    told.append(("twice", *alice_shares("x", named_twice)))

    def check():
        claim("an address that is not of the relay that was asked fails the share; nobody asks it")
        for name, share, box in told:
            share.ended("failed", "self", "Tampered", name)
            contains(alice.refused(share.path, "Share", "GetInvitation"), "no invitation")
            quiet.add(name, box, 1)
    return check


def redirected(status):
    """Each step of the exchange is first sent elsewhere."""
    def plan(request, honest):
        if len(request.box.asked(request.kind, request.side)) == 1:
            return Answer(status, "elsewhere", [("Location", f"{trap.origin}/v1/m"),
                                                ("Refresh", f"0; url={trap.origin}/v1/m"),
                                                ("Content-Location", f"{trap.origin}/v1/m")])
        answer = honest()
        answer.headers += [("Location", f"{trap.origin}/v1/m"),
                           ("Refresh", f"0; url={trap.origin}/v1/m"),
                           ("Alt-Svc", f'http/1.1="127.0.0.1:{trap.port}"; ma=3600'),
                           ("Link", f"<{trap.origin}/>; rel=preload"),
                           ("Set-Cookie", "device=1; Path=/; Secure")]
        return answer
    return plan


def redirects():
    shares = []
    link, box = offer(lie("preview", None, lambda: Answer(
        301, "elsewhere", [("Location", f"{trap.origin}/v1/m/{box.id}")])))
    contains(bob.inspect_refused(link), "elsewhere")
    for status in (300, 301, 302, 303, 305, 307, 308):
        shares.append((status, *alice_shares(f"by {status}", redirected(status))))

    def accept_all(received):
        for status, share, box in shares:
            received.append((status, bob.accept(share.link()), box))

    received = []
    thread = threading.Thread(target=accept_all, args=(received,))
    thread.start()

    def check():
        claim("no redirect is followed, at no step, and the exchange ends right without it")
        thread.join()
        equal(len(received), len(shares))
        for (status, share, box), (_, got, _) in zip(shares, received):
            got.reaches("completed")
            equal(bob.content_of(got), f"by {status}".encode())
            share.ended("completed", "peer")
            eventually(lambda b=box: b.end, f"{status}: alice did not delete")
            if any(r.header("Cookie") for r in box.requests):
                fail(f"{status}: a cookie came back")
    return check


def main():
    ca = bundle(authority)
    blind = Relay(relay.tls)
    blind.proves = blind.tags = False
    for user in (alice, bob):
        user.trust(relay, blind, ca=ca, default=relay)

    checks = [begin() for begin in (
        versions, redirects, contents_swapped, end_of_another, own_message_reflected,
        served_after_the_end, lies_about_claims, lies_about_ends, hostile_links)]

    claim("a relay that knows no claim proof and no versions serves nevertheless; it is noted")
    share, box = alice_shares("x", at=blind, compat=("b", "false"))
    received = bob.accept(share.link())
    received.reaches("completed")
    share.ended("completed", "peer")
    contains(alice.log(), "does not know claim proofs")
    if any(r.header("Prefer") for r in box.requests):
        fail("it was asked to hold a read")

    outcome.of_all(checks)

    claim("what has ended sends nothing again, not even after a restart")
    quiet.check()
    for user in (alice, bob):
        user.restart()
        # Whatever is still to be sent has been begun when the wallet knows its shares again.
        eventually(lambda u=user: all(s["Relay"] for s in u.objects().values()),
                   f"{user.name}'s shares stay sealed")
    fresh, box = alice_shares("x")
    bob.accept(fresh.link()).reaches("completed")
    fresh.ended("completed", "peer")
    quiet.check()

    claim("nobody else was contacted")
    equal(len(trap.connections), 0, "connections to the other server")


run(main)
