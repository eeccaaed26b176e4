#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
two_people.py [TEST…] - alice and bob with tigressctl, on real parts; to be run in a
world: tests/world tests/cli/two_people.py
"""

import base64
import json
import os
import pwd
import re
import subprocess
import sys
import uuid

from terminal import DEADLINE_S, Terminal, check, claim, equal, eventually, main, run

tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
if "TIGRESS_WORLD" not in os.environ:
    world = os.path.join(tests, "world")
    os.execv(world, [world, sys.executable, os.path.abspath(__file__), *sys.argv[1:]])

sys.path.insert(0, os.path.join(tests, "fakes"))
from pins import another  # noqa: E402

relay = os.environ["TIGRESS_TRIAL_RELAY"]


def ctl(user, *arguments, stdin=b""):
    return run(["as", user, "tigressctl", *arguments], stdin=stdin)


def at_terminal(user, *arguments, **more):
    return Terminal(["as", user, "tigressctl", *arguments], **more)


def world_does(*command):
    subprocess.run(command, check=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)


def must(user, *arguments, stdin=b"", status=0):
    got, out, err = ctl(user, *arguments, stdin=stdin)
    check(got == status, user, arguments, "status", got, "wanted", status, out, err)
    return out


def invite(*options, content=b"content", user="alice"):
    """A new share: its id, its link."""
    answer = json.loads(must(user, "share", "--json", *options, "-", stdin=content))
    return answer["id"], answer["link"]


def share(*options, content=b"content"):
    return invite(*options, content=content)[1]


def watched(*options):
    """A share of alice's that is being watched on a terminal: that, its id, its link."""
    terminal = at_terminal("alice", "share", "--json", "--watch", *options, "-", stdin=b"x",
                           pipe_out=True)
    answer = json.loads(terminal.line())
    return terminal, answer["id"], answer["link"]


def shares(user, *options):
    return [json.loads(line) for line in must(user, "list", "--json", *options).splitlines()]


def credential(user, identity):
    return json.loads(must(user, "show", "--json", identity))


def octets(user, identity):
    """From the keyring itself, not through our own daemon."""
    return run(["as", user, "secret-tool", "lookup", "tigress", "credential", "id", identity])[1]


def state(user, identity):
    return json.loads(must(user, "show", "--json", identity))["state"]


def a_credential_goes_from_one_to_the_other():
    number, link = invite("--title", "Deploy token", "--description", "for the build",
                          content=b"s3cret\n\x00\xff")
    check(link.startswith(relay), link)
    facts = json.loads(must("bob", "inspect", "--json", stdin=link.encode()))
    equal((facts["trusted"], facts["fetched"], facts["title"]), (True, True, "Shared credential"))
    identity = must("bob", "accept", stdin=link.encode()).strip()
    answer = json.loads(must("bob", "reveal", "--json", identity))
    equal(base64.b64decode(answer["octets"]), b"s3cret\n\x00\xff")
    facts = credential("bob", identity)
    equal((facts["title"], facts["description"]), ("Deploy token", "for the build"))
    equal(must("bob", "accept", stdin=link.encode()).strip(), identity, "the same link again:")
    eventually(lambda: state("alice", number) == "completed", "the sender's end")
    must("bob", "remove", identity)
    must("bob", "reveal", identity, status=3)


def a_person_at_a_terminal_is_led_through():
    world_does("consent", "alice", "ask")
    world_does("consent", "bob", "ask")
    terminal = at_terminal("alice", "share")
    terminal.expect(r"1\]: ")
    terminal.type("1")
    terminal.expect("Title.*: ")
    terminal.type("My token")
    terminal.expect(r"24h\]: ")
    terminal.type("10m")
    terminal.expect("Content")
    terminal.type_secret("typed-s3cret")
    terminal.expect("with a PIN too")
    terminal.type("")
    terminal.expect("at most 10 min")
    terminal.expect("Share it")
    terminal.type("y")
    terminal.expect("Password: ")
    terminal.type_secret("alice-login")
    link = terminal.expect(r"(https://\S+)\r\n").group(1)
    terminal.expect("waiting for the recipient")

    other = at_terminal("bob", "accept", pipe_out=True)
    other.expect("not shown")
    other.type_secret(link)
    other.expect("Accept it")
    other.type("y")
    other.expect("Password: ")
    other.type_secret("bob-login")
    identity = other.line().strip()
    other.must_end(0)
    terminal.expect("the recipient has it")
    terminal.must_end(0)
    equal(octets("bob", identity), "typed-s3cret")
    for one in (terminal, other):
        check("typed-s3cret" not in one.shown and "-login" not in one.shown, "echoed:", one.shown)
    check(link not in other.shown, "the link was echoed")


