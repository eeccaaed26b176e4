# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A wallet that lies, on a bus of its own that needs no root, and tigressctl against it: for
NAME.py TIGRESSCTL FAKE-WALLET [TEST...], which calls end() when it is done.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

from terminal import Terminal, check, eventually, run

if len(sys.argv) < 3:
    sys.exit(f"usage: {sys.argv[0]} TIGRESSCTL FAKE-WALLET [TEST...]")
tigressctl, fake_wallet = sys.argv[1:3]
del sys.argv[1:3]
for tool in ("dbus-daemon",):
    if not shutil.which(tool):
        print("skipped: needs " + tool)
        sys.exit(77)

home = tempfile.mkdtemp(prefix="tigressctl-")
share_id = "0123456789abcdef0123456789abcdef"
credential_id = "fedcba9876543210fedcba9876543210"
link = "https://relay.example/v1/m/51f9ca0c-bb35-4ba3-9aeb-0f6f8e1b7f3b#c2VjcmV0"
errors = ["Failed", "Invalid", "NotFound", "BadState", "Denied", "Expired", "Unreachable",
          "Tampered", "LimitReached", "UntrustedRelay", "KeyringUnavailable", "AlreadyUsed",
          "WrongPin", "Declined", "Cancelled"]


def start_bus():
    configuration = os.path.join(home, "bus.conf")
    with open(configuration, "w") as file:
        # No service directories: nothing that is installed here can be started.
        file.write(f"""<busconfig><type>session</type><listen>unix:path={home}/bus</listen>
            <policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/>
            <allow own="*"/></policy></busconfig>""")
    process = subprocess.Popen(["dbus-daemon", "--config-file", configuration, "--nofork",
                                "--print-address=1"], stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


environment = {
    "PATH": os.environ["PATH"], "HOME": home, "LC_ALL": "C.UTF-8", "TERM": "xterm",
    "XDG_CONFIG_HOME": home + "/config", "XDG_RUNTIME_DIR": home,
    "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home}/bus",
}
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "G_DEBUG"):
    if name in os.environ:
        environment[name] = os.environ[name]


class Wallet:
    """with Wallet(error="Denied") as calls: …; calls() are those that it got so far."""

    def __init__(self, **knobs):
        self.knobs = [f"{name}={value}" for name, value in knobs.items()]

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([fake_wallet, *self.knobs], stdout=self.log,
                                        env=environment)
        eventually(lambda: "ready" in self(), "the fake wallet on its bus")
        return self

    def __call__(self):
        self.log.seek(0)
        return self.log.read().decode()

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        # Its name has to be free again before the next one asks for it.


def ctl(*arguments, stdin=b"", **more):
    return run([tigressctl, *arguments], stdin=stdin, env=environment, **more)


def at_terminal(*arguments, **more):
    return Terminal([tigressctl, *arguments], env=environment, **more)


def json_lines(text):
    check(text.endswith("\n") or text == "", "the last line is not ended:", repr(text[-40:]))
    return [json.loads(each) for each in text.splitlines()]


bus = start_bus()


def end():
    bus.kill()
    bus.wait()
    shutil.rmtree(home)
