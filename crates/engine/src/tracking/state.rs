//! How a client tracks, as others may see it.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU64};

use crate::clients::ClientId;

/// How a client tracks: what it has asked for with CLIENT TRACKING and CLIENT CACHING.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct TrackingFlags(u8);

impl TrackingFlags {
    /// It does not track.
    pub(crate) const NONE: TrackingFlags = TrackingFlags(0);
    /// It tracks.
    pub(crate) const ON: TrackingFlags = TrackingFlags(1);
    /// It is told of all keys with its prefixes.
    pub(crate) const BROADCASTS: TrackingFlags = TrackingFlags(1 << 1);
    /// Only what it reads after CLIENT CACHING YES is remembered.
    pub(crate) const OPTS_IN: TrackingFlags = TrackingFlags(1 << 2);
    /// What it reads after CLIENT CACHING NO is not remembered.
    pub(crate) const OPTS_OUT: TrackingFlags = TrackingFlags(1 << 3);
    /// It is not told of what it changes itself.
    pub(crate) const NO_LOOP: TrackingFlags = TrackingFlags(1 << 4);
    /// CLIENT CACHING was called, for the next call.
    pub(crate) const CACHING: TrackingFlags = TrackingFlags(1 << 5);
    /// The client that should be told in its place is gone.
    pub(crate) const BROKEN: TrackingFlags = TrackingFlags(1 << 6);

    /// These and those.
    #[must_use]
    pub(crate) const fn and(self, other: TrackingFlags) -> TrackingFlags {
        TrackingFlags(self.0 | other.0)
    }

    /// These but those.
    #[must_use]
    pub(crate) const fn without(self, other: TrackingFlags) -> TrackingFlags {
        TrackingFlags(self.0 & !other.0)
    }

    /// Whether all of those are among these.
    #[inline]
    pub(crate) const fn has(self, other: TrackingFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a key that is read now is to be remembered.
    pub(crate) const fn remembers(self) -> bool {
        let is_given = self.has(TrackingFlags::CACHING);
        let is_wanted = if self.has(TrackingFlags::OPTS_IN) {
            is_given
        } else {
            !self.has(TrackingFlags::OPTS_OUT) || !is_given
        };
        self.has(TrackingFlags::ON) && !self.has(TrackingFlags::BROADCASTS) && is_wanted
    }
}

/// How a client tracks: its worker writes it, but for what breaks a redirection.
#[derive(Debug, Default)]
pub(crate) struct TrackingState {
    flags: AtomicU8,
    /// Who is told in its place; 0 if nobody is.
    redirection: AtomicU64,
}

impl TrackingState {
    pub(crate) fn flags(&self) -> TrackingFlags {
        TrackingFlags(self.flags.load(Relaxed))
    }

    /// Who is told in its place.
    pub(crate) fn redirection(&self) -> Option<ClientId> {
        Some(self.redirection.load(Relaxed)).filter(|client| *client != 0)
    }

    pub(super) fn set(&self, flags: TrackingFlags, redirection: Option<ClientId>) {
        self.redirection.store(redirection.unwrap_or(0), Relaxed);
        self.flags.store(flags.0, Relaxed);
    }

    /// The client that should be told in its place is gone.
    pub(super) fn note_broken(&self) {
        self.flags.fetch_or(TrackingFlags::BROKEN.0, Relaxed);
    }
}
