"""The section of `compare` about what checks of users, diagnosis and metrics cost: Ochre with each of them against Ochre without."""

import contextlib
import statistics
import threading
import urllib.request

from encryption import free_port

CLIENTS = 50

#: Twenty rules; the pattern that the keys match is the last one. (`~*` would not do: it takes the place of all patterns before it.)
RULES = [
    "resetkeys", "-@all", "+@read", "+@write", "+@connection", "-@dangerous", "+client|id", "-keys", "-sort", "+acl|setuser",
    *(f"~tenant:{number}:*" for number in range(8)), "%R~shared:*", "~key:*",
]

#: Directives that turn diagnosis off, and what they are by default.
DIAGNOSIS = {
    "latency-tracking": ("no", "yes"),
    "slowlog-log-slower-than": ("-1", "10000"),
    "hotkeys-tracking": ("no", "yes"),
    "commandlog-request-larger-than": ("-1", "1048576"),
    "commandlog-reply-larger-than": ("-1", "1048576"),
}


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
    """One server is asked the same with and without each, in turns: two processes alike differ by more, as their memory lies."""
    print(f"\n{'what upkeep costs, ochre alone, GET 16 deep':52} {'with':>13} {'without':>13} {'':8}  ratio  target", flush=True)
    port = free_port()
    requests = int(2_000_000 * bench.scale)
    load = bench.rate("-n", str(requests), "-t", "get", "-c", str(CLIENTS), "-P", "16", "-r", "1000000")
    server = bench.launch("ochre", options=["--metrics-port", str(port)])
    rates, processor = {}, {}

    def measure(which):
        before = server.processor_us()
        rates.setdefault(which, []).append(load(server))
        processor.setdefault(which, []).append((server.processor_us() - before) / requests)

    def diagnose(enabled):
        words = [word for name, values in DIAGNOSIS.items() for word in (name, values[enabled])]
        server.connection.call("CONFIG", "SET", *words)

    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        bench.fill(server)
        diagnose(True)
        for _ in range(4 * bench.rounds):
            measure("plain")
            diagnose(False)
            measure("bare")
            diagnose(True)
            server.connection.call("ACL", "SETUSER", "default", *RULES)
            measure("rules")
            server.connection.call("ACL", "SETUSER", "default", "resetkeys", "~*", "+@all")
            scraper = Scraper(port)
            measure("metrics")
            scraper.ended.set()
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
            # Of each round, as the machine's speed differs from one to the next.
            ratio = statistics.median(one / other for one, other in zip(samples[which], samples[against]))
            bench.rows.append({"what": f"{what}: {name}", "with": with_, "without": without, "unit": unit, "ratio": ratio, "target": target})
            print(f"{what + ': ' + name:52} {with_:>13,.{digits}f} {without:>13,.{digits}f} {unit:8} {ratio:6.2f}x  {target}", flush=True)
