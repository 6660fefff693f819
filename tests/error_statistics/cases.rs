//! Cases of calls that fail, or make others fail.

/// What is done, from which state.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) state: State,
    /// What was called before. The last reply, if it is a text, is what the word `{name}` stands for.
    pub(super) before: Vec<Vec<String>>,
    pub(super) steps: Vec<Step>,
}

/// What is done by two clients. The word `{id}` stands for the second one's id.
pub(super) enum Step {
    /// The first one makes a call.
    Call(Vec<String>),
    /// The second one does.
    Other(Vec<String>),
    /// Somebody else does, who may do everything.
    Administrator(Vec<String>),
    /// The second one makes a call that has it wait.
    Wait(Vec<String>),
    /// The second one sends what is no request.
    Nonsense(&'static [u8]),
    /// The second one is answered.
    Answer,
    /// The state begins only now.
    Enter,
}

/// What the server is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Usual,
    NoMemory,
    Replica,
    StaleReplica,
    FewReplicas,
    /// The last save has failed.
    DiskFails,
    /// The first client is one that may not do everything.
    Restricted,
}

impl State {
    pub(super) const ALL: [State; 6] = [
        State::Usual,
        State::NoMemory,
        State::Replica,
        State::StaleReplica,
        State::FewReplicas,
        State::DiskFails,
    ];

    /// What ends all of them.
    pub(super) const END: [&str; 4] = [
        "CONFIG SET maxmemory 0 min-replicas-to-write 0 stop-writes-on-bgsave-error no",
        "REPLICAOF NO ONE",
        "CONFIG SET replica-serve-stale-data yes",
        "FLUSHALL",
    ];

    pub(super) fn beginning(self) -> &'static [&'static str] {
        match self {
            State::Usual => &[],
            State::NoMemory => &["CONFIG SET maxmemory 1"],
            State::Replica => &["REPLICAOF 127.0.0.1 1"],
            State::StaleReplica => {
                &["CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"]
            }
            State::FewReplicas => &["CONFIG SET min-replicas-to-write 1"],
            State::DiskFails => &["CONFIG SET stop-writes-on-bgsave-error yes"],
            State::Restricted => &["ACL SETUSER restricted on nopass +@all -get ~s* resetchannels"],
        }
    }
}

/// The words between the spaces of a line.
pub(super) fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

pub(super) fn call(line: &str) -> Step {
    Step::Call(words(line))
}

fn other(line: &str) -> Step {
    Step::Other(words(line))
}

fn wait(line: &str) -> Step {
    Step::Wait(words(line))
}

fn administrator(line: &str) -> Step {
    Step::Administrator(words(line))
}

fn case(name: &str, state: State, before: &[&str], steps: Vec<Step>) -> Case {
    // There is always a string.
    let before = ["SET s x"].iter().chain(before).map(|line| words(line)).collect();
    Case { name: format!("{name} ({state:?})"), state, before, steps }
}

/// Calls that fail by themselves.
const LINES: &[&str] = &[
    "NOSUCH a",
    "GET",
    "GET a b",
    "CONFIG",
    "CONFIG GET",
    "CONFIG NOSUCH",
    "CONFIG SET maxmemory x",
    "CLIENT KILL x",
    "CLIENT UNBLOCK 99999 ERROR",
    "INCR s",
    "LPUSH s a",
    "HSET h a",
    "SET a b",
    "PING",
    "EXEC",
    "DISCARD",
    "EXEC a",
    "WATCH",
    "AUTH nobody x",
    "HELLO 9",
    "BLPOP l -1",
    "BLPOP l 0.01",
    "WAIT 1 10",
    "WAITAOF 1 0 0",
    "XREADGROUP GROUP g c BLOCK 0 STREAMS missing >",
    "RESTORE new 0 x",
    "DEBUG SLEEP 0",
    "EVALSHA 0000000000000000000000000000000000000000 0",
    "EVALSHA_RO 0000000000000000000000000000000000000000 0",
    "EVALSHA 00 0",
    "EVAL x 0 a",
    "EVAL return -1",
    "EVAL return 3 a",
    "EVAL return x",
    "EVAL return",
    "FCALL nosuch 0",
    "FCALL_RO nosuch 0",
    "SCRIPT LOAD )",
    "SCRIPT KILL",
    "SCRIPT NOSUCH",
    "FUNCTION KILL",
    "FUNCTION LOAD foo",
    "FAILOVER ABORT",
    "SHUTDOWN ABORT",
];

/// All cases beside those of scripts.
pub(super) fn all() -> Vec<Case> {
    let states = State::ALL.into_iter().chain([State::Restricted]);
    let mut cases = Vec::new();
    for state in states {
        for line in LINES {
            cases.push(case(line, state, &[], vec![call(line)]));
            let queued = vec![call("MULTI"), call(line), call("SET s 1"), call("EXEC")];
            // These are not queued, or end it; and Redis forgets to reply to AUTH there.
            if !["EXEC", "DISCARD", "HELLO 9", "AUTH nobody x"].contains(line) {
                cases.push(case(&format!("MULTI, {line}"), state, &[], queued));
            }
        }
        for line in ["SET s 1", "GET s", "PING", "INFO nothing", "PUBLISH s x"] {
            let steps = vec![call("MULTI"), call(line), Step::Enter, call("EXEC")];
            if state != State::Restricted {
                cases.push(case(&format!("EXEC of {line}"), state, &[], steps));
            }
        }
    }
    cases.extend(transactions());
    cases.extend(waits());
    cases.extend(reads());
    cases.extend(connections());
    cases
}

