//! Whether this is a site on one's own machine or one for others.
//!
//! Messages hold links that let one in. On one's own machine they may be printed and shown; for others someone must
//! send them, and a site where nobody does is refused before it starts. What address is listened on tells little: a
//! proxy in front of a loopback address serves the world. So anyone who says what the site is called, or who sends some
//! of its messages, is taken to serve others, and development mode is never assumed there.

use phone_auth::SiteOrigin;
use phone_auth::signals::MessageSignal;

use crate::configuration::{Configuration, Mistake};
use crate::site::receivers::Reception;
use crate::terminal::visible::Visible;

/// The signals whose messages someone must get: those with a link. A site works without notices.
pub(crate) const MESSAGES: [&str; 6] = {
    let [first, second, third, fourth, fifth, sixth, ..] = MessageSignal::NAMES;
    [first, second, third, fourth, fifth, sixth]
};

/// The settings that turn a ready receiver on.
const SENDERS: [&str; 5] = [
    "smtp.host",
    "sms.url",
    "sms.twilio_account_sid",
    "webhook.url",
    "nats.url",
];

/// Who gets the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are printed and shown at the development mailbox, besides what linked receivers do.
    Development,
    /// Linked receivers send them.
    Delivery,
}

/// Which process asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    /// The one that serves the pages.
    Site,
    /// One that delivers for a site, wherever that listens: its own address tells nothing.
    Worker,
}

/// Decides the mode.
///
/// # Errors
/// When messages would be lost or shown to others, or nobody knows what the site is called.
pub(crate) fn decide(
    configuration: &Configuration,
    reception: &Reception,
    process: Process,
) -> Result<Mode, Mistake> {
    let addr = configuration.server.addr;
    let is_loopback = configuration.server.is_loopback();
    let public = public_site(configuration);
    if configuration.messages.development == Some(true) {
        if !is_loopback {
            let why = format!(
                "messages would be shown to anyone who reaches {addr}; listen on a loopback address such \
                 as 127.0.0.1:8000, or leave this setting out"
            );
            return Err(configuration.sources.refuse("development", why));
        }
        if let Some(site) = public {
            let why = format!(
                "messages would be shown and not sent, although others see the site at {site}; leave \
                 this setting out, or site_url ({})",
                configuration.sources.of("site_url")
            );
            return Err(configuration.sources.refuse("development", why));
        }
        if has_proxies(configuration) {
            let why = format!(
                "messages would be shown to anyone who comes through a proxy; leave this setting out, or trusted_proxies ({})",
                configuration.sources.of("trusted_proxies")
            );
            return Err(configuration.sources.refuse("development", why));
        }
        return Ok(Mode::Development);
    }
    if !is_loopback && configuration.site.url.is_none() {
        let why = format!(
            "it must be set when listening on {addr}: the origin that users see, such as \
             https://example.org"
        );
        return Err(configuration.sources.refuse("site_url", why));
    }
    if reception.missing.is_empty() {
        if process == Process::Worker && configuration.site.url.is_none() {
            let why = "it must be set for a worker: it does not know where the site listens, and links in messages begin \
                       with what users see, such as https://example.org";
            return Err(configuration.sources.refuse("site_url", why));
        }
        return Ok(Mode::Delivery);
    }
    let is_private = is_loopback && public.is_none() && !has_proxies(configuration);
    let may_be_assumed = process == Process::Site && !reception.is_sent;
    if is_private && configuration.messages.development.is_none() && may_be_assumed {
        return Ok(Mode::Development);
    }
    let setting = if !is_loopback {
        "addr"
    } else if public.is_some() {
        "site_url"
    } else if has_proxies(configuration) {
        "trusted_proxies"
    } else if configuration.messages.development.is_some() {
        "development"
    } else {
        let set = SENDERS
            .into_iter()
            .find(|name| configuration.sources.is_set(name));
        set.unwrap_or("development")
    };
    let mut why = lost(configuration, reception);
    if is_private && !may_be_assumed {
        why.push_str(", or set development = true to look at them on this machine alone");
    } else if is_private {
        why.push_str(
            ", or leave the setting development out to look at them on this machine alone",
        );
    }
    Err(configuration.sources.refuse(setting, why))
}

/// What a database tells of the site that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    /// What it is called.
    pub(crate) database: &'a str,
    /// How many messages are pending.
    pub(crate) pending: u32,
    /// The site that serves others from it, if one does.
    pub(crate) public: Option<&'a SiteOrigin>,
}

