//! Streams that are applied in process, cut anywhere.

use config::replication::Primary;
use replication::ReplicationId;
use resp::{Batch, RequestLimits, RequestParser};

use super::{Applier, Portion};
use crate::Engine;
use crate::clients::Peer;
use crate::replication::Link;
use crate::testing::{BEGINNING_MS, Server};

const WRITES: &[&str] = &[
    "SET a 1",
    "INCR a",
    "APPEND s text",
    "SELECT 3",
    "RPUSH list x y z",
    "MULTI",
    "LPOP list",
    "SADD set m n o",
    "SELECT 0",
    "SPOP set",
    "EXEC",
    "HSET hash f v g w",
    "PEXPIRE hash 100000",
    "ZADD z 1 m 2 n",
    "XADD x 1-1 f v",
    "SWAPDB 0 3",
    "GETDEL s",
    "EVAL return{redis.call('SET',KEYS[1],1),redis.call('DEL',KEYS[2])} 2 k a",
];

/// What a primary sends that executes these.
fn stream() -> (Server, Vec<u8>) {
    let mut server = Server::new();
    server.engine.effects.listen();
    for call in WRITES {
        let reply = server.say(call);
        assert!(!reply.starts_with('-'), "{call}: {reply}");
    }
    let stream = server.engine.effects.take();
    (server, stream)
}

fn replica() -> Server {
    let mut server = Server::new();
    server.say("PING");
    let closed = server.engine.keyspace.gates().close();
    server.engine.follow(Primary { host: "primary".into(), port: 6379 });
    drop(closed);
    let order = server.engine.replication.order();
    let id = ReplicationId::parse(&[b'a'; 40]).expect("it is an id");
    let closed = server.engine.keyspace.gates().close();
    server.engine.begin_stream(&order, (id, 1000), 0);
    drop(closed);
    server
}

/// A link, without its connection.
struct Stream<'e> {
    engine: &'e Engine,
    applier: Applier<'e>,
    parser: RequestParser,
    input: Vec<u8>,
    parsed: usize,
    applied: usize,
    /// Where in the stream the position was asked for.
    asked_at: Vec<usize>,
}

impl<'e> Stream<'e> {
    fn new(engine: &'e Engine) -> Stream<'e> {
        let record = engine.clients.add(Peer::default(), 1, BEGINNING_MS);
        Stream {
            engine,
            applier: Applier::new(engine, record, engine.replication.relayed_database()),
            parser: RequestParser::new(),
            input: Vec::new(),
            parsed: 0,
            applied: 0,
            asked_at: Vec::new(),
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        let mut batch = Batch::new();
        let limits = RequestLimits::default();
        self.parser.parse(&self.input, self.parsed, &mut batch, &limits, usize::MAX);
        self.parsed = batch.consumed();
        let mut executed = 0;
        while executed < batch.len() {
            let portion =
                Portion { batch: &batch, input: &self.input, executed, applied: self.applied };
            let done = self.applier.apply(&portion, BEGINNING_MS * 1000, || true);
            let done = done.expect("it is wanted");
            executed = done.executed;
            self.applied = done.applied;
            self.asked_at.extend(done.asked_at);
        }
        assert_eq!(self.engine.replication_offset(), 1000 + self.applied as u64);
    }
}

#[test]
fn a_stream_makes_the_same_data_wherever_it_is_cut() {
    let (primary, bytes) = stream();
    for cut in 0..=bytes.len() {
        let replica = replica();
        let mut stream = Stream::new(replica.engine);
        stream.receive(&bytes[..cut]);
        // What was in an open transaction comes again over another link.
        let applied = stream.applied;
        drop(stream);
        let mut stream = Stream::new(replica.engine);
        stream.input = bytes[..applied].to_vec();
        stream.parsed = applied;
        stream.applied = applied;
        stream.receive(&bytes[applied..]);
        assert_eq!(stream.applied, bytes.len(), "cut at {cut}");
        assert_eq!(replica.contents(), primary.contents(), "cut at {cut}");
    }
}

#[test]
fn the_position_stays_before_an_open_transaction() {
    let replica = replica();
    let mut stream = Stream::new(replica.engine);
    let plain = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    stream.receive(&[&plain[..], b"*1\r\n$5\r\nMULTI\r\n", plain].concat());
    assert_eq!(stream.applied, plain.len());
    assert!(stream.applier.is_in_transaction());
    stream.receive(b"*1\r\n$4\r\nEXEC\r\n");
    assert_eq!(stream.applied, 2 * plain.len() + 15 + 14);
    assert!(!stream.applier.is_in_transaction());
}

#[test]
fn a_question_for_the_position_is_answered_with_what_came_before_it() {
    let replica = replica();
    let mut stream = Stream::new(replica.engine);
    let plain = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    let question = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
    stream.receive(&[&plain[..], question, plain].concat());
    assert_eq!(stream.asked_at, [plain.len()]);
    assert_eq!(stream.applied, 2 * plain.len() + question.len());
}

#[test]
fn nothing_is_applied_once_there_is_another_order() {
    let mut replica = replica();
    let mut batch = Batch::new();
    let input = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    RequestParser::new().parse(input, 0, &mut batch, &RequestLimits::default(), usize::MAX);
    let order = replica.engine.replication.order();
    let mut stream = Stream::new(replica.engine);
    assert_eq!(replica.say("REPLICAOF NO ONE"), "+OK");
    let portion = Portion { batch: &batch, input, executed: 0, applied: 0 };
    let may = || replica.engine.replication.is_current(&order);
    assert_eq!(stream.applier.apply(&portion, 0, may), None);
    assert_eq!(replica.say("GET a"), "$-1");
    assert_eq!(replica.say("SET a mine"), "+OK");
}

#[test]
fn clients_of_a_replica_only_read() {
    let mut replica = replica();
    let order = replica.engine.replication.order();
    let mut stream = Stream::new(replica.engine);
    stream.receive(
        b"*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n$4\r\nPXAT\r\n$13\r\n1700000000500\r\n",
    );
    assert_eq!(replica.say("GET a"), "$1 1");
    assert_eq!(replica.say("SET a 2"), "-READONLY You can't write against a read only replica.");
    replica.advance_ms(1000);
    // Its time is up, but only the primary removes it.
    assert_eq!(replica.say("GET a"), "$-1");
    replica.expire_actively(1_000_000);
    assert_eq!(replica.say("DBSIZE"), ":1");
    // To the stream it is there.
    stream.receive(b"*2\r\n$7\r\nPERSIST\r\n$1\r\na\r\n");
    assert_eq!(replica.say("GET a"), "$1 1");
    // Without a link it answers, unless it is told not to.
    replica.engine.replication.set_link(&order, Link::Connect);
    assert_eq!(replica.say("GET a"), "$1 1");
    replica.configure(|config| config.replication.serve_stale_data = false);
    assert!(replica.say("GET a").starts_with("-MASTERDOWN"));
    assert!(replica.say("INFO replication").contains("role:slave"));
}
