//! Client-side caching beside a real server: the same random calls by the same clients, and every client must be sent the same bytes
//! in the same order.

use harness::{Client, Launch, Oracle, Random, Server, Version};

use crate::subject;

/// Scenes for each number of workers; `OCHRE_ROUNDS` tries more.
const SCENES: u64 = 60;
const STEPS: usize = 60;
const CLIENTS: usize = 4;

/// One of both servers, with its clients.
struct Stage {
    server: Server,
    actors: Vec<Actor>,
}

struct Actor {
    client: Client,
    id: i64,
    /// Others have chosen it to be told in their place.
    is_substitute: bool,
}

impl Stage {
    fn open(launch: &Launch) -> Stage {
        Stage { server: launch.start(), actors: Vec::new() }
    }

    /// Begins a scene; the client at each place speaks the protocol that its bit says.
    fn begin(&mut self, protocols: usize) {
        self.actors.clear();
        self.server.client().run("FLUSHALL");
        self.actors = (0..CLIENTS)
            .map(|place| {
                let mut client = self.server.client();
                let protocol = if protocols >> place & 1 == 1 { 3 } else { 2 };
                client.send(&["HELLO", &protocol.to_string()]).expect("can be sent");
                client.read_reply_bytes().expect("a reply");
                let id = client.run("CLIENT ID").as_integer().expect("an id");
                Actor { client, id, is_substitute: false }
            })
            .collect();
    }

    /// Lets a client call, and gives what each client is sent.
    fn step(&mut self, actor: usize, line: &str) -> Vec<String> {
        let mut line = line.to_owned();
        for (place, actor) in self.actors.iter_mut().enumerate() {
            let name = format!("<id {place}>");
            actor.is_substitute |= line.contains(&name);
            line = line.replace(&name, &actor.id.to_string());
        }
        let words: Vec<&str> = line.split(' ').collect();
        self.actors[actor].client.send(&words).expect("can be sent");
        let mut own = self.until_reply(actor);
        if self.actors[actor].is_substitute {
            // Redis tells it for others before its own reply or after it, as the command has it; here it is always after it.
            self.actors[actor].client.send(&["CLIENT", "GETNAME"]).expect("can be sent");
            own.extend(self.until_reply(actor));
            own.sort_unstable();
        }
        let mut told = vec![own.concat()];
        for place in (actor..CLIENTS).chain(0..actor) {
            // It is no other call for CLIENT CACHING, and allowed in any mode once this is queued or refused.
            self.actors[place].client.send(&["CLIENT", "GETNAME"]).expect("can be sent");
            told.push(self.until_reply(place).concat());
        }
        told
    }

    /// All that a client is sent up to a reply, ids of clients apart.
    fn until_reply(&mut self, place: usize) -> Vec<String> {
        let mut told = Vec::new();
        let is_push =
            |bytes: &[u8]| bytes.starts_with(b"*3\r\n$7\r\nmessage\r\n") || bytes.starts_with(b">");
        while told.last().is_none_or(|last: &Vec<u8>| is_push(last)) {
            told.push(self.actors[place].client.read_reply_bytes().expect("a reply comes"));
        }
        let shown = |bytes: &Vec<u8>| {
            let mut text = bytes.escape_ascii().to_string();
            for (place, actor) in self.actors.iter().enumerate() {
                text = text.replace(&format!(":{}\\r", actor.id), &format!(":<id {place}>\\r"));
            }
            text
        };
        told.iter().map(shown).collect()
    }
}

fn draw(random: &mut Random, is_old: bool) -> String {
    let keys = ["a", "ab", "abc", "b", "ba", "c"];
    let [one, two] = [(); 2].map(|()| random.pick(&keys));
    match random.below(41) {
        // Told with a push in the newer protocol, and with no reply.
        39 if is_old => {
            random.pick(&["SUBSCRIBE __redis__:invalidate", "UNSUBSCRIBE x"]).to_owned()
        }
        0..=4 => tracking(random),
        5 => format!("CLIENT CACHING {}", random.pick(&["YES", "NO", "maybe"])),
        6 => "CLIENT TRACKINGINFO".to_owned(),
        7 => "CLIENT GETREDIR".to_owned(),
        8..=14 => format!("GET {one}"),
        15 => format!("MGET {one} {two}"),
        16 => format!("HGETALL {one}"),
        17..=21 => format!("SET {one} 1"),
        22 => format!("MSET {one} 1 {two} 2"),
        23 => format!("DEL {one} {two}"),
        24 => format!("RENAME {one} {two}"),
        25 => format!("APPEND {one} x"),
        26 => format!("EXPIRE {one} -1"),
        27 => "MULTI".to_owned(),
        28..=30 => "EXEC".to_owned(),
        31 => random.pick(&["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC", "SWAPDB 0 1"]).to_owned(),
        32 => format!(
            "EVAL return{{redis.call('GET',KEYS[1]),redis.call('SET',KEYS[2],1)}} 2 {one} {two}"
        ),
        33 => format!("EVAL_RO return(redis.call('GET',KEYS[1])) 2 {one} {two}"),
        34 => format!("SELECT {}", random.below(2)),
        35 => format!("EXISTS {one} {two}"),
        36 => format!("GETDEL {one}"),
        37 => format!("TTL {one}"),
        38 => format!("COPY {one} {two} REPLACE"),
        _ => format!("OBJECT ENCODING {one}"),
    }
}

fn tracking(random: &mut Random) -> String {
    if random.one_in(4) {
        return "CLIENT TRACKING OFF".to_owned();
    }
    let mut line = "CLIENT TRACKING ON".to_owned();
    if random.one_in(3) {
        line.push_str(" BCAST");
    }
    for _ in 0..random.below(3) {
        let option = match random.below(8) {
            0 => " OPTIN".to_owned(),
            1 => " OPTOUT".to_owned(),
            2 | 3 => " NOLOOP".to_owned(),
            4 => format!(" REDIRECT <id {}>", random.below(CLIENTS)),
            5 => random
                .pick(&[" REDIRECT 999999", " REDIRECT x", " BCAST", " PREFIX", " what"])
                .to_owned(),
            _ => format!(" PREFIX {}", random.pick(&["a", "ab", "b", "c", "abc"])),
        };
        line.push_str(&option);
    }
    line
}

#[test]
fn clients_are_told_as_by_a_real_server() {
    let scenes = std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    subject::with_each_worker_count(|launch| {
        let oracle = Oracle::find(Version::V74).expect("a real server");
        let (mut ours, mut theirs) = (Stage::open(&launch), Stage::open(&oracle.launch()));
        for seed in 0..scenes.unwrap_or(SCENES) {
            let mut random = Random::from_seed(seed);
            let protocols = random.below(1 << CLIENTS);
            ours.begin(protocols);
            theirs.begin(protocols);
            let (mut told, mut queueing) = (Vec::new(), [false; CLIENTS]);
            for _ in 0..STEPS {
                let actor = random.below(CLIENTS);
                let mut line = draw(&mut random, protocols >> actor & 1 == 0);
                if queueing[actor] && line.starts_with("CLIENT TRACKING ") {
                    // Redis tells a client what it did in a transaction in the way that it tracks at its end.
                    line = "EXEC".to_owned();
                }
                queueing[actor] = line == "MULTI" || (queueing[actor] && line != "EXEC");
                told.push(format!("{actor}: {line}"));
                let (answered, expected) = (ours.step(actor, &line), theirs.step(actor, &line));
                assert_eq!(answered, expected, "seed {seed}, protocols {protocols:b}: {told:#?}");
            }
        }
    });
}
