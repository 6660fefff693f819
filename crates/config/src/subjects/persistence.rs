//! Files: where they are, when they are written, and how.

use super::bounds::{FROM_KIBIBYTE_32, FROM_MEBIBYTE_64, INTEGER_32, NATURAL_32, NATURAL_64};
use crate::Config;
use crate::directive::{Directive, Occasion, WordCount, Words};
use crate::field::{Choice, field};
use crate::number::{Unit, lenient_integer};
use crate::text::Text;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a directive of its own that is yes or no"
)]
pub struct Persistence {
    /// The working directory. The server keeps it absolute.
    pub directory: Text,
    /// When the data is saved by itself; empty: never.
    pub save_points: Vec<SavePoint>,
    /// The name of the snapshot file.
    pub snapshot_file: Text,
    /// The version of the format in which it is written.
    pub snapshot_version: u32,
    /// Bytes of it that may wait to be written before writers wait.
    pub snapshot_queue_bytes: u64,
    /// Whether strings in it are compressed.
    pub snapshot_compression: bool,
    /// Whether it ends with a checksum.
    pub snapshot_checksum: bool,
    /// Whether a snapshot that only served a replica is removed.
    pub remove_sync_files: bool,
    /// Whether a snapshot is synced to disk bit by bit.
    pub snapshot_incremental_sync: bool,
    /// Whether writes are refused after saving failed.
    pub stop_writes_on_save_error: bool,
    /// How deeply data from outside is checked.
    pub sanitize: Sanitize,
    /// Whether there is an append-only file.
    pub append_only: bool,
    /// The first part of the names of its files.
    pub append_file: Text,
    /// The directory of its files.
    pub append_directory: Text,
    /// When it is synced to disk.
    pub append_sync: AppendSync,
    /// Whether it is not synced while it is rewritten.
    pub no_append_sync_on_rewrite: bool,
    /// Percent of growth after which it is rewritten; 0: never.
    pub rewrite_percentage: u32,
    /// The size below which it is not rewritten.
    pub rewrite_min_size_bytes: u64,
    /// Whether a file that ends in the middle of a command is loaded.
    pub load_truncated: bool,
    /// Up to how many bytes at its end are cut off if they are damaged.
    pub load_corrupt_tail_bytes: u64,
    /// Whether it holds checksums.
    pub append_checksums: bool,
    /// Whether its base is a snapshot.
    pub append_snapshot_preamble: bool,
    /// Whether it says when commands were run.
    pub append_timestamps: bool,
    /// Whether a rewrite is synced to disk bit by bit.
    pub rewrite_incremental_sync: bool,
    /// Whether files that are no longer needed stay.
    pub keep_old_append_files: bool,
    /// Microseconds to wait for each key that is loaded; negative: for that many keys one microsecond.
    pub load_delay_us: i32,
    /// Likewise for each key that is saved.
    pub save_delay_us: i32,
    /// How many bytes are loaded before clients get an answer.
    pub loading_events_interval_bytes: u32,
}

/// The data is saved once this long has passed and this many changes were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last save.
    pub seconds: u64,
    /// Changes since the last save.
    pub changes: u32,
}

/// How deeply data from outside is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sanitize {
    /// Never.
    #[default]
    No,
    /// Always.
    Yes,
    /// When it comes from clients.
    Clients,
}

impl Choice for Sanitize {
    const WORDS: &'static [(&'static str, Sanitize)] =
        &[("no", Sanitize::No), ("yes", Sanitize::Yes), ("clients", Sanitize::Clients)];
}

/// When the append-only file is synced to disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppendSync {
    /// Once a second.
    #[default]
    EverySecond,
    /// Before the reply.
    Always,
    /// When the system wants to.
    No,
}

impl Choice for AppendSync {
    const WORDS: &'static [(&'static str, AppendSync)] = &[
        ("everysec", AppendSync::EverySecond),
        ("always", AppendSync::Always),
        ("no", AppendSync::No),
    ];
}

