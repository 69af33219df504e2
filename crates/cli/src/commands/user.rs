//! `phone-auth user`: users, as an operator sees them.

use phone_auth::Accounts;
use phone_auth::core::accounts::{FlowError, SetPasswordRefusal, SignUpForm, SignUpRefusal};
use phone_auth::core::address::{AddressKind, AddressRecord};
use phone_auth::core::form::{Field, FieldProblem, Problem};
use phone_auth::core::user::User;
use serde::Serialize;

use super::{user_address, user_closing, user_sessions};
use crate::arguments::{NewUser, UserCommand};
use crate::exit::Failure;
use crate::site::{self, Schema};
use crate::start::setup::Setup;
use crate::terminal::console;
use crate::terminal::password_input;
use crate::terminal::table::Table;
use crate::terminal::visible::{self, Visible};

/// How many users are read at once.
const PAGE: u32 = 500;

/// Does what was asked, in a runtime of its own.
///
/// # Errors
/// When the database is not there, no one has the name, or what was given will not do.
pub(crate) fn run(setup: Setup, command: UserCommand) -> Result<(), Failure> {
    let runtime = site::runtime()?;
    runtime.block_on(async {
        let shares_sessions = setup.configuration.django.sessions;
        let accounts = match command {
            UserCommand::Create(_) => {
                Box::pin(site::accounts_for_operator(setup, Schema::Newest)).await?
            }
            UserCommand::SetPassword { .. }
            | UserCommand::Rename { .. }
            | UserCommand::Verify { .. }
            | UserCommand::Unverify { .. }
            | UserCommand::AddAddress { .. }
            | UserCommand::ChangeAddress { .. }
            | UserCommand::RemoveAddress { .. }
            | UserCommand::Delete { .. }
            | UserCommand::Export { .. } => {
                Box::pin(site::accounts_for_operator(setup, Schema::AsItIs)).await?
            }
            // Nothing is told to a receiver.
            _ => Box::pin(site::without_receivers(setup)).await?,
        };
        match command {
            UserCommand::Create(user) => create(&accounts, &user).await,
            UserCommand::List { search, json } => list(&accounts, search.as_deref(), json).await,
            UserCommand::Show { login, json } => show(&accounts, &login, json).await,
            UserCommand::Delete { login, json } => {
                user_closing::delete(&accounts, &login, json).await
            }
            UserCommand::Export { login, json: _ } => user_closing::export(&accounts, &login).await,
            UserCommand::Rename {
                login,
                username,
                json,
            } => user_address::rename(&accounts, &login, &username, json).await,
            UserCommand::Verify { address, json } => {
                user_address::set_verified(&accounts, &address, true, json).await
            }
            UserCommand::Unverify { address, json } => {
                user_address::set_verified(&accounts, &address, false, json).await
            }
            UserCommand::AddAddress {
                login,
                address,
                verified,
                json,
            } => user_address::add(&accounts, &login, &address, verified, json).await,
            UserCommand::ChangeAddress {
                old,
                new,
                verified,
                json,
            } => user_address::change(&accounts, &old, &new, verified, json).await,
            UserCommand::RemoveAddress { address, json } => {
                user_address::remove(&accounts, &address, json).await
            }
            // An operator's accounts keep no sessions of Django's, and would find none.
            UserCommand::Sessions { login, .. } | UserCommand::EndSessions { login, .. }
                if shares_sessions =>
            {
                user_sessions::refuse(&accounts, &login).await
            }
            UserCommand::Sessions { login, json } => {
                user_sessions::list(&accounts, &login, json).await
            }
            UserCommand::EndSessions { login, json } => {
                user_sessions::end(&accounts, &login, json).await
            }
            UserCommand::Disable { username } => {
                set_active(&accounts, &username, false, shares_sessions).await
            }
            UserCommand::Enable { username } => {
                set_active(&accounts, &username, true, shares_sessions).await
            }
            UserCommand::SetPassword { username } => set_password(&accounts, &username).await,
        }
    })
}

