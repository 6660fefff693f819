//! The commands of replication in process: what is refused, in which words, and who waits for whom.

use std::sync::Arc;

use replication::{ReplicationId, SyncRequest};

use crate::Next;
use crate::effects::Take;
use crate::replication::{Announced, AttachedReplica, Failover, ReplicaPhase};
use crate::testing::{Server, requests};

/// A replica that has just come online.
fn attach(server: &mut Server, port: u16) -> Arc<AttachedReplica> {
    let client = server.connect();
    let record = Arc::clone(&server.clients[client].record);
    let announced = Announced { port, ..Announced::default() };
    let replica = Arc::new(AttachedReplica::new(record, announced, server.now_ms));
    replica.set_phase(ReplicaPhase::Online);
    server.engine.replication.attach(Arc::clone(&replica));
    replica
}

#[test]
fn what_is_wrong_is_told_as_redis_tells_it() {
    let mut server = Server::new();
    let cases = [
        ("REPLCONF", "+OK"),
        ("REPLCONF ack", "-ERR syntax error"),
        ("REPLCONF a b", "-ERR Unrecognized REPLCONF option: a"),
        ("REPLCONF listening-port x", "-ERR value is not an integer or out of range"),
        ("REPLCONF rdb-only 2", "-ERR value is out of range, value must between 0 and 1"),
        ("REPLCONF rdb-only x", "-ERR value is not an integer or out of range"),
        ("REPLCONF rdb-filter-only x", "-ERR Unsupported rdb-filter-only option: x"),
        ("REPLCONF rdb-filter-only \"b", "-ERR Missing rdb-filter-only values"),
        ("REPLCONF rdb-filter-only functions", "+OK"),
        ("PSYNC x y", "-ERR value is not an integer or out of range"),
        ("PSYNC x 1 FAILOVER", "-ERR PSYNC FAILOVER can't be sent to a master."),
        ("WAIT a 0", "-ERR value is not an integer or out of range"),
        ("WAIT 0 a", "-ERR timeout is not an integer or out of range"),
        ("WAIT 0 -1", "-ERR timeout is negative"),
        ("WAIT -1 0", ":0"),
        ("WAITAOF 2 0 0", "-ERR value is out of range, value must between 0 and 1"),
        ("WAITAOF x 0 0", "-ERR value is not an integer or out of range"),
        ("WAITAOF 0 -1 0", "-ERR value is out of range, must be positive"),
        ("WAITAOF 0 x 0", "-ERR value is out of range, must be positive"),
        ("WAITAOF 0 0 x", "-ERR timeout is not an integer or out of range"),
        (
            "WAITAOF 1 0 0",
            "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ),
        ("WAITAOF 0 0 0", "*2 :0 :0"),
        ("FAILOVER ABORT", "-ERR No failover in progress."),
        ("FAILOVER TO a", "-ERR syntax error"),
        ("FAILOVER TO a b", "-ERR value is not an integer or out of range"),
        ("FAILOVER TIMEOUT 0", "-ERR FAILOVER timeout must be greater than 0"),
        ("FAILOVER ABORT TO a 1", "-ERR syntax error"),
        ("FAILOVER TIMEOUT 1 TIMEOUT 2", "-ERR syntax error"),
        ("FAILOVER TO a 1 FORCE", "-ERR FAILOVER requires connected replicas."),
    ];
    for (line, expected) in cases {
        assert_eq!(server.say(line), expected, "{line}");
    }
    let address = "a".repeat(300);
    assert_eq!(
        server.say(&format!("REPLCONF ip-address {address}")),
        "-ERR REPLCONF ip-address provided by replica instance is too long: 300 bytes"
    );
    for unanswered in ["REPLCONF ACK 5", "REPLCONF GETACK *"] {
        assert_eq!(server.say(unanswered), "", "{unanswered}");
    }
}

#[test]
fn who_asks_for_the_data_is_handed_over_with_what_it_said() {
    let mut server = Server::new();
    server.say("REPLCONF listening-port 6380 ip-address ::1 capa eof capa psync2 capa other");
    server.say("REPLCONF version 8.0.0 rdb-only 1");
    let id = "a".repeat(40);
    let (answer, next) = server.call(0, &["PSYNC", &id, "11"]);
    assert_eq!((answer, next), (Vec::new(), Next::Replicate));
    let (announced, request) = server.clients[0].take_application().expect("it asked");
    assert_eq!((announced.port, announced.address.as_deref()), (6380, Some(&b"::1"[..])));
    assert!(announced.capabilities.eof && announced.capabilities.psync2);
    assert_eq!(announced.version.as_deref(), Some(&b"8.0.0"[..]));
    assert!(announced.only_snapshot);
    let wanted = ReplicationId::parse(id.as_bytes()).expect("an id");
    assert_eq!(request.position(), Some((wanted, 10)));
    let (_, next) = server.call(0, &["SYNC"]);
    assert_eq!(next, Next::Replicate);
    let application = server.clients[0].take_application().expect("it asked");
    assert_eq!(application.1, SyncRequest::Old);
}

#[test]
fn a_client_waits_until_replicas_have_what_it_wrote() {
    let mut server = Server::new();
    server.engine.begin_history();
    let replica = attach(&mut server, 1);
    let client = server.connect();
    assert_eq!(server.say_to(client, "WAIT 1 0"), ":1", "it has written nothing");
    server.say_to(client, "SET key value");
    let offset = server.engine.replication_offset();
    let (answer, next) = server.call(client, &["WAIT", "1", "0"]);
    assert_eq!((answer, next), (Vec::new(), Next::Block));
    assert!(server.engine.replication.takes_question(), "replicas are asked");
    replica.acknowledge(offset - 1, None, server.now_ms);
    assert!(server.engine.end_acknowledged().is_empty(), "not enough");
    replica.acknowledge(offset, None, server.now_ms);
    let mut ended = server.engine.end_acknowledged();
    assert_eq!(ended.len(), 1);
    let ended = ended.remove(0);
    assert_eq!(ended.client(), server.clients[client].id());
    let mut output = resp::Output::new();
    server.worker.begin_round(crate::Time { unix_us: server.now_ms * 1000 });
    assert!(server.worker.end_wait(&mut server.clients[client], ended, &mut output));
    server.worker.end_round();
    assert_eq!(output.as_slice(), Some(&b":1\r\n"[..]));
    assert_eq!(server.say("INFO commandstats").matches("cmdstat_wait:calls=").count(), 1);
}

#[test]
fn who_has_waited_in_vain_is_told_how_many_there_are() {
    let mut server = Server::new();
    server.engine.begin_history();
    let _replica = attach(&mut server, 1);
    let client = server.connect();
    server.say_to(client, "SET key value");
    for (line, expected) in [("WAIT 2 100", ":0"), ("WAITAOF 0 1 100", "*2 :0 :0")] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(server.call(client, &words).1, Next::Block, "{line}");
        assert_eq!(server.time_out(client), expected, "{line}");
        assert!(server.engine.end_acknowledged().is_empty(), "it waits no more");
    }
    server.say_to(client, "MULTI");
    server.say_to(client, "WAIT 1 0");
    assert_eq!(server.say_to(client, "EXEC"), "*1 :0", "nobody waits in a transaction");
}

