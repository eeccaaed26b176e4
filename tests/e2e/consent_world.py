# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of consent, keyring, callers and state have in common: people in a world,
programs of theirs that stay on the bus, somebody who answers dialogs, one way to wait.
Importing this enters a world."""

import contextlib
import os
import pickle
import re
import select
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
if not os.environ.get("TIGRESS_WORLD"):
    world = os.path.join(HERE, "..", "world")
    os.execv(world, [world, sys.executable] + sys.argv)

sys.dont_write_bytecode = True  # not into the tree
sys.path[:0] = HERE, os.path.join(HERE, "..", "fakes")
import local_caller  # noqa: E402
from checks import Wrong, claim, contains, equal, run  # noqa: E402
from local_caller import INTERACTIVE, NO_REPLY  # noqa: E402,F401
from settings_file import configure, settings_file  # noqa: E402,F401

WORLD = os.environ["TIGRESS_WORLD"]
RELAY = os.environ["TIGRESS_TRIAL_RELAY"]
TMP = os.environ["TMPDIR"]
NAME = "org.tigress.Wallet1"
ROOT = "/org/tigress/Wallet1"
TOKEN = "digitalwallet.generic.authorizationToken"
ITEM = "org.tigress.secret.item"
ENDS = "completed cancelled declined expired refused burned failed revoked relinquished".split()
PATIENCE_S = 180  # one generous deadline for whatever has to be waited for


class Refused(Exception):
    """A call was answered by an error."""

    def __init__(self, name, sentence):
        super().__init__(f"{name}: {sentence}")
        self.name, self.sentence = name.removeprefix(NAME + ".Error."), sentence


def skip(sentence):
    print("- skipped:", sentence, flush=True)


def until(about, condition):
    """What condition returns, as soon as it is something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Wrong(f"not within {PATIENCE_S} s: {about() if callable(about) else about}")
        time.sleep(0.01)
    return value


def consent(user, answer, *verb):
    run("consent", user, answer, *verb)


# ---- programs on the bus ----


