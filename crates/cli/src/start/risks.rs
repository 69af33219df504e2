//! Settings that work and that an operator may come to regret: said at the start and by `check`, and not refused.

use phone_auth::delivery::{self, smtp::Security};

use super::mode::Process;
use crate::configuration::Configuration;
use crate::site::receivers;
use crate::terminal::visible::Visible;

/// A sentence for each.
pub(crate) fn notes(configuration: &Configuration, process: Process) -> Vec<String> {
    let mut notes = slow_senders(configuration);
    notes.extend(unused_templates(configuration));
    notes.extend(mail_port(configuration));
    if process == Process::Site {
        notes.extend(plain_site(configuration));
        notes.extend(unconfirmed(configuration));
    }
    notes
}

/// A sender that is given longer than an attempt takes.
fn slow_senders(configuration: &Configuration) -> Vec<String> {
    let Configuration {
        smtp,
        sms,
        webhook,
        nats,
        messages,
        sources,
        ..
    } = configuration;
    let bound = messages.receiver_timeout;
    let has_gateway = sms.url.is_some() || sms.twilio_account_sid.is_some();
    let senders = [
        (smtp.host.is_some(), "smtp.timeout", smtp.timeout),
        (has_gateway, "sms.timeout", sms.timeout),
        (webhook.url.is_some(), "webhook.timeout", webhook.timeout),
        (nats.url.is_some(), "nats.timeout", nats.timeout),
    ];
    let slow = senders
        .into_iter()
        .filter(|(is_on, _, timeout)| *is_on && *timeout > bound);
    let told = slow.map(|(_, name, timeout)| {
        format!(
            "{name} ({}): it is {timeout:?}, and receiver_timeout ends every attempt after {bound:?}; a message that was \
             taken in between is sent again",
            sources.of(name)
        )
    });
    told.collect()
}

/// What stands in a folder of texts and is no text of a message. A folder that cannot be read the receiver has refused.
fn unused_templates(configuration: &Configuration) -> Vec<String> {
    let folders = [
        ("smtp.templates", configuration.smtp.templates.as_deref()),
        ("sms.templates", configuration.sms.templates.as_deref()),
    ];
    let mut notes = Vec::new();
    for (name, folder) in folders {
        let unused = folder.and_then(|folder| delivery::unused_templates(folder).ok());
        for unused in unused.unwrap_or_default() {
            notes.push(format!(
                "{name} ({}): nothing uses {}; a text stands in a folder that is named as its language, such as \
                 de-AT/verify_email.txt",
                configuration.sources.of(name),
                Visible(&unused)
            ));
        }
    }
    notes
}

/// A mail server that is spoken to as few speak on that port (RFC 8314, 3.3).
fn mail_port(configuration: &Configuration) -> Option<String> {
    let smtp = &configuration.smtp;
    smtp.host.as_ref()?;
    let (usual, instead) = match (smtp.security, smtp.port?) {
        (Security::Implicit, 587 | 25) => ("starttls", "465"),
        (Security::StartTls, 465) => ("tls", "587"),
        _ => return None,
    };
    Some(format!(
        "smtp.port ({}): mail servers speak otherwise there than smtp.security says; most likely smtp.security must be \
         \"{usual}\", or the port {instead}",
        configuration.sources.of("smtp.port")
    ))
}

/// Users who have no password and get no code either.
fn unconfirmed(configuration: &Configuration) -> Option<String> {
    let signals = receivers::unconfirmed(configuration);
    if signals.is_empty() {
        return None;
    }
    let names: Vec<_> = signals.iter().map(|it| format!("\"{it}\"")).collect();
    Some(format!(
        "nobody receives {}: users without a password get no code there to confirm that it's them; have it received, or set \
         allow_unreceived = [{}] to do without",
        signals.join(" and "),
        names.join(", ")
    ))
}

/// A site whose passwords others can read on the way.
fn plain_site(configuration: &Configuration) -> Option<String> {
    let site = configuration.site.url.as_ref()?;
    let is_plain = site.as_str().starts_with("http://") && !site.is_loopback();
    is_plain.then(|| {
        format!(
            "site_url ({}): passwords, links and sessions cross the network in the clear; put TLS in front, and let it begin \
             with https://",
            configuration.sources.of("site_url")
        )
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::time::Duration;

    use phone_auth::SiteOrigin;

    use super::*;

    /// The settings that are named in what is said.
    fn told(change: impl FnOnce(&mut Configuration)) -> Vec<String> {
        let mut configuration = Configuration::default();
        change(&mut configuration);
        let notes = notes(&configuration, Process::Site);
        let name = |note: &String| note.split(' ').next().unwrap().to_owned();
        notes.iter().map(name).collect()
    }

    #[test]
    fn site_in_the_clear_is_told() {
        for (site, is_told) in [
            ("http://example.org", true),
            ("https://example.org", false),
            ("http://localhost:8000", false),
        ] {
            let told = told(|all| all.site.url = Some(SiteOrigin::parse(site).unwrap()));
            assert_eq!(told == ["site_url"], is_told, "{site}");
        }
    }

    #[test]
    fn port_that_speaks_otherwise_is_told() {
        for (security, port, is_told) in [
            (Security::Implicit, Some(587), true),
            (Security::Implicit, Some(465), false),
            (Security::Implicit, None, false),
            (Security::StartTls, Some(465), true),
            (Security::StartTls, Some(587), false),
            (Security::None, Some(587), false),
        ] {
            let told = told(|all| {
                all.smtp.host = Some("mail.example.org".to_owned());
                (all.smtp.security, all.smtp.port) = (security, port);
            });
            assert_eq!(told == ["smtp.port"], is_told, "{security:?} {port:?}");
        }
    }

    #[test]
    fn unused_template_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("de_AT")).unwrap();
        let told = told(|all| all.smtp.templates = Some(folder.path().to_owned()));
        assert_eq!(told, ["smtp.templates"]);
    }

    #[test]
    fn sender_slower_than_attempts_is_told() {
        let told = told(|all| {
            all.smtp.host = Some("mail.example.org".to_owned());
            all.smtp.timeout = all.messages.receiver_timeout + Duration::from_secs(1);
            // It is off.
            all.sms.timeout = all.smtp.timeout;
        });
        assert_eq!(told, ["smtp.timeout"]);
    }
}
