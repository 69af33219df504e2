//! The statements of the outbox, on SQLite.

/// Whether an attempt at a message was begun and never ended before another was.
macro_rules! is_in_doubt {
    () => {
        "coalesce(unended_attempt > ready_attempt, 0)"
    };
}

/// The columns of a message.
macro_rules! message_columns {
    () => {
        concat!(
            "id, message_key, purpose, kind, person_id, address_id, binding, binding_parts, language, created_at, \
             enqueued_at, expires_at, attempts, ready_attempt, failures, due_at, receipts, earlier_receipts, died_at, reason, requested_at, notice, \
             channel, ",
            is_in_doubt!()
        )
    };
}

/// Whether a message has a time that nobody can read, such as one that another program wrote.
macro_rules! is_odd {
    () => {
        "CASE WHEN typeof(due_at) = 'text' AND due_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*' \
         AND substr(due_at, 20) NOT GLOB '*[^.0-9]*' AND length(due_at) BETWEEN 19 AND 26 \
         THEN datetime(due_at) IS NOT substr(due_at, 1, 19) ELSE 1 END"
    };
}

/// The queue of a message, and the empty text for what no signal of this version is for: that is left to a later one while its link
/// works, and claimed then to become a dead letter.
/// Word for word as in the indexes `phone_auth_outbox_queue_ready` and `phone_auth_outbox_queue_due`.
macro_rules! queue {
    () => {
        "CASE WHEN purpose || '/' || kind IN ('reset_password/email', 'reset_password/phone', 'verify/email', 'verify/phone', \
         'log_in/email', 'log_in/phone', 'security_notice/email', 'security_notice/phone', 'event/email', 'event/phone') \
         THEN purpose || '/' || kind WHEN purpose || '/' || kind IN ('confirm/email', 'confirm/phone') THEN 'log_in/' || kind \
         ELSE '' END"
    };
}
pub(crate) use queue;

/// What is due whatever the clock says: what no one has tried yet, and what has a time that nobody can read. Word for
/// word as in the index `phone_auth_outbox_queue_ready`, which else is not used, but for the last condition: a server
/// of the version before counts attempts from 0 again when it sends a dead letter anew, and they come to the number
/// that was ready then under a lease.
macro_rules! is_ready {
    () => {
        concat!(
            "died_at IS NULL AND (ready_attempt = attempts OR ",
            is_odd!(),
            ") AND (leased_attempt IS NOT attempts OR ",
            is_odd!(),
            ")"
        )
    };
}

/// The message that a new one supersedes, and whether all that became of it is known; NULL is no address, so one to nobody
/// supersedes none.
pub(crate) const SUPERSEDED: &str = concat!(
    "SELECT id, attempts, ready_attempt, leased_attempt, due_at, NOT ",
    is_in_doubt!(),
    " AND (leased_attempt IS NOT attempts OR ready_attempt IS attempts), created_at, binding_parts, receipts
    FROM phone_auth_outbox WHERE address_id = ?1 AND kind = ?2 AND purpose = ?3 AND died_at IS NULL ORDER BY id LIMIT 1"
);

/// Puts a message in the place of the one that it supersedes. What became of that one is kept apart.
pub(crate) const SUPERSEDE: &str = "UPDATE phone_auth_outbox SET
        message_key = ?2, person_id = ?3, binding = ?4, binding_parts = ?5, language = ?6, created_at = ?7,
        enqueued_at = ?7, expires_at = ?8, attempts = ?9, ready_attempt = ?10, leased_attempt = ?11, due_at = ?12,
        waits_since = iif(?11 IS NULL, NULL, waits_since),
        earlier_receipts = iif(receipts = '[]', earlier_receipts, receipts), receipts = '[]', requested_at = ?13, channel = ?14
    WHERE id = ?1";

/// A user who is gone by now makes it a message to nobody.
pub(super) const ENQUEUE: &str = "INSERT INTO phone_auth_outbox
    (message_key, purpose, kind, person_id, address_id, binding, binding_parts, language, created_at, enqueued_at,
        expires_at, due_at, requested_at, channel)
    SELECT ?1, ?2, ?3, p.id, iif(p.id IS NULL, NULL, ?5), ?6, ?7, ?8, ?9, ?9, ?10, ?12, ?11, ?13
    FROM (SELECT (SELECT id FROM auth_user WHERE id = ?4) AS id) p";

