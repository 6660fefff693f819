//! Arguments that are long, or many, or announced and never sent.

use harness::{Client, Value, wait_until};

use super::bystander::Bystander;
use super::gauge::{field_of, number, number_of, shared_buffers};
use crate::subject;

const MEBIBYTE: usize = 1 << 20;

/// While a long argument arrives it takes hardly more memory than its length, and what it arrived in becomes the value.
#[test]
fn a_long_argument_takes_its_length_and_little_more() {
    const LENGTH: usize = 64 * MEBIBYTE;
    // Builds with debug assertions compare the value with what it was before, and copy it for that.
    const COPIES: u64 = if cfg!(debug_assertions) { 1 } else { 0 };
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let bystander = Bystander::of(&server);
        let mut client = server.client();
        client.run("CLIENT SETNAME sender");
        let before = number(&mut witness, "used_memory");
        let chunk = vec![b'x'; MEBIBYTE];
        client
            .write(format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${LENGTH}\r\n").as_bytes())
            .expect("can be sent");
        let mut most = 0;
        for _ in 0..LENGTH / MEBIBYTE {
            client.write(&chunk).expect("can be sent");
            most = most.max(number(&mut witness, "used_memory") - before);
        }
        client.write(b"\r\n").expect("can be sent");
        assert_eq!(client.reply().expect("a reply").as_text().as_deref(), Some("OK"));
        let length = LENGTH as u64;
        assert!(most < length + length / 4, "{most} bytes while {length} arrive");
        let peak = number(&mut witness, "used_memory_peak") - before;
        assert!(peak < length + length / 4 + COPIES * length, "{peak} bytes at most");
        let after = number(&mut witness, "used_memory") - before;
        assert!(after < length + length / 4, "{after} bytes for a value of {length}");
        // Another worker may see it a moment late.
        assert!(wait_until(|| number_of(&mut witness, "sender", "tot-mem") < 64 * 1024));
        assert_eq!(client.run("STRLEN k"), Value::Integer(i64::try_from(LENGTH).expect("fits")));
        bystander.was_served();
    });
}

/// Several long arguments in one request, cut everywhere, with requests before and behind.
#[test]
fn long_arguments_arrive_whole_however_they_are_cut() {
    const LENGTHS: [usize; 5] = [70_000, 64 * 1024, 1_000_003, 3, 300_000];
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let values = LENGTHS.map(|length| {
            (0..length).map(|place| u8::try_from(place % 251).expect("below 251")).collect()
        });
        let values: [Vec<u8>; 5] = values;
        let mut request = b"PING\r\n".to_vec();
        let keys = ["a", "b", "c", "d", "e"];
        let mut words: Vec<&[u8]> = vec![b"MSET"];
        for (key, value) in keys.iter().zip(&values) {
            words.extend([key.as_bytes(), value]);
        }
        Client::encode(&words, &mut request);
        Client::encode(&[b"APPEND", b"c".as_slice(), b"more"], &mut request);
        request.extend_from_slice(b"PING\r\n");
        let mut client = server.client();
        for piece in [1448, 9001, 65_536, 65_537, 400_000, usize::MAX] {
            for part in request.chunks(piece.min(request.len())) {
                client.write(part).expect("can be sent");
            }
            let expected = b"+PONG\r\n+OK\r\n:1000007\r\n+PONG\r\n";
            assert_eq!(client.read_exactly(expected.len()).expect("the replies"), expected);
            for (key, value) in keys.iter().zip(&values) {
                let stored = client.call(&["GET", key]);
                let stored = stored.as_bytes().unwrap_or_default();
                let (whole, more) = stored.split_at(value.len().min(stored.len()));
                assert!(whole == value, "{key} in pieces of {piece}");
                assert_eq!(more, if *key == "c" { b"more".as_slice() } else { b"" });
            }
        }
        bystander.was_served();
    });
}

/// A call that waits for a pause to end keeps its long arguments.
#[test]
fn long_arguments_wait_for_a_pause_to_end() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut operator = server.client();
        let mut client = server.client();
        client.run("CLIENT SETNAME waits");
        operator.run("CLIENT PAUSE 100000 WRITE");
        let value: Vec<u8> = (0..2 * MEBIBYTE).map(|place| b"0123456789"[place % 10]).collect();
        let mut request = Vec::new();
        Client::encode(&[b"SET", b"k".as_slice(), &value], &mut request);
        request.extend_from_slice(b"STRLEN k\r\n");
        let (first, second) = request.split_at(MEBIBYTE);
        client.write(first).expect("can be sent");
        operator.run("PING");
        client.write(second).expect("can be sent");
        let paused = wait_until(|| {
            field_of(&mut operator, "waits", "flags").is_some_and(|flags| flags == "b")
        });
        assert!(paused, "it does not wait");
        operator.run("CLIENT UNPAUSE");
        assert_eq!(client.reply().expect("a reply").as_text().as_deref(), Some("OK"));
        let length = i64::try_from(value.len()).expect("fits");
        assert_eq!(client.reply().expect("a reply"), Value::Integer(length));
        assert!(operator.run("GET k").as_bytes() == Some(&value[..]), "another value");
    });
}

