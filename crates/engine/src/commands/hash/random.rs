//! Random fields: HRANDFIELD.

use collections::Hash;
use collections::hash::FieldRef;
use command::argument::{block, integer, key, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::{Protocol, Reply, ReplyError};

use super::reply_element;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static HRANDFIELD: Command = Declaration {
    summary: "Returns random fields of a hash.",
    complexity: "O(N) where N is the number of fields returned.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        block("options", &[integer("count"), token("withvalues", "WITHVALUES").optional()])
            .optional(),
    ],
    tips: &["nondeterministic_output"],
    ..Declaration::new("HRANDFIELD", Group::Hash, "6.2.0", Handler::Keys(hrandfield))
};

fn hrandfield(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let wanted = if arguments.is_empty() { None } else { Some(Wanted::read(&mut arguments)?) };

    let mut source = call.keys.round.random.clone();
    let mut random = || source.number();
    let Call { keys, reply, .. } = call;
    let hash = keys.read_as::<Hash>(key)?;
    match (wanted, hash) {
        (None, None) => reply.null(),
        (None, Some(hash)) => match hash.random(&mut random) {
            Some(field) => reply_element(reply, field.name),
            None => reply.null(),
        },
        (Some(_), None) => reply.array(0),
        (Some(Wanted { count: Count::Different(count), with_values }), Some(hash)) => {
            let fields = hash.random_fields(count, &mut random);
            reply_fields(reply, fields.len(), fields.into_iter(), with_values);
        }
        (Some(Wanted { count: Count::Any(count), with_values }), Some(hash)) => {
            let count = if hash.live_len() == 0 { 0 } else { count };
            let fields = std::iter::from_fn(|| hash.random(&mut random)).take(count);
            reply_fields(reply, count, fields, with_values);
        }
    }
    call.keys.round.random = source;
    Ok(())
}

/// How many fields are wanted, and of what kind.
#[derive(Clone, Copy)]
struct Wanted {
    count: Count,
    with_values: bool,
}

#[derive(Clone, Copy)]
enum Count {
    /// Each at most once.
    Different(usize),
    /// Each as often as it is drawn.
    Any(usize),
}

impl Wanted {
    fn read(arguments: &mut Arguments<'_>) -> Result<Wanted, ReplyError> {
        /// Whoever asks for more than can be sent would only fill the memory.
        const MOST: usize = 1 << 24;
        let count = arguments.integer()?;
        if count == i64::MIN {
            return Err(COUNT_OUT_OF_RANGE);
        }
        let with_values = arguments.accept(b"WITHVALUES");
        arguments.finish()?;
        if with_values && i64::MAX.unsigned_abs() / 2 < count.unsigned_abs() {
            return Err(ReplyError::OutOfRange);
        }
        let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        let count = match count {
            0.. => Count::Different(size),
            _ if MOST < size => return Err(ReplyError::OutOfRange),
            _ => Count::Any(size),
        };
        Ok(Wanted { count, with_values })
    }
}

fn reply_fields<'a>(
    reply: &mut Reply<'_>,
    count: usize,
    fields: impl Iterator<Item = FieldRef<'a>>,
    with_values: bool,
) {
    let in_pairs = with_values && reply.protocol() == Protocol::Resp3;
    let elements = if with_values && !in_pairs { count.saturating_mul(2) } else { count };
    reply.array(elements);
    for field in fields {
        if in_pairs {
            reply.array(2);
        }
        reply_element(reply, field.name);
        if with_values {
            reply_element(reply, field.value);
        }
    }
}

const COUNT_OUT_OF_RANGE: ReplyError = ReplyError::message(
    "value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
