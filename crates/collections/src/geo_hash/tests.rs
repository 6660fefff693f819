//! Against what is known of some places, and against a search that looks at all of them.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;

use super::{Cell, LATITUDE_LIMIT, LONGITUDE_LIMIT, Point, Search, Shape, whole};

const PALERMO: Point = Point { longitude: 13.361_389, latitude: 38.115_556 };
const CATANIA: Point = Point { longitude: 15.087_269, latitude: 37.502_669 };

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers have 54 bits at most, of which the last are seldom set"
)]
fn score(point: Point) -> f64 {
    point.number() as f64
}

#[test]
fn numbers_and_names_are_those_of_redis() {
    assert_eq!(PALERMO.number(), 3_479_099_956_230_698);
    assert_eq!(CATANIA.number(), 3_479_447_370_796_909);
    let stored = Point::of_score(score(PALERMO));
    assert_eq!(stored.geo_hash(), *b"sqc8b49rny0");
    let distance = stored.distance(Point::of_score(score(CATANIA)));
    assert_eq!(format!("{distance:.4}"), "166274.1516");
}

#[test]
fn any_score_is_some_place() {
    for (score, expected) in [
        (0.0, 0),
        (-1.0, u64::MAX),
        (1.9, 1),
        (f64::INFINITY, 0),
        (f64::NEG_INFINITY, 1 << 63),
        (1e300, 0),
        (-1e300, 1 << 63),
        (9_223_372_036_854_775_808.0, 1 << 63),
        (18_446_744_073_709_549_568.0, 18_446_744_073_709_549_568),
    ] {
        assert_eq!(whole(score), expected, "{score}");
        assert!(Point::of_score(score).is_on_map(), "{score}");
    }
}

fn points() -> impl Strategy<Value = Point> {
    let longitude = prop_oneof![
        8 => -LONGITUDE_LIMIT..=LONGITUDE_LIMIT,
        1 => prop::sample::select(vec![-LONGITUDE_LIMIT, LONGITUDE_LIMIT, 0.0, 90.0]),
    ];
    let latitude = prop_oneof![
        8 => -LATITUDE_LIMIT..=LATITUDE_LIMIT,
        1 => prop::sample::select(vec![-LATITUDE_LIMIT, LATITUDE_LIMIT, 0.0, 66.0, -80.5]),
    ];
    (longitude, latitude).prop_map(|(longitude, latitude)| Point { longitude, latitude })
}

proptest! {
    #[test]
    fn a_place_is_in_its_cell(point in points(), steps in 1..=Cell::MOST_STEPS) {
        let cell = Cell::of(point, steps);
        let edges = cell.edges();
        prop_assert!(edges.west - 1e-9 <= point.longitude && point.longitude <= edges.east + 1e-9);
        prop_assert!(edges.south - 1e-9 <= point.latitude && point.latitude <= edges.north + 1e-9);
        prop_assert!(cell.numbers().contains(&point.number()));
        let stored = Point::of_score(score(point));
        prop_assert!((stored.longitude - point.longitude).abs() < 1e-5);
        prop_assert!((stored.latitude - point.latitude).abs() < 1e-5);
        prop_assert_eq!(Cell::of_number(point.number()).number(), point.number());
    }

    /// Searches of up to some thousands of kilometres, away from the edges of the map, find all that is near.
    #[test]
    fn cells_hold_all_that_is_near(
        center in (-90.0..90.0_f64, -60.0..60.0_f64),
        offsets in proptest::collection::vec((-1.0..1.0_f64, -1.0..1.0_f64), 1..50),
        magnitude in 0..6_i32,
        is_box: bool,
    ) {
        let center = Point { longitude: center.0, latitude: center.1 };
        let radius = 10.0_f64.powi(magnitude);
        let shape = if is_box {
            Shape::Box { width: radius, height: radius / 2.0 }
        } else {
            Shape::Circle(radius)
        };
        let search = Search::new(center, shape, 3.0);
        let cells: Vec<_> = search.cells().map(Cell::numbers).collect();
        for (east, north) in offsets {
            // In degrees, about twice as far as is searched.
            let scale = radius * 6.0 / 111_000.0;
            let point = Point {
                longitude: (center.longitude + east * scale).clamp(-180.0, 180.0),
                latitude: (center.latitude + north * scale).clamp(-85.0, 85.0),
            };
            let found = search.find(score(point));
            let is_in_a_cell = cells.iter().any(|cell| cell.contains(&point.number()));
            prop_assert!(found.is_none() || is_in_a_cell, "{point:?}");
            if let (Some((stored, distance)), Shape::Circle(radius)) = (found, shape) {
                prop_assert!(distance <= radius * 3.0);
                prop_assert!((distance - center.distance(stored)).abs() < f64::EPSILON);
            }
        }
    }

    #[test]
    fn cells_are_visited_once(center in points(), radius in 0.0..3e7_f64) {
        let search = Search::new(center, Shape::Circle(radius), 1.0);
        let cells: Vec<_> = search.cells().collect();
        prop_assert!((1..=9).contains(&cells.len()));
        prop_assert!(cells.windows(2).all(|pair| pair.first().unwrap() != pair.last().unwrap()));
    }
}
