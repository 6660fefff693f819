//! What is promised of a reply, where it is less than every byte.
//!
//! Errors are always compared byte for byte, whatever the command.

use std::mem::discriminant;

use harness::Value;

/// How a reply is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// Every byte.
    Exact,
    /// The same elements in any order, also those of sets and maps within.
    AnyOrder,
    /// The same description of commands, in any order, but for remarks in words.
    Described,
    /// Of the same type.
    Kind,
    /// The same number, or numbers, give or take so much; negative ones exactly.
    Near(u64),
    /// The same, but for the times of deliveries, and when consumers were seen.
    Deliveries,
    /// The lines that describe clients: the same fields, and the same values of those that do not
    /// depend on the process.
    ClientLines,
    /// What HELLO replies, but for the version and the number of the connection.
    Greeting,
    /// The same names before a colon, in the same order.
    FieldNames,
    /// A payload of DUMP with the same content, however that is compressed: any choice of matches is right.
    Dumped,
}

/// Times that were set on one server and then on the other.
const NEAR_MS: Promise = Promise::Near(5000);
const NEAR_S: Promise = Promise::Near(5);

/// Fields of CLIENT LIST whose values follow from the commands alone.
const CLIENT_FIELDS: &[&str] = &[
    "name", "flags", "db", "sub", "psub", "ssub", "multi", "watch", "events", "cmd", "user",
    "redir", "resp", "lib-name", "lib-ver",
];

/// Whether two replies to a command are the same as far as Redis promises it.
pub(super) fn same<W: AsRef<[u8]>>(words: &[W], subject: &Value, real: &Value) -> bool {
    if subject == real {
        return true;
    }
    if subject.is_error() || real.is_error() {
        return false;
    }
    match promise(words) {
        Promise::Exact => false,
        Promise::AnyOrder => sorted(subject) == sorted(real),
        Promise::Described => sorted(&without_notes(subject)) == sorted(&without_notes(real)),
        Promise::Kind => discriminant(subject) == discriminant(real),
        Promise::Near(slack) => near(subject, real, slack),
        Promise::Deliveries => deliveries(subject, real),
        Promise::ClientLines => client_lines(subject) == client_lines(real),
        Promise::Greeting => greeting(subject) == greeting(real),
        Promise::FieldNames => field_names(subject) == field_names(real),
        Promise::Dumped => dumped(subject).is_some() && dumped(subject) == dumped(real),
    }
}

/// The type of what is in a payload of DUMP, and its content, if that is one string, as most are.
fn dumped(payload: &Value) -> Option<(u8, Vec<u8>)> {
    let (form, body) = persistence::dump::unseal(payload.as_bytes()?)?.split_first()?;
    let mut reader = persistence::rdb::Reader::new(body);
    let content = reader.string().ok()?;
    (reader.offset() == body.len() as u64).then_some((*form, content))
}

fn near(subject: &Value, real: &Value, slack: u64) -> bool {
    if let (Some(ours), Some(theirs)) = (subject.as_array(), real.as_array()) {
        let mut pairs = ours.iter().zip(theirs);
        return ours.len() == theirs.len()
            && pairs.all(|(ours, theirs)| ours == theirs || near(ours, theirs, slack));
    }
    match (subject.as_integer(), real.as_integer()) {
        (Some(ours), Some(theirs)) => 0 <= ours && 0 <= theirs && ours.abs_diff(theirs) <= slack,
        _ => false,
    }
}

fn promise<W: AsRef<[u8]>>(words: &[W]) -> Promise {
    let word =
        |at: usize| words.get(at).map_or_else(Vec::new, |word| word.as_ref().to_ascii_uppercase());
    let (name, sub) = (word(0), word(1));
    match (name.as_slice(), sub.as_slice()) {
        // Of all commands: as many as a server has.
        (b"COMMAND", b"INFO" | b"LIST" | b"DOCS") if words.len() == 2 => Promise::Kind,
        (
            b"KEYS" | b"SCAN" | b"SSCAN" | b"SMEMBERS" | b"SINTER" | b"SUNION" | b"SDIFF" | b"SPOP"
            | b"SRANDMEMBER" | b"HGETALL" | b"HKEYS" | b"HVALS" | b"HSCAN" | b"ZSCAN",
            _,
        )
        | (b"CONFIG", b"GET")
        | (b"COMMAND", b"LIST") => Promise::AnyOrder,
        (b"COMMAND", b"INFO") => Promise::Described,
        (b"PTTL" | b"PEXPIRETIME" | b"HPTTL" | b"HPEXPIRETIME", _) => NEAR_MS,
        (b"TTL" | b"EXPIRETIME" | b"HTTL" | b"HEXPIRETIME", _) => NEAR_S,
        // A time from now is later than the same one set before, unless both came within a millisecond.
        (b"EXPIRE" | b"PEXPIRE" | b"HEXPIRE" | b"HPEXPIRE", _) if is_comparison(words) => Promise::Near(1),
        // Frequencies grow at random.
        (b"OBJECT", b"FREQ") => Promise::Near(255),
        (b"XPENDING" | b"XINFO", _) => Promise::Deliveries,
        (b"HELLO", _) => Promise::Greeting,
        // COMMAND alone: as many as a server has, in the order of its table.
        (b"COMMAND", b"" | b"COUNT")
        | (b"RANDOMKEY" | b"ZRANDMEMBER" | b"TIME" | b"LOLWUT", _)
        | (b"MEMORY", b"USAGE" | b"STATS")
        | (b"CLIENT", b"ID")
        // Whether a server keeps one copy of small integers, which then has been idle since whenever any
        // key with it was used, is its own affair.
        | (b"OBJECT", b"REFCOUNT" | b"IDLETIME")
        | (_, b"HELP") => Promise::Kind,
        (b"CLIENT", b"LIST" | b"INFO") => Promise::ClientLines,
        (b"INFO", _) => Promise::FieldNames,
        (b"DUMP", _) => Promise::Dumped,
        _ => Promise::Exact,
    }
}

