//! Files that are torn or damaged: what is cut off, what is refused, and what is said about it.

use harness::{Ended, Value};

use super::{Data, kill};

/// A directory with a file in which `count` values are, and the bytes of it.
fn prepared(count: usize) -> (Data, Vec<u8>) {
    let data = Data::new();
    let server = data.start();
    let mut client = server.client();
    for number in 0..count {
        client.call(&["SET", &format!("key:{number}"), "value"]);
    }
    kill(server);
    let bytes = std::fs::read(data.last_file()).expect("it is there");
    (data, bytes)
}

fn refused(data: &Data, line: &str) -> Ended {
    let ended = data.launch().line(line).run_to_end();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    ended
}

#[test]
fn a_torn_command_is_cut_off() {
    let (data, bytes) = prepared(3);
    for torn in ["*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nval", "*3\r\n$3", "*", "#CRC64:12"] {
        std::fs::write(data.last_file(), &bytes).expect("there is room");
        data.append(torn.as_bytes());
        let ended = refused(&data, "aof-load-truncated no");
        assert!(
            ended.log.contains("Unexpected end of file reading the append only file appendonly.aof.1.incr.aof. You can: 1)"),
            "{}",
            ended.log
        );
        let server = data.start();
        assert_eq!(server.client().run("DBSIZE"), Value::Integer(3));
        server.wait_for_log(&format!(
            "!!! Truncating the AOF appendonly.aof.1.incr.aof at offset {} !!!",
            bytes.len()
        ));
        server.wait_for_log("loaded anyway because aof-load-truncated is enabled");
        // It goes on where it was cut off.
        server.client().run("SET another value");
        kill(server);
        let server = data.launch().line("aof-load-truncated no").start();
        assert_eq!(server.client().run("DBSIZE"), Value::Integer(4));
        kill(server);
    }
}

/// The server was killed in the middle of a write after a rewrite had made its file, and before that was written to.
#[test]
fn a_command_that_was_torn_before_an_empty_file_is_cut_off() {
    let (data, bytes) = prepared(3);
    let torn = data.last_file();
    data.append(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nval");
    let manifest = data.path().join("appendonlydir/appendonly.aof.manifest");
    let mut text = std::fs::read_to_string(&manifest).expect("it is there");
    text.push_str("file appendonly.aof.2.incr.aof seq 2 type i\n");
    std::fs::write(&manifest, text).expect("there is room");
    std::fs::write(data.last_file(), b"").expect("there is room");
    for count in [3, 4] {
        let server = data.start();
        assert_eq!(server.client().run("DBSIZE"), Value::Integer(count), "{}", server.log());
        assert_eq!(std::fs::read(&torn).expect("it is there"), bytes);
        server.client().run("SET another value");
        kill(server);
    }
    // Behind what is torn there is something now.
    std::fs::write(&torn, &bytes[..bytes.len() - 1]).expect("there is room");
    let ended = refused(&data, "aof-load-truncated yes");
    assert!(ended.log.contains("the truncated file is not the last file"), "{}", ended.log);
}

/// A base is whole before anything names it: one that is torn was damaged later.
#[test]
fn a_torn_base_is_refused() {
    let data = Data::new();
    let directory = data.path().join("appendonlydir");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(directory.join(name), bytes).expect("there is room");
    };
    std::fs::create_dir(&directory).expect("there is room");
    write("appendonly.aof.1.base.aof", b"*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET");
    write("appendonly.aof.1.incr.aof", b"");
    write(
        "appendonly.aof.manifest",
        b"file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n",
    );
    let ended = refused(&data, "aof-load-truncated yes");
    assert!(ended.log.contains("the truncated file is not the last file"), "{}", ended.log);
}

/// A file of commands may be empty, since nothing was written to it. A snapshot never is: what it held is lost.
#[test]
fn an_empty_file_is_loaded_and_an_empty_snapshot_refused() {
    let (data, _) = prepared(3);
    let incremental = data.last_file();
    std::fs::write(&incremental, b"").expect("there is room");
    let server = data.start();
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(0));
    server.client().run("SET key value");
    kill(server);
    let server = data.start();
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(1));
    kill(server);
    let base = data.path().join("appendonlydir/appendonly.aof.1.base.rdb");
    for bytes in [&b""[..], b"RED", b"*1\r\n$4\r\nPING\r\n"] {
        std::fs::write(&base, bytes).expect("there is room");
        let ended = refused(&data, "aof-load-truncated yes");
        let line = "Error reading the RDB base file appendonly.aof.1.base.rdb, AOF loading aborted";
        assert!(ended.log.contains(line), "{}", ended.log);
    }
}

