//! Notifications compared with a real server's: the same events, of the same keys, in the same order.

use harness::{Client, Oracle, Random, Version};

use crate::testing::Server;

/// Calls of a case.
const CALLS: usize = 60;
/// Cases, unless `OCHRE_ROUNDS` says otherwise.
const ROUNDS: u64 = 60;

/// Calls to draw from; `K` stands for a key, `M` for a member or field, `V` for a value, `N` for a small number.
const CALLABLE: &[&str] = &[
    "SET K V",
    "SET K N EX 1000",
    "SET K V NX",
    "SET K V XX KEEPTTL",
    "SET K V GET",
    "SETNX K V",
    "SETEX K 1000 V",
    "GETSET K V",
    "GETDEL K",
    "GETEX K EX 1000",
    "GETEX K PERSIST",
    "GETEX K PXAT 1",
    "GET K",
    "MGET K K",
    "STRLEN K",
    "APPEND K V",
    "SETRANGE K N V",
    "SETRANGE K 0 \"\"",
    "INCR K",
    "DECRBY K N",
    "INCRBYFLOAT K 1.5",
    "MSET K V K V",
    "MSETNX K V K V",
    "LCS K K",
    "SETBIT K N 1",
    "BITOP AND K K K",
    "BITFIELD K SET u8 0 N",
    "BITCOUNT K",
    "GETBIT K N",
    "DEL K",
    "DEL K K K",
    "UNLINK K K",
    "EXISTS K K",
    "TYPE K",
    "TTL K",
    "EXPIRE K 1000",
    "EXPIRE K -1",
    "PEXPIREAT K 1",
    "PERSIST K",
    "RENAME K K",
    "RENAMENX K K",
    "COPY K K",
    "COPY K K REPLACE",
    "MOVE K 1",
    "TOUCH K",
    "OBJECT ENCODING K",
    "SORT K",
    "SORT K ALPHA STORE K",
    "DUMP K",
    "EXPIRETIME K",
    "LPUSH K V V",
    "RPUSH K V",
    "LPUSHX K V",
    "RPUSHX K V",
    "LPOP K",
    "RPOP K N",
    "LSET K 0 V",
    "LREM K 0 V",
    "LTRIM K 0 N",
    "LTRIM K 5 1",
    "LINSERT K BEFORE V V",
    "RPOPLPUSH K K",
    "LMOVE K K LEFT RIGHT",
    "LMPOP 2 K K LEFT COUNT N",
    "LRANGE K 0 -1",
    "LLEN K",
    "LPOS K V",
    "BLPOP K K 0.001",
    "BRPOP K 0.001",
    "BLMOVE K K LEFT LEFT 0.001",
    "BLMPOP 0.001 2 K K RIGHT",
    "HSET K M V M V",
    "HSETNX K M V",
    "HDEL K M M",
    "HINCRBY K M N",
    "HINCRBYFLOAT K M 1.5",
    "HGET K M",
    "HGETALL K",
    "HMGET K M M",
    "HEXPIRE K 1000 FIELDS 1 M",
    "HPERSIST K FIELDS 1 M",
    "HPEXPIREAT K 1 FIELDS 2 M M",
    "HTTL K FIELDS 1 M",
    "HEXISTS K M",
    "HRANDFIELD K",
    "SADD K M M",
    "SREM K M",
    "SPOP K",
    "SPOP K N",
    "SMOVE K K M",
    "SINTERSTORE K K K",
    "SUNIONSTORE K K K",
    "SDIFFSTORE K K K",
    "SMEMBERS K",
    "SISMEMBER K M",
    "SRANDMEMBER K",
    "SINTER K K",
    "SINTERCARD 2 K K",
    "ZADD K N M",
    "ZADD K NX N M",
    "ZADD K XX CH N M N M",
    "ZADD K INCR N M",
    "ZINCRBY K N M",
    "ZREM K M M",
    "ZPOPMIN K",
    "ZPOPMAX K N",
    "ZRANGESTORE K K 0 N",
    "ZUNIONSTORE K 2 K K",
    "ZINTERSTORE K 2 K K",
    "ZDIFFSTORE K 2 K K",
    "ZREMRANGEBYSCORE K 0 N",
    "ZREMRANGEBYRANK K 0 0",
    "ZREMRANGEBYLEX K - +",
    "ZMPOP 2 K K MIN",
    "BZPOPMIN K K 0.001",
    "BZMPOP 0.001 1 K MAX",
    "ZSCORE K M",
    "ZRANGE K 0 -1",
    "ZINTER 2 K K",
    "ZCARD K",
    "GEOADD K 13 38 M",
    "GEOSEARCHSTORE K K FROMLONLAT 13 38 BYRADIUS 5 km",
    "GEOPOS K M",
    "PFADD K M M",
    "PFMERGE K K K",
    "PFCOUNT K",
    "XADD K * a b",
    "XADD K MAXLEN 1 * a b",
    "XADD K NOMKSTREAM * a b",
    "XTRIM K MAXLEN N",
    "XDEL K 0-1",
    "XLEN K",
    "XGROUP CREATE K g $ MKSTREAM",
    "XGROUP DESTROY K g",
    "XGROUP CREATECONSUMER K g c",
    "XGROUP DELCONSUMER K g c",
    "XGROUP SETID K g 0",
    "XSETID K 9999999999999-1",
    "XREADGROUP GROUP g c STREAMS K >",
    "XRANGE K - +",
    "XAUTOCLAIM K g c 0 0",
    "SELECT 0",
    "SELECT 1",
    "FLUSHDB",
    "SWAPDB 0 1",
];

