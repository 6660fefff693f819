//! Reads and writes RESP2 and RESP3 in buffers that the caller owns, with limits.
