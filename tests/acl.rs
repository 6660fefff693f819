//! Users beside a real server: random rules are understood and shown alike, and users that they are for may do the same.

use std::fs;

use harness::{Client, Launch, Oracle, Random, Server, Value, Version, wait_until};

use crate::subject;

/// Users for each number of workers; `OCHRE_ROUNDS` tries more.
const USERS: u64 = 80;
const CALLS: usize = 25;

/// One of both servers, with an administrator and a user.
struct Side {
    server: Server,
    admin: Client,
    user: Client,
}

impl Side {
    fn open(launch: &Launch) -> Side {
        let server = launch.start();
        let (mut admin, user) = (server.client(), server.client());
        admin.run("SET a 1");
        Side { server, admin, user }
    }

    /// Calls as the administrator.
    fn manage(&mut self, words: &[String]) -> String {
        self.admin.send(words).expect("can be sent");
        shown(&mut self.admin)
    }

    /// The same with words of any bytes.
    fn ask(&mut self, words: &[Vec<u8>]) -> String {
        self.admin.send(words).expect("can be sent");
        shown(&mut self.admin)
    }

    /// Calls as the user.
    fn call(&mut self, words: &[String]) -> String {
        self.user.send(words).expect("can be sent");
        shown(&mut self.user)
    }

    /// What ACL LOG tells that does not depend on the time or the connection.
    fn log(&mut self) -> Vec<Vec<String>> {
        const TOLD: [&str; 5] = ["count", "reason", "context", "object", "username"];
        let entries = self.admin.run("ACL LOG 100");
        let told = |entry: &Value| {
            let fields = entry.as_array().unwrap_or_default();
            let pairs = fields.chunks_exact(2);
            let told = pairs
                .filter(|pair| pair[0].as_text().is_some_and(|name| TOLD.contains(&name.as_str())));
            told.map(|pair| format!("{pair:?}")).collect()
        };
        entries.as_array().unwrap_or_default().iter().map(told).collect()
    }
}

