//! The report: what is in a file, for people and for programs.

use std::io::{self, Write};

use persistence::rdb::Version;
use persistence::rdb::file::Checksum;
use serde_json::{Map, Value, json};

use super::options::Options;
use super::survey::{Counts, SPANS, Survey, TYPES};
use super::table::{self, Side};

/// Prints it, if it is wanted.
pub(super) fn print(options: &Options, survey: &Survey, output: &mut dyn Write) -> io::Result<()> {
    if !options.report {
        return Ok(());
    }
    if options.json { writeln!(output, "{:#}", as_json(survey)) } else { as_tables(survey, output) }
}

fn as_tables(survey: &Survey, output: &mut dyn Write) -> io::Result<()> {
    let number = |number: u64| number.to_string();
    let counts = |name: String, counts: &Counts| {
        let mut row = vec![name];
        row.extend(
            [counts.keys, counts.expiring, counts.elements, counts.bytes, counts.memory]
                .map(number),
        );
        row
    };
    let head = |name: &str| {
        [name, "keys", "expiring", "elements", "bytes in file", "memory"]
            .map(str::to_owned)
            .to_vec()
    };
    let sides = [Side::Left, Side::Right, Side::Right, Side::Right, Side::Right, Side::Right];

    writeln!(output, "\nDatabases")?;
    let mut rows = vec![head("number")];
    rows.extend(survey.databases.iter().map(|(number, sum)| counts(number.to_string(), sum)));
    table::print(&sides, &rows, output)?;

    writeln!(output, "\nTypes")?;
    let mut rows = vec![head("type")];
    let types = TYPES.iter().zip(&survey.types).filter(|(_, sum)| 0 < sum.keys);
    rows.extend(types.map(|(name, sum)| counts((*name).to_owned(), sum)));
    table::print(&sides, &rows, output)?;

    writeln!(output, "\nBiggest keys")?;
    let head = ["memory", "bytes in file", "elements", "type", "encoding", "database", "key"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(survey.biggest().into_iter().map(|big| {
        vec![
            number(big.memory),
            number(big.bytes),
            number(big.elements),
            big.kind.to_owned(),
            big.form.to_owned(),
            number(big.database),
            shown(&big.key),
        ]
    }));
    let sides =
        [Side::Right, Side::Right, Side::Right, Side::Left, Side::Left, Side::Right, Side::Left];
    table::print(&sides, &rows, output)?;

    writeln!(output, "\nExpiry")?;
    let mut rows = vec![vec!["when".to_owned(), "keys".to_owned()]];
    rows.push(vec!["never".to_owned(), number(survey.keys.saturating_sub(survey.expiring))]);
    let spans = SPANS.iter().zip(survey.spans);
    rows.extend(spans.map(|((_, name), count)| vec![(*name).to_owned(), number(count)]));
    table::print(&[Side::Left, Side::Right], &rows, output)?;
    if let Some([newer, older]) = &survey.digests {
        writeln!(
            output,
            "\nDigest {} (of servers before 7.2: {})",
            newer.digest(),
            older.digest()
        )?;
    }
    Ok(())
}

/// The key as a line can hold it.
fn shown(key: &[u8]) -> String {
    const LONGEST: usize = 100;
    match key.split_at_checked(LONGEST) {
        Some((first, rest)) if !rest.is_empty() => {
            format!("{}... ({} bytes)", first.escape_ascii(), key.len())
        }
        _ => key.escape_ascii().to_string(),
    }
}

fn as_json(survey: &Survey) -> Value {
    let counts = |sum: &Counts| {
        json!({
            "keys": sum.keys,
            "expiring": sum.expiring,
            "elements": sum.elements,
            "file_bytes": sum.bytes,
            "memory_bytes": sum.memory,
        })
    };
    let text = |bytes: &[u8]| Value::from(bytes.escape_ascii().to_string());
    let databases: Map<String, Value> =
        survey.databases.iter().map(|(number, sum)| (number.to_string(), counts(sum))).collect();
    let types: Map<String, Value> = TYPES
        .iter()
        .zip(&survey.types)
        .filter(|(_, sum)| 0 < sum.keys)
        .map(|(name, sum)| ((*name).to_owned(), counts(sum)))
        .collect();
    let auxiliary: Map<String, Value> = survey
        .auxiliary
        .iter()
        .map(|(name, value)| (name.escape_ascii().to_string(), text(value)))
        .collect();
    let biggest: Vec<Value> = survey
        .biggest()
        .into_iter()
        .map(|big| {
            json!({
                "key": text(&big.key),
                "database": big.database,
                "type": big.kind,
                "encoding": big.form,
                "elements": big.elements,
                "file_bytes": big.bytes,
                "memory_bytes": big.memory,
            })
        })
        .collect();
    let expiry: Vec<Value> = SPANS
        .iter()
        .zip(survey.spans)
        .map(|((seconds, name), count)| json!({"name": name, "below_s": seconds, "keys": count}))
        .collect();
    json!({
        "version": survey.version.map(|Version(number)| number),
        "bytes": survey.bytes,
        "checksum": survey.checksum.map(|checksum| match checksum {
            Checksum::Right => "right",
            Checksum::Absent => "absent",
            Checksum::Ignored => "ignored",
        }),
        "auxiliary": auxiliary,
        "functions": survey.functions,
        "keys": survey.keys,
        "expiring": survey.expiring,
        "expired": survey.expired,
        "hashes_with_expiring_fields": survey.with_expiring_fields,
        "databases": databases,
        "types": types,
        "biggest": biggest,
        "expiry": expiry,
        "digest": survey.digests.as_ref().map(|[newer, _]| newer.digest().to_string()),
        "digest_before_7_2": survey.digests.as_ref().map(|[_, older]| older.digest().to_string()),
    })
}
