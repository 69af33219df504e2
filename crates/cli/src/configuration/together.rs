//! What of the settings does not go together: those of ready receivers, and those that would have no effect.

use phone_auth::core::limits::TextGuard;
use phone_auth::urls::AccountRoutes;

use super::error::Mistake;
use super::sources::Sources;
use super::table::{Configuration, SETTINGS};
use crate::database::name::DatabaseName;

mod off_by;
#[cfg(test)]
pub(super) mod tests;

/// Settings that do nothing by themselves: their names, whether they do something here, and what to write if they do not.
type Needing = (
    &'static [&'static str],
    fn(&Configuration) -> bool,
    &'static str,
);

/// All of them.
pub(super) const NEEDING: [Needing; 11] = [
    (
        &["database_connections", "database_pooler"],
        |all| matches!(all.database.name, DatabaseName::Postgres(_)),
        "it is for a database of PostgreSQL, and this one is a file; leave it out",
    ),
    (
        &[
            "django_session_cookie_name",
            "django_session_cookie_domain",
            "django_auth_backend",
            "django_auth_backends",
        ],
        |all| all.django.sessions,
        "it is for sessions that are shared with Django; set django_sessions as well, or leave it out",
    ),
    (
        &["session_cookie_name"],
        |all| !all.django.sessions,
        "while sessions are shared with Django the cookie has the name of Django's; set django_session_cookie_name, and leave \
         this out",
    ),
    (
        &["max_sessions"],
        |all| !all.django.sessions,
        "sessions that are shared with Django do not say whose they are; leave it out",
    ),
    (
        &["short_session_lifetime", "session_idle_timeout"],
        |all| !all.django.sessions,
        "it is for sessions that are not shared with Django; leave it out",
    ),
    (
        &["django_password_reset_timeout"],
        |all| all.django.accept_tokens_until.is_some(),
        "it is for links that Django has sent; set accept_django_tokens_until as well, or leave it out",
    ),
    (
        &["django_secret_key_file", "django_secret_key_fallback_files"],
        |all| all.django.sessions || all.django.accept_tokens_until.is_some(),
        "it is for links that Django has sent and for sessions that are shared with it; set accept_django_tokens_until or \
         django_sessions as well, or leave it out",
    ),
    (
        &["max_connections_per_client"],
        |all| {
            all.server
                .max_connections_per_client
                .is_none_or(|most| most <= all.server.max_connections)
        },
        "it must not be more than max_connections",
    ),
    (
        &["closing_grace"],
        |all| all.accounts.close_account && !all.django.sessions,
        "it is for the page where users close their account, where sessions are not shared with Django; leave it out",
    ),
    (
        &["sms_site_budget"],
        |all| all.limits.text_guard != TextGuard::Off,
        "nothing is counted while sms_guard is off; set it to record or enforce, or leave this out",
    ),
    (
        &["max_unverified_addresses"],
        |all| all.accounts.max_unverified_addresses <= all.accounts.max_addresses,
        "it must not be more than max_addresses",
    ),
];

/// All that does not.
pub(super) fn mistakes(configuration: &Configuration) -> Vec<Mistake> {
    let sources = &configuration.sources;
    let sections = [proxies, smtp, sms, webhook, nats];
    let of_sections = sections.iter().flat_map(|mistakes| mistakes(sources));
    of_sections
        .chain(idle(configuration))
        .chain(off_by::unasked(configuration))
        .chain(idle_timeout(configuration))
        .chain(request(configuration))
        .chain(accounts(configuration))
        .collect()
}

