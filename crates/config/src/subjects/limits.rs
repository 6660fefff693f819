//! What one client may ask of the server.

use super::bounds::{FROM_MEBIBYTE_64, POSITIVE_UNSIGNED_32};
use crate::Config;
use crate::directive::{Directive, Occasion, WordCount, Words};
use crate::field::field;
use crate::number::{Unit, bytes, bytes_with_unit, lenient_integer};
use crate::text::Text;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many clients may be connected.
    pub clients: u32,
    /// Bytes of commands that a client may have waiting.
    pub query_buffer_bytes: u64,
    /// Bytes of one argument.
    pub bulk_bytes: u64,
    /// Bytes of replies that clients may have waiting, by their class.
    pub output_buffer: OutputBufferLimits,
}

/// Bytes of replies that a client may have waiting, by its class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputBufferLimits {
    /// Clients that are nothing else.
    pub normal: OutputBufferLimit,
    /// Replicas.
    pub replica: OutputBufferLimit,
    /// Subscribers.
    pub pub_sub: OutputBufferLimit,
}

/// Bytes of replies that a client may have waiting before it is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputBufferLimit {
    /// Above it the client is closed at once; 0: no limit.
    pub hard_bytes: u64,
    /// Above it for `soft_s` seconds the client is closed; 0: no limit.
    pub soft_bytes: u64,
    /// Seconds that a client may stay above `soft_bytes`.
    pub soft_s: u32,
}

impl OutputBufferLimits {
    fn classes(&self, replica: &'static str) -> [(&'static str, OutputBufferLimit); 3] {
        [("normal", self.normal), (replica, self.replica), ("pubsub", self.pub_sub)]
    }

    fn class_mut(&mut self, name: &[u8]) -> Option<&mut OutputBufferLimit> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Some(&mut self.normal),
            b"slave" | b"replica" => Some(&mut self.replica),
            b"pubsub" => Some(&mut self.pub_sub),
            _ => None,
        }
    }
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::number("maxclients", "10000", POSITIVE_UNSIGNED_32, field!(limits.clients))
        .live()
        .about("How many clients may be connected. The server asks the system for as many file descriptors."),
    Directive::quantity(
        "client-query-buffer-limit",
        "1gb",
        Unit::Bytes,
        FROM_MEBIBYTE_64,
        field!(limits.query_buffer_bytes),
    )
    .live()
    .about("How many bytes of commands a client may have waiting before it is closed. At least 1mb."),
    Directive::words(
        "client-output-buffer-limit",
        "normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60",
        Words {
            sketch: "class hard soft seconds ...",
            count: WordCount::Any,
            set: set_output_buffer,
            print: print_output_buffer,
            lines: output_buffer_lines,
            lines_are_independent: true,
        },
    )
    .live()
    .about(
        "How many bytes of replies a client may leave unread before it is closed, by class (normal, replica, pubsub): at once above the \
         hard limit, or after that many seconds above the soft limit. 0: no limit.",
    ),
    Directive::quantity(
        "proto-max-bulk-len",
        "512mb",
        Unit::Bytes,
        FROM_MEBIBYTE_64,
        field!(limits.bulk_bytes),
    )
    .live()
    .about("How long a single argument, and so a string value, may be. At least 1mb."),
];

fn set_output_buffer(config: &mut Config, words: &[Text], _: Occasion) -> Result<(), String> {
    let (groups, rest) = words.as_chunks::<4>();
    if !rest.is_empty() {
        return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
    }
    let mut limits = config.limits.output_buffer;
    for [class, hard, soft, seconds] in groups {
        let class = limits.class_mut(class.as_bytes()).ok_or_else(|| {
            "Invalid client class specified in buffer limit configuration.".to_owned()
        })?;
        *class = output_buffer_limit(hard, soft, seconds).ok_or_else(|| {
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.".to_owned()
        })?;
    }
    config.limits.output_buffer = limits;
    Ok(())
}

fn output_buffer_limit(hard: &Text, soft: &Text, seconds: &Text) -> Option<OutputBufferLimit> {
    Some(OutputBufferLimit {
        hard_bytes: bytes(hard.as_bytes())?,
        soft_bytes: bytes(soft.as_bytes())?,
        soft_s: u32::try_from(lenient_integer(seconds.as_bytes())?).ok()?,
    })
}

fn print_output_buffer(config: &Config) -> Vec<u8> {
    let print = |(name, limit): (&str, OutputBufferLimit)| {
        format!("{name} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_s)
    };
    // Whoever reads the value of this directive still expects the old word.
    config.limits.output_buffer.classes("slave").map(print).join(" ").into_bytes()
}

fn output_buffer_lines(config: &Config) -> Vec<Vec<u8>> {
    let print = |(name, limit): (&str, OutputBufferLimit)| {
        let (hard, soft) = (limit.hard_bytes.into(), limit.soft_bytes.into());
        format!("{name} {} {} {}", bytes_with_unit(hard), bytes_with_unit(soft), limit.soft_s)
            .into_bytes()
    };
    config.limits.output_buffer.classes("replica").map(print).into()
}
