//! Adding members and changing scores: ZADD and ZINCRBY.
//!
//! Both are one operation, [`Add`]: members with scores, and the rule that says which of them take effect.
//! ZINCRBY is ZADD with INCR, under the name that is older.

use std::cmp::Ordering;

use collections::SortedSet;
use collections::sorted_set::{Limits, Upsert};
use command::argument::{Argument, block, double, integer, key, one_of, string, token};
use command::{Command as Declaration, Flags, Group, KeySpec, Sought};
use resp::ReplyError;
use smallvec::SmallVec;

use super::limits;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

const FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST);

pub(super) static ZADD: Command = Declaration {
    summary: "Adds members to a sorted set or changes their scores, and creates the key if need be.",
    complexity: "O(log(N)) for each member, where N is the number of members in the sorted set.",
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).updates()],
    sought: Sought::Place(3),
    arguments: ZADD_ARGUMENTS,
    history: &[
        ("2.4.0", "Takes several members."),
        ("3.0.2", "Has the options `XX`, `NX`, `CH` and `INCR`."),
        ("6.2.0", "Has the options `GT` and `LT`."),
    ],
    ..Declaration::new("ZADD", Group::SortedSet, "1.2.0", Handler::Keys(zadd))
};

const ZADD_ARGUMENTS: &[Argument] = &[
    key("key"),
    one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional().since("3.0.2"),
    one_of("comparison", &[token("gt", "GT"), token("lt", "LT")]).optional().since("6.2.0"),
    token("change", "CH").optional().since("3.0.2"),
    token("increment", "INCR").optional().since("3.0.2"),
    block("data", &[double("score"), string("member")]).multiple(),
];

pub(super) static ZINCRBY: Command = Declaration {
    summary: "Adds to the score of a member of a sorted set, and creates either if need be.",
    complexity: "O(log(N)), where N is the number of members in the sorted set.",
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).accesses().updates()],
    sought: Sought::Place(3),
    arguments: &[key("key"), integer("increment"), string("member")],
    ..Declaration::new("ZINCRBY", Group::SortedSet, "1.2.0", Handler::Keys(zincrby))
};

fn zadd(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;

    let mut options = Options::default();
    while let Some(option) = arguments.peek().and_then(|word| options.named(word)) {
        *option = true;
        arguments.skip();
    }
    if arguments.is_empty() || !arguments.len().is_multiple_of(2) {
        return Err(ReplyError::Syntax);
    }
    let rule = options.rule(arguments.len() / 2)?;
    let mut members = SmallVec::new();
    while !arguments.is_empty() {
        let score = arguments.double()?;
        members.push((score, arguments.string()?));
    }
    Add { key, members, rule }.run(call)
}

fn zincrby(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let is_option = |word: &[u8]| Options::default().named(word).is_some();
    if arguments.peek().is_some_and(is_option) {
        // As in ZADD, of whose words then too few are left.
        return Err(ReplyError::Syntax);
    }
    let increment = arguments.double()?;
    let member = arguments.string()?;
    let rule = Rule { only: None, direction: None, mode: Mode::Increment };
    Add { key, members: SmallVec::from_slice(&[(increment, member)]), rule }.run(call)
}

/// The options of ZADD, as they come.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "words that are there or not, to be made sense of"
)]
struct Options {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
    ch: bool,
    incr: bool,
}

impl Options {
    /// The option of this name.
    fn named(&mut self, word: &[u8]) -> Option<&mut bool> {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        // Nearly always it is the score, which begins with none of these letters.
        match word.first()?.to_ascii_uppercase() {
            b'N' if is(b"NX") => Some(&mut self.nx),
            b'X' if is(b"XX") => Some(&mut self.xx),
            b'G' if is(b"GT") => Some(&mut self.gt),
            b'L' if is(b"LT") => Some(&mut self.lt),
            b'C' if is(b"CH") => Some(&mut self.ch),
            b'I' if is(b"INCR") => Some(&mut self.incr),
            _ => None,
        }
    }

    /// What they mean for so many members.
    fn rule(&self, members: usize) -> Result<Rule, ReplyError> {
        let only = match (self.nx, self.xx) {
            (true, true) => return Err(NX_AND_XX),
            (true, false) => Some(Only::New),
            (false, true) => Some(Only::Present),
            (false, false) => None,
        };
        let direction = match (self.gt, self.lt) {
            (true, true) => return Err(GT_LT_NX),
            _ if (self.gt || self.lt) && self.nx => return Err(GT_LT_NX),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        };
        if self.incr && 1 < members {
            return Err(SEVERAL_INCREMENTS);
        }
        let mode = match (self.incr, self.ch) {
            (true, _) => Mode::Increment,
            (false, true) => Mode::CountChanges,
            (false, false) => Mode::CountAdditions,
        };
        Ok(Rule { only, direction, mode })
    }
}

