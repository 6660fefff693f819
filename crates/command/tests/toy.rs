//! A small engine with diverse commands, declared as the real one declares its own.
//!
//! Its handlers borrow from the call they are given, as those of the real engine do. Two of them read
//! their words to the end; the others only echo how many there are.

use ochre_command::argument::{
    Argument, block, double, integer, key, one_of, pattern, string, token, unix_time,
};
use ochre_command::{Arguments, Categories, Flags, Group, KeyFinder, KeySpec, Table, keys};
use resp::{Output, Protocol, Reply, ReplyError, Words};

pub(crate) type Outcome = Result<(), ReplyError>;
pub(crate) type Handler = for<'a> fn(&mut Call<'a>) -> Outcome;
pub(crate) type Command = ochre_command::Command<Handler>;

/// What a handler works with.
pub(crate) struct Call<'a> {
    pub(crate) arguments: Arguments<'a>,
    pub(crate) reply: Reply<'a>,
}

/// Runs a call, and returns the bytes of its reply.
pub(crate) fn run(table: &Table<Handler>, words: Words<'_>) -> Vec<u8> {
    let mut output = Output::new();
    let outcome = table.resolve(words).and_then(|entry| {
        let mut call = Call {
            arguments: Arguments::new(words.skip(entry.name_words())),
            reply: Reply::new(&mut output, Protocol::Resp2),
        };
        let run = entry.run.ok_or_else(|| ReplyError::WrongArity(entry.name()))?;
        run(&mut call)
    });
    if let Err(error) = outcome {
        Reply::new(&mut output, Protocol::Resp2).error(&error);
    }
    output.as_slice().unwrap().to_vec()
}

pub(crate) const FAMILIES: &[&[&Command]] = &[
    &[&GET, &SET, &MSET],
    &[&ZADD, &ZUNIONSTORE],
    &[&EVAL, &XREADGROUP, &SORT, &MIGRATE, &OBJECT, &CONFIG],
    &[&GEORADIUS, &BITOP, &BITFIELD, &SPUBLISH, &QUIT, &PFDEBUG],
];

static GET: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key")],
    ..Command::new("GET", Group::String, "1.0.0", count)
};

static SET: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).accesses().updates().variable_flags().notes("-")],
    key_finder: Some(KeyFinder::Flags(keys::set_flags)),
    arguments: &[
        key("key"),
        string("value"),
        one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional().since("2.6.12"),
        token("get", "GET").optional().since("6.2.0"),
        one_of(
            "expiration",
            &[
                integer("seconds").after("EX").since("2.6.12"),
                integer("milliseconds").after("PX").since("2.6.12"),
                unix_time("unix-time-seconds").after("EXAT").since("6.2.0"),
                unix_time("unix-time-milliseconds").after("PXAT").since("6.2.0"),
                token("keepttl", "KEEPTTL").since("6.0.0"),
            ],
        )
        .optional(),
    ],
    history: &[("2.6.12", "-"), ("6.0.0", "-"), ("6.2.0", "-"), ("7.0.0", "-")],
    ..Command::new("SET", Group::String, "1.0.0", set)
};

/// Replies what it read: key, value, and the options that were there.
fn set(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, value) = (arguments.string()?, arguments.string()?);
    let mut options = Vec::new();
    while let Some(word) = arguments.peek_keyword() {
        arguments.skip();
        match &*word {
            b"NX" | b"XX" | b"GET" | b"KEEPTTL" => options.push(0),
            b"EX" | b"PX" | b"EXAT" | b"PXAT" => options.push(arguments.integer()?),
            _ => return Err(ReplyError::Syntax),
        }
    }
    arguments.finish()?;
    call.reply.array(3);
    call.reply.bulk(key);
    call.reply.bulk(value);
    call.reply.array(options.len());
    for option in options {
        call.reply.integer(option);
    }
    Ok(())
}

