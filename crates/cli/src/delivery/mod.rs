//! The ready receivers as the settings describe them.

mod nats;
mod sms;
mod smtp;
mod webhook;

use std::path::Path;

use phone_auth::SiteOrigin;
use phone_auth::delivery::nats::Nats;
use phone_auth::delivery::sms_gateway::SmsGateway;
use phone_auth::delivery::smtp::Smtp;
use phone_auth::delivery::webhook::Webhook;
use phone_auth::delivery::{self, Secret};
use phone_auth::signals::SignalsBuilder;

use crate::configuration::Configuration;
use crate::configuration::delivery::SecretSetting;
use crate::exit::Failure;
use crate::secret_file;

/// The state of the ready receivers that the settings turn on.
pub(crate) struct Delivery {
    smtp: Option<Smtp>,
    sms: Option<SmsGateway>,
    webhook: Option<Webhook>,
    nats: Option<Nats>,
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
            sms: sms::build(configuration, origin)?,
            webhook: webhook::build(configuration, origin)?,
            nats: nats::build(configuration, origin)?,
        })
    }

    /// Gives a hub that state, and switches off the other ready receivers.
    pub(crate) fn provide(self, mut hub: SignalsBuilder) -> SignalsBuilder {
        hub = provide_or_switch_off(hub, self.smtp, delivery::smtp::RECEIVER);
        hub = provide_or_switch_off(hub, self.sms, delivery::sms_gateway::RECEIVER);
        hub = provide_or_switch_off(hub, self.webhook, delivery::webhook::RECEIVER);
        provide_or_switch_off(hub, self.nats, delivery::nats::RECEIVER)
    }
}

/// Gives a receiver its state, or leaves it out for want of one.
fn provide_or_switch_off<T: Send + Sync + 'static>(
    hub: SignalsBuilder,
    state: Option<T>,
    receiver: &str,
) -> SignalsBuilder {
    match state {
        Some(state) => hub.provide(state),
        None => hub.switch_off(receiver),
    }
}

/// A ready receiver that the settings turn on.
pub(crate) struct Target {
    /// Its id.
    pub(crate) receiver: &'static str,
    /// The signals that it was told to take, if not all that it can.
    pub(crate) signals: Option<Vec<String>>,
    /// Where it sends to, for people.
    pub(crate) place: String,
}

/// The ready receivers that the settings turn on.
pub(crate) fn targets(configuration: &Configuration) -> Vec<Target> {
    let settings = &configuration.delivery;
    let target = |receiver, place: &Option<String>, signals: Option<&[String]>| {
        let place = place.clone()?;
        let signals = signals.map(<[String]>::to_vec);
        Some(Target {
            receiver,
            signals,
            place,
        })
    };
    let twilio = settings.sms.twilio.account_sid.as_ref();
    let gateway = twilio.map_or_else(
        || settings.sms.url.as_deref().map(host),
        |_sid| Some("Twilio".to_owned()),
    );
    let (webhook, nats) = (&settings.webhook, &settings.nats);
    [
        target(delivery::smtp::RECEIVER, &settings.smtp.host, None),
        target(delivery::sms_gateway::RECEIVER, &gateway, None),
        target(
            delivery::webhook::RECEIVER,
            &webhook.url.as_deref().map(host),
            Some(&webhook.signals),
        ),
        target(
            delivery::nats::RECEIVER,
            &nats.url.as_deref().map(hosts),
            Some(&nats.signals),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Target {
    /// Whether it takes the messages of a signal, if the receiver can.
    pub(crate) fn takes(&self, signal: &str) -> bool {
        let signals = self.signals.as_deref();
        signals.is_none_or(|signals| signals.iter().any(|name| name == signal))
    }
}

/// The host in a URL; what else stands there may be a key.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.to_owned()
}

/// The hosts in URLs with commas between them.
fn hosts(urls: &str) -> String {
    let hosts: Vec<_> = urls.split(',').map(|url| host(url.trim())).collect();
    hosts.join(", ")
}

/// Whether a receiver is a ready one that the settings do not turn on for a signal.
pub(crate) fn is_off(configuration: &Configuration, receiver: &str, signal: &str) -> bool {
    let is_on = |target: &Target| target.receiver == receiver && target.takes(signal);
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
    let text = secret_file::read(path).map_err(|error| {
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
