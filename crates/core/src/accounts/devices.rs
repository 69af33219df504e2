//! Browsers that are remembered: issuing their tokens, and telling whose they are.

use phone_auth_tokens::{Keyring, Subkey};

use super::Accounts;
use crate::client::{Client, DeviceNonce, DeviceToken, Devices};
use crate::password::{EncodedPassword, Requester};
use crate::randomness::RandomnessError;
use crate::user::{AccountName, User};

/// What the keys are derived for.
const LABEL: &str = "device";

/// What stands for the hash of someone who is not there: as long as one of ours, so that looking at a token
/// takes as long. No token is ever issued for it.
const NOBODYS_PASSWORD: &str = "argon2$argon2id$v=19$m=19456,t=2,p=1$0000000000000000000000$0000000000000000000000000000000000000000000";

/// Signs the tokens of devices, and knows those that any accepted key has signed.
pub(super) struct DeviceKeys {
    current: Subkey,
    accepted: Vec<Subkey>,
}

impl DeviceKeys {
    pub(super) fn new(keyring: &Keyring) -> Self {
        Self {
            current: keyring.derive(LABEL),
            accepted: keyring.derive_all(LABEL),
        }
    }

    fn issue(&self, user: &User, nonce: DeviceNonce, expires_at: u64) -> DeviceToken {
        let id = user.id.get();
        let tag = with_state(id, &user.password, nonce, expires_at, |state| {
            self.current.sign(state)
        });
        DeviceToken {
            nonce,
            expires_at,
            tag,
        }
    }

    /// Whether a token is for this user and their password; the same work for nobody.
    fn verify(&self, token: &DeviceToken, user: Option<&User>) -> bool {
        let nobodys = EncodedPassword::new(NOBODYS_PASSWORD);
        let (id, password) = user.map_or((0, &nobodys), |user| (user.id.get(), &user.password));
        let is_genuine = with_state(id, password, token.nonce, token.expires_at, |state| {
            // Every key is tried, so that it does not show which one signed.
            self.accepted
                .iter()
                .fold(false, |found, key| key.verify(state, &token.tag) | found)
        });
        is_genuine && user.is_some()
    }
}

fn with_state<T>(
    user: i64,
    password: &EncodedPassword,
    nonce: DeviceNonce,
    expires_at: u64,
    act: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    act(&[
        &user.to_be_bytes(),
        password.reveal().as_bytes(),
        &nonce,
        &expires_at.to_be_bytes(),
    ])
}

impl Accounts {
    /// These flows for the one who sends a request: work that is bounded counts against the share of this client.
    /// Cheap, and shares everything else.
    ///
    /// # Security
    /// Without it every client is a stranger from nowhere, and all of them have one share.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::client::{Client, Devices};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let password = Password::new("correct horse");
    /// let ann = accounts.log_in("ann", &password, None).await?;
    /// // Goes into a cookie that stays when Ann signs out.
    /// let cookie = accounts.remember_device(&ann.user)?.text();
    ///
    /// let client = Client::new().at("203.0.113.7".parse()?).with_devices(Devices::parse(&cookie));
    /// accounts.for_client(client).log_in("ann", &password, None).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn for_client(&self, client: Client) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    /// The tokens for the browser of someone who has just shown that they are this user: by their password,
    /// or by a link. Those that the browser has for other accounts stay.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn remember_device(&self, user: &User) -> Result<Devices, RandomnessError> {
        let mut nonce = DeviceNonce::default();
        self.inner.randomness.fill(&mut nonce)?;
        let expires_at = self.now() + Devices::LIFETIME;
        let expires_at = u64::try_from(expires_at.timestamp()).unwrap_or_default();
        let devices = self.client.devices();
        let token = self.inner.device_keys.issue(user, nonce, expires_at);
        let now = self.now();
        let is_obsolete = |other: &DeviceToken| {
            !other.is_alive_at(now) || self.inner.device_keys.verify(other, Some(user))
        };
        Ok(devices.with(token, is_obsolete))
    }

    /// For whom the password of this account is checked: of a client that is known for this account, and for
    /// no other.
    pub(super) fn requester(&self, name: &AccountName, user: Option<&User>) -> Requester {
        let now = self.now();
        let mut device = None;
        for token in self.client.devices().tokens() {
            let is_theirs = self.inner.device_keys.verify(token, user);
            if is_theirs && token.is_alive_at(now) {
                device = Some(token.nonce);
            }
        }
        match (device, user) {
            (Some(nonce), Some(user)) => Requester::with_device(&self.client, user.id, nonce),
            (None, Some(user)) if self.client.is_signed_in_as(user.id) => {
                Requester::signed_in(&self.client, user.id)
            }
            _ => Requester::stranger(&self.client, &name.canonical()),
        }
    }
}
