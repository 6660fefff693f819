//! Client-side caching, in process.

use std::collections::BTreeSet;
use std::sync::Arc;

use keyspace::Hashing;
use proptest::prelude::*;
use resp::Protocol;

use super::prefixes::{Collision, collision};
use super::table::Table;
use crate::Interest;
use crate::testing::Server;

/// A server with three clients that speak RESP3.
fn server() -> Server {
    let mut server = Server::new();
    server.connect();
    server.connect();
    server.clients.iter_mut().for_each(|client| client.protocol = Protocol::Resp3);
    server
}

/// Names of keys as a client is told of them.
fn told(keys: &[&str]) -> String {
    let names: Vec<String> = keys.iter().map(|key| format!(" ${} {key}", key.len())).collect();
    format!(">2 $10 invalidate *{}{}", keys.len(), names.concat())
}

#[test]
fn a_client_is_told_once_of_what_it_has_read() {
    let mut server = server();
    assert_eq!(server.say("CLIENT TRACKING ON"), "+OK");
    for line in ["GET a", "MGET b c b", "LRANGE d 0 -1", "SET e 1"] {
        server.say(line);
    }
    assert!(server.say("INFO stats").contains("tracking_total_keys:4 tracking_total_items:4 "));
    server.say_to(1, "MSET a 1 c 1 e 1");
    assert_eq!(server.deliveries()[0], format!("{} {}", told(&["a"]), told(&["c"])));
    server.say_to(1, "MSET a 2 c 2");
    assert_eq!(server.deliveries(), ["", "", ""]);
    server.say_to(1, "SELECT 3");
    server.say_to(1, "SET b 1");
    assert_eq!(server.deliveries()[0], told(&["b"]), "whatever the database");
    server.say_to(1, "FLUSHDB ASYNC");
    assert_eq!(server.deliveries(), [">2 $10 invalidate _", "", ""]);
    assert!(server.say("INFO stats").contains("tracking_total_keys:0 tracking_total_items:0 "));
}

#[test]
fn what_a_client_does_itself_is_told_after_its_reply() {
    let mut server = server();
    server.say("CLIENT TRACKING ON");
    server.say("GET a");
    assert_eq!(server.say("SET a 1"), format!("+OK {}", told(&["a"])));
    assert_eq!(server.say("SET a 1"), "+OK");
    for line in ["MULTI", "GET a", "SET a 2", "GET a"] {
        server.say(line);
    }
    assert_eq!(server.say("EXEC"), format!("*3 $1 1 +OK $1 2 {}", told(&["a"])));
    assert_eq!(server.say("FLUSHALL"), ">2 $10 invalidate _ +OK");
    assert_eq!(server.say("FLUSHALL ASYNC"), "+OK >2 $10 invalidate _");
    server.say("CLIENT TRACKING ON NOLOOP");
    server.say("GET a");
    assert_eq!(server.say("SET a 1"), "+OK");
    server.say_to(1, "SET a 1");
    assert_eq!(server.deliveries(), ["", "", ""], "it was taken out by the change before");
}

#[test]
fn scripts_read_for_their_client() {
    let mut server = server();
    server.say("CLIENT TRACKING ON");
    let script = ["EVAL", "return redis.call('GET', KEYS[1])", "2", "a", "b"];
    server.answer(&script);
    server.answer(&["EVAL_RO", script[1], "1", "c"]);
    server.say_to(1, "MSET a 1 b 1 c 1");
    assert_eq!(server.deliveries()[0], format!("{} {}", told(&["a"]), told(&["c"])));
}

#[test]
fn keys_that_vanish_are_told() {
    let mut server = server();
    server.say("CLIENT TRACKING ON");
    server.say_to(1, "MSET a 1 b 1");
    server.say_to(1, "PEXPIRE a 10");
    server.say_to(1, "PEXPIRE b 10");
    server.say("MGET a b");
    server.advance_ms(20);
    server.say_to(1, "GET a");
    assert_eq!(server.deliveries()[0], told(&["a"]));
    server.expire_actively(1_000_000_000);
    assert_eq!(server.deliveries()[0], told(&["b"]));
    server.say_to(1, "SET a 1 PX 10");
    server.say("GET a");
    server.advance_ms(20);
    assert_eq!(server.say("GET a"), format!("_ {}", told(&["a"])));
    server.say_to(1, "SET a 1");
    assert_eq!(server.deliveries()[0], told(&["a"]), "that it is not there was read, too");
}

