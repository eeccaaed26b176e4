# SPDX-License-Identifier: LGPL-2.1-or-later

"""An nginx that runs the very configuration of README, "Only a web server"."""

import http.client
import os
import shutil
import socket
import subprocess

from relayprocess import DEADLINE_S, Answer, until

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
README = os.path.join(ROOT, "README.md")
CONFIG = os.path.join(ROOT, "tests", "world.d", "bin", "dav-config")
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


class Nginx:
    """With the certificate of a trial relay that is not asked anything."""

    def __init__(self, relay):
        self.relay = relay
        self.folder = os.path.join(relay.directory, "nginx")
        self.drop = os.path.join(self.folder, "drop")
        os.makedirs(self.drop)

    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w") as file:
            subprocess.run(
                [CONFIG, README, self.folder, str(self.port), self.relay.ca,
                 os.path.join(self.relay.state, "key.pem")],
                stdout=file, check=True,
            )
        self.log_path = os.path.join(self.folder, "error.log")
        self.process = subprocess.Popen(
            [NGINX, "-e", self.log_path, "-p", self.folder, "-c", config],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        until(self.is_there, "nginx listens: " + self.log())
        return self

    def __exit__(self, *what):
        self.process.terminate()
        self.process.wait(DEADLINE_S)

    def is_there(self):
        if self.process.poll() is not None:
            raise AssertionError("nginx ended: " + self.log())
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path) as file:
            return file.read()

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self.relay.tls(), timeout=DEADLINE_S
        )
        connection.request(method, path, body=body, headers=headers or {})
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def files(self):
        return sorted(
            os.path.join(top, name) for top, _, names in os.walk(self.drop) for name in names
        )
