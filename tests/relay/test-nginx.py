#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The web server of README, "Only a web server": an nginx that runs that very configuration."""

import base64
import os
import re
import shlex
import subprocess
import sys
import time
import unittest

from nginxprocess import NGINX, README, Nginx
from relayprocess import Relay, draw

ACCESS_LOG = "/var/log/nginx/access.log"
LIMIT = 65584


def location():
    return base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


class WebServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.relay = cls.enterClassContext(Relay())
        cls.nginx = cls.enterClassContext(Nginx(cls.relay))

    def ask(self, *arguments, **named):
        return self.nginx.ask(*arguments, **named)

    def test_a_message_goes_from_one_to_the_other(self):
        path = "/v1/t/" + location()
        octets = os.urandom(LIMIT)
        headers = {
            "If-None-Match": "*", "Mailbox-Request-ID": draw(), "Mailbox-Reader-Lock": "required",
            "Content-Type": "application/octet-stream", "Expires-In": "60",
        }
        self.assertEqual(self.ask("GET", path).status, 404)
        self.assertEqual(self.ask("PUT", path, octets, headers).status, 201)
        answer = self.ask("GET", path, headers={"Mailbox-Device-Claim": draw()})
        self.assertEqual((answer.status, answer.body), (200, octets))
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertIsNone(answer.headers["Set-Cookie"])
        self.assertEqual(self.ask("DELETE", path).status, 204)
        self.assertEqual(self.ask("GET", path).status, 404)
        self.assertEqual(self.ask("DELETE", path).status, 404)

    def test_what_it_does_not_give(self):
        """The sentences of README that warn."""
        path = "/v1/t/" + location()
        headers = {"If-None-Match": "*"}
        self.assertEqual(self.ask("PUT", path, b"one", headers).status, 201)
        self.assertEqual(self.ask("PUT", path, b"two", headers).status, 204)  # overwritten
        for claim in (draw(), draw()):  # and given to anybody
            answer = self.ask("GET", path, headers={"Mailbox-Device-Claim": claim})
            self.assertEqual(answer.body, b"two")

    def test_there_is_no_list_and_nothing_else(self):
        place = location()
        self.assertEqual(self.ask("PUT", "/v1/t/" + place, b"one").status, 201)
        before = self.nginx.files()
        for path in ("/", "/v1", "/v1/", "/v1/t", "/v1/t/", "/v1/t/.", "/v1/t/" + place + "/",
                     "/v1/t/" + place[:-1], "/v1/t/" + place + "A", "/v1/t/x/" + place,
                     "/v1/t/../t/", "/nginx.conf", "/../key.pem"):
            for method in ("GET", "HEAD", "PUT", "DELETE", "POST", "PROPFIND"):
                answer = self.ask(method, path, b"x" if method == "PUT" else None)
                self.assertIn(answer.status, (400, 404), (method, path))
                self.assertNotIn(place.encode(), answer.body)
        for method in ("HEAD", "POST", "PATCH", "OPTIONS", "PROPFIND", "MKCOL", "COPY", "MOVE"):
            headers = {"Destination": "/v1/t/" + location()}
            answer = self.ask(method, "/v1/t/" + place, headers=headers)
            self.assertEqual(answer.status, 405, method)
        self.assertEqual(self.nginx.files(), before)

    def test_too_much_is_refused(self):
        path = "/v1/t/" + location()
        self.assertEqual(self.ask("PUT", path, b"x" * (LIMIT + 1)).status, 413)
        self.assertEqual(self.ask("GET", path).status, 404)

    def test_files_are_its_own_and_the_log_names_no_location(self):
        place = location()
        self.ask("GET", "/v1/t/" + place)
        self.ask("PUT", "/v1/t/" + place, b"x" * (LIMIT + 1))
        self.ask("PUT", "/v1/t/" + place, b"one")
        path = os.path.join(self.nginx.drop, "v1", "t", place)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.ask("DELETE", "/v1/t/" + place)
        self.ask("DELETE", "/v1/t/" + place)
        self.assertNotIn(place, self.nginx.log())
        if os.access(ACCESS_LOG, os.R_OK):  # where it goes if nobody says that there is none
            with open(ACCESS_LOG, errors="replace") as file:
                self.assertNotIn(place, file.read())

    def test_the_line_that_cleans_up_takes_the_old_alone(self):
        with open(README) as file:
            line = re.search(r"^    17 \* \* \* \* www-data (find /var/lib/tigress-drop .*)$",
                             file.read(), re.M)[1]
        command = shlex.split(line.replace("/var/lib/tigress-drop", self.nginx.drop))
        old, young = location(), location()
        for place, age_s in ((old, 86400 + 120), (young, 86400 - 120)):
            self.ask("PUT", "/v1/t/" + place, b"one")
            then = time.time() - age_s
            os.utime(os.path.join(self.nginx.drop, "v1", "t", place), (then, then))
        subprocess.run(command, check=True)
        self.assertEqual(self.ask("GET", "/v1/t/" + old).status, 404)
        self.assertEqual(self.ask("GET", "/v1/t/" + young).status, 200)


if __name__ == "__main__":
    if not NGINX:
        print("skipped: needs nginx: tests/packages.sh test installs it")
        sys.exit(77)
    unittest.main(verbosity=2, warnings="ignore")
