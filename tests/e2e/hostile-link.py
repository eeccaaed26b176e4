#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An invitation to a relay that the user does not trust is refused before the first octet goes
out: no connection, and nobody is asked what its name means."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
from hostile_world import (Authority, MANAGER, Peer, Relay, TOKEN, TRIAL_RELAY, User, bundle, claim,
                           contains, equal, eventually, fail, folder, run, world)

bob = User("bob")
authority = Authority(folder())
trap = Relay(authority.issue("127.0.0.1", "localhost"))
trace = os.path.join(folder(), "trace")
open(trace, "w").close()
IDENTIFIER = "4cd09ca2-5a3b-4b6f-9c08-1e8ce5a8a0b1"
REFUSAL = "is not trusted, so it was not asked"

# What a name is looked up with, and what a relay is asked over.
LOOK_UPS = ("/etc/hosts", "/etc/resolv.conf", "/etc/gai.conf", "/etc/host.conf", "libnss_dns",
            "libnss_mdns", "libnss_resolve", "systemd/resolve", "nscd", "AF_INET")


class Traced:
    """What the wallet has done since."""

    def __init__(self):
        self.begin = os.path.getsize(trace)

    def network(self):
        with open(trace, errors="replace") as lines:
            lines.seek(self.begin)
            return [line.rstrip() for line in lines if any(word in line for word in LOOK_UPS)]


def links():
    """Many ways to name who is not trusted; the path is a mailbox's, the secret is there."""
    origins = [trap.origin, f"https://localhost:{trap.port}", f"https://LOCALHOST:{trap.port}",
               "https://relay.invalid", "https://relay.invalid:8443", "https://tigress.example",
               f"https://127.0.0.2:{trap.port}", f"https://[::1]:{trap.port}", "https://localhost",
               TRIAL_RELAY.rpartition(":")[0], TRIAL_RELAY.replace("127.0.0.1", "localhost"),
               TRIAL_RELAY.replace("127.0.0.1", "127.0.0.1.relay.invalid")]
    return [Peer().link(f"{origin}/v1/m/{IDENTIFIER}") for origin in origins]


def malformed():
    """What is no link at all, though it contains an address that is trusted."""
    port = TRIAL_RELAY.rpartition(":")[2]
    path = f"/v1/m/{IDENTIFIER}#" + Peer().link("")[1:]
    return [text + path for text in (
        TRIAL_RELAY.replace("https", "http"), trap.origin.replace("https", "http"),
        TRIAL_RELAY.replace("//", "//relay.invalid@"), f"https://127.0.0.1:{port}@relay.invalid",
        TRIAL_RELAY.replace("127.0.0.1", "127.0.0.1%00.relay.invalid"),
        TRIAL_RELAY.replace("127.0.0.1", "127.1"), TRIAL_RELAY.replace("127.0.0.1", "2130706433"),
        TRIAL_RELAY.replace("127.0.0.1", "0x7f.1"), TRIAL_RELAY + "1",
        TRIAL_RELAY + "\\@relay.invalid", "https:relay.invalid", "https:///relay.invalid",
        "file://relay.invalid", "ftp://relay.invalid", "//relay.invalid",
        "https://r\u0435lay.invalid", "https://relay.invalid\u3002", TRIAL_RELAY + " ", "")]


def follow():
    """The tracer; from outside, for the wallet's memory is closed to its own user. None where
    this may not be: then only who was asked can be told from who was not."""
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", trace, "-e",
                               "trace=%network,openat,open,%stat", "-p",
                               world("wallet", "bob", "pid").strip()],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def has_begun():
        bob.get(MANAGER, "Manager", "Version")
        return tracer.poll() is not None or os.path.getsize(trace) > 0
    eventually(has_begun, "strace does not trace")
    return tracer if tracer.poll() is None else None


def main():
    bob.trust(ca=bundle(authority))
    eventually(lambda: bob.get(MANAGER, "Manager", "KeyringState") == "unlocked", "no keyring")
    tracer = follow()

    claim("no way to name a relay that is not trusted makes the wallet ask anybody")
    since = Traced()
    for link in links():
        for spelling in (link, "tigress:" + link):
            contains(bob.accept_refused(spelling), REFUSAL, link)
            contains(bob.inspect_refused(spelling), REFUSAL, link)
            bob.open(spelling)
        found = bob.inspect(link, fetch=False)
        equal(found["trusted"], False, link)
        address, _, secret = link.partition("#")
        contains(bob.refused(MANAGER, "Manager", "AcceptInvitation", "va{sv}", "s", address, "1",
                             "secret", "s", secret), REFUSAL, link)
    for link in malformed():
        for said in (bob.accept_refused(link), bob.inspect_refused(link)):
            if Peer().link("")[1:] in said or "\n" in said:
                fail(f"the sentence repeats the link: {said}")
    contains(bob.refused(MANAGER, "Manager", "CreateShare", "sa{sv}a{sv}", TOKEN, "1", "content",
                         "s", "x", "1", "relay", "s", trap.origin), "trust")
    contains(bob.refused(MANAGER, "Manager", "CheckRelay", "s", trap.origin), REFUSAL)
    done = bob.run("tigressctl", "accept", input=links()[3].encode(), stdin=None, check=False)
    equal(done.returncode, 10, "status of tigressctl")
    contains(done.stderr.decode(), "relays add https://relay.invalid")
    if tracer:
        equal(since.network(), [], "what the wallet did on the network")
    equal(len(trap.connections), 0, "connections to who is not trusted")
    equal(bob.objects(), {}, "what is left of it")

    claim("(who is trusted is looked up and asked, and this test sees it)")
    since = Traced()
    peer = Peer()
    url = trap.url(trap.put(peer.seal(peer.message())))
    bob.trust(trap, type("Name", (), {"origin": "https://relay.invalid"}), ca=bundle(authority))
    equal(bob.inspect(peer.link(url))["trusted"], True)
    equal(len(trap.connections), 1, "connections")
    bob.open(peer.link(url))
    eventually(lambda: len(trap.connections) == 2, "opening asks nobody")
    contains(bob.inspect_refused(links()[3]), "name is not known")
    if not tracer:
        print("hostile-link: skipped: strace may not look at the wallet here", file=sys.stderr)
        sys.exit(77)
    tracer.terminate()  # a leak checker cannot work beside it
    tracer.wait()
    seen = "\n".join(since.network())
    contains(seen, f"htons({trap.port})", "the trace")
    contains(seen, "/etc/hosts", "the trace")


run(main)
