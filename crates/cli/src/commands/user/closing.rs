//! `phone-auth user delete` and `phone-auth user export`: the end of an account, and a copy of all that is kept of one.

use phone_auth::Accounts;
use phone_auth::core::accounts::{CloseRefusal, FlowError};
use phone_auth::core::store::Closed;
use serde::Serialize;

use super::found::named;
use crate::exit::Failure;
use crate::terminal::console;
use crate::terminal::visible::{self, Visible};

/// What has become of a user.
#[derive(Serialize)]
struct ClosedEntry<'a> {
    id: i64,
    username: &'a str,
    /// `removed` or `anonymised`.
    outcome: &'static str,
}

/// Removes a user, for ever.
///
/// # Errors
/// When nobody is meant, a receiver refuses, or the database is not there.
pub(super) async fn delete(accounts: &Accounts, login: &str, json: bool) -> Result<(), Failure> {
    let user = named(accounts, login).await?;
    let (id, username) = (user.id.get(), user.username.as_str());
    let outcome = match accounts.close(user.id).await {
        Ok(Closed::Removed) => "removed",
        Ok(Closed::Anonymised) => "anonymised",
        Ok(Closed::NoSuchUser) | Err(FlowError::Refused(CloseRefusal::NoSuchUser)) => {
            return Err(gone());
        }
        Err(FlowError::Refused(CloseRefusal::MayNot(sentence))) => {
            let sentence = sentence.unwrap_or_else(|| "it failed, see the log".to_owned());
            return Err(Failure::because(format!(
                "{} is not deleted: a receiver of account_closing says: {}",
                Visible(username),
                Visible(&sentence)
            )));
        }
        Err(error) => return Err(Failure::failed(error)),
    };
    if json {
        let entry = ClosedEntry {
            id,
            username,
            outcome,
        };
        let text = visible::to_json(&entry).map_err(Failure::failed)?;
        return console::print(text).map_err(Failure::failed);
    }
    let name = Visible(username);
    let said = if outcome == "removed" {
        format!("deleted {name} (id {id})")
    } else {
        format!(
            "deleted all that identifies {name}; the row with the id {id} stays, since rows of other tables refer to it"
        )
    };
    console::print(said).map_err(Failure::failed)
}

/// Prints all that is kept of a user.
///
/// # Errors
/// When nobody is meant, the database is not there, or a receiver has not added what is kept elsewhere.
pub(super) async fn export(accounts: &Accounts, login: &str) -> Result<(), Failure> {
    let user = named(accounts, login).await?;
    let export = accounts.export(user.id).await.map_err(Failure::failed)?;
    let export = export.ok_or_else(gone)?;
    let text = visible::to_json(&export).map_err(Failure::failed)?;
    console::print(text).map_err(Failure::failed)?;
    if export.is_complete {
        return Ok(());
    }
    Err(Failure::because(
        "a receiver of account_exporting failed: what it adds is missing, see the log",
    ))
}

fn gone() -> Failure {
    Failure::because("the user is gone already")
}
