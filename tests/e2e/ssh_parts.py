# SPDX-License-Identifier: LGPL-2.1-or-later
"""SSH certificates between two wallets: who signs, a real sshd that trusts him, and a client
with what was lent to him."""

import os
import socket
import subprocess

from crash_parts import ROOT, Wrong, equal, run, until

SSH = "org.tigress.ssh.certificate"
TYPES = {str: "s", bool: "b", list: "as"}


def typed(name, value, signature=None):
    """A key as busctl takes it."""
    signature = signature or TYPES[type(value)]
    if signature == "as":
        return [name, "as", str(len(value)), *value]
    return [name, signature, str(value).lower() if isinstance(value, bool) else str(value)]


def options(**values):
    """KEY=VALUE or KEY=(SIGNATURE, VALUE): the number of keys, and the keys."""
    words = []
    for name, value in values.items():
        signature, value = value if isinstance(value, tuple) else (None, value)
        words += typed(name.replace("_", "-"), value, signature)
    return [str(len(values)), *words]


class Authority:
    """A key of a person's that signs others."""

    def __init__(self, person, name="ca"):
        self.person = person
        home = person.environment["HOME"]
        self.key = f"{home}/{name}"
        self.krl = f"{home}/{name}.krl"
        run("as", person.name, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)

    def terms(self, **more):
        terms = {"ca": self.key, "principals": ["alice"], "krl": self.krl}
        terms.update(more)
        return {name: value for name, value in terms.items() if value is not None}

    def lend(self, settings=None, **more):
        settings = {"pin": False, "wait": True, **(settings or {})}
        return self.person.begin(
            "CreateShare", "sa{sv}a{sv}", SSH, *options(**self.terms(**more)), *options(**settings))


class Server:
    """sshd on loopback, as the person it lets in: no root is needed."""

    def __init__(self, person, authority):
        self.person = person
        self.authority = authority
        folder = f"{person.environment['HOME']}/sshd"
        run("as", person.name, "mkdir", "-p", folder)
        run("as", person.name, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
            f"{folder}/host")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.trusted = f"{folder}/trusted"
        self.trust(f"{authority.key}.pub")
        with open(f"{folder}/config", "w") as config:
            config.write(
                f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
                f"TrustedUserCAKeys {self.trusted}\nRevokedKeys {authority.krl}\n"
                f"PidFile none\nUsePAM no\nStrictModes no\nAuthorizedKeysFile none\n"
                f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel VERBOSE\n")
        # A list that is not there lets nobody in.
        run("as", person.name, "ssh-keygen", "-q", "-k", "-f", authority.krl, "/dev/null")
        self.log = f"{folder}/log"
        self.process = subprocess.Popen(
            ["as", person.name, "/usr/sbin/sshd", "-D", "-f", f"{folder}/config", "-E", self.log])
        until("sshd listens", self.listens)

    def listens(self):
        if self.process.poll() is not None:
            with open(self.log) as log:
                raise Wrong(f"sshd does not run: {log.read()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def trust(self, key):
        run("as", self.person.name, "sh", "-c", 'cat "$1" >>"$2"', "-", key, self.trusted)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def login(self, client, key=None, command="echo in", user=None, source=None, agent=None,
              certificate=None):
        """What the server said, to a key or to all that an agent has; None: not let in."""
        with_what = (["-i", key, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"] if key
                     else ["-o", f"IdentityAgent={agent}"])
        done = subprocess.run(
            ["as", client.name, "ssh", "-F", "none", *with_what, "-p", str(self.port),
             *(["-b", source] if source else []), "-o", "BatchMode=yes",
             *(["-o", f"CertificateFile={certificate}"] if certificate else []),
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
             f"{user or self.person.name}@127.0.0.1", command],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode == 255:
            if "Permission denied" not in done.stderr:
                raise Wrong(f"ssh: {done.stderr}")
            return None
        return done.stdout.strip()


class Agent:
    """A person's own ssh-agent; who asks whether a key may be used is `askpass`."""

    def __init__(self, person, name="agent", askpass="/bin/false"):
        self.person = person
        self.socket = f"{person.environment['HOME']}/{name}"
        run("as", person.name, "rm", "-f", self.socket)  # of a former one
        said = run("as", person.name, "env", f"SSH_ASKPASS={askpass}", "SSH_ASKPASS_REQUIRE=force",
                   "ssh-agent", "-a", self.socket)
        self.pid = said.split("SSH_AGENT_PID=")[1].split(";")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        run("kill", self.pid)

    def add(self, *arguments):
        run("as", self.person.name, "env", f"SSH_AUTH_SOCK={self.socket}", "ssh-add", "-q",
            *arguments)

    def has(self):
        """Public keys and certificates, a line each."""
        return [line for line in run("as", self.person.name, "env", f"SSH_AUTH_SOCK={self.socket}",
                                     "ssh-add", "-L", check=False).splitlines()
                if line.startswith("ssh-")]


def content_of(person, share):
    """Key and certificate that have come with it, from the keyring."""
    wanted = person.get(share, "Credential").rsplit("/", 1)[1]
    path = person.item_path("id", wanted)
    done = person.busctl("call", "org.tigress.Wallet1", f"{ROOT}/credential/{wanted}",
                         "org.tigress.Wallet1.Credential", "Reveal", "a{sv}", "1", "as", "s",
                         "bytes")
    equal(bool(path), True, "the item in the keyring")
    return bytes(done[0]["data"]).decode()


def put_key(person, text, name="lent"):
    """As a person would, to use it."""
    end = "-----END OPENSSH PRIVATE KEY-----\n"
    private, certificate = text.split(end)
    path = f"{person.environment['HOME']}/{name}"
    for suffix, part in (("", private + end), ("-cert.pub", certificate)):
        run("as", person.name, "sh", "-c", 'umask 077 && cat >"$1"', "-", path + suffix,
            input=part)
    return path


def leaves_nothing(person):
    folder = f"{person.environment['XDG_RUNTIME_DIR']}/tigress-steps"
    equal(os.listdir(folder) if os.path.exists(folder) else [], [],
          f"what lies in {person.name}'s working folder")
