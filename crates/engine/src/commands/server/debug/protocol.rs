//! DEBUG PROTOCOL: a value of every type of reply, for tests of clients.

use resp::{Protocol, ReplyError};

use crate::Call;
use crate::command_table::Outcome;

/// Answers a value of the type named.
pub(super) fn protocol(call: &mut Call<'_>) -> Outcome {
    let name = call.arguments.string()?.to_ascii_lowercase();
    let reply = &mut call.reply;
    match name.as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(DOUBLE),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if reply.protocol() == Protocol::Resp2 => return Err(ONLY_RESP3),
        b"push" => {
            // Redis sends the push only after the reply.
            reply.bulk(b"Some real reply following the push reply");
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        _ => return Err(NO_TYPE),
    }
    Ok(())
}

#[expect(clippy::approx_constant, reason = "what Redis answers")]
const DOUBLE: f64 = 3.141;
const ONLY_RESP3: ReplyError = ReplyError::message("RESP2 is not supported by this command");
const NO_TYPE: ReplyError = ReplyError::message(
    "Wrong protocol type name. Please use one of the following: \
     string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);
