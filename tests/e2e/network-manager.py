#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real NetworkManager: what alice has saved there goes to bob, who puts it into his, and nothing
that was there before has changed. Both are users of one, and see their own profiles alone."""

import json
import os
import re
import subprocess
import sys

from crash_parts import (ENDS, NAME, ROOT, Failed, Person, Wrong, claim, enter_world, equal,
                         refused, run, until)

enter_world()
from ssh_parts import content_of, options  # noqa: E402

WIFI, WIREGUARD = "org.tigress.wifi.network", "org.tigress.wireguard.peer"
SERVER_KEY = "nq1DKDw8Ui8DEFC1aFgxzOq7MBcFTCqgLVyTBBkfHCk="
MANAGER = "org.freedesktop.NetworkManager"
PROFILES = f"{os.environ['TIGRESS_WORLD']}/network-manager/profiles"
SECURITY = "802-11-wireless-security"
WPA = ("wifi-sec.key-mgmt", "wpa-psk", "wifi-sec.psk")
SECRETS = ["correct horse", "saepass 7", "0f" * 32, "of all users", "kept elsewhere"]


def nmcli(person, *words):
    done = subprocess.run(["as", person.name, "nmcli", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise Wrong(f"nmcli {words}: {done.stderr}")
    return done.stdout.strip()


def save(person, name, ssid, *security, everybody=False):
    """A profile of the person's; its UUID."""
    who = [] if everybody else ["connection.permissions", f"user:{person.name}"]
    said = nmcli(person, "connection", "add", "type", "wifi", "con-name", name, "ssid", ssid,
                 "autoconnect", "no", *who, *security)
    return re.search(r"\(([0-9a-f-]{36})\)", said)[1]


def field(person, uuid, name):
    return nmcli(person, "--escape", "no", "--get-values", name, "connection", "show", "uuid",
                 uuid)


def secret(person, uuid, setting, key):
    """As NetworkManager tells it to this user."""
    def call(path, interface, method, argument):
        said = run("as", person.name, "busctl", "--system", "--json=short", "call", MANAGER, path,
                   f"{MANAGER}.Settings{interface}", method, "s", argument)
        return json.loads(said)["data"][0]

    path = call("/org/freedesktop/NetworkManager/Settings", "", "GetConnectionByUuid", uuid)
    return call(path, ".Connection", "GetSecrets", setting)[setting][key]["data"]


def files():
    """All that is saved, to the octet."""
    found = {}
    for name in os.listdir(PROFILES):
        with open(f"{PROFILES}/{name}", "rb") as file:
            found[name] = file.read()
    return found


def share(person, connection, **settings):
    return person.begin("CreateShare", "sa{sv}a{sv}", WIFI, *options(connection=connection),
                        *options(pin=False, wait=True, **settings))


def given(alice, bob, path):
    received = bob.accept(alice.invitation(path))
    bob.reaches(received, "completed")
    alice.reaches(path, "completed")
    return received


def use(person, received):
    """What the wallet says that it has added."""
    result = person.call(person.get(received, "Credential"), "Credential", "Use", "sa{sv}",
                         "networkmanager", "0")
    return {name: value["data"] for name, value in result.items()}


