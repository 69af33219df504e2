//! The indexes that the statements rely on, and which of them are lost.

use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::migrate_error::MigrateError;
use crate::outbox::statements::queue;
use crate::pool::Query;
use crate::spellings::{digits, is_foreign_phone, is_number, is_padded, trimmed};

/// An index that the statements rely on.
pub(crate) struct Index {
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// What it is on.
    pub(crate) on: &'static str,
    /// Which rows it holds, if not all.
    rows: Option<&'static str>,
    /// Whether it is of a constraint, which is made with the table and keeps two rows from being alike.
    pub(crate) is_of_constraint: bool,
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
            is_of_constraint: false,
            since,
        }
    }

    const fn of(self, rows: &'static str) -> Self {
        Self {
            rows: Some(rows),
            ..self
        }
    }

    const fn constraint(self) -> Self {
        Self {
            is_of_constraint: true,
            ..self
        }
    }

    /// The statement that makes it.
    pub(crate) fn statement(&self) -> String {
        let Self {
            name, table, on, ..
        } = self;
        let rows = self.rows.map(|rows| format!(" WHERE {rows}"));
        let rows = rows.unwrap_or_default();
        let unique = if self.is_of_constraint { "UNIQUE " } else { "" };
        format!("CREATE {unique}INDEX IF NOT EXISTS {name} ON {table} ({on}){rows}")
    }

    /// The columns that it is on, in their order; an empty text for an expression.
    fn keys(&self) -> String {
        // An expression comes first, and ends with a bracket.
        let (_, columns) = self.on.rsplit_once(')').unwrap_or(("", self.on));
        columns.replace(", ", ",")
    }

    /// All that it is made of, for one that has an expression or holds some rows only.
    fn text(&self) -> Option<String> {
        let rows = self.rows.unwrap_or_default();
        (self.rows.is_some() || self.on.contains('(')).then(|| format!("{} {rows}", self.on))
    }
}

/// All indexes. Each step makes those of its number after its parts, but for those of constraints, which are made with
/// their tables.
pub(crate) const INDEXES: [Index; 54] = [
    // For lookups in any ASCII case. On tables of our own, those of names are unique.
    Index::new(
        1,
        "phone_auth_user_username_any_case",
        "auth_user",
        "lower(username COLLATE \"C\")",
    ),
    Index::new(
        1,
        "phone_auth_user_email_any_case",
        "auth_user",
        "lower(email COLLATE \"C\")",
    ),
    Index::new(
        1,
        "phone_auth_emailaddress_any_case",
        "phone_auth_emailaddress",
        "lower(email COLLATE \"C\")",
    ),
    Index::new(1, "phone_auth_schema_pkey", "phone_auth_schema", "version").constraint(),
    // Django's. It has others for searches by the beginning of a text, `…_like`, which no statement here uses, and which it
    // makes for some types of columns only: those are left to it.
    Index::new(1, "auth_user_pkey", "auth_user", "id").constraint(),
    Index::new(1, "auth_user_username_key", "auth_user", "username").constraint(),
    Index::new(
        1,
        "phone_auth_emailaddress_pkey",
        "phone_auth_emailaddress",
        "id",
    )
    .constraint(),
    Index::new(
        1,
        "phone_auth_emailaddress_email_key",
        "phone_auth_emailaddress",
        "email",
    )
    .constraint(),
    Index::new(
        1,
        "phone_auth_emailaddress_user_id_a18b6ae9",
        "phone_auth_emailaddress",
        "user_id",
    ),
    Index::new(
        1,
        "phone_auth_phonenumber_pkey",
        "phone_auth_phonenumber",
        "id",
    )
    .constraint(),
    Index::new(
        1,
        "phone_auth_phonenumber_phone_key",
        "phone_auth_phonenumber",
        "phone",
    )
    .constraint(),
    Index::new(
        1,
        "phone_auth_phonenumber_user_id_32500e94",
        "phone_auth_phonenumber",
        "user_id",
    ),
    // Those of sessions.
    Index::new(2, "phone_auth_session_pkey", "phone_auth_session", "digest").constraint(),
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
    Index::new(3, "phone_auth_outbox_pkey", "phone_auth_outbox", "id").constraint(),
    Index::new(
        3,
        "phone_auth_outbox_message_key_key",
        "phone_auth_outbox",
        "message_key",
    )
    .constraint(),
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
    Index::new(
        4,
        "phone_auth_email_verified_pkey",
        "phone_auth_email_verified",
        "address_id",
    )
    .constraint(),
    Index::new(
        4,
        "phone_auth_phone_verified_pkey",
        "phone_auth_phone_verified",
        "address_id",
    )
    .constraint(),
    // Sessions of a version before they were bound.
    Index::new(
        5,
        "phone_auth_session_unbound",
        "phone_auth_session",
        "digest",
    )
    .of("password_digest IS NULL"),
    Index::new(6, "phone_auth_site_key_pkey", "phone_auth_site_key", "id").constraint(),
    // Requests for links.
    Index::new(
        7,
        "phone_auth_link_request_pkey",
        "phone_auth_link_request",
        "kind, purpose, holder",
    )
    .constraint(),
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
        trimmed!("email"),
    )
    .of(is_padded!("email")),
    Index::new(
        8,
        "phone_auth_emailaddress_any_spelling",
        "phone_auth_emailaddress",
        trimmed!("email"),
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
    Index::new(12, "phone_auth_limit_pkey", "phone_auth_limit", "digest").constraint(),
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
        trimmed!("username"),
    )
    .of(is_padded!("username")),
    // Challenges.
    Index::new(
        14,
        "phone_auth_challenge_pkey",
        "phone_auth_challenge",
        "id",
    )
    .constraint(),
    Index::new(
        14,
        "phone_auth_challenge_expires",
        "phone_auth_challenge",
        "expires_at",
    ),
    // What is counted of text messages.
    Index::new(
        16,
        "phone_auth_limit_sms_pkey",
        "phone_auth_limit_sms",
        "digest, hour",
    )
    .constraint(),
    Index::new(
        16,
        "phone_auth_limit_sms_hour",
        "phone_auth_limit_sms",
        "hour",
    ),
    // Of each queue what is ready whatever the clock says, among it what has a time that nobody can read, and what is due.
    Index::new(
        35,
        "phone_auth_outbox_queue_ready",
        "phone_auth_outbox",
        concat!("(", queue!(), "), id"),
    )
    .of("died_at IS NULL AND (ready_attempt = attempts OR due_at >= '10000-01-01 00:00:00+00')"),
    Index::new(
        35,
        "phone_auth_outbox_queue_due",
        "phone_auth_outbox",
        concat!("(", queue!(), "), due_at, id"),
    )
    .of("died_at IS NULL"),
    // Claims.
    Index::new(21, "phone_auth_claim_pkey", "phone_auth_claim", "id").constraint(),
    Index::new(
        21,
        "phone_auth_claim_of_user",
        "phone_auth_claim",
        "user_id, kind, value",
    )
    .constraint(),
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
        26,
        "phone_auth_challenge_email",
        "phone_auth_challenge",
        "email_id",
    )
    .of("email_id IS NOT NULL"),
    Index::new(
        26,
        "phone_auth_challenge_phone",
        "phone_auth_challenge",
        "phone_id",
    )
    .of("phone_id IS NOT NULL"),
    // Closings.
    Index::new(
        27,
        "phone_auth_closing_pkey",
        "phone_auth_closing",
        "user_id",
    )
    .constraint(),
    Index::new(
        27,
        "phone_auth_closing_due",
        "phone_auth_closing",
        "due_at, user_id",
    ),
    Index::new(
        28,
        "phone_auth_replacement_pkey",
        "phone_auth_replacement",
        "user_id, kind",
    )
    .constraint(),
];

