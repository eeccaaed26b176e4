#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A place in a WireGuard network is lent: what each side has got makes a tunnel between two
network namespaces, with the kernel's WireGuard or one in a process, and none after it was
revoked."""

import json
import os
import shutil
import subprocess
import sys

from crash_parts import Failed, Person, Wrong, claim, enter_world, equal, run, until

enter_world()
from ssh_parts import content_of  # noqa: E402
from wireguard_parts import FORMAT, Server  # noqa: E402

ANSWERS = ("import socket; s = socket.create_server(('10.8.0.1', 7000)); print('up', flush=True)\n"
           "while True: c = s.accept()[0]; c.sendall(b'in'); c.close()")
ASKS = "import socket; print(socket.create_connection(('10.8.0.1', 7000), 4).recv(2).decode())"


class Network:
    """A network namespace of its own, and a tunnel's end in it."""

    def __init__(self, letter):
        self.name = f"tg{os.getpid() % 100000}{letter}"
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        until("a network of its own", lambda: os.path.realpath(f"/proc/{self.process.pid}/ns/net")
              != os.path.realpath("/proc/self/ns/net"))
        self.run("ip", "link", "set", "lo", "up")
        self.file = f"{os.environ['TIGRESS_WORLD']}/{self.name}.conf"

    def command(self, *words):
        return ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", *words]

    def run(self, *words, **more):
        return run(*self.command(*words), **more)

    def up(self, configuration):
        """As its owner would bring it up."""
        with open(self.file, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(configuration)
        # Into a file: a tunnel that is a process would keep a pipe open.
        with open(self.file + ".log", "w+") as log:
            done = subprocess.run(self.command("wg-quick", "up", self.file), stdout=log,
                                  stderr=log, stdin=subprocess.DEVNULL)
            log.seek(0)
            if done.returncode != 0:
                raise Wrong(f"wg-quick: {log.read()}")

    def stop(self):
        if os.path.exists(self.file):
            subprocess.run(self.command("wg-quick", "down", self.file), capture_output=True)
        self.process.kill()
        self.process.wait()


def why_no_tunnel():
    missing = [tool for tool in ("wg-quick", "ip", "nsenter") if not shutil.which(tool)]
    if missing:
        return f"needs {' '.join(missing)}: tests/packages.sh test installs it"
    made = ("ip link add bridge type bridge && ip link add wire type veth peer name end && "
            "{ ip link add tunnel type wireguard || "
            "{ command -v wireguard-go && : <>/dev/net/tun; }; }")
    if subprocess.run(["unshare", "--net", "sh", "-c", made], capture_output=True).returncode != 0:
        return "no network namespace with a bridge may be made here, or neither the kernel nor " \
               "wireguard-go can have a tunnel"
    return None


def is_lent(alice, bob, server, settings=None, restart=False, **terms):
    share = server.lend(settings, **terms)
    link = alice.invitation(share)
    if restart:
        alice.kill()
    received = bob.accept(link)
    bob.reaches(received, "completed")
    alice.reaches(share, "completed")
    return share, received


def refused(call, part):
    try:
        call()
    except Failed as failure:
        if part not in str(failure):
            raise Wrong(f"refused by {failure}, wanted {part!r}") from None
        return
    raise Wrong(f"not refused: {part}")


def arguments(alice, server):
    claim("what cannot be lent is said before anybody is asked, and gives nothing away")
    known = set(alice.objects("share"))
    for part, terms in (("\"peers\" is missing", {"peers": None}),
                        ("whole path", {"peers": "peers.conf"}),
                        ("bits after", {"pool": ["10.8.0.1/24"]}),
                        ("HOST:PORT", {"endpoint": "192.0.2.1"}),
                        ("server's key", {"server_key": "x"}),
                        ("plain file", {"peers": "/etc/passwd"}),
                        ("not a key known here", {"post_up": "id"})):
        refused(lambda terms=terms: server.lend(**terms), part)
    equal(set(alice.objects("share")), known, "shares that were made")
    equal(os.path.exists(server.peers), False, "a file of peers")


def details(alice, bob, server):
    claim("both see what goes where; all traffic is said plainly; the private key stays with bob")
    share, received = is_lent(alice, bob, server, allowed_ips=["0.0.0.0/0", "::/0"],
                              dns=["10.8.0.1"])
    seen = [dict(person.get(path, "Details")) for person, path in
            ((alice, share), (bob, received), (bob, bob.get(received, "Credential")))]
    for name in ("Endpoint", "Traffic", "Networks", "Name servers", "Server's key", "Address"):
        equal(len({one[name] for one in seen}), 1, f"{name} in {seen}")
    equal(seen[0]["Traffic"], "ALL traffic goes through the tunnel", "traffic")
    equal(bob.get(bob.get(received, "Credential"), "Kind"), "lend", "its kind")
    text = content_of(bob, received)
    private = next(line for line in text.splitlines() if line.startswith("PrivateKey"))
    public = run("wg", "pubkey", input=private.split(" = ")[1]).strip()
    equal(f"PublicKey = {public}\n" in server.file(), True, "bob's peer at alice's")
    equal(oct(os.stat(server.peers).st_mode & 0o777), "0o600", "who may read the peers")
    alice.call(share, "Share", "Revoke", "s", "")
    equal(public in server.file(), False, "after it was taken back")


def ways(alice, bob, server):
    claim("in both modes, by mailbox and by plain HTTP, across a restart: each has his own address")
    given = set()
    for settings in ({"pin": False}, {"compat": True}, {"pin": False, "transport": "tdch"}):
        _, received = is_lent(alice, bob, server, settings, restart="transport" not in settings)
        address = dict(bob.get(received, "Details"))["Address"]
        equal(address in given, False, f"{address}, given before")
        given.add(address)


def by_hand(alice, bob, server):
    claim("tigressctl lends, shows and takes back")

    def ctl(person, *words, **more):
        return run("as", person.name, "tigressctl", *words, **more).strip()

    made = ctl(alice, "share", "--format", FORMAT, "--term", f"server-key={server.public}",
               "--term", "endpoint=vpn.example:51820", "--term", "pool=10.8.0.0/24,fd00:8::/64",
               "--term", f"peers={server.peers}", "--term", "dns=10.8.0.1", "--term",
               "keepalive=25s", "--no-pin", "--no-wait", "--json")
    made = json.loads(made.splitlines()[0])
    received = ctl(bob, "accept", "--yes", "--json", input=made["link"] + "\n").splitlines()[-1]
    text = ctl(bob, "reveal", json.loads(received)["credential"])
    equal("PersistentKeepalive = 25" in text and "DNS = 10.8.0.1" in text, True, text)
    until("its end is told", lambda: "completed" in ctl(alice, "show", made["id"]))
    before = server.file()
    ctl(alice, "revoke", made["id"])
    equal(len(server.file()) < len(before), True, "a peer less")


def reaches(client):
    done = subprocess.run(client.command("python3", "-c", ASKS), capture_output=True, text=True)
    return done.stdout.strip() == "in"


def tunnel(alice, bob, server):
    reason = why_no_tunnel()
    if reason:
        print(f"- skipped: the tunnel: {reason}", flush=True)
        return
    claim("what both have makes a tunnel; taken back, there is none, and another's stays")
    ends = [Network(letter) for letter in "sabw"]
    at_server, first, second, wire = ends
    listener = None
    try:
        connect(wire, (at_server, first, second))
        (share, received), (_, elsewhere) = (
            is_lent(alice, bob, server, keepalive=("u", 5), pool=["10.8.0.0/24"]) for _ in "12")
        at_server.up(server.configuration())
        listener = subprocess.Popen(at_server.command("python3", "-c", ANSWERS),
                                    stdout=subprocess.PIPE, text=True)
        equal(listener.stdout.readline(), "up\n", "who listens behind the tunnel")
        first.up(content_of(bob, received))
        second.up(content_of(bob, elsewhere))
        equal([reaches(one) for one in (first, second)], [True, True], "through the tunnel")
        alice.call(share, "Share", "Revoke", "s", "")
        with open(at_server.file, "w") as file:
            file.write(server.configuration())
        stripped = at_server.run("wg-quick", "strip", at_server.file)
        at_server.run("wg", "syncconf", at_server.name, "/dev/stdin", input=stripped)
        equal([reaches(one) for one in (first, second)], [False, True], "after Revoke")
    finally:
        if listener:
            listener.kill()
            listener.wait()
        for end in ends:
            end.stop()


def connect(wire, ends):
    """What lies between: a bridge with all of them on it."""
    wire.run("ip", "link", "add", "bridge", "type", "bridge")
    wire.run("ip", "link", "set", "bridge", "up")
    for number, end in enumerate(ends, 1):
        end.run("ip", "link", "add", "wire", "type", "veth", "peer", "name", f"end{number}",
                "netns", str(wire.process.pid))
        wire.run("ip", "link", "set", f"end{number}", "master", "bridge", "up")
        end.run("ip", "address", "add", f"192.0.2.{number}/24", "dev", "wire")
        end.run("ip", "link", "set", "wire", "up")


def main():
    if not shutil.which("wg"):
        print("wireguard: skipped: needs wg: tests/packages.sh test installs it", file=sys.stderr)
        sys.exit(77)
    alice, bob = Person("alice"), Person("bob")
    server = Server(alice)
    try:
        arguments(alice, server)
        details(alice, bob, server)
        ways(alice, bob, server)
        by_hand(alice, bob, server)
        tunnel(alice, bob, Server(alice, "tunnel.conf"))
    except (Wrong, Failed) as failure:
        for person in (alice, bob):
            print(run("bus-log", person.name)[-3000:], file=sys.stderr)
        raise SystemExit(f"failed: {failure}") from None


main()
