//! What every command has to work with: the settings, and what receivers were given.

use std::sync::Arc;

use phone_auth::Accounts;
use phone_auth::core::accounts::AccountsHandle;
use phone_auth::signals::SignalsBuilder;

use crate::configuration::Configuration;

/// Gives a dispatcher one piece of state.
pub(crate) type Provision = Box<dyn FnOnce(SignalsBuilder) -> SignalsBuilder>;

/// The settings, and the state that was provided.
pub(crate) struct Setup {
    pub(crate) configuration: Configuration,
    /// By which receivers find the flows.
    pub(crate) accounts: AccountsHandle,
    provisions: Vec<Provision>,
}

impl Setup {
    /// These settings and this state.
    pub(crate) fn new(configuration: Configuration, provisions: Vec<Provision>) -> Self {
        Self {
            configuration,
            accounts: AccountsHandle::new(),
            provisions,
        }
    }

    /// Gives a dispatcher all that was provided, and the flows.
    pub(crate) fn provide(&mut self, dispatcher: SignalsBuilder) -> SignalsBuilder {
        let accounts = self.accounts.clone();
        let dispatcher =
            dispatcher.provide_late::<Accounts>(move || accounts.upgrade().map(Arc::new));
        self.provisions
            .drain(..)
            .fold(dispatcher, |dispatcher, provide| provide(dispatcher))
    }
}
