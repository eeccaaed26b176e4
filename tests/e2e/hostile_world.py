# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the hostile tests have in common: people in a world, links and keys in the hands of
somebody who keeps to no rule, and one way to wait. Importing this enters a world."""

import base64
import http.client
import json
import os
import pwd
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
if not os.environ.get("TIGRESS_WORLD"):
    world = os.path.join(HERE, "..", "world")
    os.execv(world, [world, sys.executable] + sys.argv)

sys.dont_write_bytecode = True  # not into the tree
sys.path.insert(0, os.path.join(HERE, "..", "fakes"))
import hostile_relay  # noqa: E402
from checks import Wrong, claim, contains, equal  # noqa: E402,F401
from checks import run as world  # noqa: E402
from hostile_relay import Answer, Authority, Relay, gone  # noqa: E402,F401
from line_program import LineProgram  # noqa: E402
from settings_file import configure  # noqa: E402

TRIAL_RELAY = os.environ["TIGRESS_TRIAL_RELAY"]
TRIAL_CA = os.environ["TIGRESS_TRIAL_CA"]
VECTORS = os.environ.get("TIGRESS_VECTORS") or os.path.join(HERE, "..", "vectors")
MANAGER = "/org/tigress/Wallet1"
TOKEN = "digitalwallet.generic.authorizationToken"
ITEM = "org.tigress.secret.item"
PATIENCE_S = 60  # one generous deadline for whatever has to be waited for


def fail(text):
    raise Wrong(text)


def eventually(condition, about):
    """What condition returns, as soon as it is something."""
    until = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            fail(f"not within {PATIENCE_S} s: " + (about() if callable(about) else about))
        time.sleep(0.05)


class Outcome:
    """Collects failures, so that one does not hide the others."""

    def __init__(self):
        self.n_failed = 0

    def of(self, check, *arguments):
        try:
            return check(*arguments)
        except Wrong as failure:
            frames = traceback.extract_tb(failure.__traceback__)
            lines = ", ".join(str(f.lineno) for f in frames if f.filename.startswith(HERE))
            print(f"failed: {failure} (line {lines})", file=sys.stderr, flush=True)
            self.n_failed += 1
            return None


    def of_all(self, checks):
        """All at the same time: most of them wait for something."""
        threads = [threading.Thread(target=self.of, args=(check,)) for check in checks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


outcome = Outcome()


def run(main):
    """The whole test: exit status 0 if nothing of it has failed."""
    outcome.of(main)
    sys.exit(1 if outcome.n_failed else 0)


def most_requests(seconds, n_free):
    """How many may come in so long a time when each wait is at least half of 2, 4, 8 … s;
    n_free of them without one before it."""
    n, used, wait = n_free, 0.0, 1.0
    while used + wait <= seconds:
        used, wait, n = used + wait, wait * 2, n + 1
    return n


def until(condition, about):
    """As eventually(), for what is done by_and_by()."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            fail(f"not within {PATIENCE_S} s: " + (about() if callable(about) else about))
        yield


def by_and_by(works, at_once=12):
    """Each of the works is a generator that yields while it waits; a few run at the same time,
    for a wallet has only so many reads held."""
    waiting, running = list(works), []
    while waiting or running:
        while waiting and len(running) < at_once:
            running.append(waiting.pop(0))
        running = [work for work in running if outcome.of(next, work, running) is None]
        time.sleep(0.05)


# ---- people ----


