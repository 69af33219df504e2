//! A user as a list and a page of details show them.

use phone_auth::Accounts;
use phone_auth::core::address::{AddressKind, AddressRecord};
use phone_auth::core::user::User;
use serde::Serialize;

use super::found::named;
use crate::exit::Failure;
use crate::terminal::console;
use crate::terminal::table::Table;
use crate::terminal::visible;

/// How many users are read at once.
const PAGE: u32 = 500;

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

pub(super) async fn list(
    accounts: &Accounts,
    search: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
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
    let mut table = Table::new(["id", "username", "name", "email", "state", "last sign-in"]);
    for user in &users {
        let name = format!("{} {}", user.first_name, user.last_name);
        table.row([
            &user.id.to_string(),
            &user.username,
            name.trim(),
            &user.email,
            if user.is_active {
                "enabled"
            } else {
                "disabled"
            },
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
    /// When the account will be deleted, if its user has closed it.
    deleted_at: Option<String>,
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

pub(super) async fn show(accounts: &Accounts, login: &str, json: bool) -> Result<(), Failure> {
    show_user(accounts, named(accounts, login).await?, json).await
}

/// Shows a user as they were read.
pub(super) async fn show_user(accounts: &Accounts, user: User, json: bool) -> Result<(), Failure> {
    let addresses = accounts.addresses_of(user.id).await;
    let addresses = addresses.map_err(Failure::failed)?;
    let closing = accounts.closing_of(&user).await.map_err(Failure::failed)?;
    let details = UserDetails {
        deleted_at: closing.map(|at| at.to_rfc3339()),
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
    table.row([
        "state",
        if user.is_active {
            "enabled"
        } else {
            "disabled"
        },
    ]);
    if let Some(at) = &details.deleted_at {
        let closed = format!("by the user; deleted on {at} unless they sign in before");
        table.row(["closed", &closed]);
    }
    table.row(["joined", &user.date_joined]);
    table.row([
        "last sign-in",
        user.last_login.as_deref().unwrap_or("never"),
    ]);
    let is_own = |address: &AddressEntry| address.value == user.email;
    if !user.email.is_empty() && !details.addresses.iter().any(is_own) {
        table.row(["email", &format!("{} (only in the user's row)", user.email)]);
    }
    for address in &details.addresses {
        let state = if address.is_verified {
            "verified"
        } else {
            "not verified"
        };
        table.row([address.kind, &format!("{} ({state})", address.value)]);
    }
    console::print(table).map_err(Failure::failed)
}
