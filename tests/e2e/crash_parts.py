# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the crash tests stand on: people with wallets, a relay, keyrings, and how each is
killed at one of its steps. The relay and the keyring are started again by the world's own
commands."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys

from crash_person import *


class Keyring:
    """gnome-keyring-daemon of one person."""

    def __init__(self, person):
        """The world starts whatever is called so, and looks here first. A copy: nothing is
        preloaded into a program with capabilities of its file."""
        self.person = person
        self.page = Page(person.name, f"{person.name}-keyring")
        wrapper = f"{os.environ['TIGRESS_WORLD']}/bin/gnome-keyring-daemon"
        program = f"{wrapper}.real"
        if not os.path.exists(program):
            found = run("as", person.name, "which", "gnome-keyring-daemon").strip()
            run("cp", found, program)
            preload = self.page.preload(program).replace(person.name, "$who")
            with open(f"{wrapper}.new", "w") as file:
                file.write(f'#!/bin/sh\nwho=$(id -un)\nexec env {preload} {program} "$@"\n')
            os.chmod(f"{wrapper}.new", 0o755)
            os.rename(f"{wrapper}.new", wrapper)
        run("keyring", person.name, "stop")
        run("keyring", person.name, "start")
        with open(f"{os.environ['TIGRESS_WORLD']}/pid/{person.name}-keyring") as file:
            equal(self.page.pid, int(file.read().split()[0]), "who counts steps")
        nurses.append(self.nurse)

    def nurse(self):
        if self.page.is_dead() and self.page.is_gone():
            run("keyring", self.person.name, "start")


class Relay:
    def __init__(self):
        self.page = None
        self.store = f"{os.environ['TIGRESS_WORLD']}/home/tigress-relay/state/relay.db"

    def count_steps(self):
        """The world starts whatever is called tigress-relay, and looks here first."""
        self.page = Page("tigress-relay", "relay")
        program = "/usr/bin/tigress-relay"
        wrapper = f"{os.environ['TIGRESS_WORLD']}/bin/tigress-relay"
        with open(wrapper, "w") as file:
            file.write(f'#!/bin/sh\nexec env {self.page.preload(program)} {program} "$@"\n')
        os.chmod(wrapper, 0o755)
        run("relay", "restart")
        equal(self.page.pid, self.pid(), "who counts steps")
        nurses.append(self.nurse)

    def pid(self):
        with open(f"{os.environ['TIGRESS_WORLD']}/pid/relay") as file:
            return int(file.read().split()[0])

    def nurse(self):
        """Nothing but the service manager starts a relay again."""
        if self.page.is_dead() and self.page.is_gone():
            run("relay", "kill")
            run("relay", "start")

    def freeze(self):
        os.kill(self.pid(), signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid(), signal.SIGCONT)

    def answers(self):
        return subprocess.run(["curl", "--silent", "--max-time", "1", "--output", "/dev/null",
                               "--cacert", os.environ["TIGRESS_TRIAL_CA"],
                               os.environ["TIGRESS_TRIAL_RELAY"]]).returncode == 0

    def mailboxes(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as store:
            return store.execute("SELECT count(*) FROM mailbox").fetchone()[0]

    def is_empty(self):
        equal(self.mailboxes(), 0, "mailboxes that are left")


def refused(call, part):
    try:
        call()
    except Failed as failure:
        if part not in str(failure):
            raise Wrong(f"refused by {failure}, wanted {part!r}") from None
        return
    raise Wrong(f"not refused: {part}")


def exchange(alice, bob, content, begin=None):
    """A credential goes from alice to bob."""
    share = begin() if begin else alice.share(content)
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    alice.ends_by(share, "peer")
    bob.has_once(content)
    # No act without its entry, and none twice.
    equal(alice.acts(share), ["shared", "given", "completed"], "what the sender's log tells")
    equal(bob.acts(received), ["accepted", "received"], "what the recipient's log tells")


def clear(relay, sender, *receivers):
    """Nothing is left over; what is in a keyring is seen when something comes to it next."""
    for receiver in receivers:
        receiver.remove_all()
        receiver.forget_all()
    sender.forget_all()
    relay.is_empty()


def every_step(scenario, page, people, stride=1, **how):
    """Runs `scenario`, which calls what it is given when the steps are to count, with a kill
    at step after step; until it is over before the step comes. With bounds on the command
    line only those steps."""
    bounds = [int(word) for word in sys.argv[1:] if word.isdigit()]
    stride *= int(os.environ.get("TIGRESS_STRIDE", "1"))
    steps = range(bounds[0], (bounds + [99999])[1] + 1) if bounds else range(1, 99999, stride)
    page.tally = {}
    for step in steps:
        try:
            scenario(f"content of step {step}", lambda: page.arm(step, **how))
        except (Wrong, Failed) as failure:
            print(f"failed: step {step}, {page.hit or 'survived'}: {failure}", file=sys.stderr)
            shown_on_failure(people)
            sys.exit(1)
        if not page.hit:
            break
        page.note()
        until("whoever died lives again", lambda: not page.is_dead())
    page.disarm()
    for person in people:
        person.has_nothing()
    n_kills = sum(page.tally.values())
    print(f"  {n_kills} kills:", ", ".join(f"{n} {at}" for at, n in sorted(page.tally.items())))
    if n_kills == 0:
        sys.exit("failed: nobody was killed")


def shown_on_failure(people):
    """What is worth knowing when something went wrong."""
    for name in ["relay-witness"] + [f"{person.name}-keyring" for person in people]:
        with open(f"{os.environ['TIGRESS_WORLD']}/log/{name}.log", errors="replace") as log:
            sys.stderr.write("".join(log.readlines()[-12:]))
    for person in people:
        said = subprocess.run(["bus-log", person.name], capture_output=True, text=True).stdout
        sys.stderr.write("".join(line[:120] + "\n" for line in said.splitlines()[-12:]))
        try:
            print(person.name, "keyring:", person.get(ROOT, "KeyringState"), file=sys.stderr)
            for path, share in person.objects("share").items():
                wanted = ("Role", "State", "EndedBy", "Failure")
                print(person.name, path, {n: share[n] for n in wanted}, file=sys.stderr)
        except (Wrong, Failed) as failure:
            print(person.name, failure, file=sys.stderr)


def play(scenarios, users="alice bob"):
    """The scenarios that are named on the command line, or all."""
    enter_world(users)
    alice, bob, relay = Person("alice"), Person("bob"), Relay()
    for person in (alice, bob):
        person.count_steps()
    for name in [word for word in sys.argv[1:] if not word.isdigit()] or scenarios:
        try:
            scenarios[name](alice, bob, relay)
        except (Wrong, Failed) as failure:
            print(f"failed: {name}: {failure}", file=sys.stderr)
            shown_on_failure([alice, bob])
            sys.exit(1)
