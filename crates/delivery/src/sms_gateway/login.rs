//! How to log in to a gateway.

use base64ct::{Base64, Encoding};
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use crate::{BuildError, BuildErrorKind, Secret};

#[derive(Debug)]
pub(super) enum LogIn {
    Nobody,
    Basic(String, Secret),
    Bearer(Secret),
}

impl LogIn {
    /// The header that it is.
    ///
    /// # Errors
    /// `User`, `Secret`.
    pub(super) fn header(self) -> Result<Option<HeaderValue>, BuildError> {
        let text = match &self {
            Self::Nobody => return Ok(None),
            Self::Basic(user, password) => {
                // What stands behind a colon would be taken for the password (RFC 7617, 2).
                if user.contains(|sign: char| sign == ':' || sign.is_control()) {
                    return Err(BuildError::new(BuildErrorKind::User));
                }
                let pair = Zeroizing::new(format!("{user}:{}", password.reveal()));
                Zeroizing::new(format!("Basic {}", Base64::encode_string(pair.as_bytes())))
            }
            Self::Bearer(token) => Zeroizing::new(format!("Bearer {}", token.reveal())),
        };
        let mut value =
            HeaderValue::from_str(&text).map_err(|_why| BuildError::new(BuildErrorKind::Secret))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
