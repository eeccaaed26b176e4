# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file as password managers export it (Credential Exchange Format), taken in, passed on and
written again; and what is wrong with a file, or goes wrong on the way."""

import json

from consent_world import *

CXF = "org.tigress.cxf.item"
# As others write them: numbers, escapes, white space and members that nobody here knows.
LOGIN = ('{"id": "bG9naW4", "title": "Mail \\u202ered", "creationAt": 1.70e9, "credentials": [{'
         '"type": "basic-auth", "username": {"fieldType": "string", "value": "carol"}, '
         '"password": {"fieldType": "concealed-string", "value": "c4n4ry\\ud83d\\ude00"}}, '
         '{"type":"totp","secret":"JBSWY3DPEHPK3PXP","period":30,"digits":6,"algorithm":"sha1"}],'
         ' "scope": {"urls": ["https://mail.example/in?t=s3cret"], "androidApps": []}, "x": [-0]}')
PASSKEY = ('{"id":"cGs","title":"","credentials":[{"type":"passkey","credentialId":"AQID","rpId":'
           '"login.example","username":"dave","userDisplayName":"D","userHandle":"AA","key":"MIGH"'
           '}]}')
SSH_KEY = ('{"id":"c3No","title":"deploy key","credentials":[{"type":"ssh-key","keyType":'
           '"ssh-ed25519","privateKey":"MC4CAQ"},{"type":"new-kind","z":[1.10]}]}')
HEAD = ('{"version":{"major":1,"minor":0},"exporterRpId":"a.example","exporterDisplayName":"Safe",'
        '"timestamp":1760000000,"accounts":[{"id":"YQ","username":"","email":"","collections":[],'
        '"items":[')


def document(*items):
    return HEAD + ",".join(items) + "]}]}"


def tigressctl(user, *arguments, given=None, status=0):
    """What it says on stdout and on stderr."""
    done = subprocess.run(["as", user, "tigressctl", *arguments], input=given, text=True,
                          stdin=subprocess.DEVNULL if given is None else None,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(done.returncode, status, f"status of {arguments} ({done.stderr})")
    return done.stdout, done.stderr


def imported(user, *arguments, given):
    lines, _ = tigressctl(user, "--json", "import", *arguments, "-", given=given)
    return [json.loads(line) for line in lines.splitlines()]


def is_taken_in(alice):
    claim("an export of a password manager is listed, and its items taken in one by one")
    listed = imported("alice", "--list", given=document(LOGIN, PASSKEY, SSH_KEY))
    equal([(one["number"], one["title"], one["holds"], one["account"], one["site"])
           for one in listed],
          [(1, "Mail red", "password, one-time passwords", "carol", "mail.example"),
           (2, "", "passkey", "dave", "login.example"),
           (3, "deploy key", "SSH key, new-kind", None, None)], "what is in the file")
    equal(alice.objects("Credential"), {}, "credentials after a list")

    consent("alice", "ask", "import")
    agent = subprocess.run(["as", "alice", "consent-agent", "pass:alice-login", "--", "tigressctl",
                            "--json", "import", "--yes", "--item", "1", "--item", "3", "--item", "1", "-"],
                           input=document(LOGIN, PASSKEY, SSH_KEY), text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(agent.returncode, 0, agent.stderr)
    equal(agent.stderr.count("asked org.tigress.wallet.import"), 2, "dialogs, one an item")
    consent("alice", "yes", "import")
    imported("alice", "--yes", "--item", "2", given=document(LOGIN, PASSKEY, SSH_KEY))

    found = {one["Title"]: path for path, one in alice.objects("Credential").items()}
    equal(sorted(found), ["Mail red", "deploy key", "login.example"], "titles")
    equal({alice.get(path, "Format") for path in found.values()}, {CXF}, "format")
    equal(dict(alice.get(found["Mail red"], "Details")),
          {"Holds": "password, one-time passwords", "Site": "mail.example", "Account": "carol"},
          "details")
    equal(keyring_items("alice")[found["Mail red"][-32:]], LOGIN, "what is in the keyring")
    return found


def a_no_is_for_all(alice):
    claim("who says no to one item is not asked about the rest")
    before = alice.objects("Credential")
    consent("alice", "ask", "import")
    agent = subprocess.run(["as", "alice", "consent-agent", "cancel", "--", "tigressctl", "import",
                            "--yes", "-"], input=document(LOGIN, PASSKEY, SSH_KEY), text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    consent("alice", "yes", "import")
    equal(agent.returncode, 5, agent.stderr)
    equal(agent.stderr.count("asked org.tigress.wallet.import"), 1, "dialogs")
    contains(agent.stderr, "0 of 3 items", "what it says")
    equal(alice.objects("Credential"), before, "credentials")


def is_passed_on(alice, bob, found):
    claim("an item that was taken in is shared, and exported, octet for octet")
    share = alice.call(found["Mail red"], "Credential", "Share", "a{sv}",
                       {"wait": ("b", True), "pin": ("b", False)})
    received = bob.accept(alice.invitation(share))
    bob.reaches(received, "completed")
    credential = bob.get(received, "Credential")
    equal(bob.get(credential, "Title"), "Mail red", "title")
    equal(keyring_items("bob")[credential[-32:]], LOGIN, "what bob has")

    consent("alice", "ask", "reveal")
    ids = [found[title][-32:] for title in ("Mail red", "login.example", "deploy key")]
    agent = subprocess.run(["as", "alice", "consent-agent", "pass:alice-login", "--",
                            "tigressctl", "export", *ids], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(agent.returncode, 0, agent.stderr)
    equal(agent.stderr.count("asked org.tigress.wallet.reveal"), 3, "dialogs, one a credential")
    consent("alice", "yes", "reveal")
    for item in LOGIN, PASSKEY, SSH_KEY:
        contains(agent.stdout, item, "the document")
    equal(len(json.loads(agent.stdout)["accounts"][0]["items"]), 3, "items of the document")
    listed = imported("bob", "--list", given=agent.stdout)
    equal([one["title"] for one in listed], ["Mail red", "", "deploy key"], "read again")


def others_are_exported(bob):
    claim("what came otherwise becomes an item too, where the format has a place for it")
    kinds = {TOKEN: [], "org.tigress.totp.secret": [], "org.tigress.wifi.network": []}
    for path, one in bob.objects("Credential").items():
        if one["Format"] in kinds:
            kinds[one["Format"]].append(path[-32:])
    ids = [paths[0] for paths in kinds.values()]
    written, _ = tigressctl("bob", "export", *ids)
    items = json.loads(written)["accounts"][0]["items"]
    equal([item["credentials"][0]["type"] for item in items], ["api-key", "totp", "wifi"], "kinds")
    equal(items[0]["credentials"][0]["key"], {"fieldType": "concealed-string", "value": "s3cret"},
          "the token")
    equal({name: items[1]["credentials"][0][name] for name in ("secret", "issuer", "username")},
          {"secret": "JBSWY3DPEHPK3PXP", "issuer": "ACME Co", "username": "carol"}, "the key")
    equal(items[2]["credentials"][0]["passphrase"]["value"], "12345678", "the passphrase")


def nothing_is_half_taken_in(alice):
    claim("a file with one thing wrong is refused whole, with one sentence and no secret in it")
    before = alice.objects("Credential")
    n_rows = len(rows("alice", "SELECT id FROM credential"))
    for given, part in ((document(LOGIN, '{"id":"eA","title":"c4n4ry","credentials":[{}]}'),
                         "item 2"),
                        (document(LOGIN)[:-1], "json"), ("c4n4ry", "json"),
                        (document(LOGIN).replace('"major":1', '"major":2'), "version"),
                        (document(*[PASSKEY] * 1001), "1000"), ("x" * 1000001, "too long")):
        out, said = tigressctl("alice", "import", "--yes", "-", given=given,
                               status=9 if part == "1000" else 2)
        equal(out, "", "stdout")
        contains(said, part, "why not")
        equal((said.count("error:"), "c4n4ry" in said), (1, False), f"what it says: {said}")
    for given, number in (document(), "1"), (document(LOGIN), "0"), (document(LOGIN), "2"):
        _, said = tigressctl("alice", "import", "--item", number, "-", given=given, status=2)
        equal(("at most" in said, "CRITICAL" in said), (True, False), said)
    equal(alice.objects("Credential"), before, "credentials")

    claim("what is no item is refused by the wallet before anybody is asked")
    consent("alice", "ask", "import")
    asker = Caller("alice")
    dialogs = Dialogs(asker, "cancel")
    for item in "c4n4ry", "{}", document(LOGIN), LOGIN + LOGIN, "[" * 99:
        said = asker.refused("Invalid", ROOT, "Manager", "Import", "va{sv}", ("s", item), {})
        equal("c4n4ry" in said, False, said)
    said = asker.refused("Denied", ROOT, "Manager", "Import", "va{sv}", ("s", LOGIN), {})
    dialogs.had("import")
    consent("alice", "yes", "import")
    equal(alice.objects("Credential"), before, "credentials after a no")

    claim("a wallet killed in the middle of an import has it not, nor anything of it")
    keyring("alice", "freeze")
    alice.begin(ROOT, "Manager", "Import", "va{sv}", ("s", LOGIN), {"title": ("s", "half")})
    until("the row", lambda: len(rows("alice", "SELECT id FROM credential")) > n_rows)
    wallet("alice", "kill")
    keyring("alice", "thaw")
    wallet("alice", "start")
    until("the row has gone", lambda: len(rows("alice", "SELECT id FROM credential")) == n_rows)
    until("what is left", lambda: alice.objects("Credential") == before)
    equal(sorted(keyring_items("alice")), sorted(path[-32:] for path in before), "keyring items")


def credential_exchange(alice, bob):
    found = is_taken_in(alice)
    a_no_is_for_all(alice)
    is_passed_on(alice, bob, found)
    pay(alice, bob, "s3cret")
    others_are_exported(bob)
    nothing_is_half_taken_in(alice)
