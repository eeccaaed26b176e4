#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing is sent, accepted or shown before the user has said yes; each yes is for one act."""

from consent_world import *


class Somebody:
    """A program of alice's that shares and accepts, with or without somebody at the dialog."""

    def __init__(self, link, mode=None):
        self.caller, self.link = Caller("alice"), link
        self.dialogs = Dialogs(self.caller, mode) if mode else None

    def begin(self, what, **options):
        """The call, and the share that it has made; answered late, so that the share can be
        seen meanwhile."""
        before = set(watcher.objects())
        options = {"wait": ("b", True), **options}
        serial = (self.caller.begin_share(**options) if what == "share" else
                  self.caller.begin_accept(self.link, **options))
        return serial, until("a new share", lambda: set(watcher.objects()) - before).pop()


def is_refused(somebody, what, part, meanwhile=lambda: None, **options):
    """Denied, with that sentence, to the caller and in the history; nothing was kept."""
    serial, share = somebody.begin(what, **options)
    meanwhile()
    contains(refused("Denied", lambda: somebody.caller.end(serial)), part, "the caller is told")
    watcher.failed_with(share, "refused", "Denied", part)
    keeps_nothing(share)


def is_withdrawn(share, part):
    watcher.failed_with(share, "refused", "Denied", part)
    keeps_nothing(share)


def keeps_nothing(share):
    """In its history a refused share has a sealed title, and never a content."""
    equal(rows("alice", "SELECT count(*) FROM body WHERE share_id = ?", share[-32:]), [(0,)],
          "contents in the file of a share that was refused")


def knows_nothing_yet(share):
    """As long as nobody has agreed, not even that is in the file."""
    equal(rows("alice", "SELECT detail IS NULL FROM share WHERE id = ?", share[-32:]), [(1,)],
          "whether the file says nothing of a share that nobody has agreed to")
    keeps_nothing(share)


# ---- each yes is for one act ----


def each_act_has_its_dialog():
    claim("two shares on one connection are two dialogs, and so are two acceptances")
    consent("alice", "ask")
    alice, bob = Caller("alice"), Caller("bob")
    dialogs = Dialogs(alice, "pass:alice-login")
    shares = [alice.share(), alice.share()]
    dialogs.had("share", "share")
    for _ in range(2):
        alice.reaches(alice.accept(bob.invitation(bob.share())), "completed")
    dialogs.had("share", "share", "accept", "accept")

    claim("a yes to sharing is none to accepting, revealing or removing")
    credential = list(alice.objects("Credential"))[0]
    alice.call(credential, "Credential", "Reveal", "a{sv}", {})
    alice.call(credential, "Credential", "Reveal", "a{sv}", {})
    shares.append(alice.share())
    alice.call(credential, "Credential", "Remove")
    dialogs.had("share", "share", "accept", "accept", "reveal", "reveal", "share", "remove")
    dialogs.closes("agreed", 8)
    for share in shares:
        alice.call(share, "Share", "Cancel", "s", "")


# ---- no yes, no share ----


def a_no_is_a_no(link, what):
    claim(f"no {what} against a rule, without an agent, or where no dialog may appear")
    consent("alice", "no")
    is_refused(Somebody(link), what, "rules of this machine do not allow")
    consent("alice", "ask")
    is_refused(Somebody(link), what, "start a polkit authentication agent")
    somebody = Somebody(link, "pass:alice-login")
    is_refused(somebody, what, "does not allow that: repeat it with interactive", flags=0)
    somebody.dialogs.had()

    claim(f"no {what} when the dialog is dismissed, closed, or answered wrongly")
    for mode, part in (("cancel", "was dismissed"), ("none", "permission was refused"),
                       ("pass:bob-login", "the password was wrong")):
        somebody = Somebody(link, mode)
        is_refused(somebody, what, part)
        somebody.dialogs.had(what)


