//! Messages by text message, through a gateway that is reached over HTTP.
//!
//! [`SmsGateway`] is the state: which request to make, how to log in, what each status means, what the
//! message says. The receiver `phone_auth.sms_gateway` takes it and sends the messages of `verify_phone` and
//! `reset_password_phone`. [`Twilio`] describes that gateway.
//!
//! Address, headers and body are templates; each value is encoded for the place it stands in, so that none
//! can change the request around it.

mod body;
mod builder;
mod login;
mod receiver;
mod request_template;
mod segments;
mod trial;
mod twilio;

pub use builder::SmsGatewayBuilder;
pub use receiver::RECEIVER;
pub use twilio::{Twilio, TwilioSender};

use std::fmt;

use phone_auth_events::{CarriesTo, PhoneMessage, SiteOrigin, Undelivered};
use reqwest::Client;

use crate::http::{self, Statuses};
use crate::texts::{Needed, Texts};
use request_template::{Fields, RequestTemplate};

/// The templates that text messages are made from.
const TEMPLATES: Needed = Needed {
    links: &["reset_password_phone.txt", "verify_phone.txt"],
    log_ins: &["login_phone.txt"],
    confirms: &["confirm_phone.txt"],
    notices: &["security_notice_phone.txt"],
};

/// A gateway for text messages.
///
/// # Examples
/// ```
/// use phone_auth_delivery::{BuildErrorKind, Secret, sms_gateway::SmsGateway};
/// use phone_auth_events::SiteOrigin;
///
/// let site = SiteOrigin::parse("https://example.org")?;
/// let gateway = SmsGateway::builder(site.clone(), "https://sms.example/v1/send")
///     .bearer(Secret::new("k3y"))
///     .json(serde_json::json!({ "to": "{{ to }}", "text": "{{ text }}" }))
///     .build()?;
/// # drop(gateway);
///
/// let forgetful = SmsGateway::builder(site, "https://sms.example/v1/send?to={{ to }}").build();
/// assert_eq!(*forgetful.unwrap_err().kind(), BuildErrorKind::Incomplete);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SmsGateway {
    client: Client,
    request: RequestTemplate,
    statuses: Statuses,
    texts: Texts,
    long_texts: Vec<(String, usize)>,
}

impl SmsGateway {
    /// Begins to describe the gateway at this URL, which is a template. Links begin with this site.
    pub fn builder(site: SiteOrigin, url: impl Into<String>) -> SmsGatewayBuilder {
        SmsGatewayBuilder::new(site, url.into())
    }

    /// Begins with the request that Twilio takes.
    pub fn twilio(site: SiteOrigin, account: Twilio) -> SmsGatewayBuilder {
        account.describe(site)
    }

    /// The texts that take more than one text message with a usual link, by the names of their templates, and how many
    /// each takes. A gateway is paid for each. `build` has logged them as warnings.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_delivery::sms_gateway::SmsGateway;
    /// use phone_auth_events::SiteOrigin;
    ///
    /// let site = SiteOrigin::parse("https://example.org")?;
    /// let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// assert_eq!(SmsGateway::builder(site, url).build()?.long_texts(), []);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn long_texts(&self) -> &[(String, usize)] {
        &self.long_texts
    }

    /// What its messages say: the same must be known to who makes the codes.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_delivery::{Carries, sms_gateway::SmsGateway};
    /// use phone_auth_events::SiteOrigin;
    ///
    /// let site = SiteOrigin::parse("https://example.org")?;
    /// let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// assert_eq!(SmsGateway::builder(site, url).build()?.carries().to("+12125552368"), Carries::Code);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn carries(&self) -> &CarriesTo {
        self.texts.carries()
    }

    /// Sends a message and waits until the gateway has taken it.
    ///
    /// # Errors
    /// [`Retry::Never`](phone_auth_events::Retry::Never) for a status that means so,
    /// [`Retry::After`](phone_auth_events::Retry::After) when the gateway names a time, otherwise
    /// [`Retry::Later`](phone_auth_events::Retry::Later) for all that is no success.
    ///
    /// # Cancel safety
    /// When the call is dropped, the gateway may have the message; sent again, it has the same key.
    pub async fn send(&self, message: &dyn PhoneMessage) -> Result<(), Undelivered> {
        let writing = self.texts.of(message);
        let text = writing.render(".txt")?;
        let key = message.envelope().idempotency_key.clone();
        let key = key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let fields = Fields {
            to: message.phone(),
            text: text.trim(),
            key: &key,
            language: writing.words.language,
            secret: self.request.secret(),
        };
        let request = self.request.fill(&fields)?;
        let is_body_needed = self.statuses.need_body();
        let answer = http::send(&self.client, request, "gateway", is_body_needed).await?;
        self.statuses.judge(&answer, "gateway")
    }
}

/// Without the request, which may hold a key.
impl fmt::Debug for SmsGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsGateway")
            .field("statuses", &self.statuses)
            .field("texts", &self.texts)
            .finish_non_exhaustive()
    }
}
