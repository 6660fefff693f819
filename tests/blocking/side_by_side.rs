//! The same scenes, made up at random, for this server and a real one: clients wait, others change keys in all ways, and after
//! each step every client must have received the same, and the same clients must wait.

use harness::{Client, Launch, Oracle, Random, Server, Version, wait_until};

use crate::subject;

/// Scenes for each number of workers; `OCHRE_ROUNDS` tries more.
const SCENES: u64 = 25;
const STEPS: usize = 40;
const CLIENTS: usize = 5;
const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// One of both servers, with its clients.
struct Stage {
    server: Server,
    witness: Client,
    actors: Vec<Actor>,
}

struct Actor {
    client: Client,
    id: i64,
    waits: bool,
}

impl Actor {
    fn of(server: &Server) -> Actor {
        let mut client = server.client();
        let id = client.run("CLIENT ID").as_integer().expect("an id");
        Actor { client, id, waits: false }
    }
}

/// What happens in a step.
#[derive(Clone, Debug)]
enum Step {
    /// A client calls.
    Call(usize, String),
    /// The wait of a client is ended.
    Unblock(usize, &'static str),
    /// A client leaves, and another one comes.
    Replace(usize),
}

impl Stage {
    fn open(launch: &Launch) -> Stage {
        let server = launch.start();
        let witness = server.client();
        Stage { server, witness, actors: Vec::new() }
    }

    fn begin(&mut self) {
        self.actors.clear();
        assert!(wait_until(|| super::number(&mut self.witness, "blocked_clients") == 0));
        self.witness.run("FLUSHALL");
        self.actors = (0..CLIENTS).map(|_| Actor::of(&self.server)).collect();
    }

    /// Does a step; what each client has received in it, and who waits then.
    fn step(&mut self, step: &Step) -> Vec<String> {
        let mut own = None;
        match step {
            Step::Call(actor, line) => {
                let words: Vec<&str> = line.split(' ').collect();
                self.actors[*actor].client.send(&words).expect("can be sent");
                own = self.wait_or_reply(*actor, line.starts_with('B') || line.contains(" BLOCK "));
            }
            Step::Unblock(actor, how) => {
                let unblock = format!("CLIENT UNBLOCK {} {how}", self.actors[*actor].id);
                own = Some(format!("{:?}", self.witness.run(&unblock)));
            }
            Step::Replace(actor) => {
                let id = self.actors[*actor].id;
                self.witness.run(&format!("CLIENT KILL ID {id}"));
                self.actors[*actor] = Actor::of(&self.server);
            }
        }
        let mut outcome = vec![format!("{own:?}")];
        for place in 0..CLIENTS {
            outcome.push(self.look_at(place));
        }
        outcome
    }

    /// The reply to a call, unless it waits.
    fn wait_or_reply(&mut self, actor: usize, may_wait: bool) -> Option<String> {
        let id = u64::try_from(self.actors[actor].id).expect("positive");
        let mut reply = None;
        let done = wait_until(|| {
            // Redis shows those as blocked, too, for whom it empties databases.
            if may_wait && super::is_blocked(&mut self.witness, id) {
                return true;
            }
            // Whether it was executed: its reply is there, or is not to come.
            let limit = std::time::Duration::from_millis(1);
            let client = &mut self.actors[actor].client;
            client.set_limit(limit).expect("can be set");
            reply = client.read_reply_bytes().ok();
            client.set_limit(harness::DEADLINE).expect("can be set");
            reply.is_some()
        });
        assert!(done, "neither a reply nor a wait");
        self.actors[actor].waits = reply.is_none();
        reply.map(|bytes| bytes.escape_ascii().to_string())
    }

    /// Whether a client waits, or what it has received if it did before.
    fn look_at(&mut self, place: usize) -> String {
        let actor = &mut self.actors[place];
        let id = u64::try_from(actor.id).expect("positive");
        if !actor.waits {
            return "free".to_owned();
        }
        if super::is_blocked(&mut self.witness, id) {
            return "waits".to_owned();
        }
        actor.waits = false;
        let bytes = actor.client.read_reply_bytes().expect("a reply comes");
        bytes.escape_ascii().to_string()
    }

