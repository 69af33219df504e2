//! The connections, and how a statement runs on one.
//!
//! A statement is a transaction of its own unless something must be locked before it. Then `BEGIN` and
//! the lock are one message, which the server runs before the statement takes its snapshot: so the
//! statement sees whatever those did who held the lock before. That a statement takes a snapshot of its
//! own is so only under `READ COMMITTED`, and a server may be set to begin with something else.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use phone_auth_core::store::StoreErrorKind;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, Execute, Postgres};
use tokio::time::timeout;

use crate::cause::Cause;
use crate::failure::Failure;
use crate::options::PostgresOptions;

/// A statement with its arguments.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// A connection that was idle for longer is asked whether it still is one. One that was used just now
/// is taken as it is: asking takes as long as most statements do.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Every statement looks a few rows up by an index, whatever it looks for, so that one plan serves all. By
/// itself the server would plan those anew each time that are cheaper where an argument is NULL, and planning
/// takes several times as long as running them.
const PLANNED_ONCE: (&str, &str) = ("plan_cache_mode", "force_generic_plan");

/// A plan is made once, and may be made while a table is small, where to read all of it is cheapest. It is still the plan when
/// strangers have filled the table a minute later.
const BY_INDEX: (&str, &str) = ("enable_seqscan", "off");

/// How long a statement of an operator's may take.
const OPERATORS_PATIENCE: Duration = Duration::from_mins(30);

/// What a server says to the one whom it chooses among those who wait for each other. All that this one did is undone, and the
/// others go on. Ours lock in one order, but those of another program on the same tables need not: Django locks an address first and its
/// user after.
const DEADLOCK: &str = "40P01";

/// How often a statement is begun that ends in a deadlock.
const TRIES: u32 = 3;

/// What begins a transaction, on a server with any default.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The same for statements that are transactions of their own: under anything stricter one would fail for
/// meeting another, where it should look again.
const READ_COMMITTED: (&str, &str) = ("default_transaction_isolation", "read committed");

/// What a backslash in a text is: itself, as in all of the SQL here. A server, database or user may still be set to what it was
/// until PostgreSQL 9.1.
const PLAIN_BACKSLASHES: (&str, &str) = ("standard_conforming_strings", "on");

/// Some connections, made when they are needed.
pub(crate) struct Connections {
    pool: PgPool,
    options: PostgresOptions,
    losses: Losses,
    servers: Arc<Servers>,
}

/// The servers that may have the database, where several are named: the one that can be written is looked for.
struct Servers {
    all: Vec<PgConnectOptions>,
    patience: Duration,
    /// Whether someone is looking.
    is_looking: AtomicBool,
}

impl Servers {
    /// The first that can be written. As PostgreSQL's own programs do it, the next one is tried only where there is
    /// none to talk to: a server that refuses a password refuses it everywhere.
    async fn find(&self) -> Result<&PgConnectOptions, sqlx::Error> {
        let mut last = sqlx::Error::PoolTimedOut;
        for server in &self.all {
            let met = timeout(self.patience, self.meet(server)).await;
            match met.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
                Ok(()) => return Ok(server),
                Err(error) if Failure::kind_of(&error) != StoreErrorKind::Unavailable => {
                    return Err(error);
                }
                // Of what all say the first is told, which is about the usual one.
                Err(error) if matches!(last, sqlx::Error::PoolTimedOut) => last = error,
                Err(_) => {}
            }
        }
        Err(last)
    }

    /// Connects to a server and, if there are others, asks whether it can be written.
    async fn meet(&self, server: &PgConnectOptions) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect_with(server).await?;
        let can_be_written = self.all.len() == 1 || !is_standby(&mut connection).await?;
        connection.close().await?;
        if can_be_written {
            Ok(())
        } else {
            Err(sqlx::Error::PoolTimedOut)
        }
    }
}

/// Whether a server only follows another one.
async fn is_standby(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_is_in_recovery()")
        .persistent(false)
        .fetch_one(connection)
        .await
}

