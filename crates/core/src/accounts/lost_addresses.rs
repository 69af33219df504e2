//! Who loses an address: it was in their account without proof, and someone else has shown that it is theirs.

use std::collections::HashMap;

use phone_auth_events::{AccountChange, EmailLost, PhoneLost, Sender};

use super::Accounts;
use super::notices::{ChangeNotices, Reached};
use crate::address::{
    Address, AddressId, AddressKind, AddressRecord, EmailAddress, Loss, Losses, PhoneNumber,
};
use crate::store::StoreError;
use crate::user::{User, UserId};

/// At most so many who hold an address are told that they have lost it, and so many who claim it.
const MOST_LOSERS: u32 = 20;

/// Who has an address without proof, while someone proves it: they are told if they have lost it.
pub(super) struct MayLose {
    address: Option<Address>,
    keeps_claims: bool,
    holders: Vec<MayLoseIt>,
}

/// One of them, and what tells them.
struct MayLoseIt {
    held: AddressRecord,
    user: User,
    notices: ChangeNotices,
}

impl MayLose {
    /// What the store does with the proof, and enqueues with it for those who lose the address.
    pub(super) fn to_commit(&self) -> Losses {
        let told = self.holders.iter().map(|it| Loss {
            address: it.held.id,
            user: it.user.id,
            notices: it.notices.to_commit(),
        });
        Losses {
            keeps_claims: self.keeps_claims,
            told: told.collect(),
        }
    }
}

impl Accounts {
    /// Who would lose an address if this user proved it, and what tells them then: read before they do.
    ///
    /// Where accounts are concealed nobody loses a claim: it may be on the address of anyone, and that it ends would say that
    /// they have an account now.
    ///
    /// Where that cannot be read nothing is changed: what was counted for these notices of the change is given back.
    pub(super) async fn may_lose(
        &self,
        prover: UserId,
        on: (AddressKind, &str),
        notices: &ChangeNotices,
    ) -> Result<MayLose, StoreError> {
        let may_lose = self.who_may_lose(prover, on).await;
        self.unless_made(notices, may_lose, |_| true).await
    }

    async fn who_may_lose(
        &self,
        prover: UserId,
        (kind, value): (AddressKind, &str),
    ) -> Result<MayLose, StoreError> {
        let mut may_lose = self.nobody_may_lose();
        let keeps_claims = may_lose.keeps_claims;
        may_lose.address = match kind {
            AddressKind::Email => EmailAddress::parse(value).ok().map(Address::Email),
            AddressKind::Phone => PhoneNumber::parse(value).ok().map(Address::Phone),
        };
        // What is stored without its calling code is no other's.
        let Some(address) = &may_lose.address else {
            return Ok(may_lose);
        };
        let mut holders = self.store().holders_of(address, MOST_LOSERS).await?;
        holders.retain(|(held, user)| {
            let is_kept = keeps_claims && held.id.is_claim();
            user.id != prover && !held.is_verified && !is_kept
        });
        // All of them at once: however many there are, who proves the address waits for one look.
        let reached = self.reached_by_loss(holders.iter().map(|(_, user)| user.id));
        let reached = reached.await;
        for (held, user) in holders {
            let notices = self.loss_told(&held, &user, &reached).await;
            may_lose.holders.push(MayLoseIt {
                held,
                user,
                notices,
            });
        }
        Ok(may_lose)
    }

    /// Where nobody is told: nothing is proven, or nothing is that was not before.
    pub(super) fn nobody_may_lose(&self) -> MayLose {
        MayLose {
            address: None,
            keeps_claims: self.settings().conceal_accounts,
            holders: Vec::new(),
        }
    }

    /// Tells those who have lost an address by a proof that was made since: their notices are pending by now, where there is an
    /// outbox.
    pub(super) async fn tell_losers(&self, sender: &'static str, before: MayLose) {
        let MayLose {
            address: Some(address),
            holders,
            ..
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
                tracing::warn!(%error, "no receiver is told who has lost an address");
                return;
            }
        };
        let left: Vec<AddressId> = left.into_iter().map(|(held, _)| held.id).collect();
        for it in holders {
            if left.contains(&it.held.id) {
                self.was_not_made(&it.notices).await;
            } else {
                self.tell_loser(sender, &it.held, it.user, it.notices).await;
            }
        }
    }

    /// Nobody has lost the address: the proof was refused.
    pub(super) async fn nobody_lost(&self, before: &MayLose) {
        for it in &before.holders {
            self.was_not_made(&it.notices).await;
        }
    }

    /// Says that an address is someone's no more: what tells their verified addresses is pending, and the signals are fired.
    pub(super) async fn tell_loser(
        &self,
        sender: &'static str,
        lost: &AddressRecord,
        user: User,
        notices: ChangeNotices,
    ) {
        self.notify(&user, notices).await;
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

    /// What tells someone of a loss.
    pub(super) async fn notices_of_loss(&self, lost: &AddressRecord, user: &User) -> ChangeNotices {
        let reached = self.reached_by_loss([user.id]).await;
        self.loss_told(lost, user, &reached).await
    }

    /// How those are reached who lose an address. A proof is not refused because the others could not be told.
    async fn reached_by_loss(
        &self,
        users: impl IntoIterator<Item = UserId>,
    ) -> HashMap<UserId, Reached> {
        self.reach(users).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "nobody will be told that an address is theirs no more");
            HashMap::new()
        })
    }

    /// What tells someone of a loss, in no language and by no channel of the one who has the address then.
    async fn loss_told(
        &self,
        lost: &AddressRecord,
        user: &User,
        reached: &HashMap<UserId, Reached>,
    ) -> ChangeNotices {
        let accounts = self.with_language(None).with_channel(None);
        let Some(reached) = reached.get(&user.id) else {
            return accounts.no_notices();
        };
        let change = AccountChange::AddressLost(lost.value.clone());
        let notices = accounts.notices_reaching(user.id, reached, &change);
        notices.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a user will not be told that an address is theirs no more");
            accounts.no_notices()
        })
    }
}