def what_is_piped_in_leaves_the_terminal_to_polkit():
    world_does("consent", "alice", "ask")
    terminal = at_terminal("alice", "share", "-", stdin=b"x", pipe_out=True)
    terminal.expect("Password: ")
    terminal.type_secret("alice-login")
    check(terminal.line().startswith(relay), "a link")
    terminal.must_end(0)


def agent_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()[0]


def without_consent_nothing_is_shared():
    world_does("consent", "alice", "ask")
    before = len(shares("alice"))
    terminal = at_terminal("alice", "share", "-", stdin=b"x")
    terminal.expect("Password: ")
    terminal.type_secret("wrong")
    terminal.must_end(5)
    terminal = at_terminal("alice", "share", "-", stdin=b"x")
    terminal.expect("Password: ")
    eventually(lambda: not terminal.echoes(), "echo off")
    terminal.key("c")
    terminal.must_end(15)
    check(terminal.echoes(), "no echo after the dialog was left")
    terminal = at_terminal("alice", "share", "-", stdin=b"x")
    terminal.expect("Password: ")
    eventually(lambda: not terminal.echoes(), "echo off")
    # An agent that dies cannot tidy up behind itself.
    world_does("kill", "-KILL", agent_of(terminal.pid))
    terminal.must_end(5)
    check(terminal.echoes(), "no echo after the agent died")
    status, out, err = ctl("alice", "share", "-", stdin=b"x")
    equal((status, out), (5, ""))
    check("nobody could be asked" in err, err)
    terminal = at_terminal("alice", "share", "--no-ask", "-", stdin=b"x")
    terminal.must_end(5)
    check("Password" not in terminal.shown and "leave it out" in terminal.shown, terminal.shown)
    world_does("consent", "alice", "no")
    must("alice", "share", "-", stdin=b"x", status=5)
    equal(len(shares("alice")), before)


def a_watched_share_tells_its_end():
    terminal, number, link = watched()
    must("alice", "cancel", number, "--reason", "changed my mind")
    terminal.must_end(15)

    terminal, number, link = watched("--compat")  # else a decline may cross the answer to bob's
    world_does("keyring", "bob", "lock")
    other = must("bob", "accept", "--no-ask", "--no-wait", stdin=link.encode()).strip()
    must("bob", "decline", other, "--reason", "not mine")
    world_does("keyring", "bob", "unlock")
    terminal.must_end(14)
    check("not mine" in terminal.shown, terminal.shown)


def errors_are_told_apart():
    number, link = invite()
    mailbox, secret = link.split("#")
    flipped = secret[:9] + ("A" if secret[9] != "A" else "B") + secret[10:]
    stranger = link.replace(relay, "https://relay.invalid")
    status, out, err = ctl("bob", "accept", stdin=stranger.encode())
    equal(status, 10)
    check("hint: if you do: tigressctl relays add https://relay.invalid\n" in err, err)
    must("bob", "inspect", "--no-fetch", stdin=stranger.encode())

    def gone():
        """No relay has ever heard of it."""
        return (re.sub("/[0-9a-f-]{36}", "/" + str(uuid.uuid4()), mailbox) + "#" + secret).encode()
    must("bob", "inspect", stdin=gone(), status=6)
    must("bob", "accept", stdin=gone(), status=6)
    must("bob", "accept", "--no-fetch", stdin=gone(), status=6)
    # Nobody is asked for what can only fail: without an agent that would be Denied.
    world_does("consent", "bob", "ask")
    must("bob", "accept", stdin=gone(), status=6)
    world_does("consent", "bob", "yes")
    must("bob", "accept", stdin=b"https://", status=2)
    must("alice", "accept", stdin=f"{mailbox}#{flipped}".encode(), status=12)
    must("alice", "relinquish", number, status=4)
    must("alice", "show", "feedfeed", status=3)
    must("alice", "share", "--title", "\x1b[2J", "-", stdin=b"x", status=2)
    must("alice", "share", "--relay", "https://relay.invalid", "-", stdin=b"x", status=10)
    must("alice", "share", "--expires-in", "1s", "-", stdin=b"x", status=2)
    link = share()
    world_does("relay", "kill")
    must("bob", "inspect", stdin=link.encode(), status=7)
    world_does("relay", "start")
    must("bob", "accept", stdin=link.encode())


