//! An engine to call in process, for tests.
//!
//! A [`Server`] is an engine with one worker, a client and a clock that stands still until a test moves it:
//!
//! ```
//! # use ochre_engine as engine;
//! let mut server = engine::testing::Server::new();
//! assert_eq!(server.say("SET k v"), "+OK");
//! assert_eq!(server.say("KEYS *"), "*1 $1 k");
//! ```
//!
//! The engine outlives its tests (it is leaked): a worker borrows it, and one struct could not hold both.

use std::cell::Cell;
use std::collections::BTreeMap;

use command::Command;
use config::Config;
use keyspace::{AccessClock, AccessPolicy, ExpiryMode, Random, Round, ValueRef};
use resp::{Batch, Output, Protocol, RequestLimits, RequestParser, Value};

use crate::clients::Peer;
use crate::command_table::Handler;
use crate::effects::Take;
use crate::host::{Alone, Host};
use crate::pubsub::Parcel;
use crate::session::Session;
use crate::statistics::Numbers;
use crate::{Engine, Next, Time, Worker};

/// The unix time in ms at which a server begins.
pub const BEGINNING_MS: i64 = 1_700_000_000_000;

/// All keys, by database and name, with their values and the unix times in ms at which they expire.
pub type Contents = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<i64>)>;

/// An engine with one worker, and its clients.
pub struct Server {
    /// The engine.
    pub engine: &'static Engine,
    /// Its worker.
    pub worker: Worker<'static>,
    /// The clients; the first is the one that calls if nothing else is said.
    pub clients: Vec<Session>,
    /// What clients that waited were sent.
    received: Vec<Vec<u8>>,
    /// Unix time in ms.
    pub now_ms: i64,
}

impl Default for Server {
    fn default() -> Server {
        Server::new()
    }
}

impl Server {
    /// A server as it is without a configuration file.
    pub fn new() -> Server {
        Server::with(|_| {}, Box::new(Alone))
    }

    /// A server whose configuration is changed, in another process.
    pub fn with(change: impl FnOnce(&mut Config), host: Box<dyn Host>) -> Server {
        let mut config = Config::new(1);
        // There is no place to save anything.
        config.persistence.save_points.clear();
        change(&mut config);
        let (engine, keys) = Engine::new(1, config, host, ticks);
        let engine: &'static Engine = Box::leak(Box::new(engine));
        let key = keys.into_iter().next().expect("a worker has a gate");
        let worker = Worker::new(engine, 0, key, 1);
        let mut server = Server {
            engine,
            worker,
            clients: Vec::new(),
            received: Vec::new(),
            now_ms: BEGINNING_MS,
        };
        server.connect();
        server
    }

    /// A new client; gives its place in `clients`.
    pub fn connect(&mut self) -> usize {
        let record = self.engine.clients.add(Peer::default(), 0, self.now_ms);
        let authenticated = self.engine.trusts_newcomers();
        let mut session = Session::new(record, authenticated);
        session.set_place(session.id());
        self.clients.push(session);
        self.received.push(Vec::new());
        self.clients.len() - 1
    }

    /// A client leaves; those after it move up.
    pub fn disconnect(&mut self, client: usize) {
        let mut session = self.clients.remove(client);
        self.received.remove(client);
        self.engine.clients.remove(session.id());
        self.worker.begin_round(Time { unix_us: self.now_ms * 1000 });
        self.worker.forget(&mut session);
        self.worker.end_round();
    }

    /// What the clients are sent that is no reply, by client, and nothing else until the next time: published messages, in
    /// the form of `say`.
    pub fn deliveries(&mut self) -> Vec<String> {
        let mut outputs: Vec<Output> = self.clients.iter().map(|_| Output::new()).collect();
        while let Some(parcel) = self.worker.next_parcel() {
            let clients = &self.clients;
            let find = |place| clients.iter().position(|client| client.place() == place);
            match parcel {
                Parcel::Bundle(bundle) => {
                    for client in
                        self.worker.recipients_of(&bundle).iter().filter_map(|at| find(*at))
                    {
                        outputs[client].push(clients[client].part_of(&bundle));
                    }
                }
                Parcel::Post(number, post) => {
                    self.worker.for_each_recipient(&post, &mut |place, delivered| {
                        let Some(client) = find(place) else { return };
                        if clients[client].awaits(number) {
                            delivered.write_to(&clients[client], &mut outputs[client]);
                        }
                    });
                }
            }
        }
        outputs.iter_mut().map(|output| shown(&bytes(output))).collect()
    }

