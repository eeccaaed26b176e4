#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
spoken_pin.py TIGRESSCTL FAKE-WALLET [TEST…] - how tigressctl shows a PIN and asks for one,
and what it says of it, against a wallet that does as it is told: needs no root.
"""

import os
import stat

from fake_wallet import Wallet, at_terminal, credential_id, ctl, end, home, json_lines, link, share_id
from terminal import check, equal, eventually, main

pin = "5724130"


def share_with_pin(*options, stdin=b"x", **more):
    """A sender at his terminal, his link in a pipe."""
    return at_terminal("share", *options, "-", stdin=stdin, pipe_out=True, **more)


def the_pin_is_shown_on_the_terminal_alone():
    with Wallet(pin=pin) as calls:
        terminal = share_with_pin("--pin")
        equal(terminal.result(), link + "\n")
        terminal.must_end(0)
        check("PIN: 572-413-0\r\n" in terminal.shown and terminal.shown.count("572") == 1, terminal.shown)
        check("by telephone or in person" in terminal.shown and "Never send it" in terminal.shown, terminal.shown)
        check(calls().index("GetInvitation") < calls().index("GetPin"), calls())
        check(" pin=true" in calls(), calls())
    for arguments in (["--pin"], ["--pin", "--json"]):
        with Wallet(pin=pin) as calls:
            status, out, err = ctl("share", *arguments, "-", stdin=b"x")
            equal(status, 0)
            check("572" not in out + err and "GetPin" not in calls(), arguments, out, err)
            check("tigressctl show --pin " + share_id in err, err)
    with Wallet(pin=pin):
        terminal = share_with_pin("--pin", "--json")
        check("pin" not in json_lines(terminal.result())[0], "the PIN is beside the link")
        terminal.must_end(0)
        check("572" not in terminal.shown, terminal.shown)


def a_pin_for_a_script_goes_to_a_file_of_its_own():
    path = os.path.join(home, "pin")
    with Wallet(pin=pin) as calls:
        terminal = share_with_pin("--pin-output", path)
        equal(terminal.result(), link + "\n")
        terminal.must_end(0)
        check("572" not in terminal.shown, terminal.shown)
        check(" pin=true" in calls(), calls())
        with open(path) as file:
            equal(file.read(), "572-413-0\n")
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    with Wallet(pin=pin) as calls:
        equal(ctl("share", "--pin-output", path, "-", stdin=b"x")[0], 2)
        check("CreateShare" not in calls(), calls())
    os.unlink(path)
    for knobs, status in (({"error": "Denied"}, 5), ({"pin-says": "\x1b[2J"}, 1)):
        with Wallet(pin=pin, **knobs) as calls:
            got, out, err = ctl("share", "--pin-output", path, "-", stdin=b"x")
            equal((got, out), (status, ""))
            check(not os.path.exists(path), "a file is left behind")
            check("Cancel" in calls() or "error" in knobs, "the share lives on:", calls())


def the_pin_can_be_had_again_by_asking():
    with Wallet(pin=pin) as calls:
        equal(ctl("show", "--pin", share_id)[1], "572-413-0\n")
        check("GetPin may-ask" in calls(), calls())
    with Wallet(pin=pin):
        answer = json_lines(ctl("show", "--pin", "--json", share_id)[1])
        equal([(one["type"], one["id"], one["pin"]) for one in answer], [("pin", share_id, "572-413-0")])
        equal(ctl("show", "--pin", "--link", share_id)[0], 2)
    for text in ("", "5724", "\x1b[2J5724130", "5724137"):
        with Wallet(pin=pin, **{"pin-says": text}):
            status, out, err = ctl("show", "--pin", share_id)
            equal((status, out), (1, ""), repr(text))


def the_protection_that_is_asked_for_is_explained_and_asked_of_the_wallet():
    """What is said before consent is what the wallet is told to do."""
    alone, pin_too, compat = "whoever opens it first", "The link alone opens nothing", "that other wallets"
    cases = [
        ("optional", [], alone, None), ("optional", ["--pin"], pin_too, " pin=true"),
        ("default", [], pin_too, " pin=true"), ("default", ["--no-pin"], alone, " pin=false"),
        ("required", [], pin_too, " pin=true"), ("default", ["--compat"], compat, " compat=true"),
        ("optional", ["--pin-digits", "13"], pin_too, " pin-digits=13"),
        ("something new", [], pin_too, " pin=true"),
    ]
    for rule, options, words, argument in cases:
        with Wallet(rule=rule) as calls:
            terminal = share_with_pin(*options)
            terminal.result()
            terminal.must_end(0)
            check(words in terminal.shown, rule, options, terminal.shown)
            for other in {alone, pin_too, compat} - {words} - ({alone} if words == compat else set()):
                check(other not in terminal.shown, rule, options, terminal.shown)
            check((argument or " wait=true") in calls(), rule, options, calls())
            check(argument or " pin" not in calls(), rule, options, calls())
            if words == compat:
                check("later can read" in terminal.shown and "can block the link" in terminal.shown, terminal.shown)
    with Wallet() as calls:
        for options in (["--pin", "--no-pin"], ["--pin", "--compat"], ["--no-pin", "--pin-digits", "7"],
                        ["--pin-digits", "6"], ["--pin-digits", "14"], ["--pin-digits", "x"],
                        ["--no-pin", "--pin-output", "/none"], ["--pin-output", "/none/such"]):
            equal(ctl("share", *options, "-", stdin=b"x")[0], 2, options)
        terminal = share_with_pin("--pin", "--expires-in", "3d")
        terminal.must_end(2)
        check("CreateShare" not in calls(), calls())
    with Wallet() as calls:
        check("later can read" in ctl("share", "--compat", "-", stdin=b"x")[2], "--compat in a script")


def a_person_who_is_led_may_choose_the_pin():
    for rule, answer, words, argument in (("default", "", "The link alone opens nothing", " pin=true"),
                                          ("default", "n", "whoever opens it first", " pin=false"),
                                          ("optional", "", "whoever opens it first", " pin=false"),
                                          ("optional", "y", "The link alone opens nothing", " pin=true"),
                                          ("required", None, "The link alone opens nothing", " pin=true")):
        with Wallet(rule=rule) as calls:
            terminal = at_terminal("share", "--title", "T", "--expires-in", "1h", "--format",
                                   "digitalwallet.generic.authorizationToken", "--no-wait")
            terminal.expect("Content .*: ")
            terminal.type_secret("typed")
            if answer is not None:
                terminal.expect("with a PIN too.*\\] ")
                terminal.type(answer)
            terminal.expect(words)
            terminal.expect("Share it")
            terminal.type("y")
            terminal.must_end(0)
            check(argument in calls(), rule, answer, calls())


def a_watching_sender_hears_of_wrong_pins():
    with Wallet(pin=pin, wrong=2):
        terminal = at_terminal("share", "--pin", "-", stdin=b"x")
        terminal.expect("checking the PIN")
        terminal.expect("somebody has the link and gave a wrong PIN: 2 tries are left")
        terminal.expect("hint: .*tigressctl cancel " + share_id)
        terminal.expect("somebody has the link and gave a wrong PIN: 1 try is left")
        terminal.must_end(0)
        check("completed: the recipient has it" in terminal.shown, terminal.shown)
    with Wallet(pin=pin, wrong=3):
        terminal = at_terminal("share", "--pin", "-", stdin=b"x")
        terminal.must_end(13)
        check("error: somebody failed with this link three times" in terminal.shown, terminal.shown)
        check("hint: ask the recipient whether it was him" in terminal.shown, terminal.shown)
    with Wallet(pin=pin):
        terminal = at_terminal("share", "--pin", "-", stdin=b"x")
        terminal.must_end(0)
        check("wrong PIN" not in terminal.shown.replace("wrong PINs", ""), terminal.shown)


def the_pin_is_asked_for_as_often_as_there_are_tries():
    with Wallet(pin=pin) as calls:
        terminal = at_terminal("accept", "--yes", stdin=link.encode(), pipe_out=True)
        terminal.expect("which the sender tells you by telephone or in person")
        terminal.expect("3 tries are left")
        terminal.expect("PIN .it is not shown.: ")
        terminal.type_secret("057-241-3")
        terminal.expect("it was mistyped")
        terminal.expect("PIN .it is not shown.: ")
        terminal.type_secret(link)
        terminal.expect("too long to be a PIN")
        terminal.expect("PIN .it is not shown.: ")
        check("wrong PIN" not in terminal.shown, terminal.shown)
        terminal.type_secret("111-111-1")
        terminal.expect("wrong PIN: 2 tries are left")
        terminal.expect("mistyped, or somebody interferes. Never type this PIN for another")
        terminal.expect("PIN .it is not shown.: ")
        terminal.type_secret("572-413 0")
        equal(terminal.result(), credential_id + "\n")
        terminal.must_end(0)
        check("trying again" not in terminal.shown, terminal.shown)
        check("[" + link + "]" not in calls().split("AcceptInvitation", 1)[1].split("\n", 1)[1], calls())
        for digits in ("057-241-3", "111-111-1", "572-413 0"):
            check(digits not in terminal.shown, "echoed:", terminal.shown)
            check("ProvidePin may-ask [" + digits + "]" in calls(), calls())
    with Wallet(pin=pin):
        terminal = at_terminal("accept", "--yes", stdin=link.encode())
        for text in ("3 tries are left", "2 tries are left", "1 try is left"):
            terminal.expect(text)
            terminal.expect("PIN .it is not shown.: ")
            terminal.type_secret("1111111")
        terminal.must_end(13)
        check("hint: never type this PIN again" in terminal.shown, terminal.shown)


def without_anybody_to_ask_for_the_pin_nothing_is_claimed():
    with Wallet(pin=pin) as calls:
        for arguments in ([], ["--json"], ["--yes"]):
            status, out, err = ctl("accept", *arguments, stdin=link.encode())
            equal((status, out), (2, ""), arguments)
            check("--pin-file FILE or --pin-fd N" in err and "tigressctl pin ID" in err, err)
        terminal = at_terminal("accept", "--no-ask", stdin=link.encode())
        terminal.must_end(2)
        check("AcceptInvitation" not in calls(), calls())
    with Wallet(pin=pin) as calls:
        status, out, err = ctl("accept", "--no-wait", stdin=link.encode())
        equal((status, out), (0, share_id + "\n"))
        check("tigressctl pin " + share_id in err, err)
        status, out, err = ctl("pin", share_id, stdin=b" 572-413-0\n")
        equal((status, out), (0, credential_id + "\n"))
        check("ProvidePin may-ask [572-413-0]" in calls(), calls())


def a_pin_comes_from_a_file_or_a_descriptor():
    path = os.path.join(home, "spoken")
    with open(path, "w") as file:
        file.write("572-413-0\n")
    reader, writer = os.pipe()
    os.write(writer, b"5724130")
    os.close(writer)
    for option, more in ((["--pin-file", path], {}), (["--pin-fd", str(reader)], {"pass_fds": [reader]})):
        with Wallet(pin=pin, stay="completed") as calls:
            ctl("accept", *option, stdin=link.encode(), **more)
            check(" pin [572" in calls(), calls())
    # A share that was there before does not use it: it is given then.
    with Wallet(pin=pin) as calls:
        equal(ctl("accept", "--pin-file", path, stdin=link.encode())[:2], (0, credential_id + "\n"))
        check("ProvidePin may-ask [572-413-0]" in calls(), calls())
    with Wallet(pin=pin, failure="WrongPin") as calls:
        status, out, err = ctl("accept", "--pin-file", path, stdin=link.encode())
        equal((status, out), (13, ""))
        check("error: wrong PIN: 3 tries are left" in err and "ProvidePin" not in calls(), err)
    with open(path, "w") as file:
        file.write("1" * 65)
    with Wallet(pin=pin) as calls:
        for option in (["--pin-file", path, "--pin-fd", "0"], ["--pin-file", path], ["--pin-file", home], ["--pin-fd", "99"],
                       ["--pin-file", "/dev/null"], ["--pin-file", "/dev/zero"]):
            equal(ctl("accept", *option, stdin=link.encode())[0], 2, option)
        check("AcceptInvitation" not in calls(), calls())
    os.close(reader)


def a_pin_is_given_to_a_share_that_waits_for_it():
    waiting = {"pin": pin, "role": "recipient", "stay": "pin-needed"}
    with Wallet(**waiting) as calls:
        terminal = at_terminal("pin", share_id[:6], pipe_out=True)
        terminal.expect("3 tries are left")
        terminal.type_secret("5724130")
        equal(terminal.result(), credential_id + "\n")
        terminal.must_end(0)
    with Wallet(**waiting):
        status, out, err = ctl("pin", share_id, stdin=b"1111111")
        equal((status, out), (13, ""))
        check("error: wrong PIN: 2 tries are left" in err and "tigressctl pin " + share_id in err, err)
        equal(ctl("pin", share_id, stdin=b"0111111")[0], 2)
        equal([one["type"] for one in json_lines(ctl("pin", "--json", share_id, stdin=b"5724130")[1])],
              ["share"] * 3)
    with Wallet(**waiting) as calls:
        status, out, err = ctl("pin", "--no-wait", share_id, stdin=b"5724130")
        equal((status, out), (0, share_id + "\n"))
    for knobs, words in (({"role": "initiator"}, "you are the sender"),
                         ({"role": "recipient", "stay": "exchanging"}, "does not wait for a PIN"),
                         ({"role": "recipient", "stay": "completed"}, "does not wait for a PIN")):
        with Wallet(pin=pin, **knobs) as calls:
            status, out, err = ctl("pin", share_id, stdin=b"5724130")
            equal((status, out), (4, ""))
            check(words in err and "ProvidePin" not in calls(), err)
    with Wallet(**waiting) as calls:
        equal(ctl("pin", share_id, "5724130")[0], 2)
        check("ProvidePin" not in calls(), calls())


def a_prompt_for_a_pin_can_be_left():
    with Wallet(pin=pin) as calls:
        for leave, status, words in ((lambda t: t.key("c"), 130, "the share lives on"),
                                     (lambda t: t.key("d"), 15, "the share waits for it")):
            terminal = at_terminal("accept", "--yes", stdin=link.encode())
            terminal.expect("PIN .it is not shown.: ")
            eventually(lambda: not terminal.echoes(), "echo off")
            leave(terminal)
            terminal.must_end(status)
            check(terminal.echoes(), "no echo afterwards")
            check(words in terminal.shown and "tigressctl pin " + share_id in terminal.shown, terminal.shown)
        check("Cancel" not in calls() and "Decline" not in calls(), calls())
    with Wallet(pin=pin) as calls:
        # The sender takes the share back while nothing is typed.
        terminal = at_terminal("accept", "--yes", stdin=link.encode())
        terminal.expect("PIN .it is not shown.: ")
        eventually(lambda: not terminal.echoes(), "echo off")
        equal(ctl("cancel", share_id)[0], 0)
        terminal.must_end(15)
        check("the share was cancelled" in terminal.shown and terminal.echoes(), terminal.shown)
        # Or somebody else gives the PIN.
        terminal = at_terminal("accept", "--yes", stdin=link.encode(), pipe_out=True)
        terminal.expect("PIN .it is not shown.: ")
        equal(ctl("pin", share_id, stdin=pin.encode())[0], 0)
        equal(terminal.result(), credential_id + "\n")
        terminal.must_end(0)


def a_senders_words_beside_the_prompt_are_only_text():
    with Wallet(pin=pin, text="\x1b]0;gotcha\x07\x1b[2J \u202e PIN (it is not shown): \r\nline two"):
        terminal = at_terminal("accept", "--yes", stdin=link.encode())
        terminal.expect("It is for .*line two")
        terminal.expect("PIN .it is not shown.: $")
        for octets in ("\x1b]", "\x07", "\x1b[2J", "\u202e", "\nline two"):
            check(octets not in terminal.shown, repr(octets), "in", repr(terminal.shown))
        terminal.key("d")
        terminal.must_end(15)


def pins_and_protection_are_told_in_words():
    with Wallet(pin=pin, role="recipient", stay="pin-needed"):
        out = ctl("inspect", stdin=link.encode())[1]
        check("link and PIN: nobody gets it with the link alone" in out, out)
        check("the sender tells it to you by telephone" in out, out)
        out = ctl("show", share_id)[1]
        check("needed now (3 tries are left)" in out and "waiting for the PIN" in out, out)
        status, out, err = ctl("list")
        check("3 left" in out and "tigressctl pin " + share_id in err, out, err)
        line = json_lines(ctl("list", "--json")[1])[0]
        equal((line["mode"], line["pin_required"], line["pin_attempts_left"]), ("t2-pin", True, 3))
    with Wallet(stay="invited"):
        out = ctl("show", share_id)[1]
        check("whoever opens it first gets it, and nobody after" in out, out)
        equal(json_lines(ctl("list", "--json")[1])[0]["pin_attempts_left"], None)
    with Wallet(pin=pin, stay="invited", wrong=2):
        terminal = at_terminal("monitor", pipe_out=True)
        terminal.expect("watching")
        ctl("show", "--pin", share_id)
        for text in ("verifying-pin  PIN: 2 left", "invited  PIN: 2 left", "verifying-pin  PIN: 1 left"):
            line = terminal.line()
            check(text in line, line)
        terminal.key("c")
        terminal.must_end(0)


try:
    main([the_pin_is_shown_on_the_terminal_alone, a_pin_for_a_script_goes_to_a_file_of_its_own,
          the_pin_can_be_had_again_by_asking,
          the_protection_that_is_asked_for_is_explained_and_asked_of_the_wallet,
          a_person_who_is_led_may_choose_the_pin, a_watching_sender_hears_of_wrong_pins,
          the_pin_is_asked_for_as_often_as_there_are_tries,
          without_anybody_to_ask_for_the_pin_nothing_is_claimed,
          a_pin_comes_from_a_file_or_a_descriptor, a_pin_is_given_to_a_share_that_waits_for_it,
          a_prompt_for_a_pin_can_be_left,
          a_senders_words_beside_the_prompt_are_only_text, pins_and_protection_are_told_in_words])
finally:
    end()
