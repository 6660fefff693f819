//! Patterns of `string.find` and its kin, which are matched by code of ours, beside those of Redis 7.4: random patterns, good and bad,
//! in random texts. Results and errors are compared byte for byte.

use std::cell::Cell;

use harness::Random;

use crate::script_libraries::{compare, compare_rounds};

/// What patterns are made of.
const ITEMS: [&[u8]; 50] = [
    b"a", b"b", b"c", b"1", b" ", b".", b"%a", b"%d", b"%s", b"%w", b"%x", b"%p", b"%c", b"%l",
    b"%u", b"%z", b"%A", b"%D", b"%S", b"%W", b"%Z", b"%g", b"%.", b"%%", b"[abc]", b"[^ab]",
    b"[a-c%d]", b"[]]", b"[^]a]", b"[%]a]", b"[a-]", b"[%a-z]", b"[^%s]", b"%b()", b"%bab", b"%b",
    b"%f[%w]", b"%f[^a]", b"%f", b"%1", b"%2", b"%0", b"(", b")", b"()", b"^", b"$", b"%", b"[",
    b"\0",
];
const REPETITIONS: [&[u8]; 8] = [b"", b"", b"", b"", b"*", b"+", b"-", b"?"];
const TEXTS: [&[u8]; 16] = [
    b"a", b"a", b"b", b"c", b"1", b" ", b"(", b")", b"]", b"%", b"\0", b"z", b"B", b"\xff", b"_",
    b"\n",
];
const REPLACEMENTS: [&[u8]; 10] =
    [b"x", b"", b"%0", b"%1", b"%2", b"<%1%0>", b"%%", b"%", b"%a", b"12"];

const FUNCTIONS: &str = "
local text, pattern, first, replacement, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local function all(...)
  local shown = {}
  for i = 1, select('#', ...) do shown[i] = show((select(i, ...))) end
  return table.concat(shown, '|')