    /// How many keys are watched.
    pub fn watched_keys(&self) -> usize {
        let mut closed = self.engine.keyspace.gates().close();
        self.engine.keyspace.watched_keys(&mut closed)
    }

    /// Lets time pass.
    pub fn advance_ms(&mut self, duration_ms: i64) {
        self.now_ms += duration_ms;
    }

    /// Changes the configuration; it holds from the next call on.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        let changed: Result<(), ()> = self.engine.configure(|config| {
            change(config);
            Ok(())
        });
        changed.expect("the change cannot fail");
    }

    /// What the first client is answered.
    pub fn answer<Word: AsRef<[u8]>>(&mut self, words: &[Word]) -> Vec<u8> {
        self.answer_to(0, words)
    }

    /// What a client is answered, in a round of its own.
    pub fn answer_to<Word: AsRef<[u8]>>(&mut self, client: usize, words: &[Word]) -> Vec<u8> {
        self.call(client, words).0
    }

    /// What a client is answered, and what its connection does then. One that waits gives that up to make another call.
    pub fn call<Word: AsRef<[u8]>>(&mut self, client: usize, words: &[Word]) -> (Vec<u8>, Next) {
        let mut input = Vec::new();
        resp::value::encode_request(words, &mut input);
        self.send(client, &input)
    }

    /// What a client is answered that sends these requests at once, and what its connection does then.
    pub fn send(&mut self, client: usize, input: &[u8]) -> (Vec<u8>, Next) {
        let mut batch = Batch::new();
        RequestParser::new().parse(input, 0, &mut batch, &RequestLimits::default(), usize::MAX);
        let mut output = Output::new();
        self.worker.begin_round(Time { unix_us: self.now_ms * 1000 });
        self.worker.abandon_wait(&mut self.clients[client]);
        let ran = self.worker.run(&mut self.clients[client], &batch, input, &mut output);
        self.deliver();
        self.worker.broadcast();
        self.worker.end_round();
        (bytes(&mut output), ran.next)
    }

    /// Gives clients whose waits have ended what they are answered.
    fn deliver(&mut self) {
        for served in self.worker.take_served() {
            let is_client = |session: &Session| session.id() == served.client();
            let Some(place) = self.clients.iter().position(is_client) else { continue };
            let mut output = Output::new();
            let ended = self.worker.end_wait(&mut self.clients[place], served, &mut output);
            assert!(ended, "it waited");
            self.received[place].extend(bytes(&mut output));
        }
    }

    /// What a client that waited was sent since the last time, in one line; empty if it still waits.
    pub fn received(&mut self, client: usize) -> String {
        let received = std::mem::take(&mut self.received[client]);
        String::from_utf8_lossy(&received).trim_end().replace("\r\n", " ")
    }

    /// Ends the wait of a client because its time is up.
    pub fn time_out(&mut self, client: usize) -> String {
        let mut output = Output::new();
        self.worker.begin_round(Time { unix_us: self.now_ms * 1000 });
        let did_wait = self.worker.time_out(&mut self.clients[client], &mut output);
        self.worker.end_round();
        assert!(did_wait, "it waited");
        String::from_utf8_lossy(&bytes(&mut output)).trim_end().replace("\r\n", " ")
    }

    /// What the first client is answered to the words in `line`, which spaces separate; `""` is an empty word. In one line,
    /// a space for each line ending: `*2 $1 a :1`.
    pub fn say(&mut self, line: &str) -> String {
        self.say_to(0, line)
    }

    /// The same for any client.
    pub fn say_to(&mut self, client: usize, line: &str) -> String {
        let words: Vec<&str> =
            line.split(' ').map(|word| if word == "\"\"" { "" } else { word }).collect();
        let answer = self.answer_to(client, &words);
        shown(&answer)
    }

    /// The first client's protocol from here on.
    pub fn speak(&mut self, protocol: Protocol) {
        self.clients[0].protocol = protocol;
    }

    /// The effects since the last time, a command each, words separated by spaces. The first call begins to listen.
    pub fn effects(&mut self) -> Vec<String> {
        if !self.engine.effects.has_file() {
            self.engine.effects.listen();
        }
        requests(&self.engine.effects.take())
    }

    /// The same for what replicas are told.
    pub fn replicated(&mut self) -> Vec<String> {
        if !self.engine.effects.has_replicas() {
            self.engine.begin_history();
        }
        let mut pieces = Vec::new();
        self.engine.effects.take_replication(&mut pieces, &mut Vec::new(), Take::All);
        requests(&pieces.concat())
    }

    /// All that is stored, whether it has expired or not: the value (of a string, its bytes) and unix time in ms at which it
    /// expires, by database and key.
    pub fn contents(&self) -> Contents {
        let keyspace = &self.engine.keyspace;
        let mut closed = keyspace.gates().close();
        let mut round = Round {
            now_ms: self.now_ms,
            access: AccessClock::new(AccessPolicy::Lru, self.now_ms),
            touch: false,
            expiry: ExpiryMode::Ignore,
            random: Random::new(0),
            hits: 0,
            misses: 0,
            changed: false,
            donated: Vec::new(),
            buffer: Vec::new(),
            noting: keyspace::Noting::default(),
        };
        let mut contents = BTreeMap::new();
        for database in 0..keyspace.databases() {
            let mut view = keyspace.view(&mut closed, database, &mut round);
            view.lock_all();
            view.for_each(&mut |entry| {
                let value = match entry.value() {
                    ValueRef::String(string) => string.to_vec(),
                    ValueRef::Object(object) => {
                        let mut elements = Vec::new();
                        object.digest(&mut |parts| elements.push(parts.join(&b'\0')));
                        elements.sort_unstable();
                        elements.concat()
                    }
                };
                contents.insert((database, entry.key().to_vec()), (value, entry.expiry()));
            });
        }
        contents
    }

    /// What was counted so far.
    pub fn numbers(&self) -> Numbers {
        Numbers::sum(self.engine.statistics.iter())
    }

    /// All values that were changed, as INFO counts them.
    pub fn changes(&self) -> u64 {
        let mut changes = 0;
        self.engine.statistics[0].update(|numbers| changes = numbers.changes);
        changes
    }

    /// Looks for expired keys as between rounds, for at most `budget_ns`.
    pub fn expire_actively(&mut self, budget_ns: u64) {
        self.worker.begin_round(Time { unix_us: self.now_ms * 1000 });
        self.worker.expire_actively(budget_ns);
        self.deliver();
        self.worker.broadcast();
        self.worker.end_round();
    }
}

