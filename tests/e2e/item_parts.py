# SPDX-License-Identifier: LGPL-2.1-or-later
"""Attributes of a keyring item: those that are named travel, arrive as nobody's attributes, and
become an item's by a further act that takes no other item's place."""

import json

from consent_world import *


def found(user, *words):
    """The secrets that another program finds."""
    done = subprocess.run(["as", user, "secret-tool", "search", "--all", *words],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return re.findall(r"^secret = (.*)$", done.stdout, re.M)


def stored(user, secret, *words):
    subprocess.run(["as", user, "secret-tool", "store", "--label=Mail", *words], input=secret,
                   text=True, check=True)


def shared(sender, receiver, options, **more):
    share = sender.call(ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", ITEM,
                        {"attributes": ("a{ss}", {"service": "mail", "user": "carol"})},
                        {"wait": ("b", True), "pin": ("b", False), **options})
    details = dict(sender.get(share, "Details"))
    received = receiver.accept(sender.invitation(share))
    receiver.reaches(received, "completed")
    sender.reaches(share, "completed")
    return receiver.get(received, "Credential"), details


def use(person, credential, **options):
    return person.call(credential, "Credential", "Use", "sa{sv}", "keyring", options)


def travels_when_named(alice, bob):
    claim("of an item's attributes those travel that are named, and no others")
    stored("alice", "pass-w0rd", "service", "mail", "user", "carol", "note", "mine alone")
    plain, details = shared(alice, bob, {})
    equal((details, bob.get(plain, "Details")), ({}, []), "nothing named")
    credential, details = shared(alice, bob, {"travel": ("as", ["service", "user"])})
    wanted = {"Attribute service": "mail", "Attribute user": "carol"}
    equal(details, wanted, "what alice consents to")
    equal(dict(bob.get(credential, "Details")), wanted, "what bob sees")
    equal(found("bob", "service", "mail"), [], "what bob's programs find before he wants it")
    equal(keyring_items("bob")[credential[-32:]], "pass-w0rd", "the secret by itself")

    claim("what is not there, or says whose an item is, is refused before anybody is asked")
    consent("alice", "ask")
    asker = Caller("alice")
    dialogs = Dialogs(asker, "cancel")
    for names, error in ((["nobody"], "NotFound"), (["xdg:schema"], "Invalid"), ([""], "Invalid"),
                         (["tigress"], "Invalid"), (["user", "user"], "Invalid"),
                         (["a" * 49], "Invalid")):
        asker.refused(error, ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", ITEM,
                      {"attributes": ("a{ss}", {"service": "mail"})}, {"travel": ("as", names)})
    asker.refused("Invalid", ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", TOKEN,
                  {"content": ("s", "x")}, {"travel": ("as", ["user"])})
    dialogs.had()
    consent("alice", "yes")
    return credential, plain


def becomes_an_item(bob, credential, plain):
    claim("an item is made of it when bob says so, after he was asked, and again at no time")
    equal([name for name, _ in bob.get(credential, "Targets")], ["keyring"], "targets")
    consent("bob", "ask", "use")
    asker = Caller("bob")
    dialogs = Dialogs(asker, "cancel")
    asker.refused("Denied", credential, "Credential", "Use", "sa{sv}", "keyring", {})
    dialogs.had("use")
    dialogs.end()
    consent("bob", "yes", "use")
    equal(found("bob", "service", "mail"), [], "after a no")
    done = subprocess.run(["as", "bob", "tigressctl", "--json", "use", credential[-32:],
                           "keyring"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    equal(done.returncode, 0, done.stderr)
    equal(json.loads(done.stdout)["result"], {"label": "Mail"}, "what it answers")
    equal(found("bob", "service", "mail", "user", "carol"), ["pass-w0rd"], "what programs find")
    contains(refused("BadState", lambda: use(bob, credential)), "is an item", "once more")
    equal(found("bob", "service", "mail"), ["pass-w0rd"], "items after the second time")

    claim("an item that came without attributes is found by those that its owner gives")
    contains(refused("Invalid", lambda: use(bob, plain)), "no attribute", "none came")
    use(bob, plain, attributes=("as", ["place=office"]), label=("s", "My own"))
    equal(found("bob", "place", "office"), ["pass-w0rd"], "by bob's own attribute")
    refused("NotFound", lambda: use(bob, plain, attributes=("as", ["service"])))
    for name in "xdg:schema=x", "tigress=credential", "=x":
        refused("Invalid", lambda name=name: use(bob, plain, attributes=("as", [name])))


def takes_nobodys_place(alice, bob):
    claim("it takes the place of no item: not of one with as many attributes, nor more, nor fewer")
    for words in (("service", "mail", "user", "carol"), ("service", "mail"),
                  ("service", "mail", "user", "carol", "more", "1")):
        subprocess.run(["as", "bob", "secret-tool", "clear", "service", "mail"], check=True)
        stored("bob", "the right one", *words)
        credential, _ = shared(alice, bob, {"travel": ("as", ["service", "user"])})
        refused("BadState", lambda credential=credential: use(bob, credential))
        equal(found("bob", "service", "mail"), ["the right one"], f"beside {words}")
    keyring("bob", "lock")
    said = bob.refused("KeyringUnavailable", credential, "Credential", "Use", "sa{sv}", "keyring",
                       {}, flags=0)
    keyring("bob", "unlock")
    equal(found("bob", "service", "mail"), ["the right one"], said)
    subprocess.run(["as", "bob", "secret-tool", "clear", "service", "mail"], check=True)
    stored("bob", "another's", "service", "mail", "user", "dave")
    use(bob, credential)
    equal(found("bob", "service", "mail", "user", "dave"), ["another's"], "whoever says who")

    claim("what is shared on takes its attributes along when they are named again")
    share = bob.call(credential, "Credential", "Share", "a{sv}",
                     {"wait": ("b", True), "pin": ("b", False), "travel": ("as", ["user"])})
    received = alice.accept(bob.invitation(share))
    alice.reaches(received, "completed")
    equal(dict(alice.get(alice.get(received, "Credential"), "Details")),
          {"Attribute user": "carol"}, "details")


def waits_for_the_keyring(alice, bob):
    claim("from a locked keyring they travel as well, also after a restart")
    keyring("alice", "lock")
    consent("alice", "yes")
    share = alice.call(ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", ITEM,
                       {"attributes": ("a{ss}", {"service": "mail"})},
                       {"pin": ("b", False), "travel": ("as", ["note"])}, flags=0)
    until("it waits", lambda: alice.get(share, "State") == "waiting-for-keyring")
    wallet("alice", "restart")
    keyring("alice", "unlock")
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    equal(dict(bob.get(bob.get(received, "Credential"), "Details")),
          {"Attribute note": "mine alone"}, "details")


def attributes_of_items(alice, bob):
    credential, plain = travels_when_named(alice, bob)
    becomes_an_item(bob, credential, plain)
    takes_nobodys_place(alice, bob)
    waits_for_the_keyring(alice, bob)