fn shown(client: &mut Client) -> String {
    client.read_reply_bytes().expect("a reply comes").escape_ascii().to_string()
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn rule(random: &mut Random) -> String {
    let commands = [
        "get",
        "set",
        "GET",
        "config",
        "config|get",
        "client|list",
        "select",
        "mget",
        "eval",
        "nosuch",
    ];
    let categories = [
        "read",
        "write",
        "string",
        "dangerous",
        "admin",
        "fast",
        "Slow",
        "keyspace",
        "all",
        "nosuch",
        "connection",
    ];
    let pattern = random.pick(&["a", "a*", "*", "b?", "[ab]*", "", "x y"]);
    let sign = random.pick(&["+", "+", "-"]);
    match random.below(16) {
        0..=3 => format!("{sign}{}", random.pick(&commands)),
        4..=6 => format!("{sign}@{}", random.pick(&categories)),
        7 => format!("~{pattern}"),
        8 => format!("%{}~{pattern}", random.pick(&["R", "W", "RW", "rw", "WR", "RR", "", "X"])),
        9 => format!("&{pattern}"),
        10 => random
            .pick(&[
                "allkeys",
                "resetkeys",
                "allchannels",
                "resetchannels",
                "allcommands",
                "nocommands",
                "clearselectors",
                "nopass",
                "resetpass",
                "ON",
                "sanitize-payload",
                "skip-sanitize-payload",
                "reset",
            ])
            .to_owned(),
        11 => random.pick(&[">q", "<q", "<p", "#abc", "!abc", ">", ""]).to_owned(),
        12 => format!("({sign}{} ~{pattern})", random.pick(&commands)),
        13 => random.pick(&["(", ")", "()", "(+get", "~a)", "(%R~a &b)", "(+@read ~b)"]).to_owned(),
        14 => format!("+select|{}", random.pick(&["0", "1", "", "0|1"])),
        _ => random
            .pick(&["nonsense", "+", "-", "~", "&", "+|", "-config|get", "+config|", "@read"])
            .to_owned(),
    }
}

fn call(random: &mut Random) -> Vec<String> {
    let [one, two] = [(); 2].map(|()| random.pick(&["a", "b", "ab", "bc", "c"]));
    words(&match random.below(26) {
        0..=2 => format!("GET {one}"),
        3 | 4 => format!("SET {one} 1"),
        5 => format!("SET {one} 1 GET"),
        6 => format!("MGET {one} {two}"),
        7 => format!("MSET {one} 1 {two} 2"),
        8 => format!("COPY {one} {two}"),
        9 => format!("DEL {one} {two}"),
        10 => "CONFIG GET maxmemory".to_owned(),
        11 => "CLIENT GETNAME".to_owned(),
        12 => format!("SELECT {}", random.below(2)),
        13 => format!("PUBLISH {one} m"),
        14 => "MULTI".to_owned(),
        15 | 16 => "EXEC".to_owned(),
        17 => format!("EVAL return(redis.call('GET','{one}')) 0"),
        18 => format!("EVAL return(redis.pcall('SET',KEYS[1],2)) 1 {one}"),
        19 => "ACL WHOAMI".to_owned(),
        20 => format!("BITFIELD {one} GET u8 0"),
        21 => format!("SORT {one} STORE {two}"),
        22 => format!("OBJECT ENCODING {one}"),
        23 => "PING".to_owned(),
        24 => format!("EXPIRE {one} 100"),
        _ => format!("EVAL return(redis.acl_check_cmd('SET','{one}','1')) 0"),
    })
}

#[test]
fn users_may_do_what_they_may_do_on_a_real_server() {
    let users = std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    subject::with_each_worker_count(|launch| {
        let oracle = Oracle::find(Version::V74).expect("a real server");
        let (mut ours, mut theirs) = (Side::open(&launch), Side::open(&oracle.launch()));
        for seed in 0..users.unwrap_or(USERS) {
            let mut random = Random::from_seed(seed);
            let mut told = Vec::new();
            let mut both = |told: &mut Vec<String>, by_user: bool, line: Vec<String>| {
                told.push(line.join(" "));
                let [answer, expected] = [&mut ours, &mut theirs]
                    .map(|side| if by_user { side.call(&line) } else { side.manage(&line) });
                assert_eq!(answer, expected, "seed {seed}: {told:#?}");
            };
            both(&mut told, false, words("ACL LOG RESET"));
            let mut line = words("ACL SETUSER u reset on >p");
            for _ in 0..random.below(5) {
                line.push(rule(&mut random));
            }
            both(&mut told, false, line);
            for _ in 0..random.below(4) {
                both(
                    &mut told,
                    false,
                    vec!["ACL".into(), "SETUSER".into(), "u".into(), rule(&mut random)],
                );
            }
            both(&mut told, false, words("ACL GETUSER u"));
            both(&mut told, false, words("ACL LIST"));
            both(&mut told, true, words("AUTH u p"));
            for _ in 0..CALLS {
                let line = call(&mut random);
                both(&mut told, false, [words("ACL DRYRUN u"), line.clone()].concat());
                both(&mut told, true, line);
                if random.one_in(12) {
                    both(
                        &mut told,
                        false,
                        vec!["ACL".into(), "SETUSER".into(), "u".into(), rule(&mut random)],
                    );
                }
            }
            both(&mut told, true, words("RESET"));
            assert_eq!(ours.log(), theirs.log(), "seed {seed}: {told:#?}");
        }
    });
}

/// A rule that somebody mistyped, or that never was one.
fn damaged(random: &mut Random) -> Vec<u8> {
    const BYTES: &[u8] = b"+-~&%#<>!()|@*? \t\"'\\[]{}^RWgeton0aA\x01\x7f\xc3\xff";
    let mut text = rule(random).into_bytes();
    if random.one_in(8) {
        text.extend_from_slice(rule(random).as_bytes());
    }
    for _ in 0..=random.below(3) {
        let place = random.below(text.len() + 1);
        match random.below(4) {
            0 => text.insert(place, random.pick(BYTES)),
            1 => text.truncate(place),
            2 if place < text.len() => drop(text.remove(place)),
            _ if place < text.len() => text[place] = random.pick(BYTES),
            _ => text.push(random.pick(BYTES)),
        }
    }
    // Real servers take a permission for nothing, or a blank as the first word of a command, and crash when they are to show it.
    let is_nothing = |pair: &[u8]| matches!(pair, b"% " | b"%\t" | b"%)" | b"|\t" | b"| ");
    if text.ends_with(b"%") || text.windows(2).any(is_nothing) {
        return b"%R".to_vec();
    }
    text
}

#[test]
fn damaged_rules_are_refused_or_understood_as_on_a_real_server() {
    let oracle = Oracle::find(Version::V74).expect("a real server");
    let (mut ours, mut theirs) = (Side::open(&subject::launch()), Side::open(&oracle.launch()));
    let rounds = std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    for seed in 0..rounds.unwrap_or(1500_u64) {
        let mut random = Random::from_seed(seed);
        let mut call: Vec<Vec<u8>> =
            ["ACL", "SETUSER", "u"].map(|word| word.as_bytes().to_vec()).into();
        if random.one_in(3) {
            call.push(rule(&mut random).into_bytes());
        }
        for _ in 0..=random.below(3) {
            call.push(damaged(&mut random));
        }
        let told: Vec<String> = call.iter().map(|word| word.escape_ascii().to_string()).collect();
        let [answer, expected] = [&mut ours, &mut theirs].map(|side| side.ask(&call));
        assert_eq!(answer, expected, "seed {seed}: {told:?}");
        for line in ["ACL GETUSER u", "ACL LIST", "ACL DELUSER u"] {
            let [answer, expected] = [&mut ours, &mut theirs].map(|side| side.manage(&words(line)));
            assert_eq!(answer, expected, "seed {seed}: {line} after {told:?}");
        }
    }
}

#[test]
fn damaged_files_of_users_are_refused_or_understood_as_by_a_real_server() {
    let oracle = Oracle::find(Version::V74).expect("a real server");
    let with_file = |launch: Launch| launch.file("users.acl", "").line("aclfile users.acl");
    let (mut ours, mut theirs) =
        (Side::open(&with_file(subject::launch())), Side::open(&with_file(oracle.launch())));
    for seed in 0..400_u64 {
        let mut random = Random::from_seed(seed);
        // Without it, whoever manages users could not go on.
        let mut text = b"user default on nopass ~* &* +@all\n".to_vec();
        for _ in 0..=random.below(4) {
            let start = random.pick(&["user", "user", "user", "user", "User", "", " user", "#"]);
            text.extend_from_slice(start.as_bytes());
            text.extend_from_slice(
                random.pick(&[" u", " v", " w", " default", "", "  x"]).as_bytes(),
            );
            for _ in 0..random.below(4) {
                text.push(b' ');
                let word = if random.one_in(3) {
                    damaged(&mut random)
                } else {
                    rule(&mut random).into_bytes()
                };
                // Real servers crash where one parenthesis is missing.
                let has_any = word.iter().any(|byte| matches!(byte, b'(' | b')'));
                let line = if has_any { b"(+get ~a)".to_vec() } else { word };
                text.extend_from_slice(&line);
            }
            text.extend_from_slice(random.pick(&["\n", "\n", "\r\n", "\n\n"]).as_bytes());
        }
        let told = text.escape_ascii().to_string();
        for side in [&ours, &theirs] {
            fs::write(side.server.directory().join("users.acl"), &text).expect("can be written");
        }
        for line in ["ACL LOAD", "ACL LIST"] {
            let [answer, expected] = [&mut ours, &mut theirs].map(|side| side.manage(&words(line)));
            assert_eq!(answer, expected, "seed {seed}: {line} with {told}");
        }
    }
}

/// Whoever listens to what it may not listen to any more is gone, and whoever is no user any more, whichever worker it has.
#[test]
fn rights_are_taken_from_clients_that_are_connected() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut admin = server.client();
        admin.run("ACL SETUSER u on nopass +@all ~* &news");
        let clients = || -> Vec<Client> {
            let mut clients: Vec<Client> = (0..6).map(|_| server.client()).collect();
            for client in &mut clients {
                drop(client.run("AUTH u x"));
            }
            clients
        };
        let (mut plain, mut listeners) = (clients(), clients());
        for client in &mut listeners {
            client.run("SUBSCRIBE news");
        }
        admin.run("ACL SETUSER u -get");
        for client in &mut plain {
            assert!(client.run("GET k").is_error());
            assert!(!client.run("SET k 1").is_error());
        }
        admin.run("ACL SETUSER u resetchannels &other");
        assert!(listeners.iter_mut().all(Client::closes));
        admin.run("ACL DELUSER u");
        assert!(plain.iter_mut().all(Client::closes));
        assert!(wait_until(|| admin
            .run("CLIENT LIST")
            .as_text()
            .unwrap_or_default()
            .lines()
            .count()
            == 1));
    });
}

