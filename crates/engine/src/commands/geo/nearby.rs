//! What all searches do: find places near another, and show or store them.
//!
//! The words of a call are read with the sorted set at hand, since the first thing that is wrong is what is answered, and that
//! may be a member that is not there.

use std::cmp::Ordering;
use std::ops::Bound;

use collections::SortedSet;
use collections::geo_hash::{Point, Search, Shape, whole_score};
use collections::list_pack::Element;
use collections::sorted_set::{Direction, Limits, ScoreRange, SortedSetRef};
use command::Arguments;
use keyspace::SetExpiry;
use resp::{Reply, ReplyError};

use super::super::sorted_set::limits;
use super::{Unit, read_point, reply_distance, reply_point};
use crate::Call;
use crate::command_table::Outcome;
use crate::events;

/// How a command differs from the others.
#[derive(Clone, Copy)]
pub(super) struct Variant {
    pub(super) center: Center,
    pub(super) storing: Storing,
}

/// How a call says around what is searched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Center {
    /// The words after the key are a longitude, a latitude, a radius and a unit.
    Point,
    /// The words after the key are a member, a radius and a unit.
    Member,
    /// By options, and so is the shape.
    Option,
}

/// Whether a call stores what it finds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Storing {
    Never,
    /// If one of the options STORE and STOREDIST names a key.
    ByOption,
    /// At the key that comes first.
    Always,
}

/// Runs a search.
pub(super) fn nearby(call: &mut Call<'_>, variant: Variant) -> Outcome {
    let mut arguments = call.arguments;
    let destination = match variant.storing {
        Storing::Always => Some(arguments.string()?),
        Storing::Never | Storing::ByOption => None,
    };
    let key = arguments.string()?;
    let limits = limits(call.config);
    let name = call.words.first().unwrap_or_default();

    let set = call.keys.read_as::<SortedSet>(key)?;
    let reading = Reading { variant, set, name };
    let request = reading.request(arguments, destination)?;
    let found = match (set, request.search) {
        (Some(set), Some(search)) => request.find(set, &search),
        // Without a sorted set there is no search around a member.
        (None, _) | (_, None) => Vec::new(),
    };
    let Some(destination) = request.destination else {
        request.reply(&mut call.reply, &found);
        return Ok(());
    };
    let count = found.len();
    if count == 0 {
        if call.keys.remove(destination) {
            call.modified(destination, events::DELETE);
        }
    } else {
        let set = request.collect(&found, limits);
        call.keys.put(destination, set, SetExpiry::Clear);
        call.modified(
            destination,
            match variant.center {
                Center::Option => events::GEO_SEARCH_STORE,
                Center::Point | Center::Member => events::GEO_RADIUS_STORE,
            },
        );
        // Each place counts.
        call.changed((count as u64).saturating_sub(1));
    }
    call.reply.unsigned(count as u64);
    Ok(())
}

/// What a call asks for.
struct Request<'a> {
    search: Option<Search>,
    unit: Unit,
    destination: Option<&'a [u8]>,
    /// What is stored.
    scores: Scores,
    shown: Shown,
    order: Option<Order>,
    /// 0 for all.
    count: usize,
    /// The first that are found will do.
    any: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scores {
    Numbers,
    Distances,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    NearestFirst,
    FarthestFirst,
}

/// What is shown besides members.
#[derive(Clone, Copy, Default)]
struct Shown {
    distance: bool,
    number: bool,
    point: bool,
}

/// A place that was found.
#[derive(Clone, Copy)]
struct Found<'a> {
    member: Element<'a>,
    score: f64,
    point: Point,
    /// In metres.
    distance: f64,
}

