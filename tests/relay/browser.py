# SPDX-License-Identifier: LGPL-2.1-or-later

"""A real browser, driven over WebDriver, and what it needs: an authority that it trusts, an
ear on all that it sends, and a desktop that notes which addresses it is told to open."""

import base64
import collections
import json
import os
import select
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request

from redisserver import NO_LIMITS
from relayprocess import DEADLINE_S, Relay, until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that WebDriver chose for a reference
NEEDED = ("chromium", "chromedriver", "certutil", "openssl")
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

# What any program asks of a desktop to open an address: the tools of xdg-utils. The handler
# of "tigress:" is the wallet; this one keeps what it is given.
XDG_OPEN = """#!/bin/sh
printf '%s\\n' "$*" >>"$HOME/opened.part"
cp "$HOME/opened.part" "$HOME/opened.new" && mv "$HOME/opened.new" "$HOME/opened"
"""
XDG_SETTINGS = """#!/bin/sh
case $1 in
check) echo no ;;
get) echo org.tigress.Wallet1.desktop ;;
esac
"""


def need_browser():
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if not shutil.which(name, path=path)]
    if missing:
        print("skipped: needs %s: tests/packages.sh test installs it" % ", ".join(missing))
        sys.exit(77)


class Authority:
    """Signs one certificate, for loopback."""

    def __init__(self, folder):
        self.folder = folder
        self.file, self.certificate, self.key = [
            os.path.join(folder, name) for name in ("ca.pem", "leaf.pem", "leaf.key")
        ]
        with open(os.path.join(folder, "leaf.ext"), "w") as file:
            file.write("subjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n"
                       "extendedKeyUsage=serverAuth\n")
        self.run("openssl", "req", "-x509", *EC, "-days", "30", "-subj", "/CN=authority",
                 "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign", "-out", "ca.pem", "-keyout", "ca.key")
        self.run("openssl", "req", *EC, "-subj", "/CN=relay", "-out", "leaf.csr",
                 "-keyout", "leaf.key")
        self.run("openssl", "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-CAcreateserial", "-days", "30", "-extfile", "leaf.ext", "-out", "leaf.pem")

    def run(self, *command):
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def be_trusted(self, home):
        """By every program of the user whose HOME this is that asks NSS."""
        store = os.path.join(home, ".pki", "nssdb")
        os.makedirs(store)
        self.run("certutil", "-d", "sql:" + store, "-N", "--empty-password")
        self.run("certutil", "-d", "sql:" + store, "-A", "-n", "authority", "-t", "C,,",
                 "-i", self.file)


