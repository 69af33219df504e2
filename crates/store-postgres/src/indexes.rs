//! The indexes that the statements rely on, and which of them are lost.

use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::migrate_error::MigrateError;
use crate::pool::Query;
use crate::spellings::{digits, is_foreign_phone, is_number, is_padded, trimmed};

/// The number of the step that made the indexes for spellings.
pub(crate) const SPELLINGS_STEP: usize = 8;

/// An index that the statements rely on and that no constraint keeps.
pub(crate) struct Index {
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// What it is on.
    pub(crate) on: &'static str,
    /// Which rows it holds, if not all.
    rows: Option<&'static str>,
    /// Whether it may be unique, where the table is ours.
    is_of_names: bool,
    /// The number of the step after which it is there.
    pub(crate) since: usize,
}

impl Index {
    /// The statement that makes it, in place of one of its name that is not valid.
    pub(crate) fn statement(&self, is_table_ours: bool) -> String {
        let Self {
            name, table, on, ..
        } = self;
        let rows = self.rows.map(|rows| format!(" WHERE {rows}"));
        let rows = rows.unwrap_or_default();
        let unique = if self.is_of_names && is_table_ours {
            "UNIQUE "
        } else {
            ""
        };
        format!("CREATE {unique}INDEX IF NOT EXISTS {name} ON {table} ({on}){rows};")
    }
}

/// Ours on the model's tables, for lookups in any ASCII case; Django's on them; those of sessions; ours for lookups of what
/// is stored in another spelling, and for what is asked of one account at every request; those of messages, of sessions
/// of an older version and of requests for links.
pub(crate) const INDEXES: [Index; 22] = [
    Index {
        name: "phone_auth_user_username_any_case",
        table: "auth_user",
        on: "lower(username COLLATE \"C\")",
        rows: None,
        is_of_names: true,
        since: 1,
    },
    Index {
        name: "phone_auth_user_email_any_case",
        table: "auth_user",
        on: "lower(email COLLATE \"C\")",
        rows: None,
        is_of_names: false,
        since: 1,
    },
    Index {
        name: "phone_auth_emailaddress_any_case",
        table: "phone_auth_emailaddress",
        on: "lower(email COLLATE \"C\")",
        rows: None,
        is_of_names: true,
        since: 1,
    },
    Index {
        name: "phone_auth_emailaddress_user_id_a18b6ae9",
        table: "phone_auth_emailaddress",
        on: "user_id",
        rows: None,
        is_of_names: false,
        since: 1,
    },
    Index {
        name: "phone_auth_phonenumber_user_id_32500e94",
        table: "phone_auth_phonenumber",
        on: "user_id",
        rows: None,
        is_of_names: false,
        since: 1,
    },
    Index {
        name: "phone_auth_session_person",
        table: "phone_auth_session",
        on: "person_id",
        rows: None,
        is_of_names: false,
        since: 2,
    },
    Index {
        name: "phone_auth_session_expires",
        table: "phone_auth_session",
        on: "expires_at",
        rows: None,
        is_of_names: false,
        since: 2,
    },
    Index {
        name: "phone_auth_user_username_any_spelling",
        table: "auth_user",
        on: digits!("username"),
        rows: Some(is_number!("username")),
        is_of_names: false,
        since: SPELLINGS_STEP,
    },
    Index {
        name: "phone_auth_user_email_any_spelling",
        table: "auth_user",
        on: trimmed!("email"),
        rows: Some(is_padded!("email")),
        is_of_names: false,
        since: SPELLINGS_STEP,
    },
    Index {
        name: "phone_auth_emailaddress_any_spelling",
        table: "phone_auth_emailaddress",
        on: trimmed!("email"),
        rows: Some(is_padded!("email")),
        is_of_names: false,
        since: SPELLINGS_STEP,
    },
    Index {
        name: "phone_auth_phonenumber_any_spelling",
        table: "phone_auth_phonenumber",
        on: digits!("phone"),
        rows: Some(is_foreign_phone!("phone")),
        is_of_names: false,
        since: SPELLINGS_STEP,
    },
    Index {
        name: "phone_auth_emailaddress_any_verified",
        table: "phone_auth_emailaddress",
        on: "user_id",
        rows: Some("is_verified"),
        is_of_names: false,
        since: SPELLINGS_STEP,
    },
    Index {
        name: "phone_auth_phonenumber_any_verified",
        table: "phone_auth_phonenumber",
        on: "user_id",
        rows: Some("is_verified"),
        is_of_names: false,
        since: SPELLINGS_STEP,
    },
    Index {
        name: "phone_auth_outbox_due",
        table: "phone_auth_outbox",
        on: "due_at, id",
        rows: Some("died_at IS NULL"),
        is_of_names: false,
        since: 3,
    },
    Index {
        name: "phone_auth_outbox_address",
        table: "phone_auth_outbox",
        on: "address_id, kind, purpose",
        rows: Some("died_at IS NULL"),
        is_of_names: false,
        since: 3,
    },
    Index {
        name: "phone_auth_outbox_died",
        table: "phone_auth_outbox",
        on: "died_at",
        rows: Some("died_at IS NOT NULL"),
        is_of_names: false,
        since: 3,
    },
    Index {
        name: "phone_auth_outbox_person",
        table: "phone_auth_outbox",
        on: "person_id",
        rows: None,
        is_of_names: false,
        since: 3,
    },
    Index {
        name: "phone_auth_session_unbound",
        table: "phone_auth_session",
        on: "digest",
        rows: Some("password_digest IS NULL"),
        is_of_names: false,
        since: 5,
    },
    Index {
        name: "phone_auth_link_request_email",
        table: "phone_auth_link_request",
        on: "email_id",
        rows: None,
        is_of_names: false,
        since: 7,
    },
    Index {
        name: "phone_auth_link_request_phone",
        table: "phone_auth_link_request",
        on: "phone_id",
        rows: None,
        is_of_names: false,
        since: 7,
    },
    Index {
        name: "phone_auth_outbox_ready",
        table: "phone_auth_outbox",
        on: "id",
        rows: Some(
            "died_at IS NULL AND (ready_attempt = attempts OR due_at >= '10000-01-01 00:00:00+00')",
        ),
        is_of_names: false,
        since: 9,
    },
    Index {
        name: "phone_auth_outbox_letters",
        table: "phone_auth_outbox",
        on: "address_id, kind, purpose",
        rows: Some("died_at IS NOT NULL"),
        is_of_names: false,
        since: 9,
    },
];

/// Which indexes are missing or not valid, of those of these names, tables and columns. One on the same column under
/// another name does as well: Django may have called it otherwise. Of those that hold some rows only, no other will do.
const LOST: &str =
    "SELECT wanted.name FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (name, tab, col)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass(wanted.tab) AND i.indisvalid AND (c.relname = wanted.name
            OR i.indpred IS NULL AND pg_get_indexdef(i.indexrelid, 1, true) = wanted.col)
    )";

/// What is said of indexes that must be made again.
pub(crate) const LOST_INDEXES: &str = "lost indexes";

/// The question which indexes are lost.
pub(crate) fn lost_query() -> Query<'static> {
    query(LOST)
        .bind(INDEXES.map(|index| index.name))
        .bind(INDEXES.map(|index| index.table))
        .bind(INDEXES.map(|index| index.rows.map_or(Some(index.on), |_| None)))
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
