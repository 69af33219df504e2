//! What is looked at before the site or a worker begins, and by `check`, which only looks.
//!
//! All of it is here, so that `check` says what a start would do. It comes in two steps, so that a start that is refused
//! leaves nothing behind: first what needs no database ([`Prepared`]), before a database or a key is made; then what
//! the database tells ([`before_migrations`], [`suits`]), before anything in it is changed.

pub(crate) mod folder;
pub(crate) mod mode;
pub(crate) mod risks;
pub(crate) mod setup;

use phone_auth::Signals;
use phone_auth::SiteOrigin;
use phone_auth::core::accounts::AccountsHandle;
use phone_auth::delivery::development::Mailbox;
use phone_auth::web::Web;

use self::mode::{Mode, Process};
use self::setup::Setup;
use crate::configuration::Configuration;
use crate::database::django::{self, Django};
use crate::database::{self, OpenStore};
use crate::exit::{Failure, Gathered};
use crate::secrets::keys::Keys;
use crate::site;
use crate::site::mailbox_page::MailboxPage;
use crate::site::pages;

/// What one who turned all limits off should know.
const NO_LIMITS: &str = "danger_no_limits is set: nothing is limited, and strangers may try passwords and have messages \
                         sent without end";

/// What a start needs besides the database, and nothing is wrong with.
pub(crate) struct Prepared {
    pub(crate) mode: Mode,
    /// The page that shows the messages, in development mode.
    pub(crate) mailbox: Option<MailboxPage>,
    /// The dispatcher with everything provided.
    pub(crate) signals: Signals,
    /// By which its receivers find the flows.
    pub(crate) accounts: AccountsHandle,
    pub(crate) keys: Keys,
    /// What of Django's is accepted.
    pub(crate) django: Django,
    /// What an operator should know although nothing is wrong.
    pub(crate) notes: Vec<String>,
}

impl Prepared {
    /// Looks at all that needs no database. Links begin with this origin.
    ///
    /// # Errors
    /// A sentence for each thing that will not do.
    pub(crate) fn new(
        setup: &mut Setup,
        process: Process,
        origin: &SiteOrigin,
    ) -> Result<Self, Failure> {
        let mut wrong = Gathered::default();
        let seen = Seen::new(&mut wrong, setup, process, origin);
        wrong.nothing()?;
        seen.whole().ok_or_else(|| Failure::because_of_all([]))
    }
}

/// What of that is as it should be, for the one who looks on when something is wrong.
pub(crate) struct Seen {
    pub(crate) mode: Option<Mode>,
    mailbox: Option<MailboxPage>,
    signals: Option<Signals>,
    accounts: AccountsHandle,
    pub(crate) keys: Option<Keys>,
    pub(crate) django: Option<Django>,
    notes: Vec<String>,
}

impl Seen {
    /// Looks at all that needs no database.
    pub(crate) fn new(
        wrong: &mut Gathered,
        setup: &mut Setup,
        process: Process,
        origin: &SiteOrigin,
    ) -> Self {
        let mode = wrong.keep(site::mode(&setup.configuration, process));
        let mailbox = wrong.keep(mailbox(mode, origin)).flatten();
        let shown = mailbox.as_ref().map(MailboxPage::mailbox);
        let signals = wrong.keep(site::dispatcher(setup, origin, shown));
        let configuration = &setup.configuration;
        let keys = wrong.keep(Keys::read(configuration));
        let django = wrong.keep(django::read(&configuration.django, &configuration.sources));
        let notes = wrong.keep(pages_can_be_shown(configuration, origin));
        if process == Process::Site {
            wrong.keep(can_be_made(configuration, keys.as_ref(), django.as_ref()));
        }
        let mut notes = notes.unwrap_or_default();
        notes.extend(mode.and_then(|mode| mode::note(configuration, mode, origin)));
        notes.extend(risks::notes(configuration, process));
        if process == Process::Site && configuration.limits.danger_off {
            notes.push(NO_LIMITS.to_owned());
        }
        Self {
            mode,
            mailbox,
            signals,
            accounts: setup.accounts.clone(),
            keys,
            django,
            notes,
        }
    }

    /// All of it, if nothing is wrong.
    pub(crate) fn whole(self) -> Option<Prepared> {
        Some(Prepared {
            mode: self.mode?,
            mailbox: self.mailbox,
            signals: self.signals?,
            accounts: self.accounts,
            keys: self.keys?,
            django: self.django?,
            notes: self.notes,
        })
    }
}

/// Looks at a database whatever its schema: the tables that are another program's must be there, and one without tables
/// needs a key that a new site may have.
///
/// # Errors
/// A sentence for each thing that will not do, and when the database cannot be asked.
pub(crate) async fn before_migrations(
    configuration: &Configuration,
    keys: Option<&mut Keys>,
    django: Option<&Django>,
    store: &OpenStore,
) -> Result<(), Failure> {
    let mut wrong = Gathered::default();
    if let Some(django) = django {
        let keys = django.session_keys.clone();
        let (settings, sources) = (&configuration.django, &configuration.sources);
        let sessions = django::sessions(settings, sources, keys, store.django_sessions());
        wrong.keep(sessions.await.map(drop));
    }
    if let Some(keys) = keys
        && wrong.keep(store.has_no_tables().await) == Some(true)
    {
        wrong.keep(keys.are_fit());
    }
    wrong.nothing()
}

/// Looks whether a database with the newest schema goes with the keys and the mode.
///
/// # Errors
/// A sentence for each thing that does not.
pub(crate) async fn suits(
    configuration: &Configuration,
    keys: Option<&mut Keys>,
    mode: Option<Mode>,
    store: &OpenStore,
) -> Result<(), Failure> {
    let mut wrong = Gathered::default();
    if let Some(keys) = keys {
        wrong.keep(keys.look(store).await);
    }
    if let Some(mode) = mode {
        wrong.keep(site::keep_messages(configuration, mode, store).await);
    }
    wrong.nothing()
}

/// The mailbox of the development mode.
fn mailbox(mode: Option<Mode>, origin: &SiteOrigin) -> Result<Option<MailboxPage>, Failure> {
    let mailbox =
        (mode == Some(Mode::Development)).then(|| Mailbox::new(origin.clone(), site::MAILBOX_ROOM));
    let page = mailbox.map(MailboxPage::new).transpose();
    page.map_err(Failure::failed)
}

/// Whether browsers would take the cookies, and the templates can be compiled; what of those no page would show.
fn pages_can_be_shown(
    configuration: &Configuration,
    origin: &SiteOrigin,
) -> Result<Vec<String>, Failure> {
    let mut wrong = Gathered::default();
    let cookies = pages::cookies(configuration);
    let cookies = Web::check_cookies(origin, configuration.django.sessions, &cookies);
    wrong.keep(cookies.map_err(|error| pages::wrong(configuration, error)));
    let templates = Web::check_templates(configuration.site.templates.as_deref());
    wrong.keep(templates.map_err(|error| pages::wrong(configuration, error)));
    wrong.nothing()?;
    pages::notes(configuration)
}

/// Whether a database and a key can be made where they are missing.
fn can_be_made(
    configuration: &Configuration,
    keys: Option<&Keys>,
    django: Option<&Django>,
) -> Result<(), Failure> {
    if !configuration.database.name.may_exist() {
        if django.is_some_and(|django| django.session_keys.is_some()) {
            return Err(django::no_sessions(&configuration.sources));
        }
        database::can_be_made(configuration)?;
    }
    // Beside the database, or where it is already.
    keys.map_or(Ok(()), Keys::can_be_made)
}
