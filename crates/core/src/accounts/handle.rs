//! The flows for what is made before them: above all for receivers, whose dispatcher the flows hold.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use super::{Accounts, Inner};
use crate::client::Client;

/// A handle of flows that are not built yet, and that it does not keep.
///
/// The flows hold the dispatcher, so state of its receivers cannot hold the flows: neither would ever be dropped. State
/// that goes through this can be looked up [late](phone_auth_events::SignalsBuilder::provide_late), and
/// [`AccountsBuilder::handle`](super::AccountsBuilder::handle) says whose handle it is. The facade does both.
///
/// # Examples
/// ```standalone_crate
/// use std::sync::Arc;
///
/// use phone_auth_core::accounts::{Accounts, AccountsHandle};
/// use phone_auth_core::signals::{Signals, receiver};
/// use phone_auth_events::{UserSignedUp, user_signed_up};
/// use phone_auth_store_testkit::MemoryStore;
/// use phone_auth_tokens::{Keyring, SecretKey};
///
/// #[receiver(user_signed_up)]
/// async fn invite(event: &UserSignedUp, accounts: &Accounts) {
///     if let Some(email) = &event.email {
///         let _sent = accounts.request_password_reset(email).await;
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let handle = AccountsHandle::new();
/// let later = handle.clone();
/// let signals = Signals::builder().provide_late(move || later.upgrade().map(Arc::new)).build()?;
/// let accounts = Accounts::builder(Arc::new(MemoryStore::new()), Keyring::new(SecretKey::generate()?))
///     .signals(signals)
///     .handle(&handle)
///     .build()?;
/// assert!(handle.upgrade().is_some());
///
/// drop(accounts);
/// assert!(handle.upgrade().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct AccountsHandle(Arc<OnceLock<Weak<Inner>>>);

impl AccountsHandle {
    /// A handle of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The flows, from when they are built until the last clone of them is dropped. They know of no client, no
    /// language and no channel, as those of a builder.
    pub fn upgrade(&self) -> Option<Accounts> {
        Some(Accounts {
            inner: self.0.get()?.upgrade()?,
            language: None,
            channel: None,
            client: Client::new(),
            keeps_signed_in: false,
            gate_answer: None,
            browser: None,
        })
    }

    /// Makes it the handle of these flows, unless it is one already.
    pub(super) fn set(&self, inner: &Arc<Inner>) {
        self.0.get_or_init(|| Arc::downgrade(inner));
    }
}

impl fmt::Debug for AccountsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsHandle").finish_non_exhaustive()
    }
}
