//! How likely the kernel is to kill this process when memory runs out.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::reason::reason;
use crate::log;

/// What the configured value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adjustment {
    /// The score is what it was when the process started.
    Off,
    /// To be added to what it was.
    Relative(i32),
    /// The score itself.
    Absolute(i32),
}

/// The process's score.
#[derive(Debug)]
pub(crate) struct OomScore {
    path: PathBuf,
    /// What it was before it was first changed.
    initial: Option<i32>,
    wanted: Adjustments,
    is_replica: bool,
}

/// What is wanted of a server, which depends on whether it is a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Adjustments {
    pub(crate) primary: Adjustment,
    pub(crate) replica: Adjustment,
}

impl Adjustments {
    const OFF: Adjustments = Adjustments { primary: Adjustment::Off, replica: Adjustment::Off };
}

impl OomScore {
    /// The score of this process.
    pub(crate) fn new() -> OomScore {
        OomScore::at("/proc/self/oom_score_adj".into())
    }

    fn at(path: PathBuf) -> OomScore {
        OomScore { path, initial: None, wanted: Adjustments::OFF, is_replica: false }
    }

    /// Sets the score as it is wanted from here on. A failure is logged, and returned for a client that asked for the change.
    pub(crate) fn configure(&mut self, wanted: Adjustments) -> io::Result<()> {
        self.wanted = wanted;
        self.adjust(if self.is_replica { wanted.replica } else { wanted.primary })
    }

    /// Sets the score that is wanted of a replica, or of a primary.
    pub(crate) fn note_role(&mut self, is_replica: bool) {
        self.is_replica = is_replica;
        // A failure is in the log, and nobody asked for this.
        let _logged = self.configure(self.wanted);
    }

    fn adjust(&mut self, adjustment: Adjustment) -> io::Result<()> {
        let initial = match self.initial {
            Some(initial) => initial,
            None if adjustment == Adjustment::Off => return Ok(()),
            None => *self.initial.insert(self.read()?),
        };
        let score = match adjustment {
            Adjustment::Off => initial,
            Adjustment::Relative(value) => initial.saturating_add(value),
            Adjustment::Absolute(value) => value,
        };
        let written = fs::write(&self.path, score.clamp(-1000, 1000).to_string());
        written.inspect_err(|error| {
            log::warning(format_args!("Unable to write oom_score_adj: {}", reason(error)));
        })
    }

    fn read(&self) -> io::Result<i32> {
        let text = fs::read_to_string(&self.path).inspect_err(|error| {
            log::warning(format_args!("Unable to read oom_score_adj: {}", reason(error)));
        })?;
        text.trim().parse().map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(score: &mut OomScore, adjustment: Adjustment, expected: &str) {
        score.adjust(adjustment).unwrap();
        assert_eq!(fs::read_to_string(&score.path).unwrap(), expected);
    }

    #[test]
    fn scores_start_from_the_first_one_and_go_back_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oom_score_adj");
        fs::write(&path, "100\n").unwrap();
        let mut score = OomScore::at(path);
        check(&mut score, Adjustment::Off, "100\n");
        check(&mut score, Adjustment::Relative(200), "300");
        check(&mut score, Adjustment::Relative(800), "900");
        check(&mut score, Adjustment::Relative(2000), "1000");
        check(&mut score, Adjustment::Absolute(-5), "-5");
        check(&mut score, Adjustment::Off, "100");
    }

    #[test]
    fn a_replica_has_a_score_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oom_score_adj");
        fs::write(&path, "0\n").unwrap();
        let mut score = OomScore::at(path);
        let is = |score: &OomScore| fs::read_to_string(&score.path).unwrap();
        score.note_role(true);
        assert_eq!(is(&score), "0\n", "nothing is wanted");
        let (primary, replica) = (Adjustment::Relative(100), Adjustment::Relative(200));
        score.configure(Adjustments { primary, replica }).unwrap();
        assert_eq!(is(&score), "200");
        score.note_role(false);
        assert_eq!(is(&score), "100");
        score.configure(Adjustments::OFF).unwrap();
        assert_eq!(is(&score), "0");
    }

    #[test]
    fn the_kernel_takes_a_score() {
        let mut score = OomScore::new();
        // A higher score is granted to everybody, and there is none above this.
        score.adjust(Adjustment::Absolute(1000)).unwrap();
        assert_eq!(fs::read_to_string(&score.path).unwrap().trim(), "1000");
        assert!(score.initial.is_some());
    }

    #[test]
    fn a_score_that_cannot_be_read_is_an_error() {
        let mut score = OomScore::at("/nonexistent/oom_score_adj".into());
        assert!(score.adjust(Adjustment::Relative(1)).is_err());
        assert!(score.adjust(Adjustment::Off).is_ok());
    }
}
