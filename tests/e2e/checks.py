# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a test says what it shows, and what is wrong."""

import subprocess


class Wrong(Exception):
    """Something is not as it should be."""


def claim(sentence):
    """What is shown next; in one go, for there may be threads that do so too."""
    print(f"- {sentence}\n", end="", flush=True)


def equal(got, wanted, about=""):
    if got != wanted:
        raise Wrong(f"{about}: got {got!r}, wanted {wanted!r}")


def contains(text, part, about=""):
    if part not in text:
        raise Wrong(f"{about}: got {text!r}, wanted something with {part!r}")


def run(*command, check=True, **options):
    """A command of the world's; what it says is shown when it fails."""
    options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise Wrong(f"{' '.join(command)}: status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
