#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The power fails. Every change of the relay's files is noted while clients write; then disks are
made as a loss of power at any moment may leave them: what was not flushed is there in parts, in any
order, torn at any sector, or not at all. On each a relay starts, and all that had been acknowledged
is there, as it was.

TIGRESS_CUTS says how many disks (60), TIGRESS_SEED which."""

import os
import random
import shutil
import tempfile
import threading
import unittest

from disk import Disk, Trace, check_file
from relayprocess import DEADLINE_S, Relay
from writers import SETTINGS, Client

N_CUTS = int(os.environ.get("TIGRESS_CUTS", "60"))
SEED = int(os.environ.get("TIGRESS_SEED", str(random.SystemRandom().randrange(1 << 32))))
N_CLIENTS = 4
N_ACKNOWLEDGED = 150  # by each


class Recorder(Client):
    """One that notes at what time it was acknowledged what, in octets of the disk's trace."""

    def __init__(self, chance, disk):
        super().__init__(chance)
        self.disk, self.history = disk, {}

    def on_acknowledged(self, box):
        self.history.setdefault(box, []).append((self.disk.traced(), box.state, list(box.former)))

    def run(self, relay):
        self.connection = relay.connect()
        try:
            while self.n_acknowledged < N_ACKNOWLEDGED:
                self.write()
        except BaseException as problem:
            self.problem = repr(problem)
        finally:
            self.connection.close()

    # ---- afterwards ----

    def check_box(self, box, entries, time):
        """What was acknowledged by TIME is there, or what was asked for next."""
        known = [i for i, entry in enumerate(entries) if entry[0] <= time]
        states = [entry[1] for entry in entries]
        if not known:
            answer = self.read(box, box.alice)
            assert answer.status == 404 or self.matches(box, states[0]), (
                "half", states[0], answer.status)
            return
        last = known[-1]
        box.former = entries[last][2]
        assert any(self.matches(box, state) for state in states[last : last + 2]), (
            "lost", states[last], self.look(box))

    def check_all(self, relay, time):
        self.connection = relay.connect()
        try:
            for box, entries in self.history.items():
                # what ended long before is of no interest any more
                if not entries[-1][1][3] or entries[-1][0] > time - 1000000:
                    self.check_box(box, entries, time)
        finally:
            self.connection.close()


class Power(unittest.TestCase):
    def record(self, n_clients, is_lying=False):
        """A relay that makes its store and serves, and all that its disk was told meanwhile."""
        relay = Relay(settings=SETTINGS + "EraseInterval=1\n", plain=True)
        relay.options += ["--public-url", "https://relay.example"]
        disk = Disk(relay, is_traced=True)
        disk.plan.is_lying = is_lying
        clients = [Recorder(random.Random(SEED * 1000 + i), disk) for i in range(n_clients)]
        with relay:
            threads = [threading.Thread(target=client.run, args=(relay,)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(DEADLINE_S)
            self.assertEqual([client.problem for client in clients], [None] * n_clients)
            relay.kill()
            trace = Trace(disk.trace_path)
            relay.environment.pop("LD_PRELOAD")
            relay.start()
        return trace, clients

    def cut(self, trace, clients, at, chance):
        """A relay on what is left after AT entries of the trace."""
        relay = Relay(settings=SETTINGS, plain=True)
        relay.options += ["--public-url", "https://relay.example"]
        trace.leave(relay.directory, at, chance)
        time = trace.ends[at - 1] if at else 0
        with relay:
            for client in clients:
                client.check_all(relay, time)
            relay.kill()
            check_file(relay.state)
            relay.start()

    def test_what_was_acknowledged_outlives_a_loss_of_power(self):
        print("TIGRESS_SEED=%d" % SEED, flush=True)
        chance = random.Random(SEED)
        trace, clients = self.record(N_CLIENTS)
        n = len(trace.ends)
        cuts = [chance.randrange(n + 1) for _ in range(N_CUTS)]
        cuts += [chance.randrange(min(n, 40)) for _ in range(N_CUTS // 5)]  # while it is made
        for at in cuts:
            with self.subTest(after=at, of=n):
                self.cut(trace, clients, at, chance)

    def test_a_disk_that_lies_about_flushes_is_seen(self):
        """So the test above can fail."""
        chance = random.Random(SEED)
        trace, clients = self.record(1, is_lying=True)
        lost = 0
        for _ in range(5):
            try:
                self.cut(trace, clients, len(trace.ends), chance)
            except (AssertionError, ValueError):  # gone, older, or torn in the middle of its JSON
                lost += 1
        self.assertGreater(lost, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
