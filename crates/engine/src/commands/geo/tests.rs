//! What is not compared with a real server: effects.

use crate::testing::Server;

/// The effects of a call, without the choice of a database.
fn effects(server: &mut Server, call: &str) -> Vec<String> {
    server.say(call);
    server.effects().into_iter().filter(|effect| !effect.starts_with("SELECT")).collect()
}

#[test]
fn places_are_told_as_scores() {
    let mut server = Server::new();
    server.effects();
    assert_eq!(
        effects(&mut server, "GEOADD g ch 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"),
        ["zadd g ch 3479099956230698 Palermo 3479447370796909 Catania"]
    );
    assert!(effects(&mut server, "GEOADD g 13.361389 38.115556 Palermo").is_empty());
    assert!(effects(&mut server, "GEOADD g XX 1 1 none").is_empty());
    assert!(effects(&mut server, "GEOSEARCH g FROMMEMBER Palermo BYRADIUS 200 km").is_empty());
    let store = "GEOSEARCHSTORE {g}d {g}s FROMLONLAT 15 37 BYRADIUS 200 km";
    assert!(effects(&mut server, store).is_empty());
    server.say("GEOADD {g}s 15.087269 37.502669 Catania");
    server.effects();
    assert_eq!(effects(&mut server, store), [store]);
}

#[test]
fn the_example_of_the_reference_is_answered() {
    let mut server = Server::new();
    server.say("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
    assert_eq!(server.say("GEODIST g Palermo Catania km"), "$8 166.2742");
    assert_eq!(
        server.say("GEORADIUS g 15 37 200 km WITHDIST WITHCOORD ASC COUNT 1"),
        "*1 *3 $7 Catania $7 56.4413 *2 $20 15.08726745843887329 $20 37.50266842333162032"
    );
}
