//! Between replies and the values of Lua, in both directions, as the documentation of scripting has it.
//!
//! A reply is read where it lies and its values are pushed as they come; what a script returns is written as it is visited.
//! Whatever makes a value may raise an error when memory runs out, so nothing is held here that would have to be dropped.

use resp::{Protocol, Reply, ReplyError};

use crate::stack::{Place, Seen, Stack};

/// How deep tables may be nested that become a reply.
const DEPTH_LIMIT: usize = 500;
/// How deep replies may be nested; ours are not half as deep.
const REPLY_DEPTH_LIMIT: usize = 100;

/// Where the names are bound to a native function that deal with replies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) ok: Place,
    pub(crate) err: Place,
}

/// An error that a script replies with, or that is part of its reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorReply {
    /// The code, as statistics have it.
    pub code: String,
    /// It is the error of a call, and was counted when that was made.
    pub is_counted: bool,
}

/// The field of an error reply that says that it [is counted](ErrorReply::is_counted), as scripts know it.
pub(crate) const IS_COUNTED: &[u8] = b"ignore_error_stats_update";

/// What a script is told of a reply that was pushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    Value,
    /// An error, which `call` raises.
    Failure,
}

/// A reply that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unreadable;

/// Pushes what a script sees of a reply. May raise. After an error there is anything behind what was there before.
pub(crate) fn push_reply(
    stack: &mut Stack<'_>,
    names: Names,
    reply: &[u8],
    protocol: Protocol,
) -> Result<Told, Unreadable> {
    let mut reader = Reader { rest: reply, protocol, names };
    reader.push(stack, 0)
}

/// Pushes an error reply. May raise.
pub(crate) fn push_failure(stack: &mut Stack<'_>, names: Names, text: &[u8]) {
    stack.push_table(0, 2);
    let table = stack.len();
    stack.push_copy(names.err);
    stack.push_string(text);
    stack.set_field(table);
}

/// Pushes the error of a call, which was counted. May raise.
fn push_counted_failure(stack: &mut Stack<'_>, names: Names, text: &[u8]) {
    push_failure(stack, names, text);
    let table = stack.len();
    stack.push_string(IS_COUNTED);
    stack.push_boolean(true);
    stack.set_field(table);
}

/// What is left to read of a reply.
struct Reader<'r> {
    rest: &'r [u8],
    protocol: Protocol,
    names: Names,
}

