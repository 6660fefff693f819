"""The section of `compare` about scripts and functions."""

CLIENTS = 50

RATE_LIMITER = """
local hits = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return hits <= tonumber(ARGV[2])
"""

TEN_COMMANDS = """
local id = redis.call('INCR', KEYS[1])
redis.call('HSET', KEYS[2], 'id', id, 'state', 'new', 'owner', ARGV[1])
redis.call('HINCRBY', KEYS[2], 'tries', 1)
local owner = redis.call('HGET', KEYS[2], 'owner')
redis.call('LPUSH', KEYS[3], id)
redis.call('LTRIM', KEYS[3], 0, 99)
redis.call('SADD', KEYS[4], owner)
redis.call('SET', KEYS[5], ARGV[1], 'EX', 100)
local value = redis.call('GET', KEYS[5])
redis.call('EXPIRE', KEYS[2], 100)
return {id, owner, value}
"""

LOOP = """
local x = 1
for i = 1, tonumber(ARGV[1]) do x = (x * 31 + i) % 1000003 end
return x
"""

TABLES = """
local words = {}
for i = 1, tonumber(ARGV[1]) do words[#words + 1] = string.format('%d:%s', i, ARGV[2]) end
table.sort(words)
return #table.concat(words, ',')
"""

LIBRARY = "#!lua name=bench\nredis.register_function('limit', function(KEYS, ARGV)" + RATE_LIMITER + "end)"


def scripts(bench):
    """Processor time and operations of scripts and functions."""
    bench.title("scripts, one worker")
    usual = ("at most 0.77x", "at least 1.3x")
    loops = ("at most 0.67x", "at least 1.5x")
    arguments = ["-c", str(CLIENTS), "-r", "100000"]
    with bench.both() as servers:
        names = {}
        for server in servers:
            for script in (RATE_LIMITER, TEN_COMMANDS, LOOP, TABLES):
                names[script] = server.connection.call("SCRIPT", "LOAD", script)
            server.connection.call("FUNCTION", "LOAD", LIBRARY)
        keys = ["id", "job:__rand_int__", "recent", "owners", "session:__rand_int__"]
        cases = [
            ("EVALSHA, two commands", 16, 500_000, ["EVALSHA", names[RATE_LIMITER], "1", "hits:__rand_int__", "60", "100"], usual),
            ("EVALSHA, ten commands", 16, 150_000, ["EVALSHA", names[TEN_COMMANDS], "5", *keys, "owner"], usual),
            ("EVALSHA, a loop", 1, 2_000, ["EVALSHA", names[LOOP], "0", "100000"], loops),
            ("EVALSHA, tables and strings", 1, 2_000, ["EVALSHA", names[TABLES], "0", "1000", "word"], loops),
            ("EVAL, two commands", 16, 300_000, ["EVAL", RATE_LIMITER, "1", "hits:__rand_int__", "60", "100"], usual),
            ("FCALL, two commands", 16, 500_000, ["FCALL", "limit", "1", "hits:__rand_int__", "60", "100"], usual),
        ]
        for name, pipeline, requests, words, targets in cases:
            requests = max(int(requests * bench.scale), 10)
            load = bench.rate(*arguments, "-P", str(pipeline), "-n", str(requests), *words)
            bench.compare(name, servers, requests, load, targets)
