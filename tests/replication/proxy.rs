//! A network between two servers that can be cut.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What listens on a port and passes everything on to a server, until it is cut.
pub(super) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    streams: Mutex<Vec<TcpStream>>,
    /// Bytes from the server that are passed on before the connection is cut.
    allowance: AtomicU64,
    /// The same for connections that come.
    next: Mutex<VecDeque<u64>>,
    /// Nothing is passed on.
    down: AtomicBool,
    ended: AtomicBool,
}

impl Proxy {
    /// One in front of a server.
    pub(super) fn to(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            target,
            streams: Mutex::default(),
            allowance: AtomicU64::new(u64::MAX),
            next: Mutex::default(),
            down: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let accept = move || {
            for client in listener.incoming() {
                if accepting.ended.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(client) = client {
                    accepting.join(client);
                }
            }
        };
        spawn(accept);
        Proxy { port, shared }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections; new ones are passed on.
    pub(super) fn cut(&self) {
        self.shared.cut();
    }

    /// Cuts all connections, and all that come, until it is up again.
    pub(super) fn take_down(&self) {
        self.shared.down.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Passes on again.
    pub(super) fn bring_up(&self) {
        self.shared.down.store(false, Ordering::SeqCst);
    }

    /// Cuts each of the next connections after so many bytes from the server.
    pub(super) fn cut_next_after(&self, bytes: impl IntoIterator<Item = u64>) {
        self.shared.next.lock().expect("nobody panics with it").extend(bytes);
    }

    /// Cuts the connection after so many more bytes from the server.
    pub(super) fn cut_after(&self, bytes: u64) {
        self.shared.allowance.store(bytes, Ordering::Relaxed);
    }
}

impl Shared {
    fn cut(&self) {
        let mut streams = self.streams.lock().expect("nobody panics with it");
        for stream in streams.drain(..) {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }

    fn join(self: &Arc<Self>, client: TcpStream) {
        if self.down.load(Ordering::SeqCst) {
            return;
        }
        let Ok(server) = TcpStream::connect(self.target) else { return };
        if let Some(next) = self.next.lock().expect("nobody panics with it").pop_front() {
            self.allowance.store(next, Ordering::Relaxed);
        }
        let pairs = [(&client, &server, false), (&server, &client, true)];
        for (from, to, counts) in pairs {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
            let shared = Arc::clone(self);
            spawn(move || shared.pass(from, to, counts));
        }
        self.streams.lock().expect("nobody panics with it").extend([client, server]);
        if self.down.load(Ordering::SeqCst) {
            self.cut();
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, counts: bool) {
        let mut buffer = [0; 4096];
        while let Ok(count) = from.read(&mut buffer)
            && 0 < count
        {
            let mut passed = count;
            if counts {
                let allowed = self.allowance.load(Ordering::Relaxed);
                passed = count.min(usize::try_from(allowed).unwrap_or(usize::MAX));
                if allowed != u64::MAX {
                    self.allowance.store(allowed - passed as u64, Ordering::Relaxed);
                }
            }
            if to.write_all(&buffer[..passed]).is_err() || passed < count {
                break;
            }
        }
        if counts && self.allowance.load(Ordering::Relaxed) == 0 {
            self.allowance.store(u64::MAX, Ordering::Relaxed);
        }
        let _gone = from.shutdown(Shutdown::Both);
        let _gone = to.shutdown(Shutdown::Both);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the one that accepts.
        let _woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name("proxy".to_owned());
    thread.spawn(run).expect("there is a thread");
}
