//! Calls that cannot be executed in the state that the server is in: the disk takes nothing, there are too few replicas, it is a replica itself,
//! or it is loading.

use command::Flags;
use resp::{ReplyError, Words};

use crate::command_table::Callable;
use crate::session::Session;
use crate::worker::Worker;
use crate::{replication, saving};

const LOADING: ReplyError = ReplyError::coded("LOADING Redis is loading the dataset in memory");

impl Worker<'_> {
    /// What is answered to a call that cannot be executed in the state that the server is in.
    #[inline]
    pub(crate) fn refusal(
        &self,
        session: &Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> Option<ReplyError> {
        if self.may_refuse() { self.refusal_by_state(session, callable, words) } else { None }
    }

    /// Whether the server is in a state in which some calls cannot be executed.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few loads, before each call")]
    pub(crate) fn may_refuse(&self) -> bool {
        let engine = self.engine;
        engine.saving.refuses_writes()
            || engine.append_only.is_in_trouble()
            || engine.replication.lacks_replicas(&self.config)
            || engine.replication.is_replica()
            || engine.loading.is_active()
    }

    #[inline(never)]
    fn refusal_by_state(
        &self,
        session: &Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> Option<ReplyError> {
        let engine = self.engine;
        if (engine.saving.refuses_writes() || engine.append_only.is_in_trouble())
            && let Some(error) = self.refusal_of_disk(session, callable, words)
        {
            return Some(error);
        }
        if engine.replication.lacks_replicas(&self.config)
            && self.flags_of_call(session, callable, words).has(Flags::WRITE)
        {
            return Some(replication::NO_REPLICAS);
        }
        if engine.replication.is_replica()
            && let Some(error) = self.refusal_of_replica(session, callable, words)
        {
            return Some(error);
        }
        let is_loading = engine.loading.is_active() && !callable.flags.has(Flags::LOADING);
        is_loading.then_some(LOADING)
    }

    /// What is answered to calls that write, and to those who ask whether all is well, while the disk takes nothing.
    #[cold]
    fn refusal_of_disk(
        &self,
        session: &Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> Option<ReplyError> {
        let minds = self.flags_of_call(session, callable, words).has(Flags::WRITE)
            || callable.name() == "ping";
        if !minds {
            return None;
        }
        if self.engine.saving.refuses_writes() {
            return Some(saving::CANNOT_SAVE);
        }
        self.engine.append_only.refusal()
    }

    /// What a replica answers to calls that only its primary may make, or that need a link to it.
    #[cold]
    fn refusal_of_replica(
        &self,
        session: &Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> Option<ReplyError> {
        let settings = &self.config.replication;
        let flags = self.flags_of_call(session, callable, words);
        if settings.read_only && flags.has(Flags::WRITE) {
            return Some(replication::READ_ONLY);
        }
        if !settings.serve_stale_data
            && !flags.has(Flags::STALE)
            && self.engine.replication.is_stale()
        {
            return Some(replication::NO_LINK);
        }
        if self.engine.loading.is_aside() && flags.has(Flags::NO_ASYNC_LOADING) {
            return Some(LOADING);
        }
        None
    }
}