#[test]
fn without_enough_replicas_writes_are_refused() {
    let mut server = Server::new();
    server.configure(|config| config.replication.min_replicas = 1);
    let refused = "-NOREPLICAS Not enough good replicas to write.";
    assert_eq!(server.say("SET key value"), refused);
    assert_eq!(server.say("GET key"), "$-1");
    server.say("MULTI");
    assert_eq!(server.say("SET key value"), refused);
    assert_eq!(server.say("EXEC"), "-EXECABORT Transaction discarded because of previous errors.");
    let _replica = attach(&mut server, 1);
    server.engine.replication.weigh_replicas(10, server.now_ms + 10_000);
    assert_eq!(server.say("SET key value"), "+OK");
    server.engine.replication.weigh_replicas(10, server.now_ms + 11_000);
    assert_eq!(server.say("SET key value"), refused, "nothing was heard of it");
}

#[test]
fn a_failover_pauses_writes_until_it_ends() {
    let mut server = Server::new();
    let _replica = attach(&mut server, 6380);
    for (line, expected) in [
        (
            "FAILOVER FORCE",
            "-ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
        ),
        ("FAILOVER TO a 6380", "-ERR FAILOVER target HOST and PORT is not a replica."),
        ("FAILOVER", "+OK"),
        ("FAILOVER", "-ERR FAILOVER already in progress."),
        ("PSYNC ? -1", "-NOMASTERLINK Can't SYNC while failing over"),
    ] {
        assert_eq!(server.say(line), expected, "{line}");
    }
    assert_eq!(server.call(0, &["SET", "key", "value"]).1, Next::Postpone);
    assert_eq!(server.say("GET key"), "$-1");
    server.say("CLIENT UNPAUSE");
    assert_eq!(server.call(0, &["SET", "key", "value"]).1, Next::Postpone, "not by that");
    assert_eq!(server.say("FAILOVER ABORT"), "+OK");
    assert_eq!(server.engine.replication.failover(), Failover::None);
    assert_eq!(server.say("SET key value"), "+OK");
}

