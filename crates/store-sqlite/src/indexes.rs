//! The indexes that the statements rely on, and which of them are lost.
//!
//! What keeps rows apart by itself, `UNIQUE` and `PRIMARY KEY`, belongs to the tables and cannot be lost without them.

use rusqlite::Connection;

use crate::migrate_error::MigrateError;
use crate::outbox::statements::queue;
use crate::spellings::{digits, is_foreign_phone, is_number, is_padded, trimmed};

/// An index that the statements rely on.
pub(crate) struct Index {
    pub(crate) name: &'static str,
    table: &'static str,
    /// What it is on.
    on: &'static str,
    /// Which rows it holds, if not all.
    rows: Option<&'static str>,
    /// The number of the step that makes it.
    pub(crate) since: usize,
}

impl Index {
    const fn new(since: usize, name: &'static str, table: &'static str, on: &'static str) -> Self {
        Self {
            name,
            table,
            on,
            rows: None,
            since,
        }
    }

    const fn of(self, rows: &'static str) -> Self {
        Self {
            rows: Some(rows),
            ..self
        }
    }

    /// Makes it, unless there is one of its name.
    pub(crate) fn make(&self, connection: &Connection) -> Result<(), MigrateError> {
        let Self { name, .. } = self;
        let statement = format!("CREATE INDEX IF NOT EXISTS {name} {}", self.definition());
        Ok(connection.execute_batch(&statement)?)
    }

    /// Makes it in place of one of its name.
    pub(crate) fn make_again(&self, connection: &Connection) -> Result<(), MigrateError> {
        connection.execute_batch(&format!("DROP INDEX IF EXISTS {}", self.name))?;
        self.make(connection)
    }

    /// What it is on, and which rows it holds.
    fn definition(&self) -> String {
        let Self { table, on, .. } = self;
        let rows = self.rows.map(|rows| format!(" WHERE {rows}"));
        format!("ON {table} ({on}){}", rows.unwrap_or_default())
    }
}

/// What is due whatever the clock says, among it what has a time that nobody can read.
const READY: &str = "died_at IS NULL AND (
    ready_attempt = attempts
    OR CASE WHEN typeof(due_at) = 'text' AND due_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*'
        AND substr(due_at, 20) NOT GLOB '*[^.0-9]*' AND length(due_at) BETWEEN 19 AND 26
        THEN datetime(due_at) IS NOT substr(due_at, 1, 19) ELSE 1 END
)";

