//! What holds between workers.

use resp::{Output, Protocol};

use super::patterns::Patterns;
use super::{Delivery, Parcel, Post, PubSub, Space};
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
            if let Some(parcel) = delivery.next(&pubsub)
                && session.seen < parcel.end()
            {
                session.deliver(&parcel, &mut output);
            }
            delivery.unsubscribe(&pubsub, &mut session, Space::Channel, b"c", &mut output);
            received.extend(messages(&output));
        }
        assert_eq!(session.subscription_count(Space::Channel), 0);
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

/// All subscribers of a channel agree about the order of what several workers publish, and see that of each in its order.
#[test]
fn workers_that_publish_at_once_agree_about_the_order() {
    const MESSAGES: usize = 2000;
    let (pubsub, clients) = (PubSub::new(2), Clients::default());
    let begin = std::sync::Barrier::new(2);
    let run = |worker: usize| {
        let mut delivery = Delivery::new(worker);
        let mut session = session(&clients);
        delivery.subscribe(&pubsub, &mut session, Space::Channel, b"c", &mut Output::new());
        let (mut output, mut received) = (Output::new(), Vec::new());
        begin.wait();
        for number in 0..MESSAGES {
            let text = format!("{worker}-{number}");
            let to = (Space::Channel, &b"c"[..]);
            let counted = delivery.publish(&pubsub, &Alone, worker, to, text.as_bytes());
            assert_eq!(counted, 2);
            match number % 7 {
                0 => {
                    while let Some(parcel) = delivery.next(&pubsub) {
                        session.deliver(&parcel, &mut output);
                    }
                }
                1 => delivery.absorb(&pubsub, &mut session, &mut output),
                _ => {}
            }
        }
        begin.wait();
        delivery.absorb(&pubsub, &mut session, &mut output);
        received.extend(messages(&output));
        received
    };
    let received = std::thread::scope(|scope| {
        let workers = [scope.spawn(|| run(0)), scope.spawn(|| run(1))];
        workers.map(|worker| worker.join().expect("no panic"))
    });
    assert_eq!(received[0].len(), 2 * MESSAGES);
    assert_eq!(received[0], received[1]);
    for worker in ["0-", "1-"] {
        let numbers = received[0].iter().filter_map(|message| message.strip_prefix(worker));
        let numbers: Vec<usize> = numbers.map(|number| number.parse().expect("a number")).collect();
        assert!(numbers.is_sorted_by(|one, other| one < other), "{worker}");
    }
}

#[test]
fn messages_of_a_channel_are_one_bundle_until_another_comes_between() {
    let (pubsub, clients) = (PubSub::new(1), Clients::default());
    let (mut delivery, mut session) = (Delivery::new(0), session(&clients));
    for name in [b"c", b"d"] {
        delivery.subscribe(&pubsub, &mut session, Space::Channel, name, &mut Output::new());
    }
    for channel in [b"c", b"c", b"d", b"c"] {
        let to = (Space::Channel, &channel[..]);
        assert_eq!(delivery.publish(&pubsub, &Alone, 0, to, b"text"), 1);
        // One of another thread takes its place among them.
        assert_eq!(pubsub.publish(&Alone, 1, Space::Channel, channel, b"more"), 1);
    }
    let (mut bundles, mut texts) = (Vec::new(), ["text", "more"].into_iter().cycle());
    while let Some(parcel) = delivery.next(&pubsub) {
        let Parcel::Bundle(bundle) = parcel else { panic!("short messages are bundled") };
        bundles.push((bundle.channel.to_vec(), bundle.messages()));
        let mut expected = Vec::new();
        for text in texts.by_ref().take(bundle.messages()) {
            let channel = bundle.channel[0] as char;
            let message = format!(">3\r\n$7\r\nmessage\r\n$1\r\n{channel}\r\n$4\r\n{text}\r\n");
            expected.extend_from_slice(message.as_bytes());
        }
        assert_eq!(session.part_of(&bundle), expected);
        let mut output = Output::new();
        session.deliver(&Parcel::Bundle(bundle), &mut output);
        assert_eq!(output.as_slice(), Some(&expected[..]));
    }
    // The last one was still in the inbox when the first was taken.
    assert_eq!(
        bundles,
        [(b"c".to_vec(), 4), (b"d".to_vec(), 2), (b"c".to_vec(), 1), (b"c".to_vec(), 1)]
    );
}

/// A client that subscribes while messages are on their way, or has seen some of them already, gets the rest.
#[test]
fn a_client_gets_its_part_of_a_bundle() {
    let (pubsub, clients) = (PubSub::new(1), Clients::default());
    let mut delivery = Delivery::new(0);
    let to = (Space::Channel, &b"c"[..]);
    let [mut early, mut late] = [session(&clients), session(&clients)];
    delivery.subscribe(&pubsub, &mut early, Space::Channel, b"c", &mut Output::new());
    assert_eq!(delivery.publish(&pubsub, &Alone, 0, to, b"one"), 1);
    let mut output = Output::new();
    delivery.absorb(&pubsub, &mut early, &mut output);
    assert_eq!(messages(&output), ["one"]);
    delivery.subscribe(&pubsub, &mut late, Space::Channel, b"c", &mut Output::new());
    assert_eq!(delivery.publish(&pubsub, &Alone, 0, to, b"two"), 2);
    let mut output = Output::new();
    delivery.absorb(&pubsub, &mut early, &mut output);
    assert_eq!(messages(&output), ["two"]);
    assert_eq!(delivery.publish(&pubsub, &Alone, 0, to, b"three"), 2);
    let parcel = delivery.next(&pubsub).expect("one bundle");
    for (session, expected) in [(&early, &["three"][..]), (&late, &["two", "three"])] {
        let mut output = Output::new();
        session.deliver(&parcel, &mut output);
        assert_eq!(messages(&output), expected);
    }
    assert!(delivery.next(&pubsub).is_none());
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
    assert!(matches!(delivery.next(&pubsub), Some(Parcel::Post(_, Post::Publication(_)))));
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