fn draw(random: &mut Random) -> Vec<String> {
    let word = |random: &mut Random, word: &str| match word {
        "K" => random.pick(&["a", "b", "c", "d"]).to_owned(),
        "M" => random.pick(&["m", "n"]).to_owned(),
        "V" => random.pick(&["v", "7", "word"]).to_owned(),
        "N" => random.below(4).to_string(),
        "\"\"" => String::new(),
        other => other.to_owned(),
    };
    let line = random.pick(CALLABLE);
    line.split(' ').map(|part| word(random, part)).collect()
}

/// What a client of the real server that listens hears up to the end of a round.
fn heard_there(listener: &mut Client) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let message = listener.reply().expect("the real server tells");
        let words = message.as_array().unwrap_or_default();
        let texts: Vec<String> =
            words[2..].iter().map(|word| word.as_text().unwrap_or_default()).collect();
        if texts[0] == "end" {
            return heard;
        }
        heard.push(texts.join(" "));
    }
}

fn heard_here(server: &mut Server) -> Vec<String> {
    let delivered = server.deliveries().swap_remove(1);
    let messages = delivered.split("*4 $8 pmessage $1 * ").skip(1);
    let texts = messages.map(|message| {
        let words = message.split(' ').filter(|word| !word.starts_with('$') && !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    });
    texts.filter(|text| !text.starts_with("end")).collect()
}

#[test]
fn events_come_in_the_order_of_a_real_server() {
    let Ok(oracle) = Oracle::find(Version::V74) else { return };
    let real = oracle.launch().start();
    let mut listener = real.client();
    listener.run("PSUBSCRIBE *");
    let rounds = std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    for seed in 0..rounds.unwrap_or(ROUNDS) {
        let mut random = Random::from_seed(seed);
        let classes = random.pick(&["KEA", "KEA", "EAnm", "EAnm", "Kg$", "En", "Em"]);
        let (mut theirs, mut ours) = (real.client(), Server::new());
        theirs.run("CONFIG SET notify-keyspace-events K");
        theirs.run("FLUSHALL");
        let set = ["CONFIG", "SET", "notify-keyspace-events", classes];
        theirs.call(&set);
        ours.answer(&set);
        let listens = ours.connect();
        ours.say_to(listens, "PSUBSCRIBE *");
        let mut told = Vec::new();
        for _ in 0..CALLS {
            let words = draw(&mut random);
            if ours.engine.commands.find(words[0].as_bytes()).is_none() {
                continue;
            }
            told.push(words.join(" "));
            theirs.call(&words);
            theirs.run("PUBLISH end x");
            if words[0] == "SPOP" {
                // Which member goes is chance: the sets are made equal again.
                theirs.call(&["DEL", &words[1]]);
                ours.answer(&words);
                ours.answer(&["DEL", &words[1]]);
                theirs.run("PUBLISH end x");
                heard_there(&mut listener);
                heard_there(&mut listener);
                heard_here(&mut ours);
                continue;
            }
            ours.answer(&words);
            if ours.clients[0].is_blocked() {
                ours.time_out(0);
            }
            let (here, there) = (heard_here(&mut ours), heard_there(&mut listener));
            assert_eq!(here, there, "seed {seed}, {classes}: {told:#?}");
        }
    }
}