impl<'r> Reader<'r> {
    /// A line without its end.
    fn line(&mut self) -> Result<&'r [u8], Unreadable> {
        let end = self.rest.iter().position(|byte| *byte == b'\r').ok_or(Unreadable)?;
        let (line, rest) = self.rest.split_at_checked(end).ok_or(Unreadable)?;
        self.rest = rest.strip_prefix(b"\r\n").ok_or(Unreadable)?;
        Ok(line)
    }

    fn integer(&mut self) -> Result<i64, Unreadable> {
        resp::number::parse_integer(self.line()?).ok_or(Unreadable)
    }

    /// A length; none for what is not there.
    fn length(&mut self) -> Result<Option<usize>, Unreadable> {
        match self.integer()? {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| Unreadable),
        }
    }

    fn count(&mut self) -> Result<usize, Unreadable> {
        self.length()?.ok_or(Unreadable)
    }

    fn bytes(&mut self, length: usize) -> Result<&'r [u8], Unreadable> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Unreadable)?;
        self.rest = rest.strip_prefix(b"\r\n").ok_or(Unreadable)?;
        Ok(bytes)
    }

    fn push(&mut self, stack: &mut Stack<'_>, depth: usize) -> Result<Told, Unreadable> {
        /// Values that are on the stack for one level.
        const SLOTS: i32 = 6;
        if REPLY_DEPTH_LIMIT <= depth || 0 < depth && !stack.has_room(SLOTS) {
            return Err(Unreadable);
        }
        let (kind, rest) = self.rest.split_first().ok_or(Unreadable)?;
        self.rest = rest;
        match kind {
            b':' => push_integer(stack, self.integer()?),
            b'$' => match self.length()? {
                Some(length) => stack.push_string(self.bytes(length)?),
                None => self.push_nothing(stack),
            },
            b'+' => {
                let text = self.line()?;
                self.push_status(stack, text);
            }
            b'-' => {
                push_counted_failure(stack, self.names, self.line()?);
                return Ok(Told::Failure);
            }
            b'!' => {
                let length = self.count()?;
                push_counted_failure(stack, self.names, self.bytes(length)?);
                return Ok(Told::Failure);
            }
            b'*' => match self.length()? {
                Some(count) => self.push_array(stack, count, depth)?,
                None => self.push_nothing(stack),
            },
            b'>' => {
                let count = self.count()?;
                self.push_array(stack, count, depth)?;
            }
            b'_' => {
                self.line()?;
                self.push_nothing(stack);
            }
            b'#' => {
                let value = self.line()? == b"t";
                stack.push_boolean(value);
            }
            b',' => {
                let text = str::from_utf8(self.line()?).map_err(|_| Unreadable)?;
                let number = text.parse().unwrap_or(f64::NAN);
                let table = push_tagged(stack, b"double");
                stack.push_number(number);
                stack.set_field(table);
            }
            b'(' => {
                let text = self.line()?;
                let table = push_tagged(stack, b"big_number");
                stack.push_string(text);
                stack.set_field(table);
            }
            b'=' => {
                let length = self.count()?;
                push_verbatim(stack, self.bytes(length)?)?;
            }
            b'%' => self.push_map(stack, depth)?,
            b'~' => self.push_set(stack, depth)?,
            b'|' => return self.push_attributed(stack, depth.saturating_add(1)),
            _ => return Err(Unreadable),
        }
        Ok(Told::Value)
    }

    /// A value without what is told beside it, which scripts do not see.
    fn push_attributed(&mut self, stack: &mut Stack<'_>, depth: usize) -> Result<Told, Unreadable> {
        let len = stack.len();
        for _ in 0..self.count()?.saturating_mul(2) {
            self.push(stack, depth)?;
            stack.truncate(len);
        }
        self.push(stack, depth)
    }

    fn push_nothing(&self, stack: &mut Stack<'_>) {
        match self.protocol {
            Protocol::Resp2 => stack.push_boolean(false),
            Protocol::Resp3 => stack.push_nil(),
        }
    }

    fn push_status(&self, stack: &mut Stack<'_>, text: &[u8]) {
        stack.push_table(0, 1);
        let table = stack.len();
        stack.push_copy(self.names.ok);
        stack.push_string(text);
        stack.set_field(table);
    }

    fn push_array(
        &mut self,
        stack: &mut Stack<'_>,
        count: usize,
        depth: usize,
    ) -> Result<(), Unreadable> {
        // None has more elements than bytes.
        stack.push_table(count.min(self.rest.len()), 0);
        let table = stack.len();
        for place in (1_i32..).take(count) {
            self.push(stack, depth.saturating_add(1))?;
            stack.set_element(table, place);
        }
        Ok(())
    }

    fn push_map(&mut self, stack: &mut Stack<'_>, depth: usize) -> Result<(), Unreadable> {
        let count = self.count()?;
        let outer = push_tagged(stack, b"map");
        stack.push_table(0, count.min(self.rest.len()));
        let table = stack.len();
        for _ in 0..count {
            self.push(stack, depth.saturating_add(1))?;
            self.push(stack, depth.saturating_add(1))?;
            stack.set_field(table);
        }
        stack.set_field(outer);
        Ok(())
    }

    fn push_set(&mut self, stack: &mut Stack<'_>, depth: usize) -> Result<(), Unreadable> {
        let count = self.count()?;
        let outer = push_tagged(stack, b"set");
        stack.push_table(0, count.min(self.rest.len()));
        let table = stack.len();
        for _ in 0..count {
            self.push(stack, depth.saturating_add(1))?;
            stack.push_boolean(true);
            stack.set_field(table);
        }
        stack.set_field(outer);
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers are doubles in Lua 5.1")]
fn push_integer(stack: &mut Stack<'_>, number: i64) {
    stack.push_number(number as f64);
}

/// Pushes a table and the name of its only field; gives the table's place.
fn push_tagged(stack: &mut Stack<'_>, tag: &[u8]) -> Place {
    stack.push_table(0, 1);
    let table = stack.len();
    stack.push_string(tag);
    table
}

fn push_verbatim(stack: &mut Stack<'_>, bytes: &[u8]) -> Result<(), Unreadable> {
    let (format, text) = bytes.split_at_checked(3).ok_or(Unreadable)?;
    let text = text.strip_prefix(b":").ok_or(Unreadable)?;
    let outer = push_tagged(stack, b"verbatim_string");
    stack.push_table(0, 2);
    let table = stack.len();
    for (name, value) in [(&b"string"[..], text), (b"format", format)] {
        stack.push_string(name);
        stack.push_string(value);
        stack.set_field(table);
    }
    stack.set_field(outer);
    Ok(())
}

/// Replies with the last value, which a script has returned, and notes the errors in the reply. `protocol` is the one that the script has
/// chosen; the names of the fields that say what reply a table is are bound from `names` on, in the order of [`FIELDS`]. May raise.
pub(crate) fn write_reply(
    stack: &mut Stack<'_>,
    names: i32,
    protocol: Protocol,
    reply: &mut Reply<'_>,
    errors: &mut Vec<ErrorReply>,
) {
    Writer { names, protocol, errors }.write(stack, stack.len(), reply, 0);
}

/// The names of the fields that say what reply a table is, in the order in which they are asked for.
pub(crate) const FIELDS: [&[u8]; 7] =
    [b"err", b"ok", b"double", b"map", b"set", b"big_number", b"verbatim_string"];
/// The place of the last of them.
const VERBATIM: i32 = 6;

struct Writer<'e> {
    names: i32,
    protocol: Protocol,
    errors: &'e mut Vec<ErrorReply>,
}