const REPLICATION: &str = "replication";

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::text("dir", ".", field!(persistence.directory)).protected().about(
        "The working directory, to which the names of all files are relative.",
    ),
    Directive::words(
        "save",
"3600 1 300 100 60 10000",
        Words {
            sketch: "seconds changes ...",
            count: WordCount::Any,
            set: set_save,
            print: print_save,
            lines: save_lines,
            lines_are_independent: false,
        },
    )
    .live()
    .about(
        "When the data is saved by itself: after that many seconds if there were that many changes. Several pairs may stand in one line or in several. \
         Empty (\"\"): never.",
    ),
    Directive::checked_text("dbfilename", "dump.rdb", check_snapshot_file, field!(persistence.snapshot_file))
        .protected()
        .about("The name of the snapshot file, without a directory."),
    Directive::switch("rdbcompression", "yes", field!(persistence.snapshot_compression))
        .live()
        .about("Whether strings in snapshots are compressed."),
    Directive::number("rdb-version", "12", 10..=12, field!(persistence.snapshot_version))
        .live()
        .ours()
        .about("The version of the format of snapshots: 12 is read by Redis 7.4 and later, 11 by 7.2 and later, 10 by 7.0 and later. Before 12, when fields of hashes expire is not saved."),
    Directive::quantity(
        "snapshot-queue-size",
        "64mb",
        Unit::Bytes,
        FROM_MEBIBYTE_64,
        field!(persistence.snapshot_queue_bytes),
    )
    .live()
    .ours()
    .about("How much of a snapshot may be in memory because it is not written yet. While there is more, writes wait for the disk."),
    Directive::switch("rdbchecksum", "yes", field!(persistence.snapshot_checksum))
        .about("Whether snapshots end with a checksum and whether it is verified."),
    Directive::switch("rdb-del-sync-files", "no", field!(persistence.remove_sync_files))
        .live()
        .not_built(REPLICATION)
        .about("Whether a snapshot file that was only made or received for replication is removed."),
    Directive::switch(
        "rdb-save-incremental-fsync",
        "yes",
        field!(persistence.snapshot_incremental_sync),
    )
    .live()
    .about("Whether a snapshot goes to the disk bit by bit while it is written, instead of all at its end."),
    Directive::switch(
        "stop-writes-on-bgsave-error",
        "yes",
        field!(persistence.stop_writes_on_save_error),
    )
    .live()
    .about("Whether writes are refused after saving in the background has failed."),
    Directive::choice::<Sanitize>("sanitize-dump-payload", "no", field!(persistence.sanitize))
        .live()
        .about("Whether snapshots that are loaded are also searched for members that are there twice; what RESTORE is given always is."),
    Directive::switch("appendonly", "no", field!(persistence.append_only))
        .live()
        .about("Whether every write is also appended to a file, from which the data is loaded at the next start."),
    Directive::checked_text("appendfilename", "appendonly.aof", check_append_file, field!(persistence.append_file))
        .about("How the names of these files start."),
    Directive::checked_text(
        "appenddirname",
        "appendonlydir",
        check_append_directory,
        field!(persistence.append_directory),
    )
    .about("The directory, within the working directory, of these files."),
    Directive::choice::<AppendSync>("appendfsync", "everysec", field!(persistence.append_sync))
        .live()
        .about("When appended writes are forced to the disk: before each reply (`always`), once a second, or when the system wants to (`no`)."),
    Directive::switch(
        "no-appendfsync-on-rewrite",
        "no",
        field!(persistence.no_append_sync_on_rewrite),
    )
    .live()
    .about("Whether nothing is forced to the disk while the file is rewritten or a snapshot is saved."),
    Directive::number("auto-aof-rewrite-percentage", "100", NATURAL_32, field!(persistence.rewrite_percentage))
        .live()
        .about("By how many percent the file must have grown to be rewritten by itself. 0: it never is."),
    Directive::quantity(
        "auto-aof-rewrite-min-size",
        "64mb",
        Unit::Bytes,
        NATURAL_64,
        field!(persistence.rewrite_min_size_bytes),
    )
    .live()
    .about("The size below which it is not rewritten by itself."),
    Directive::switch("aof-load-truncated", "yes", field!(persistence.load_truncated))
        .live()
        .about("Whether a file that ends in the middle of a command is loaded up to there."),
    Directive::quantity(
        "aof-load-corrupt-tail-max-size",
        "0",
        Unit::Bytes,
        NATURAL_64,
        field!(persistence.load_corrupt_tail_bytes),
    )
    .live()
    .ours()
    .about(
        "A file whose end is not what was written, as a power failure may leave it, is loaded up to there if no more than so many bytes follow. \
         0: it is not loaded at all.",
    ),
    Directive::switch("aof-checksum", "yes", field!(persistence.append_checksums)).ours().about(
        "Whether each write to the file is followed by a line with its checksum, by which damage is found when the file is loaded. Redis 7.0 and \
         later pass over these lines.",
    ),
    Directive::switch("aof-use-rdb-preamble", "yes", field!(persistence.append_snapshot_preamble))
        .live()
        .no_effect("a rewritten file always starts with a snapshot")
        .about("Whether a rewritten file starts with a snapshot, which is smaller and loads faster."),
    Directive::switch("aof-timestamp-enabled", "no", field!(persistence.append_timestamps))
        .live()
        .about("Whether the file says when its commands were run, so that the data of an earlier time can be restored."),
    Directive::switch(
        "aof-rewrite-incremental-fsync",
        "yes",
        field!(persistence.rewrite_incremental_sync),
    )
    .live()
    .about("Whether a rewrite goes to the disk bit by bit."),
    Directive::switch("aof-disable-auto-gc", "no", field!(persistence.keep_old_append_files))
        .live()
        .hidden()
        .about("Whether files that a rewrite has replaced stay."),
    Directive::number("key-load-delay", "0", INTEGER_32, field!(persistence.load_delay_us))
        .live()
        .hidden()
        .about("Microseconds to wait for each key that is loaded; -N waits one for every N keys. For tests."),
    Directive::number("rdb-key-save-delay", "0", INTEGER_32, field!(persistence.save_delay_us))
        .live()
        .hidden()
        .about("The same for each key that is saved. For tests."),
    Directive::number(
        "loading-process-events-interval-bytes",
        "2097152",
        FROM_KIBIBYTE_32,
        field!(persistence.loading_events_interval_bytes),
    )
    .live()
    .hidden()
    .about("How many bytes are loaded before clients get an answer that loading goes on."),
];

