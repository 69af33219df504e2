//! Locks on what has no row yet, and on the row of a user.
//!
//! Whether a name is taken in any case, or stands in another table, no constraint can say on tables
//! that Django made: it knows nothing of such constraints, and must go on working. So anyone who takes a
//! name holds the advisory lock of that name while they look and write; and anyone who enqueues a message, be it
//! a dead letter anew, that of the address it goes to, so that of two at once one supersedes the other. Advisory locks belong to a
//! database, end with the transaction, and are no one's but ours.
//!
//! Whatever locks more than one thing locks in this order, so that no two wait for each other: names, by their keys; users, by their ids;
//! addresses, those of email first; claims, by their ids; requests for links; messages. Anyone who changes what is a user's has the user
//! before. Who sends a message has its address before the user, and takes of the user no more than that they are not deleted: so a user
//! who is deleted goes after their addresses and claims. One who tells another user of a loss does so when the claim of that one has ended,
//! which is why claims go before their user too.

use std::fmt::Write;

use phone_auth_core::outbox::NewMessage;
use phone_auth_core::user::UserId;

/// The first half of every key, so that others who use advisory locks do not meet ours: "phon".
const OURS: u32 = 0x7068_6f6e;

/// The statement that locks these names, in whatever case they are written. They are locked in the
/// order of their keys, so that two who want the same names never wait for each other.
pub(crate) fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut keys: Vec<i32> = names.into_iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    of_keys(&keys)
}

/// The statement that locks a user's row, as a log-in does too. Anyone who ends all sessions of a user
/// must see the one that a log-in begins meanwhile: a statement sees only what was committed before it
/// began, so it must not begin before it has the row.
pub(crate) fn of_user(user: UserId) -> String {
    format!(
        "SELECT 1 FROM auth_user WHERE id = {} FOR NO KEY UPDATE",
        user.get()
    )
}

/// The statement that locks these keys.
fn of_keys(keys: &[i32]) -> String {
    let mut statement = "SELECT ".to_owned();
    for (number, key) in keys.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        // Writing to a text cannot fail.
        let _ = write!(statement, "{comma}pg_advisory_xact_lock({OURS}, {key})");
    }
    statement
}

/// The statement that locks a key.
pub(crate) fn of_key(key: i32) -> String {
    of_keys(&[key])
}

/// The key of where a message goes. One that goes to nobody takes a lock as well, that of the name that was
/// typed: how long a request takes, and how long several at once for one name, must not tell whether someone was meant.
pub(crate) fn key_of_message(message: &NewMessage) -> i32 {
    let (purpose, kind) = (message.purpose.as_str(), message.kind.as_str());
    if let Some(to) = message.recipient {
        return key_of_address(purpose, kind, to.address.get());
    }
    let mut name = format!("{purpose} {kind} nobody ");
    for byte in message.binding.digest() {
        // Writing to a text cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    key(&name)
}

/// The key of an address for messages of one purpose.
pub(crate) fn key_of_address(purpose: &str, kind: &str, address: i64) -> i32 {
    key(&format!("{purpose} {kind} {address}"))
}

/// The statement that locks the making of tables.
pub(crate) fn of_migrations() -> String {
    format!("SELECT pg_advisory_xact_lock({OURS}, 0)")
}

/// The key of a name: its FNV-1a hash in lower case, which every version of this crate agrees on. Two
/// names with one key wait for each other now and then, and that is all.
fn key(name: &str) -> i32 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    });
    hash.cast_signed()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use phone_auth_core::address::AddressKind;
    use phone_auth_core::outbox::{Binding, Channel, NewMessage, Purpose};

    use super::{key, key_of_message, of_names};

    #[test]
    fn one_name_of_nobody_has_one_lock() {
        let lock = |message_key: &str, name: u8| {
            key_of_message(&NewMessage {
                key: message_key.to_owned(),
                purpose: Purpose::ResetPassword,
                kind: AddressKind::Email,
                recipient: None,
                notice: None,
                event: None,
                binding: Binding::from_stored([name; 32], None),
                language: None,
                channel: Channel::Email,
                created_at: DateTime::<Utc>::UNIX_EPOCH,
                expires_at: DateTime::<Utc>::UNIX_EPOCH,
                code_half_life: None,
                challenge: None,
            })
        };
        assert_eq!(lock("one", 1), lock("another", 1));
        assert_ne!(lock("one", 1), lock("one", 2));
    }

    #[test]
    fn keys_are_the_same_everywhere() {
        // Other versions may be at work on the same database.
        assert_eq!(key("ann"), key("ANN"));
        assert_eq!(key("a").cast_unsigned(), 0xe40c_292c);
        assert_eq!(key("foobar").cast_unsigned(), 0xbf9c_f968);
    }

    #[test]
    fn names_are_locked_in_one_order() {
        assert_eq!(of_names(["ann", "bob"]), of_names(["Bob", "ann", "ANN"]));
        assert_eq!(
            of_names(["a"]),
            "SELECT pg_advisory_xact_lock(1885892462, -468965076)"
        );
    }
}
