//! Claims, on PostgreSQL: addresses that users have added while others held them without proof.

use phone_auth_core::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, AddressRemoval, RemovalOutcome,
};
use phone_auth_core::outbox::Notices;
use phone_auth_core::store::{StoreError, StoreErrorKind, UniqueName};
use phone_auth_core::user::UserId;
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::outbox;
use crate::outbox::statements::enqueue_notices;
use crate::pool::Query;
use crate::replacements::replaces;
use crate::rows::{self, past, user_columns};
use crate::spellings::{Texts, is_email, is_phone};
use crate::store::PostgresStore;
use crate::{locks, users};

/// Whether more than unproven rows of others keep the user `$2` from an email address.
macro_rules! is_email_kept {
    ($emails:literal) => {
        $crate::taken::is_email_taken!(
            $emails,
            " AND id <> $2",
            " AND id <> $2 AND (SELECT true FROM phone_auth_emailaddress a WHERE a.user_id = auth_user.id
                AND a.is_verified IS NOT TRUE
                AND lower(a.email COLLATE \"C\") = lower(auth_user.email COLLATE \"C\") LIMIT 1) IS NULL",
            " AND (is_verified OR user_id = $2)"
        )
    };
}

/// The same of a phone number.
macro_rules! is_phone_kept {
    ($numbers:literal, $digits:literal) => {
        $crate::taken::is_phone_taken!(
            $numbers,
            $digits,
            " AND id <> $2",
            " AND (is_verified OR user_id = $2)"
        )
    };
}
/// How many addresses and claims the user `$2` has, and how many of them are not verified; of more than `$3` any so many.
macro_rules! has {
    () => {
        "SELECT ARRAY[count(*), count(*) FILTER (WHERE is_verified IS NOT TRUE)] FROM (
            SELECT is_verified FROM phone_auth_emailaddress WHERE user_id = $2
            UNION ALL
            SELECT is_verified FROM phone_auth_phonenumber WHERE user_id = $2
            UNION ALL
            SELECT is_proven FROM phone_auth_claim WHERE user_id = $2 AND NOT is_proven
            LIMIT $3
        ) own"
    };
}

pub(crate) use {has, is_email_kept, is_phone_kept};

/// The statements about one kind.
pub(crate) struct Statements {
    /// Stores a claim, no matter who has the address. Runs while the addresses of the user are locked.
    pub(crate) add: &'static str,
    pub(crate) with_user: &'static str,
    /// All who have an address, in whatever spelling, and all who claim it. Ordered after all are found: else the server might walk
    /// through everybody's in that order.
    pub(crate) holders: &'static str,
    /// The claim, its user, and the newest request for a link.
    pub(crate) target: &'static str,
}

