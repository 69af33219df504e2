//! Signatures as Standard Webhooks has them: HMAC-SHA256 over the id, the time and the body.

use base64ct::{Base64, Base64Unpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Secret;

/// A secret shared with the service.
pub(super) struct SigningKey(Zeroizing<Vec<u8>>);

impl SigningKey {
    /// Reads `whsec_` and base64 of 24 to 64 bytes.
    pub(super) fn parse(secret: &Secret) -> Option<Self> {
        let text = secret.reveal().strip_prefix("whsec_")?;
        let bytes = Base64::decode_vec(text).or_else(|_padded| Base64Unpadded::decode_vec(text));
        let bytes = Zeroizing::new(bytes.ok()?);
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    fn sign(&self, id: &str, at: &str, body: &[u8]) -> String {
        // Any length of key will do for HMAC; there is no other error.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        for part in [id.as_bytes(), b".", at.as_bytes(), b".", body] {
            mac.update(part);
        }
        Base64::encode_string(&mac.finalize().into_bytes())
    }
}

/// One signature for each key, so that the service may be given a new one while the old one still counts.
pub(super) fn signature(keys: &[SigningKey], id: &str, at: &str, body: &[u8]) -> String {
    let signatures = keys
        .iter()
        .map(|key| format!("v1,{}", key.sign(id, at, body)));
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// The example of the specification's own reference libraries.
    #[test]
    fn signature_is_the_standards() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let keys = [SigningKey::parse(&secret).unwrap()];
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signature = signature(&keys, id, "1614265330", br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn weak_secrets_are_refused() {
        for text in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_c2hvcnQ=",
            "whsec_not base64 not base64 not base64",
        ] {
            assert!(SigningKey::parse(&Secret::new(text)).is_none(), "{text}");
        }
    }
}