end
local function join(...) if select('#', ...) > 1 then return table.concat({...}, '+') end end
local named = setmetatable({a = 'A', b = false, c = 7}, {__index = function(_, key) if key == '1' then return {} end end})
-- Not in tail position: then a function is not on our stack when something in it fails.
local function try(run) return all(pcall(function() local shown = all(run()) return shown end)) end
return {
  all(pcall(string.find, text, pattern)),
  try(function() local shown = all(text:find(pattern, first)) return shown end),
  try(function() local shown = all(text:find(pattern, first, true)) return shown end),
  try(function() local shown = all(text:match(pattern, first)) return shown end),
  try(function()
    local found = {}
    for one, two, three in text:gmatch(pattern) do found[#found + 1] = all(one, two, three) end
    return table.concat(found, ';')
  end),
  try(function() local shown = all(text:gsub(pattern, replacement)) return shown end),
  try(function() local shown = all(string.gsub(text, pattern, replacement, limit)) return shown end),
  try(function() local shown = all(text:gsub(pattern, named)) return shown end),
  try(function() local shown = all(text:gsub(pattern, join)) return shown end),
}";

fn text_of(random: &mut Random, length: usize) -> Vec<u8> {
    (0..random.below(length)).flat_map(|_| random.pick(&TEXTS).to_vec()).collect()
}

fn pattern_of(random: &mut Random) -> Vec<u8> {
    let mut pattern = Vec::new();
    // Rare ones make most patterns wrong.
    let kinds = if random.one_in(2) { ITEMS.len() } else { 34 };
    for _ in 0..random.below(6) {
        if random.one_in(4) {
            pattern.push(b'(');
        }
        pattern.extend_from_slice(random.pick(&ITEMS[..kinds]));
        pattern.extend_from_slice(random.pick(&REPETITIONS));
        if random.one_in(4) && pattern.contains(&b'(') {
            pattern.push(b')');
        }
    }
    let open = memchr::memchr_iter(b'(', &pattern).count();
    let closed = memchr::memchr_iter(b')', &pattern).count();
    if random.one_in(3) {
        pattern.insert(0, b'^');
    }
    if !random.one_in(4) {
        pattern.extend(std::iter::repeat_n(b')', open.saturating_sub(closed)));
    }
    pattern
}

#[test]
fn patterns_match_as_in_redis() {
    compare(|random| {
        let number = |random: &mut Random| {
            (i64::try_from(random.below(24)).unwrap_or(0) - 10).to_string().into_bytes()
        };
        let arguments = vec![
            text_of(random, 24),
            pattern_of(random),
            number(random),
            random.pick(&REPLACEMENTS).to_vec(),
            number(random),
        ];
        (FUNCTIONS.to_owned(), arguments)
    });
}

#[test]
fn arguments_of_pattern_functions_are_checked_as_in_redis() {
    const VALUES: [&str; 13] = [
        "nil",
        "true",
        "12",
        "-1",
        "2.7",
        "1e300",
        "'a'",
        "'12'",
        "''",
        "{}",
        "print",
        "redis.call",
        "'%d'",
    ];
    compare(|random| {
        let function = random.pick(&["find", "match", "gmatch", "gsub", "gfind"]);
        let count = random.below(6);
        let values: Vec<&str> = (0..count).map(|_| random.pick(&VALUES)).collect();
        let more: String = values.iter().flat_map(|value| [", ", value]).collect();
        let values = values.join(", ");
        let body = format!(
            "local text = 'a12'
             local r = {{ pcall(function() local r = {{ string.{function}({values}) }} return unpack(r) end) }}
             local s = {{ pcall(function() local r = {{ text:{function}({values}) }} return unpack(r) end) }}
             local t = {{ pcall(string.{function}{more}) }}
             if type(r[2]) == 'function' then r[2] = show(r[2]()) end
             if type(s[2]) == 'function' then s[2] = show(s[2]()) end
             if type(t[2]) == 'function' then t[2] = show(t[2]()) end
             return show(r) .. show(s) .. show(t)",
        );
        // In Redis there is no `print`.
        (body.replace("print", "tonumber"), Vec::new())
    });
}

#[test]
fn long_patterns_and_texts_match_as_in_redis() {
    let bodies = [
        "return ('a'):rep(250):match(('a?'):rep(250)):len()",
        "return ('a'):rep(250):match(('a?'):rep(250) .. '$') or 'nothing'",
        "return {pcall(string.find, 'a', ('('):rep(33))}",
        "return {('abc'):rep(11):find(('(.)'):rep(32))}",
        "return {('x'):rep(100000):gsub('x', 'yy', 99999)}",
        "return {('x'):rep(100000):gsub('', '-')}",
        "return {('(a(b)c)'):rep(1000):gsub('%b()', '')}",
        "return ('key=value, '):rep(5000):gsub('(%w+)=(%w+)', '%2=%1'):sub(-30)",
        "return {pcall(string.gsub, 'abc', '%w', function(c) error(c) end)}",
        "return {pcall(string.gsub, 'abc', '%w', function(c) error({}) end)}",
        "local out = {} for a in ('one two'):gmatch('%a+') do for b in a:gmatch('.') do out[#out + 1] = b end end return out",
        "return ('abc'):gsub('%w', function(c) return (c:gsub('.', function(d) return d .. d end)) end)",
        "return {pcall(function() local f = ('abc'):gmatch('(') local x = f() return x end)}",
        "local f = coroutine.wrap(function() for w in ('a b c'):gmatch('%a') do coroutine.yield(w) end end) return {f(), f(), f()}",
        "return {pcall(function() local x = ('a'):gsub('a', '%9') return x end)}",
        "return {('a\\0b'):find('\\0'), ('a\\0b'):find('b\\0'), ('a.b'):find('\\0.'), ('a\\0b'):match('%z(.)')}",
    ];
    let next = Cell::new(0);
    compare_rounds(bodies.len() as u64, |_| {
        (bodies[next.replace(next.get() + 1)].to_owned(), Vec::new())
    });
}
