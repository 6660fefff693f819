//! Every limit of the protocol, with its reason.

/// Longest inline request, and longest line that announces a count or a length, without its line
/// ending. Redis's bound: a client that sends more without a line ending is not speaking RESP.
pub const INLINE_BYTES: usize = 64 * 1024;

/// Default of `proto-max-bulk-len`: the longest single argument.
pub const BULK_BYTES: usize = 512 * 1024 * 1024;

/// Most arguments of one request: what fits the signed 32-bit counter that Redis keeps.
pub const ARGUMENTS: i64 = i32::MAX as i64;

/// Most arguments of a request from a client that has yet to authenticate: enough for HELLO with
/// AUTH and SETNAME, too few to make a stranger's request expensive.
pub const UNAUTHENTICATED_ARGUMENTS: i64 = 10;

/// Longest argument from a client that has yet to authenticate: as above.
pub const UNAUTHENTICATED_BULK_BYTES: usize = 16 * 1024;

/// Longest argument, whatever the configuration allows.
pub const ARGUMENT_BYTES: usize = u32::MAX as usize;

/// Longest request as a whole, but for the arguments that are received apart from it: positions in
/// it are 31 bits wide. Redis has no such bound, but its default `client-query-buffer-limit` is
/// 1 GiB.
pub const REQUEST_BYTES: usize = i32::MAX as usize;

/// Bytes of all arguments of one request that are received apart from it. Redis has no such bound;
/// but one client's request must not take all the memory there is.
pub const SUPPLIED_BYTES: usize = u32::MAX as usize;

/// Words that a connection's parser keeps room for between requests: 512 bytes. Those of a request
/// that was cut by the end of a read; thousands of idle connections must not keep more.
pub const PARSER_SPANS: usize = 64;

/// Words that a batch keeps room for between rounds: 512 KiB, for a worker needs one batch. More
/// than a deep pipeline's round has, so that only a request of rare length reserves room anew.
pub const BATCH_SPANS: usize = 64 * 1024;

/// Requests that a batch keeps room for between rounds: as above.
pub const BATCH_REQUESTS: usize = 16 * 1024;

/// Bytes of inline words that a batch keeps room for between rounds: the longest request's.
pub const BATCH_INLINE_BYTES: usize = INLINE_BYTES;

/// A value this long or longer is shared with its reply; a shorter one is copied, which is cheaper
/// than a reference count and one more segment to write.
pub const SHARED_BYTES: usize = 16 * 1024;

/// Deepest nesting that [`crate::Value`] decodes. Redis's replies nest less than ten levels; the
/// bound keeps the decoder's recursion, and that of dropping a value, off the end of the stack.
pub const VALUE_DEPTH: usize = 128;

/// Longest string in a reply that [`crate::Value`] decodes: above any server's `proto-max-bulk-len`
/// in earnest use.
pub const VALUE_BYTES: usize = 4 * 1024 * 1024 * 1024;

/// Longest line (simple string, error, number) in a reply that [`crate::Value`] decodes.
pub const VALUE_LINE_BYTES: usize = 1024 * 1024;

/// Elements that the decoder reserves for at once, whatever count was announced: the rest is
/// reserved as they arrive.
pub const VALUE_RESERVED: usize = 1024;

/// Longest text that is read as a long double: Redis's bound. The longest one that it writes, with
/// 4,933 digits before the point, is within it.
pub const LONG_DOUBLE_TEXT_BYTES: usize = 5119;

/// How much of a command's name, and of its arguments together, an error reply quotes.
pub const QUOTED_BYTES: usize = 128;
