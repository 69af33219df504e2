//! Text messages as the section `[sms]` describes them.

use phone_auth::SiteOrigin;
use phone_auth::delivery::sms_gateway::{SmsGateway, SmsGatewayBuilder, Twilio, TwilioSender};
use phone_auth::delivery::{BuildError, BuildErrorKind, Secret};

use super::{certificates, secret};
use crate::configuration::Configuration;
use crate::exit::Failure;

/// The state of the receiver, if there is a gateway.
///
/// # Errors
/// When a file cannot be read, or what the settings say will not do.
pub(super) fn build(
    configuration: &Configuration,
    origin: &SiteOrigin,
) -> Result<Option<SmsGateway>, Failure> {
    let settings = &configuration.delivery.sms;
    let Some(mut sms) = request(configuration, origin)? else {
        return Ok(None);
    };
    sms = sms
        .timeout(settings.timeout)
        .default_language(&settings.language);
    for (name, value) in &settings.headers {
        sms = sms.header(name, value);
    }
    if let Some(key) = secret(configuration, &settings.secret, "sms.secret_file")? {
        sms = sms.secret(key);
    }
    if let Some(statuses) = &settings.success {
        sms = sms.success(statuses.clone());
    }
    if let Some(statuses) = &settings.never {
        sms = sms.never(statuses.clone());
    }
    if settings.danger_plain {
        sms = sms.danger_plain();
    }
    if let Some(path) = &settings.root_certificate {
        sms = sms.root_certificate(certificates(configuration, path, "sms.root_certificate")?);
    }
    if let Some(folder) = &settings.templates {
        sms = sms.templates_from(folder);
    }
    if let Some(name) = &configuration.site_name {
        sms = sms.site_name(name);
    }
    sms.build()
        .map(Some)
        .map_err(|error| wrong(configuration, error))
}

/// The request: Twilio's, or the one that is described.
fn request(
    configuration: &Configuration,
    origin: &SiteOrigin,
) -> Result<Option<SmsGatewayBuilder>, Failure> {
    let settings = &configuration.delivery.sms;
    if let Some(sid) = &settings.twilio.account_sid {
        let twilio = &settings.twilio;
        let token = secret(
            configuration,
            &twilio.auth_token,
            "sms.twilio_auth_token_file",
        )?;
        let sender = match (&twilio.messaging_service_sid, &twilio.from) {
            (Some(sid), _) => TwilioSender::MessagingService(sid.clone()),
            (None, from) => TwilioSender::From(from.clone().unwrap_or_default()),
        };
        let mut account = Twilio::new(sid, token.unwrap_or_else(|| Secret::new("")), sender);
        if let Some(api) = &twilio.api {
            account = account.at(api);
        }
        return Ok(Some(SmsGateway::twilio(origin.clone(), account)));
    }
    let Some(url) = &settings.url else {
        return Ok(None);
    };
    let mut sms = SmsGateway::builder(origin.clone(), url).method(&settings.method);
    if let Some(fields) = &settings.form {
        sms = sms.form(fields.clone());
    }
    if let Some(json) = &settings.json {
        sms = sms.json(json.clone());
    }
    let password = secret(configuration, &settings.password, "sms.password_file")?;
    if let (Some(user), Some(password)) = (&settings.user, password) {
        sms = sms.basic_auth(user, password);
    }
    if let Some(token) = secret(configuration, &settings.token, "sms.token_file")? {
        sms = sms.bearer(token);
    }
    Ok(Some(sms))
}

/// What one logs in with; which of them goes with what else is set was looked at before.
const LOG_IN: [&str; 6] = [
    "sms.twilio_auth_token",
    "sms.twilio_auth_token_file",
    "sms.password",
    "sms.password_file",
    "sms.token",
    "sms.token_file",
];

/// Which setting is wrong, and what would be right.
fn wrong(configuration: &Configuration, error: BuildError) -> Failure {
    let address = if configuration.delivery.sms.twilio.account_sid.is_some() {
        "sms.twilio_api"
    } else {
        "sms.url"
    };
    let (setting, right) = match error.kind() {
        BuildErrorKind::Plaintext => (
            address,
            "https for a gateway that is not this machine, unless sms.danger_plain is true",
        ),
        BuildErrorKind::Method => ("sms.method", "a method of HTTP"),
        BuildErrorKind::Header => ("sms.headers", "a table of headers with their templates"),
        BuildErrorKind::LogInUrl => (
            address,
            "a URL without a name and a password in it, which sms.user and sms.password_file are for",
        ),
        BuildErrorKind::Secret => (
            configuration.first_set(&LOG_IN),
            "a token or password that fits in a header",
        ),
        BuildErrorKind::Statuses => ("sms.never", "statuses that are not also those of success"),
        BuildErrorKind::Certificate => ("sms.root_certificate", "a file of certificates in PEM"),
        BuildErrorKind::Request => (
            address,
            "a request whose templates use to, text, key, language and, if sms.secret_file is set, secret, \
             and whose headers are a line each",
        ),
        BuildErrorKind::Incomplete => (
            address,
            "a request that says {{ to }} and {{ text }} in its URL, sms.form or sms.json",
        ),
        BuildErrorKind::TemplateFolder | BuildErrorKind::Template { .. } => {
            ("sms.templates", "a folder of templates that can be used")
        }
        BuildErrorKind::Language => (
            "sms.language",
            "a language that has texts: en, de, fr, or one in sms.templates",
        ),
        _ => (
            address,
            "a URL with https, its host the same for every message",
        ),
    };
    Failure::wrong_at(setting, configuration.source_of(setting), right, error)
}
