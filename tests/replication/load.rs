//! Writes of all kinds, at random: every type, expiry, transactions, scripts, and what concerns whole databases.
//!
//! Fields that expire have tests of their own: Redis 7.0 does not know them, and 7.4.1 ends with a corrupt memory after some
//! hundreds of HPEXPIRE among other writes.

use harness::{Client, Random};

/// Sent before the replies are read.
const PIPELINE: usize = 40;

/// Makes so many calls, of which some are errors.
pub(super) fn write(client: &mut Client, random: &mut Random, calls: usize) {
    let mut left = calls;
    while 0 < left {
        let count = left.min(PIPELINE);
        left -= count;
        let mut sent = 0;
        for _ in 0..count {
            for call in calls_of_one_kind(random) {
                let words: Vec<&str> = call.split(' ').collect();
                client.send(&words).expect("the server takes it");
                sent += 1;
            }
        }
        client.replies(sent).expect("the server answers");
    }
}

fn calls_of_one_kind(random: &mut Random) -> Vec<String> {
    match random.below(100) {
        0 => vec![format!("SWAPDB {} {}", random.below(3), random.below(3))],
        1 if random.below(20) == 0 => vec!["FLUSHALL".to_owned()],
        2 if random.below(5) == 0 => vec!["FLUSHDB".to_owned()],
        3..=5 => vec![format!("SELECT {}", random.below(3))],
        6..=15 => {
            let mut calls = vec!["MULTI".to_owned()];
            for _ in 0..=random.below(4) {
                calls.push(one(random));
            }
            calls.push(if random.below(8) == 0 { "DISCARD" } else { "EXEC" }.to_owned());
            calls
        }
        16..=20 => {
            let key = random.below(20);
            vec![format!(
                "EVAL redis.call('INCR',KEYS[1])redis.call('SET',KEYS[2],ARGV[1])return(redis.call('SPOP',KEYS[3])) 3 n{key} s{key} set{key} {}",
                random.below(1000)
            )]
        }
        _ => vec![one(random)],
    }
}

fn one(random: &mut Random) -> String {
    let key = random.below(20);
    let other = random.below(20);
    let value = random.below(1000);
    match random.below(44) {
        0 => format!("SET s{key} value-{value}"),
        1 => format!("SET s{key} {value} EX 100"),
        2 => format!("SET s{key} {value} PX {}", 1 + random.below(300)),
        3 => format!("INCR n{key}"),
        4 => format!("INCRBYFLOAT f{key} 0.{value}"),
        5 => format!("APPEND s{key} {value}"),
        6 => format!("SETRANGE s{key} {} {value}", random.below(40)),
        7 => format!("SETBIT bits{key} {value} 1"),
        8 => format!("PFADD h{key} {value}"),
        9 => format!("PFMERGE h{key} h{other}"),
        10 => format!("RPUSH l{key} {value} a"),
        11 => format!("LPUSH l{key} {value}"),
        12 => format!("LPOP l{key}"),
        13 => format!("LMOVE l{key} l{other} LEFT RIGHT"),
        14 => format!("LTRIM l{key} 0 20"),
        15 => format!("LINSERT l{key} BEFORE a {value}"),
        16 => format!("SADD set{key} {value} m"),
        17 => format!("SPOP set{key} 2"),
        18 => format!("SMOVE set{key} set{other} m"),
        19 => format!("SUNIONSTORE set{key} set{other} set{}", random.below(20)),
        20 => format!("HSET hash{key} f{} {value}", value % 7),
        21 => format!("HINCRBY hash{key} n {value}"),
        22 => format!("HDEL hash{key} f{}", value % 7),
        23 => format!("ZADD z{key} {value} m{}", value % 9),
        24 => format!("ZINCRBY z{key} 1.5 m{}", value % 9),
        25 => format!("ZPOPMIN z{key}"),
        26 => format!("ZUNIONSTORE z{key} 2 z{other} z{key}"),
        27 => format!("ZREMRANGEBYSCORE z{key} 0 {value}"),
        28 => format!("GEOADD g{key} 13.{value} 38.1 p{}", value % 5),
        29 => format!("XADD x{key} * field {value}"),
        30 => format!("XADD x{key} MAXLEN 10 * field {value}"),
        31 => format!("XGROUP CREATE x{key} group 0 MKSTREAM"),
        32 => format!("XREADGROUP GROUP group me COUNT 2 STREAMS x{key} >"),
        33 => format!("XDEL x{key} 1-1"),
        34 => format!("PEXPIRE l{key} {}", 1 + random.below(400)),
        35 => format!("EXPIRE set{key} {value}"),
        36 => format!("PERSIST s{key}"),
        37 => format!("RENAME s{key} s{other}"),
        38 => format!("COPY hash{key} hash{other} REPLACE"),
        39 => format!("DEL z{key} x{other}"),
        40 => format!("MOVE s{key} {}", random.below(3)),
        41 => format!("GETEX s{key} PX {}", 1 + random.below(300)),
        42 => format!("EXPIREAT n{key} 1"),
        _ => format!("SORT l{key} ALPHA STORE l{other}"),
    }
}
