# SPDX-License-Identifier: LGPL-2.1-or-later
"""Places in a WireGuard network between two wallets: whose server it is, and what its peers are."""

from crash_parts import run
from ssh_parts import options

FORMAT = "org.tigress.wireguard.peer"
SERVER, PORT = "10.8.0.1", 51820


class Server:
    """alice's, whose peers she lends places to."""

    def __init__(self, person, name="peers.conf"):
        self.person = person
        self.private = run("wg", "genkey").strip()
        self.public = run("wg", "pubkey", input=self.private).strip()
        self.peers = f"{person.environment['HOME']}/{name}"

    def lend(self, settings=None, **terms):
        terms = {"server_key": self.public, "endpoint": f"192.0.2.1:{PORT}",
                 "pool": ["10.8.0.0/24", "fd00:8::/64"], "peers": self.peers, **terms}
        return self.person.begin(
            "CreateShare", "sa{sv}a{sv}", FORMAT,
            *options(**{name: value for name, value in terms.items() if value is not None}),
            *options(**{"pin": False, "wait": True, **(settings or {})}))

    def file(self):
        with open(self.peers) as file:
            return file.read()

    def configuration(self):
        return (f"[Interface]\nPrivateKey = {self.private}\nListenPort = {PORT}\n"
                f"Address = {SERVER}/24\n\n" + self.file())
