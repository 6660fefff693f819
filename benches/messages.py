"""The sections of `compare` about transactions, messages, and clients that keep what they have read."""

import contextlib
import resource
import socket

CLIENTS = 50


def transactions(bench):
    """Pipelined transactions of ten SETs."""
    bench.title("transactions, one worker")
    with bench.both() as servers:
        for server in servers:
            bench.fill(server)
        requests = int(200_000 * bench.scale)
        load = bench.rate("-n", str(requests), "-t", "multi", "-c", str(CLIENTS), "-P", "4", "-r", "1000000", "-d", "64")
        bench.compare("MULTI of 10 SETs", servers, requests, load, ("", "at least 1.5x"))


def pubsub(bench):
    """Messages delivered to many subscribers, and beside many channels and patterns."""
    bench.title("messages delivered, one worker")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with bench.both(["--maxclients", "12000", "--client-output-buffer-limit", "pubsub 0 0 0"]) as servers:
        for subscribers, messages in ((1, 1_000_000), (100, 20_000), (10_000, 200)):
            messages = max(int(messages * bench.scale), 20)
            # Fewer who publish would wait for each other more than for a server.
            arguments = ["-t", "publish", "-c", str(CLIENTS), "-P", "16", "-d", "64", "--subscribers", str(subscribers)]
            rates, processor = bench.in_turns(servers, messages, bench.rate("-n", str(messages), *arguments))
            rates = {name: rate * subscribers for name, rate in rates.items()}
            processor = {name: time / subscribers for name, time in processor.items()}
            name = f"to {subscribers:,} of a channel"
            bench.row(f"{name}: processor time", processor["ochre"], processor["redis"], "us", "", 3)
            bench.row(f"{name}: messages", rates["ochre"], rates["redis"], "/s", "at least 1.5x", 0)
        requests = int(500_000 * bench.scale)
        publish = bench.rate("-n", str(requests), "-c", str(CLIENTS), "-P", "16", "PUBLISH", "elsewhere", "message")
        _, alone = bench.in_turns(servers, requests, publish)
        with contextlib.ExitStack() as stack:
            for server in servers:
                listener = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                subscribe(listener, "PSUBSCRIBE", (f"pattern:{number}:*" for number in range(1000)))
            _, beside = bench.in_turns(servers, requests, publish)
        ratios = {name: beside[name] / alone[name] for name in beside}
        bench.row("PUBLISH beside 1,000 patterns, against none", ratios["ochre"], ratios["redis"], "x", "at most 2x", 2)
        with contextlib.ExitStack() as stack:
            for server in servers:
                listener = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                subscribe(listener, "SUBSCRIBE", (f"channel:{number}" for number in range(100_000)))
            _, beside = bench.in_turns(servers, requests, publish)
        ratios = {name: beside[name] / alone[name] for name in beside}
        bench.row("PUBLISH beside 100,000 channels, against none", ratios["ochre"], ratios["redis"], "x", "", 2)


def subscribe(connection, command, names):
    """Subscribes to every name and waits until that is answered."""
    names = list(names)
    file = connection.makefile("rb")
    for start in range(0, len(names), 1000):
        part = names[start : start + 1000]
        connection.sendall(f"{command} {' '.join(part)}\r\n".encode())
        for _ in part:
            for _ in range(6):
                file.readline()


def tracking(bench):
    """What a SET costs while many keys are tracked, against none."""
    bench.title("SET, 16 deep, with 100,000 tracked keys against none")
    with bench.both() as servers:
        for server in servers:
            bench.fill(server)
        requests = int(2_000_000 * bench.scale)
        load = bench.rate("-n", str(requests), "-t", "set", "-c", str(CLIENTS), "-P", "16", "-r", "1000000", "-d", "64")
        _, alone = bench.in_turns(servers, requests, load)
        with contextlib.ExitStack() as stack:
            for server in servers:
                reader = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                file = reader.makefile("rb")
                reader.sendall(b"HELLO 3\r\nCLIENT TRACKING ON\r\nECHO end\r\n")
                while file.readline() != b"end\r\n":
                    pass
                # Other keys than those that are set: nothing is told, but every SET has to be looked at.
                for start in range(0, 100_000, 1000):
                    reader.sendall(b"".join(b"GET tracked:%d\r\n" % number for number in range(start, start + 1000)))
                    for _ in range(1000):
                        file.readline()
            _, tracked = bench.in_turns(servers, requests, load)
        ratios = {name: tracked[name] / alone[name] for name in tracked}
        bench.row("processor time", ratios["ochre"], ratios["redis"], "x", "at most 1.15x", 2)