#[test]
fn a_client_chooses_what_is_remembered() {
    let mut server = server();
    server.say("CLIENT TRACKING ON OPTIN");
    server.say("GET a");
    assert_eq!(server.say("CLIENT CACHING YES"), "+OK");
    assert!(server.say("CLIENT TRACKINGINFO").contains("~3 $2 on $5 optin $11 caching-yes"));
    server.say("GET b");
    server.say("GET c");
    server.say("CLIENT CACHING YES");
    for line in ["MULTI", "GET d", "GET e", "EXEC", "GET f"] {
        server.say(line);
    }
    server.say_to(1, "MSET a 1 b 1 c 1 d 1 e 1 f 1");
    let expected = [told(&["b"]), told(&["d"]), told(&["e"])].join(" ");
    assert_eq!(server.deliveries()[0], expected);
    server.say("CLIENT TRACKING OFF");
    server.say("CLIENT TRACKING ON OPTOUT");
    server.say("CLIENT CACHING NO");
    server.say("GET a");
    server.say("GET b");
    server.say_to(1, "MSET a 1 b 1");
    assert_eq!(server.deliveries()[0], told(&["b"]));
}

#[test]
fn prefixes_are_broadcast_at_the_end_of_a_round() {
    let mut server = server();
    server.say("CLIENT TRACKING ON BCAST PREFIX a PREFIX b");
    server.say_to(1, "CLIENT TRACKING ON BCAST NOLOOP");
    server.say_to(2, "MSET a1 1 b1 1 a0 1 c 1");
    let deliveries = server.deliveries();
    assert_eq!(deliveries[0], format!("{} {}", told(&["a0", "a1"]), told(&["b1"])));
    assert_eq!(deliveries[1], told(&["a0", "a1", "b1", "c"]));
    server.say_to(1, "MSET a1 1 c 1");
    assert_eq!(server.deliveries(), [told(&["a1"]), String::new(), String::new()]);
    assert!(server.say("INFO stats").contains("tracking_total_prefixes:3 "));
    assert_eq!(
        server.say("CLIENT TRACKINGINFO"),
        "%3 $5 flags ~2 $2 on $5 bcast $8 redirect :0 $8 prefixes *2 $1 a $1 b"
    );
    let flags = server.say("CLIENT INFO");
    assert!(flags.contains(" flags=tB ") && flags.contains(" redir=0 "), "{flags}");
    server.say("CLIENT TRACKING OFF");
    server.say_to(1, "RESET");
    assert!(server.say("INFO stats").contains("tracking_total_prefixes:0 "));
    assert!(server.say("INFO clients").contains("tracking_clients:0 "));
    assert!(!server.engine.interest.any());
}

#[test]
fn another_client_can_be_told() {
    let mut server = server();
    server.clients[2].protocol = Protocol::Resp2;
    assert_eq!(server.say("CLIENT TRACKING ON REDIRECT 3"), "+OK");
    assert_eq!(server.say("CLIENT GETREDIR"), ":3");
    server.say("GET a");
    server.say_to(1, "SET a 1");
    assert_eq!(server.deliveries(), ["", "", ""], "RESP2 has no pushes");
    server.say_to(2, "SUBSCRIBE __redis__:invalidate");
    server.say("GET a");
    server.say_to(1, "SET a 1");
    let expected = "*3 $7 message $20 __redis__:invalidate *1 $1 a";
    assert_eq!(server.deliveries(), ["", "", expected]);
    server.say("GET a");
    server.disconnect(2);
    server.say_to(1, "SET a 1");
    assert_eq!(server.deliveries()[0], ">2 $21 tracking-redir-broken :3");
    assert!(server.say("CLIENT TRACKINGINFO").contains("~2 $2 on $15 broken_redirect"));
    assert!(server.say("CLIENT INFO").contains(" flags=tR "));
}

#[test]
fn many_clients_can_read_a_key() {
    const CLIENTS: usize = 50;
    let mut server = server();
    for _ in 3..CLIENTS {
        let client = server.connect();
        server.clients[client].protocol = Protocol::Resp3;
    }
    for client in 1..CLIENTS {
        server.say_to(client, "CLIENT TRACKING ON");
        server.say_to(client, "GET a");
        server.say_to(client, "GET a");
    }
    assert!(server.say("INFO stats").contains("tracking_total_keys:1 tracking_total_items:49 "));
    server.say("SET a 1");
    let deliveries = server.deliveries();
    assert_eq!(deliveries[0], "");
    assert!(deliveries[1..].iter().all(|delivery| *delivery == told(&["a"])));
}

#[test]
fn no_more_keys_are_remembered_than_configured() {
    let mut server = server();
    server.say("CLIENT TRACKING ON REDIRECT 2");
    for number in 0..250 {
        server.say(&format!("GET key:{number}"));
    }
    assert_eq!(server.deliveries(), ["", "", ""]);
    server.say_to(2, "CONFIG SET tracking-table-max-keys 1");
    assert_eq!(server.deliveries()[1].matches("invalidate").count(), 249);
    server.say("GET another");
    assert_eq!(server.deliveries()[1].matches("invalidate").count(), 1);
    assert!(server.say("INFO stats").contains("tracking_total_keys:1 "));
}

