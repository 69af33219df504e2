//! The connections that read, used in place by the one who asks.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use phone_auth_core::store::{StoreError, StoreErrorKind};
use rusqlite::Connection;

use crate::connection;
use crate::failure::Failure;
use crate::options::SqliteOptions;
use crate::place::Place;

/// A few read-only connections, each behind a lock that is held for one query.
pub(crate) struct Readers {
    connections: Box<[Mutex<Connection>]>,
    place: Place,
}

impl Readers {
    /// Opens them all.
    ///
    /// `place` is the file of the connections: once it is gone from there, every read is refused.
    pub(crate) fn open(
        path: &Path,
        options: &SqliteOptions,
        place: Place,
    ) -> rusqlite::Result<Self> {
        let connections = (0..options.readers)
            .map(|_| connection::reader(path, options).map(Mutex::new))
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { connections, place })
    }

    /// Reads on this thread, with the first connection that is free. A query takes microseconds:
    /// handing it to another thread and back would take longer than itself.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        // What is read from a file that was replaced, by a restored one say, is true nowhere any more: a session that
        // was ended since would be let in.
        self.place.check()?;
        let start = preferred().checked_rem(self.connections.len()).unwrap_or(0);
        let in_turn = || {
            let (before, from) = self.connections.split_at(start);
            from.iter().chain(before)
        };
        for connection in in_turn() {
            match connection.try_lock() {
                Ok(free) => return Ok(query(&free)?),
                Err(TryLockError::Poisoned(poison)) => return Ok(query(&poison.into_inner())?),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let Some(connection) = in_turn().next() else {
            return Err(StoreError::new(StoreErrorKind::Unavailable));
        };
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(query(&connection)?)
    }
}

/// The place of the connection that this thread tries first, so that threads seldom meet.
fn preferred() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    PLACE.with(|place| *place)
}
