# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the crash tests stand on: people with wallets, a relay, keyrings, and for each
program a page through which it can be killed at one of its steps (tests/fakes/kill-at.c).

All calls go through busctl, as they would by hand; whoever is dead is started by the bus
with the next call, the relay and the keyring by the world's own commands."""

import contextlib
import itertools
import json
import mmap
import os
import pwd
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time

NAME = "org.tigress.Wallet1"
ROOT = "/org/tigress/Wallet1"
TOKEN = "digitalwallet.generic.authorizationToken"
ENDS = "completed cancelled declined expired refused burned failed revoked relinquished".split()
DEADLINE_S = 240  # one for whatever has to be waited for

FLUSHES, CHANGES, SENDS, RECEIPTS = 1, 2, 4, 8
EFFECTS = FLUSHES | CHANGES | SENDS


def enter_world(users="alice bob"):
    """This script again, inside a world where `users` live."""
    if "TIGRESS_WORLD" in os.environ:
        return
    world = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "world")
    os.environ["TIGRESS_USERS"] = users
    os.execv(world, [world, sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])


class Wrong(Exception):
    """Something is not as it should be."""


class Failed(Exception):
    """A call was answered by an error, or not at all."""


class Died(Exception):
    """Where the death is all that was waited for."""


def claim(sentence):
    print("-", sentence, flush=True)


def equal(got, wanted, what):
    if got != wanted:
        raise Wrong(f"{what}: got {got!r}, wanted {wanted!r}")


