#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Marked secrets go through everything that the wallet does, and are then looked for where
none may be: arguments, environments, logs, signals, errors, files, memory that a core would
hold, and whatever the relay keeps."""

import base64
import json
import resource
import signal

from consent_world import *


class Canary:
    """A secret in all the shapes in which somebody might let it out."""

    def __init__(self, name, octets):
        self.name = name
        self.forms = {octets, octets.hex().encode(), octets.hex().upper().encode()}
        for shift in range(3):
            # Without the first and last characters, which depend on the neighbours too.
            text = base64.b64encode(bytes(shift) + octets)
            text = text[-(-shift * 8 // 6):(shift + len(octets)) * 8 // 6]
            self.forms |= {text, text.translate(bytes.maketrans(b"+/", b"-_"))}

    def is_in(self, haystack):
        return any(form in haystack for form in self.forms)


def mark(name):
    return f"{name}-{os.urandom(12).hex()}"


def key_of(link):
    """Without the octet before it that says how the link is used."""
    fragment = link.partition("#")[2]
    return base64.urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4))[-32:]


class Secrets:
    """What may be nowhere, and what may be nowhere but on the bus and in memory."""

    def __init__(self):
        self.hidden, self.private = [], []
        self.lock = threading.Lock()

    def hide(self, name, octets):
        with self.lock:
            self.hidden.append(Canary(name, octets.encode() if isinstance(octets, str) else octets))

    def keep_private(self, name, text):
        with self.lock:
            self.private.append(Canary(name, text.encode()))

    def hide_link(self, link):
        fragment = link.partition("#")[2]
        self.hide("fragment", fragment.rstrip("="))
        self.hide("key", key_of(link))

    def all(self):
        with self.lock:
            return self.hidden + self.private

    def look(self, haystack, where, canaries=None):
        for canary in self.all() if canaries is None else canaries:
            if canary.is_in(haystack):
                raise Wrong(f"the {canary.name} is in {where}")


def a_search_finds_what_is_there():
    claim("a search that finds nothing would have found what is there")
    octets = os.urandom(32)
    canary = Canary("trial", octets)
    for before in (b"", b"x", b"xy"):
        for after in (b"", b"z", b"zz"):
            for form in (before + octets + after, (before + octets + after).hex().encode(),
                         base64.b64encode(before + octets + after),
                         base64.urlsafe_b64encode(before + octets + after)):
                equal(canary.is_in(form), True, f"a canary in {form!r}")
    equal(canary.is_in(os.urandom(10000)), False, "a canary in noise")


# ---- arguments and environments ----


class Witness:
    """Looks at the arguments and the environment of every process, again and again."""

    def __init__(self, secrets):
        self.secrets, self.found, self.seen = secrets, [], set()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.is_over.wait(0.002):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                for file in ("cmdline", "environ"):
                    self._look(pid, file)

    def _look(self, pid, file):
        try:
            with open(f"/proc/{pid}/{file}", "rb") as text:
                octets = text.read()
        except OSError:
            return
        self.seen.add((file, pid))
        try:
            self.secrets.look(octets, f"{file} of {octets[:60]!r}")
        except Wrong as wrong:
            self.found.append(str(wrong))

    def end(self):
        self.is_over.set()
        self.thread.join()
        if len(self.seen) < 20:
            raise Wrong("nobody was seen")
        equal(self.found, [], "secrets in arguments and environments")


class Traced:
    """tigressctl, with every execution that it leads to written down: nothing is as short-lived
    as not to be seen."""

    def __init__(self, user, *arguments, stdin=b""):
        self.trace = tempfile.mktemp(dir=TMP)
        # A sanitizer cannot look for leaks in who is traced.
        options = run("as", user, "printenv", "ASAN_OPTIONS").strip() + ":detect_leaks=0"
        done = subprocess.run(["strace", "-f", "-v", "-s", "100000", "-e", "trace=execve", "-o",
                               self.trace, "as", user, "env", f"ASAN_OPTIONS={options}",
                               "tigressctl", *arguments], input=stdin, capture_output=True)
        if done.returncode != 0:
            raise Wrong(f"tigressctl {arguments}: {done.stderr.decode()}")
        self.stdout, self.stderr = done.stdout, done.stderr

    def look(self, secrets):
        with open(self.trace, "rb") as file:
            text = file.read()
        equal(b"tigressctl" in text, True, "whether tigressctl was seen at all")
        secrets.look(text, "what tigressctl has executed")
        secrets.look(self.stderr, "what tigressctl says on stderr")
        os.unlink(self.trace)


# ---- what is said on the bus ----


class Overheard:
    """All signals and all errors on a user's bus."""

    def __init__(self, user):
        self.user, self.path = user, tempfile.mktemp(dir=TMP)
        with open(self.path, "wb") as file:
            self.process = subprocess.Popen(
                ["as", user, "dbus-monitor", "--session", "type='signal'", "type='error'"],
                stdout=file, stderr=subprocess.DEVNULL)
        until("the monitor listens", lambda: b"NameAcquired" in self.text())

    def text(self):
        with open(self.path, "rb") as file:
            return file.read()

    def look(self, secrets, n_errors):
        """A title is a property, and so in signals."""
        self.process.terminate()
        self.process.wait()
        text = self.text()
        equal(b"PropertiesChanged" in text, True, "whether signals were heard at all")
        equal(text.count(NAME.encode() + b".Error.") >= n_errors, True,
              "whether errors were heard at all")
        secrets.look(text, f"signals and errors on {self.user}'s bus", secrets.hidden)
        os.unlink(self.path)


