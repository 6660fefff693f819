//! Entries, shards, gates and the only door through which a value changes.
