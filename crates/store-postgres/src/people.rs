//! People, on PostgreSQL.

use async_trait::async_trait;
use phone_auth_core::address::{EmailAddress, PhoneNumber};
use phone_auth_core::person::{
    AccountName, FoundPerson, NewPerson, Person, PersonId, TakenNames, WantedNames,
};
use phone_auth_core::session::{PasswordDigest, PasswordReplacement};
use phone_auth_core::store::{PersonStore, StoreError, StoreErrorKind, UniqueName};
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::query;

use crate::failure::Failure;
use crate::locks;
use crate::rows::{self, PERSON_COLUMNS, person_columns, readable, sought};
use crate::store::PostgresStore;

pub(crate) const PERSON: &str = concat!(
    "SELECT ",
    person_columns!(),
    " FROM auth_user u WHERE u.id = $1"
);

pub(crate) const PEOPLE_AFTER: &str = concat!(
    "SELECT ",
    person_columns!(),
    " FROM auth_user u WHERE u.id > $1 ORDER BY u.id LIMIT $2"
);

/// Every reading of a name at once, whichever are given: NULL matches nothing. In the collation "C"
/// `lower` knows ASCII only, as the port asks; in that of a database it may know anything. The last
/// column says whether somebody else is meant as well.
pub(crate) const FIND: &str = concat!(
    "SELECT ",
    person_columns!(),
    ", m.id::int8, m.value::text, m.is_verified, m.user_id::int8, m.kind,
        CASE WHEN m.rank IN (2, 3) THEN EXISTS (SELECT 1 FROM phone_auth_emailaddress o
                WHERE lower(o.email COLLATE \"C\") = lower($2 COLLATE \"C\") AND o.user_id <> m.user_id)
            WHEN m.rank = 5 THEN EXISTS (SELECT 1 FROM auth_user o
                WHERE lower(o.username COLLATE \"C\") = lower($3 COLLATE \"C\") AND o.id <> m.user_id)
            ELSE false END
    FROM (
        SELECT 1 AS rank, id, phone AS value, is_verified, user_id, 'phone' AS kind
            FROM phone_auth_phonenumber WHERE phone = $1
        UNION ALL
        SELECT CASE WHEN email = $2 THEN 2 ELSE 3 END, id, email, is_verified, user_id, 'email'
            FROM phone_auth_emailaddress
            WHERE lower(email COLLATE \"C\") = lower($2 COLLATE \"C\")
        UNION ALL
        SELECT CASE WHEN username = $3 THEN 4 ELSE 5 END, NULL, NULL, NULL, id, NULL
            FROM auth_user
            WHERE lower(username COLLATE \"C\") = lower($3 COLLATE \"C\")
    ) m JOIN auth_user u ON u.id = m.user_id
    ORDER BY m.rank, m.user_id LIMIT 1"
);

/// Which of a username `$1`, an e-mail address `$2` and a phone number `$3` somebody has.
macro_rules! taken {
    () => {
        "SELECT
            EXISTS (SELECT 1 FROM auth_user
                WHERE lower(username COLLATE \"C\") = lower($1 COLLATE \"C\")) AS username,
            EXISTS (SELECT 1 FROM phone_auth_emailaddress
                WHERE lower(email COLLATE \"C\") = lower($2 COLLATE \"C\"))
                OR EXISTS (SELECT 1 FROM auth_user
                    WHERE lower(email COLLATE \"C\") = lower($2 COLLATE \"C\"))
                OR EXISTS (SELECT 1 FROM auth_user
                    WHERE lower(username COLLATE \"C\") = lower($2 COLLATE \"C\")) AS email,
            EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE phone = $3) AS phone"
    };
}

pub(crate) const TAKEN: &str = taken!();

/// Stores a person if nobody has the names. Runs while these are locked.
pub(crate) const CREATE: &str = concat!(
    "WITH taken AS (",
    taken!(),
    "), person AS (
        INSERT INTO auth_user (username, email, first_name, last_name, password, date_joined,
            last_login, is_active, is_staff, is_superuser)
        SELECT $1, coalesce($2, ''), $4, $5, $6, $7, NULL, true, false, false
            FROM taken WHERE NOT (taken.username OR taken.email OR taken.phone)
        RETURNING *
    ), email AS (
        INSERT INTO phone_auth_emailaddress (email, is_verified, user_id)
        SELECT $2, false, id FROM person WHERE $2 IS NOT NULL
    ), phone AS (
        INSERT INTO phone_auth_phonenumber (phone, is_verified, user_id)
        SELECT $3, false, id FROM person WHERE $3 IS NOT NULL
    )
    SELECT taken.username, taken.email, taken.phone, ",
    person_columns!(),
    " FROM taken LEFT JOIN person u ON true"
);

pub(crate) const LET_IN: &str = "UPDATE auth_user SET is_active = true WHERE id = $1 RETURNING 1";

/// Runs while the person is locked.
pub(crate) const KEEP_OUT: &str = "WITH person AS (
        UPDATE auth_user SET is_active = false WHERE id = $1 RETURNING id
    ), ended AS (
        DELETE FROM phone_auth_session WHERE person_id IN (SELECT id FROM person)
    )
    SELECT 1 FROM person";

/// Runs while the person is locked. NULL differs from no digest, so that without one to keep all end.
pub(crate) const REPLACE_PASSWORD: &str = concat!(
    "WITH person AS (
        UPDATE auth_user SET password = $3
        WHERE id = $1 AND coalesce(password, '') = $2 AND is_active
            AND (NOT $5 OR ",
    readable!("last_login"),
    " IS NOT DISTINCT FROM $6)
        RETURNING id
    ), ended AS (
        DELETE FROM phone_auth_session
        WHERE person_id IN (SELECT id FROM person) AND digest IS DISTINCT FROM $4
    ), moved AS (
        UPDATE phone_auth_session SET digest = $7, password_digest = $8
        WHERE person_id IN (SELECT id FROM person) AND digest = $4
    )
    SELECT 1 FROM person"
);

#[async_trait]
impl PersonStore for PostgresStore {
    async fn create_person(&self, new: &NewPerson) -> Result<Person, StoreError> {
        let email = new.email.as_ref().map(EmailAddress::as_str);
        let lock = locks::of_names(std::iter::once(new.username.as_str()).chain(email));
        let create = query(CREATE)
            .bind(&new.username)
            .bind(email)
            .bind(new.phone.as_ref().map(PhoneNumber::as_str))
            .bind(&new.first_name)
            .bind(&new.last_name)
            .bind(new.password.reveal())
            .bind(rows::micros(new.date_joined));
        let row = self.first_locked(&lock, create).await?;
        Ok(created(row.as_ref())?)
    }

    async fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        let row = self.first(query(PERSON).bind(id.get())).await?;
        Ok(row.map(|row| rows::person(&row, 0)).transpose()?)
    }

    async fn find_person(&self, name: &AccountName) -> Result<Option<FoundPerson>, StoreError> {
        let find = query(FIND)
            .bind(name.phone.as_ref().map(PhoneNumber::as_str))
            .bind(name.email.as_ref().map(EmailAddress::as_str))
            .bind(name.username.as_deref().and_then(sought));
        let row = self.first(find).await?;
        Ok(row.as_ref().map(found).transpose()?)
    }

    async fn taken_names(&self, wanted: &WantedNames<'_>) -> Result<TakenNames, StoreError> {
        let look = query(TAKEN)
            .bind(wanted.username.and_then(sought))
            .bind(wanted.email.map(EmailAddress::as_str))
            .bind(wanted.phone.map(PhoneNumber::as_str));
        let row = self.first(look).await?;
        Ok(row.as_ref().map_or_else(no_row, taken)?)
    }

    async fn people_after(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<Person>, StoreError> {
        let page = query(PEOPLE_AFTER)
            .bind(after.map_or(i64::MIN, PersonId::get))
            .bind(i64::from(limit));
        let rows = self.run(page).await?;
        let people = rows.iter().map(|row| rows::person(row, 0));
        Ok(people.collect::<Result<_, _>>()?)
    }

    async fn set_active(&self, id: PersonId, active: bool) -> Result<bool, StoreError> {
        let changed = if active {
            let _pass = self.at(&lock(id)).await?;
            self.first(query(LET_IN).bind(id.get())).await?
        } else {
            self.first_locked(&lock(id), query(KEEP_OUT).bind(id.get()))
                .await?
        };
        Ok(changed.is_some())
    }

    async fn replace_password(
        &self,
        replacement: &PasswordReplacement,
    ) -> Result<bool, StoreError> {
        let Some(old) = sought(replacement.old.reveal()) else {
            return Ok(false);
        };
        let kept = replacement.keeps.as_ref();
        let replace = query(REPLACE_PASSWORD)
            .bind(replacement.person.get())
            .bind(old)
            .bind(replacement.new.reveal())
            .bind(kept.as_ref().map(|kept| kept.digest.as_bytes().as_slice()))
            .bind(replacement.last_login.is_some())
            .bind(replacement.last_login.flatten().map(rows::micros))
            .bind(kept.as_ref().map(|kept| kept.becomes.as_bytes().as_slice()))
            .bind(PasswordDigest::of(&replacement.new).as_bytes().as_slice());
        let lock = lock(replacement.person);
        Ok(self.first_locked(&lock, replace).await?.is_some())
    }
}

/// The statement that locks a person's row, as a log-in does too. Whoever ends all sessions of a person
/// must see the one that a log-in begins meanwhile: a statement sees only what was committed before it
/// began, so it must not begin before it has the row.
pub(crate) fn lock(id: PersonId) -> String {
    format!(
        "SELECT 1 FROM auth_user WHERE id = {} FOR NO KEY UPDATE",
        id.get()
    )
}

/// The person whom [`CREATE`] has stored, or the name that kept it from that.
fn created(row: Option<&PgRow>) -> Result<Person, Failure> {
    let Some(row) = row else {
        return no_row();
    };
    let names = taken(row)?;
    let first = [
        (names.username, UniqueName::Username),
        (names.email, UniqueName::Email),
        (names.phone, UniqueName::Phone),
    ]
    .into_iter()
    .find(|(is_taken, _)| *is_taken);
    match first {
        Some((_, name)) => Err(StoreErrorKind::Taken(name).into()),
        None => rows::person(row, 3),
    }
}

/// The names in the first three columns.
fn taken(row: &PgRow) -> Result<TakenNames, Failure> {
    Ok(TakenNames {
        username: row.try_get(0)?,
        email: row.try_get(1)?,
        phone: row.try_get(2)?,
    })
}

/// Who was found, and by which address.
fn found(row: &PgRow) -> Result<FoundPerson, Failure> {
    if row.try_get(PERSON_COLUMNS + 5)? {
        return Err(StoreErrorKind::Ambiguous.into());
    }
    let address = match rows::kind(row, PERSON_COLUMNS + 4)? {
        Some(kind) => Some(rows::address(row, kind, PERSON_COLUMNS)?),
        None => None,
    };
    let person = rows::person(row, 0)?;
    Ok(FoundPerson { person, address })
}

/// A statement that always answers a row has answered none.
fn no_row<T>() -> Result<T, Failure> {
    Err(StoreErrorKind::Broken.into())
}
