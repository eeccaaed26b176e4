# SPDX-License-Identifier: LGPL-2.1-or-later
"""The world of the crash tests, and how anything is waited for where anybody may die."""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fakes"))
from checks import Wrong, claim, equal, run  # noqa: E402,F401

NAME = "org.tigress.Wallet1"
ROOT = "/org/tigress/Wallet1"
TOKEN = "digitalwallet.generic.authorizationToken"
ENDS = "completed cancelled declined expired refused burned failed revoked relinquished".split()
DEADLINE_S = 240  # one for whatever has to be waited for


def enter_world(users="alice bob"):
    """This script again, inside a world where `users` live."""
    if "TIGRESS_WORLD" in os.environ:
        return
    world = os.path.join(HERE, "..", "world")
    os.environ["TIGRESS_USERS"] = users
    os.execv(world, [world, sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])


class Failed(Exception):
    """A call was answered by an error, or not at all."""


class Died(Exception):
    """Where the death is all that was waited for."""


# Called while something is waited for: they start again who died, where no call does.
nurses = []


def until(what, condition):
    """Waits for `condition` to be true, and returns what it returned."""
    deadline = time.monotonic() + DEADLINE_S
    pause = 0.005
    while not (answer := condition()):
        for nurse in nurses:
            nurse()
        if time.monotonic() > deadline:
            raise Wrong(f"not within {DEADLINE_S} s: {what() if callable(what) else what}")
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return answer
