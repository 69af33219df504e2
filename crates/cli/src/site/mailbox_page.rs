//! The page of the development mailbox.
//!
//! It shows links that let one in, so it is opened by a token that this process drew and says once, in the lines it
//! prints at the start. Where a request comes from is not asked, because nothing in it tells: a proxy on this machine
//! passes on what strangers ask for, with any `Host`, or with that of this machine and no header of its own.

use std::fmt;
use std::fmt::Write as _;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::SecondsFormat;
use phone_auth::PhoneAuth;
use phone_auth::core::randomness::{Randomness, RandomnessError, SystemRandomness};
use phone_auth::delivery::development::{Mailbox, Message};
use phone_auth::signals::{AddressKind, MessageSignal, Purpose};
use phone_auth::web::{Page, RequestContext};
use serde::Serialize;
use subtle::ConstantTimeEq;

/// The name and the source of its template.
pub(crate) const TEMPLATE: (&str, &str) = (
    "dev/mailbox.html",
    include_str!("../../templates/mailbox.html"),
);

/// The routes of the page. A log of requests has these patterns and not the token.
const ROUTES: [&str; 2] = ["/dev/mailbox/{token}/", "/dev/mailbox/{token}"];

/// A mailbox and what opens its page.
#[derive(Clone, Debug)]
pub(crate) struct MailboxPage {
    mailbox: Mailbox,
    token: Token,
}

impl MailboxPage {
    /// A page with a new token.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(crate) fn new(mailbox: Mailbox) -> Result<Self, RandomnessError> {
        Ok(Self {
            mailbox,
            token: Token::draw(&SystemRandomness::default())?,
        })
    }

    /// The messages.
    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Where the page is. Anyone who knows it can read the messages: it is for the terminal alone.
    pub(crate) fn path(&self) -> String {
        format!("/dev/mailbox/{}/", self.token.0)
    }

    /// The route of the page.
    pub(crate) fn router(&self, auth: &PhoneAuth) -> Router {
        let page = self.clone();
        let show = async move |token: Result<Path<String>, PathRejection>,
                               context: RequestContext| {
            page.show(token.ok().as_deref(), &context)
        };
        let routes = ROUTES.into_iter().fold(Router::new(), |router, route| {
            router.route(route, get(show.clone()).fallback(not_found))
        });
        routes
            .route_layer(auth.web().page_headers())
            .with_state(auth.web().clone())
    }

    fn show(&self, token: Option<&String>, context: &RequestContext) -> Response {
        if !token.is_some_and(|token| self.token.is(token)) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let messages = self.mailbox.messages();
        let messages: Vec<_> = messages.into_iter().map(Shown::from).collect();
        let page = Page::new(TEMPLATE.0, "Mailbox").with("messages", messages);
        context.render(page.without_referrer())
    }
}

async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// What opens the page: 128 random bits in hexadecimal digits.
#[derive(Clone)]
struct Token(String);

impl Token {
    fn draw(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut bytes = [0; 16];
        randomness.fill(&mut bytes)?;
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // Writing to a string cannot fail.
            let _written = write!(text, "{byte:02x}");
        }
        Ok(Self(text))
    }

    /// Compares in a time that depends on the lengths only.
    fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A message as the template takes it.
#[derive(Serialize)]
struct Shown {
    number: u64,
    subject: &'static str,
    signal: &'static str,
    to: String,
    username: String,
    link: String,
    code: Option<String>,
    at: String,
    at_text: String,
}

impl From<Message> for Shown {
    fn from(message: Message) -> Self {
        let kind = MessageSignal::named(message.signal).map(MessageSignal::kind);
        let subject = match message.purpose {
            Purpose::ResetPassword => "Reset your password",
            Purpose::Verify if kind == Some(AddressKind::Phone) => "Verify your phone number",
            Purpose::Verify => "Verify your email address",
            Purpose::LogIn => "Sign in",
            Purpose::Confirm => "Confirm it’s you",
            Purpose::SecurityNotice => "Your account was changed",
            Purpose::Event => message.signal,
        };
        Self {
            number: message.number,
            subject,
            signal: message.signal,
            to: message.to,
            username: message.username,
            link: message.link,
            code: message.code.map(|code| code.as_str().to_owned()),
            at: message.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            at_text: message.at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::num::NonZeroUsize;

    use phone_auth::signals::{RelativeUrl, SiteOrigin, User};

    use super::*;

    #[test]
    fn subject_is_of_the_purpose() {
        let site = SiteOrigin::parse("https://example.org").unwrap();
        let mailbox = Mailbox::new(site, NonZeroUsize::new(1).unwrap());
        for (signal, purpose, subject) in [
            ("login_phone", Purpose::LogIn, "Sign in"),
            ("login_phone", Purpose::Confirm, "Confirm it’s you"),
            ("login_email", Purpose::Confirm, "Confirm it’s you"),
            ("verify_email", Purpose::Verify, "Verify your email address"),
            ("verify_phone", Purpose::Verify, "Verify your phone number"),
        ] {
            let ann = User::new(1, "ann", "Ann", "Lee");
            let url = RelativeUrl::new("/x/").unwrap();
            mailbox.keep((signal, purpose), &ann, "to", &url, None);
            let shown = mailbox.messages().into_iter().next().map(Shown::from);
            assert_eq!(shown.unwrap().subject, subject, "{signal} {purpose:?}");
        }
    }

    #[test]
    fn token_is_drawn_anew() {
        let [one, other] = [(); 2].map(|()| Token::draw(&SystemRandomness::default()).unwrap());
        assert_eq!(one.0.len(), 32);
        assert!(one.is(&one.0.clone()) && !one.is(&other.0) && !one.is(""));
        assert_eq!(format!("{one:?}"), "Token(..)");
    }
}
