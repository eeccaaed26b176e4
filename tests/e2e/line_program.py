# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program that answers each line with a line."""

import os
import subprocess
import threading


class LineProgram:
    """One of tests/fakes/; threads may ask it at the same time."""

    def __init__(self, name):
        program = os.path.join(os.environ["TIGRESS_BUILD"], "tests", "fakes", name)
        self._lock = threading.Lock()
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True)

    def ask(self, *words):
        """The answer; None where there is none."""
        with self._lock:
            self._process.stdin.write(" ".join(words) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise EOFError(f"{self._process.args[0]} has died")
        return None if answer == "-\n" else answer.removesuffix("\n")
