#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""crash-drop.py [WHO…] [FIRST [LAST]] - over plain HTTP, a wallet is killed at steps of an
exchange; it is started again, and the exchange ends right all the same. WHO dies: the sender
or the recipient, at the relay's; sender-nginx, recipient-nginx at a web server, which knows no
request ids and overwrites what is there. FIRST and LAST are bounds of the steps."""

from crash_parts import *
from settings_file import configure

STRIDE, NGINX_STRIDE = 5, 19  # nginx holds no answer: each exchange takes seconds there
EXPRESSION = "{tigress_location}"


def kill(victim, alice, bob, relay, origin, stride):
    where = ("transport", "s", "tdch", "template", "s", f"{origin}/v1/t/{EXPRESSION}")

    def one(content):
        exchange(alice, bob, content, lambda: alice.share(content, *where))
        clear(relay, alice, bob)

    def scenario(content, arm):
        arm()
        one(content)

    one("so that all are warm")
    every_step(scenario, victim.page, [alice, bob], stride=stride)
    every_step(scenario, victim.page, [alice, bob], stride=5 * stride, kinds=RECEIPTS)


def at_relay(is_sender):
    def play_it(alice, bob, relay):
        claim(f"the {'sender' if is_sender else 'recipient'}'s wallet may die over plain HTTP")
        origin = os.environ["TIGRESS_TRIAL_RELAY"]
        kill(alice if is_sender else bob, alice, bob, relay, origin, STRIDE)

    return play_it


def at_nginx(is_sender):
    def play_it(alice, bob, relay):
        claim(f"so may the {'sender' if is_sender else 'recipient'}'s at a plain web server")
        if not os.path.exists(f"{os.environ['TIGRESS_WORLD']}/dav/origin"):
            run("dav", "start")
        with open(f"{os.environ['TIGRESS_WORLD']}/dav/origin") as file:
            origin = file.read().strip()
        for person in (alice, bob):
            configure(person.name, TrustedRelays=[origin])
            person.kill()
        kill(alice if is_sender else bob, alice, bob, relay, origin, NGINX_STRIDE)

    return play_it


scenarios = {
    "sender": at_relay(True),
    "recipient": at_relay(False),
    "sender-nginx": at_nginx(True),
    "recipient-nginx": at_nginx(False),
}

play(scenarios)
