//! What is near: within a circle or a box around a point.

use super::cell::{Cell, Edges};
use super::{EARTH_RADIUS, From, Point, RADIANS};

/// What is searched.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Shape {
    /// A circle of this radius, in units.
    Circle(f64),
    /// A box, in units.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// A search around a point.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    center: Point,
    from: From,
    shape: Shape,
    metres_per_unit: f64,
}

impl Search {
    /// A search of a shape whose lengths are in units of so many metres.
    pub fn new(center: Point, shape: Shape, metres_per_unit: f64) -> Search {
        Search { center, from: From::new(center), shape, metres_per_unit }
    }

    /// The cells that all places searched for lie in, in the order in which they are visited.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        let bounds = self.bounds();
        let mut steps = self.steps();
        let mut center = Cell::of(self.center, steps);
        if 1 < steps && !reaches(center, &bounds) {
            steps = steps.saturating_sub(1);
            center = Cell::of(self.center, steps);
        }
        let edges = center.edges();
        // Very large cells can be needed on both sides.
        let is_fine = 2 <= steps;
        let needless = move |east: i32, north: i32| {
            is_fine
                && ((north < 0 && edges.south < bounds.south)
                    || (0 < north && bounds.north < edges.north)
                    || (east < 0 && edges.west < bounds.west)
                    || (0 < east && bounds.east < edges.east))
        };
        let wanted = NEIGHBOURS.into_iter().filter(move |&(east, north)| !needless(east, north));
        let mut previous = None;
        std::iter::once(center).chain(
            wanted
                .map(move |(east, north)| center.neighbour(east, north))
                // When there are few cells, neighbours on both sides are the same one.
                .filter(move |&cell| previous.replace(cell) != Some(cell)),
        )
    }

    /// The place that a score means, and how far it is in metres, if it is searched for.
    #[inline]
    pub fn find(&self, score: f64) -> Option<(Point, f64)> {
        let point = Point::of_score(score);
        match self.shape {
            Shape::Circle(radius) => {
                let radius = radius * self.metres_per_unit;
                // What is too far to the north or south is too far, with some room for what rounding does.
                if radius * (1.0 + 1e-9) + 1e-3 < self.from.latitude_distance(point.latitude) {
                    return None;
                }
                let distance = self.from.distance(point);
                (distance <= radius).then_some((point, distance))
            }
            Shape::Box { width, height } => {
                let (width, height) = (width * self.metres_per_unit, height * self.metres_per_unit);
                if height / 2.0 < self.from.latitude_distance(point.latitude) {
                    return None;
                }
                let across = Point { longitude: self.center.longitude, ..point };
                if width / 2.0 < point.distance(across) {
                    return None;
                }
                Some((point, self.from.distance(point)))
            }
        }
    }

    /// Half of the width and of the height, in metres.
    fn reach(&self) -> (f64, f64) {
        let (width, height) = match self.shape {
            Shape::Circle(radius) => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        (self.metres_per_unit * width, self.metres_per_unit * height)
    }

    /// The box around what is searched. Meridians meet at the poles, so the side that is nearer to one decides on its width.
    fn bounds(&self) -> Edges {
        let Point { longitude, latitude } = self.center;
        let (width, height) = self.reach();
        let latitude_delta = height / EARTH_RADIUS / RADIANS;
        let nearer_to_pole =
            if latitude < 0.0 { latitude - latitude_delta } else { latitude + latitude_delta };
        let longitude_delta = width / EARTH_RADIUS / (nearer_to_pole * RADIANS).cos() / RADIANS;
        Edges {
            west: longitude - longitude_delta,
            east: longitude + longitude_delta,
            south: latitude - latitude_delta,
            north: latitude + latitude_delta,
        }
    }

    /// How often to halve the map so that a cell and its neighbours hold what is searched, most likely.
    fn steps(&self) -> u32 {
        /// Half of the width of the map at the equator, in metres.
        const HALF_MAP: f64 = 20_037_726.37;
        let mut range = match self.shape {
            Shape::Circle(radius) => radius,
            Shape::Box { width, height } => {
                let (width, height) = (width / 2.0, height / 2.0);
                (width * width + height * height).sqrt()
            }
        } * self.metres_per_unit;
        if range == 0.0 {
            return Cell::MOST_STEPS;
        }
        // Two halvings less than would do, so that it is enough nearly always; and less still where cells are narrow.
        let mut steps = -1_i32;
        while range < HALF_MAP {
            range *= 2.0;
            steps = steps.saturating_add(1);
        }
        let latitude = self.center.latitude.abs();
        if 66.0 < latitude {
            steps = steps.saturating_sub(1);
        }
        if 80.0 < latitude {
            steps = steps.saturating_sub(1);
        }
        u32::try_from(steps).unwrap_or(0).clamp(1, Cell::MOST_STEPS)
    }
}

/// Neighbours to the east and north, in the order in which they are visited.
const NEIGHBOURS: [(i32, i32); 8] =
    [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// Whether the neighbours of a cell reach as far as a box does.
fn reaches(center: Cell, bounds: &Edges) -> bool {
    let edges = |east, north| center.neighbour(east, north).edges();
    // In this direction of comparison, bounds that are no numbers are reached.
    !(edges(0, 1).north < bounds.north
        || bounds.south < edges(0, -1).south
        || edges(1, 0).east < bounds.east
        || bounds.west < edges(-1, 0).west)
}
