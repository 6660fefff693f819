-- What every script finds, built from the interpreter's own library and the functions that the server provides.
--
-- Scripts share one interpreter, so nothing that outlives a script may be changed by one. Every table that scripts can reach is
-- therefore seen through an empty proxy that reads through and refuses writes. What writes past metatables (rawset, table.insert) can
-- only reach the proxy, and `tidy` empties it again after each script.

local library, native, for_functions = ...

local error, getmetatable, next, pcall, rawget, rawset, select, setmetatable, tostring, type, xpcall =
    library.error, library.getmetatable, library.next, library.pcall, library.rawget, library.rawset,
    library.select, library.setmetatable, library.tostring, library.type, library.xpcall
local load, pairs, setfenv, sub = library.load, library.pairs, library.setfenv, library.string.sub

local READ_ONLY = "Attempt to modify a readonly table"

-- The table behind each proxy.
local behind = setmetatable({}, { __mode = "k" })
local proxies = {}

local function refuse()
    error(READ_ONLY, 2)
end

local function freeze(values)
    local proxy = setmetatable({}, { __index = values, __newindex = refuse, __metatable = false })
    behind[proxy] = values
    proxies[#proxies + 1] = proxy
    return proxy
end

-- Only those of the names that are there.
local function pick(from, names)
    local picked = {}
    for name in library.string.gmatch(names, "%S+") do
        picked[name] = from[name]
    end
    return picked
end

local globals = pick(library, [[
    assert error gcinfo getfenv ipairs newproxy rawequal select tonumber tostring type unpack xpcall _VERSION
]])

-- What a script makes of the collector ends with the script.
local collector_is_changed = false

function globals.collectgarbage(option, argument)
    if option ~= nil and option ~= "collect" and option ~= "count" and option ~= "step" then
        collector_is_changed = true
    end
    return library.collectgarbage(option, argument)
end

local function reset_collector()
    collector_is_changed = false
    library.collectgarbage("setpause", 200)
    library.collectgarbage("setstepmul", 200)
    library.collectgarbage("restart")
end

local string_library = pick(library.string, [[
    byte char dump find format gmatch gsub len lower match rep reverse sub upper
]])
string_library.gfind = library.string.gmatch
local math_library = pick(library.math, [[
    abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min modf pi pow rad sin sinh
    sqrt tan tanh
]])
math_library.mod = library.math.fmod
math_library.random = native.random
math_library.randomseed = native.seed
local table_library = pick(library.table, "concat foreach foreachi getn insert maxn remove setn sort")
table_library.setn = function()
    error("'setn' is obsolete", 2)
end

-- Errors that the server raises are tables with the text in `err`, as scripts know them.
local function raise(text)
    error({ err = text }, 0)
end

local function checked(value, failure)
    if failure then
        raise(failure)
    end
    return value
end

local redis = {}

-- More arguments than this are more than a native can be lent.
local MANY = 4000

local call, call_four, call_eight = native.call, native.call_four, native.call_eight

-- A number as the word of a call, if it is short and whole; nothing for any other value.
local function plain(value)
    if type(value) == "number" then
        if value == 0 then
            return "0"
        elseif value % 1 == 0 and value < 1e14 and value > -1e14 then
            return tostring(value)
        end
    end
end

-- Calls a command. Few words that are strings or plain numbers go as one string with their lengths: each value that a native is
-- lent costs it more than joining them costs here.
local function submit(...)
    local count = select("#", ...)
    if count > 8 or count == 0 then
        if count > MANY then
            return native.call_many({ ... }, count)
        end
        return call(...)
    end
    local a, b, c, d, e, f, g, h = ...
    if type(a) ~= "string" then
        a = plain(a)
    end
    if count < 2 then
        b = ""
    elseif type(b) ~= "string" then
        b = plain(b)
    end
    if count < 3 then
        c = ""
    elseif type(c) ~= "string" then
        c = plain(c)
    end
    if count < 4 then
        d = ""
    elseif type(d) ~= "string" then
        d = plain(d)
    end
    if not (a and b and c and d) then
        return call(...)
    end
    if count <= 4 then
        return call_four(count, a .. b .. c .. d, #a, #b, #c, #d)
    end
    if type(e) ~= "string" then
        e = plain(e)
    end
    if count < 6 then
        f = ""
    elseif type(f) ~= "string" then
        f = plain(f)
    end
    if count < 7 then
        g = ""
    elseif type(g) ~= "string" then
        g = plain(g)
    end
    if count < 8 then
        h = ""
    elseif type(h) ~= "string" then
        h = plain(h)
    end
    if not (e and f and g and h) then
        return call(...)
    end
    return call_eight(count, a .. b .. c .. d .. e .. f .. g .. h, #a, #b, #c, #d, #e, #f, #g, #h)
end

-- What a native gives beside a reply: that it is one as it stands, an error, or the text of a status.
local AS_IT_IS, STATUS = 0, 2

function redis.call(...)
    local reply, kind = submit(...)
    if kind == AS_IT_IS then
        return reply
    elseif kind == STATUS then
        return { ok = reply }
    end
    error(reply, 0)
end

function redis.pcall(...)
    local reply, kind = submit(...)
    if kind == STATUS then
        return { ok = reply }
    end
    return reply
end

for name, run in pairs(native.redis) do
    redis[name] = function(...)
        return checked(run(...))
    end
end
for name, value in pairs(native.constants) do
    redis[name] = value
end
if for_functions then
    -- These are for the debugger, and for scripts of old.
    redis.breakpoint, redis.debug, redis.replicate_commands = nil, nil, nil
end

-- A function of a library gives what is wrong, or a table of many results, or its results.
local function settle_results(failure, packed, ...)
    if failure then
        error(failure, 0)
    end
    if packed then
        return library.unpack(packed, 1, packed.n)
    end
    return ...
end

local function library_function(name, run)
    return function(...)
        if select("#", ...) > MANY then
            return settle_results(native.crowded(name))
        end
        return settle_results(run(...))
    end
end

local function dress(name, functions)
    local dressed = {}
    for function_name, value in pairs(functions) do
        if type(value) == "function" then
            value = library_function(name .. "." .. function_name, value)
        end
        dressed[function_name] = value
    end
    if name == "cjson" then
        function dressed.new()
            return dress(name, native.new_cjson())
        end
    end
    return dressed
end

for name, functions in pairs(native.libraries) do
    globals[name] = freeze(dress(name, functions))
end

globals.redis = freeze(redis)
globals.string = freeze(string_library)
globals.math = freeze(math_library)
globals.table = freeze(table_library)
globals.os = freeze({ clock = library.os.clock })
globals.bit = freeze(pick(library.bit, "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex"))
globals.coroutine = freeze(pick(library.coroutine, "create resume running status wrap yield"))

function globals.getmetatable(value)
    if type(value) == "string" then
        return nil
    end
    return getmetatable(value)
end

function globals.pairs(values)
    local real = behind[values]
    if real then
        return function(_, key)
            return next(real, key)
        end, values, nil
    end
    return pairs(values)
end

function globals.next(values, key)
    return next(behind[values] or values, key)
end

function globals.rawget(values, key)
    return rawget(behind[values] or values, key)
end

function globals.rawset(values, key, value)
    if behind[values] then
        error(READ_ONLY, 0)
    end
    return rawset(values, key, value)
end

function globals.setmetatable(values, metatable)
    if behind[values] then
        error(READ_ONLY, 2)
    end
    return setmetatable(values, metatable)
end

function globals.setfenv(target, environment)
    if target == 0 then
        error("'setfenv' cannot change the environment of all scripts", 2)
    end
    return setfenv(target, environment)
end

-- A failure that the server raised looks like any other to a script that catches it.
local function settle(done, failure, ...)
    if not done and type(failure) == "table" then
        local text = rawget(failure, "err")
        if type(text) == "string" then
            return false, text
        end
    end
    return done, failure, ...
end

function globals.pcall(run, ...)
    return settle(pcall(run, ...))
end

local nothing_else = {
    __index = function(_, name)
        error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
    end,
}
setmetatable(globals, nothing_else)

local environment = freeze(globals)
-- What scripts ask for by name, while `_G` is looked up like any other.
globals._G = environment
library.getmetatable("").__index = globals.string

-- Text only: bytes that claim to be compiled could do anything.
function globals.loadstring(text, name)
    return load(text, name or text, "t", environment)
end

function globals.load(reader, name)
    if type(reader) ~= "function" then
        error("bad argument #1 to 'load' (function expected, got " .. type(reader) .. ")", 2)
    end
    return load(reader, name, "t", environment)
end

local function handler(failure)
    local source, line = native.place()
    if type(failure) == "table" and getmetatable(failure) == nil then
        local text = rawget(failure, "err")
        return { err = type(text) == "string" and text or "ERR unknown error", source = source, line = line }
    end
    local kind = type(failure)
    local text = (kind == "string" or kind == "number" or kind == "nil") and tostring(failure) or native.describe(failure)
    return { err = "ERR " .. text, source = source, line = line }
end

local function tidy()
    if collector_is_changed then
        reset_collector()
    end
    for index = 1, #proxies do
        local proxy = proxies[index]
        local key = next(proxy)
        while key ~= nil do
            rawset(proxy, key, nil)
            key = next(proxy)
        end
    end
end

-- Words that lie in one string, as two tables: the first `key_count` of them, and the others. Each ends where its number says.
local function unpack_words(key_count, joined, ...)
    local keys, arguments = {}, {}
    local begin = 1
    local ends = { ... }
    for index = 1, #ends do
        local last = ends[index]
        local word = sub(joined, begin, last)
        if index <= key_count then
            keys[index] = word
        else
            arguments[index - key_count] = word
        end
        begin = last + 1
    end
    return keys, arguments
end

-- Scripts find their keys and arguments in globals, functions are given them.
local function run(script, keys, arguments)
    local done, value
    if for_functions then
        done, value = xpcall(script, handler, keys, arguments)
    else
        rawset(globals, "KEYS", keys)
        rawset(globals, "ARGV", arguments)
        done, value = xpcall(script, handler)
    end
    if done then
        tidy()
    end
    return done, value
end

local function run_with_words(script, ...)
    return run(script, unpack_words(...))
end

-- What the code of a library sees while it is loaded: a way to register functions, and the log.
local loading_redis = setmetatable({
    register_function = function(...)
        return checked(native.register_function(...))
    end,
    log = redis.log,
}, nothing_else)
for name, value in pairs(native.constants) do
    if library.string.find(name, "^LOG_") or library.string.find(name, "^REDIS_") then
        loading_redis[name] = value
    end
end
local loading_globals = setmetatable({ redis = freeze(loading_redis) }, nothing_else)

-- The environment of libraries, which is another one while one is loaded.
local library_metatable = { __index = globals, __newindex = refuse, __metatable = false }
local library_environment = setmetatable({}, library_metatable)
behind[library_environment] = globals
proxies[#proxies + 1] = library_environment

local function begin_loading()
    library_metatable.__index = loading_globals
end

local function end_loading()
    library_metatable.__index = globals
end

return {
    library_environment = library_environment, begin_loading = begin_loading, end_loading = end_loading,
    environment = environment, run_with_words = run_with_words, globals = globals, run = run, tidy = tidy, freeze = freeze }
