"""What applications do with redis-py, against the server on the port given: a session store, a cache, a rate limiter.

Run once for each version of the protocol; ends with a status other than 0 at the first wrong answer.
"""

import os
import sys
import threading
import time

import redis

PATIENCE_S = 10

# Where the certificates are, if the connections are to be encrypted.
FILES = os.environ.get("OCHRE_TLS_FILES")
ENCRYPTION = {} if FILES is None else {
    "ssl": True,
    "ssl_ca_certs": os.path.join(FILES, "ca.crt"),
    "ssl_certfile": os.path.join(FILES, "client.crt"),
    "ssl_keyfile": os.path.join(FILES, "client.key"),
}


def wait_until(condition):
    """Waits for what is bound to happen."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


class Sessions:
    """Sessions as strings that expire unless they are used."""

    def __init__(self, client, lifetime_ms):
        self.client = client
        self.lifetime_ms = lifetime_ms

    def create(self, name, data):
        assert self.client.set(f"session:{name}", data, px=self.lifetime_ms, nx=True)

    def read(self, name):
        return self.client.getex(f"session:{name}", px=self.lifetime_ms)

    def end(self, name):
        return self.client.getdel(f"session:{name}")


def session_store(client):
    sessions = Sessions(client, 60_000)
    binary = bytes(range(256))
    sessions.create("ada", binary)
    assert sessions.read("ada") == binary
    assert 59_000 < client.pttl("session:ada") <= 60_000
    assert not client.set("session:ada", b"other", nx=True)
    assert sessions.end("ada") == binary
    assert sessions.read("ada") is None
    short = Sessions(client, 40)
    short.create("bob", b"data")
    wait_until(lambda: client.get("session:bob") is None)
    assert client.exists("session:bob") == 0
    for number in range(500):
        sessions.create(f"many-{number}", str(number))
    found = {key for key in client.scan_iter(match="session:many-*", count=50)}
    assert len(found) == 500
    assert client.delete(*found) == 500


def cache(client):
    calls = []

    def expensive(argument):
        calls.append(argument)
        return f"result of {argument}".encode()

    def cached(argument, lifetime_ms=60_000):
        key = f"cache:{argument}"
        value = client.get(key)
        if value is None:
            value = expensive(argument)
            client.set(key, value, px=lifetime_ms)
        return value

    assert cached("a") == cached("a") == b"result of a"
    assert calls == ["a"]
    cached("b", 30)
    wait_until(lambda: client.get("cache:b") is None)
    cached("b", 30)
    assert calls == ["a", "b", "b"]
    assert client.ttl("cache:a") in (59, 60)
    assert client.persist("cache:a") and client.ttl("cache:a") == -1
    assert client.ttl("cache:missing") == -2
    client.mset({f"cache:m{number}": number for number in range(100)})
    values = client.mget([f"cache:m{number}" for number in range(101)])
    assert values == [str(number).encode() for number in range(100)] + [None]
    assert client.unlink(*[f"cache:m{number}" for number in range(100)]) == 100


def allowed(client, who, limit, window_ms):
    """Whether one more request is allowed in this window."""
    key = f"rate:{who}"
    with client.pipeline(transaction=False) as pipeline:
        pipeline.incr(key)
        pipeline.pexpire(key, window_ms, nx=True)
        count, _ = pipeline.execute()
    return count <= limit


def rate_limiter(client, connect):
    assert [allowed(client, "eve", 3, 60_000) for _ in range(5)] == [True] * 3 + [False] * 2
    client.delete("rate:eve")
    assert allowed(client, "eve", 1, 60)
    wait_until(lambda: allowed(client, "eve", 1, 60))
    # Many at once get no more than the limit together.
    verdicts = []

    def ask():
        own = connect()
        for _ in range(50):
            verdicts.append(allowed(own, "crowd", 100, 60_000))
        own.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(verdicts) == 400 and sum(verdicts) == 100, sum(verdicts)


def pipelines(client):
    with client.pipeline(transaction=False) as pipeline:
        for number in range(10_000):
            pipeline.set(f"p:{number}", number)
        assert pipeline.execute() == [True] * 10_000
        for number in range(10_000):
            pipeline.get(f"p:{number}")
        assert pipeline.execute() == [str(number).encode() for number in range(10_000)]
        pipeline.incr("p:5").get("missing").append("p:7", "x").incr("p:7")
        results = pipeline.execute(raise_on_error=False)
        assert results[:3] == [6, None, 2]
        assert isinstance(results[3], redis.ResponseError)
        assert str(results[3]) == "value is not an integer or out of range"


def introspection(client, protocol):
    information = client.info()
    assert information["redis_version"].startswith("7.4.")
    assert information["db0"]["keys"] == client.dbsize()
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_set("maxmemory-samples", 6)
    assert client.client_setname("py") and client.client_getname() in ("py", b"py")
    own = client.client_info()
    assert own["name"] == "py" and own["lib-name"] == "redis-py" and own["resp"] == str(protocol)
    assert any(str(entry["id"]) == str(own["id"]) for entry in client.client_list())
    assert client.command_getkeys("MSET", "a", "1", "b", "2") in (["a", "b"], [b"a", b"b"])
    assert isinstance(client.command(), dict)
    assert client.time()[0] > 1_600_000_000
    try:
        client.execute_command("GET")
        raise AssertionError("GET without a key was answered")
    except redis.ResponseError as error:
        assert str(error) == "wrong number of arguments for 'get' command"
    client.set("word", "x")
    try:
        client.incr("word")
        raise AssertionError("a word was incremented")
    except redis.ResponseError:
        pass


def main():
    port, protocol = int(sys.argv[1]), int(sys.argv[2])

    def connect():
        return redis.Redis(
            port=port, protocol=protocol, socket_timeout=PATIENCE_S, **ENCRYPTION
        )

    client = connect()
    client.flushall()
    session_store(client)
    cache(client)
    rate_limiter(client, connect)
    pipelines(client)
    introspection(connect(), protocol)
    client.select(3)
    assert client.dbsize() == 0
    client.close()


main()
