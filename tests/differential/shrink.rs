//! Makes a failing case small: fewer steps, then fewer and shorter words.
//!
//! Steps go by delta debugging (Zeller and Hildebrandt: "Simplifying and isolating failure-inducing input",
//! 2002): runs of half the steps are left out, then of a quarter, down to single ones, and what still fails is kept.

use harness::Protocol;

use super::pair::{Divergence, Pair};
use super::step::{Step, is_fixed};

/// The most runs that shrinking takes: each is a few milliseconds, or many for a server that hangs.
const MOST_RUNS: usize = 400;

/// Returns a smaller case that fails too, and how.
pub(super) fn shrink(
    pair: &mut Pair,
    protocol: Protocol,
    mut steps: Vec<Step>,
    divergence: Divergence,
) -> (Vec<Step>, Divergence) {
    // What comes after the step that differs cannot matter.
    if let Some(step) = divergence.step {
        steps.truncate(step + 1);
    }
    let subject_matter = divergence.subject_matter(&steps);
    let mut search = Search { pair, protocol, steps, divergence, subject_matter, runs: 0 };
    search.leave_out_steps();
    search.leave_out_words();
    search.shorten_words();
    (search.steps, search.divergence)
}

struct Search<'a> {
    pair: &'a mut Pair,
    protocol: Protocol,
    steps: Vec<Step>,
    divergence: Divergence,
    /// What the failure is about.
    subject_matter: String,
    runs: usize,
}

impl Search<'_> {
    /// Keeps `steps` if they fail.
    fn keeps(&mut self, steps: Vec<Step>) -> bool {
        if self.runs == MOST_RUNS {
            return false;
        }
        self.runs += 1;
        match self.pair.run(&steps, self.protocol) {
            Ok(()) => false,
            // Another failure is another case.
            Err(divergence) if divergence.subject_matter(&steps) != self.subject_matter => false,
            Err(divergence) => {
                self.steps = steps;
                self.divergence = divergence;
                true
            }
        }
    }

    fn leave_out_steps(&mut self) {
        let mut length = self.steps.len().div_ceil(2);
        while 0 < length {
            let mut at = 0;
            let mut smaller = false;
            while at < self.steps.len() && 1 < self.steps.len() {
                let mut steps = self.steps.clone();
                steps.drain(at..(at + length).min(steps.len()));
                if steps.is_empty() || !self.keeps(steps) {
                    at += length;
                } else {
                    smaller = true;
                }
            }
            // At single steps, again until none can go: leaving one out can make room for another.
            length = if length == 1 && smaller { 1 } else { length / 2 };
        }
    }

    /// How many words step `at` has that may be left out or changed.
    fn variable_words(&self, at: usize) -> usize {
        match self.steps[at].words() {
            Some(words) if !is_fixed(words) => words.len(),
            Some(_) | None => 0,
        }
    }

    fn leave_out_words(&mut self) {
        for at in 0..self.steps.len() {
            let count = self.variable_words(at);
            for word in (1..count).rev() {
                let mut steps = self.steps.clone();
                if let Step::Call(words) = &mut steps[at] {
                    words.remove(word);
                }
                self.keeps(steps);
            }
        }
    }

    fn shorten_words(&mut self) {
        for at in 0..self.steps.len() {
            let count = self.variable_words(at);
            for word in 1..count {
                loop {
                    let mut steps = self.steps.clone();
                    let Step::Call(words) = &mut steps[at] else {
                        break;
                    };
                    let length = words[word].len();
                    words[word].truncate(length / 2);
                    if length < 2 || !self.keeps(steps) {
                        break;
                    }
                }
            }
        }
    }
}
