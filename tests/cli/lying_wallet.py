#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
lying_wallet.py TIGRESSCTL FAKE-WALLET [TEST…] - tigressctl against a wallet that
refuses, hangs, and hands on what strangers wrote: on a bus of its own, needs no root.
"""

import base64
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import unicodedata

from fake_wallet import (Wallet, at_terminal, credential_id, ctl, end, environment, errors, home,
                         json_lines, link, share_id, tigressctl)
from terminal import Terminal, check, equal, eventually, main, run

def each_error_has_its_exit_status():
    for number, name in enumerate(errors, 1):
        with Wallet(error=name, text="it is so"):
            status, out, err = ctl("share", "-", stdin=b"content")
            equal((status, out), (number, ""), name)
            check(err.startswith("tigressctl: error: it is so\n"), err)
            equal(ctl("accept", stdin=link.encode())[0], number, name)
            equal(ctl("inspect", "--json", stdin=link.encode())[0], number, name)


def each_end_has_its_exit_status():
    ends = {"completed": 0, "cancelled": 15, "declined": 14, "expired": 6, "refused": 5, "burned": 13,
            "failed": 1, "revoked": 15, "relinquished": 15, "of-another-world": None}
    for end, wanted in ends.items():
        if wanted is None:
            continue
        with Wallet(outcome=end):
            equal(ctl("share", "--watch", "-", stdin=b"content")[0], wanted, "share " + end)
            status, out, err = ctl("accept", stdin=link.encode())
            equal(status, wanted, "accept " + end + err)
            equal(out, credential_id + "\n" if end == "completed" else "")
    for number, name in enumerate(errors, 1):
        with Wallet(outcome="failed", failure=name):
            equal(ctl("accept", stdin=link.encode())[0], number, "failed with " + name)


# What a terminal would act on, or nobody would see.
hostile = ("\x1b]0;gotcha\x07\x1b[2J\x9b31mred\x7f \u202eright to left\u202c \u2066x\u2069 \u200b\u200d\ufeff"
           "\u2028\u2029 \u00ad \u061c\u115f\u3164 \ue000 \U000e0041 \r\nline two\ttab <b>&amp;\"\\ \U0001f42f")


def shows_only_text(text, what):
    for character in text.replace("\n", ""):
        category = unicodedata.category(character)
        check(category not in ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp") and
              character not in "\u115f\u1160\u3164\uffa0", what, "lets", repr(character), "through")
    check("line two" in text, what, "does not show the text at all")
    check("\nline two" not in text, what, "lets a line feed through")


def text_of_strangers_is_only_text():
    verbs = [["list", "--all"], ["show", share_id], ["show", credential_id], ["credentials"], ["relays"],
             ["lent"], ["log"]]
    with Wallet(text=hostile, stay="completed", failure="Declined"):
        for verb in verbs:
            for form in ([], ["--json"]):
                status, out, err = ctl(*verb, *form)
                equal(status, 0, verb)
                shows_only_text(out, " ".join(verb + form))
                if form:
                    check(hostile in json.dumps(json_lines(out), ensure_ascii=False).encode().decode() or
                          any(hostile in str(value) for one in json_lines(out) for value in one.values()),
                          verb, "does not keep the text")
                shows_only_text(err + "line two", " ".join(verb))
        for verb in (["inspect"], ["inspect", "--json"]):
            shows_only_text(ctl(*verb, stdin=link.encode())[1], verb[-1])
        shows_only_text(ctl("accept", stdin=link.encode())[2], "accept")
        shows_only_text(ctl("doctor")[1], "doctor")
        shows_only_text(ctl("doctor", "--json")[1], "doctor --json")
    with Wallet(text=hostile, error="Denied"):
        # An error is a sentence: what could not stand in one is taken out of it.
        out, err = ctl("list")[1:]
        status, out, err = ctl("reveal", credential_id)
        shows_only_text(ctl("share", "-", stdin=b"x")[2], "an error")
    with Wallet(text=hostile, outcome="declined", failure="Declined"):
        shows_only_text(ctl("share", "--watch", "-", stdin=b"x")[2], "the sentence of an end")


def every_verb_prints_json_lines():
    with Wallet():
        def types(*arguments, stdin=b""):
            status, out, err = ctl(*arguments, "--json", stdin=stdin)
            equal(status, 0, (arguments, err))
            return [line["type"] for line in json_lines(out)]
        equal(types("list", "--all"), ["share"])
        equal(types("credentials"), ["credential"])
        equal(types("lent"), ["share"])
        equal(types("log"), ["entry"])
        equal(ctl("log", "--verify")[0], 8, "whose one entry has a hash that is none")
        equal(types("show", share_id[:4]), ["share"])
        equal(types("show", credential_id), ["credential"])
        equal(types("inspect", stdin=link.encode()), ["inspection"])
        equal(types("relays"), ["relay", "relay"])
        equal(types("share", "-", stdin=b"x"), ["invitation"])
        for verb, answer in (("cancel", "share"), ("decline", "share"), ("relinquish", "share"),
                             ("forget", "forgotten"), ("show", "share")):
            equal(types(verb, share_id), [answer])
        equal(types("reveal", credential_id), ["content"])
        equal(types("use", credential_id, "ssh-agent", "--option", "lifetime=1h"), ["used"])
        equal(types("remove", credential_id), ["removed"])
        check(len(json_lines(ctl("doctor", "--json")[1])) > 3, "doctor")
    with Wallet():
        equal(types("share", "--watch", "-", stdin=b"x"), ["invitation", "share", "share"])
    with Wallet():
        equal(types("accept", stdin=link.encode()), ["share"])
    with Wallet():
        out = ctl("share", "-", "--json", stdin=b"x")[1]
        equal(json_lines(out)[0]["link"], link)


def without_a_wallet_it_says_what_to_do():
    for verb in (["list"], ["share", "-"], ["accept"], ["credentials"], ["monitor"]):
        status, out, err = ctl(*verb, stdin=b"x")
        equal((status, out), (1, ""), verb)
        check("error: cannot reach the wallet" in err and "hint: is tigress installed?" in err, err)
    status, out, err = run([tigressctl, "list"], env={"PATH": "/usr/bin:/bin", "HOME": home})
    equal(status, 1)
    check("no session bus" in err and "dbus-run-session" in err, err)


def no_ask_lets_nobody_ask():
    with Wallet() as calls:
        equal(ctl("share", "-", stdin=b"x")[0], 0)
        check("CreateShare may-ask" in calls(), calls())
    with Wallet() as calls:
        equal(ctl("share", "--no-ask", "-", stdin=b"x")[0], 0)
        equal(ctl("reveal", "--no-ask", credential_id)[0], 0)
        check("may-ask" not in calls(), calls())
        check("CreateShare" in calls(), calls())
        status, out, err = ctl("share", "--no-ask")
        equal(status, 2)


def secrets_travel_by_descriptor():
    path = os.path.join(home, "content")
    with open(path, "w") as file:
        file.write("from a file\n")
    with Wallet() as calls:
        equal(ctl("share", "-", stdin=b"from stdin")[0], 0)
        equal(ctl("share", "--content-file", path)[0], 0)
        equal(ctl("share", "--content-file", "-", stdin=b"from dash")[0], 0)
        reader, writer = os.pipe()
        os.write(writer, b"from a descriptor")
        os.close(writer)
        equal(ctl("share", "--content-fd", str(reader), pass_fds=[reader])[0], 0)
        equal(ctl("accept", stdin=(" \n" + link + "\r\n ").encode())[0], 0)
        for content in ("from stdin", "from a file\n", "from dash", "from a descriptor", link):
            check("[" + content + "]" in calls(), repr(content), "not in", calls())


def what_is_given_wrongly_is_refused_and_not_repeated():
    canary = "canary-4711-tiger"
    with Wallet() as calls:
        for arguments in (["accept", "https://relay.example/v1/m/x#" + canary], ["inspect", canary],
                          ["share", canary], ["share", "--" + canary], ["share", "--content=" + canary],
                          [canary], ["list", canary], ["show"], ["share", "--expires-in", canary],
                          ["share", "--attribute", canary], ["share", "--item", canary],
                          ["share", "--kind"], ["share", "--title", "a", "--title", "b"],
                          ["share", "--watch", "--no-wait", "-"], ["share", "--json=1", "-"],
                          ["share", "-", "--content-file", "/dev/null"], ["share"], ["forget"],
                          ["forget", "--ended", "x"], ["list", "--all", "--ended"], ["relays", "eat"],
                          ["relays", "add"], ["relays", "add", "http://relay.example"],
                          ["use", credential_id, "x", "--option", canary],
                          ["share", "--content-fd", "77"], ["share", "--content-fd", canary],
                          ["share", "--content-file", home], ["share", "--content-file", home + "/none"],
                          ["share", "--content-file", "/dev/null"], ["accept", "--secret-fd", "1",
                                                                     "--secret-file", "x"]):
            status, out, err = ctl(*arguments)
            equal((status, out), (2, ""), (arguments, err))
            check(canary not in err, arguments, "is repeated:", err)
            lines = err.splitlines()
            check(lines[-1].startswith(("tigressctl: hint:", "tigressctl: error:")), err)
            check(lines[0][len("tigressctl: error: ")].islower() or lines[0].count("--"), err)
        status, out, err = ctl("share", "-", stdin=b"x" * 45057)
        equal(status, 2)
        equal(ctl("accept", stdin=b"y" * 9000)[0], 2)
        equal(ctl("show", "no/such#thing")[0], 3)
        equal(ctl("show", "123456")[0], 3)
        check("CreateShare" not in calls() and "Accept" not in calls(), calls())


def ctrl_c_before_the_link_cancels():
    for send in (lambda t: t.key("c"), lambda t: t.kill(signal.SIGTERM), lambda t: t.kill(signal.SIGHUP)):
        with Wallet(stay="uploading") as calls:
            terminal = at_terminal("share", "-", stdin=b"x")
            terminal.expect("handing the invitation")
            send(terminal)
            terminal.must_end(15)
            check("Cancel may-ask\n" in calls() and "GetInvitation" not in calls(), calls())
            check("http" not in terminal.shown.split("handing")[1], terminal.shown)
    with Wallet(hang="CreateShare") as calls:
        terminal = at_terminal("share", "-", stdin=b"x")
        eventually(lambda: "CreateShare" in calls(), "the call")
        terminal.key("c")
        terminal.must_end(15)
        check("interrupted; nothing was shared" in terminal.shown, terminal.shown)


def ctrl_c_after_the_link_stops_watching():
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with Wallet(stay="invited") as calls:
            terminal = at_terminal("share", "-", stdin=b"x")
            terminal.expect("https://relay.example")
            terminal.expect("waiting for the recipient")
            terminal.kill(number)
            terminal.must_end(status)
            check("the share lives on" in terminal.shown, terminal.shown)
            check("tigressctl cancel " + share_id in terminal.shown, terminal.shown)
            check("Cancel" not in calls(), calls())
    with Wallet(stay="exchanging") as calls:
        terminal = at_terminal("accept", "--yes", stdin=link.encode())
        terminal.expect("waiting for the sender")
        terminal.key("c")
        terminal.must_end(130)
        check("tigressctl decline " + share_id in terminal.shown, terminal.shown)


def a_link_that_cannot_be_printed_is_cancelled():
    with Wallet(stay="invited") as calls:
        with open("/dev/full", "w") as full:
            done = subprocess.run([tigressctl, "share", "-"], input=b"x", stdout=full,
                                  stderr=subprocess.PIPE, env=environment)
        equal(done.returncode, 1, done.stderr)
        check("Cancel may-ask\n" in calls(), calls())
    with Wallet(stay="invited") as calls:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([tigressctl, "share", "-"], input=b"x", stdout=writer,
                              stderr=subprocess.PIPE, env=environment)
        os.close(writer)
        equal(done.returncode, 1, done.stderr)
        check("Cancel may-ask\n" in calls(), calls())
    with Wallet():
        done = subprocess.run([tigressctl, "list", "--all"], stdout=open("/dev/full", "w"),
                              stderr=subprocess.PIPE, env=environment)
        equal(done.returncode, 1)
        check(b"cannot write the result" in done.stderr, done.stderr)


def a_pipe_gets_the_link_alone():
    with Wallet(stay="invited"):
        status, out, err = ctl("share", "-", stdin=b"x")
        equal((status, out), (0, link + "\n"))
        terminal = at_terminal("share", "-", stdin=b"x", pipe_out=True)
        equal(terminal.result(), link + "\n")
        terminal.must_end(0)
        check(link not in terminal.shown, "the link is on stderr as well")


def echo_comes_back_whatever_ends_it():
    deaths = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGSEGV", "SIGUSR1", "SIGUSR2",
              "SIGALRM", "SIGBUS", "SIGFPE", "SIGILL", "SIGXCPU", "SIGPROF"]
    with Wallet() as calls:
        for name in deaths:
            terminal = at_terminal("accept")
            terminal.expect("it is not shown")
            eventually(lambda: not terminal.echoes(), "echo off")
            terminal.kill(getattr(signal, name))
            eventually(terminal.echoes, "echo on again after " + name)
            status = terminal.end()
            check(status == 15 if name in deaths[:3] else status != 0, name, status)
        check("Accept" not in calls(), calls())


def echo_comes_back_while_it_is_stopped():
    with Wallet() as calls:
        # A shell with job control: what nobody could continue is not stopped.
        terminal = Terminal(["bash", "-c", f"set -m; {tigressctl} accept --yes; echo stopped=$?; read go; fg"],
                            env=environment)
        terminal.expect("it is not shown")
        eventually(lambda: not terminal.echoes(), "echo off")
        terminal.key("z")
        terminal.expect("stopped=148")
        check(terminal.echoes(), "no echo while it is stopped")
        terminal.type("")
        terminal.expect("it is not shown")
        terminal.type_secret(link)
        terminal.must_end(0)
        check("c2VjcmV0" not in terminal.shown, "the link was echoed")
        check("[" + link + "]" in calls(), calls())


def what_is_typed_is_not_shown():
    with Wallet() as calls:
        terminal = at_terminal("share", "--title", "T", "--format", "digitalwallet.generic.authorizationToken",
                               "--no-wait")
        terminal.expect("24h\\]: ")
        terminal.type("90s")
        terminal.expect("Content .*: ")
        terminal.type_secret("typed-canary")
        terminal.expect("with a PIN too")
        terminal.type("")
        terminal.expect("whoever opens it first")
        terminal.expect("Share it")
        terminal.type("")
        terminal.must_end(0)
        check("typed-canary" not in terminal.shown, terminal.shown)
        check("[typed-canary]" in calls(), calls())
    with Wallet() as calls:
        terminal = at_terminal("share")
        terminal.expect("1\\]: ")
        terminal.type("7")
        terminal.expect("1\\]: ")
        terminal.type("1")
        terminal.expect("Title")
        terminal.key("d")
        terminal.must_end(15)
        check("CreateShare" not in calls(), calls())
        terminal = at_terminal("accept")
        terminal.expect("it is not shown")
        terminal.type_secret(link)
        terminal.expect("Accept it")
        terminal.type("perhaps")
        terminal.expect("Accept it")
        terminal.type("")
        terminal.must_end(15)
        check("AcceptInvitation" not in calls(), calls())


def others_see_no_secret():
    with Wallet(stay="invited"):
        terminal = at_terminal("share", "-", stdin=b"content-canary")
        terminal.expect("waiting for the recipient")
        for name in ("cmdline", "environ", "comm"):
            with open(f"/proc/{terminal.pid}/{name}", "rb") as file:
                data = file.read()
            check(b"content-canary" not in data and b"c2VjcmV0" not in data, name, data)
        with open(f"/proc/{terminal.pid}/limits") as file:
            limits = file.read()
        check(re.search(r"Max core file size +0 +0 ", limits), limits)
        terminal.key("c")
        terminal.must_end(130)


def reveal_gives_octets_and_shows_text():
    secret = "line one\n\x1b[2J\u202etwo"
    with Wallet(text=secret):
        equal(subprocess.run([tigressctl, "reveal", credential_id], capture_output=True,
                             env=environment).stdout, secret.encode())
        answer = json_lines(ctl("reveal", "--json", credential_id)[1])[0]
        equal(base64.b64decode(answer["octets"]), secret.encode())
        terminal = at_terminal("reveal", credential_id)
        terminal.must_end(0)
        check("line one\r\n\\x1b[2J\\u{202e}two\r\n" in terminal.shown, repr(terminal.shown))
        path = os.path.join(home, "revealed")
        equal(ctl("reveal", credential_id, "--output", path)[0], 0)
        with open(path, "rb") as file:
            equal(file.read(), secret.encode())
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        status, out, err = ctl("reveal", credential_id, "--output", path)
        equal(status, 2)
        os.unlink(path)
    with Wallet(error="Denied"):
        equal(ctl("reveal", credential_id, "--output", path)[0], 5)
        check(not os.path.exists(path), "a file is left behind")


def relays_keep_a_persons_file():
    folder = os.path.join(environment["XDG_CONFIG_HOME"], "tigress")
    path = os.path.join(folder, "tigress.conf")
    real = os.path.join(home, "dotfiles.conf")
    os.makedirs(folder)
    with open(real, "w") as file:
        file.write("# mine\n[Wallet]\n# the office\nTrustedRelays=https://a.example;https://B.example:443/;\n")
    os.symlink(real, path)

    def content():
        with open(path) as file:
            return file.read()
    equal(ctl("relays", "add", "HTTPS://C.example:8443", "--default")[0], 0)
    check("# mine\n" in content() and "# the office\n" in content(), content())
    check("Relay=https://c.example:8443\n" in content(), content())
    equal(ctl("relays", "remove", "https://b.example")[0], 0)
    check("B.example" not in content() and "https://a.example" in content(), content())
    check(os.path.islink(path), "the symbolic link is gone")
    before = content()
    equal(ctl("relays", "remove", "https://never.example")[0], 3)
    equal(ctl("relays", "add", "https://x.example/path")[0], 2)
    equal(content(), before)
    with open(real, "w") as file:
        file.write("no group\n")
    status, out, err = ctl("relays", "add", "https://d.example")
    equal(status, 2)
    check("tigress.conf" in err and "hint: " in err, err)
    equal(content(), "no group\n")
    os.unlink(path)
    os.unlink(real)
    equal(ctl("relays", "add", "https://first.example")[0], 0)
    check("Relay=https://first.example" in content(), "the first is not the default", content())
    os.unlink(path)


def colours_only_where_they_are_wanted():
    with Wallet():
        for setting, wanted in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            terminal = Terminal([tigressctl, "list", "--all"], env={**environment, **setting})
            terminal.must_end(0)
            equal("\x1b[" in terminal.shown, wanted, setting)
        check("\x1b" not in ctl("list", "--all")[1], "colours in a pipe")


def a_row_fits_on_a_line():
    with Wallet(text="a very long title " * 20):
        for columns in (70, 80, 200):
            terminal = at_terminal("list", "--all", columns=columns)
            terminal.must_end(0)
            for row in terminal.shown.splitlines():
                bare = row.replace("\x1b[1m", "").replace("\x1b[0m", "")
                check(len(bare) <= columns, columns, repr(bare))


def monitor_tells_changes():
    with Wallet(stay="invited") as calls:
        terminal = at_terminal("monitor", "--json", pipe_out=True)
        terminal.expect("watching")
        equal(ctl("cancel", share_id)[0], 0)
        event = json.loads(terminal.line())
        equal((event["event"], event["id"], event["state"]), ("changed", share_id, "cancelled"))
        terminal.key("c")
        equal(terminal.result(), "")
        terminal.must_end(0)
        check("GetManagedObjects" in calls(), calls())


def help_fits_a_screen():
    status, out, err = ctl("--help")
    verbs = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    check(len(verbs) >= 18, verbs)
    for arguments in [[]] + [[verb] for verb in verbs]:
        status, out, err = ctl(*arguments, "--help")
        lines = out.splitlines()
        equal((status, err), (0, ""))
        room = 23 if arguments else len(verbs) + 5  # of the verbs there are too many for a screen
        check(len(lines) <= room and max(map(len, lines)) <= 80, arguments, len(lines))
        check(lines[-1].startswith("Example: "), arguments)
        equal(ctl(*arguments, "-h")[1], out)
    check(ctl("--version")[1].startswith("tigressctl "), "version")


def a_person_may_take_longer_than_a_bus_waits():
    with Wallet(hang="CreateShare") as calls:
        terminal = at_terminal("share", "-", stdin=b"x", pipe_out=True)
        eventually(lambda: "CreateShare" in calls(), "the call")
        time.sleep(26)  # a call without a time-out of its own has 25 s
        calls.process.send_signal(signal.SIGUSR1)
        equal(terminal.result(), link + "\n")
        terminal.must_end(0)


try:
    if sys.argv[1:] == ["slow"]:
        del sys.argv[1]
        main([a_person_may_take_longer_than_a_bus_waits])
        sys.exit()
    main([each_error_has_its_exit_status, each_end_has_its_exit_status, text_of_strangers_is_only_text,
          every_verb_prints_json_lines, without_a_wallet_it_says_what_to_do, no_ask_lets_nobody_ask,
          secrets_travel_by_descriptor, what_is_given_wrongly_is_refused_and_not_repeated,
          ctrl_c_before_the_link_cancels, ctrl_c_after_the_link_stops_watching,
          a_link_that_cannot_be_printed_is_cancelled, a_pipe_gets_the_link_alone,
          echo_comes_back_whatever_ends_it, echo_comes_back_while_it_is_stopped,
          what_is_typed_is_not_shown, others_see_no_secret, reveal_gives_octets_and_shows_text,
          relays_keep_a_persons_file, colours_only_where_they_are_wanted, a_row_fits_on_a_line,
          monitor_tells_changes, help_fits_a_screen])
finally:
    end()
