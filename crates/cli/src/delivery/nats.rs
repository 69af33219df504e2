//! The server that the section `[nats]` describes.

use phone_auth::delivery::nats::Nats;
use phone_auth::delivery::{BuildError, BuildErrorKind};

use super::Site;
use crate::configuration::NatsSettings;
use crate::exit::Failure;

/// The state of the receiver, if there is a server.
///
/// # Errors
/// When a file cannot be read, or what the settings say will not do.
pub(super) fn build(settings: &NatsSettings, site: Site<'_>) -> Result<Option<Nats>, Failure> {
    let Some(url) = settings.url.as_deref() else {
        return Ok(None);
    };
    let mut nats = Nats::builder(site.origin.clone(), url)
        .subject(&settings.subject)
        .only(settings.signals.0.iter().map(|signal| signal.name()))
        .timeout(settings.timeout);
    let password = site.secret(
        settings.password.as_ref(),
        settings.password_file.as_ref(),
        "nats.password_file",
    )?;
    if let (Some(user), Some(password)) = (&settings.user, password) {
        nats = nats.log_in(user, password);
    }
    if let Some(token) = site.secret(
        settings.token.as_ref(),
        settings.token_file.as_ref(),
        "nats.token_file",
    )? {
        nats = nats.token(token);
    }
    let credentials = settings.credentials_file.as_ref();
    if let Some(content) = site.secret_lines(credentials, "nats.credentials_file")? {
        nats = nats.credentials(content);
    }
    if settings.danger_plain {
        nats = nats.danger_plain();
    }
    if let Some(path) = &settings.root_certificate {
        nats = nats.root_certificate(site.certificates(path, "nats.root_certificate")?);
    }
    nats.build().map(Some).map_err(|error| wrong(site, error))
}

/// Which setting is wrong, and what would be right.
fn wrong(site: Site<'_>, error: BuildError) -> Failure {
    let (setting, right) = match error.kind() {
        BuildErrorKind::Plaintext => (
            "nats.url",
            "tls: for a server that is not this machine, unless nats.danger_plain is true",
        ),
        BuildErrorKind::Secret => ("nats.credentials_file", "a file of credentials of NATS"),
        BuildErrorKind::Subject => ("nats.subject", "words with dots between them"),
        BuildErrorKind::Certificate => ("nats.root_certificate", "a file of certificates in PEM"),
        BuildErrorKind::LogInUrl => (
            "nats.url",
            "a URL without a name and a password in it, which nats.user and nats.password_file are for",
        ),
        _ => (
            "nats.url",
            "a URL such as tls://nats.example.org, or several with commas between",
        ),
    };
    site.wrong(setting, right, error)
}
