//! `phone-auth user`: what an operator does with the addresses and the username of a user who has called.

use phone_auth::Accounts;
use phone_auth::core::accounts::{
    AddAddressRefusal, FlowError, Marked, PrimaryRefusal, Removal, RenameRefusal, Replaced,
};
use phone_auth::core::address::{AddressKind, AddressRecord};
use phone_auth::core::user::{User, UserId};

use super::found::named;
use super::problems::invalid;
use super::view::show_user;
use crate::exit::Failure;
use crate::terminal::console;
use crate::terminal::visible::Visible;

pub(super) async fn rename(
    accounts: &Accounts,
    login: &str,
    username: &str,
    json: bool,
) -> Result<(), Failure> {
    let user = named(accounts, login).await?;
    let renamed = match accounts.rename(&user, username).await {
        Ok(renamed) => renamed,
        Err(FlowError::Refused(RenameRefusal::Invalid(problems))) => {
            return Err(invalid(&problems));
        }
        Err(error) => return Err(Failure::failed(error)),
    };
    let (old, new) = (Visible(&user.username), Visible(&renamed.username));
    told(accounts, user.id, json, format_args!("{old} is {new} now")).await
}

pub(super) async fn set_verified(
    accounts: &Accounts,
    address: (&str, Option<&str>),
    is_verified: bool,
    json: bool,
) -> Result<(), Failure> {
    let (address, user) = owned(accounts, address).await?;
    let said = match mark(accounts, &user, &address, is_verified).await? {
        IsNow::Changed if is_verified => "is verified",
        IsNow::Changed => "is not verified",
        IsNow::AsBefore if is_verified => "is verified already",
        IsNow::AsBefore => "is not verified anyway",
    };
    let (value, name) = (Visible(&address.value), Visible(&user.username));
    told(
        accounts,
        user.id,
        json,
        format_args!("{value} of {name} {said}"),
    )
    .await
}

/// What an address is that is as it should be.
enum IsNow {
    Changed,
    AsBefore,
}

/// Marks an address as verified or not, if it can be.
async fn mark(
    accounts: &Accounts,
    user: &User,
    address: &AddressRecord,
    is_verified: bool,
) -> Result<IsNow, Failure> {
    let marked = accounts.set_verified(user, address, is_verified).await;
    match marked.map_err(Failure::failed)? {
        Marked::Changed => Ok(IsNow::Changed),
        Marked::AlreadySo => Ok(IsNow::AsBefore),
        Marked::NotThere => Err(Failure::because(GONE)),
        Marked::Taken => Err(taken(accounts, user, address).await?),
    }
}

const GONE: &str = "that user does not have this email address or phone number any more";

/// That someone else has an address, and who has verified it.
async fn taken(
    accounts: &Accounts,
    user: &User,
    address: &AddressRecord,
) -> Result<Failure, Failure> {
    let found = accounts.find_addresses(&address.value).await;
    let mut found = found.map_err(Failure::failed)?.into_iter();
    let owner = found.find(|(it, owner)| it.is_verified && owner.id != user.id);
    let (value, name) = (Visible(&address.value), Visible(&user.username));
    let of_user = format!("{value} of {name} is not verified");
    Ok(Failure::because(match owner {
        Some((_, owner)) => format!(
            "{of_user}: {} has verified this address; `phone-auth user unverify` takes it from them first",
            Visible(&owner.username)
        ),
        None => format!(
            "{of_user}: someone else has it as their username, or as the email address in their own row"
        ),
    }))
}

pub(super) async fn set_names(
    accounts: &Accounts,
    login: &str,
    (first, last): (Option<&str>, Option<&str>),
    json: bool,
) -> Result<(), Failure> {
    let user = named(accounts, login).await?;
    let renamed = match accounts.set_names(&user, first, last).await {
        Ok(renamed) => renamed,
        Err(FlowError::Refused(RenameRefusal::Invalid(problems))) => {
            return Err(invalid(&problems));
        }
        Err(error) => return Err(Failure::failed(error)),
    };
    let names = format!("{} {}", renamed.first_name, renamed.last_name);
    let (name, username) = (names.trim(), Visible(&user.username));
    if name.is_empty() {
        let said = format_args!("{username} has no first and last name now");
        return told(accounts, user.id, json, said).await;
    }
    let said = format_args!("{username} is called {} now", Visible(name));
    told(accounts, user.id, json, said).await
}

pub(super) async fn make_primary(
    accounts: &Accounts,
    address: (&str, Option<&str>),
    json: bool,
) -> Result<(), Failure> {
    let (address, user) = owned(accounts, address).await?;
    if address.kind != AddressKind::Email {
        return Err(Failure::because(
            "a phone number cannot be the primary address; an email address can",
        ));
    }
    match accounts.make_primary_of(&user, address.id).await {
        Ok(_) => {}
        Err(FlowError::Refused(PrimaryRefusal::NotVerified)) => {
            return Err(Failure::because(
                "this address is not verified, so it cannot be the primary one; `phone-auth user verify` marks it as verified",
            ));
        }
        Err(FlowError::Refused(PrimaryRefusal::NoSuchAddress)) => {
            return Err(Failure::because(GONE));
        }
        Err(error) => return Err(Failure::failed(error)),
    }
    let (value, name) = (Visible(&address.value), Visible(&user.username));
    let said = format_args!("{value} is the primary address of {name} now");
    told(accounts, user.id, json, said).await
}

pub(super) async fn add(
    accounts: &Accounts,
    login: &str,
    address: &str,
    is_verified: bool,
    json: bool,
) -> Result<(), Failure> {
    let user = named(accounts, login).await?;
    let added = add_to(accounts, &user, address, is_verified).await?;
    let (value, name) = (Visible(&added.value), Visible(&user.username));
    told(
        accounts,
        user.id,
        json,
        format_args!("{name} has {value} now"),
    )
    .await
}

