//! A disk without room: writes are refused, nothing that was acknowledged is lost, and it goes on when there is room again.

use harness::Value;

use super::{Data, info, kill};
use crate::small_disk::SmallDisk;

#[test]
fn writes_are_refused_while_there_is_no_room() {
    for policy in super::POLICIES {
        let data = Data::new();
        let Some(_disk) = SmallDisk::mount(data.path(), 1 << 20) else { return };
        let ballast = data.path().join("ballast");
        let server = data.launch().workers(2).line(format!("appendfsync {policy}")).start();
        let mut client = server.client();
        assert_eq!(client.run("SET before value"), Value::Simple(b"OK".to_vec()));
        std::fs::write(&ballast, vec![0; 900 << 10]).expect("there is room so far");
        // One write finds no room. Its client waits: it was executed, and is not on disk.
        let mut waiting = server.client();
        waiting.call_with_long_value("long");
        server.wait_for_log("Error writing to the AOF file: No space left on device");
        let mut observer = server.client();
        let refuses = harness::wait_until(|| {
            observer.run("SET other value").as_text().is_some_and(|text| {
                text == "MISCONF Errors writing to the AOF file: No space left on device"
            })
        });
        assert!(refuses);
        let ping = observer.run("PING");
        assert!(ping.is_error(), "{ping:?}");
        assert_eq!(observer.run("GET before"), Value::Bulk(b"value".to_vec()));
        assert_eq!(info(&mut observer, "aof_last_write_status"), "err");
        std::fs::remove_file(&ballast).expect("it is there");
        assert_eq!(waiting.reply().expect("a reply"), Value::Simple(b"OK".to_vec()));
        let recovered = harness::wait_until(|| {
            observer.run("SET after value") == Value::Simple(b"OK".to_vec())
        });
        assert!(recovered);
        assert_eq!(info(&mut observer, "aof_last_write_status"), "ok");
        server.wait_for_log("AOF write error looks solved");
        kill(server);
        let server = data.start();
        let mut client = server.client();
        assert_eq!(client.run("EXISTS before long after"), Value::Integer(3), "{policy}");
        kill(server);
    }
}

trait LongValue {
    fn call_with_long_value(&mut self, key: &str);
}

impl LongValue for harness::Client {
    fn call_with_long_value(&mut self, key: &str) {
        self.send(&["SET", key, &"x".repeat(300 << 10)]).expect("it is sent");
    }
}
