//! In what 7.0 differs from the level that is implemented, 7.4.
//!
//! What is listed here is found by comparing the two real servers, and is enough: the comparison with 7.4
//! knows no such list. So an entry may be coarse.

use harness::{Value, Version};

/// Whether the replies differ in what is known to have changed after `version`.
pub(super) fn documented(version: Version, words: &[Vec<u8>], older: &Value) -> bool {
    match version {
        Version::V74 => false,
        Version::V70 => {
            let line = words.iter().take(3).map(|word| word.to_ascii_uppercase());
            let line = line.collect::<Vec<_>>().join(b" ".as_slice());
            is_unknown(older)
                || CHANGED.iter().any(|(command, _)| line.starts_with(command.as_bytes()))
        }
    }
}

/// Whether values of this type are represented otherwise than after `version`: since 7.2 a short list is a list pack, a small
/// set may be one, and a sorted set that is given many members at once is big.
pub(super) fn in_encoding(version: Version, kind: &Value) -> bool {
    match version {
        Version::V74 => false,
        Version::V70 => matches!(kind.as_bytes(), Some(b"list" | b"set" | b"zset")),
    }
}

/// Whether values differ but in how they are written: 7.0 writes every score in 17 digits.
pub(super) fn in_digits(version: Version, kind: &Value, ours: &Value, theirs: &Value) -> bool {
    let number = |value: &Value| {
        let text = value.as_bytes().and_then(|text| std::str::from_utf8(text).ok());
        text.and_then(|text| text.parse::<f64>().ok()).map(f64::to_bits)
    };
    let same = |(ours, theirs): (&Value, &Value)| {
        ours == theirs || number(ours).is_some() && number(ours) == number(theirs)
    };
    let flat = |value: &Value| -> Vec<Value> {
        let pairs = value.as_array().unwrap_or_default().iter();
        pairs
            .flat_map(|pair| pair.as_array().map_or_else(|| vec![pair.clone()], <[Value]>::to_vec))
            .collect()
    };
    version == Version::V70 && kind.as_bytes() == Some(b"zset") && {
        let (ours, theirs) = (flat(ours), flat(theirs));
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(same)
    }
}

/// Whether a call is one of a command that changes data and came after `version`, or changes them in another way since.
pub(super) fn is_newer(version: Version, words: &[Vec<u8>]) -> bool {
    let name = words.first().map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let changes_fields = name.starts_with(b"H") && name.windows(4).any(|part| part == b"EXPI");
    // Since 7.2 the last ID does not fall behind a deleted one's, and a consumer is there even if there was nothing for it.
    let changed: [&[u8]; 4] = [b"HPERSIST", b"XSETID", b"XREADGROUP", b"XCLAIM"];
    // Which error a timeout gets that is too long; in a transaction, it is EXEC that tells.
    let is_long = |word: &Vec<u8>| {
        let number = std::str::from_utf8(word).ok().and_then(|word| word.parse::<f64>().ok());
        number.is_some_and(|number| 1e12 < number)
    };
    let waits_forever = name.starts_with(b"B") && words.iter().any(is_long);
    version == Version::V70 && (waits_forever || changes_fields || changed.contains(&&*name))
}

/// Whether a server does not have the command.
fn is_unknown(reply: &Value) -> bool {
    reply.is_error() && reply.as_bytes().is_some_and(|text| text.starts_with(b"ERR unknown "))
}

/// Calls that answer otherwise since 7.0, by how they begin, with what changed.
const CHANGED: &[(&str, &str)] = &[
    ("BITCOUNT", "reads its options even if there is no key"),
    ("BITPOS", "reads its options even if there is no key"),
    ("DEBUG DIGEST", "has scores in as few digits as they need"),
    ("CLIENT INFO", "has the fields watch, lib-name and lib-ver"),
    ("CLIENT KILL MAXAGE", "is new"),
    ("CLIENT LIST", "has the fields watch, lib-name and lib-ver"),
    ("CLIENT NO-TOUCH", "is new"),
    ("CLIENT PAUSE 9223372036854775807", "is too long"),
    ("CLIENT SETINFO", "is new"),
    ("COMMAND GETKEYS", "takes a command without arguments"),
    ("COMMAND INFO", "flags and tips were corrected"),
    ("CONFIG GET", "there are more directives"),
    ("CONFIG SET MAXMEMORY-SAMPLES", "has an upper bound"),
    ("CONFIG SET SET-MAX-LISTPACK-", "is new"),
    ("CONFIG SET LOGLEVEL", "has the level nothing"),
    ("DEBUG DICT-RESIZING", "is new"),
    ("HSCAN", "has the option NOVALUES"),
    ("DUMP", "writes a newer version"),
    ("INFO", "has more fields"),
    ("LPOS", "refuses the lowest RANK"),
    ("OBJECT ENCODING", "short lists are list packs, as small sets may be"),
    ("SCAN", "refuses a negative cursor"),
    ("XGROUP CREATECONSUMER", "one that has claimed nothing is there already"),
    ("XINFO", "tells when a consumer was active, and knows the lag of more groups"),
    ("XREAD", "has the ID +"),
    ("ZADD", "writes scores in as few digits as tell them apart"),
    ("ZDIFF", "writes scores in fewer digits"),
    ("ZINCRBY", "writes scores in fewer digits"),
    ("ZINTER", "writes scores in fewer digits"),
    ("ZMPOP", "writes scores in fewer digits"),
    ("ZMSCORE", "writes scores in fewer digits"),
    ("ZPOP", "writes scores in fewer digits"),
    ("ZRANDMEMBER", "writes scores in fewer digits"),
    (
        "ZRANGE",
        "writes scores in fewer digits; a negative offset of LIMIT counts from the end in a big sorted set",
    ),
    ("ZRANK", "has the option WITHSCORE"),
    ("ZREVRANGE", "writes scores in fewer digits; a negative offset as in ZRANGE"),
    ("ZREVRANK", "has the option WITHSCORE"),
    ("ZSCAN", "writes scores in fewer digits, and has an error of its own for NOVALUES"),
    ("ZSCORE", "writes scores in fewer digits"),
    ("ZUNION", "writes scores in fewer digits"),
];
