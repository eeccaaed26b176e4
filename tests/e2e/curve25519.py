# SPDX-License-Identifier: LGPL-2.1-or-later
"""X25519 (RFC 7748, section 5) for liars: slow, and of no other use."""

import os

P = 2**255 - 19


def agree(scalar, point):
    """@scalar times @point, both of 32 octets."""
    k = int.from_bytes(scalar, "little") & ~7 & (2**255 - 1) | 2**254
    u = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a, b * b
        e = aa - bb
        x3, z3 = (da + cb)**2 % P, u * (da - cb)**2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


class Key:
    def __init__(self):
        self.private = os.urandom(32)
        self.public = agree(self.private, (9).to_bytes(32, "little"))