def a_second_recipient_is_told_so():
    link = share()
    must("alice", "accept", stdin=link.encode())
    status, out, err = ctl("bob", "accept", stdin=link.encode())
    check(status in (6, 12), status, err)


def a_locked_keyring_is_told_so():
    identity = must("bob", "accept", stdin=share().encode()).strip()
    world_does("keyring", "bob", "lock")
    status, out, err = ctl("bob", "reveal", "--no-ask", identity)
    equal((status, out), (11, ""))
    check("unlock" in err, err)
    world_does("keyring", "bob", "unlock")
    equal(ctl("bob", "reveal", identity)[1], "content")


def a_watch_lives_through_a_restart_of_the_wallet():
    terminal, number, link = watched()
    terminal.expect("waiting for the recipient")
    world_does("wallet", "alice", "kill")
    must("bob", "accept", stdin=link.encode())
    terminal.must_end(0)


def an_item_of_the_keyring_is_shared():
    subprocess.run(["as", "alice", "secret-tool", "store", "--label", "Backup", "service", "backup"],
                   input=b"item-s3cret", check=True, timeout=DEADLINE_S)
    link = must("alice", "share", "--no-pin", "--attribute", "service=backup").strip()
    identity = must("bob", "accept", "--title", "Her backup", stdin=link.encode()).strip()
    equal(credential("bob", identity)["title"], "Her backup")
    must("alice", "share", "--attribute", "service=none", status=3)


def what_was_accepted_is_shared_on():
    identity = must("bob", "accept", stdin=share(content=b"to be shared on").encode()).strip()
    link = must("bob", "share", "--compat", "--credential", identity[:12]).strip()
    other = must("alice", "accept", stdin=link.encode()).strip()
    equal(ctl("alice", "reveal", other)[1], "to be shared on")


def the_link_can_be_had_again_by_asking():
    identity, link = invite()
    equal(must("alice", "show", "--link", identity).strip(), link)
    world_does("consent", "alice", "no")
    must("alice", "show", "--link", identity, status=5)


def a_secret_may_come_by_another_way():
    address, secret = share(content=b"apart").split("#")
    must("bob", "accept", stdin=address.encode(), status=2)
    terminal = at_terminal("bob", "accept", "--yes", stdin=address.encode(), pipe_out=True)
    terminal.expect("Secret of the link")
    terminal.type_secret(secret)
    equal(octets("bob", terminal.line().strip()), "apart")
    terminal.must_end(0)


def mistyped(pin):
    return str((int(pin[0]) + 1) % 10) + pin[1:]


def shared_with_pin(*options, content=b"content"):
    """A sender who watches at her terminal: that, his link, and the PIN that she reads there."""
    terminal = at_terminal("alice", "share", "--pin", "--watch", *options, "-", stdin=content,
                           pipe_out=True)
    link = terminal.line().strip()
    return terminal, link, terminal.expect(r"PIN: ([0-9]{3}-[0-9-]+)\r\n").group(1)


def a_pin_is_spoken_from_one_to_the_other():
    terminal, link, pin = shared_with_pin("--title", "Deploy token", content=b"with a PIN")
    equal(len(pin), 9)
    check("link and PIN" in must("bob", "inspect", stdin=link.encode()), "inspect does not say it")
    other = at_terminal("bob", "accept", "--yes", stdin=link.encode(), pipe_out=True)
    other.expect("3 tries are left")
    other.type_secret(mistyped(pin))
    other.expect("mistyped")
    other.expect("PIN .it is not shown")
    other.type_secret(another(pin))
    other.expect("wrong PIN: 2 tries are left")
    terminal.expect("somebody has the link and gave a wrong PIN: 2 tries are left")
    other.expect("PIN .it is not shown")
    other.type_secret(" " + pin.replace("-", " "))
    identity = other.line().strip()
    other.must_end(0)
    terminal.expect("the recipient has it")
    terminal.must_end(0)
    equal(octets("bob", identity), "with a PIN")
    equal(credential("bob", identity)["title"], "Deploy token")
    check(pin not in other.shown and another(pin) not in other.shown, "the PIN was echoed")


