//! The ready receivers as the settings describe them.

mod smtp;

use std::path::Path;

use phone_auth::SiteOrigin;
use phone_auth::delivery::smtp::Smtp;
use phone_auth::delivery::{self, Secret};
use phone_auth::signals::SignalsBuilder;

use crate::configuration::Configuration;
use crate::configuration::delivery::SecretSetting;
use crate::exit::Failure;
use crate::key_file;

/// The state of the ready receivers that the settings turn on.
pub(crate) struct Delivery {
    smtp: Option<Smtp>,
}

impl Delivery {
    /// Builds what the settings turn on. Links begin with this origin.
    ///
    /// # Errors
    /// A sentence for each section that will not do.
    pub(crate) fn build(
        configuration: &Configuration,
        origin: &SiteOrigin,
    ) -> Result<Self, Failure> {
        Ok(Self {
            smtp: smtp::build(configuration, origin)?,
        })
    }

    /// Gives a hub that state, and switches off the other ready receivers.
    pub(crate) fn provide(self, mut hub: SignalsBuilder) -> SignalsBuilder {
        let mut on = Vec::new();
        if let Some(smtp) = self.smtp {
            on.push(delivery::smtp::RECEIVER);
            hub = hub.provide(smtp);
        }
        let off = delivery::RECEIVERS.iter().filter(|id| !on.contains(id));
        off.fold(hub, |hub, id| hub.switch_off(*id))
    }
}

/// A ready receiver that the settings turn on.
pub(crate) struct Target {
    /// Its id.
    pub(crate) receiver: &'static str,
    /// Where it sends to, for people.
    pub(crate) place: String,
}

/// The ready receivers that the settings turn on.
pub(crate) fn targets(configuration: &Configuration) -> Vec<Target> {
    let settings = &configuration.delivery;
    let smtp = settings.smtp.host.as_ref().map(|host| Target {
        receiver: delivery::smtp::RECEIVER,
        place: host.clone(),
    });
    smtp.into_iter().collect()
}

/// Whether a receiver is a ready one that the settings do not turn on.
pub(crate) fn is_off(configuration: &Configuration, receiver: &str) -> bool {
    let is_on = |target: &Target| target.receiver == receiver;
    delivery::RECEIVERS.contains(&receiver) && !targets(configuration).iter().any(is_on)
}

/// The secret that was given, or the one in the file that was.
fn secret(
    configuration: &Configuration,
    given: &SecretSetting,
    setting: &str,
) -> Result<Option<Secret>, Failure> {
    let Some(path) = given.file() else {
        return Ok(given.text.clone());
    };
    let right = "a file that only its owner can write, with the secret in it";
    let text = key_file::read_secret(path).map_err(|error| {
        Failure::wrong_at(setting, configuration.source_of(setting), right, error)
    })?;
    Ok(Some(Secret::new(text)))
}

/// The bytes of a file of certificates.
fn certificates(
    configuration: &Configuration,
    path: &Path,
    setting: &str,
) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        let right = "a file of certificates in PEM that can be read";
        Failure::wrong_at(setting, configuration.source_of(setting), right, error)
    })
}