/// When a connection was last found to be lost. Where one is lost the others mostly are, as when the
/// server was restarted: those that have been idle since are asked before they are used, so that one
/// loss is one answer and not one for each connection.
#[derive(Clone, Default)]
struct Losses(Arc<Mutex<Option<Instant>>>);

impl Losses {
    fn happened(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection that has been idle for so long is to be asked.
    fn cast_doubt_on(&self, idle_for: Duration) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle_for > TRUSTED_FOR || last.is_some_and(|last| last.elapsed() <= idle_for)
    }
}

impl Connections {
    /// A pool, after one connection has shown that there can be some.
    pub(crate) async fn open(
        servers: Vec<PgConnectOptions>,
        options: PostgresOptions,
    ) -> Result<Self, sqlx::Error> {
        let with_options = |server: PgConnectOptions| {
            if options.behind_pooler {
                return server;
            }
            server.options(options.time_outs()).options([
                PLANNED_ONCE,
                BY_INDEX,
                READ_COMMITTED,
                PLAIN_BACKSLASHES,
            ])
        };
        let servers = Arc::new(Servers {
            all: servers.into_iter().map(with_options).collect(),
            patience: options.acquire_timeout,
            is_looking: AtomicBool::new(false),
        });
        let server = servers.find().await?.clone();
        let losses = Losses::default();
        let (doubts, has_others) = (losses.clone(), servers.all.len() > 1);
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(move |connection, pooled| {
                let is_doubtful = doubts.cast_doubt_on(pooled.idle_for);
                Box::pin(async move {
                    if is_doubtful && has_others {
                        return Ok(!is_standby(connection).await?);
                    }
                    if is_doubtful {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(server);
        Ok(Self {
            pool,
            options,
            losses,
            servers,
        })
    }

    /// Looks for the server that can be written now, where there are several; one look at a time, and nobody waits for
    /// it.
    fn look_elsewhere(&self) {
        let servers = Arc::clone(&self.servers);
        if servers.all.len() == 1 || servers.is_looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let pool = self.pool.clone();
        tokio::spawn(async move {
            match servers.find().await {
                Ok(server) => pool.set_connect_options(server.clone()),
                Err(error) => {
                    let error = Cause::from(error);
                    tracing::warn!(%error, "none of the database servers can be written");
                }
            }
            servers.is_looking.store(false, Ordering::Release);
        });
    }

    /// Runs a statement; the rows that it answers.
    pub(crate) async fn run(&self, query: Query<'_>) -> Result<Vec<PgRow>, Failure> {
        let opening = self.options.behind_pooler.then(|| self.opening());
        self.run_in(opening, query).await
    }

    /// Runs a statement that reads every row, for an operator; the rows that it answers. It has a time-out of its own:
    /// that of requests would end it wherever there are some millions of users.
    pub(crate) async fn run_for_operator(&self, query: Query<'_>) -> Result<Vec<PgRow>, Failure> {
        let (mut lease, opening) = self.lease().await?;
        let time_out = OPERATORS_PATIENCE.as_millis();
        let opening = format!(
            "{opening}; SET LOCAL statement_timeout = {time_out}; SET LOCAL enable_seqscan = on"
        );
        let run = run_on(&mut lease, Some(opening), query.persistent(false));
        let patience = OPERATORS_PATIENCE + self.options.patience();
        timeout(patience, run)
            .await
            .unwrap_or_else(|_| Err(StoreErrorKind::Unavailable.into()))
    }

    /// Takes a lock, by a statement that has no arguments, and runs a statement while it is held; the
    /// rows that it answers.
    pub(crate) async fn run_locked(
        &self,
        lock: &str,
        query: Query<'_>,
    ) -> Result<Vec<PgRow>, Failure> {
        let opening = format!("{}; {lock}", self.opening());
        self.run_in(Some(opening), query).await
    }

    /// A connection to do something unusual with, and how a transaction begins on it.
    pub(crate) async fn lease(&self) -> Result<(Lease, String), Failure> {
        let connection = self.pool.acquire().await?;
        let lease = Lease {
            connection,
            is_clean: false,
        };
        Ok((lease, self.opening()))
    }

    /// Closes all connections, once what runs on them is done.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// What begins a transaction.
    fn opening(&self) -> String {
        let mut opening = BEGIN.to_owned();
        if self.options.behind_pooler {
            for (name, value) in self.options.time_outs() {
                // Writing to a text cannot fail.
                let _ = write!(opening, "; SET LOCAL {name} = {value}");
            }
            let (name, value) = PLAIN_BACKSLASHES;
            let _ = write!(opening, "; SET LOCAL {name} = {value}");
        }
        opening
    }

    /// Runs a statement, in a transaction if it has an opening. What a deadlock has ended is begun again.
    async fn run_in(
        &self,
        opening: Option<String>,
        mut query: Query<'_>,
    ) -> Result<Vec<PgRow>, Failure> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let (arguments, statement) = (arguments.unwrap_or_default(), query.sql());
        for _ in 1..TRIES {
            let query = sqlx::query_with(statement.clone(), arguments.clone());
            match self.try_in(opening.clone(), query).await {
                Err(failure) if failure.code() == Some(DEADLOCK) => {}
                outcome => return outcome,
            }
        }
        self.try_in(opening, sqlx::query_with(statement, arguments))
            .await
    }

    async fn try_in(
        &self,
        opening: Option<String>,
        query: Query<'_>,
    ) -> Result<Vec<PgRow>, Failure> {
        let outcome = match self.lease().await {
            Ok((mut lease, _)) => {
                let has_names = !self.options.behind_pooler;
                let run = run_on(&mut lease, opening, query.persistent(has_names));
                // The server keeps to its own time-outs. This one is for a server that is no longer there.
                let outcome = timeout(self.options.patience(), run)
                    .await
                    .unwrap_or_else(|_| Err(StoreErrorKind::Unavailable.into()));
                if is_unavailable(&outcome) {
                    self.losses.happened();
                }
                outcome
            }
            Err(failure) => Err(failure),
        };
        if is_unavailable(&outcome) {
            self.look_elsewhere();
        }
        outcome
    }
}

/// Whether a call failed for a reason that may pass.
fn is_unavailable<T>(outcome: &Result<T, Failure>) -> bool {
    // Who had to give way in a deadlock has lost no connection.
    matches!(outcome, Err(failure) if failure.kind() == StoreErrorKind::Unavailable
        && failure.code() != Some(DEADLOCK))
}

/// Runs a statement on a connection, in a transaction if it has an opening.
async fn run_on(
    lease: &mut Lease,
    opening: Option<String>,
    query: Query<'_>,
) -> Result<Vec<PgRow>, Failure> {
    let connection = &mut *lease.connection;
    let outcome = match opening {
        None => query.fetch_all(connection).await,
        Some(opening) => {
            let mut transaction = connection.begin_with(AssertSqlSafe(opening)).await?;
            match query.fetch_all(&mut *transaction).await {
                Ok(rows) => transaction.commit().await.map(|()| rows),
                Err(error) => {
                    transaction.rollback().await?;
                    Err(error)
                }
            }
        }
    };
    let outcome = outcome.map_err(Failure::from);
    // A refusal for a reason that is ours to know leaves the connection as it was. After any other it
    // is not worth a guess.
    lease.is_clean = match &outcome {
        Ok(_) => true,
        Err(failure) => matches!(
            failure.kind(),
            StoreErrorKind::Taken(_) | StoreErrorKind::SessionExists
        ),
    };
    outcome
}

/// A connection in use. Unless it is known to be clean at the end it is closed, which ends whatever it
/// was doing: the driver would give back one whose `BEGIN` failed or was dropped half way, with the
/// transaction, and the locks, that it may have begun.
pub(crate) struct Lease {
    connection: PoolConnection<Postgres>,
    is_clean: bool,
}

impl Lease {
    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Gives the connection back: it is in no transaction.
    pub(crate) fn give_back(mut self) {
        self.is_clean = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_clean {
            self.connection.close_on_drop();
        }
    }
}
