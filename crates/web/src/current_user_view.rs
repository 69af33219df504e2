//! What pages call a user.

use std::borrow::Cow;

use phone_auth_core::accounts::CurrentUser;
use phone_auth_core::settings::Settings;
use phone_auth_core::user::User;
use serde::Serialize;

use crate::written;

/// What a user is called who has no name and no address.
const NAMELESS: &str = "your account";

/// What tells an account from others, whose link was sent to this address.
pub(crate) fn account_of<'a>(
    settings: &Settings,
    user: &'a User,
    address: Option<&'a str>,
) -> &'a str {
    let name = user.account_name(settings);
    name.or(address).unwrap_or(NAMELESS)
}

/// What templates know of who is logged in.
#[derive(Serialize)]
pub(crate) struct CurrentUserView<'a> {
    /// What they are called: see [`CurrentUser::display_name`]. A number as people write it.
    name: Cow<'a, str>,
    /// What tells the account from others, for password managers.
    account: &'a str,
    username: &'a str,
    /// Whether there is a point in showing the username: see [`User::shown_username`].
    has_username: bool,
    first_name: &'a str,
    last_name: &'a str,
    has_password: bool,
    has_verified_email: bool,
    has_verified_phone: bool,
}

impl<'a> CurrentUserView<'a> {
    pub(crate) fn of(settings: &Settings, current_user: &'a CurrentUser) -> Self {
        let user = current_user.user();
        let name = current_user.display_name(settings).unwrap_or(NAMELESS);
        Self {
            name: written::as_people_do(name),
            account: current_user.account_name(settings).unwrap_or_default(),
            username: &user.username,
            has_username: user.shown_username(settings).is_some(),
            first_name: &user.first_name,
            last_name: &user.last_name,
            has_password: user.password.is_usable(),
            has_verified_email: current_user.has_verified_email(),
            has_verified_phone: current_user.has_verified_phone(),
        }
    }
}
