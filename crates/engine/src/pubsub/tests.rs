//! What holds between workers.

use resp::{Output, Protocol};

use super::patterns::Patterns;
use super::{Delivery, Post, PubSub, Space};
use crate::clients::{Clients, Peer};
use crate::host::Alone;
use crate::session::Session;

fn session(clients: &Clients) -> Session {
    let mut session = Session::new(clients.add(Peer::default(), 0, 0), true);
    session.set_place(session.id());
    session.protocol = Protocol::Resp3;
    session
}

/// The messages in what a client is sent.
fn messages(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(output.as_slice().unwrap_or_default()).into_owned();
    let words: Vec<&str> =
        text.split("\r\n").filter(|word| !word.starts_with(['>', '$'])).collect();
    words.join(" ").split("message c ").skip(1).map(|word| word.trim().to_owned()).collect()
}

/// Every message that was counted is delivered once, and those of a publisher in their order, while subscribers come and go.
#[test]
fn every_message_that_is_counted_arrives_once() {
    const MESSAGES: usize = 3000;
    let (pubsub, clients) = (PubSub::new(3), Clients::default());
    let publish = |worker: usize| {
        let mut counted = 0;
        for number in 0..MESSAGES {
            let message = format!("{worker}-{number}");
            counted += pubsub.publish(&Alone, worker, Space::Channel, b"c", message.as_bytes());
        }
        counted
    };
    let listen = || {
        let (mut delivery, mut session) = (Delivery::new(2), session(&clients));
        let mut received = Vec::new();
        for _ in 0..400 {
            let mut output = Output::new();
            delivery.subscribe(&pubsub, &mut session, Space::Channel, b"c", &mut output);
            std::thread::yield_now();
            // Some of them in the usual way, the others when it ends.
            if let Some((number, post)) = delivery.next(&pubsub)
                && session.awaits(number)
            {
                session.deliver(&post, &mut output);
            }
            delivery.unsubscribe(&pubsub, &mut session, Space::Channel, b"c", &mut output);
            received.extend(messages(&output));
        }
        while let Some((number, _)) = delivery.next(&pubsub) {
            assert!(!session.awaits(number) || session.subscription_count(Space::Channel) == 0);
        }
        received
    };
    let (first, second, received) = std::thread::scope(|scope| {
        let publishers = [scope.spawn(|| publish(0)), scope.spawn(|| publish(1))];
        let received = scope.spawn(listen).join().expect("no panic");
        let [first, second] = publishers.map(|publisher| publisher.join().expect("no panic"));
        (first, second, received)
    });
    assert_eq!(received.len(), first + second);
    for publisher in ["0-", "1-"] {
        let numbers = received.iter().filter_map(|message| message.strip_prefix(publisher));
        let numbers: Vec<usize> = numbers.map(|number| number.parse().expect("a number")).collect();
        assert!(numbers.is_sorted_by(|one, other| one < other), "{numbers:?}");
    }
}

#[test]
fn an_inbox_that_is_not_emptied_makes_publishers_wait() {
    let (pubsub, clients) = (PubSub::new(2), Clients::default());
    let (mut delivery, mut session) = (Delivery::new(1), session(&clients));
    delivery.subscribe(&pubsub, &mut session, Space::Channel, b"c", &mut Output::new());
    let big = vec![0; 1 << 20];
    let mut count = 0;
    while !pubsub.is_crowded() {
        assert_eq!(pubsub.publish(&Alone, 0, Space::Channel, b"c", &big), 1);
        count += 1;
    }
    assert_eq!(count, 64);
    assert!(matches!(delivery.next(&pubsub), Some((_, Post::Publication(_)))));
    assert!(!pubsub.is_crowded());
}

#[test]
fn patterns_are_found_by_their_beginning() {
    let mut patterns = Patterns::default();
    let texts: [&[u8]; 9] = [
        b"*",
        b"news.*",
        b"news.a?",
        b"news.ab",
        b"news.[ab]b",
        b"n*b",
        b"?ews.ab",
        b"new\\s.*",
        b"",
    ];
    for text in texts {
        patterns.enter(text, 0);
        patterns.enter(text, 1);
        patterns.leave(text, 0);
    }
    let matching = |patterns: &Patterns, channel: &[u8]| {
        let mut found = Vec::new();
        patterns.for_each_match(channel, |text, audience| {
            assert_eq!(audience.count(), 1);
            found.push(text.to_vec());
        });
        found.sort();
        found
    };
    for channel in [&b"news.ab"[..], b"news.b", b"news.", b"new", b"", b"other", b"xews.ab"] {
        use collections::glob::{Case, glob_matches};
        let mut expected: Vec<Vec<u8>> = texts
            .iter()
            .filter(|text| glob_matches(text, channel, Case::Sensitive))
            .map(|text| text.to_vec())
            .collect();
        expected.sort();
        assert_eq!(matching(&patterns, channel), expected, "{}", channel.escape_ascii());
    }
    assert_eq!(patterns.len(), texts.len());
    for text in texts {
        patterns.leave(text, 1);
        patterns.leave(b"never entered", 1);
    }
    assert_eq!(patterns.len(), 0);
    assert!(matching(&patterns, b"news.ab").is_empty());
}
