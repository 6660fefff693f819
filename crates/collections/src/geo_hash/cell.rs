//! Parts of the map: what is left after some halvings of longitude and latitude.

use super::{LATITUDE_LIMIT, LONGITUDE_LIMIT, Point};

/// A part of the map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// How often both coordinates were halved.
    steps: u32,
    /// Columns from the west. On the easternmost meridian it is one more than there are.
    column: u32,
    /// Rows from the south. At the northern end it is one more than there are.
    row: u32,
}

/// The edges of a cell in degrees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

impl Cell {
    /// Halvings of the smallest cells.
    pub(super) const MOST_STEPS: u32 = 26;
    /// Bits of the numbers of these.
    pub(super) const NUMBER_BITS: u32 = 52;

    /// The cell after so many halvings that a point on the map is in.
    pub(super) fn of(point: Point, steps: u32) -> Cell {
        Cell::within(point, LATITUDE_LIMIT, steps)
    }

    /// The same on a map that reaches to another latitude.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "points on the map are in a column and a row of at most 26 bits"
    )]
    pub(super) fn within(point: Point, latitude_limit: f64, steps: u32) -> Cell {
        let scale = f64::from(1_u32.wrapping_shl(steps));
        let part = |degrees: f64, limit: f64| (degrees + limit) / (limit + limit) * scale;
        Cell {
            steps,
            column: part(point.longitude, LONGITUDE_LIMIT) as u32,
            row: part(point.latitude, latitude_limit) as u32,
        }
    }

    /// One of the smallest cells by its number.
    #[inline]
    pub(super) fn of_number(number: u64) -> Cell {
        Cell {
            steps: Cell::MOST_STEPS,
            column: every_other(number.wrapping_shr(1)),
            row: every_other(number),
        }
    }

    /// The number of its south-western corner among the smallest cells.
    pub(super) fn number(self) -> u64 {
        self.align(self.bits())
    }

    /// The numbers of the smallest cells in it: from the first to before the last.
    pub fn numbers(self) -> std::ops::Range<u64> {
        let bits = self.bits();
        self.align(bits)..self.align(bits.wrapping_add(1))
    }

    /// Its neighbour, so many columns to the east and rows to the north; around the world and over the poles.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Cell {
        let mask = 1_u32.wrapping_shl(self.steps).wrapping_sub(1);
        // What does not move stays where it is, even behind the last column or row.
        let moved = |place: u32, distance: i32| match distance {
            0 => place,
            _ => place.wrapping_add_signed(distance) & mask,
        };
        Cell { column: moved(self.column, east), row: moved(self.row, north), ..self }
    }

    pub(super) fn edges(self) -> Edges {
        let scale = f64::from(1_u32.wrapping_shl(self.steps));
        let degrees = |place: u32, limit: f64| f64::from(place) / scale * (limit + limit) - limit;
        Edges {
            west: degrees(self.column, LONGITUDE_LIMIT),
            east: degrees(self.column.wrapping_add(1), LONGITUDE_LIMIT),
            south: degrees(self.row, LATITUDE_LIMIT),
            north: degrees(self.row.wrapping_add(1), LATITUDE_LIMIT),
        }
    }

    /// The point in its middle, or on the edge of the map.
    #[inline]
    pub(super) fn middle(self) -> Point {
        let edges = self.edges();
        let middle =
            |low: f64, high: f64, limit: f64| f64::midpoint(low, high).clamp(-limit, limit);
        Point {
            longitude: middle(edges.west, edges.east, LONGITUDE_LIMIT),
            latitude: middle(edges.south, edges.north, LATITUDE_LIMIT),
        }
    }

    fn bits(self) -> u64 {
        spread(self.row) | spread(self.column).wrapping_shl(1)
    }

    fn align(self, bits: u64) -> u64 {
        bits.wrapping_shl(Cell::NUMBER_BITS.saturating_sub(self.steps.saturating_mul(2)))
    }
}

/// The bits of a number in the even places, zeros in the odd ones (Warren, "Hacker's Delight", section 7-2).
#[inline]
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    bits = (bits | bits.wrapping_shl(16)) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits.wrapping_shl(8)) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits.wrapping_shl(4)) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits.wrapping_shl(2)) & 0x3333_3333_3333_3333;
    (bits | bits.wrapping_shl(1)) & 0x5555_5555_5555_5555
}

/// The bits in the even places.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the upper half is what is dropped")]
fn every_other(number: u64) -> u32 {
    let mut bits = number & 0x5555_5555_5555_5555;
    bits = (bits | bits.wrapping_shr(1)) & 0x3333_3333_3333_3333;
    bits = (bits | bits.wrapping_shr(2)) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits.wrapping_shr(4)) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits.wrapping_shr(8)) & 0x0000_ffff_0000_ffff;
    (bits | bits.wrapping_shr(16)) as u32
}
