//! Unions, intersections and differences of sorted sets and sets: ZUNION, ZINTER, ZDIFF, the commands that store them, and ZINTERCARD.
//!
//! The members of a set count as if their scores were 1. Except for a difference, smaller sources come first: that decides in which
//! order scores are added up, and so on their last bits.

use collections::list_pack::Element;
use collections::set::SetRef;
use collections::sorted_set::{Accumulation, SortedSetRef, sort};
use collections::{Encoding, ObjectRef, SortedSet};
use command::argument::{Argument, integer, key, one_of, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use keyspace::View;
use resp::ReplyError;

use super::range::store;
use super::{Shape, limits};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events::{self, Event};

const READ_KEYS: &[KeySpec] = &[KeySpec::read_only(1).numbered().accesses()];
const STORE_KEYS: &[KeySpec] =
    &[KeySpec::overwrite(1).updates(), KeySpec::read_only(2).numbered().accesses()];

const NUMBER: Argument = integer("numkeys");
const DESTINATION: Argument = key("destination");
const SOURCE: Argument = key("key").multiple();
const STORE_SOURCE: Argument = key("key").spec(1).multiple();
const WEIGHT: Argument = integer("weight").after("WEIGHTS").optional().multiple();
const AGGREGATE: Argument =
    one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
        .after("AGGREGATE")
        .optional();
const WITH_SCORES: Argument = token("withscores", "WITHSCORES").optional();

const UNION_COMPLEXITY: &str =
    "O(N)+O(M*log(M)), where N is the number of members of all sources and M that of the result.";
const INTERSECTION_COMPLEXITY: &str = "O(N*K)+O(M*log(M)), where N is the number of members of the smallest source, K the number of sources and M the number of members of the result.";
const DIFFERENCE_COMPLEXITY: &str = "O(L+N*K)+O(M*log(M)), where L is the number of members of all sources, N that of the first, K the number of sources and M the number of members of the result.";

pub(super) static ZUNION: Command = Declaration {
    summary: "Returns the members that any of several sorted sets has.",
    complexity: UNION_COMPLEXITY,
    arguments: &[NUMBER, SOURCE, WEIGHT, AGGREGATE, WITH_SCORES],
    ..reading("ZUNION", |call| show(call, Operation::Union))
};

pub(super) static ZINTER: Command = Declaration {
    summary: "Returns the members that all of several sorted sets have.",
    complexity: INTERSECTION_COMPLEXITY,
    arguments: &[NUMBER, SOURCE, WEIGHT, AGGREGATE, WITH_SCORES],
    ..reading("ZINTER", |call| show(call, Operation::Intersection))
};

pub(super) static ZDIFF: Command = Declaration {
    summary: "Returns the members that the first of several sorted sets has and no other.",
    complexity: DIFFERENCE_COMPLEXITY,
    arguments: &[NUMBER, SOURCE, WITH_SCORES],
    ..reading("ZDIFF", |call| show(call, Operation::Difference))
};

const fn reading(name: &'static str, run: fn(&mut Call<'_>) -> Outcome) -> Command {
    Declaration {
        flags: Flags::READ_ONLY,
        keys: READ_KEYS,
        ..Declaration::new(name, Group::SortedSet, "6.2.0", Handler::Keys(run))
    }
}

pub(super) static ZUNIONSTORE: Command = Declaration {
    summary: "Stores the members that any of several sorted sets has.",
    complexity: UNION_COMPLEXITY,
    arguments: &[DESTINATION, NUMBER, STORE_SOURCE, WEIGHT, AGGREGATE],
    ..storing("ZUNIONSTORE", "2.0.0", |call| store_result(call, Operation::Union))
};

pub(super) static ZINTERSTORE: Command = Declaration {
    summary: "Stores the members that all of several sorted sets have.",
    complexity: INTERSECTION_COMPLEXITY,
    arguments: &[DESTINATION, NUMBER, STORE_SOURCE, WEIGHT, AGGREGATE],
    ..storing("ZINTERSTORE", "2.0.0", |call| store_result(call, Operation::Intersection))
};