#[test]
fn nothing_is_left_of_those_who_are_gone() {
    let mut server = server();
    server.say_to(2, "CLIENT TRACKING ON");
    server.say_to(2, "GET a");
    server.say_to(1, "CLIENT TRACKING ON BCAST PREFIX x");
    server.disconnect(2);
    server.disconnect(1);
    assert!(!server.engine.interest.any());
    assert!(server.say("INFO stats").contains("tracking_total_keys:0 "));
}

#[test]
fn own_pushes_survive_unwanted_replies() {
    let mut server = server();
    server.say("CLIENT TRACKING ON");
    server.say("GET a");
    server.say("CLIENT REPLY OFF");
    assert_eq!(server.say("SET a 1"), told(&["a"]));
    assert_eq!(server.say("FLUSHALL"), ">2 $10 invalidate _");
}

/// The first collision, looked for in the plainest way.
fn plain_collision<'a>(own: &'a BTreeSet<Arc<[u8]>>, given: &[&'a [u8]]) -> Option<Collision<'a>> {
    let overlaps = |one: &[u8], other: &[u8]| one.starts_with(other) || other.starts_with(one);
    given.iter().enumerate().find_map(|(place, prefix)| {
        let with_own = own.iter().find(|other| overlaps(prefix, other));
        let with_later = || given[place + 1..].iter().find(|other| overlaps(prefix, other));
        with_own
            .map(|other| Collision::WithOwn(prefix, other))
            .or_else(|| with_later().map(|other| Collision::WithLater(prefix, other)))
    })
}

proptest! {
    #[test]
    fn collisions_are_found_as_by_comparing_all(
        first in proptest::collection::vec("[ab]{0,4}", 0..6),
        has_every in any::<bool>(),
        second in proptest::collection::vec("[ab]{1,4}", 0..6),
    ) {
        let mut own: BTreeSet<Arc<[u8]>> = BTreeSet::new();
        for prefix in &first {
            let prefix = prefix.as_bytes();
            if plain_collision(&own.clone(), &[prefix]).is_none() {
                own.insert(Arc::from(prefix));
            }
        }
        if has_every {
            own.insert(Arc::from(*b""));
        }
        let given: Vec<&[u8]> = second.iter().map(String::as_bytes).collect();
        prop_assert_eq!(collision(&own, &given), plain_collision(&own, &given));
    }
}

/// What a table of readers is asked to do.
#[derive(Clone, Debug)]
enum Step {
    Insert(u16),
    Take(u16),
    TakeAny(usize),
    Clear,
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => (0..3000_u16).prop_map(Step::Insert),
        30 => (0..3000_u16).prop_map(Step::Take),
        1 => (0..2000_usize).prop_map(Step::TakeAny),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The filter that is asked first never hides a key that was entered, however many others went.
    #[test]
    fn the_table_finds_what_was_entered(steps in prop::collection::vec(a_step(), 1..4000)) {
        let server = Server::new();
        let hashing = Hashing::default();
        let (table, interest) = (Table::new(hashing.clone()), Interest::default());
        let reader = &server.clients[0].record;
        let mut model = BTreeSet::new();
        for step in steps {
            match step {
                Step::Insert(number) => {
                    table.insert(&interest, &number.to_le_bytes(), reader);
                    model.insert(number.to_le_bytes());
                }
                Step::Take(number) => {
                    let taken = table.take(
                        &interest,
                        &number.to_le_bytes(),
                        hashing.hash(&number.to_le_bytes()),
                    );
                    prop_assert_eq!(taken.is_some(), model.remove(&number.to_le_bytes()));
                }
                Step::TakeAny(count) => {
                    for (key, _) in table.take_any(&interest, count) {
                        prop_assert!(model.remove(&*key));
                    }
                }
                Step::Clear => {
                    table.clear(&interest);
                    model.clear();
                }
            }
            prop_assert_eq!(table.keys(), model.len());
            prop_assert_eq!(interest.any(), !model.is_empty());
        }
        for key in model {
            prop_assert!(table.take(&interest, &key, hashing.hash(&key)).is_some());
        }
        prop_assert!(!interest.any());
    }
}

#[test]
fn the_filter_forgets_keys_that_went() {
    let server = Server::new();
    let hashing = Hashing::default();
    let (table, interest) = (Table::new(hashing.clone()), Interest::default());
    let reader = &server.clients[0].record;
    let key = |number: u32| number.to_le_bytes();
    for number in 0..200_000 {
        table.insert(&interest, &key(number), reader);
        if 1000 <= number {
            let old = key(number - 1000);
            assert!(table.take(&interest, &old, hashing.hash(&old)).is_some());
        }
    }
    assert!((199_000..200_000).all(|number| table.may_hold(&key(number))));
    // Of those that were never entered; had no bit been taken back it were one in eleven.
    let mistaken = (200_000..400_000).filter(|number| table.may_hold(&key(*number))).count();
    assert!(mistaken < 10_000, "{mistaken} of 200,000");
}
