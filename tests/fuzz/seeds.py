#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""seeds.py DIRECTORY [STAMP]: what the fuzzers begin with, out of the test vectors.

DIRECTORY/TARGET/HASH for each; then STAMP is made.
"""
import base64
import hashlib
import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "vectors")
MAX_BYTES = 8192

A, B, C = ("%d" * 8 % ((n,) * 8) + "-1111-4111-8111-111111111111" for n in (1, 2, 3))
ID = "aaaaaaaa-0000-4000-8000-00000000000"


def vectors(name):
    with open(os.path.join(VECTORS, name + ".json")) as file:
        return json.load(file)


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def links():
    for one in vectors("share_url")["parse"] + vectors("share_url")["reject"]:
        yield one["url"]
    for one in vectors("share_url")["build"]:
        yield one["url"]
    yield "tigress:http://127.0.0.1:8443/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b?v=a&x=1"
    yield "https://a/v1000/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b"
    yield "https://[2001:db8::1]:443/v12/m/6D1C2B9A-A15E-45F1-B0CE-3E61EAD95A0B"


def plaintexts():
    for one in vectors("json_profile")["accept"] + vectors("json_profile")["reject"]:
        yield bytes.fromhex(one["hex"])
    for longer in 0, 1:
        display = {"title": "t" * (256 + longer), "description": "d" * (1024 + longer),
                   "imageURL": "i" * (2048 + longer)}
        yield compact({"format": "f" * (255 + longer), "content": {}})
        yield compact({"format": "f", "content": {}, "tigress": {
            "v": 1, "sid": "AQIDAAAAAAAAAAAAAAAAAA", "role": "r", "seq": 0, "display": display}})
    for limits in ({"notBefore": 1, "notAfter": 253402300799, "uses": 1000000, "reshare": False},
                   {"notBefore": 2, "notAfter": 1}, {"uses": 0}, {"uses": 1, "only": "here"}, 7):
        yield compact({"format": "f", "content": {}, "tigress": {
            "v": 1, "sid": "AQIDAAAAAAAAAAAAAAAAAA", "role": "s", "seq": 0, "limits": limits}})
    for outcome in "completed", "declined", "other":
        yield compact({"format": "tigress.end",
                       "content": {"outcome": outcome, "reason": "a \u202e\n reason"}})


def payloads():
    for one in vectors("payload")["seal"]:
        yield {"type": one["type"], "data": one["data"]}
    for one in vectors("payload")["openReject"]:
        yield one["payload"]
    yield compact(vectors("payload")["seal"][0])
    for n_chars in 36, 40:
        yield {"type": "AEAD_AES_128_GCM", "data": "A" * n_chars}


PAYLOAD = {"type": "AEAD_AES_128_GCM", "data": "A" * 38 + "=="}
DISPLAY = {"title": "Key", "description": "For <you>", "imageURL": "https://example/i.png"}
CREATE = {"payload": PAYLOAD, "displayInformation": DISPLAY,
          "notificationToken": {"type": "webpush", "tokenData": "x"},
          "mailboxConfiguration": {"accessRights": "RWD", "expiration": "2027-01-16T08:00:00Z"}}


def requests():
    yield compact(CREATE)
    yield json.dumps(CREATE, indent=1).replace("A", "\\u0041", 3)
    yield compact({"payload": PAYLOAD})
    yield compact({"notificationToken": {"type": "t", "tokenData": "x"}})
    yield compact(dict(CREATE, mailboxConfiguration={"accessRights": "RR"}))
    yield compact(dict(CREATE, notificationToken={}))


def answers():
    yield compact({"urlLink": "https://relay.example/v1/m/" + ID + "1",
                   "isPushNotificationSupported": False, "extensions": ["x", "claim-proof"]})
    yield compact({"payload": PAYLOAD, "displayInformation": DISPLAY,
                   "expiration": "2027-01-16T08:00:00Z"})
    yield compact({"payload": compact(PAYLOAD)})
    yield compact({"type": "https://relay.example/problems/not-found?x#y", "title": "t",
                   "status": 404})
    yield ("<html><head><META name=og:description content='a &lt;b&gt; &#x27;&#39;&nbsp;'/>"
           "<meta content=\"T &amp; &quot;\" property=\"og:title\">"
           "<meta property=og:image content=https://example/i.png></head>")


def texts():
    for section in vectors("base64").values():
        for one in section:
            yield one["text"]
    yield "2028-02-29T23:59:59Z"
    yield "0000-01-01T00:00:00Z"
    yield ID + "1"
    yield "\"18446744073709551615\""
    yield " a\t\u202eb\u00a0\U000e0041c\ufdd0\U0001f600 ".encode() + b"\xff\xed\xa0\x80"


def cxf_items():
    """Items of a credential exchange, one of each kind that is looked into."""
    field = {"id": "eA", "fieldType": "string", "value": "carol \u202e", "label": "l"}
    hidden = {"fieldType": "concealed-string", "value": "\u00e9\"\\"}
    for credential in (
            {"type": "basic-auth", "username": field, "password": hidden},
            {"type": "basic-auth", "password": "text"},
            {"type": "totp", "secret": "JBSWY3DPEHPK3PXP", "period": 30, "digits": 6,
             "algorithm": "sha1", "username": "carol", "issuer": "i"},
            {"type": "note", "content": field}, {"type": "generated-password", "password": "p"},
            {"type": "ssh-key", "keyType": "ssh-ed25519", "privateKey": "MC4CAQ"},
            {"type": "passkey", "credentialId": "AQID", "rpId": "a.example", "username": "u",
             "userDisplayName": "U", "userHandle": "AA", "key": "MIGH"},
            {"type": "credit-card", "number": hidden}, {"type": "new\u0007", "x": [1, None]}):
        yield {"id": "aXRlbQ", "creationAt": 1700000000, "title": "T \u001b", "favorite": False,
               "scope": {"urls": ["https://u:p@a.example:1/x?y"], "androidApps": []},
               "credentials": [credential, credential], "tags": ["t"]}


def exchanges_of_credentials():
    header = {"version": {"major": 1, "minor": 0}, "exporterRpId": "a.example",
              "exporterDisplayName": "A", "timestamp": 1760000000}
    account = {"id": "YQ", "username": "", "email": "", "collections": [{"id": "Yw"}]}
    items = list(cxf_items())
    for item in items:
        yield compact(item)
        yield json.dumps(dict(header, accounts=[dict(account, items=[item])]), indent=1)
    items = [dict(item, id="aXRlb" + letter) for item, letter in zip(items, "QUYcgkosw")]
    yield compact(dict(header, accounts=[dict(account, items=items[:4]),
                                         dict(account, items=items[4:])]))
    yield compact(dict(header, accounts=[]))
    yield compact(dict(header, version={"major": 2}, accounts=[]))


def request(line, claim=None, number=None, body=None, *headers):
    lines = [line]
    if claim:
        lines.append("Mailbox-Device-Claim: " + claim)
    if number:
        lines.append("Mailbox-Request-ID: " + ID + str(number))
    if body is not None:
        lines.append("Content-Type: application/json; charset=utf-8")
    lines += headers
    return "\n".join(lines) + "\n\n" + (compact(body) if body is not None else "")


def messages():
    """Single ones, of the plain-HTTP transport."""
    place = "/v1/t/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    lock = "Mailbox-Reader-Lock: required"
    put = request("PUT " + place, None, 1, None, lock, "Expires-In: 60") + "octets"
    get, wait = "GET " + place, "Prefer: wait=9"
    return [
        [put, put, request("PUT " + place, None, 2) + "other", request(get), request(get, B),
         request(get, C), request(get, B), request("DELETE " + place, C),
         request("DELETE " + place, B), request(get, B), put, request(get, C)],
        [request(get, B, None, None, wait), request(get, C, None, None, wait),
         request(get, None, None, None, wait), put, request("DELETE " + place, C)],
        [request("PUT " + place) + "\x00", request(get), request("+90000 " + get, B),
         put, request("HEAD " + place), request("DELETE " + place)],
    ]


def relays():
    create = request("POST /v1/m", A, 1, CREATE)
    proven = request("POST /v1/m", A, 2, CREATE, "Mailbox-Claim-Verifier: "
                     "Zmh6rfhivXdsj8GLjp-OIAiXFIVu4jOzkCpZHQ1fKSU")
    proof = "Mailbox-Claim-Proof: " + "A" * 43
    update = {"payload": dict(PAYLOAD, data="B" * 40)}
    bind = request("POST @", B)
    scripts = [
        [create, create, bind, request("POST @", C), request("DELETE @", A, 3),
         request("POST @", A), request("POST @", B), request("POST @", C)],
        [create, bind, request("PUT @", B, 2, update, "If-Match: \"1\""),
         request("PUT @", B, 2, update), request("PATCH @", B, 3), request("PUT @", A, 4, update),
         request("PATCH @", B, 5), request("POST @", C), request("DELETE @", C, 6)],
        [create, bind, request("POST @", A, None, None, "If-None-Match: \"1\"", "Prefer: wait=9"),
         request("PUT @", B, 2, update), request("+90000 POST @", A), request("POST @", C)],
        [create, bind, request("POST @", B, None, None, "If-None-Match: \"1\"", "Prefer: wait=9"),
         request("PATCH @", B, 2), request("POST @", C)],
        [create, bind, request("+86400 POST @", B), request("POST @", C), create,
         request("POST @0", A), request("POST @", A)],
        [proven, request("POST @", B), request("POST @", B, None, None, proof),
         request("POST @0", C, None, None, proof)],
        [create, request("GET @"), request("HEAD @", None, None, None, "Accept: text/html"),
         request("GET @", None, None, None, "Accept: application/json, text/html;q=0.1")],
        [create, request("POST @", B, None, {"notificationToken": {"type": "t", "tokenData": "d"}}),
         request("PUT @", A, 2, update, "If-Match: W/\"1\", \"2\""), request("GET /v1/m"),
         request("OPTIONS @"), request("PUT /v1/m/x", A, 2, {}), request("POST /v1/m", A, 1, {})],
    ] + messages()
    for script in scripts:
        yield "\n--\n".join(script)


def threads():
    yield b"\x00\x10\x84\x90\x04\x00\x84"
    yield b"\x03\x00\x84\x80\x04\x00\x82\x00\x82\x02\x02\x01\x16\x80\x84"
    yield b"\x02\x05\x02{\"format\":\"f\",\"content\":{\"a\":1}}\x84\x80\x04"
    for one in plaintexts():
        one = one if isinstance(one, bytes) else one.encode()
        if len(one) < 255 * 16 and b"role" in one:
            yield b"\x02\x05" + bytes([(len(one) + 15) // 16]) + one + \
                b" " * (-len(one) % 16) + b"\x84\x04\x80\x84"
    for flags in b"\x3f\xff\x40":
        yield b"\x00\x07\x01\x00" + bytes([flags]) + \
            bytes(16) + bytes(8) + b"\xff" * 8 + bytes(32) + bytes(2)


def pins():
    for one in vectors("pin")["normalise"] + vectors("pin")["invalid"]:
        yield one["in"]
    yield "1234566"
    yield "123-456 6"
    yield "7654325"
    yield "1234567"
    yield "000-000-0"
    yield "572-572-572-572-4"
    yield "+1234566"


def blocks(octets, size):
    octets += b" " * (-len(octets) % size)
    return bytes([len(octets) // size]) + octets


ALICE, BOB, CAROL, DAVE = 0x00, 0x40, 0x80, 0xc0
READ, BEGIN, TYPE, TYPE_OTHER, CHARGED, SAY, END, NO_MEMORY, PLACE, \
    BEGIN_WRONGLY = 0, 3, 4, 5, 7, 8, 9, 12, 13, 14
FORGE, EDIT, DAMAGE, TAMPER = 0x10, 0x11, 0x12, 0x13
T1, T2, T2_PIN, T1_HEADERLESS = 0, 1, 2, 0x81


def exchanges():
    talk = [BOB + READ, BOB + SAY, ALICE + READ, ALICE + SAY, BOB + READ, BOB + END, ALICE + READ]
    confirm = [ALICE + READ, ALICE + CHARGED] + talk
    wrong = [BOB + READ, BOB + TYPE_OTHER, ALICE + READ, ALICE + CHARGED]
    right = [BOB + READ, BOB + TYPE] + confirm
    yield [T1, BEGIN] + talk
    yield [T1_HEADERLESS, BEGIN] + talk
    yield [T2, BEGIN, BOB + READ] + confirm
    yield [T2_PIN, BEGIN] + right
    yield [T2_PIN, BEGIN] + wrong + right
    yield [T2_PIN, BEGIN] + wrong * 3 + right
    yield [T2_PIN, BEGIN, BOB + READ, BOB + END, ALICE + READ]
    yield [T2_PIN, DAVE + BEGIN, BOB + READ, BOB + TYPE_OTHER, DAVE + READ, DAVE + CHARGED, BOB + READ]
    yield [T2, BEGIN, BOB + READ, CAROL + 2, 0, ALICE + READ, ALICE + CHARGED, BOB + READ, CAROL + READ]
    for key in 0, 1:
        for place in range(0, 256, 16):
            yield bytes([T2_PIN, BEGIN, BOB + READ, BOB + TYPE, EDIT + 4 * key, key, place, 1, 1]) + \
                b"1" + bytes([BOB + READ, ALICE + READ, ALICE + CHARGED])
    for one in b'{"format":"tigress.t2.offer","content":{}}', \
            b'{"format":"tigress.end","content":{"outcome":"declined"}}':
        yield bytes([T2, BEGIN, FORGE]) + blocks(one, 8) + bytes([BOB + READ, ALICE + READ])
        yield bytes([T1_HEADERLESS, FORGE]) + blocks(one, 8) + bytes([BOB + READ])
    for mode in T1, T2, T2_PIN:
        yield [mode]  # an honest exchange
    for mode in T1, T2, T2_PIN:
        yield [mode, BEGIN_WRONGLY, BEGIN, BOB + READ]
    for mode in 64, 65, 66:  # of each mode, the upload's answer was lost
        yield [mode, BEGIN, BOB + READ, BOB + TYPE, ALICE + READ, PLACE, PLACE, ALICE + READ,
               ALICE + CHARGED, BOB + READ]
    offers = []  # of somebody who lets one try longer
    for attempt in range(1, 6):
        one = json.loads(vectors("t2")["runs"][0]["messages"][0]["plaintext"])
        one["content"].update(attempt=attempt, attemptsMax=10)
        one["tigress"].update(seq=attempt - 1, pad="")
        if attempt > 1:
            one["tigress"]["ack"] = attempt - 2
        offers += [FORGE, *blocks(compact(one).encode(), 8), BOB + READ, BOB + TYPE]
    yield [T2_PIN, BEGIN] + offers
    for case in vectors("t2")["runs"]:
        for message in case["messages"][:2]:  # somebody else's offers and answers
            one = re.sub("0000+", "", message["plaintext"]).encode()
            if len(one) < 255 * 8:
                yield bytes([T2_PIN if case["mode"] == 1 else T2, BEGIN]) + \
                    bytes([FORGE + (4 if message["from"] == "r" else 0)]) + blocks(one, 8) + \
                    bytes([BOB + READ, ALICE + READ, BOB + TYPE, ALICE + CHARGED])
    yield bytes([T2_PIN, BEGIN, DAMAGE, 0, 99, BOB + READ])
    for n in 1, 2, 3, 5, 9, 14, 20, 30:  # no memory for the n-th secret of each step
        poor = [NO_MEMORY, n]
        for mode in T1, T2, T2_PIN:
            yield [mode] + poor + [BEGIN, BEGIN, BOB + READ] + poor + [BOB + TYPE, BOB + TYPE] + \
                poor + [ALICE + READ, ALICE + READ] + poor + [ALICE + CHARGED, ALICE + CHARGED] + \
                poor + [BOB + READ, BOB + READ] + poor + [BOB + SAY, BOB + END, ALICE + READ]
    for place in range(0, 11):
        yield bytes([T2_PIN, BEGIN, ALICE + TAMPER, 0, place, 1])


def transports():
    talk = b"\x10ab\x81\x98abc\x01"
    for suite in range(3):
        yield bytes([suite]) + talk * 2
        yield bytes([suite]) + talk + b"\x05\x05\x85\x85\x10ab\xc1\x88a\x01"
        yield bytes([suite]) + talk + b"\x06\x1f\x86\xff\x13\x80\x81\x02\x00"
        for run in vectors("tdch")["runs"][:1]:
            plain = bytes.fromhex(run["messages"][0]["plaintext"])
            yield bytes([suite, 0x84]) + blocks(plain, 8) + b"\x81"
    # right; guessable; of another number; shorter and longer than it says
    for random, number, length, present in (17, 0, 8, 8), (9, 0, 0, 0), (17, 1, 0, 0), \
            (17, 0, 9, 8), (17, 0, 0, 8), (17, 0, 65529, 8):
        plain = bytes([random]) + bytes(random) + number.to_bytes(2, "big") + \
            length.to_bytes(4, "big") + bytes(present)
        yield b"\0" + plain
        yield bytes([0, 0x84]) + blocks(plain, 8) + b"\x81"
    head = b"\x01\x00\x00\x13\x01\x00\x00\x00\x00\x20" + bytes(32)
    yield b"\x00\x07" + head
    yield b"\x00\x07" + head[:8] + b"\x01" + head[9:] + b"\x10" + bytes(22)
    yield b"\x00\x07\x01\x01\x01\x13\x02\x00\x00\x00\x05"


def records():
    yield b"\x01"
    yield b"\x01\x01\0\0\0\x08\0\0\0\0\0\0\0\x07\x02\0\0\0\x04text\x03\0\0\0\0"


def proxies():
    """What a proxy says of its client, before the connection or in a header."""
    for line in ("TCP4 192.0.2.7 203.0.113.1 4711 443", "TCP6 2001:db8::7 2001:db8::1 1 2",
                 "UNKNOWN", "TCP4 192.0.2.7"):
        yield "PROXY %s\r\nGET / HTTP/1.1\r\n" % line
    start = b"\r\n\r\n\0\r\nQUIT\n"
    yield start + b"\x21\x11\0\x0c\xc0\0\2\7\xcb\0\x71\1\x12\x67\1\xbb"
    yield start + b"\x21\x21\0\x27" + bytes(32) + b"\x12\x67\1\xbb\4\0\0"
    yield start + b"\x20\0\0\0"
    for text in ("for=192.0.2.7", "for=192.0.2.7:99;proto=https, for=10.0.0.1",
                 'For="[2001:db8::1]:4711"', 'for="[::1', "for=unknown, for=_x", "192.0.2.0/24",
                 "2001:db8::/33", "unix"):
        yield text


def endpoints():
    """Where a device wants to be woken."""
    for url in ("https://push.example/x", "https://[2001:db8::1]:8443/?x=%20", "https://a.b",
                "https://192.0.2.1:443/a/b", "https://u@a.b/", "https://a.b/#x", "http://a.b/"):
        yield url
        yield compact({"endpoint": url})
        for one in vectors("webpush")["vectors"][:2] + vectors("webpush")["encryptReject"]:
            keys = {"p256dh": one["uaPublic"], "auth": one["auth"]}
            yield compact({"endpoint": url, "keys": keys})


def attestations():
    """What shows good standing, in the header, and keys as they stand in files."""
    with open(os.path.join(HERE, "..", "relay", "token-vectors.h")) as file:
        vectors = dict(re.findall(r'#define (\w+) +((?:"[^"]*" *)+)',
                                  re.sub(r" *\\\n *", " ", file.read())))
    octets = {name: bytes.fromhex("".join(re.findall(r'"([^"]*)"', value)))
              for name, value in vectors.items() if name.endswith(("_TOKEN", "_KEY"))}
    for name in ("VECTOR1_TOKEN", "VECTOR2_TOKEN"):
        token = base64.urlsafe_b64encode(octets[name]).decode()
        yield 'PrivateToken token="%s"' % token
        yield "privatetoken x = \"a\\\"b\" , token=" + token
    yield "-----BEGIN PUBLIC KEY-----\n%s-----END PUBLIC KEY-----\n" % (
        base64.encodebytes(octets["VECTOR_KEY"]).decode())
    yield base64.b64encode(bytes(32)).decode() + "\n"
    yield 'Tigress-HMAC-SHA256 time=1800000000, mac="Obb37g9QBTr55X1ssdKizyJOCKU0H5eBxRPTvSLklL8="'
    for text in ('PrivateToken token=""', "PrivateToken token=AAI", "PrivateToken", "x x=1,x=2",
                 'Tigress-HMAC-SHA256 mac="A', "Tigress-HMAC-SHA256 time=0,mac=A"):
        yield text


def all_seeds():
    for target, made in (
            ("answer", answers()), ("attestation", attestations()),
            ("cxf", exchanges_of_credentials()),
            ("envelope", plaintexts()), ("exchange", exchanges()),
            ("json", plaintexts()), ("link", links()), ("pin", pins()), ("proxy", proxies()),
            ("push", endpoints()),
            ("record", records()),
            ("relay", relays()), ("request", requests()), ("tdch", transports()),
            ("text", texts()), ("thread", threads())):
        for one in made:
            yield target, bytes(one) if isinstance(one, list) else one
    for number, one in enumerate(payloads()):
        yield "payload", chr(number & 1) + (one if isinstance(one, str) else compact(one))


def main():
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    for target, one in all_seeds():
        one = one if isinstance(one, bytes) else one.encode("utf-8", "surrogatepass")
        if len(one) > MAX_BYTES:
            continue
        folder = os.path.join(sys.argv[1], target)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, hashlib.sha1(one).hexdigest()), "wb") as file:
            file.write(one)
    for stamp in sys.argv[2:]:
        open(stamp, "w").close()


main()
