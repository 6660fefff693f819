//! Words in, reply bytes and effects out: one call's whole course, and every command.