#[test]
fn a_flipped_bit_in_a_base_is_found_wherever_it_is() {
    let (data, _) = prepared(4);
    let server = data.start();
    let mut client = server.client();
    client.run("BGREWRITEAOF");
    server.wait_for_log("Background AOF rewrite finished successfully");
    kill(server);
    let base = data.path().join("appendonlydir/appendonly.aof.2.base.rdb");
    let bytes = std::fs::read(&base).expect("it is there");
    for place in (0..bytes.len()).step_by(11) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        std::fs::write(&base, &damaged).expect("there is room");
        let ended = refused(&data, "aof-load-truncated yes");
        assert!(ended.log.contains("Error reading the RDB base file "), "{}", ended.log);
    }
}

#[test]
fn a_transaction_without_its_end_is_cut_off() {
    let (data, bytes) = prepared(3);
    data.append(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n");
    refused(&data, "aof-load-truncated no");
    let server = data.start();
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(3));
    server.wait_for_log("Revert incomplete MULTI/EXEC transaction in AOF file");
    kill(server);
    assert_eq!(std::fs::read(data.last_file()).expect("it is there"), bytes);
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let (data, bytes) = prepared(4);
    for place in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 4;
        std::fs::write(data.last_file(), &damaged).expect("there is room");
        // A length that is longer than the rest of the file looks like a torn end.
        let ended = refused(&data, "aof-load-truncated no");
        let is_told =
            ["is damaged at offset", "Unexpected end of file", "Unknown command", "Wrong number"]
                .iter()
                .any(|text| ended.log.contains(text));
        assert!(is_told, "byte {place}: {}", ended.log);
    }
}

#[test]
fn a_damaged_end_is_cut_off_if_that_is_wanted() {
    let (data, bytes) = prepared(3);
    for damage in
        [vec![0; 100], b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n#CRC64:0000000000000000\r\n".to_vec()]
    {
        std::fs::write(data.last_file(), &bytes).expect("there is room");
        data.append(&damage);
        let ended = refused(&data, "aof-load-corrupt-tail-max-size 20");
        assert!(
            ended.log.contains("Bad file format reading the append only file"),
            "{}",
            ended.log
        );
        let server = data.launch().line("aof-load-corrupt-tail-max-size 100").start();
        assert_eq!(server.client().run("DBSIZE"), Value::Integer(3));
        kill(server);
        assert_eq!(std::fs::read(data.last_file()).expect("it is there"), bytes);
    }
    // A checksum that is wrong takes back the commands that it was to vouch for.
    std::fs::write(data.last_file(), &bytes).expect("there is room");
    data.append(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n#CRC64:0000000000000000\r\n");
    let server = data.launch().line("aof-load-corrupt-tail-max-size 1kb").start();
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(3));
    kill(server);
    assert_eq!(std::fs::read(data.last_file()).expect("it is there"), bytes);
}

#[test]
fn unknown_commands_are_refused() {
    let (data, _) = prepared(1);
    data.append(b"*2\r\n$6\r\nnosuch\r\n$1\r\nx\r\n");
    let ended = refused(&data, "hz 10");
    assert!(
        ended.log.contains(
            "Unknown command 'nosuch' reading the append only file appendonly.aof.1.incr.aof"
        ),
        "{}",
        ended.log
    );
}

#[test]
fn a_manifest_that_is_none_is_refused() {
    let (data, _) = prepared(1);
    let manifest = data.path().join("appendonlydir/appendonly.aof.manifest");
    for (text, what) in [
        ("", "Found an empty AOF manifest"),
        ("nonsense\n", "Invalid AOF manifest file format"),
        ("file x seq 1 type i\nfile y seq 1 type i\n", "Found a non-monotonic sequence number"),
    ] {
        std::fs::write(&manifest, text).expect("there is room");
        let ended = refused(&data, "hz 10");
        assert!(ended.log.contains("*** FATAL AOF MANIFEST FILE ERROR ***"), "{}", ended.log);
        assert!(ended.log.contains(what), "{}", ended.log);
    }
    std::fs::write(&manifest, "file nowhere.aof seq 1 type i\n").expect("there is room");
    refused(&data, "hz 10");
}
