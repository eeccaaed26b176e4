# SPDX-License-Identifier: LGPL-2.1-or-later
"""A person with a wallet that may be killed at each step.

All calls go through busctl, as they would by hand; whoever is dead is started by the bus
with the next call."""

import contextlib
import itertools
import json
import re
import shutil
import subprocess

from crash_page import *
from crash_world import *


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

    # ---- the log

    def control(self, *arguments):
        done = subprocess.run(
            ["tigressctl", "--no-ask", "--json", *arguments],
            user=self.name,
            group=self.name,
            extra_groups=[],
            env=self.environment,
            cwd="/",
            capture_output=True,
            text=True,
        )
        if done.returncode == 8:
            raise Wrong(f"{self.name}'s log: {done.stderr}")
        if done.returncode != 0:
            raise Failed(done.stderr.strip())
        return [json.loads(line) for line in done.stdout.splitlines()]

    def acts(self, share):
        """What the log tells of it, once it is seen to be whole."""
        self.insist(lambda: self.control("log", "--verify"))
        entries = self.insist(lambda: self.control("log"))
        return [entry["act"] for entry in entries if entry["share"] == share[-32:]]

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
