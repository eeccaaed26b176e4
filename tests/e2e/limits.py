#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the sender lets be done with what he gives: the limits are shown on both sides, come along
in every mode, are kept to by the recipient's wallet, and end by themselves."""

import glob
import os

os.environ.setdefault("TIGRESS_USERS", "alice bob carol")
from consent_world import *

TOTP = "org.tigress.totp.secret"
CONTENT = "otpauth://totp/x?secret=AAAA&algorithm=SHA1&digits=6&period=30"
LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
YEAR_S = 365 * 86400
HONEST = "kept by the recipient's wallet, if it knows them; what it has handed out once can be copied"


def words(before=None, after=None, uses=None, reshare=None):
    """The lines of Details."""
    def moment(time_s):
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_s))
    lines = [(name, moment(value)) for name, value in (
        ("Not to be used before", before), ("Not to be used after", after)) if value]
    lines += [("Uses", str(uses))] if uses else []
    lines += [("Sharing on", "no")] if reshare is False else []
    return lines + [("These limits", HONEST)] if lines else []


def typed(before=None, after=None, uses=None, reshare=None):
    """The same as options."""
    options = {"not_before": ("t", before), "not_after": ("t", after), "uses": ("u", uses),
               "reshare": ("b", reshare)}
    return {name: value for name, value in options.items() if value[1] is not None}


def give(sender, receiver, credential=None, about=(), pin=False, **options):
    """What the receiver has then; `about`: the lines that both sides see before it is given."""
    options = options_of({"wait": ("b", True), "pin": ("b", pin), **options})
    if credential:
        share = sender.call(credential, "Credential", "Share", "a{sv}", options)
    else:
        share = sender.call(ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", TOTP,
                            {"content": ("s", CONTENT)}, options)
    equal([line for line in sender.get(share, "Details") if line in about], list(about),
          "what the sender sees")
    received = receiver.accept(sender.invitation(share))
    if pin:
        receiver.reaches(received, "pin-needed")
        equal(receiver.get(received, "Details"), list(about), "what is seen before the PIN")
        receiver.call(received, "Share", "ProvidePin", "v",
                      ("s", sender.call(share, "Share", "GetPin")))
    receiver.reaches(received, "completed")
    sender.reaches(share, "completed")
    found = receiver.get(received, "Credential")
    equal([line for line in receiver.get(found, "Details") if line in about], list(about),
          "what the receiver sees")
    return found


def state(caller, credential):
    return tuple(caller.get(credential, name)
                 for name in ("NotBefore", "NotAfter", "Uses", "UsesLeft", "MayReshare", "Expired"))


def reveal(caller, credential):
    return caller.call(credential, "Credential", "Reveal", "a{sv}",
                       {"as": ("s", "bytes")})[1].decode()


def is_not_revealed(caller, credential, error, part):
    contains(caller.refused(error, credential, "Credential", "Reveal", "a{sv}", {}), part)


def in_keyring(user, credential):
    return credential[-32:] in keyring_items(user)


def all_modes(alice, bob):
    claim("the limits come along in every mode, and both sides see them before it is given")
    before, after = int(time.time()) - 60, int(time.time()) + YEAR_S
    for modes in ({}, {"pin": True}, {"compat": ("b", True)}, {"transport": ("s", "tdch")},
                  {"transport": ("s", "tdch"), "pin": True},
                  {"transport": ("s", "tdch"), "compat": ("b", True)}):
        for limits in ({"before": before, "after": after, "uses": 3, "reshare": False},
                       {"uses": 1}, {"reshare": False}, {}):
            found = give(alice, bob, about=words(**limits), **modes, **typed(**limits))
            uses = limits.get("uses", 0)
            equal(state(bob, found),
                  (limits.get("before", 0), limits.get("after", 0), uses, uses,
                   limits.get("reshare", True), False), f"limits {limits} by {modes}")
            bob.call(found, "Credential", "Remove")
            if modes:
                break


