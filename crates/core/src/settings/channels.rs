//! What the choice of channels must be.

use phone_auth_events::Channel;

use super::SettingsError;
use crate::address::AddressKind;

/// Checks that messages to a phone have a channel, and that each is one of those that reach a phone.
pub(super) fn validate(channels: &[Channel]) -> Result<(), SettingsError> {
    let is_odd = |channel: &Channel| {
        let kind = channel.kind();
        kind != AddressKind::Phone || channels.iter().filter(|it| *it == channel).count() > 1
    };
    if channels.is_empty() || channels.iter().any(is_odd) {
        return Err(SettingsError::new(
            "phone_channels",
            "at least one of sms, voice and whatsapp, each once",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::validate;
    use phone_auth_events::Channel::{Email, Sms, Voice};

    #[test]
    fn channels_reach_a_phone_each_once() {
        for (channels, is_right) in [
            (&[Sms][..], true),
            (&[Voice, Sms], true),
            (&[], false),
            (&[Sms, Sms], false),
            (&[Sms, Email], false),
        ] {
            assert_eq!(validate(channels).is_ok(), is_right, "{channels:?}");
        }
    }
}
