//! The statements of the outbox, on PostgreSQL.

use crate::challenges::statements as challenges;
use crate::links;
use crate::rows;

/// Whether an attempt at a message of the table as `o` was begun and never ended before another was.
macro_rules! is_in_doubt {
    () => {
        "coalesce(o.unended_attempt > o.ready_attempt, false)"
    };
}

/// The columns of a message, from the table as `o`; and whether a time is there that cannot be read.
macro_rules! message_columns {
    () => {
        concat!(
            "o.id, o.message_key, o.purpose, o.kind, o.person_id, o.address_id, o.binding, o.binding_parts, o.language, ",
            rows::readable!("o.created_at"),
            ", ",
            rows::readable!("coalesce(o.enqueued_at, o.created_at)"),
            ", ",
            rows::readable!("o.expires_at"),
            ", o.attempts, o.ready_attempt, o.failures, ",
            rows::readable!("o.due_at"),
            ", o.receipts, o.earlier_receipts, ",
            rows::readable!("o.died_at"),
            ", o.reason, ",
            rows::readable!("o.requested_at"),
            ", o.notice, o.channel, o.died_at IS NOT NULL, o.requested_at IS NOT NULL, ",
            is_in_doubt!()
        )
    };
}

/// The queue of a message, and the empty text for what no signal of this version is for: that is left to a later one while its link
/// works, and claimed then to become a dead letter.
/// As in the indexes `phone_auth_outbox_queue_ready` and `phone_auth_outbox_queue_due`.
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
/// word as in the index `phone_auth_outbox_queue_ready`, but for the last condition: a server of the version before
/// counts attempts from 0 again when it sends a dead letter anew, and they come to the number that was ready then under
/// a lease.
macro_rules! is_ready {
    () => {
        "died_at IS NULL AND (ready_attempt = attempts OR due_at >= '10000-01-01 00:00:00+00') \
         AND (leased_attempt IS DISTINCT FROM attempts OR due_at >= '10000-01-01 00:00:00+00')"
    };
}

/// Enqueues a message in the place of one that it supersedes. Runs while the address is locked: of two messages that
/// are enqueued at once, one must see the other. NULL is no address, so a message to nobody supersedes none. A user
/// who is gone by now makes it a message to nobody; such a one stands where no worker looks while it is there.
///
/// A lease that runs goes on: who has it hears of the newer message and gives the place free. A message that was
/// not tried yet keeps its turn; nor has one been tried that supersedes another under a lease. Any other place is due now, and no lease from before holds. What became of the older
/// message is kept apart. A message with the same link as before stands as though it had been enqueued when that was made,
/// and a letter with that link is older.
///
/// The answer is what the older message was, if all that became of it is known: when it was enqueued in microseconds, the parts
/// of its binding, its receipts. It is read under the lock of its row, which a worker that claims it has as well; and after the
/// user is locked, since anyone who closes an account takes the locks in that order.
macro_rules! enqueue {
    () => {
        concat!(
    "WITH requested AS (",
    links::request!("$3::text", "$2::text", "$5", "$11", "$9", "$12", "$13", "$14", ""),
    "), p AS MATERIALIZED (
        SELECT (SELECT id FROM auth_user WHERE id = $4 FOR KEY SHARE) AS id, clock_timestamp() AS now,
            CASE WHEN requested_at > $13::timestamptz THEN interval '0' ELSE $9::timestamptz - requested_at END AS age
        FROM requested
    ), older AS (
        UPDATE phone_auth_outbox o SET requested_at = o.requested_at - interval '1 microsecond' FROM requested
        WHERE o.address_id = $5 AND o.kind = $3 AND o.purpose = $2 AND o.died_at IS NOT NULL
            AND o.requested_at = requested.requested_at
    ), place AS MATERIALIZED (
        SELECT o.id, o.created_at AS made_at, o.binding_parts AS parts, o.receipts AS told, NOT ",
    is_in_doubt!(),
    "       AND (o.leased_attempt IS DISTINCT FROM o.attempts OR o.ready_attempt = o.attempts) AS is_known
        FROM phone_auth_outbox o WHERE o.address_id = $5 AND o.kind = $3 AND o.purpose = $2 AND o.died_at IS NULL
            AND EXISTS (SELECT 1 FROM p)
        ORDER BY o.id LIMIT 1 FOR UPDATE
    ), superseded AS (
        UPDATE phone_auth_outbox o SET
            message_key = $1, person_id = p.id, binding = $6, binding_parts = $7, language = $8,
            created_at = $9::timestamptz - p.age, enqueued_at = p.now - p.age, expires_at = $10::timestamptz - p.age,
            attempts = CASE WHEN leased_attempt = attempts AND due_at > p.now OR ready_attempt = attempts
                THEN attempts ELSE LEAST(attempts, 9223372036854775806) + 1 END,
            ready_attempt = CASE WHEN leased_attempt = attempts AND due_at > p.now OR ready_attempt = attempts
                THEN attempts ELSE LEAST(attempts, 9223372036854775806) + 1 END,
            leased_attempt = CASE WHEN leased_attempt = attempts AND due_at > p.now THEN leased_attempt END,
            waits_since = CASE WHEN leased_attempt = attempts AND due_at > p.now THEN waits_since END,
            due_at = CASE WHEN leased_attempt = attempts AND due_at > p.now OR ready_attempt = attempts
                THEN due_at ELSE LEAST(due_at, p.now) END,
            earlier_receipts = CASE receipts WHEN '[]' THEN earlier_receipts ELSE receipts END,
            receipts = '[]', requested_at = (SELECT requested_at FROM requested), channel = $15
        FROM p, place WHERE o.id = place.id AND o.died_at IS NULL RETURNING 1
    ), enqueued AS (
    INSERT INTO phone_auth_outbox
    (message_key, purpose, kind, person_id, address_id, binding, binding_parts, language, created_at, enqueued_at,
        expires_at, due_at, requested_at, channel)
    SELECT $1, $2, $3, p.id, CASE WHEN p.id IS NULL THEN NULL ELSE $5 END, $6, $7, $8,
        $9::timestamptz - p.age, p.now - p.age, $10::timestamptz - p.age,
        CASE WHEN p.id IS NULL THEN p.now + interval '100 years' ELSE LEAST($9, p.now) END,
        (SELECT requested_at FROM requested), $15
    FROM p WHERE NOT EXISTS (SELECT 1 FROM superseded)
    )
    SELECT ARRAY[(extract(epoch FROM made_at) * 1000000)::int8::text, parts, told] FROM place
    WHERE is_known AND made_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 00:00:00+00'"
)
    };
}

