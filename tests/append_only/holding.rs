//! Replies that wait for the disk: in order, for nobody longer than needed, and not at all if nothing is to be waited for.

use std::time::{Duration, Instant};

use harness::{Client, Value};

use super::Data;

#[test]
fn replies_wait_for_the_disk_and_stay_in_order() {
    const DELAY: Duration = Duration::from_millis(60);
    let data = Data::new();
    let server = data.launch().workers(4).line("appendfsync always").start();
    let mut client = server.client();
    client.run(&format!("DEBUG AOF-FLUSH-SLEEP {}", DELAY.as_micros()));
    let begin = Instant::now();
    let mut request = Vec::new();
    for number in 0..50 {
        Client::encode(&["SET", "key", &number.to_string()], &mut request);
        Client::encode(&["GET", "key"], &mut request);
    }
    client.write(&request).expect("it is sent");
    // What is sent while replies wait is executed after them.
    client.send(&["INCR", "key"]).expect("it is sent");
    for number in 0..50 {
        assert_eq!(client.reply().expect("a reply"), Value::Simple(b"OK".to_vec()));
        let value = client.reply().expect("a reply");
        assert_eq!(value, Value::Bulk(number.to_string().into_bytes()));
    }
    assert!(DELAY <= begin.elapsed(), "nothing is acknowledged before it is on disk");
    assert_eq!(client.reply().expect("a reply"), Value::Integer(50));
}

#[test]
fn one_sync_is_for_all_who_wait() {
    const DELAY: Duration = Duration::from_millis(100);
    const CLIENTS: usize = 20;
    let data = Data::new();
    let server = data.launch().workers(4).line("appendfsync always").start();
    server.client().run(&format!("DEBUG AOF-FLUSH-SLEEP {}", DELAY.as_micros()));
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client()).collect();
    let begin = Instant::now();
    for (number, client) in clients.iter_mut().enumerate() {
        client.call_later(number);
    }
    for client in &mut clients {
        assert_eq!(client.reply().expect("a reply"), Value::Simple(b"OK".to_vec()));
    }
    // The first sync is for those that came before it began, the second for the others.
    let elapsed = begin.elapsed();
    assert!(elapsed < DELAY * u32::try_from(CLIENTS / 2).unwrap_or(1), "{elapsed:?}");
}

trait CallLater {
    fn call_later(&mut self, number: usize);
}

impl CallLater for Client {
    fn call_later(&mut self, number: usize) {
        self.send(&["SET", &format!("key:{number}"), "value"]).expect("it is sent");
    }
}

#[test]
fn served_waiters_and_subscribers_wait_as_well() {
    const DELAY: Duration = Duration::from_millis(60);
    let data = Data::new();
    let launch = data.launch().workers(4).line("appendfsync always");
    let server = launch.line("notify-keyspace-events KEA").start();
    let mut waiter = server.client();
    let mut subscriber = server.client();
    subscriber.run("SUBSCRIBE __keyevent@0__:rpush");
    waiter.send(&["BLPOP", "list", "0"]).expect("it is sent");
    let mut writer = server.client();
    let blocked = harness::wait_until(|| {
        writer.run("INFO clients").as_text().is_some_and(|text| text.contains("blocked_clients:1"))
    });
    assert!(blocked);
    writer.run(&format!("DEBUG AOF-FLUSH-SLEEP {}", DELAY.as_micros()));
    let begin = Instant::now();
    writer.send(&["RPUSH", "list", "element"]).expect("it is sent");
    let element = waiter.reply().expect("a reply");
    assert!(DELAY <= begin.elapsed(), "{element:?} is not on disk");
    let message = subscriber.reply().expect("a message");
    assert!(DELAY <= begin.elapsed(), "{message:?} tells of what is not on disk");
    assert_eq!(writer.reply().expect("a reply"), Value::Integer(1));
}

#[test]
fn clients_that_leave_or_are_killed_while_they_wait_are_forgotten() {
    let data = Data::new();
    let server = data.launch().workers(2).line("appendfsync always").start();
    let mut observer = server.client();
    observer.run("DEBUG AOF-FLUSH-SLEEP 20000");
    for _ in 0..20 {
        let mut leaving = server.client();
        leaving.send(&["SET", "key", "value"]).expect("it is sent");
        drop(leaving);
        let mut quitting = server.client();
        quitting.send(&["SET", "key", "value"]).expect("it is sent");
        quitting.send(&["QUIT"]).expect("it is sent");
        assert_eq!(quitting.replies(2).expect("both").len(), 2);
        assert!(quitting.closes());
    }
    let alone = harness::wait_until(|| {
        observer
            .run("INFO clients")
            .as_text()
            .is_some_and(|text| text.contains("connected_clients:1\r"))
    });
    assert!(alone);
    assert_eq!(observer.run("GET key"), Value::Bulk(b"value".to_vec()));
}
