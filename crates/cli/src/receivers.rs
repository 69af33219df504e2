//! Who receives the messages, by the manifest of the linked receivers.

use phone_auth::Signals;
use phone_auth::delivery::development::RECEIVERS;
use phone_auth::signals::Manifest;

use crate::configuration::Configuration;
use crate::delivery;
use crate::mode::{self, MESSAGES, Mode};

/// The signals whose messages nobody but the development mode would get.
pub(crate) fn unreceived(configuration: &Configuration) -> Vec<&'static str> {
    let manifest = linked();
    let off = &configuration.switched_off_receivers;
    let is_received = |signal: &str| {
        manifest.receivers.iter().any(|receiver| {
            receiver.signal == signal
                && !off.contains(&receiver.id)
                && !RECEIVERS.contains(&receiver.id.as_str())
                && !delivery::is_off(configuration, &receiver.id, signal)
        })
    };
    let all = MESSAGES.into_iter();
    all.filter(|signal| !is_received(signal)).collect()
}

/// Every signal and receiver of the program, marked as the site would call them. Unlike the manifest
/// of a hub, it is there also when a receiver lacks its state and no hub can be built.
pub(crate) fn manifest(configuration: &Configuration) -> Manifest {
    let mut manifest = linked();
    let mode = mode::decide(configuration, &unreceived(configuration));
    let is_development = mode.is_ok_and(|mode| mode == Mode::Development);
    for receiver in &mut manifest.receivers {
        let is_of_development = RECEIVERS.contains(&receiver.id.as_str());
        receiver.switched_off = (is_of_development && !is_development)
            || delivery::is_off(configuration, &receiver.id, receiver.signal)
            || configuration.switched_off_receivers.contains(&receiver.id);
    }
    manifest
}

/// What is linked, called or not.
fn linked() -> Manifest {
    Signals::isolated().manifest()
}
