//! A message as a mail.

use lettre::address::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use phone_auth_events::{EmailMessage, Retry, Undelivered};
use sha2::{Digest, Sha256};

use crate::texts::Texts;

/// The mail that a message is sent as: plain text and HTML, from templates.
pub(super) fn compose(
    message: &dyn EmailMessage,
    from: &Mailbox,
    texts: &Texts,
) -> Result<lettre::Message, Undelivered> {
    let to = recipient(message.email()).ok_or_else(|| {
        Undelivered::new(Retry::Never, "the address is none that mail can be sent to")
    })?;
    let text = texts.of(message);
    let key = message.envelope().idempotency_key.as_deref();
    let language = HeaderName::new_from_ascii_str("Content-Language");
    // So that no holiday notice answers (RFC 3834, 5).
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let mail = lettre::Message::builder()
        .from(from.clone())
        // Without a name: what a user calls herself was typed by the one who asked.
        .to(Mailbox::new(None, to))
        .subject(one_line(&text.render(".subject.txt")?))
        .message_id(Some(message_id(key, from)))
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .raw_header(HeaderValue::new(language, text.words.language.to_owned()))
        .multipart(MultiPart::alternative_plain_html(
            text.render(".txt")?,
            text.render(".html")?,
        ));
    mail.map_err(|error| {
        Undelivered::with_source(Retry::Never, "the mail cannot be written", error)
    })
}

/// The address as the mail server is told it. Other programs store it with white space at its ends, or its domain in
/// letters outside ASCII; it is the same mailbox without them, and with A-labels (RFC 5891).
fn recipient(text: &str) -> Option<Address> {
    let (user, domain) = text.trim().rsplit_once('@')?;
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        idna::domain_to_ascii_strict(domain).ok()?
    };
    Address::new(user, domain).ok()
}

/// The same for each attempt to send one message, so that anyone who gets it twice can tell. It tells
/// nothing of the key.
fn message_id(key: Option<&str>, from: &Mailbox) -> String {
    let left = match key {
        Some(key) => {
            let digest = Sha256::new_with_prefix("phone-auth message-id\0").chain_update(key);
            let half = digest.finalize().first_chunk().copied();
            format!("{:032x}", u128::from_be_bytes(half.unwrap_or_default()))
        }
        None => uuid::Uuid::new_v4().simple().to_string(),
    };
    format!("<{left}@{}>", from.email.domain())
}

/// A subject is one line, whatever its template says: a line end in it would begin a header.
fn one_line(text: &str) -> String {
    let words = text.split(|sign: char| sign.is_whitespace() || sign.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn stored_addresses_are_sent_to() {
        for (stored, told) in [
            ("ann@example.org", "ann@example.org"),
            ("Ann@Example.org", "Ann@Example.org"),
            ("ann@b\u{fc}cher.example", "ann@xn--bcher-kva.example"),
            ("dan@localhost", "dan@localhost"),
            ("\"dan\"@example.org", "\"dan\"@example.org"),
            ("eve@example.org \t", "eve@example.org"),
        ] {
            let address = recipient(stored).unwrap();
            assert_eq!(AsRef::<str>::as_ref(&address), told, "{stored}");
        }
        for stored in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "ann@example.org\r\nBcc: b@example.org",
            "ann@example.org, bob@example.org",
            "ann@b\u{fc}cher.example>\r\nRCPT TO:<b@example.org",
        ] {
            assert_eq!(recipient(stored), None, "{stored:?}");
        }
    }

    #[test]
    fn repeats_have_one_id() {
        let from: Mailbox = "Example <accounts@example.org>".parse().unwrap();
        let id = message_id(Some("0190-7f3c"), &from);
        assert_eq!(id, message_id(Some("0190-7f3c"), &from));
        assert_ne!(id, message_id(Some("0190-7f3d"), &from));
        assert_ne!(message_id(None, &from), message_id(None, &from));
        assert!(
            id.ends_with("@example.org>") && !id.contains("0190"),
            "{id}"
        );
    }

    #[test]
    fn subject_is_one_line() {
        let subject = one_line(" a\r\nBcc: b@example.org\u{2028}c\u{0}d\n");
        assert_eq!(subject, "a Bcc: b@example.org c d");
    }
}
