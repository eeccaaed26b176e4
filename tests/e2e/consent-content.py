#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was consented to is what is shared and accepted; what has no end, or never comes,
is refused in time, and holds nobody else up."""

from consent_world import *

MAX_CONTENT = 43008


def has_arrived(receiver, received, content):
    receiver.reaches(received, "completed")
    equal(keyring_items("bob").get(receiver.get(received, "Credential")[-32:]), content,
          "what has arrived")


def is_shared_as(path, sender, receiver, content):
    has_arrived(receiver, receiver.accept(sender.invitation(path)), content)


def rewritten(user, begin, before, after):
    """What the call returns that was begun with a memfd, which is rewritten during the dialog."""
    file = tempfile.mktemp(dir=TMP)
    asking = Caller(user)
    dialogs = Dialogs(asking, f"file:{file}")
    memfd = asking.memfd(before.encode())
    call = begin(asking, ("h", memfd))
    dialogs.opens()
    asking.write(memfd, after.encode())
    dialogs.agree(f"{user}-login")
    return asking, asking.end(call)


def what_was_read_is_what_is_used(alice, bob):
    claim("a memfd that is rewritten during the dialog changes nothing of what is shared")
    consent("alice", "ask")
    asking, share = rewritten(
        "alice", lambda asking, memfd: asking.begin_share(memfd, wait=("b", True)),
        "what alice agreed to", "what somebody made of it")
    is_shared_as(share, asking, bob, "what alice agreed to")
    consent("alice", "yes")

    claim("nor one that holds an invitation, or its secret, of what is accepted")
    good, better, bad = (alice.invitation(alice.share(("s", content)))
                         for content in ("good", "better", "bad"))
    consent("bob", "ask")
    asking, received = rewritten(
        "bob", lambda asking, memfd: asking.begin_accept(memfd, wait=("b", True)), good, bad)
    has_arrived(asking, received, "good")
    address, _, secret = better.partition("#")
    asking, received = rewritten(
        "bob", lambda asking, memfd: asking.begin_accept(address, secret=memfd, wait=("b", True)),
        secret, bad.partition("#")[2])
    has_arrived(asking, received, "better")
    consent("bob", "yes")


def all_kinds_that_may_be_read(alice, bob):
    claim("a memfd, a pipe, a socket and a file are read, each to its end")
    path = f"{home('alice')}/content"
    ends = alice.pipe(b"from a pipe", closed=True)
    ours, theirs = alice.sockets("stream", b"from a socket")
    alice.close(theirs)
    for fd, content in ((alice.memfd(b"from memory"), "from memory"), (ends[0], "from a pipe"),
                        (ours, "from a socket"), (alice.make_file(path, b"a file"), "a file")):
        is_shared_as(alice.share(("h", fd)), alice, bob, content)

    claim("to the largest size, and no octet more")
    most = "x" * MAX_CONTENT
    is_shared_as(alice.share(("h", alice.memfd(most.encode()))), alice, bob, most)
    more = most.encode() + b"x"
    ends = alice.sockets("stream")
    for value in (("s", more), ("ay", more), ("h", alice.memfd(more)),
                  ("h", alice.make_file(path, more))):
        contains(refused("LimitReached", lambda: alice.share(value)), str(MAX_CONTENT),
                 "the sentence")


def what_is_refused_at_once(alice):
    claim("a FIFO with a name, a device, a folder, what listens, and what cannot be read")
    folder = home("alice")
    kinds = {
        "a FIFO": alice.make_fifo(f"{folder}/fifo"),
        "/dev/zero": alice.open("/dev/zero"),
        "/dev/null": alice.open("/dev/null"),
        "a folder": alice.open(folder, os.O_RDONLY | os.O_DIRECTORY),
        "a file that is only named": alice.open(f"{folder}/content", os.O_PATH),
        "a file to write to": alice.open(f"{folder}/content", os.O_WRONLY),
        "a pipe's other end": alice.pipe()[1],
        "a socket for messages": alice.sockets("datagram")[0],
        "a socket that listens": alice.listener(),
    }
    before = set(alice.objects())
    for kind, fd in kinds.items():
        for call in (lambda: alice.share(("h", fd)), lambda: alice.accept(("h", fd)),
                     lambda: alice.call(ROOT, "Manager", "InspectInvitation", "va{sv}",
                                        ("h", fd), {})):
            sentence = refused("Invalid", call)
            if "is not open for reading" not in sentence:
                contains(sentence, "give one of these", kind)
    equal(set(alice.objects()), before, "shares")


def what_never_ends(alice, bob, meanwhile):
    claim("a pipe that somebody never stops writing to is refused when it is too much")
    for begin in (alice.begin_share, alice.begin_accept):
        contains(refused("LimitReached", lambda: alice.end(begin(("h", alice.endless())))),
                 "octets", "the sentence")

    silent = Caller("alice")
    pipe, half = silent.pipe(), silent.pipe(b"half of it")
    socket_ends = silent.sockets()
    late = silent.pipe()
    calls = [silent.begin_share(("h", fd)) for fd in (pipe[0], half[0], socket_ends[0])]
    calls += [silent.begin_accept(("h", fd)) for fd in (pipe[0], half[0])]
    in_time = silent.begin_share(("h", late[0]), wait=("b", True))

    claim("what comes late, but in time, is shared")
    silent.feed(late[1], b"at last")
    silent.close(late[1])
    is_shared_as(silent.end(in_time), silent, bob, "at last")

    meanwhile()

    claim("one that says nothing, or not all, is refused after a while")
    for call in calls:
        contains(refused("Invalid", lambda: silent.end(call)),
                 "did not arrive wholly in time: write all of it and close the descriptor")


def main():
    alice, bob = Caller("alice"), Caller("bob")

    def meanwhile():
        claim("others are served meanwhile, and so is the one that keeps us waiting")
        pay(alice, bob)
        what_was_read_is_what_is_used(alice, bob)
        all_kinds_that_may_be_read(alice, bob)
        what_is_refused_at_once(alice)

    what_never_ends(alice, bob, meanwhile)


test(main)
