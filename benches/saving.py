"""The section of `compare` about saving in the background under a full load of writes, and about loading what was saved."""

import os
import re
import statistics
import threading
import time

from data_types import chunks, feed
from probe import Probe

BOTH_CORES = "0,1"
ROUNDS = 5
LOADS = 3
#: What a save takes is told from the rate meanwhile and so long before and after it: over longer times the machine itself has its ups and downs.
AROUND_S = 1.5


class Watch(threading.Thread):
    """The most memory that a server has resident, and whether it saves."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.peak, self.ended = server, server.resident(), threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.01):
            # The memory that a child has for itself counts: what both share is counted once.
            self.peak = max(self.peak, self.server.resident() + self.of_children())

    def of_children(self):
        total = 0
        path = f"/proc/{self.server.process.pid}/task/{self.server.process.pid}/children"
        try:
            for child in open(path).read().split():
                for line in open(f"/proc/{child}/smaps_rollup"):
                    if line.startswith("Private_"):
                        total += int(line.split()[1]) * 1024
        except OSError:
            pass
        return total


def field(server, name):
    for line in server.connection.call("INFO", "persistence").splitlines():
        if line.startswith(name + ":"):
            return line.split(":")[1]
    raise ValueError(f"INFO has no {name}")


def fill(bench, server, count):
    """Mixed types, and a sorted set that holds as many members as there are keys."""
    bench.fill(server, count * 8 // 10)
    members = lambda numbers, prefix: [word for number in numbers for word in (number, f"{prefix}{number:012}")]
    feed(server, (["ZADD", "sorted", *members(numbers, "member:")] for numbers in chunks(count, 500)))
    fields = [word for number in range(8) for word in (f"field:{number}", f"value:{number}")]
    feed(server, (["HSET", f"hash:{number}", *fields] for number in range(count // 10)))
    feed(server, (["RPUSH", f"list:{number}", *fields] for number in range(count // 20)))
    feed(server, (["SADD", f"set:{number}", *fields] for number in range(count // 20)))


def load(bench, server, seconds):
    """SET of random keys, sixteen deep, as many as are taken; gives operations a second."""
    arguments = ["-t", "set", "-c", "20", "-P", "16", "-r", "1000000", "-d", "64", "--duration", str(seconds)]
    return bench.load(server, *arguments, cores=BOTH_CORES)["requests_per_second"]


def measure(bench, name, count, seconds):
    server = bench.launch(name, BOTH_CORES, options=["--save", ""])
    rounds = {}
    try:
        fill(bench, server, count)
        # The first one makes the keys.
        load(bench, server, seconds)
        for _ in range(ROUNDS):
            for what, number in round_of_load(bench, server, seconds).items():
                rounds.setdefault(what, []).append(number)
        worst, middle = ("calm", "pause", "peak"), ("save", "taken")
        numbers = {what: max(rounds[what]) for what in worst} | {what: statistics.median(rounds[what]) for what in middle}
        begin = time.monotonic()
        server.connection.call("BGSAVE")
        wait_for_save(server)
        numbers["quiet"] = time.monotonic() - begin
        numbers["load"] = statistics.median(reload(bench, server, name) for _ in range(LOADS))
    finally:
        server.stop()
    return numbers


def round_of_load(bench, server, seconds):
    """The same load twice, without a save and with one in the middle of it."""
    numbers = {}
    probe = Probe(bench, server, seconds)
    load(bench, server, seconds)
    numbers["calm"] = probe.longest_ms()
    before, watch = server.resident(), Watch(server)
    probe = Probe(bench, server, seconds)
    writer = threading.Thread(target=load, args=(bench, server, seconds))
    writer.start()
    time.sleep(0.5)
    usual = [rate(server, lambda: time.sleep(AROUND_S))[0]]
    server.connection.call("BGSAVE")
    meanwhile, numbers["save"] = rate(server, lambda: wait_for_save(server))
    usual.append(rate(server, lambda: time.sleep(AROUND_S))[0])
    numbers["taken"] = (1 - meanwhile / statistics.mean(usual)) * numbers["save"]
    writer.join()
    watch.ended.set()
    numbers["peak"] = watch.peak / before
    numbers["pause"] = probe.longest_ms()
    return numbers


def rate(server, wait):
    """Calls a second while something is waited for, and how many seconds that takes."""
    count = lambda: int(re.search(r"total_commands_processed:(\d+)", server.connection.call("INFO", "stats"))[1])
    begin, before = time.monotonic(), count()
    wait()
    taken = time.monotonic() - begin
    return (count() - before) / taken, taken


def wait_for_save(server):
    while field(server, "rdb_bgsave_in_progress") == "1":
        time.sleep(0.01)
    assert field(server, "rdb_last_bgsave_status") == "ok"


def reload(bench, server, name):
    """Seconds that a server takes to load the file, as it says itself."""
    other = bench.launch(name, BOTH_CORES, options=["--dir", server.directory, "--dbfilename", "dump.rdb"])
    try:
        pattern = re.compile(r"DB loaded from disk: ([0-9.]+) seconds")
        log = os.path.join(other.directory, "log")
        while not (found := pattern.search(open(log, errors="replace").read())):
            time.sleep(0.05)
        return float(found[1])
    finally:
        other.connection.call("CONFIG", "SET", "save", "")
        other.stop()


def saving(bench):
    """BGSAVE while clients write as fast as they can, a big sorted set among the keys."""
    count = int(5_000_000 * bench.scale)
    seconds = 4 if bench.options.quick else 10
    bench.title(f"saving {count:,} keys and a sorted set of as many, two cores")
    numbers = {name: measure(bench, name, count, seconds) for name in bench.servers}
    ochre, redis = numbers["ochre"], numbers["redis"]
    bench.row("save time under load", ochre["save"], redis["save"], "s", "")
    bench.row("save time, nobody else", ochre["quiet"], redis["quiet"], "s", "at most 0.8x")
    bench.row("longest wait of a client", ochre["pause"], redis["pause"], "ms", "at most 5 ms")
    bench.row("the same under that load without a save", ochre["calm"], redis["calm"], "ms", "")
    bench.row("peak memory, of that before", ochre["peak"], redis["peak"], "", "at most 1.10")
    bench.row("what it takes of the throughput, as seconds without any", ochre["taken"], redis["taken"], "s", "at most 1.0x")
    bench.row("load time", ochre["load"], redis["load"], "s", "at most 0.67x")
