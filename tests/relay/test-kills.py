#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The relay is killed again and again while clients write. After each restart each of them looks
at all that it has: what was acknowledged is there, what was not is there as a whole or not at all,
and a request that is repeated is answered as before.

TIGRESS_KILLS says how often (100), TIGRESS_SEED what happens."""

import os
import random
import threading
import time
import unittest

from disk import check_file
from relayprocess import DEADLINE_S, Relay
from writers import SETTINGS, Client

N_KILLS = int(os.environ.get("TIGRESS_KILLS", "100"))
SEED = int(os.environ.get("TIGRESS_SEED", str(random.SystemRandom().randrange(1 << 32))))
N_CLIENTS = 8
CHECK_FILE_EVERY = 10


class Kills(unittest.TestCase):
    def kill_under_load(self, relay, clients, chance):
        relay.is_killed = False
        ready = threading.Barrier(len(clients) + 1)
        threads = [threading.Thread(target=client.run, args=(relay, ready), daemon=True)
                   for client in clients]
        for thread in threads:
            thread.start()
        try:
            ready.wait(DEADLINE_S)  # all have looked
            end = sum(client.n_acknowledged for client in clients) + chance.randrange(1, 120)
            while (sum(client.n_acknowledged for client in clients) < end
                   and not any(client.problem for client in clients)):
                time.sleep(0.0005)
            time.sleep(chance.random() * 0.003)  # at no moment that anybody has chosen
        except threading.BrokenBarrierError:
            pass
        relay.is_killed = True
        relay.kill()
        for thread in threads:
            thread.join(DEADLINE_S)

    def test_no_acknowledged_write_is_lost_and_none_is_torn(self):
        chance = random.Random(SEED)
        print("TIGRESS_SEED=%d" % SEED, flush=True)
        clients = [Client(random.Random(SEED * 1000 + i)) for i in range(N_CLIENTS)]
        with Relay(settings=SETTINGS) as relay:
            for n in range(N_KILLS):
                self.kill_under_load(relay, clients, chance)
                problems = [client.problem for client in clients if client.problem]
                self.assertEqual(problems, [], "before kill %d" % (n + 1))
                if n % CHECK_FILE_EVERY == 0:
                    check_file(relay.state)
                relay.start()
            n_acknowledged = sum(client.n_acknowledged for client in clients)
            n_pending = sum(client.n_pending for client in clients)
            n_done = sum(client.n_done for client in clients)
            print("%d kills, %d acknowledged; of %d that were not, %d had been done"
                  % (N_KILLS, n_acknowledged, n_pending, n_done))
            self.assertGreater(n_acknowledged, N_KILLS * 10)
            # in the midst of writing, not beside it
            self.assertGreater(n_pending, N_KILLS)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
