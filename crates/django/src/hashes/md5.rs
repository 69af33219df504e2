//! Django's text form of a salted MD5 hash, `md5$salt$hash`, which is read only when asked for.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::salt;

/// How a hash was made.
#[derive(Clone)]
pub(crate) struct Md5Encoding {
    salt: String,
}

impl Md5Encoding {
    /// Reads what follows the name of the algorithm.
    pub(super) fn parse(rest: &str) -> Option<Self> {
        let (written_salt, _hash) = rest.split_once('$')?;
        salt(written_salt).map(|salt| Self { salt })
    }

    /// The text for a password.
    pub(super) fn encode(&self, password: &str) -> Zeroizing<String> {
        let digest = Md5::new()
            .chain_update(&self.salt)
            .chain_update(password)
            .finalize();
        let mut text = Zeroizing::new(format!("md5${}$", self.salt));
        for byte in digest {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}
