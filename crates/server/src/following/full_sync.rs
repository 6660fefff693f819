//! All data of a primary, in the place of what there is.
//!
//! By way of a file, or as it comes (`repl-diskless-load`). Either way the data is taken away while clients are told `-LOADING`, and
//! nobody is told otherwise before the new data is whole, or there is none. With `swapdb` the new data is kept aside until it is whole; clients
//! are served from the old meanwhile, if it is of the same history, and nothing is lost if what comes is of no use.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use config::replication::DisklessLoad;
use engine::replication::Order;
use keyspace::{Round, View};
use replication::ReplicationId;
use replication::full_sync::Framing;

use super::link::{Link, Lost};
use super::payload::Payload;
use super::wire::Wire;
use crate::block_file::BlockFile;
use crate::loading::{self, Aside};
use crate::log;
use crate::process::reason::reason;

/// Copied at once.
const COPY_BYTES: usize = 128 << 10;
/// So many bytes of the file go to the disk at a time, so that the end does not wait for all of them.
const SYNC_BYTES: usize = 8 << 20;

/// How the data comes to be here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By way of a file.
    File,
    /// As it comes.
    Direct,
    /// Beside what there is.
    Aside,
}

/// What there is in the end: what has come behind the payload, and the database that the stream has selected.
type Begun = (Vec<u8>, usize);

impl Link {
    /// Receives all data, of a history up to an offset.
    pub(super) fn full_sync(
        &self,
        order: &Order,
        wire: &mut Wire,
        input: Vec<u8>,
        position: (ReplicationId, u64),
    ) -> Result<Begun, Lost> {
        let mut payload = Payload::new(self, order, wire, input);
        let framing = payload.announced()?;
        // What another file said is of no interest any more.
        let _other = self.engine.replication.take_loaded();
        let way = self.way();
        let total_bytes = match framing {
            Framing::Length(bytes) => Some(bytes),
            Framing::Mark(_) => None,
        };
        self.engine.replication.note_snapshot(total_bytes, 0, self.unix_ms());
        let to = if way == Way::File { "to disk" } else { "to parser" };
        match framing {
            Framing::Length(bytes) => log::notice(format_args!(
                "MASTER <-> REPLICA sync: receiving {bytes} bytes from master {to}"
            )),
            Framing::Mark(mark) => log::notice(format_args!(
                "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF {} {to}",
                mark.escape_ascii()
            )),
        }
        match way {
            Way::File => self.by_way_of_a_file(order, payload, position),
            Way::Direct => self.directly(order, payload, position, total_bytes),
            Way::Aside => self.aside(order, payload, position),
        }
    }

    fn way(&self) -> Way {
        match self.engine.config().replication.diskless_load {
            DisklessLoad::Disabled => Way::File,
            DisklessLoad::SwapDatabase => Way::Aside,
            DisklessLoad::OnEmptyDatabase => {
                let keys =
                    self.at_rest(|view| view.sizes().iter().map(|size| size.keys).sum::<usize>());
                if keys == 0 { Way::Direct } else { Way::File }
            }
        }
    }

