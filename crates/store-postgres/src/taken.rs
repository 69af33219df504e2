//! Whether a name is taken, as parts of statements on PostgreSQL.

use phone_auth_core::address::Claiming;

/// Whether anyone has one of these numbers, by a list of them and one of their digits, in a row of this sort.
macro_rules! is_phone_of_someone {
    ($numbers:literal, $digits:literal, $sort:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE phone = ANY(",
            $numbers,
            ")",
            $sort,
            ") OR EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE ",
            $crate::spellings::digits!("phone"),
            " = ANY(",
            $digits,
            ") AND ",
            $crate::spellings::is_foreign_phone!("phone"),
            $sort,
            "))"
        )
    };
}

/// Whether anyone has one of these email addresses, in a row of this sort, or, but for an exception, has it in their own
/// row.
macro_rules! is_email_of_someone {
    ($emails:literal, $but:literal, $sort:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM phone_auth_emailaddress
                WHERE lower(email COLLATE \"C\") = ANY(",
            $emails,
            ")",
            $sort,
            ") OR EXISTS (SELECT 1 FROM phone_auth_emailaddress
                WHERE ",
            $crate::spellings::trimmed!("email"),
            " = ANY(",
            $emails,
            ") AND ",
            $crate::spellings::is_padded!("email"),
            $sort,
            ") OR EXISTS (SELECT 1 FROM auth_user
                WHERE lower(email COLLATE \"C\") = ANY(",
            $emails,
            ")",
            $but,
            ") OR EXISTS (SELECT 1 FROM auth_user
                WHERE ",
            $crate::spellings::trimmed!("email"),
            " = ANY(",
            $emails,
            ") AND ",
            $crate::spellings::is_padded!("email"),
            $but,
            "))"
        )
    };
}

/// Whether a wanted phone number is taken: anyone has it, in a row of this sort, or, but for an exception, has it as a
/// username.
macro_rules! is_phone_taken {
    ($numbers:literal, $digits:literal, $but:literal) => {
        $crate::taken::is_phone_taken!($numbers, $digits, $but, "")
    };
    ($numbers:literal, $digits:literal, $but:literal, $sort:literal) => {
        concat!(
            "(",
            $crate::taken::is_phone_of_someone!($numbers, $digits, $sort),
            " OR EXISTS (SELECT 1 FROM auth_user WHERE ",
            $crate::spellings::digits!("username"),
            " = ANY(",
            $digits,
            ") AND ",
            $crate::spellings::is_number!("username"),
            $but,
            "))"
        )
    };
}

/// Whether a wanted email address is taken, as [`is_phone_taken`].
macro_rules! is_email_taken {
    ($emails:literal, $but:literal) => {
        $crate::taken::is_email_taken!($emails, $but, $but, "")
    };
    ($emails:literal, $but:literal, $own:literal, $sort:literal) => {
        concat!(
            "(",
            $crate::taken::is_email_of_someone!($emails, $own, $sort),
            " OR EXISTS (SELECT 1 FROM auth_user
                WHERE lower(username COLLATE \"C\") = ANY(",
            $emails,
            ")",
            $but,
            ") OR EXISTS (SELECT 1 FROM auth_user
                WHERE ",
            $crate::spellings::trimmed!("username"),
            " = ANY(",
            $emails,
            ") AND ",
            $crate::spellings::is_padded!("username"),
            $but,
            "))"
        )
    };
}

/// Whether a wanted username is taken: anyone has it, but for an exception, or it is an address or a number.
macro_rules! is_username_taken {
    ($emails:literal, $numbers:literal, $digits:literal, $but:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM auth_user
                    WHERE lower(username COLLATE \"C\") = lower($1 COLLATE \"C\")",
            $but,
            ")
                OR EXISTS (SELECT 1 FROM auth_user
                    WHERE ",
            $crate::spellings::trimmed!("username"),
            " = lower($1 COLLATE \"C\") AND ",
            $crate::spellings::is_padded!("username"),
            $but,
            ") OR ",
            $crate::taken::is_email_of_someone!($emails, $but, ""),
            " OR ",
            $crate::taken::is_phone_of_someone!($numbers, $digits, ""),
            ")"
        )
    };
}

/// Which names an account has: of a username `$1`, the spellings of an email address `$2`, of a phone number `$3` and
/// of its digits `$4`; and in `$5` to `$7` the same of what the username would be at log-in.
macro_rules! taken {
    () => {
        concat!(
            "SELECT ",
            $crate::taken::is_username_taken!("$5", "$6", "$7", ""),
            " AS username, ",
            $crate::taken::is_email_taken!("$2", ""),
            " AS email, ",
            $crate::taken::is_phone_taken!("$3", "$4", ""),
            " AS phone"
        )
    };
}
/// Whether more than unproven rows keep an email address from a new user.
macro_rules! is_email_kept_by_anyone {
    ($emails:literal) => {
        $crate::taken::is_email_taken!(
            $emails,
            "",
            " AND (SELECT true FROM phone_auth_emailaddress a WHERE a.user_id = auth_user.id
                AND a.is_verified IS NOT TRUE
                AND lower(a.email COLLATE \"C\") = lower(auth_user.email COLLATE \"C\") LIMIT 1) IS NULL",
            " AND is_verified"
        )
    };
}

/// The same of a phone number.
macro_rules! is_phone_kept_by_anyone {
    ($numbers:literal, $digits:literal) => {
        $crate::taken::is_phone_taken!($numbers, $digits, "", " AND is_verified")
    };
}
pub(crate) use {
    is_email_kept_by_anyone, is_email_of_someone, is_email_taken, is_phone_kept_by_anyone,
    is_phone_of_someone, is_phone_taken, is_username_taken, taken,
};

pub(crate) const TAKEN: &str = taken!();

/// What the statement that stores a user knows it by.
pub(crate) const fn number_of(claiming: Claiming) -> i32 {
    match claiming {
        Claiming::Never => 0,
        Claiming::Unproven => 1,
        Claiming::Always => 2,
    }
}
