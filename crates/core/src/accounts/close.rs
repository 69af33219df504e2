//! The end of an account, and a copy of all that is kept of one.

use std::collections::BTreeMap;
use std::error::Error;

use chrono::{DateTime, Utc};
use phone_auth_events::{
    AccountChange, AccountClosed, AccountClosing, AccountExporting, ExportParts, MayNotClose,
    Outcome, Report, Sender,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Builder;

use super::{Accounts, Failure, FailureKind, FlowError};
use crate::address::AddressRecord;
use crate::store::{AsSeen, Closed, EndOfUser};
use crate::user::{User, UserId};

/// What the username begins with of a row that stays.
const PLACEHOLDER: &str = "closed-";

/// The most addresses of each kind that an export has.
const ALL_ADDRESSES: u32 = 10_000;

impl Accounts {
    /// Closes an account, at once and for ever: the user, their addresses, sessions and pending messages are removed, and their names are
    /// free. Fires `account_closing` before, whose receivers may refuse it, and `account_closed` once it is done. The addresses
    /// that were verified are told, once: nothing of the user waits in the outbox for a second attempt.
    ///
    /// Where tables of the application or of Django name the user, and their rows may not go with them, the row of the
    /// user stays without anything that identifies them: [`Closed::Anonymised`].
    ///
    /// # Security
    /// It cannot be undone. Ask for [a recent proof](Self::require_recent_proof) first: anyone who finds a browser open could
    /// do it.
    ///
    /// # Errors
    /// - [`NoSuchUser`](CloseRefusal::NoSuchUser): there is no such user, perhaps any more.
    /// - [`MayNot`](CloseRefusal::MayNot): a receiver of `account_closing` refused, or failed.
    /// - [`Failed`](FlowError::Failed): [`Referenced`](FailureKind::Referenced), a table of others names an address of the
    ///   user and does not let it go; [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken), the
    ///   store, or the source of randomness.
    ///
    /// # Cancel safety
    /// It happens whole or not at all; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{CloseRefusal, FlowError};
    /// use phone_auth_core::store::Closed;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// assert_eq!(accounts.close(ann.id).await?, Closed::Removed);
    /// assert_eq!(accounts.find("ann@example.org").await?, None);
    ///
    /// let again = accounts.close(ann.id).await;
    /// assert!(matches!(again, Err(FlowError::Refused(CloseRefusal::NoSuchUser))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn close(&self, user: UserId) -> Result<Closed, FlowError<CloseRefusal>> {
        let no_such_user = || FlowError::Refused(CloseRefusal::NoSuchUser);
        let user = self.store().user(user).await?.ok_or_else(no_such_user)?;
        match self.close_as("close", &user, None, None).await? {
            Closed::NoSuchUser => Err(no_such_user()),
            closed => Ok(closed),
        }
    }

    /// Closes the account of a user; of one that is to be closed later, if its time has come by then, and of one that nobody has
    /// shown to be theirs, if it is as it was seen.
    pub(super) async fn close_as(
        &self,
        flow: &'static str,
        user: &User,
        due_by: Option<DateTime<Utc>>,
        as_seen: Option<AsSeen>,
    ) -> Result<Closed, FlowError<CloseRefusal>> {
        let sender = Sender::new(flow);
        self.ask_to_close(sender, user).await?;
        let addresses = self.addresses_to_tell(user.id).await?;
        let mut random = [0; 16];
        self.randomness().fill(&mut random)?;
        let unique = Builder::from_random_bytes(random).into_uuid().simple();
        let end = EndOfUser {
            user: user.id,
            placeholder: format!("{PLACEHOLDER}{unique}"),
            due_by,
            as_seen,
            event: self.event_of_closing(user, sender)?,
        };
        let change = AccountChange::AccountClosed;
        let notices = self.notices_of(user.id, &addresses, &change).await?;
        let closed = self.store().close_user(&end).await;
        let is_closed = |it: &Closed| *it != Closed::NoSuchUser;
        let closed = self.unless_made(&notices, closed, is_closed).await?;
        if closed == Closed::NoSuchUser {
            return Ok(closed);
        }
        if let Some(outbox) = &self.inner.outbox {
            outbox.were_enqueued(end.event.iter());
        }
        self.notify(user, notices.told_at_once()).await;
        let event = AccountClosed::new(sender, user.to_event_user());
        self.happened(event).await;
        Ok(closed)
    }

    /// Asks the receivers whether an account may be closed. One that says nothing in time has not agreed.
    pub(super) async fn ask_to_close(
        &self,
        sender: Sender,
        user: &User,
    ) -> Result<(), FlowError<CloseRefusal>> {
        let event = AccountClosing::new(sender, user.to_event_user());
        let asked = self.inner.signals.send_robust(&event);
        let report = tokio::time::timeout(self.inner.dispatch_timeout, asked).await;
        let sentence = match &report {
            Ok(report) if report.is_ok() => return Ok(()),
            Ok(report) => veto(report),
            Err(_) => None,
        };
        Err(FlowError::Refused(CloseRefusal::MayNot(sentence)))
    }

    /// Whether a form that closes an account was sent before and has done it: the token is one of its page, from
    /// [`password_form_token`](Self::password_form_token), and the account is closed or [to be](Self::request_closing).
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// let form = accounts.password_form_token(&ann);
    /// assert!(!accounts.repeated_close(&form).await?);
    /// accounts.close(ann.id).await?;
    /// assert!(accounts.repeated_close(&form).await?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn repeated_close(&self, form_token: &str) -> Result<bool, Failure> {
        let Some(user) = self.user_of_form(form_token) else {
            return Ok(false);
        };
        let Some(kept) = self.store().user(user).await? else {
            return Ok(true);
        };
        let is_closed = !kept.is_active && kept.username.starts_with(PLACEHOLDER);
        Ok(is_closed || self.closing_of(&kept).await?.is_some())
    }

    /// A copy of all that is kept of a user, with what the receivers of `account_exporting` add; none when there is no such
    /// user.
    ///
    /// # Security
    /// It is all that there is to know of a user, less passwords and keys. Ask for
    /// [a recent proof](Self::require_recent_proof) first.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// let export = accounts.export(ann.id).await?.ok_or("nobody")?;
    /// assert_eq!(export.account.username, "ann");
    /// let json = serde_json::to_string(&export)?;
    /// assert!(json.contains("ann@example.org") && !json.contains("argon2"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn export(&self, user: UserId) -> Result<Option<AccountExport>, Failure> {
        let Some(user) = self.store().user(user).await? else {
            return Ok(None);
        };
        let addresses = self.store().addresses_of(user.id, ALL_ADDRESSES).await?;
        let are_all = u32::try_from(addresses.len()).is_ok_and(|there| there < ALL_ADDRESSES);
        let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for row in self.store().rows_of(user.id).await? {
            let value =
                serde_json::from_str(&row.row).map_err(|_| Failure::new(FailureKind::Broken))?;
            rows.entry(row.table).or_default().push(value);
        }
        let parts = ExportParts::default();
        let sender = Sender::new("export");
        let event = AccountExporting::new(sender, user.to_event_user(), parts.clone());
        let told = self.inner.signals.send_robust(&event);
        let told = tokio::time::timeout(self.inner.dispatch_timeout, told).await;
        let is_complete = are_all && told.is_ok_and(|report| report.is_ok());
        Ok(Some(AccountExport {
            account: ExportedAccount::of(&user),
            addresses: addresses.iter().map(ExportedAddress::of).collect(),
            rows,
            application: parts.to_map(),
            is_complete,
        }))
    }
}

