//! What a user may do, by one set of rules: commands, keys, channels.
//!
//! A user has one such set, and more in parentheses; a call is allowed if any of them allows all of it. Which commands are allowed
//! is a set of bits, one for each command and subcommand, so that a call asks one bit however many rules there were. The rules
//! are kept beside it, as they are shown.

use std::collections::BTreeMap;

use collections::glob::{Case, glob_matches};
use command::{Categories, CommandId, Flags, KeyFlags, KeyPosition, KeyPositions, Search};
use resp::Words;

use super::rule::RuleError;
use super::{Commands, Denied, Reason};
use crate::command_table::Callable;

/// Rules that a call is checked by.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    allows_all_commands: bool,
    allows_all_keys: bool,
    allows_all_channels: bool,
    /// Bits by the id of a command.
    commands: Vec<u64>,
    /// Commands that are allowed with these words after their name.
    first_words: BTreeMap<CommandId, Vec<Vec<u8>>>,
    keys: Vec<KeyPattern>,
    channels: Vec<Vec<u8>>,
    /// The rules about commands that still mean something: whether they allow, and their names.
    rules: Vec<(bool, Vec<u8>)>,
}

/// Keys, and what may be done with them.
#[derive(Clone, PartialEq, Eq, Debug)]
struct KeyPattern {
    reads: bool,
    writes: bool,
    pattern: Vec<u8>,
    form: Form,
}

/// How a pattern is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// It is the key.
    Whole,
    /// It is what the key begins with, but for the asterisk at its end.
    Beginning,
    /// By all rules of patterns.
    Any,
}

impl Form {
    fn of(pattern: &[u8]) -> Form {
        let is_special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
        match pattern {
            // An asterisk alone does not match the empty key.
            [b'*'] => Form::Any,
            [literal @ .., b'*'] if !literal.iter().any(is_special) => Form::Beginning,
            _ if !pattern.iter().any(is_special) => Form::Whole,
            _ => Form::Any,
        }
    }
}

impl Selector {
    /// One that allows nothing, but for channels if that is asked for.
    pub(super) fn new(allows_all_channels: bool) -> Selector {
        Selector {
            allows_all_commands: false,
            allows_all_keys: false,
            allows_all_channels,
            commands: Vec::new(),
            first_words: BTreeMap::new(),
            keys: Vec::new(),
            channels: Vec::new(),
            rules: vec![(false, b"@all".to_vec())],
        }
    }

    /// Follows a rule.
    pub(super) fn apply(&mut self, rule: &[u8], commands: &Commands) -> Result<(), RuleError> {
        let is = |text: &str| rule.eq_ignore_ascii_case(text.as_bytes());
        if is("allkeys") || is("~*") {
            self.allows_all_keys = true;
            self.keys.clear();
        } else if is("resetkeys") {
            self.allows_all_keys = false;
            self.keys.clear();
        } else if is("allchannels") || is("&*") {
            self.allows_all_channels = true;
            self.channels.clear();
        } else if is("resetchannels") {
            self.allows_all_channels = false;
            self.channels.clear();
        } else if is("allcommands") || is("+@all") {
            self.set_all(commands, true);
        } else if is("nocommands") || is("-@all") {
            self.set_all(commands, false);
        } else {
            return match rule {
                [b'~' | b'%', ..] => self.add_key_pattern(rule),
                [b'&', channel @ ..] => self.add_channel(channel),
                [b'+', b'@', category @ ..] => self.set_category(category, commands, true),
                [b'-', b'@', category @ ..] => self.set_category(category, commands, false),
                [b'+', name @ ..] => self.allow(name, commands),
                [b'-', name @ ..] => {
                    let callable = commands.find_declared(name).ok_or(RuleError::UnknownName)?;
                    self.set_command(callable, commands, false);
                    self.note_rule(callable.name().as_bytes(), false);
                    Ok(())
                }
                _ => Err(RuleError::Syntax),
            };
        }
        Ok(())
    }

    fn set_all(&mut self, commands: &Commands, allows: bool) {
        self.allows_all_commands = allows;
        let bits = if allows { u64::MAX } else { 0 };
        self.commands = vec![bits; commands.len().div_ceil(64)];
        self.first_words.clear();
        self.rules = vec![(allows, b"@all".to_vec())];
    }