static MSET: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(1).to_last().step(2).updates()],
    arguments: &[block("data", &[key("key"), string("value")]).multiple()],
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    ..Command::new("MSET", Group::String, "1.0.1", count)
};

static ZADD: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: &[KeySpec::read_write(1).updates()],
    arguments: &[
        key("key"),
        one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional().since("3.0.2"),
        one_of("comparison", &[token("gt", "GT"), token("lt", "LT")]).optional().since("6.2.0"),
        token("change", "CH").optional().since("3.0.2"),
        token("increment", "INCR").optional().since("3.0.2"),
        block("data", &[double("score"), string("member")]).multiple(),
    ],
    history: &[("2.4.0", "-"), ("3.0.2", "-"), ("6.2.0", "-")],
    ..Command::new("ZADD", Group::SortedSet, "1.2.0", count)
};

static ZUNIONSTORE: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(1).updates(), KeySpec::read_only(2).numbered().accesses()],
    arguments: &[
        key("destination"),
        integer("numkeys"),
        key("key").spec(1).multiple(),
        integer("weight").after("WEIGHTS").optional().multiple(),
        one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
            .after("AGGREGATE")
            .optional(),
    ],
    ..Command::new("ZUNIONSTORE", Group::SortedSet, "2.0.0", union_store)
};

/// Replies how many keys there are.
fn union_store(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    arguments.string()?;
    let count = usize::try_from(arguments.unsigned()?).map_err(|_| ReplyError::Syntax)?;
    let keys = arguments.split(count)?;
    while let Some(word) = arguments.peek_keyword() {
        arguments.skip();
        match &*word {
            b"WEIGHTS" => {
                let mut weights = arguments.split(count)?;
                while !weights.is_empty() {
                    weights.double()?;
                }
            }
            b"AGGREGATE" => match &*arguments.keyword()? {
                b"SUM" | b"MIN" | b"MAX" => {}
                _ => return Err(ReplyError::Syntax),
            },
            _ => return Err(ReplyError::Syntax),
        }
    }
    arguments.finish()?;
    call.reply.unsigned(keys.len() as u64);
    Ok(())
}

static EVAL: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::NO_SCRIPT
        .and(Flags::STALE)
        .and(Flags::SKIP_MONITOR)
        .and(Flags::MAY_REPLICATE)
        .and(Flags::NO_MANDATORY_KEYS),
    keys: &[KeySpec::read_write(2).numbered().accesses().updates().notes("-")],
    arguments: &[
        string("script"),
        integer("numkeys"),
        key("key").optional().multiple(),
        string("arg").optional().multiple(),
    ],
    ..Command::new("EVAL", Group::Scripting, "2.6.0", count)
};

static XREADGROUP: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::BLOCKING),
    keys: &[KeySpec::read_only(0).after("STREAMS", 4).to_last().limit(2).accesses()],
    key_finder: Some(KeyFinder::Positions(keys::stream_read_group)),
    arguments: &[
        block("group-block", &[string("group"), string("consumer")]).after("GROUP"),
        integer("count").after("COUNT").optional(),
        integer("milliseconds").after("BLOCK").optional(),
        token("noack", "NOACK").optional(),
        block("streams", &[key("key").multiple(), string("id").multiple()]).after("STREAMS"),
    ],
    ..Command::new("XREADGROUP", Group::Stream, "5.0.0", count)
};

static SORT: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    categories: Categories::SET
        .and(Categories::SORTED_SET)
        .and(Categories::LIST)
        .and(Categories::DANGEROUS),
    in_group_category: false,
    keys: &[
        KeySpec::read_only(1).accesses(),
        KeySpec::read_only(0).unknown().accesses().notes("-"),
        KeySpec::overwrite(0).unknown().updates().notes("-"),
    ],
    key_finder: Some(KeyFinder::Positions(keys::sort)),
    arguments: &[
        key("key"),
        pattern("by-pattern").display("pattern").after("BY").spec(1).optional(),
        block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        pattern("get-pattern")
            .display("pattern")
            .after("GET")
            .spec(1)
            .optional()
            .multiple_with_token(),
        one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
        token("sorting", "ALPHA").optional(),
        key("destination").after("STORE").spec(2).optional(),
    ],
    ..Command::new("SORT", Group::Generic, "1.0.0", count)
};