/// Of a user who is there, with no address: it supersedes no other and is superseded by none.
pub(crate) const ENQUEUE_NOTICE: &str = "INSERT INTO phone_auth_outbox
    (message_key, purpose, kind, person_id, binding, language, created_at, enqueued_at, expires_at, due_at, notice,
        channel)
    SELECT ?1, ?2, ?3, id, x'', ?5, ?6, ?6, ?7, ?6, ?8, ?9 FROM auth_user WHERE id = ?4";

/// Of a user who is gone.
pub(super) const ENQUEUE_FOR_NOBODY: &str = "INSERT INTO phone_auth_outbox
    (message_key, purpose, kind, person_id, binding, language, created_at, enqueued_at, expires_at, due_at, notice,
        channel)
    VALUES (?1, ?2, ?3, ?4, x'', ?5, ?6, ?6, ?7, ?6, ?8, ?9)";

/// A letter with the same link as a new message is older than that.
pub(crate) const AGE_LETTERS: &str = "UPDATE phone_auth_outbox SET requested_at = requested_at - 1
    WHERE address_id = ?1 AND kind = ?2 AND purpose = ?3 AND died_at IS NOT NULL AND requested_at = ?4";

/// Removes a message to nobody before anyone has seen it.
pub(crate) const FORGET: &str =
    "DELETE FROM phone_auth_outbox WHERE message_key = ?1 AND person_id IS NULL";

pub(crate) const PENDING: &str = "SELECT count(*) FROM
    (SELECT 1 FROM phone_auth_outbox WHERE died_at IS NULL AND due_at >= 0 AND purpose <> 'event' LIMIT ?1) m";

/// Whether a message of the queue `q` is for this version, or its link is over. A time that cannot be read is none ahead.
macro_rules! is_ours {
    () => {
        "(q.value <> '' OR NOT expires_at BETWEEN ?1 AND '9999-12-31 23:59:59.999999')"
    };
}

/// The ids of what is ready and of what has become due, of some queues: from each those that come first, so that
/// nothing is looked at of the others.
macro_rules! due_ids {
    () => {
        concat!(
            "SELECT r.id FROM json_each(?3) q CROSS JOIN phone_auth_outbox r WHERE r.id IN (
                SELECT id FROM phone_auth_outbox WHERE ",
            is_ready!(),
            "       AND ",
            queue!(),
            " = q.value AND ",
            is_ours!(),
            " ORDER BY id LIMIT ?2)
            UNION ALL SELECT d.id FROM json_each(?3) q CROSS JOIN phone_auth_outbox d WHERE d.id IN (
                SELECT id FROM phone_auth_outbox WHERE died_at IS NULL AND due_at <= ?1 AND ",
            queue!(),
            " = q.value AND ",
            is_ours!(),
            " ORDER BY due_at, id LIMIT ?2)"
        )
    };
}

/// Whether something is ready or due.
pub(crate) const IS_DUE: &str = concat!("SELECT EXISTS (", due_ids!(), ")");

/// What is ready and what has become due, those first that have waited longest.
pub(crate) const DUE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox WHERE id IN (",
    due_ids!(),
    ") ORDER BY min(due_at, ?1), id LIMIT ?2"
);

/// What waits since a time that has not come: the clock was set back. Whether it is leased.
pub(crate) const WAITS_AHEAD: &str = "SELECT id, waits_since, due_at, leased_attempt IS attempts
    FROM phone_auth_outbox WHERE died_at IS NULL AND waits_since > ?1 LIMIT ?2";

pub(crate) const WAIT_ANEW: &str =
    "UPDATE phone_auth_outbox SET waits_since = ?2, due_at = ?3 WHERE id = ?1";

/// A row whose times cannot be read is found by them, and claimed.
pub(crate) const WAIT_NO_MORE: &str =
    "UPDATE phone_auth_outbox SET waits_since = NULL WHERE id = ?1";

/// Claims a message; whether it is in doubt by now.
pub(crate) const CLAIM: &str = concat!(
    "UPDATE phone_auth_outbox
    SET attempts = attempts + 1, leased_attempt = attempts + 1, waits_since = ?2, due_at = ?3,
        unended_attempt = iif(leased_attempt IS attempts, attempts, unended_attempt)
    WHERE id = ?1 RETURNING ",
    is_in_doubt!()
);

/// Whether a lease is held, and the key of the message by now.
pub(crate) const HELD: &str = "SELECT message_key FROM phone_auth_outbox
    WHERE id = ?1 AND attempts = ?2 AND leased_attempt = ?2 AND died_at IS NULL";

pub(crate) const EXTEND: &str = "UPDATE phone_auth_outbox
    SET waits_since = ?2, due_at = ?3, receipts = ?4, earlier_receipts = NULL WHERE id = ?1";

pub(crate) const EXTEND_SUPERSEDED: &str =
    "UPDATE phone_auth_outbox SET waits_since = ?2, due_at = ?3 WHERE id = ?1";

pub(crate) const PUT_OFF: &str = "UPDATE phone_auth_outbox
    SET waits_since = ?2, due_at = ?3, receipts = ?4, earlier_receipts = NULL, failures = ?5, leased_attempt = NULL
    WHERE id = ?1";

/// The lease ends with the attempt that had it.
pub(crate) const RELEASE: &str = "UPDATE phone_auth_outbox
    SET attempts = attempts + 1, ready_attempt = attempts + 1, leased_attempt = NULL, failures = ?2, earlier_receipts = ?3,
        waits_since = NULL, due_at = min(due_at, enqueued_at)
    WHERE id = ?1";

pub(crate) const REMOVE: &str = "DELETE FROM phone_auth_outbox WHERE id = ?1";

pub(crate) const DEAD_LETTER: &str =
    "UPDATE phone_auth_outbox SET died_at = ?2, reason = ?3, receipts = ?4 WHERE id = ?1";

/// The letters before this one of the same purpose to the same address.
pub(crate) const REMOVE_OLDER_LETTERS: &str = "DELETE FROM phone_auth_outbox WHERE id IN (
    SELECT o.id FROM phone_auth_outbox m JOIN phone_auth_outbox o
        ON o.address_id = m.address_id AND o.kind = m.kind AND o.purpose = m.purpose
    WHERE m.id = ?1 AND o.died_at IS NOT NULL AND o.id <> ?1
)";

