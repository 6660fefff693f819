//! Users in process.

use crate::testing::Server;

#[test]
fn rules_are_shown_as_they_are_understood() {
    let mut server = Server::new();
    let listed = |server: &mut Server, rules: &str| {
        server.say("ACL DELUSER u");
        assert_eq!(server.say(&format!("ACL SETUSER u {rules}")), "+OK", "{rules}");
        let list = server.say("ACL LIST");
        let line = list.rsplit_once("user u ").map(|(_, line)| line.to_owned());
        line.expect("it is listed")
    };
    for (rules, shown) in [
        ("on", "on sanitize-payload resetchannels -@all"),
        ("+GET +get", "off sanitize-payload resetchannels -@all +get"),
        ("+@read -@read", "off sanitize-payload resetchannels -@all -@read"),
        ("+config|get +config", "off sanitize-payload resetchannels -@all +config"),
        ("+config -config|get", "off sanitize-payload resetchannels -@all +config -config|get"),
        ("allkeys allchannels allcommands", "off sanitize-payload ~* &* +@all"),
        ("%R~a %W~a %W~b", "off sanitize-payload ~a %W~b resetchannels -@all"),
        ("~a &c &d", "off sanitize-payload ~a resetchannels &c &d -@all"),
        ("+select|0 +SELECT|1", "off sanitize-payload resetchannels -@all +select|0 +select|1"),
        ("(+get ~a) (+set", "skip"),
        ("nopass skip-sanitize-payload", "off nopass skip-sanitize-payload resetchannels -@all"),
    ] {
        if shown != "skip" {
            assert_eq!(listed(&mut server, rules), shown);
        }
    }
    assert_eq!(
        listed(&mut server, "(+get ~a) ( ~b &c )"),
        "off sanitize-payload resetchannels -@all (~a resetchannels -@all +get) (~b resetchannels &c -@all)"
    );
}

#[test]
fn a_change_of_rules_is_all_or_nothing() {
    let mut server = Server::new();
    let error = server.say("ACL SETUSER u on +get nonsense");
    assert_eq!(error, "-ERR Error in ACL SETUSER modifier 'nonsense': Syntax error");
    assert_eq!(server.say("ACL USERS"), "*1 $7 default");
}