async fn create(accounts: &Accounts, user: &NewUser) -> Result<(), Failure> {
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
    console::print(format_args!(
        "created {} (id {})",
        user.username,
        user.id.get()
    ))
    .map_err(Failure::failed)
}

async fn set_active(
    accounts: &Accounts,
    username: &str,
    active: bool,
    shares_sessions: bool,
) -> Result<(), Failure> {
    let user = accounts
        .set_active(username, active)
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
    console::print(format_args!("{} {now}", Visible(&user.username))).map_err(Failure::failed)
}

async fn set_password(accounts: &Accounts, username: &str) -> Result<(), Failure> {
    let password = password_input::ask().map_err(Failure::failed)?;
    let user = match accounts.set_password(username, &password).await {
        Ok(user) => user,
        Err(FlowError::Refused(SetPasswordRefusal::Invalid(problems))) => {
            return Err(invalid(&problems));
        }
        Err(error) => return Err(Failure::failed(error)),
    };
    console::print(format_args!(
        "{} has a new password, and is signed out everywhere",
        Visible(&user.username)
    ))
    .map_err(Failure::failed)
}

/// A user as a list shows it. Never the password, not even hashed.
#[derive(Serialize)]
struct UserEntry {
    id: i64,
    username: String,
    first_name: String,
    last_name: String,
    email: String,
    is_active: bool,
    last_login: Option<String>,
    date_joined: String,
}

impl From<User> for UserEntry {
    fn from(user: User) -> Self {
        Self {
            id: user.id.get(),
            username: user.username,
            first_name: user.first_name,
            last_name: user.last_name,
            email: user.email,
            is_active: user.is_active,
            last_login: user.last_login.map(|at| at.to_rfc3339()),
            date_joined: user.date_joined.to_rfc3339(),
        }
    }
}

async fn list(accounts: &Accounts, search: Option<&str>, json: bool) -> Result<(), Failure> {
    let mut users = Vec::new();
    let mut after = None;
    loop {
        let page = match search {
            Some(text) => accounts.search_users(text, after, PAGE).await,
            None => accounts.users_after(after, PAGE).await,
        };
        let page = page.map_err(Failure::failed)?;
        after = page.last().map(|user| user.id);
        users.extend(page.into_iter().map(UserEntry::from));
        if after.is_none() {
            break;
        }
    }
    if json {
        let text = visible::to_json(&users).map_err(Failure::failed)?;
        return console::print(text).map_err(Failure::failed);
    }
    let mut table = Table::new(["id", "username", "name", "e-mail", "state", "last log-in"]);
    for user in &users {
        let name = format!("{} {}", user.first_name, user.last_name);
        table.row([
            &user.id.to_string(),
            &user.username,
            name.trim(),
            &user.email,
            if user.is_active { "active" } else { "disabled" },
            user.last_login.as_deref().unwrap_or("never"),
        ]);
    }
    console::print(table).map_err(Failure::failed)
}

/// A user and their addresses.
#[derive(Serialize)]
struct UserDetails {
    #[serde(flatten)]
    user: UserEntry,
    addresses: Vec<AddressEntry>,
}

/// An address of a user.
#[derive(Serialize)]
struct AddressEntry {
    kind: &'static str,
    value: String,
    is_verified: bool,
}

impl From<AddressRecord> for AddressEntry {
    fn from(address: AddressRecord) -> Self {
        Self {
            kind: match address.kind {
                AddressKind::Email => "email",
                AddressKind::Phone => "phone",
            },
            value: address.value,
            is_verified: address.is_verified,
        }
    }
}

/// The user whom a name means.
pub(super) async fn named(accounts: &Accounts, login: &str) -> Result<User, Failure> {
    let user = accounts.find(login).await.map_err(Failure::failed)?;
    user.ok_or_else(|| {
        Failure::because("no account has this username, e-mail address or phone number")
    })
}