impl Writer<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a reply has the integer part, as far as it fits"
    )]
    fn write(&mut self, stack: &mut Stack<'_>, place: Place, reply: &mut Reply<'_>, depth: usize) {
        match stack.see(place) {
            Seen::String(string) => reply.bulk(string),
            Seen::Number(number) => reply.integer(number as i64),
            Seen::Boolean(value) => match (self.protocol, value) {
                (Protocol::Resp3, value) => reply.boolean(value),
                (Protocol::Resp2, true) => reply.integer(1),
                (Protocol::Resp2, false) => reply.null(),
            },
            Seen::Table => self.write_table(stack, place, reply, depth),
            Seen::Nil | Seen::Null | Seen::Other => reply.null(),
        }
    }

    /// Leaves the stack as it was.
    fn write_table(
        &mut self,
        stack: &mut Stack<'_>,
        table: Place,
        reply: &mut Reply<'_>,
        depth: usize,
    ) {
        /// Values that are on the stack for one level.
        const SLOTS: i32 = 6;
        if DEPTH_LIMIT <= depth || !stack.has_room(SLOTS) {
            self.write_error(&ReplyError::message("reached lua stack limit"), false, reply);
            return;
        }
        let len = stack.len();
        if !self.write_tagged(stack, table, reply, depth) {
            let pending = reply.deferred_array();
            let mut count = 0_usize;
            for number in 1_i32.. {
                stack.push_element(table, number);
                let place = stack.len();
                if stack.see(place) == Seen::Nil {
                    break;
                }
                self.write(stack, place, reply, depth.saturating_add(1));
                stack.truncate(len);
                count = count.saturating_add(1);
            }
            reply.close(pending, count);
        }
        stack.truncate(len);
    }

    fn write_error(&mut self, error: &ReplyError, is_counted: bool, reply: &mut Reply<'_>) {
        self.errors.push(ErrorReply { code: error.code().into_owned(), is_counted });
        reply.error(error);
    }

    /// Replies with an error whose text is at a place.
    fn write_failure(
        &mut self,
        stack: &mut Stack<'_>,
        (table, text): (Place, Place),
        reply: &mut Reply<'_>,
    ) {
        stack.push_string(IS_COUNTED);
        stack.exchange_key(table);
        let is_counted = stack.see(stack.len()) == Seen::Boolean(true);
        if let Seen::String(text) = stack.see(text) {
            let text = up_to_nul(text);
            let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
            let line = end.and_then(|end| text.get(..=end)).unwrap_or_default();
            self.write_error(&ReplyError::quoting(line), is_counted, reply);
        }
    }

    /// Pushes a field, by the place of its name in [`FIELDS`].
    fn push_field(&self, stack: &mut Stack<'_>, table: Place, field: i32) -> Place {
        stack.push_copy(Stack::bound(self.names.saturating_add(field)));
        stack.exchange_key(table);
        stack.len()
    }

    /// Replies with a table that says by the name of a field what it is; whether it does.
    fn write_tagged(
        &mut self,
        stack: &mut Stack<'_>,
        table: Place,
        reply: &mut Reply<'_>,
        depth: usize,
    ) -> bool {
        for field in (0_i32..).take(FIELDS.len()) {
            let place = self.push_field(stack, table, field);
            if field == VERBATIM && stack.see(place) == Seen::Table {
                return write_verbatim(stack, place, reply);
            }
            match (field, stack.see(place)) {
                (0, Seen::String(_)) => self.write_failure(stack, (table, place), reply),
                (1, Seen::String(text)) => write_status(text, reply),
                (2, Seen::Number(number)) => reply.double(number),
                (3, Seen::Table) => self.write_pairs(stack, place, reply, depth, true),
                (4, Seen::Table) => self.write_pairs(stack, place, reply, depth, false),
                (5, Seen::String(number)) => {
                    let decimal = String::from_utf8_lossy(number).replace(['\r', '\n'], " ");
                    reply.big_number(&decimal);
                }
                _ => {
                    stack.truncate(place.saturating_sub(1));
                    continue;
                }
            }
            return true;
        }
        false
    }

    /// The pairs of a map, or the keys of a set.
    fn write_pairs(
        &mut self,
        stack: &mut Stack<'_>,
        table: Place,
        reply: &mut Reply<'_>,
        depth: usize,
        with_values: bool,
    ) {
        let pending = if with_values { reply.deferred_map() } else { reply.deferred_set() };
        let mut count = 0_usize;
        stack.push_nil();
        let key = stack.len();
        while stack.advance(table) {
            self.write(stack, key, reply, depth.saturating_add(1));
            if with_values {
                self.write(stack, key.saturating_add(1), reply, depth.saturating_add(1));
            }
            stack.truncate(key);
            count = count.saturating_add(1);
        }
        reply.close(pending, count);
    }
}

/// The lines of replies end with a NUL where Redis makes them, with strings of C.
pub(crate) fn up_to_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A status may not end its line early.
fn write_status(text: &[u8], reply: &mut Reply<'_>) {
    let text = up_to_nul(text);
    let tail = reply.output().tail();
    tail.push(b'+');
    tail.extend(text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
    tail.extend_from_slice(b"\r\n");
}

/// Whether it is one that has a format and a text.
fn write_verbatim(stack: &mut Stack<'_>, table: Place, reply: &mut Reply<'_>) -> bool {
    for name in [&b"format"[..], b"string"] {
        stack.push_string(name);
        stack.exchange_key(table);
    }
    let text = stack.len();
    let (Seen::String(format), Seen::String(text)) =
        (stack.see(text.saturating_sub(1)), stack.see(text))
    else {
        stack.truncate(table);
        return false;
    };
    reply.verbatim(if format == b"mkd" { "mkd" } else { "txt" }, text);
    true
}
