//! Whether this is a site on one's own machine or one for others.
//!
//! Messages hold links that let one in. On one's own machine they may be printed and shown; for
//! others somebody must send them, and a site where nobody does is refused before it starts.

use std::net::SocketAddr;

use crate::configuration::{Configuration, Mistake};

/// The signals whose messages somebody must get.
pub(crate) const MESSAGES: [&str; 4] = [
    "reset_password_email",
    "reset_password_phone",
    "verify_email",
    "verify_phone",
];

/// Who gets the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are printed and shown at the development mailbox, besides what linked receivers do.
    Development,
    /// Linked receivers send them.
    Delivery,
}

/// Decides the mode.
///
/// # Errors
/// When messages would be lost or shown to others, or nobody knows what the site is called.
pub(crate) fn decide(
    configuration: &Configuration,
    unreceived: &[&'static str],
) -> Result<Mode, Mistake> {
    let addr = configuration.addr;
    let is_loopback = configuration.is_loopback();
    if configuration.development == Some(true) && !is_loopback {
        let why = format!(
            "messages would be shown to whoever reaches {addr}; listen on a loopback address such as \
             127.0.0.1:8000, or leave this setting out"
        );
        return Err(configuration.refuse("development", why));
    }
    if !is_loopback && configuration.site_url.is_none() {
        let why = format!(
            "it must be set when listening on {addr}: the origin that people see, such as \
             https://example.org"
        );
        return Err(configuration.refuse("site_url", why));
    }
    let is_development = configuration
        .development
        .unwrap_or(is_loopback && !unreceived.is_empty());
    if is_development {
        return Ok(Mode::Development);
    }
    if !unreceived.is_empty() {
        return Err(configuration.refuse("addr", lost(addr, unreceived, is_loopback)));
    }
    Ok(Mode::Delivery)
}

/// The sentence about messages that nobody would send.
fn lost(addr: SocketAddr, unreceived: &[&str], is_loopback: bool) -> String {
    let first = unreceived.first().copied().unwrap_or_default();
    let cure = if is_loopback {
        "leave the setting development out"
    } else {
        "listen on a loopback address such as 127.0.0.1:8000, where development mode shows the \
         messages"
    };
    format!(
        "listening on {addr}, nobody would receive {}; write a `#[receiver({first})]` function for \
         each in a crate that the program names (`use my_receivers as _;`), or {cure}",
        unreceived.join(", ")
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use phone_auth::SiteOrigin;

    use super::*;

    fn check(
        addr: &str,
        development: Option<bool>,
        unreceived: &[&'static str],
    ) -> Result<Mode, String> {
        let mut configuration = Configuration::default();
        configuration.addr = addr.parse().unwrap();
        configuration.site_url = Some(SiteOrigin::parse("https://example.org").unwrap());
        configuration.development = development;
        decide(&configuration, unreceived).map_err(|mistake| mistake.to_string())
    }

    #[test]
    fn loopback_without_delivery_is_development() {
        for addr in [
            "127.0.0.1:0",
            "127.1.2.3:80",
            "[::1]:8000",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert_eq!(
                check(addr, None, &MESSAGES),
                Ok(Mode::Development),
                "{addr}"
            );
        }
        assert_eq!(
            check("[::1]:80", None, &["verify_phone"]),
            Ok(Mode::Development)
        );
        assert_eq!(check("[::1]:80", None, &[]), Ok(Mode::Delivery));
        assert_eq!(check("[::1]:80", Some(true), &[]), Ok(Mode::Development));
    }

    #[test]
    fn lost_messages_are_refused() {
        for addr in ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:80"] {
            let why = check(addr, None, &["verify_email", "verify_phone"]).unwrap_err();
            assert!(why.contains("verify_email, verify_phone;"), "{why}");
            assert!(why.contains("#[receiver(verify_email)]"), "{why}");
            assert_eq!(check(addr, None, &[]), Ok(Mode::Delivery));
        }
        assert!(check("127.0.0.1:80", Some(false), &MESSAGES).is_err());
        assert!(check("0.0.0.0:80", Some(true), &[]).is_err());
    }

    #[test]
    fn others_need_a_site() {
        let mut configuration = Configuration::default();
        configuration.addr = "0.0.0.0:80".parse().unwrap();
        let why = decide(&configuration, &[]).unwrap_err().to_string();
        assert!(
            why.starts_with("site_url (default): it must be set"),
            "{why}"
        );
    }
}