/// All indexes. Each step makes those of its number after its parts.
pub(crate) const INDEXES: [Index; 33] = [
    // For lookups in any ASCII case. On tables of our own, those of names are unique.
    Index::new(
        1,
        "phone_auth_user_username_any_case",
        "auth_user",
        "lower(username)",
    ),
    Index::new(
        1,
        "phone_auth_user_email_any_case",
        "auth_user",
        "lower(email)",
    ),
    Index::new(
        1,
        "phone_auth_emailaddress_any_case",
        "phone_auth_emailaddress",
        "lower(email)",
    ),
    // Django's.
    Index::new(
        1,
        "phone_auth_emailaddress_user_id_a18b6ae9",
        "phone_auth_emailaddress",
        "user_id",
    ),
    Index::new(
        1,
        "phone_auth_phonenumber_user_id_32500e94",
        "phone_auth_phonenumber",
        "user_id",
    ),
    // Those of sessions.
    Index::new(
        2,
        "phone_auth_session_person",
        "phone_auth_session",
        "person_id",
    ),
    Index::new(
        2,
        "phone_auth_session_expires",
        "phone_auth_session",
        "expires_at",
    ),
    // Those of messages.
    Index::new(
        3,
        "phone_auth_outbox_due",
        "phone_auth_outbox",
        "due_at, id",
    )
    .of("died_at IS NULL"),
    Index::new(
        3,
        "phone_auth_outbox_address",
        "phone_auth_outbox",
        "address_id, kind, purpose",
    )
    .of("died_at IS NULL"),
    Index::new(3, "phone_auth_outbox_died", "phone_auth_outbox", "died_at")
        .of("died_at IS NOT NULL"),
    Index::new(
        3,
        "phone_auth_outbox_person",
        "phone_auth_outbox",
        "person_id",
    ),
    // Sessions of a version before they were bound.
    Index::new(
        5,
        "phone_auth_session_unbound",
        "phone_auth_session",
        "digest",
    )
    .of("password_digest IS NULL"),
    // Requests for links.
    Index::new(
        7,
        "phone_auth_link_request_email",
        "phone_auth_link_request",
        "email_id",
    ),
    Index::new(
        7,
        "phone_auth_link_request_phone",
        "phone_auth_link_request",
        "phone_id",
    ),
    // For lookups of what is stored in another spelling, and for what is asked of one account at every request.
    Index::new(
        8,
        "phone_auth_user_email_any_spelling",
        "auth_user",
        concat!("lower(", trimmed!("email"), ")"),
    )
    .of(is_padded!("email")),
    Index::new(
        8,
        "phone_auth_emailaddress_any_spelling",
        "phone_auth_emailaddress",
        concat!("lower(", trimmed!("email"), ")"),
    )
    .of(is_padded!("email")),
    Index::new(
        8,
        "phone_auth_emailaddress_any_verified",
        "phone_auth_emailaddress",
        "user_id",
    )
    .of("is_verified"),
    Index::new(
        8,
        "phone_auth_phonenumber_any_verified",
        "phone_auth_phonenumber",
        "user_id",
    )
    .of("is_verified"),
    // Dead letters by address.
    Index::new(
        9,
        "phone_auth_outbox_letters",
        "phone_auth_outbox",
        "address_id, kind, purpose",
    )
    .of("died_at IS NOT NULL"),
    // What waits, by since when.
    Index::new(
        10,
        "phone_auth_outbox_waits",
        "phone_auth_outbox",
        "waits_since",
    )
    .of("died_at IS NULL AND waits_since IS NOT NULL"),
    // Counters of limits.
    Index::new(
        12,
        "phone_auth_limit_expires",
        "phone_auth_limit",
        "expires_at",
    ),
    // Numbers with the end of a line at their ends as well, and names with white space there.
    Index::new(
        13,
        "phone_auth_user_username_any_digits",
        "auth_user",
        digits!("username"),
    )
    .of(is_number!("username")),
    Index::new(
        13,
        "phone_auth_phonenumber_any_digits",
        "phone_auth_phonenumber",
        digits!("phone"),
    )
    .of(is_foreign_phone!("phone")),
    Index::new(
        13,
        "phone_auth_user_username_any_padding",
        "auth_user",
        concat!("lower(", trimmed!("username"), ")"),
    )
    .of(is_padded!("username")),
    // Challenges that are over.
    Index::new(
        14,
        "phone_auth_challenge_expires",
        "phone_auth_challenge",
        "expires_at",
    ),
    // What is counted of text messages.
    Index::new(
        16,
        "phone_auth_limit_sms_hour",
        "phone_auth_limit_sms",
        "hour",
    ),
    // Of each queue what is ready whatever the clock says, and what is due.
    Index::new(
        33,
        "phone_auth_outbox_queue_ready",
        "phone_auth_outbox",
        concat!(queue!(), ", id"),
    )
    .of(READY),
    Index::new(
        33,
        "phone_auth_outbox_queue_due",
        "phone_auth_outbox",
        concat!(queue!(), ", due_at, id"),
    )
    .of("died_at IS NULL"),
    // Claims.
    Index::new(
        21,
        "phone_auth_claim_address",
        "phone_auth_claim",
        "kind, value",
    ),
    Index::new(
        21,
        "phone_auth_link_request_claim",
        "phone_auth_link_request",
        "claim_id",
    ),
    // Challenges of an address.
    Index::new(
        25,
        "phone_auth_challenge_email",
        "phone_auth_challenge",
        "email_id",
    )
    .of("email_id IS NOT NULL"),
    Index::new(
        25,
        "phone_auth_challenge_phone",
        "phone_auth_challenge",
        "phone_id",
    )
    .of("phone_id IS NOT NULL"),
    // Closings that are due.
    Index::new(26, "phone_auth_closing_due", "phone_auth_closing", "due_at"),
];

/// What [`pending_migrations`](crate::SqliteStore::pending_migrations) says of indexes that must be made again. Without
/// them a lookup reads a whole table, and answers the same.
pub const LOST_INDEXES: &str = "lost indexes";

/// The indexes that are missing or on something else, of those that so many steps have made. Django changes a table on
/// SQLite by making another one in its place, and takes along only the indexes that it knows.
pub(crate) fn lost_indexes(
    connection: &Connection,
    applied: usize,
) -> Result<Vec<&'static Index>, MigrateError> {
    let mut all = connection
        .prepare("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")?;
    let texts = all.query_map([], |row| row.get::<_, String>(0))?;
    let there: Vec<String> = texts
        .map(|text| Ok(without_form(&text?)))
        .collect::<Result<_, rusqlite::Error>>()?;
    let is_lost = |index: &&Index| {
        let wanted = without_form(&index.definition());
        !there.iter().any(|text| text.ends_with(&wanted))
    };
    let made = INDEXES.iter().filter(|index| index.since <= applied);
    Ok(made.filter(is_lost).collect())
}

/// A definition without white space and without quotes, which Django writes around names, and SQLite around those of
/// tables that were renamed.
fn without_form(definition: &str) -> String {
    let is_form = |c: char| c.is_whitespace() || c == '"';
    definition.chars().filter(|c| !is_form(*c)).collect()
}
