#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A relay that cannot answer, or answers anything but HTTP, JSON, TLS or the time of day: each
step of an exchange meets each fault once, and the exchange ends right nevertheless."""

import json
import socket
import ssl
import sys
import threading
import time
import warnings

sys.dont_write_bytecode = True
from hostile_world import (Answer, Authority, PATIENCE_S, Peer, Relay, User, Wrong, bundle, claim,
                           contains, equal, eventually, fail, folder, most_requests, outcome, run)
from hostile_relay import (endless, format_date, format_time, parse_time, poured, problem, raw,
                           reset, tear)

alice, bob = User("alice"), User("bob")
authority = Authority(folder())
other_authority = Authority(folder(), "somebody")
relay = Relay(authority.issue("127.0.0.1"))


def alice_shares(content, plan=None, at=relay, **options):
    return alice.share_at(at, content, plan, **options)


# ---- faults of one answer ----

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def says(*parts):
    """These octets, then the connection ends."""
    def write(sock):
        for part in parts:
            sock.sendall(part)
    return lambda: raw(write)


def later(status, *headers):
    return lambda: problem(status, "unavailable", headers)


# What an answer can be like that says nothing: asked again later, each finds the truth.
FAULTS = {
    "500": later(500),
    "502": lambda: Answer(502, "<h1>Bad Gateway</h1>", kind="text/html"),
    "503": later(503, ("Retry-After", "1")),
    "503, at once": later(503, ("Retry-After", "0")),
    "503, before now": later(503, ("Retry-After", "-5")),
    "503, by a date": lambda: problem(503, "unavailable", [
        ("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT")]),
    "503, unreadable": later(503, ("Retry-After", "soon\x01")),
    "429": later(429, ("Retry-After", "1")),
    "408": later(408),
    "599 with words": lambda: Answer(599, "\x1b[2J\u202e" * 50, kind="text/plain; x=\x1b[31m"),
    "a reset": lambda: reset(),
    "silence, then the end": says(),
    "half a status line": says(b"HTTP/1.1 2"),
    "half a header": says(OK + b"X-Half: "),
    "half a body": says(OK + b'Content-Length: 500\r\n\r\n{"pay'),
    "another protocol": says(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "an ancient protocol": says(b"{}"),
    "octets": says(bytes(range(256)) * 8),
    "an impossible status": says(b"HTTP/1.1 9999 Yes\r\nContent-Length: 0\r\n\r\n"),
    "two lengths": says(OK + b"Content-Length: 2\r\nContent-Length: 700\r\n\r\n{}"),
    "a length below nought": says(OK + b"Content-Length: -1\r\n\r\n{}"),
    "broken chunks": says(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "an endless chunk": says(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}"),
    "a large body": says(OK + b"Content-Length: 600000\r\n\r\n" + b" " * 600000),
    "an endless body": lambda: endless(OK + b"\r\n{", b" " * 65536),
    "endless chunks": lambda: endless(OK + b"Transfer-Encoding: chunked\r\n\r\n",
                                      b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "endless headers": lambda: endless(OK, b"X-More: " + b"x" * 4000 + b"\r\n"),
    "one endless header": lambda: endless(OK + b"X-More: ", b"x" * 4096),
    "endless beginnings": lambda: endless(b"", b"HTTP/1.1 100 Continue\r\nX-More: 1\r\n\r\n" * 99),
    "a change of protocol": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tigress\r\n"
                                 b"Connection: Upgrade\r\n\r\n", b"{}" * 99),
}

# What a body can be like that is none: a create that meets it fails, all else goes on.
BODIES = {
    "nothing": b"",
    "a page": b"<!doctype html><title>Sign in to the network</title>",
    "half": b'{"urlLink":"https://',
    "deep": b"[" * 100000,
    "wide": b"{" + b",".join(b'"%d":0' % i for i in range(20000)) + b"}",
    "twice": b'{"payload":{},"payload":{},"urlLink":"a","urlLink":"b"}',
    "latin": '{"urlLink":"\xe9"}'.encode("latin-1"),
    "a mark": b"\xef\xbb\xbf{}",
    "two": b"{}{}",
    "null": b"null",
    "empty": b"{}",
    "packed": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "numbers": b'{"payload":1e9999999,"urlLink":-0,"expiration":1e400}',
    "types": b'{"payload":[],"urlLink":{},"displayInformation":7,"expiration":{}}',
    "large": b'{"payload":"' + b"A" * 250000 + b'"}',
}


def once(fault, but=()):
    """A plan: each kind of request of each side meets the fault once, then it goes well."""
    def plan(request, honest):
        if request.kind not in but and len(request.box.asked(request.kind, request.side)) == 1:
            return fault()
        return honest()
    return plan


class Exchange(threading.Thread):
    """A whole exchange that runs beside others."""

    def __init__(self, name, plan, at=relay):
        super().__init__(daemon=True)
        self.name, self.failure = name, None
        self.content = f"across {name}"
        self.sent, self.box = alice_shares(self.content, plan, at)
        self.start()

    def run(self):
        try:
            self.received = bob.accept(self.sent.link())
            self.received.reaches("completed")
            self.sent.ended("completed", "peer")
            eventually(lambda: self.box.end, "alice did not delete")
        except Wrong as failure:
            self.failure = failure

    def check(self, kinds):
        self.join()
        if self.failure:
            fail(f"{self.name}: {self.failure}")
        equal(bob.content_of(self.received), self.content.encode(), self.name)
        met = {r.kind for r in self.box.requests}
        equal(kinds - met, set(), f"{self.name}: steps that were not gone through")


def every_step():
    running = [Exchange(name, once(fault)) for name, fault in FAULTS.items()]
    running += [Exchange(f"a body of {name}", once(lambda b=body: Answer(200, b),
                                                   but=("create", "write", "delete")))
                for name, body in BODIES.items()]

    def check():
        claim("whatever a step meets once, the exchange ends right, and once")
        for exchange in running:
            outcome.of(exchange.check, {"create", "read", "write", "delete"})
        # Beside what is read, some lies in the buffers of the network.
        if max(poured) > 16 * 2**20:
            outcome.of(fail, f"of an endless answer {max(poured)} octets were taken")
    return check


def no_mailbox():
    told = [(name, *alice_shares("x", lambda r, h, b=body: Answer(200, b)))
            for name, body in BODIES.items()]

    def check():
        claim("a create that is answered with anything else fails, in one sentence, for good")
        for name, share, box in told:
            share.ended("failed", "self", "Tampered")
            sentence = share.get("Failure")[1]
            if not sentence or "\n" in sentence or any(ord(c) < 32 for c in sentence):
                fail(f"{name}: {sentence!r}")
            equal(len(box.requests), 1, name)
    return check


def slow():
    """An octet now and then: given up after a while, and nobody waits for it."""
    first = lambda: endless(OK + b"\r\n", b" ", between_s=0.5)  # noqa: E731
    share, box = alice_shares("slow", once(first))

    def check():
        claim("an answer that drips is given up, while others go on; later it goes well")
        eventually(lambda: "did not answer in time" in share.get("Failure")[1] or
                   share.state != "uploading", lambda: f"{share.get('Failure')}")
        received = bob.accept(share.link())
        received.reaches("completed")
    return check


def patience():
    """How long a relay may send us away."""
    wanted = {
        "for ever": ("99999999999", True), "for an hour": ("3600", True),
        "until 2037": ("Sat, 05 Dec 2037 12:00:00 GMT", True),
        "since yesterday": ("Sat, 05 Dec 1987 12:00:00 GMT", False),
        "for less than nothing": ("-3600", False), "for a word": ("later", False),
        "for nothing": ("0", False), "for a fraction": ("3600.5", False),
    }
    watched = []
    for name, (value, _) in wanted.items():
        def plan(request, honest, value=value):
            if request.kind == "read":
                return problem(503, "unavailable", [("Retry-After", value)])
            return honest()
        watched.append((name, *alice_shares("x", plan)))

    def check():
        claim("Retry-After makes nobody ask more often than the back-off, and an hour is obeyed")
        began = max(box.asked("read")[0].at for _, _, box in watched)
        eventually(lambda: time.monotonic() > began + 12, "time does not pass")
        for name, share, box in watched:
            reads = box.asked("read")
            most = 1 if wanted[name][1] else most_requests(time.monotonic() - reads[0].at, 1)
            if not (1 if wanted[name][1] else 2) <= len(reads) <= most:
                outcome.of(fail, f"\"{name}\": {len(reads)} reads, at most {most} are allowed")
            equal(share.get("Failure")[0].rsplit(".", 1)[-1], "Unreachable", name)
            equal(share.state, "invited", name)
    return check


# ---- faults of the line ----


def old_tls():
    context = authority.issue("127.0.0.1")
    warnings.simplefilter("ignore", DeprecationWarning)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def speaks(octets):
    def write(sock):
        sock.sendall(octets)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    return write


def lines():
    """Of each a relay of its own; what it shows, and what the sentence must say."""
    good = relay.tls
    return {
        "another authority": (other_authority.issue("127.0.0.1"), None, "certificate"),
        "another name": (authority.issue("elsewhere.example", "127.0.0.2"), None, "certificate"),
        "a date gone by": (authority.issue("127.0.0.1", days=-1), None, "certificate"),
        "old TLS": (old_tls(), None, "secure connection"),
        "no TLS": (good, speaks(b"HTTP/1.1 400 Bad Request\r\n\r\nplain HTTP, please"), "secure"),
        "TLS garbage": (good, speaks(b"\x16\x03\x03\x00\x20" + b"\xff" * 32), "secure"),
        "an alert": (good, speaks(b"\x15\x03\x03\x00\x02\x02\x28"), "secure"),
        "silence": (good, lambda sock: time.sleep(PATIENCE_S), "in time"),
        "a closed door": (good, lambda sock: None, "secure connection"),
        "a slammed door": (good, tear, ""),
    }


def every_line():
    running = []
    for name, (tls, before, word) in lines().items():
        server = Relay(tls)
        server.before_tls = before
        running.append((name, server, word))
    for user in (alice, bob):
        user.trust(relay, *(server for _, server, _ in running), default=relay,
                   ca=bundle(authority))
    shares = [(name, server, word, alice_shares(name, at=server, is_heard=False)[0])
              for name, server, word in running]

    def check():
        claim("nothing is said to a relay whose certificate or TLS is wrong; when it is right "
              "again, all goes on")
        for name, server, word, share in shares:
            eventually(lambda s=share: s.get("Failure")[1], f"{name}: no failure is told")
            contains(share.get("Failure")[1], word, name)
            equal(share.state, "uploading", name)
            if word == "certificate":
                equal(share.get("Failure")[0].rsplit(".", 1)[-1], "Tampered", name)
            said = b"".join(c.octets for c in server.connections)
            equal(said, b"", f"{name}: what was said there")
            server.tls, server.before_tls = relay.tls, None
        for name, server, word, share in shares:
            received = bob.accept(share.link())
            received.reaches("completed")
            share.ended("completed", "peer")
    return check


def absent():
    server = Relay(relay.tls)
    server.stop()
    for user in (alice, bob):
        user.trust(relay, server, default=relay, ca=bundle(authority))
    early, _ = alice_shares("early", at=server, is_heard=False)
    url = f"{server.origin}/v1/m/00000000-0000-4000-8000-000000000000"
    contains(bob.inspect_refused(Peer().link(url)), "nobody answers")
    eventually(lambda: "nobody answers" in early.get("Failure")[1],
               lambda: f"{early.get('Failure')}")
    equal(early.state, "uploading")
    server.start()
    link = early.link()

    def check():
        claim("a relay that is absent is waited for, before and in the middle")
        server.stop()
        for connection in server.connections:
            connection.cut()
        received = bob.accept(link)
        eventually(lambda: received.get("Failure")[1], "no failure is told")
        equal(received.state, "claiming")
        server.start()
        received.reaches("completed")
        early.ended("completed", "peer")
    return check


# ---- the time of day ----


def log_of_clocks(user):
    return [line for line in user.log().splitlines() if "its relay's clock differs" in line]


def clocks():
    ahead, behind, right = (Relay(relay.tls) for _ in range(3))
    ahead.offset_s, behind.offset_s = 3600, -3600
    for user in (alice, bob):
        user.trust(relay, ahead, behind, right, default=relay, ca=bundle(authority))
    no = lambda request, honest: problem(400, "malformed")  # noqa: E731
    shares = {
        "ahead": (ahead, *alice_shares("x", at=ahead, expires_in=("u", "600"))),
        "behind": (behind, *alice_shares("x", at=behind, expires_in=("u", "604800"))),
        "ahead, refusing": (ahead, *alice_shares("x", no, at=ahead)),
        "right, refusing": (right, *alice_shares("x", no, at=right)),
    }

    def lying(date):
        def plan(request, honest):
            return problem(400, "malformed", [("Date", date)]) if request.kind == "create" \
                else honest()
        return alice_shares("x", plan, at=right)
    dates = {date: lying(date) for date in (
        "Thu, 01 Jan 1970 00:00:01 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "soon",
        "Sat, 05 Dec 292277026596 12:00:00 GMT", None)}

    def check():
        claim("a relay's clock that is an hour off is corrected for, once, and told")
        for name in ("ahead", "behind"):
            server, share, box = shares[name]
            share.reaches("invited")
            first, second = box.asked("create")
            wanted = [parse_time(json.loads(r.body)["mailboxConfiguration"]["expiration"])
                      for r in (first, second)]
            skew = wanted[1] - wanted[0]
            if abs(skew - server.offset_s) > 2:
                fail(f"{name}: asked for {skew} s more, the clock is {server.offset_s} s off")
            if first.id == second.id:
                fail(f"{name}: another request has the same id")
            equal(json.loads(first.body)["payload"], json.loads(second.body)["payload"], name)
            if not any(share.path.rsplit("/", 1)[1][:8] in line for line in log_of_clocks(alice)):
                fail(f"{name}: nobody was warned")

        claim("but it never prolongs the share")
        for name, life in (("ahead", 600), ("behind", 604800)):
            server, share, box = shares[name]
            ends = share.get("Created") + life
            if not ends - 2 <= share.get("Expires") <= ends + 2:
                fail(f"{name}: ends {share.get('Expires') - ends} s too late")
            received = bob.accept(share.link())
            received.reaches("completed")
            if received.get("Expires") > ends + 2:
                fail(f"{name}: for the recipient it ends {received.get('Expires') - ends} s later")
            share.ended("completed", "peer")
            if share.get("Expires") > ends + 2:
                fail(f"{name}: it was prolonged")

        claim("and what is refused all the same has failed")
        for name, n_creates in (("ahead, refusing", 2), ("right, refusing", 1)):
            server, share, box = shares[name]
            share.ended("failed", "relay")
            equal(len(box.requests), n_creates, name)
        for date, (share, box) in dates.items():
            share.ended("failed", "relay")
            if len(box.requests) > 2:
                fail(f"{date}: {len(box.requests)} creates")
    return check


def expirations():
    """What a relay says of when its mailbox ends."""
    def saying(text):
        def plan(request, honest):
            answer = honest()
            if request.kind == "read" and answer.status == 200:
                body = json.loads(answer.body)
                body["expiration"] = text
                answer.body = json.dumps(body).encode()
            return answer
        return plan
    def at_once(text, date=None):
        def plan(request, honest):
            if request.kind == "read":
                body = json.loads(relay.content(request.box).body)
                body["expiration"] = text
                return Answer(200, json.dumps(body)).set("Date", date)
            return honest()
        return plan
    year = format_time(time.time() + 366 * 86400)
    late = [alice_shares("x", saying(text), expires_in=("u", "3600"))
            for text in (year, "9999-12-31T23:59:59Z", "never", 7, "", "2030-02-30T00:00:00Z")]
    past = [alice_shares("x", at_once(format_time(time.time() - 3600))),
            alice_shares("x", at_once("1970-01-01T00:00:10Z")),
            alice_shares("x", at_once("1970-01-01T00:00:10Z", format_date(time.time() + 9999)))]
    soon = alice_shares("x", at_once(format_time(time.time() + 30)))

    def check():
        claim("no expiration that a relay names prolongs a share; one that ends it is its word")
        for share, box in late:
            eventually(lambda b=box: b.asked("read"), "nobody asked")
            received = bob.accept(share.link())
            received.reaches("completed")
            share.ended("completed", "peer")
            if share.get("Expires") > share.get("Created") + 3602:
                fail("it was prolonged")
            if received.get("Expires") > received.get("Created") + 7 * 86400:
                fail("the recipient was told more than a week")
        for share, box in past:
            share.ended("expired", "relay", "Expired")
            equal(len(box.requests), 2, "requests")
        share, box = soon
        share.ended("expired", "relay", "Expired")
        eventually(lambda: box.asked("delete"), "alice deletes nothing")
    return check


def main():
    for user in (alice, bob):
        user.trust(relay, default=relay, ca=bundle(authority))
    checks = [begin() for begin in (slow, patience, every_step, every_line, absent, clocks,
                                    expirations, no_mailbox)]
    outcome.of_all(checks)

    claim("and what came is in the keyring, once")
    equal(bob.credentials(), bob.received())


run(main)
