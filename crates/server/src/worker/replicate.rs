//! Handing a connection over to whoever serves replicas.

use super::Worker;
use super::connection::Connection;
use super::poller::Token;
use crate::log;
use crate::replication::Newcomer;

impl Worker<'_> {
    /// Takes leave of a connection whose client becomes a replica. It stays among the clients.
    pub(super) fn hand_over(&mut self, token: Token, mut connection: Box<Connection>) {
        let application = connection.session.take_application();
        self.forget_deadline(token, &mut connection);
        self.places.forget(token, &connection);
        if let Err(error) = self.poller.remove(&connection.socket) {
            log::warning(format_args!("Error forgetting a replica's socket: {error}"));
        }
        self.share.forget(&mut connection.session);
        let Connection { socket, channel, session, input, .. } = *connection;
        let Some((announced, request)) = application else {
            self.engine.clients.remove(session.id());
            return;
        };
        let record = session.record;
        self.replication.adopt(Box::new(Newcomer {
            socket,
            channel,
            record,
            announced,
            request,
            input,
        }));
    }
}
