//! What a gate is asked.

use std::net::IpAddr;

use crate::address::{Address, EmailSpellings, PhoneSpellings};
use crate::user::{AccountName, UserId};

/// A flow that a gate is asked about: what strangers can begin, what sends a message, and what sets a password.
///
/// What an opened link or a typed code does is not gated: anyone who was sent it has passed. Nor is what only a user who is signed
/// in can do to their own account, such as removing an address, ending sessions or closing.
/// [`reauthenticate`](crate::accounts::Accounts::reauthenticate) is among that, though it hashes what is typed: it stands before each
/// of these pages, and a session may fail five times in a row before it has to wait, together with
/// [`ChangePassword`](Self::ChangePassword).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GatedFlow {
    /// [`sign_up`](crate::accounts::Accounts::sign_up).
    SignUp,
    /// [`log_in`](crate::accounts::Accounts::log_in).
    LogIn,
    /// [`request_password_reset`](crate::accounts::Accounts::request_password_reset).
    RequestPasswordReset,
    /// [`request_verification`](crate::accounts::Accounts::request_verification), and a code that is asked for by
    /// [`begin_reauthentication`](crate::accounts::Accounts::begin_reauthentication).
    RequestVerification,
    /// [`add_address`](crate::accounts::Accounts::add_address).
    AddAddress,
    /// [`change_password`](crate::accounts::Accounts::change_password).
    ChangePassword,
}

impl GatedFlow {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SignUp,
        Self::LogIn,
        Self::RequestPasswordReset,
        Self::RequestVerification,
        Self::AddAddress,
        Self::ChangePassword,
    ];

    /// The name of the flow, as signals have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::LogIn => "log_in",
            Self::RequestPasswordReset => "request_password_reset",
            Self::RequestVerification => "request_verification",
            Self::AddAddress => "add_address",
            Self::ChangePassword => "change_password",
        }
    }
}

/// What a gate is asked: who wants to begin which flow, with what.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GateRequest<'a> {
    /// The flow.
    pub flow: GatedFlow,
    /// The address of the client, where it is known; see `trusted_proxies` for a site behind a proxy.
    pub client: Option<IpAddr>,
    /// Who is signed in in this browser.
    pub user: Option<UserId>,
    /// The language that the user reads, as a tag of BCP 47.
    pub language: Option<&'a str>,
    /// What was typed, parsed.
    pub names: GateNames<'a>,
    /// The answer to a challenge: what the form has in its field `gate_answer`, up to
    /// [`MAX_ANSWER`](Self::MAX_ANSWER) bytes. A longer one is none.
    pub answer: Option<&'a str>,
}

impl GateRequest<'_> {
    /// The longest answer, in bytes.
    pub const MAX_ANSWER: usize = 4096;
}

/// What was typed, each as it would be stored. What cannot be read as a name of the kind is missing: the flow says so
/// itself. A number that could be a username as well is both.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct GateNames<'a> {
    /// The username.
    pub username: Option<&'a str>,
    /// The email address; its domain is in ASCII, in small letters.
    pub email: Option<&'a str>,
    /// The phone number, in the form of E.164.
    pub phone: Option<&'a str>,
}

impl<'a> GateNames<'a> {
    /// What names an account.
    pub(crate) fn of_account(name: &'a AccountName) -> Self {
        Self {
            username: name.username.as_deref(),
            email: name.email.as_ref().map(EmailSpellings::canonical),
            phone: name.phone.as_ref().map(PhoneSpellings::canonical),
        }
    }

    /// An address.
    pub(crate) fn of_address(address: &'a Address) -> Self {
        match address {
            Address::Email(email) => Self {
                email: Some(email.as_str()),
                ..Self::default()
            },
            Address::Phone(phone) => Self {
                phone: Some(phone.as_str()),
                ..Self::default()
            },
        }
    }
}
