//! The commands of streams as Redis answers them.
