//! COMMAND INFO and COMMAND DOCS of the toy's commands, byte for byte.

use std::collections::BTreeMap;

use ochre_command::{Table, describe, facts};
use resp::{Output, Protocol, Reply};

use crate::toy;

#[test]
fn descriptions_are_those_of_redis_to_the_byte() {
    let table = Table::new(toy::FAMILIES);
    let recorded: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(include_str!("descriptions.json")).unwrap();
    assert_eq!(recorded.len(), 18);
    for (name, replies) in recorded {
        let command = table.find_full(name.as_bytes()).unwrap().command;
        for (kind, expected) in replies {
            let protocol = if kind.ends_with('3') { Protocol::Resp3 } else { Protocol::Resp2 };
            let written = reply(protocol, |reply| {
                if kind.starts_with("info") {
                    reply.array(1);
                    describe::info(command, reply);
                } else {
                    reply.map(1);
                    describe::docs(command, reply);
                }
            });
            assert_eq!(written, expected, "{name} {kind}");
        }
    }
}

#[test]
fn declarations_agree_with_the_facts() {
    let known = facts::known();
    // The toy has only one of CONFIG's subcommands.
    for entry in Table::new(toy::FAMILIES).iter().filter(|entry| entry.name() != "config") {
        let differences = facts::differences(entry.command, &known[entry.name()]);
        assert_eq!(differences, Vec::<String>::new());
    }
}

fn reply(protocol: Protocol, write: impl FnOnce(&mut Reply<'_>)) -> String {
    let mut output = Output::new();
    write(&mut Reply::new(&mut output, protocol));
    String::from_utf8(output.as_slice().unwrap().to_vec()).unwrap()
}
