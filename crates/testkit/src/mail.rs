//! The messages that a site has sent.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use phone_auth::signals::{
    AccountChange, Message, SiteOrigin, User, login_email, login_phone, receiver,
    reset_password_email, reset_password_phone, security_notice_email, security_notice_phone,
    verify_email, verify_phone,
};
use tokio::sync::Notify;

/// A message that was sent: an email or a text message with a link, or a security notice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mail {
    /// The name of its signal, such as `verify_email`.
    pub signal: &'static str,
    /// The address or the number it went to.
    pub to: String,
    /// Whom it is for.
    pub user: User,
    /// The path to open, by [`TestBrowser::get`](crate::TestBrowser::get).
    pub link: String,
    /// The same with the origin of the site, as it stands in the message.
    pub url: String,
    /// The code to type, if the message has one.
    pub code: Option<String>,
    /// What a security notice tells of; none of a message that someone asked for.
    pub change: Option<AccountChange>,
}

/// What was sent and not yet taken, the oldest first. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct MailStore {
    kept: Arc<Mutex<Vec<Mail>>>,
    came: Arc<Notify>,
}

impl MailStore {
    fn keep(&self, mail: Mail) {
        self.lock().push(mail);
        self.came.notify_waiters();
    }

    /// Takes the oldest message to an address that someone asked for, as soon as there is one.
    pub(crate) async fn take(&self, to: &str) -> Mail {
        self.take_first(|mail| mail.to == to && mail.change.is_none())
            .await
    }

    /// Takes the oldest notice to an address of a change of this name, as soon as there is one.
    pub(crate) async fn take_notice(&self, to: &str, change: &str) -> Mail {
        let is_it = |told: &AccountChange| told.name() == change;
        self.take_first(|mail| mail.to == to && mail.change.as_ref().is_some_and(is_it))
            .await
    }

    async fn take_first(&self, is_it: impl Fn(&Mail) -> bool) -> Mail {
        loop {
            let came = self.came.notified();
            if let Some(mail) = self.take_now(&is_it) {
                return mail;
            }
            came.await;
        }
    }

    fn take_now(&self, is_it: impl Fn(&Mail) -> bool) -> Option<Mail> {
        let mut kept = self.lock();
        let at = kept.iter().position(is_it)?;
        Some(kept.remove(at))
    }

    /// The messages that someone asked for, or the notices.
    pub(crate) fn all(&self, are_notices: bool) -> Vec<Mail> {
        let kept = self.lock();
        let is_meant = |mail: &&Mail| mail.change.is_some() == are_notices;
        kept.iter().filter(is_meant).cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Mail>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MailStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailStore").finish_non_exhaustive()
    }
}

/// Its id begins as those of the development mode do: it sends nothing, so a message that an application says nobody sends is
/// not offered in its tests either.
#[receiver(
    reset_password_email,
    reset_password_phone,
    verify_email,
    verify_phone,
    login_email,
    login_phone,
    security_notice_email,
    security_notice_phone,
    id = "phone_auth.development.testkit",
    optional = true
)]
fn keep(message: &dyn Message, mail: &MailStore, site: &SiteOrigin) {
    mail.keep(Mail {
        signal: message.message_signal().name(),
        to: message.destination().as_str().to_owned(),
        user: message.user().clone(),
        link: message.url().as_str().to_owned(),
        url: message.url().absolute(site),
        code: message.code().map(|code| code.as_str().to_owned()),
        change: message.change().cloned(),
    });
}
