//! What can be chosen about a store on PostgreSQL.

use std::num::NonZeroU32;
use std::time::Duration;

/// The longest time-out: twice as long and a second more still fits the server's 32 bits.
const LONGEST: Duration = Duration::from_hours(12 * 24);

/// How a [`PostgresStore`](crate::PostgresStore) works. The defaults suit one of a few servers that
/// share a database.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use phone_auth_store_postgres::PostgresOptions;
///
/// let options = PostgresOptions::default().with_statement_timeout(Duration::from_secs(2));
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    pub(crate) connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) behind_pooler: bool,
}

impl PostgresOptions {
    /// The most connections at once; they are made as they are needed. 10 unless said otherwise. All
    /// processes together must stay below the server's `max_connections`.
    #[must_use]
    pub fn with_connections(mut self, connections: NonZeroU32) -> Self {
        self.connections = connections.get();
        self
    }

    /// How long a call waits for a connection, a new one too, before it is answered as unavailable.
    /// 5 seconds unless said otherwise; at most 12 days.
    #[must_use]
    pub fn with_acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout.min(LONGEST);
        self
    }

    /// How long the server works on a statement, a wait for a lock included, before it gives up and
    /// the call is answered as unavailable. 5 seconds unless said otherwise; at least a millisecond, and at
    /// most 12 days, for the server counts milliseconds in 32 bits. Of this time a wait for a lock that someone
    /// else holds may take two fifths, and at most two calls about one user wait at once: one locked row keeps
    /// nobody else waiting.
    #[must_use]
    pub fn with_statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout.clamp(Duration::from_millis(1), LONGEST);
        self
    }

    /// Whether the URL leads to a proxy such as PgBouncer that gives each transaction another
    /// connection. Then nothing is left behind in a session: every call is a transaction that sets its
    /// own time-outs, and no statement has a name. It costs each call three more round trips.
    #[must_use]
    pub fn with_transaction_pooler(mut self, behind_pooler: bool) -> Self {
        self.behind_pooler = behind_pooler;
        self
    }

    /// How long a call waits for the server to answer at all. The server gives up before, unless it, or
    /// the way to it, is dead.
    pub(crate) fn patience(&self) -> Duration {
        // A lock and a statement, and the way to and fro.
        self.statement_timeout * 2 + Duration::from_secs(1)
    }

    /// The time-outs of a session or transaction, in the units of the server.
    pub(crate) fn time_outs(&self) -> [(&'static str, u128); 3] {
        [
            ("statement_timeout", self.statement_timeout.as_millis()),
            // 0 would be for ever.
            (
                "lock_timeout",
                (self.statement_timeout * 2 / 5).as_millis().max(1),
            ),
            // A process that stands still between two statements must not keep rows locked.
            (
                "idle_in_transaction_session_timeout",
                self.patience().as_millis(),
            ),
        ]
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            behind_pooler: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::PostgresOptions;

    #[test]
    fn longest_time_outs_fit_the_server() {
        let options = PostgresOptions::default()
            .with_acquire_timeout(Duration::MAX)
            .with_statement_timeout(Duration::MAX);
        for (name, value) in options.time_outs() {
            assert!(i32::try_from(value).is_ok(), "{name}: {value}");
        }
        assert!(options.acquire_timeout < Duration::MAX);
    }
}