def run(*command, **options):
    """A command of the world's; what it says is shown when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Wrong(f"{' '.join(command)}: status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


# Called while something is waited for: they start again who died, where no call does.
nurses = []


def until(what, condition):
    """Waits for `condition` to be true, and returns what it returned."""
    deadline = time.monotonic() + DEADLINE_S
    pause = 0.005
    while not (answer := condition()):
        for nurse in nurses:
            nurse()
        if time.monotonic() > deadline:
            raise Wrong(f"not within {DEADLINE_S} s: {what() if callable(what) else what}")
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return answer


class Page:
    """Counts the steps of one program, and kills it at one of them."""

    LAYOUT = struct.Struct("<QQQQQQ80s")

    def __init__(self, user, name):
        self.path = f"{os.environ['TIGRESS_WORLD']}/tmp/{name}.steps"
        # Made by its owner: others may not write to it in a folder like /tmp.
        run("as", user, "truncate", "--size", str(self.LAYOUT.size), self.path)
        with open(self.path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), self.LAYOUT.size)
        self.tally = {}
        self.disarm()

    def _read(self):
        return self.LAYOUT.unpack(self.memory[: self.LAYOUT.size])

    def _put(self, index, number):
        # One aligned word at a time, for the program counts meanwhile.
        memoryview(self.memory).cast("Q")[index] = number

    def arm(self, step, kinds=EFFECTS, by=signal.SIGKILL):
        """Step 1 is the next of one of these kinds."""
        self._put(1, 0)
        self.memory[40:] = bytes(88)  # who met it, and at what
        self._put(2, kinds)
        self._put(4, by)
        self._put(0, 0)
        self._put(1, step)

    def arm_again(self, further):
        """So many steps after the ones that were counted."""
        self._put(1, self._read()[0] + further)

    def disarm(self):
        self.arm(0)

    def stop_counting(self):
        self._put(1, 0)

    @property
    def steps(self):
        return self._read()[0]

    @property
    def pid(self):
        return self._read()[3]

    @property
    def hit(self):
        """What the program died at, empty while it lives."""
        return self._read()[6].split(b"\0")[0].decode()

    def is_dead(self):
        """Or about to be, and there is no other yet."""
        _, _, _, pid, by, met, _ = self._read()
        return met == pid and (by == signal.SIGKILL or self.is_gone())

    def stands(self):
        """It is stopped indeed: what it met is written a moment before."""
        if not self.hit:
            return False
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] == "T"
        except FileNotFoundError:
            return False

    def is_gone(self):
        return not os.path.exists(f"/proc/{self.pid}")

    def note(self):
        self.tally[self.hit] = self.tally.get(self.hit, 0) + 1

    def preload(self, program):
        """The environment under which `program` counts. A sanitizer comes first."""
        libraries = [os.environ["TIGRESS_WORLD"] + "/bin/kill-at.so"]
        linked = run("ldd", program)
        libraries[:0] = re.findall(r"=> (/\S*/lib[at]san\.so\S*)", linked)
        return f"LD_PRELOAD={':'.join(libraries)} KILL_AT={self.path}"


class Person:
    def __init__(self, name):
        self.name = name
        lines = run("as", name, "env").splitlines()
        self.environment = dict(line.split("=", 1) for line in lines)
        self.page = None
        self.recovery = 0
        self.is_mourned = False
        self.known = set()  # shares that are not those of the next call

    # ---- the wallet

    def count_steps(self):
        """From now on the bus starts a wallet that counts, and may be killed."""
        self.page = Page(self.name, self.name)
        folder = f"{self.environment['XDG_DATA_HOME']}/dbus-1/services"
        with open(f"{os.environ['TIGRESS_WORLD']}/services/{NAME}.service") as file:
            service = file.read()
        command = re.search(r"^Exec=(\S+) (\S+)$", service, re.M)
        program = f"{command[1]} env {self.page.preload(command[2])} {command[2]}"
        run("as", self.name, "mkdir", "-p", folder)
        with open(f"{folder}/{NAME}.service", "w") as file:
            file.write(f"[D-BUS Service]\nName={NAME}\nExec={program}\n")
        run("wallet", self.name, "stop")
        self.busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ReloadConfig")
        self.get(ROOT, "Version")
        equal(self.page.pid, int(run("wallet", self.name, "pid")), "who counts steps")
        nurses.append(self.nurse)

    def busctl(self, *arguments):
        done = subprocess.run(
            ["busctl", "--user", "--json=short", "--timeout=60", *arguments],
            user=self.name,
            group=self.name,
            extra_groups=[],
            env=self.environment,
            cwd="/",
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise Failed(done.stderr.strip())
        return json.loads(done.stdout)["data"] if done.stdout.strip() else None

    def call(self, path, interface, method, *arguments):
        answer = self.busctl("call", NAME, path, f"{NAME}.{interface}", method, *arguments)
        return answer[0] if answer else None

    def get(self, path, name):
        interface = "Manager"
        for kind in ("share", "credential"):
            if f"/{kind}/" in path:
                interface = kind.capitalize()
        return self.busctl("get-property", NAME, path, f"{NAME}.{interface}", name)

    def is_cut_off(self):
        """Whether an unanswered call has the kill for its reason. The first time after it
        a second one is set, as far into the recovery as was asked for."""
        if self.page is None or not self.page.hit:
            return False
        if self.is_mourned:
            raise Died
        if self.recovery:
            self.page.note()
            self.page.arm_again(self.recovery)
            self.recovery = 0
        return True

    def nurse(self):
        """What a service manager does; without one it is the next call that does it."""
        if self.page.is_dead() and self.page.is_gone():
            with contextlib.suppress(Failed):
                self.get(ROOT, "Version")

    def kill(self):
        """Without a step to die at; and started again."""
        run("wallet", self.name, "kill")

        def answers():
            # The bus may not have noticed yet.
            with contextlib.suppress(Failed):
                return self.get(ROOT, "Version")

        until(f"{self.name}'s wallet is back", answers)

    def begin_anew(self):
        """As if the wallet had never run; nor does it run now."""
        run("wallet", self.name, "stop")
        shutil.rmtree(f"{self.environment['XDG_STATE_HOME']}/tigress", ignore_errors=True)
        if self.count_items("state-key"):
            run("as", self.name, "secret-tool", "clear", "tigress", "state-key")

    def insist(self, action):
        """An answer to a question that changes nothing: asked again after a kill."""

        def ask():
            try:
                return (action(),)
            except Failed:
                if not self.is_cut_off():
                    raise
                return None

        return until(f"{self.name}'s wallet answers", ask)[0]

    def objects(self, kind):
        """Path and properties of all shares, or credentials."""
        found = self.insist(
            lambda: self.busctl(
                "call", NAME, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"
            )
        )[0]
        interface = f"{NAME}.{kind.capitalize()}"
        return {
            path: {name: value["data"] for name, value in faces[interface].items()}
            for path, faces in found.items()
            if interface in faces
        }

    def running(self):
        return [path for path, share in self.objects("share").items() if share["State"] not in ENDS]

    def state(self, share):
        return self.insist(lambda: self.get(share, "State"))

    def reaches(self, share, wanted):
        """Fails at once where the share has ended otherwise."""

        def look():
            state = self.state(share)
            if state != wanted and state in ENDS:
                why = self.insist(lambda: self.get(share, "Failure"))
                raise Wrong(f"{self.name}'s share is {state}, wanted {wanted}: {why}")
            return state == wanted

        until(lambda: f"{self.name}'s share stays {self.state(share)}, wanted {wanted}", look)

    def waits_for_keyring(self, share):
        """With the content here: the state alone would not tell that."""
        until(
            f"{self.name}'s share waits for the keyring",
            lambda: self.state(share) == "waiting-for-keyring" and self.get(share, "Format"),
        )

    def ended(self, share):
        """The state in which it ends."""
        until(f"an end of {self.name}'s share", lambda: self.state(share) in ENDS)
        return self.state(share)

    def ends_by(self, share, word):
        """Whose word the end is; what is sealed shows itself a moment after a restart."""
        by = until(
            f"{self.name}'s share tells whose word its end is",
            lambda: self.insist(lambda: self.get(share, "EndedBy")),
        )
        equal(by, word, f"whose word the end is of {self.name}'s share")

    def begin(self, *call):
        """A share that is begun by a call that asks for consent. Where the call was cut
        off by a kill: what is stored goes on; if consent was, the call is repeated."""
        for _ in range(4):
            try:
                share = self.call(ROOT, "Manager", *call)
                self.known.add(share)
                return share
            except Failed:
                if not self.is_cut_off():
                    raise
            new = {path: s for path, s in self.objects("share").items() if path not in self.known}
            self.known.update(new)
            for path, share in new.items():
                if share["State"] != "refused":
                    return path
        raise Wrong(f"{self.name}'s call was cut off again and again")

    def share(self, content, *options):
        """Options as busctl takes them: KEY SIGNATURE VALUE."""
        return self.begin(
            *("CreateShare", "sa{sv}a{sv}", TOKEN),
            *("1", "content", "s", content),
            *(str(1 + len(options) // 3), "wait", "b", "true", *options),
        )

    def share_item(self, *named):
        """What an item of the keyring holds."""
        return self.begin(
            *("CreateShare", "sa{sv}a{sv}", "org.tigress.secret.item"),
            *("1", *named, "2", "wait", "b", "true", "pin", "b", "false"),
        )

    def invitation(self, share):
        self.reaches(share, "invited")
        return self.insist(lambda: self.call(share, "Share", "GetInvitation"))

    def accept(self, link):
        return self.begin("AcceptInvitation", "va{sv}", "s", link, "1", "wait", "b", "true")

    def end(self, share, method, *arguments):
        """Cancel, Decline or Relinquish: whether it was answered before a kill."""
        try:
            self.call(share, "Share", method, *arguments)
            return True
        except Failed:
            if not self.is_cut_off():
                raise
            return False

    def end_surely(self, share, wanted, method, *arguments):
        """What was answered is done for good. What was not is done or not, and then asked
        for again."""
        is_answered = self.end(share, method, *arguments)
        if self.state(share) != wanted:
            equal(is_answered, False, f"{method} was answered, and is not {wanted}: answered")
            equal(self.end(share, method, *arguments), True, f"{method}, the second time")
            equal(self.state(share), wanted, f"after {method}")

    def forget_all(self):
        """Which is refused as long as the relay has not been told of an end."""
        last = {}

        def forget():
            last.clear()
            for share in self.objects("share"):
                try:
                    self.call(share, "Share", "Forget")
                except Failed as failure:
                    self.is_cut_off()
                    last[share] = str(failure)
            return not last

        until(lambda: f"{self.name} forgets all: {last}, {self.objects('share')}", forget)

    def remove_all(self):
        def remove():
            is_done = True
            for credential in self.objects("credential"):
                try:
                    self.call(credential, "Credential", "Remove")
                except Failed:
                    is_done = False
                    if not self.is_cut_off():
                        raise
            return is_done

        until(f"{self.name} removes all", remove)

    # ---- the keyring

    def lock_keyring(self):
        self.busctl(
            *("call", "org.freedesktop.secrets", "/org/freedesktop/secrets"),
            *("org.freedesktop.Secret.Service", "Lock", "ao", "1"),
            "/org/freedesktop/secrets/collection/login",
        )
        until("the keyring is seen locked", lambda: self.keyring_state() == "locked")

    def unlock_keyring(self):
        run("as", self.name, "keyring-unlock", input=f"{self.name}-keyring")

    def keyring_state(self):
        return self.insist(lambda: self.get(ROOT, "KeyringState"))

    def item_path(self, attribute, value):
        found = self.busctl(
            *("call", "org.freedesktop.secrets", "/org/freedesktop/secrets"),
            *("org.freedesktop.Secret.Service", "SearchItems", "a{ss}", "1", attribute, value),
        )
        return found[0][0]

    def search(self, kind):
        """What the keyring holds of ours, past the wallet: a state key is no text."""
        return subprocess.run(
            ["secret-tool", "search", "--all", "tigress", kind],
            user=self.name,
            group=self.name,
            extra_groups=[],
            env=self.environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ).stdout.decode(errors="replace")

    def count_items(self, kind):
        return len(re.findall(r"^attribute\.tigress = ", self.search(kind), re.M))

    def credentials(self):
        """(id, secret) of all items with a credential."""
        said = self.search("credential")
        ids = re.findall(r"^attribute\.id = (.*)$", said, re.M)
        secrets = re.findall(r"^secret = (.*)$", said, re.M)
        return list(itertools.zip_longest(ids, secrets))

    def has_once(self, content):
        """The credential is there: one item, one object, one of them the other's."""
        items = self.credentials()
        equal([secret for _, secret in items], [content], f"{self.name}'s keyring")
        shown = [path.rsplit("/", 1)[1] for path in self.objects("credential")]
        equal(shown, [items[0][0]], f"{self.name}'s credentials")

    def has_nothing(self):
        equal(self.credentials(), [], f"{self.name}'s keyring")
        equal(self.objects("credential"), {}, f"{self.name}'s credentials")


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


def exchange(alice, bob, content, begin=None):
    """A credential goes from alice to bob."""
    share = begin() if begin else alice.share(content)
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    alice.ends_by(share, "peer")
    bob.has_once(content)


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