fn set_save(config: &mut Config, words: &[Text], occasion: Occasion) -> Result<(), String> {
    // The empty text takes back what was said before.
    let (words, replaces) = match words {
        [only] if only.is_empty() => (&[] as &[Text], true),
        words => (words, occasion != Occasion::FurtherLine),
    };
    let (points, rest) = words.as_chunks::<2>();
    let invalid = || "Invalid save parameters".to_owned();
    if !rest.is_empty() {
        return Err(invalid());
    }
    let points: Option<Vec<SavePoint>> =
        points.iter().map(|[seconds, changes]| save_point(seconds, changes)).collect();
    let points = points.ok_or_else(invalid)?;
    if replaces {
        config.persistence.save_points.clear();
    }
    config.persistence.save_points.extend(points);
    Ok(())
}

fn save_point(seconds: &Text, changes: &Text) -> Option<SavePoint> {
    let seconds =
        u64::try_from(lenient_integer(seconds.as_bytes())?).ok().filter(|seconds| 0 < *seconds)?;
    let changes = u32::try_from(lenient_integer(changes.as_bytes())?).ok()?;
    Some(SavePoint { seconds, changes })
}

fn print_save(config: &Config) -> Vec<u8> {
    config.persistence.save_points.iter().map(SavePoint::words).collect::<Vec<_>>().join(&b' ')
}

fn save_lines(config: &Config) -> Vec<Vec<u8>> {
    if config.persistence.save_points.is_empty() {
        vec![b"\"\"".to_vec()]
    } else {
        config.persistence.save_points.iter().map(SavePoint::words).collect()
    }
}

impl SavePoint {
    fn words(&self) -> Vec<u8> {
        format!("{} {}", self.seconds, self.changes).into_bytes()
    }
}

fn check_snapshot_file(name: &[u8]) -> Result<(), String> {
    no_path("dbfilename", name, "filename")
}

fn check_append_file(name: &[u8]) -> Result<(), String> {
    not_empty("appendfilename", name)?;
    no_path("appendfilename", name, "filename")
}

fn check_append_directory(name: &[u8]) -> Result<(), String> {
    not_empty("appenddirname", name)?;
    no_path("appenddirname", name, "dirname")
}

fn not_empty(directive: &str, name: &[u8]) -> Result<(), String> {
    if name.is_empty() { Err(format!("{directive} can't be empty")) } else { Ok(()) }
}

fn no_path(directive: &str, name: &[u8], what: &str) -> Result<(), String> {
    if name.iter().any(|byte| matches!(byte, b'/' | b'\\')) {
        return Err(format!("{directive} can't be a path, just a {what}"));
    }
    Ok(())
}