def three_wrong_pins_end_it_and_the_sender_hears_of_it():
    terminal, link, pin = shared_with_pin()
    other = at_terminal("bob", "accept", "--yes", stdin=link.encode())
    for tries in ("3 tries are left", "2 tries are left", "1 try is left"):
        other.expect(tries)
        other.expect("PIN .it is not shown")
        other.type_secret(another(pin))
    other.must_end(13)
    check("a new link and a new PIN" in other.shown, other.shown)
    terminal.must_end(13)
    check("somebody with this link" in terminal.shown, terminal.shown)
    check("ask the recipient whether it was him" in terminal.shown, terminal.shown)
    # The right one is worth nothing any more.
    status, out, err = ctl("bob", "accept", "--yes", "--no-wait", stdin=link.encode())
    check(status != 0, out, err)


def waiting_for_pin(user):
    return [one["id"] for one in shares(user) if one["state"] == "pin-needed"]


def a_script_has_the_pin_in_a_file_and_gives_it_later():
    folder = run(["as", "alice", "mktemp", "-d"])[1].strip()
    answer = json.loads(must("alice", "share", "--json", "--pin-output", folder + "/pin", "-",
                             stdin=b"by a script"))
    pin = run(["as", "alice", "cat", folder + "/pin"])[1]
    check(pin.strip() not in json.dumps(answer), "the PIN is beside the link")
    facts = credential("alice", answer["id"])
    equal((facts["mode"], facts["pin_required"], facts["pin_attempts_left"]), ("t2-pin", True, 3))
    link = answer["link"].encode()
    must("bob", "accept", stdin=link, status=2)
    equal(shares("bob"), [], "nothing was claimed:")
    number = must("bob", "accept", "--no-wait", stdin=link).strip()
    eventually(lambda: waiting_for_pin("bob") == [number], "that it waits for its PIN")
    must("bob", "pin", number, stdin=mistyped(pin).encode(), status=2)
    status, out, err = ctl("bob", "pin", number, stdin=another(pin.strip()).encode())
    equal((status, out), (13, ""))
    check("2 tries are left" in err and "tigressctl pin " + number in err, err)
    equal(octets("bob", must("bob", "pin", number, stdin=pin.encode()).strip()), "by a script")
    eventually(lambda: state("alice", answer["id"]) == "completed", "the sender's end")
    must("alice", "show", "--pin", answer["id"], status=4)
    must("alice", "pin", answer["id"], stdin=pin.encode(), status=4)


def the_pin_may_be_given_with_the_link():
    folder = run(["as", "bob", "mktemp", "-d"])[1].strip()
    number, link = invite("--pin", content=b"at once")
    pin = must("alice", "show", "--pin", number)
    run(["as", "bob", "tee", folder + "/pin"], stdin=pin.encode())
    identity = must("bob", "accept", "--pin-file", folder + "/pin", stdin=link.encode()).strip()
    equal(octets("bob", identity), "at once")
    # A link that wants none: what was typed for another is not handed on.
    must("bob", "accept", "--pin-file", folder + "/pin", stdin=share().encode(), status=2)


def it_goes_over_plain_http_too():
    identity, link = invite("--transport", "tdch", "--no-pin")
    check("/t#" in link, link.partition("#")[0])
    equal(credential("alice", identity)["transport"], "tdch")
    shown = must("bob", "inspect", stdin=link.encode())
    check("plain HTTP" in shown and "PIN may be asked for" in shown, shown)
    equal(octets("bob", must("bob", "accept", stdin=link.encode()).strip()), "content")

    number, link = invite("--transport", "tdch", "--pin", content=b"with a PIN")
    pin = must("alice", "show", "--pin", number)
    received = must("bob", "accept", "--no-wait", stdin=link.encode()).strip()
    eventually(lambda: waiting_for_pin("bob") == [received], "that it waits for its PIN")
    equal(octets("bob", must("bob", "pin", received, stdin=pin.encode()).strip()), "with a PIN")
    for options in (["--transport", "pigeon"], ["--template", "https://a.example/{tigress_location}"]):
        equal(ctl("alice", "share", *options, "-", stdin=b"x")[0], 2, options)


def the_pin_can_be_had_again_by_asking():
    number, link = invite("--pin", "--pin-digits", "13")
    equal(len(must("alice", "show", "--pin", number).strip()), 17)
    world_does("consent", "alice", "no")
    must("alice", "show", "--pin", number, status=5)
    must("bob", "show", "--pin", number, status=3)


