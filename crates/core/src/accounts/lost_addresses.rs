//! Who loses an address: it was in their account without proof, and someone else has shown that it is theirs.

use phone_auth_events::{AccountChange, EmailLost, PhoneLost, Sender};

use super::{Accounts, Failure};
use crate::address::{Address, AddressId, AddressKind, AddressRecord, EmailAddress, PhoneNumber};
use crate::store::StoreError;
use crate::user::{User, UserId};

/// At most so many who hold an address are told that they have lost it, and so many who claim it.
const MOST_LOSERS: u32 = 20;

/// Who has an address without proof, while someone proves it: they are told if they have lost it.
#[derive(Default)]
pub(super) struct MayLose {
    address: Option<Address>,
    holders: Vec<(AddressRecord, User)>,
}

impl Accounts {
    /// Who would lose an address if this user proved it: read before they do.
    pub(super) async fn may_lose(
        &self,
        prover: UserId,
        (kind, value): (AddressKind, &str),
    ) -> Result<MayLose, StoreError> {
        let address = match kind {
            AddressKind::Email => EmailAddress::parse(value).ok().map(Address::Email),
            AddressKind::Phone => PhoneNumber::parse(value).ok().map(Address::Phone),
        };
        // What is stored without its calling code is no other's.
        let Some(address) = address else {
            return Ok(MayLose::default());
        };
        let mut holders = self.store().holders_of(&address, MOST_LOSERS).await?;
        holders.retain(|(held, user)| user.id != prover && !held.is_verified);
        Ok(MayLose {
            address: Some(address),
            holders,
        })
    }

    /// Tells those who have lost an address by a proof that was made since. A proof is not undone because nobody could be told.
    pub(super) async fn tell_losers(&self, sender: &'static str, before: MayLose) {
        let MayLose {
            address: Some(address),
            holders,
        } = before
        else {
            return;
        };
        if holders.is_empty() {
            return;
        }
        let left = match self.store().holders_of(&address, MOST_LOSERS).await {
            Ok(left) => left,
            Err(error) => {
                tracing::warn!(%error, "nobody is told who has lost an address");
                return;
            }
        };
        let left: Vec<AddressId> = left.into_iter().map(|(held, _)| held.id).collect();
        for (lost, user) in holders {
            if !left.contains(&lost.id) {
                self.tell_loser(sender, &lost, user).await;
            }
        }
    }

    /// Tells someone that an address is theirs no more: their verified addresses, and the signals. Where accounts are concealed
    /// a claim ends in silence, for it may be on the address of anyone: a message would say that they have an account now.
    pub(super) async fn tell_loser(&self, sender: &'static str, lost: &AddressRecord, user: User) {
        let is_silent = self.settings().conceal_accounts && lost.id.is_claim();
        if !is_silent && let Err(error) = self.notice_of_loss(lost, &user).await {
            tracing::warn!(%error, "nobody was told that an address is theirs no more");
        }
        let (sender, user, value) = (
            Sender::new(sender),
            user.to_event_user(),
            lost.value.clone(),
        );
        match lost.kind {
            AddressKind::Email => self.happened(EmailLost::new(sender, user, value)).await,
            AddressKind::Phone => self.happened(PhoneLost::new(sender, user, value)).await,
        }
    }

    /// Sends the notice, in no language and by no channel of the one who has the address now.
    async fn notice_of_loss(&self, lost: &AddressRecord, user: &User) -> Result<(), Failure> {
        let accounts = self.with_language(None).with_channel(None);
        let addresses = accounts.addresses_to_tell(user.id).await?;
        let change = AccountChange::AddressLost(lost.value.clone());
        let notices = accounts.notices_of(user.id, &addresses, &change).await?;
        accounts.send_notices(user, notices).await
    }
}
