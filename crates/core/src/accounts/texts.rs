//! The guard of text messages: every one that a flow sends passes here.

use std::sync::Arc;

use phone_auth_events::{MessageRefusal, MessageRefused, Sender};

use super::{Accounts, Dispatch, Failure};
use crate::address::{AddressKind, AddressRecord, PhoneNumber};
use crate::limits::{
    LimitKey, ScopeKind, TextBudget, TextChange, TextCount, TextGuard, TextRow, TextScope,
    TextTotals, text_refusal,
};
use crate::outbox::{Addressee, Purpose, To, flow_of};
use crate::user::{AccountName, User};

/// How many rows are read at once to list them.
const PAGE: u32 = 1_000;

/// What is counted of the text messages of a scope, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextUse {
    /// What it is: `dial_code +91`, `prefix`, `network`, `site` or `owner`.
    pub scope: String,
    /// Which it is, among those of the same name.
    pub key: LimitKey,
    /// How many were sent and not used in this hour and the one before.
    pub unused_hour: i64,
    /// How many were sent and not used in this hour and the 24 before it.
    pub unused_day: i64,
    /// How many of them there may be; none for a network, which goes by countries.
    pub budget: Option<TextBudget>,
    /// Whether it refuses another, or would.
    pub is_full: bool,
}

/// A text message that the guard looks at.
pub(super) struct GuardedText<'a> {
    flow: &'static str,
    to: Addressee<'a>,
    text: &'a str,
    number: Option<PhoneNumber>,
    /// Why it is refused, no matter what is counted.
    refusal: Option<MessageRefusal>,
    is_enforced: bool,
    count: Option<TextCount>,
}

impl GuardedText<'_> {
    /// What is to be counted of it, if anything is.
    pub(super) const fn count(&self) -> Option<&TextCount> {
        self.count.as_ref()
    }
}