def wifi(alice, bob):
    claim("a saved network goes over with its password, into a profile that waits for its user")
    saved = {
        "home": save(alice, "home", "Café 1", *WPA, SECRETS[0]),
        "sae": save(alice, "sae", "Sae", "wifi-sec.key-mgmt", "sae", "wifi-sec.psk", SECRETS[1],
                    "wifi.hidden", "yes"),
        "key": save(alice, "key", "Key", *WPA, SECRETS[2]),
        "open": save(alice, "open", "Open"),
    }
    before = files()
    for name, named in (("home", "home"), ("sae", saved["sae"]), ("key", saved["key"].upper()),
                        ("open", "open")):
        path = share(alice, named, **({"compat": True} if name == "key" else {}))
        received = given(alice, bob, path)
        equal(dict(alice.get(path, "Details")), dict(bob.get(received, "Details")), "details")
        added = use(bob, received)
        for what in ("802-11-wireless.ssid", "802-11-wireless.hidden", f"{SECURITY}.key-mgmt"):
            if name != "open" or SECURITY not in what:
                equal(field(bob, added["uuid"], what), field(alice, saved[name], what), what)
        if name != "open":
            equal(secret(bob, added["uuid"], SECURITY, "psk"),
                  secret(alice, saved[name], SECURITY, "psk"), "password")
        equal(field(bob, added["uuid"], "connection.autoconnect"), "no", "whether it connects")
        equal(field(bob, added["uuid"], "connection.permissions"), "user:bob", "whose it is")
        equal(added["connection"], bob.get(received, "Title"), "its name")
        equal(added["uuid"] in saved.values(), False, "another's UUID")
    after = files()
    equal({name: after[name] for name in before}, before, "what was there before")
    equal(len(after), len(before) + 4, "profiles")

    claim("where there is a profile for the network, or one of that name, it stays what it was")
    refused(lambda: use(bob, received), "stays as it is")
    mine = save(bob, "mine", "Guests")
    other = save(bob, "Lobby", "Not Lobby")
    save(alice, "guests", "Guests", *WPA, SECRETS[0])
    save(alice, "lobby", "Lobby", *WPA, SECRETS[0])
    before = files()
    refused(lambda: use(bob, given(alice, bob, share(alice, "guests"))), f'"mine" ({mine})')
    equal(files(), before, "profiles")
    added = use(bob, given(alice, bob, share(alice, "lobby")))
    equal(added["connection"], "Lobby 2", "a name that was taken")
    equal(field(bob, other, "802-11-wireless.ssid"), "Not Lobby", "whose name it was")
    save(alice, "alike to look at", "Lob\u200bby", *WPA, SECRETS[0])
    added = use(bob, given(alice, bob, share(alice, "alike to look at")))
    equal(added["connection"], "Lobby 3", "a name that only looks taken")


def refusals(alice, bob):
    claim("what cannot be shared is said before anybody is asked")
    eap = ("802-1x.eap", "peap", "802-1x.identity", "x", "802-1x.phase2-auth", "mschapv2")
    save(alice, "wep", "Wep", "wifi-sec.key-mgmt", "none", "wifi-sec.wep-key0", "abcde")
    save(alice, "work", "Work", "wifi-sec.key-mgmt", "wpa-eap", *eap)
    save(alice, "owe", "Owe", "wifi-sec.key-mgmt", "owe")
    save(alice, "asks", "Asks", "wifi-sec.key-mgmt", "wpa-psk", "wifi-sec.psk-flags", "2")
    save(alice, "alike", "One", *WPA, SECRETS[0])
    save(alice, "alike", "Two", *WPA, SECRETS[0])
    save(alice, "adhoc", "Adhoc", "wifi.mode", "adhoc")
    wire = nmcli(alice, "connection", "add", "type", "dummy", "ifname", "d0", "con-name", "wire",
                 "autoconnect", "no", "connection.permissions", "user:alice")
    wire = re.search(r"\(([0-9a-f-]{36})\)", wire)[1]
    known = set(alice.objects("share"))
    for name, part in (("wep", "WEP"), ("work", "802.1X"), ("owe", "Enhanced Open"),
                       ("asks", "stored nowhere"), ("alike", "several"), ("adhoc", "access point"),
                       ("wire", "no Wi-Fi profile"), (wire, "no Wi-Fi network's"),
                       ("mine", "no Wi-Fi profile"), ("nothing", "no Wi-Fi profile"),
                       ("a\nb", "one line"), ("x" * 256, "one line")):
        refused(lambda name=name: share(alice, name), part)
    refused(lambda: alice.begin("CreateShare", "sa{sv}a{sv}", WIFI, "0", "0"), '"connection"')
    refused(lambda: alice.begin("CreateShare", "sa{sv}a{sv}", WIFI,
                                *options(connection="home", content="WIFI:S:x;;"), "0"),
            "not a key known here")
    equal(set(alice.objects("share")), known, "shares that were made")

    claim("a password that NetworkManager does not give out ends the share, and says why")
    save(alice, "elsewhere", "Elsewhere", *WPA, SECRETS[4], "wifi-sec.psk-flags", "1")
    save(alice, "everybody", "Everybody", *WPA, SECRETS[3], everybody=True)
    given(alice, bob, share(alice, "everybody"))
    for person, name, part in ((alice, "elsewhere", "no agent"), (bob, "everybody", "polkit")):
        path = share(person, name)
        equal(person.ended(path), "failed", name)
        equal(part in person.get(path, "Failure")[1], True, person.get(path, "Failure"))