/// The buffer of a long argument is not kept for the short request behind it.
#[test]
fn half_a_request_after_a_long_one_holds_no_long_buffer() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut client = server.client();
        client.run("CLIENT SETNAME sender");
        let value = vec![b'x'; 16 * MEBIBYTE];
        let mut request = Vec::new();
        Client::encode(&[b"SET", b"k".as_slice(), &value], &mut request);
        request.extend_from_slice(b"*2\r\n$3\r\nGE");
        client.write(&request).expect("can be sent");
        assert_eq!(client.reply().expect("a reply").as_text().as_deref(), Some("OK"));
        assert!(wait_until(|| number_of(&mut witness, "sender", "qbuf") == 10));
        let memory = number_of(&mut witness, "sender", "tot-mem");
        assert!(memory < 64 * 1024, "{memory} bytes for half a request");
        client.write(b"T\r\n$1\r\nx\r\n").expect("can be sent");
        assert!(client.reply().expect("a reply").is_null());
    });
}

#[test]
fn what_is_announced_and_never_sent_costs_nothing() {
    const CLIENTS: u64 = 200;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut witness = server.client();
        let before = number(&mut witness, "used_memory");
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.run("CLIENT SETNAME liar");
            let request: &[u8] = match number % 3 {
                0 => b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc",
                1 => b"*2147483647\r\n$4\r\nMSET\r\n",
                _ => b"*2147483647\r\n$536870912\r\nx",
            };
            client.write(request).expect("can be sent");
        }
        let all_are_there = wait_until(|| {
            let list = witness.run("CLIENT LIST").as_text().unwrap_or_default();
            let liars = list.lines().filter(|line| line.contains("name=liar"));
            liars.filter(|line| !line.contains(" qbuf=0 ")).count() == 200
        });
        assert!(all_are_there, "the requests do not arrive");
        let more = number(&mut witness, "used_memory") - before;
        let each = more.saturating_sub(shared_buffers(&mut witness)) / CLIENTS;
        assert!(each < 4096, "{each} bytes for each of them");
        bystander.was_served();
    });
}

/// A limit on what waits to be taken apart, and not on a whole request: of that each argument is within a limit already.
#[test]
fn complete_arguments_do_not_count_as_waiting() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-query-buffer-limit 1mb").start();
        let mut client = server.client();
        let value = vec![b'x'; 200_000];
        let keys: Vec<String> = (0..20).map(|number| format!("k{number}")).collect();
        let mut words: Vec<&[u8]> = vec![b"MSET"];
        for key in &keys {
            words.extend([key.as_bytes(), &value]);
        }
        assert_eq!(client.call(&words).as_text().as_deref(), Some("OK"));
        assert_eq!(client.run("STRLEN k19"), Value::Integer(200_000));
    });
}

#[test]
fn a_client_over_the_query_limit_is_logged_with_what_it_sent() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-query-buffer-limit 1mb").start();
        let mut client = server.client();
        client.run("CLIENT SETNAME greedy");
        client.write(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n").expect("can be sent");
        let _ = client.write(&vec![b'y'; 2_500_000]);
        assert!(client.closes(), "it is still connected");
        server.wait_for_log("Closing client that reached max query buffer length: id=");
        let log = server.log();
        let line = log.lines().find(|line| line.contains("max query buffer length"));
        let line = line.expect("it was found above");
        assert!(line.contains(" # Closing"), "{line}");
        assert!(line.contains(" name=greedy "), "{line}");
        assert!(line.contains("(qbuf initial bytes: \"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"), "{line}");
        let mut other = server.client();
        assert_eq!(number(&mut other, "client_query_buffer_limit_disconnections"), 1);
    });
}

#[test]
fn a_command_with_a_huge_name_is_unknown() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut client = server.client();
        let before = number(&mut client, "used_memory");
        let name = vec![b'n'; 32 * MEBIBYTE];
        let shown = String::from_utf8_lossy(&name[..128]).into_owned();
        for subject in [vec![name.as_slice()], vec![b"OBJECT", &name], vec![b"CONFIG", &name]] {
            let reply = client.call(&subject).as_text().expect("an error");
            assert!(reply.starts_with("ERR unknown"), "{}", &reply[..reply.len().min(200)]);
            assert!(reply.len() < 400 && reply.contains(&shown), "{} bytes", reply.len());
        }
        let after = number(&mut client, "used_memory");
        assert!(after < before + MEBIBYTE as u64, "{before} bytes before, {after} after");
        bystander.was_served();
    });
}
