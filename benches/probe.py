"""How long a client waits at most that asks a thousand times a second, and how long of that the machine was at fault.

Where there are as many busy threads as cores, a client waits for its own turn; so this one comes before all others. And the host of a
virtual machine takes a core away now and then, for up to tens of milliseconds: a thread on each core that comes before all others as well
sees it, and what was waited then is left out. Both take the right to do so; without it nothing is left out.
"""

import json
import subprocess
import sys
import time

CORES = (0, 1)
RATE = 1000
#: Parts of a run for each of which the longest wait is known.
PARTS_PER_SECOND = 100
#: So long before and after a moment at which a core was away waits are left out: when a run has begun is not known better.
MARGIN_S = 0.06
#: A thread that sleeps for a millisecond and comes back later than that was kept waiting by the host.
LATE_S = 0.002

WATCH = f"""
import os, sys, time
try:
    os.sched_setaffinity(0, {{int(sys.argv[1])}})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(80))
except OSError:
    sys.exit()
last = time.monotonic()
while True:
    time.sleep(0.001)
    now = time.monotonic()
    if {LATE_S} < now - last:
        print(last, now, flush=True)
    last = now
"""


class Probe:
    """A client that asks for so many seconds, beginning now."""

    def __init__(self, bench, server, seconds):
        watch = lambda core: subprocess.Popen([sys.executable, "-c", WATCH, str(core)], stdout=subprocess.PIPE, text=True)
        self.watches = [watch(core) for core in CORES]
        first = ["chrt", "-f", "50"] if subprocess.run(["chrt", "-f", "50", "true"], stderr=subprocess.DEVNULL).returncode == 0 else []
        command = [*first, bench.options.generator, "-p", str(server.port), "--json", "-t", "get", "-c", "1", "-r", "100000"]
        command += ["--rate", str(RATE), "-n", str(RATE * seconds), "--segments", str(PARTS_PER_SECOND * seconds)]
        self.begin = time.monotonic()
        self.client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def longest_ms(self):
        """Waits for its end, and gives the longest wait."""
        parts = json.loads(self.client.communicate()[0])["longest_us"]
        for watch in self.watches:
            watch.kill()
        away = [tuple(map(float, line.split())) for watch in self.watches for line in watch.communicate()[0].splitlines()]

        def is_clean(number):
            middle = self.begin + (number + 0.5) / PARTS_PER_SECOND
            return not any(begin - MARGIN_S < middle < end + MARGIN_S for begin, end in away)

        # It begins with the start of a process and a connection.
        return max(wait for number, wait in enumerate(parts) if PARTS_PER_SECOND // 5 <= number and is_clean(number)) / 1000