/// The words of the first receiver that has some.
fn veto(report: &Report) -> Option<String> {
    let errors = report.failures().filter_map(|it| match it.outcome() {
        Outcome::Failed(error) => Some(error),
        _ => None,
    });
    let mut words = errors.filter_map(|error| {
        let mut next: Option<&(dyn Error + 'static)> = Some(&**error);
        while let Some(error) = next {
            if let Some(veto) = error.downcast_ref::<MayNotClose>() {
                return Some(veto.sentence().to_owned());
            }
            next = error.source();
        }
        None
    });
    words.next()
}

/// Why [`Accounts::close`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum CloseRefusal {
    /// There is no such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// A receiver of `account_closing` wants the account to stay: its words for the user, if it has some. One that fails in
    /// another way keeps the account open too.
    #[error("a receiver of account_closing refused")]
    MayNot(Option<String>),
}

/// All that is kept of a user. Made by [`Accounts::export`], to be written as JSON.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AccountExport {
    /// The account.
    pub account: ExportedAccount,
    /// The addresses.
    pub addresses: Vec<ExportedAddress>,
    /// What else is kept, by table.
    pub rows: BTreeMap<String, Vec<Value>>,
    /// What the application added.
    pub application: BTreeMap<String, Value>,
    /// Whether everyone who was asked has added what is theirs, and all addresses are here; false where a receiver failed, or
    /// there are more than 10,000 addresses.
    pub is_complete: bool,
}

/// A user, in an export.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ExportedAccount {
    /// Their number.
    pub id: i64,
    /// The username.
    pub username: String,
    /// The given name.
    pub first_name: String,
    /// The family name.
    pub last_name: String,
    /// The email address in the user's own row.
    pub email: String,
    /// Whether the account is enabled.
    pub is_active: bool,
    /// When the account was made.
    pub date_joined: DateTime<Utc>,
    /// When the user last logged in.
    pub last_login: Option<DateTime<Utc>>,
}

impl ExportedAccount {
    fn of(user: &User) -> Self {
        Self {
            id: user.id.get(),
            username: user.username.clone(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            email: user.email.clone(),
            is_active: user.is_active,
            date_joined: user.date_joined,
            last_login: user.last_login,
        }
    }
}

/// An address, in an export.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ExportedAddress {
    /// `email` or `phone`.
    pub kind: &'static str,
    /// The address.
    pub value: String,
    /// Whether the user has shown that it is theirs.
    pub is_verified: bool,
}

impl ExportedAddress {
    fn of(address: &AddressRecord) -> Self {
        Self {
            kind: address.kind.as_str(),
            value: address.value.clone(),
            is_verified: address.is_verified,
        }
    }
}
