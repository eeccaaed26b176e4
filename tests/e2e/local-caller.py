#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hostile program on the user's bus, or at its door: another user, arguments of wrong types
and sizes, floods of calls, shares and matches. The wallet lives, answers, and serves others."""

from consent_world import *

DBUS = "org.freedesktop.DBus"
INVALID = {DBUS + ".Error.InvalidArgs", DBUS + ".Error.UnknownMethod", DBUS + ".Error.InvalidSignature"}
SIGNATURES = ("", "y", "b", "u", "t", "d", "s", "o", "g", "v", "h", "as", "ay", "av", "a{ss}", "a{sv}",
              "(ss)", "a(oa{sv})", "sv", "va{sv}", "sa{sv}", "sa{sv}a{sv}", "asa{sv}", "vv", "ssv")
LINK = "https://127.0.0.1:1/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b#" + "A" * 43 + "="


# ---- other users ----


class Stranger(Sandboxed):
    """Somebody with a user's bus in his hands, as if no folder were in the way."""

    def __init__(self, user, host):
        self.root, self.host = "/", host
        Caller.__init__(self, user, sys.executable)

    def _arguments(self):
        return "/", self.user, "/run/user/" + run("id", "-u", self.host).strip()


def another_user_stays_outside():
    claim("another user does not get onto the bus, even if led to its door; nor does root")
    Stranger("alice", "alice").quit()
    for user in ("bob", "root"):
        try:
            Stranger(user, "alice")
        except Wrong as wrong:
            contains(str(wrong), "the bus has ended the connection")
        else:
            raise Wrong(f"{user} is on alice's bus")


def plain(kind):
    """Something of that type that is not wrong in itself."""
    return {"s": TOKEN, "v": ("s", LINK), "a{sv}": {}, "as": [], "av": [], "t": 0, "u": 1}[kind]


# ---- arguments ----


def known_options():
    """All keys that an options dictionary may have, by the manual."""
    with open(os.path.join(HERE, "..", "..", "dbus", "org.tigress.Wallet1.xml")) as file:
        keys = re.findall(r"\b([a-z][a-z-]+) (?:s|b|u|v|o|a\{ss\})(?=[ ,;·\n])", file.read())
    equal({"title", "wait", "expires-in", "secret", "content", "item"} - set(keys), set(),
          "keys of the manual that were not found")
    return sorted(set(keys))


def deep(n):
    value = ("s", "x")
    for _ in range(n):
        value = ("v", value)
    return value


def odd_values(caller, keys):
    """{type: values that are well formed and otherwise anything but expected}"""
    gone, *_ = caller.pipe(closed=True)
    variants = [("y", 7), ("b", True), ("i", -1), ("u", 2**32 - 1), ("t", 2**64 - 1),
                ("x", -2**63), ("d", float("nan")), ("o", "/"), ("g", "a{sv}"), ("s", ""),
                ("s", "x" * 5000), ("s", "x" * 2**20), ("ay", b"\0" * 100), ("ay", b"x" * 2**20),
                ("as", ["x"] * 1000), ("a{ss}", {}), ("a{ss}", {"x" * 5000: "y"}),
                ("a{ss}", [(str(i), "") for i in range(1000)]), ("a{sv}", {"a": deep(20)}),
                ("(ss)", ("a", "b")), ("av", [deep(10)] * 50), ("h", gone), ("v", ("h", gone)),
                ("ah", [gone] * 8), deep(60), ("s", "\x1b[31m\u202e\u200b\u2028"), ("s", "%s%n{}"),
                ("s", "https://"), ("s", LINK + "x"), ("s", "tigress:" + LINK)]
    dictionaries = [[], [("no such key", ("s", "x"))], [("\x1b[31m\u202e" * 20, ("s", "x"))],
                    [("", ("s", ""))], [("x" * 2**20, ("s", ""))],
                    [(str(i), ("s", "")) for i in range(5000)]]
    dictionaries += [[(key, variant)] for key in keys for variant in variants]
    dictionaries += [[(key, ("s", "x"))] * 2 for key in keys]
    dictionaries += [[(key, ("b", False))] * 2 for key in keys]
    return {
        "s": ["", "x", "x" * 5000, "x" * 2**20, "\x1b[31m\u202e", "a\nb", "%s%n"],
        "v": variants,
        "a{sv}": dictionaries,
        "t": [0, 1, 2**63, 2**64 - 1],
        "u": [0, 2**32 - 1],
        "av": [[], [deep(20)] * 50],
        "as": [[], [""], ["x" * 2**20], ["x"] * 5000, [LINK] * 50],
    }


