# SPDX-License-Identifier: LGPL-2.1-or-later
"""PINs that could be one, for whoever guesses or types wrong."""

# Damm's table: what the check digit of a PIN is reckoned with.
DAMM = ("0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
        "3674209581", "5869720134", "8945362017", "9438617205", "2581436790")


def with_check_digit(digits):
    interim = 0
    for digit in digits:
        interim = int(DAMM[interim][int(digit)])
    return digits + str(interim)


def another(pin, n=1):
    """With a right check digit, and not this one; as many others as n from 1 to 9."""
    digits = pin.replace("-", "")
    return with_check_digit(str((int(digits[0]) + n) % 10) + digits[1:-1])
