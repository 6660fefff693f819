//! Commands about the connection itself.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// The commands of the group, but for those that end the connection or silence its replies: they
/// have tests of their own.
pub(super) struct Connections;

impl Generator for Connections {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] =
            &[ping, hello, client, client, client_settings, authenticate];
        vec![random.pick(KINDS)(random)]
    }
}

fn ping(random: &mut Random) -> Step {
    match random.below(4) {
        0 => Words::new("PING").call(),
        1 => Words::new("PING").word(pool::value(random)).call(),
        2 => Words::new("PING a b").call(),
        _ => Words::new("ECHO").word(pool::value(random)).call(),
    }
}

fn hello(random: &mut Random) -> Step {
    Words::new(random.pick(&[
        "HELLO",
        "HELLO 2",
        "HELLO 3",
        "HELLO 1",
        "HELLO 4",
        "HELLO x",
        "HELLO 3 SETNAME me",
        "HELLO 2 SETNAME",
        "HELLO 3 AUTH default",
        "HELLO 3 AUTH nobody secret",
        "HELLO 3 NONSENSE",
        "HELLO 2 SETNAME me SETNAME you",
        "HELLO 3 AUTH default x SETNAME me",
        "HELLO 3 AUTH nobody x SETNAME me",
        "HELLO SETNAME me",
        "HELLO 02",
        "HELLO -1",
        "HELLO 9223372036854775808",
        "RESET",
    ]))
    .call()
}

fn client(random: &mut Random) -> Step {
    Words::new(random.pick(&[
        "CLIENT ID",
        "CLIENT GETNAME",
        "CLIENT INFO",
        "CLIENT LIST",
        "CLIENT LIST TYPE normal",
        "CLIENT LIST TYPE pubsub",
        "CLIENT LIST TYPE nonsense",
        "CLIENT LIST ID 9999999",
        "CLIENT LIST ID x",
        "CLIENT LIST NONSENSE",
        "CLIENT GETREDIR",
        "CLIENT UNBLOCK 9999999",
        "CLIENT UNBLOCK 9999999 TIMEOUT",
        "CLIENT UNBLOCK 9999999 NONSENSE",
        "CLIENT UNBLOCK x",
        "CLIENT KILL 127.0.0.1:1",
        "CLIENT KILL ID 9999999",
        "CLIENT KILL ID x",
        "CLIENT KILL TYPE nonsense",
        "CLIENT KILL ADDR 127.0.0.1:1",
        "CLIENT KILL LADDR 127.0.0.1:1",
        "CLIENT KILL USER nobody",
        "CLIENT KILL SKIPME maybe",
        "CLIENT KILL ID 9999999 SKIPME no",
        "CLIENT KILL NONSENSE 1",
        "CLIENT NONSENSE",
        "CLIENT",
        "CLIENT ID 1",
        "CLIENT TRACKINGINFO",
        "CLIENT LIST ID",
        "CLIENT LIST ID -1 9999999",
        "CLIENT LIST TYPE",
        "CLIENT LIST TYPE normal TYPE normal",
        "CLIENT KILL",
        "CLIENT KILL ID",
        "CLIENT KILL ID 0",
        "CLIENT KILL ID 9999999 SKIPME",
        "CLIENT KILL MAXAGE 0",
        "CLIENT KILL MAXAGE x",
        "CLIENT KILL MAXAGE 9999999",
        "CLIENT KILL a b c",
        "CLIENT PAUSE",
        "CLIENT PAUSE x",
        "CLIENT PAUSE -1",
        "CLIENT PAUSE 0 NONSENSE",
        "CLIENT PAUSE x NONSENSE",
        "CLIENT PAUSE 0 ALL x",
        "CLIENT PAUSE 9223372036854775807",
        "CLIENT UNBLOCK 1 ERROR x",
        "CLIENT UNPAUSE",
        "CLIENT UNPAUSE x",
    ]))
    .call()
}

fn client_settings(random: &mut Random) -> Step {
    match random.below(5) {
        0 => {
            let name: &[u8] = random.pick(&[
                b"me".as_slice(),
                b"",
                b"with space",
                b"line\nbreak",
                b"~tilde",
                b"\x7f",
                b"a-name:1",
            ]);
            Words::new("CLIENT SETNAME").word(name).call()
        }
        1 => {
            let attribute = random.pick(&["LIB-NAME", "lib-ver", "LIB-NONSENSE"]);
            let text = random.pick(&["lib", "1.2.3", "with space", "", "x(y)"]);
            Words::new("CLIENT SETINFO").word(attribute).word(text).call()
        }
        2 => Words::new(random.pick(&[
            "CLIENT NO-EVICT ON",
            "CLIENT NO-EVICT off",
            "CLIENT NO-EVICT maybe",
        ]))
        .call(),
        3 => Words::new(random.pick(&[
            "CLIENT NO-TOUCH ON",
            "CLIENT NO-TOUCH OFF",
            "CLIENT NO-TOUCH maybe",
        ]))
        .call(),
        _ => Words::new(random.pick(&["CLIENT REPLY ON", "CLIENT REPLY NONSENSE"])).call(),
    }
}

fn authenticate(random: &mut Random) -> Step {
    Words::new(random.pick(&[
        "AUTH secret",
        "AUTH default secret",
        "AUTH default",
        "AUTH nobody secret",
        "AUTH a b c",
        "AUTH",
    ]))
    .call()
}
