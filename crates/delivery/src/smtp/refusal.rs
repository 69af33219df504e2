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
    pub(super) const fn failed(self) -> &'static str {
        match self {
            Self::Connect => "the mail server cannot be reached",
            Self::Tls => "the mail server does not begin TLS",
            Self::LogIn => "the mail server does not let us log in",
            Self::Sender => "the mail server does not take the sender",
            Self::Recipient => "the mail server does not take the recipient",
            Self::Content => "the mail server does not take the mail",
        }
    }

    /// Whether a refusal for good can be about this one message. One of the log-in or of the sender is about
    /// the settings, and those can be mended before the link has expired.
    const fn can_be_about_the_message(self) -> bool {
        matches!(self, Self::Recipient | Self::Content)
    }
}

/// What to say of an error at a step.
pub(super) fn of(step: Step, error: Error) -> Undelivered {
    let Some(code) = error.status() else {
        let failed = step.failed();
        return if error.is_response() {
            Undelivered::new(Retry::Later, failed)
        } else {
            Undelivered::with_source(Retry::Later, failed, error)
        };
    };
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    refused(step, code.into(), &words)
}

/// What to say of an answer that refuses. The words of a server are left out, because they may repeat what was
/// sent; its codes are kept (RFC 5321, 4.2.1; RFC 3463).
pub(super) fn refused(step: Step, code: u16, words: &str) -> Undelivered {
    let enhanced = enhanced(words);
    let is_final = (500..600).contains(&code)
        && step.can_be_about_the_message()
        && !is_about_the_settings(code, enhanced);
    let retry = if is_final { Retry::Never } else { Retry::Later };
    let reason = match enhanced {
        Some(enhanced) => format!("{} ({code} {enhanced})", step.failed()),
        None => format!("{} ({code})", step.failed()),
    };
    Undelivered::new(retry, reason)
}

/// Whether the codes tell, or leave open, that the sender, the log-in, a quota or the rules of the server are
/// why. Servers say such things at the recipient, as Postfix does with `smtpd_delay_reject`, or after the
/// mail.
fn is_about_the_settings(code: u16, enhanced: Option<&str>) -> bool {
    let detail = enhanced.and_then(|code| code.split_once('.'));
    match detail {
        // The log-in is missing or wrong (RFC 4954, 6).
        _ if matches!(code, 530 | 535) => true,
        // The sender's address; congestion, which is what quotas are told by; rules and log-in.
        Some((_, detail)) => matches!(detail, "1.7" | "1.8" | "4.5") || detail.starts_with("7."),
        // "Transaction failed", for whatever reason.
        None => code == 554,
    }
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
    #[test]
    fn only_the_message_is_given_up() {
        for (step, code, words, retry) in [
            (Step::Recipient, 550, "5.1.1 no such user", Retry::Never),
            (Step::Recipient, 550, "no such user", Retry::Never),
            (Step::Recipient, 452, "4.2.2 full", Retry::Later),
            (Step::Recipient, 530, "log in first", Retry::Later),
            (Step::Recipient, 550, "5.1.7 sender", Retry::Later),
            (Step::Recipient, 550, "5.1.8 sender's domain", Retry::Later),
            // Postfix.
            (Step::Recipient, 553, "5.7.1 Sender rejected", Retry::Later),
            (Step::Recipient, 554, "5.7.1 Relay denied", Retry::Later),
            // Gmail, beyond the quota of a day.
            (Step::Recipient, 550, "5.4.5 limit exceeded", Retry::Later),
            (Step::Content, 550, "5.4.5 limit exceeded", Retry::Later),
            // Amazon SES, before the sender is verified.
            (
                Step::Content,
                554,
                "Message rejected: not verified",
                Retry::Later,
            ),
            (Step::Content, 535, "5.6.0 log in", Retry::Later),
            (Step::Content, 554, "5.6.0 malformed", Retry::Never),
            (Step::Content, 552, "5.3.4 too large", Retry::Never),
            (Step::Sender, 550, "5.1.1", Retry::Later),
            (Step::LogIn, 550, "no", Retry::Later),
        ] {
            let told = refused(step, code, words);
            assert_eq!(told.retry(), retry, "{step:?} {code} {words}");
        }
    }
}
