//! Accounts of NATS, as an operator signs them: what the tool `nsc` makes, without it.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use nkeys::KeyPair;
use serde_json::{Value, json};

/// An operator with one account, which may keep streams.
pub struct NatsAccounts {
    operator: KeyPair,
    account: KeyPair,
}

impl NatsAccounts {
    /// New keys for both.
    #[expect(clippy::new_without_default, reason = "two of them are not alike")]
    pub fn new() -> Self {
        Self {
            operator: KeyPair::new_operator(),
            account: KeyPair::new_account(),
        }
    }

    /// The content of a credentials file for a new user of the account.
    pub fn credentials(&self) -> String {
        let user = KeyPair::new_user();
        let rights = json!({
            "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1,
        });
        let token = token(&self.account, &user, &rights);
        let seed = user.seed().unwrap();
        format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }

    /// What makes a server know the operator and the account, in its configuration; and a second account, for without
    /// one of its own the server keeps no streams.
    pub(crate) fn configuration(&self) -> String {
        let operator = json!({ "type": "operator", "version": 2 });
        let no_limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
            "conn": -1, "leaf": -1,
        });
        let mut with_streams = no_limits.clone();
        for kept in ["mem_storage", "disk_storage", "streams", "consumer"] {
            with_streams[kept] = json!(-1);
        }
        let of_account = |account: &KeyPair, limits: &Value| {
            let rights = json!({
                "type": "account",
                "version": 2,
                "limits": limits,
                "default_permissions": { "pub": {}, "sub": {} },
            });
            let signed = token(&self.operator, account, &rights);
            format!("{}: {signed}", account.public_key())
        };
        let system = KeyPair::new_account();
        format!(
            "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}\n{}\n}}\n",
            token(&self.operator, &self.operator, &operator),
            system.public_key(),
            of_account(&system, &no_limits),
            of_account(&self.account, &with_streams),
        )
    }
}

/// Without the keys.
impl std::fmt::Debug for NatsAccounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsAccounts").finish_non_exhaustive()
    }
}

/// A token by which `issuer` says what `subject` may.
fn token(issuer: &KeyPair, subject: &KeyPair, rights: &Value) -> String {
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let head = part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let claims = part(&json!({
        "jti": subject.public_key(),
        "iat": 1_700_000_000,
        "iss": issuer.public_key(),
        "sub": subject.public_key(),
        "name": "tests",
        "nats": rights,
    }));
    let signed = format!("{head}.{claims}");
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", Base64UrlUnpadded::encode_string(&signature))
}