def bad_options(alice, bob):
    claim("limits that cannot be are refused before anybody is asked")
    consent("alice", "ask")
    dialogs = Dialogs(alice, "cancel")
    now = int(time.time())
    for options, part in (
            ({"uses": ("u", 0)}, "between 1 and 1000000"),
            ({"uses": ("u", 1000001)}, "between 1 and 1000000"),
            ({"uses": ("s", "1")}, '"uses" must be of type u'),
            ({"not_after": ("u", 5)}, '"not-after" must be of type t'),
            ({"not_after": ("t", now - 1)}, "over already"),
            ({"not_after": ("t", 2**64 - 1)}, "a time that is none"),
            ({"not_before": ("t", 253402300800)}, "a time that is none"),
            ({"not_before": ("t", now + 900), "not_after": ("t", now + 900)}, "end before"),
            ({"reshare": ("u", 0)}, '"reshare" must be of type b')):
        contains(refused("Invalid", lambda o=options: alice.share(**o)), part, "why not")
    dialogs.had()
    consent("alice", "yes")


def uses(alice, bob):
    claim("each use is taken before the content is handed out; no more are had than were given")
    found = give(alice, bob, **typed(uses=3))
    for left in (2, 1):
        equal(reveal(bob, found), CONTENT, "the content")
        equal(bob.get(found, "UsesLeft"), left, "left")
    claim("a question that is refused, or a form that is not known, costs nothing")
    consent("bob", "no")
    is_not_revealed(bob, found, "Denied", "")
    consent("bob", "yes")
    bob.refused("Invalid", found, "Credential", "Reveal", "a{sv}", {"as": ("s", "pkcs12")})
    equal(bob.get(found, "UsesLeft"), 1, "left")
    claim("a wallet that dies knows how many are left")
    wallet("bob", "kill")
    equal(bob.get(found, "UsesLeft"), 1, "left")
    reveal(bob, found)
    is_not_revealed(bob, found, "LimitReached", "was to be used 3 times, and was")
    until("it is gone from the keyring", lambda: not in_keyring("bob", found))
    equal((bob.get(found, "UsesLeft"), bob.get(found, "Expired")), (0, False), "the row")
    wallet("bob", "restart")
    is_not_revealed(bob, found, "LimitReached", "was to be used 3 times")
    bob.refused("LimitReached", found, "Credential", "Share", "a{sv}", {})
    bob.call(found, "Credential", "Remove")
    claim("ten programs that ask at once have three between them")
    found = give(alice, bob, **typed(uses=3))
    asked = [bob.begin(found, "Credential", "Reveal", "a{sv}", {"as": ("s", "bytes")})
             for _ in range(10)]
    answers = [bob.answer(serial, PATIENCE_S) for serial in asked]
    equal(sorted(answer[0] == "error" for answer in answers), [False] * 3 + [True] * 7, "answers")
    equal({answer[1] for answer in answers if answer[0] == "error"},
          {f"{NAME}.Error.LimitReached"}, "why not")