#[test]
fn a_history_forks_when_a_replica_becomes_a_primary() {
    let mut server = Server::new();
    server.engine.begin_history();
    server.say("SET key value");
    let before = server.engine.identity();
    let offset = server.engine.replication_offset();
    assert!(0 < offset);
    let state = crate::replication::ReplicaState::new(b"primary", 6379);
    server.engine.become_replica(state);
    assert!(server.engine.replication.is_replica());
    server.engine.effects.relay(b"*1\r\n$4\r\nPING\r\n");
    assert_eq!(server.engine.replication_offset(), offset + 14);
    server.engine.become_primary();
    let after = server.engine.identity();
    assert_eq!(after.second(), Some((before.id(), offset + 14)));
    assert_eq!(server.replicated().len(), 3, "SELECT and SET as a primary, PING as a replica");
    server.say("SET key other");
    assert_eq!(server.replicated(), ["SELECT 0", "SET key other"], "it stands for itself");
    assert!(server.replicated().is_empty());
}

#[test]
fn the_file_and_replicas_are_told_the_same_whoever_reads_first() {
    let mut server = Server::new();
    server.effects();
    server.replicated();
    let long = "x".repeat(100_000);
    server.answer(&["SET", "long", &long]);
    server.say("MULTI");
    server.answer(&["SET", "other", &long]);
    server.say("INCR number");
    server.say("EXEC");
    server.say("SELECT 3");
    server.answer(&["APPEND", "long", &long]);
    let replicated = server.replicated();
    assert_eq!(server.effects(), replicated);
    assert_eq!(replicated.len(), 8, "SELECT, SET, MULTI, SET, INCR, EXEC, SELECT, APPEND");
    // Each begins anew on its own.
    server.engine.effects.restart();
    server.say("INCR number");
    assert_eq!(server.effects(), ["SELECT 3", "INCR number"]);
    assert_eq!(server.replicated(), ["INCR number"]);
    server.engine.effects.restart_replication();
    server.engine.effects.insert(b"*1\r\n$4\r\nPING\r\n");
    server.say("INCR number");
    assert_eq!(server.effects(), ["INCR number"]);
    assert_eq!(server.replicated(), ["PING", "SELECT 3", "INCR number"]);
    // And ends on its own.
    server.engine.effects.close();
    server.say("INCR number");
    assert_eq!(server.replicated(), ["INCR number"]);
}

#[test]
fn the_offset_counts_every_byte_of_the_stream() {
    let mut server = Server::new();
    server.say("SET key value");
    assert_eq!(server.engine.replication_offset(), 0, "nobody has asked");
    server.engine.begin_history();
    server.say("SET key value");
    server.engine.effects.insert(b"*1\r\n$4\r\nPING\r\n");
    server.say("GET key");
    let mut pieces = Vec::new();
    let taken = server.engine.effects.take_replication(&mut pieces, &mut Vec::new(), Take::All);
    let bytes: usize = pieces.iter().map(Vec::len).sum();
    assert_eq!(taken.end, bytes as u64);
    assert_eq!(server.engine.replication_offset(), taken.end);
    server.engine.effects.begin_replication(1000, crate::Feed::Relay);
    server.say("SET key value");
    assert_eq!(server.engine.replication_offset(), 1000, "what a replica does is not relayed");
    let again = server.engine.effects.take_replication(&mut Vec::new(), &mut Vec::new(), Take::All);
    assert_ne!(again.epoch, taken.epoch);
}

