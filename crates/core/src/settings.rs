//! What an operator may choose: django-phone-auth's eight settings, and ours beside them.

mod channels;
mod choices;
mod codes;
mod error;
mod methods;
mod sessions;

use std::time::Duration;

use phone_auth_events::{Carries, CarriesTo, Channel};

use crate::address::{AddressKind, Region};
use crate::form::Field;
use crate::limits::LimitSettings;
use crate::outbox::{MessageSignal, Purpose};

pub use choices::{NoticesBy, RefusedNumberTypes};
pub use error::SettingsError;
pub use methods::Methods;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The longest life of a link. Longer ones are found in old mailboxes.
const MAX_LINK_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// The most messages that may be pending: they are counted while someone waits.
const MAX_PENDING_MESSAGES: u32 = 1_000_000;

/// The most sessions that a user can be allowed: they are looked through at each log-in.
const MAX_SESSIONS: u32 = 1_000;
/// The most addresses that an account can be allowed. As many are read for a page, and no more.
const MAX_ADDRESSES: u32 = 100;

/// What an operator may choose. The default is what django-phone-auth does.
///
/// # Examples
/// ```
/// use phone_auth_core::settings::Settings;
///
/// let mut settings = Settings::default();
/// settings.register_email_required = false;
/// assert!(settings.validate().is_ok());
///
/// settings.login_redirect_url = "https://elsewhere.example/".to_owned();
/// let error = settings.validate().unwrap_err();
/// assert_eq!(error.setting(), "login_redirect_url");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of django-phone-auth by its name"
)]
pub struct Settings {
    /// By what users log in. At least one must be on.
    pub authentication_methods: Methods,
    /// Whether a username must be given at sign-up; if not, one is made up for the one who gives none.
    pub register_username_required: bool,
    /// Whether an email address must be given at sign-up.
    pub register_email_required: bool,
    /// Whether a phone number must be given at sign-up.
    pub register_phone_required: bool,
    /// Whether a first name must be given at sign-up.
    pub register_fname_required: bool,
    /// Whether a last name must be given at sign-up.
    pub register_lname_required: bool,
    /// Whether the password must be given twice at sign-up.
    pub register_confirm_password_required: bool,
    /// The country whose numbers may be typed without a calling code, as they are dialled there, by
    /// [`Region::named`]; without one a number begins with `+` or `00`.
    pub default_region: Option<Region>,
    /// The types of phone numbers that nobody can sign up with or add, and that are sent nothing.
    pub refused_number_types: RefusedNumberTypes,
    /// By which channels messages go to a phone: by the first, unless its user asks for another of them.
    pub phone_channels: Vec<Channel>,
    /// What messages to email addresses say of a link and the code beside it, by who sends them; the shipped ones say both. It
    /// decides what a [log-in link](crate::accounts::Accounts::log_in_by_link) asks for where it is opened, and that no message is
    /// sent whose [code alone](Carries::Code) nobody could use.
    pub email_carries: Carries,
    /// The same of messages to phone numbers. The facade takes it from its gateway.
    pub phone_carries: CarriesTo,
    /// The fewest characters of a new password, from 8 to 64.
    pub password_min_length: u32,
    /// The fields that the sign-up form does not have. One that must be filled in cannot be among them, nor a password.
    pub hidden_sign_up_fields: Vec<Field>,
    /// Where users go after log-in when they were on no way to another page: a path.
    pub login_redirect_url: String,
    /// Where users go after log-out: a path.
    pub logout_redirect_url: String,
    /// How long a session lives.
    pub session_lifetime: Duration,
    /// How long a session lives whose user has not asked to [stay signed in](crate::accounts::Accounts::keeping_signed_in): a
    /// shorter time than `session_lifetime`, and in a browser at most until that is closed. With it the log-in page asks;
    /// without it all sessions live as long. For sessions that are shared with another program use none.
    pub short_session_lifetime: Option<Duration>,
    /// How long a session may be unused; from 1 hour on. A use is noted once an hour, so a session ends at most an hour later
    /// than that, and never earlier. Without it sessions end at their time. Sessions that are shared with another program do
    /// not say when they were used: it does not hold for those.
    pub session_idle_timeout: Option<Duration>,
    /// How many sessions a user may have; a log-in ends the oldest above it. Not of sessions that are shared with another
    /// program, which do not say whose they are.
    pub max_sessions: u32,
    /// How long ago someone may have confirmed that it is them, to change who can get into their account: from 1 second to
    /// 24 hours.
    pub reauthentication_lifetime: Duration,
    /// How long a link sent by email resets a password.
    pub reset_email_lifetime: Duration,
    /// How long a link sent by phone resets a password.
    pub reset_phone_lifetime: Duration,
    /// How long a link verifies an email address.
    pub verify_email_lifetime: Duration,
    /// How long a link verifies a phone number.
    pub verify_phone_lifetime: Duration,
    /// How long a code works that is sent beside a link, and a link that logs in: from one minute to ten (ASVS 5.0, 6.5.1).
    pub code_lifetime: Duration,
    /// Whether users may log in by a code that is sent to a verified address of theirs, besides by a password.
    pub login_by_code: bool,
    /// Whether users sign up with a name and an address, to which a code is sent, and have no password: the pages have no
    /// field for one, and none to reset or change it. It needs `login_by_code`, and one kind of address as the only name.
    pub sign_up_by_code: bool,
    /// How many addresses an account may have, email addresses and phone numbers together, when its owner adds one.
    /// Accounts that have more, because another program made them, go on working.
    pub max_addresses: u32,
    /// How many of them may be unverified, when its owner adds one.
    pub max_unverified_addresses: u32,
    /// Whether signing up logs the user in and sends the links that verify their addresses at once, where the site sends
    /// such links; one of them with a [code](crate::accounts::Accounts::sign_up_code). Off, they log in with what they have
    /// chosen and ask for the links, as with django-phone-auth.
    pub verify_at_sign_up: bool,
    /// Whether nothing tells that an address has an account: one that someone signs up with or adds is a
    /// [claim](crate::address::AddressId::is_claim) until it is proven, also when it is another user's, who is told of it by a
    /// [notice](phone_auth_events::AccountChange::SignUpTried) in place of the link. Needs `verify_at_sign_up`, for a claim
    /// names nobody at log-in, and no `sign_up_by_code`, whose work tells of it. That a username is taken is told.
    pub conceal_accounts: bool,
    /// Whether opening a verification link shows a page with a button, and only that button verifies.
    /// Off, opening the link verifies, as django-phone-auth does, unless it would take the address
    /// [from someone](crate::address::AddressId::is_claim).
    pub verify_by_click: bool,
    /// Whether users without any verified address are kept to the pages of their account until they verify one: everything
    /// behind a guard waits for that. Needs a kind of address by which users log in.
    pub require_verified: bool,
    /// Whether an unverified address names its account at log-in, as with django-phone-auth.
    pub unverified_sign_in: bool,
    /// Whether an unverified address receives reset links. They reset the password as long as the account has no verified
    /// address, and free the address after that. Off, only verified addresses receive any.
    pub unverified_reset: bool,
    /// By which kinds of verified addresses users are told that their password or an address was changed, where someone sends
    /// such notices.
    pub notices: NoticesBy,
    /// Whether users close their accounts themselves, by a page. [`Accounts::close`](crate::accounts::Accounts::close) does it
    /// in any case.
    pub close_account: bool,
    /// How long an account that its user closes can be had back, by logging in; from 1 hour to 400 days. Without it
    /// [`Accounts::request_closing`](crate::accounts::Accounts::request_closing) closes at once. Sessions that are shared with
    /// another program do not say whose they are and go on: with those use none.
    pub closing_grace: Option<Duration>,
    /// How long an account stays that has signed up with a password, of which nobody has verified an address and to which
    /// nobody has signed in; from 1 day to 3,650 days, counted from the sign-up. Where `require_verified` is on, also one that
    /// was signed in to, and where `verify_at_sign_up` is on, one whose only session began with the sign-up: counted from when
    /// its last session is over at the latest. Without it such accounts stay for ever, and with `sign_up_by_code` none has a password.
    pub unverified_account_lifetime: Option<Duration>,
    /// Whether there is a page by which users download all that is kept of them.
    pub export_account: bool,
    /// How many messages may be pending in the outbox. When there are as many, anyone who asks for one is told to come
    /// back later, whether the name is anyone's or not.
    pub max_pending_messages: u32,
    /// Whether the addresses of clients are left out of the log and of what `Debug` shows of an event. Receivers get them
    /// anyway.
    pub redact_client_addresses: bool,
    /// How often what may be done.
    pub limits: LimitSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            authentication_methods: Methods::default(),
            register_username_required: true,
            register_email_required: true,
            register_phone_required: true,
            register_fname_required: true,
            register_lname_required: true,
            register_confirm_password_required: true,
            default_region: None,
            refused_number_types: RefusedNumberTypes::default(),
            phone_channels: vec![Channel::Sms],
            email_carries: Carries::Both,
            phone_carries: CarriesTo::default(),
            password_min_length: 8,
            hidden_sign_up_fields: Vec::new(),
            login_redirect_url: "/accounts/profile/".to_owned(),
            logout_redirect_url: "/".to_owned(),
            session_lifetime: 14 * DAY,
            short_session_lifetime: None,
            session_idle_timeout: None,
            max_sessions: 50,
            reauthentication_lifetime: 5 * MINUTE,
            // NIST SP 800-63B-4 allows 24 hours by email and 10 minutes by SMS.
            reset_email_lifetime: DAY,
            reset_phone_lifetime: 10 * MINUTE,
            verify_email_lifetime: DAY,
            verify_phone_lifetime: 10 * MINUTE,
            code_lifetime: codes::MAX_LIFETIME,
            login_by_code: false,
            sign_up_by_code: false,
            max_addresses: 10,
            max_unverified_addresses: 5,
            verify_at_sign_up: false,
            conceal_accounts: false,
            verify_by_click: false,
            require_verified: false,
            unverified_sign_in: true,
            unverified_reset: true,
            notices: NoticesBy::default(),
            close_account: true,
            closing_grace: None,
            unverified_account_lifetime: Some(30 * DAY),
            export_account: true,
            max_pending_messages: 10_000,
            redact_client_addresses: false,
            limits: LimitSettings::default(),
        }
    }
}