/// Refuses to begin in development mode on a database that serves others, if nobody asked for that mode: their messages
/// would be shown here, and nobody would get them. The settings of their site are missing here. Pending messages are
/// likely those of such a site, whether it was noted or not.
///
/// # Errors
/// When the database belongs to another kind of site than this one is assumed to be.
pub(crate) fn assume_beside(
    configuration: &Configuration,
    mode: Mode,
    found: Found<'_>,
) -> Result<(), Mistake> {
    let Found {
        database,
        pending,
        public,
    } = found;
    let is_assumed = mode == Mode::Development && configuration.messages.development.is_none();
    if !is_assumed {
        return Ok(());
    }
    if let Some(site) = public {
        let why = format!(
            "the database {} belongs to the site {site}, which others use, and development mode would show its messages \
             here and send them to nobody. Set site_url and the senders (smtp.host and sms.url, webhook.url or nats.url) \
             as that site has them, name another database, or set development = true (in the environment \
             PHONE_AUTH_DEVELOPMENT=true) to have its messages shown on this machine alone",
            Visible(database)
        );
        return Err(configuration.sources.refuse("development", why));
    }
    if pending == 0 || !configuration.messages.outbox_worker {
        return Ok(());
    }
    let why = format!(
        "the database {} has pending messages ({pending}), which development mode would show here and send to nobody; \
         `phone-auth outbox list` lists them. Set site_url and the senders (smtp.host and sms.url, webhook.url or \
         nats.url) as their site has them, or set development = true (in the environment \
         PHONE_AUTH_DEVELOPMENT=true) to have them shown on this machine alone and removed",
        Visible(database)
    );
    Err(configuration.sources.refuse("development", why))
}

/// Whether the settings speak of others than who sits at this machine.
pub(crate) fn serves_others(configuration: &Configuration, reception: &Reception) -> bool {
    reception.is_sent
        || public_site(configuration).is_some()
        || has_proxies(configuration)
        || !configuration.server.is_loopback()
}

/// Whether there is a proxy in front, which others come through.
fn has_proxies(configuration: &Configuration) -> bool {
    !configuration.server.trusted_proxies.is_empty()
}

/// What the site is called, if others can see it under that name.
fn public_site(configuration: &Configuration) -> Option<&SiteOrigin> {
    let site = configuration.site.url.as_ref();
    site.filter(|site| !site.is_loopback())
}

/// The sentence about messages that nobody would send, and what an operator can do.
fn lost(configuration: &Configuration, reception: &Reception) -> String {
    let missing = &reception.missing;
    let has = |end: &str| missing.iter().any(|signal| signal.ends_with(end));
    let mut cures = Vec::new();
    if !reception.disabled.is_empty() {
        let ids = reception.disabled.join(" and ");
        cures.push(format!("take {ids} out of disabled_receivers"));
    }
    let narrow = [
        ("webhook.url", "webhook.signals"),
        ("nats.url", "nats.signals"),
    ];
    for (_, signals) in narrow
        .iter()
        .filter(|(url, _)| configuration.sources.is_set(url))
    {
        cures.push(format!("add them to {signals}"));
    }
    let senders = match (has("_email"), has("_phone")) {
        (true, true) => "smtp.host and sms.url, webhook.url or nats.url",
        (true, false) => "smtp.host, webhook.url or nats.url",
        (false, _) => "sms.url, sms.twilio_account_sid, webhook.url or nats.url",
    };
    cures.push(format!("set {senders} to have them sent"));
    let names: Vec<_> = missing.iter().map(|name| format!("\"{name}\"")).collect();
    cures.push(format!(
        "set allow_unreceived = [{}] (in the environment PHONE_AUTH_ALLOW_UNRECEIVED={}) to do without",
        names.join(", "),
        missing.join(",")
    ));
    format!(
        "nobody would receive {}; {}",
        missing.join(", "),
        cures.join(", or ")
    )
}