def each_kind_has_its_protection():
    subprocess.run(["as", "alice", "secret-tool", "store", "--label", "Backup", "kind", "of"],
                   input=b"item-s3cret", check=True, timeout=DEADLINE_S)
    item = ["share", "--json", "--attribute", "kind=of"]
    for arguments, mode in ((["share", "--json", "-"], "t2"), (["share", "--json", "--kind", "copy", "-"], "t2-pin"),
                            (item, "t2-pin"), ([*item, "--no-pin"], "t2"), ([*item, "--compat"], "t1")):
        answer = json.loads(must("alice", *arguments, stdin=b"x"))
        equal(credential("alice", answer["id"])["mode"], mode, arguments)
        facts = json.loads(must("bob", "inspect", "--json", "--no-fetch", stdin=answer["link"].encode()))
        equal((facts["mode"], facts["pin_required"]), (mode, mode == "t2-pin"), arguments)


def pin_rules(user):
    return run(["as", user, "busctl", "--user", "get-property", "org.tigress.Wallet1",
                "/org/tigress/Wallet1", "org.tigress.Wallet1.Manager", "PinRules"])[1]


def a_pin_that_is_required_is_not_done_without():
    token = "digitalwallet.generic.authorizationToken"
    check(f'"{token}" "token" "optional" "{token}" "copy" "default"' in pin_rules("alice"),
          pin_rules("alice"))
    world_does("as", "alice", "bash", "-c", f"""mkdir -p ~/.config/tigress; cd ~/.config/tigress
        touch tigress.conf; cp tigress.conf before
        printf '[Wallet]\nRequirePin={token}\n' >>tigress.conf""")
    eventually(lambda: f'"{token}" "token" "required"' in pin_rules("alice"), "the new rule")
    must("alice", "share", "--no-pin", "-", stdin=b"x", status=2)
    must("alice", "share", "--compat", "-", stdin=b"x", status=2)
    terminal = at_terminal("alice", "share", "--no-wait", "-", stdin=b"x")
    terminal.expect("The link alone opens nothing")
    terminal.expect("PIN: [0-9]{3}-")
    terminal.must_end(0)
    world_does("as", "alice", "bash", "-c", "cd ~/.config/tigress; mv before tigress.conf")
    eventually(lambda: f'"{token}" "token" "optional"' in pin_rules("alice"), "the old rule")


def changed_relays_are_in_force_at_once():
    must("bob", "relays", "add", "https://new.example")
    check("https://new.example" in must("bob", "relays"), "not in the list")
    must("bob", "relays", "remove", "https://new.example")
    check("https://new.example" not in must("bob", "relays"), "still in the list")
    # A file that the running wallet does not read.
    elsewhere = run(["as", "bob", "mktemp", "-d"])[1].strip()
    status, out, err = run(["as", "bob", "env", "XDG_CONFIG_HOME=" + elsewhere,
                            "tigressctl", "relays", "add", "https://new.example"])
    equal((status, out), (1, ""))
    check("the running wallet has not taken it" in err, err)


def everything_that_others_can_read():
    texts = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    texts.append(file.read())
            except OSError:
                pass
    return b"\n".join(texts)


def no_process_shows_a_pin():
    terminal, link, pin = shared_with_pin("--pin-digits", "13")
    forms = [pin.encode(), pin.replace("-", "").encode()]
    other = at_terminal("bob", "accept", "--yes", stdin=link.encode(), pipe_out=True)
    other.expect("PIN .it is not shown")
    seen = everything_that_others_can_read()
    check(b"tigressctl\0accept" in seen, "the search finds nothing at all")
    other.type_secret(pin)
    other.line()
    seen += everything_that_others_can_read()
    check(not any(form in seen for form in forms), "the PIN")
    other.must_end(0)
    terminal.must_end(0)


def no_process_shows_a_secret():
    world_does("consent", "alice", "ask")
    world_does("consent", "bob", "ask")
    terminal = at_terminal("alice", "share", "--watch", "-", stdin=b"content-canary", pipe_out=True)
    terminal.expect("Password: ")
    check(b"tigressctl\0share" in everything_that_others_can_read(), "the search finds nothing at all")
    check(b"content-canary" not in everything_that_others_can_read(), "the content")
    terminal.type_secret("alice-login")
    link = terminal.line().strip()
    other = at_terminal("bob", "accept", "--yes", stdin=link.encode(), pipe_out=True)
    other.expect("Password: ")
    secret = link.split("#")[1].encode()
    check(secret not in everything_that_others_can_read(), "the link")
    # The wallet looks at its caller for a sandbox: that must be left readable for it.
    equal(os.stat(f"/proc/{other.pid}/environ").st_uid, pwd.getpwnam("bob").pw_uid, "owner of /proc/PID")
    other.type_secret("bob-login")
    other.line()
    other.must_end(0)
    terminal.must_end(0)


