#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The wallet's file in strange hands: put back from an older time, its rows swapped, moved,
changed and taken out; read without the keyring."""

from consent_world import *

CHANGED = "is not the one that was saved last: somebody changed the state file"


def edit(user, *statements):
    """Each is SQL, or SQL with values."""
    wallet(user, "stop")
    with contextlib.closing(sqlite3.connect(state_file(user))) as database:
        for statement in statements:
            database.execute(*((statement,) if isinstance(statement, str) else statement))
        database.commit()
    own(user)


def id_of(share):
    return share[-32:]


def value(user, share, column):
    return rows(user, f"SELECT {column} FROM share WHERE id = ?", id_of(share))[0][0]


# ---- an older copy ----


def an_old_copy(alice, bob):
    """Taken while the wallet ran, and after it was stopped: put back after a cancel."""
    ended, _, _ = pay(alice, bob)
    for is_live in (True, False):
        claim("an old copy that is put back after a cancel revives nothing"
              + (", taken while it ran" if is_live else ", taken when it was stopped"))
        cancelled, other = alice.share(("s", "one")), alice.share(("s", "two"))
        links = [alice.invitation(share) for share in (cancelled, other)]
        with tempfile.TemporaryDirectory(dir=TMP) as folder:
            if not is_live:
                wallet("alice", "stop")
            put_aside("alice", folder)
            alice.call(cancelled, "Share", "Cancel", "s", "")
            until("the mailbox is deleted", lambda: is_gone(bob, links[0]))
            put_back("alice", folder)
            for share in (cancelled, other):
                alice.failed_with(share, "failed", "Tampered", "put back from an older copy")
            equal(alice.get(ended, "State"), "completed", "what had ended before")
            acts = [entry[2] for entry in alice.call(ROOT, "Manager", "GetLog", "tu", 0, 500)[0]]
            equal(acts[-3:], ["restored", "failed", "failed"], "what the log tells of it")

            claim("once more, and again, it stays so; new shares work")
            wallet("alice", "restart")
            alice.failed_with(other, "failed", "Tampered", "put back from an older copy")
            pay(alice, bob)
            put_back("alice", folder)
            alice.failed_with(cancelled, "failed", "Tampered", "put back from an older copy")
            pay(alice, bob)


def an_old_copy_without_keyring(alice, bob):
    claim("while the keyring is locked nothing of an old copy goes on")
    share = alice.share()
    link = alice.invitation(share)
    with tempfile.TemporaryDirectory(dir=TMP) as folder:
        put_aside("alice", folder)
        alice.call(share, "Share", "Cancel", "s", "")
        keyring("alice", "lock")
        put_back("alice", folder)
        alice.reaches(share, "waiting-for-keyring")
        refused("KeyringUnavailable", lambda: alice.call(share, "Share", "GetInvitation"))
        keyring("alice", "unlock")
        alice.failed_with(share, "failed", "Tampered", "put back from an older copy")
    bob.failed_with(bob.accept(link), "failed", "Expired", "no such invitation")


# ---- rows ----


def several(alice, n):
    shares = [alice.share(("s", f"content {i}")) for i in range(n)]
    return shares, [alice.invitation(share) for share in shares]


def goes_on(alice, bob, share, link, content):
    alice.reaches(share, "invited")  # her wallet runs, to answer
    received = bob.accept(link)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    equal(keyring_items("bob").get(bob.get(received, "Credential")[-32:]), content, "what arrives")


def changed_rows(alice, bob):
    claim("rows whose sealed parts were swapped fail, and those alone")
    (a, b, c), links = several(alice, 3)
    wallet("alice", "stop")
    details = {share: value("alice", share, "detail") for share in (a, b)}
    edit("alice", *(("UPDATE share SET detail = ? WHERE id = ?", (details[other], id_of(share)))
                    for share, other in ((a, b), (b, a))))
    for share in (a, b):
        alice.failed_with(share, "failed", "Tampered", CHANGED)
    goes_on(alice, bob, c, links[2], "content 2")

    claim("so does a row that was moved to another's place, has a changed time, or a changed role")
    (a, b, c, d, e), links = several(alice, 5)
    spare = "0" * 32
    edit("alice",
         ("UPDATE share SET id = ? WHERE id = ?", (spare, id_of(a))),
         ("UPDATE share SET id = ? WHERE id = ?", (id_of(a), id_of(b))),
         ("UPDATE share SET id = ? WHERE id = ?", (id_of(b), spare)),
         ("UPDATE share SET expires = expires + 86400 WHERE id = ?", (id_of(c),)),
         ("UPDATE share SET role = 1 - role WHERE id = ?", (id_of(d),)))
    for share in (a, b, c):
        alice.failed_with(share, "failed", "Tampered", CHANGED)
    # An initiator's state is none of a recipient's: that is no row of ours any more.
    equal(d in alice.objects(), False, "a share that no version of ours has written")
    goes_on(alice, bob, e, links[4], "content 4")

    claim("a single row that is put back from before its cancel is not revived")
    (a, b), links = several(alice, 2)
    columns = "id, role, state, created, expires, ended, is_busy, version, detail"
    before = rows("alice", f"SELECT {columns} FROM share WHERE id = ?", id_of(a))[0]
    alice.call(a, "Share", "Cancel", "s", "")
    until("the mailbox is deleted", lambda: is_gone(bob, links[0]))
    edit("alice", ("DELETE FROM share WHERE id = ?", (id_of(a),)),
         (f"INSERT INTO share ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", before))
    alice.failed_with(a, "failed", "Tampered", CHANGED)
    goes_on(alice, bob, b, links[1], "content 1")


def clear_columns(alice, bob):
    claim("the clear state can end a share, and can neither complete one nor revive it")
    (cancelled, ended, b, c), links = several(alice, 4)
    alice.call(cancelled, "Share", "Cancel", "s", "")
    until("the mailbox is deleted", lambda: is_gone(bob, links[0]))
    edit("alice",
         ("UPDATE share SET state = 'invited', ended = 0 WHERE id = ?", (id_of(cancelled),)),
         ("UPDATE share SET state = 'cancelled', ended = 1700000000 WHERE id = ?", (id_of(ended),)),
         ("UPDATE share SET state = 'completed', ended = 1700000000 WHERE id = ?", (id_of(b),)),
         ("UPDATE share SET state = 'nonsense' WHERE id = ?", (id_of(c),)))
    alice.reaches(cancelled, "cancelled")
    alice.reaches(ended, "cancelled")
    until("the mailbox is deleted", lambda: is_gone(bob, links[1]))
    goes_on(alice, bob, b, links[2], "content 2")
    equal(c in alice.objects(), False, "a share that no version of ours has written")


def arrived_contents(alice, bob):
    claim("contents that have arrived and are swapped provision nothing")
    (_, _, c), links = several(alice, 3)
    before = set(keyring_items("bob"))
    keyring("bob", "lock")
    received = [bob.accept(link, flags=0) for link in links]
    until("the claims", lambda: rows("bob", "SELECT count(*) FROM body") == [(3,)])
    wallet("bob", "stop")
    sealed = dict(rows("bob", "SELECT share_id, sealed FROM body"))
    edit("bob", *(("UPDATE body SET sealed = ? WHERE share_id = ?",
                   (sealed[id_of(received[1 - n])], id_of(received[n]))) for n in range(2)))
    bob.reaches(received[0], "waiting-for-keyring")
    keyring("bob", "unlock")
    for share in received[:2]:
        bob.reaches(share, "failed")
        equal(bob.get(share, "Failure")[0], "Tampered", "the error")
    bob.reaches(received[2], "completed")
    alice.reaches(c, "completed")
    new = [secret for id, secret in keyring_items("bob").items() if id not in before]
    equal(new, ["content 2"], "what is new in the keyring")


def rows_taken_out(alice, bob):
    claim("a row that is taken out, or the head of all, is noticed; the others go on, or none")
    (a, b), links = several(alice, 2)
    edit("alice", ("DELETE FROM share WHERE id = ?", (id_of(a),)))
    goes_on(alice, bob, b, links[1], "content 1")
    equal(a in alice.objects(), False, "the share without a row")
    contains(run("bus-log", "alice"), f"share {id_of(a)[:8]} was taken out", "the log")

    (a,), links = several(alice, 1)
    edit("alice", "DELETE FROM head")
    alice.reaches(a, "failed")
    pay(alice, bob)

    (a,), links = several(alice, 1)
    edit("alice", ("UPDATE head SET sealed = ?", (b"\0" * 64,)))
    alice.reaches(a, "failed")
    pay(alice, bob)


# ---- the file alone ----


def without_the_keyring(alice, bob):
    claim("the file without the keyring shows neither title, content, link nor relay")
    secrets = {name: f"{name}-{os.urandom(8).hex()}" for name in
               ("title", "description", "content", "reason", "arriving")}
    share = alice.share(("s", secrets["content"]), title=("s", secrets["title"]),
                        description=("s", secrets["description"]))
    link = alice.invitation(share)
    back = bob.invitation(bob.share(("s", secrets["arriving"])))
    keyring("alice", "lock")  # what has arrived is in the file as long as that lasts
    received = alice.accept(back, flags=0)
    until("the claim", lambda: rows("alice", "SELECT count(*) FROM body") == [(1,)])
    keyring("bob", "lock")
    declined = bob.accept(link, flags=0)
    until("the claim", lambda: rows("bob", "SELECT count(*) FROM body") == [(1,)])
    bob.call(declined, "Share", "Decline", "s", secrets["reason"])
    address, _, fragment = link.partition("#")
    secrets.update(relay=RELAY.partition("://")[2], mailbox=address.rpartition("/")[2],
                   fragment=fragment, format=TOKEN, application="python3", mode="plain")
    alice.failed_with(share, "declined", "Declined", secrets["reason"])
    for state in ("while it runs", "afterwards"):
        for user, path in (("alice", share), ("bob", declined)):
            octets = b""
            for ending in FILES + ("-shm",):
                if os.path.exists(state_file(user) + ending):
                    with open(state_file(user) + ending, "rb") as file:
                        octets += file.read()
            equal(id_of(path).encode() in octets, True, "whether the file was read at all")
            for name, secret in secrets.items():
                for form in (secret, secret.replace("-", ""), secret.encode("utf-16-le").decode()):
                    equal(form.encode() in octets, False, f"the {name} in {user}'s file {state}")
            wallet(user, "stop")
    for user in ("alice", "bob"):
        mode = os.stat(state_file(user)).st_mode & 0o777, os.stat(
            os.path.dirname(state_file(user))).st_mode & 0o777
        equal(mode, (0o600, 0o700), "who may read file and folder")
        keyring(user, "unlock")
    alice.reaches(received, "completed")


def main():
    alice, bob = Caller("alice"), Caller("bob")
    an_old_copy(alice, bob)
    an_old_copy_without_keyring(alice, bob)
    changed_rows(alice, bob)
    clear_columns(alice, bob)
    arrived_contents(alice, bob)
    rows_taken_out(alice, bob)
    without_the_keyring(alice, bob)


test(main)
