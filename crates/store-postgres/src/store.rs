//! The store: a database and the connections to it.

use std::fmt;
use std::path::PathBuf;

use phone_auth_core::password::{Requester, Turn, Turns};
use phone_auth_core::store::{StoreError, StoreErrorKind};
use sqlx::postgres::PgRow;
use sqlx::query;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::gates::{Gates, Pass};
use crate::migrate_error::{MigrateError, MigrateErrorKind};
use crate::migrations;
use crate::open_error::{OpenError, OpenErrorKind, WrongEncoding};
use crate::options::PostgresOptions;
use crate::pool::{Connections, Query};
use crate::rights::{self, MissingRight};
use crate::rows;
use crate::server_url::ServerUrl;

const ENCODING: &str = "SELECT current_setting('server_encoding')";

/// How many look-ups of names wait in a line before more are answered as unavailable.
const MOST_WAITING: usize = 512;

/// How many names strangers look up at once: part of what their writes, which have half of the connections, leave. One
/// more may be looked up for those who are known, and the rest is for sessions, links and what users do.
fn lookups_at_once(connections: u32) -> usize {
    let left = connections - connections / 2;
    usize::try_from(left.saturating_sub(2)).unwrap_or(1).max(1)
}

/// Users, addresses and sessions in a database of PostgreSQL.
///
/// Several stores, in several processes and on several machines, can work on one database, beside
/// Django if need be. It belongs to the Tokio runtime in which it was opened, which must have its
/// drivers for time and input switched on.
pub struct PostgresStore {
    place: String,
    options: PostgresOptions,
    pub(crate) connections: Connections,
    gates: Gates,
    lookups: Turns,
}