/// Enqueues the notices of a change: those in a list of JSON that [`notices_text`](super::notices_text) makes, if the table
/// that is named has a row, with the user in this column. They have no address, so they supersede no other and are superseded by none.
macro_rules! enqueue_notices {
    ($changed:literal, $user:literal, $notices:literal) => {
        concat!(
            "INSERT INTO phone_auth_outbox (message_key, purpose, kind, person_id, binding, language, created_at, enqueued_at,
                expires_at, due_at, notice, channel)
            SELECT n->>'key', n->>'purpose', n->>'kind', ",
            $changed,
            ".",
            $user,
            ", ''::bytea, n->>'language', (n->>'created_at')::timestamptz, clock_timestamp(),
                (n->>'expires_at')::timestamptz, LEAST((n->>'created_at')::timestamptz, clock_timestamp()), n->>'notice', n->>'channel'
            FROM ",
            $changed,
            " CROSS JOIN json_array_elements(",
            $notices,
            "::json) n"
        )
    };
}
pub(crate) use enqueue_notices;

/// Enqueues what tells those who have lost an address by the proof of another user: of the texts that `losses_text` makes those
/// whose row or claim is among the ones that have ended.
macro_rules! enqueue_losses {
    ($ended:literal, $losses:literal) => {
        concat!(
            "INSERT INTO phone_auth_outbox (message_key, purpose, kind, person_id, binding, language, created_at, enqueued_at,
                expires_at, due_at, notice, channel)
            SELECT n->>'key', n->>'purpose', n->>'kind', e.user_id, ''::bytea, n->>'language',
                (n->>'created_at')::timestamptz, clock_timestamp(), (n->>'expires_at')::timestamptz,
                LEAST((n->>'created_at')::timestamptz, clock_timestamp()), n->>'notice', n->>'channel'
            FROM json_array_elements(",
            $losses,
            "::json) l CROSS JOIN json_array_elements(l->'notices') n
                JOIN ",
            $ended,
            " e ON e.id = (l->>'address')::int8 AND e.user_id = (l->>'user')::int8"
        )
    };
}
pub(crate) use enqueue_losses;

