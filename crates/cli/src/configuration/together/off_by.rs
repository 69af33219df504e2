//! What another setting turns off, so that it has no effect beside that.

use phone_auth::delivery::smtp::Security;

use super::Needing;
use crate::configuration::error::Mistake;
use crate::configuration::table::Configuration;

#[cfg(test)]
mod tests;

/// All of it. A setting stands in each row in which something turns it off.
pub(super) const OFF_BY: [Needing; 13] = [
    (
        &[
            "reset_email_lifetime",
            "reset_phone_lifetime",
            "unverified_reset",
            "unverified_sign_in",
            "unverified_account_lifetime",
            "verify_at_sign_up",
            "limit_log_ins",
            "limit_failed_log_ins",
            "danger_accept_md5_passwords",
        ],
        |all| !all.accounts.sign_up_by_code,
        "with sign_up_by_code nobody signs in or up by a password, or resets one; leave it out",
    ),
    (
        &[
            "reset_phone_lifetime",
            "verify_phone_lifetime",
            "refused_number_types",
            "phone_channels",
            "limit_phone_verification_pause",
            "limit_phone_verifications",
            "sms_guard",
            "sms_countries",
            "sms_site_budget",
        ],
        |all| all.accounts.authentication_methods.phone,
        "without phone among authentication_methods no user has a phone number; leave it out",
    ),
    (
        &[
            "reset_email_lifetime",
            "verify_email_lifetime",
            "limit_email_verifications",
        ],
        |all| all.accounts.authentication_methods.email,
        "without email among authentication_methods no user has an email address; leave it out",
    ),
    (
        &[
            "verify_by_click",
            "verify_at_sign_up",
            "unverified_sign_in",
            "unverified_reset",
            "code_lifetime",
            "max_addresses",
            "max_unverified_addresses",
            "limit_added_addresses",
            "limit_resets_of_address",
            "limit_wrong_codes_in_a_row",
            "notices",
        ],
        |all| {
            let methods = all.accounts.authentication_methods;
            methods.phone || methods.email
        },
        "without phone and email among authentication_methods no user has an address; leave it out",
    ),
    (
        &[
            "limit_log_ins",
            "limit_failed_log_ins",
            "limit_account_failures",
            "limit_failures_in_a_row",
            "limit_resets",
            "limit_resets_of_address",
            "limit_sign_ups",
            "limit_phone_verification_pause",
            "limit_phone_verifications",
            "limit_email_verifications",
            "limit_added_addresses",
            "limit_password_checks",
            "limit_wrong_codes_in_a_row",
            "sms_guard",
            "sms_site_budget",
        ],
        |all| !all.limits.danger_off,
        "with danger_no_limits nothing is counted; leave one of them out",
    ),
    (
        &["smtp.danger_plain"],
        |all| !all.smtp.danger_plain || all.smtp.security == Security::None,
        "it is for a connection that is not encrypted, and this one is; leave it out",
    ),
    (
        &["sms.danger_plain"],
        |all| !all.sms.danger_plain || all.sms.url.as_deref().is_some_and(is_plain),
        "it is for a connection that is not encrypted, and this one is; leave it out",
    ),
    (
        &["webhook.danger_plain"],
        |all| !all.webhook.danger_plain || all.webhook.url.as_deref().is_some_and(is_plain),
        "it is for a connection that is not encrypted, and this one is; leave it out",
    ),
    (
        &["nats.danger_plain"],
        |all| !all.nats.danger_plain || all.nats.url.as_deref().is_some_and(has_plain),
        "it is for a connection that is not encrypted, and this one is; leave it out",
    ),
    (
        &["smtp.root_certificate"],
        |all| all.smtp.security != Security::None,
        "a connection that is not encrypted has no certificate; leave it out",
    ),
    (
        &["sms.root_certificate"],
        |all| !all.sms.url.as_deref().is_some_and(is_plain),
        "a connection that is not encrypted has no certificate; leave it out",
    ),
    (
        &["webhook.root_certificate"],
        |all| !all.webhook.url.as_deref().is_some_and(is_plain),
        "a connection that is not encrypted has no certificate; leave it out",
    ),
    (
        &["sms.secret", "sms.secret_file"],
        |all| all.sms.twilio_account_sid.is_none(),
        "the requests to Twilio have no place for it; leave it out",
    ),
];

/// Whether a URL is of a connection that others can read.
fn is_plain(url: &str) -> bool {
    let scheme = url.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("http")
}

/// Whether any of these servers of NATS is named without TLS. One without a scheme is; and one that is may ask for TLS when it
/// answers, so that a certificate is of use.
fn has_plain(urls: &str) -> bool {
    let is_encrypted = |url: &str| {
        let scheme = url.trim().split("://").next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("tls") || scheme.eq_ignore_ascii_case("wss")
    };
    urls.split(',').any(|url| !is_encrypted(url))
}

/// The messages that nobody has to send, which nobody asks for.
pub(super) fn unasked(configuration: &Configuration) -> Option<Mistake> {
    let settings = configuration.account_settings();
    let mut named = configuration.messages.allow_unreceived.iter();
    let unsent = named.find(|signal| !settings.may_send(**signal))?;
    let why = format!(
        "it names {}, which nobody asks for with these settings; leave that out",
        unsent.name()
    );
    Some(configuration.sources.refuse("allow_unreceived", why))
}
