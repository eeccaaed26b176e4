# SPDX-License-Identifier: LGPL-2.1-or-later

"""An issuer of Privacy Pass tokens that does not see what it signs, and the client that blinds it:
RSABSSA-SHA384-PSS-Deterministic (RFC 9474), token type 2 (RFC 9578 section 6), in whole numbers."""

import base64
import hashlib
import hmac
import re
import secrets
import struct
import subprocess

BITS, EXPONENT, SALT_BYTES, HASH_BYTES = 2048, 65537, 48, 48
N_BYTES = BITS // 8
TOKEN_TYPE = b"\0\2"
# SubjectPublicKeyInfo of RSASSA-PSS with SHA-384, MGF1 with SHA-384 and 48 octets of salt
ALGORITHM = bytes.fromhex(
    "303d06092a864886f70d01010a3030a00d300b0609608648016503040202a11a301806092a864886f70d010108"
    "300b0609608648016503040202a203020130")


def der(tag, *content):
    content = b"".join(content)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def encode(octets):
    return base64.urlsafe_b64encode(octets).decode()


def mask(seed, n_bytes):
    made = b"".join(hashlib.sha384(seed + struct.pack(">I", i)).digest()
                    for i in range(n_bytes // HASH_BYTES + 1))
    return made[:n_bytes]


def exclusive_or(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def encode_message(message, salt):
    """EMSA-PSS (RFC 8017 section 9.1.1) for one bit less than the modulus has."""
    digest = hashlib.sha384(bytes(8) + hashlib.sha384(message).digest() + salt).digest()
    block = bytes(N_BYTES - SALT_BYTES - HASH_BYTES - 2) + b"\1" + salt
    masked = exclusive_or(block, mask(digest, len(block)))
    return int.from_bytes(bytes([masked[0] & 0x7f]) + masked[1:] + digest + b"\xbc", "big")


def is_signed(message, signature, modulus):
    """EMSA-PSS-VERIFY (9.1.2), and which encoded message it was."""
    encoded = pow(signature, EXPONENT, modulus)
    octets = encoded.to_bytes(N_BYTES, "big")
    masked, digest = octets[:-HASH_BYTES - 1], octets[-HASH_BYTES - 1:-1]
    block = exclusive_or(masked, mask(digest, len(masked)))
    return encode_message(message, block[-SALT_BYTES:]) == encoded, encoded


class Issuer:
    """Keeps all that it sees."""

    def __init__(self):
        p, q = (self.prime() for _ in range(2))
        self.modulus = p * q
        assert self.modulus.bit_length() == BITS
        self.secret = pow(EXPONENT, -1, (p - 1) * (q - 1))
        self.key = der(0x30, ALGORITHM, der(3, b"\0", der(
            0x30, integer(self.modulus), integer(EXPONENT))))
        self.seen = []

    @staticmethod
    def prime():
        """With both of its highest bits set, as openssl makes them."""
        return int(subprocess.run(["openssl", "prime", "-generate", "-bits", str(BITS // 2)],
                                  check=True, capture_output=True).stdout)

    def pem(self):
        return "-----BEGIN PUBLIC KEY-----\n%s-----END PUBLIC KEY-----\n" % (
            base64.encodebytes(self.key).decode())

    def sign(self, blinded):
        signature = pow(blinded, self.secret, self.modulus)
        self.seen.append((blinded, signature))
        return signature


def read_challenge(header):
    """What WWW-Authenticate says, as a client of RFC 9577 reads it."""
    assert header.startswith("PrivateToken "), header
    fields = dict(re.findall(r'([a-z-]+)="?([^",]*)"?', header.partition(" ")[2]))
    challenge = base64.urlsafe_b64decode(fields["challenge"])
    key = base64.urlsafe_b64decode(fields["token-key"])
    assert challenge[:2] == TOKEN_TYPE
    (n,) = struct.unpack(">H", challenge[2:4])
    issuer, rest = challenge[4:4 + n].decode(), challenge[4 + n:]
    assert rest[0] == 32
    (n,) = struct.unpack(">H", rest[33:35])
    assert len(rest) == 35 + n
    return {"octets": challenge, "key": key, "issuer": issuer, "context": rest[1:33],
            "origin": rest[35:].decode(), "max-age": int(fields["max-age"])}


def get_token(issuer, challenge):
    """One token: what is signed never leaves the client unblinded."""
    message = (TOKEN_TYPE + secrets.token_bytes(32) + hashlib.sha256(challenge["octets"]).digest()
               + hashlib.sha256(challenge["key"]).digest())
    blind = secrets.randbelow(issuer.modulus - 2) + 2
    encoded = encode_message(message, secrets.token_bytes(SALT_BYTES))
    blinded = encoded * pow(blind, EXPONENT, issuer.modulus) % issuer.modulus
    signature = issuer.sign(blinded) * pow(blind, -1, issuer.modulus) % issuer.modulus
    assert is_signed(message, signature, issuer.modulus)[0]
    return message + signature.to_bytes(N_BYTES, "big")


def as_credentials(token):
    return 'PrivateToken token="%s"' % encode(token)


def as_mac(key, body, time_s):
    """The credentials of a shared key: over the body's digest and the time."""
    signed = b"tigress attestation\0" + hashlib.sha256(body).digest() + struct.pack(">Q", time_s)
    return 'Tigress-HMAC-SHA256 time=%d, mac="%s"' % (
        time_s, encode(hmac.new(key, signed, "sha256").digest()))