pub(crate) const DEAD_LETTER_UNREADABLE: &str =
    "UPDATE phone_auth_outbox SET died_at = ?2, reason = ?3 WHERE id = ?1 AND died_at IS NULL";

pub(crate) const IS_READY: &str = concat!(
    "SELECT EXISTS (SELECT 1 FROM phone_auth_outbox WHERE ",
    is_ready!(),
    " AND ",
    queue!(),
    " <> '')"
);

/// When the next message is due, or the link of one is over that is left to a later version.
pub(crate) const NEXT_DUE: &str = concat!(
    "SELECT min(due) FROM (
        SELECT min(due_at) AS due FROM phone_auth_outbox WHERE died_at IS NULL AND ",
    queue!(),
    " <> '' UNION ALL SELECT min(max(due_at, expires_at)) FROM phone_auth_outbox WHERE died_at IS NULL AND ",
    queue!(),
    " = '') m"
);

pub(crate) const MESSAGE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox WHERE id = ?1"
);

pub(crate) const MESSAGES_AFTER: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox WHERE id > ?1 ORDER BY id LIMIT ?2"
);

/// Of a dead letter.
pub(crate) const REQUEUE: &str = "UPDATE phone_auth_outbox
    SET died_at = NULL, reason = NULL, attempts = attempts + 1, ready_attempt = attempts + 1, leased_attempt = NULL,
        failures = 0, created_at = ?2, enqueued_at = ?2, waits_since = NULL, due_at = ?2, expires_at = ?3, receipts = ?4,
        earlier_receipts = NULL, message_key = ?5, binding = ?6, binding_parts = ?7, requested_at = ?8
    WHERE id = ?1";

/// Whether a row is a dead letter, and whether a newer message of its purpose to its address is pending or a newer link
/// was asked for, which would stop working.
pub(crate) const LETTER: &str = "SELECT EXISTS (SELECT 1 FROM phone_auth_outbox o
        WHERE o.address_id = m.address_id AND o.kind = m.kind AND o.purpose = m.purpose AND o.died_at IS NULL)
    OR EXISTS (SELECT 1 FROM phone_auth_link_request r
        WHERE r.kind = m.kind AND r.purpose = m.purpose AND r.holder = m.address_id AND r.requested_at > m.requested_at)
    FROM phone_auth_outbox m WHERE m.id = ?1 AND m.died_at IS NOT NULL";

/// When the session began that ends last.
pub(crate) const NEWEST_SESSION: &str =
    "SELECT created_at FROM phone_auth_session ORDER BY expires_at DESC LIMIT 1";

/// When the last message was enqueued.
pub(crate) const NEWEST_MESSAGE: &str =
    "SELECT coalesce(enqueued_at, created_at) FROM phone_auth_outbox ORDER BY id DESC LIMIT 1";

pub(crate) const PURGE: &str = "DELETE FROM phone_auth_outbox
    WHERE id IN (SELECT id FROM phone_auth_outbox WHERE died_at < ?1 LIMIT ?2)";
