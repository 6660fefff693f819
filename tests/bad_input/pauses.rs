//! CLIENT PAUSE with many clients: waiting costs nothing, and ends at once when the pause does.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::{Client, Server, Value, wait_until};
use socket2::SockRef;

use super::bystander::Bystander;
use super::gauge::{BUSY_ROUNDS, field_of, number, rounds_per_second};
use crate::subject;

/// So rare are ticks here that whatever happens sooner does not wait for one.
const SLOW_TICKS: &str = "hz 1";

#[track_caller]
fn wait_until_paused(witness: &mut Client, name: &str, count: usize) {
    let paused = wait_until(|| {
        let list = witness.run("CLIENT LIST").as_text().unwrap_or_default();
        let named = list.lines().filter(|line| line.contains(&format!(" name={name} ")));
        let paused = named.filter(|line| line.contains(" flags=b"));
        paused.count() == count
    });
    assert!(paused, "not {count} clients are paused");
}

#[test]
fn calls_go_on_when_the_pause_is_over_and_not_at_the_next_tick() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line(SLOW_TICKS).start();
        let mut client = server.client();
        let mut longest = Duration::ZERO;
        for round in 0..5 {
            // Another moment between two ticks each time.
            let pause = Duration::from_millis(150 + 50 * round);
            let start = Instant::now();
            client.run(&format!("CLIENT PAUSE {} WRITE", pause.as_millis()));
            assert_eq!(client.run("SET k v").as_text().as_deref(), Some("OK"));
            let took = start.elapsed();
            assert!(pause <= took + Duration::from_millis(1), "{took:?} of {pause:?}");
            longest = longest.max(took.saturating_sub(pause));
        }
        assert!(longest < Duration::from_millis(500), "{longest:?} too late");
    });
}

#[test]
fn unpause_lets_everybody_go_on_at_once() {
    const CLIENTS: usize = 200;
    subject::with_each_worker_count(|launch| {
        let server = launch.line(SLOW_TICKS).start();
        let mut operator = server.client();
        operator.run("CLIENT PAUSE 100000 WRITE");
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client()).collect();
        for client in &mut clients {
            client.run("CLIENT SETNAME waits");
            client.write(b"INCR a\r\nGET a\r\nINCR b\r\n").expect("can be sent");
        }
        wait_until_paused(&mut operator, "waits", CLIENTS);
        assert!(rounds_per_second(&mut operator) < BUSY_ROUNDS, "waiting keeps the server busy");
        let start = Instant::now();
        operator.run("CLIENT UNPAUSE");
        for client in &mut clients {
            let replies = client.replies(3).expect("the replies");
            assert!(replies.iter().all(|reply| !reply.is_error()), "{replies:?}");
        }
        let took = start.elapsed();
        assert!(took < Duration::from_millis(800), "{took:?} until all went on");
        assert_eq!(operator.run("GET a").as_text().as_deref(), Some("200"));
        assert_eq!(operator.run("GET b").as_text().as_deref(), Some("200"));
    });
}

/// What a client has sent before and during the pause is executed once, in order, after it.
#[test]
fn the_order_of_calls_survives_pauses() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut operator = server.client();
        let mut client = server.client();
        client.run("CLIENT SETNAME waits");
        for round in 0..20_i64 {
            operator.run("CLIENT PAUSE 100000 WRITE");
            client.write(&b"PING\r\nINCR n\r\n".repeat(1000)).expect("can be sent");
            wait_until_paused(&mut operator, "waits", 1);
            client.write(&b"INCR n\r\n".repeat(1000)).expect("can be sent");
            operator.run("CLIENT UNPAUSE");
            let mut expected = round * 2000;
            for place in 0..3000 {
                let reply = client.reply().expect("a reply");
                if place < 2000 && place % 2 == 0 {
                    assert_eq!(reply, Value::Simple(b"PONG".to_vec()));
                } else {
                    expected += 1;
                    assert_eq!(reply, Value::Integer(expected));
                }
            }
        }
        bystander.was_served();
    });
}

/// Sends a call that waits, and more behind it than the server reads meanwhile.
fn send_much(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("can connect");
    stream.write_all(b"CLIENT SETNAME waits\r\n").expect("can be sent");
    stream.write_all(&b"INCR n\r\n".repeat(20_000)).expect("can be sent");
    stream
}

/// Clients that give up waiting must not keep their places until the pause ends, nor keep the server busy.
#[test]
fn paused_clients_that_leave_are_forgotten() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut operator = server.client();
        let settled = number(&mut operator, "connected_clients");
        operator.run("CLIENT PAUSE 100000 WRITE");
        for _ in 0..3 {
            let streams: Vec<TcpStream> = (0..20).map(|_| send_much(&server)).collect();
            wait_until_paused(&mut operator, "waits", 20);
            for (number, stream) in streams.into_iter().enumerate() {
                if number % 2 == 0 {
                    // A reset instead of an orderly end.
                    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("can be set");
                }
            }
            assert!(
                wait_until(|| number(&mut operator, "connected_clients") == settled),
                "paused clients stay when they are gone"
            );
            assert!(rounds_per_second(&mut operator) < BUSY_ROUNDS + 2 * 4000);
        }
        operator.run("CLIENT UNPAUSE");
        assert!(operator.run("GET n").is_null(), "a call of a client that was gone");
        bystander.was_served();
    });
}

#[test]
fn paused_clients_can_be_killed() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut operator = server.client();
        operator.run("CLIENT PAUSE 100000 WRITE");
        let mut victim = server.client();
        victim.run("CLIENT SETNAME waits");
        victim.write(b"SET k v\r\n").expect("can be sent");
        wait_until_paused(&mut operator, "waits", 1);
        assert_eq!(operator.run("CLIENT KILL TYPE normal").as_integer(), Some(1));
        assert!(victim.closes(), "it is still connected");
        assert!(wait_until(|| field_of(&mut operator, "waits", "id").is_none()));
        operator.run("CLIENT UNPAUSE");
        assert!(operator.run("GET k").is_null());
    });
}

/// A pause that is made longer while clients wait for it to end.
#[test]
fn a_longer_pause_holds_those_who_wait_already() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line(SLOW_TICKS).start();
        let mut operator = server.client();
        let start = Instant::now();
        operator.run("CLIENT PAUSE 200 WRITE");
        let mut client = server.client();
        client.run("CLIENT SETNAME waits");
        client.write(b"SET k v\r\n").expect("can be sent");
        wait_until_paused(&mut operator, "waits", 1);
        operator.run("CLIENT PAUSE 600 WRITE");
        assert_eq!(client.reply().expect("a reply").as_text().as_deref(), Some("OK"));
        assert!(Duration::from_millis(599) <= start.elapsed(), "{:?}", start.elapsed());
    });
}