# ---- memory ----


def may_trace():
    """Whether we may look into processes of others at all: not in every container."""
    try:
        with open(f"/proc/{pid_of_wallet('alice')}/mem", "rb"):
            return True
    except PermissionError:
        return False



def memory(pid):
    """(flags of the mapping, its octets) of everything that a core could hold."""
    with open(f"/proc/{pid}/smaps") as file:
        text = file.read()
    mappings = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (....) .*?^Rss: +(\d+) kB.*?^VmFlags: (.*?)$",
                          text, re.M | re.S)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for begin, end, rights, n_resident, flags in mappings:
            flags, size = set(flags.split()), int(end, 16) - int(begin, 16)
            # A sanitizer reserves more than any machine has; that is left out of cores.
            if rights[0] != "r" or n_resident == "0" or ("dd" in flags and size > 2**30):
                continue
            try:
                file.seek(int(begin, 16))
                yield flags, file.read(size)
            except (OSError, OverflowError):
                continue  # the kernel's own


def memory_is_clean(user, secrets, key):
    """Secrets are only where no core takes them from; this key is there."""
    n_hidden = 0
    for flags, octets in memory(pid_of_wallet(user)):
        if "dd" not in flags:
            secrets.look(octets, f"memory of {user}'s wallet that a core would hold",
                         secrets.hidden)
        elif key and key in octets:
            n_hidden += 1
            equal("lo" in flags, True, "whether the memory for secrets is locked")
    if key and not n_hidden:
        raise Wrong(f"the key is nowhere in {user}'s wallet: the search cannot be trusted")


def a_crash_leaves_no_core(alice):
    claim("a crash leaves no core, where another program's does")
    folder = home("alice")

    def crash(command):
        process = subprocess.Popen(["as", "alice", "bash", "-c",
                                    f"ulimit -c unlimited; exec {command}"],
                                   preexec_fn=lambda: resource.setrlimit(
                                       resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2),
                                   stderr=subprocess.DEVNULL)
        return process

    sleeper = crash("sleep 1000")
    until("it sleeps", lambda: b"sleep\0" in open(f"/proc/{sleeper.pid}/cmdline", "rb").read())
    sleeper.send_signal(signal.SIGSEGV)
    sleeper.wait()
    cores = [name for name in os.listdir(folder) if name.startswith("core")]
    if not cores:
        skip("this machine keeps no core in the working directory")
        return
    for name in cores:
        os.unlink(f"{folder}/{name}")

    wallet("alice", "stop")
    with open(f"{WORLD}/services/{NAME}.service") as service:
        program = re.search(r"^Exec=\S+ (.*)$", service.read(), re.M)[1]
    # Without the witness, to whom every crash is a failure.
    process = crash(f"env ASAN_OPTIONS=handle_segv=0 {program}")
    until("it serves", lambda: pid_of_wallet("alice") == str(process.pid))
    alice.reaches(alice.share(), "invited")
    process.send_signal(signal.SIGSEGV)
    equal(process.wait(), -signal.SIGSEGV, "how it ended")
    equal([name for name in os.listdir(folder) if name.startswith("core")], [], "cores")


# ---- what is at rest ----


