//! What is said of codes, and of what they prove.

use std::time::Duration;

use phone_auth_events::Carries;

use super::{MINUTE, Settings, SettingsError};
use crate::address::AddressKind;
use crate::form::Field;
use crate::outbox::{MessageSignal, Purpose};

/// The shortest life of a code that reaches a telephone in time.
const MIN_LIFETIME: Duration = MINUTE;

/// The longest life of a code (ASVS 5.0, 6.5.1; NIST SP 800-63B-4, 3.1.3.2).
pub(super) const MAX_LIFETIME: Duration = Duration::from_mins(10);

impl Settings {
    /// What a message to this address says of a link and the code beside it.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::AddressKind;
    /// use phone_auth_core::settings::Settings;
    /// use phone_auth_events::{Carries, CarriesTo};
    ///
    /// let mut settings = Settings::default();
    /// settings.phone_carries = CarriesTo::all(Carries::Code);
    /// assert_eq!(settings.carries(AddressKind::Phone, "+12125552368"), Carries::Code);
    /// assert_eq!(settings.carries(AddressKind::Email, "ann@example.org"), Carries::Both);
    /// ```
    pub fn carries(&self, kind: AddressKind, address: &str) -> Carries {
        match kind {
            AddressKind::Email => self.email_carries,
            AddressKind::Phone => self.phone_carries.to(address),
        }
    }

    /// Whether a message to some address of this kind may say a code and no link.
    pub(crate) fn may_carry_code_alone(&self, kind: AddressKind) -> bool {
        match kind {
            AddressKind::Email => self.email_carries == Carries::Code,
            AddressKind::Phone => self.phone_carries.may_be(Carries::Code),
        }
    }

    /// Checks what is said of codes.
    pub(super) fn validate_codes(&self) -> Result<(), SettingsError> {
        let methods = self.authentication_methods;
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&self.code_lifetime) {
            return Err(SettingsError::new(
                "code_lifetime",
                "from 1 minute to 10 minutes",
            ));
        }
        if self.login_by_code && !(methods.email || methods.phone) {
            return Err(SettingsError::new(
                "login_by_code",
                "false, or authentication_methods must have phone or email: a code needs an address to go to",
            ));
        }
        let has_one_name = methods.email != methods.phone && !methods.username;
        if self.sign_up_by_code && !(self.login_by_code && has_one_name) {
            return Err(SettingsError::new(
                "sign_up_by_code",
                "false, or login_by_code must be true and authentication_methods phone alone or email alone",
            ));
        }
        Ok(())
    }

    /// Checks that those can log in whose addresses name nobody before they are verified.
    pub(super) fn validate_concealment(&self) -> Result<(), SettingsError> {
        if self.conceal_accounts && self.sign_up_by_code {
            return Err(SettingsError::new(
                "conceal_accounts",
                "false, or sign_up_by_code must be false: signing up by code makes an account for an address that has none, and \
                 how long that takes tells of it",
            ));
        }
        if self.conceal_accounts && !self.verify_at_sign_up {
            return Err(SettingsError::new(
                "conceal_accounts",
                "false, or verify_at_sign_up must be true: an address names nobody until it is verified, so nobody could log in \
                 after signing up",
            ));
        }
        Ok(())
    }

    /// [Checks](Self::validate) the settings, and that they leave users a way in and on, where nobody sends the signals of these
    /// names, as of those that [do without receivers](crate::accounts::AccountsBuilder::allow_unreceived). Building
    /// [`Accounts`](crate::accounts::Accounts) does so; a program may want to before it makes anything.
    ///
    /// # Errors
    /// [`SettingsError`] names the first setting that cannot be used, and says what would be right.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::settings::Settings;
    ///
    /// let mut settings = Settings::default();
    /// settings.require_verified = true;
    /// assert!(settings.validate_for(&["verify_phone"]).is_ok());
    /// let error = settings.validate_for(&["verify_email", "verify_phone"]).unwrap_err();
    /// assert_eq!(error.setting(), "require_verified");
    /// ```
    pub fn validate_for(&self, allow_unreceived: &[&str]) -> Result<(), SettingsError> {
        self.validate_from_elsewhere(allow_unreceived)?;
        self.validate_ways(allow_unreceived)
    }

    /// The same for a site whose users come [from elsewhere](crate::accounts::AccountsBuilder::users_from_elsewhere): it must send
    /// what nobody else can, and the ways in and on are theirs.
    ///
    /// # Errors
    /// As for [`validate_for`](Self::validate_for).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::settings::Settings;
    ///
    /// let mut settings = Settings::default();
    /// settings.require_verified = true;
    /// let nobody_sends = ["verify_email", "verify_phone"];
    /// assert!(settings.validate_for(&nobody_sends).is_err());
    /// assert!(settings.validate_from_elsewhere(&nobody_sends).is_ok());
    /// ```
    pub fn validate_from_elsewhere(&self, allow_unreceived: &[&str]) -> Result<(), SettingsError> {
        self.validate()?;
        // A misspelt name would leave a flow on offer whose messages nobody sends.
        if !(allow_unreceived.iter()).all(|name| MessageSignal::NAMES.contains(name)) {
            return Err(SettingsError::new(
                "allow_unreceived",
                "names of signals that carry messages, such as verify_phone",
            ));
        }
        let kinds = [AddressKind::Email, AddressKind::Phone].into_iter();
        let mut signals = kinds.filter_map(|kind| MessageSignal::of(Purpose::Verify, kind));
        let is_lacking =
            |it: MessageSignal| self.sends(it) && allow_unreceived.contains(&it.name());
        if self.conceal_accounts && signals.any(is_lacking) {
            return Err(SettingsError::new(
                "conceal_accounts",
                "false, or someone must send verify_email and verify_phone to addresses that users have: an address that is never \
                 verified never names anyone",
            ));
        }
        if self.login_by_code && !self.is_sent(Purpose::LogIn, allow_unreceived) {
            return Err(SettingsError::new(
                "login_by_code",
                "false, or someone must send login_email or login_phone to addresses that users have: without them nobody gets a \
                 code",
            ));
        }
        Ok(())
    }

    /// Whether someone sends messages for this to some kind of address that users have.
    fn is_sent(&self, purpose: Purpose, allow_unreceived: &[&str]) -> bool {
        let kinds = [AddressKind::Email, AddressKind::Phone].into_iter();
        let mut signals = kinds.filter_map(|kind| MessageSignal::of(purpose, kind));
        signals.any(|it| self.sends(it) && !allow_unreceived.contains(&it.name()))
    }

    /// Checks that users have a way in, and those who are in a way on.
    fn validate_ways(&self, allow_unreceived: &[&str]) -> Result<(), SettingsError> {
        if self.require_verified && !self.is_sent(Purpose::Verify, allow_unreceived) {
            return Err(SettingsError::new(
                "require_verified",
                "false, or someone must send verify_email or verify_phone to addresses that users have: without them nobody can \
                 verify one",
            ));
        }
        let has_username =
            self.authentication_methods.username && self.is_on_sign_up_form(Field::Username);
        let is_named = self.unverified_sign_in
            || self.verify_at_sign_up
            || self.sign_up_by_code
            || has_username;
        let may_reset =
            || self.unverified_reset && self.is_sent(Purpose::ResetPassword, allow_unreceived);
        if !(is_named || may_reset()) {
            return Err(SettingsError::new(
                "unverified_sign_in",
                "true, or verify_at_sign_up must be true: an address names nobody until it is verified, and who has just signed up \
                 has no other name and no way to verify it",
            ));
        }
        Ok(())
    }
}
