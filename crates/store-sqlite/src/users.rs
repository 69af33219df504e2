//! Users, on SQLite.

use async_trait::async_trait;
use phone_auth_core::address::{Address, AddressKind, Claiming};
use phone_auth_core::password::Requester;
use phone_auth_core::session::{KeptSession, PasswordDigest, PasswordReplacement};
use phone_auth_core::store::{StoreError, StoreErrorKind, UniqueName, UserStore};
use phone_auth_core::user::{
    AccountName, FoundUser, NewUser, TakenNames, User, UserId, UserSearch, WantedNames,
};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use crate::addresses;
use crate::claims;
use crate::closing_schedule;
use crate::failure::Failure;
use crate::links;
use crate::outbox;
use crate::passwords::{self, END_SESSIONS, LAST_LOGIN, MOVE_SESSION, REPLACE_PASSWORD, SET_NAMES};
use crate::proofs;
use crate::rows::{self, USER_COLUMNS, user_columns};
use crate::spellings::{Texts, digits, is_foreign_phone, is_padded, trimmed};
use crate::store::SqliteStore;
use crate::zone::Zone;

pub(crate) const USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM auth_user u WHERE u.id = ?1"
);

/// Looks at every user, and is for operators.
const SEARCH: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM auth_user u WHERE u.id > ?1 AND (
        instr(lower(u.username), ?3) OR instr(lower(u.first_name), ?3) OR instr(lower(u.last_name), ?3)
        OR instr(lower(u.email), ?3)
        OR EXISTS (SELECT 1 FROM phone_auth_emailaddress e WHERE e.user_id = u.id AND instr(lower(e.email), ?3))
        OR EXISTS (SELECT 1 FROM phone_auth_phonenumber p WHERE p.user_id = u.id AND instr(",
    digits!("p.phone"),
    ", ?4))
        OR EXISTS (SELECT 1 FROM phone_auth_claim c WHERE c.user_id = u.id AND (
            c.kind = 'email' AND instr(lower(c.value), ?3) OR c.kind = 'phone' AND instr(",
    digits!("c.value"),
    ", ?4)))
    ) ORDER BY u.id LIMIT ?2"
);

pub(crate) const USERS_AFTER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM auth_user u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2"
);

/// Every reading of a name at once, whichever are given: NULL matches nothing. `lower` of SQLite
/// knows ASCII only, as the port asks. The last column says whether someone else is meant as well.
/// The arguments are [`Texts`], then the username.
pub(crate) const FIND: &str = concat!(
    "WITH m AS (
        SELECT 1 AS reading, phone <> ?1 AS rank, id, phone AS value, is_verified IS TRUE AS is_verified, user_id, 'phone' AS kind
            FROM phone_auth_phonenumber WHERE phone IN (?1, ?2)
        UNION ALL
        SELECT 1, 2, id, phone, is_verified IS TRUE, user_id, 'phone' FROM phone_auth_phonenumber
            WHERE ",
    digits!("phone"),
    " IN (?3, ?4, ?5, ?6) AND ",
    is_foreign_phone!("phone"),
    "
        UNION ALL
        SELECT 2, email <> ?7, id, email, is_verified IS TRUE, user_id, 'email'
            FROM phone_auth_emailaddress WHERE lower(email) IN (?7, ?8, ?9, ?10)
        UNION ALL
        SELECT 2, 2, id, email, is_verified IS TRUE, user_id, 'email' FROM phone_auth_emailaddress
            WHERE lower(",
    trimmed!("email"),
    ") IN (?7, ?8, ?9, ?10) AND ",
    is_padded!("email"),
    "
        UNION ALL
        SELECT iif(username = ?11, 3, 4), 0, NULL, NULL, NULL, id, NULL
            FROM auth_user WHERE lower(username) = lower(?11)
    )
    SELECT ",
    user_columns!(),
    ", m.id, m.value, m.is_verified, m.user_id, m.kind,
        EXISTS (SELECT 1 FROM m m2 WHERE m2.reading = m.reading AND m2.user_id <> m.user_id)
    FROM m JOIN auth_user u ON u.id = m.user_id
    ORDER BY m.reading, m.rank, m.user_id LIMIT 1"
);

/// Whether anyone has one of these numbers, by two of them and four texts of their digits, in a row of this sort.
macro_rules! is_phone_of_someone {
    ($numbers:literal, $digits:literal, $sort:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE phone IN (",
            $numbers,
            ")",
            $sort,
            ") OR EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE ",
            $crate::spellings::digits!("phone"),
            " IN (",
            $digits,
            ") AND ",
            $crate::spellings::is_foreign_phone!("phone"),
            $sort,
            ")"
        )
    };
}

/// Whether anyone has one of these email addresses, in a row of this sort, or, but for an exception, has it in their own
/// row.
macro_rules! is_email_of_someone {
    ($emails:literal, $but:literal, $sort:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE lower(email) IN (",
            $emails,
            ")",
            $sort,
            ") OR EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE lower(",
            $crate::spellings::trimmed!("email"),
            ") IN (",
            $emails,
            ") AND ",
            $crate::spellings::is_padded!("email"),
            $sort,
            ") OR EXISTS (SELECT 1 FROM auth_user WHERE lower(email) IN (",
            $emails,
            ")",
            $but,
            ") OR EXISTS (SELECT 1 FROM auth_user WHERE lower(",
            $crate::spellings::trimmed!("email"),
            ") IN (",
            $emails,
            ") AND ",
            $crate::spellings::is_padded!("email"),
            $but,
            ")"
        )
    };
}

/// Whether a wanted phone number is taken: anyone has it, in a row of this sort, or, but for an exception, has it as a
/// username.
macro_rules! is_phone_taken {
    ($but:literal) => {
        $crate::users::is_phone_taken!($but, "")
    };
    ($but:literal, $sort:literal) => {
        concat!(
            $crate::users::is_phone_of_someone!("?1, ?2", "?3, ?4, ?5, ?6", $sort),
            " OR EXISTS (SELECT 1 FROM auth_user WHERE ",
            $crate::spellings::digits!("username"),
            " IN (?3, ?4, ?5, ?6) AND ",
            $crate::spellings::is_number!("username"),
            $but,
            ")"
        )
    };
}

/// Whether a wanted email address is taken, as [`is_phone_taken`].
macro_rules! is_email_taken {
    ($but:literal) => {
        $crate::users::is_email_taken!($but, $but, "")
    };
    ($but:literal, $own:literal, $sort:literal) => {
        concat!(
            $crate::users::is_email_of_someone!("?7, ?8, ?9, ?10", $own, $sort),
            " OR EXISTS (SELECT 1 FROM auth_user WHERE lower(username) IN (?7, ?8, ?9, ?10)",
            $but,
            ") OR EXISTS (SELECT 1 FROM auth_user WHERE lower(",
            $crate::spellings::trimmed!("username"),
            ") IN (?7, ?8, ?9, ?10) AND ",
            $crate::spellings::is_padded!("username"),
            $but,
            ")"
        )
    };
}
pub(crate) use {is_email_of_someone, is_email_taken, is_phone_of_someone, is_phone_taken};

/// Whether a wanted username is taken: anyone has it, but for an exception, or it is an address or a number.
macro_rules! is_username_taken {
    ($but:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM auth_user WHERE lower(username) = lower(?11)",
            $but,
            ") OR EXISTS (SELECT 1 FROM auth_user WHERE lower(",
            trimmed!("username"),
            ") = lower(?11) AND ",
            is_padded!("username"),
            $but,
            ") OR ",
            is_phone_of_someone!("?12, ?13", "?14, ?15, ?16, ?17", ""),
            " OR ",
            is_email_of_someone!("?18, ?19, ?20, ?21", $but, "")
        )
    };
}

/// Which names an account has. The arguments are the [`Texts`] of the addresses, the username, and the [`Texts`] of
/// what the username would be at log-in.
pub(crate) const TAKEN: &str = concat!(
    "SELECT ",
    is_username_taken!(""),
    ", ",
    is_email_taken!(""),
    ", ",
    is_phone_taken!("")
);

/// Whether a username that the user `?22` wants is taken; the other arguments are those of [`TAKEN`].
pub(crate) const USERNAME_TAKEN: &str = concat!("SELECT ", is_username_taken!(" AND id <> ?22"));

pub(crate) const RENAME: &str = "UPDATE auth_user SET username = ?2 WHERE id = ?1";

const INSERT: &str = "INSERT INTO auth_user
    (username, first_name, last_name, email, password, date_joined,
     last_login, is_active, is_staff, is_superuser)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, 1, 0, 0)";

pub(crate) const SET_ACTIVE: &str = "UPDATE auth_user SET is_active = ?2 WHERE id = ?1";

#[async_trait]
impl UserStore for SqliteStore {
    async fn create_user_claiming(
        &self,
        new: &NewUser,
        claiming: Claiming,
    ) -> Result<User, StoreError> {
        let (new, zone) = (new.clone(), self.zone().clone());
        self.write(move |connection| create(connection, &new, claiming, &zone))
            .await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(|connection| {
            rows::first(connection, USER, [id.get()], |row| {
                rows::user(row, self.zone())
            })
        })
    }

    async fn find_user(&self, name: &AccountName) -> Result<Option<FoundUser>, StoreError> {
        let texts = Texts::of(name.phone.as_ref(), name.email.as_ref());
        self.read(|connection| {
            let readings = params_from_iter(texts.iter().chain([name.username.as_deref()]));
            rows::first(connection, FIND, readings, |row| {
                if row.get(USER_COLUMNS + 5)? {
                    return Err(StoreErrorKind::Ambiguous.into());
                }
                let address = match rows::kind(row, USER_COLUMNS + 4)? {
                    Some(kind) => Some(rows::address(row, kind, USER_COLUMNS)?),
                    None => None,
                };
                let user = rows::user(row, self.zone())?;
                Ok(FoundUser { user, address })
            })
        })
    }

    async fn find_user_for(
        &self,
        name: &AccountName,
        requester: &Requester,
    ) -> Result<Option<FoundUser>, StoreError> {
        let _turn = self.turn_to_look_up(requester).await?;
        self.find_user(name).await
    }

    async fn taken_names(&self, wanted: &WantedNames<'_>) -> Result<TakenNames, StoreError> {
        self.read(|connection| taken(connection, wanted))
    }

    async fn users_after(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let after = after.map_or(i64::MIN, UserId::get);
        self.read(|connection| {
            rows::all(connection, USERS_AFTER, (after, limit), |row| {
                rows::user(row, self.zone())
            })
        })
    }

    async fn search_users(
        &self,
        search: &UserSearch,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let after = after.map_or(i64::MIN, UserId::get);
        let sought = (after, limit, search.text(), search.digits());
        self.read(|connection| {
            rows::all(connection, SEARCH, sought, |row| {
                rows::user(row, self.zone())
            })
        })
    }

    async fn set_active(&self, id: UserId, active: bool) -> Result<bool, StoreError> {
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

    async fn rename_user(&self, id: UserId, username: &str) -> Result<bool, StoreError> {
        let username = username.to_owned();
        self.write(move |connection| rename(connection, id, &username))
            .await
    }

    async fn set_names(
        &self,
        id: UserId,
        first: Option<&str>,
        last: Option<&str>,
    ) -> Result<bool, StoreError> {
        let (first, last) = (first.map(str::to_owned), last.map(str::to_owned));
        self.write(move |connection| {
            Ok(rows::change(connection, SET_NAMES, (id.get(), &first, &last))? > 0)
        })
        .await
    }

    async fn replace_password(
        &self,
        replacement: &PasswordReplacement,
    ) -> Result<bool, StoreError> {
        let (replacement, zone) = (replacement.clone(), self.zone().clone());
        self.write(move |connection| replace_password(connection, &replacement, &zone))
            .await
    }
}

/// Stores a user. Whether the names are free is looked up in the same transaction: it holds the one lock there is for
/// writing, so nobody can take them in between.
fn create(
    connection: &Connection,
    new: &NewUser,
    claiming: Claiming,
    zone: &Zone,
) -> Result<User, Failure> {
    let names = taken(
        connection,
        &WantedNames {
            username: Some(&new.username),
            email: new.email.as_ref(),
            phone: new.phone.as_ref(),
        },
    )?;
    if names.username {
        return Err(StoreErrorKind::Taken(UniqueName::Username).into());
    }
    let email = new.email.clone().map(Address::Email);
    let phone = new.phone.clone().map(Address::Phone);
    let email = email.map(|it| (it, names.email, UniqueName::Email));
    let phone = phone.map(|it| (it, names.phone, UniqueName::Phone));
    let mut addresses = Vec::new();
    for (address, is_taken, name) in email.into_iter().chain(phone) {
        let is_claim = claims::is_claim(connection, &address, is_taken, claiming)?;
        if is_taken && !is_claim {
            return Err(StoreErrorKind::Taken(name).into());
        }
        addresses.push((address, is_claim));
    }
    let own = addresses
        .iter()
        .find(|(address, is_claim)| address.kind() == AddressKind::Email && !is_claim);
    rows::change(
        connection,
        INSERT,
        params![
            new.username,
            new.first_name,
            new.last_name,
            own.map(|(email, _)| email.as_str()).unwrap_or_default(),
            new.password.reveal(),
            rows::model_time_text(new.date_joined, zone)?,
        ],
    )?;
    let id = UserId::new(connection.last_insert_rowid());
    for (address, is_claim) in &addresses {
        if *is_claim {
            claims::insert(connection, id, address)?;
        } else {
            addresses::insert(connection, address.kind(), id, address.as_str())?;
        }
    }
    if let Some(due_at) = new.closes_at {
        closing_schedule::keep(connection, id, (new.date_joined, due_at))?;
    }
    outbox::enqueue_notices(connection, id, &new.notices)?;
    rows::only(connection, USER, [id.get()], |row| rows::user(row, zone))
}

/// Gives a user another username if no one else has it.
fn rename(connection: &Connection, id: UserId, username: &str) -> Result<bool, Failure> {
    let (nothing, as_address) = (Texts::default(), Texts::of_username(Some(username)));
    let wanted = nothing.iter().chain([Some(username)]);
    let names = wanted.chain(as_address.iter());
    let names = names.map(|name| name.map_or(Value::Null, |name| name.to_owned().into()));
    let names = params_from_iter(names.chain([id.get().into()]));
    if rows::only(connection, USERNAME_TAKEN, names, |row| Ok(row.get(0)?))? {
        return Err(StoreErrorKind::Taken(UniqueName::Username).into());
    }
    Ok(rows::change(connection, RENAME, (id.get(), username))? > 0)
}

/// Which of these names an account has.
fn taken(connection: &Connection, wanted: &WantedNames<'_>) -> Result<TakenNames, Failure> {
    let (texts, as_address) = (
        Texts::of_wanted(wanted),
        Texts::of_username(wanted.username),
    );
    let wanted = texts.iter().chain([wanted.username]);
    let names = params_from_iter(wanted.chain(as_address.iter()));
    rows::only(connection, TAKEN, names, |row| {
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
    zone: &Zone,
) -> Result<bool, Failure> {
    let id = replacement.user.get();
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
    if let Some(link) = &replacement.link
        && !links::is_newest(connection, replacement.user, link)?
    {
        return Ok(false);
    }
    if rows::change(connection, REPLACE_PASSWORD, (id, old, new))? == 0 {
        return Ok(false);
    }
    passwords::set_names(connection, replacement.user, replacement.names.as_ref())?;
    if let Some(link) = &replacement.link {
        proofs::by_reset(connection, replacement.user, link, &replacement.losses)?;
    } else {
        proofs::by_change(connection, replacement.user)?;
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
    outbox::enqueue_notices(connection, replacement.user, &replacement.notices)?;
    Ok(true)
}

/// A time as the database keeps it.
fn micros(time: chrono::DateTime<chrono::Utc>) -> i64 {
    time.timestamp_micros()
}