def lend(alice, bob, **terms):
    terms = {"server_key": SERVER_KEY, "endpoint": "vpn.example:51820", "pool": ["10.8.0.0/24"],
             "peers": f"{alice.environment['HOME']}/peers.conf", **terms}
    return given(alice, bob, alice.begin(
        "CreateShare", "sa{sv}a{sv}", WIREGUARD, *options(**terms),
        *options(pin=False, wait=True)))


def value_of(text, name):
    return re.search(rf"^{name} = (.*)$", text, re.M)[1]


def wireguard(alice, bob):
    claim("a tunnel goes into a profile as it was consented to, with no default route")
    before = files()
    received = lend(alice, bob, pool=["10.8.0.0/24", "fd00:8::/64"], dns=["10.8.0.1", "fd00:8::1"],
                    allowed_ips=["10.8.0.0/24", "10.9.0.0/16", "fd00:8::/64"], keepalive=("u", 25))
    text = content_of(bob, received)
    added = use(bob, received)
    for name, wanted in (
            ("ipv4.addresses", "10.8.0.2/32"), ("ipv6.addresses", "fd00:8::2/128"),
            ("ipv4.dns", "10.8.0.1"), ("ipv6.dns", "fd00:8::1"),
            ("ipv4.never-default", "yes"), ("ipv6.never-default", "yes"),
            ("connection.autoconnect", "no"), ("connection.permissions", "user:bob"),
            ("connection.interface-name", added["interface"])):
        equal(field(bob, added["uuid"], name), wanted, name)
    equal(secret(bob, added["uuid"], "wireguard", "private-key"), value_of(text, "PrivateKey"),
          "private key")
    new = [octets.decode() for name, octets in files().items() if name not in before]
    equal(len(new), 1, "files")
    for line in (f"[wireguard-peer.{SERVER_KEY}]", "endpoint=vpn.example:51820",
                 f"preshared-key={value_of(text, 'PresharedKey')}", "preshared-key-flags=0",
                 "persistent-keepalive=25", "allowed-ips=10.8.0.0/24;10.9.0.0/16;fd00:8::/64;"):
        equal(line in new[0].splitlines(), True, f"{line} in {new[0]}")
    after = files()
    equal({name: after[name] for name in before}, before, "what was there before")
    refused(lambda: use(bob, received), "stays as it is")

    claim("all traffic only where that was consented to, and of no kind that would go around it")
    added = use(bob, lend(alice, bob, allowed_ips=["0.0.0.0/0"]))
    equal((field(bob, added["uuid"], "ipv4.never-default"),
           field(bob, added["uuid"], "ipv6.method")), ("no", "disabled"), "all of IPv4")
    before = files()
    received = lend(alice, bob, allowed_ips=["0.0.0.0/0", "::/0"])
    refused(lambda: use(bob, received), "IPv6")
    equal(files(), before, "profiles")
    return [value_of(text, "PrivateKey"), value_of(text, "PresharedKey")]


def by_hand(alice, bob):
    claim("tigressctl shares a saved network, and puts it where it belongs")

    def ctl(person, *words, **more):
        return run("as", person.name, "tigressctl", *words, **more).strip()

    save(alice, "by hand", "By hand", *WPA, SECRETS[0])
    link = ctl(alice, "share", "--wifi", "by hand", "--no-pin", "--no-wait")
    received = ctl(bob, "accept", "--yes", "--json", input=link + "\n").splitlines()[-1]
    credential = json.loads(received)["credential"]
    equal("adds a profile" in ctl(bob, "show", credential), True, "what it changes")
    said = json.loads(ctl(bob, "use", credential, "networkmanager", "--json"))
    equal(said["result"]["connection"], "By hand", said)
    equal(secret(bob, said["result"]["uuid"], SECURITY, "psk"), SECRETS[0], "password")


