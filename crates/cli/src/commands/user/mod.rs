//! `phone-auth user`: users, as an operator sees them.

mod account;
mod address;
mod closing;
mod found;
mod problems;
mod sessions;
mod view;

use phone_auth::Accounts;

use crate::arguments::UserCommand;
use crate::exit::Failure;
use crate::site::{self, Schema, SentBy};
use crate::start::setup::Setup;

/// Does what was asked, in a runtime of its own.
///
/// # Errors
/// When the database is not there, no one has the name, or what was given will not do.
pub(crate) fn run(setup: Setup, command: UserCommand) -> Result<(), Failure> {
    let runtime = site::runtime()?;
    runtime.block_on(async {
        let shares_sessions = setup.configuration.django.sessions;
        let accounts = Box::pin(accounts_for(setup, &command)).await?;
        Box::pin(perform(&accounts, command, shares_sessions)).await
    })
}

/// The flows with the receivers that a command needs.
async fn accounts_for(setup: Setup, command: &UserCommand) -> Result<Accounts, Failure> {
    let (schema, sent_by) = match command {
        UserCommand::Create(_) => (Schema::Newest, SentBy::Worker),
        UserCommand::SetPassword { .. }
        | UserCommand::Rename { .. }
        | UserCommand::SetName { .. }
        | UserCommand::MakePrimary { .. }
        | UserCommand::Verify { .. }
        | UserCommand::Unverify { .. }
        | UserCommand::AddAddress { .. }
        | UserCommand::ChangeAddress { .. }
        | UserCommand::RemoveAddress { .. }
        | UserCommand::Export { .. } => (Schema::AsItIs, SentBy::Worker),
        UserCommand::Delete { .. } => (Schema::AsItIs, SentBy::Here),
        // Nothing is told to a receiver.
        _ => return Box::pin(site::without_receivers(setup)).await,
    };
    Box::pin(site::accounts_for_operator(setup, schema, sent_by)).await
}

/// Does what was asked.
async fn perform(
    accounts: &Accounts,
    command: UserCommand,
    shares_sessions: bool,
) -> Result<(), Failure> {
    match command {
        UserCommand::Create(user) => account::create(accounts, &user).await,
        UserCommand::List { search, json } => view::list(accounts, search.as_deref(), json).await,
        UserCommand::Show { login, json } => view::show(accounts, &login, json).await,
        UserCommand::Delete { login, json } => closing::delete(accounts, &login, json).await,
        UserCommand::Export { login, json: _ } => closing::export(accounts, &login).await,
        UserCommand::Rename {
            login,
            username,
            json,
        } => address::rename(accounts, &login, &username, json).await,
        UserCommand::SetName {
            login,
            first_name,
            last_name,
            json,
        } => {
            let names = (first_name.as_deref(), last_name.as_deref());
            address::set_names(accounts, &login, names, json).await
        }
        UserCommand::MakePrimary {
            address,
            user,
            json,
        } => address::make_primary(accounts, (&address, user.as_deref()), json).await,
        UserCommand::Verify {
            address,
            user,
            json,
        } => address::set_verified(accounts, (&address, user.as_deref()), true, json).await,
        UserCommand::Unverify {
            address,
            user,
            json,
        } => address::set_verified(accounts, (&address, user.as_deref()), false, json).await,
        UserCommand::AddAddress {
            login,
            address,
            verified,
            json,
        } => address::add(accounts, &login, &address, verified, json).await,
        UserCommand::ChangeAddress {
            old,
            new,
            verified,
            user,
            json,
        } => address::change(accounts, (&old, user.as_deref()), &new, verified, json).await,
        UserCommand::RemoveAddress {
            address,
            user,
            json,
        } => address::remove(accounts, (&address, user.as_deref()), json).await,
        // An operator's accounts keep no sessions of Django's, and would find none.
        UserCommand::Sessions { login, .. } | UserCommand::EndSessions { login, .. }
            if shares_sessions =>
        {
            sessions::refuse(accounts, &login).await
        }
        UserCommand::Sessions { login, json } => sessions::list(accounts, &login, json).await,
        UserCommand::EndSessions { login, json } => sessions::end(accounts, &login, json).await,
        UserCommand::Disable { login, json } => {
            account::set_active(accounts, &login, (false, shares_sessions), json).await
        }
        UserCommand::Enable { login, json } => {
            account::set_active(accounts, &login, (true, shares_sessions), json).await
        }
        UserCommand::SetPassword { login, json } => {
            account::set_password(accounts, &login, json).await
        }
    }
}
