-- What every script finds, built from the interpreter's own library and the functions that the server provides.
--
-- Scripts share one interpreter, so nothing that outlives a script may be changed by one. Every table that scripts can reach is
-- therefore seen through an empty proxy that reads through and refuses writes. What writes past metatables (rawset, table.insert)
-- knows the proxies and refuses them.

local library, native, for_functions = ...

local error, getmetatable, next, pcall, rawget, rawset, select, setmetatable, tostring, type, xpcall =
    library.error, library.getmetatable, library.next, library.pcall, library.rawget, library.rawset,
    library.select, library.setmetatable, library.tostring, library.type, library.xpcall
local load, pairs, setfenv, sub = library.load, library.pairs, library.setfenv, library.string.sub

local READ_ONLY = "Attempt to modify a readonly table"

-- The table behind each proxy.
local behind = native.behind

local function refuse()
    error(READ_ONLY, 2)
end

local function freeze(values)
    local proxy = setmetatable({}, { __index = values, __newindex = refuse, __metatable = false })
    behind[proxy] = values
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
    assert error gcinfo getfenv ipairs rawequal select tonumber tostring type unpack xpcall _VERSION
]])

-- What a script makes of the collector ends with the script.
local collector_is_changed = false

function globals.collectgarbage(option, argument)
    if option ~= nil and option ~= "collect" and option ~= "count" and option ~= "step" then
        collector_is_changed = true
        native.note_change()
    end
    return library.collectgarbage(option, argument)
end

local function reset_collector()
    collector_is_changed = false
    library.collectgarbage("setpause", 200)
    library.collectgarbage("setstepmul", 200)
    library.collectgarbage("restart")
end

-- With a metatable it could have a finalizer, which runs in the middle of anything, and which nothing interrupts.
function globals.newproxy(model)
    if model then
        error("newproxy() makes no metatables here", 2)
    end
    return library.newproxy()
end

local string_library = pick(library.string, [[
    byte char dump format len lower rep reverse sub upper
]])
-- These look for patterns, and can be interrupted.
for name, run in pairs(native.search) do
    string_library[name] = run
end
string_library.gfind = string_library.gmatch
local math_library = pick(library.math, [[
    abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min modf pi pow rad sin sinh
    sqrt tan tanh
]])
math_library.mod = library.math.fmod
math_library.random = native.random
math_library.randomseed = native.seed
local table_library = pick(library.table, "concat foreach foreachi getn maxn remove setn sort")
table_library.insert = native.insert
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

-- More arguments than this are more than most natives can be lent.
local MANY = 4000

redis.call, redis.pcall = native.call, native.pcall

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

-- `quick` does what is usual, and gives nothing if something is not.
local function library_function(name, run, quick)
    return function(...)
        local count = select("#", ...)
        if count == 1 and quick then
            local value = quick(...)
            if value ~= nil then
                return value
            end
        elseif count > MANY then
            return settle_results(native.crowded(name))
        end
        return settle_results(run(...))
    end
end

local function dress(name, functions, quick)
    local dressed = {}
    for function_name, value in pairs(functions) do
        if type(value) == "function" then
            local full_name = name .. "." .. function_name
            value = library_function(full_name, value, quick[full_name])
        end
        dressed[function_name] = value
    end
    if name == "cjson" then
        function dressed.new()
            return dress(name, native.new_cjson(), {})
        end
    end
    return dressed
end

for name, functions in pairs(native.libraries) do
    globals[name] = freeze(dress(name, functions, native.quick))
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
-- The table itself, without the proxy: no script gets hold of it by way of a string.
library.getmetatable("").__index = string_library

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
    if type(failure) == "table" then
        local text = rawget(failure, "err")
        local is_text = type(text) == "string"
        if is_text or getmetatable(failure) == nil then
            -- That of a call was counted when the call was made.
            local is_counted = rawget(failure, "ignore_error_stats_update") == true
            return {
                err = is_text and text or "ERR unknown error", source = source, line = line,
                ignore_error_stats_update = is_counted,
            }
        end
    end
    local kind = type(failure)
    local text = (kind == "string" or kind == "number" or kind == "nil") and tostring(failure) or native.describe(failure)
    return { err = "ERR " .. text, source = source, line = line }
end

-- Called after a script that has changed something.
local function tidy()
    if collector_is_changed then
        reset_collector()
    end
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

local function begin_loading()
    library_metatable.__index = loading_globals
end

local function end_loading()
    library_metatable.__index = globals
end

return {
    library_environment = library_environment, begin_loading = begin_loading, end_loading = end_loading,
    environment = environment, globals = globals, handler = handler, tidy = tidy }
