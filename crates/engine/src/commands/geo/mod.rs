//! Places on earth: sorted sets whose scores are what `collections::geo_hash` makes of places.

mod add;
mod nearby;
mod position;
mod radius;
mod search;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;

use collections::geo_hash::Point;
use command::Arguments;
use command::argument::{Argument, one_of, token};
use resp::number::LongDouble;
use resp::{Reply, ReplyError};

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &add::GEOADD,
    &position::GEODIST,
    &position::GEOHASH,
    &position::GEOPOS,
    &radius::GEORADIUS,
    &radius::GEORADIUSBYMEMBER,
    &radius::GEORADIUSBYMEMBER_RO,
    &radius::GEORADIUS_RO,
    &search::GEOSEARCH,
    &search::GEOSEARCHSTORE,
];

const UNIT: Argument =
    one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]);

/// A unit of length, in metres.
#[derive(Clone, Copy)]
struct Unit(f64);

impl Unit {
    const METRE: Unit = Unit(1.0);

    fn read(arguments: &mut Arguments<'_>) -> Result<Unit, ReplyError> {
        const UNITS: &[(&[u8], f64)] =
            &[(b"m", 1.0), (b"km", 1000.0), (b"ft", 0.3048), (b"mi", 1609.34)];
        let word = arguments.string()?;
        let named = UNITS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        named.map(|&(_, metres)| Unit(metres)).ok_or(BAD_UNIT)
    }

    /// A length that is given in metres.
    fn of_metres(self, metres: f64) -> f64 {
        metres / self.0
    }
}

/// A longitude and a latitude.
fn read_point(arguments: &mut Arguments<'_>) -> Result<Point, ReplyError> {
    let longitude = arguments.double()?;
    let latitude = arguments.double()?;
    let point = Point { longitude, latitude };
    if point.is_on_map() {
        Ok(point)
    } else {
        let text = format!("invalid longitude,latitude pair {longitude:.6},{latitude:.6}");
        Err(ReplyError::Message(text.into()))
    }
}

fn reply_point(reply: &mut Reply<'_>, point: Point) {
    reply.array(2);
    reply.long_double(LongDouble::from_double(point.longitude));
    reply.long_double(LongDouble::from_double(point.latitude));
}

/// A distance with four places.
fn reply_distance(reply: &mut Reply<'_>, distance: f64) {
    const PLACES: u64 = 10_000;
    // In no unit are two places farther apart than some tens of millions.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "distances are neither negative nor that great"
    )]
    let scaled = (distance * 10_000.0).round_ties_even() as u64;
    let mut text = Vec::with_capacity(24);
    resp::number::write_unsigned(scaled / PLACES, &mut text);
    text.push(b'.');
    let places = scaled % PLACES;
    for divisor in [1000, 100, 10, 1] {
        let digit = u8::try_from(places / divisor % 10).unwrap_or(0);
        text.push(b'0' + digit);
    }
    reply.bulk(&text);
}

const BAD_UNIT: ReplyError =
    ReplyError::message("unsupported unit provided. please use M, KM, FT, MI");
