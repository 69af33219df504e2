//! Security notices: who is told of a change, and by which kind of address.

use std::collections::HashMap;

use phone_auth_events::AccountChange;

use super::current_user::MAX_ADDRESSES;
use super::limits::Counted;
use super::{Accounts, AccountsBuilder, Failure};
use crate::address::{AddressKind, AddressRecord};
use crate::outbox::{MessageEvent, MessageSignal, NewMessage, Notices, Purpose, envelope};
use crate::settings::NoticesBy;
use crate::store::StoreError;
use crate::user::{User, UserId};

/// At most so many addresses of each kind are told of one change.
const MOST_TOLD: usize = 10;

/// The notices of one change, and its event where a durable receiver wants it.
pub(super) struct ChangeNotices {
    messages: Vec<NewMessage>,
    /// The event of the change, for durable receivers.
    event: Option<NewMessage>,
    /// Whether they are enqueued; else the receivers are told once the change is made.
    are_enqueued: bool,
    /// What was counted for those of them that cost money.
    counted: Vec<Counted>,
}

/// How a user is reached: their verified addresses, and of which kind the one is that they have verified for the longest.
#[derive(Default)]
pub(super) struct Reached {
    addresses: Vec<AddressRecord>,
    oldest: Option<AddressKind>,
}

/// What notices to a number are counted by.
pub(super) const fn notices_to(number: &str) -> [&[u8]; 3] {
    [b"notice", b"phone", number.as_bytes()]
}

impl ChangeNotices {
    /// What the store enqueues with the change.
    pub(super) fn to_commit(&self) -> Notices {
        if self.are_enqueued {
            let all = self.messages.iter().chain(&self.event);
            Notices::new(all.cloned().collect())
        } else {
            Notices::default()
        }
    }

    /// To be told once the change is made, and not enqueued: of a user who is gone nothing waits.
    pub(super) fn told_at_once(self) -> Self {
        Self {
            are_enqueued: false,
            ..self
        }
    }

    /// With those of another change, which is made with it.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.messages.extend(other.messages);
        self.counted.extend(other.counted);
        Self {
            event: self.event.or(other.event),
            ..self
        }
    }

    /// With the event of the change.
    pub(super) fn with_event(self, event: Option<NewMessage>) -> Self {
        Self { event, ..self }
    }
}

impl AccountsBuilder {
    /// Enqueues security notices by these kinds of addresses also where no receiver of this process takes them: the worker that
    /// sends them is in another, as that of a site is to a program for its operators. Else a site whose receivers know no
    /// notices goes without.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use phone_auth_core::accounts::Accounts;
    /// # use phone_auth_core::address::AddressKind;
    /// # use phone_auth_core::tokens::{Keyring, SecretKey};
    /// # use phone_auth_store_testkit::MemoryStore;
    /// # let store = Arc::new(MemoryStore::new());
    /// # let builder = Accounts::builder(store, Keyring::new(SecretKey::generate()?));
    /// let accounts = builder.notices_received_elsewhere([AddressKind::Email]).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn notices_received_elsewhere(
        mut self,
        kinds: impl IntoIterator<Item = AddressKind>,
    ) -> Self {
        self.notices_elsewhere.extend(kinds);
        self
    }
}

impl Accounts {
    /// The notices of a change: to the verified addresses that the user had before, but not to one that is itself added or
    /// verified. Every flow that changes who can get in hands them to the store with the change, and says
    /// [that it was made](Self::notify).
    ///
    /// A change is not refused because nobody could be told of it: where as many messages are pending as may be, there is
    /// none.
    pub(super) async fn notices_of(
        &self,
        user: UserId,
        addresses: &[AddressRecord],
        change: &AccountChange,
    ) -> Result<ChangeNotices, Failure> {
        let told = self.may_be_told(addresses, change);
        let oldest = if self.is_mixed(&told) {
            self.store().oldest_proof(user).await?
        } else {
            None
        };
        self.notices_to(user, self.chosen(told, oldest, change), change)
            .await
    }

    /// The same, where it was read before how the user is reached.
    pub(super) async fn notices_reaching(
        &self,
        user: UserId,
        reached: &Reached,
        change: &AccountChange,
    ) -> Result<ChangeNotices, Failure> {
        let told = self.may_be_told(&reached.addresses, change);
        let told = self.chosen(told, reached.oldest, change);
        self.notices_to(user, told, change).await
    }

