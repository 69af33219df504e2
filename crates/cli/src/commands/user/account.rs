//! Making an account, disabling and enabling it, and setting its password.

use phone_auth::Accounts;
use phone_auth::core::accounts::{FlowError, SetPasswordRefusal, SignUpForm, SignUpRefusal};

use super::address::{told, warned};
use super::found::named;
use super::problems::invalid;
use crate::arguments::NewUser;
use crate::exit::Failure;
use crate::terminal::password_input;
use crate::terminal::visible::Visible;

pub(super) async fn create(accounts: &Accounts, user: &NewUser) -> Result<(), Failure> {
    let is_json = user.json;
    let password = password_input::ask().map_err(Failure::failed)?;
    let form = SignUpForm {
        first_name: &user.first_name,
        last_name: &user.last_name,
        username: &user.username,
        email: user.email.as_deref().unwrap_or_default(),
        phone: user.phone.as_deref().unwrap_or_default(),
        password,
        confirm_password: None,
    };
    let user = match accounts.create_user(form).await {
        Ok(user) => user,
        Err(FlowError::Refused(SignUpRefusal::Invalid(problems))) => {
            return Err(invalid(&problems));
        }
        Err(error) => return Err(Failure::failed(error)),
    };
    let said = format_args!("created {} (id {})", user.username, user.id.get());
    told(accounts, user.id, is_json, said).await
}

pub(super) async fn set_active(
    accounts: &Accounts,
    login: &str,
    (active, shares_sessions): (bool, bool),
    json: bool,
) -> Result<(), Failure> {
    let username = named(accounts, login).await?.username;
    let user = accounts
        .set_active(&username, active)
        .await
        .map_err(Failure::failed)?;
    let now = match (active, shares_sessions) {
        (true, _) => "is enabled",
        (false, false) => "is disabled, and signed out everywhere",
        (false, true) => {
            "is disabled; once enabled again, sessions that are shared with Django go on, until \
             `phone-auth user set-password` ends them"
        }
    };
    let said = format!("{} {now}", Visible(&user.username));
    if shares_sessions && !active {
        return warned(accounts, user.id, json, &said).await;
    }
    told(accounts, user.id, json, format_args!("{said}")).await
}

pub(super) async fn set_password(
    accounts: &Accounts,
    login: &str,
    json: bool,
) -> Result<(), Failure> {
    let username = named(accounts, login).await?.username;
    let password = password_input::ask().map_err(Failure::failed)?;
    let user = match accounts.set_password(&username, &password).await {
        Ok(user) => user,
        Err(FlowError::Refused(SetPasswordRefusal::Invalid(problems))) => {
            return Err(invalid(&problems));
        }
        Err(error) => return Err(Failure::failed(error)),
    };
    let name = Visible(&user.username);
    let said = format_args!("{name} has a new password, and is signed out everywhere");
    told(accounts, user.id, json, said).await
}
