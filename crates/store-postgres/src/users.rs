//! Users, on PostgreSQL.

use async_trait::async_trait;
use phone_auth_core::address::{
    Claiming, EmailAddress, EmailSpellings, PhoneNumber, PhoneSpellings,
};
use phone_auth_core::password::Requester;
use phone_auth_core::session::{PasswordDigest, PasswordReplacement};
use phone_auth_core::store::{StoreError, StoreErrorKind, UniqueName, UserStore};
use phone_auth_core::user::{
    AccountName, FoundUser, NewUser, TakenNames, User, UserId, UserSearch, WantedNames,
};
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::query;

use crate::failure::Failure;
use crate::locks;
pub(crate) use crate::locks::of_user as lock;
use crate::outbox;
use crate::outbox::statements::enqueue_notices;
use crate::passwords;
use crate::pool::Query;
use crate::rows::{self, USER_COLUMNS, sought, user_columns};
use crate::spellings::{digits, emails, is_foreign_phone, is_padded, trimmed};
use crate::store::PostgresStore;
use crate::taken::{
    self, TAKEN, is_email_kept_by_anyone, is_phone_kept_by_anyone, is_username_taken, taken,
};

pub(crate) const USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM auth_user u WHERE u.id = $1"
);

/// Looks at every user, and is for operators.
const SEARCH: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM auth_user u WHERE u.id > $1 AND (
        strpos(lower(u.username COLLATE \"C\"), $3) > 0 OR strpos(lower(u.first_name COLLATE \"C\"), $3) > 0
        OR strpos(lower(u.last_name COLLATE \"C\"), $3) > 0 OR strpos(lower(u.email COLLATE \"C\"), $3) > 0
        OR EXISTS (SELECT 1 FROM phone_auth_emailaddress e
            WHERE e.user_id = u.id AND strpos(lower(e.email COLLATE \"C\"), $3) > 0)
        OR EXISTS (SELECT 1 FROM phone_auth_phonenumber p
            WHERE p.user_id = u.id AND strpos(",
    digits!("p.phone"),
    ", $4) > 0)
        OR EXISTS (SELECT 1 FROM phone_auth_claim c WHERE c.user_id = u.id AND (
            c.kind = 'email' AND strpos(lower(c.value COLLATE \"C\"), $3) > 0
            OR c.kind = 'phone' AND strpos(",
    digits!("c.value"),
    ", $4) > 0))
    ) ORDER BY u.id LIMIT $2"
);

pub(crate) const USERS_AFTER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM auth_user u WHERE u.id > $1 ORDER BY u.id LIMIT $2"
);

/// Every reading of a name at once, whichever are given: no list has nothing. In the collation "C"
/// `lower` knows ASCII only, as the port asks; in that of a database it may know anything. The last
/// column says whether someone else is meant as well. The arguments are the numbers, texts of digits, and email
/// addresses that the name may be, and the username.
pub(crate) const FIND: &str = concat!(
    "WITH m AS MATERIALIZED (
        SELECT 1 AS reading, array_position($1::text[], phone::text) AS rank, id, phone AS value, is_verified, user_id,
                'phone' AS kind
            FROM phone_auth_phonenumber WHERE phone = ANY($1)
        UNION ALL
        SELECT 1, 100, id, phone, is_verified, user_id, 'phone' FROM phone_auth_phonenumber
            WHERE ",
    digits!("phone"),
    " = ANY($2) AND ",
    is_foreign_phone!("phone"),
    "
        UNION ALL
        SELECT 2, CASE WHEN email = ($3::text[])[1] THEN 1 ELSE 2 END, id, email, is_verified, user_id, 'email'
            FROM phone_auth_emailaddress
            WHERE lower(email COLLATE \"C\") = ANY($3)
        UNION ALL
        SELECT 2, 100, id, email, is_verified, user_id, 'email' FROM phone_auth_emailaddress
            WHERE ",
    trimmed!("email"),
    " = ANY($3) AND ",
    is_padded!("email"),
    "
        UNION ALL
        SELECT CASE WHEN username = $4 THEN 3 ELSE 4 END, 1, NULL, NULL, NULL, id, NULL
            FROM auth_user
            WHERE lower(username COLLATE \"C\") = lower($4 COLLATE \"C\")
    )
    SELECT ",
    user_columns!(),
    ", m.id::int8, m.value::text, m.is_verified, m.user_id::int8, m.kind,
        EXISTS (SELECT 1 FROM m o WHERE o.reading = m.reading AND o.user_id <> m.user_id)
    FROM m JOIN auth_user u ON u.id = m.user_id
    ORDER BY m.reading, m.rank, m.user_id LIMIT 1"
);

/// Stores a user if no one has the names, with those addresses as claims of which `$15` says so: none (0), those that only
/// others have without proof (1), or all (2). Runs while the names are locked.
pub(crate) const CREATE: &str = concat!(
    "WITH looked AS MATERIALIZED (",
    taken!(),
    "), taken AS MATERIALIZED (
        SELECT username,
            CASE $15::int WHEN 0 THEN email WHEN 1 THEN email AND ",
    is_email_kept_by_anyone!("$2"),
    " ELSE false END AS email,
            CASE $15::int WHEN 0 THEN phone WHEN 1 THEN phone AND ",
    is_phone_kept_by_anyone!("$3", "$4"),
    " ELSE false END AS phone,
            $15 = 2 OR $15 = 1 AND email AS claims_email, $15 = 2 OR $15 = 1 AND phone AS claims_phone
        FROM looked
    ), one_user AS (
        INSERT INTO auth_user (username, email, first_name, last_name, password, date_joined,
            last_login, is_active, is_staff, is_superuser)
        SELECT $1, CASE WHEN claims_email THEN '' ELSE coalesce($8, '') END, $10, $11, $12, $13, NULL, true, false, false
            FROM taken WHERE NOT (taken.username OR taken.email OR taken.phone)
        RETURNING *
    ), email AS (
        INSERT INTO phone_auth_emailaddress (email, is_verified, user_id)
        SELECT $8::text, false, one_user.id FROM one_user, taken WHERE $8::text IS NOT NULL AND NOT claims_email
    ), phone AS (
        INSERT INTO phone_auth_phonenumber (phone, is_verified, user_id)
        SELECT $9::text, false, one_user.id FROM one_user, taken WHERE $9::text IS NOT NULL AND NOT claims_phone
    ), claims AS (
        INSERT INTO phone_auth_claim (user_id, kind, value)
        SELECT one_user.id, c.kind, c.value
        FROM one_user, taken, LATERAL (
            VALUES ('email', $8::text, claims_email), ('phone', $9::text, claims_phone)
        ) AS c (kind, value, is_claim)
        WHERE c.value IS NOT NULL AND c.is_claim
    ), closes AS (
        INSERT INTO phone_auth_closing (user_id, begun_at, due_at, is_of_nobody)
        SELECT id, $13, $16::timestamptz, true FROM one_user WHERE $16::timestamptz IS NOT NULL
    ), noticed AS (",
    enqueue_notices!("one_user", "id", "$14"),
    ")
    SELECT taken.username, taken.email, taken.phone, ",
    user_columns!(),
    " FROM taken LEFT JOIN one_user u ON true"
);

/// Gives a user another username if no one else has it: whether someone has, and whether there is such a user. Runs while the
/// name is locked. The arguments are the name, its spellings as an email address, as a number and as digits, and the user.
pub(crate) const RENAME: &str = concat!(
    "WITH looked AS (SELECT ",
    is_username_taken!("$2", "$3", "$4", " AND id <> $5"),
    " AS is_taken), renamed AS (
        UPDATE auth_user SET username = $1 FROM looked WHERE id = $5 AND NOT is_taken RETURNING id
    )
    SELECT is_taken, EXISTS (SELECT 1 FROM renamed) FROM looked"
);

pub(crate) const SET_NAMES: &str = "UPDATE auth_user
    SET first_name = coalesce($2::text, first_name), last_name = coalesce($3::text, last_name)
    WHERE id = $1 RETURNING 1";

pub(crate) const ACTIVATE: &str = "UPDATE auth_user SET is_active = true WHERE id = $1 RETURNING 1";

/// Runs while the user is locked.
pub(crate) const DEACTIVATE: &str = "WITH one_user AS (
        UPDATE auth_user SET is_active = false WHERE id = $1 RETURNING id
    ), ended AS (
        DELETE FROM phone_auth_session WHERE person_id IN (SELECT id FROM one_user)
    )
    SELECT 1 FROM one_user";

#[async_trait]
impl UserStore for PostgresStore {
    async fn create_user_claiming(
        &self,
        new: &NewUser,
        claiming: Claiming,
    ) -> Result<User, StoreError> {
        let names = Names::of(&WantedNames {
            username: Some(&new.username),
            email: new.email.as_ref(),
            phone: new.phone.as_ref(),
        });
        let lock = locks::of_names(names.to_lock());
        let create = names
            .bind(CREATE)
            .bind(new.email.as_ref().map(EmailAddress::as_str))
            .bind(new.phone.as_ref().map(PhoneNumber::as_str))
            .bind(&new.first_name)
            .bind(&new.last_name)
            .bind(new.password.reveal())
            .bind(rows::micros(new.date_joined))
            .bind(outbox::notices_text(&new.notices))
            .bind(taken::number_of(claiming))
            .bind(new.closes_at.map(rows::micros));
        let row = self.first_locked_for_stranger(&lock, create).await?;
        Ok(created(row.as_ref())?)
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = self.first(query(USER).bind(id.get())).await?;
        Ok(row.map(|row| rows::user(&row, 0)).transpose()?)
    }

    async fn find_user(&self, name: &AccountName) -> Result<Option<FoundUser>, StoreError> {
        let phone = name.phone.as_ref();
        let find = query(FIND)
            .bind(phone.map_or(&[][..], PhoneSpellings::numbers))
            .bind(phone.map_or(&[][..], PhoneSpellings::digits))
            .bind(emails(name.email.as_ref()))
            .bind(name.username.as_deref().and_then(sought));
        let row = self.first(find).await?;
        Ok(row.as_ref().map(found).transpose()?)
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
        let _pass = self.as_stranger().await?;
        let names = Names::of(wanted);
        let row = self.first(names.bind(TAKEN)).await?;
        Ok(row.as_ref().map_or_else(no_row, taken)?)
    }

    async fn users_after(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let page = query(USERS_AFTER)
            .bind(after.map_or(i64::MIN, UserId::get))
            .bind(i64::from(limit));
        let rows = self.run(page).await?;
        let users = rows.iter().map(|row| rows::user(row, 0));
        Ok(users.collect::<Result<_, _>>()?)
    }

    async fn search_users(
        &self,
        search: &UserSearch,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let Some(text) = sought(search.text()) else {
            return Ok(Vec::new());
        };
        let page = query(SEARCH)
            .bind(after.map_or(i64::MIN, UserId::get))
            .bind(i64::from(limit))
            .bind(text)
            .bind(search.digits());
        let rows = self.run_for_operator(page).await?;
        let users = rows.iter().map(|row| rows::user(row, 0));
        Ok(users.collect::<Result<_, _>>()?)
    }

    async fn set_active(&self, id: UserId, active: bool) -> Result<bool, StoreError> {
        let changed = if active {
            let _pass = self.at(&lock(id)).await?;
            self.first(query(ACTIVATE).bind(id.get())).await?
        } else {
            self.first_locked(&lock(id), query(DEACTIVATE).bind(id.get()))
                .await?
        };
        Ok(changed.is_some())
    }

    async fn rename_user(&self, id: UserId, username: &str) -> Result<bool, StoreError> {
        let email = EmailSpellings::read(username);
        let phone = PhoneSpellings::named(username);
        let (emails, phone) = (emails(email.as_ref()), phone.as_ref());
        let numbers = phone.map_or(&[][..], PhoneSpellings::numbers);
        let names = emails.iter().copied().chain([username]);
        let names: Vec<&str> = names.chain(numbers.iter().map(String::as_str)).collect();
        let rename = query(RENAME)
            .bind(username)
            .bind(emails)
            .bind(numbers)
            .bind(phone.map_or(&[][..], PhoneSpellings::digits))
            .bind(id.get());
        let row = self.first_locked(&locks::of_names(names), rename).await?;
        let Some(row) = row else {
            return Ok(no_row()?);
        };
        let (is_taken, is_renamed) = (row.try_get(0), row.try_get(1));
        if is_taken.map_err(Failure::from)? {
            return Err(StoreError::new(StoreErrorKind::Taken(UniqueName::Username)));
        }
        Ok(is_renamed.map_err(Failure::from)?)
    }

    async fn set_names(
        &self,
        id: UserId,
        first: Option<&str>,
        last: Option<&str>,
    ) -> Result<bool, StoreError> {
        let change = query(SET_NAMES).bind(id.get()).bind(first).bind(last);
        let _pass = self.at(&lock(id)).await?;
        Ok(self.first(change).await?.is_some())
    }

    async fn replace_password(
        &self,
        replacement: &PasswordReplacement,
    ) -> Result<bool, StoreError> {
        let Some(old) = sought(replacement.old.reveal()) else {
            return Ok(false);
        };
        let kept = replacement.keeps.as_ref();
        let replace = query(passwords::REPLACE)
            .bind(replacement.user.get())
            .bind(old)
            .bind(replacement.new.reveal())
            .bind(kept.as_ref().map(|kept| kept.digest.as_bytes().as_slice()))
            .bind(replacement.last_login.is_some())
            .bind(replacement.last_login.flatten().map(rows::micros))
            .bind(kept.as_ref().map(|kept| kept.becomes.as_bytes().as_slice()))
            .bind(PasswordDigest::of(&replacement.new).as_bytes().as_slice());
        let replace = passwords::bind_link(replace, replacement);
        passwords::replace_locked(self, replacement, replace).await
    }
}

/// What a user wants to be called, in every spelling by which someone else may have it.
struct Names<'a> {
    username: Option<&'a str>,
    email: Option<EmailSpellings>,
    phone: Option<PhoneSpellings>,
    username_as_email: Option<EmailSpellings>,
    username_as_phone: Option<PhoneSpellings>,
}

impl<'a> Names<'a> {
    fn of(wanted: &WantedNames<'a>) -> Self {
        Self {
            username: wanted.username,
            email: wanted.email.map(EmailSpellings::from),
            phone: wanted.phone.map(PhoneSpellings::from),
            username_as_email: wanted.username.and_then(EmailSpellings::read),
            username_as_phone: wanted.username.and_then(PhoneSpellings::named),
        }
    }

    /// A statement that begins with the arguments of [`TAKEN`].
    fn bind(&self, statement: &'static str) -> Query<'_> {
        let numbers =
            |it: &Option<PhoneSpellings>| it.as_ref().map_or(vec![], |it| it.numbers().to_vec());
        let digits =
            |it: &Option<PhoneSpellings>| it.as_ref().map_or(vec![], |it| it.digits().to_vec());
        query(statement)
            .bind(self.username.and_then(sought))
            .bind(emails(self.email.as_ref()))
            .bind(numbers(&self.phone))
            .bind(digits(&self.phone))
            .bind(emails(self.username_as_email.as_ref()))
            .bind(numbers(&self.username_as_phone))
            .bind(digits(&self.username_as_phone))
    }

    /// What is locked while someone looks whether these are free, as names of whatever kind.
    fn to_lock(&self) -> impl Iterator<Item = &str> {
        let emails = [&self.email, &self.username_as_email].into_iter().flatten();
        let phones = [&self.phone, &self.username_as_phone].into_iter().flatten();
        let emails = emails.flat_map(EmailSpellings::as_slice);
        let phones = phones.flat_map(PhoneSpellings::numbers);
        self.username
            .into_iter()
            .chain(emails.chain(phones).map(String::as_str))
    }
}

/// The user whom [`CREATE`] has stored, or the name that kept it from that.
fn created(row: Option<&PgRow>) -> Result<User, Failure> {
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
        None => rows::user(row, 3),
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
fn found(row: &PgRow) -> Result<FoundUser, Failure> {
    if row.try_get(USER_COLUMNS + 5)? {
        return Err(StoreErrorKind::Ambiguous.into());
    }
    let address = match rows::kind(row, USER_COLUMNS + 4)? {
        Some(kind) => Some(rows::address(row, kind, USER_COLUMNS)?),
        None => None,
    };
    let user = rows::user(row, 0)?;
    Ok(FoundUser { user, address })
}

/// A statement that always answers a row has answered none.
fn no_row<T>() -> Result<T, Failure> {
    Err(StoreErrorKind::Broken.into())
}
