//! A user as a list and a page of details show them.

use phone_auth::Accounts;
use phone_auth::core::accounts::PendingReplacement;
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
    /// When the account will be deleted: its user has closed it, or nobody has shown that it is theirs.
    deleted_at: Option<String>,
}

/// An address of a user.
#[derive(Serialize)]
struct AddressEntry {
    kind: &'static str,
    value: String,
    is_verified: bool,
    /// Whether it is the one in the user's own row, by which Django and others name them.
    is_primary: bool,
    /// Whether it names nobody until it is verified, and others may have it as well.
    is_claim: bool,
    /// The address whose place it takes once it is verified.
    replaces: Option<String>,
    /// The address that takes its place once that is verified.
    replaced_by: Option<String>,
}

impl AddressEntry {
    /// An address of a user with this email address in their own row, of whose addresses some are to be replaced.
    fn new(address: AddressRecord, own_email: &str, pending: &[PendingReplacement]) -> Self {
        let is_it = |it: &&PendingReplacement| it.new == address;
        let replaces = pending.iter().find(is_it).map(|it| it.old.value.clone());
        let is_old = |it: &&PendingReplacement| it.old == address;
        let replaced_by = pending.iter().find(is_old).map(|it| it.new.value.clone());
        let is_email = address.kind == AddressKind::Email;
        Self {
            kind: address.kind.as_str(),
            is_verified: address.is_verified,
            is_primary: is_email && address.value == own_email,
            is_claim: address.id.is_claim(),
            value: address.value,
            replaces,
            replaced_by,
        }
    }

    /// What an operator should know of it, in words.
    fn state(&self) -> String {
        let mut words = vec![
            if self.is_verified {
                "verified"
            } else {
                "not verified"
            }
            .to_owned(),
        ];
        if self.is_primary {
            words.push("primary".to_owned());
        }
        if self.is_claim {
            words.push("names nobody until it is verified".to_owned());
        }
        if let Some(old) = &self.replaces {
            words.push(format!("takes the place of {old} once it is verified"));
        }
        if let Some(new) = &self.replaced_by {
            words.push(format!("{new} takes its place once that is verified"));
        }
        words.join(", ")
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
    let unproven = accounts.unproven_until(&user).await;
    let unproven = unproven.map_err(Failure::failed)?;
    let mut pending = Vec::new();
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let kept = accounts.pending_replacement_of(&user, kind).await;
        pending.extend(kept.map_err(Failure::failed)?);
    }
    let entries = addresses
        .into_iter()
        .map(|it| AddressEntry::new(it, &user.email, &pending));
    let details = UserDetails {
        deleted_at: closing.or(unproven).map(|at| at.to_rfc3339()),
        addresses: entries.collect(),
        user: user.into(),
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
        let (name, text) = if unproven.is_some() {
            let unless = "unless an address is verified before; signing in may keep it as well";
            ("unproven", format!("deleted on {at}, {unless}"))
        } else {
            let unless = "unless they sign in before";
            ("closed", format!("by the user; deleted on {at} {unless}"))
        };
        table.row([name, &text]);
    }
    table.row(["joined", &user.date_joined]);
    table.row([
        "last sign-in",
        user.last_login.as_deref().unwrap_or("never"),
    ]);
    if !user.email.is_empty() && !details.addresses.iter().any(|it| it.is_primary) {
        table.row(["email", &format!("{} (only in the user's row)", user.email)]);
    }
    for address in &details.addresses {
        let shown = format!("{} ({})", address.value, address.state());
        table.row([address.kind, &shown]);
    }
    console::print(table).map_err(Failure::failed)
}
