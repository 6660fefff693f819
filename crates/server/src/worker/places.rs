//! Where a worker keeps its connections.
//!
//! A connection has a place, which is used again when it is gone. Events name it by a [`Token`]: the place and its
//! generation, which changes with every connection that the place is given to. So an event for a connection that was closed
//! earlier in the same round finds nobody, even if its place is taken again.

use std::collections::HashMap;

use engine::clients::ClientId;

use super::connection::Connection;
use super::poller::Token;

/// A worker's connections.
#[derive(Default)]
pub(super) struct Places {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// For those who know only a client's id.
    by_client: HashMap<ClientId, u32>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    /// None while it is served, and if there is none.
    connection: Option<Box<Connection>>,
}

/// The top bit of a generation stays clear, so that no connection has the token of a listener or of the mailbox.
const GENERATIONS: u32 = 0x7fff_ffff;

impl Places {
    /// A place for a connection that comes: the token that it will have. It is to be filled or given back.
    pub(super) fn reserve(&mut self) -> Token {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let slot = &mut self.slots[place as usize];
        slot.generation = slot.generation.wrapping_add(1) & GENERATIONS;
        token(slot.generation, place)
    }

    /// Gives a reserved place back.
    pub(super) fn release(&mut self, token: Token) {
        self.free.push(place(token));
    }

    /// Fills a reserved place.
    pub(super) fn fill(&mut self, token: Token, mut connection: Box<Connection>) {
        connection.session.set_place(token.0);
        self.by_client.insert(connection.session.id(), place(token));
        self.put_back(token, connection);
    }

    /// Takes out the connection with this token, to be put back.
    pub(super) fn take(&mut self, token: Token) -> Option<Box<Connection>> {
        let slot = self.slots.get_mut(place(token) as usize)?;
        if slot.generation == generation(token) { slot.connection.take() } else { None }
    }

    /// The connection with this token, in its place.
    pub(super) fn get_mut(&mut self, token: Token) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(place(token) as usize)?;
        if slot.generation == generation(token) { slot.connection.as_deref_mut() } else { None }
    }

    /// Puts back a connection that was taken out.
    pub(super) fn put_back(&mut self, token: Token, connection: Box<Connection>) {
        self.slots[place(token) as usize].connection = Some(connection);
    }

    /// Takes leave of a connection that was taken out; its place is free.
    pub(super) fn forget(&mut self, token: Token, connection: &Connection) {
        self.by_client.remove(&connection.session.id());
        self.release(token);
    }

    /// The token of a client's connection.
    pub(super) fn of_client(&self, client: ClientId) -> Option<Token> {
        let place = *self.by_client.get(&client)?;
        self.at(place as usize)
    }

    /// How many places there are, those of no connection among them.
    pub(super) fn count(&self) -> usize {
        self.slots.len()
    }

    /// The token of the connection at a place, if there is one.
    pub(super) fn at(&self, index: usize) -> Option<Token> {
        let slot = self.slots.get(index).filter(|slot| slot.connection.is_some())?;
        Some(token(slot.generation, u32::try_from(index).ok()?))
    }

    /// Those that a condition holds for.
    pub(super) fn which(&self, mut condition: impl FnMut(&Connection) -> bool) -> Vec<Token> {
        let occupied = self.slots.iter().zip(0..).filter_map(|(slot, place)| {
            let connection = slot.connection.as_ref()?;
            condition(connection).then_some(token(slot.generation, place))
        });
        occupied.collect()
    }
}

fn token(generation: u32, place: u32) -> Token {
    Token(u64::from(generation) << 32 | u64::from(place))
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half")]
fn place(token: Token) -> u32 {
    token.0 as u32
}

fn generation(token: Token) -> u32 {
    (token.0 >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::clients::{Clients, Peer};
    use engine::session::Session;
    use rustix::event::{EventfdFlags, eventfd};

    use super::super::{LISTENERS, MAILBOX};
    use super::*;

    fn connection(clients: &Clients) -> Box<Connection> {
        // Any descriptor: nobody reads it here.
        let socket = eventfd(0, EventfdFlags::CLOEXEC).expect("a descriptor");
        let record = clients.add(Peer::default(), 0, 0);
        Box::new(Connection::new(socket, Session::new(Arc::clone(&record), true)))
    }

    #[test]
    fn a_token_names_one_connection_and_not_its_successor() {
        let clients = Clients::default();
        let mut places = Places::default();
        let first = places.reserve();
        places.fill(first, connection(&clients));
        assert_eq!(places.of_client(1), Some(first));
        let taken = places.take(first).expect("it is there");
        assert!(places.take(first).is_none(), "it is being served");
        assert_eq!(places.of_client(1), None, "it is being served");
        places.forget(first, &taken);
        let second = places.reserve();
        places.fill(second, connection(&clients));
        assert_ne!(first, second);
        assert!(places.take(first).is_none(), "the event was for its predecessor");
        assert!(places.take(second).is_some());
        assert_eq!(places.count(), 1, "the place is used again");
    }

    #[test]
    fn generations_begin_again_and_never_look_like_another_kind_of_token() {
        let clients = Clients::default();
        let mut places = Places::default();
        let first = places.reserve();
        places.release(first);
        places.slots[0].generation = GENERATIONS - 1;
        let last = places.reserve();
        assert!(last.0 < LISTENERS && last != MAILBOX);
        places.release(last);
        let wrapped = places.reserve();
        assert_eq!(generation(wrapped), 0);
        places.fill(wrapped, connection(&clients));
        assert!(places.take(last).is_none());
        assert!(places.take(wrapped).is_some());
    }

    #[test]
    fn those_that_meet_a_condition_are_found() {
        let clients = Clients::default();
        let mut places = Places::default();
        let tokens: Vec<Token> = (0..4)
            .map(|_| {
                let token = places.reserve();
                places.fill(token, connection(&clients));
                token
            })
            .collect();
        let served = places.take(tokens[1]).expect("it is there");
        assert_eq!(places.which(|_| true), [tokens[0], tokens[2], tokens[3]]);
        assert_eq!(places.which(|connection| connection.session.id() == 4), [tokens[3]]);
        assert_eq!(places.at(1), None);
        places.put_back(tokens[1], served);
        assert_eq!(places.at(1), Some(tokens[1]));
        assert_eq!(places.at(4), None);
    }
}
