//! Patterns, found by the literal text that they begin with.
//!
//! A pattern can match only channels that begin as it does, up to its first special character. So they are kept by that
//! beginning, and a channel is looked up once for every length that a beginning has: few, however many patterns there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use collections::glob::{Case, glob_matches};
use foldhash::fast::RandomState;

use super::audience::Audience;

/// The patterns that somebody has subscribed to.
#[derive(Default)]
pub(super) struct Patterns {
    by_beginning: HashMap<Box<[u8]>, Vec<Pattern>, RandomState>,
    /// How many beginnings have this length.
    lengths: BTreeMap<usize, usize>,
    count: usize,
}

struct Pattern {
    text: Arc<[u8]>,
    audience: Audience,
}

impl Patterns {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Enters a subscriber. Gives the pattern as it is kept.
    pub(super) fn enter(&mut self, text: &[u8], worker: usize) -> Arc<[u8]> {
        let beginning = beginning(text);
        if !self.by_beginning.contains_key(beginning) {
            self.by_beginning.insert(beginning.into(), Vec::new());
            *self.lengths.entry(beginning.len()).or_default() += 1;
        }
        let patterns = self.by_beginning.entry(beginning.into()).or_default();
        let place = patterns.iter().position(|pattern| *pattern.text == *text);
        let place = place.unwrap_or_else(|| {
            patterns.push(Pattern { text: Arc::from(text), audience: Audience::default() });
            self.count += 1;
            patterns.len() - 1
        });
        let pattern = &mut patterns[place];
        pattern.audience.enter(worker);
        Arc::clone(&pattern.text)
    }

    /// Takes out a subscriber.
    pub(super) fn leave(&mut self, text: &[u8], worker: usize) {
        let beginning = beginning(text);
        let Some(patterns) = self.by_beginning.get_mut(beginning) else { return };
        let Some(place) = patterns.iter().position(|pattern| *pattern.text == *text) else {
            return;
        };
        let audience = &mut patterns[place].audience;
        audience.leave(worker);
        if !audience.is_empty() {
            return;
        }
        patterns.swap_remove(place);
        self.count -= 1;
        if patterns.is_empty() {
            self.by_beginning.remove(beginning);
            if let Some(count) = self.lengths.get_mut(&beginning.len()) {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&beginning.len());
                }
            }
        }
    }

    /// Visits every pattern that matches a channel.
    pub(super) fn for_each_match(
        &self,
        channel: &[u8],
        mut visit: impl FnMut(&Arc<[u8]>, &Audience),
    ) {
        for length in self.lengths.range(..=channel.len()).map(|(length, _)| *length) {
            let Some(beginning) = channel.get(..length) else { return };
            let Some(patterns) = self.by_beginning.get(beginning) else { continue };
            for pattern in patterns {
                if glob_matches(&pattern.text, channel, Case::Sensitive) {
                    visit(&pattern.text, &pattern.audience);
                }
            }
        }
    }
}

/// What a channel begins with that a pattern matches.
fn beginning(pattern: &[u8]) -> &[u8] {
    let special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
    let length = pattern.iter().position(special).unwrap_or(pattern.len());
    &pattern[..length]
}
