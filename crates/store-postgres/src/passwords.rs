//! Passwords that are replaced, on PostgreSQL.

use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::store::StoreError;

use crate::links;
use crate::locks;
use crate::outbox;
use crate::outbox::statements::enqueue_notices;
use crate::pool::Query;
use crate::proofs;
use crate::rows::{self, readable, sought};
use crate::spellings::Texts;
use crate::store::PostgresStore;

/// Runs while the user is locked. NULL differs from no digest, so that without one to keep all end.
pub(crate) const REPLACE: &str = concat!(
    "WITH ",
    proofs::since_of_link!("$9", "$10"),
    ", one_user AS (
        UPDATE auth_user SET password = $3, first_name = coalesce($18::text, first_name),
            last_name = coalesce($19::text, last_name), email = ",
    proofs::own_email_after_reset!("$9", "$10", "$11"),
    "
        WHERE id = $1 AND coalesce(password, '') = $2 AND is_active
            AND (NOT $5 OR ",
    readable!("last_login"),
    " IS NOT DISTINCT FROM $6)
            AND ",
    links::is_newest!("$9", "$10", "$11", "$12"),
    "
        RETURNING id
    ), ended AS (
        DELETE FROM phone_auth_session
        WHERE person_id IN (SELECT id FROM one_user) AND digest IS DISTINCT FROM $4
    ), moved AS (
        UPDATE phone_auth_session SET digest = $7, password_digest = $8
        WHERE person_id IN (SELECT id FROM one_user) AND digest = $4
    ), noticed AS (",
    enqueue_notices!("one_user", "id", "$14"),
    ")",
    proofs::by_reset!("$9", "$10", "$13", "$15", "$16", "$17"),
    " SELECT 1 FROM one_user"
);

/// Adds what a replacement says of a link, its notices and names to the arguments of a statement.
pub(crate) fn bind_link<'q>(query: Query<'q>, replacement: &'q PasswordReplacement) -> Query<'q> {
    let (link, names) = (replacement.link.as_ref(), replacement.names.as_ref());
    query
        .bind(link.map(|link| link.kind.as_str()))
        .bind(link.map(|link| link.address.get()))
        // A text that no row can have is no row's.
        .bind(link.map(|link| sought(&link.value).unwrap_or_default()))
        .bind(link.and_then(|link| link.newest).map(rows::micros))
        .bind(link.map(|link| rows::micros(link.at)))
        .bind(outbox::notices_text(&replacement.notices))
        .bind(texts_of_link(replacement).texts)
        .bind(replacement.losses.keeps_claims)
        .bind(outbox::losses_text(&replacement.losses))
        .bind(names.map(|it| it.first_name.as_str()))
        .bind(names.map(|it| it.last_name.as_str()))
}

/// The texts of the address that a link was sent to, which it proves.
fn texts_of_link(replacement: &PasswordReplacement) -> Texts {
    let link = replacement.link.as_ref();
    link.map(|link| Texts::of_stored(link.kind, &link.value))
        .unwrap_or_default()
}

/// Runs a statement that replaces a password, while the address of the link and the user are locked.
pub(crate) async fn replace_locked(
    store: &PostgresStore,
    replacement: &PasswordReplacement,
    replace: Query<'_>,
) -> Result<bool, StoreError> {
    let user = locks::of_user(replacement.user);
    let lock = texts_of_link(replacement).lock_before(&user);
    let row = store.first_locked_at(&user, &lock, replace).await?;
    Ok(row.is_some())
}