impl Request<'_> {
    /// The places wanted, in order.
    fn find<'s>(&self, set: SortedSetRef<'s>, search: &Search) -> Vec<Found<'s>> {
        let most = if self.any { self.count } else { usize::MAX };
        let mut found = Vec::new();
        for cell in search.cells() {
            if most <= found.len() {
                break;
            }
            let numbers = cell.numbers();
            let range = ScoreRange {
                min: Bound::Included(score_of(numbers.start)),
                max: Bound::Excluded(score_of(numbers.end)),
            };
            let ranks = set.ranks_by_score(&range);
            let places = set.range(ranks, Direction::Ascending).filter_map(|(member, score)| {
                let (point, distance) = search.find(score)?;
                Some(Found { member, score, point, distance })
            });
            found.extend(places.take(most - found.len()));
        }
        self.sort(&mut found);
        if 0 < self.count {
            found.truncate(self.count);
        }
        found
    }

    /// Puts what is wanted into its order. Places that are equally far stay in the order in which they were found.
    fn sort(&self, found: &mut [Found<'_>]) {
        let order = match self.order {
            Some(order) => order,
            // The nearest ones are meant, unless any will do.
            None if 0 < self.count && !self.any => Order::NearestFirst,
            None => return,
        };
        found.sort_by(|one, other| {
            let comparison = one.distance.partial_cmp(&other.distance).unwrap_or(Ordering::Equal);
            match order {
                Order::NearestFirst => comparison,
                Order::FarthestFirst => comparison.reverse(),
            }
        });
    }

    fn reply(&self, reply: &mut Reply<'_>, found: &[Found<'_>]) {
        let Shown { distance, number, point } = self.shown;
        let parts = 1 + usize::from(distance) + usize::from(number) + usize::from(point);
        reply.array(found.len());
        for place in found {
            if 1 < parts {
                reply.array(parts);
            }
            match place.member {
                Element::Bytes(bytes) => reply.bulk(bytes),
                Element::Integer(number) => reply.bulk_integer(number),
            }
            if distance {
                reply_distance(reply, self.unit.of_metres(place.distance));
            }
            if number {
                reply.integer(whole_score(place.score));
            }
            if point {
                reply_point(reply, place.point);
            }
        }
    }

    /// What is stored.
    fn collect(&self, found: &[Found<'_>], limits: Limits) -> SortedSet {
        let longest = found.iter().map(|place| place.member.len()).max().unwrap_or(0);
        let mut set = SortedSet::with_capacity(found.len(), longest, limits);
        let mut buffer = itoa::Buffer::new();
        for place in found {
            let score = match self.scores {
                Scores::Numbers => place.score,
                Scores::Distances => self.unit.of_metres(place.distance),
            };
            set.insert(place.member.bytes(&mut buffer), score, limits);
        }
        set
    }
}

/// The number of a cell as a score.
#[expect(clippy::cast_precision_loss, reason = "what has more than 53 bits ends with zeros")]
fn score_of(number: u64) -> f64 {
    number as f64
}

/// What the words of a call are read with.
struct Reading<'a, 's> {
    variant: Variant,
    set: Option<SortedSetRef<'s>>,
    /// The command as the call names it.
    name: &'a [u8],
}

/// What options said so far.
#[derive(Default)]
struct Options<'a> {
    center: Option<Place>,
    shape: Option<(Shape, Unit)>,
    destination: Option<&'a [u8]>,
    distances: bool,
    shown: Shown,
    order: Option<Order>,
    count: Option<usize>,
    any: bool,
}

/// Around what is searched.
#[derive(Clone, Copy)]
enum Place {
    /// None where there is no sorted set that it could be in.
    Member(Option<Point>),
    Point(Point),
}