impl Settings {
    /// The fields that must not be empty at sign-up. The password must not be either, but that is no
    /// setting.
    pub fn required_fields(&self) -> Vec<Field> {
        [
            (Field::FirstName, self.register_fname_required),
            (Field::LastName, self.register_lname_required),
            (
                Field::Username,
                self.register_username_required && !self.sign_up_by_code,
            ),
            (
                Field::Email,
                self.authentication_methods.email && self.register_email_required,
            ),
            (
                Field::Phone,
                self.authentication_methods.phone && self.register_phone_required,
            ),
            (
                Field::ConfirmPassword,
                self.register_confirm_password_required && !self.sign_up_by_code,
            ),
        ]
        .into_iter()
        .filter_map(|(field, required)| required.then_some(field))
        .collect()
    }

    /// The fields of the sign-up form one of which must not be empty, where none of them must be: by one of them the user
    /// logs in afterwards. Empty where a required field does for that.
    pub fn one_required_of(&self) -> Vec<Field> {
        let methods = self.authentication_methods;
        let required = self.required_fields();
        let names = [
            (methods.email, Field::Email),
            (methods.phone, Field::Phone),
            (methods.username, Field::Username),
        ];
        let names = names.into_iter().filter(|(is_on, _)| *is_on);
        let names: Vec<Field> = names.map(|(_, field)| field).collect();
        if names.iter().any(|field| required.contains(field)) {
            return Vec::new();
        }
        let on_form = names
            .into_iter()
            .filter(|field| self.is_on_sign_up_form(*field));
        on_form.collect()
    }

