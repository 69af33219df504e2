//! The pages, one file for each or for each pair. Words, fields and redirects are django-phone-auth's.
//!
//! A handler reads the form, calls one flow, and shows what came of it. It decides nothing else.

pub(crate) mod add_address;
pub(crate) mod address;
pub(crate) mod addresses;
mod asked_code;
pub(crate) mod change_password;
pub(crate) mod close_account;
mod confirm_by_code;
pub(crate) mod confirm_identity;
pub(crate) mod log_in;
pub(crate) mod log_in_code;
pub(crate) mod log_in_link;
pub(crate) mod log_out;
mod named_address;
mod own_addresses;
pub(crate) mod password_reset;
pub(crate) mod reset_link;
pub(crate) mod sessions;
pub(crate) mod sign_up;
mod signing_in;
pub(crate) mod verification_link;
mod waiting;

use phone_auth_core::settings::Settings;

/// The field that tells a form with a new password which is sent twice: see
/// [`password_form_token`](phone_auth_core::accounts::Accounts::password_form_token).
const FORM_TOKEN: &str = "form_token";

/// The note at a field for a new password.
const NEW_PASSWORD_HINT: &str = "Several words together are easy to remember and hard to guess.";

/// The note at a field for a phone number. Its spaces do not break.
const fn phone_hint(settings: &Settings) -> &'static str {
    if settings.default_region.is_some() {
        "A number of another country with its code, such as +1\u{a0}212\u{a0}555\u{a0}2368."
    } else {
        "With the country code, such as +1\u{a0}212\u{a0}555\u{a0}2368."
    }
}

/// The note at a field that takes a phone number among others.
const fn login_hint(settings: &Settings) -> &'static str {
    if settings.default_region.is_some() {
        ""
    } else {
        "A phone number with the country code, such as +1\u{a0}212\u{a0}555\u{a0}2368."
    }
}