def files_are_clean(secrets, folder, what):
    n = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                with open(os.path.join(path, name), "rb") as file:
                    octets = file.read()
            except OSError:
                continue  # sockets
            secrets.look(octets, os.path.join(path, name))
            n += 1
    if n == 0:
        raise Wrong(f"there are no files of {what}")


# ---- everything that the wallet does ----


def look_to_the_end(traces, content, secrets):
    """The last one has told which credential has arrived: bob reveals it, and removes it."""
    credential = traces[-1].stdout.decode().strip()
    traces.append(Traced("bob", "reveal", credential))
    equal(traces[-1].stdout.strip(), content.encode(), "what is revealed")
    traces.append(Traced("bob", "remove", credential))
    for trace in traces:
        trace.look(secrets)


def by_tigressctl(secrets):
    claim("sharing and accepting by tigressctl")
    content, title = mark("content"), mark("title")
    secrets.hide("content", content)
    secrets.keep_private("description", title)
    traces = []
    # A title is said in an argument, as the user chose; nothing else is.
    traces.append(Traced("alice", "share", "--json", "-", stdin=content.encode()))
    link = json.loads(traces[-1].stdout.splitlines()[-1])["link"]
    secrets.hide_link(link)
    traces.append(Traced("bob", "inspect", "-", stdin=link.encode()))
    traces.append(Traced("bob", "accept", "--yes", "-", stdin=link.encode()))
    look_to_the_end(traces, content, secrets)


def by_pin(secrets):
    claim("sharing and accepting with a PIN")
    content = mark("content")
    secrets.hide("content", content)
    path = f"{home('alice')}/spoken"
    # So long that no number that is somewhere by chance is taken for it.
    traces = [Traced("alice", "share", "--json", "--pin-digits", "13", "--pin-output", path, "-",
                     stdin=content.encode())]
    shared = json.loads(traces[0].stdout.splitlines()[-1])
    secrets.hide_link(shared["link"])
    with open(path) as file:
        spoken = file.read().strip()
    os.unlink(path)
    secrets.hide("PIN in groups", spoken)
    secrets.hide("PIN", spoken.replace("-", ""))
    traces.append(Traced("alice", "show", "--pin", shared["id"]))
    equal(traces[-1].stdout.strip().decode(), spoken, "the PIN, asked for")
    traces.append(Traced("bob", "accept", "--yes", "--no-wait", "-", stdin=shared["link"].encode()))
    number = traces[-1].stdout.decode().strip()
    traces.append(Traced("bob", "pin", number, stdin=spoken.encode()))
    look_to_the_end(traces, content, secrets)


def by_the_bus(secrets, alice, bob):
    claim("sharing, opening a link, accepting, declining, cancelling by the bus")
    names = [mark(name) for name in ("title", "description", "reason", "content")]
    title, description, reason, content = names
    for name in (title, description, reason):
        secrets.keep_private(name.partition("-")[0], name)
    secrets.hide("content", content)
    options = {"title": ("s", title), "description": ("s", description)}
    shares = [alice.share(("h", alice.memfd(content.encode())), **options) for _ in range(4)]
    links = [alice.invitation(share) for share in shares]
    for link in links:
        secrets.hide_link(link)
    bob.call(ROOT, "org.freedesktop.Application", "Open", "asa{sv}", ["tigress:" + links[0]], {})
    bob.call(ROOT, "Manager", "InspectInvitation", "va{sv}", ("s", links[0]),
             {"fetch": ("b", True)})
    received = bob.accept(links[0])
    bob.reaches(received, "completed")
    credential = bob.get(received, "Credential")
    equal(bob.call(credential, "Credential", "Reveal", "a{sv}", {"as": ("s", "bytes")})[1],
          content.encode(), "the content")
    secrets.hide_link(bob.invitation(bob.end(bob.begin(credential, "Credential", "Share", "a{sv}",
                                                       {"wait": ("b", True)}))))
    keyring("bob", "lock")
    declined = bob.accept(links[1], flags=0)
    until("the claim", lambda: rows("bob", "SELECT count(*) FROM body") == [(1,)])
    bob.call(declined, "Share", "Decline", "s", reason)
    keyring("bob", "unlock")
    alice.failed_with(shares[1], "declined", "Declined", reason)
    alice.call(shares[2], "Share", "Cancel", "s", reason)
    return shares[3], links[3]


