//! LOLWUT: a picture, and the version.

use std::fmt::Write as _;

use command::argument::integer;
use command::{Command as Declaration, Flags, Group};
use keyspace::Random;

use crate::command_table::{Command, Handler, Outcome};
use crate::{Call, REDIS_VERSION};

pub(super) static LOLWUT: Command = Declaration {
    summary: "Draws a picture and tells the version.",
    complexity: "",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    arguments: &[integer("version").after("VERSION").optional()],
    ..Declaration::new("LOLWUT", Group::Server, "5.0.0", Handler::Keys(lolwut))
};

/// The size of the picture, in characters, unless the call gives another.
const COLUMNS: i64 = 66;
const ROWS: i64 = 16;

fn lolwut(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (mut columns, mut rows) = (COLUMNS, ROWS);
    if arguments.accept(b"VERSION") && !arguments.is_empty() {
        arguments.integer()?;
        for size in [&mut columns, &mut rows] {
            if !arguments.is_empty() {
                *size = arguments.integer()?;
            }
        }
    }
    let columns = usize::try_from(columns.clamp(1, 160)).unwrap_or(1);
    let rows = usize::try_from(rows.clamp(1, 100)).unwrap_or(1);
    let mut text = strata(columns, rows, &mut call.keys.round.random);
    // Writing to a string cannot fail.
    let _written = write!(text, "\nA wall of ochre. Redis ver. {REDIS_VERSION}\n");
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Layers of earth, each settling on the one below it.
fn strata(columns: usize, rows: usize, random: &mut Random) -> String {
    const GRAINS: &[u8] = b" .:-=+*#%@";
    let mut heights: Vec<usize> = vec![0; columns];
    let mut lines = vec![vec![b' '; columns]; rows];
    for grain in GRAINS.iter().rev() {
        let top = heights.clone();
        for (column, height) in heights.iter_mut().enumerate() {
            // As thick as the neighbours allow, so that layers are waves and no noise.
            let left = top[column.saturating_sub(1)];
            let right = top[(column + 1).min(columns - 1)];
            let thickness =
                1 + random.below(2) + (left + right).div_ceil(2).saturating_sub(*height).min(2);
            for _ in 0..thickness {
                if *height < rows {
                    lines[rows - 1 - *height][column] = *grain;
                    *height += 1;
                }
            }
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|line| String::from_utf8_lossy(line).trim_end().to_owned() + "\n")
        .collect();
    lines.concat()
}
