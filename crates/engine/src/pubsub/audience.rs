//! How many subscribers each worker has.

use smallvec::SmallVec;

/// Workers that have subscribers, and how many. Most channels have those of one worker or two.
#[derive(Clone, Debug, Default)]
pub(super) struct Audience {
    workers: SmallVec<[(u32, u32); 2]>,
}

impl Audience {
    /// One subscriber more.
    pub(super) fn enter(&mut self, worker: usize) {
        let worker = number(worker);
        match self.workers.iter_mut().find(|(other, _)| *other == worker) {
            Some((_, count)) => *count += 1,
            None => self.workers.push((worker, 1)),
        }
    }

    /// One subscriber less.
    pub(super) fn leave(&mut self, worker: usize) {
        let worker = number(worker);
        if let Some((_, count)) = self.workers.iter_mut().find(|(other, _)| *other == worker) {
            *count -= 1;
        }
        self.workers.retain(|(_, count)| *count != 0);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.workers.iter().map(|&(_, count)| count as usize).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Adds the subscribers of another audience.
    pub(super) fn join(&mut self, other: &Audience) {
        if self.workers.is_empty() {
            self.workers.clone_from(&other.workers);
            return;
        }
        for &(worker, added) in &other.workers {
            match self.workers.iter_mut().find(|(known, _)| *known == worker) {
                Some((_, count)) => *count = count.saturating_add(added),
                None => self.workers.push((worker, added)),
            }
        }
    }

    /// The workers that have some.
    pub(super) fn workers(&self) -> impl Iterator<Item = usize> {
        self.workers.iter().map(|&(worker, _)| worker as usize)
    }
}

/// There are a few thousand workers at most.
fn number(worker: usize) -> u32 {
    u32::try_from(worker).unwrap_or(u32::MAX)
}
