//! People, on SQLite.

use async_trait::async_trait;
use phone_auth_core::address::{AddressKind, EmailAddress, PhoneNumber};
use phone_auth_core::django_session::TimeZone;
use phone_auth_core::person::{
    AccountName, FoundPerson, NewPerson, Person, PersonId, TakenNames, WantedNames,
};
use phone_auth_core::session::{KeptSession, PasswordDigest, PasswordReplacement};
use phone_auth_core::store::{PersonStore, StoreError, StoreErrorKind, UniqueName};
use rusqlite::{Connection, params};

use crate::addresses;
use crate::failure::Failure;
use crate::rows::{self, PERSON_COLUMNS, person_columns};
use crate::store::SqliteStore;

pub(crate) const PERSON: &str = concat!(
    "SELECT ",
    person_columns!(),
    " FROM auth_user u WHERE u.id = ?1"
);

pub(crate) const PEOPLE_AFTER: &str = concat!(
    "SELECT ",
    person_columns!(),
    " FROM auth_user u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2"
);

/// Every reading of a name at once, whichever are given: NULL matches nothing. `lower` of SQLite
/// knows ASCII only, as the port asks. The last column says whether somebody else is meant as well.
pub(crate) const FIND: &str = concat!(
    "SELECT ",
    person_columns!(),
    ", m.id, m.value, m.is_verified, m.user_id, m.kind,
        CASE WHEN m.rank IN (2, 3) THEN EXISTS (SELECT 1 FROM phone_auth_emailaddress o
                WHERE lower(o.email) = lower(?2) AND o.user_id <> m.user_id)
            WHEN m.rank = 5 THEN EXISTS (SELECT 1 FROM auth_user o
                WHERE lower(o.username) = lower(?3) AND o.id <> m.user_id)
            ELSE 0 END
    FROM (
        SELECT 1 AS rank, id, phone AS value, is_verified IS TRUE AS is_verified, user_id, 'phone' AS kind
            FROM phone_auth_phonenumber WHERE phone = ?1
        UNION ALL
        SELECT iif(email = ?2, 2, 3), id, email, is_verified IS TRUE, user_id, 'email'
            FROM phone_auth_emailaddress WHERE lower(email) = lower(?2)
        UNION ALL
        SELECT iif(username = ?3, 4, 5), NULL, NULL, NULL, id, NULL
            FROM auth_user WHERE lower(username) = lower(?3)
    ) m JOIN auth_user u ON u.id = m.user_id
    ORDER BY m.rank, m.user_id LIMIT 1"
);

pub(crate) const TAKEN: &str = "SELECT
    EXISTS (SELECT 1 FROM auth_user WHERE lower(username) = lower(?1)),
    EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE lower(email) = lower(?2))
        OR EXISTS (SELECT 1 FROM auth_user WHERE lower(email) = lower(?2))
        OR EXISTS (SELECT 1 FROM auth_user WHERE lower(username) = lower(?2)),
    EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE phone = ?3)";

const INSERT: &str = "INSERT INTO auth_user
    (username, first_name, last_name, email, password, date_joined,
     last_login, is_active, is_staff, is_superuser)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, 1, 0, 0)";

pub(crate) const SET_ACTIVE: &str = "UPDATE auth_user SET is_active = ?2 WHERE id = ?1";

pub(crate) const LAST_LOGIN: &str = "SELECT last_login FROM auth_user WHERE id = ?1";

pub(crate) const REPLACE_PASSWORD: &str =
    "UPDATE auth_user SET password = ?3 WHERE id = ?1 AND ifnull(password, '') = ?2 AND is_active";

/// NULL differs from no digest, so that without one to keep all end.
pub(crate) const END_SESSIONS: &str =
    "DELETE FROM phone_auth_session WHERE person_id = ?1 AND digest IS NOT ?2";

pub(crate) const MOVE_SESSION: &str =
    "UPDATE phone_auth_session SET digest = ?3, password_digest = ?4
    WHERE digest = ?2 AND person_id = ?1";

#[async_trait]
impl PersonStore for SqliteStore {
    async fn create_person(&self, new: &NewPerson) -> Result<Person, StoreError> {
        let (new, zone) = (new.clone(), self.zone());
        self.write(move |connection| create(connection, &new, zone))
            .await
    }

