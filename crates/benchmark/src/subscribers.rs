//! Connections that listen to what a test publishes, and count it.
//!
//! All messages are equally long, so bytes are counted and not messages. A test has ended when all have received everything.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use crate::Failure;
use crate::connection::connect;
use crate::options::Options;
use crate::workload::CHANNEL;

/// Those of one test.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    connections: Vec<OwnedFd>,
    /// Bytes that have not come yet, of all together.
    missing: u64,
}

impl Subscribers {
    /// As many as are asked for, subscribed; their events are numbered from `first` on.
    pub(crate) fn open(
        options: &Options,
        epoll: &OwnedFd,
        first: u64,
    ) -> Result<Subscribers, Failure> {
        let mut subscribers = Subscribers::default();
        let mut request = Vec::new();
        resp::value::encode_request(&[b"SUBSCRIBE", CHANNEL], &mut request);
        for number in (first..).take(options.subscribers) {
            let (socket, _) = connect(options, Some(&request))?;
            epoll::add(epoll, socket.as_fd(), EventData::new_u64(number), EventFlags::IN)
                .map_err(std::io::Error::from)?;
            subscribers.connections.push(socket);
        }
        let mut message = Vec::new();
        // A message has the form of a request.
        resp::value::encode_request(&[b"message", CHANNEL, &options.message()], &mut message);
        let each = options.requests.saturating_mul(message.len() as u64);
        subscribers.missing = each.saturating_mul(options.subscribers as u64);
        Ok(subscribers)
    }

    /// Whether all have received everything.
    pub(crate) fn have_all(&self) -> bool {
        self.missing == 0
    }

    /// Receives what has come for one of them.
    pub(crate) fn receive(&mut self, index: usize, buffer: &mut [u8]) -> Result<(), Failure> {
        let Some(socket) = self.connections.get(index) else { return Ok(()) };
        match rustix::io::read(socket, buffer) {
            Ok(0) => Err(Failure::Closed),
            Ok(count) => {
                let left = self.missing.checked_sub(count as u64);
                self.missing = left.ok_or(Failure::TooMuch)?;
                Ok(())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(error) => Err(Failure::Connection(error.into())),
        }
    }
}