class Share:
    def __init__(self, user, path):
        self.user, self.path = user, path

    def get(self, name):
        return self.user.get(self.path, "Share", name)

    def seen(self, name):
        """The same, as of a moment ago: for those who look again and again."""
        return self.user.snapshot().get(self.path, {}).get(name)

    @property
    def state(self):
        return self.get("State")

    def call(self, method, signature="", *arguments):
        return self.user.call(self.path, "Share", method, signature, *arguments)

    def reaches(self, state, about=""):
        try:
            eventually(lambda: self.seen("State") == state, "")
        except Wrong:
            fail(f"{about}: {self.user.name}'s share stays {self.state}, wanted {state}: "
                 f"{self.get('Failure')}")
        return self

    def will_reach(self, state, about):
        """As reaches(), for what is done by_and_by()."""
        return until(lambda: self.seen("State") == state,
                     lambda: f"{about}: {self.user.name}'s share stays {self.state}, wanted "
                             f"{state}: {self.get('Failure')}")

    def ended(self, state, by, failure=None, about=""):
        """It has ended so, and on whose word; failure: the last part of the error's name."""
        self.reaches(state, about)
        equal(self.get("EndedBy"), by, f"{about}: who ended {self.user.name}'s share")
        if by != "peer":
            equal(self.get("Receipt"), ["", 0], f"{about}: a receipt that nobody gave")
        if failure is not None:
            equal(self.get("Failure")[0].rsplit(".", 1)[-1], failure, about)

    def link(self):
        self.reaches("invited")
        return self.call("GetInvitation")[0]


