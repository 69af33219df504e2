//! Addresses that the proof of someone else takes from users who have not proven them: who loses one, and who is told.

use phone_auth_events::{AccountChange, DurableSignal, EmailRemoved, PhoneRemoved, Sender};

use super::{Accounts, Failure};
use crate::address::{Address, AddressKind, AddressRecord};
use crate::outbox::NewMessage;
use crate::user::{User, UserId};

/// Of at most so many users who lose an address it is told: anyone can claim one, and as many as like.
const MOST_LOSERS: u32 = 10;

/// An address that a change takes from a user, what is told of it to the addresses that they have proven, and its event.
pub(super) struct Loss {
    pub(super) sender: Sender,
    pub(super) address: AddressRecord,
    pub(super) user: User,
    pub(super) messages: Vec<NewMessage>,
    pub(super) event: Option<NewMessage>,
}

impl Accounts {
    /// What all but one user lose once this one has proven an address: those who have it without proof, and those who claim
    /// it. It is read before the change; who removes it themself meanwhile is told that it was removed.
    pub(super) async fn losses_of(
        &self,
        sender: Sender,
        owner: UserId,
        (kind, value): (AddressKind, &str),
    ) -> Result<Vec<Loss>, Failure> {
        let Some(address) = Address::of_stored(kind, value) else {
            return Ok(Vec::new());
        };
        let holders = self.store().holders(&address, MOST_LOSERS).await?;
        let mut losses = Vec::new();
        for (address, user) in holders {
            if user.id != owner && !address.is_verified {
                losses.push(self.loss(sender, address, user).await?);
            }
        }
        Ok(losses)
    }

    /// What is told of an address that a user loses.
    async fn loss(
        &self,
        sender: Sender,
        address: AddressRecord,
        user: User,
    ) -> Result<Loss, Failure> {
        let change = AccountChange::AddressRemoved(address.value.clone());
        let addresses = self.addresses_to_tell(user.id).await?;
        Ok(Loss {
            messages: self.messages_of(user.id, &addresses, &change).await?,
            ..self.untold_loss(sender, address, user)?
        })
    }

    /// The same of what its user is told of otherwise.
    pub(super) fn untold_loss(
        &self,
        sender: Sender,
        address: AddressRecord,
        user: User,
    ) -> Result<Loss, Failure> {
        let event = self.event_of_address(
            [DurableSignal::EmailRemoved, DurableSignal::PhoneRemoved],
            user.id,
            sender,
            (address.kind, &address.value),
        )?;
        Ok(Loss {
            sender,
            address,
            user,
            messages: Vec::new(),
            event,
        })
    }

    /// Fires `email_removed` or `phone_removed`.
    pub(super) async fn tell_removed(&self, sender: Sender, user: &User, address: &AddressRecord) {
        let (user, value) = (user.to_event_user(), address.value.clone());
        match address.kind {
            AddressKind::Email => {
                self.happened(EmailRemoved::new(sender, user, value)).await;
            }
            AddressKind::Phone => {
                self.happened(PhoneRemoved::new(sender, user, value)).await;
            }
        }
    }
}
