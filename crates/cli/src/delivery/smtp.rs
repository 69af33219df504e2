//! Mail as the section `[smtp]` describes it.

use phone_auth::delivery::smtp::Smtp;
use phone_auth::delivery::{BuildError, BuildErrorKind};

use super::Site;
use crate::configuration::SmtpSettings;
use crate::exit::Failure;

/// The state of the receiver, if there is a mail server.
///
/// # Errors
/// When a file cannot be read, or what the settings say will not do.
pub(super) fn build(settings: &SmtpSettings, site: Site<'_>) -> Result<Option<Smtp>, Failure> {
    let Some(host) = &settings.host else {
        return Ok(None);
    };
    let from = settings.from.clone().unwrap_or_default();
    let mut smtp = Smtp::builder(site.origin.clone(), host, from)
        .security(settings.security)
        .timeout(settings.timeout)
        .connections(settings.connections)
        .default_language(&settings.language);
    if let Some(port) = settings.port {
        smtp = smtp.port(port);
    }
    if let Some(name) = &settings.hello {
        smtp = smtp.hello(name);
    }
    if settings.danger_plain {
        smtp = smtp.danger_plain();
    }
    let password = site.secret(
        settings.password.as_ref(),
        settings.password_file.as_ref(),
        "smtp.password_file",
    )?;
    if let (Some(user), Some(password)) = (&settings.user, password) {
        smtp = smtp.log_in(user, password);
    }
    if let Some(path) = &settings.root_certificate {
        smtp = smtp.root_certificate(site.certificates(path, "smtp.root_certificate")?);
    }
    if let Some(folder) = &settings.templates {
        smtp = smtp.templates_from(folder);
    }
    if let Some(name) = site.name {
        smtp = smtp.site_name(name);
    }
    smtp.build().map(Some).map_err(|error| wrong(site, error))
}

/// Which setting is wrong, and what would be right.
fn wrong(site: Site<'_>, error: BuildError) -> Failure {
    let (setting, right) = match error.kind() {
        // The error would say again what is right.
        BuildErrorKind::Sender => {
            let why = "it must be an email address such as \"Example <accounts@example.org>\", ASCII before the @";
            return site.sources.refuse("smtp.from", why).into();
        }
        BuildErrorKind::Hello => {
            let why = "it must be a full domain name such as www.example.org, or an address such as [192.0.2.1]";
            return site.sources.refuse("smtp.hello", why).into();
        }
        BuildErrorKind::Plaintext => (
            "smtp.security",
            "tls or starttls for a server that is not this machine, unless smtp.danger_plain is true",
        ),
        BuildErrorKind::Certificate => ("smtp.root_certificate", "a file of certificates in PEM"),
        BuildErrorKind::TemplateFolder | BuildErrorKind::Template { .. } => {
            ("smtp.templates", "a folder of templates that can be used")
        }
        BuildErrorKind::Language => (
            "smtp.language",
            "a language that has texts: en, de, fr, or one in smtp.templates",
        ),
        _ => ("smtp.host", "the name or the IP address of a mail server"),
    };
    site.wrong(setting, right, error)
}