pub(super) static ZDIFFSTORE: Command = Declaration {
    summary: "Stores the members that the first of several sorted sets has and no other.",
    complexity: DIFFERENCE_COMPLEXITY,
    arguments: &[DESTINATION, NUMBER, STORE_SOURCE],
    ..storing("ZDIFFSTORE", "6.2.0", |call| store_result(call, Operation::Difference))
};

const fn storing(
    name: &'static str,
    since: &'static str,
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Declaration {
        flags: Flags::WRITE.and(Flags::DENY_OOM),
        keys: STORE_KEYS,
        ..Declaration::new(name, Group::SortedSet, since, Handler::Keys(run))
    }
}

pub(super) static ZINTERCARD: Command = Declaration {
    summary: "Returns the number of members that all of several sorted sets have.",
    complexity: "O(N*K), where N is the number of members of the smallest source and K the number of sources.",
    arguments: &[NUMBER, SOURCE, integer("limit").after("LIMIT").optional()],
    ..Declaration {
        flags: Flags::READ_ONLY,
        keys: READ_KEYS,
        ..Declaration::new("ZINTERCARD", Group::SortedSet, "7.0.0", Handler::Keys(zintercard))
    }
};

fn show(call: &mut Call<'_>, operation: Operation) -> Outcome {
    let mut arguments = call.arguments;
    let names = names(&mut arguments, call.callable.name())?;
    let Call { keys, reply, .. } = call;
    let mut sources = sources(keys, names)?;
    let options = Options::parse(arguments, &mut sources, operation, Purpose::Show)?;

    let mut result = operation.run(sources, options.aggregate);
    sort(&mut result);
    options.shape.begin(reply, result.len());
    for (score, member) in &result {
        options.shape.show(reply, *member, *score);
    }
    Ok(())
}

fn store_result(call: &mut Call<'_>, operation: Operation) -> Outcome {
    let mut arguments = call.arguments;
    let destination = arguments.string()?;
    let names = names(&mut arguments, call.callable.name())?;
    let mut sources = sources(&mut call.keys, names)?;
    let options = Options::parse(arguments, &mut sources, operation, Purpose::Store)?;

    let mut result = operation.run(sources, options.aggregate);
    sort(&mut result);
    let set = SortedSet::from_sorted(&result, limits(call.config));
    store(call, destination, set, operation.event());
    Ok(())
}

fn zintercard(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let names = names(&mut arguments, call.callable.name())?;
    let Call { keys, reply, .. } = call;
    let mut sources = sources(keys, names)?;
    let operation = Operation::Intersection;
    let options = Options::parse(arguments, &mut sources, operation, Purpose::Count)?;

    let mut count = 0;
    if let Some((smallest, others)) = by_size(&mut sources).split_first() {
        let mut buffer = itoa::Buffer::new();
        smallest.visit(&mut |member, _| {
            let member = member.bytes(&mut buffer);
            let in_all = others.iter().all(|other| other.score(member).is_some());
            count += u64::from(in_all);
            options.limit == 0 || count < options.limit
        });
    }
    reply.unsigned(count);
    Ok(())
}

/// The names of the sources, of which a word says how many there are.
fn names<'a>(
    arguments: &mut Arguments<'a>,
    command: &'static str,
) -> Result<Arguments<'a>, ReplyError> {
    let count = arguments.integer()?;
    if count < 1 {
        let text = format!("at least 1 input key is needed for '{command}' command");
        return Err(ReplyError::Message(text.into()));
    }
    arguments.split(usize::try_from(count).unwrap_or(usize::MAX))
}

/// What members are taken from.
#[derive(Clone, Copy)]
struct Source<'a> {
    members: Members<'a>,
    weight: f64,
}

