//! The request that Twilio takes.

use phone_auth_events::SiteOrigin;

use super::{SmsGateway, SmsGatewayBuilder};
use crate::{Secret, StatusSet};

/// The codes by which Twilio says that it never sends to this number: it is none, it takes no text messages, or its owner
/// has asked for none. Whatever else it refuses can be mended while the link works, as can a sender (21606) or a
/// permission to send to a country (21408).
const NEVER: [u64; 8] = [
    21_211, 21_214, 21_217, 21_401, 21_421, 21_610, 21_614, 21_635,
];

/// An account at Twilio.
///
/// # Examples
/// ```
/// use phone_auth_delivery::{Secret, sms_gateway::{SmsGateway, Twilio, TwilioSender}};
/// use phone_auth_events::SiteOrigin;
///
/// let site = SiteOrigin::parse("https://example.org")?;
/// let sender = TwilioSender::MessagingService("MG0123".to_owned());
/// let account = Twilio::new("AC0123", Secret::new("t0ken"), sender);
/// let gateway = SmsGateway::twilio(site, account).build()?;
/// # drop(gateway);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Twilio {
    account_sid: String,
    auth_token: Secret,
    sender: TwilioSender,
    api: String,
}

/// Who a text message comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TwilioSender {
    /// A number or a name of the account: `From`.
    From(String),
    /// A service of the account that chooses the number: `MessagingServiceSid`.
    MessagingService(String),
}

impl Twilio {
    /// The account with this SID and token.
    pub fn new(account_sid: impl Into<String>, auth_token: Secret, sender: TwilioSender) -> Self {
        Self {
            account_sid: account_sid.into(),
            auth_token,
            sender,
            api: "https://api.twilio.com".to_owned(),
        }
    }

    /// Where its API is, for an account in another region; else `https://api.twilio.com`.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// use phone_auth_delivery::Secret;
    /// use phone_auth_delivery::sms_gateway::{SmsGateway, Twilio, TwilioSender};
    ///
    /// let sender = TwilioSender::From("+15005550006".to_owned());
    /// let account = Twilio::new("AC0123", Secret::new("from a file"), sender);
    /// let account = account.at("https://api.dublin.ie1.twilio.com");
    /// assert!(SmsGateway::twilio(site, account).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn at(mut self, origin: impl Into<String>) -> Self {
        self.api = origin.into();
        self
    }

    pub(super) fn describe(self, site: SiteOrigin) -> SmsGatewayBuilder {
        let (api, sid) = (self.api.trim_end_matches('/'), literal(&self.account_sid));
        let url = format!("{api}/2010-04-01/Accounts/{sid}/Messages.json");
        let (name, sender) = match &self.sender {
            TwilioSender::From(sender) => ("From", sender),
            TwilioSender::MessagingService(sid) => ("MessagingServiceSid", sid),
        };
        SmsGateway::builder(site, url)
            .never_with(StatusSet::new([400..=400]), &NEVER)
            .basic_auth(self.account_sid.clone(), self.auth_token)
            .form([
                ("To", "{{ to }}"),
                ("Body", "{{ text }}"),
                (name, &literal(sender)),
            ])
    }
}

/// A text as a template that renders to it, encoded like any value.
fn literal(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{{{{ \"{escaped}\" }}}}")
}
