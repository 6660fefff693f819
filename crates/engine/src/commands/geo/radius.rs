//! The older searches, within a circle only: GEORADIUS and GEORADIUSBYMEMBER, and their forms that only read.

use command::argument::{Argument, block, double, integer, key, one_of, string, token};
use command::keys::{geo_radius, geo_radius_by_member};
use command::{Command as Declaration, Flags, Group, KeyFinder, KeySpec};

use super::UNIT;
use super::nearby::{Center, Storing, Variant, nearby};
use super::search::{COUNT, ORDER, WITH_COORDINATES, WITH_DISTANCE, WITH_HASH};
use crate::command_table::{Command, Handler, Run};

const COMPLEXITY: &str = "O(N + log(M)), where M is the number of places, and N that of places in the cells that the circle touches.";
const HISTORY: &[(&str, &str)] =
    &[("6.2.0", "Has the option `ANY`."), ("7.0.0", "Units may be in capitals.")];
/// The same as of the other searches, and since when it has which part.
const DATED_COUNT: Argument = block(
    "count-block",
    &[integer("count").after("COUNT"), token("any", "ANY").optional().since("6.2.0")],
)
.optional();
const STORE: Argument = one_of(
    "store",
    &[
        key("storekey").display("key").spec(1).after("STORE"),
        key("storedistkey").display("key").spec(2).after("STOREDIST"),
    ],
)
.optional();

const fn declaration(name: &'static str, since: &'static str, run: Run) -> Command {
    Declaration {
        complexity: COMPLEXITY,
        history: HISTORY,
        deprecated_since: Some("6.2.0"),
        ..Declaration::new(name, Group::Geo, since, Handler::Keys(run))
    }
}

pub(super) static GEORADIUS: Command = Declaration {
    summary: "Returns the places within a circle around a point, or stores them in another sorted set.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[
        KeySpec::read_only(1).accesses(),
        KeySpec::overwrite(0).updates().after("STORE", 6),
        KeySpec::overwrite(0).updates().after("STOREDIST", 6),
    ],
    key_finder: Some(KeyFinder::Positions(geo_radius)),
    arguments: &[
        key("key"),
        double("longitude"),
        double("latitude"),
        double("radius"),
        UNIT,
        WITH_COORDINATES,
        WITH_DISTANCE,
        WITH_HASH,
        DATED_COUNT,
        ORDER,
        STORE,
    ],
    replaced_by: Some("`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
    ..declaration("GEORADIUS", "3.2.0", |call| {
        nearby(call, Variant { center: Center::Point, storing: Storing::ByOption })
    })
};

pub(super) static GEORADIUS_RO: Command = Declaration {
    summary: "Returns the places within a circle around a point.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        double("longitude"),
        double("latitude"),
        double("radius"),
        UNIT,
        WITH_COORDINATES,
        WITH_DISTANCE,
        WITH_HASH,
        DATED_COUNT,
        ORDER,
    ],
    replaced_by: Some("`GEOSEARCH` with the `BYRADIUS` argument"),
    ..declaration("GEORADIUS_RO", "3.2.10", |call| {
        nearby(call, Variant { center: Center::Point, storing: Storing::Never })
    })
};

pub(super) static GEORADIUSBYMEMBER: Command = Declaration {
    summary: "Returns the places within a circle around one of them, or stores them in another sorted set.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[
        KeySpec::read_only(1).accesses(),
        KeySpec::overwrite(0).updates().after("STORE", 5),
        KeySpec::overwrite(0).updates().after("STOREDIST", 5),
    ],
    key_finder: Some(KeyFinder::Positions(geo_radius_by_member)),
    arguments: &[
        key("key"),
        string("member"),
        double("radius"),
        UNIT,
        WITH_COORDINATES,
        WITH_DISTANCE,
        WITH_HASH,
        COUNT,
        ORDER,
        STORE,
    ],
    replaced_by: Some(
        "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
    ),
    ..declaration("GEORADIUSBYMEMBER", "3.2.0", |call| {
        nearby(call, Variant { center: Center::Member, storing: Storing::ByOption })
    })
};

pub(super) static GEORADIUSBYMEMBER_RO: Command = Declaration {
    summary: "Returns the places within a circle around one of them.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        string("member"),
        double("radius"),
        UNIT,
        WITH_COORDINATES,
        WITH_DISTANCE,
        WITH_HASH,
        COUNT,
        ORDER,
    ],
    replaced_by: Some("`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
    ..declaration("GEORADIUSBYMEMBER_RO", "3.2.10", |call| {
        nearby(call, Variant { center: Center::Member, storing: Storing::Never })
    })
};