    /// How these users are reached, where someone sends notices at all.
    pub(super) async fn reach(
        &self,
        users: impl IntoIterator<Item = UserId>,
    ) -> Result<HashMap<UserId, Reached>, StoreError> {
        let mut reached: HashMap<UserId, Reached> = HashMap::new();
        let mut users: Vec<_> = users.into_iter().collect();
        users.sort_unstable();
        users.dedup();
        if users.is_empty() || self.tells_nobody() {
            return Ok(reached);
        }
        let store = self.store();
        for (address, is_oldest) in store.verified_addresses_of(&users, MAX_ADDRESSES).await? {
            let of_user = reached.entry(address.user).or_default();
            if is_oldest {
                of_user.oldest = Some(address.kind);
            }
            of_user.addresses.push(address);
        }
        Ok(reached)
    }

    async fn notices_to(
        &self,
        user: UserId,
        told: Vec<&AddressRecord>,
        change: &AccountChange,
    ) -> Result<ChangeNotices, Failure> {
        let mut notices = self.no_notices();
        if told.is_empty() {
            return Ok(notices);
        }
        if let Some(outbox) = &self.inner.outbox
            && outbox.is_full().await?
        {
            tracing::warn!(
                change = change.name(),
                "as many messages are pending as max_pending_messages allows; nobody is told of a change"
            );
            return Ok(notices);
        }
        let (now, language) = (self.now(), self.language.as_ref());
        for address in told {
            // Texts cost money: one who changes something again and again has as many sent as verifications of a number.
            if address.kind == AddressKind::Phone {
                let about = notices_to(&address.value);
                match self.may_tell(about, address.kind).await {
                    Ok(Some(counted)) => notices.counted.push(counted),
                    Ok(None) => continue,
                    Err(failure) => {
                        self.was_not_made(&notices).await;
                        return Err(failure);
                    }
                }
            }
            let to = (user, address.kind, address.value.as_str());
            let links = &self.inner.links;
            let mut message =
                NewMessage::notice(to, change, language, now, links, self.randomness())?;
            message.channel = self.channel_to(address.kind);
            notices.messages.push(message);
        }
        Ok(notices)
    }

    /// Of a change that nobody is told of.
    pub(super) fn no_notices(&self) -> ChangeNotices {
        ChangeNotices {
            messages: Vec::new(),
            event: None,
            are_enqueued: self.inner.outbox.is_some(),
            counted: Vec::new(),
        }
    }

    /// The addresses that [`notices_of`](Self::notices_of) asks for, where someone sends notices at all.
    pub(super) async fn addresses_to_tell(
        &self,
        user: UserId,
    ) -> Result<Vec<AddressRecord>, StoreError> {
        if self.tells_nobody() {
            return Ok(Vec::new());
        }
        self.some_addresses_of(user).await
    }

    /// Whether nobody is told of any change.
    fn tells_nobody(&self) -> bool {
        let kinds = [AddressKind::Email, AddressKind::Phone];
        let is_off = self.settings().notices == NoticesBy::Off;
        is_off || !kinds.into_iter().any(|kind| self.sends_notices(kind))
    }

    /// Gives back what was counted for the notices of a change that was not made. Otherwise anyone in a session of the
    /// user's could use up what the number may be told, by changes that are refused, and make the real ones untold.
    pub(super) async fn was_not_made(&self, notices: &ChangeNotices) {
        for counted in &notices.counted {
            self.give_all_back(counted).await;
        }
    }

    /// What became of a change; unless it [was made](Self::was_not_made), what was counted for its notices is given back.
    pub(super) async fn unless_made<T, E>(
        &self,
        notices: &ChangeNotices,
        outcome: Result<T, E>,
        is_made: impl FnOnce(&T) -> bool,
    ) -> Result<T, E> {
        if !outcome.as_ref().is_ok_and(is_made) {
            self.was_not_made(notices).await;
        }
        outcome
    }

    /// Says that a change was made: its notices are pending by now, or the receivers are told: without an outbox, and of the end of an account.
    pub(super) async fn notify(&self, user: &User, notices: ChangeNotices) {
        if let Some(outbox) = &self.inner.outbox
            && notices.are_enqueued
        {
            outbox.were_enqueued(notices.messages.iter().chain(&notices.event));
            return;
        }
        for message in notices.messages {
            let language = message.language.as_ref();
            let (enqueued, expires) = (message.created_at, message.expires_at);
            let left = (expires - enqueued).to_std().unwrap_or_default();
            let envelope = envelope(None, language, enqueued, expires, left);
            let envelope = envelope.by_channel(message.channel);
            let Some(notice) = &message.notice else {
                continue;
            };
            let url = self.inner.links.page_of_notices();
            let event = MessageEvent::of_notice(message.kind, notice, user, url, envelope);
            self.tell_event(event).await;
        }
    }

