//! Two hosts that do not reach each other for a while: network namespaces, and a cable between them that is pulled.
//!
//! A cut connection is noticed at once; here nothing comes any more and nobody says so, as when a switch dies.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use harness::{Client, Launch, Random, Server, wait_until};
use tempfile::TempDir;

use super::{count, info, load, offset, pairs};
/// Another host, and a cable to it.
struct Host {
    name: String,
    /// Ends of the cable.
    here: String,
    there: String,
    /// The addresses of the ends.
    address_here: String,
    address_there: String,
    directory: TempDir,
}

fn ip(words: &str) -> bool {
    let output = Command::new("ip").args(words.split(' ')).output();
    output.is_ok_and(|output| output.status.success())
}

impl Host {
    /// None if this process may not make one.
    #[expect(clippy::print_stderr, reason = "a test that was not run says so")]
    fn new() -> Option<Host> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        // A network that is set aside for tests of networks, and a part of it for this process.
        let part = process.wrapping_mul(5).wrapping_add(number) % (1 << 15);
        let address = |last: u32| {
            let whole = part * 4 + last;
            format!("198.{}.{}.{}", 18 + (whole >> 16), whole >> 8 & 255, whole & 255)
        };
        let host = Host {
            name: format!("ochre-{process}-{number}"),
            here: format!("och{process}a{number}"),
            there: format!("och{process}b{number}"),
            address_here: address(1),
            address_there: address(2),
            directory: tempfile::tempdir().expect("there is room"),
        };
        let Host { name, here, there, address_here, address_there, .. } = &host;
        let is_made = ip(&format!("netns add {name}"))
            && ip(&format!("link add {here} type veth peer name {there} netns {name}"))
            && ip(&format!("addr add {address_here}/30 dev {here}"))
            && ip(&format!("-n {name} addr add {address_there}/30 dev {there}"))
            && ip(&format!("-n {name} link set lo up"))
            && ip(&format!("link set {here} up"))
            && ip(&format!("-n {name} link set {there} up"));
        if !is_made {
            eprintln!("not run: this process may not make network namespaces");
            return None;
        }
        Some(host)
    }

    fn pull_cable(&self) {
        assert!(ip(&format!("-n {} link set {} down", self.name, self.there)));
    }

    fn plug_in(&self) {
        assert!(ip(&format!("-n {} link set {} up", self.name, self.there)));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Both ends go with the one that is there.
        let _gone = ip(&format!("netns del {}", self.name));
        let _gone = ip(&format!("link del {}", self.here));
    }
}

/// What is asked of a server that cannot be reached over the network from here.
struct There {
    server: Server,
    socket: PathBuf,
}

impl There {
    fn start(host: &Host, launch: &Launch, primary: &Server) -> There {
        let socket = host.directory.path().join("socket");
        let launch = launch
            .clone()
            .through(&format!("ip netns exec {}", host.name))
            .line(format!("bind {} 127.0.0.1", host.address_there))
            .line("protected-mode no")
            .line(format!("unixsocket {}", socket.display()))
            .line(format!("replicaof {} {}", host.address_here, primary.port()))
            .ready_at("Ready to accept connections");
        There { server: launch.start(), socket }
    }

    fn client(&self) -> Client {
        Client::connect_unix(&self.socket).expect("it is there")
    }

    fn text(&self, line: &str) -> String {
        self.client().run(line).as_text().unwrap_or_default()
    }

    fn wait_for(&self, line: &str) {
        let has = || self.text("INFO replication").lines().any(|it| it == line);
        assert!(wait_until(has), "{line}: {}", self.server.log());
    }

    fn wait_for_equality(&self, primary: &Server) {
        self.wait_for("master_link_status:up");
        let mut here = primary.client();
        let is_equal = || {
            let before = offset(primary);
            self.text("INFO replication").contains(&format!("slave_repl_offset:{before}\r\n"))
                && here.run("DEBUG DIGEST").as_text() == Some(self.text("DEBUG DIGEST"))
                && offset(primary) == before
        };
        assert!(wait_until(is_equal), "{}", self.server.log());
    }
}

fn fill(server: &Server, seed: u64) {
    load::write(&mut server.client(), &mut Random::from_seed(seed), 400);
}

#[test]
fn hosts_that_lose_sight_of_each_other_find_each_other_again() {
    let patient =
        |launch: &Launch| launch.clone().line("repl-timeout 3").line("repl-ping-replica-period 1");
    for (primary, replica) in pairs() {
        let Some(host) = Host::new() else { return };
        let primary = patient(&primary)
            .line(format!("bind {} 127.0.0.1", host.address_here))
            .line("protected-mode no")
            .line("repl-backlog-size 10mb")
            .start();
        let replica = There::start(&host, &patient(&replica), &primary);
        fill(&primary, 1);
        replica.wait_for_equality(&primary);
        host.pull_cable();
        fill(&primary, 2);
        replica.wait_for("master_link_status:down");
        replica.server.wait_for_log("MASTER timeout: no data nor PING received...");
        assert!(wait_until(|| info(&primary, "replication", "connected_slaves") == "0"));
        fill(&primary, 3);
        host.plug_in();
        replica.wait_for_equality(&primary);
        assert_eq!(count(&primary, "sync_full"), 1, "the backlog had what was missed");
        assert_eq!(count(&primary, "sync_partial_err"), 0, "{}", primary.log());
        fill(&primary, 4);
        replica.wait_for_equality(&primary);
    }
}