class Caller:
    """A program of a user's, with one connection to his session bus. Whatever Connection has
    (tests/e2e/local_caller.py) can be called here and is done there."""

    script = None
    _kept = []  # until the end of the test

    def __init__(self, user, *command, environment=None):
        if not Caller.script:
            Caller.script = run("give", local_caller.__file__).strip()
        self.user = user
        self.process = subprocess.Popen(
            [*(command or ("as", user, "python3")), "-B", Caller.script, *self._arguments()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.name, self.pid = self._hear()
        Caller._kept.append(self)

    def _arguments(self):
        return ()

    def _hear(self):
        try:
            is_fine, told = pickle.load(self.process.stdout)
        except EOFError:
            raise Wrong(f"a program of {self.user}'s died") from None
        if not is_fine:
            raise Wrong(told)
        return told

    def __getattr__(self, method):
        def remotely(*arguments, **options):
            pickle.dump((method, arguments, options), self.process.stdin)
            self.process.stdin.flush()
            return self._hear()

        return remotely

    def quit(self, kill=False):
        if kill:
            self.process.kill()
        self.process.stdin.close()
        self.process.wait()

    # ---- the wallet, as this program calls it

    def begin(self, path, interface, method, signature="", *values, flags=INTERACTIVE):
        """A call whose answer is waited for later."""
        return self.send(NAME, path, full(interface), method, signature, values, flags=flags)

    def end(self, serial, timeout=PATIENCE_S):
        """The one value, or all of them, of the answer; Refused when it is an error."""
        answer = self.answer(serial, timeout)
        if answer is None:
            raise Wrong("a call was not answered")
        if answer[0] == "error":
            raise Refused(*answer[1:])
        return answer[2][0] if len(answer[2]) == 1 else answer[2] or None

    def is_answered(self, serial):
        """Whether it is by now: the answer stays to be taken."""
        return bool(self.peek(serial))

    def call(self, *arguments, **options):
        return self.end(self.begin(*arguments, **options))

    def refused(self, error, *arguments, **options):
        """The sentence with which a call is refused, by an error of that name."""
        return refused(error, lambda: self.call(*arguments, **options))

    def get(self, path, name):
        kind, value = self.call(path, "org.freedesktop.DBus.Properties", "Get", "ss",
                                full(interface_of(path)), name)
        return value

    def objects(self, interface="Share"):
        """{path: {property: value}} of all."""
        found = self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        return {path: {name: value for name, (_, value) in faces[full(interface)].items()}
                for path, faces in found.items() if full(interface) in faces}

    def begin_share(self, content=("s", "s3cret"), flags=INTERACTIVE, **options):
        return self.begin(ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", TOKEN,
                          {"content": content}, options_of(options), flags=flags)

    def share(self, content=("s", "s3cret"), flags=INTERACTIVE, **options):
        options.setdefault("wait", ("b", True))
        return self.end(self.begin_share(content, flags, **options))

    def begin_accept(self, link, flags=INTERACTIVE, **options):
        return self.begin(ROOT, "Manager", "AcceptInvitation", "va{sv}",
                          ("s", link) if isinstance(link, str) else link, options_of(options),
                          flags=flags)

    def accept(self, link, flags=INTERACTIVE, **options):
        options.setdefault("wait", ("b", True))
        return self.end(self.begin_accept(link, flags, **options))

    def invitation(self, share):
        self.reaches(share, "invited")
        return self.call(share, "Share", "GetInvitation")

    def reaches(self, share, wanted):
        """Fails at once where the share has ended otherwise."""

        def look():
            state = self.get(share, "State")
            if state != wanted and state in ENDS:
                raise Wrong(f"{self.user}'s share is {state} ({self.get(share, 'Failure')}), "
                            f"wanted {wanted}")
            return state == wanted

        until(lambda: f"{self.user}'s share stays {self.get(share, 'State')} "
                      f"({self.get(share, 'Failure')}), wanted {wanted}", look)

    def failed_with(self, share, state, error, part):
        """It has ended so, for this reason."""
        self.reaches(share, state)
        # Just after a start the state is known before the key to the rest is here.
        until("why it has ended so", lambda: self.get(share, "Failure")[0])
        name, sentence = self.get(share, "Failure")
        equal(name, error, f"the error of the share that is {state}")
        contains(sentence, part, "its sentence")

    def newest(self, besides=()):
        """The one share that is there and was not among these."""
        new = [path for path in self.objects() if path not in besides]
        equal(len(new), 1, "new shares")
        return new[0]


class Sandboxed(Caller):
    """A program of a user's in a Flatpak of this name, as far as the wallet can see."""

    def __init__(self, user, application):
        self.root = run("mktemp", "-d", "-p", TMP).strip()
        os.chmod(self.root, 0o755)
        with open(os.path.join(self.root, ".flatpak-info"), "w") as info:
            info.write(f"[Application]\nname={application}\n")
        super().__init__(user, sys.executable)

    def _arguments(self):
        return self.root, self.user, "/run/user/" + run("id", "-u", self.user).strip()


def full(interface):
    return interface if "." in interface else f"{NAME}.{interface}"


def interface_of(path):
    return "Share" if "/share/" in path else "Credential" if "/credential/" in path else "Manager"


def options_of(options):
    return {key.replace("_", "-"): value for key, value in options.items()}


def refused(error, action):
    try:
        answer = action()
    except Refused as refusal:
        equal(refusal.name, error, f"the name of the error ({refusal.sentence})")
        return refusal.sentence
    raise Wrong(f"not refused ({error}) but answered {answer!r}")


def pay(sender, receiver, content="s3cret", **options):
    """A whole exchange: both shares, and the credential."""
    share = sender.share(("s", content), **options)
    received = receiver.accept(sender.invitation(share))
    receiver.reaches(received, "completed")
    sender.reaches(share, "completed")
    return share, received, receiver.get(received, "Credential")


def is_gone(caller, link):
    """Whether the relay knows the invitation no more."""
    try:
        caller.call(ROOT, "Manager", "InspectInvitation", "va{sv}", ("s", link),
                    {"fetch": ("b", True)})
    except Refused as refusal:
        equal(refusal.name, "Expired", "why the invitation cannot be looked at")
        return True
    return False


# ---- dialogs ----


class Dialogs:
    """Somebody who answers the dialogs of a program (tests/fakes/consent-agent.c)."""

    def __init__(self, caller, mode):
        self.said = []
        self.process = subprocess.Popen(["consent-agent", "--process", str(caller.pid), mode],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.file = mode.partition("file:")[2]
        equal(self.process.stdout.readline(), "ready\n", "the agent")
        self.reading = threading.Thread(target=self._read, daemon=True)
        self.reading.start()

    def _read(self):
        for line in self.process.stderr:
            self.said.append(line.removeprefix("consent-agent: ").strip())

    @property
    def asked(self):
        """The verbs that were asked about, one for each dialog."""
        return [match[1] for line in list(self.said)
                if (match := re.match(r"asked org\.tigress\.wallet\.(\w+):", line))]

    @property
    def outcomes(self):
        return [line for line in list(self.said) if not line.startswith("asked ")]

    def opens(self, n=1):
        """Waits for the nth dialog."""
        until(lambda: f"dialog {n}; so far {self.said}", lambda: len(self.asked) >= n)
        equal(len(self.asked), n, "dialogs")

    def had(self, *verbs):
        """These dialogs and no others; what was just answered may not have been told yet."""
        until(lambda: f"the dialogs {verbs}; so far {self.said}",
              lambda: len(self.asked) >= len(verbs))
        equal(self.asked, list(verbs), "dialogs")

    def closes(self, outcome, n=1):
        until(lambda: f"end {n} of a dialog; so far {self.said}",
              lambda: len(self.outcomes) >= n)
        equal(self.outcomes[n - 1], outcome, "what became of the dialog")

    def agree(self, password):
        """In the mode file:PATH."""
        with open(self.file + ".new", "w") as file:
            file.write(password)
        os.chmod(self.file + ".new", 0o644)
        os.rename(self.file + ".new", self.file)

    def end(self):
        self.process.terminate()
        self.process.wait()


# ---- the relay's place ----


class EmptyChair:
    """Sits where the relay sat and answers nobody, but counts who comes."""

    def __enter__(self):
        run("relay", "stop")
        host, _, port = RELAY.removeprefix("https://").rpartition(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        until("the relay's port is free", lambda: self._takes((host, int(port))))
        self.socket.listen(64)
        return self

    def _takes(self, address):
        try:
            self.socket.bind(address)
            return True
        except OSError:
            return False

    @property
    def n_visits(self):
        """How often anybody has come, until now."""
        while select.select([self.socket], [], [], 0)[0]:
            self.socket.accept()[0].close()
            self._n_visits += 1
        return self._n_visits

    _n_visits = 0

    def __exit__(self, *_):
        self.socket.close()
        run("relay", "start")


# ---- what happens to the wallet ----


def pid_of_wallet(user):
    return run("wallet", user, "pid").strip()


def wallet(user, verb):
    """stop, kill, restart …: returns when the bus knows of it too."""
    before = pid_of_wallet(user)
    run("wallet", user, verb)
    if before and verb in ("stop", "kill", "restart"):
        until("the bus has noticed", lambda: pid_of_wallet(user) != before)
    if verb == "restart":
        run("wallet", user, "start")


def start_wallet(user, **environment):
    """As the bus would start it, with something in its environment."""
    wallet(user, "stop")
    with open(f"{WORLD}/services/{NAME}.service") as service:
        command = re.search(r"^Exec=(.*)$", service.read(), re.M)[1].split()
    with open(f"{WORLD}/log/{user}-bus.log", "a") as log:
        subprocess.Popen(["as", user, "env", *(f"{name}={value}" for name, value in
                                               environment.items()), *command],
                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    until("the wallet has started", lambda: pid_of_wallet(user))


# ---- what is at rest ----

FILES = ("", "-wal")  # of a database, by their endings


def home(user):
    return f"{WORLD}/home/{user}"


def state_file(user):
    return f"{home(user)}/.local/state/tigress/state.db"


def put_aside(user, folder):
    """A copy of the file as it is now, with its log."""
    for ending in FILES:
        if os.path.exists(state_file(user) + ending):
            shutil.copy(state_file(user) + ending, f"{folder}/state.db{ending}")


def put_back(user, folder):
    wallet(user, "stop")
    for ending in FILES + ("-shm",):
        if os.path.exists(state_file(user) + ending):
            os.unlink(state_file(user) + ending)
        if os.path.exists(f"{folder}/state.db{ending}"):
            shutil.copy(f"{folder}/state.db{ending}", state_file(user) + ending)
    own(user)


def own(user):
    """SQLite works as root here, the wallet does not."""
    for ending in FILES + ("-shm",):
        if os.path.exists(state_file(user) + ending):
            shutil.chown(state_file(user) + ending, user, user)
            os.chmod(state_file(user) + ending, 0o600)


def rows_of(path, query, *values):
    """From a copy of the file, for who owns it lets nobody read with him."""
    with tempfile.TemporaryDirectory(dir=TMP) as folder:
        for ending in FILES:
            if os.path.exists(path + ending):
                shutil.copy(path + ending, f"{folder}/copy{ending}")
        with contextlib.closing(sqlite3.connect(f"{folder}/copy")) as database:
            return database.execute(query, values).fetchall()


def rows(user, query, *values):
    """From the wallet's file."""
    return rows_of(state_file(user), query, *values)


def n_mailboxes():
    """How many the relay keeps."""
    return rows_of(f"{home('tigress-relay')}/state/relay.db", "SELECT count(*) FROM mailbox")[0][0]


def keyring(user, verb, *more):
    run("keyring", user, verb, *more)


def keyring_items(user, kind="credential"):
    """{id: secret} of the items of ours, past the wallet."""
    done = subprocess.run(["as", user, "secret-tool", "search", "--all", "tigress", kind],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    ids = re.findall(r"^attribute\.id = (.*)$", done.stdout, re.M)
    secrets = re.findall(r"^secret = (.*)$", done.stdout, re.M)
    return dict(zip(ids, secrets)) if ids else {index: s for index, s in enumerate(secrets)}


def introspection(caller, path):
    """{interface: {method: signature of its arguments}}"""
    text = caller.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")
    return {interface.get("name"): {
                method.get("name"): "".join(
                    arg.get("type") for arg in method.findall("arg")
                    if arg.get("direction", "in") == "in")
                for method in interface.findall("method")}
            for interface in xml.etree.ElementTree.fromstring(text).findall("interface")}


def test(main):
    """The whole test: exit status 0 if all is as it should be."""
    try:
        main()
    except (Wrong, Refused) as failure:
        line = failure.__traceback__
        lines = []
        while line:
            if line.tb_frame.f_code.co_filename.startswith(HERE):
                lines.append(f"{os.path.basename(line.tb_frame.f_code.co_filename)}:"
                             f"{line.tb_lineno}")
            line = line.tb_next
        print(f"failed: {failure} ({', '.join(lines)})", file=sys.stderr, flush=True)
        sys.exit(1)
    finally:
        for caller in Caller._kept:
            if caller.process.poll() is None:
                caller.quit()