    /// Sends a notice of what changes nothing, as a message is sent.
    pub(super) async fn send_notice(&self, user: &User, notice: NewMessage) -> Result<(), Failure> {
        if let Some(outbox) = &self.inner.outbox {
            return outbox.enqueue_notice(&notice).await;
        }
        let notices = ChangeNotices {
            messages: vec![notice],
            event: None,
            are_enqueued: false,
            counted: Vec::new(),
        };
        self.notify(user, notices).await;
        Ok(())
    }

    /// Which addresses may be told of a change: verified ones, of the kinds that someone sends to and the settings allow.
    fn may_be_told<'a>(
        &self,
        addresses: &'a [AddressRecord],
        change: &AccountChange,
    ) -> Vec<&'a AddressRecord> {
        let subject = match change {
            AccountChange::AddressAdded(value)
            | AccountChange::AddressVerified(value)
            | AccountChange::AddressLost(value) => Some(value),
            _ => None,
        };
        let wants = |kind| match self.settings().notices {
            NoticesBy::Off => false,
            NoticesBy::Email => kind == AddressKind::Email,
            NoticesBy::EmailElsePhone | NoticesBy::All => true,
        };
        let may_be_told = |address: &&AddressRecord| {
            address.is_verified
                && Some(&address.value) != subject
                && wants(address.kind)
                && self.sends_notices(address.kind)
                && !self.is_refused_number(address)
                && !self.is_refused_country(address)
        };
        addresses.iter().filter(may_be_told).collect()
    }

    /// Whether there are addresses of both kinds, of which one kind may do.
    fn is_mixed(&self, told: &[&AddressRecord]) -> bool {
        let is_phone = |address: &&AddressRecord| address.kind == AddressKind::Phone;
        self.settings().notices == NoticesBy::EmailElsePhone
            && told.iter().any(is_phone)
            && !told.iter().all(is_phone)
    }

    /// Those of them that are told, where this is the kind of the oldest proof.
    fn chosen<'a>(
        &self,
        mut told: Vec<&'a AddressRecord>,
        oldest: Option<AddressKind>,
        change: &AccountChange,
    ) -> Vec<&'a AddressRecord> {
        // An email address that was verified later may be that of a thief: it does not stand in for the number.
        if self.is_mixed(&told) && oldest != Some(AddressKind::Phone) {
            told.retain(|it| it.kind == AddressKind::Email || is_about(change, it));
        }
        at_most(told, change)
    }

    /// Whether someone sends notices by this kind of address. A site whose receivers know none goes without.
    pub(super) fn sends_notices(&self, kind: AddressKind) -> bool {
        let purpose = Purpose::SecurityNotice;
        let signal = MessageSignal::of(purpose, kind);
        let is_received = |signal: MessageSignal| !signal.receivers(&self.inner.signals).is_empty();
        let is_elsewhere = self.inner.notices_elsewhere.contains(&kind);
        self.offers(purpose, kind) && (is_elsewhere || signal.is_some_and(is_received))
    }
}

/// Whether a change is that an address is gone, or counts as verified no more: it is told of that itself, once more.
fn is_about(change: &AccountChange, address: &AddressRecord) -> bool {
    match change {
        AccountChange::AddressRemoved(value) | AccountChange::AddressUnverified(value) => {
            *value == address.value
        }
        _ => false,
    }
}

/// The addresses that are told of a change, of each kind so many: first the one that it is about, then the oldest. However many
/// someone has added, those from before are told.
fn at_most<'a>(mut told: Vec<&'a AddressRecord>, change: &AccountChange) -> Vec<&'a AddressRecord> {
    told.sort_by_key(|it| (!is_about(change, it), it.kind == AddressKind::Phone, it.id));
    let mut left = [MOST_TOLD; 2];
    let [of_email, of_phone] = &mut left;
    told.retain(|it| {
        let left = match it.kind {
            AddressKind::Email => &mut *of_email,
            AddressKind::Phone => &mut *of_phone,
        };
        let is_told = *left > 0;
        *left = left.saturating_sub(1);
        is_told
    });
    told
}
