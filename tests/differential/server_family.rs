//! Commands about the server, and commands that do not exist.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// The commands of the group that leave no trace on the cases after them, but for CONFIG SET of what every case begins with.
pub(super) struct Servers;

impl Generator for Servers {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[
            config,
            config_set,
            command,
            command_keys,
            information,
            unknown,
            memory,
            debug,
            replication,
        ];
        vec![random.pick(KINDS)(random)]
    }
}

/// Of servers without replicas. Not `ROLE`: a real server counts one more byte once it has made a backlog for somebody.
fn replication(random: &mut Random) -> Step {
    Words::new(random.pick(&[
        "ROLE x",
        "WAIT 0 0",
        "WAIT 1 1",
        "WAIT -1 0",
        "WAIT 0 -1",
        "WAIT x 0",
        "WAIT 0 x",
        "WAIT 1",
        "REPLCONF",
        "REPLCONF listening-port 1 capa eof capa psync2",
        "REPLCONF listening-port x",
        "REPLCONF listening-port",
        "REPLCONF nonsense x",
        "REPLCONF ip-address 127.0.0.1",
        "REPLCONF rdb-only 7",
        "REPLCONF rdb-only x",
        "REPLCONF rdb-filter-only keys",
        "PSYNC x",
        "PSYNC x y FAILOVER",
        "FAILOVER",
        "FAILOVER ABORT",
        "FAILOVER ABORT x",
        "FAILOVER TO x",
        "FAILOVER TO x y",
        "FAILOVER TO 127.0.0.1 1 FORCE",
        "FAILOVER TIMEOUT 0",
        "FAILOVER TIMEOUT x",
        "FAILOVER TO 127.0.0.1 1 TIMEOUT 5 FORCE",
        "FAILOVER FORCE FORCE",
    ]))
    .call()
}

fn config(random: &mut Random) -> Step {
    Words::new(random.pick(&[
        "CONFIG GET maxmemory",
        "CONFIG GET maxmemory*",
        "CONFIG GET MAXMEMORY-POLICY",
        "CONFIG GET nonsense",
        "CONFIG GET lfu-*",
        "CONFIG GET hash-max-*",
        "CONFIG GET proto-max-bulk-len timeout",
        "CONFIG GET timeout timeout",
        "CONFIG GET *-max-listpack-value",
        "CONFIG GET save",
        "CONFIG GET databases",
        "CONFIG GET appendonly",
        "CONFIG GET client-output-buffer-limit",
        "CONFIG GET notify-keyspace-events",
        "CONFIG GET tcp-*",
        "CONFIG GET slave-*",
        "CONFIG GET replica-*",
        "CONFIG GET lua-time-limit",
        "CONFIG GET list-max-*",
        "CONFIG GET hz",
        "CONFIG GET lazyfree-*",
        "CONFIG GET activedefrag",
        "CONFIG GET stop-writes-*",
        "CONFIG GET repl-*",
        "CONFIG GET slowlog-*",
        "CONFIG GET rename-command",
        "CONFIG GET",
        "CONFIG NONSENSE",
        "CONFIG",
        "CONFIG RESETSTAT",
        "CONFIG RESETSTAT x",
        "CONFIG GET include",
    ]))
    .call()
}

fn config_set(random: &mut Random) -> Step {
    Words::new(random.pick(&[
        "CONFIG SET maxmemory-samples 7",
        "CONFIG SET maxmemory-samples 0",
        "CONFIG SET maxmemory-samples x",
        "CONFIG SET timeout 1000",
        "CONFIG SET timeout -1",
        "CONFIG SET nonsense 1",
        "CONFIG SET maxmemory-samples",
        "CONFIG SET maxmemory-samples 7 timeout x",
        "CONFIG SET maxmemory-samples 7 maxmemory-samples 8",
        "CONFIG SET",
        "CONFIG SET lfu-log-factor 11",
        "CONFIG SET lfu-log-factor 1 lfu-decay-time 2",
        "CONFIG SET port x",
        "CONFIG SET databases 3",
        "CONFIG SET activedefrag maybe",
        "CONFIG SET maxmemory-policy nonsense",
        "CONFIG SET maxmemory-policy noeviction",
        "CONFIG SET hz 10 nonsense 2",
        "CONFIG SET proto-max-bulk-len 1",
        "CONFIG SET proto-max-bulk-len 512mb",
        "CONFIG SET save x",
        "CONFIG SET client-query-buffer-limit 1",
        "CONFIG SET hash-max-listpack-entries -1",
        "CONFIG SET appendfsync nonsense",
        "CONFIG SET loglevel nonsense",
        "CONFIG SET notify-keyspace-events q",
        "CONFIG SET maxclients 0",
        "CONFIG SET client-output-buffer-limit normal",
        "CONFIG SET slowlog-max-len -1",
    ]))
    .call()
}