/// Whether a call sets a time only if it is later, or earlier, than the present one.
fn is_comparison<W: AsRef<[u8]>>(words: &[W]) -> bool {
    let compares =
        |word: &[u8]| word.eq_ignore_ascii_case(b"GT") || word.eq_ignore_ascii_case(b"LT");
    words.iter().skip(3).any(|word| compares(word.as_ref()))
}

/// The same value with all elements in the order of their bytes.
fn sorted(value: &Value) -> Value {
    let in_order = |values: &[Value]| {
        let mut values: Vec<Value> = values.iter().map(sorted).collect();
        values.sort_by_cached_key(encoded);
        values
    };
    if let Value::Array(values) = value {
        Value::Array(in_order(values))
    } else if let Value::Set(values) = value {
        Value::Set(in_order(values))
    } else if let Value::Map(pairs) = value {
        let mut pairs = pairs.clone();
        pairs.sort_by_cached_key(|(name, _)| encoded(name));
        Value::Map(pairs)
    } else {
        value.clone()
    }
}

/// The same value without the remarks of key specifications.
fn without_notes(value: &Value) -> Value {
    let is_name = |value: &Value| value.as_bytes() == Some(b"notes");
    if let Value::Map(pairs) = value {
        let kept = pairs.iter().filter(|(name, _)| !is_name(name));
        Value::Map(kept.map(|(name, value)| (name.clone(), without_notes(value))).collect())
    } else if let Value::Array(values) = value {
        let mut kept = Vec::new();
        let mut rest = values.iter();
        while let Some(value) = rest.next() {
            if is_name(value) {
                rest.next();
            } else {
                kept.push(without_notes(value));
            }
        }
        Value::Array(kept)
    } else if let Value::Set(values) = value {
        Value::Set(values.iter().map(without_notes).collect())
    } else {
        value.clone()
    }
}

/// Names and values in turn, whichever protocol they came by.
fn greeting(value: &Value) -> Vec<Value> {
    let mut flat: Vec<Value> = if let Value::Map(pairs) = value {
        pairs.iter().flat_map(|(name, content)| [name.clone(), content.clone()]).collect()
    } else {
        value.as_array().unwrap_or_default().to_vec()
    };
    for at in (0..flat.len().saturating_sub(1)).step_by(2) {
        let name = flat[at].as_bytes().unwrap_or_default();
        if [b"version".as_slice(), b"id", b"modules"].contains(&name) {
            flat[at + 1] = Value::Null;
        }
    }
    flat
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

/// Whether two values are the same but for the times of pending entries and consumers.
fn deliveries(subject: &Value, real: &Value) -> bool {
    const SLACK_MS: u64 = 5000;
    const TIMES: [&[u8]; 4] = [b"idle", b"inactive", b"seen-time", b"active-time"];
    let is_time = |name: &Value| name.as_bytes().is_some_and(|name| TIMES.contains(&name));
    if let (Value::Map(ours), Value::Map(theirs)) = (subject, real) {
        let mut pairs = ours.iter().zip(theirs);
        return ours.len() == theirs.len()
            && pairs.all(|((name, mine), (other, value))| {
                let agree = deliveries(mine, value) || is_time(name) && near(mine, value, SLACK_MS);
                name == other && agree
            });
    }
    let (Some(ours), Some(theirs)) = (subject.as_array(), real.as_array()) else {
        return subject == real;
    };
    // A pending entry has the time of its delivery before the number of its deliveries.
    let is_number: Vec<bool> = ours.iter().map(|value| value.as_integer().is_some()).collect();
    let time = match *is_number {
        [false, false, true, true] => Some(2),
        [false, true, true] => Some(1),
        _ => None,
    };
    let mut pairs = ours.iter().zip(theirs).enumerate();
    ours.len() == theirs.len()
        && pairs.all(|(at, (mine, value))| {
            let may_differ = time == Some(at)
                || at.checked_sub(1).is_some_and(|before| is_time(&theirs[before]));
            deliveries(mine, value) || may_differ && near(mine, value, SLACK_MS)
        })
}

fn client_lines(value: &Value) -> Vec<Vec<(String, Option<String>)>> {
    let text = value.as_text().unwrap_or_default();
    let lines = text.lines().map(|line| {
        let fields = line.split(' ').map(|field| {
            let (name, content) = field.split_once('=').unwrap_or((field, ""));
            let kept = CLIENT_FIELDS.contains(&name).then(|| content.to_owned());
            (name.to_owned(), kept)
        });
        fields.collect()
    });
    lines.collect()
}

fn field_names(value: &Value) -> Vec<String> {
    let text = value.as_text().unwrap_or_default();
    text.lines().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
}
