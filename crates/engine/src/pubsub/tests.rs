//! What holds between workers.
