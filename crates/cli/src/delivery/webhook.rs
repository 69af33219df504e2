//! The service that the section `[webhook]` describes.

use phone_auth::delivery::webhook::Webhook;
use phone_auth::delivery::{BuildError, BuildErrorKind, Secret};

use super::Site;
use crate::configuration::WebhookSettings;
use crate::exit::Failure;

/// The state of the receiver, if there is a service.
///
/// # Errors
/// When a file cannot be read, or what the settings say will not do.
pub(super) fn build(
    settings: &WebhookSettings,
    site: Site<'_>,
) -> Result<Option<Webhook>, Failure> {
    let Some(url) = settings.url.as_deref() else {
        return Ok(None);
    };
    let key = site.secret(
        settings.secret.as_ref(),
        settings.secret_file.as_ref(),
        "webhook.secret_file",
    )?;
    let key = key.unwrap_or_else(|| Secret::new(""));
    let mut webhook = Webhook::builder(site.origin.clone(), url, key)
        .only(settings.signals.0.iter().map(|signal| signal.name()))
        .timeout(settings.timeout);
    let old = site.secret(
        settings.old_secret.as_ref(),
        settings.old_secret_file.as_ref(),
        "webhook.old_secret_file",
    )?;
    if let Some(old) = old {
        webhook = webhook.also_signed_with(old);
    }
    if settings.danger_plain {
        webhook = webhook.danger_plain();
    }
    if let Some(path) = &settings.root_certificate {
        let pem = site.certificates(path, "webhook.root_certificate")?;
        webhook = webhook.root_certificate(pem);
    }
    webhook
        .build()
        .map(Some)
        .map_err(|error| wrong(site, error))
}

const SECRET: &str = "whsec_ and base64 of 24 to 64 bytes";

/// Which setting is wrong, and what would be right.
fn wrong(site: Site<'_>, error: BuildError) -> Failure {
    let (setting, right) = match error.kind() {
        BuildErrorKind::Plaintext => (
            "webhook.url",
            "https for a service that is not this machine, unless webhook.danger_plain is true",
        ),
        BuildErrorKind::Secret => (
            site.sources
                .first_set(&["webhook.secret", "webhook.secret_file"]),
            SECRET,
        ),
        BuildErrorKind::OtherSecret => (
            site.sources
                .first_set(&["webhook.old_secret", "webhook.old_secret_file"]),
            SECRET,
        ),
        BuildErrorKind::LogInUrl => (
            "webhook.url",
            "a URL without a name and a password in it; that a request is ours is told by its signature",
        ),
        BuildErrorKind::Certificate => {
            ("webhook.root_certificate", "a file of certificates in PEM")
        }
        _ => ("webhook.url", "a URL with https"),
    };
    site.wrong(setting, right, error)
}