#[test]
fn the_stream_lies_in_pieces_that_do_not_grow() {
    const PIECE: usize = replication::backlog::BLOCK_BYTES;
    let mut server = Server::new();
    server.replicated();
    let mut rooms: Vec<Vec<u8>> = (0..20).map(|_| Vec::with_capacity(PIECE)).collect();
    let places: Vec<*const u8> = rooms.iter().map(Vec::as_ptr).collect();
    server.say("SET first 1");
    server.engine.effects.take_replication(&mut Vec::new(), &mut rooms, Take::All);
    assert_eq!(rooms.len(), 4, "no more are kept than are of use");
    let value = "v".repeat(5000);
    let lines: Vec<String> = (0..40).map(|at| format!("SET key{at} {value}")).collect();
    let send = |server: &mut Server| {
        // Together, alone, and in other words.
        let requests =
            |lines: &[String]| -> Vec<u8> { lines.iter().flat_map(|line| request(line)).collect() };
        server.send(0, &requests(&lines[..20]));
        lines[20..30].iter().for_each(|line| drop(server.send(0, &request(line))));
        lines[30..].iter().for_each(|line| drop(server.send(0, format!("{line}\r\n").as_bytes())));
    };
    send(&mut server);
    let mut pieces = Vec::new();
    server.engine.effects.take_replication(&mut pieces, &mut rooms, Take::All);
    assert_eq!(pieces.len(), 4, "200 KB in all");
    assert!(
        pieces.iter().all(|piece| piece.capacity() == PIECE && places.contains(&piece.as_ptr()))
    );
    assert!(pieces.iter().rev().skip(1).all(|piece| PIECE - 5100 < piece.len()));
    send(&mut server);
    assert_eq!(server.replicated(), lines);
}

#[test]
fn a_piece_that_is_not_full_may_be_left_and_goes_on() {
    let mut server = Server::new();
    server.engine.begin_history();
    let lines: Vec<String> =
        (0..40).map(|at| format!("SET key{at} {}", "v".repeat(5000))).collect();
    let mut all = Vec::new();
    let mut take = |server: &Server, take| {
        let mut pieces = Vec::new();
        let taken = server.engine.effects.take_replication(&mut pieces, &mut Vec::new(), take);
        all.extend(pieces.concat());
        assert_eq!(taken.end, all.len() as u64);
        assert_eq!(taken.end + taken.left, server.engine.replication_offset());
        (pieces.len(), taken.left)
    };
    lines[..20].iter().for_each(|line| drop(server.say(line)));
    let (full, left) = take(&server, Take::Full);
    assert_eq!(full, 1, "100 KB in all");
    assert!((30_000..40_000).contains(&left), "{left}");
    lines[20..30].iter().for_each(|line| drop(server.say(line)));
    assert_eq!(take(&server, Take::Full).0, 1, "it was filled");
    assert_eq!(take(&server, Take::Full), (1, 0), "there is no other");
    lines[30..].iter().for_each(|line| drop(server.say(line)));
    take(&server, Take::All);
    assert_eq!(requests(&all)[1..], lines, "behind the choice of a database");
}

#[test]
fn what_is_relayed_stays_in_order_however_much_it_is_at_a_time() {
    let server = Server::new();
    server.engine.effects.begin_replication(0, crate::Feed::Relay);
    let mut all = Vec::new();
    for length in [10, 70_000, 5, 65_536, 65_537, 100_000, 3] {
        let begin = all.len();
        all.extend((begin..begin + length).map(|at| at.to_le_bytes()[0]));
        server.engine.effects.relay(&all[begin..]);
    }
    let mut pieces = Vec::new();
    let taken = server.engine.effects.take_replication(&mut pieces, &mut Vec::new(), Take::All);
    assert_eq!(taken.end, all.len() as u64);
    assert!(pieces.concat() == all);
}

fn request(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut input = Vec::new();
    resp::value::encode_request(&words, &mut input);
    input
}