    /// Does something with all shards, while everybody waits.
    fn at_rest<R>(&self, act: impl FnOnce(&mut View<'_>) -> R) -> R {
        let keyspace = &self.engine.keyspace;
        let mut round = Round::aside();
        let mut closed = keyspace.gates().close();
        let mut view = keyspace.view(&mut closed, 0, &mut round);
        view.lock_all();
        let result = act(&mut view);
        let garbage = std::mem::take(&mut view.garbage);
        drop(view);
        drop(closed);
        keyspace.gates().give_way();
        // Freed by this thread, or by the one that has nothing else to do.
        if self.engine.config().replication.lazy_flush {
            garbage.into_iter().for_each(|garbage| self.engine.host.reclaim(garbage));
        }
        result
    }

    fn by_way_of_a_file(
        &self,
        order: &Order,
        mut payload: Payload<'_>,
        position: (ReplicationId, u64),
    ) -> Result<Begun, Lost> {
        let unix_s = self.unix_ms() / 1000;
        let temporary = PathBuf::from(format!("temp-{unix_s}.{}.rdb", std::process::id()));
        let received = store(&mut payload, &temporary);
        let outcome = received
            .map_err(|lost| lost.unwrap_or(Lost::Attempt))
            .and_then(|()| self.load_file(order, &temporary, &mut payload, position));
        // It has its name now, or is of no use.
        let _gone = std::fs::remove_file(&temporary);
        let database = outcome?;
        Ok((payload.finish()?, database))
    }

    fn load_file(
        &self,
        order: &Order,
        temporary: &Path,
        payload: &mut Payload<'_>,
        position: (ReplicationId, u64),
    ) -> Result<usize, Lost> {
        self.check(order)?;
        let config = self.engine.config();
        // A save that goes on would put its own file in this one's place.
        self.engine.saving.cancel();
        let target = config.persistence.snapshot_file.as_path();
        let open = || {
            std::fs::rename(temporary, target)?;
            let file = File::open(target)?;
            let bytes = file.metadata()?.len();
            Ok::<_, io::Error>((file, bytes))
        };
        let (file, bytes) = open().map_err(|error| {
            log::warning(format_args!(
                "Failed trying to rename the temp DB into {} in MASTER <-> REPLICA synchronization: {}",
                target.display(),
                reason(&error)
            ));
            Lost::Attempt
        })?;
        self.begin_loading(order, Some(bytes))?;
        let mut goes_on = || payload.sign().is_ok();
        let loaded = loading::load_sync(self.engine, self.clock, file, None, &mut goes_on);
        let persistence = &config.persistence;
        if persistence.remove_sync_files
            && persistence.save_points.is_empty()
            && !persistence.append_only
        {
            log::notice(
                "Removing the RDB file obtained from the master. This replica has persistence disabled",
            );
            let _gone = std::fs::remove_file(target);
        }
        let Ok(summary) = loaded else {
            log::warning(
                "Failed trying to load the MASTER synchronization DB from disk, check server logs.",
            );
            self.discard_half();
            return Err(Lost::Attempt);
        };
        self.complete(order, position, summary)
    }

    /// Takes the data away, and tells clients so.
    fn begin_loading(&self, order: &Order, bytes: Option<u64>) -> Result<(), Lost> {
        self.check(order)?;
        self.suspend_append_only();
        log::notice("MASTER <-> REPLICA sync: Flushing old data");
        self.engine.loading.begin(bytes.unwrap_or(0), self.unix_ms() / 1000);
        let current = self.at_rest(|view| {
            // No order can come between here and the end of this.
            let current = self.engine.replication.is_current(order);
            if current {
                self.engine.give_up_history();
                self.engine.forget_data(view);
            }
            current
        });
        if !current {
            self.engine.loading.end(0, 0);
            self.resume_append_only();
            return Err(Lost::Superseded);
        }
        log::notice("MASTER <-> REPLICA sync: Loading DB in memory");
        Ok(())
    }

    /// Takes away what was loaded of something that is of no use.
    fn discard_half(&self) {
        self.at_rest(|view| self.engine.forget_data(view));
        self.engine.loading.end(0, 0);
    }

    /// What was loaded is the data from here on, if the order still holds.
    fn complete(
        &self,
        order: &Order,
        position: (ReplicationId, u64),
        summary: loading::Summary,
    ) -> Result<usize, Lost> {
        let databases = self.engine.keyspace.databases();
        let saved = self.engine.replication.take_loaded().map(|saved| saved.database);
        let database = saved.filter(|&database| database < databases).unwrap_or(0);
        let current = self.at_rest(|view| {
            let current = self.engine.replication.is_current(order);
            if current {
                self.engine.begin_stream(order, position, database);
            } else {
                self.engine.forget_data(view);
            }
            current
        });
        self.engine.loading.end(summary.loaded, summary.expired);
        self.resume_append_only();
        if !current {
            return Err(Lost::Superseded);
        }
        log::notice("MASTER <-> REPLICA sync: Finished with success");
        Ok(database)
    }

    fn directly(
        &self,
        order: &Order,
        mut payload: Payload<'_>,
        position: (ReplicationId, u64),
        bytes: Option<u64>,
    ) -> Result<Begun, Lost> {
        self.begin_loading(order, bytes)?;
        let loaded = loading::load_sync(self.engine, self.clock, &mut payload, None, &mut || true);
        let loaded = loaded.ok().filter(|_| is_ended(&mut payload));
        let Some(summary) = loaded else {
            log::warning(
                "Failed trying to load the MASTER synchronization DB from socket, check server logs.",
            );
            log::notice("MASTER <-> REPLICA sync: Discarding the half-loaded data");
            self.discard_half();
            return Err(payload.finish().err().unwrap_or(Lost::Attempt));
        };
        let database = self.complete(order, position, summary)?;
        Ok((payload.finish()?, database))
    }

    fn aside(
        &self,
        order: &Order,
        mut payload: Payload<'_>,
        position: (ReplicationId, u64),
    ) -> Result<Begun, Lost> {
        let engine = self.engine;
        // What there is may be of another history altogether: clients are not to take it for the primary's.
        let is_same = engine.identity().id() == position.0;
        if is_same {
            engine.loading.begin_aside();
        } else {
            engine.loading.begin(0, self.unix_ms() / 1000);
        }
        log::notice("MASTER <-> REPLICA sync: Loading DB in memory");
        let kept = Aside::new(engine);
        let loaded =
            loading::load_sync(engine, self.clock, &mut payload, Some(&kept), &mut || true);
        engine.loading.end_aside();
        let loaded = loaded.ok().filter(|_| is_ended(&mut payload));
        let Some(summary) = loaded else {
            log::warning(
                "Failed trying to load the MASTER synchronization DB from socket, check server logs.",
            );
            log::notice("MASTER <-> REPLICA sync: Discarding temporary DB in background");
            if !is_same {
                engine.loading.end(0, 0);
            }
            return Err(payload.finish().err().unwrap_or(Lost::Attempt));
        };
        log::notice("MASTER <-> REPLICA sync: Swapping active DB with loaded DB");
        self.suspend_append_only();
        let published = self.at_rest(|view| {
            if !engine.replication.is_current(order) {
                return Err(Lost::Superseded);
            }
            engine.give_up_history();
            engine.forget_data(view);
            let published = kept.publish(engine, view);
            if published.is_err() {
                engine.forget_data(view);
            }
            published.map_err(|loading::Failed| Lost::Attempt)
        });
        let completed = match published {
            Ok(()) => self.complete(order, position, summary),
            Err(lost) => {
                engine.loading.end(0, 0);
                self.resume_append_only();
                Err(lost)
            }
        };
        let database = completed?;
        Ok((payload.finish()?, database))
    }
}

/// Whether nothing of a payload is left once it was loaded.
fn is_ended(payload: &mut Payload<'_>) -> bool {
    let mut byte = [0];
    match payload.read(&mut byte) {
        Ok(0) => payload.is_done(),
        Ok(_) => {
            log::warning("Replication stream EOF marker is broken");
            false
        }
        Err(_) => false,
    }
}

/// Stores a payload in a file; if that fails, why, if it is for a reason of the link's.
fn store(payload: &mut Payload<'_>, path: &Path) -> Result<(), Option<Lost>> {
    let failed = |what: &str, error: &io::Error| {
        log::warning(format_args!("{what} MASTER <-> REPLICA synchronization: {}", reason(error)));
        None
    };
    let file =
        File::create(path).map_err(|error| failed("Opening the temp file needed for", &error))?;
    let mut file = BlockFile::new(file, Some(SYNC_BYTES));
    let mut buffer = vec![0; COPY_BYTES];
    let not_written = |error: &io::Error| {
        failed("Write error or short write writing to the DB dump file needed for", error)
    };
    loop {
        let count = match payload.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(_) => return Err(Some(payload.lost())),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        file.write_all(bytes).map_err(|error| not_written(&error))?;
    }
    file.finish().map_err(|error| not_written(&error))?;
    file.sync().map_err(|error| failed("Failed trying to sync the temp DB to disk in", &error))
}