    /// What is there in the end.
    fn contents(&mut self) -> Vec<String> {
        let looks = KEYS.iter().flat_map(|key| {
            [
                format!("TYPE {key}"),
                format!("LRANGE {key} 0 -1"),
                format!("ZRANGE {key} 0 -1 WITHSCORES"),
            ]
        });
        looks.map(|look| format!("{look}: {:?}", self.witness.run(&look))).collect()
    }
}

/// Something that a client does that does not wait.
fn draw(random: &mut Random, actors: &[Actor]) -> Step {
    let actor = random.below(CLIENTS);
    if actors[actor].waits {
        return match random.below(4) {
            0 => Step::Unblock(actor, random.pick(&["", "TIMEOUT", "ERROR"])),
            1 => Step::Replace(actor),
            // Another one, then.
            _ => match actors.iter().position(|actor| !actor.waits) {
                Some(free) => Step::Call(free, waking(random)),
                None => Step::Unblock(actor, "TIMEOUT"),
            },
        };
    }
    let line = if random.one_in(2) { waiting(random) } else { waking(random) };
    Step::Call(actor, line)
}

fn waiting(random: &mut Random) -> String {
    let [one, two, three] = [(); 3].map(|()| random.pick(&KEYS));
    let ends = ["LEFT", "RIGHT"];
    let (from, to) = (random.pick(&ends), random.pick(&ends));
    match random.below(13) {
        0 => format!("BLPOP {one} 0"),
        1 => format!("BLPOP {one} {two} {three} 0"),
        2 => format!("BRPOP {one} {two} 0"),
        3 | 4 => format!("BLMOVE {one} {two} {from} {to} 0"),
        5 => format!("BRPOPLPUSH {one} {two} 0"),
        6 => format!("BLMPOP 0 2 {one} {two} {from} COUNT 2"),
        7 => format!("BZPOPMIN {one} {two} 0"),
        8 => format!("BZMPOP 0 3 {one} {two} {three} MAX COUNT 2"),
        9 => format!("XREAD BLOCK 0 STREAMS {one} {two} $ 5-0"),
        10 => format!("XREADGROUP GROUP g c BLOCK 0 STREAMS {one} {two} > >"),
        _ => format!("XREADGROUP GROUP g c BLOCK 0 COUNT 1 STREAMS {one} >"),
    }
}

fn waking(random: &mut Random) -> String {
    let [one, two] = [(); 2].map(|()| random.pick(&KEYS));
    match random.below(37) {
        0..=3 => format!("RPUSH {one} 1"),
        4 | 5 => format!("LPUSH {one} 1 2 3"),
        6 | 7 => format!("ZADD {one} 1 m"),
        8 => format!("ZADD {one} 1 m 2 n 3 o"),
        9 | 10 => format!("SET {one} v"),
        11 => format!("APPEND {one} v"),
        12..=14 => format!("DEL {one}"),
        15 => format!("RENAME {one} {two}"),
        16 => format!("COPY {one} {two} REPLACE"),
        17 => format!("LMOVE {one} {two} LEFT RIGHT"),
        18 => format!("RPUSHX {one} 4"),
        19 => format!("MOVE {one} 1"),
        20 => "SWAPDB 0 1".to_owned(),
        21 => format!("PEXPIRE {one} -1"),
        22 => "FLUSHALL".to_owned(),
        23..=25 => format!("XADD {one} 5-* f v"),
        26..=28 => format!("XGROUP CREATE {one} g 0 MKSTREAM"),
        29 => format!("XGROUP DESTROY {one} g"),
        30 => format!("XGROUP SETID {one} g 0"),
        31 => "MULTI".to_owned(),
        32..=34 => "EXEC".to_owned(),
        35 => format!("DEL {one} {two}"),
        _ => format!("ZPOPMIN {one}"),
    }
}

#[test]
fn clients_wait_and_are_served_as_by_a_real_server() {
    let scenes = std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    subject::with_each_worker_count(|launch| {
        let oracle = Oracle::find(Version::V74).expect("a real server");
        let (mut ours, mut theirs) = (Stage::open(&launch), Stage::open(&oracle.launch()));
        for seed in 0..scenes.unwrap_or(SCENES) {
            let mut random = Random::from_seed(seed);
            ours.begin();
            theirs.begin();
            let mut told = Vec::new();
            for _ in 0..STEPS {
                let step = draw(&mut random, &theirs.actors);
                told.push(format!("{step:?}"));
                let (answered, expected) = (ours.step(&step), theirs.step(&step));
                assert_eq!(answered, expected, "seed {seed}: {told:#?}");
            }
            assert_eq!(ours.contents(), theirs.contents(), "seed {seed}: {told:#?}");
        }
    });
}
