//! The guard of text messages: every one that a flow sends passes here.

use std::sync::Arc;

use phone_auth_events::{MessageRefusal, MessageRefused, Sender};

use super::{Accounts, Dispatch, Failure};
use crate::address::{AddressKind, AddressRecord, PhoneNumber};
use crate::limits::{
    LimitKey, LimitSubject, ScopeKind, TextBudget, TextChange, TextCount, TextGuard, TextRow,
    TextScope, TextTotals, Whose, text_refusal, thousand_of,
};
use crate::outbox::{Addressee, Purpose, To, flow_of};
use crate::store::LimitStore;
use crate::user::{AccountName, User};

/// How many rows are read at once to list them.
const PAGE: u32 = 1_000;

/// What is counted of the text messages of a scope, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextUse {
    /// What it is: `dial_code +91`, `prefix`, `number`, `network`, `wide` (the network around one), `site`, `proven` or `owner`.
    pub scope: String,
    /// Which it is, among those of the same name.
    pub key: LimitKey,
    /// How many were sent and not used in this hour and the one before.
    pub unused_hour: i64,
    /// How many were sent and not used in this hour and the 24 before it.
    pub unused_day: i64,
    /// How many of them there may be; none for a network, which goes by countries, and the one around it.
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

/// Whom a message goes to, and what was counted of it as a text message that is sent.
pub(super) struct Guarded<'a> {
    pub(super) to: Addressee<'a>,
    counted: Option<TextCount>,
}

impl<'a> Guarded<'a> {
    /// One that nothing was counted of.
    pub(super) const fn uncounted(to: Addressee<'a>) -> Self {
        Self { to, counted: None }
    }

