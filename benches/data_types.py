"""The sections of `compare` about lists, sets, hashes, sorted sets, streams and the types that are kept in strings."""

import random
import socket
import time

CLIENTS = 50


def feed(server, commands):
    """Sends commands, each a list of words, as fast as they are taken, and reads as many replies of one line each."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=600)
    file = connection.makefile("rb")
    batch, pending = [], 0

    def flush():
        nonlocal pending
        connection.sendall(b"".join(batch))
        for _ in range(pending):
            line = file.readline()
            if line[:1] == b"-":
                raise ValueError(line)
            if line[:1] == b"$" and line != b"$-1\r\n":
                file.readline()
        batch.clear()
        pending = 0

    for words in commands:
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        batch.append(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
        pending += 1
        if pending == 1000:
            flush()
    flush()
    connection.close()


def chunks(count, size):
    return (range(start, min(start + size, count)) for start in range(0, count, size))


def members(count, prefix="member:"):
    """Names of 16 bytes."""
    return [f"{prefix}{number:0{16 - len(prefix)}d}" for number in range(count)]


def fill(server, key, kind, count):
    """Makes a collection of so many elements."""
    shuffled = random.Random(1)
    names = members(count)
    shuffled.shuffle(names)

    def calls():
        for chunk in chunks(count, 100):
            part = names[chunk.start : chunk.stop]
            if kind == "zset":
                yield ["ZADD", key] + [word for name in part for word in (int(name[7:]), name)]
            elif kind == "set":
                yield ["SADD", key, *part]
            elif kind == "hash":
                yield ["HSET", key] + [word for name in part for word in (name, "value:" + name[6:])]
            elif kind == "list":
                yield ["RPUSH", key, *part]
            elif kind == "geo":
                place = lambda: (f"{shuffled.uniform(-10, 30):.6f}", f"{shuffled.uniform(35, 60):.6f}")
                yield ["GEOADD", key] + [word for name in part for word in (*place(), name)]

    if kind == "stream":
        feed(server, (["XADD", key, "*", "field", number] for number in range(count)))
    else:
        feed(server, calls())


def types(bench):
    """Processor time and operations of the commands of every type.

    The load is from ochre-benchmark: most of these calls cost redis-benchmark more than they cost the servers.
    """
    bench.title("types, one worker")
    million = max(int(1_000_000 * bench.scale), 100_000)
    big = ("at most 0.40x", "at least 2.5x")
    usual = ("at most 0.67x", "at least 1.5x")
    cases = [
        ("LPUSH", 16, 1_000_000, ["LPUSH", "list", "element:__rand_int__"], usual),
        ("RPOP", 16, 1_000_000, ["RPOP", "list"], usual),
        ("LRANGE of 100", 16, 300_000, ["LRANGE", "range", "0", "99"], usual),
        # One at a time most of what both servers take is the system's.
        ("LRANGE of 100, not pipelined", 1, 100_000, ["LRANGE", "range", "0", "99"], ("", "")),
        ("SADD", 16, 1_000_000, ["SADD", "set", "member:__rand_int__"], usual),
        ("HSET", 16, 1_000_000, ["HSET", "hash", "field:__rand_int__", "value"], usual),
        ("ZADD", 16, 1_000_000, ["ZADD", "zset", "__rand_int__", "m:__rand_int__"], usual),
        ("ZADD into a million", 16, 1_000_000, ["ZADD", "zmillion", "__rand_int__", "memb:__rand_int__"], big),
        ("ZRANK in a million", 16, 1_000_000, ["ZRANK", "zmillion", "memb:__rand_int__"], big),
        ("ZRANGE of 100", 16, 300_000, ["ZRANGE", "zmillion", "1000", "1099"], usual),
        ("ZRANGE of 100, not pipelined", 1, 100_000, ["ZRANGE", "zmillion", "1000", "1099"], ("", "")),
        ("XADD", 16, 1_000_000, ["XADD", "stream", "*", "field", "__rand_int__"], usual),
        ("XREADGROUP", 16, 500_000, ["XREADGROUP", "GROUP", "group", "consumer", "COUNT", "1", "STREAMS", "stream", ">"], usual),
        ("PFADD", 16, 1_000_000, ["PFADD", "hll", "element:__rand_int__"], usual),
        ("SETBIT", 16, 1_000_000, ["SETBIT", "bits", "1000003", "1"], usual),
        ("BITCOUNT of 1 MiB", 1, 5_000, ["BITCOUNT", "mebibyte"], usual),
        ("SINTER of two of 100,000", 1, 50, ["SINTER", "one", "other"], usual),
        ("ZUNIONSTORE of two of 100,000", 1, 20, ["ZUNIONSTORE", "union", "2", "zone", "zother"], usual),
        ("GEOSEARCH in 100,000", 1, 5_000, ["GEOSEARCH", "geo", "FROMLONLAT", "10", "50", "BYRADIUS", "50", "km", "ASC"], usual),
    ]
    # These grow without end. What a page of memory costs when it is touched for the first time is the system's matter: after the
    # first round they use what was used before.
    emptied_first = {"LPUSH": ["DEL", "list"], "XADD": ["XTRIM", "stream", "MAXLEN", "0"]}
    cases = [case for case in cases if case[0].startswith(tuple(bench.options.types.split(",")))]
    arguments = ["-c", str(CLIENTS), "-r", str(million)]
    with bench.both() as servers:
        for server in servers:
            feed(server, [["XGROUP", "CREATE", "stream", "group", "0", "MKSTREAM"], ["SET", "mebibyte", b"\x55" * (1 << 20)]])
            fill(server, "range", "list", 1000)
            for key, kind in (("one", "set"), ("zone", "zset"), ("geo", "geo")):
                fill(server, key, kind, 100_000)
            names = members(150_000)[50_000:]
            feed(server, (["SADD", "other", *names[part.start : part.stop]] for part in chunks(100_000, 100)))
            pairs = ([word for name in names[part.start : part.stop] for word in (int(name[7:]), name)] for part in chunks(100_000, 100))
            feed(server, (["ZADD", "zother", *pair] for pair in pairs))
            pairs = ([word for number in part for word in (number, f"memb:{number:012d}")] for part in chunks(million, 100))
            feed(server, (["ZADD", "zmillion", *pair] for pair in pairs))
        for name, pipeline, requests, words, targets in cases:
            requests = max(int(requests * bench.scale), 10)

            def prepare(server):
                if name in emptied_first:
                    server.connection.call(*emptied_first[name])
                    time.sleep(0.5)  # freeing may go on in the background
                if name == "RPOP":
                    # There is something to take in every round.
                    bench.load(server, *arguments, "-P", "16", "-n", str(requests), "LPUSH", "list", "element:__rand_int__")

            load = bench.rate(*arguments, "-P", str(pipeline), "-n", str(requests), *words)
            bench.compare(name, servers, requests, load, targets, prepare)


def type_memory(bench):
    """How much used_memory grows for each element of a large collection, and for each small hash."""
    bench.title("memory an element")
    count = max(int(1_000_000 * bench.scale), 100_000)
    for what, kind, target in (
        ("sorted set, members of 16 bytes", "zset", "at most 66"),
        ("hash, fields and values of 16 bytes", "hash", "at most 64"),
        ("set, members of 16 bytes", "set", "at most 38"),
        ("list, elements of 16 bytes", "list", "at most 1.0x"),
        ("stream, entries of one field", "stream", "at most 1.0x"),
    ):
        grown = {}
        for name in bench.servers:
            server = bench.launch(name)
            try:
                used = server.used_memory()
                fill(server, "key", kind, count)
                time.sleep(1.5)
                grown[name] = (server.used_memory() - used) / count
            finally:
                server.stop()
        bench.row(what, grown["ochre"], grown["redis"], "bytes", target, 1)
    grown = {}
    for name in bench.servers:
        server = bench.launch(name)
        try:
            used = server.used_memory()
            fields = [word for number in range(5) for word in (f"field{number}", f"value{number}")]
            feed(server, (["HSET", key, *fields] for key in members(count, "hash:")))
            time.sleep(1.5)
            grown[name] = (server.used_memory() - used) / count
        finally:
            server.stop()
    bench.row("small hash of 5 fields, a key of 16 bytes", grown["ochre"], grown["redis"], "bytes", "at most 135", 1)


def complexity(bench):
    """How the time of a call grows with the number of elements: from a thousand to a million."""
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    print(f"\n{'processor time of a call, us, ochre alone':52} " + " ".join(f"{size:>11,}" for size in sizes), flush=True)
    cases = [
        ("LPUSH and RPOP: O(1)", "list", [["LPUSH", "key", "element"], ["RPOP", "key"]]),
        ("LINDEX in the middle: O(N) in nodes", "list", [["LINDEX", "key", "{half}"]]),
        ("LRANGE of 10 at the head: O(S+N)", "list", [["LRANGE", "key", "0", "9"]]),
        ("SISMEMBER: O(1)", "set", [["SISMEMBER", "key", "member:__rand_int__"]]),
        ("SRANDMEMBER: O(1)", "set", [["SRANDMEMBER", "key"]]),
        ("HGET: O(1)", "hash", [["HGET", "key", "member:__rand_int__"]]),
        ("ZSCORE: O(1)", "zset", [["ZSCORE", "key", "member:000000001"]]),
        ("ZRANK: O(log N)", "zset", [["ZRANK", "key", "member:000000500"]]),
        ("ZADD and ZREM: O(log N)", "zset", [["ZADD", "key", "500.5", "new"], ["ZREM", "key", "new"]]),
        ("ZRANGE of 10 in the middle: O(log N)", "zset", [["ZRANGE", "key", "{half}", "{half}"]]),
        ("ZCOUNT of all: O(log N)", "zset", [["ZCOUNT", "key", "-inf", "+inf"]]),
        ("XADD: O(1)", "stream", [["XADD", "key", "*", "field", "value"]]),
        ("XRANGE of 10: O(log N)", "stream", [["XRANGE", "key", "-", "+", "COUNT", "10"]]),
    ]
    for what, kind, calls in cases:
        times = []
        for size in sizes:
            server = bench.launch("ochre")
            try:
                fill(server, "key", kind, size)
                before, requests = server.processor_us(), max(int(50_000 * bench.scale), 5_000)
                for words in calls:
                    own = [word.format(half=size // 2) for word in words]
                    bench.load(server, "-c", str(CLIENTS), "-r", str(size), "-P", "16", "-n", str(requests), *own)
                times.append((server.processor_us() - before) / requests)
            finally:
                server.stop()
        bench.rows.append({"what": what, "us": dict(zip(sizes, times))})
        print(f"{what:52} " + " ".join(f"{time_us:>11,.3f}" for time_us in times), flush=True)