/// What the flows would refuse, said before a database is made.
fn accounts(configuration: &Configuration) -> Option<Mistake> {
    let settings = configuration.account_settings();
    let allowed = configuration.messages.allow_unreceived.iter();
    let allowed: Vec<_> = allowed.map(|it| it.name()).collect();
    let mut valid = settings.validate_from_elsewhere(&allowed);
    let mut otherwise = "";
    if valid.is_ok() && !configuration.site.users_from_elsewhere {
        valid = settings.validate_for(&allowed);
        otherwise = "; where an operator or another program sees to it, set users_from_elsewhere";
    }
    let routes = AccountRoutes::new(&configuration.site.mount).ok();
    let of_routes = || settings.validate_routes(&routes?).err().map(|it| (it, ""));
    let (error, otherwise) = (valid.err().map(|it| (it, otherwise))).or_else(of_routes)?;
    let why = format!("it must be {}{otherwise}", error.expected());
    Some(configuration.sources.refuse(error.setting(), why))
}

/// What someone has set and would wait in vain for an effect of.
fn idle(configuration: &Configuration) -> impl Iterator<Item = Mistake> {
    let sources = &configuration.sources;
    let all = NEEDING.iter().chain(&off_by::OFF_BY);
    let idle = all.filter(|(_, works, _)| !works(configuration));
    idle.flat_map(move |(names, _, why)| {
        let set = names.iter().filter(|name| sources.is_set(name));
        set.map(move |name| sources.refuse(name, *why))
    })
}

/// A time without use that no session comes to.
fn idle_timeout(configuration: &Configuration) -> Option<Mistake> {
    let accounts = &configuration.accounts;
    let idle = accounts.session_idle_timeout?;
    (idle > accounts.session_lifetime).then(|| {
        let why = "it must not be longer than session_lifetime, which ends every session before";
        configuration.sources.refuse("session_idle_timeout", why)
    })
}

/// What the client of a gateway writes itself, and what would be written twice.
const OWN_HEADERS: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
];

/// What no request to a gateway can be like.
fn request(configuration: &Configuration) -> Vec<Mistake> {
    let (sms, sources) = (&configuration.sms, &configuration.sources);
    let mut mistakes = Vec::new();
    if sms.method == "GET" {
        let bodies = ["sms.form", "sms.json"].into_iter();
        mistakes.extend(bodies.filter(|name| sources.is_set(name)).map(|name| {
            let why = "a request by GET has no body for it; set sms.method to POST, or write it into sms.url";
            sources.refuse(name, why)
        }));
    }
    for (name, _) in &sms.headers {
        if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            let why =
                format!("{name} is written by this program as the request needs it; leave it out");
            mistakes.push(sources.refuse("sms.headers", why));
        }
    }
    mistakes
}

fn proxies(sources: &Sources) -> Vec<Mistake> {
    let mut section = Section::new(sources);
    let right = "the networks of the proxies in front of the site, such as [\"10.0.0.0/8\"]";
    let those = ["client_address_header", "proxy_protocol"];
    section.needs("trusted_proxies", right, &those);
    let right = "the origin that users see through the proxy, such as https://example.org";
    section.needs("site_url", right, &["trusted_proxies"]);
    section.mistakes
}

fn smtp(sources: &Sources) -> Vec<Mistake> {
    let mut section = Section::new(sources);
    section.begins_with("smtp.", "smtp.host", "the name of the mail server");
    let right = "who the mail comes from, such as \"Example <accounts@example.org>\"";
    section.needs("smtp.from", right, &["smtp.host"]);
    section.log_in("smtp.user", "smtp.password", "smtp.password_file");
    section.mistakes
}

fn sms(sources: &Sources) -> Vec<Mistake> {
    let mut section = Section::new(sources);
    let (url, sid) = ("sms.url", "sms.twilio_account_sid");
    section.not_both(url, sid);
    if !section.is_set(url) && !section.is_set(sid) {
        let right = "the URL of the gateway, or sms.twilio_account_sid";
        section.begins_with("sms.", url, right);
        return section.mistakes;
    }
    section.begins_with("sms.twilio_", sid, "the SID of the account");
    if section.is_set(sid) {
        section.log_in(sid, "sms.twilio_auth_token", "sms.twilio_auth_token_file");
        let (from, service) = ("sms.twilio_from", "sms.twilio_messaging_service_sid");
        section.one_of(from, service, sid, "who messages come from");
        for name in [
            "sms.method",
            "sms.form",
            "sms.json",
            "sms.user",
            "sms.token",
            "sms.token_file",
        ] {
            section.not_both(sid, name);
        }
    }
    section.not_both("sms.form", "sms.json");
    section.log_in("sms.user", "sms.password", "sms.password_file");
    section.not_both("sms.token", "sms.token_file");
    section.not_both("sms.secret", "sms.secret_file");
    for token in ["sms.token", "sms.token_file"] {
        section.not_both("sms.user", token);
    }
    section.mistakes
}

