//! Text messages as the section `[sms]` describes them.

use phone_auth::delivery::sms_gateway::{SmsGateway, SmsGatewayBuilder, Twilio, TwilioSender};
use phone_auth::delivery::{BuildError, BuildErrorKind, Secret};

use super::Site;
use crate::configuration::{SmsSettings, Success};
use crate::exit::Failure;

/// The state of the receiver, if there is a gateway.
///
/// # Errors
/// When a file cannot be read, or what the settings say will not do.
pub(super) fn build(settings: &SmsSettings, site: Site<'_>) -> Result<Option<SmsGateway>, Failure> {
    let Some(mut sms) = request(settings, site)? else {
        return Ok(None);
    };
    sms = sms
        .timeout(settings.timeout)
        .carries(settings.carries)
        .default_language(&settings.language);
    for (prefix, carries) in &settings.carries_by_prefix {
        sms = sms.carries_by_prefix(prefix, *carries);
    }
    for (name, value) in &settings.headers {
        sms = sms.header(name, value);
    }
    if let Some(key) = site.secret(
        settings.secret.as_ref(),
        settings.secret_file.as_ref(),
        "sms.secret_file",
    )? {
        sms = sms.secret(key);
    }
    if let Some(success) = &settings.success {
        sms = succeeding(sms, success);
    }
    if let Some(statuses) = &settings.never {
        sms = sms.never(statuses.clone());
    }
    if settings.danger_plain {
        sms = sms.danger_plain();
    }
    if let Some(path) = &settings.root_certificate {
        sms = sms.root_certificate(site.certificates(path, "sms.root_certificate")?);
    }
    if let Some(folder) = &settings.templates {
        sms = sms.templates_from(folder);
    }
    if let Some(name) = site.name {
        sms = sms.site_name(name);
    }
    sms.build()
        .map(Some)
        .map_err(|error| wrong(settings, site, error))
}

/// What a success is like.
fn succeeding(mut sms: SmsGatewayBuilder, success: &Success) -> SmsGatewayBuilder {
    if let Some(statuses) = &success.statuses {
        sms = sms.success(statuses.clone());
    }
    if let Some((pointer, value)) = &success.json {
        sms = sms.success_json(pointer, value.clone());
    }
    if let Some(text) = &success.text {
        sms = sms.success_text(text);
    }
    if let Some(text) = &success.not_text {
        sms = sms.failure_text(text);
    }
    sms
}

/// The request: Twilio's, or the one that is described.
fn request(settings: &SmsSettings, site: Site<'_>) -> Result<Option<SmsGatewayBuilder>, Failure> {
    if let Some(sid) = &settings.twilio_account_sid {
        let (token, file) = (
            &settings.twilio_auth_token,
            &settings.twilio_auth_token_file,
        );
        let token = site.secret(token.as_ref(), file.as_ref(), "sms.twilio_auth_token_file")?;
        let sender = match (
            &settings.twilio_messaging_service_sid,
            &settings.twilio_from,
        ) {
            (Some(sid), _) => TwilioSender::MessagingService(sid.clone()),
            (None, from) => TwilioSender::From(from.clone().unwrap_or_default()),
        };
        let mut account = Twilio::new(sid, token.unwrap_or_else(|| Secret::new("")), sender);
        if let Some(api) = &settings.twilio_api {
            account = account.at(api);
        }
        return Ok(Some(SmsGateway::twilio(site.origin.clone(), account)));
    }
    let Some(url) = settings.url.as_deref() else {
        return Ok(None);
    };
    let mut sms = SmsGateway::builder(site.origin.clone(), url).method(&settings.method);
    if let Some(fields) = &settings.form {
        sms = sms.form(fields.clone());
    }
    if let Some(json) = &settings.json {
        sms = sms.json(json.clone());
    }
    let password = site.secret(
        settings.password.as_ref(),
        settings.password_file.as_ref(),
        "sms.password_file",
    )?;
    if let (Some(user), Some(password)) = (&settings.user, password) {
        sms = sms.basic_auth(user, password);
    }
    if let Some(token) = site.secret(
        settings.token.as_ref(),
        settings.token_file.as_ref(),
        "sms.token_file",
    )? {
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

/// Where a mistake of the request most likely stands: in what was written for this gateway, besides its address. The error
/// says which template it is in.
fn of_request(site: Site<'_>, address: &'static str) -> &'static str {
    let written = ["sms.form", "sms.json", "sms.headers"];
    let mut set = written.into_iter().filter(|name| site.sources.is_set(name));
    set.next().unwrap_or(address)
}

/// Which setting is wrong, and what would be right.
fn wrong(settings: &SmsSettings, site: Site<'_>, error: BuildError) -> Failure {
    let address = if settings.twilio_account_sid.is_some() {
        "sms.twilio_api"
    } else {
        "sms.url"
    };
    let request = of_request(site, address);
    let (setting, right) = match error.kind() {
        BuildErrorKind::Plaintext => (
            address,
            "https for a gateway that is not this machine, unless sms.danger_plain is true",
        ),
        BuildErrorKind::Method => ("sms.method", "one of GET, POST, PUT and PATCH"),
        BuildErrorKind::User => ("sms.user", "a name without a colon, which would end it"),
        BuildErrorKind::Confirmation => (
            "sms.success",
            "a pointer such as /messages/0/status with a text, a number or a yes or no as its value, or a text",
        ),
        BuildErrorKind::Changed => (
            request,
            "a request in which {{ to }} and {{ text }} arrive as they are: each is encoded for its place, so no \
             filter such as urlencode is needed there, in sms.form or in sms.json",
        ),
        BuildErrorKind::Header => ("sms.headers", "a table of headers with their templates"),
        BuildErrorKind::LogInUrl => (
            address,
            "a URL without a name and a password in it, which sms.user and sms.password_file are for",
        ),
        BuildErrorKind::Secret => (
            site.sources.first_set(&LOG_IN),
            "a token or password that fits in a header",
        ),
        BuildErrorKind::Statuses => ("sms.never", "statuses that are not also those of success"),
        BuildErrorKind::Certificate => ("sms.root_certificate", "a file of certificates in PEM"),
        BuildErrorKind::Request => (
            request,
            "a request whose templates (those of sms.url and sms.headers too) use to, text, key, language and, if sms.secret_file is set, secret, \
             and whose headers are a line each",
        ),
        BuildErrorKind::Incomplete => (
            request,
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
    site.wrong(setting, right, error)
}