class User:
    def __init__(self, name):
        self.name = name
        account = pwd.getpwnam(name)
        self.home = account.pw_dir
        # What "as" would do each time: there are thousands of commands.
        lines = world("as", name, "env", "-0").split("\0")
        self._identity = {
            "user": account.pw_uid, "group": account.pw_gid, "cwd": self.home,
            "extra_groups": os.getgrouplist(name, account.pw_gid),
            "env": dict(line.split("=", 1) for line in lines if line)}
        self.trusted = []
        self._snapshot, self._taken, self._taking = {}, 0.0, threading.Lock()

    def snapshot(self):
        """All shares, at most a moment old: many may wait for theirs at the same time."""
        with self._taking:
            if time.monotonic() > self._taken:
                begun = time.monotonic()
                self._snapshot = self.objects()
                taken = time.monotonic()
                self._taken = taken + max(0.1, 4 * (taken - begun))
            return self._snapshot

    def run(self, *command, check=True, **options):
        done = subprocess.run(command, capture_output=True, **self._identity,
                              **{"stdin": subprocess.DEVNULL, **options})
        if check and done.returncode != 0:
            fail(f"{self.name}: {' '.join(command)}: status {done.returncode}: "
                 f"{done.stderr.decode(errors='replace')}")
        return done

    def _busctl(self, *arguments, check=True):
        done = self.run("busctl", "--user", "--json=short", "--timeout=60", *arguments, check=check)
        if done.returncode != 0:
            return None, done.stderr.decode()
        return (json.loads(done.stdout)["data"] if done.stdout.strip() else None), None

    def call(self, path, interface, method, signature="", *arguments):
        words = [signature] if signature else []
        return self._busctl("call", "org.tigress.Wallet1", path, "org.tigress.Wallet1." + interface,
                            method, *words, *arguments)[0]

    def refused(self, path, interface, method, signature="", *arguments):
        """The sentence of the error that the call ends in."""
        words = [signature] if signature else []
        data, said = self._busctl("call", "org.tigress.Wallet1", path,
                                  "org.tigress.Wallet1." + interface, method, *words, *arguments,
                                  check=False)
        if said is None:
            fail(f"{method} was not refused but answered {data}")
        return said.strip()

    def get(self, path, interface, name):
        return self._busctl("get-property", "org.tigress.Wallet1", path,
                            "org.tigress.Wallet1." + interface, name)[0]

    def objects(self, interface="Share"):
        """{path: {property: value}} of all at once."""
        data, _ = self._busctl("call", "org.tigress.Wallet1", MANAGER,
                               "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        name = "org.tigress.Wallet1." + interface
        return {path: {key: value["data"] for key, value in faces[name].items()}
                for path, faces in data[0].items() if name in faces}

    def trust(self, *relays, ca=None, default=None):
        """Relays that this user trusts too, from now on."""
        self.trusted += relays
        settings = {"TrustedRelays": [r.origin for r in self.trusted]}
        if default is not None:
            settings["Relay"] = default.origin
        if ca is not None:
            settings["CaFile"] = ca
        configure(self.name, **settings)
        wanted = {r.origin for r in relays}
        eventually(lambda: wanted <= set(self.get(MANAGER, "Manager", "Relays")),
                   f"{self.name} does not trust the relays")

    @staticmethod
    def _options(options):
        words = [str(len(options))]
        for key, (kind, value) in options.items():
            words += [key, kind, value]
        return words

    def share(self, content, **options):
        """A token; options: title=("s", "Door"). In the mode whose messages Peer can write, unless
        compat says otherwise."""
        options = {"wait": ("b", "true"), "compat": ("b", "true"), **{k.replace("_", "-"): v for k, v in options.items()}}
        return Share(self, self.call(MANAGER, "Manager", "CreateShare", "sa{sv}a{sv}", TOKEN, "1",
                                     "content", "s", content, *self._options(options))[0])

    def share_at(self, relay, content, plan=None, is_heard=True, **options):
        """A token at that relay, and the box that its mailbox will be, with the plan. is_heard:
        the create comes through, and is waited for, lest the next one takes this plan."""
        box = relay.plan(plan)
        share = self.share(content, relay=("s", relay.origin), **options)
        if is_heard:
            eventually(lambda: box.requests, "the relay hears nothing")
        return share, box

    def accept(self, link, **options):
        options = {"wait": ("b", "true"), **options}
        return Share(self, self.call(MANAGER, "Manager", "AcceptInvitation", "va{sv}", "s", link,
                                     *self._options(options))[0])

    def open(self, link):
        """As a click on it does."""
        self._busctl("call", "org.tigress.Wallet1", MANAGER, "org.freedesktop.Application", "Open",
                     "asa{sv}", "1", link, "0")

    def accept_refused(self, link):
        return self.refused(MANAGER, "Manager", "AcceptInvitation", "va{sv}", "s", link, "1",
                            "wait", "b", "true")

    def inspect(self, link, fetch=True):
        data = self.call(MANAGER, "Manager", "InspectInvitation", "va{sv}", "s", link, "1",
                         "fetch", "b", str(fetch).lower())[0]
        return {key: value["data"] for key, value in data.items()}

    def inspect_refused(self, link):
        return self.refused(MANAGER, "Manager", "InspectInvitation", "va{sv}", "s", link, "1",
                            "fetch", "b", "true")

    def credentials(self):
        """The ids of the credentials in the keyring."""
        found = self.run("secret-tool", "search", "--all", "tigress", "credential", check=False)
        text = (found.stdout + found.stderr).decode()
        return sorted(line[15:] for line in text.splitlines() if line.startswith("attribute.id = "))

    def received(self):
        """The same as the shares say."""
        return sorted(s["Credential"].rsplit("/", 1)[-1] for s in self.objects().values()
                      if s["Credential"] != "/")

    def content_of(self, share):
        """What the keyring holds of what the share brought."""
        credential = share.get("Credential").rsplit("/", 1)[-1]
        return self.run("secret-tool", "lookup", "tigress", "credential", "id", credential).stdout

    def start_wallet(self, *prefix):
        """The wallet as the bus would start it, with the prefix before its command."""
        service = os.path.join(os.environ["TIGRESS_WORLD"], "services",
                               "org.tigress.Wallet1.service")
        with open(service) as lines:
            command = [line[5:].split() for line in lines if line.startswith("Exec=")][0]
        log = open(os.path.join(os.environ["TIGRESS_WORLD"], "log", f"{self.name}-bus.log"), "a")
        subprocess.Popen(("as", self.name) + prefix + tuple(command), stdin=subprocess.DEVNULL,
                         stdout=log, stderr=log)
        eventually(lambda: world("wallet", self.name, "pid"), "the wallet does not start")

    def log(self):
        return world("bus-log", self.name)

    def restart(self):
        world("wallet", self.name, "restart")


# ---- somebody who holds a link ----


_cryptography = LineProgram("peer")  # what the standard library lacks


def text_of(message):
    return message if isinstance(message, bytes) else json.dumps(
        message, ensure_ascii=False, separators=(",", ":")).encode()


class Peer:
    """One side of a share: the key, and messages of any shape under it."""

    def __init__(self, key=None, role="s"):
        self.key, self.role = key or os.urandom(32), role
        self.sid = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        self.claim = str(uuid.uuid4())
        self.proof, self.verifier = _cryptography.ask("proof", self.key.hex()).split()

    @classmethod
    def of_link(cls, link):
        """The recipient's side of somebody's link."""
        return cls(base64.b64decode(link.partition("#")[2]), role="r")

    def header(self, **changes):
        header = {"v": 1, "sid": self.sid, "role": self.role, "seq": 0, **changes}
        return {key: value for key, value in header.items() if value is not None}

    def message(self, content=None, format=TOKEN, **changes):
        """A plaintext; changes are those of the header, header=None leaves it out."""
        message = {"format": format, "content": {"token": "x"} if content is None else content}
        if "header" not in changes:
            changes.setdefault("end", 1 if self.role == "s" else None)
            message["tigress"] = self.header(**changes)
        return message

    def end(self, outcome="completed", reason=None, **changes):
        content = {"outcome": outcome, **({} if reason is None else {"reason": reason})}
        return self.message(content, "tigress.end", **{"ack": 0, **changes})

    def seal(self, message):
        """The payload around a plaintext: octets as they are, anything else as JSON."""
        payload = _cryptography.ask("seal", self.key.hex(), text_of(message).hex())
        return payload or fail(f"cannot seal {text_of(message)[:200]}")

    def open(self, payload):
        octets = _cryptography.ask("open", self.key.hex(), payload)
        return None if octets is None else json.loads(bytes.fromhex(octets))

    def learn(self, payload):
        """What a recipient learns of the sender's first message."""
        message = self.open(payload)
        self.sid = message["tigress"]["sid"]
        return message

    def link(self, url, letter=None):
        query = f"?v={letter}" if letter else ""
        return url + query + "#" + base64.b64encode(self.key).decode()


class Client:
    """Requests to a real relay, of whatever shape."""

    def __init__(self, origin=TRIAL_RELAY, ca=TRIAL_CA):
        self.origin = origin
        self.context = ssl.create_default_context(cafile=ca)
        self.local = threading.local()

    def ask(self, method, path, headers, body=None):
        """(status, headers, body)"""
        headers = {key: value for key, value in headers.items() if value is not None}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPSConnection(self.origin.partition("//")[2],
                                                 context=self.context, timeout=PATIENCE_S)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        octets = answer.read()
        connection.close()
        return answer.status, answer.headers, octets

    def create(self, peer, payload, title=""):
        """The URL of a new mailbox with the payload in it."""
        expiration = hostile_relay.format_time(time.time() + 3600)
        body = '{"payload":%s,"displayInformation":{"title":%s,"description":"","imageURL":""},' \
               '"mailboxConfiguration":{"accessRights":"RWD","expiration":"%s"}}' % (
                   payload, json.dumps(title), expiration)
        status, _, answer = self.ask("POST", "/v1/m", {
            "Mailbox-Device-Claim": peer.claim, "Mailbox-Request-ID": str(uuid.uuid4()),
            "Mailbox-Claim-Verifier": peer.verifier}, body)
        equal(status, 200, f"create: {answer}")
        return json.loads(answer)["urlLink"]

    def read(self, peer, url):
        return self.ask("POST", url.partition(self.origin)[2], {
            "Mailbox-Device-Claim": peer.claim, "Mailbox-Claim-Proof": peer.proof})

    def write(self, peer, url, payload):
        status, _, answer = self.ask("PUT", url.partition(self.origin)[2], {
            "Mailbox-Device-Claim": peer.claim, "Mailbox-Request-ID": str(uuid.uuid4())},
            '{"payload":%s}' % payload)
        equal(status, 200, f"write: {answer}")


def vectors(name):
    with open(os.path.join(VECTORS, name + ".json")) as file:
        return json.load(file)


def folder():
    return tempfile.mkdtemp(dir=os.environ["TMPDIR"])


def bundle(*authorities):
    """One file of the trial relay's authority and of others, that users can read."""
    file = os.path.join(folder(), "ca.pem")
    with open(file, "w") as out:
        for path in (TRIAL_CA,) + tuple(a.file for a in authorities):
            with open(path) as part:
                out.write(part.read())
    return world("give", file).strip()
