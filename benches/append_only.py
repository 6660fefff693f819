"""The section of `compare` about the append-only file."""

import contextlib
import statistics

from disk import journaled

CLIENTS = 50
BOTH_CORES = "0,1"
#: As many times servers are started where little is to be told apart: where their memory lies makes a difference of some hundredths.
LAUNCHES = 3


def append_only(bench):
    """What the append-only file costs: under `everysec` against none, and under `always` against the other server."""
    bench.title("append-only file, one worker")
    options = ["--auto-aof-rewrite-percentage", "0", "--appendonly", "yes", "--appendfsync"]
    requests = str(int(1_500_000 * bench.scale))
    load = bench.rate("-n", requests, "-t", "set", "-c", str(CLIENTS), "-P", "16", "-r", "1000000", "-d", "64")
    rates = {}
    for _ in range(LAUNCHES):
        with contextlib.ExitStack() as stack:
            policies = {"none": stack.enter_context(bench.both()), "everysec": stack.enter_context(bench.both([*options, "everysec"]))}
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
    always = [*options, "always"]
    synced(bench, "temporary files", always, None)
    with journaled() as directory:
        if directory:
            synced(bench, "a journal", always, directory)


def synced(bench, where, options, below):
    """Writes that are on the disk before they are answered, of clients that wait for each and of such that send 16 at a time."""
    # The disk answers to one of the cores. A server that is bound to the other waits as long again for its core to wake up.
    with bench.both(options, cores=BOTH_CORES, below=below) as servers:
        for depth, requests in ((1, 200_000), (16, 600_000)):
            requests = int(requests * bench.scale)
            arguments = ["-n", str(requests), "-t", "set", "-c", str(CLIENTS), "-P", str(depth), "-r", "1000000", "-d", "64"]
            load = lambda server: bench.load(server, *arguments, cores=BOTH_CORES)["requests_per_second"]
            name = f"always, {where}, {depth} deep" if 1 < depth else f"always, {where}, not pipelined"
            bench.compare(name, servers, requests, load, ("", "at least 2.0x"))
