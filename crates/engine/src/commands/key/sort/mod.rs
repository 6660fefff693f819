//! Sorting the elements of lists, sets and sorted sets: SORT and `SORT_RO`.
//!
//! What elements are sorted by, and what is shown of them, may come from other keys, which patterns name: `weight_*` means the
//! string at `weight_3` for the element `3`, `object_*->name` a field of a hash. Such keys are declared nowhere, so a call with such
//! a pattern runs with the whole keyspace at rest; any other locks its own keys only.

mod order;
mod pattern;

#[cfg(test)]
mod tests;

use std::ops::{ControlFlow, Range};

use collections::list::End;
use collections::list_pack::Element;
use collections::sorted_set::{Direction, SortedSetRef};
use collections::{Collection, Encoding, List, ObjectRef, SortedSet};
use command::argument::{
    Argument, block, integer, key, one_of, pattern as pattern_argument, token,
};
use command::{
    Arguments, Categories, Command as Declaration, Flags, Group, KeyFinder, KeySpec, keys,
};
use keyspace::SetExpiry;
use resp::{ReplyError, Words};

use super::super::list;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;
use order::{By, sort};
use pattern::Pattern;

const COMPLEXITY: &str = "O(N+M*log(M)), where N is the number of elements and M the number of those that are shown; O(N) if they are not sorted.";
const CATEGORIES: Categories =
    Categories::SET.and(Categories::SORTED_SET).and(Categories::LIST).and(Categories::DANGEROUS);
const BY: Argument =
    pattern_argument("by-pattern").display("pattern").spec(1).after("BY").optional();
const LIMIT: Argument =
    block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional();
const GET: Argument = pattern_argument("get-pattern")
    .display("pattern")
    .spec(1)
    .after("GET")
    .optional()
    .multiple_with_token();
const ORDER: Argument = one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional();
const ALPHA: Argument = token("sorting", "ALPHA").optional();

/// The key, and those that patterns name.
const READ: [KeySpec; 2] = [
    KeySpec::read_only(1).accesses(),
    KeySpec::read_only(0)
        .accesses()
        .unknown()
        .notes("For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"),
];

pub(super) static SORT: Command = Declaration {
    summary: "Sorts the elements of a list, a set or a sorted set, and returns them or stores them as a list.",
    complexity: COMPLEXITY,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    categories: CATEGORIES,
    in_group_category: false,
    keys: &[
        READ[0],
        READ[1],
        KeySpec::overwrite(0)
            .updates()
            .unknown()
            .notes("For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array"),
    ],
    key_finder: Some(KeyFinder::Positions(keys::sort)),
    arguments: &[
        key("key"),
        BY,
        LIMIT,
        GET,
        ORDER,
        ALPHA,
        key("destination").spec(2).after("STORE").optional(),
    ],
    ..Declaration::new(
        "SORT",
        Group::Generic,
        "1.0.0",
        Handler::KeysOrEverything { run: |call| run(call, Form::Storing), needs_everything },
    )
};

pub(super) static SORT_RO: Command = Declaration {
    summary: "Sorts the elements of a list, a set or a sorted set, and returns them.",
    complexity: COMPLEXITY,
    flags: Flags::READ_ONLY,
    categories: CATEGORIES,
    in_group_category: false,
    keys: &READ,
    arguments: &[key("key"), BY, LIMIT, GET, ORDER, ALPHA],
    ..Declaration::new(
        "SORT_RO",
        Group::Generic,
        "7.0.0",
        Handler::KeysOrEverything { run: |call| run(call, Form::Reading), needs_everything },
    )
};

/// Whether a command may store what it sorts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Storing,
    Reading,
}

