//! What the driver's errors mean to the port.
//!
//! The kind is read from the SQLSTATE, and for a broken uniqueness from the name of the constraint or
//! index. Nothing in the words of an error is looked at: they come in the language of the server.

use std::error::Error;

use phone_auth_core::store::{StoreError, StoreErrorKind, UniqueName};

use crate::cause::Cause;

/// Why a call failed, on its way to becoming a [`StoreError`].
#[derive(Debug)]
pub(crate) struct Failure {
    kind: StoreErrorKind,
    source: Option<Cause>,
}

impl Failure {
    /// What an error of the driver means.
    pub(crate) fn kind_of(error: &sqlx::Error) -> StoreErrorKind {
        kind_of(error)
    }

    /// What went wrong.
    pub(crate) fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The SQLSTATE that the server told.
    pub(crate) fn code(&self) -> Option<&str> {
        self.source.as_ref()?.code()
    }

    /// What is kept of the driver's error.
    pub(crate) fn cause(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl From<StoreErrorKind> for Failure {
    fn from(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self {
            kind: kind_of(&error),
            source: Some(error.into()),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure.source {
            Some(source) => Self::with_source(failure.kind, source),
            None => Self::new(failure.kind),
        }
    }
}

/// What an error of the driver means.
fn kind_of(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::Database(refusal) => {
            let code = refusal.code();
            if is_foreign_key(code.as_deref()) {
                return kind_of_reference(refusal.table());
            }
            kind_of_code(code.as_deref(), refusal.constraint())
        }
        // `Protocol`: what answers is no server of PostgreSQL, such as a balancer in front of none.
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Broken,
    }
}

/// Whether a server speaks of a foreign key: that a row is named, or that what it names is not there. From PostgreSQL 18
/// on it has another code for one that restricts.
pub(crate) fn is_foreign_key(code: Option<&str>) -> bool {
    matches!(code, Some("23503" | "23001"))
}

/// What a broken foreign key means, by the table that it belongs to.
fn kind_of_reference(table: Option<&str>) -> StoreErrorKind {
    match table {
        // What is stored of a user who is gone.
        Some(
            "phone_auth_session"
            | "phone_auth_outbox"
            | "phone_auth_emailaddress"
            | "phone_auth_phonenumber"
            | "phone_auth_claim"
            | "phone_auth_closing"
            | "phone_auth_replacement",
        ) => StoreErrorKind::NoSuchUser,
        // What is removed takes those along.
        Some(ours) if ours.starts_with("phone_auth_") => StoreErrorKind::Broken,
        _ => StoreErrorKind::Referenced,
    }
}

/// What a SQLSTATE means (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn kind_of_code(code: Option<&str>, constraint: Option<&str>) -> StoreErrorKind {
    // Every server tells one, of five characters: what tells none is no server.
    let Some(code) = code.filter(|code| code.len() == 5) else {
        return StoreErrorKind::Unavailable;
    };
    if code == "23505" {
        return constraint
            .and_then(broken_uniqueness)
            .unwrap_or(StoreErrorKind::Broken);
    }
    let class = code.get(..2).unwrap_or_default();
    let is_passing = match class {
        // The connection is lost or not let in; a deadlock; the server lacks something, gives up, shuts
        // down or cannot read its disk.
        "08" | "28" | "40" | "53" | "57" | "58" => true,
        // A database that takes no connections for now (`ALLOW_CONNECTIONS false`), one that another session keeps, too
        // long a wait for a lock; no such database. Read-only, as a standby is: it may be on its way to becoming the
        // primary. Idle in a transaction, or too long in one: we were the ones who stood still. A snapshot that the
        // server did not keep for as long.
        _ => matches!(
            code,
            "55000" | "55006" | "55P03" | "3D000" | "25006" | "25P03" | "25P04" | "72000"
        ),
    };
    if is_passing {
        StoreErrorKind::Unavailable
    } else {
        StoreErrorKind::Broken
    }
}

/// Which promise of uniqueness a constraint or index keeps.
fn broken_uniqueness(name: &str) -> Option<StoreErrorKind> {
    Some(match name {
        "auth_user_username_key" | "phone_auth_user_username_any_case" => {
            StoreErrorKind::Taken(UniqueName::Username)
        }
        "phone_auth_emailaddress_email_key" | "phone_auth_emailaddress_any_case" => {
            StoreErrorKind::Taken(UniqueName::Email)
        }
        "phone_auth_phonenumber_phone_key" => StoreErrorKind::Taken(UniqueName::Phone),
        "phone_auth_session_pkey" | "django_session_pkey" => StoreErrorKind::SessionExists,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use phone_auth_core::store::{StoreErrorKind, UniqueName};

    use super::{is_foreign_key, kind_of, kind_of_code, kind_of_reference};

    #[test]
    fn broken_uniqueness_is_told_apart() {
        let taken = StoreErrorKind::Taken;
        let cases = [
            ("auth_user_username_key", taken(UniqueName::Username)),
            (
                "phone_auth_user_username_any_case",
                taken(UniqueName::Username),
            ),
            (
                "phone_auth_emailaddress_email_key",
                taken(UniqueName::Email),
            ),
            ("phone_auth_emailaddress_any_case", taken(UniqueName::Email)),
            ("phone_auth_phonenumber_phone_key", taken(UniqueName::Phone)),
            ("phone_auth_session_pkey", StoreErrorKind::SessionExists),
            ("django_session_pkey", StoreErrorKind::SessionExists),
            ("auth_user_pkey", StoreErrorKind::Broken),
            ("someone_elses_key", StoreErrorKind::Broken),
        ];
        for (constraint, kind) in cases {
            assert_eq!(
                kind_of_code(Some("23505"), Some(constraint)),
                kind,
                "{constraint}"
            );
        }
    }

    #[test]
    fn foreign_keys_are_told_by_their_tables() {
        for code in ["23503", "23001"] {
            assert!(is_foreign_key(Some(code)));
        }
        assert!(!is_foreign_key(Some("23505")) && !is_foreign_key(None));
        for (table, kind) in [
            (Some("shop_order"), StoreErrorKind::Referenced),
            (None, StoreErrorKind::Referenced),
            (Some("phone_auth_session"), StoreErrorKind::NoSuchUser),
            (Some("phone_auth_emailaddress"), StoreErrorKind::NoSuchUser),
            (Some("phone_auth_link_request"), StoreErrorKind::Broken),
        ] {
            assert_eq!(kind_of_reference(table), kind, "{table:?}");
        }
    }

    #[test]
    fn passing_troubles_are_unavailable() {
        let passing = [
            "08006", "08P01", "28P01", "40001", "40P01", "53100", "53200", "53300", "55P03",
            "57014", "57P01", "57P02", "57P03", "57P04", "57P05", "58030", "3D000", "25006",
            "25P03", "25P04", "53400", "55000", "55006", "58000", "72000", "", "HTTP",
        ];
        for code in passing {
            let kind = kind_of_code(Some(code), Some("auth_user_username_key"));
            assert_eq!(kind, StoreErrorKind::Unavailable, "{code}");
        }
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(kind_of_code(None, None), StoreErrorKind::Unavailable);
        let nonsense = sqlx::Error::Protocol("unexpected".to_owned());
        for error in [sqlx::Error::PoolTimedOut, sqlx::Error::Io(io), nonsense] {
            assert_eq!(kind_of(&error), StoreErrorKind::Unavailable, "{error}");
        }
    }

    #[test]
    fn other_refusals_are_broken() {
        for code in [
            "22001", "22021", "23502", "25P02", "3F000", "42501", "42P01", "42703", "55P02",
            "XX000", "éxxx",
        ] {
            assert_eq!(
                kind_of_code(Some(code), Some("auth_user_username_key")),
                StoreErrorKind::Broken,
                "{code}"
            );
        }
        assert_eq!(kind_of(&sqlx::Error::RowNotFound), StoreErrorKind::Broken);
    }
}
