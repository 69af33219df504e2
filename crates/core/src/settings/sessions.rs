//! How long sessions may live.

use std::time::Duration;

use super::{HOUR, Settings, SettingsError};

/// The longest life of a session: browsers keep no cookie for longer (RFC 6265bis, 5.5).
const MAX_SESSION_LIFETIME: Duration = Duration::from_hours(400 * 24);

impl Settings {
    /// Checks that nothing is asked of sessions that are shared with another program: it keeps neither when they began nor
    /// whose they are.
    pub(crate) fn validate_shared_sessions(&self) -> Result<(), SettingsError> {
        let right = "left out where sessions are shared with another program, which does not keep what it needs";
        for (setting, is_set) in [
            (
                "short_session_lifetime",
                self.short_session_lifetime.is_some(),
            ),
            ("session_idle_timeout", self.session_idle_timeout.is_some()),
            ("closing_grace", self.closing_grace.is_some()),
        ] {
            if is_set {
                return Err(SettingsError::new(setting, right));
            }
        }
        Ok(())
    }

    /// Checks how long sessions live, and how long an account can be had back.
    pub(super) fn validate_sessions(&self) -> Result<(), SettingsError> {
        let second = Duration::from_secs(1);
        if !(second..=MAX_SESSION_LIFETIME).contains(&self.session_lifetime) {
            return Err(SettingsError::new(
                "session_lifetime",
                "from 1 second to 400 days",
            ));
        }
        let is_short = |lifetime| (second..self.session_lifetime).contains(&lifetime);
        if !self.short_session_lifetime.is_none_or(is_short) {
            return Err(SettingsError::new(
                "short_session_lifetime",
                "at least 1 second, and shorter than session_lifetime",
            ));
        }
        let is_timeout = |timeout| (HOUR..=MAX_SESSION_LIFETIME).contains(&timeout);
        if !self.session_idle_timeout.is_none_or(is_timeout) {
            return Err(SettingsError::new(
                "session_idle_timeout",
                "from 1 hour to 400 days",
            ));
        }
        let is_grace = |grace| (HOUR..=MAX_SESSION_LIFETIME).contains(&grace);
        if !self.closing_grace.is_none_or(is_grace) {
            return Err(SettingsError::new(
                "closing_grace",
                "from 1 hour to 400 days",
            ));
        }
        let is_lifetime = |lifetime| (24 * HOUR..=3_650 * 24 * HOUR).contains(&lifetime);
        if !self.unverified_account_lifetime.is_none_or(is_lifetime) {
            return Err(SettingsError::new(
                "unverified_account_lifetime",
                "from 1 day to 3650 days",
            ));
        }
        Ok(())
    }
}
