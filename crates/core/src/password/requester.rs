//! For whom a password is hashed, which says in which line it waits and against whose share it counts.

use sha2::{Digest, Sha256};

use crate::client::{AccountMark, Client, ClientNetwork, DeviceNonce};
use crate::user::UserId;

/// For whom a [`PasswordHasher`](super::PasswordHasher) works. The flows make it; a hasher that bounds how
/// many wait does so by what is known of them, and for each client network and account, so that nobody is held up
/// by others.
///
/// # Examples
/// ```
/// use phone_auth_core::client::Client;
/// use phone_auth_core::password::{Argon2Hasher, Password, PasswordHasher, Requester};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let stranger = Requester::stranger(&Client::new(), "ann@example.org");
/// let password = Password::new("correct horse");
/// Argon2Hasher::new().verify_nothing(&password, &stranger).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requester {
    pub(super) lane: Lane,
    pub(super) network: Option<Share>,
    pub(super) subject: Option<Share>,
    pub(super) device: Option<Share>,
}

/// A line of its own: what waits in one takes nothing from what waits in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// Anyone who has signed in to this account with this browser before.
    Device,
    /// Anyone who is signed in.
    SignedIn,
    /// Anyone who has a reset link.
    Link,
    /// All others who give the name of an account.
    Stranger,
    /// Anyone who wants an account.
    SigningUp,
}

/// Who has a share of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Share {
    Network(ClientNetwork),
    Device(DeviceNonce),
    User(UserId),
    /// An account that has signed in with the browser that asks, whichever it is.
    Account(AccountMark),
    /// The digest of a name as it was typed, in its canonical form: whether anyone has it changes nothing.
    Name([u8; 32]),
}

impl Requester {
    /// How many shares a request takes from at most.
    pub(super) const MOST_SHARES: usize = 3;

    /// Someone of whom nothing is known, who gives the name of an account. The name is in its canonical form,
    /// so that all its spellings have one share.
    pub fn stranger(client: &Client, name: &str) -> Self {
        let digest = Sha256::digest(name.as_bytes()).into();
        Self::of(Lane::Stranger, client.network(), Share::Name(digest))
    }

    /// Someone who wants an account.
    pub fn signing_up(client: &Client) -> Self {
        Self {
            lane: Lane::SigningUp,
            network: client.network().map(Share::Network),
            subject: None,
            device: None,
        }
    }

    /// Someone who is signed in.
    pub fn signed_in(client: &Client, user: UserId) -> Self {
        Self::of(Lane::SignedIn, client.network(), Share::User(user))
    }

    /// Someone who has a link that resets this user's password.
    pub fn with_link(client: &Client, user: UserId) -> Self {
        Self::of(Lane::Link, client.network(), Share::User(user))
    }

    /// The operator of the site.
    pub const fn operator() -> Self {
        Self {
            lane: Lane::SignedIn,
            network: None,
            subject: None,
            device: None,
        }
    }

    /// Someone who has signed in with this browser before, to the account that is asked for now. All devices of
    /// an account have one share together: anyone who has an account gets as many devices as they like.
    pub(crate) fn with_device(client: &Client, user: UserId, nonce: DeviceNonce) -> Self {
        Self {
            device: Some(Share::Device(nonce)),
            ..Self::of(Lane::Device, client.network(), Share::User(user))
        }
    }

    /// Someone who has signed in to some account with this browser before; which one is asked for now is not known yet.
    /// All devices of an account have one share here too.
    pub(crate) fn with_marked_device(client: &Client, account: AccountMark) -> Self {
        Self::of(Lane::Device, client.network(), Share::Account(account))
    }

    /// Whether nothing is known of them.
    pub(crate) fn is_stranger(&self) -> bool {
        self.lane.is_of_strangers()
    }

    /// The device that they are known by, if it is one.
    pub(crate) fn device(&self) -> Option<DeviceNonce> {
        match self.device {
            Some(Share::Device(nonce)) => Some(nonce),
            _ => None,
        }
    }

    fn of(lane: Lane, network: Option<ClientNetwork>, subject: Share) -> Self {
        Self {
            lane,
            network: network.map(Share::Network),
            subject: Some(subject),
            device: None,
        }
    }

    /// All whose share it takes from.
    pub(super) fn shares(&self) -> impl Iterator<Item = Share> {
        let shares: [Option<Share>; Self::MOST_SHARES] = [self.network, self.subject, self.device];
        shares.into_iter().flatten()
    }
}

impl Lane {
    pub(super) const ALL: [Self; 5] = [
        Self::Device,
        Self::SignedIn,
        Self::Link,
        Self::Stranger,
        Self::SigningUp,
    ];

    /// Whether nothing is known of those who wait here.
    pub(super) fn is_of_strangers(self) -> bool {
        matches!(self, Self::Stranger | Self::SigningUp)
    }
}