    fn add_key_pattern(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        if self.allows_all_keys {
            return Err(RuleError::KeysAfterAll);
        }
        let added = KeyPattern::parse(rule).ok_or(RuleError::Syntax)?;
        match self.keys.iter_mut().find(|known| known.pattern == added.pattern) {
            Some(known) => {
                known.reads |= added.reads;
                known.writes |= added.writes;
            }
            None => self.keys.push(added),
        }
        Ok(())
    }

    fn add_channel(&mut self, channel: &[u8]) -> Result<(), RuleError> {
        if self.allows_all_channels {
            return Err(RuleError::ChannelsAfterAll);
        }
        if has_spaces(channel) {
            return Err(RuleError::Syntax);
        }
        if !self.channels.iter().any(|known| known == channel) {
            self.channels.push(channel.to_vec());
        }
        Ok(())
    }

    fn set_category(
        &mut self,
        name: &[u8],
        commands: &Commands,
        allows: bool,
    ) -> Result<(), RuleError> {
        let category = Categories::named(name).ok_or(RuleError::UnknownName)?;
        self.note_rule(&[b"@", name].concat(), allows);
        for callable in commands.iter().filter(|callable| callable.categories.has(category)) {
            self.set_command(callable, commands, allows);
        }
        Ok(())
    }