async fn show(accounts: &Accounts, login: &str, json: bool) -> Result<(), Failure> {
    show_user(accounts, named(accounts, login).await?, json).await
}

/// Shows a user as they were read.
pub(super) async fn show_user(accounts: &Accounts, user: User, json: bool) -> Result<(), Failure> {
    let addresses = accounts.addresses_of(user.id).await;
    let addresses = addresses.map_err(Failure::failed)?;
    let details = UserDetails {
        user: user.into(),
        addresses: addresses.into_iter().map(Into::into).collect(),
    };
    if json {
        let text = visible::to_json(&details).map_err(Failure::failed)?;
        return console::print(text).map_err(Failure::failed);
    }
    let user = &details.user;
    let name = format!("{} {}", user.first_name, user.last_name);
    let mut table = Table::new(["id", &user.id.to_string()]);
    table.row(["username", &user.username]);
    table.row(["name", name.trim()]);
    table.row(["state", if user.is_active { "active" } else { "disabled" }]);
    table.row(["joined", &user.date_joined]);
    table.row(["last log-in", user.last_login.as_deref().unwrap_or("never")]);
    let is_own = |address: &AddressEntry| address.value == user.email;
    if !user.email.is_empty() && !details.addresses.iter().any(is_own) {
        table.row([
            "e-mail",
            &format!("{} (only in the user's row)", user.email),
        ]);
    }
    for address in &details.addresses {
        let kind = match address.kind {
            "email" => "e-mail",
            kind => kind,
        };
        let state = if address.is_verified {
            "verified"
        } else {
            "not verified"
        };
        table.row([kind, &format!("{} ({state})", address.value)]);
    }
    console::print(table).map_err(Failure::failed)
}

/// One sentence for each problem, for the user at the command line. What was read from standard input or is someone
/// else's is no wrong argument.
pub(super) fn invalid(problems: &[FieldProblem]) -> Failure {
    let is_wrong_argument = |problem: &FieldProblem| {
        let is_argument = !matches!(problem.field, Field::Password | Field::ConfirmPassword);
        is_argument && problem.problem != Problem::Taken
    };
    let sentences = problems.iter().map(|problem| {
        let what = match problem.problem {
            Problem::Required => "is needed".to_owned(),
            Problem::InvalidCharacters => "has characters that are not allowed".to_owned(),
            Problem::InvalidEmail => "is not an e-mail address".to_owned(),
            Problem::InvalidPhone => {
                "is not a phone number with its country, such as +41 44 668 18 00".to_owned()
            }
            Problem::InvalidUsername => {
                "may have letters a to z, digits, _, . and -, and not dots alone".to_owned()
            }
            Problem::Taken => "is taken".to_owned(),
            Problem::PasswordTooShort { min } => format!("has fewer than {min} characters"),
            Problem::TooLong { max } | Problem::PasswordTooLong { max } => {
                format!("has more than {max} characters")
            }
            Problem::RefusedNumber => "is of a type that refused_number_types refuses".to_owned(),
            Problem::PasswordTooWeak => "can be guessed too soon".to_owned(),
            Problem::PasswordRefused { words } => format!("is refused: {words}"),
            Problem::PasswordTooCommon => "is among the most common ones".to_owned(),
            Problem::PasswordAllDigits => "is digits only".to_owned(),
            Problem::PasswordTooSimilar { to } => {
                format!("is too similar to the {}", words(to.name()))
            }
            _ => "will not do".to_owned(),
        };
        format!("the {} {what}", words(problem.field.name()))
    });
    if problems.iter().any(is_wrong_argument) {
        Failure::wrong_for_all(sentences)
    } else {
        Failure::because_of_all(sentences)
    }
}

fn words(field: &str) -> String {
    field.replace('_', " ")
}
