//! A certificate of a private authority, for servers of tests.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// The files of a certificate and of the authority that gave it.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// A new authority, and a certificate by it for `localhost` and 127.0.0.1.
    pub fn new() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// A new authority, and a certificate by it for these names.
    pub fn for_names(names: &[&str]) -> Self {
        let authority = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&authority).unwrap();
        let issuer = Issuer::new(params, authority);
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let server = CertificateParams::new(names).unwrap();
        let server = server.signed_by(&key, &issuer).unwrap();
        let certificates = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(certificates.root(), root.pem()).unwrap();
        std::fs::write(certificates.certificate(), server.pem()).unwrap();
        std::fs::write(certificates.key(), key.serialize_pem()).unwrap();
        certificates
    }

    /// The certificate of the authority, which a client is to trust.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// The certificate of the server.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    /// The key that goes with it.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}