fn webhook(sources: &Sources) -> Vec<Mistake> {
    let mut section = Section::new(sources);
    section.begins_with("webhook.", "webhook.url", "the URL of the service");
    let (url, secret, file) = ("webhook.url", "webhook.secret", "webhook.secret_file");
    section.one_of(secret, file, url, "what is shared with the service");
    section.not_both("webhook.old_secret", "webhook.old_secret_file");
    section.mistakes
}

fn nats(sources: &Sources) -> Vec<Mistake> {
    let mut section = Section::new(sources);
    section.begins_with("nats.", "nats.url", "the URL of the server");
    section.log_in("nats.user", "nats.password", "nats.password_file");
    section.not_both("nats.token", "nats.token_file");
    let ways = [
        "nats.user",
        "nats.token",
        "nats.token_file",
        "nats.credentials_file",
    ];
    for (at, way) in ways.iter().enumerate() {
        for other in ways.iter().skip(at + 1) {
            if (*way, *other) != ("nats.token", "nats.token_file") {
                section.not_both(way, other);
            }
        }
    }
    section.mistakes
}

/// The mistakes of a section: settings of it while the one that turns it on is missing, and pairs of which
/// one is missing or one too many.
struct Section<'a> {
    sources: &'a Sources,
    mistakes: Vec<Mistake>,
}

impl<'a> Section<'a> {
    fn new(sources: &'a Sources) -> Self {
        Self {
            sources,
            mistakes: Vec::new(),
        }
    }

    fn is_set(&self, name: &str) -> bool {
        self.sources.is_set(name)
    }

    /// Notes that a setting is wrong beside the others.
    fn refuse(&mut self, name: &'static str, why: String) {
        self.mistakes.push(self.sources.refuse(name, why));
    }

    /// Demands `needed` when any of `those` is set.
    fn needs(&mut self, needed: &'static str, right: &str, those: &[&'static str]) {
        let those = those.iter().find(|name| self.is_set(name));
        if let Some(set) = those
            && !self.is_set(needed)
        {
            self.refuse(needed, format!("it must be set when {set} is: {right}"));
        }
    }

    /// Demands `needed` when any other setting is set whose name begins like that.
    fn begins_with(&mut self, start: &str, needed: &'static str, right: &str) {
        let names = SETTINGS.iter().map(|setting| setting.name);
        let others: Vec<_> = names
            .filter(|name| name.starts_with(start) && *name != needed)
            .collect();
        self.needs(needed, right, &others);
    }

    /// Refuses both of two settings that say the same.
    fn not_both(&mut self, one: &'static str, other: &'static str) {
        if self.is_set(one) && self.is_set(other) {
            let why = format!("it says the same as {one}, which is set too; leave one of them out");
            self.refuse(other, why);
        }
    }

    /// Demands one of two that say the same when `needs` is set, and refuses both.
    fn one_of(&mut self, one: &'static str, other: &'static str, needs: &str, what: &str) {
        self.not_both(one, other);
        if self.is_set(needs) && !self.is_set(one) && !self.is_set(other) {
            let why = format!("it must be set when {needs} is, or {other}: {what}");
            self.refuse(one, why);
        }
    }

    /// Demands that both or none of a name and its secret are set.
    fn log_in(&mut self, user: &'static str, secret: &'static str, file: &'static str) {
        self.one_of(secret, file, user, "the password that goes with it");
        self.needs(user, "the name to log in with", &[secret, file]);
    }
}
