//! Time that goes by, as the rows of a database tell it.

use phone_auth_tests::{Kind, OwnDatabase};

/// Makes it so much later, or earlier, as far as codes know: to a server with another clock it is.
pub(crate) fn shift(database: &OwnDatabase, minutes: i64) {
    let shifted = ["created_at", "expires_at", "resend_at"].map(|column| match database.kind() {
        Kind::Sqlite => format!("{column} = {column} - {}", minutes * 60_000_000),
        Kind::Postgres => format!("{column} = {column} - interval '1 minute' * {minutes}"),
    });
    let sql = format!("UPDATE phone_auth_challenge SET {};", shifted.join(", "));
    database.execute(&sql);
}

/// Ten minutes later, as far as codes know.
pub(crate) fn expire(database: &OwnDatabase) {
    let over = match database.kind() {
        Kind::Sqlite => "expires_at - 600000000",
        Kind::Postgres => "expires_at - interval '10 minutes'",
    };
    database.execute(&format!(
        "UPDATE phone_auth_challenge SET expires_at = {over}"
    ));
}

/// A quarter of an hour and a minute later, as far as limits know.
pub(crate) fn later(database: &OwnDatabase) {
    pub(crate) const MICROSECONDS: u64 = 16 * 60 * 1_000_000;
    database.execute(&format!(
        "UPDATE phone_auth_limit SET blocked_until = blocked_until - {MICROSECONDS}, expires_at = expires_at - {MICROSECONDS}"
    ));
}