#[derive(Clone, Copy)]
enum Members<'a> {
    /// There is nothing at the key.
    None,
    SortedSet(SortedSetRef<'a>),
    Set(SetRef<'a>),
}

fn sources<'v>(
    keys: &'v mut View<'_>,
    names: Arguments<'_>,
) -> Result<Vec<Source<'v>>, ReplyError> {
    let entries = keys.read_several_if(names.rest().iter(), |entry| match entry.object() {
        Some(ObjectRef::SortedSet(_) | ObjectRef::Set(_)) => Ok(()),
        _ => Err(ReplyError::WrongType),
    })?;
    let source = |members| Ok(Source { members, weight: 1.0 });
    entries
        .into_iter()
        .map(|entry| match entry.map(|entry| entry.object()) {
            None => source(Members::None),
            Some(Some(ObjectRef::SortedSet(set))) => source(Members::SortedSet(set)),
            Some(Some(ObjectRef::Set(set))) => source(Members::Set(set)),
            Some(_) => Err(ReplyError::WrongType),
        })
        .collect()
}

/// Puts the smallest first; those of one size stay as they are.
fn by_size<'s, 'a>(sources: &'s mut [Source<'a>]) -> &'s [Source<'a>] {
    sources.sort_by_key(Source::len);
    sources
}

impl<'a> Source<'a> {
    fn len(&self) -> usize {
        match self.members {
            Members::None => 0,
            Members::SortedSet(set) => set.len(),
            Members::Set(set) => set.len(),
        }
    }

    /// The score of a member, without the weight.
    fn score(&self, member: &[u8]) -> Option<f64> {
        match self.members {
            Members::None => None,
            Members::SortedSet(set) => set.score(member),
            Members::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Visits members with their scores, without the weight, for as long as `visit` says so.
    fn visit(&self, visit: &mut dyn FnMut(Element<'a>, f64) -> bool) {
        match self.members {
            Members::None => {}
            Members::SortedSet(set) => {
                set.iter().all(|(member, score)| visit(member, score));
            }
            Members::Set(set) => {
                set.iter().all(|member| visit(member, 1.0));
            }
        }
    }

    /// Whether looking for a member means to look at all.
    fn is_linear(&self) -> bool {
        match self.members {
            Members::None => false,
            Members::SortedSet(set) => set.encoding() == Encoding::ListPack,
            Members::Set(set) => set.encoding() == Encoding::ListPack,
        }
    }
}

/// What is made of the sources.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

impl Operation {
    fn event(self) -> Event {
        match self {
            Operation::Union => events::SORTED_SET_STORE_UNION,
            Operation::Intersection => events::SORTED_SET_STORE_INTERSECTION,
            Operation::Difference => events::SORTED_SET_STORE_DIFFERENCE,
        }
    }

    /// The members of the result, in no certain order.
    fn run(self, mut sources: Vec<Source<'_>>, aggregate: Aggregate) -> Vec<(f64, Element<'_>)> {
        match self {
            Operation::Union => union(by_size(&mut sources), aggregate),
            Operation::Intersection => intersection(by_size(&mut sources), aggregate),
            Operation::Difference => difference(&sources),
        }
    }
}

fn union<'a>(sources: &[Source<'a>], aggregate: Aggregate) -> Vec<(f64, Element<'a>)> {
    let members = sources.iter().map(Source::len).max().unwrap_or(0);
    let mut union = Accumulation::with_capacity(members);
    for source in sources {
        source.visit(&mut |member, score| {
            let score = number(source.weight * score);
            union.add(member, score, |present, score| aggregate.combine(present, score));
            true
        });
    }
    union.into_elements()
}

fn intersection<'a>(sources: &[Source<'a>], aggregate: Aggregate) -> Vec<(f64, Element<'a>)> {
    let mut result = Vec::new();
    let Some((smallest, others)) = sources.split_first() else { return result };
    let mut buffer = itoa::Buffer::new();
    smallest.visit(&mut |member, score| {
        let bytes = member.bytes(&mut buffer);
        let first = number(smallest.weight * score);
        let combined = others.iter().try_fold(first, |combined, other| {
            let score = other.score(bytes)?;
            Some(aggregate.combine(combined, score * other.weight))
        });
        result.extend(combined.map(|score| (score, member)));
        true
    });
    result
}

