//! Users in a store.

use async_trait::async_trait;

use super::StoreError;
use crate::address::Claiming;
use crate::password::Requester;
use crate::session::PasswordReplacement;
use crate::user::{
    AccountName, FoundUser, NewUser, TakenNames, User, UserId, UserSearch, WantedNames,
};

/// Keeps users.
///
/// # Errors
/// Every method fails with [`Unavailable`](super::StoreErrorKind::Unavailable) when the store is
/// locked, full or gone, and with [`Broken`](super::StoreErrorKind::Broken) when a row cannot be
/// read; further kinds are named at the method.
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Stores a user and the addresses that come with the account, and enqueues its notices with it.
    ///
    /// # Errors
    /// [`Taken`](super::StoreErrorKind::Taken) with the name that an account has, of several the first
    /// in the order username, email, phone. Usernames, addresses and numbers are one space of names, as in
    /// [`taken_names`](Self::taken_names), also when several are stored at once. Then nothing is stored.
    async fn create_user(&self, new: &NewUser) -> Result<User, StoreError> {
        self.create_user_claiming(new, Claiming::Never).await
    }

    /// The same with addresses that are stored as [claims](crate::address::AddressId::is_claim). Of one that is a claim no
    /// copy is in the user's own row.
    ///
    /// # Errors
    /// As for [`create_user`](Self::create_user). An address that becomes a claim is not taken.
    async fn create_user_claiming(
        &self,
        new: &NewUser,
        claiming: Claiming,
    ) -> Result<User, StoreError>;

    /// The user with this id.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user whom this name means: the first reading that exists, phone, then email, then
    /// username (exact before ASCII-case-insensitive). One query, the same for every reading.
    ///
    /// # Errors
    /// [`Ambiguous`](super::StoreErrorKind::Ambiguous) when that reading means several users: they have
    /// the email address or the phone number in several spellings, be one of them exactly as named, or the username
    /// in letters of different case, none exactly as named. No store of ours lets that come about; Django does.
    async fn find_user(&self, name: &AccountName) -> Result<Option<FoundUser>, StoreError>;

    /// [`find_user`](Self::find_user) for someone who has sent a request. Anyone can have names looked up, as many as they
    /// like: where look-ups wait for each other, clients take turns, and nobody who is known waits behind strangers. Where
    /// they do not wait, few strangers should be ready to go on at once: anyone else comes after all who are, at each step.
    ///
    /// # Errors
    /// As for [`find_user`](Self::find_user); [`Unavailable`](super::StoreErrorKind::Unavailable) also when too many wait.
    async fn find_user_for(
        &self,
        name: &AccountName,
        requester: &Requester,
    ) -> Result<Option<FoundUser>, StoreError> {
        let _ = requester;
        self.find_user(name).await
    }

    /// Which of these names an account has. They are one space of names: an email address counts as taken in any
    /// spelling, and also when it stands only in another user's own row, as an address or as a username; a phone number
    /// also when it is a username, with `+`, with `00`, or without; a username also when it is an address or a number.
    /// For whatever names an account at log-in names one, and anyone who took it as a name of another kind would shut
    /// its owner out.
    async fn taken_names(&self, wanted: &WantedNames<'_>) -> Result<TakenNames, StoreError>;

    /// At most `limit` users with ids above `after`, in the order of their ids.
    async fn users_after(&self, after: Option<UserId>, limit: u32)
    -> Result<Vec<User>, StoreError>;

    /// At most `limit` users with ids above `after`, in the order of their ids, of whom a name or an address has a text in it:
    /// username, first or last name, the email address of their row, an email address or, by its digits, a phone number.
    /// Letters of ASCII count in any case. It may look at every user: it is for operators.
    async fn search_users(
        &self,
        search: &UserSearch,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError>;

    /// Activates a user or deactivates them, which ends all their sessions, but for those in Django's
    /// table: they do not say in the open whose they are, and another password is what ends them. `false` when
    /// there is no such user.
    async fn set_active(&self, id: UserId, active: bool) -> Result<bool, StoreError>;

    /// Gives a user another username. `false` when there is no such user.
    ///
    /// # Errors
    /// [`Taken`](super::StoreErrorKind::Taken) when anyone else has it, in any case, or it is an email address or a phone
    /// number, as in [`taken_names`](Self::taken_names); then nothing is changed.
    async fn rename_user(&self, id: UserId, username: &str) -> Result<bool, StoreError>;

    /// Gives a user another first or last name, or both; a name that is not given stays, as does all else in the row. `false`
    /// when there is no such user.
    async fn set_names(
        &self,
        id: UserId,
        first: Option<&str>,
        last: Option<&str>,
    ) -> Result<bool, StoreError>;

    /// Replaces a password by compare-and-swap and ends the user's sessions but the one kept, which gets
    /// another name if it is still there; enqueues its notices with it, and gives the user the names, if there are any. `false`, and nothing
    /// changed, when the user is gone, inactive, or not as described.
    ///
    /// A link that it is done by is refused when its address is not verified and another of the user is. It proves its address, which is verified then, at that time. With it end the links that would
    /// verify other addresses of the user, and the proof of those that were verified by a link later than this one was; a
    /// proof whose time is not known is older than all. An email address in the user's own row that has its proof taken gives way to their
    /// oldest verified one, or to none; where there was none, that of the link is put there.
    ///
    /// Without a link no proof ends. But the links end that would verify addresses and claims of the user, and no address is
    /// [to take the place](super::ReplacementStore) of another any more: anyone who had the password before may have asked for them.
    ///
    /// In either case a link that has verified its address stays: it verifies nothing any more, and who opens it again is told that
    /// the address is verified.
    ///
    /// # Errors
    /// [`SessionExists`](super::StoreErrorKind::SessionExists) when the new name is in use; then nothing is
    /// changed.
    async fn replace_password(&self, replacement: &PasswordReplacement)
    -> Result<bool, StoreError>;
}
