"""The section of `compare` about what checks of users, diagnosis and metrics cost: Ochre with each of them against Ochre without."""

import contextlib
import statistics
import threading
import urllib.request

from encryption import free_port

CLIENTS = 50

#: Twenty rules; the pattern that the keys match is the last one. (`~*` would not do: it takes the place of all patterns before it.)
RULES = [
    "resetkeys", "-@all", "+@read", "+@write", "+@connection", "-@dangerous", "+client|id", "-keys", "-sort", "+ping",
    *(f"~tenant:{number}:*" for number in range(8)), "%R~shared:*", "~key:*",
]

WITHOUT_DIAGNOSIS = [
    "--latency-tracking", "no", "--slowlog-log-slower-than", "-1", "--hotkeys-tracking", "no",
    "--commandlog-request-larger-than", "-1", "--commandlog-reply-larger-than", "-1",
]


class Scraper(threading.Thread):
    """Reads the metrics every second."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.ended = port, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(1):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as reply:
                assert b"# EOF" in reply.read()


def upkeep(bench):
    print(f"\n{'what upkeep costs, ochre alone, GET 16 deep':52} {'with':>13} {'without':>13} {'':8}  ratio  target", flush=True)
    port = free_port()
    options = {"plain": [], "rules": [], "bare": WITHOUT_DIAGNOSIS, "metrics": ["--metrics-port", str(port)]}
    requests = int(2_000_000 * bench.scale)
    load = bench.rate("-n", str(requests), "-t", "get", "-c", str(CLIENTS), "-P", "16", "-r", "1000000")
    with contextlib.ExitStack() as stack:
        servers = {}
        for which, with_options in options.items():
            servers[which] = bench.launch("ochre", options=with_options)
            stack.callback(servers[which].stop)
            bench.fill(servers[which])
        servers["rules"].connection.call("ACL", "SETUSER", "default", *RULES)
        scraper = Scraper(port)
        stack.callback(scraper.ended.set)
        rates, processor = {which: [] for which in servers}, {which: [] for which in servers}
        for _ in range(2 * bench.rounds):
            for which, server in servers.items():
                before = server.processor_us()
                rates[which].append(load(server))
                processor[which].append((server.processor_us() - before) / requests)
    for what, which, against, most in (
        ("twenty rules for a user", "rules", "plain", 0.03),
        ("diagnosis as it is by default", "plain", "bare", 0.02),
        ("metrics that are read every second", "metrics", "plain", 0.01),
    ):
        for name, samples, unit, target, digits in (
            ("processor time", processor, "us", f"at most {1 + most:.2f}x", 3),
            ("operations", rates, "/s", f"at least {1 - most:.2f}x", 0),
        ):
            with_, without = statistics.median(samples[which]), statistics.median(samples[against])
            ratio = with_ / without
            bench.rows.append({"what": f"{what}: {name}", "with": with_, "without": without, "unit": unit, "ratio": ratio, "target": target})
            print(f"{what + ': ' + name:52} {with_:>13,.{digits}f} {without:>13,.{digits}f} {unit:8} {ratio:6.2f}x  {target}", flush=True)
