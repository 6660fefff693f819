//! Places on earth as numbers, so that a sorted set can find what is near.
//!
//! Longitude and latitude are each halved 26 times, and the halves chosen are noted as bits: latitude in the even bits of 52,
//! longitude in the odd ones. Numbers that begin alike lie near each other, and a [`cell`](Cell) of fewer halvings is a range of
//! numbers. A [`Search`] visits the cell of its center and the neighbours of that, and looks at the distance of each place there.
//!
//! All is computed in the order of operations that Redis has: clients see the last digits, and which places are found.

mod cell;
mod search;

#[cfg(test)]
mod tests;

pub use cell::Cell;
pub use search::{Search, Shape};

/// The greatest longitude, east and west, in degrees.
pub const LONGITUDE_LIMIT: f64 = 180.0;
/// The greatest latitude, north and south, in degrees: where the map in Mercator's projection is as high as wide.
pub const LATITUDE_LIMIT: f64 = 85.051_128_78;

/// In metres; the quadratic mean of the radii, in the rounding that Redis has.
const EARTH_RADIUS: f64 = 6_372_797.560_856;
const RADIANS: f64 = std::f64::consts::PI / 180.0;

/// A place, in degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// East of Greenwich; negative to the west.
    pub longitude: f64,
    /// North of the equator; negative to the south.
    pub latitude: f64,
}

impl Point {
    /// Whether there is a number for it.
    pub fn is_on_map(self) -> bool {
        (-LONGITUDE_LIMIT..=LONGITUDE_LIMIT).contains(&self.longitude)
            && (-LATITUDE_LIMIT..=LATITUDE_LIMIT).contains(&self.latitude)
    }

    /// The number for it. It must be on the map.
    pub fn number(self) -> u64 {
        Cell::of(self, Cell::MOST_STEPS).number()
    }

    /// The middle of the cell with this number, as a sorted set has it. Any score means some place.
    #[inline]
    pub fn of_score(score: f64) -> Point {
        Cell::of_number(whole(score)).middle()
    }

    /// The distance to another, in metres, on a ball.
    pub fn distance(self, other: Point) -> f64 {
        From::new(self).distance(other)
    }

    /// The name that geohash.org has for it, with a last letter that says nothing.
    pub fn geo_hash(self) -> [u8; 11] {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        const BITS: u32 = 5;
        /// Latitudes reach the poles there.
        const POLE: f64 = 90.0;
        let number = Cell::within(self, POLE, Cell::MOST_STEPS).number();
        let mut name = [b'0'; 11];
        // The last letter would need three bits more than there are.
        for (place, letter) in (1_u32..).zip(name.iter_mut().take(10)) {
            let shift = Cell::NUMBER_BITS.saturating_sub(place.saturating_mul(BITS));
            let index = number.wrapping_shr(shift) & 0x1f;
            *letter = usize::try_from(index)
                .ok()
                .and_then(|index| LETTERS.get(index))
                .copied()
                .unwrap_or(b'0');
        }
        name
    }
}

/// A place from which distances are measured, with what is computed once.
#[derive(Clone, Copy, Debug)]
struct From {
    longitude: f64,
    latitude: f64,
    latitude_cosine: f64,
}

impl From {
    fn new(point: Point) -> From {
        let latitude = point.latitude * RADIANS;
        From { longitude: point.longitude * RADIANS, latitude, latitude_cosine: latitude.cos() }
    }

    /// The distance in metres: the haversine formula.
    #[inline]
    fn distance(&self, to: Point) -> f64 {
        let v = ((to.longitude * RADIANS - self.longitude) / 2.0).sin();
        let latitude = to.latitude * RADIANS;
        if v == 0.0 {
            return self.latitude_distance(to.latitude);
        }
        let u = ((latitude - self.latitude) / 2.0).sin();
        let a = u * u + self.latitude_cosine * latitude.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }

    /// The distance in metres to the same meridian at a latitude in degrees.
    #[inline]
    fn latitude_distance(&self, latitude: f64) -> f64 {
        EARTH_RADIUS * (latitude * RADIANS - self.latitude).abs()
    }
}

/// The first number that is too large for an `i64`.
const INTEGER_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// What C makes of a double as an unsigned integer on x86-64: sorted sets may have any scores.
#[inline]
fn whole(score: f64) -> u64 {
    if INTEGER_LIMIT <= score {
        (whole_score(score - INTEGER_LIMIT) ^ i64::MIN).cast_unsigned()
    } else {
        whole_score(score).cast_unsigned()
    }
}

/// A score as an integer: what C makes of a double as a signed integer there.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "what is out of range is taken care of")]
pub fn whole_score(score: f64) -> i64 {
    if (-INTEGER_LIMIT..INTEGER_LIMIT).contains(&score) { score as i64 } else { i64::MIN }
}