def by_mistakes(secrets, caller, share):
    """Errors repeat nothing of what was wrong. How many there are."""
    claim("whatever is refused, too")
    pin, wrong, text = mark("pin"), mark("wrong"), mark("text")
    secrets.hide("PIN", pin)
    secrets.keep_private("text", text)
    secrets.hide("wrong secret", wrong)
    address = f"{RELAY}/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b"
    mistakes = [
        (share, "Share", "ProvidePin", "v", ("s", pin)),
        (share, "Share", "ProvidePin", "v", ("i", 1)),
        (ROOT, "Manager", "AcceptInvitation", "va{sv}", ("s", f"{address}#{wrong}"), {}),
        (ROOT, "Manager", "AcceptInvitation", "va{sv}", ("s", f"{wrong}"), {}),
        (ROOT, "Manager", "AcceptInvitation", "va{sv}", ("s", address), {"secret": ("s", wrong)}),
        (ROOT, "Manager", "AcceptInvitation", "va{sv}", ("s", address), {"pin": ("s", pin)}),
        (ROOT, "Manager", "InspectInvitation", "va{sv}", ("ay", f"tigress:{wrong}".encode()), {}),
        (ROOT, "Manager", "InspectInvitation", "va{sv}", ("as", [wrong]), {}),
        (ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", TOKEN, {"content": ("as", [wrong])}, {}),
        (ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", TOKEN,
         {"content": ("s", wrong * 2000)}, {}),
        (ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", TOKEN, {"content": ("s", wrong)},
         {"title": ("s", text + "\n")}),
        (ROOT, "Manager", "CreateShare", "sa{sv}a{sv}", TOKEN, {"content": ("s", wrong)},
         {"relay": ("s", f"https://{text}@[")}),
        (share, "Share", "Cancel", "s", text * 20),
    ]
    for mistake in mistakes:
        try:
            caller.call(*mistake)
        except Refused:
            continue
        raise Wrong(f"not refused: {mistake}")
    done = subprocess.run(["as", "bob", "tigressctl", "accept", "--yes", "-"],
                          input=f"{address}#{wrong}".encode(), capture_output=True)
    equal(done.returncode, 2, "the status")
    secrets.look(done.stdout + done.stderr, "what tigressctl says of a wrong link")
    return len(mistakes)


def main():
    a_search_finds_what_is_there()
    with open(f"{WORLD}/env", "a") as environment:
        environment.write("G_MESSAGES_DEBUG=all\nSYSTEMD_LOG_LEVEL=debug\n"
                          "SYSTEMD_LOG_TARGET=console\n")
    run("relay", "restart")
    for user in ("alice", "bob"):
        start_wallet(user)
    alice, bob = Caller("alice"), Caller("bob")
    secrets = Secrets()
    witness = Witness(secrets)
    overheard = [Overheard(user) for user in ("alice", "bob")]

    by_tigressctl(secrets)
    by_pin(secrets)
    share, link = by_the_bus(secrets, alice, bob)
    n_errors = by_mistakes(secrets, bob, next(iter(bob.objects())))

    claim("nothing of it was in an argument or in an environment")
    witness.end()
    if not may_trace():
        skip("nobody here may read the environments of others (CAP_SYS_PTRACE)")

    claim("nor in a signal or an error")
    for each, n in zip(overheard, (0, n_errors)):
        each.look(secrets, n)

    claim("nor in memory that a core would hold, but in that which is locked and left out")
    key = key_of(link)
    if may_trace():
        memory_is_clean("alice", secrets, key)
        memory_is_clean("bob", secrets, b"")
    else:
        skip("nobody here may read the memory of others (CAP_SYS_PTRACE)")
    process = f"/proc/{pid_of_wallet('alice')}"
    contains(open(f"{process}/limits").read(), "Max core file size        0 ", "its limits")
    equal(os.stat(f"{process}/environ").st_uid, 0, "who may look into the wallet")

    claim("nor in any log, at the level debug")
    for user in ("alice", "bob"):
        contains(run("bus-log", user), "DEBUG", "the log")
    files_are_clean(secrets, f"{WORLD}/log", "logs")

    claim("nor in any file of the users', or the relay's, while it runs and afterwards")
    for _ in range(2):
        for user in ("alice", "bob", "tigress-relay"):
            files_are_clean(secrets, home(user), user)
        for user in ("alice", "bob"):
            wallet(user, "stop")
    a_crash_leaves_no_core(alice)


test(main)
