//! Functions beside those of Redis 7.4: the same calls in the same order, and the same answers; payloads go both ways.

use harness::{Client, Oracle, Protocol, Random, Value, Version};

use crate::subject;

/// Each is the code of a library behind `#!lua name=t`; some are good.
const CODES: &[&str] = &[
    "redis.register_function('f', function(keys, args) return {keys, args, #keys} end)",
    "redis.register_function('get', function(keys) return redis.call('GET', keys[1]) end)",
    "redis.register_function('set', function(keys, args) return redis.call('SET', keys[1], args[1]) end)",
    "redis.register_function{function_name='read', callback=function(k) return redis.call('GET', k[1]) end, flags={'no-writes'}}",
    "redis.register_function{function_name='lie', callback=function(k) return redis.call('SET', k[1], 1) end, flags={'no-writes'}, description='d'}",
    "redis.register_function('fail', function() error('boo') end)",
    "\n\nredis.register_function('fail', function() local x = redis.call('nosuch') return x end)",
    "redis.register_function('coded', function() error({err='My text'}) end)",
    "redis.register_function('global', function() x = 1 end)",
    "redis.register_function('keys', function() return KEYS end)",
    "redis.register_function('nested', function() return redis.call('fcall', 'f', 0) end)",
    "redis.register_function('json', function(k, a) return cjson.encode(cjson.decode(a[1])) end)",
    "local n = 0 redis.register_function('count', function() n = n + 1 return n end)",
    "redis.register_function('late', function() redis.register_function('x', function() end) end)",
    "redis.register_function('three', function() redis.setresp(3) return redis.call('HGETALL', 'nosuch') end)",
    "redis.register_function()",
    "redis.register_function('a')",
    "redis.register_function('a', 1)",
    "redis.register_function({}, function() end)",
    "redis.register_function('a-b', function() end)",
    "redis.register_function{}",
    "redis.register_function{function_name='a'}",
    "redis.register_function{function_name='a', callback=1}",
    "redis.register_function{function_name='a', callback=function() end, flags=1}",
    "redis.register_function{function_name='a', callback=function() end, flags={'x'}}",
    "redis.register_function{function_name='a', callback=function() end, other=1}",
    "redis.register_function('a', function() end) redis.register_function('a', function() end)",
    "redis.call('PING')",
    "local x = string",
    "redis.x = 1",
    "x = 1",
    "local t = nil t.x = 1",
    "redis.log('x')",
    "syntax error",
    "return 1",
];

const HEADERS: &[&str] = &[
    "#!lua name=t\n",
    "#!lua name=t\n",
    "#!lua name=t\n",
    "#!lua name=u\n",
    "#!LUA NAME=v\n",
    "#!lua\n",
    "#!lua name=\n",
    "#!lua name=a-b\n",
    "#!py name=t\n",
    "#!lua name=t other=1\n",
    "#!lua name=t name=u\n",
    "#!lua name=t",
    "#!lua \"name=t\n",
    "#!\n",
    "",
    "#!lua \"name=w\"\n",
];

const NAMES: &[&str] = &[
    "f", "get", "set", "read", "lie", "fail", "coded", "global", "keys", "nested", "json", "count",
    "late", "three", "F", "nosuch",
];