def resharing(alice, bob, carol):
    claim("what may be shared on: copies with their limits, not what was lent, not against a no")
    free = give(alice, bob)
    limited = give(alice, bob, **typed(after=int(time.time()) + YEAR_S, uses=5))
    final = give(alice, bob, **typed(reshare=False))
    contains(bob.refused("Denied", final, "Credential", "Share", "a{sv}", {}), "does not let it")
    given = give(bob, carol, free, **typed(uses=2, reshare=False))
    equal((state(carol, given)[2:5], state(bob, free)[2:5]), ((2, 2, False), (0, 0, True)),
          "limits that were added")

    claim("limits are only narrowed, and uses are taken from one's own when it was consented to")
    end = bob.get(limited, "NotAfter")
    for options, error, part in (
            ({}, "Invalid", "5 times more"), (typed(uses=6), "Invalid", "5 times more"),
            (typed(uses=1, after=end + 1), "Invalid", "later than the credential's own"),
            ({**typed(uses=1), "compat": ("b", True)}, "Denied", "do not keep to"),
            (typed(uses=1, before=end), "Invalid", "end before")):
        contains(bob.refused(error, limited, "Credential", "Share", "a{sv}",
                             options_of(options)), part, "why not")
    consent("bob", "no")
    bob.refused("Denied", limited, "Credential", "Share", "a{sv}",
                options_of({**typed(uses=4), "wait": ("b", True)}))
    consent("bob", "yes")
    equal(bob.get(limited, "UsesLeft"), 5, "after a no")
    given = give(bob, carol, limited, about=words(after=end, uses=2), **typed(uses=2))
    equal((state(carol, given)[1:4], bob.get(limited, "UsesLeft")), ((end, 2, 2), 3), "two went")
    wallet("bob", "kill")
    equal(bob.get(limited, "UsesLeft"), 3, "and stay gone")
    given = give(bob, carol, limited, pin=True, about=words(after=end - 5, uses=1),
                 **typed(uses=1, after=end - 5))
    equal((state(carol, given)[1:4], bob.get(limited, "UsesLeft")), ((end - 5, 1, 1), 2), "one")
    share = bob.call(limited, "Credential", "Share", "a{sv}",
                     options_of({**typed(uses=2), "wait": ("b", True), "pin": ("b", False)}))
    equal(bob.get(limited, "UsesLeft"), 0, "all are gone")
    bob.invitation(share)
    bob.call(share, "Share", "Cancel", "s", "")
    equal(bob.get(limited, "UsesLeft"), 0, "a cancel gives none back")
    received = carol.accept(bob.invitation(bob.call(
        free, "Credential", "Share", "a{sv}", options_of({"wait": ("b", True), "pin": ("b", False),
                                                          "compat": ("b", True)}))))
    carol.reaches(received, "completed")
    token = pay(alice, bob)[2]
    equal(bob.get(token, "MayReshare"), True, "a token")
    bob.reaches(bob.call(token, "Credential", "Share", "a{sv}", {"wait": ("b", True)}), "invited")

    claim("two that are asked for at once do not have more than there is")
    limited = give(alice, bob, **typed(uses=3))
    consent("bob", "ask")
    asker = Caller("bob")
    dialogs = Dialogs(asker, "pass:bob-login")
    asked = [asker.begin(limited, "Credential", "Share", "a{sv}",
                         options_of({**typed(uses=2), "wait": ("b", True)})) for _ in range(2)]
    answers = [asker.answer(serial, PATIENCE_S) for serial in asked]
    dialogs.end()
    consent("bob", "yes")
    equal(sorted(answer[0] for answer in answers), ["error", "return"], "answers")
    contains([answer[1] for answer in answers if answer[0] == "error"][0], "LimitReached", "why")
    equal(bob.get(limited, "UsesLeft"), 1, "left")


def log(caller):
    return caller.call(ROOT, "Manager", "GetLog", "tu", 0, 500)[0]


