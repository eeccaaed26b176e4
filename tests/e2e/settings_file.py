# SPDX-License-Identifier: LGPL-2.1-or-later
"""The settings of somebody in a world."""

import os
import shutil


def settings_file(user):
    return f"{os.environ['TIGRESS_WORLD']}/home/{user}/.config/tigress/tigress.conf"


def configure(user, **settings):
    """These and no others: texts, or lists of texts. Whole at any moment, for a wallet that
    runs may read them at once."""
    path = settings_file(user)
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    with open(path + ".new", "w") as file:
        file.write("[Wallet]\n")
        for key, value in settings.items():
            text = value if isinstance(value, str) else "".join(f"{item};" for item in value)
            file.write(f"{key}={text}\n")
    for name in (os.path.dirname(folder), folder, path + ".new"):
        shutil.chown(name, user, user)
    os.rename(path + ".new", path)
