#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-handlers.py [WHO…] [FIRST [LAST]] - a wallet is killed at steps of a lend that a handler of
another program makes; it is started again, and there is one grant, and one key that was put to
use. WHO dies: the sender, the recipient. FIRST and LAST are bounds of the steps."""

from crash_parts import claim, clear, every_step, play
from handler_parts import DOOR, Folders, Handler, exchange, forget_files, is_whole

STRIDE = 12


def handler_of(person):
    folders = Folders(person)
    handler = Handler(folders, DOOR)
    folders.declare("door", DOOR)
    folders.sees(DOOR["Format"])
    return handler


def dies(is_sender):
    def play_it(alice, bob, relay):
        victim = alice if is_sender else bob
        claim(f"the {'sender' if is_sender else 'recipient'}'s wallet may die while a handler lends")
        giver, taker = handler_of(alice), handler_of(bob)

        def scenario(content, arm):
            forget_files(giver, taker)
            arm()
            share, received = exchange(giver, taker, bob)
            is_whole(giver, taker, share, received)
            clear(relay, alice, bob)

        scenario("so that all are warm", lambda: None)
        every_step(scenario, victim.page, [alice, bob], stride=STRIDE)

    return play_it


play({"sender": dies(True), "recipient": dies(False)})
