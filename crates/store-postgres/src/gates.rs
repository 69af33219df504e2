//! How many calls about one row are under way at once, and how many that strangers make.
//!
//! Someone else may hold a row for as long as they like: Django in a long transaction, a hand in `psql`. Whatever then
//! waits for the row holds a connection while it waits, and with as many requests about one user as there are
//! connections nobody else is served. So calls that may have to wait for the same row wait for each other first, without
//! a connection. So do writes that anyone can have made who has no account, as many as they like: some connections are
//! left to users who are signed in or log in. (Look-ups of names, of which strangers make as many, wait for no row. They
//! take turns: see `PostgresStore::turn_to_look_up`.)

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use phone_auth_core::store::StoreErrorKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::failure::Failure;

/// How many calls about one row hold a connection at once: one that waits, and one that comes after it at once.
const AT_A_ROW: u32 = 2;

/// The gate of strangers; no row is named so.
const STRANGERS: &str = "strangers";

/// The gates that someone is at.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

impl Gates {
    /// Waits until few others are at this row, which is named by any text that names no other: mostly the statement that
    /// locks it.
    ///
    /// # Errors
    /// `Unavailable` when that takes longer than this.
    pub(crate) async fn enter(
        &self,
        row: &str,
        connections: u32,
        patience: Duration,
    ) -> Result<Pass, Failure> {
        // One connection is always left to the others, if there are several.
        let at_once = AT_A_ROW.min(connections.saturating_sub(1)).max(1);
        self.enter_with(row, at_once, patience).await
    }

    /// Waits until strangers have at most half of the connections.
    ///
    /// # Errors
    /// `Unavailable` when that takes longer than this.
    pub(crate) async fn enter_as_stranger(
        &self,
        connections: u32,
        patience: Duration,
    ) -> Result<Pass, Failure> {
        let at_once = (connections / 2).max(1);
        self.enter_with(STRANGERS, at_once, patience).await
    }

    async fn enter_with(
        &self,
        row: &str,
        at_once: u32,
        patience: Duration,
    ) -> Result<Pass, Failure> {
        let gate = {
            let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Semaphore::new(usize::try_from(at_once).unwrap_or(1)));
            Arc::clone(gates.entry(row.to_owned()).or_insert_with(new))
        };
        let place = Place {
            gates: self.clone(),
            row: row.to_owned(),
            gate: Some(Arc::clone(&gate)),
        };
        match timeout(patience, gate.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Pass {
                _permit: permit,
                _place: place,
            }),
            Ok(Err(_)) | Err(_) => Err(StoreErrorKind::Unavailable.into()),
        }
    }
}

/// The right to be at a row, given back when it is dropped.
pub(crate) struct Pass {
    // Dropped in this order: the permit holds the gate too.
    _permit: OwnedSemaphorePermit,
    _place: Place,
}

/// Someone who is at a gate or waits before it.
struct Place {
    gates: Gates,
    row: String,
    gate: Option<Arc<Semaphore>>,
}

impl Drop for Place {
    /// Takes the gate away when nobody else is at it. They are counted and counted up under one lock.
    fn drop(&mut self) {
        let mut gates = self.gates.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.gate = None;
        let is_last = |gate: &Arc<Semaphore>| Arc::strong_count(gate) == 1;
        if gates.get(&self.row).is_some_and(is_last) {
            gates.remove(&self.row);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::time::Duration;

    use phone_auth_core::store::StoreErrorKind;

    use super::Gates;

    const ANN: &str = "ann";
    const BOB: &str = "bob";

    #[tokio::test(start_paused = true)]
    async fn few_are_at_a_row() {
        let gates = Gates::default();
        let enter = async |row, connections| {
            let entered = gates.enter(row, connections, Duration::from_secs(1)).await;
            entered.map_err(|failure| failure.kind())
        };
        for (connections, at_once) in [(1, 1), (2, 1), (3, 2), (10, 2)] {
            let mut inside = Vec::new();
            for _ in 0..at_once {
                inside.push(enter(ANN, connections).await.unwrap());
            }
            let refused = enter(ANN, connections).await.err();
            assert_eq!(refused, Some(StoreErrorKind::Unavailable), "{connections}");
            let _someone_else = enter(BOB, connections).await.unwrap();
            inside.pop();
            let _next = enter(ANN, connections).await.unwrap();
        }
        // Nothing is left of it.
        assert!(gates.0.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_waiters_leave_nothing() {
        let gates = Gates::default();
        let patience = Duration::from_hours(1);
        let inside = gates.enter(ANN, 1, patience).await.unwrap();
        let waits = gates.enter(ANN, 1, patience);
        assert!(
            tokio::time::timeout(Duration::from_secs(1), waits)
                .await
                .is_err()
        );
        drop(inside);
        assert!(gates.0.lock().unwrap().is_empty());
        drop(gates.enter(ANN, 1, Duration::ZERO).await.unwrap());
    }
}