def time_passes(alice, bob):
    claim("not before its time, and the end shows by itself: told, gone from the keyring, refused")
    early = give(alice, bob, **typed(before=int(time.time()) + YEAR_S))
    is_not_revealed(bob, early, "BadState", "not to be used before")
    equal(in_keyring("bob", early), True, "it waits")
    watcher = Caller("bob")
    watcher.match("type='signal',interface='org.freedesktop.DBus.Properties',"
                  "path_namespace='/org/tigress/Wallet1/credential'")
    for patience_s in (5, 20, 60, 150):  # enough for a machine that is not dead
        try:
            found = give(alice, bob, **typed(after=int(time.time()) + patience_s))
            break
        except Wrong as late:
            contains(str(late), "is over", "why it did not come in time")
    else:
        raise Wrong("nothing can be given within minutes")
    until("it is told", lambda: any(
        path == found and values[1].get("Expired") == ("b", True)
        for path, _, _, values in watcher.heard("PropertiesChanged")))
    until("it is gone from the keyring", lambda: not in_keyring("bob", found))
    equal(bob.get(found, "Expired"), True, "expired")
    is_not_revealed(bob, found, "Expired", "was good until")
    bob.refused("Expired", found, "Credential", "Share", "a{sv}", {})

    claim("the giver sees it end, too; both logs tell so, once")
    share = until("it is entered", lambda: [entry[4] for entry in log(alice) if entry[2] == "lapsed"])
    equal(len(share), 1, "entries")
    share = f"{ROOT}/share/{share[0]}"
    equal(alice.get(share, "Lent"), "expired", "what it is")
    equal(alice.get(share, "GrantedUntil"), bob.get(found, "NotAfter"), "until when it was good")
    equal([entry[2] for entry in log(bob) if entry[5] == found[-32:]], ["received", "lapsed", "erased"],
          "what the recipient's log tells")

    if not LIBRARIES:
        skip("no libfaketime: nobody sets the clock")
        return
    claim("what was over when the wallet did not run is over; no clock that is set back undoes it")
    found = give(alice, bob, **typed(after=int(time.time()) + 3600))
    ahead = {"LD_PRELOAD": LIBRARIES[0], "FAKETIME": "+7200", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
             "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    equal(bob.get(found, "Expired"), False, "now")
    start_wallet("bob", **ahead)
    until("it is over", lambda: bob.get(found, "Expired"))
    until("it is gone from the keyring", lambda: not in_keyring("bob", found))
    wallet("bob", "restart")
    until("the rows are read", lambda: bob.get(found, "NotAfter"))
    equal(bob.get(found, "Expired"), True, "with the clock set back")
    is_not_revealed(bob, found, "Expired", "was good until")
    claim("a keyring that is locked at the end is emptied when it is unlocked")
    found = give(alice, bob, **typed(after=int(time.time()) + 3600))
    wallet("bob", "stop")
    keyring("bob", "lock")
    start_wallet("bob", **ahead)
    bob.get(ROOT, "KeyringState")
    keyring("bob", "unlock")
    until("it is gone from the keyring", lambda: not in_keyring("bob", found))
    wallet("bob", "restart")


def by_command(alice, bob, carol):
    claim("the same by the command line, which says what is left")
    link = run("as", "alice", "tigressctl", "--no-ask", "share", "--no-pin", "--title", "T",
               "--not-before", "0s", "--not-after", "2099-12-31", "--uses", "2", "--no-reshare",
               "--no-wait", "-", input="s3cret").split()[0]
    received = bob.accept(link)
    bob.reaches(received, "completed")
    found = bob.get(received, "Credential")
    equal(state(bob, found)[2:], (2, 2, False, False), "the limits")
    equal(run("as", "bob", "tigressctl", "reveal", found[-32:]), "s3cret", "what it is")
    contains(run("as", "bob", "tigressctl", "show", found[-32:]), "1 of 2", "show")
    run("as", "bob", "tigressctl", "reveal", found[-32:])
    contains(run("as", "bob", "tigressctl", "credentials"), "used up", "credentials")
    for options in (("--uses", "0"), ("--uses", "x"), ("--not-after", "yesterday"),
                    ("--not-after", "2020-01-01"), ("--not-before", "2d", "--not-after", "1d")):
        done = subprocess.run(["as", "alice", "tigressctl", "share", "--no-pin", *options, "-"],
                              capture_output=True, text=True, input="x")
        equal((done.returncode, options[-2] in done.stderr), (2, True), f"{options}: {done.stderr}")


PARTS = {"command": by_command, "modes": lambda alice, bob, carol: all_modes(alice, bob),
         "options": lambda alice, bob, carol: bad_options(alice, bob),
         "uses": lambda alice, bob, carol: uses(alice, bob),
         "resharing": resharing,
         "time": lambda alice, bob, carol: time_passes(alice, bob)}


def main():
    people = [Caller(name) for name in ("alice", "bob", "carol")]
    for name in sys.argv[1:] or PARTS:
        PARTS[name](*people)


test(main)