/// What is missing although a site that is reached at this address can start.
pub(crate) fn note(
    configuration: &Configuration,
    mode: Mode,
    origin: &SiteOrigin,
) -> Option<String> {
    let is_nameless = mode == Mode::Delivery && configuration.site.url.is_none();
    is_nameless.then(|| {
        format!(
            "site_url is not set, so links in messages begin with {origin}, which opens on this machine \
             only; set it to what users see, such as https://example.org"
        )
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// A configuration, who sends, and what becomes of it: the mode, or the setting that is refused.
    struct Case {
        addr: &'static str,
        site: Option<&'static str>,
        development: Option<bool>,
        missing: &'static [&'static str],
        is_sent: bool,
    }

    const NOBODY: Case = Case {
        addr: "127.0.0.1:8000",
        site: None,
        development: None,
        missing: &MESSAGES,
        is_sent: false,
    };

    const PHONES: &[&str] = &["reset_password_phone", "verify_phone"];

    fn decided(case: &Case) -> Result<Mode, String> {
        decided_by(case, Process::Site)
    }

    fn decided_by(case: &Case, process: Process) -> Result<Mode, String> {
        let mut configuration = Configuration::default();
        configuration.server.addr = case.addr.parse().unwrap();
        configuration.site.url = case.site.map(|site| SiteOrigin::parse(site).unwrap());
        configuration.messages.development = case.development;
        let reception = Reception {
            missing: case.missing.to_vec(),
            is_sent: case.is_sent,
            disabled: Vec::new(),
        };
        decide(&configuration, &reception, process).map_err(|mistake| mistake.to_string())
    }

    fn check(case: &Case, expected: Result<Mode, &str>) {
        let decided = decided(case);
        let is_as_expected = match (&decided, expected) {
            (Ok(mode), Ok(expected)) => *mode == expected,
            (Err(why), Err(setting)) => why.starts_with(&format!("{setting} (")),
            _ => false,
        };
        let (addr, site) = (case.addr, case.site);
        assert!(
            is_as_expected,
            "{addr}, {site:?}, {:?}, sent {}: {decided:?}, not {expected:?}",
            case.development, case.is_sent
        );
    }

    #[test]
    fn development_is_assumed_on_own_machine_only() {
        use Mode::{Delivery, Development};
        let local = Some("http://localhost:3000");
        let public = Some("https://example.org");
        for addr in [
            "127.0.0.1:0",
            "127.1.2.3:80",
            "[::1]:8000",
            "[::ffff:127.0.0.1]:80",
        ] {
            for (site, missing, is_sent, expected) in [
                (None, &MESSAGES[..], false, Ok(Development)),
                (local, &MESSAGES, false, Ok(Development)),
                (public, &MESSAGES, false, Err("site_url")),
                (None, PHONES, true, Err("development")),
                (local, PHONES, true, Err("development")),
                (public, PHONES, true, Err("site_url")),
                (None, &[], true, Ok(Delivery)),
                (public, &[], true, Ok(Delivery)),
            ] {
                let case = Case {
                    addr,
                    site,
                    missing,
                    is_sent,
                    ..NOBODY
                };
                check(&case, expected);
            }
        }
    }

    #[test]
    fn development_trusts_no_proxy() {
        let local = Some("http://localhost:3000");
        for (development, site, missing, expected) in [
            (Some(true), None, &MESSAGES[..], "development"),
            (Some(true), local, &[], "development"),
            (None, None, &MESSAGES, "trusted_proxies"),
            (None, local, PHONES, "trusted_proxies"),
        ] {
            let mut configuration = Configuration::default();
            configuration.site.url = site.map(|site| SiteOrigin::parse(site).unwrap());
            configuration.messages.development = development;
            configuration.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
            let reception = Reception {
                missing: missing.to_vec(),
                is_sent: false,
                disabled: Vec::new(),
            };
            let refused = decide(&configuration, &reception, Process::Site);
            let why = refused.unwrap_err().to_string();
            assert!(why.starts_with(expected), "{development:?} {site:?}: {why}");
        }
    }

    #[test]
    fn worker_assumes_no_development() {
        let local = Some("http://localhost:3000");
        for addr in ["127.0.0.1:8000", "[::1]:8000"] {
            for site in [None, local] {
                for (missing, is_sent) in [
                    (&MESSAGES[..], false),
                    (&MESSAGES, true),
                    (PHONES, true),
                    (PHONES, false),
                ] {
                    for development in [None, Some(false)] {
                        let case = Case {
                            addr,
                            site,
                            development,
                            missing,
                            is_sent,
                        };
                        let why = decided_by(&case, Process::Worker).unwrap_err();
                        let cure = "set development = true to look at them";
                        assert!(why.contains("nobody would receive"), "{why}");
                        assert!(why.contains(cure), "{why}");
                    }
                }
                let asked = Case {
                    addr,
                    site,
                    development: Some(true),
                    ..NOBODY
                };
                let decided = decided_by(&asked, Process::Worker);
                assert_eq!(decided, Ok(Mode::Development), "{addr} {site:?}");
                let missing = &[];
                let none = Case {
                    addr,
                    site,
                    missing,
                    ..NOBODY
                };
                let decided = decided_by(&none, Process::Worker);
                if site.is_some() {
                    assert_eq!(decided, Ok(Mode::Delivery), "{addr} {site:?}");
                } else {
                    let why = decided.unwrap_err();
                    assert!(
                        why.starts_with("site_url (") && why.contains("for a worker"),
                        "{why}"
                    );
                }
            }
        }
    }

    #[test]
    fn pending_messages_are_not_assumed_away() {
        for (mode, development, delivers, pending, is_refused) in [
            (Mode::Development, None, true, 1, true),
            (Mode::Development, None, true, 500, true),
            (Mode::Development, None, true, 0, false),
            (Mode::Development, None, false, 1, false),
            (Mode::Development, Some(true), true, 1, false),
            (Mode::Delivery, None, true, 1, false),
        ] {
            let mut configuration = Configuration::default();
            configuration.messages.development = development;
            configuration.messages.outbox_worker = delivers;
            let found = Found {
                database: "site.sqlite3",
                pending,
                public: None,
            };
            let refused = assume_beside(&configuration, mode, found);
            let why = refused.map_err(|why| why.to_string()).err();
            assert_eq!(why.is_some(), is_refused, "{why:?}");
            let why = why.unwrap_or_default();
            assert_eq!(
                why.contains(&format!("pending messages ({pending})")),
                is_refused
            );
        }
    }

    #[test]
    fn public_database_is_not_assumed_away() {
        let site = SiteOrigin::parse("https://example.org").unwrap();
        for (mode, development, delivers, is_refused) in [
            (Mode::Development, None, true, true),
            (Mode::Development, None, false, true),
            (Mode::Development, Some(true), true, false),
            (Mode::Delivery, None, true, false),
        ] {
            let mut configuration = Configuration::default();
            configuration.messages.development = development;
            configuration.messages.outbox_worker = delivers;
            let found = Found {
                database: "site.sqlite3",
                pending: 0,
                public: Some(&site),
            };
            let refused = assume_beside(&configuration, mode, found);
            let why = refused.map_err(|why| why.to_string()).err();
            assert_eq!(why.is_some(), is_refused, "{why:?}");
            let why = why.unwrap_or_default();
            assert_eq!(why.contains("the site https://example.org"), is_refused);
        }
    }

    #[test]
    fn development_is_demanded_on_own_machine_only() {
        use Mode::Development;
        let public = Some("https://example.org");
        for (addr, site, is_sent, expected) in [
            ("127.0.0.1:80", None, false, Ok(Development)),
            ("127.0.0.1:80", None, true, Ok(Development)),
            ("[::1]:80", Some("http://[::1]:3000"), true, Ok(Development)),
            ("127.0.0.1:80", public, false, Err("development")),
            ("127.0.0.1:80", public, true, Err("development")),
            ("0.0.0.0:80", None, false, Err("development")),
            ("192.0.2.1:80", public, true, Err("development")),
        ] {
            for missing in [&[], PHONES] {
                let development = Some(true);
                let case = Case {
                    addr,
                    site,
                    development,
                    missing,
                    is_sent,
                };
                check(&case, expected);
            }
        }
    }

    #[test]
    fn others_are_not_served_without_senders() {
        let public = Some("https://example.org");
        for addr in ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:80"] {
            check(&Case { addr, ..NOBODY }, Err("site_url"));
            let site = public;
            check(
                &Case {
                    addr,
                    site,
                    ..NOBODY
                },
                Err("addr"),
            );
            check(
                &Case {
                    addr,
                    site,
                    missing: &[],
                    ..NOBODY
                },
                Ok(Mode::Delivery),
            );
        }
        let development = Some(false);
        check(
            &Case {
                development,
                ..NOBODY
            },
            Err("development"),
        );
    }

    #[test]
    fn cures_are_settings() {
        let site = Some("https://example.org");
        for (missing, cure) in [
            (
                &MESSAGES[..],
                "set smtp.host and sms.url, webhook.url or nats.url",
            ),
            (&["verify_email"], "set smtp.host, webhook.url or nats.url"),
            (
                &["verify_phone"],
                "set sms.url, sms.twilio_account_sid, webhook.url",
            ),
            (
                PHONES,
                "allow_unreceived = [\"reset_password_phone\", \"verify_phone\"]",
            ),
        ] {
            let why = decided(&Case {
                site,
                missing,
                ..NOBODY
            })
            .unwrap_err();
            assert!(why.contains(cure), "{cure}: {why}");
        }
    }
}
