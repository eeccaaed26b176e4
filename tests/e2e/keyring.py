#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A keyring that is locked, absent, silent or reset: shares wait and go on by themselves,
nothing prompts, nothing that was there is changed."""

from consent_world import *

SECRETS = "/org/freedesktop/secrets"


class Prompts:
    """What is asked of the Secret Service on a bus by way of prompting."""

    def __init__(self, user):
        self.file = tempfile.NamedTemporaryFile(dir=TMP)
        self.process = subprocess.Popen(
            ["as", user, "dbus-monitor", "--session", "type='method_call'"],
            stdout=self.file, stderr=subprocess.DEVNULL)
        until("the monitor listens", lambda: "NameAcquired" in self._text())

    def _text(self):
        with open(self.file.name, errors="replace") as file:
            return file.read()

    @property
    def n(self):
        return len(re.findall(r"interface=org\.freedesktop\.Secret\.Prompt; member=Prompt\b",
                              self._text()))

    def end(self):
        self.process.terminate()
        self.process.wait()


def is_keyring(caller, state):
    until(lambda: f"the keyring is {caller.get(ROOT, 'KeyringState')}, wanted {state}",
          lambda: caller.get(ROOT, "KeyringState") == state)


def other_items(caller):
    """What other programs find: a search of theirs, and all that is known of what it finds."""
    service = "org.freedesktop.secrets"
    kind, _, values = caller.ask(service, SECRETS, "org.freedesktop.Secret.Service", "SearchItems",
                                 "a{ss}", ({"place": "home"},))
    equal(kind, "return", f"a search ({values})")
    properties = {path: caller.ask(service, path, "org.freedesktop.DBus.Properties", "GetAll", "s",
                                   ("org.freedesktop.Secret.Item",))[2] for path in values[0]}
    # The schema, which gnome-keyring derives anew when it reads its own file again.
    for [item] in properties.values():
        item.pop("Type")
        item["Attributes"][1].pop("xdg:schema", None)
    secret = run("as", caller.user, "secret-tool", "lookup", "place", "home")
    return secret, values, properties


# ---- locked ----


def locked_at_login(alice, bob):
    """Both daemons start with a locked keyring, as at a login without a password."""
    prompts = [Prompts(user) for user in ("alice", "bob")]

    claim("with a keyring that is locked from the start a share waits, for sender and recipient")
    link = alice.invitation(alice.share(("s", "first")))
    for user in ("alice", "bob"):
        wallet(user, "stop")
        keyring(user, "stop")
        keyring(user, "start", "locked")
    is_keyring(alice, "locked")
    share = alice.share(flags=0)
    received = bob.accept(link, flags=0)
    alice.reaches(share, "waiting-for-keyring")
    bob.reaches(received, "waiting-for-keyring")

    claim("so does what ran before, of which only the clear part is told")
    before = [path for path in alice.objects() if path != share]
    for path in before:
        for name in ("Title", "Format", "Relay", "Mode", "Application"):
            equal(alice.get(path, name), "", f"{name} while the keyring is locked")
        contains(refused("KeyringUnavailable",
                         lambda: alice.call(path, "Share", "GetInvitation")), "unlock it")
        equal(alice.get(path, "State"), "waiting-for-keyring", "the state")

    claim("nothing has prompted")
    for prompt in prompts:
        equal(prompt.n, 0, "prompts")
        prompt.end()

    claim("after unlocking all of them go on by themselves")
    keyring("alice", "unlock")
    alice.reaches(share, "invited")
    for path in before:
        alice.reaches(path, "invited")
        equal(alice.get(path, "Title"), "Shared credential", "the title")
    keyring("bob", "unlock")
    bob.reaches(received, "completed")
    equal(list(keyring_items("bob").values()), ["first"], "bob's keyring")
    for path in before:
        alice.reaches(path, "completed")


def locked_on_the_way(alice, bob):
    claim("a keyring that is locked after the claim is waited for before provisioning")
    share = alice.share(("s", "second"))
    link = alice.invitation(share)
    keyring("bob", "lock")
    is_keyring(bob, "locked")
    received = bob.accept(link, flags=0)
    bob.reaches(received, "waiting-for-keyring")
    until("the claim", lambda: rows("bob", "SELECT count(*) FROM body") == [(1,)])

    claim("also after a restart meanwhile, and a crash")
    for end in ("restart", "kill"):
        wallet("bob", end)
        bob.reaches(received, "waiting-for-keyring")
    credential = next(iter(bob.objects("Credential")))
    for form in "cxf", "pkcs12":
        refused("KeyringUnavailable", lambda form=form: bob.call(
            credential, "Credential", "Reveal", "a{sv}", {"as": ("s", form)}, flags=0))
    keyring("bob", "unlock")
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    equal(sorted(keyring_items("bob").values()), ["first", "second"], "bob's keyring")

    claim("the sender goes on without his, once a share has begun")
    share = alice.share(("s", "third"))
    link = alice.invitation(share)
    keyring("alice", "lock")
    is_keyring(alice, "locked")
    bob.reaches(bob.accept(link), "completed")
    alice.reaches(share, "completed")

    claim("a cancel needs no keyring, and is still there after unlocking")
    wallet("alice", "stop")
    keyring("alice", "unlock")
    share = alice.share(("s", "fourth"))
    link = alice.invitation(share)
    wallet("alice", "stop")
    keyring("alice", "lock")
    alice.reaches(share, "waiting-for-keyring")
    alice.call(share, "Share", "Cancel", "s", "")
    equal(alice.get(share, "State"), "cancelled", "the state")
    wallet("alice", "restart")
    equal(alice.get(share, "State"), "cancelled", "the state after a restart")
    keyring("alice", "unlock")
    until("the mailbox is deleted", lambda: is_gone(bob, link))
    equal(alice.get(share, "State"), "cancelled", "the state after unlocking")
    until("the end is told", lambda: alice.get(share, "EndedBy") == "self")


def an_act_of_the_user_may_unlock(alice):
    claim("only a call that allows dialogs makes the keyring ask, once; dismissed, it waits")
    keyring("alice", "lock")
    is_keyring(alice, "locked")
    wallet("alice", "restart")  # so that the key is needed again
    is_keyring(alice, "locked")
    prompts = Prompts("alice")
    silent = alice.share(flags=0)
    alice.reaches(silent, "waiting-for-keyring")
    equal(prompts.n, 0, "prompts")
    # Nobody is there to show the service's dialog: gnome-keyring dismisses it then.
    share = alice.share()
    until("a prompt", lambda: prompts.n)
    alice.reaches(share, "waiting-for-keyring")
    keyring("alice", "unlock")
    alice.reaches(share, "invited")
    alice.reaches(silent, "invited")
    equal(prompts.n, 1, "prompts")
    prompts.end()


def an_open_dialog_is_left_alone(alice):
    claim("a share that is cancelled while the keyring's dialog is open leaves the keyring alive")
    prompter = Caller("alice")
    equal(prompter.ask("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName", "su",
                       ("org.gnome.keyring.SystemPrompter", 0))[0], "return", "the name")
    wallet("alice", "stop")
    keyring("alice", "lock")
    prompts = Prompts("alice")
    share = alice.share()
    until("a prompt", lambda: prompts.n)
    alice.call(share, "Share", "Cancel", "s", "")
    wallet("alice", "restart")
    prompter.quit()
    prompts.end()
    keyring("alice", "unlock")
    is_keyring(alice, "unlocked")
    alice.reaches(alice.share(), "invited")


# ---- absent, silent ----


def absent(alice, bob):
    claim("without a Secret Service shares wait, and go on when there is one")
    link = alice.invitation(alice.share(("s", "fifth")))
    keyring("bob", "stop")
    is_keyring(bob, "absent")
    received = bob.accept(link, flags=0)
    bob.reaches(received, "waiting-for-keyring")
    credential = next(iter(bob.objects("Credential")))
    refused("KeyringUnavailable", lambda: bob.call(
        credential, "Credential", "Reveal", "a{sv}", {}, flags=0))
    keyring("bob", "start")
    bob.reaches(received, "completed")


def silent(alice, bob):
    claim("a keyring that does not answer is silent after a while; nobody else waits for it")
    share = alice.share(("s", "sixth"), compat=("b", True))  # who cannot answer need not
    link = alice.invitation(share)
    credential = next(iter(bob.objects("Credential")))
    for user in ("alice", "bob"):
        keyring(user, "freeze")
    wallet("alice", "restart")
    alice.reaches(share, "waiting-for-keyring")
    reveal = bob.begin(credential, "Credential", "Reveal", "a{sv}", {"as": ("s", "bytes")})
    bob.reaches(bob.share(), "invited")
    received = bob.accept(link)
    contains(refused("KeyringUnavailable", lambda: bob.end(reveal)), "does not answer",
             "the sentence")
    for caller in (alice, bob):
        is_keyring(caller, "silent")
    bob.reaches(received, "waiting-for-keyring")
    alice.reaches(share, "waiting-for-keyring")

    claim("after it has thawed all goes on by itself, and makes one item")
    for user in ("alice", "bob"):
        keyring(user, "thaw")
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    for caller in (alice, bob):
        is_keyring(caller, "unlocked")
    equal(list(keyring_items("bob").values()).count("sixth"), 1, "items")


# ---- reset, removed ----


def removed_by_others(alice, bob):
    claim("what another program has removed from the keyring cannot be revealed")
    _, _, credential = pay(alice, bob, "taken away")
    run("as", "bob", "secret-tool", "clear", "tigress", "credential", "id", credential[-32:])
    contains(refused("NotFound", lambda: bob.call(credential, "Credential", "Reveal", "a{sv}", {})),
             "no such item")
    bob.call(credential, "Credential", "Remove")
    equal(credential in bob.objects("Credential"), False, "the credential after its removal")


def nothing_of_others_is_changed(alice, bob):
    claim("an accepted item overwrites, hides and extends nothing of what was there")
    for user, secret in (("alice", "hers"), ("bob", "his")):
        run("as", user, "secret-tool", "store", "--label=Wi-Fi at home", "place", "home",
            input=secret)
    before = other_items(bob)
    share = alice.call(ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", ITEM,
                       {"attributes": ("a{ss}", {"place": "home"})},
                       {"wait": ("b", True), "pin": ("b", False)})
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    equal(other_items(bob), before, "what other programs find")
    equal(before[0], "his", "what they found before")
    equal(keyring_items("bob")[bob.get(received, "Credential")[-32:]], "hers", "what arrived")

    claim("nor does its removal")
    bob.call(bob.get(received, "Credential"), "Credential", "Remove")
    equal(other_items(bob), before, "what other programs find")


def reset(alice, bob):
    claim("when the state key is gone running shares end, and say so; history stays")
    done, _, _ = pay(alice, bob)
    running = alice.share(("s", "eighth"))
    link = alice.invitation(running)
    wallet("alice", "stop")
    run("as", "alice", "secret-tool", "clear", "tigress", "state-key")
    alice.failed_with(running, "failed", "KeyringUnavailable", "the key of this share is gone")
    equal(alice.get(done, "State"), "completed", "what had ended before")

    claim("new shares work, and no restart brings the old ones back")
    pay(alice, bob, "ninth")
    wallet("alice", "restart")
    alice.failed_with(running, "failed", "KeyringUnavailable", "the key of this share is gone")
    pay(alice, bob, "tenth")
    equal(len(keyring_items("alice", "state-key")), 1, "state keys")

    claim("what was accepted can still be revealed, for it is in the keyring")
    _, received, credential = pay(bob, alice, "eleventh")
    wallet("alice", "stop")
    run("as", "alice", "secret-tool", "clear", "tigress", "state-key")
    equal(alice.call(credential, "Credential", "Reveal", "a{sv}", {"as": ("s", "bytes")}),
          ("ay", b"eleventh"), "the content")
    equal(alice.get(received, "State"), "completed", "its share")


def main():
    alice, bob = Caller("alice"), Caller("bob")
    locked_at_login(alice, bob)
    locked_on_the_way(alice, bob)
    an_act_of_the_user_may_unlock(alice)
    an_open_dialog_is_left_alone(alice)
    absent(alice, bob)
    silent(alice, bob)
    removed_by_others(alice, bob)
    nothing_of_others_is_changed(alice, bob)
    reset(alice, bob)


test(main)