/// Which indexes are missing, not valid, or on something else than what they should be on. Another name does as well for
/// those that are on columns and hold all rows: Django may have called them otherwise.
///
/// Definitions are not compared as texts: each version of PostgreSQL writes them in its own way, and types differ. The
/// columns that an index is on, and those that its expression and condition read, tell enough.
const LOST: &str = "SELECT wanted.name
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bool[])
        AS wanted (name, tab, keys, text, rows, is_unique)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass(wanted.tab) AND i.indisvalid AND (i.indisunique OR NOT wanted.is_unique)
            AND (c.relname = wanted.name OR wanted.text IS NULL)
            AND (i.indpred IS NULL) = (wanted.rows IS NULL)
            AND wanted.keys = (
                SELECT string_agg(coalesce(a.attname, ''), ',' ORDER BY k.place)
                FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place)
                    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                WHERE k.place <= i.indnkeyatts
            )
            AND NOT EXISTS (
                SELECT 1 FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
                    AND a.attname <> ALL (regexp_split_to_array(wanted.text, '\\W+'))
            )
    )";

/// What [`pending_migrations`](crate::PostgresStore::pending_migrations) says of indexes that must be made again.
pub const LOST_INDEXES: &str = "lost indexes";

/// The question which indexes are lost.
pub(crate) fn lost_query() -> Query<'static> {
    query(LOST)
        .bind(INDEXES.map(|index| index.name))
        .bind(INDEXES.map(|index| index.table))
        .bind(INDEXES.map(|index| index.keys()))
        .bind(INDEXES.map(|index| index.text()))
        .bind(INDEXES.map(|index| index.rows))
        .bind(INDEXES.map(|index| index.is_of_constraint))
        .persistent(false)
}

/// The indexes that are lost, of those that so many steps have made.
pub(crate) fn lost_indexes(
    applied: usize,
    rows: &[PgRow],
) -> Result<Vec<&'static Index>, MigrateError> {
    let names: Vec<String> = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    let lost = INDEXES
        .iter()
        .filter(|index| index.since <= applied && names.iter().any(|name| name == index.name));
    Ok(lost.collect())
}
