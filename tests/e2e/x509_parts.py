# SPDX-License-Identifier: LGPL-2.1-or-later
"""X.509 client certificates between two wallets: who signs, a real nginx that trusts him, and a
client with what was lent to him."""

import os
import shutil
import signal
import socket
import subprocess

from crash_parts import Wrong, run, until
from ssh_parts import options

X509 = "org.tigress.x509.certificate"
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_certificate(person, key, certificate, name, *more, days="30"):
    run("as", person.name, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", days,
        "-subj", f"/CN={name}", *more)


class Authority:
    """Certificate and key of a person's that signs others."""

    def __init__(self, person, name="ca", *more, days="30"):
        self.person = person
        home = person.environment["HOME"]
        self.key, self.certificate = f"{home}/{name}.key", f"{home}/{name}.pem"
        self.crl = f"{home}/{name}.crl"
        make_certificate(person, self.key, self.certificate, name,
                         *(more or ("-addext", "keyUsage=critical,keyCertSign,cRLSign")),
                         days=days)

    def terms(self, **more):
        terms = {"ca": self.certificate, "ca_key": self.key, "subject": "CN=bob,O=Example",
                 "crl": self.crl}
        terms.update(more)
        return {name: value for name, value in terms.items() if value is not None}

    def lend(self, settings=None, **more):
        settings = {"pin": False, "wait": True, **(settings or {})}
        return self.person.begin(
            "CreateShare", "sa{sv}a{sv}", X509, *options(**self.terms(**more)),
            *options(**settings))


class Server:
    """nginx on loopback, as the person whose authority it trusts: no root is needed."""

    def __init__(self, person, authority):
        self.folder = f"{person.environment['HOME']}/nginx"
        run("as", person.name, "mkdir", "-p", self.folder)
        make_certificate(person, f"{self.folder}/key", f"{self.folder}/certificate", "127.0.0.1")
        self.port = free_port()
        paths = "".join(f"{name}_temp_path {self.folder}/{name};" for name in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(f"{self.folder}/conf", "w") as conf:
            conf.write(f"""
                daemon off; worker_processes 1; pid {self.folder}/pid;
                error_log {self.folder}/log info;
                events {{ }}
                http {{
                    access_log off; {paths}
                    server {{
                        listen 127.0.0.1:{self.port} ssl;
                        ssl_certificate {self.folder}/certificate;
                        ssl_certificate_key {self.folder}/key;
                        ssl_session_cache off; ssl_session_tickets off;
                        ssl_verify_client on;
                        ssl_client_certificate {authority.certificate};
                        ssl_crl {authority.crl};
                        location / {{ return 200 "$ssl_client_s_dn"; }}
                    }}
                }}""")
        self.process = subprocess.Popen(
            ["as", person.name, NGINX, "-p", self.folder, "-e", f"{self.folder}/log", "-c",
             f"{self.folder}/conf"])
        until("nginx listens", self.listens)

    def log(self):
        with open(f"{self.folder}/log") as log:
            return log.read()

    def listens(self):
        if self.process.poll() is not None:
            raise Wrong(f"nginx does not run: {self.log()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def reload(self):
        """Its list is read anew; connections of before may still meet the old one."""
        with open(f"{self.folder}/pid") as pid:
            os.kill(int(pid.read()), signal.SIGHUP)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def login(self, client, *certificate):
        """Whom the server knows; None: not let in."""
        said = run("as", client.name, "curl", "-sk", "--max-time", "60", "-w", "\n%{http_code}",
                   *certificate, f"https://127.0.0.1:{self.port}/").splitlines()
        if said[-1] == "400":
            return None
        if said[-1] != "200":
            raise Wrong(f"nginx: {said}")
        return said[0]


def put_pem(person, text, name="lent"):
    """As a person would, to use it."""
    path = f"{person.environment['HOME']}/{name}.pem"
    run("as", person.name, "sh", "-c", 'umask 077 && cat >"$1"', "-", path, input=text)
    return path


def serial_of(person, text):
    """The number of the certificate in what a wallet has kept."""
    said = run("as", person.name, "openssl", "x509", "-noout", "-serial",
               input=text.split("-----END PRIVATE KEY-----\n")[1])
    return said.strip().removeprefix("serial=")