impl<'a> Reading<'a, '_> {
    fn request(
        &self,
        mut arguments: Arguments<'a>,
        destination: Option<&'a [u8]>,
    ) -> Result<Request<'a>, ReplyError> {
        let mut options = Options { destination, ..Options::default() };
        match self.variant.center {
            Center::Point => {
                options.center = Some(Place::Point(read_point(&mut arguments)?));
                options.shape = Some(read_circle(&mut arguments)?);
            }
            Center::Member => {
                let mut words = arguments.split(3)?;
                // Without a sorted set not even these are looked at.
                if self.set.is_some() {
                    options.center = Some(Place::Member(self.member(words.string()?)?));
                    options.shape = Some(read_circle(&mut words)?);
                }
            }
            Center::Option => {}
        }
        while !arguments.is_empty() {
            self.option(&mut arguments, &mut options)?;
        }
        self.check(&options)?;
        let search = options.center.zip(options.shape).and_then(|(center, (shape, unit))| {
            Some(Search::new(point_of(center)?, shape, unit.0))
        });
        Ok(Request {
            search,
            unit: options.shape.map_or(Unit::METRE, |(_, unit)| unit),
            destination: options.destination,
            scores: if options.distances { Scores::Distances } else { Scores::Numbers },
            shown: options.shown,
            order: options.order,
            count: options.count.unwrap_or(0),
            any: options.any,
        })
    }

    /// Reads an option.
    fn option(
        &self,
        arguments: &mut Arguments<'a>,
        options: &mut Options<'a>,
    ) -> Result<(), ReplyError> {
        let by_option = self.variant.center == Center::Option;
        let name = arguments.keyword()?;
        let values = arguments.len();
        match &*name {
            b"WITHDIST" => options.shown.distance = true,
            b"WITHHASH" => options.shown.number = true,
            b"WITHCOORD" => options.shown.point = true,
            b"ANY" => options.any = true,
            b"ASC" => options.order = Some(Order::NearestFirst),
            b"DESC" => options.order = Some(Order::FarthestFirst),
            b"COUNT" if 1 <= values => {
                let count = arguments.integer()?;
                let count = usize::try_from(count).ok().filter(|&count| 0 < count);
                options.count = Some(count.ok_or(BAD_COUNT)?);
            }
            b"STORE" | b"STOREDIST" if self.variant.storing == Storing::ByOption && 1 <= values => {
                options.destination = Some(arguments.string()?);
                options.distances = &*name == b"STOREDIST";
            }
            b"STOREDIST" if self.variant.storing == Storing::Always => options.distances = true,
            b"FROMMEMBER"
                if by_option && 1 <= values && !matches!(options.center, Some(Place::Point(_))) =>
            {
                options.center = Some(Place::Member(self.member(arguments.string()?)?));
            }
            b"FROMLONLAT"
                if by_option
                    && 2 <= values
                    && !matches!(options.center, Some(Place::Member(_))) =>
            {
                options.center = Some(Place::Point(read_point(arguments)?));
            }
            b"BYRADIUS"
                if by_option
                    && 2 <= values
                    && !matches!(options.shape, Some((Shape::Box { .. }, _))) =>
            {
                options.shape = Some(read_circle(arguments)?);
            }
            b"BYBOX"
                if by_option
                    && 3 <= values
                    && !matches!(options.shape, Some((Shape::Circle(_), _))) =>
            {
                options.shape = Some(read_box(arguments)?);
            }
            _ => return Err(ReplyError::Syntax),
        }
        Ok(())
    }

    /// Whether the options go together.
    fn check(&self, options: &Options<'_>) -> Result<(), ReplyError> {
        let Shown { distance, number, point } = options.shown;
        if options.destination.is_some() && (distance || number || point) {
            return Err(match self.variant.center {
                Center::Option => STORED_AND_SHOWN,
                Center::Point | Center::Member => STORE_AND_SHOWN,
            });
        }
        let by_option = self.variant.center == Center::Option;
        if by_option && options.center.is_none() {
            return Err(self.exactly_one("FROMMEMBER or FROMLONLAT"));
        }
        if by_option && options.shape.is_none() {
            return Err(self.exactly_one("BYRADIUS and BYBOX"));
        }
        if options.any && options.count.is_none() {
            return Err(ANY_WITHOUT_COUNT);
        }
        Ok(())
    }

    /// Where a member is.
    fn member(&self, member: &[u8]) -> Result<Option<Point>, ReplyError> {
        let Some(set) = self.set else { return Ok(None) };
        let score = set.score(member).ok_or(UNKNOWN_MEMBER)?;
        Ok(Some(Point::of_score(score)))
    }

    fn exactly_one(&self, options: &str) -> ReplyError {
        let mut line = format!("ERR exactly one of {options} can be specified for ").into_bytes();
        line.extend_from_slice(self.name);
        ReplyError::quoting(line)
    }
}

fn point_of(place: Place) -> Option<Point> {
    match place {
        Place::Member(point) => point,
        Place::Point(point) => Some(point),
    }
}

fn read_circle(arguments: &mut Arguments<'_>) -> Result<(Shape, Unit), ReplyError> {
    let radius = arguments.double_or(BAD_RADIUS)?;
    if radius < 0.0 {
        return Err(NEGATIVE_RADIUS);
    }
    Ok((Shape::Circle(radius), Unit::read(arguments)?))
}

fn read_box(arguments: &mut Arguments<'_>) -> Result<(Shape, Unit), ReplyError> {
    let width = arguments.double_or(BAD_WIDTH)?;
    let height = arguments.double_or(BAD_HEIGHT)?;
    if width < 0.0 || height < 0.0 {
        return Err(NEGATIVE_BOX);
    }
    Ok((Shape::Box { width, height }, Unit::read(arguments)?))
}

const BAD_RADIUS: ReplyError = ReplyError::message("need numeric radius");
const BAD_WIDTH: ReplyError = ReplyError::message("need numeric width");
const BAD_HEIGHT: ReplyError = ReplyError::message("need numeric height");
const NEGATIVE_RADIUS: ReplyError = ReplyError::message("radius cannot be negative");
const NEGATIVE_BOX: ReplyError = ReplyError::message("height or width cannot be negative");
const BAD_COUNT: ReplyError = ReplyError::message("COUNT must be > 0");
const UNKNOWN_MEMBER: ReplyError = ReplyError::message("could not decode requested zset member");
const ANY_WITHOUT_COUNT: ReplyError =
    ReplyError::message("the ANY argument requires COUNT argument");
const STORED_AND_SHOWN: ReplyError = ReplyError::message(
    "GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
);
const STORE_AND_SHOWN: ReplyError = ReplyError::message(
    "STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
);