static MIGRATE: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE,
    categories: Categories::DANGEROUS,
    keys: &[
        KeySpec::read_write(3).accesses().deletes(),
        KeySpec::read_write(0).after("KEYS", -2).to_last().accesses().deletes().incomplete(),
    ],
    key_finder: Some(KeyFinder::Positions(keys::migrate)),
    arguments: MIGRATE_ARGUMENTS,
    tips: &["nondeterministic_output"],
    history: &[("3.0.0", "-"), ("3.0.6", "-"), ("4.0.7", "-"), ("6.0.0", "-")],
    ..Command::new("MIGRATE", Group::Generic, "2.6.0", count)
};

const MIGRATE_ARGUMENTS: &[Argument] = &[
    string("host"),
    integer("port"),
    one_of("key-selector", &[key("key"), token("empty-string", "")]),
    integer("destination-db"),
    integer("timeout"),
    token("copy", "COPY").optional().since("3.0.0"),
    token("replace", "REPLACE").optional().since("3.0.0"),
    one_of(
        "authentication",
        &[
            string("auth").display("password").after("AUTH").since("4.0.7"),
            block("auth2", &[string("username"), string("password")]).after("AUTH2").since("6.0.0"),
        ],
    )
    .optional(),
    key("keys").display("key").after("KEYS").spec(1).optional().multiple().since("3.0.6"),
];

static OBJECT: Command = Command {
    summary: "-",
    complexity: "-",
    ..Command::container("OBJECT", Group::Generic, "2.2.3", OBJECT_SUBCOMMANDS)
};

const OBJECT_SUBCOMMANDS: &[&Command] =
    &[&OBJECT_ENCODING, &OBJECT_FREQ, &OBJECT_HELP, &OBJECT_IDLETIME, &OBJECT_REFCOUNT];

const fn object_subcommand(name: &'static str, since: &'static str) -> Command {
    Command {
        summary: "-",
        complexity: "-",
        flags: Flags::READ_ONLY,
        keys: OBJECT_KEYS,
        arguments: OBJECT_ARGUMENTS,
        tips: &["nondeterministic_output"],
        ..Command::new(name, Group::Generic, since, count)
    }
}

const OBJECT_KEYS: &[KeySpec] = &[KeySpec::read_only(2)];
const OBJECT_ARGUMENTS: &[Argument] = &[key("key")];

static OBJECT_IDLETIME: Command = object_subcommand("OBJECT|IDLETIME", "2.2.3");
static OBJECT_ENCODING: Command = object_subcommand("OBJECT|ENCODING", "2.2.3");
static OBJECT_FREQ: Command = object_subcommand("OBJECT|FREQ", "4.0.0");
static OBJECT_REFCOUNT: Command = object_subcommand("OBJECT|REFCOUNT", "2.2.3");
static OBJECT_HELP: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::LOADING.and(Flags::STALE),
    ..Command::new("OBJECT|HELP", Group::Generic, "6.2.0", count)
};

static CONFIG: Command =
    Command { ..Command::container("CONFIG", Group::Server, "2.0.0", &[&CONFIG_SET]) };

static CONFIG_SET: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::ADMIN.and(Flags::NO_SCRIPT).and(Flags::LOADING).and(Flags::STALE),
    arguments: &[block("data", &[string("parameter"), string("value")]).multiple()],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    history: &[("7.0.0", "-")],
    ..Command::new("CONFIG|SET", Group::Server, "2.0.0", count)
};