def asked_about(alice, connection, meanwhile):
    """A share that waited for its user's yes while something happened."""
    answer = f"{os.environ['TIGRESS_WORLD']}/tmp/answer"
    run("consent", "alice", "ask")
    process = subprocess.Popen(
        ["as", "alice", "consent-agent", f"file:{answer}", "--", "busctl", "--user", "call", NAME,
         ROOT, f"{NAME}.Manager", "CreateShare", "sa{sv}a{sv}", WIFI,
         *options(connection=connection), *options(pin=False, wait=True)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "asked" not in (line := process.stderr.readline()):
        if not line:
            raise Wrong("nobody was asked")
    (path,) = [path for path in alice.running() if alice.state(path) == "authorizing"]
    meanwhile()
    with open(answer + ".new", "w") as file:
        file.write("alice-login\n")
    os.chmod(answer + ".new", 0o644)
    os.rename(answer + ".new", answer)
    equal(process.wait(), 0, "the call")
    os.unlink(answer)
    run("consent", "alice", "yes")
    return path


def meanwhile(alice, bob):
    with open("/proc/self/status") as status:
        if re.search(r"^NoNewPrivs:\s*1$", status.read(), re.M):
            print("- skipped: nobody can answer a dialog without new privileges", flush=True)
            return
    claim("what is another network by the time of the yes is not shared")
    uuid = save(alice, "moved", "Moved", *WPA, SECRETS[0])
    path = asked_about(alice, "moved", lambda: nmcli(
        alice, "connection", "modify", uuid, "wifi.ssid", "Elsewhere 2"))
    until("it is decided", lambda: alice.state(path) in ("invited", *ENDS))
    equal(alice.state(path), "failed", "the share")
    equal("another network's" in alice.get(path, "Failure")[1], True, alice.get(path, "Failure"))

    claim("a NetworkManager that has gone by then is waited for, across the wallet's death")
    path = asked_about(alice, "home", lambda: run("network-manager", "stop"))
    until("the trouble is told", lambda: "does not run" in alice.get(path, "Failure")[1])
    alice.kill()
    run("network-manager", "start")
    added = given(alice, bob, path)
    equal(content_of(bob, added), f"WIFI:T:WPA;S:Café 1;P:{SECRETS[0]};;", "what bob has")


def asks(person, received):
    """A use that waits for NetworkManager, with the wallet's second connection to that bus."""
    waiting = subprocess.Popen(["as", person.name, "tigressctl", "use",
                                person.get(received, "Credential").rsplit("/", 1)[1],
                                "networkmanager"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until("the wallet asks NetworkManager", lambda: run(
        "busctl", "--system", "list", "--no-legend").count(
            f" {run('wallet', person.name, 'pid').strip()} ") > 1)
    return waiting


def without(alice, bob):
    save(alice, "last", "Last", *WPA, SECRETS[0])
    received = given(alice, bob, share(alice, "last"))
    run("network-manager", "freeze")

    claim("while NetworkManager does not answer the wallet ends when it is told to")
    waiting = asks(bob, received)
    run("wallet", "bob", "stop")
    equal(waiting.wait() == 0, False, "a use that was cut off")

    claim("while NetworkManager does not answer the wallet serves others; then it goes on")
    waiting = asks(bob, received)
    bob.get(ROOT, "Version")
    equal(waiting.poll(), None, "an answer before that")
    run("network-manager", "thaw")
    equal(waiting.wait(), 0, waiting.communicate())

    claim("without NetworkManager nothing is shared or added, and that is said")
    run("network-manager", "stop")
    refused(lambda: share(alice, "home"), "does not run")
    before = files()
    refused(lambda: use(bob, received), "does not run")
    equal(files(), before, "profiles")


def no_secrets(secrets):
    claim("no password and no key is in any log")
    for person in ("alice", "bob"):
        said = run("bus-log", person) + run("network-manager", "log")
        equal([one for one in secrets if one in said], [], f"of {person}'s")


def main():
    done = subprocess.run(["network-manager", "start"], capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, end="", file=sys.stderr)
        sys.exit(done.returncode)
    alice, bob = Person("alice"), Person("bob")
    try:
        wifi(alice, bob)
        refusals(alice, bob)
        keys = wireguard(alice, bob)
        by_hand(alice, bob)
        meanwhile(alice, bob)
        without(alice, bob)
        no_secrets(SECRETS + keys)
    except (Wrong, Failed) as failure:
        for person in (alice, bob):
            print(run("bus-log", person.name)[-3000:], file=sys.stderr)
        print(run("network-manager", "log")[-3000:], file=sys.stderr)
        raise SystemExit(f"failed: {failure}") from None


main()
