//! What a refusal of the mail server means.

use std::error::Error as _;

use lettre::transport::smtp::Error;
use phone_auth_signals::{Retry, Undelivered};

/// How far a message had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Tls,
    LogIn,
    Sender,
    Recipient,
    Content,
}

impl Step {
    /// What the server did not do.
    const fn failed(self) -> &'static str {
        match self {
            Self::Connect => "the mail server cannot be reached",
            Self::Tls => "the mail server does not begin TLS",
            Self::LogIn => "the mail server does not let us log in",
            Self::Sender => "the mail server does not take the sender",
            Self::Recipient => "the mail server does not take the recipient",
            Self::Content => "the mail server does not take the mail",
        }
    }

    /// Whether a refusal for good is about this one message. One of the log-in or of the sender is about
    /// the settings, and those can be mended before the link has expired.
    const fn is_about_the_message(self) -> bool {
        matches!(self, Self::Recipient | Self::Content)
    }
}

/// What to say of an error at a step. The words of a server are left out, because they may repeat what was
/// sent; its codes are kept (RFC 5321, 4.2.1; RFC 3463).
pub(super) fn of(step: Step, error: Error) -> Undelivered {
    let Some(code) = error.status() else {
        let failed = step.failed();
        return if error.is_response() {
            Undelivered::new(Retry::Later, failed)
        } else {
            Undelivered::with_source(Retry::Later, failed, error)
        };
    };
    let is_final = error.is_permanent() && step.is_about_the_message();
    let retry = if is_final { Retry::Never } else { Retry::Later };
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let reason = match enhanced(&words) {
        Some(enhanced) => format!("{} ({code} {enhanced})", step.failed()),
        None => format!("{} ({code})", step.failed()),
    };
    Undelivered::new(retry, reason)
}

/// The status code of RFC 3463 that an answer begins with, such as `5.1.1`.
fn enhanced(words: &str) -> Option<&str> {
    let first = words.split_whitespace().next()?;
    let parts: Vec<_> = first.split('.').collect();
    let is_number = |part: &&str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    (parts.len() == 3 && parts.iter().all(is_number)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_read() {
        for (words, code) in [
            ("5.1.1 no such user", Some("5.1.1")),
            ("4.7.100 wait", Some("4.7.100")),
            ("no such user", None),
            ("5.1 x", None),
            ("5.1.1.1", None),
            ("https://example.org/a.b.c", None),
            ("", None),
        ] {
            assert_eq!(enhanced(words), code, "{words}");
        }
    }
}
