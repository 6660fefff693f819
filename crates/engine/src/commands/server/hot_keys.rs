//! HOTKEYS: the keys that are called most, and those that take most memory. They are known all the time; no session is to be
//! started.

use command::{Command as Declaration, Flags, Group};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;
use crate::hot_keys::HotKey;

pub(super) static HOTKEYS: Command = Declaration {
    summary: "A container for commands about keys that are called often or take much memory.",
    complexity: "Depends on subcommand.",
    ..Declaration::container("HOTKEYS", Group::Server, "8.6.0", &[&GET, &HELP, &RESET])
};

const FLAGS: Flags = Flags::ADMIN.and(Flags::NO_SCRIPT);

static GET: Command = Declaration {
    summary: "Returns the hottest keys, reads and writes apart, and the biggest keys.",
    complexity: "O(K) where K is the number of hotkeys returned.",
    flags: FLAGS,
    tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
    ..Declaration::new("HOTKEYS|GET", Group::Server, "8.6.0", Handler::Keys(get))
};

static HELP: Command = help::declare("HOTKEYS|HELP", Group::Server, "8.6.1");

static RESET: Command = Declaration {
    summary: "Forgets all of them.",
    flags: FLAGS,
    tips: &["request_policy:special"],
    ..Declaration::new("HOTKEYS|RESET", Group::Server, "8.6.0", Handler::Keys(reset))
};

fn get(call: &mut Call<'_>) -> Outcome {
    let (engine, now_ms) = (call.engine, call.now_us.div_euclid(1000));
    call.reply.map(3);
    call.reply.bulk(b"reads");
    list(call, &engine.hot_keys.hottest(false, now_ms));
    call.reply.bulk(b"writes");
    list(call, &engine.hot_keys.hottest(true, now_ms));
    call.reply.bulk(b"biggest");
    let biggest = engine.hot_keys.biggest();
    call.reply.array(biggest.len());
    for big in biggest {
        call.reply.map(4);
        call.reply.bulk(b"key");
        call.reply.bulk(&big.key);
        call.reply.bulk(b"database");
        call.reply.unsigned(big.database as u64);
        call.reply.bulk(b"type");
        call.reply.bulk(big.kind.as_bytes());
        call.reply.bulk(b"bytes");
        call.reply.unsigned(big.bytes as u64);
    }
    Ok(())
}

fn list(call: &mut Call<'_>, keys: &[HotKey]) {
    call.reply.array(keys.len());
    for hot in keys {
        call.reply.map(3);
        call.reply.bulk(b"key");
        call.reply.bulk(&hot.key);
        call.reply.bulk(b"database");
        call.reply.unsigned(hot.database as u64);
        call.reply.bulk(b"calls-per-second");
        call.reply.unsigned(hot.rounded());
    }
}

fn reset(call: &mut Call<'_>) -> Outcome {
    call.engine.hot_keys.reset();
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Time;
    use crate::testing::Server;

    fn tick(server: &mut Server) {
        server.worker.begin_round(Time { unix_us: server.now_ms * 1000 });
        server.worker.tick();
        server.worker.end_round();
    }

    #[test]
    fn keys_that_are_called_often_are_told() {
        let mut server = Server::new();
        for number in 0..3000 {
            server.answer(&["GET", "read"]);
            server.answer(&["SET", "written", &"x".repeat(5000)]);
            if number % 50 == 0 {
                server.answer(&["SET", &format!("cold:{number}"), "value"]);
            }
        }
        tick(&mut server);
        let told = server.say("HOTKEYS GET");
        let (reads, rest) = told.split_once(" $6 writes ").expect("both are told");
        assert!(reads.contains("$3 key $4 read $8 database :0 $16 calls-per-second :"), "{told}");
        let (writes, biggest) = rest.split_once(" $7 biggest ").expect("all are told");
        assert!(writes.contains("$3 key $7 written $8 database :0"), "{told}");
        assert!(
            biggest.contains("$7 written $8 database :0 $4 type $6 string $5 bytes :"),
            "{told}"
        );
        let text = server.say("INFO hotkeys");
        assert!(text.contains("hot_write_0:db=0,key=written,calls_per_sec="), "{text}");
        assert!(!server.say("INFO everything").contains("hotkeys_tracking"));
        assert_eq!(server.say("HOTKEYS RESET"), "+OK");
        assert_eq!(server.say("HOTKEYS GET"), "*6 $5 reads *0 $6 writes *0 $7 biggest *0");
    }

    #[test]
    fn nothing_is_looked_at_if_that_is_off() {
        let mut server = Server::new();
        assert_eq!(server.say("CONFIG SET hotkeys-tracking no"), "+OK");
        for _ in 0..1000 {
            server.answer(&["SET", "key", "value"]);
        }
        tick(&mut server);
        assert_eq!(server.say("HOTKEYS GET"), "*6 $5 reads *0 $6 writes *0 $7 biggest *0");
    }
}