fn call(random: &mut Random) -> Vec<String> {
    let text = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    match random.below(12) {
        0..=3 => {
            let code = format!("{}{}", random.pick(HEADERS), random.pick(CODES));
            let mut words = text(&["FUNCTION", "LOAD"]);
            match random.below(8) {
                0 => {}
                1 => words.push(random.pick(&["NX", "replace x", ""]).to_owned()),
                _ => words.push("REPLACE".to_owned()),
            }
            words.push(code);
            words
        }
        4 => text(&["FUNCTION", "DELETE", random.pick(&["t", "u", "v", "T"])]),
        // Nothing is flushed: 7.4.1 may crash then, after libraries that failed.
        5 if random.one_in(4) => text(
            random
                .pick(&[&["FUNCTION", "FLUSH", "x"][..], &["FUNCTION", "FLUSH", "SYNC", "ASYNC"]]),
        ),
        5 | 6 => text(random.pick(&[
            &["FUNCTION", "LIST", "LIBRARYNAME", "t"][..],
            &["FUNCTION", "LIST", "LIBRARYNAME", "U", "WITHCODE"],
            &["FUNCTION", "LIST", "LIBRARYNAME"],
            &["FUNCTION", "LIST", "x"],
            &["FUNCTION", "STATS"],
            &["FUNCTION", "KILL"],
            &["FUNCTION", "RESTORE", "x"],
            &["FUNCTION", "RESTORE", "x", "y"],
            &["FUNCTION", "NOSUCH"],
            &["FUNCTION"],
        ])),
        _ => {
            let mut words =
                text(&[random.pick(&["FCALL", "FCALL", "FCALL_RO"]), random.pick(NAMES)]);
            words.push(random.pick(&["0", "1", "1", "2", "-1", "x", "1.5"]).to_owned());
            for _ in 0..random.below(4) {
                words.push(random.pick(&["k", "v", "[1,{\"a\":0.1}]", "{"]).to_owned());
            }
            words
        }
    }
}

/// Functions of a library come in no certain order: here they have one.
fn sorted(value: Value) -> Value {
    let mut value = value;
    sort(&mut value);
    value
}

fn sort(value: &mut Value) {
    if let Value::Map(pairs) = value {
        for (_, value) in pairs {
            sort(value);
        }
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(sort);
        if items.iter().all(|item| matches!(item, Value::Array(_) | Value::Map(_))) {
            items.sort_by_key(|item| format!("{item:?}"));
        }
    }
}

#[test]
fn functions_answer_as_those_of_redis() {
    let oracle = Oracle::find(Version::V74).expect("the oracle is installed").launch().start();
    let server = subject::launch().start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut clients: [Client; 2] = [server.client(), oracle.client()];
        for client in &mut clients {
            client.hello(protocol);
            for name in ["t", "u", "v", "w"] {
                client.run(&format!("FUNCTION DELETE {name}"));
            }
        }
        let mut random = Random::from_seed(3);
        for round in 0..1500 {
            let words = call(&mut random);
            let [ours, theirs] = clients.each_mut().map(|client| sorted(client.call(&words)));
            assert_eq!(ours, theirs, "round {round}: {words:?}");
        }
        for client in &mut clients {
            client.run("FLUSHALL");
        }
    }
}

#[test]
fn libraries_go_to_redis_and_back() {
    let oracle = Oracle::find(Version::V74).expect("the oracle is installed").launch().start();
    let server = subject::launch().start();
    let (mut ours, mut theirs) = (server.client(), oracle.client());
    for (number, code) in CODES.iter().take(15).enumerate() {
        let code =
            format!("#!lua name=lib{number}\n{}", code.replace("('", &format!("('n{number}")));
        ours.call(&["FUNCTION", "LOAD", &code]);
    }
    let Value::Bulk(payload) = ours.run("FUNCTION DUMP") else { panic!("a payload is a string") };
    let restored = theirs.call(&[b"FUNCTION".as_slice(), b"RESTORE", &payload]);
    assert_eq!(restored.as_text().as_deref(), Some("OK"));
    let list = |client: &mut Client| sorted(client.run("FUNCTION LIST WITHCODE"));
    assert_eq!(list(&mut ours), list(&mut theirs));
    let Value::Bulk(payload) = theirs.run("FUNCTION DUMP") else { panic!("a payload is a string") };
    let restored = ours.call(&[b"FUNCTION".as_slice(), b"RESTORE", &payload, b"FLUSH"]);
    assert_eq!(restored.as_text().as_deref(), Some("OK"));
    assert_eq!(list(&mut ours), list(&mut theirs));
}