def who_leaves_has_withdrawn(link, what):
    claim(f"no {what} when the caller leaves the bus, or dies, before the decision")
    for go in (lambda caller: caller.leave(), lambda caller: caller.quit(kill=True)):
        somebody = Somebody(link, "hang")
        _, share = somebody.begin(what)
        somebody.dialogs.opens()
        knows_nothing_yet(share)
        go(somebody.caller)
        is_withdrawn(share, "the caller left")
        # polkit takes the dialogs of a process that has gone down by itself, if ever.
        if somebody.caller.process.poll() is None:
            somebody.dialogs.closes("no longer asked")


def a_restart_is_no_yes(link, what):
    claim(f"no {what} when the wallet is restarted, or killed, before the decision")
    for end in ("restart", "kill"):
        somebody = Somebody(link, "hang")
        serial, share = somebody.begin(what)
        somebody.dialogs.opens()
        wallet("alice", end)
        # Who calls next starts it.
        is_withdrawn(share, "the wallet was restarted before you had decided")
        somebody.dialogs.closes("no longer asked")
        # Its answer is the bus's: the one who was asked has gone.
        until("an answer", lambda: somebody.caller.is_answered(serial))


def without_polkit(link, what):
    claim(f"no {what} when polkit dies at the dialog, or is not there at all")
    somebody = Somebody(link, "hang")
    serial, share = somebody.begin(what)
    somebody.dialogs.opens()
    run("polkit", "kill")
    contains(refused("Denied", lambda: somebody.caller.end(serial)), "polkit gave no answer")
    is_withdrawn(share, "polkit gave no answer")
    is_refused(Somebody(link), what, "polkit is not running: install or start polkitd")
    run("polkit", "start")


def a_cancel_closes_the_dialog(link, what, end):
    claim(f"who ends the {what} while he is asked is not asked any more")
    somebody = Somebody(link, "hang")
    serial, share = somebody.begin(what)
    somebody.dialogs.opens()
    watcher.call(share, "Share", "Cancel", "s", "changed my mind")
    refused("Cancelled" if end == "cancelled" else "Declined",
            lambda: somebody.caller.end(serial))
    somebody.dialogs.closes("no longer asked")
    watcher.reaches(share, end)


def nothing_is_sent_without_a_yes(bob, links):
    wallet("bob", "stop")  # it waits at the relay for whoever accepts
    with EmptyChair() as chair:
        for what in ("share", "accept"):
            a_no_is_a_no(links[0], what)
            who_leaves_has_withdrawn(links[0], what)
            a_restart_is_no_yes(links[0], what)
            if os.path.exists(f"{WORLD}/pid/system-bus"):
                without_polkit(links[0], what)
            else:
                skip("this machine's polkitd is not ours to kill")
        a_cancel_closes_the_dialog(links[0], "share", "cancelled")

        claim("nobody has come to the relay for all that")
        equal(chair.n_visits, 0, "visits")
        # That a visit would have been seen:
        consent("alice", "yes")
        share = watcher.share()
        until("a visit", lambda: chair.n_visits)
        watcher.call(share, "Share", "Cancel", "s", "")

    claim("an invitation that was refused so often can still be accepted")
    wallet("bob", "start")
    watcher.reaches(watcher.accept(links[0]), "completed")

    claim("a declined one cannot, and its sender is told")
    consent("alice", "ask")
    a_cancel_closes_the_dialog(links[1], "accept", "declined")
    refused("Declined", lambda: watcher.accept(links[1]))
    until("an end for the sender",
          lambda: "declined" in (share["State"] for share in bob.objects().values()))


# ---- how long one is asked, and how often ----


