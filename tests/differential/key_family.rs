//! Commands on keys of any type, on databases, and the passing of time.

use std::time::Duration;

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// The commands of the group that concern any type.
pub(super) struct Keys;

impl Generator for Keys {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[
            delete, delete, look, look, look, expire, expire, expire, when, when, find, find, scan,
            rename, copy, copy, object, object, database,
        ];
        if random.one_in(12) {
            return expired(random);
        }
        vec![random.pick(KINDS)(random)]
    }
}

/// A key expires: for certain, and on both servers before the next step, which is one that meets it. For
/// SCAN removes what has expired as it comes across it, which is not the same on both. So does RANDOMKEY, which
/// therefore is not drawn at all: a time that is already past leaves such a key behind too.
fn expired(random: &mut Random) -> Vec<Step> {
    let key = pool::key(random);
    let meets = random.pick(&[
        "GET",
        "EXISTS",
        "TYPE",
        "PTTL",
        "DEL",
        "UNLINK",
        "INCR",
        "STRLEN",
        "TOUCH",
        "PERSIST",
        "GETDEL",
        "OBJECT ENCODING",
        "EXPIRETIME",
        "DECR",
        "GETEX",
        "MGET",
    ]);
    let meets = Words::new(meets).word(key.clone()).call();
    let step = match random.below(3) {
        0 => Words::new("PEXPIRE").word(key).word("1").call(),
        1 => Words::new("SET").word(key).word("short").word("PX").word("1").call(),
        _ => Words::new("GETEX").word(key).word("PX").word("1").call(),
    };
    vec![step, Step::Elapse(Duration::from_millis(3)), meets]
}

fn delete(random: &mut Random) -> Step {
    let command = random.pick(&["DEL", "UNLINK"]);
    Words::new(command).words(pool::keys(random, 3)).call()
}

fn look(random: &mut Random) -> Step {
    match random.below(6) {
        0 | 1 => Words::new("EXISTS").words(pool::keys(random, 3)).call(),
        2 => Words::new("TOUCH").words(pool::keys(random, 3)).call(),
        3 | 4 => Words::new("TYPE").word(pool::key(random)).call(),
        _ => Words::new("DBSIZE").call(),
    }
}

fn expire(random: &mut Random) -> Step {
    let key = pool::key(random);
    let words = match random.below(5) {
        0 => Words::new("EXPIRE").word(key).word(pool::time_to_live(random)),
        1 => Words::new("PEXPIRE").word(key).word(pool::time_to_live(random)),
        2 => Words::new("EXPIREAT").word(key).word(pool::expiry_time(random, true)),
        3 => Words::new("PEXPIREAT").word(key).word(pool::expiry_time(random, false)),
        _ => return Words::new("PERSIST").word(key).call(),
    };
    let words = words.maybe(random, 6, "NX").maybe(random, 6, "XX");
    words.maybe(random, 6, "GT").maybe(random, 6, "LT").call()
}

fn when(random: &mut Random) -> Step {
    let command = random.pick(&["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]);
    Words::new(command).word(pool::key(random)).call()
}

fn find(random: &mut Random) -> Step {
    Words::new("KEYS").word(pool::pattern(random)).call()
}

fn scan(random: &mut Random) -> Step {
    let cursor = random.pick(&["0", "0", "0", "0", "x", "-1", "18446744073709551616", ""]);
    let mut words = Words::new("SCAN").word(cursor);
    // Enough for every key there is: then both servers return all of them at once.
    let count = random.pick(&["1000", "1000", "1000", "2000", "0", "-1", "x"]);
    words = words.word("COUNT").word(count);
    if random.one_in(2) {
        words = words.word("MATCH").word(pool::pattern(random));
    }
    if random.one_in(4) {
        words = words.word("TYPE").word(random.pick(&["string", "STRING", "hash", "nonsense", ""]));
    }
    words.call()
}

fn rename(random: &mut Random) -> Step {
    let command = random.pick(&["RENAME", "RENAMENX"]);
    Words::new(command).word(pool::key(random)).word(pool::key(random)).call()
}

fn copy(random: &mut Random) -> Step {
    if random.one_in(3) {
        let database = random.pick(&["0", "1", "2", "15", "16", "-1", "x", ""]);
        return Words::new("MOVE").word(pool::key(random)).word(database).call();
    }
    let mut words = Words::new("COPY").word(pool::key(random)).word(pool::key(random));
    if random.one_in(3) {
        words = words.word("DB").word(random.pick(&["0", "1", "2", "16", "x"]));
    }
    words.maybe(random, 2, "REPLACE").call()
}

fn object(random: &mut Random) -> Step {
    let command = random.pick(&[
        "OBJECT ENCODING",
        "OBJECT ENCODING",
        "OBJECT REFCOUNT",
        "OBJECT IDLETIME",
        "OBJECT FREQ",
        "OBJECT nonsense",
    ]);
    Words::new(command).word(pool::key(random)).call()
}

fn database(random: &mut Random) -> Step {
    match random.below(6) {
        0 | 1 => {
            let database =
                random.pick(&["0", "0", "1", "2", "15", "16", "-1", "x", "", "4294967296"]);
            Words::new("SELECT").word(database).call()
        }
        2 | 3 => {
            let choices = ["0", "1", "2", "16", "-1", "x"];
            Words::new("SWAPDB").word(random.pick(&choices)).word(random.pick(&choices)).call()
        }
        4 if random.one_in(3) => Words::new(random.pick(&[
            "FLUSHALL",
            "FLUSHALL SYNC",
            "FLUSHALL ASYNC",
            "FLUSHALL NOW",
        ]))
        .call(),
        4 => Words::new("DBSIZE").call(),
        _ => Words::new(random.pick(&["FLUSHDB", "FLUSHDB SYNC", "FLUSHDB ASYNC", "FLUSHDB NOW"]))
            .call(),
    }
}
