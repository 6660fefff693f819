//! Searching around a place: GEOSEARCH and GEOSEARCHSTORE.

use command::argument::{Argument, block, double, integer, key, one_of, string, token};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::UNIT;
use super::nearby::{Center, Storing, Variant, nearby};
use crate::command_table::{Command, Handler};

const COMPLEXITY: &str = "O(N + log(M)), where M is the number of places, and N that of places in the cells that the shape touches.";
const HISTORY: &[(&str, &str)] = &[("7.0.0", "Units may be in capitals.")];

const FROM: Argument = one_of(
    "from",
    &[
        string("member").after("FROMMEMBER"),
        block("fromlonlat", &[double("longitude"), double("latitude")]).after("FROMLONLAT"),
    ],
);
const BY: Argument = one_of(
    "by",
    &[
        block("circle", &[double("radius").after("BYRADIUS"), UNIT]),
        block("box", &[double("width").after("BYBOX"), double("height"), UNIT]),
    ],
);
pub(super) const ORDER: Argument =
    one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional();
pub(super) const COUNT: Argument =
    block("count-block", &[integer("count").after("COUNT"), token("any", "ANY").optional()])
        .optional();
pub(super) const WITH_COORDINATES: Argument = token("withcoord", "WITHCOORD").optional();
pub(super) const WITH_DISTANCE: Argument = token("withdist", "WITHDIST").optional();
pub(super) const WITH_HASH: Argument = token("withhash", "WITHHASH").optional();

pub(super) static GEOSEARCH: Command = Declaration {
    summary: "Returns the places within a circle or a box.",
    complexity: COMPLEXITY,
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key"), FROM, BY, ORDER, COUNT, WITH_COORDINATES, WITH_DISTANCE, WITH_HASH],
    history: HISTORY,
    ..Declaration::new(
        "GEOSEARCH",
        Group::Geo,
        "6.2.0",
        Handler::Keys(|call| {
            nearby(call, Variant { center: Center::Option, storing: Storing::Never })
        }),
    )
};

pub(super) static GEOSEARCHSTORE: Command = Declaration {
    summary: "Stores the places within a circle or a box in another sorted set.",
    complexity: COMPLEXITY,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(1).updates(), KeySpec::read_only(2).accesses()],
    arguments: &[
        key("destination"),
        key("source").spec(1),
        FROM,
        BY,
        ORDER,
        COUNT,
        token("storedist", "STOREDIST").optional(),
    ],
    history: HISTORY,
    ..Declaration::new(
        "GEOSEARCHSTORE",
        Group::Geo,
        "6.2.0",
        Handler::Keys(|call| {
            nearby(call, Variant { center: Center::Option, storing: Storing::Always })
        }),
    )
};
