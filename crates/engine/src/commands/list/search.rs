//! Finding where elements are: LPOS.

use std::ops::ControlFlow;

use collections::List;
use collections::list::{End, ListRef};
use command::argument::{integer, key, string};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;
use resp::number::parse_integer;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static LPOS: Command = Declaration {
    summary: "Returns the indexes of matching elements of a list.",
    complexity: "O(N), where N is the number of elements looked at: the length of the list at most, or MAXLEN.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        string("element"),
        integer("rank").after("RANK").optional(),
        integer("num-matches").after("COUNT").optional(),
        integer("len").after("MAXLEN").optional(),
    ],
    ..Declaration::new("LPOS", Group::List, "6.0.6", Handler::Keys(lpos))
};

fn lpos(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let search = Search::read(arguments)?;

    match (call.keys.read_as::<List>(key)?, search.count) {
        (None, None) => call.reply.null(),
        (None, Some(_)) => call.reply.array(0),
        (Some(list), None) => {
            let mut found = None;
            search.run(list, |index| {
                found = Some(index);
                ControlFlow::Break(())
            });
            match found {
                Some(index) => call.reply.unsigned(index as u64),
                None => call.reply.null(),
            }
        }
        (Some(list), Some(count)) => {
            let mut found: smallvec::SmallVec<[usize; 16]> = smallvec::SmallVec::new();
            search.run(list, |index| {
                found.push(index);
                if count == found.len() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            call.reply.array(found.len());
            found.iter().for_each(|index| call.reply.unsigned(*index as u64));
        }
    }
    Ok(())
}

/// What is looked for.
struct Search<'a> {
    element: &'a [u8],
    from: End,
    /// How many matches to leave out.
    skip: u64,
    /// How many to find, 0 for all, if an array is wanted.
    count: Option<usize>,
    /// How many elements to look at.
    most: usize,
}

impl<'a> Search<'a> {
    fn read(mut arguments: Arguments<'a>) -> Result<Search<'a>, ReplyError> {
        let element = arguments.string()?;
        let mut search =
            Search { element, from: End::Head, skip: 0, count: None, most: usize::MAX };
        while !arguments.is_empty() {
            let option = arguments.keyword()?;
            match &*option {
                b"RANK" => {
                    let rank = arguments.integer()?;
                    if rank == i64::MIN {
                        return Err(RANK_OUT_OF_RANGE);
                    }
                    search.from = if rank < 0 { End::Tail } else { End::Head };
                    search.skip = rank.unsigned_abs().checked_sub(1).ok_or(RANK_ZERO)?;
                }
                b"COUNT" => search.count = Some(natural(arguments.string()?, NEGATIVE_COUNT)?),
                b"MAXLEN" => {
                    let most = natural(arguments.string()?, NEGATIVE_LENGTH)?;
                    search.most = if most == 0 { usize::MAX } else { most };
                }
                _ => return Err(ReplyError::Syntax),
            }
        }
        Ok(search)
    }

    /// Visits the indexes of what matches.
    fn run(&self, list: ListRef<'_>, mut visit: impl FnMut(usize) -> ControlFlow<()>) {
        let end = list.len().saturating_sub(1);
        let (first, index_after): (usize, fn(usize, usize) -> usize) = match self.from {
            End::Head => (0, |_, steps| steps),
            End::Tail => (end, |end, steps| end.saturating_sub(steps)),
        };
        // Whether it is an integer is found out once.
        let integer = collections::list_pack::integer_of(self.element);
        let (mut steps, mut skip) = (0, self.skip);
        list.visit(first, self.from, |present| {
            let is_equal = match present {
                collections::list_pack::Element::Bytes(bytes) => bytes == self.element,
                collections::list_pack::Element::Integer(present) => integer == Some(present),
            };
            if is_equal {
                if skip == 0 {
                    visit(index_after(end, steps))?;
                } else {
                    skip -= 1;
                }
            }
            steps += 1;
            if steps < self.most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
    }
}

fn natural(word: &[u8], error: ReplyError) -> Result<usize, ReplyError> {
    parse_integer(word).and_then(|number| usize::try_from(number).ok()).ok_or(error)
}

const RANK_OUT_OF_RANGE: ReplyError = super::change::OUT_OF_RANGE;
const RANK_ZERO: ReplyError = ReplyError::message(
    "RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
);
const NEGATIVE_COUNT: ReplyError = ReplyError::message("COUNT can't be negative");
const NEGATIVE_LENGTH: ReplyError = ReplyError::message("MAXLEN can't be negative");
