//! Trimming: XTRIM, and the options that XADD has for it.

use collections::Stream;
use collections::stream::{Log, StreamId, Threshold, Trim};
use command::argument::{Argument, block, integer, key, one_of, string, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::{ReplyError, Words};

use super::id;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static XTRIM: Command = Declaration {
    summary: "Removes the oldest entries of a stream until few enough, or none below an ID, are left.",
    complexity: "O(N), where N is the number of entries that are removed; whole nodes of many entries are removed in one step.",
    flags: Flags::WRITE,
    keys: &[KeySpec::read_write(1).deletes()],
    arguments: &[key("key"), TRIM],
    history: &[("6.2.0", "Has the strategy `MINID` and the option `LIMIT`.")],
    tips: &["nondeterministic_output"],
    ..Declaration::new("XTRIM", Group::Stream, "5.0.0", Handler::Keys(xtrim))
};

/// The grammar of the options.
pub(super) const TRIM: Argument = block(
    "trim",
    &[
        one_of("strategy", &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")]),
        one_of("operator", &[token("equal", "="), token("approximately", "~")]).optional(),
        string("threshold"),
        integer("count").after("LIMIT").since("6.2.0").optional(),
    ],
);

fn xtrim(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let mut options = TrimOptions::default();
    while !arguments.is_empty() {
        if !options.accept(&mut arguments)? {
            return Err(ReplyError::Syntax);
        }
    }
    if options.to.is_none() {
        return Err(options.limit.filter(|limit| *limit != 0).map_or(NO_STRATEGY, |_| LIMIT_ALONE));
    }
    let trim = options.finish(call.config.data_structures.stream_node_entries)?;
    let Some(trim) = trim else { return Err(NO_STRATEGY) };

    let trimmed = call.keys.edit_present::<Stream, _>(key, |stream| {
        let log = stream.log_mut();
        (log.trim(&trim), rest_of(log, trim.to))
    })?;
    let (removed, threshold) = trimmed.unwrap_or((0, Vec::new()));
    if 0 < removed {
        call.modified(key, events::STREAM_TRIM);
        call.changed(removed - 1);
        if trim.approximate && call.recording {
            let words = exact(call.words, call.words.len(), &threshold);
            call.replicate_as(&words);
        }
    }
    call.reply.unsigned(removed);
    Ok(())
}

/// The options of a call, as far as they have been read.
#[derive(Default)]
pub(super) struct TrimOptions {
    to: Option<Threshold>,
    approximate: bool,
    limit: Option<u64>,
}

impl TrimOptions {
    /// Reads an option, if one comes next.
    pub(super) fn accept(&mut self, arguments: &mut Arguments<'_>) -> Result<bool, ReplyError> {
        // The last word is no option: it would lack its value.
        if arguments.len() < 2 {
            return Ok(false);
        }
        let Some(word) = arguments.peek_keyword() else { return Ok(false) };
        match &*word {
            b"MAXLEN" | b"MINID" => {
                arguments.skip();
                self.read_threshold(&word, arguments)?;
            }
            b"LIMIT" => {
                arguments.skip();
                let limit = arguments.unsigned_or(NEGATIVE_LIMIT)?;
                self.limit = Some(limit);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read_threshold(
        &mut self,
        strategy: &[u8],
        arguments: &mut Arguments<'_>,
    ) -> Result<(), ReplyError> {
        if self.to.is_some() {
            return Err(TWO_STRATEGIES);
        }
        self.approximate = false;
        if 2 <= arguments.len() {
            if arguments.accept(b"~") {
                self.approximate = true;
            } else {
                arguments.accept(b"=");
            }
        }
        self.to = Some(if strategy == b"MAXLEN" {
            Threshold::Len(arguments.unsigned_or(NEGATIVE_LENGTH)?)
        } else {
            Threshold::Id(id::strict(arguments.string()?, 0)?)
        });
        Ok(())
    }

    /// What is to be trimmed; nothing if no option says so.
    pub(super) fn finish(&self, node_entries: u64) -> Result<Option<Trim>, ReplyError> {
        /// Whole nodes that are removed at most if nothing else is said, so that no call takes long.
        const NODES: u64 = 100;
        /// The same in entries, if a node may have any number of them.
        const USUAL: u64 = 10_000;
        const MOST: u64 = 1_000_000;
        if self.to.is_none() && self.limit.is_some_and(|limit| limit != 0) {
            return Err(LIMIT_ALONE);
        }
        let limit = match self.limit {
            Some(_) if !self.approximate => return Err(LIMIT_NOT_APPROXIMATE),
            Some(limit) => limit,
            None if self.approximate => match node_entries.saturating_mul(NODES) {
                0 => USUAL,
                limit => limit.min(MOST),
            },
            None => 0,
        };
        Ok(self.to.map(|to| Trim { to, approximate: self.approximate, limit }))
    }
}

/// What an exact trim would have to say to leave what there is now.
pub(super) fn rest_of(log: &Log, strategy: Threshold) -> Vec<u8> {
    match strategy {
        Threshold::Len(_) => log.len().to_string().into_bytes(),
        // All have gone: whatever they were.
        Threshold::Id(_) if log.is_empty() => StreamId::MAX.text().to_vec(),
        Threshold::Id(_) => log.first_id().text().to_vec(),
    }
}

/// A call whose approximate trim, among its first `options` words, is replaced by an exact one. LIMIT goes: it is for
/// approximate ones only.
pub(super) fn exact<'w>(words: Words<'w>, options: usize, threshold: &'w [u8]) -> Vec<&'w [u8]> {
    let mut exact = Vec::with_capacity(words.len());
    let mut index = 0;
    while let Some(word) = words.get(index) {
        index += 1;
        let is_option = 2 < index && index <= options;
        if is_option && word.eq_ignore_ascii_case(b"LIMIT") {
            index += 1;
            continue;
        }
        exact.push(word);
        if is_option
            && (word.eq_ignore_ascii_case(b"MAXLEN") || word.eq_ignore_ascii_case(b"MINID"))
        {
            exact.extend([b"=", threshold]);
            // The operator and the old threshold.
            index += 2;
        }
    }
    exact
}

const TWO_STRATEGIES: ReplyError = ReplyError::message(
    "syntax error, MAXLEN and MINID options at the same time are not compatible",
);
const NO_STRATEGY: ReplyError =
    ReplyError::message("syntax error, XTRIM must be called with a trimming strategy");
const LIMIT_ALONE: ReplyError = ReplyError::message(
    "syntax error, LIMIT cannot be used without specifying a trimming strategy",
);
const LIMIT_NOT_APPROXIMATE: ReplyError =
    ReplyError::message("syntax error, LIMIT cannot be used without the special ~ option");
const NEGATIVE_LENGTH: ReplyError = ReplyError::message("The MAXLEN argument must be >= 0.");
const NEGATIVE_LIMIT: ReplyError = ReplyError::message("The LIMIT argument must be >= 0.");
