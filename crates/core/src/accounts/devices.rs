//! Browsers that are remembered: issuing their tokens, and telling whose they are.

use phone_auth_tokens::{Keyring, Subkey};

use subtle::ConstantTimeEq;

use super::Accounts;
use crate::client::{AccountMark, Client, DeviceNonce, DeviceToken, Devices};
use crate::password::{EncodedPassword, Requester};
use crate::randomness::RandomnessError;
use crate::user::{AccountName, User};

/// What the keys are derived for.
const LABEL: &str = "device";

/// What the keys are derived for that mark a nonce.
const MARK_LABEL: &str = "device mark";

/// What stands for the hash of someone who is not there: as long as one of ours, so that looking at a token
/// takes as long. No token is ever issued for it.
const NOBODYS_PASSWORD: &str = "argon2$argon2id$v=19$m=19456,t=2,p=1$0000000000000000000000$0000000000000000000000000000000000000000000";

/// Signs the tokens of devices, and knows those that any accepted key has signed.
pub(super) struct DeviceKeys {
    current: Subkey,
    accepted: Vec<Subkey>,
    /// Those that mark nonces, see [`marked`].
    marking: Subkey,
    marks: Vec<Subkey>,
}

impl DeviceKeys {
    pub(super) fn new(keyring: &Keyring) -> Self {
        Self {
            current: keyring.derive(LABEL),
            accepted: keyring.derive_all(LABEL),
            marking: keyring.derive(MARK_LABEL),
            marks: keyring.derive_all(MARK_LABEL),
        }
    }

    fn issue(&self, user: &User, random: [u8; 4], expires_at: u64) -> DeviceToken {
        let id = user.id.get();
        let account = account_mark(&self.marking, id);
        let nonce = marked(&self.marking, account, random, expires_at);
        let tag = with_state(id, &user.password, nonce, expires_at, |state| {
            self.current.sign(state)
        });
        DeviceToken {
            nonce,
            expires_at,
            tag,
        }
    }

    /// For which account a token is, without a look at the account: whether it is for that account's password shows only
    /// with the account at hand. Anyone can make a token up; one that was issued once by us is enough to be looked up in
    /// another line than strangers.
    fn account_of(&self, token: &DeviceToken) -> Option<AccountMark> {
        let (account, rest) = token.nonce.split_first_chunk()?;
        let (random, _) = rest.split_first_chunk()?;
        let is_ours = self.marks.iter().fold(false, |found, key| {
            let ours = marked(key, *account, *random, token.expires_at);
            bool::from(ours.ct_eq(&token.nonce)) | found
        });
        is_ours.then_some(*account)
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

/// What an account is called in a nonce.
fn account_mark(key: &Subkey, user: i64) -> AccountMark {
    let digest = key.sign(&[b"account", &user.to_be_bytes()]);
    digest.first_chunk().copied().unwrap_or_default()
}

/// A nonce that shows that it is ours: the mark of the account, random bytes, and the start of a MAC. What anyone could
/// win who guesses one in 2^64 is a place in a line.
fn marked(key: &Subkey, account: AccountMark, random: [u8; 4], expires_at: u64) -> DeviceNonce {
    let tag = key.sign(&[b"nonce", &account, &random, &expires_at.to_be_bytes()]);
    let mut nonce = DeviceNonce::default();
    let bytes = account.iter().chain(&random).chain(&tag);
    for (place, byte) in nonce.iter_mut().zip(bytes) {
        *place = *byte;
    }
    nonce
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
        let mut random = [0; 4];
        self.inner.randomness.fill(&mut random)?;
        let expires_at = self.now() + Devices::LIFETIME;
        let expires_at = u64::try_from(expires_at.timestamp()).unwrap_or_default();
        let devices = self.client.devices();
        let token = self.inner.device_keys.issue(user, random, expires_at);
        let now = self.now();
        let is_obsolete = |other: &DeviceToken| {
            !other.is_alive_at(now) || self.inner.device_keys.verify(other, Some(user))
        };
        Ok(devices.with(token, is_obsolete))
    }

    /// For whom an account is looked up. Of whom it is the account that is asked for is not known yet: anyone who has a
    /// device of some account, or is signed in, is no stranger.
    pub(super) fn asker(&self, name: &AccountName) -> Requester {
        match (self.marked_account(), self.client.user()) {
            (Some(account), _) => Requester::with_marked_device(&self.client, account),
            (None, Some(user)) => Requester::signed_in(&self.client, user),
            (None, None) => Requester::stranger(&self.client, &name.canonical()),
        }
    }

    /// Whether the client may be known for an account, which only a look at that account can tell. Anyone can make up a
    /// device, so only one of ours counts.
    pub(super) fn may_be_known(&self) -> bool {
        self.client.user().is_some() || self.marked_account().is_some()
    }

    /// The account of a device of ours.
    pub(super) fn marked_account(&self) -> Option<AccountMark> {
        let now = self.now();
        let devices = self.client.devices().tokens().iter();
        let mut alive = devices.filter(|token| token.is_alive_at(now));
        alive.find_map(|token| self.inner.device_keys.account_of(token))
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