def is_clear(name, sentence, about):
    """A name that the manual knows, and one line of clean text that says what is wrong."""
    if name in INVALID:
        return
    contains(name, NAME + ".Error.", about)
    if not re.fullmatch(r'["a-z][\x20-\x7e“”–…]{10,400}', sentence):
        raise Wrong(f"{about}: no clear sentence: {sentence!r}")


def calls_of_wrong_types(caller, methods):
    claim("a method called with any other signature than its own says so")
    for path, interface, method, signature in methods:
        for wrong in SIGNATURES:
            if wrong == signature:
                continue
            values = [{"s": "x", "v": ("s", "x"), "o": "/", "g": "", "d": 0.5, "h": 0,
                       "(ss)": ("", "")}.get(kind, {} if kind[0] == "a" else 1)
                      for kind in local_caller.split(wrong)]
            answer = caller.ask(NAME, path, interface, method, wrong, values)
            equal(answer and (answer[0], answer[1] in INVALID), ("error", True),
                  f"the answer to {method}({wrong})")


def calls_of_wrong_values(caller, methods, keys):
    claim("and with any values of its own, it answers in one clear sentence, or does it")
    odd = odd_values(caller, keys)
    n = 0
    for path, interface, method, signature in methods:
        kinds = local_caller.split(signature)
        for at, kind in enumerate(kinds):
            calls = []
            for value in odd[kind]:
                values = [plain(each) for each in kinds]
                values[at] = value
                calls.append((value, caller.send(NAME, path, interface, method, signature, values,
                                                 flags=0)))
                # Fewer than a connection may have unanswered.
                if len(calls) == 8:
                    n += check(caller, method, calls)
            n += check(caller, method, calls)
    print(f"  ({n} calls)")