    async fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        self.read(|connection| {
            rows::first(connection, PERSON, [id.get()], |row| {
                rows::person(row, self.zone())
            })
        })
    }

    async fn find_person(&self, name: &AccountName) -> Result<Option<FoundPerson>, StoreError> {
        let phone = name.phone.as_ref().map(PhoneNumber::as_str);
        let email = name.email.as_ref().map(EmailAddress::as_str);
        let readings = (phone, email, name.username.as_deref());
        self.read(|connection| {
            rows::first(connection, FIND, readings, |row| {
                if row.get(PERSON_COLUMNS + 5)? {
                    return Err(StoreErrorKind::Ambiguous.into());
                }
                let address = match rows::kind(row, PERSON_COLUMNS + 4)? {
                    Some(kind) => Some(rows::address(row, kind, PERSON_COLUMNS)?),
                    None => None,
                };
                let person = rows::person(row, self.zone())?;
                Ok(FoundPerson { person, address })
            })
        })
    }

    async fn taken_names(&self, wanted: &WantedNames<'_>) -> Result<TakenNames, StoreError> {
        self.read(|connection| taken(connection, wanted))
    }

    async fn people_after(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<Person>, StoreError> {
        let after = after.map_or(i64::MIN, PersonId::get);
        self.read(|connection| {
            rows::all(connection, PEOPLE_AFTER, (after, limit), |row| {
                rows::person(row, self.zone())
            })
        })
    }

    async fn set_active(&self, id: PersonId, active: bool) -> Result<bool, StoreError> {
        self.write(move |connection| {
            if rows::change(connection, SET_ACTIVE, (id.get(), active))? == 0 {
                return Ok(false);
            }
            if !active {
                rows::change(connection, END_SESSIONS, (id.get(), None::<&[u8]>))?;
            }
            Ok(true)
        })
        .await
    }

    async fn replace_password(
        &self,
        replacement: &PasswordReplacement,
    ) -> Result<bool, StoreError> {
        let (replacement, zone) = (replacement.clone(), self.zone());
        self.write(move |connection| replace_password(connection, &replacement, zone))
            .await
    }
}

/// Stores a person. That nobody has the names is looked up in the same transaction: it holds the one
/// lock there is for writing, so nobody can take them in between.
fn create(connection: &Connection, new: &NewPerson, zone: TimeZone) -> Result<Person, Failure> {
    let names = taken(
        connection,
        &WantedNames {
            username: Some(&new.username),
            email: new.email.as_ref(),
            phone: new.phone.as_ref(),
        },
    )?;
    for (is_taken, name) in [
        (names.username, UniqueName::Username),
        (names.email, UniqueName::Email),
        (names.phone, UniqueName::Phone),
    ] {
        if is_taken {
            return Err(StoreErrorKind::Taken(name).into());
        }
    }
    let email = new.email.as_ref().map(EmailAddress::as_str);
    rows::change(
        connection,
        INSERT,
        params![
            new.username,
            new.first_name,
            new.last_name,
            email.unwrap_or_default(),
            new.password.reveal(),
            rows::model_time_text(new.date_joined, zone)?,
        ],
    )?;
    let id = PersonId::new(connection.last_insert_rowid());
    if let Some(email) = email {
        addresses::insert(connection, AddressKind::Email, id, email)?;
    }
    if let Some(phone) = &new.phone {
        addresses::insert(connection, AddressKind::Phone, id, phone.as_str())?;
    }
    rows::only(connection, PERSON, [id.get()], |row| {
        rows::person(row, zone)
    })
}

/// Which of these names somebody has.
fn taken(connection: &Connection, wanted: &WantedNames<'_>) -> Result<TakenNames, Failure> {
    let email = wanted.email.map(EmailAddress::as_str);
    let phone = wanted.phone.map(PhoneNumber::as_str);
    rows::only(connection, TAKEN, (wanted.username, email, phone), |row| {
        Ok(TakenNames {
            username: row.get(0)?,
            email: row.get(1)?,
            phone: row.get(2)?,
        })
    })
}

/// Replaces a password if all is as described.
pub(crate) fn replace_password(
    connection: &Connection,
    replacement: &PasswordReplacement,
    zone: TimeZone,
) -> Result<bool, Failure> {
    let id = replacement.person.get();
    if let Some(expected) = replacement.last_login {
        // Compared as times: Django and others may have written the same time as another text.
        let expected = expected.map(micros);
        let stored = rows::first(connection, LAST_LOGIN, [id], |row| {
            Ok(rows::model_time(row, 0, zone)?.map(micros))
        })?;
        if stored != Some(expected) {
            return Ok(false);
        }
    }
    let (old, new) = (replacement.old.reveal(), replacement.new.reveal());
    if rows::change(connection, REPLACE_PASSWORD, (id, old, new))? == 0 {
        return Ok(false);
    }
    let kept = replacement.keeps.map(|kept| kept.digest);
    let kept = kept.as_ref().map(|digest| digest.as_bytes().as_slice());
    rows::change(connection, END_SESSIONS, params![id, kept])?;
    if let Some(KeptSession { digest, becomes }) = &replacement.keeps {
        let (digest, becomes) = (digest.as_bytes().as_slice(), becomes.as_bytes().as_slice());
        let password = PasswordDigest::of(&replacement.new);
        let moved = params![id, digest, becomes, password.as_bytes().as_slice()];
        rows::change(connection, MOVE_SESSION, moved)?;
    }
    Ok(true)
}

/// A time as the database keeps it.
fn micros(time: chrono::DateTime<chrono::Utc>) -> i64 {
    time.timestamp_micros()
}