    fn allow(&mut self, name: &[u8], commands: &Commands) -> Result<(), RuleError> {
        let Some(bar) = name.iter().rposition(|byte| *byte == b'|') else {
            let callable = commands.find_declared(name).ok_or(RuleError::UnknownName)?;
            self.set_command(callable, commands, true);
            self.note_rule(callable.name().as_bytes(), true);
            return Ok(());
        };
        let (container, word) = (&name[..bar], &name[bar + 1..]);
        let callable = commands.find_declared(container).ok_or(RuleError::UnknownName)?;
        if callable.container.is_some() {
            return Err(RuleError::FirstWordOfSubcommand);
        }
        if word.is_empty() {
            return Err(RuleError::Syntax);
        }
        if callable.command.is_container() {
            let subcommand = commands.find_declared(name).ok_or(RuleError::UnknownName)?;
            self.set_command(subcommand, commands, true);
        } else {
            let words = self.first_words.entry(callable.id).or_default();
            if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                words.push(word.to_vec());
            }
        }
        self.note_rule(name, true);
        Ok(())
    }

    /// Allows a command, and its subcommands, or forbids them.
    fn set_command(&mut self, callable: &Callable, commands: &Commands, allows: bool) {
        self.set_bit(callable.id, commands, allows);
        self.first_words.remove(&callable.id);
        if callable.command.is_container() {
            for subcommand in commands.subcommands(callable) {
                self.set_bit(subcommand.id, commands, allows);
            }
        }
    }

    fn set_bit(&mut self, id: CommandId, commands: &Commands, allows: bool) {
        if self.commands.is_empty() {
            self.commands = vec![0; commands.len().div_ceil(64)];
        }
        let (word, bit) = (usize::from(id) / 64, 1 << (id % 64));
        if let Some(word) = self.commands.get_mut(word) {
            *word = if allows { *word | bit } else { *word & !bit };
        }
        self.allows_all_commands &= allows;
    }

    /// Notes a rule about commands in the place of those that it makes meaningless.
    fn note_rule(&mut self, name: &[u8], allows: bool) {
        let name = name.to_ascii_lowercase();
        self.rules.retain(|(_, known)| {
            known.strip_prefix(&*name).is_none_or(|rest| !rest.is_empty() && rest[0] != b'|')
        });
        self.rules.push((allows, name));
    }

    /// Whether it allows a call; if not, why.
    pub(super) fn check(&self, callable: &Callable, words: Words<'_>) -> Result<(), Denied> {
        if !self.allows_command(callable, words) {
            return Err(Denied { reason: Reason::Command, position: 0 });
        }
        if !self.allows_all_keys {
            self.check_keys(callable, words)?;
        }
        if !self.allows_all_channels && callable.flags.has(Flags::PUB_SUB) {
            self.check_channels(callable, words)?;
        }
        Ok(())
    }

    /// Whether it allows all calls of a command, whatever their words are.
    pub(super) fn allows_always(&self, callable: &Callable) -> bool {
        self.allows_all_calls(callable)
            && (self.allows_all_keys || !callable.command.has_keys())
            && (self.allows_all_channels || !callable.flags.has(Flags::PUB_SUB))
    }

    /// Whether it allows a call with this only key: [`check`](Selector::check) finds nothing wrong then. `matched` is the place of the
    /// pattern that allowed a key before, which is asked first.
    pub(super) fn allows_one_key(
        &self,
        callable: &Callable,
        words: Words<'_>,
        key: KeyPosition,
        matched: &mut usize,
    ) -> bool {
        if !self.allows_command(callable, words)
            || (!self.allows_all_channels && callable.flags.has(Flags::PUB_SUB))
        {
            return false;
        }
        let word = words.get(key.index).unwrap_or_default();
        let allows = |pattern: &KeyPattern| pattern.allows(word, key.flags);
        if self.allows_all_keys || self.keys.get(*matched).is_some_and(allows) {
            return true;
        }
        let found = self.keys.iter().position(allows);
        *matched = found.unwrap_or(*matched);
        found.is_some()
    }

    /// Whether it allows a command by its name alone.
    fn allows_all_calls(&self, callable: &Callable) -> bool {
        let word = self.commands.get(usize::from(callable.id) / 64).copied().unwrap_or(0);
        self.allows_all_commands
            || callable.flags.has(Flags::NO_AUTH)
            || word >> (callable.id % 64) & 1 == 1
    }

    fn allows_command(&self, callable: &Callable, words: Words<'_>) -> bool {
        if self.allows_all_calls(callable) {
            return true;
        }
        let Some(allowed) = self.first_words.get(&callable.id) else { return false };
        let first = words.get(callable.name_words());
        first.is_some_and(|first| allowed.iter().any(|word| word.eq_ignore_ascii_case(first)))
    }

    fn check_keys(&self, callable: &Callable, words: Words<'_>) -> Result<(), Denied> {
        if !callable.command.has_keys() {
            return Ok(());
        }
        let mut positions = KeyPositions::new();
        // What is malformed is the handler's to refuse.
        let _partial = callable.command.find_keys(words, Search::Keys, &mut positions);
        for position in &positions {
            let key = words.get(position.index).unwrap_or_default();
            if !self.keys.iter().any(|pattern| pattern.allows(key, position.flags)) {
                return Err(Denied { reason: Reason::Key, position: position.index });
            }
        }
        Ok(())
    }

    fn check_channels(&self, callable: &Callable, words: Words<'_>) -> Result<(), Denied> {
        for (position, kind) in channels_of(callable, words.len()) {
            let channel = words.get(position).unwrap_or_default();
            if !self.allows_channel(channel, kind) {
                return Err(Denied { reason: Reason::Channel, position });
            }
        }
        Ok(())
    }

    /// Whether it allows to listen to a channel, or to publish there.
    pub(super) fn allows_channel(&self, channel: &[u8], kind: Kind) -> bool {
        self.allows_all_channels
            || self.channels.iter().any(|allowed| match kind {
                // Whoever may listen to a pattern may listen to this one, and no other.
                Kind::Pattern => allowed == channel,
                Kind::Channel => glob_matches(allowed, channel, Case::Sensitive),
            })
    }

    /// The rules about keys, as they are shown.
    pub(crate) fn shown_keys(&self) -> Vec<u8> {
        if self.allows_all_keys {
            return b"~*".to_vec();
        }
        let shown: Vec<Vec<u8>> = self.keys.iter().map(KeyPattern::shown).collect();
        shown.join(&b' ')
    }

    /// The rules about channels, as they are shown.
    pub(crate) fn shown_channels(&self) -> Vec<u8> {
        if self.allows_all_channels {
            return b"&*".to_vec();
        }
        let shown: Vec<Vec<u8>> =
            self.channels.iter().map(|channel| [b"&", channel.as_slice()].concat()).collect();
        shown.join(&b' ')
    }

    /// The rules about commands, as they are shown.
    pub(crate) fn shown_commands(&self) -> Vec<u8> {
        let sign = |allows: bool| if allows { b"+" } else { b"-" };
        let shown: Vec<Vec<u8>> = self
            .rules
            .iter()
            .map(|(allows, name)| [sign(*allows), name.as_slice()].concat())
            .collect();
        shown.join(&b' ')
    }

    /// All rules in one line.
    pub(super) fn describe(&self) -> Vec<u8> {
        let mut parts = Vec::new();
        let keys = self.shown_keys();
        if !keys.is_empty() {
            parts.push(keys);
        }
        if !self.allows_all_channels {
            parts.push(b"resetchannels".to_vec());
        }
        let channels = self.shown_channels();
        if !channels.is_empty() {
            parts.push(channels);
        }
        parts.push(self.shown_commands());
        parts.join(&b' ')
    }
}