pub(super) async fn change(
    accounts: &Accounts,
    old: (&str, Option<&str>),
    new: &str,
    is_verified: bool,
    json: bool,
) -> Result<(), Failure> {
    let (old, user) = owned(accounts, old).await?;
    let replaced = if is_verified {
        // The new one first: should the other not go, the user has both, and can be reached.
        let added = add_to(accounts, &user, new, true).await?;
        if (added.kind, added.id) != (old.kind, old.id) {
            let removed = accounts.remove_address_of(&user, &old).await;
            let (Removal::Removed(_) | Removal::NotThere) = removed.map_err(Failure::failed)?;
        }
        Replaced::Now(added)
    } else {
        let replaced = accounts.replace_address_for(&user, &old, new).await;
        replaced.map_err(not_added)?
    };
    let (Replaced::Now(new) | Replaced::OnceProven(new) | Replaced::Beside(new)) = &replaced;
    let (new, old, name) = (
        Visible(&new.value),
        Visible(&old.value),
        Visible(&user.username),
    );
    let said = match replaced {
        Replaced::Now(_) => {
            let said = format_args!("{name} has {new} in the place of {old} now");
            return told(accounts, user.id, json, said).await;
        }
        Replaced::OnceProven(_) => {
            format!(
                "{name} has {new} beside {old} now, which goes once {new} is verified; another password ends that"
            )
        }
        Replaced::Beside(_) => format!(
            "{name} has {new} beside {old} now: {new} lets nobody in until it is verified, and then \
             `phone-auth user remove-address` removes {old}"
        ),
    };
    warned(accounts, user.id, json, &said).await
}

pub(super) async fn remove(
    accounts: &Accounts,
    address: (&str, Option<&str>),
    json: bool,
) -> Result<(), Failure> {
    let (address, user) = owned(accounts, address).await?;
    let removed = accounts.remove_address_of(&user, &address).await;
    match removed.map_err(Failure::failed)? {
        Removal::Removed(_) => {}
        Removal::NotThere => return Err(Failure::because(GONE)),
    }
    let (value, name) = (Visible(&address.value), Visible(&user.username));
    let said = format_args!("{value} was removed from {name}");
    told(accounts, user.id, json, said).await
}

async fn add_to(
    accounts: &Accounts,
    user: &User,
    address: &str,
    is_verified: bool,
) -> Result<AddressRecord, Failure> {
    if is_verified {
        // Asked first, so that nothing is half done; in between it can be verified all the same.
        let found = accounts.find_addresses(address).await;
        let mut found = found.map_err(Failure::failed)?.into_iter();
        if let Some((address, owner)) =
            found.find(|(it, owner)| it.is_verified && owner.id != user.id)
        {
            let (value, owner) = (Visible(&address.value), Visible(&owner.username));
            return Err(Failure::because(format!(
                "nothing was changed: {owner} has verified {value}; `phone-auth user unverify` takes it from them first"
            )));
        }
    }
    let added = accounts.add_address_for(user, address).await;
    let added = added.map_err(not_added)?;
    if is_verified {
        mark(accounts, user, &added, true).await?;
    }
    Ok(added)
}

/// What is wrong with an address that was not added.
fn not_added(error: FlowError<AddAddressRefusal>) -> Failure {
    match error {
        FlowError::Refused(AddAddressRefusal::Invalid(problems)) => invalid(&problems),
        error => Failure::failed(error),
    }
}

/// The address that a text means, and whose it is: of the user with this login, if one is named. Without, it is the one who has
/// proven it; else the only one who has it or claims it.
async fn owned(
    accounts: &Accounts,
    (address, login): (&str, Option<&str>),
) -> Result<(AddressRecord, User), Failure> {
    let owner = match login {
        Some(login) => Some(named(accounts, login).await?.id),
        None => None,
    };
    let found = accounts.find_addresses(address).await;
    let found = found.map_err(Failure::failed)?;
    if found.is_empty() {
        let nobody = "no account has this email address or phone number";
        return Err(Failure::because(nobody));
    }
    if let Some(owner) = owner {
        let mut own = found.into_iter().filter(|(_, user)| user.id == owner);
        let nothing =
            || Failure::because("that user does not have this email address or phone number");
        return own.next().ok_or_else(nothing);
    }
    let proven = found.iter().position(|(address, _)| address.is_verified);
    let is_one = proven.is_some() || found.len() == 1;
    let mut found = found.into_iter().skip(proven.unwrap_or_default());
    found.next().filter(|_| is_one).ok_or_else(|| {
        Failure::because(
            "several accounts have added this address and none has verified it; say whose with --user LOGIN",
        )
    })
}

/// As [`told`], of what an operator has to know who reads the JSON: it goes to standard error beside that.
pub(super) async fn warned(
    accounts: &Accounts,
    user: UserId,
    json: bool,
    said: &str,
) -> Result<(), Failure> {
    if json {
        console::note(said);
    }
    told(accounts, user, json, format_args!("{said}")).await
}

/// Says what was done, or shows the user as they are now.
pub(super) async fn told(
    accounts: &Accounts,
    user: UserId,
    json: bool,
    said: std::fmt::Arguments<'_>,
) -> Result<(), Failure> {
    if !json {
        return console::print(said).map_err(Failure::failed);
    }
    let now = accounts.user(user).await.map_err(Failure::failed)?;
    let now = now.ok_or_else(|| Failure::because("the user was deleted meanwhile"))?;
    show_user(accounts, now, json).await
}
