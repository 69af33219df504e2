//! Who has an address, proven or not, on PostgreSQL.

use phone_auth_core::address::{Address, EmailSpellings, PhoneSpellings};
use sqlx::query;

use crate::claims::{is_email, is_phone};
use crate::pool::Query;
use crate::rows::user_columns;

macro_rules! holders {
    ($kind:literal, $table:literal, $column:literal, $is_it:expr) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", a.id, a.value, a.is_verified, a.user_id
            FROM (
                SELECT id::int8 AS id, ",
            $column,
            "::text AS value, is_verified, user_id::int8 AS user_id FROM ",
            $table,
            " WHERE ",
            $is_it,
            "   UNION ALL
                SELECT id, value, false, user_id::int8 FROM phone_auth_claim
                WHERE kind = '",
            $kind,
            "' AND value = $1 AND NOT is_proven
            ) a JOIN auth_user u ON u.id = a.user_id ORDER BY a.id LIMIT $2"
        )
    };
}

/// The rows and the claims of an e-mail address `$1`, in the spellings `$3`, each with its user.
pub(crate) const OF_EMAIL: &str =
    holders!("email", "phone_auth_emailaddress", "email", is_email!("$3"));

/// The same of a phone number `$1`, in the spellings `$3` and with the digits `$4`.
pub(crate) const OF_PHONE: &str = holders!(
    "phone",
    "phone_auth_phonenumber",
    "phone",
    is_phone!("$3", "$4")
);

/// The query for at most `limit` of those who have an address, in any spelling.
pub(crate) fn of(address: &Address, limit: u32) -> Query<'_> {
    let of = |statement| {
        query(statement)
            .bind(address.as_str())
            .bind(i64::from(limit))
    };
    match address {
        Address::Email(email) => of(OF_EMAIL).bind(EmailSpellings::from(email).as_slice().to_vec()),
        Address::Phone(phone) => {
            let spellings = PhoneSpellings::from(phone);
            of(OF_PHONE)
                .bind(spellings.numbers().to_vec())
                .bind(spellings.digits().to_vec())
        }
    }
}
