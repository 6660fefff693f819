//! Many clients that wait for one key.

use harness::{Client, wait_until};

use super::{assert_nobody_waits, number};
use crate::subject;

/// One call serves them all, each with its element.
#[test]
fn a_thousand_are_served_by_one_call() {
    const CLIENTS: usize = 1000;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client()).collect();
        for client in &mut clients {
            client.send(&["BLPOP", "k", "0"]).expect("can be sent");
        }
        assert!(wait_until(|| number(&mut witness, "blocked_clients") == CLIENTS as u64));
        let elements: Vec<String> = (0..CLIENTS).map(|number| number.to_string()).collect();
        let words: Vec<&str> =
            ["RPUSH", "k"].into_iter().chain(elements.iter().map(String::as_str)).collect();
        assert_eq!(witness.call(&words).as_integer(), i64::try_from(CLIENTS).ok());
        assert_eq!(witness.run("EXISTS k").as_integer(), Some(0));
        let mut taken: Vec<usize> = clients
            .iter_mut()
            .map(|client| {
                let reply = client.reply().expect("it is served");
                let element = reply.as_array().and_then(|pair| pair.get(1)?.as_text());
                element.and_then(|element| element.parse().ok()).expect("a number")
            })
            .collect();
        taken.sort_unstable();
        assert!(taken.into_iter().eq(0..CLIENTS), "each has another one");
        assert_nobody_waits(&mut witness);
    });
}