def options_are_strict(caller, credential):
    claim("a key that is unknown, given twice or of another type is refused by its name")
    text, other = ("s", "x"), ("as", ["x"])
    content = {"content": text}
    link = ("s", LINK)
    calls = [(path, interface, method, signature, before, key)
             for path, interface, method, signature, before, keys in (
                 (ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", (TOKEN, content),
                  ("title", "description", "relay", "kind", "expires-in", "compat", "wait",
                   "image-url", "public-title", "vertical-letter")),
                 (ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", (TOKEN, None), ("content",)),
                 (ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", (ITEM, None),
                  ("item", "attributes")),
                 (ROOT, "Manager", "InspectInvitation", "va{sv}", (link,), ("fetch",)),
                 (ROOT, "Manager", "AcceptInvitation", "va{sv}", (link,),
                  ("secret", "title", "wait")),
                 (credential, "Credential", "Reveal", "a{sv}", (), ("as",)),
                 (credential, "Credential", "Share", "a{sv}", (), ("title", "wait")))
             for key in keys]
    good = {"expires-in": ("u", 600), "item": ("o", "/"), "attributes": ("a{ss}", {"a": "b"}),
            **dict.fromkeys(("compat", "wait", "public-title", "fetch"), ("b", True))}
    for path, interface, method, signature, before, key in calls:
        for pairs, part in (([(key, other)], f'"{key}" must be'),
                            ([(key, good.get(key, text))] * 2, f'"{key}" is given twice'),
                            ([("x" + key, text)], f'"x{key}" is not a key known here')):
            values = [*before, pairs]
            if None in values:
                values = [before[0], pairs, {}]
            sentence = caller.refused("Invalid", path, interface, method, signature, *values)
            if part not in sentence and not (key in ("content", "secret") and "must be" in part):
                raise Wrong(f"{method} of {pairs}: {sentence}")


def check(caller, method, calls):
    for value, serial in calls:
        about = f"{method} with {str(value)[:100]}"
        answer = caller.answer(serial)
        if answer is None:
            raise Wrong(f"{about}: no answer")
        if answer[0] == "error":
            is_clear(answer[1], answer[2], about)
    n = len(calls)
    calls.clear()
    return n


def what_is_not_there(caller):
    claim("what does not exist is unknown")
    for path, interface, method in (
            (ROOT, full("Manager"), "Nothing"), (ROOT, full("Nothing"), "CreateShare"),
            (ROOT + "/share/x", full("Share"), "Cancel"), ("/", full("Manager"), "CreateShare"),
            (ROOT + "/share/" + "0" * 32, full("Share"), "GetInvitation"),
            (ROOT + "/share/" + "0" * 5000, full("Share"), "GetInvitation"),
            (ROOT + "/credential/" + "f" * 32, full("Credential"), "Reveal")):
        answer = caller.ask(NAME, path, interface, method)
        contains(answer[1], DBUS + ".Error.Unknown", f"{path} {interface}.{method}")


def messages_that_nobody_should_send(alice):
    claim("what is no message at all ends the connection of who sends it")
    for head in (b"l\1\0\1", b"B\1\0\1", b"l\1\0\2", b"x" * 4):
        caller = Caller("alice")
        try:
            caller.say(head + b"\xff" * 200)
            caller.answer(12345)
        except Wrong as wrong:
            contains(str(wrong), "Gone")
        else:
            raise Wrong(f"the bus keeps who sends {head!r}")

    claim("a body that is not what its signature says, too")
    for body in (b"", b"\xff\xff\xff\xff", b"\3\0\0\0abc", b"\1\0\0\0\xff\0"):
        caller = Caller("alice")
        try:
            caller.ask(NAME, ROOT, full("Manager"), "CheckRelay", "s", body=body)
        except Wrong as wrong:
            contains(str(wrong), "Gone")
        else:
            raise Wrong(f"the bus keeps who sends {body!r}")

    claim("answers that nobody waits for, and signals in the bus's name, change nothing")
    consent("alice", "ask")
    asking, forger = Caller("alice"), Caller("alice")
    dialogs = Dialogs(asking, "hang")
    call = asking.begin_share(wait=("b", True))
    dialogs.opens()
    for kind in (local_caller.RETURN, local_caller.ERROR):
        for serial in range(1, 50):
            forger.answer_for(NAME, kind, serial)
    forger.send(NAME, "/org/freedesktop/DBus", DBUS, "NameOwnerChanged", "sss",
                (asking.name, asking.name, ""), kind=local_caller.SIGNAL)
    forger.send(NAME, "/org/freedesktop/secrets", DBUS + ".Properties", "PropertiesChanged",
                "sa{sv}as", ("org.freedesktop.Secret.Collection", {"Locked": ("b", True)}, []),
                kind=local_caller.SIGNAL)
    equal(forger.get(ROOT, "KeyringState"), "unlocked", "the keyring")
    equal(asking.is_answered(call), False, "whether the question is over")
    asking.leave()
    dialogs.closes("no longer asked")
    consent("alice", "yes")


def name_of(caller, pid):
    """The unique name of that process on the bus, once it is there."""

    def look():
        bus = DBUS, "/org/freedesktop/DBus", DBUS
        for name in caller.ask(*bus, "ListNames")[2][0]:
            answer = caller.ask(*bus, "GetConnectionUnixProcessID", "s", (name,))
            if name[0] == ":" and answer[0] == "return" and answer[2] == [pid]:
                return name
        return None

    return until(f"{pid} is on the bus", look)


def signals_in_the_wallets_name(alice):
    claim("tigressctl believes nobody who says in the wallet's name that a share has ended")
    watching = subprocess.Popen(["as", "alice", "tigressctl", "share", "--watch", "--json", "-"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True)
    watching.stdin.write("s3cret")
    watching.stdin.close()
    share = until("a share", lambda: [path for path, each in alice.objects().items()
                                      if each["State"] == "invited"])[0]
    name = name_of(alice, watching.pid)
    contains(watching.stdout.readline(), '"link"', "what it prints first")
    contains(watching.stdout.readline(), '"invited"', "what it prints then")
    for values in ((full("Share"), {"State": ("s", "completed")}, []),
                   (full("Share"), {"State": ("s", "completed"), "EndedBy": ("s", "peer")}, [])):
        alice.send(name, share, DBUS + ".Properties", "PropertiesChanged", "sa{sv}as", values,
                   kind=local_caller.SIGNAL)
    alice.send(name, share, full("Share"), "Finished", "s", ("completed",),
               kind=local_caller.SIGNAL)
    alice.send(name, "/org/freedesktop/DBus", DBUS, "NameOwnerChanged", "sss",
               (NAME, alice.name, ""), kind=local_caller.SIGNAL)
    alice.call(share, "Share", "Cancel", "s", "")
    contains(watching.stdout.read(), '"cancelled"', "what it prints at last")
    equal(watching.wait(), 15, "its status")


# ---- floods ----


def ten_thousand_calls(alice):
    claim("ten thousand calls at once are done, or refused as too many; others are served")
    flooder = Caller("alice")
    told = {}
    inspect = (NAME, ROOT, full("Manager"), "InspectInvitation", "va{sv}", (("s", LINK), {}))
    flood = threading.Thread(target=lambda: told.update(flooder.flood(10000, *inspect)))
    flood.start()
    n_served = 0
    while flood.is_alive():
        contains(alice.get(ROOT, "Version"), ".")
        n_served += 1
    flood.join()
    equal(set(told) - {"return", NAME + ".Error.LimitReached"}, set(), "other answers")
    equal(sum(told.values()), 10000, "how many they are")
    if n_served < 2:
        raise Wrong("nobody else was served")

    claim("so are those who want no answer, and those who never listen")
    for flags in (NO_REPLY, INTERACTIVE):
        caller = Caller("alice")
        caller.mumble(10000, *inspect, flags=flags)
        contains(alice.get(ROOT, "Version"), ".")
        caller.quit()


def unanswered_calls(alice):
    claim("64 calls of a connection may be unanswered; another connection is served")
    caller = Caller("alice")
    reading, writing = caller.pipe()
    inspect = (ROOT, "Manager", "InspectInvitation", "va{sv}", ("h", reading), {})
    calls = [caller.begin(*inspect) for _ in range(64)]
    contains(caller.refused("LimitReached", *inspect), "wait for one of them")
    pay(alice, Caller("bob"))
    for serial in calls:
        equal(caller.is_answered(serial), False, "an answer")
    caller.close(writing)
    for serial in calls:
        refused("Invalid", lambda: caller.end(serial))
    caller.call(ROOT, "Manager", "InspectInvitation", "va{sv}", ("s", LINK), {})


def what_is_handed_over(alice):
    claim("what many programs hand over and never finish leaves room for what runs, and for others")
    n_refused = 0
    programs = [Caller("alice") for _ in range(4)]
    for program in programs:
        reading = [program.pipe(b"x" * 40000) for _ in range(64)]
        calls = [program.begin_share(("h", fd)) for fd, _ in reading]
        program.call(ROOT, "Manager", "InspectInvitation", "va{sv}", ("s", LINK), {})
        for serial in filter(program.is_answered, calls):
            contains(refused("LimitReached", lambda: program.end(serial)), "at once")
            n_refused += 1
    equal(n_refused > 192, True, "most of them are refused at once")
    pay(alice, Caller("bob"))
    for program in programs:
        program.quit()
    pay(alice, Caller("bob"))


def matches(alice):
    claim("a client with thousands of matches hurts nobody")
    collector = Caller("alice")
    collector.match(f"type='signal',sender='{NAME}'", 5000)
    share, _, _ = pay(alice, Caller("bob"))
    finished = [s for s in collector.heard("Finished") if s[0] == share]
    equal(len(finished), 1, "how often the end was told")
    collector.quit()


def a_thousand_shares(alice):
    claim("a thousand shares may run, and no more")
    n_running = sum(share["State"] not in ENDS for share in alice.objects().values())
    last = [alice.share(compat=("b", True)) for _ in range(1000 - n_running)][-1]
    bob = Caller("bob")
    link = bob.invitation(bob.share())
    before = set(alice.objects())
    for call in (alice.share, lambda: alice.accept(link)):
        contains(refused("LimitReached", call), "1000 shares are running already: cancel some")
    equal(set(alice.objects()), before, "shares")

    claim("another user's wallet has room of its own, and one cancel makes some here")
    pay(bob, Caller("bob"))
    alice.call(last, "Share", "Cancel", "s", "")
    received = alice.accept(link)
    alice.reaches(received, "completed")
    alice.share()


def ten_thousand_ends():
    """History as it is after years: rows without a sealed part, as the wallet writes them
    while the keyring is locked."""
    bob = Caller("bob")
    _, _, credential = pay(bob, bob)
    wallet("bob", "stop")
    ids = [f"{n:032x}" for n in range(10000)]
    with contextlib.closing(sqlite3.connect(state_file("bob"))) as database:
        n_ended = database.execute("SELECT count(*) FROM share WHERE ended != 0").fetchone()[0]
        database.executemany(
            "INSERT INTO share (id, role, state, created, expires, ended, is_busy, version)"
            " VALUES (?, 0, ?, 1, 2, ?, 0, 1)",
            [(id, "refused" if n == 9000 else "cancelled", 1000 + n)
             for n, id in enumerate(ids[n_ended:])])
        database.commit()
    run("chown", "bob:bob", *(state_file("bob") + end for end in ("", "-wal", "-shm")
                              if os.path.exists(state_file("bob") + end)))
    ids = ids[n_ended:]

    claim("of more than ten thousand ended shares the refused ones go first, then the oldest")
    before = set(bob.objects())
    equal(len(before), 10000, "shares")
    oldest, refused_one = f"{ROOT}/share/{ids[0]}", f"{ROOT}/share/{ids[9000]}"
    consent("bob", "no")
    refused("Denied", bob.share)
    gone = before - set(bob.objects())
    equal(gone, {refused_one}, "what has gone")
    consent("bob", "yes")
    for gone in ({"refused"}, {oldest}):
        before = bob.objects()
        share = bob.share()
        bob.call(share, "Share", "Cancel", "s", "")
        until("the mailbox is deleted", lambda: not rows(
            "bob", "SELECT 1 FROM share WHERE id = ? AND is_busy", share[-32:]))
        after = set(bob.objects())
        equal(len(after), 10000, "shares")
        was = {before[path]["State"] if gone == {"refused"} else path
               for path in set(before) - after}
        equal(was, gone, "what has gone")
    contains(bob.objects("Credential"), credential, "the credentials")


def main():
    alice, bob = Caller("alice"), Caller("bob")
    _, _, credential = pay(bob, alice)
    share = alice.share()
    alice.invitation(share)
    alice.call(share, "Share", "Cancel", "s", "")
    methods = sorted({(path, interface, method, signature)
                      for path in (ROOT, share, credential)
                      for interface, all_of_it in introspection(alice, path).items()
                      if interface.startswith(NAME) or "Application" in interface
                      for method, signature in all_of_it.items()})
    another_user_stays_outside()
    pid = pid_of_wallet("alice")

    consent("alice", "no")
    fuzzer = Caller("alice")
    calls_of_wrong_types(fuzzer, methods)
    calls_of_wrong_values(fuzzer, methods, known_options())
    options_are_strict(fuzzer, credential)
    what_is_not_there(fuzzer)
    consent("alice", "yes")
    messages_that_nobody_should_send(alice)
    signals_in_the_wallets_name(alice)
    ten_thousand_calls(alice)
    unanswered_calls(alice)
    what_is_handed_over(alice)
    matches(alice)
    with open(f"/proc/{pid}/maps") as maps:
        is_sanitized = "libasan" in maps.read()
    if is_sanitized:
        skip("a thousand shares and ten thousand ends: with a sanitizer they take many minutes")
    else:
        a_thousand_shares(alice)
    equal(pid_of_wallet("alice"), pid, "the wallet after all that")
    if not is_sanitized:
        ten_thousand_ends()


test(main)
