#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may call what: each row of the table in ARCHITECTURE.md, for the connection that started
a share, for another of the same user, and from inside a sandbox."""

from consent_world import *

APPLICATION = "org.example.Notes"
SSH = "org.tigress.ssh.certificate"

# What is asked: nothing, a verb, or one that the share's role decides.
FREE, BY_ROLE = None, {"initiator": "share", "recipient": "accept"}
REFUSED = "refused, and nobody is asked"

# method: (the connection that started the share, another, inside a sandbox)
TABLE = {
    "Manager": {
        "CreateShare": ("share", "share", "share"),
        "AcceptInvitation": ("accept", "accept", "accept"),
        "InspectInvitation": (FREE, FREE, FREE),
        "CheckRelay": (FREE, FREE, FREE),
        "Import": ("import", "import", "import"),
        "GetLog": (FREE, FREE, REFUSED),
    },
    "Share": {
        "GetInvitation": (FREE, "share", "share"),
        "GetPin": (FREE, "share", "share"),
        "ProvidePin": (FREE, FREE, BY_ROLE),
        "Cancel": (FREE, FREE, BY_ROLE),
        "Decline": (FREE, FREE, BY_ROLE),
        "Relinquish": (FREE, FREE, BY_ROLE),
        "Forget": (FREE, FREE, BY_ROLE),
        "Revoke": ("revoke", "revoke", "revoke"),
    },
    "Credential": {
        "Reveal": ("reveal", "reveal", "reveal"),
        "Use": ("use", "use", "use"),
        "Remove": ("remove", "remove", "remove"),
        "Share": ("share", "share", "share"),
    },
}

# Faces of the bus, which give nothing that is not a property, or that change nothing.
STANDARD = {
    "org.freedesktop.DBus.Peer", "org.freedesktop.DBus.Introspectable",
    "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager",
    "org.freedesktop.Application",  # opening a link only looks at it: uri-handler.sh
}


def arguments(method, link):
    return {
        "CreateShare": (TOKEN, {"content": ("s", "x")}, {"wait": ("b", True)}),
        "AcceptInvitation": (("s", link), {"wait": ("b", True)}),
        "InspectInvitation": (("s", link), {}),
        "CheckRelay": ("",),
        "Import": (("s", '{"id":"eA","title":"x","credentials":[]}'), {}),
        "GetLog": (0, 10),
        "ProvidePin": (("s", "123456"),),
        "Cancel": ("",), "Decline": ("",), "Revoke": ("",),
        "Reveal": ({},), "Share": ({"wait": ("b", True)},), "Use": ("ssh-agent", {}),
    }.get(method, ())


class Asker:
    """A program, and somebody who dismisses every dialog that it causes."""

    def __init__(self, caller):
        self.caller, self.dialogs = caller, Dialogs(caller, "cancel")

    def is_asked(self, path, interface, method, signature, values, is_refused=False):
        """The verb that a call is asked about, or None. Who was asked has said no, so the
        answer is Denied; any other answer is for whoever may call."""
        before = len(self.dialogs.asked)
        try:
            self.caller.call(path, interface, method, signature, *values)
            error = None
        except Refused as refusal:
            error = refusal.name
        if is_refused:
            equal((error, self.dialogs.asked[before:]), ("Denied", []), f"the answer to {method}")
            return REFUSED
        if error == "Denied":
            self.dialogs.opens(before + 1)
        asked = self.dialogs.asked[before:]
        equal(len(asked), 1 if error == "Denied" else 0, f"dialogs for {method} ({error})")
        return asked[0] if asked else None


def no_method_is_forgotten(caller, paths):
    claim("every method that the wallet has stands in the table, and in ARCHITECTURE.md")
    with open(os.path.join(HERE, "..", "..", "ARCHITECTURE.md")) as file:
        rows = file.read().partition("## Who may call what")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(?:Credential\.)?([A-Za-z]+)`", rows))
    signatures = {}
    for path in paths:
        for interface, methods in introspection(caller, path).items():
            if interface in STANDARD:
                continue
            kind = interface.removeprefix(NAME + ".")
            equal(set(methods), set(TABLE.get(kind, ())), f"methods of {interface}")
            equal(set(methods) - named, set(), "methods that ARCHITECTURE.md does not name")
            signatures[kind] = methods
    equal(set(signatures), set(TABLE), "interfaces")
    return signatures


def cell(asker, column, path, interface, method, signature, role, link):
    wanted = TABLE[interface][method][column]
    if wanted is BY_ROLE:
        wanted = BY_ROLE[role]
    got = asker.is_asked(path, interface, method, signature, arguments(method, link),
                         wanted is REFUSED)
    who = ("the connection that started it", "another connection", "a sandbox")[column]
    equal(got, wanted, f"what {who} is asked about when it calls {interface}.{method}"
                       + (f" of the {role}'s share" if role else ""))


def the_table_holds(signatures, askers, shares, credential, lent, link):
    """shares: (role, path) of one share for each column; lent: a credential that has a target."""
    names = ("the one that started the share", "another", "a sandbox")
    for column, asker in enumerate(askers):
        claim(f"each row of the table, for {names[column]}")
        for method, signature in signatures["Manager"].items():
            cell(asker, column, ROOT, "Manager", method, signature, None, link)
        for method, signature in signatures["Credential"].items():
            cell(asker, column, lent if method == "Use" else credential, "Credential", method,
                 signature, None, None)
        for role, path in shares[column]:
            # What ends the share, and what takes it away, comes last.
            for method in sorted(signatures["Share"], key=["Cancel", "Forget"].__contains__):
                cell(asker, column, path, "Share", method, signatures["Share"][method], role, None)
        n_wanted = sum((row[column] not in (FREE, REFUSED)) * (len(shares[column]) if face == "Share" else 1)
                       for face, methods in TABLE.items() for row in methods.values())
        equal(len(asker.dialogs.asked), n_wanted, "dialogs in all")


def a_sandbox_can_do_nothing_in_secret(sandboxed, watcher, shares, credential):
    claim("whatever the sandbox was refused has not happened")
    for role, path in shares:
        equal(watcher.get(path, "State"), "invited" if role == "initiator" else "completed",
              f"the {role}'s share")
    equal(keyring_items("alice").get(credential[-32:]), "s3cret", "in the keyring")

    claim("it may read what everybody may")
    equal(sandboxed.get(shares[0][1], "State"), "invited", "a property")
    equal(set(sandboxed.objects()), set(watcher.objects()), "the objects")


def a_sandbox_rules_over_its_own(watcher):
    claim("a sandboxed program is named by its id, and is free with what it has started")
    consent("alice", "yes")
    sandboxed = Sandboxed("alice", APPLICATION)
    share = sandboxed.share()
    equal(watcher.get(share, "Application"), APPLICATION, "who asked for the share")
    consent("alice", "ask")
    dialogs = Dialogs(sandboxed, "cancel")
    contains(sandboxed.invitation(share), RELAY, "the invitation")
    sandboxed.call(share, "Share", "Cancel", "s", "")
    sandboxed.reaches(share, "cancelled")
    dialogs.had()

    claim("its second connection is another, and its name is no other program's")
    consent("alice", "yes")
    share = sandboxed.share()
    watcher.reaches(share, "invited")
    consent("alice", "ask")
    sandboxed.another()
    refused("Denied", lambda: sandboxed.call(share, "Share", "GetInvitation"))
    dialogs.had("share")

    claim("a program outside is named by its file, unverified")
    consent("alice", "yes")
    share = watcher.share()
    contains(watcher.get(share, "Application"), "python3", "who asked")
    contains(watcher.get(share, "Application"), " (unverified)", "who asked")
    consent("alice", "ask")


def a_sandbox_names_no_files(lent):
    claim("it cannot have the wallet read, load or write what is outside of it")
    sandboxed = Sandboxed("alice", APPLICATION)
    dialogs = Dialogs(sandboxed, "cancel")
    for key in ("ca", "agent", "pkcs11", "krl"):
        sentence = sandboxed.refused("Denied", ROOT, "Manager", "CreateShare", "sa{sv}a{sv}",
                                     SSH, {key: ("s", "/etc/passwd")}, {})
        contains(sentence, "outside of the sandbox", f"why {key} is refused")
    sentence = sandboxed.refused("Denied", ROOT, "Manager", "CreateShare", "sa{sv}a{sv}",
                                 "org.tigress.wifi.network", {"connection": ("s", "home")}, {})
    contains(sentence, "outside of the sandbox", "why a saved network is refused")
    sentence = sandboxed.refused("Denied", lent, "Credential", "Use", "sa{sv}", "ssh-agent",
                                 {"agent": ("s", "/run/agent")})
    contains(sentence, "outside of the sandbox", "why an agent is refused")
    dialogs.had()


def one_sandbox_is_one_asker():
    claim("all programs of a sandbox have one dialog at a time between them")
    first, second = (Sandboxed("alice", APPLICATION) for _ in range(2))
    other = Sandboxed("alice", "org.example.Other")
    dialogs = [Dialogs(caller, "hang") for caller in (first, second, other)]
    first.begin_share()
    dialogs[0].opens()
    second.begin_share()
    other.begin_share()
    dialogs[2].opens()
    # By now the second one's would be open too: its call came before the other's.
    dialogs[1].had()
    first.leave()
    dialogs[1].opens()


def is_lent(bob, alice):
    """A certificate of bob's: what has a target."""
    authority = os.path.join(home("bob"), "ca")
    subprocess.run(["as", "bob", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", authority],
                   check=True)
    share = bob.call(ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", SSH,
                     {"ca": ("s", authority), "principals": ("as", ["alice"])},
                     {"pin": ("b", False), "wait": ("b", True)})
    received = alice.accept(bob.invitation(share))
    alice.reaches(received, "completed")
    return alice.get(received, "Credential")


def main():
    alice, bob = Caller("alice"), Caller("bob")
    link = bob.invitation(bob.share())

    # One share of each role for each column, and a credential.
    shares = []
    for _ in range(3):
        share = alice.share()
        alice.reaches(share, "invited")
        received = alice.accept(bob.invitation(bob.share()))
        alice.reaches(received, "completed")
        shares.append([("initiator", share), ("recipient", received)])
    credential = alice.get(shares[0][1][1], "Credential")
    lent = is_lent(bob, alice)
    signatures = no_method_is_forgotten(alice, (ROOT, shares[0][0][1], credential))

    consent("alice", "ask")
    sandboxed = Sandboxed("alice", APPLICATION)
    askers = [Asker(alice), Asker(Caller("alice")), Asker(sandboxed)]
    the_table_holds(signatures, askers, shares, credential, lent, link)
    a_sandbox_can_do_nothing_in_secret(sandboxed, alice, shares[2], credential)
    a_sandbox_rules_over_its_own(alice)
    a_sandbox_names_no_files(lent)
    one_sandbox_is_one_asker()
    skip("a snap's label: there is no AppArmor to give one (tests/bus/test-process.c reads one)")


test(main)
