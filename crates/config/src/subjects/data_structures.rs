//! Up to which size values are kept in their compact form.

use super::bounds::{INTEGER_32, NATURAL_32, NATURAL_64};
use crate::directive::Directive;
use crate::field::field;
use crate::number::Unit;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataStructures {
    /// The most fields of a compact hash.
    pub hash_compact_entries: u64,
    /// The longest field or value of a compact hash, in bytes.
    pub hash_compact_value_bytes: u64,
    /// The size of a list's nodes: elements, or -1 to -5 for 4, 8, 16, 32 or 64 KiB.
    pub list_node_size: i32,
    /// How many nodes at either end of a list stay uncompressed; 0: all.
    pub list_compress_depth: u32,
    /// The most members of a set of integers.
    pub set_integer_entries: u64,
    /// The most members of a compact set.
    pub set_compact_entries: u64,
    /// The longest member of a compact set, in bytes.
    pub set_compact_value_bytes: u64,
    /// The most members of a compact sorted set.
    pub sorted_set_compact_entries: u64,
    /// The longest member of a compact sorted set, in bytes.
    pub sorted_set_compact_value_bytes: u64,
    /// The longest sparse form of a `HyperLogLog`, in bytes.
    pub hyper_log_log_sparse_bytes: u64,
    /// The most bytes of a stream's node; 0: any number.
    pub stream_node_bytes: u64,
    /// The most entries of a stream's node; 0: any number.
    pub stream_node_entries: u64,
}

const UNUSED: &str = "it concerns a type that is not built yet";

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::number(
        "hash-max-listpack-entries",
        "512",
        NATURAL_64,
        field!(data_structures.hash_compact_entries),
    )
    .alias("hash-max-ziplist-entries")
    .live()
    .about("A hash with more fields than that leaves its compact form."),
    Directive::quantity(
        "hash-max-listpack-value",
        "64",
        Unit::Bytes,
        NATURAL_64,
        field!(data_structures.hash_compact_value_bytes),
    )
    .alias("hash-max-ziplist-value")
    .live()
    .about("So does a hash with a longer field or value, in bytes."),
    Directive::number(
        "list-max-listpack-size",
        "-2",
        INTEGER_32,
        field!(data_structures.list_node_size),
    )
    .alias("list-max-ziplist-size")
    .live()
    .about(
        "The size of a list's nodes: a number of elements, or -1 to -5 for 4, 8, 16, 32 or 64 KiB.",
    ),
    Directive::number(
        "list-compress-depth",
        "0",
        NATURAL_32,
        field!(data_structures.list_compress_depth),
    )
    .live()
    .about("How many nodes at either end of a list stay uncompressed. 0: no node is compressed."),
    Directive::number(
        "set-max-intset-entries",
        "512",
        NATURAL_64,
        field!(data_structures.set_integer_entries),
    )
    .live()
    .about("A set of integers with more members than that leaves its compact form."),
    Directive::number(
        "set-max-listpack-entries",
        "128",
        NATURAL_64,
        field!(data_structures.set_compact_entries),
    )
    .live()
    .about("So does any other set with more members than that."),
    Directive::number(
        "set-max-listpack-value",
        "64",
        NATURAL_64,
        field!(data_structures.set_compact_value_bytes),
    )
    .live()
    .about("So does a set with a longer member, in bytes."),
    Directive::number(
        "zset-max-listpack-entries",
        "128",
        NATURAL_64,
        field!(data_structures.sorted_set_compact_entries),
    )
    .alias("zset-max-ziplist-entries")
    .live()
    .about("A sorted set with more members than that leaves its compact form."),
    Directive::quantity(
        "zset-max-listpack-value",
        "64",
        Unit::Bytes,
        NATURAL_64,
        field!(data_structures.sorted_set_compact_value_bytes),
    )
    .alias("zset-max-ziplist-value")
    .live()
    .about("So does a sorted set with a longer member, in bytes."),
    Directive::quantity(
        "hll-sparse-max-bytes",
        "3000",
        Unit::Bytes,
        NATURAL_64,
        field!(data_structures.hyper_log_log_sparse_bytes),
    )
    .live()
    .no_effect(UNUSED)
    .about("A HyperLogLog whose sparse form is longer than that gets the dense form."),
    Directive::quantity(
        "stream-node-max-bytes",
        "4096",
        Unit::Bytes,
        NATURAL_64,
        field!(data_structures.stream_node_bytes),
    )
    .live()
    .no_effect(UNUSED)
    .about("The most bytes in one node of a stream. 0: any number."),
    Directive::number(
        "stream-node-max-entries",
        "100",
        NATURAL_64,
        field!(data_structures.stream_node_entries),
    )
    .live()
    .no_effect(UNUSED)
    .about("The most entries in one node of a stream. 0: any number."),
];