    /// Whether users have addresses of this kind here: they are what users log in by, so nothing asks for one, shows one
    /// or sends to one where that is off.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::AddressKind;
    /// use phone_auth_core::settings::Settings;
    ///
    /// let mut settings = Settings::default();
    /// settings.authentication_methods.phone = false;
    /// assert!(settings.has_addresses(AddressKind::Email) && !settings.has_addresses(AddressKind::Phone));
    /// ```
    pub const fn has_addresses(&self, kind: AddressKind) -> bool {
        match kind {
            AddressKind::Email => self.authentication_methods.email,
            AddressKind::Phone => self.authentication_methods.phone,
        }
    }

    /// Whether this site has messages of this signal to send: to a kind of address that users have here, for a flow that it has.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::outbox::MessageSignal;
    /// use phone_auth_core::settings::Settings;
    ///
    /// let settings = Settings::default();
    /// assert!(settings.sends(MessageSignal::VerifyPhone) && !settings.sends(MessageSignal::LoginPhone));
    /// ```
    pub const fn sends(&self, signal: MessageSignal) -> bool {
        self.has_flow(signal.purpose()) && self.has_addresses(signal.kind())
    }

    /// Whether messages of this signal may go out here: those that it [sends](Self::sends), and where someone receives them also
    /// those of signing in, by which users who have no password confirm who they are.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::outbox::MessageSignal;
    /// let settings = phone_auth_core::settings::Settings::default();
    /// assert!(settings.may_send(MessageSignal::LoginPhone) && !settings.sends(MessageSignal::LoginPhone));
    /// ```
    pub const fn may_send(&self, signal: MessageSignal) -> bool {
        let is_on = matches!(signal.purpose(), Purpose::LogIn) || self.has_flow(signal.purpose());
        is_on && self.has_addresses(signal.kind())
    }