#[test]
fn users_are_read_from_files_and_written_to_them() {
    let users = "user default on nopass ~* &* +@all\nuser alice on >secret ~a* +get\n";
    let server = subject::launch().file("users.acl", users).line("aclfile users.acl").start();
    let mut client = server.client();
    assert!(client.run("AUTH alice wrong").is_error());
    assert!(!client.run("AUTH alice secret").is_error());
    assert!(client.run("GET b").is_error());
    let mut admin = server.client();
    admin.run("ACL SETUSER bob on nopass +@all ~*");
    assert_eq!(admin.run("ACL SAVE"), Value::Simple("OK".into()));
    admin.run("ACL DELUSER bob");
    assert_eq!(admin.run("ACL LOAD"), Value::Simple("OK".into()));
    let listed = admin.run("ACL USERS");
    let names: Vec<String> =
        listed.as_array().unwrap_or_default().iter().filter_map(Value::as_text).collect();
    assert_eq!(names, ["alice", "bob", "default"]);
    // Users in the configuration itself.
    let server =
        subject::launch().line("user carol on nopass ~* +ping").line("requirepass p").start();
    let mut client = server.client();
    assert!(client.run("PING").is_error());
    assert!(!client.run("AUTH carol x").is_error());
    // While it loads its data, too, a server asks who somebody is.
    assert!(wait_until(|| client.run("PING") == Value::Simple("PONG".into())));
    assert!(client.run("GET k").is_error());
    assert!(!client.run("AUTH p").is_error());
    assert_eq!(client.run("ACL WHOAMI").as_text().as_deref(), Some("default"));
    client.run("ACL SETUSER carol +get|x -get (+set|y ~*) +config|get -config");
    client.run("ACL SETUSER erin +get|z +nonsense|x +get|later");
    let log = server.log();
    for (rule, is_told) in [
        ("+get|x", true),
        ("+set|y", true),
        ("+config|get", false),
        ("+get|z", true),
        ("+get|later", false),
    ] {
        assert_eq!(log.contains(&format!("(offender: {rule})")), is_told, "{rule}");
    }
    client.run("ACL SETUSER carol clearselectors");
    assert_eq!(client.run("CONFIG REWRITE"), Value::Simple("OK".into()));
    let written = fs::read_to_string(server.configuration()).expect("a file");
    assert!(
        written.contains("user carol on nopass sanitize-payload ~* resetchannels -@all +ping"),
        "{written}"
    );
}
