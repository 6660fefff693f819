//! Sessions that clients may resume: so many, for so long.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustls::server::StoresServerSessions;

/// Sessions, the oldest of which go when there are too many.
#[derive(Debug)]
pub(super) struct Sessions {
    /// 0: any number.
    limit: usize,
    lifetime: Duration,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<Vec<u8>, Session>,
    /// In the order in which they came, with their numbers; those that were taken or replaced since are still here.
    order: VecDeque<(u64, Vec<u8>)>,
    last_number: u64,
}

#[derive(Debug)]
struct Session {
    number: u64,
    born: Instant,
    secret: Vec<u8>,
}

impl Sessions {
    pub(super) fn new(limit: usize, lifetime: Duration) -> Sessions {
        Sessions { limit, lifetime, kept: Mutex::default() }
    }
}

impl Kept {
    /// Takes out those that are too old, and the oldest of too many.
    fn purge(&mut self, limit: usize, lifetime: Duration, now: Instant) {
        while let Some((number, id)) = self.order.front() {
            let session = self.by_id.get(id).filter(|session| session.number == *number);
            let stays = session.is_some_and(|session| {
                let is_one_too_many = limit != 0 && limit <= self.by_id.len();
                now.duration_since(session.born) < lifetime && !is_one_too_many
            });
            if stays {
                return;
            }
            if session.is_some() {
                self.by_id.remove(id);
            }
            self.order.pop_front();
        }
    }

    /// Drops what is left of sessions that were taken, if it is most of the order.
    fn tidy(&mut self) {
        const SLACK: usize = 64;
        if self.by_id.len().saturating_mul(2).saturating_add(SLACK) < self.order.len() {
            let by_id = &self.by_id;
            self.order.retain(|(number, id)| {
                by_id.get(id).is_some_and(|session| session.number == *number)
            });
        }
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        kept.purge(self.limit, self.lifetime, now);
        kept.tidy();
        kept.last_number = kept.last_number.wrapping_add(1);
        let number = kept.last_number;
        kept.order.push_back((number, key.clone()));
        kept.by_id.insert(key, Session { number, born: now, secret: value });
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let kept = self.kept.lock();
        let session = kept.by_id.get(key)?;
        (session.born.elapsed() < self.lifetime).then(|| session.secret.clone())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let session = self.kept.lock().by_id.remove(key)?;
        (session.born.elapsed() < self.lifetime).then_some(session.secret)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_too_many_go() {
        let sessions = Sessions::new(3, Duration::from_secs(1000));
        for number in 0..10_u8 {
            sessions.put(vec![number], vec![number, number]);
        }
        assert_eq!(sessions.get(&[6]), None);
        assert_eq!(sessions.get(&[7]), Some(vec![7, 7]));
        assert_eq!(sessions.take(&[8]), Some(vec![8, 8]));
        assert_eq!(sessions.take(&[8]), None, "it was taken");
        sessions.put(vec![7], vec![1]);
        sessions.put(vec![10], vec![2]);
        assert_eq!(sessions.get(&[7]), Some(vec![1]), "the newer one of that name stays");
        assert_eq!(sessions.kept.lock().by_id.len(), 3);
    }

    #[test]
    fn what_was_taken_leaves_nothing() {
        let sessions = Sessions::new(0, Duration::from_secs(1000));
        sessions.put(b"stays".to_vec(), vec![]);
        for number in 0..10_000_u32 {
            let id = number.to_be_bytes();
            sessions.put(id.to_vec(), vec![]);
            assert!(sessions.take(&id).is_some());
        }
        assert!(sessions.kept.lock().order.len() < 100);
        assert!(sessions.get(b"stays").is_some());
    }

    #[test]
    fn what_is_too_old_is_gone() {
        let sessions = Sessions::new(0, Duration::ZERO);
        for number in 0..100_u8 {
            sessions.put(vec![number], vec![]);
            assert_eq!(sessions.get(&[number]), None);
        }
        assert_eq!(sessions.kept.lock().order.len(), 1, "each makes the one before it go");
    }
}