fn transactions() -> Vec<Case> {
    let multi = |name, steps: Vec<Step>| {
        let steps = [call("MULTI")].into_iter().chain(steps).chain([call("EXEC")]).collect();
        case(name, State::Usual, &[], steps)
    };
    let mut cases = vec![
        multi("two calls that fail", vec![call("INCR s"), call("INCR s")]),
        multi("MULTI inside", vec![call("MULTI"), call("INCR s")]),
        multi("WATCH inside", vec![call("WATCH a")]),
        multi("SAVE inside", vec![call("SAVE")]),
        multi("refused twice", vec![call("GET"), call("NOSUCH"), call("CONFIG NOSUCH")]),
        multi("refused and given up", vec![call("NOSUCH"), call("DISCARD")]),
        multi("refused and reset", vec![call("NOSUCH"), call("RESET")]),
        case(
            "a watched key was changed",
            State::Usual,
            &[],
            vec![call("WATCH s"), call("SET s y"), call("MULTI"), call("INCR s"), call("EXEC")],
        ),
    ];
    let takes = ["-set", "resetkeys"];
    let orders: [&[&str]; 4] = [
        &["SET s y"],
        &["SET s y", "PING"],
        &["PING", "SET s y"],
        &["SET s y", "INCR s", "SET s y"],
    ];
    for take in takes {
        for lines in orders {
            let mut steps = vec![call("MULTI")];
            steps.extend(lines.iter().map(|line| call(line)));
            steps.push(administrator(&format!("ACL SETUSER restricted {take}")));
            steps.push(call("EXEC"));
            cases.push(case(
                &format!("{take} before EXEC of {lines:?}"),
                State::Restricted,
                &[],
                steps,
            ));
        }
    }
    cases
}

fn waits() -> Vec<Case> {
    let usual = |name, before: &[&str], steps| case(name, State::Usual, before, steps);
    vec![
        usual(
            "unblocked with an error",
            &[],
            vec![wait("BLPOP l 0"), call("CLIENT UNBLOCK {id} ERROR"), Step::Answer],
        ),
        usual(
            "unblocked as if in time",
            &[],
            vec![wait("BLPOP l 0"), call("CLIENT UNBLOCK {id} TIMEOUT"), Step::Answer],
        ),
        usual(
            "unblocked with an error in a transaction",
            &[],
            vec![
                wait("BLPOP l 0"),
                call("MULTI"),
                call("PING"),
                call("CLIENT UNBLOCK {id} ERROR"),
                call("PING"),
                call("EXEC"),
                Step::Answer,
            ],
        ),
        usual(
            "unblocked with an error after another one",
            &[],
            vec![
                wait("BLPOP l 0"),
                call("INCR s"),
                call("CLIENT UNBLOCK {id} ERROR"),
                call("PING"),
                Step::Answer,
            ],
        ),
        usual(
            "acknowledgements unblocked as if in time",
            &[],
            vec![wait("WAIT 1 0"), call("CLIENT UNBLOCK {id}"), Step::Answer],
        ),
        usual(
            "the file is turned off that is waited for",
            &["CONFIG SET appendonly yes"],
            vec![wait("WAITAOF 1 1 0"), call("CONFIG SET appendonly no"), Step::Answer],
        ),
        usual("served", &[], vec![wait("BLPOP l 0"), call("RPUSH l a"), Step::Answer]),
        usual(
            "served with an error",
            &[],
            vec![wait("BLMOVE l s LEFT LEFT 0"), call("RPUSH l a"), Step::Answer],
        ),
        usual(
            "becomes a replica",
            &[],
            vec![wait("BLPOP l 0"), call("REPLICAOF 127.0.0.1 1"), Step::Answer],
        ),
    ]
}

/// Waits for entries of a stream.
fn reads() -> Vec<Case> {
    let read = "XREADGROUP GROUP g c BLOCK 0 STREAMS stream >";
    let begun =
        |name, steps| case(name, State::Usual, &["XGROUP CREATE stream g $ MKSTREAM"], steps);
    vec![
        begun("the group is gone", vec![wait(read), call("XGROUP DESTROY stream g"), Step::Answer]),
        begun("the stream is gone", vec![wait(read), call("DEL stream"), Step::Answer]),
        begun("the stream is no stream", vec![wait(read), call("SET stream x"), Step::Answer]),
    ]
}

fn connections() -> Vec<Case> {
    let nonsense = |bytes| {
        case(
            &format!("protocol error: {}", <[u8]>::escape_ascii(bytes)),
            State::Usual,
            &[],
            vec![Step::Nonsense(bytes), Step::Answer],
        )
    };
    vec![
        nonsense(b"*x\r\n"),
        nonsense(b"*1\r\n$x\r\n"),
        nonsense(b"*1\r\nabc\r\n"),
        nonsense(b"SET \"a b\r\n"),
        case(
            "while subscribed",
            State::Usual,
            &[],
            vec![other("SUBSCRIBE a"), other("GET a"), other("NOSUCH")],
        ),
    ]
}
