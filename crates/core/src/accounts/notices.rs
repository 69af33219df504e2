//! Security notices: who is told of a change, and by which kind of address.

use phone_auth_events::AccountChange;

use super::losses::Loss;
use super::{Accounts, AccountsBuilder, Failure};
use crate::address::{AddressKind, AddressRecord, ProofTime};
use crate::outbox::{MessageEvent, MessageSignal, NewMessage, Notices, Purpose, envelope};
use crate::settings::NoticesBy;
use crate::store::StoreError;
use crate::user::{User, UserId};

/// At most so many addresses are told of one change.
const MOST_TOLD: usize = 10;

/// The notices of one change, and its event where a durable receiver wants it.
pub(super) struct ChangeNotices {
    messages: Vec<NewMessage>,
    /// The event of the change, for durable receivers.
    event: Option<NewMessage>,
    /// What it takes from users.
    losses: Vec<Loss>,
    /// Whether they are enqueued; else the receivers are told once the change is made.
    are_enqueued: bool,
}

impl ChangeNotices {
    /// What the store enqueues with the change.
    pub(super) fn to_commit(&self) -> Notices {
        if self.are_enqueued {
            let lost = self.losses.iter();
            let lost = lost.flat_map(|loss| loss.messages.iter().chain(&loss.event));
            let all = self.messages.iter().chain(&self.event).chain(lost);
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

    /// With the event of the change.
    pub(super) fn with_event(self, event: Option<NewMessage>) -> Self {
        Self { event, ..self }
    }

    /// With what it takes from users.
    pub(super) fn with_losses(self, losses: Vec<Loss>) -> Self {
        Self { losses, ..self }
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
        Ok(ChangeNotices {
            messages: self.messages_of(user, addresses, change).await?,
            event: None,
            losses: Vec::new(),
            are_enqueued: self.inner.outbox.is_some(),
        })
    }

    /// The messages of [`notices_of`](Self::notices_of).
    pub(super) async fn messages_of(
        &self,
        user: UserId,
        addresses: &[AddressRecord],
        change: &AccountChange,
    ) -> Result<Vec<NewMessage>, Failure> {
        let told = self.told_of(user, addresses, change).await?;
        if told.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(outbox) = &self.inner.outbox
            && outbox.is_full().await?
        {
            tracing::warn!(
                change = change.name(),
                "as many messages are pending as max_pending_messages allows; nobody is told of a change"
            );
            return Ok(Vec::new());
        }
        let mut messages = Vec::new();
        let (now, language) = (self.now(), self.language.as_ref());
        for address in told {
            let to = (user, address.kind, address.value.as_str());
            let links = &self.inner.links;
            let mut message =
                NewMessage::notice(to, change, language, now, links, self.randomness())?;
            message.channel = self.channel_to(address.kind);
            messages.push(message);
        }
        Ok(messages)
    }

    /// The addresses that [`notices_of`](Self::notices_of) asks for, where someone sends notices at all.
    pub(super) async fn addresses_to_tell(
        &self,
        user: UserId,
    ) -> Result<Vec<AddressRecord>, StoreError> {
        let kinds = [AddressKind::Email, AddressKind::Phone];
        let is_off = self.settings().notices == NoticesBy::Off;
        if is_off || !kinds.into_iter().any(|kind| self.sends_notices(kind)) {
            return Ok(Vec::new());
        }
        self.some_addresses_of(user).await
    }

    /// Says that a change was made: its notices are pending by now, or the receivers are told: without an outbox, and of the
    /// end of an account. Fires the signals of what it took from users.
    pub(super) async fn notify(&self, user: &User, notices: ChangeNotices) {
        let enqueued = notices.to_commit().len();
        if let Some(outbox) = &self.inner.outbox
            && notices.are_enqueued
        {
            outbox.were_enqueued(enqueued);
        } else {
            self.tell_notices(user, notices.messages).await;
        }
        for loss in notices.losses {
            if !notices.are_enqueued {
                self.tell_notices(&loss.user, loss.messages).await;
            }
            self.tell_removed(loss.sender, &loss.user, &loss.address)
                .await;
        }
    }

    /// Tells the receivers of notices now.
    async fn tell_notices(&self, user: &User, messages: Vec<NewMessage>) {
        for message in messages {
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

    /// Which addresses are told of a change: verified ones, of the kinds that someone sends to and the settings want.
    ///
    /// By [`EmailElsePhone`](NoticesBy::EmailElsePhone) an e-mail address stands for the numbers that were proven after it, and
    /// for no older one: else a thief who adds one would be all that is told from then on. What the change takes away is
    /// told itself, and stands for nothing. The oldest proofs come first, so that none who adds many crowds them out.
    async fn told_of<'a>(
        &self,
        user: UserId,
        addresses: &'a [AddressRecord],
        change: &AccountChange,
    ) -> Result<Vec<&'a AddressRecord>, StoreError> {
        let (added, removed) = match change {
            AccountChange::AddressAdded(value) | AccountChange::AddressVerified(value) => {
                (Some(value), None)
            }
            AccountChange::AddressRemoved(value) | AccountChange::AddressUnverified(value) => {
                (None, Some(value))
            }
            _ => (None, None),
        };
        let notices = self.settings().notices;
        let is_email = |address: &AddressRecord| address.kind == AddressKind::Email;
        let may_be_told = |address: &&AddressRecord| {
            address.is_verified
                && Some(&address.value) != added
                && match notices {
                    NoticesBy::Off => false,
                    NoticesBy::Email => is_email(address),
                    NoticesBy::EmailElsePhone | NoticesBy::All => true,
                }
                && self.sends_notices(address.kind)
                && !self.is_refused_number(address)
        };
        let mut told: Vec<_> = addresses.iter().filter(may_be_told).collect();
        let is_mixed = told.iter().any(|it| is_email(it)) && told.iter().any(|it| !is_email(it));
        let needs_order = is_mixed && notices == NoticesBy::EmailElsePhone;
        if !needs_order && told.len() <= MOST_TOLD {
            return Ok(told);
        }
        let times = self.store().proof_times(user).await?;
        // One that is not known is older than all.
        let time = |address: &AddressRecord| {
            let is_it = |it: &&ProofTime| (it.kind, it.id) == (address.kind, address.id);
            times.iter().find(is_it).map(|it| it.at)
        };
        let is_removed = |address: &AddressRecord| Some(&address.value) == removed;
        if notices == NoticesBy::EmailElsePhone {
            let emails = told.iter().filter(|it| is_email(it) && !is_removed(it));
            let oldest = emails.map(|it| time(it)).min();
            told.retain(|it| {
                is_email(it) || is_removed(it) || oldest.is_none_or(|oldest| time(it) < oldest)
            });
        }
        if told.len() > MOST_TOLD {
            told.sort_by_key(|it| (!is_removed(it), time(it)));
            told.truncate(MOST_TOLD);
        }
        Ok(told)
    }

    /// Whether someone sends notices by this kind of address. A site whose receivers know none goes without.
    fn sends_notices(&self, kind: AddressKind) -> bool {
        let purpose = Purpose::SecurityNotice;
        let signal = MessageSignal::of(purpose, kind);
        let is_received = |signal: MessageSignal| !signal.receivers(&self.inner.signals).is_empty();
        let is_elsewhere = self.inner.notices_elsewhere.contains(&kind);
        self.offers(purpose, kind) && (is_elsewhere || signal.is_some_and(is_received))
    }
}
