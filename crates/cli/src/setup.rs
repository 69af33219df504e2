//! What every command has to work with: the settings, and what receivers were given.

use phone_auth::signals::SignalsBuilder;

use crate::configuration::Configuration;

/// Gives a dispatcher one piece of state.
pub(crate) type Provision = Box<dyn FnOnce(SignalsBuilder) -> SignalsBuilder>;

/// The settings, and the state that was provided.
pub(crate) struct Setup {
    pub(crate) configuration: Configuration,
    provisions: Vec<Provision>,
}

impl Setup {
    /// These settings and this state.
    pub(crate) fn new(configuration: Configuration, provisions: Vec<Provision>) -> Self {
        Self {
            configuration,
            provisions,
        }
    }

    /// Gives a dispatcher all that was provided.
    pub(crate) fn provide(&mut self, dispatcher: SignalsBuilder) -> SignalsBuilder {
        self.provisions
            .drain(..)
            .fold(dispatcher, |dispatcher, provide| provide(dispatcher))
    }
}
