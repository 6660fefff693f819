//! Serving those who wait, by the worker that made their keys ready.
//!
//! Keys come in the order in which they were touched, and those that become ready by serving somebody after them. The
//! waiters of a key come in the order of their tickets, each at most once for each time that the key's turn comes: one that finds
//! nothing for it goes on waiting in its place.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use keyspace::{ExpiryMode, ValueType, View};
use resp::Output;
use thin_vec::ThinVec;

use super::ending::Served;
use super::waiter::Blocked;
use crate::call::{Call, Next, Occasion};
use crate::events::{self, Class, Event};
use crate::execution::{Parts, perform, record};
use crate::reactions::Touched;
use crate::session::Session;

/// A key that may be ready.
type Ready = (usize, Box<[u8]>);

/// Serves those who wait for the keys that a call has touched. Its shards are held, and its effects are recorded.
#[cold]
pub(crate) fn serve_waiters(call: &mut Call<'_>) {
    let mut ready = VecDeque::new();
    note(&mut ready, std::mem::take(&mut call.effects.touched));
    for database in std::mem::take(&mut call.effects.overturned) {
        let keys = call.keys.awaited_keys(database);
        ready.extend(keys.into_iter().map(|key| (database, key)));
    }
    let mut parts = Parts {
        engine: call.engine,
        config: call.config,
        now_us: call.now_us,
        tally: call.tally,
        statistics: call.statistics,
        worker: call.worker,
        delivery: call.delivery,
        served: call.served,
        is_awaited: true,
    };
    serve_all(&mut parts, &mut call.keys, ready);
}

/// Serves those who wait for keys that were removed without a call. Their shards are held.
#[cold]
pub(crate) fn serve_removed<'k>(
    mut parts: Parts<'_>,
    view: &mut View<'_>,
    removed: impl Iterator<Item = (usize, &'k [u8])>,
) {
    let ready = removed.map(|(database, key)| (database, Box::from(key))).collect();
    serve_all(&mut parts, view, ready);
}

fn note(ready: &mut VecDeque<Ready>, touched: ThinVec<Touched>) {
    for Touched { database, key, event } in touched {
        let is_noted = ready.back().is_some_and(|last| last.0 == database && last.1 == key);
        if !is_noted && may_wake(event) {
            ready.push_back((database, key));
        }
    }
}

fn serve_all(parts: &mut Parts<'_>, view: &mut View<'_>, mut ready: VecDeque<Ready>) {
    let (database, touch) = (view.database(), view.round.touch);
    while let Some((database, key)) = ready.pop_front() {
        view.select(database);
        serve_key(parts, view, &key, &mut ready);
    }
    view.select(database);
    view.round.touch = touch;
}

/// Whether an event may be what somebody waits for.
///
/// Of what happens to streams, only these wake in Redis, beside the appearance of the key. A group that is set back has entries for
/// those who wait, too; they get them with the next entry that comes.
fn may_wake(event: Event) -> bool {
    event.class != Class::Stream || event == events::STREAM_ADD || event == events::GROUP_DESTROY
}

/// Serves those who wait for a key in the selected database.
fn serve_key(parts: &mut Parts<'_>, view: &mut View<'_>, key: &[u8], ready: &mut VecDeque<Ready>) {
    let mut last = None;
    while let Some((ticket, waiter)) = view.next_waiter(key, last) {
        last = Some(ticket);
        let present = type_of(view, key);
        if present.is_none() && !view.is_removal_minded(key) {
            // Whatever there was, those before have taken it.
            return;
        }
        let waiter: Arc<dyn Any + Send + Sync> = waiter;
        let Ok(waiter) = waiter.downcast::<Blocked>() else { continue };
        if present == Some(waiter.wanted) || keyspace::Waiter::minds_removal(&*waiter) {
            serve(parts, view, &waiter, ready);
        } else if present.is_some() {
            waiter.go_astray(&parts.engine.keyspace);
        }
    }
}

/// What a key holds. The look changes nothing, and finds nothing that has expired.
fn type_of(view: &mut View<'_>, key: &[u8]) -> Option<ValueType> {
    let expiry = std::mem::replace(&mut view.round.expiry, ExpiryMode::Hide);
    let present = view.peek(key).map(|entry| entry.value_type());
    view.round.expiry = expiry;
    present
}

/// Makes a waiter's call again, if it still waits; if there is something for it, the wait is over.
fn serve(
    parts: &mut Parts<'_>,
    view: &mut View<'_>,
    waiter: &Arc<Blocked>,
    ready: &mut VecDeque<Ready>,
) {
    let mut held = waiter.hold();
    let Some(session) = &mut *held else { return };
    if waiter.record.killed.load(Relaxed) {
        return;
    }
    let Some(output) = call_again(parts.reborrow(), view, waiter, session, ready) else { return };
    *held = None;
    drop(held);
    parts.served.push(Served { waiter: Arc::clone(waiter), output, closes: false });
}

/// Makes a waiter's call again; its reply, unless it has to wait on.
fn call_again(
    mut parts: Parts<'_>,
    view: &mut View<'_>,
    waiter: &Blocked,
    session: &mut Session,
    ready: &mut VecDeque<Ready>,
) -> Option<Output> {
    let callable = parts.engine.commands.get(waiter.command)?;
    let run = callable.run?.run();
    let before = (parts.engine.ticks)();
    let mut output = Output::new();
    let words = waiter.words.as_words();
    view.round.touch = !session.no_touch;
    parts.is_awaited = view.has_waiters();
    let mut call =
        parts.reborrow().begin(session, callable, words, view.lend(), &mut output, Occasion::Again);
    let fate = perform(&mut call, run);
    record(&mut call);
    let is_served = call.next != Next::Block;
    note(ready, std::mem::take(&mut call.effects.touched));
    drop(call);
    if !is_served {
        return None;
    }
    let elapsed_ns = (parts.engine.ticks)().wrapping_sub(before);
    parts.tally.call(waiter.command, elapsed_ns, fate);
    Some(output)
}
