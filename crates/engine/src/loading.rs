//! That the data is being loaded, and how far that has come.
//!
//! Clients are told so (`-LOADING`), but for commands that are allowed meanwhile; INFO tells how long it will take.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// What is known of loading.
#[derive(Debug, Default)]
pub struct Loading {
    active: AtomicBool,
    /// What is loaded is kept aside, and clients are served from what there is.
    aside: AtomicBool,
    began_s: AtomicI64,
    total_bytes: AtomicU64,
    loaded_bytes: AtomicU64,
    /// Of the last time.
    keys_loaded: AtomicU64,
    keys_expired: AtomicU64,
}

/// What INFO tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) began_s: i64,
    pub(crate) total_bytes: u64,
    pub(crate) loaded_bytes: u64,
}

impl Loading {
    /// Loading begins, of so many bytes. Whoever closes the gates afterwards knows that all clients are told.
    pub fn begin(&self, total_bytes: u64, now_s: i64) {
        self.began_s.store(now_s, Ordering::Relaxed);
        self.total_bytes.store(total_bytes, Ordering::Relaxed);
        self.loaded_bytes.store(0, Ordering::Relaxed);
        self.active.store(true, Ordering::Release);
    }

    /// Loading aside begins: clients are served meanwhile.
    pub fn begin_aside(&self) {
        self.aside.store(true, Ordering::Release);
    }

    /// Loading aside has ended.
    pub fn end_aside(&self) {
        self.aside.store(false, Ordering::Release);
    }

    /// Whether something is loaded aside.
    #[inline]
    pub fn is_aside(&self) -> bool {
        self.aside.load(Ordering::Relaxed)
    }

    /// So many bytes have been loaded.
    pub fn advance(&self, loaded_bytes: u64) {
        self.loaded_bytes.fetch_max(loaded_bytes, Ordering::Relaxed);
    }

    /// It is done, with so many keys loaded, and left out because they had expired.
    pub fn end(&self, keys_loaded: u64, keys_expired: u64) {
        self.keys_loaded.store(keys_loaded, Ordering::Relaxed);
        self.keys_expired.store(keys_expired, Ordering::Relaxed);
        self.active.store(false, Ordering::Release);
    }

    /// Whether it goes on.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Keys that were loaded, and left out because they had expired, the last time.
    pub(crate) fn keys(&self) -> (u64, u64) {
        (self.keys_loaded.load(Ordering::Relaxed), self.keys_expired.load(Ordering::Relaxed))
    }

    /// What INFO tells while it goes on.
    pub(crate) fn facts(&self) -> Option<Facts> {
        self.is_active().then(|| Facts {
            began_s: self.began_s.load(Ordering::Relaxed),
            total_bytes: self.total_bytes.load(Ordering::Relaxed),
            loaded_bytes: self.loaded_bytes.load(Ordering::Relaxed),
        })
    }
}
