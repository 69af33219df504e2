//! The statements about users, on SQLite.

use crate::rows::user_columns;
use crate::spellings::{digits, is_foreign_phone, is_padded, trimmed};

pub(crate) const USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM auth_user u WHERE u.id = ?1"
);

/// Looks at every user, and is for operators.
pub(super) const SEARCH: &str = concat!(
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
        $crate::users::statements::is_phone_taken!($but, "")
    };
    ($but:literal, $sort:literal) => {
        concat!(
            $crate::users::statements::is_phone_of_someone!("?1, ?2", "?3, ?4, ?5, ?6", $sort),
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
        $crate::users::statements::is_email_taken!($but, $but, "")
    };
    ($but:literal, $own:literal, $sort:literal) => {
        concat!(
            $crate::users::statements::is_email_of_someone!("?7, ?8, ?9, ?10", $own, $sort),
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

pub(super) const INSERT: &str = "INSERT INTO auth_user
    (username, first_name, last_name, email, password, date_joined,
     last_login, is_active, is_staff, is_superuser)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, 1, 0, 0)";

pub(crate) const SET_ACTIVE: &str = "UPDATE auth_user SET is_active = ?2 WHERE id = ?1";