impl Accounts {
    /// Whom a message goes to: nobody where it is a text message that costs too much. The same is read and written for
    /// everybody, so that nobody can tell who exists.
    pub(super) async fn guard_text<'a>(
        &self,
        purpose: Purpose,
        to: Addressee<'a>,
    ) -> Result<Addressee<'a>, Failure> {
        let Some(text) = self.guarded_text(purpose, to) else {
            return Ok(to);
        };
        let store = &self.inner.limiter.store;
        let rows = match text.count() {
            Some(count) => store.count_texts(count).await?,
            None => Vec::new(),
        };
        Ok(self.guard(text, &rows).await)
    }

    /// What is to be asked about a message, if it is a text message that the guard looks at.
    pub(super) fn guarded_text<'a>(
        &self,
        purpose: Purpose,
        to: Addressee<'a>,
    ) -> Option<GuardedText<'a>> {
        if to.kind() != AddressKind::Phone {
            return None;
        }
        // Nobody but the user of a proven number has them sent, and no link in them is used: they have limits of their own.
        if matches!(purpose, Purpose::SecurityNotice | Purpose::Event) {
            return None;
        }
        let flow = flow_of(purpose);
        let (text, is_nobody, is_owner) = match to {
            Addressee::User(To { user, address }) => {
                let requester = self.requester(&AccountName::default(), Some(user));
                let is_owner = address.is_verified && !requester.is_stranger();
                (address.value.as_str(), false, is_owner)
            }
            Addressee::Nobody { name, .. } => (name, true, false),
        };
        let limits = &self.settings().limits;
        let number = PhoneNumber::parse(text).ok();
        let mut refusal = number.as_ref().and_then(|number| {
            let is_refused = self.settings().refused_number_types.refuse(number);
            is_refused.then_some(MessageRefusal::NumberType)
        });
        let is_off = limits.danger_off || limits.text_guard == TextGuard::Off;
        let is_enforced = refusal.is_some() || limits.text_guard == TextGuard::Enforce;
        let is_elsewhere = |number: &PhoneNumber| !limits.text_countries.contain(number);
        if !is_off && refusal.is_none() && number.as_ref().is_some_and(is_elsewhere) {
            refusal = Some(MessageRefusal::Country);
        }
        let change = if is_nobody || (refusal.is_some() && is_enforced) {
            TextChange::Nothing
        } else {
            TextChange::Sent
        };
        let count = (!is_off).then(|| TextCount {
            scopes: self.text_scopes(text, number.as_ref(), is_owner),
            change,
            hour: TextRow::hour_of(self.now()),
        });
        Some(GuardedText {
            flow,
            to,
            text,
            number,
            refusal,
            is_enforced,
            count,
        })
    }

    /// Whether an address is a number of a country that is sent nothing.
    pub(super) fn is_refused_country(&self, address: &AddressRecord) -> bool {
        let limits = &self.settings().limits;
        !limits.danger_off
            && limits.text_guard == TextGuard::Enforce
            && address.kind == AddressKind::Phone
            && PhoneNumber::parse(&address.value)
                .is_ok_and(|number| !limits.text_countries.contain(&number))
    }

    /// Whom a text message goes to by what is counted.
    pub(super) async fn guard<'a>(&self, text: GuardedText<'a>, rows: &[TextRow]) -> Addressee<'a> {
        let Addressee::User(To { user, .. }) = text.to else {
            return text.to;
        };
        let mut refusal = text.refusal;
        if let (None, Some(count)) = (refusal, text.count()) {
            let site_budget = self.settings().limits.text_site_budget;
            refusal = text_refusal(count, rows, site_budget);
        }
        let Some(reason) = refusal else {
            return text.to;
        };
        let (number, is_enforced) = (text.number.as_ref(), text.is_enforced);
        self.tell_refused(text.flow, reason, is_enforced, user, number)
            .await;
        if !is_enforced {
            return text.to;
        }
        if let Some(count) = text.count.filter(|it| it.change == TextChange::Sent) {
            self.take_text_back(count).await;
        }
        Addressee::Nobody {
            kind: AddressKind::Phone,
            name: text.text,
        }
    }

    /// Notes that the link of a message was used, by the one who asks now.
    pub(super) async fn text_was_used(&self, kind: AddressKind, value: &str) {
        let limits = &self.settings().limits;
        let is_off = limits.danger_off || limits.text_guard == TextGuard::Off;
        if kind != AddressKind::Phone || is_off {
            return;
        }
        let count = TextCount {
            scopes: self.text_scopes(value, PhoneNumber::parse(value).ok().as_ref(), false),
            change: TextChange::Used,
            hour: TextRow::hour_of(self.now()),
        };
        if let Err(error) = self.inner.limiter.store.count_texts(&count).await {
            tracing::warn!(%error, "it was not noted that a text message was used");
        }
    }

    /// Tells why a message to a number is refused.
    pub(super) async fn tell_refused(
        &self,
        flow: &'static str,
        reason: MessageRefusal,
        enforced: bool,
        user: &User,
        number: Option<&PhoneNumber>,
    ) {
        let code = number.map_or(0, PhoneNumber::dial_code);
        let limiter = &self.inner.limiter;
        let about = [b"refused", reason.as_str().as_bytes(), &code.to_be_bytes()];
        if !limiter.is_news(limiter.text_key(&about, &[]), self.now()) {
            return;
        }
        tracing::info!(flow, %reason, enforced, "a text message is refused");
        let (sender, user) = (Sender::new(flow), user.to_event_user());
        let kind = AddressKind::Phone;
        self.happened(MessageRefused::new(
            sender,
            reason,
            kind,
            enforced,
            Some(user),
        ))
        .await;
    }

    /// What a message to this number is counted by, in the order of the keys. Of a text that is no number only the digits
    /// count. One that its owner asks for has a place of its own besides.
    fn text_scopes(
        &self,
        text: &str,
        number: Option<&PhoneNumber>,
        is_owner: bool,
    ) -> Vec<TextScope> {
        let limiter = &self.inner.limiter;
        let code = number.map_or(0, PhoneNumber::dial_code);
        let thousand = text.get(..text.len().saturating_sub(3)).unwrap_or_default();
        let code_bytes = code.to_be_bytes();
        let mut scopes = vec![
            TextScope {
                key: limiter.text_key(&[b"dial_code", &code_bytes], &[]),
                name: format!("dial_code +{code}"),
            },
            TextScope {
                key: limiter.text_key(&[b"prefix", thousand.as_bytes()], &[]),
                name: "prefix".to_owned(),
            },
            TextScope {
                key: limiter.text_key(&[b"site"], &[]),
                name: "site".to_owned(),
            },
        ];
        if is_owner {
            scopes.push(TextScope {
                key: limiter.text_key(&[b"owner", text.as_bytes()], &[]),
                name: "owner".to_owned(),
            });
        }
        if let Some(network) = self.client.network() {
            scopes.push(TextScope {
                key: limiter.text_key(&[b"network", network.bytes()], &[&code_bytes]),
                name: "network".to_owned(),
            });
        }
        scopes.sort_unstable();
        scopes
    }

    /// Takes back what was counted of a message that was let through and is not sent after all.
    pub(super) async fn text_is_not_sent(&self, purpose: Purpose, to: Addressee<'_>) {
        let count = self.guarded_text(purpose, to).and_then(|text| text.count);
        if let Some(count) = count.filter(|it| it.change == TextChange::Sent) {
            self.take_text_back(count).await;
        }
    }

    /// Takes back what was counted of a message that is not sent. Where receivers run in the background, this does too:
    /// the answer would take longer for one who exists.
    async fn take_text_back(&self, sent: TextCount) {
        let store = Arc::clone(&self.inner.limiter.store);
        let taken_back = async move {
            let count = TextCount {
                change: TextChange::TakenBack,
                ..sent
            };
            if let Err(error) = store.count_texts(&count).await {
                tracing::warn!(%error, "a text message that was refused stays counted");
            }
        };
        match self.inner.dispatch {
            Dispatch::Background => drop(tokio::spawn(taken_back)),
            Dispatch::InRequest => taken_back.await,
        }
    }

    /// What is counted of text messages at present, by scope, in the order of their names.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// accounts.request_password_reset("+91 98765 43210").await?;
    /// let used = accounts.text_use().await?;
    /// assert_eq!(used[0].scope, "dial_code +91");
    /// assert_eq!(used[0].unused_day, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn text_use(&self) -> Result<Vec<TextUse>, Failure> {
        let store = &self.inner.limiter.store;
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = store.texts_after(after, PAGE).await?;
            after = page.last().map(|row| (row.key, row.hour));
            rows.extend(page);
            if after.is_none() {
                break;
            }
        }
        let site_budget = self.settings().limits.text_site_budget;
        let hour = TextRow::hour_of(self.now());
        let mut found = Vec::new();
        for rows in rows.chunk_by(|one, other| one.key.subject() == other.key.subject()) {
            let Some(first) = rows.first() else { continue };
            let totals = TextTotals::of(rows, &first.scope, hour);
            let Some(kind) = ScopeKind::of(&first.scope) else {
                continue;
            };
            if totals.is_empty() {
                continue;
            }
            found.push(TextUse {
                scope: first.scope.clone(),
                key: first.key,
                unused_hour: totals.unused_hour(),
                unused_day: totals.unused_day(),
                budget: kind.budget(&totals, site_budget),
                is_full: kind.is_full(&totals, site_budget),
            });
        }
        found.sort_by(|one, other| (&one.scope, one.key).cmp(&(&other.scope, other.key)));
        Ok(found)
    }
}
