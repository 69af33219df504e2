//! The flows: what a user can do with an account. One file for each.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_events::{Channel, Signals};
use phone_auth_tokens::Keyring;
use phone_auth_urls::AccountRoutes;

use crate::address::AddressKind;
use crate::client::Client;
use crate::clock::Clock;
use crate::gate::Gate;
use crate::language::Language;
use crate::limits::Limiter;
use crate::link::Links;
use crate::outbox::Outbox;
use crate::password::{PasswordHasher, PasswordPolicy};
use crate::randomness::Randomness;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::store::Store;

mod add_address;
mod admin;
mod asked_once;
mod begin_session;
mod begun_once;
mod build_error;
mod builder;
mod change_password;
mod clear_limits;
mod close;
mod closing_grace;
mod code_targets;
mod codes;
mod conceal;
mod current_user;
mod devices;
mod dispatch;
mod durable;
mod find;
mod gate;
mod given_up_checks;
mod handle;
mod key_periods;
mod lately;
mod limits;
mod limits_about;
mod log_in;
mod log_in_by_code;
mod log_in_by_link;
mod log_out;
mod lost_addresses;
mod new_password;
mod notices;
mod operate_address;
mod own_codes;
mod own_sessions;
mod password_checks;
mod reauthenticate;
mod reauthenticate_by_code;
mod redirect_check;
mod refused_early;
mod remove_address;
mod remove_expired_sessions;
mod repeatable;
mod repeated_code;
mod repeated_form;
mod repeated_free;
mod repeated_link;
mod repeated_sign_up;
mod replace_address;
mod request_reset;
mod request_verification;
mod resend;
mod reset_password;
mod sealed;
mod send_message;
mod sent_by_anyone;
mod session_lifetimes;
mod session_list;
mod sign_up;
mod sign_up_by_code;
mod sign_up_form;
mod texts;
mod to_the_end;
mod turns;
mod typed_names;
mod unproven;
mod unshown_password;
mod used_up;
mod useless_codes;
mod verification_keys;
mod verify_address;
mod wrong_codes;

pub use add_address::AddAddressRefusal;
pub use admin::{SetPasswordRefusal, UsernameRefusal};
pub use begin_session::{LoggedIn, NotActive};
pub use build_error::{BuildError, BuildErrorKind};
pub use builder::AccountsBuilder;
pub use change_password::ChangePasswordRefusal;
pub use close::{AccountExport, CloseRefusal, ExportedAccount, ExportedAddress};
pub use closing_grace::Closing;
pub use codes::{CodeRefusal, ProvenReset, ResetToken};
pub use dispatch::Dispatch;
pub use find::AmbiguousName;
pub use handle::AccountsHandle;
pub use limits_about::LimitsAbout;
pub use log_in::LogInRefusal;
pub use log_in_by_link::{LinkForm, LogInLinkRefusal};
pub use operate_address::{Marked, RenameRefusal};
pub use reauthenticate::{ProofRequired, ReauthenticationRefusal};
pub use reauthenticate_by_code::ReauthenticationRequestRefusal;
pub use remove_address::{LastWayIn, PrimaryRefusal, Removal};
pub use replace_address::{PendingReplacement, ReplaceAddressRefusal, Replaced};
pub use request_reset::ResetRequestRefusal;
pub use request_verification::{VerificationRequest, VerificationRequestRefusal};
pub use resend::PendingCode;
pub use reset_password::{InvalidLink, ResetLink, ResetRefusal};
pub use session_list::{EndSessionsRefusal, SessionList, UserSession};
pub use sign_up::SignUpRefusal;
pub use sign_up_form::SignUpForm;
pub use texts::TextUse;
pub use verify_address::{LinkState, Verification};

pub use crate::current_user::CurrentUser;
pub use crate::flow_error::{Failure, FailureKind, FlowError};

/// How often a flow looks again when what it read was changed by someone else before it could act.
const ATTEMPTS: usize = 3;