def late_answers(link, meanwhile):
    """The reply does not wait for ever, the share does. It takes 20 s, so others go on."""
    consent("alice", "ask")
    file = f"{TMP}/late-answer"
    early = Somebody(link, f"file:{file}")
    late = Somebody(link, f"file:{file}")
    never_told = Somebody(link, f"file:{file}")
    serial, share = early.begin("share", wait=("b", False))
    serial_late, share_late = late.begin("share")
    serial_never, share_never = never_told.begin("accept", wait=("b", False))
    for somebody in (early, late, never_told):
        somebody.dialogs.opens()

    meanwhile()

    claim("after a while the reply goes out, and the share still waits for the decision")
    equal(early.caller.end(serial), share, "the reply")
    equal(never_told.caller.end(serial_never), share_never, "the reply")
    for path in (share, share_late, share_never):
        equal(watcher.get(path, "State"), "authorizing", "while the dialog is open")

    claim('but not for who wants to "wait"')
    equal(late.caller.is_answered(serial_late), False, "an answer")

    claim("who has his reply and leaves before the decision has withdrawn all the same")
    never_told.caller.leave()
    is_withdrawn(share_never, "the caller left")

    claim("a late yes counts")
    early.dialogs.agree("alice-login")
    equal(late.caller.end(serial_late), share_late, "the reply")
    watcher.reaches(share, "invited")
    watcher.reaches(share_late, "invited")


def one_dialog_at_a_time(link):
    claim("a program has one dialog at a time, however often it connects; eight wait")
    consent("alice", "ask")
    caller = Caller("alice")
    dialogs = Dialogs(caller, "hang")
    before = set(watcher.objects())
    serials, shares = [], []
    for n in range(9):
        if n == 8:
            caller.another()
        serials.append(caller.begin_share(wait=("b", True)))
        shares.append(until("a new share",
                            lambda: set(watcher.objects()) - before - set(shares)).pop())
    dialogs.opens()

    claim("the next is refused, and leaves no trace")
    for begin in (caller.begin_share, lambda: caller.begin_accept(link),
                  lambda: caller.begin(shares[0], "Share", "GetInvitation")):
        contains(refused("LimitReached", lambda: caller.end(begin())), "answer them first")
    equal(set(watcher.objects()) - before, set(shares), "shares")
    dialogs.had("share")

    claim("another program is asked at once")
    other = Somebody(link, "pass:alice-login")
    watcher.reaches(other.begin("share")[1], "invited")

    claim("when one is gone the next is shown, until the last")
    for n, share in enumerate(shares, 1):
        dialogs.opens(n)
        watcher.call(share, "Share", "Cancel", "s", "")
        dialogs.closes("no longer asked", n)
    refused("Cancelled", lambda: caller.end(serials.pop()))
    caller.back()
    for serial in serials:
        refused("Cancelled", lambda: caller.end(serial))
    dialogs.had(*["share"] * 9)


def what_needs_leave_is_not_done_without(link):
    claim("a credential stays when its removal is refused, or its caller leaves")
    consent("alice", "yes")
    received = watcher.accept(link)
    watcher.reaches(received, "completed")
    credential = watcher.get(received, "Credential")
    consent("alice", "ask")
    for method, signature in (("Remove", ""), ("Reveal", "a{sv}")):
        arguments = [{}] if signature else []
        somebody = Somebody(link, "cancel")
        refused("Denied", lambda: somebody.caller.call(
            credential, "Credential", method, signature, *arguments))
        somebody = Somebody(link, "hang")
        somebody.caller.begin(credential, "Credential", method, signature, *arguments)
        somebody.dialogs.opens()
        somebody.caller.leave()
        somebody.dialogs.closes("no longer asked")
    equal(keyring_items("alice").get(credential[-32:]), "s3cret", "in the keyring")


def main():
    global watcher
    bob = Caller("bob")
    links = [bob.invitation(bob.share()) for _ in range(5)]
    watcher = Caller("alice")
    pay(watcher, bob)  # so that there is a key to seal with
    nothing_is_sent_without_a_yes(bob, links)

    def meanwhile():
        each_act_has_its_dialog()
        what_needs_leave_is_not_done_without(links[2])
        one_dialog_at_a_time(links[3])

    late_answers(links[4], meanwhile)


test(main)
