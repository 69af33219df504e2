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
