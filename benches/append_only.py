"""The section of `compare` about the append-only file."""

import contextlib
import statistics

CLIENTS = 50
BOTH_CORES = "0,1"


def append_only(bench):
    """What the append-only file costs: under `everysec` against none, and under `always` against the other server."""
    bench.title("append-only file, one worker")
    options = ["--auto-aof-rewrite-percentage", "0", "--appendonly", "yes", "--appendfsync"]
    requests = str(int(1_500_000 * bench.scale))
    load = bench.rate("-n", requests, "-t", "set", "-c", str(CLIENTS), "-P", "16", "-r", "1000000", "-d", "64")
    with contextlib.ExitStack() as stack:
        policies = {"none": stack.enter_context(bench.both()), "everysec": stack.enter_context(bench.both([*options, "everysec"]))}
        rates = {}
        # The first round makes the keys.
        for number in range(bench.rounds + 1):
            for policy, servers in policies.items():
                for server in servers:
                    rate = load(server)
                    if number:
                        rates.setdefault((server.name, policy), []).append(rate)
    rates = {which: statistics.median(of_which) for which, of_which in rates.items()}
    kept = {name: rates[name, "everysec"] / rates[name, "none"] for name in bench.servers}
    bench.row("everysec, SET 16 deep: of the rate without", kept["ochre"], kept["redis"], "", "at least 0.90")
    bench.row("everysec, SET 16 deep: operations", rates["ochre", "everysec"], rates["redis", "everysec"], "/s", "", 0)
    # The disk answers to one of the cores. A server that is bound to the other waits as long again for its core to wake up.
    with bench.both([*options, "always"], cores=BOTH_CORES) as servers:
        requests = int(200_000 * bench.scale)
        arguments = ["-n", str(requests), "-t", "set", "-c", str(CLIENTS), "-r", "1000000", "-d", "64"]
        load = lambda server: bench.load(server, *arguments, cores=BOTH_CORES)["requests_per_second"]
        bench.compare("always, SET not pipelined", servers, requests, load, ("", "at least 2.0x"))