macro_rules! statements {
    ($kind:literal, $table:literal, $column:literal, $is_added:expr, $is_held:expr, $notices:literal, $replaces:expr) => {
        Statements {
            add: concat!(
                "WITH looked AS (
                    SELECT EXISTS (SELECT 1 FROM auth_user WHERE id = $2) AS has_user,
                        EXISTS (SELECT 1 FROM ",
                $table,
                " WHERE user_id = $2 AND (",
                $is_added,
                ")) AS is_own, (",
                has!(),
                ") AS has
                ), claimed AS (
                    INSERT INTO phone_auth_claim AS c (user_id, kind, value)
                    SELECT $2, '",
                $kind,
                "', $1 FROM looked WHERE has_user AND NOT is_own AND has[1] < $3 AND has[2] < $4
                    ON CONFLICT (user_id, kind, value) DO UPDATE SET is_proven = false WHERE c.is_proven
                    RETURNING id, value, is_proven, user_id
                ), noticed AS (",
                enqueue_notices!("claimed", "user_id", $notices),
                "), replaced AS (",
                $replaces,
                ")
                SELECT has_user, NOT EXISTS (SELECT 1 FROM claimed), has[1] >= $3, has[2] >= $4,
                    claimed.id, claimed.value, claimed.is_proven, claimed.user_id
                FROM looked LEFT JOIN claimed ON true"
            ),
            with_user: concat!(
                "SELECT ",
                user_columns!(),
                ", c.id, c.value, c.is_proven, c.user_id
                FROM phone_auth_claim c JOIN auth_user u ON u.id = c.user_id WHERE c.id = $1 AND c.kind = '",
                $kind,
                "'"
            ),
            holders: concat!(
                "SELECT ",
                user_columns!(),
                ", h.id, h.value, h.is_verified, h.user_id FROM (
                    (WITH held AS MATERIALIZED (SELECT id::int8, ",
                $column,
                "::text AS value, is_verified, user_id::int8 FROM ",
                $table,
                " WHERE ",
                $is_held,
                ") SELECT * FROM held ORDER BY id LIMIT $3)
                    UNION ALL
                    (WITH claimed AS MATERIALIZED (SELECT id, value, is_proven, user_id FROM phone_auth_claim
                        WHERE kind = '",
                $kind,
                "' AND value = ANY($2) AND NOT is_proven)
                    SELECT * FROM claimed ORDER BY id DESC LIMIT $3)
                ) h JOIN auth_user u ON u.id = h.user_id ORDER BY h.id"
            ),
            target: concat!(
                "SELECT ",
                user_columns!(),
                ", c.id, c.value, c.is_proven, c.user_id, ",
                past!("r.requested_at"),
                ", ",
                past!("r.code_at"),
                ", false
                FROM phone_auth_claim c JOIN auth_user u ON u.id = c.user_id
                LEFT JOIN phone_auth_link_request r ON r.kind = c.kind AND r.purpose = $2 AND r.holder = c.id
                WHERE c.id = $1 AND c.kind = '",
                $kind,
                "'"
            ),
        }
    };
}

const EMAIL: Statements = statements!(
    "email",
    "phone_auth_emailaddress",
    "email",
    is_email!("$5"),
    is_email!("$1"),
    "$6",
    replaces!("claimed", "email", "$7", "$8")
);

const PHONE: Statements = statements!(
    "phone",
    "phone_auth_phonenumber",
    "phone",
    is_phone!("$5", "$6"),
    is_phone!("$1", "$4"),
    "$7",
    replaces!("claimed", "phone", "$8", "$9")
);

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// Removes a claim: it is no way in.
pub(crate) const REMOVE: &str = concat!(
    "WITH replaced AS (
        DELETE FROM phone_auth_replacement
        WHERE user_id = $2 AND kind = $3 AND old_id = $1 AND new_id = $5::int8 RETURNING 1
    ), removed AS (
        DELETE FROM phone_auth_claim WHERE id = $1 AND user_id = $2 AND kind = $3
            AND ($5::int8 IS NULL OR EXISTS (SELECT 1 FROM replaced))
        RETURNING user_id
    ), noticed AS (",
    enqueue_notices!("removed", "user_id", "$4"),
    ")
    SELECT 1 FROM removed"
);

/// Stores an address or a claim by this statement.
pub(crate) async fn add(
    store: &PostgresStore,
    statement: &'static str,
    (user, address, caps): (UserId, &Address, AddressCaps),
    notices: &Notices,
) -> Result<AddressRecord, StoreError> {
    let add = query(statement)
        .bind(address.as_str())
        .bind(user.get())
        .bind(i64::from(caps.all))
        .bind(i64::from(caps.unverified));
    // Of two that are added at once, one must see the other in the count.
    let count = format!("addresses of {}", user.get());
    let texts = Texts::of(address);
    let lock = locks::of_names(texts.to_lock().chain([count.as_str()]));
    let add = add.bind(texts.texts);
    let add = match address.kind() {
        AddressKind::Email => add,
        AddressKind::Phone => add.bind(texts.digits),
    };
    let (old, asked_at) = caps.replaces.unzip();
    let add = add
        .bind(outbox::notices_text(notices))
        .bind(old.map(AddressId::get))
        .bind(asked_at.map(rows::micros));
    let row = store
        .first_locked_at(&users::lock(user), &lock, add)
        .await?;
    Ok(added(row.as_ref(), address.kind())?)
}

/// The address that was stored, or what kept it from that.
fn added(row: Option<&PgRow>, kind: AddressKind) -> Result<AddressRecord, Failure> {
    let row = row.ok_or(StoreErrorKind::Broken)?;
    let (has_user, is_taken): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if !has_user {
        return Err(StoreErrorKind::NoSuchUser.into());
    }
    if row.try_get(2)? {
        return Err(StoreErrorKind::TooManyAddresses.into());
    }
    if row.try_get(3)? {
        return Err(StoreErrorKind::TooManyUnverified.into());
    }
    if is_taken {
        let name = match kind {
            AddressKind::Email => UniqueName::Email,
            AddressKind::Phone => UniqueName::Phone,
        };
        return Err(StoreErrorKind::Taken(name).into());
    }
    rows::address(row, kind, 4)
}

/// Removes a claim.
pub(crate) async fn remove(
    store: &PostgresStore,
    removal: &AddressRemoval,
) -> Result<RemovalOutcome, StoreError> {
    let remove = of_user(REMOVE, removal.id, removal.user, removal.kind)
        .bind(outbox::notices_text(&removal.notices))
        .bind(removal.replaced_by.map(AddressId::get));
    let lock = users::lock(removal.user);
    Ok(match store.first_locked(&lock, remove).await? {
        Some(_) => RemovalOutcome::Removed,
        None => RemovalOutcome::Gone,
    })
}

pub(crate) fn of_user(
    statement: &'static str,
    id: AddressId,
    user: UserId,
    kind: AddressKind,
) -> Query<'static> {
    query(statement)
        .bind(id.get())
        .bind(user.get())
        .bind(kind.as_str())
}