    /// What was counted, if anything was.
    pub(super) fn into_counted(self) -> Option<TextCount> {
        self.counted
    }
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
    ) -> Result<Guarded<'a>, Failure> {
        let Some(text) = self.guarded_text(purpose, to) else {
            return Ok(Guarded::uncounted(to));
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
        let (text, whose) = match to {
            Addressee::User(To { user, address }) => {
                let requester = self.requester(&AccountName::default(), Some(user));
                let whose = match (address.is_verified, requester.is_stranger()) {
                    (false, _) => Whose::Unproven,
                    (true, true) => Whose::Proven,
                    (true, false) => Whose::Owners,
                };
                (address.value.as_str(), whose)
            }
            Addressee::Nobody { name, .. } => (name, Whose::Nobodys),
        };
        let is_nobody = whose == Whose::Nobodys;
        let limits = &self.settings().limits;
        let number = PhoneNumber::parse(text).ok();
        let mut refusal = number.as_ref().and_then(|number| {
            let is_refused = self.settings().refused_number_types.refuse(number);
            is_refused.then_some(MessageRefusal::NumberType)
        });
        // Neither counts anything, so both hold whatever is counted.
        if refusal.is_none() && !limits.text_countries.contain_stored(number.as_ref()) {
            refusal = Some(MessageRefusal::Country);
        }
        let is_enforced = refusal.is_some() || limits.text_guard == TextGuard::Enforce;
        let change = if is_nobody || (refusal.is_some() && is_enforced) {
            TextChange::Nothing
        } else {
            TextChange::Sent
        };
        let count = limits.count_texts().then(|| TextCount {
            scopes: self.text_scopes(text, whose),
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

    /// Whether an address is a number of a country that is sent nothing, or no number where countries are listed.
    pub(super) fn is_refused_country(&self, address: &AddressRecord) -> bool {
        let countries = &self.settings().limits.text_countries;
        address.kind == AddressKind::Phone
            && !countries.contain_stored(PhoneNumber::parse(&address.value).ok().as_ref())
    }

    /// Whom a text message goes to by what is counted.
    pub(super) async fn guard<'a>(&self, text: GuardedText<'a>, rows: &[TextRow]) -> Guarded<'a> {
        let Addressee::User(To { user, .. }) = text.to else {
            return Guarded::uncounted(text.to);
        };
        let mut refusal = text.refusal;
        if let (None, Some(count)) = (refusal, text.count()) {
            let site_budget = self.settings().limits.text_site_budget;
            refusal = text_refusal(count, rows, site_budget);
        }
        let counted = (text.count).filter(|it| it.change == TextChange::Sent);
        let Some(reason) = refusal else {
            return Guarded {
                to: text.to,
                counted,
            };
        };
        let (number, is_enforced) = (text.number.as_ref(), text.is_enforced);
        self.tell_refused(text.flow, reason, is_enforced, user, number)
            .await;
        if !is_enforced {
            return Guarded {
                to: text.to,
                counted,
            };
        }
        let to = Addressee::Nobody {
            kind: AddressKind::Phone,
            name: text.text,
        };
        self.not_sent(Guarded { to, counted }).await;
        Guarded::uncounted(to)
    }

    /// Notes that the link of a message was used, by the one who asks now.
    pub(super) async fn text_was_used(&self, kind: AddressKind, value: &str) {
        if kind != AddressKind::Phone || !self.settings().limits.count_texts() {
            return;
        }
        let count = TextCount {
            scopes: self.text_scopes(value, Whose::Unproven),
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

    fn text_scopes(&self, text: &str, whose: Whose) -> Vec<TextScope> {
        let network = self.client.network();
        self.inner.limiter.text_scopes(text, whose, network)
    }

    /// Takes back what was counted of a message that is not sent.
    pub(super) async fn not_sent(&self, guarded: Guarded<'_>) {
        self.text_is_not_sent(guarded.counted).await;
    }

    /// The same: in the hour that it was counted in.
    pub(super) async fn text_is_not_sent(&self, counted: Option<TextCount>) {
        if let Some(count) = counted {
            self.take_text_back(count).await;
        }
    }

    /// Takes back what was counted of a message that this one has superseded, always by a task of its own: only of a number that
    /// someone has there is one, so the answer would tell of it.
    pub(super) fn text_before_is_not_sent(&self, counted: Option<TextCount>) {
        if let Some(count) = counted {
            let store = Arc::clone(&self.inner.limiter.store);
            self.go_on(take_back(store, count));
        }
    }

    /// What is counted of the text messages to a number, to a dial code or of the site, by what an operator calls it.
    pub(super) fn text_subjects(&self, of: &str) -> Option<Vec<LimitSubject>> {
        let limiter = &self.inner.limiter;
        let subject = |about: &[&[u8]]| limiter.text_key(about, &[]).subject();
        if of == "sms" {
            return Some(vec![subject(&[b"site"])]);
        }
        let code = of.strip_prefix('+').filter(|code| code.len() <= 3);
        let code = code.filter(|code| code.bytes().all(|digit| digit.is_ascii_digit()));
        if let Some(code) = code.and_then(|code| code.parse::<u16>().ok()) {
            return Some(vec![subject(&[b"dial_code", &code.to_be_bytes()])]);
        }
        let number = PhoneNumber::parse_in(of, self.settings().default_region).ok()?;
        let (text, code) = (number.as_str().as_bytes(), number.dial_code().to_be_bytes());
        Some(vec![
            subject(&[b"dial_code", &code]),
            subject(&[b"prefix", thousand_of(text)]),
            subject(&[b"number", text]),
            subject(&[b"proven", text]),
            subject(&[b"owner", text]),
        ])
    }

    /// Takes back what was counted of a message that is not sent. Where receivers run in the background, this does too:
    /// the answer would take longer for one who exists.
    async fn take_text_back(&self, sent: TextCount) {
        let taken_back = take_back(Arc::clone(&self.inner.limiter.store), sent);
        match self.inner.dispatch {
            Dispatch::Background => self.go_on(taken_back),
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

async fn take_back(store: Arc<dyn LimitStore>, sent: TextCount) {
    let count = TextCount {
        change: TextChange::TakenBack,
        ..sent
    };
    if let Err(error) = store.count_texts(&count).await {
        tracing::warn!(%error, "a text message that was not sent stays counted");
    }
}
