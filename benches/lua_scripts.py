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

# Loops that call nothing: what one of them costs says little about another.
LOOPS = {
    "modulo": """
local x = 1
for i = 1, tonumber(ARGV[1]) do x = (x * 31 + i) % 1000003 end
return x
""",
    "additions and branches": """
local sum, low, high = 0, 0, 0
for i = 1, tonumber(ARGV[1]) do
  if sum > 3 * i then sum = sum - i - i
  elseif low < high then sum = sum + 5; low = low + 1
  else sum = sum + i; high = high + 1 end
end
return sum + low + high
""",
    "function calls": """
local calls = 0
local function step(x, limit)
  calls = calls + 1
  if x > limit then return x - limit end
  return x + 3
end
local x = 0
for i = 1, tonumber(ARGV[1]) do x = step(x, 100) end
return x + calls
""",
    "elements and fields": """
local values, totals = {}, {even = 0, odd = 0}
local count = tonumber(ARGV[1])
for i = 1, count do values[i] = count - i end
for i = 2, count do
  values[i], values[i - 1] = values[i - 1], values[i]
  if i > 100 then totals.even = totals.even + values[i] else totals.odd = totals.odd + i end
end
return totals.even + totals.odd
""",
    "library functions": """
local sum, parts = 0, {}
for i = 1, tonumber(ARGV[1]) do
  sum = sum + math.floor(i / 3) + math.max(i, 50)
  if string.byte("abc", 2) == 98 then table.insert(parts, tostring(i)) end
end
return sum + #parts
""",
    "strings": """
local parts = {}
for i = 1, tonumber(ARGV[1]) do parts[#parts + 1] = 'item:' .. i .. ';' end
local text, count = table.concat(parts), 0
for i = 1, #text, 7 do if text:sub(i, i) == ';' then count = count + 1 end end
return count .. ':' .. #text:upper()
""",
    "patterns": """
local words, count, text = 0, 0, ARGV[2]
for i = 1, tonumber(ARGV[1]) / 100 do
  for key, value in string.gmatch(text, '(%w+)=(%w+)') do words = words + #key + #value end
  if string.find(text, 'last=%d+$') then count = count + 1 end
  text = string.gsub(text, '%d+', '%0')
end
return words + count
""",
}

TABLES = """
local words = {}
for i = 1, tonumber(ARGV[1]) do words[#words + 1] = string.format('%d:%s', i, ARGV[2]) end
table.sort(words)
return #table.concat(words, ',')
"""

PAIRS = ", ".join(f"{word}={number}" for number, word in enumerate(("first", "second", "third", "fourth", "last"), 10))

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
            for script in (RATE_LIMITER, TEN_COMMANDS, TABLES, *LOOPS.values()):
                names[script] = server.connection.call("SCRIPT", "LOAD", script)
            server.connection.call("FUNCTION", "LOAD", LIBRARY)
        keys = ["id", "job:__rand_int__", "recent", "owners", "session:__rand_int__"]
        cases = [
            ("EVALSHA, two commands", 16, 500_000, ["EVALSHA", names[RATE_LIMITER], "1", "hits:__rand_int__", "60", "100"], usual),
            ("EVALSHA, ten commands", 16, 150_000, ["EVALSHA", names[TEN_COMMANDS], "5", *keys, "owner"], usual),
            *(
                (f"a loop, {name}", 1, 1_000, ["EVALSHA", names[script], "0", "20000", PAIRS], loops)
                for name, script in LOOPS.items()
            ),
            ("EVALSHA, tables and strings", 1, 2_000, ["EVALSHA", names[TABLES], "0", "1000", "word"], loops),
            ("EVAL, two commands", 16, 300_000, ["EVAL", RATE_LIMITER, "1", "hits:__rand_int__", "60", "100"], usual),
            ("FCALL, two commands", 16, 500_000, ["FCALL", "limit", "1", "hits:__rand_int__", "60", "100"], usual),
        ]
        for name, pipeline, requests, words, targets in cases:
            requests = max(int(requests * bench.scale), 10)
            load = bench.rate(*arguments, "-P", str(pipeline), "-n", str(requests), *words)
            bench.compare(name, servers, requests, load, targets)