class Ear(threading.Thread):
    """Stands where the relay's clients look for it, ends TLS, and passes everything on to the
    relay over TLS. What came is kept, octet for octet, a connection each."""

    def __init__(self, authority):
        super().__init__(daemon=True)
        self.authority = authority
        self.heard = []
        self.relay = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.origin = "https://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(authority.certificate, authority.key)

    def run(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        octets = bytearray()
        self.heard.append(octets)
        try:
            with self.context.wrap_socket(raw, server_side=True) as here, \
                    self.relay.socket() as there:
                self.pass_on(here, there, octets)
        except OSError:
            pass  # somebody has hung up

    @staticmethod
    def pass_on(here, there, octets):
        while True:
            ready = [s for s in (here, there) if s.pending()]
            for sock in ready or select.select((here, there), (), ())[0]:
                data = sock.recv(65536)
                if not data:
                    return
                if sock is here:
                    octets += data
                    there.sendall(data)
                else:
                    here.sendall(data)

    def all(self):
        return b"\n".join(bytes(octets) for octets in self.heard)

    def requests(self):
        """How often each first line of a request without a body has come."""
        blocks = [block.lstrip(b"\n") for block in self.all().split(b"\r\n\r\n")]
        return collections.Counter(
            block.split(b"\r\n")[0].decode() for block in blocks if block.strip())

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(DEADLINE_S)


class HeardRelay(Relay):
    """A relay with a certificate, whose public address is that of the ear."""

    def __init__(self, ear):
        self.ear = ear
        super().__init__(
            "--public-url", ear.origin, "--certificate", ear.authority.certificate,
            "--key", ear.authority.key, settings=NO_LIMITS, plain=True,
        )

    def start(self):
        super().start()
        self.is_plain = False
        self.origin, self.ca = self.ear.origin, self.ear.authority.file
        self.ear.relay = self
        self.ear.start()
        return self

    def ended(self):
        self.ear.close()
        return super().ended()


class Browser:
    """Headless Chromium with a home of its own, in which AUTHORITY is trusted and the address
    ORIGIN may open the wallet unasked. Nothing but loopback can be reached."""

    def __init__(self, folder, authority, origin, net_log=None):
        self.home = folder
        self.opened_path = os.path.join(folder, "opened")
        tools, scratch = os.path.join(folder, "bin"), os.path.join(folder, "tmp")
        os.makedirs(tools)
        os.makedirs(scratch)
        for name, text in (("xdg-open", XDG_OPEN), ("xdg-settings", XDG_SETTINGS)):
            with open(os.path.join(tools, name), "w") as file:
                file.write(text)
            os.chmod(file.name, 0o755)
        authority.be_trusted(folder)
        self.origin = origin
        self.arguments = [
            "--headless=new", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
            "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-pings", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        # Chromium's own sandbox runs neither as root nor in a plain container; what this one is
        # shown is all ours.
        self.arguments.append("--no-sandbox")
        if net_log:
            self.arguments += ["--log-net-log=" + net_log, "--net-log-capture-mode=Everything"]
        # What it leaves in its folder for temporary files goes with its home.
        environment = dict(os.environ, HOME=folder, TMPDIR=scratch,
                           PATH=tools + ":" + os.environ["PATH"])
        # No display, folder or bus of who runs the tests; what makes our programs strict is not
        # for a browser's libraries.
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME",
                     "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "G_DEBUG",
                     "MALLOC_PERTURB_", "LD_PRELOAD"):
            environment.pop(name, None)
        self.environment = environment
        self.driver = self.session = None
        self.noise = open(os.path.join(folder, "noise"), "w+")

    def __enter__(self):
        # Not what is tested: the driver's ports, and a browser that is slow to come up.
        for attempt in range(3):
            try:
                self.start()
                return self
            except AssertionError as error:
                self.end_driver()
                self.noise.seek(0)
                print("the browser did not start: %s\n%s" % (error, self.noise.read()[-4000:]))
        raise AssertionError("the browser does not start")

    def start(self):
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=self.noise, stdin=subprocess.DEVNULL,
        )
        said = " started successfully on port "
        line = next((line for line in self.driver.stdout if said in line), None)
        if not line:
            raise AssertionError("chromedriver has ended")
        self.base = "http://127.0.0.1:" + line.split(said)[1].strip(".\n")
        pairs = {self.origin: {"tigress": True}}
        answer = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "unhandledPromptBehavior": "ignore",
            "goog:chromeOptions": {
                "args": self.arguments,
                "prefs": {"protocol_handler": {"allowed_origin_protocol_pairs": pairs}},
            },
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }}})
        self.session = "/session/" + answer["sessionId"]

    def __exit__(self, *_):
        try:
            self.ask("DELETE", self.session)
        finally:
            self.end_driver()
            self.noise.close()

    def end_driver(self):
        self.driver.terminate()
        self.driver.wait(DEADLINE_S)
        self.driver.stdout.close()

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            self.base + path, method=method, headers={"Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode(),
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=DEADLINE_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None

    # ---- WebDriver ----

    def go(self, url):
        """A document of its own: what was logged before is forgotten."""
        self.log("performance")
        self.log("browser")
        same = self.url().split("#")[0] == url.split("#")[0]
        self.ask("POST", self.session + "/url", {"url": url})
        if same:  # else only the fragment would have changed
            self.ask("POST", self.session + "/refresh", {})

    def url(self):
        return self.ask("GET", self.session + "/url")

    def run(self, script, *arguments):
        return self.ask("POST", self.session + "/execute/sync",
                        {"script": script, "args": list(arguments)})

    def find_all(self, selector):
        return self.ask("POST", self.session + "/elements",
                        {"using": "css selector", "value": selector})

    def click(self, element):
        self.ask("POST", "%s/element/%s/click" % (self.session, element[ELEMENT]), {})

    def press(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.ask("POST", self.session + "/actions",
                 {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def log(self, kind):
        return self.ask("POST", self.session + "/se/log", {"type": kind})

    # ---- Chromium's own ----

    def cdp(self, command, **parameters):
        return self.ask("POST", self.session + "/goog/cdp/execute",
                        {"cmd": command, "params": parameters})

    def events(self):
        """(method, parameters) of what has happened since the last time."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [(message["method"], message["params"]) for message in messages]

    def opened(self, n):
        """The first N addresses that the desktop was to open; all are there when this returns."""

        def read():
            try:
                with open(self.opened_path) as file:
                    return file.read().splitlines()
            except FileNotFoundError:
                return []

        return until(lambda: len(read()) >= n and read(), "%d addresses are opened" % n)

    def show(self, width, height=800, scheme="light", font=16):
        """As on a screen this wide, in the colours and with the size of text that its user likes."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 600)
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.cdp("Page.setFontSizes", fontSizes={"standard": font, "fixed": font})

    def speak(self, languages):
        agent = self.run("return navigator.userAgent")
        self.cdp("Network.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.ask("GET", self.session + "/screenshot")))
