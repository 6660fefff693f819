//! Columns of text.

use std::fmt::Write as _;
use std::io::{self, Write};

/// On which side a column is even.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Prints rows, of which the first is the head, as columns of the widths that they need.
pub(super) fn print(
    sides: &[Side],
    rows: &[Vec<String>],
    output: &mut dyn Write,
) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..sides.len()).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for ((cell, side), width) in row.iter().zip(sides).zip(&widths) {
            line.push_str("  ");
            match side {
                Side::Left => write!(line, "{cell:<width$}"),
                Side::Right => write!(line, "{cell:>width$}"),
            }
            .map_err(io::Error::other)?;
        }
        writeln!(output, "{}", line.trim_end())?;
    }
    Ok(())
}
