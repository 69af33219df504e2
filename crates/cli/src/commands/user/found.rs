//! Whom an operator means.

use phone_auth::Accounts;
use phone_auth::core::user::User;

use crate::exit::Failure;
use crate::terminal::visible::Visible;

/// The user whom a name means.
pub(super) async fn named(accounts: &Accounts, login: &str) -> Result<User, Failure> {
    let user = accounts.find(login).await.map_err(Failure::failed)?;
    if let Some(user) = user {
        return Ok(user);
    }
    // An address that nobody has verified may name nobody, or anyone. Who has added it is named by their username.
    let claims = accounts.find_addresses(login).await;
    let claims = claims.map_err(Failure::failed)?;
    let names: Vec<_> = claims
        .iter()
        .map(|(_, user)| user.username.as_str())
        .collect();
    let sentence = match &*names {
        [] => "no account has this username, email address or phone number".to_owned(),
        [name] => format!(
            "no account has verified this address; {name} has added it: name that account by its username"
        ),
        _ => format!(
            "no account has verified this address, and several have added it: name one by its username, {}",
            names.join(", ")
        ),
    };
    Err(Failure::because(Visible(&sentence).to_string()))
}