    /// Whether this site has the flow that messages of this purpose are sent in, to whatever kind of address.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::outbox::Purpose;
    /// use phone_auth_core::settings::Settings;
    ///
    /// let settings = Settings::default();
    /// assert!(settings.has_flow(Purpose::ResetPassword) && !settings.has_flow(Purpose::LogIn));
    /// ```
    pub const fn has_flow(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::LogIn => self.login_by_code,
            Purpose::ResetPassword => !self.sign_up_by_code,
            _ => true,
        }
    }

    /// Whether the sign-up form has this field.
    pub fn is_on_sign_up_form(&self, field: Field) -> bool {
        let is_off = match field {
            Field::Email => !self.authentication_methods.email,
            Field::Phone => !self.authentication_methods.phone,
            Field::Username | Field::Password => self.sign_up_by_code,
            Field::ConfirmPassword => {
                self.sign_up_by_code || !self.register_confirm_password_required
            }
            _ => false,
        };
        !is_off && !self.hidden_sign_up_fields.contains(&field)
    }

    /// Checks what may be stored of one kind.
    fn validate_numbers(&self) -> Result<(), SettingsError> {
        let numbers = [
            (
                "max_addresses",
                self.max_addresses,
                MAX_ADDRESSES,
                "from 1 to 100",
            ),
            (
                "max_unverified_addresses",
                self.max_unverified_addresses,
                MAX_ADDRESSES,
                "from 1 to 100",
            ),
            (
                "max_sessions",
                self.max_sessions,
                MAX_SESSIONS,
                "from 1 to 1000",
            ),
            (
                "max_pending_messages",
                self.max_pending_messages,
                MAX_PENDING_MESSAGES,
                "a number from 1 to 1000000",
            ),
        ];
        let limits = &self.limits;
        let in_a_row = [
            ("limit_failures_in_a_row", limits.failures_in_a_row),
            ("limit_wrong_codes_in_a_row", limits.wrong_codes_in_a_row),
        ];
        for (setting, number) in in_a_row {
            if number > LimitSettings::MOST_IN_A_ROW {
                return Err(SettingsError::new(setting, "from 0 to 100"));
            }
        }
        if !(1..=LimitSettings::MOST_TEXTS).contains(&limits.text_site_budget) {
            return Err(SettingsError::new("sms_site_budget", "from 1 to 1000000"));
        }
        for (setting, number, most, right) in numbers {
            if !(1..=most).contains(&number) {
                return Err(SettingsError::new(setting, right));
            }
        }
        Ok(())
    }

    /// The form keeps what is required, and something to log in by.
    fn validate_sign_up_form(&self) -> Result<(), SettingsError> {
        let methods = self.authentication_methods;
        let required = self.required_fields();
        let names = [
            (methods.phone, Field::Phone),
            (methods.email, Field::Email),
            (methods.username, Field::Username),
        ];
        if !names
            .iter()
            .any(|(on, field)| *on && self.is_on_sign_up_form(*field))
        {
            return Err(SettingsError::new(
                "hidden_sign_up_fields",
                "a list that leaves one of authentication_methods on the form: without it nobody who signs up can log in",
            ));
        }
        let hideable = [
            Field::FirstName,
            Field::LastName,
            Field::Username,
            Field::Email,
            Field::Phone,
        ];
        let is_wrong = |field| !hideable.contains(field) || required.contains(field);
        if self.hidden_sign_up_fields.iter().any(is_wrong) {
            return Err(SettingsError::new(
                "hidden_sign_up_fields",
                "a list of first_name, last_name, username, email and phone, without those that are required: set their \
                 register_…_required to false first",
            ));
        }
        Ok(())
    }

    /// Checks that the settings can be used.
    ///
    /// # Errors
    /// [`SettingsError`] names the first setting that cannot, and says what would be right.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let methods = self.authentication_methods;
        if !(methods.phone || methods.email || methods.username) {
            return Err(SettingsError::new(
                "authentication_methods",
                "at least one of phone, email and username",
            ));
        }
        self.validate_codes()?;
        if self.require_verified && !(methods.phone || methods.email) {
            return Err(SettingsError::new(
                "require_verified",
                "false, or authentication_methods must have phone or email: without them nobody has an address to verify",
            ));
        }
        self.validate_concealment()?;
        channels::validate(&self.phone_channels)?;
        self.validate_sign_up_form()?;
        for (setting, url) in [
            ("login_redirect_url", &self.login_redirect_url),
            ("logout_redirect_url", &self.logout_redirect_url),
        ] {
            if phone_auth_urls::local_path(url).is_none() {
                return Err(SettingsError::new(
                    setting,
                    "a path on this site, such as /accounts/profile/",
                ));
            }
        }
        for (setting, lifetime) in [
            ("reset_email_lifetime", self.reset_email_lifetime),
            ("reset_phone_lifetime", self.reset_phone_lifetime),
            ("verify_email_lifetime", self.verify_email_lifetime),
            ("verify_phone_lifetime", self.verify_phone_lifetime),
        ] {
            if !(Duration::from_secs(1)..=MAX_LINK_LIFETIME).contains(&lifetime) {
                return Err(SettingsError::new(setting, "from 1 second to 7 days"));
            }
        }
        if !(8..=64).contains(&self.password_min_length) {
            return Err(SettingsError::new("password_min_length", "from 8 to 64"));
        }
        self.validate_numbers()?;
        self.validate_sessions()?;
        if !(Duration::from_secs(1)..=DAY).contains(&self.reauthentication_lifetime) {
            return Err(SettingsError::new(
                "reauthentication_lifetime",
                "from 1 second to 24 hours",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Settings)) -> Option<&'static str> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.validate().err().map(|error| error.setting())
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(check(|_| {}), None);
    }

    /// By the builder too nothing can be set that the program refuses.
    #[test]
    fn numbers_of_limits_have_bounds() {
        for (number, row, texts) in [
            (0, true, false),
            (1, true, true),
            (100, true, true),
            (101, false, true),
            (1_000_001, false, false),
        ] {
            let refused = check(|settings| settings.limits.failures_in_a_row = number);
            assert_eq!(
                refused,
                (!row).then_some("limit_failures_in_a_row"),
                "{number}"
            );
            let refused = check(|settings| settings.limits.wrong_codes_in_a_row = number);
            assert_eq!(
                refused,
                (!row).then_some("limit_wrong_codes_in_a_row"),
                "{number}"
            );
            let refused = check(|settings| settings.limits.text_site_budget = number);
            assert_eq!(refused, (!texts).then_some("sms_site_budget"), "{number}");
        }
    }

    #[test]
    fn address_is_required_only_of_who_can_have_one() {
        for (phone, email, expected) in [
            (true, false, None),
            (false, true, None),
            (false, false, Some("require_verified")),
        ] {
            let mut settings = Settings {
                require_verified: true,
                authentication_methods: Methods {
                    phone,
                    email,
                    username: true,
                },
                ..Settings::default()
            };
            settings.register_phone_required = phone;
            settings.register_email_required = email;
            let refused = settings.validate().err().map(|error| error.setting());
            assert_eq!(refused, expected);
        }
    }

    #[test]
    fn concealed_accounts_are_verified_at_sign_up() {
        for (at_sign_up, by_code, expected) in [
            (true, false, None),
            (false, true, Some("conceal_accounts")),
            (true, true, Some("conceal_accounts")),
            (false, false, Some("conceal_accounts")),
        ] {
            let checked = check(|settings| {
                settings.conceal_accounts = true;
                settings.verify_at_sign_up = at_sign_up;
                settings.login_by_code = by_code;
                settings.sign_up_by_code = by_code;
                if by_code {
                    (
                        settings.authentication_methods.email,
                        settings.authentication_methods.username,
                    ) = (false, false);
                }
            });
            assert_eq!(checked, expected, "{at_sign_up} {by_code}");
        }
    }

    #[test]
    fn no_method_is_refused() {
        let none = Methods {
            phone: false,
            email: false,
            username: false,
        };
        assert_eq!(
            check(|settings| settings.authentication_methods = none),
            Some("authentication_methods")
        );
    }

    #[test]
    fn one_can_log_in_after_signing_up() {
        let only = |phone, email, username| Methods {
            phone,
            email,
            username,
        };
        let (phone, email, username) = (Field::Phone, Field::Email, Field::Username);
        for (methods, required, one_of) in [
            (only(true, true, true), [true, true, true], vec![]),
            (only(true, true, true), [true, false, false], vec![]),
            (only(true, true, true), [false, false, true], vec![]),
            (
                only(true, true, true),
                [false, false, false],
                vec![email, phone, username],
            ),
            (
                only(true, true, false),
                [false, false, true],
                vec![email, phone],
            ),
            (only(true, false, false), [true, true, true], vec![]),
            (only(true, false, false), [false, true, true], vec![phone]),
            (only(false, true, false), [true, false, true], vec![email]),
            (only(false, true, true), [true, true, false], vec![]),
            (
                only(false, false, true),
                [true, true, false],
                vec![username],
            ),
        ] {
            let settings = Settings {
                authentication_methods: methods,
                register_phone_required: required[0],
                register_email_required: required[1],
                register_username_required: required[2],
                ..Settings::default()
            };
            assert_eq!(settings.validate(), Ok(()), "{methods:?} {required:?}");
            assert_eq!(
                settings.one_required_of(),
                one_of,
                "{methods:?} {required:?}"
            );
            let hidden = Settings {
                hidden_sign_up_fields: one_of.clone(),
                ..settings
            };
            let error = hidden.validate().err().map(|error| error.setting());
            let expected = (!one_of.is_empty()).then_some("hidden_sign_up_fields");
            assert_eq!(
                error, expected,
                "{methods:?} {required:?}, none on the form"
            );
        }
    }

    #[test]
    fn required_fields_cannot_be_hidden() {
        for (hidden, wrong) in [
            (vec![Field::FirstName, Field::LastName], true),
            (vec![Field::Username], false),
            (vec![Field::Phone], true),
            (vec![Field::Password], true),
            (vec![Field::ConfirmPassword], true),
            (Vec::new(), false),
        ] {
            let error = check(|settings| {
                settings.register_username_required = false;
                settings.hidden_sign_up_fields.clone_from(&hidden);
            });
            assert_eq!(error.is_some(), wrong, "{hidden:?}");
        }
    }

    #[test]
    fn foreign_redirects_are_refused() {
        for url in [
            "//evil.example",
            "https://evil.example/",
            "",
            "profile",
            "/\\evil",
        ] {
            assert_eq!(
                check(|settings| settings.login_redirect_url = url.to_owned()),
                Some("login_redirect_url"),
                "{url}"
            );
            assert_eq!(
                check(|settings| settings.logout_redirect_url = url.to_owned()),
                Some("logout_redirect_url"),
                "{url}"
            );
        }
    }

    #[test]
    fn numbers_of_addresses_have_bounds() {
        for most in [0, 101] {
            assert_eq!(
                check(|settings| settings.max_addresses = most),
                Some("max_addresses")
            );
            assert_eq!(
                check(|settings| settings.max_unverified_addresses = most),
                Some("max_unverified_addresses")
            );
        }
        for most in [1, 100] {
            assert_eq!(check(|settings| settings.max_addresses = most), None);
        }
    }

    #[test]
    fn lifetimes_have_bounds() {
        for lifetime in [Duration::ZERO, 8 * DAY] {
            assert_eq!(
                check(|settings| settings.reset_phone_lifetime = lifetime),
                Some("reset_phone_lifetime")
            );
        }
        assert_eq!(
            check(|settings| settings.session_lifetime = 401 * DAY),
            Some("session_lifetime")
        );
        let second = Duration::from_secs(1);
        for (lifetime, wrong) in [
            (Duration::ZERO, true),
            (second, false),
            ((14 * DAY).saturating_sub(second), false),
            (14 * DAY, true),
        ] {
            let checked = check(|settings| settings.short_session_lifetime = Some(lifetime));
            assert_eq!(checked, wrong.then_some("short_session_lifetime"));
        }
        for (timeout, wrong) in [
            (HOUR.saturating_sub(second), true),
            (HOUR, false),
            (400 * DAY, false),
            (400 * DAY + second, true),
        ] {
            let checked = check(|settings| settings.session_idle_timeout = Some(timeout));
            assert_eq!(checked, wrong.then_some("session_idle_timeout"));
        }
        for lifetime in [Duration::ZERO, DAY + Duration::from_secs(1)] {
            assert_eq!(
                check(|settings| settings.reauthentication_lifetime = lifetime),
                Some("reauthentication_lifetime")
            );
        }
    }

    #[test]
    fn grace_of_a_closing_is_bounded() {
        let second = Duration::from_secs(1);
        for (grace, wrong) in [
            (HOUR.saturating_sub(second), true),
            (HOUR, false),
            (400 * DAY, false),
            (400 * DAY + second, true),
        ] {
            let checked = check(|settings| settings.closing_grace = Some(grace));
            assert_eq!(checked, wrong.then_some("closing_grace"));
        }
    }

    #[test]
    fn life_of_the_unverified_is_bounded() {
        let second = Duration::from_secs(1);
        for (lifetime, wrong) in [
            (DAY.saturating_sub(second), true),
            (DAY, false),
            (3_650 * DAY, false),
            (3_650 * DAY + second, true),
        ] {
            let checked = check(|settings| settings.unverified_account_lifetime = Some(lifetime));
            assert_eq!(checked, wrong.then_some("unverified_account_lifetime"));
        }
    }

    #[test]
    fn codes_live_ten_minutes_at_most() {
        for (seconds, wrong) in [(59, true), (60, false), (600, false), (601, true)] {
            let lifetime = Duration::from_secs(seconds);
            let checked = check(|settings| settings.code_lifetime = lifetime);
            assert_eq!(checked.is_some(), wrong, "{seconds}");
        }
    }

    #[test]
    fn codes_need_somewhere_to_go() {
        for (methods, by_code, wrong) in [
            ("pe", (true, false), None),
            ("u", (true, false), Some("login_by_code")),
            ("p", (true, true), None),
            ("e", (true, true), None),
            ("p", (false, true), Some("sign_up_by_code")),
            ("pe", (true, true), Some("sign_up_by_code")),
            ("pu", (true, true), Some("sign_up_by_code")),
            ("u", (true, true), Some("login_by_code")),
        ] {
            let checked = check(|settings| {
                settings.authentication_methods = Methods {
                    phone: methods.contains('p'),
                    email: methods.contains('e'),
                    username: methods.contains('u'),
                };
                (settings.login_by_code, settings.sign_up_by_code) = by_code;
            });
            assert_eq!(checked, wrong, "{methods} {by_code:?}");
        }
    }

    /// Whatever is turned on together, someone can come in, and those who are in can go on: else the settings are refused.
    #[test]
    fn settings_leave_a_way_in() {
        const VERIFY: [&str; 2] = ["verify_email", "verify_phone"];
        const LOG_IN: [&str; 2] = ["login_email", "login_phone"];
        const RESET: [&str; 2] = ["reset_password_email", "reset_password_phone"];
        type Change = fn(&mut Settings);
        let needs_verified: Change = |it| it.require_verified = true;
        let by_code: Change = |it| it.login_by_code = true;
        let by_code_alone: Change = |it| (it.login_by_code, it.sign_up_by_code) = (true, true);
        let unnamed: Change = |it| it.unverified_sign_in = false;
        let no_way: Change = |it| (it.unverified_sign_in, it.unverified_reset) = (false, false);
        let sent_at_once: Change = |it| {
            (it.unverified_sign_in, it.unverified_reset) = (false, false);
            it.verify_at_sign_up = true;
        };
        let (must, login, named) = ("require_verified", "login_by_code", "unverified_sign_in");
        for (methods, change, without, refused) in [
            ("pe", needs_verified, &[][..], None),
            ("pe", needs_verified, &VERIFY[..1], None),
            ("pe", needs_verified, &VERIFY[1..], None),
            ("pe", needs_verified, &VERIFY, Some(must)),
            ("p", needs_verified, &VERIFY[..1], None),
            ("p", needs_verified, &VERIFY[1..], Some(must)),
            ("e", needs_verified, &VERIFY[..1], Some(must)),
            ("pe", by_code, &LOG_IN[..1], None),
            ("pe", by_code, &LOG_IN, Some(login)),
            ("p", by_code, &LOG_IN[1..], Some(login)),
            ("p", by_code_alone, &LOG_IN[..1], None),
            ("p", by_code_alone, &LOG_IN[1..], Some(login)),
            ("e", by_code_alone, &LOG_IN[..1], Some(login)),
            ("pe", unnamed, &[], None),
            ("pe", unnamed, &RESET[..1], None),
            ("pe", unnamed, &RESET, Some(named)),
            ("p", unnamed, &RESET[1..], Some(named)),
            ("pe", no_way, &[], Some(named)),
            ("peu", no_way, &RESET, None),
            ("pe", sent_at_once, &RESET, None),
        ] {
            let mut settings = Settings {
                authentication_methods: Methods {
                    phone: methods.contains('p'),
                    email: methods.contains('e'),
                    username: methods.contains('u'),
                },
                ..Settings::default()
            };
            change(&mut settings);
            let error = settings.validate_for(without).err();
            let error = error.map(|error| error.setting());
            assert_eq!(error, refused, "{methods} {without:?}");
            // Users who come from elsewhere have their ways in and on from there; but nobody else sends the codes.
            let error = settings.validate_from_elsewhere(without).err();
            let error = error.map(|error| error.setting());
            let refused = refused.filter(|it| *it == login);
            assert_eq!(error, refused, "{methods} {without:?} from elsewhere");
        }
    }

    #[test]
    fn numbers_of_sessions_have_bounds() {
        for (most, wrong) in [
            (0, Some("max_sessions")),
            (1, None),
            (1_000, None),
            (1_001, Some("max_sessions")),
        ] {
            assert_eq!(check(|settings| settings.max_sessions = most), wrong);
        }
    }

    #[test]
    fn pending_messages_have_bounds() {
        for (pending, wrong) in [
            (0, Some("max_pending_messages")),
            (1, None),
            (1_000_000, None),
            (1_000_001, Some("max_pending_messages")),
        ] {
            assert_eq!(
                check(|settings| settings.max_pending_messages = pending),
                wrong
            );
        }
    }
}
