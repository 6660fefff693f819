//! What is known of members: GEOPOS, GEODIST and GEOHASH.

use collections::SortedSet;
use collections::geo_hash::Point;
use command::argument::{key, string};
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::{Reply, ReplyError};

use super::{UNIT, Unit, reply_distance, reply_point};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome, Run};

const KEYS: &[KeySpec] = &[KeySpec::read_only(1).accesses()];

const fn declaration(name: &'static str, run: Run) -> Command {
    Declaration {
        complexity: "O(1) for each member.",
        flags: Flags::READ_ONLY,
        keys: KEYS,
        ..Declaration::new(name, Group::Geo, "3.2.0", Handler::Keys(run))
    }
}

pub(super) static GEOPOS: Command = Declaration {
    summary: "Returns longitudes and latitudes of places.",
    arguments: &[key("key"), string("member").optional().multiple()],
    ..declaration("GEOPOS", |call| {
        for_each_member(call, |reply, point| match point {
            Some(point) => reply_point(reply, point),
            None => reply.null_array(),
        })
    })
};

pub(super) static GEOHASH: Command = Declaration {
    summary: "Returns the names that geohash.org has for places.",
    arguments: &[key("key"), string("member").optional().multiple()],
    ..declaration("GEOHASH", |call| {
        for_each_member(call, |reply, point| match point {
            Some(point) => reply.bulk(&point.geo_hash()),
            None => reply.null(),
        })
    })
};

/// Answers something about each of the members that a call names.
fn for_each_member(
    call: &mut Call<'_>,
    mut answer: impl FnMut(&mut Reply<'_>, Option<Point>),
) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let set = call.keys.read_as::<SortedSet>(key)?;
    let members = arguments.rest();
    call.reply.array(members.len());
    for member in members.iter() {
        let score = set.and_then(|set| set.score(member));
        answer(&mut call.reply, score.map(Point::of_score));
    }
    Ok(())
}

pub(super) static GEODIST: Command = Declaration {
    summary: "Returns the distance between two places.",
    complexity: "O(1)",
    arguments: &[key("key"), string("member1"), string("member2"), UNIT.optional()],
    ..declaration("GEODIST", geodist)
};

fn geodist(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let members = [arguments.string()?, arguments.string()?];
    let unit = match arguments.len() {
        0 => Unit::METRE,
        1 => Unit::read(&mut arguments)?,
        _ => return Err(ReplyError::Syntax),
    };

    let set = call.keys.read_as::<SortedSet>(key)?;
    let point = |member| set.and_then(|set| set.score(member)).map(Point::of_score);
    match members.map(point) {
        [Some(one), Some(other)] => {
            reply_distance(&mut call.reply, unit.of_metres(one.distance(other)));
        }
        [_, _] => call.reply.null(),
    }
    Ok(())
}