static GEORADIUS: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[
        KeySpec::read_only(1).accesses(),
        KeySpec::overwrite(0).after("STORE", 6).updates(),
        KeySpec::overwrite(0).after("STOREDIST", 6).updates(),
    ],
    key_finder: Some(KeyFinder::Positions(keys::geo_radius)),
    arguments: GEORADIUS_ARGUMENTS,
    history: &[("6.2.0", "-"), ("7.0.0", "-")],
    deprecated_since: Some("6.2.0"),
    replaced_by: Some("-"),
    ..Command::new("GEORADIUS", Group::Geo, "3.2.0", count)
};

const GEORADIUS_ARGUMENTS: &[Argument] = &[
    key("key"),
    double("longitude"),
    double("latitude"),
    double("radius"),
    one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]),
    token("withcoord", "WITHCOORD").optional(),
    token("withdist", "WITHDIST").optional(),
    token("withhash", "WITHHASH").optional(),
    block(
        "count-block",
        &[integer("count").after("COUNT"), token("any", "ANY").optional().since("6.2.0")],
    )
    .optional(),
    one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
    one_of(
        "store",
        &[
            key("storekey").display("key").after("STORE").spec(1),
            key("storedistkey").display("key").after("STOREDIST").spec(2),
        ],
    )
    .optional(),
];

static BITOP: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(2).updates(), KeySpec::read_only(3).to_last().accesses()],
    arguments: &[
        one_of(
            "operation",
            &[token("and", "AND"), token("or", "OR"), token("xor", "XOR"), token("not", "NOT")],
        ),
        key("destkey"),
        key("key").spec(1).multiple(),
    ],
    ..Command::new("BITOP", Group::Bitmap, "2.6.0", count)
};

static BITFIELD: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).accesses().updates().variable_flags().notes("-")],
    key_finder: Some(KeyFinder::Flags(keys::bit_field_flags)),
    arguments: &[key("key"), one_of("operation", BITFIELD_OPERATIONS).optional().multiple()],
    ..Command::new("BITFIELD", Group::Bitmap, "3.2.0", count)
};

const BITFIELD_OPERATIONS: &[Argument] = &[
    block("get-block", &[string("encoding"), integer("offset")]).after("GET"),
    block(
        "write",
        &[
            one_of(
                "overflow-block",
                &[token("wrap", "WRAP"), token("sat", "SAT"), token("fail", "FAIL")],
            )
            .after("OVERFLOW")
            .optional(),
            one_of(
                "write-operation",
                &[
                    block("set-block", &[string("encoding"), integer("offset"), integer("value")])
                        .after("SET"),
                    block(
                        "incrby-block",
                        &[string("encoding"), integer("offset"), integer("increment")],
                    )
                    .after("INCRBY"),
                ],
            ),
        ],
    ),
];

static SPUBLISH: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::PUB_SUB
        .and(Flags::LOADING)
        .and(Flags::STALE)
        .and(Flags::FAST)
        .and(Flags::MAY_REPLICATE),
    keys: &[KeySpec::not_key(1)],
    arguments: &[string("shardchannel"), string("message")],
    ..Command::new("SPUBLISH", Group::PubSub, "7.0.0", count)
};

static QUIT: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::NO_SCRIPT
        .and(Flags::LOADING)
        .and(Flags::STALE)
        .and(Flags::FAST)
        .and(Flags::NO_AUTH)
        .and(Flags::ALLOW_BUSY),
    arity_override: Some(-1),
    deprecated_since: Some("7.2.0"),
    replaced_by: Some("-"),
    ..Command::new("QUIT", Group::Connection, "1.0.0", count)
};

static PFDEBUG: Command = Command {
    summary: "-",
    complexity: "-",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::ADMIN),
    keys: &[KeySpec::read_write(2).accesses()],
    arguments: &[string("subcommand"), key("key")],
    internal: true,
    ..Command::new("PFDEBUG", Group::HyperLogLog, "2.8.9", count)
};

/// Replies how many arguments there are.
#[expect(clippy::unnecessary_wraps, reason = "a handler may fail")]
fn count(call: &mut Call<'_>) -> Outcome {
    call.reply.unsigned(call.arguments.len() as u64);
    Ok(())
}
