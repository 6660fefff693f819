//! The process: event loops, listeners, threads, files, signals.
#![cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "the modules are not wired up yet")
)]
#![cfg_attr(test, expect(dead_code, reason = "the modules are not wired up yet"))]

mod clock;
mod host;
mod listen;
mod log;
mod process;
mod worker;

use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let port: u16 = args[1].parse().unwrap();
    let workers: usize = args[2].parse().unwrap();
    let config = config::Config::new(2);
    let (engine, keys) = engine::Engine::new(workers, config, Box::new(engine::host::Alone), ticks);
    let engine: &'static engine::Engine = Box::leak(Box::new(engine));
    let mailboxes: Arc<[worker::Mailbox]> = (0..workers).map(|_| worker::Mailbox::new().unwrap()).collect();
    let mut threads = vec![];
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut listeners = vec![worker::Listener { socket: listener.into(), is_unix: false }];
    for (index, key) in keys.into_iter().enumerate() {
        let (mailboxes, listeners) = (mailboxes.clone(), std::mem::take(&mut listeners));
        threads.push(std::thread::Builder::new().spawn(move || {
        let worker = engine::Worker::new(engine, index, key, 42 + index as u64);
        let mut worker = worker::Worker::new(engine, worker, mailboxes, listeners, clock::Clock::start()).unwrap();
        worker.run().unwrap() }).unwrap());
    }
    for thread in threads { thread.join().unwrap(); }
}

fn ticks() -> u64 {
    static CLOCK: std::sync::LazyLock<quanta::Clock> = std::sync::LazyLock::new(quanta::Clock::new);
    CLOCK.raw()
}