fn difference<'a>(sources: &[Source<'a>]) -> Vec<(f64, Element<'a>)> {
    /// With fewer members, it is quicker to look at all of the others each time than to make a table of them.
    const FEW: usize = 16;
    let mut result = Vec::new();
    let Some((first, others)) = sources.split_first() else { return result };
    let mut table = Accumulation::default();
    let mut direct = Vec::with_capacity(others.len());
    for other in others {
        if other.is_linear() && FEW < first.len() {
            other.visit(&mut |member, _| {
                table.add(member, 0.0, |present, _| present);
                true
            });
        } else {
            direct.push(other);
        }
    }
    let mut buffer = itoa::Buffer::new();
    first.visit(&mut |member, score| {
        let bytes = member.bytes(&mut buffer);
        let elsewhere =
            table.contains(bytes) || direct.iter().any(|other| other.score(bytes).is_some());
        if !elsewhere {
            result.push((score, member));
        }
        true
    });
    result
}

/// A score; an infinite one without weight has none, which counts as 0.
fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// How a member's scores become one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(arguments: &mut Arguments<'_>) -> Result<Aggregate, ReplyError> {
        match &*arguments.keyword()? {
            b"SUM" => Ok(Aggregate::Sum),
            b"MIN" => Ok(Aggregate::Min),
            b"MAX" => Ok(Aggregate::Max),
            _ => Err(ReplyError::Syntax),
        }
    }

    #[inline]
    fn combine(self, present: f64, score: f64) -> f64 {
        match self {
            // Infinity and its opposite make nothing.
            Aggregate::Sum => number(present + score),
            Aggregate::Min => {
                if score < present {
                    score
                } else {
                    present
                }
            }
            Aggregate::Max => {
                if present < score {
                    score
                } else {
                    present
                }
            }
        }
    }
}

/// What is done with the result, which decides on the options that there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Show,
    Store,
    Count,
}

/// What the words behind the sources say; weights go to the sources.
struct Options {
    aggregate: Aggregate,
    shape: Shape,
    /// 0 for none.
    limit: u64,
}

impl Options {
    fn parse(
        mut arguments: Arguments<'_>,
        sources: &mut [Source<'_>],
        operation: Operation,
        purpose: Purpose,
    ) -> Result<Options, ReplyError> {
        let has_scores = operation != Operation::Difference && purpose != Purpose::Count;
        let mut options = Options { aggregate: Aggregate::Sum, shape: Shape::Members, limit: 0 };
        while !arguments.is_empty() {
            let values = arguments.len() - 1;
            if has_scores && sources.len() <= values && arguments.accept(b"WEIGHTS") {
                for source in &mut *sources {
                    source.weight = arguments.double_or(INVALID_WEIGHT)?;
                }
            } else if has_scores && 1 <= values && arguments.accept(b"AGGREGATE") {
                options.aggregate = Aggregate::parse(&mut arguments)?;
            } else if purpose == Purpose::Show && arguments.accept(b"WITHSCORES") {
                options.shape = Shape::Scores;
            } else if purpose == Purpose::Count && 1 <= values && arguments.accept(b"LIMIT") {
                options.limit = arguments.at_least(0, NEGATIVE_LIMIT)?.unsigned_abs();
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        Ok(options)
    }
}

const INVALID_WEIGHT: ReplyError = ReplyError::message("weight value is not a float");
const NEGATIVE_LIMIT: ReplyError = ReplyError::message("LIMIT can't be negative");
