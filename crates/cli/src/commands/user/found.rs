//! Whom an operator means.

use phone_auth::Accounts;
use phone_auth::core::user::User;

use crate::exit::Failure;

/// The user whom a name means.
pub(super) async fn named(accounts: &Accounts, login: &str) -> Result<User, Failure> {
    let user = accounts.find(login).await.map_err(Failure::failed)?;
    user.ok_or_else(|| {
        Failure::because("no account has this username, email address or phone number")
    })
}
