//! Whether what concurrent clients saw can have happened one call at a time.
//!
//! A [`Recorder`] notes every call with the time before it was sent and the time after its reply
//! came. [`check`] then searches for an order of the calls that respects time (a call that ended before
//! another began comes first) and in which a [`Model`], run one call at a time, gives the very replies
//! that were seen. If there is none, the history is not linearizable.
//!
//! The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993) with
//! Lowe's memory of configurations already tried: from a state, any call may come next that began before the
//! earliest end of those left. A configuration is the set of calls done and the state reached, so
//! that a history of a few dozen calls by a few clients takes microseconds.

use std::collections::HashSet;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// What a server is meant to do, one call at a time.
pub trait Model: Clone + Eq + Hash {
    /// What is asked.
    type Question;
    /// What is answered.
    type Answer: PartialEq;

    /// Carries out `question` and answers it.
    fn answer(&mut self, question: &Self::Question) -> Self::Answer;
}

/// A call that a client made.
#[derive(Clone, Debug)]
pub struct Call<Q, A> {
    /// When it was sent, or a moment before.
    pub begin: Duration,
    /// When its reply had come, or a moment after.
    pub end: Duration,
    /// What was asked.
    pub question: Q,
    /// What was answered.
    pub answer: A,
}

/// Notes the calls of one client. All recorders of a history share one `origin`.
#[derive(Debug)]
pub struct Recorder<Q, A> {
    origin: Instant,
    calls: Vec<Call<Q, A>>,
}

impl<Q, A> Recorder<Q, A> {
    /// A recorder whose times count from `origin`.
    pub fn new(origin: Instant) -> Recorder<Q, A> {
        Recorder { origin, calls: Vec::new() }
    }

    /// Makes a call and notes it.
    pub fn record(&mut self, question: Q, ask: impl FnOnce(&Q) -> A) {
        let begin = self.origin.elapsed();
        let answer = ask(&question);
        let end = self.origin.elapsed();
        self.calls.push(Call { begin, end, question, answer });
    }

    /// What was noted.
    pub fn into_calls(self) -> Vec<Call<Q, A>> {
        self.calls
    }
}

/// What [`check`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is such an order.
    Linearizable,
    /// There is none.
    Violated,
}

/// The most calls of one history: what the set of those done is kept in.
pub(crate) const MOST_CALLS: usize = 128;

/// Searches for an order of `calls` that explains their answers, from the state `initial`.
///
/// # Panics
/// When there are more than [`MOST_CALLS`].
pub fn check<M: Model>(initial: &M, calls: &[Call<M::Question, M::Answer>]) -> Verdict {
    assert!(calls.len() <= MOST_CALLS, "a history of {} calls is too long", calls.len());
    let all = if calls.len() == MOST_CALLS { u128::MAX } else { (1 << calls.len()) - 1 };
    let mut tried = HashSet::new();
    let mut left = vec![(0_u128, initial.clone())];
    while let Some((done, state)) = left.pop() {
        if done == all {
            return Verdict::Linearizable;
        }
        let waiting = || calls.iter().enumerate().filter(|(index, _)| done & (1 << index) == 0);
        let Some(earliest_end) = waiting().map(|(_, call)| call.end).min() else {
            return Verdict::Linearizable;
        };
        for (index, call) in waiting().filter(|(_, call)| call.begin <= earliest_end) {
            let mut next = state.clone();
            if next.answer(&call.question) == call.answer {
                let configuration = (done | (1 << index), next);
                if tried.insert(configuration.clone()) {
                    left.push(configuration);
                }
            }
        }
    }
    Verdict::Violated
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that can be read, and written by way of what it held before.
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Register(i64);

    #[derive(Clone, Copy)]
    enum Question {
        Read,
        Write(i64),
        Add(i64),
    }

    impl Model for Register {
        type Question = Question;
        type Answer = i64;

        fn answer(&mut self, question: &Question) -> i64 {
            match question {
                Question::Read => {}
                Question::Write(value) => self.0 = *value,
                Question::Add(value) => self.0 += value,
            }
            self.0
        }
    }

    #[track_caller]
    fn holds(expected: Verdict, calls: &[(u64, u64, Question, i64)]) {
        let calls: Vec<_> = calls
            .iter()
            .map(|&(begin, end, question, answer)| Call {
                begin: Duration::from_millis(begin),
                end: Duration::from_millis(end),
                question,
                answer,
            })
            .collect();
        assert_eq!(check(&Register(0), &calls), expected);
    }

    #[test]
    fn calls_at_the_same_time_take_any_order() {
        holds(Verdict::Linearizable, &[]);
        holds(
            Verdict::Linearizable,
            &[(0, 9, Question::Write(1), 1), (1, 8, Question::Read, 0), (2, 7, Question::Read, 1)],
        );
    }

    #[test]
    fn a_stale_read_is_found() {
        holds(Verdict::Violated, &[(0, 1, Question::Write(1), 1), (2, 3, Question::Read, 0)]);
    }

    #[test]
    fn a_value_that_comes_back_is_found() {
        holds(
            Verdict::Violated,
            &[(0, 9, Question::Write(1), 1), (1, 2, Question::Read, 1), (3, 4, Question::Read, 0)],
        );
    }

    #[test]
    fn a_lost_update_is_found() {
        holds(Verdict::Violated, &[(0, 9, Question::Add(1), 1), (0, 9, Question::Add(1), 1)]);
        holds(Verdict::Linearizable, &[(0, 9, Question::Add(1), 2), (0, 9, Question::Add(1), 1)]);
    }

    #[test]
    fn long_histories_of_many_clients_are_checked_quickly() {
        // Eight clients at the same time, sixteen rounds.
        let mut calls = Vec::new();
        let mut sum = 0;
        for round in 0..16 {
            for _ in 0..8 {
                sum += 1;
                calls.push((round * 10, round * 10 + 9, Question::Add(1), sum));
            }
        }
        holds(Verdict::Linearizable, &calls);
    }
}