impl PostgresStore {
    /// Connects to a database, which is named by a URL: `postgres://user:password@host:5432/database`.
    /// The user must be named. It is read as PostgreSQL's own programs read it: `[::1]` is an address of IPv6, the
    /// folder of a Unix socket is `%2Frun%2Fpostgresql` or a parameter `host`, and of several servers
    /// (`one:5432,two:5432`) the first that can be written is used, and looked for again when it fails. Of the
    /// parameters that may follow, `sslmode` and `sslrootcert` say how
    /// the connection is protected, `host` may be the folder of a Unix socket, `application_name` is
    /// what the server's lists show. A password that is not in the URL comes from `PGPASSWORD` or the
    /// file `~/.pgpass`, as for PostgreSQL's own programs.
    ///
    /// # Security
    /// Only `sslmode=verify-full` keeps out who stands between: the server must show a certificate for
    /// the name in the URL, by an authority in the file `sslrootcert` or one that browsers trust.
    /// `require` encrypts and checks nothing. What looks like a check and is none is refused as a
    /// [`Parameter`](OpenErrorKind::Parameter): `verify-ca`, `sslrootcert` without `verify-full`, and a
    /// parameter that nobody knows, such as `sslmod`.
    ///
    /// The tables are left as they are: until [`migrate`](Self::migrate) has made them, every call
    /// fails as broken.
    ///
    /// # Errors
    /// [`Url`](OpenErrorKind::Url) when the text is no such URL,
    /// [`Parameter`](OpenErrorKind::Parameter) when a parameter in it is unknown or would not do what it
    /// says, [`CertificateFile`](OpenErrorKind::CertificateFile) when a file that it names cannot be
    /// used, [`Unavailable`](OpenErrorKind::Unavailable) when no server answers within the time-out or has no
    /// connection left, [`Pooler`](OpenErrorKind::Pooler) when a proxy such as PgBouncer answers and the options do not
    /// say so, [`Refused`](OpenErrorKind::Refused) when it does not know the user or the password,
    /// [`Missing`](OpenErrorKind::Missing) when it has no such database, [`Tls`](OpenErrorKind::Tls) when it offers no TLS though `sslmode` demands it,
    /// [`Authority`](OpenErrorKind::Authority), [`ServerName`](OpenErrorKind::ServerName) or
    /// [`Certificate`](OpenErrorKind::Certificate) when its certificate is not the one to be expected,
    /// [`Encoding`](OpenErrorKind::Encoding) when the database is not in UTF8,
    /// [`Denied`](OpenErrorKind::Denied) when the user may not look at what is in it,
    /// [`TooNew`](OpenErrorKind::TooNew) when a later version made the tables, and
    /// [`Broken`](OpenErrorKind::Broken) when the server refuses something else.
    ///
    /// # Cancel safety
    /// A dropped call changed nothing.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let url = ServerUrl::parse(url)?;
        let place = url.place();
        let connections = Connections::open(url.into_options()?, options.clone())
            .await
            .map_err(OpenError::from_sqlx)?;
        let store = Self {
            place,
            lookups: Turns::new(lookups_at_once(options.connections), MOST_WAITING),
            options,
            connections,
            gates: Gates::default(),
        };
        store.check_encoding().await?;
        // What else is wrong with the tables is for `migrate` and `pending_migrations` to say.
        migrations::count_applied(&store.connections)
            .await
            .map_err(|error| {
                let kind = match error.kind() {
                    MigrateErrorKind::TooNew => OpenErrorKind::TooNew,
                    MigrateErrorKind::Unavailable => OpenErrorKind::Unavailable,
                    MigrateErrorKind::Denied => OpenErrorKind::Denied,
                    _ => OpenErrorKind::Broken,
                };
                OpenError::with_source(kind, error)
            })?;
        Ok(store)
    }

    /// Refuses a database in which some names cannot be stored, or not even looked for.
    async fn check_encoding(&self) -> Result<(), OpenError> {
        let failed = |failure: Failure| {
            let kind = match failure.kind() {
                StoreErrorKind::Unavailable => OpenErrorKind::Unavailable,
                _ => OpenErrorKind::Broken,
            };
            OpenError::with_source(kind, StoreError::from(failure))
        };
        let row = self.first(query(ENCODING)).await.map_err(failed)?;
        let encoding = row.as_ref().map(|row| rows::text(row, 0)).transpose();
        let encoding = encoding.map_err(failed)?.unwrap_or_default();
        if encoding == "UTF8" {
            return Ok(());
        }
        let source = WrongEncoding(encoding);
        Err(OpenError::with_source(OpenErrorKind::Encoding, source))
    }

    /// Connects to a database and brings its tables up to date.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect), and [`Migration`](OpenErrorKind::Migration) when the tables
    /// cannot be made.
    ///
    /// # Cancel safety
    /// As for [`migrate`](Self::migrate).
    pub async fn connect_and_migrate(
        url: &str,
        options: PostgresOptions,
    ) -> Result<Self, OpenError> {
        let store = Self::connect(url, options).await?;
        match store.migrate().await {
            Ok(_) => Ok(store),
            Err(error) => Err(OpenError::with_source(OpenErrorKind::Migration, error)),
        }
    }

    /// Brings the tables up to date; the names of the steps that were applied now, none when all had been. Several processes
    /// that start at once take turns, and each step is applied once. What was made before a failure stays, and the next call
    /// goes on from there. On a database that Django made, tables and indexes of ours are added, and no row is
    /// touched. Indexes that were lost, are not valid or are on something else are made again, and steps whose tables are
    /// there although `phone_auth_schema` was lost are written down again.
    ///
    /// Servers go on meanwhile. Every table, column and index is made in a transaction of its own, which waits for a table
    /// for a fifth of a second at most and then lets others pass before it tries again, for twelve times the statement
    /// time-out in all. While an index is made on a table that has rows already, nobody can write to that table.
    ///
    /// # Errors
    /// [`Unavailable`](MigrateErrorKind::Unavailable) when the server is gone, full or read-only,
    /// [`InUse`](MigrateErrorKind::InUse) when another user's transaction has used a table for too long,
    /// [`TooNew`](MigrateErrorKind::TooNew) when a later version made the tables,
    /// [`Incompatible`](MigrateErrorKind::Incompatible) when a table lacks a column that it should have,
    /// [`TablesGone`](MigrateErrorKind::TablesGone) when tables that a step has made are not there any more,
    /// [`Duplicates`](MigrateErrorKind::Duplicates) when rows are alike that a lost index should keep apart,
    /// [`Denied`](MigrateErrorKind::Denied) when the user may not make or look at tables,
    /// [`NoSchema`](MigrateErrorKind::NoSchema) when there is no schema to make them in, and
    /// [`Broken`](MigrateErrorKind::Broken) when PostgreSQL refuses a statement.
    ///
    /// # Cancel safety
    /// A dropped call has made some tables, columns and indexes, each whole; the next call goes on from there.
    pub async fn migrate(&self) -> Result<Vec<&'static str>, MigrateError> {
        if self.pending_migrations().await?.is_empty() {
            return Ok(Vec::new());
        }
        let (mut lease, opening) = self.connections.lease().await?;
        let applied =
            migrations::run(lease.connection(), opening, self.options.statement_timeout).await?;
        lease.give_back();
        for name in &applied {
            tracing::info!(database = self.place, "applied the migration `{name}`");
        }
        Ok(applied)
    }

    /// The names of the steps that [`migrate`](Self::migrate) would apply, and [`LOST_INDEXES`](crate::LOST_INDEXES) where it
    /// would make indexes again.
    ///
    /// # Errors
    /// As for [`migrate`](Self::migrate), but never [`InUse`](MigrateErrorKind::InUse) or
    /// [`Duplicates`](MigrateErrorKind::Duplicates).
    ///
    /// # Cancel safety
    /// A dropped call changed nothing.
    pub async fn pending_migrations(&self) -> Result<Vec<&'static str>, MigrateError> {
        migrations::pending(&self.connections).await
    }

    /// The names of the indexes that were lost, are not valid or are on something else than they should be: of those that
    /// the steps which were applied have made.
    ///
    /// # Errors
    /// As for [`pending_migrations`](Self::pending_migrations).
    ///
    /// # Cancel safety
    /// A dropped call changed nothing.
    pub async fn lost_indexes(&self) -> Result<Vec<&'static str>, MigrateError> {
        migrations::lost(&self.connections).await
    }

    /// Whether none of the tables is there, ours or django-phone-auth's: then [`migrate`](Self::migrate) begins anew, as it is
    /// meant to, or the URL names another database than it should.
    ///
    /// # Errors
    /// As for [`pending_migrations`](Self::pending_migrations).
    ///
    /// # Cancel safety
    /// A dropped call changed nothing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_store_postgres::{MigrateError, PostgresStore};
    ///
    /// async fn begin(store: &PostgresStore) -> Result<(), MigrateError> {
    ///     if store.has_no_tables().await? {
    ///         println!("making the tables in {}", store.place());
    ///     }
    ///     store.migrate().await.map(drop)
    /// }
    /// ```
    pub async fn has_no_tables(&self) -> Result<bool, MigrateError> {
        migrations::has_no_tables(&self.connections).await
    }

    /// What this user of the database lacks to serve a site: rights to its tables and, while tables are to be made, to their
    /// schema; or that nothing can be written. Each says in a sentence what to do about it.
    ///
    /// # Errors
    /// As for [`pending_migrations`](Self::pending_migrations).
    ///
    /// # Cancel safety
    /// A dropped call changed nothing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_store_postgres::{MigrateError, PostgresStore};
    ///
    /// async fn look(store: &PostgresStore) -> Result<(), MigrateError> {
    ///     for missing in store.missing_rights().await? {
    ///         eprintln!("{missing}");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn missing_rights(&self) -> Result<Vec<MissingRight>, MigrateError> {
        rights::missing(&self.connections).await
    }

    /// Where the database is, for users: its URL without the password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The URL of a database without the password in it, for users; `None` for what is no URL of a
    /// database.
    pub fn place_of(url: &str) -> Option<String> {
        ServerUrl::parse(url).ok().map(|url| url.place())
    }

    /// The file with the key of the client's certificate that a URL, or else the environment, names. Who can write it is asked
    /// when the store connects; who can write its folders is for the program to ask, which knows whom it trusts with them.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_store_postgres::PostgresStore;
    ///
    /// let url = "postgres://ann@db.example.org/site?sslkey=/etc/site/client.key";
    /// let key = PostgresStore::client_key_of(url);
    /// assert_eq!(key, Some("/etc/site/client.key".into()));
    /// ```
    pub fn client_key_of(url: &str) -> Option<PathBuf> {
        ServerUrl::parse(url).ok()?.client_key()
    }

    /// Closes all connections, once what runs on them is done. Calls that come later are answered as
    /// unavailable.
    ///
    /// # Cancel safety
    /// When the call is dropped, the connections close without anyone waiting for it.
    pub async fn close(&self) {
        self.connections.close().await;
    }

    /// Runs a statement; the rows that it answers.
    pub(crate) async fn run(&self, query: Query<'_>) -> Result<Vec<PgRow>, Failure> {
        self.connections.run(query).await
    }

    /// Runs a statement that reads every row, for an operator; the rows that it answers.
    pub(crate) async fn run_for_operator(&self, query: Query<'_>) -> Result<Vec<PgRow>, Failure> {
        self.connections.run_for_operator(query).await
    }

    /// Runs a statement that answers one row at most.
    pub(crate) async fn first(&self, query: Query<'_>) -> Result<Option<PgRow>, Failure> {
        Ok(self.run(query).await?.pop())
    }

    /// Takes a lock, by a statement that has no arguments, and runs a statement that answers one row at
    /// most while it is held. Few at once wait for the same lock.
    pub(crate) async fn first_locked(
        &self,
        lock: &str,
        query: Query<'_>,
    ) -> Result<Option<PgRow>, Failure> {
        self.first_locked_at(lock, lock, query).await
    }

    /// The same where the lock holds more than a row, which keeps few at once waiting.
    pub(crate) async fn first_locked_at(
        &self,
        row: &str,
        lock: &str,
        query: Query<'_>,
    ) -> Result<Option<PgRow>, Failure> {
        let _pass = self.at(row).await?;
        Ok(self.connections.run_locked(lock, query).await?.pop())
    }

    /// The same for a stranger.
    pub(crate) async fn first_locked_for_stranger(
        &self,
        lock: &str,
        query: Query<'_>,
    ) -> Result<Option<PgRow>, Failure> {
        let _passes = self.at_as_stranger(lock).await?;
        Ok(self.connections.run_locked(lock, query).await?.pop())
    }

    /// Waits for a turn to look a name up. Without one hundreds who ask for names would stand before every session and every
    /// link, since a connection goes to who has waited longest.
    pub(crate) async fn turn_to_look_up(&self, requester: &Requester) -> Result<Turn, Failure> {
        let turn = timeout(self.options.acquire_timeout, self.lookups.take(requester)).await;
        let turn = turn.ok().flatten();
        turn.ok_or_else(|| StoreErrorKind::Unavailable.into())
    }

    /// Waits until few others are about to wait for what this statement locks, or for any row that is named by a text;
    /// for statements that take no lock first.
    pub(crate) async fn at(&self, row: &str) -> Result<Pass, Failure> {
        let (connections, patience) = (self.options.connections, self.options.acquire_timeout);
        self.gates.enter(row, connections, patience).await
    }

    /// Waits until strangers have few connections.
    pub(crate) async fn as_stranger(&self) -> Result<Pass, Failure> {
        let (connections, patience) = (self.options.connections, self.options.acquire_timeout);
        self.gates.enter_as_stranger(connections, patience).await
    }

    /// The same for what a stranger can have done under any number of names. Who waits for a row waits there first, and
    /// keeps no other stranger out.
    pub(crate) async fn at_as_stranger(&self, row: &str) -> Result<[Pass; 2], Failure> {
        let at_row = self.at(row).await?;
        Ok([self.as_stranger().await?, at_row])
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("place", &self.place)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
