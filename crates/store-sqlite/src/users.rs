//! Users, on SQLite.

pub(crate) mod statements;

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

use self::statements::{
    FIND, INSERT, RENAME, SEARCH, SET_ACTIVE, TAKEN, USER, USERNAME_TAKEN, USERS_AFTER,
};
use crate::addresses::statements::insert as insert_address;
use crate::claims;
use crate::closing_schedule;
use crate::failure::Failure;
use crate::links;
use crate::outbox;
use crate::passwords::{self, END_SESSIONS, LAST_LOGIN, MOVE_SESSION, REPLACE_PASSWORD, SET_NAMES};
use crate::proofs;
use crate::rows::{self, USER_COLUMNS};
use crate::spellings::Texts;
use crate::store::SqliteStore;
use crate::zone::Zone;

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
            insert_address(connection, address.kind(), id, address.as_str())?;
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