/// What a call asks for, checked as far as that goes without a look at the key.
pub(in crate::commands) struct Add<'a> {
    pub(in crate::commands) key: &'a [u8],
    pub(in crate::commands) members: SmallVec<[(f64, &'a [u8]); 4]>,
    pub(in crate::commands) rule: Rule,
}

/// Which members take effect, and how.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Rule {
    pub(in crate::commands) only: Option<Only>,
    /// How a new score must compare to the present one.
    pub(in crate::commands) direction: Option<Ordering>,
    pub(in crate::commands) mode: Mode,
}

/// The members that may take effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Only {
    New,
    Present,
}

/// What the scores given mean, and what is replied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Mode {
    CountAdditions,
    CountChanges,
    /// There is one member. Its score is added to, and the sum is the reply.
    Increment,
}

#[derive(Default)]
struct Tally {
    added: u64,
    changed: u64,
    /// Of the last member, unless it was left alone.
    score: Option<f64>,
}

impl Rule {
    /// The score that a member gets, or none if it is left alone.
    fn decide(self, given: f64, present: Option<f64>) -> Result<Option<f64>, ReplyError> {
        let Some(present) = present else {
            return Ok((self.only != Some(Only::Present)).then_some(given));
        };
        if self.only == Some(Only::New) {
            return Ok(None);
        }
        let score = if self.mode == Mode::Increment { present + given } else { given };
        if score.is_nan() {
            return Err(NOT_A_NUMBER);
        }
        let admitted =
            self.direction.is_none_or(|direction| score.partial_cmp(&present) == Some(direction));
        Ok(admitted.then_some(score))
    }
}

impl Add<'_> {
    pub(in crate::commands) fn run(&self, call: &mut Call<'_>) -> Outcome {
        let limits = limits(call.config);
        let tally = call.keys.edit::<SortedSet, _>(self.key, |set| self.apply(set, limits))??;
        let changes = tally.added + tally.changed;
        if 0 < changes {
            let is_increment = self.rule.mode == Mode::Increment;
            let event =
                if is_increment { events::SORTED_SET_INCREMENT } else { events::SORTED_SET_ADD };
            call.modified(self.key, event);
            // Each member counts.
            call.changed(changes - 1);
        }
        match (self.rule.mode, tally.score) {
            (Mode::CountAdditions, _) => call.reply.unsigned(tally.added),
            (Mode::CountChanges, _) => call.reply.unsigned(changes),
            (Mode::Increment, Some(score)) => call.reply.double(score),
            (Mode::Increment, None) => call.reply.null(),
        }
        Ok(())
    }

    /// An error can only come of the first member, before anything has changed: where there are several, no sums are made.
    fn apply(&self, set: &mut SortedSet, limits: Limits) -> Result<Tally, ReplyError> {
        /// Members whose memory is on its way when their turn comes.
        const AHEAD: usize = 8;
        let mut tally = Tally::default();
        if self.rule.only != Some(Only::Present) || !collections::Collection::is_empty(set) {
            set.expect_members(self.members.len(), limits);
        }
        for &(score, member) in self.members.iter().take(AHEAD) {
            set.prefetch(member, score);
        }
        for (index, &(score, member)) in self.members.iter().enumerate() {
            if let Some(&(score, member)) = self.members.get(index + AHEAD) {
                set.prefetch(member, score);
            }
            let mut decided = Ok(None);
            let upsert = set.upsert(member, limits, |present| {
                decided = self.rule.decide(score, present);
                decided.as_ref().ok().copied().flatten()
            });
            match upsert {
                Upsert::Added => tally.added += 1,
                Upsert::Changed => tally.changed += 1,
                Upsert::Left => {}
            }
            tally.score = decided?;
        }
        Ok(tally)
    }
}

const NX_AND_XX: ReplyError =
    ReplyError::message("XX and NX options at the same time are not compatible");
const GT_LT_NX: ReplyError =
    ReplyError::message("GT, LT, and/or NX options at the same time are not compatible");
const SEVERAL_INCREMENTS: ReplyError =
    ReplyError::message("INCR option supports a single increment-element pair");
const NOT_A_NUMBER: ReplyError = ReplyError::message("resulting score is not a number (NaN)");