/// Whether a call names keys by patterns. Words that are read wrongly here, since the call is malformed, do no harm.
fn needs_everything(words: Words<'_>) -> bool {
    let mut arguments = Arguments::new(words.skip(2));
    while let Some(word) = arguments.next_word() {
        let is_by = word.eq_ignore_ascii_case(b"BY");
        if is_by || word.eq_ignore_ascii_case(b"GET") {
            let names = arguments.next_word().is_some_and(|word| Pattern::new(word).names_keys());
            if names {
                return true;
            }
        } else if word.eq_ignore_ascii_case(b"LIMIT") {
            arguments.skip();
            arguments.skip();
        } else if word.eq_ignore_ascii_case(b"STORE") {
            arguments.skip();
        }
    }
    false
}

fn run(call: &mut Call<'_>, form: Form) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let mut request = Request::read(arguments, form)?;
    let elements = request.elements(call, key)?;
    match request.destination {
        None => request.reply(call, &elements),
        Some(destination) => request.store(call, destination, &elements),
    }
    Ok(())
}

/// What a call asks for.
struct Request<'a> {
    by: Option<Pattern<'a>>,
    direction: Direction,
    is_alphabetic: bool,
    /// As it was given: where to begin, and how many.
    limit: (i64, i64),
    shown: Vec<Pattern<'a>>,
    destination: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    fn read(mut arguments: Arguments<'a>, form: Form) -> Result<Request<'a>, ReplyError> {
        let mut request = Request {
            by: None,
            direction: Direction::Ascending,
            is_alphabetic: false,
            limit: (0, -1),
            shown: Vec::new(),
            destination: None,
        };
        while !arguments.is_empty() {
            let name = arguments.keyword()?;
            match (&*name, arguments.len()) {
                (b"ASC", _) => request.direction = Direction::Ascending,
                (b"DESC", _) => request.direction = Direction::Descending,
                (b"ALPHA", _) => request.is_alphabetic = true,
                (b"LIMIT", 2..) => {
                    request.limit = (arguments.integer()?, arguments.integer()?);
                }
                (b"STORE", 1..) if form == Form::Storing => {
                    request.destination = Some(arguments.string()?);
                }
                (b"BY", 1..) => request.by = Some(Pattern::new(arguments.string()?)),
                (b"GET", 1..) => request.shown.push(Pattern::new(arguments.string()?)),
                _ => return Err(ReplyError::Syntax),
            }
        }
        Ok(request)
    }

    /// The elements to be shown, in order.
    fn elements(&mut self, call: &mut Call<'_>, key: &[u8]) -> Result<Vec<Vec<u8>>, ReplyError> {
        let object = match call.keys.read(key) {
            Some(entry) => Some(entry.object().ok_or(ReplyError::WrongType)?),
            None => None,
        };
        let (elements, order) = match object {
            None => (Vec::new(), Order::Given),
            Some(ObjectRef::List(list)) if self.keeps_order() => {
                let range = self.range(list.len());
                let (start, end) = match self.direction {
                    Direction::Ascending => (range.start, End::Head),
                    Direction::Descending => {
                        // From so many before the last one on.
                        (list.len().saturating_sub(range.start).saturating_sub(1), End::Tail)
                    }
                };
                (take(range.len(), |visit| list.visit(start, end, visit)), Order::Done)
            }
            Some(ObjectRef::List(list)) => {
                let elements = take(list.len(), |visit| list.visit(0, End::Head, visit));
                (elements, Order::Wanted)
            }
            Some(ObjectRef::Set(set)) => {
                if self.keeps_order() && self.destination.is_some() {
                    // Replicas have to come to the same list, so there must be some order.
                    (self.by, self.is_alphabetic) = (None, true);
                }
                let order = if self.keeps_order() { Order::Given } else { Order::Wanted };
                (set.iter().map(Element::to_vec).collect(), order)
            }
            Some(ObjectRef::SortedSet(set)) => {
                let gathered = self.members(set);
                if set.encoding() == Encoding::ListPack {
                    enlarge(call, key)?;
                }
                gathered
            }
            Some(ObjectRef::Hash(_) | ObjectRef::Stream(_)) => return Err(ReplyError::WrongType),
        };
        match order {
            Order::Done => Ok(elements),
            Order::Given => Ok(self.cut(elements)),
            Order::Wanted => {
                let by = By::new(self.by, self.is_alphabetic, self.destination.is_some());
                let elements = sort(call, elements, by, self.direction)?;
                Ok(self.cut(elements))
            }
        }
    }

    /// Members of a sorted set; those wanted, if they are not sorted otherwise.
    fn members(&self, set: SortedSetRef<'_>) -> (Vec<Vec<u8>>, Order) {
        let copied = |range: Range<usize>, direction| {
            set.range(range, direction).map(|(member, _)| member.to_vec()).collect()
        };
        if !self.keeps_order() {
            return (copied(0..set.len(), Direction::Ascending), Order::Wanted);
        }
        let range = self.range(set.len());
        let ranks = match self.direction {
            Direction::Ascending => range,
            Direction::Descending => set.len() - range.end..set.len() - range.start,
        };
        (copied(ranks, self.direction), Order::Done)
    }

    /// Whether a pattern that names no key says that nothing is to be sorted.
    fn keeps_order(&self) -> bool {
        self.by.is_some_and(|by| !by.has_star())
    }

    /// Which of so many elements are wanted.
    fn range(&self, length: usize) -> Range<usize> {
        let (start, count) = self.limit;
        let start = usize::try_from(start.max(0)).unwrap_or(usize::MAX).min(length);
        // A negative number means all.
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        start..start.saturating_add(count).min(length)
    }

    fn cut(&self, mut elements: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let range = self.range(elements.len());
        elements.truncate(range.end);
        elements.drain(..range.start);
        elements
    }

    fn reply(&self, call: &mut Call<'_>, elements: &[Vec<u8>]) {
        if self.shown.is_empty() {
            call.reply.array(elements.len());
            for element in elements {
                call.reply.bulk(element);
            }
            return;
        }
        call.reply.array(elements.len() * self.shown.len());
        for element in elements {
            for pattern in &self.shown {
                pattern.with(&mut call.keys, element, |value| match value {
                    Some(value) => call.reply.bulk(value),
                    None => call.reply.null(),
                });
            }
        }
    }

    fn store(&self, call: &mut Call<'_>, destination: &[u8], elements: &[Vec<u8>]) {
        let limits = list::limits(call.config);
        let mut stored = List::default();
        let mut push = |value: &[u8]| stored.push(End::Tail, std::iter::once(value), limits);
        for element in elements {
            if self.shown.is_empty() {
                push(element);
            }
            for pattern in &self.shown {
                // What is missing is stored as the empty string.
                pattern.with(&mut call.keys, element, |value| push(value.unwrap_or_default()));
            }
        }
        let length = stored.len() as u64;
        if 0 < length {
            call.keys.put(destination, stored, SetExpiry::Clear);
            call.modified(destination, events::SORT_STORE);
            // Each element counts.
            call.changed(length - 1);
        } else if call.keys.remove(destination) {
            call.modified(destination, events::DELETE);
        }
        call.reply.unsigned(length);
    }
}

/// What is still to be done about the order of elements that were gathered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Those wanted were gathered, in order.
    Done,
    /// They stay in the order in which they are.
    Given,
    /// They are to be sorted.
    Wanted,
}

/// So many elements of what `visit` visits.
fn take(
    count: usize,
    visit: impl FnOnce(&mut dyn FnMut(Element<'_>) -> ControlFlow<()>) -> Option<()>,
) -> Vec<Vec<u8>> {
    let mut elements = Vec::with_capacity(count);
    if 0 < count {
        visit(&mut |element| {
            elements.push(element.to_vec());
            if elements.len() < count { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
    }
    elements
}

/// Gives a sorted set the form of big ones, as Redis does with any that it sorts: OBJECT ENCODING tells.
fn enlarge(call: &mut Call<'_>, key: &[u8]) -> Result<(), ReplyError> {
    let limits = super::super::sorted_set::limits(call.config);
    call.keys.edit_present(key, |set: &mut SortedSet| set.expect_members(usize::MAX, limits))?;
    debug_assert!(!SortedSet::VANISHES_EMPTY || call.keys.peek(key).is_some(), "it stays");
    Ok(())
}
