//! What the driver's errors mean to the port.
//!
//! The kind is read from SQLite's extended code, and for a broken uniqueness from the exact name of
//! the column or index that SQLite names. Nothing else in the words of an error is looked at.

use std::sync::Arc;

use phone_auth_core::store::{StoreError, StoreErrorKind, UniqueName};
use rusqlite::{Error, ErrorCode, ffi};

use crate::cause::Cause;

/// Why a call failed, on its way to becoming a [`StoreError`]. A clone has the same source.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: StoreErrorKind,
    source: Option<Arc<Cause>>,
}

impl Failure {
    /// What went wrong.
    pub(crate) fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl From<StoreErrorKind> for Failure {
    fn from(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            kind: kind_of(&error),
            source: Some(Arc::new(error.into())),
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
fn kind_of(error: &Error) -> StoreErrorKind {
    let Error::SqliteFailure(code, message) = error else {
        return StoreErrorKind::Broken;
    };
    match code.code {
        // Of what is stored of a user or an address it is looked before whether they are there; so it was removed, or would
        // be.
        ErrorCode::ConstraintViolation if is_reference(code.extended_code, message.as_deref()) => {
            StoreErrorKind::Referenced
        }
        ErrorCode::ConstraintViolation => message
            .as_deref()
            .filter(|_| is_uniqueness(code.extended_code))
            .and_then(broken_uniqueness)
            .unwrap_or(StoreErrorKind::Broken),
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::DiskFull
        | ErrorCode::ReadOnly
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::SystemIoFailure
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::OperationInterrupted
        | ErrorCode::OperationAborted
        | ErrorCode::SchemaChanged
        | ErrorCode::OutOfMemory => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Broken,
    }
}

/// Whether SQLite speaks of a foreign key. Of one that restricts it has the code of a trigger, and these words.
fn is_reference(extended_code: i32, message: Option<&str>) -> bool {
    extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY
        || (extended_code == ffi::SQLITE_CONSTRAINT_TRIGGER
            && message == Some("FOREIGN KEY constraint failed"))
}

/// Whether a code says that a value is there twice.
fn is_uniqueness(extended_code: i32) -> bool {
    matches!(
        extended_code,
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
    )
}

/// Which promise of uniqueness a message is about. SQLite ends it with the column of a constraint,
/// or with the name of an index over an expression.
fn broken_uniqueness(message: &str) -> Option<StoreErrorKind> {
    let name = message.strip_prefix("UNIQUE constraint failed: ")?;
    Some(match name {
        "auth_user.username" | "index 'phone_auth_user_username_any_case'" => {
            StoreErrorKind::Taken(UniqueName::Username)
        }
        "phone_auth_emailaddress.email" | "index 'phone_auth_emailaddress_any_case'" => {
            StoreErrorKind::Taken(UniqueName::Email)
        }
        "phone_auth_phonenumber.phone" => StoreErrorKind::Taken(UniqueName::Phone),
        "phone_auth_session.digest" | "django_session.session_key" => StoreErrorKind::SessionExists,
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use phone_auth_core::store::{StoreErrorKind, UniqueName};
    use rusqlite::Connection;

    use super::{Failure, kind_of};
    use crate::migrations;

    /// The kind of what SQLite itself says to a statement, after another on our tables.
    fn kind(before: &str, statement: &str) -> StoreErrorKind {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .pragma_update(None, "foreign_keys", true)
            .unwrap();
        migrations::run(&mut connection).unwrap();
        connection.execute_batch(before).unwrap();
        kind_of(&connection.execute_batch(statement).unwrap_err())
    }

    fn user(id: u32, username: &str) -> String {
        format!(
            "INSERT INTO auth_user VALUES \
             ({id}, '', NULL, 0, '{username}', '', '', 0, 1, '2024-01-02 03:04:05', '');"
        )
    }

    #[test]
    fn broken_uniqueness_is_told_apart() {
        let users = user(1, "ann") + &user(2, "bob");
        let with = |rows: &str| users.clone() + rows;
        let session = "INSERT INTO phone_auth_session VALUES (x'00', 1, '', '', NULL, NULL, NULL, NULL, NULL, NULL);";
        let email = "INSERT INTO phone_auth_emailaddress VALUES (NULL, 'a@b.c', 0, 1);";
        let phone = "INSERT INTO phone_auth_phonenumber VALUES (NULL, '+1', 0, 1);";
        let taken = StoreErrorKind::Taken;
        let cases = [
            (users.clone(), user(3, "ann"), taken(UniqueName::Username)),
            (users.clone(), user(3, "ANN"), taken(UniqueName::Username)),
            (with(email), email.to_owned(), taken(UniqueName::Email)),
            (
                with(email),
                email.replace("a@b", "A@B"),
                taken(UniqueName::Email),
            ),
            (with(phone), phone.to_owned(), taken(UniqueName::Phone)),
            (
                with(session),
                session.to_owned(),
                StoreErrorKind::SessionExists,
            ),
        ];
        for (before, statement, expected) in cases {
            assert_eq!(kind(&before, &statement), expected, "{statement}");
        }
    }

    #[test]
    fn other_constraints_are_no_taken_name() {
        let users = user(1, "ann");
        let statements = [
            // The number of the row, a NULL, a table of someone else.
            user(1, "bob"),
            "INSERT INTO phone_auth_emailaddress VALUES (NULL, NULL, 0, 1);".to_owned(),
            "CREATE TABLE t (username UNIQUE); INSERT INTO t VALUES (1), (1);".to_owned(),
        ];
        for statement in statements {
            assert_eq!(
                kind(&users, &statement),
                StoreErrorKind::Broken,
                "{statement}"
            );
        }
    }

    #[test]
    fn foreign_keys_are_told_apart() {
        for (on_delete, expected) in [
            ("", StoreErrorKind::Referenced),
            ("ON DELETE RESTRICT", StoreErrorKind::Referenced),
            ("ON DELETE NO ACTION", StoreErrorKind::Referenced),
        ] {
            let other = format!(
                "CREATE TABLE other (user_id REFERENCES auth_user (id) {on_delete});
                INSERT INTO other VALUES (1);"
            );
            let remove = "DELETE FROM auth_user WHERE id = 1;";
            assert_eq!(
                kind(&(user(1, "ann") + &other), remove),
                expected,
                "{on_delete}"
            );
        }
        let trigger = "CREATE TRIGGER stays BEFORE DELETE ON auth_user
            BEGIN SELECT RAISE(ABORT, 'stays'); END;";
        let remove = "DELETE FROM auth_user WHERE id = 1;";
        let refused = kind(&(user(1, "ann") + trigger), remove);
        assert_eq!(refused, StoreErrorKind::Broken, "a trigger of others");
    }

    #[test]
    fn unreadable_rows_are_broken() {
        let failure = Failure::from(rusqlite::Error::QueryReturnedNoRows);
        assert_eq!(failure.kind(), StoreErrorKind::Broken);
    }
}
