//! Whole files: a head, what there is to say of the file, the keys of each database, a checksum.
//!
//! ```text
//!  "REDIS0012" | auxiliary fields | functions | database | its sizes | record | record | ... | end | checksum
//!
//!  auxiliary field   250  name   value
//!  function          245  the code of a library
//!  database          254  number
//!  its sizes         251  keys   keys that expire
//!  record            [252  expiry (ms)]  [248  idle (s) | 249  frequency]  type  key  value
//!  end               255
//!  checksum          8 bytes, little-endian, of all bytes before; zeros if there is none
//! ```
//!
//! **Writing** is appending: [`FileWriter`] puts the parts one behind the other. A record depends on nothing around it, so any
//! number of threads can make records ([`encode_key`]) and somebody appends them ([`FileWriter::records`]).
//!
//! **Reading** has two stages, since nearly all of its time is spent in making values and nearly none in finding where they
//! end. [`Splitter`] reads, sums up the checksum, and cuts the file into its [`Part`]s; of records it only finds where the
//! next one begins, and gives many of them at once, as the bytes that they are ([`Batch`]). What they mean is found by
//! [`Batch::decode`], on as many threads as one likes. [`read_file`] does both on one thread.
//!
//! What is held in memory is what was read: a length that lies costs nothing, however large it is.

mod batch;
mod decode;
mod error;
mod read;
mod skip;
mod source;
mod split;
mod write;

#[cfg(test)]
mod side_by_side;
#[cfg(test)]
mod tests;

pub use batch::{Batch, LoadedKey, LoadedValue, Tally};
pub use error::{LoadError, Place, Refusal};
pub use read::{Sink, Summary, read_file};
pub use skip::module_name;
pub use split::{Checksum, Modules, Part, Settings, Splitter};
pub(super) use write::encode_modifiers;
pub use write::{FileWriter, encode_head, encode_key};

/// What is noted of a key's use, for those who evict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Eviction {
    /// Nothing.
    #[default]
    None,
    /// For so many seconds it was not used.
    Idle(u64),
    /// It was used as often as this counter says.
    Frequency(u8),
}