/// Every command and subcommand.
pub fn commands() -> impl Iterator<Item = &'static Command<Handler>> {
    let commands = crate::commands::FAMILIES.iter().flat_map(|family| family.iter().copied());
    commands.flat_map(Command::with_subcommands)
}

/// Bytes in one line.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().replace("\r\n", " ")
}

fn bytes(output: &mut Output) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(output.len());
    while !output.is_empty() {
        let mut slices = [std::io::IoSlice::new(&[]); 16];
        let count = output.io_slices(&mut slices);
        let before = bytes.len();
        slices[..count].iter().for_each(|slice| bytes.extend_from_slice(slice));
        let written = bytes.len() - before;
        output.advance(written);
    }
    bytes
}

thread_local! {
    /// What the clock shows, in nanoseconds.
    static NOW: Cell<u64> = const { Cell::new(0) };
    /// By how much it goes on whenever someone looks at it.
    static STEP: Cell<u64> = const { Cell::new(1000) };
}

/// A clock that goes on by a microsecond whenever someone looks at it, or as [`hasten`] says.
fn ticks() -> u64 {
    NOW.set(NOW.get() + STEP.get());
    NOW.get()
}

/// Lets the clock go on by so many nanoseconds whenever someone looks at it, where much time is to pass.
pub fn hasten(step_ns: u64) {
    STEP.set(step_ns);
}

/// Requests as clients send them, a line each, words separated by spaces.
pub(crate) fn requests(bytes: &[u8]) -> Vec<String> {
    let mut rest = bytes;
    let mut requests = Vec::new();
    while let Ok(Some((value, used))) = Value::decode(rest) {
        let words = value.as_array().unwrap_or_default().iter().filter_map(Value::as_text);
        requests.push(words.collect::<Vec<_>>().join(" "));
        rest = &rest[used..];
    }
    assert!(rest.is_empty(), "effects are whole requests");
    requests
}
