#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
phone_call.py [SHARE-OPTION…] - for tests/demo, in a world: alice shares with a PIN on her terminal
and tells it to bob, who types it on his. Shows both terminals as a person sees them, and at last
the id of bob's credential in the file that $PHONE_CALL_RESULT names.
"""

import os
import re
import sys

from terminal import Failed, Terminal

BOLD, PLAIN = ("\033[1m", "\033[0m") if os.environ.get("DEMO_BOLD") else ("", "")


def as_seen(shown):
    """What stays on a screen: a line that was written anew is what it was at last."""
    lines = []
    for line in shown.split("\n"):
        pieces = [re.sub(r"\033\[[0-9;]*[A-Za-z]", "", piece) for piece in line.split("\r")]
        lines.append(next((piece for piece in reversed(pieces) if piece), ""))
    return "\n".join(lines)


class Person:
    """At a terminal; what is typed without echo stands in the margin."""

    def __init__(self, name, *arguments):
        self.name, self.n_told = name, 0
        print(f"\n{BOLD}{name}${PLAIN} {' '.join(arguments)}", flush=True)
        self.terminal = Terminal(["as", name, *arguments], columns=100)

    def sees(self, pattern):
        return self.terminal.expect(pattern)

    def types(self, text, shown):
        self.terminal.type_secret(text)
        self.tell(f"   ({self.name} types {shown})")

    def answers(self, text):
        self.terminal.type(text)

    def tell(self, more=""):
        """What was shown since the last time."""
        text = self.terminal.shown[self.n_told:]
        self.n_told = len(self.terminal.shown)
        print(as_seen(text).strip("\n") + more, flush=True)

    def consents(self):
        """polkit asks on the terminal; where nobody can give a password a rule answers."""
        if os.environ.get("PHONE_CALL_CONSENT") == "ask":
            self.sees("Password: ")
            self.types(self.name + "-login", "the login password")


def call():
    alice = Person("alice", "tigressctl", "share", *sys.argv[1:])
    alice.consents()
    link = alice.sees(r"(https://\S+#\S+)").group(1)
    pin = alice.sees(r"PIN: ([0-9-]+)").group(1)
    alice.sees("waiting for the recipient")
    alice.tell()

    bob = Person("bob", "tigressctl", "accept")
    bob.sees("not shown")
    bob.types(link, "nothing: pastes the link")
    bob.sees("Accept it.*] ")
    bob.answers("y")
    bob.consents()
    bob.sees("PIN .it is not shown.: ")
    wrong = str((int(pin[0]) + 1) % 10) + pin[1:]
    bob.types(wrong, f"{wrong}, with a wrong first digit")
    bob.sees("PIN .it is not shown.: ")
    bob.types(pin, f"{pin}, as alice says it on the telephone")
    bob.terminal.must_end(0)
    bob.tell()
    alice.terminal.must_end(0)
    print("\nand on alice's terminal:")
    alice.tell()
    with open(os.environ["PHONE_CALL_RESULT"], "w") as file:
        print(bob.terminal.shown.split()[-1], file=file)


try:
    call()
except Failed as failure:
    sys.exit(f"demo: {failure}")