/// Enqueues one notice, of a user who is there.
pub(crate) const ENQUEUE_NOTICE: &str = concat!(
    "WITH one_user AS (SELECT id FROM auth_user WHERE id = $1 FOR KEY SHARE) ",
    enqueue_notices!("one_user", "id", "$2")
);

/// Removes a message to nobody before anyone has seen it.
macro_rules! forget {
    () => {
        "DELETE FROM phone_auth_outbox WHERE message_key = $1 AND person_id IS NULL"
    };
}

/// What [`ENQUEUE`] does, each to be looked at by itself.
#[cfg(test)]
pub(crate) const PARTS_OF_ENQUEUE: [&str; 2] = [enqueue!(), forget!()];

/// Enqueues a message, all in one: a function takes the lock of where it goes, the last argument, and does the rest by
/// statements that see what those did who held the lock before. The challenge of its code begins with it, if there is one.
pub(crate) const ENQUEUE: &str = concat!(
    "WITH ",
    challenges::ended!(),
    ", begun AS (",
    challenges::begin!(),
    ") SELECT phone_auth_enqueue_over($14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28,
        $29)"
);

/// The same for two messages, the second of which the challenge comes with: it is of both. The function is called for one
/// after the other, in this order, so that two who have two sent lock in one order.
pub(crate) const ENQUEUE_BOTH: &str = concat!(
    "WITH ",
    challenges::ended!(),
    ", begun AS (",
    challenges::begin!(),
    ") SELECT phone_auth_enqueue_over($14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28,
        $29), phone_auth_enqueue_over($30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45)"
);

/// The function that [`ENQUEUE`] calls. Once it has been released it is never changed: what must be different has another
/// name and a step of its own, since servers of the version before go on calling this one.
pub(crate) const ENQUEUE_FUNCTION: &str = concat!(
    "CREATE FUNCTION phone_auth_enqueue_over(text, text, text, bigint, bigint, bytea, text, text, timestamptz, timestamptz,
        bigint, timestamptz, timestamptz, timestamptz, text, integer) RETURNS text[] LANGUAGE plpgsql AS $body$
    DECLARE older text[];
    BEGIN
    PERFORM pg_advisory_xact_lock(1885892462, $16);
    ",
    enqueue!(),
    " INTO older;
    ",
    forget!(),
    ";
    RETURN older;
    END $body$"
);

/// The function that servers of the version before call, which tells nothing.
pub(crate) const OLD_ENQUEUE_FUNCTION: &str =
    "CREATE FUNCTION phone_auth_enqueue(text, text, text, bigint, bigint, bytea, text, text, timestamptz, timestamptz,
        bigint, timestamptz, timestamptz, timestamptz, text, integer) RETURNS void LANGUAGE plpgsql AS $body$ BEGIN
    PERFORM phone_auth_enqueue_over($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);
    END $body$";

pub(crate) const PENDING: &str = "SELECT count(*) FROM (
        SELECT 1 FROM phone_auth_outbox
        WHERE died_at IS NULL AND due_at >= '-infinity' AND purpose <> 'event' LIMIT $1
    ) m";

/// The time that a worker gives, if it is not ahead of the clock here: else it would take leases for ended ones that
/// someone holds. Nor is it that of the transaction, which a proxy may have begun earlier.
macro_rules! now {
    () => {
        "LEAST($1, statement_timestamp())"
    };
}

/// Has some of the messages wait anew that wait since a time ahead: the clock was set back. What was put off is due, a
/// lease runs for its whole length. How many they were.
pub(crate) const WAIT_ANEW: &str = concat!(
    "WITH ahead AS (
        SELECT id FROM phone_auth_outbox WHERE died_at IS NULL AND waits_since > ",
    now!(),
    "   AND isfinite(waits_since) AND isfinite(due_at)
        LIMIT $2 FOR UPDATE SKIP LOCKED
    ), anew AS (
        UPDATE phone_auth_outbox o SET waits_since = ",
    now!(),
    ",      due_at = CASE WHEN leased_attempt = attempts THEN ",
    now!(),
    " + (due_at - waits_since) ELSE ",
    now!(),
    " END
        FROM ahead WHERE o.id = ahead.id RETURNING 1
    )
    SELECT count(*) FROM anew"
);

