//! Whom an operator means.

use std::collections::BTreeSet;

use phone_auth::Accounts;
use phone_auth::core::accounts::{AmbiguousName, FlowError};
use phone_auth::core::user::User;

use crate::exit::Failure;
use crate::terminal::visible::Visible;

/// The user whom a name means.
pub(super) async fn named(accounts: &Accounts, login: &str) -> Result<User, Failure> {
    match accounts.find(login).await {
        Ok(Some(user)) => return Ok(user),
        Ok(None) => {}
        Err(FlowError::Refused(AmbiguousName)) => {
            return Err(ambiguous(accounts, login).await?);
        }
        Err(error) => return Err(Failure::failed(error)),
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

/// How many users with one name are told of.
const MOST_NAMED: u32 = 100;

/// That several have a name, which another program has given them in other letters; and what names one of them.
async fn ambiguous(accounts: &Accounts, login: &str) -> Result<Failure, Failure> {
    let holders = accounts.find_addresses(login).await;
    let holders = holders.map_err(Failure::failed)?.into_iter();
    // Anyone may claim an address, under a username of their choice.
    let holders = holders.filter(|(address, _)| !address.id.is_claim());
    let found = accounts.search_users(login, None, MOST_NAMED).await;
    let found = found.map_err(Failure::failed)?.into_iter();
    let found = found.filter(|it| it.username.eq_ignore_ascii_case(login.trim()));
    let names: BTreeSet<_> = holders
        .map(|(_, user)| user.username)
        .chain(found.map(|user| user.username))
        .collect();
    let sentence = if names.is_empty() {
        "several accounts have this name: look for them with `user find`, and name one by its username as it is written"
            .to_owned()
    } else {
        let names: Vec<_> = names.into_iter().collect();
        format!(
            "several accounts have this name: name one by its username as it is written, {}",
            names.join(", ")
        )
    };
    Ok(Failure::because(Visible(&sentence).to_string()))
}
