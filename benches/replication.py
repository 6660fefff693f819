"""The section of `compare` about replicas: what one costs its primary, how far it lags behind, and how long a full resync takes."""

import contextlib
import statistics
import time

from saving import Watch
from share import limited

SERVER_CORE, LOAD_CORE = "0", "1"
CLIENTS = 50
#: So long a replica is waited for.
PATIENCE_S = 120
#: As many times servers are started where little is to be told apart: where their memory lies makes a difference of some hundredths.
LAUNCHES = 3


def field(server, name):
    for line in server.connection.call("INFO", "replication").splitlines():
        if line.startswith(name + ":"):
            return line.split(":")[1]
    return None


def until(condition):
    """Seconds until this holds."""
    begin = time.monotonic()
    while not condition():
        if begin + PATIENCE_S < time.monotonic():
            raise TimeoutError("a replica has not caught up")
        time.sleep(0.01)
    return time.monotonic() - begin


def follow(primary, replica):
    """Makes a server a replica of another, in sync; gives the seconds that took."""
    replica.connection.call("REPLICAOF", "127.0.0.1", str(primary.port))
    return until(lambda: field(replica, "master_link_status") == "up")


def attach(bench, primary):
    """A replica of this server, in sync, on the core of the load; and the seconds that took."""
    replica = bench.launch(primary.name, cores=LOAD_CORE)
    return replica, follow(primary, replica)


def lag(primary, replica):
    """Seconds until the replica has what the primary has."""
    return until(lambda: field(replica, "slave_repl_offset") == field(primary, "master_repl_offset"))


def detach(primary, replica):
    """Makes the replica one no longer, and waits until the primary has forgotten that it had one."""
    replica.connection.call("REPLICAOF", "NO", "ONE")
    until(lambda: field(primary, "repl_backlog_active") == "0")


def replication(bench):
    """A primary with a replica against the same one without, and a full resync of a gigabyte.

    The replica has to share a core with the load. Where a primary takes a whole core, they are what limits it; so it is shown as well
    what a primary does that has a third of its core, and the other two more than they need.
    """
    bench.title("replication, one worker; the replica is on the load's core")
    options = ["--repl-diskless-sync-delay", "0"]
    requests = str(int(1_000_000 * bench.scale))
    load = bench.rate("-n", requests, "-t", "set", "-c", str(CLIENTS), "-P", "16", "-r", "1000000", "-d", "64")
    with contextlib.ExitStack() as stack:
        primaries, replicas = pairs(bench, stack, options, load)
        rates, _, lags = with_and_without(load, primaries, replicas, bench.rounds)
    ochre, redis = (statistics.median(rates[name, True]) for name in ("ochre", "redis"))
    bench.row("SET 16 deep with a replica: operations", ochre, redis, "/s", "at least 1.8x", 0)
    bench.row("until the replica has it all, longest", max(lags["ochre"]), max(lags["redis"]), "s", "at most 1 s")
    row_of_what_is_kept(bench, "SET 16 deep with a replica: of the rate without", rates, "")
    rates, processor = {}, {}
    for _ in range(LAUNCHES):
        with contextlib.ExitStack() as stack:
            primaries, replicas = pairs(bench, stack, options, load)
            if all([stack.enter_context(limited(server.process.pid, 1 / 3)) for server in primaries]):
                *more, _ = with_and_without(load, primaries, replicas, bench.rounds)
                for all_of_it, of_launch in zip((rates, processor), more):
                    for which, of_which in of_launch.items():
                        all_of_it.setdefault(which, []).extend(of_which)
    if rates:
        row_of_what_is_kept(bench, "the same, where the primary has a third of a core", rates, "at least 0.90")
        # What a primary does in the same processor time, which the machine's ups and downs change less than the rate.
        in_the_same_time = {which: [1 / time for time in of_which] for which, of_which in processor.items()}
        row_of_what_is_kept(bench, "the same, told from its processor time", in_the_same_time, "")
    full_resync(bench, options)


def pairs(bench, stack, options, load):
    """A primary of each kind, with its keys, and for each a server that is to become its replica."""
    # Without a replica for a second it keeps nothing for one, and records nothing.
    primaries = stack.enter_context(bench.both([*options, "--repl-backlog-ttl", "1"]))
    replicas = {}
    for primary in primaries:
        replicas[primary] = bench.launch(primary.name, cores=LOAD_CORE)
        stack.callback(replicas[primary].stop)
        load(primary)
    return primaries, replicas


def with_and_without(load, primaries, replicas, rounds):
    """Rates by server and whether it has a replica, of the same process in turns, and seconds for which replicas lagged behind.

    Between the two is the processor time that the primary took for each load, likewise; all are of as many requests.
    """
    rates, processor, lags = {}, {}, {}
    for _ in range(rounds):
        for primary in primaries:
            replica = replicas[primary]
            for has_replica in (False, True):
                if has_replica:
                    follow(primary, replica)
                before = primary.processor_us()
                rates.setdefault((primary.name, has_replica), []).append(load(primary))
                if has_replica:
                    lags.setdefault(primary.name, []).append(lag(primary, replica))
                processor.setdefault((primary.name, has_replica), []).append(primary.processor_us() - before)
            detach(primary, replica)
    return rates, processor, lags


def row_of_what_is_kept(bench, what, rates, target):
    # Of each turn by itself: the machine's own ups and downs are longer.
    turns = {name: zip(rates[name, True], rates[name, False]) for name in bench.servers}
    kept = {name: statistics.median(rate / without for rate, without in of_name) for name, of_name in turns.items()}
    bench.row(what, kept["ochre"], kept["redis"], "", target)


def full_resync(bench, options):
    count = int(1_000_000 * bench.scale)
    seconds, peaks = {}, {}
    # In turns, since memory that was used just now comes faster than other.
    for name in 3 * list(bench.servers):
        primary = bench.launch(name, options=options)
        try:
            bench.load(primary, "-t", "set", "-P", "64", "-d", "1000", "--sequential", "0", "-n", str(count))
            before, watch = primary.resident(), Watch(primary)
            replica, taken = attach(bench, primary)
            watch.ended.set()
            seconds.setdefault(name, []).append(taken)
            peaks.setdefault(name, []).append(watch.peak / before)
            replica.stop()
        finally:
            primary.stop()
    taken = {name: statistics.median(of_name) for name, of_name in seconds.items()}
    bench.row(f"full resync of {count:,} kilobytes", taken["ochre"], taken["redis"], "s", "at most 0.8x")
    bench.row("peak memory of the primary, of that before", max(peaks["ochre"]), max(peaks["redis"]), "", "at most 1.10")
