//! DEBUG HTSTATS: the shape of tables.

use std::fmt::Write as _;

use collections::hash_table::Statistics;
use resp::ReplyError;

use crate::Call;
use crate::command_table::Outcome;
use crate::vitals::float;

/// The longest chain that is told apart from longer ones.
const LENGTHS: usize = 50;

/// The tables of a database, all shards as one.
pub(super) fn database(call: &mut Call<'_>) -> Outcome {
    let number = call.arguments.integer()?;
    let number = usize::try_from(number).ok().filter(|number| *number < call.keys.databases());
    let Some(number) = number else { return Err(ReplyError::message("Out of range database")) };
    let is_full = call.arguments.keyword_is(b"FULL");
    call.keys.select(number);
    let (keys, expiring) = call.keys.table_statistics(LENGTHS);
    let mut text = String::from("[Dictionary HT]\n");
    describe(&keys, is_full, &mut text);
    text.push_str("[Expires HT]\n");
    describe(&expiring, is_full, &mut text);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The table of a value. Strings have none.
pub(super) fn value(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    match call.keys.peek(key) {
        None => Err(ReplyError::NoSuchKey),
        Some(_) => Err(ReplyError::message(
            "The value stored at the specified key is not represented using an hash table",
        )),
    }
}

/// In Redis's words: a bucket here has seven slots, and with those that hang on it is what Redis calls a chain.
fn describe(table: &Statistics, is_full: bool, text: &mut String) {
    const SLOTS: usize = 7;
    if table.elements == 0 {
        return;
    }
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{line}");
    };
    line(format_args!("Hash table 0 stats (main hash table):"));
    line(format_args!(" table size: {}", (table.buckets + table.chained_buckets) * SLOTS));
    line(format_args!(" number of elements: {}", table.elements));
    if !is_full {
        return;
    }
    let used = table.buckets - table.chains.first().copied().unwrap_or(0);
    line(format_args!(" different slots: {used}"));
    line(format_args!(" max chain length: {}", table.longest_chain));
    let average = float(table.elements) / float(used.max(1));
    line(format_args!(" avg chain length (counted): {average:.2}"));
    line(format_args!(" avg chain length (computed): {average:.2}"));
    line(format_args!(" Chain length distribution:"));
    let last = table.chains.len() - 1;
    for (length, count) in table.chains.iter().enumerate().filter(|(_, count)| 0 < **count) {
        let at_least = if length == last { ">= " } else { "" };
        let percent = float(*count) * 100.0 / float(table.buckets);
        line(format_args!("   {at_least}{length}: {count} ({percent:.2}%)"));
    }
}