def doctor_finds_what_is_wrong_and_says_the_remedy():
    def findings(*wanted):
        status, out, err = ctl("alice", "doctor", "--json")
        lines = {one["check"]: one for one in map(json.loads, out.splitlines())}
        for name, word in wanted:
            equal(lines[name]["status"], word, (name, lines[name]))
            check(word == "ok" or lines[name]["remedy"], name, "has no remedy")
        check(status == (1 if any(one["status"] == "fail" for one in lines.values()) else 0), status)
        return lines
    findings(*[(name, "ok") for name in ("bus", "settings", "wallet", "keyring", "relay", "time", "polkit",
                                         "agent")])
    equal(ctl("alice", "doctor")[0], 0)
    world_does("keyring", "alice", "lock")
    findings(("keyring", "warn"))
    world_does("keyring", "alice", "unlock")
    world_does("keyring", "alice", "stop")
    findings(("keyring", "fail"))
    world_does("keyring", "alice", "start")
    world_does("relay", "kill")
    findings(("relay", "fail"))
    world_does("relay", "start")
    world_does("polkit", "stop")
    findings(("polkit", "fail"))
    world_does("polkit", "start")
    world_does("consent", "alice", "no")
    findings(("agent", "fail"))
    world_does("consent", "alice", "ask")
    findings(("agent", "warn"))
    terminal = at_terminal("alice", "doctor")
    terminal.must_end(0)
    check("tigressctl will ask you on this terminal" in terminal.shown, terminal.shown)


def monitor_tells_a_whole_exchange():
    terminal = at_terminal("alice", "monitor", "--json", pipe_out=True)
    terminal.expect("watching")
    number, link = invite()
    must("bob", "accept", stdin=link.encode())
    events = []
    while not events or events[-1]["id"] != number or events[-1]["state"] != "completed":
        events.append(json.loads(terminal.line()))
    events = [one for one in events if one["id"] == number]
    equal(events[0]["event"], "added")
    # As soon as the relay has heard of the end.
    eventually(lambda: ctl("alice", "forget", number)[0] == 0, "alice forgets it")
    while events[-1]["event"] != "removed":
        events.append(json.loads(terminal.line()))
    equal(events[-1]["id"], number)
    terminal.key("c")
    terminal.must_end(0)


def can_ask_for_passwords():
    """polkit's helper that checks them is setuid."""
    with open("/proc/self/status") as file:
        return "NoNewPrivs:\t0" in file.read()


# These type a password.
asking = [a_person_at_a_terminal_is_led_through, what_is_piped_in_leaves_the_terminal_to_polkit,
          without_consent_nothing_is_shared, no_process_shows_a_secret]


def afresh(test):
    def body():
        if test in asking and not can_ask_for_passwords():
            print("  skipped: no password can be checked here (no-new-privileges)")
            return
        for user in ("alice", "bob"):
            world_does("consent", user, "yes")
        test()
    body.__name__ = test.__name__
    return body


main([afresh(test) for test in (
    a_credential_goes_from_one_to_the_other, a_person_at_a_terminal_is_led_through,
    what_is_piped_in_leaves_the_terminal_to_polkit, without_consent_nothing_is_shared,
    a_watched_share_tells_its_end, errors_are_told_apart, a_second_recipient_is_told_so,
    a_locked_keyring_is_told_so, a_watch_lives_through_a_restart_of_the_wallet,
    an_item_of_the_keyring_is_shared, what_was_accepted_is_shared_on,
    the_link_can_be_had_again_by_asking, a_secret_may_come_by_another_way,
    a_pin_is_spoken_from_one_to_the_other, three_wrong_pins_end_it_and_the_sender_hears_of_it,
    a_script_has_the_pin_in_a_file_and_gives_it_later, the_pin_may_be_given_with_the_link,
    it_goes_over_plain_http_too, the_pin_can_be_had_again_by_asking, each_kind_has_its_protection,
    a_pin_that_is_required_is_not_done_without,
    changed_relays_are_in_force_at_once, no_process_shows_a_secret, no_process_shows_a_pin,
    doctor_finds_what_is_wrong_and_says_the_remedy, monitor_tells_a_whole_exchange)])