impl KeyPattern {
    fn parse(rule: &[u8]) -> Option<KeyPattern> {
        let (mut reads, mut writes) = (false, false);
        let pattern = match rule {
            [b'~', pattern @ ..] => {
                (reads, writes) = (true, true);
                pattern
            }
            [b'%', rest @ ..] => {
                // Without a pattern it is the empty one.
                let end = rest.iter().position(|byte| *byte == b'~').unwrap_or(rest.len());
                let (permissions, rest) = rest.split_at_checked(end)?;
                for permission in permissions {
                    let given = match permission.to_ascii_uppercase() {
                        b'R' => &mut reads,
                        b'W' => &mut writes,
                        _ => return None,
                    };
                    if std::mem::replace(given, true) {
                        return None;
                    }
                }
                if permissions.is_empty() {
                    return None;
                }
                rest.get(1..).unwrap_or_default()
            }
            _ => return None,
        };
        let form = Form::of(pattern);
        (!has_spaces(pattern)).then(|| KeyPattern {
            reads,
            writes,
            pattern: pattern.to_vec(),
            form,
        })
    }

    fn allows(&self, key: &[u8], flags: KeyFlags) -> bool {
        let reads = flags.has(KeyFlags::ACCESS);
        let writes = flags.has(KeyFlags::INSERT)
            || flags.has(KeyFlags::DELETE)
            || flags.has(KeyFlags::UPDATE);
        (self.reads || !reads) && (self.writes || !writes) && self.matches(key)
    }

    fn matches(&self, key: &[u8]) -> bool {
        match (self.form, &*self.pattern) {
            (Form::Whole, whole) => whole == key,
            (Form::Beginning, [beginning @ .., _]) => key.starts_with(beginning),
            (Form::Beginning | Form::Any, pattern) => glob_matches(pattern, key, Case::Sensitive),
        }
    }

    fn shown(&self) -> Vec<u8> {
        let sign: &[u8] = match (self.reads, self.writes) {
            (true, true) => b"~",
            (false, _) => b"%W~",
            (true, false) => b"%R~",
        };
        [sign, self.pattern.as_slice()].concat()
    }
}

/// What a name is, that somebody publishes on or listens to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Channel,
    Pattern,
}

/// Words of a call that are channels; not of one that ends to listen, which everybody may.
fn channels_of(callable: &Callable, words: usize) -> impl Iterator<Item = (usize, Kind)> {
    let (range, kind) = match callable.name() {
        "publish" | "spublish" => (1..2.min(words), Kind::Channel),
        "subscribe" | "ssubscribe" => (1..words, Kind::Channel),
        "psubscribe" => (1..words, Kind::Pattern),
        _ => (0..0, Kind::Channel),
    };
    range.map(move |position| (position, kind))
}

fn has_spaces(bytes: &[u8]) -> bool {
    // As text in C has them.
    bytes.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 0x0b))
}

/// The rules in a word, which may be a whole selector, that allow a command by its first argument.
pub(crate) fn first_word_rules(rule: &[u8], commands: &Commands) -> Vec<Vec<u8>> {
    if let [b'(', rules @ .., b')'] = rule {
        let rules = config::words::split(rules).unwrap_or_default();
        return rules.iter().flat_map(|rule| first_word_rules(rule.as_bytes(), commands)).collect();
    }
    let Some(name) = rule.strip_prefix(b"+") else { return Vec::new() };
    let command = name.iter().rposition(|byte| *byte == b'|').map(|bar| &name[..bar]);
    let callable = command.and_then(|command| commands.find_full(command));
    let is_one = callable
        .is_some_and(|callable| callable.container.is_none() && !callable.command.is_container());
    if is_one { vec![rule.to_vec()] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The ways to compare that are short give what the rules of patterns give.
        #[test]
        fn patterns_are_compared_by_the_rules_of_patterns(
            pattern in "[ab]{0,3}\\*?|[ab*?\\[\\]\\\\^-]{0,5}",
            keys in proptest::collection::vec("[ab*\\\\]{0,5}", 1..20),
        ) {
            let rule = [b"~", pattern.as_bytes()].concat();
            let parsed = KeyPattern::parse(&rule).expect("it has no spaces");
            for key in keys.iter().map(String::as_bytes).chain([pattern.as_bytes()]) {
                let by_rules = glob_matches(pattern.as_bytes(), key, Case::Sensitive);
                prop_assert_eq!(parsed.matches(key), by_rules, "{} {:?} {:?}", pattern, key, parsed.form);
            }
        }
    }
}