/// The flows of accounts over a store. Cheap to clone; clones share everything.
///
/// Every method is one flow: it reads, decides, changes the store in one transaction, and then tells
/// the [signals](phone_auth_events) what happened. A receiver that fails, panics or hangs changes no
/// answer; when it is called is a matter of [`Dispatch`].
///
/// Passwords are hashed on Tokio's blocking threads, so the flows need a Tokio runtime, with its timer.
///
/// # Cancel safety
/// A flow that is dropped before its end has changed all of what it changes, or nothing. The signals
/// about a change that was made may then be missing.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use phone_auth_core::accounts::{Accounts, SignUpForm};
/// use phone_auth_core::password::Password;
/// use phone_auth_events::{Signals, UserSignedUp};
/// use phone_auth_store_testkit::MemoryStore;
/// use phone_auth_tokens::{Keyring, SecretKey};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let signals = Signals::isolated();
/// let mut signed_up = signals.capture::<UserSignedUp>();
/// let accounts = Accounts::builder(
///     Arc::new(MemoryStore::new()),
///     Keyring::new(SecretKey::generate()?),
/// )
/// .signals(signals)
/// .build()?;
///
/// let form = SignUpForm {
///     first_name: "Ann",
///     last_name: "Smith",
///     username: "ann",
///     email: "Ann@Example.org",
///     phone: "+91 98765 43210",
///     password: Password::new("correct horse"),
///     confirm_password: Some(Password::new("correct horse")),
/// };
/// let user = accounts.sign_up(form).await?;
/// assert_eq!(user.email, "ann@example.org");
/// assert_eq!(signed_up.take().len(), 1);
///
/// let logged_in = accounts.log_in("+919876543210", &Password::new("correct horse"), None).await?;
/// assert_eq!(logged_in.user.username, "ann");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
    language: Option<Language>,
    /// By which channel messages go, as the user asked.
    channel: Option<Channel>,
    client: Client,
    /// Whether someone has asked to stay signed in.
    keeps_signed_in: bool,
    /// The answer to a challenge of the gate.
    gate_answer: Option<Arc<str>>,
    /// A secret of the browser whose form this is.
    browser: Option<Arc<str>>,
}

/// What all clones share.
struct Inner {
    store: Arc<dyn Store>,
    settings: Settings,
    routes: AccountRoutes,
    signals: Signals,
    links: Arc<Links>,
    device_keys: devices::DeviceKeys,
    limiter: Arc<Limiter>,
    turns: turns::Turns,
    going_on: to_the_end::GoingOn,
    allowed_answers: gate::AllowedAnswers,
    /// The keys that browsers have got a moment ago.
    asked_lately: lately::Lately<sealed::Sealed>,
    /// The keys of sessions that forms have given browsers a moment ago.
    begun_lately: lately::Lately<sealed::Sealed>,
    sessions: Arc<dyn Sessions>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    hasher: Arc<dyn PasswordHasher>,
    policy: PasswordPolicy,
    dispatch: Dispatch,
    dispatch_timeout: Duration,
    outbox: Option<Outbox>,
    gate: Option<Arc<dyn Gate>>,
    /// The signals whose messages nobody sends.
    allow_unreceived: Vec<&'static str>,
    /// By which kinds of addresses another process sends notices.
    notices_elsewhere: Vec<AddressKind>,
}

impl Accounts {
    /// Begins to put the flows together over a store, with the secret that links are signed with.
    pub fn builder(store: Arc<dyn Store>, keyring: Keyring) -> AccountsBuilder {
        AccountsBuilder::new(store, keyring)
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The paths that links lead to.
    pub fn routes(&self) -> &AccountRoutes {
        &self.inner.routes
    }

    /// The dispatcher that is told what happens.
    pub fn signals(&self) -> &Signals {
        &self.inner.signals
    }

    /// The secret that links are signed with, for deriving others.
    pub fn keyring(&self) -> &Keyring {
        self.inner.links.keyring()
    }

    /// Where messages wait for their receivers; none when the flows tell the receivers themselves.
    pub fn outbox(&self) -> Option<&Outbox> {
        self.inner.outbox.as_ref()
    }

    /// The time as a store can keep it.
    fn now(&self) -> DateTime<Utc> {
        self.inner.clock.stored_now()
    }

    fn store(&self) -> &dyn Store {
        self.inner.store.as_ref()
    }

    fn hasher(&self) -> &dyn PasswordHasher {
        self.inner.hasher.as_ref()
    }

    fn session_port(&self) -> &dyn Sessions {
        self.inner.sessions.as_ref()
    }

    fn randomness(&self) -> &dyn Randomness {
        self.inner.randomness.as_ref()
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("settings", &self.inner.settings)
            .field("routes", &self.inner.routes)
            .field("dispatch", &self.inner.dispatch)
            .finish_non_exhaustive()
    }
}