/// Whether a message of the queue `q` is for this version, or its link is over. A time that cannot be read is none ahead.
macro_rules! is_ours {
    () => {
        concat!(
            "(q <> '' OR expires_at <= ",
            now!(),
            " OR expires_at >= '10000-01-01 00:00:00+00')"
        )
    };
}

/// What is ready and what has become due of some queues, those first that have waited longest. From each queue those
/// are looked at that come first, and nothing of the others. What someone else is claiming is left to them.
pub(crate) const CLAIM: &str = concat!(
    "WITH ready AS MATERIALIZED (
        SELECT m.id FROM unnest($4::text[]) q CROSS JOIN LATERAL (
            SELECT id FROM phone_auth_outbox WHERE ",
    is_ready!(),
    "       AND ",
    queue!(),
    " = q AND ",
    is_ours!(),
    " ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
        ) m
    ), due AS MATERIALIZED (
        SELECT m.id FROM unnest($4::text[]) q CROSS JOIN LATERAL (
            SELECT id FROM phone_auth_outbox WHERE died_at IS NULL AND due_at <= ",
    now!(),
    "       AND ",
    queue!(),
    " = q AND ",
    is_ours!(),
    " ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
        ) m
    ), first AS MATERIALIZED (
        SELECT m.id, CASE WHEN m.attempts NOT BETWEEN 0 AND 4294967294 THEN 12
            WHEN m.due_at < '0001-01-01 00:00:00+00' OR m.due_at >= '10000-01-01 00:00:00+00' THEN 15 END AS odd
        FROM (SELECT id FROM ready UNION SELECT id FROM due) it JOIN phone_auth_outbox m ON m.id = it.id
        ORDER BY LEAST(m.due_at, $1), m.id LIMIT $3
    )
    UPDATE phone_auth_outbox o SET due_at = $2, waits_since = $1,
        attempts = CASE WHEN first.odd IS NULL THEN attempts + 1 ELSE attempts END,
        leased_attempt = CASE WHEN first.odd IS NULL THEN attempts + 1 ELSE attempts END,
        unended_attempt = CASE WHEN first.odd IS NULL AND leased_attempt = attempts THEN attempts ELSE unended_attempt END
    FROM first WHERE o.id = first.id RETURNING ",
    message_columns!(),
    ", first.odd"
);

/// What must be so for the one who has a lease.
macro_rules! held {
    () => {
        "id = $1 AND attempts = $2 AND leased_attempt = $2 AND died_at IS NULL"
    };
}

/// Of a message that is superseded, nothing is kept but that its lease goes on.
pub(crate) const EXTEND: &str = concat!(
    "UPDATE phone_auth_outbox SET waits_since = $4, due_at = $5,
        receipts = CASE message_key WHEN $3 THEN $6 ELSE receipts END,
        earlier_receipts = CASE message_key WHEN $3 THEN NULL ELSE earlier_receipts END
    WHERE ",
    held!(),
    " RETURNING message_key = $3"
);

pub(crate) const PUT_OFF: &str = concat!(
    "UPDATE phone_auth_outbox
    SET waits_since = $4, due_at = $5, receipts = $6, earlier_receipts = NULL, failures = $7, leased_attempt = NULL WHERE ",
    held!(),
    " AND message_key = $3 RETURNING 1"
);

/// The lease ends with the attempt that had it.
pub(crate) const RELEASE: &str = concat!(
    "UPDATE phone_auth_outbox
    SET attempts = attempts + 1, ready_attempt = attempts + 1, leased_attempt = NULL, failures = $4, earlier_receipts = $5,
        waits_since = NULL, due_at = LEAST(due_at, enqueued_at) WHERE ",
    held!(),
    " AND message_key <> $3 RETURNING 1"
);

pub(crate) const REMOVE: &str = concat!(
    "DELETE FROM phone_auth_outbox WHERE ",
    held!(),
    " AND message_key = $3 RETURNING 1"
);

/// Of the dead letters of one purpose to one address the newest is kept.
pub(crate) const DEAD_LETTER: &str = concat!(
    "WITH dead_letters AS (
        UPDATE phone_auth_outbox SET died_at = $4, reason = $5, receipts = $6 WHERE ",
    held!(),
    "   AND message_key = $3 RETURNING id, address_id, kind, purpose
    ), older AS (
        DELETE FROM phone_auth_outbox o USING dead_letters b WHERE o.address_id = b.address_id AND o.kind = b.kind
            AND o.purpose = b.purpose AND o.died_at IS NOT NULL AND o.id <> b.id
    )
    SELECT 1 FROM dead_letters"
);