fn command(random: &mut Random) -> Step {
    Words::new(random.pick(&[
        "COMMAND INFO get",
        "COMMAND INFO set mset",
        "COMMAND INFO nonsense",
        "COMMAND INFO GET nonsense",
        "COMMAND COUNT",
        "COMMAND COUNT x",
        "COMMAND NONSENSE",
        "COMMAND LIST FILTERBY PATTERN incr*",
        "COMMAND LIST FILTERBY NONSENSE x",
        "COMMAND LIST FILTERBY ACLCAT nonsense",
        "COMMAND LIST FILTERBY MODULE nonsense",
        "COMMAND INFO incr",
        "COMMAND INFO del",
        "COMMAND INFO expire",
        "COMMAND INFO ping",
        "COMMAND INFO select",
        "COMMAND INFO object|encoding",
        "COMMAND INFO rename",
        "COMMAND INFO scan",
        "COMMAND INFO copy",
        "COMMAND INFO lcs",
        "COMMAND INFO getex",
        "COMMAND INFO time",
    ]))
    .call()
}

fn command_keys(random: &mut Random) -> Step {
    let command = random.pick(&["COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS"]);
    let call = random.pick(&[
        "SET a b",
        "GET a",
        "GET",
        "MSET a 1 b 2",
        "MSET a",
        "PING",
        "NONSENSE a",
        "RENAME a b",
        "COPY a b",
        "DEL a b c",
        "OBJECT ENCODING a",
        "LCS a b",
        "SET a b GET",
        "EXISTS",
        "CONFIG GET a",
        "MSETNX a 1 b 2",
        "SCAN 0",
        "MOVE a 1",
        "GETEX a PX 5",
    ]);
    Words::new(&format!("{command} {call}")).call()
}

fn information(random: &mut Random) -> Step {
    Words::new(random.pick(&[
        "TIME",
        "DBSIZE",
        "TIME x",
        "LOLWUT VERSION 1",
        "INFO keyspace",
        "INFO nonsense",
    ]))
    .call()
}

fn unknown(random: &mut Random) -> Step {
    let words =
        Words::new(random.pick(&["NONSENSE", "G\"ET", "foo'bar", "", "GE\r\nT", "\u{fffd}"]));
    let words = if random.one_in(3) { words.word(vec![b'x'; 200]) } else { words };
    (0..random.below(4)).fold(words, |words, _| words.word(pool::value(random))).call()
}

fn memory(random: &mut Random) -> Step {
    match random.below(3) {
        0 => Words::new("MEMORY USAGE").word(pool::key(random)).call(),
        1 => Words::new("MEMORY USAGE")
            .word(pool::key(random))
            .word("SAMPLES")
            .word(pool::offset(random))
            .call(),
        _ => Words::new(random.pick(&[
            "MEMORY NONSENSE",
            "MEMORY USAGE",
            "MEMORY PURGE x",
            "MEMORY",
        ]))
        .call(),
    }
}

fn debug(random: &mut Random) -> Step {
    Words::new(random.pick(&[
        "DEBUG NONSENSE",
        "DEBUG",
        "DEBUG SLEEP 0",
        "DEBUG STRINGMATCH-LEN 5 a*",
        "DEBUG PROTOCOL string",
        "DEBUG PROTOCOL integer",
        "DEBUG PROTOCOL double",
        "DEBUG PROTOCOL null",
        "DEBUG PROTOCOL array",
        "DEBUG PROTOCOL set",
        "DEBUG PROTOCOL map",
        "DEBUG PROTOCOL attrib",
        "DEBUG PROTOCOL bignum",
        "DEBUG PROTOCOL true",
        "DEBUG PROTOCOL false",
        "DEBUG PROTOCOL verbatim",
        "DEBUG PROTOCOL nonsense",
        "DEBUG OBJECT",
        "DEBUG DICT-RESIZING 1",
        "DEBUG LOG",
        "DEBUG DIGEST",
        "DEBUG DIGEST x",
        "DEBUG DIGEST-VALUE",
        "DEBUG DIGEST-VALUE a b c d",
        "DEBUG DIGEST-VALUE {tag}1 {tag}2 user:1000:name",
        "DEBUG DIGEST-VALUE l s h z stream b1 a",
    ]))
    .call()
}
