//! Whom to trust over TLS.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::{BuildError, BuildErrorKind};

/// The certificates in a text of PEM, one at least.
///
/// # Errors
/// `Certificate`.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(BuildError::new(BuildErrorKind::Certificate)),
        Ok(all) => Ok(all),
        Err(error) => Err(BuildError::with_source(
            BuildErrorKind::Certificate,
            std::io::Error::other(error.to_string()),
        )),
    }
}

/// TLS with the roots that browsers trust, and these besides. Its cryptography is ring's, whatever the
/// process has as its default.
///
/// # Errors
/// `Certificate`, `Tls`.
pub(crate) fn client_config(pem: Option<&[u8]>) -> Result<rustls::ClientConfig, BuildError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(pem) = pem {
        for certificate in certificates(pem)? {
            roots
                .add(certificate)
                .map_err(|error| BuildError::with_source(BuildErrorKind::Certificate, error))?;
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError::with_source(BuildErrorKind::Tls, error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