/// Whether a lease is held, be the message superseded or not.
pub(crate) const HELD: &str = concat!("SELECT 1 FROM phone_auth_outbox WHERE ", held!());

pub(crate) const DEAD_LETTER_UNREADABLE: &str =
    "UPDATE phone_auth_outbox SET died_at = $2, reason = $3
    WHERE id = $1 AND died_at IS NULL";

/// Not that of the transaction, which a proxy may have begun earlier.
pub(super) const CLOCK: &str = "SELECT clock_timestamp()";

/// Whether something is ready; else when the next message is due, or the link of one is over that is left to a later
/// version. What comes before all times that can be read is due.
pub(crate) const NEXT_DUE: &str = concat!(
    "SELECT EXISTS (SELECT 1 FROM phone_auth_outbox WHERE ",
    is_ready!(),
    " AND ",
    queue!(),
    " <> '') OR coalesce(m.due_at < '0001-01-01 00:00:00+00', false), ",
    rows::readable!("m.due_at"),
    " FROM (SELECT LEAST((
        SELECT due_at FROM phone_auth_outbox WHERE died_at IS NULL AND due_at >= '-infinity' AND ",
    queue!(),
    " <> '' ORDER BY due_at LIMIT 1
    ), (SELECT min(GREATEST(due_at, expires_at)) FROM phone_auth_outbox WHERE died_at IS NULL AND ",
    queue!(),
    " = '')) AS due_at) m"
);

pub(crate) const MESSAGE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox o WHERE o.id = $1"
);

pub(crate) const MESSAGES_AFTER: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox o WHERE o.id > $1 ORDER BY o.id LIMIT $2"
);

/// Where a message goes, which no statement changes. Names its lock.
pub(crate) const TARGET: &str =
    "SELECT purpose, kind, address_id FROM phone_auth_outbox WHERE id = $1 AND died_at IS NOT NULL";

/// Of a dead letter, unless a newer message of its purpose to its address is pending or a newer link was asked for,
/// which would stop working. It counts as a request for a link. Runs while the address is locked, as [`ENQUEUE`] does:
/// of a retry and a newer message at once, one must see the other.
pub(crate) const REQUEUE: &str = concat!(
    "WITH letter AS (
        SELECT m.id, m.kind, m.purpose, m.address_id, EXISTS (SELECT 1 FROM phone_auth_outbox o WHERE o.address_id = m.address_id AND o.kind = m.kind
            AND o.purpose = m.purpose AND o.died_at IS NULL)
            OR EXISTS (SELECT 1 FROM phone_auth_link_request r WHERE r.kind = m.kind AND r.purpose = m.purpose
                AND r.holder = m.address_id AND r.requested_at > m.requested_at) AS is_superseded
        FROM phone_auth_outbox m WHERE m.id = $1 AND m.died_at IS NOT NULL FOR UPDATE
    ), requested AS (",
    links::request!(
        "l.kind",
        "l.purpose",
        "l.address_id",
        "$8",
        "$2",
        "'infinity'",
        "'-infinity'",
        "NULL",
        " FROM letter l WHERE NOT l.is_superseded"
    ),
    "), requeued AS (
        UPDATE phone_auth_outbox o
        SET died_at = NULL, reason = NULL, attempts = attempts + 1, ready_attempt = attempts + 1, leased_attempt = NULL,
            waits_since = NULL, failures = 0, created_at = $2, enqueued_at = clock_timestamp(), due_at = LEAST($2, clock_timestamp()),
            expires_at = $3, receipts = $4, earlier_receipts = NULL, message_key = $5, binding = $6, binding_parts = $7,
            requested_at = (SELECT requested_at FROM requested)
        FROM letter WHERE o.id = letter.id AND NOT letter.is_superseded AND o.died_at IS NOT NULL RETURNING o.id
    )
    SELECT letter.is_superseded, EXISTS (SELECT 1 FROM requeued) FROM letter"
);

pub(crate) const PURGE: &str = "WITH purged AS (
        DELETE FROM phone_auth_outbox WHERE id IN (
            SELECT id FROM phone_auth_outbox WHERE died_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
        ) RETURNING 1
    )
    SELECT count(*) FROM purged";
