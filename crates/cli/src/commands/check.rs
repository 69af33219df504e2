//! `phone-auth check`: whether the site could start, without starting it.
//!
//! Settings were looked at before this runs. Everything else is looked at even if something before
//! it is wrong, so that one run names all there is to mend.

use std::collections::BTreeMap;
use std::io;

use phone_auth::core::password::{Argon2Hasher, EncodedPassword};
use phone_auth::core::store::{Anomaly, AnomalyKind};
use phone_auth::signals::{ResetPasswordEmail, ResetPasswordPhone, VerifyEmail, VerifyPhone};
use phone_auth::sqlite::LOST_INDEXES;
use phone_auth::web::Web;
use phone_auth::{Keyring, SecretKey, Signals};

use crate::configuration::{Configuration, DjangoSettings};
use crate::console;
use crate::database::{self, OpenStore};
use crate::django::{self, Django};
use crate::exit::Failure;
use crate::keys::Keys;
use crate::legacy_hashes;
use crate::mode::{self, Mode, Process};
use crate::receivers;
use crate::setup::Setup;
use crate::site::{self, Parts};
use crate::visible::Visible;

/// Looks at receivers, key, database and templates, and changes none of them.
///
/// # Errors
/// A sentence for each thing that would keep the site from starting or from sending its messages, for a
/// database that lacks a migration, and for users whom another program has stored in a way that keeps
/// them from being served in full.
pub(crate) fn run(mut setup: Setup) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    let mode = keep(&mut wrong, site::mode(&setup.configuration, Process::Site));
    let origin = keep(&mut wrong, site::links_begin_with(&setup.configuration));
    if let Some(origin) = origin {
        keep(&mut wrong, site::dispatcher(&mut setup, &origin, None));
    }
    let keys = keep(&mut wrong, Keys::read(&setup.configuration));
    // A pool of connections lives as long as the runtime that it was made in.
    let runtime = site::runtime()?;
    runtime.block_on(async {
        let store = keep(&mut wrong, store(&setup.configuration).await).flatten();
        if let Some(store) = &store
            && keep(&mut wrong, has_newest_schema(store).await).is_some()
        {
            if let Some(keys) = &keys {
                keep(&mut wrong, keys.look(store).await);
            }
            if let Some(mode) = mode {
                let kept = site::keep_pending(&setup.configuration, mode, store).await;
                keep(&mut wrong, kept);
            }
            keep(&mut wrong, no_anomalies(store).await);
            keep(
                &mut wrong,
                note_hashes(&setup.configuration.django, store).await,
            );
            keep(
                &mut wrong,
                note_shut_out(&setup.configuration.django, store).await,
            );
        }
        let django = beside_django(&setup.configuration, store.as_ref()).await;
        let django = keep(&mut wrong, django);
        let folder = setup.configuration.site.templates.as_deref();
        let templates = Web::check_templates(folder).map_err(Failure::wrong);
        let templates = keep(&mut wrong, templates);
        // Put together only when nothing is wrong with any of them: each was named already.
        if let (Some(keys), Some(django), Some(()), Some(store)) = (keys, django, templates, store)
        {
            keep(
                &mut wrong,
                pages(&setup.configuration, keys, django, store).await,
            );
        }
    });
    if let Some(failure) = wrong.into_iter().reduce(Failure::and) {
        return Err(failure);
    }
    let mode = mode.unwrap_or(Mode::Delivery);
    tell(&setup.configuration, mode).map_err(Failure::failed)
}

/// Says what a start would do.
fn tell(configuration: &Configuration, mode: Mode) -> io::Result<()> {
    let destinations = receivers::destinations(configuration);
    let messages = match mode {
        Mode::Development => {
            "printed and shown to anyone who has the link that is printed at the start (development mode)"
                .to_owned()
        }
        Mode::Delivery => match receivers::senders(&destinations) {
            Some(senders) => format!("sent by {senders}"),
            None => "not sent".to_owned(),
        },
    };
    console::print(format_args!(
        "the site can start; its messages are {messages}"
    ))?;
    for destination in destinations {
        if mode == Mode::Delivery || !destination.is_nobody() {
            console::print(destination)?;
        }
    }
    if let Some(note) = mode::note(configuration, mode, configuration.server.addr) {
        console::print(format_args!("note: {note}"))?;
    }
    Ok(())
}

/// The value, or none and the failure noted.
fn keep<T>(wrong: &mut Vec<Failure>, result: Result<T, Failure>) -> Option<T> {
    result.map_err(|failure| wrong.push(failure)).ok()
}

/// The store. None when there is no database yet: the site makes it when it starts.
async fn store(configuration: &Configuration) -> Result<Option<OpenStore>, Failure> {
    if !configuration.database.name.may_exist() {
        return Ok(None);
    }
    database::open_as_it_is(configuration).await.map(Some)
}

/// Looks for what is accepted of Django's: its keys, and the table of its sessions.
async fn beside_django(
    configuration: &Configuration,
    store: Option<&OpenStore>,
) -> Result<Django, Failure> {
    let (settings, sources) = (&configuration.django, &configuration.sources);
    let django = django::read(settings, sources)?;
    let keys = django.session_keys.clone();
    match store {
        Some(store) => {
            django::sessions(settings, sources, keys, store.django_sessions()).await?;
        }
        None if keys.is_some() && !configuration.database.name.may_exist() => {
            return Err(django::no_sessions(sources));
        }
        None => {}
    }
    Ok(django)
}

/// Refuses a database that lacks a migration, or an index that one has made: each is named.
async fn has_newest_schema(store: &OpenStore) -> Result<(), Failure> {
    let mut lacking = store.pending_migrations().await?;
    lacking.retain(|name| *name != LOST_INDEXES);
    let lost = store.lost_indexes().await?;
    let lost: Vec<_> = lost
        .iter()
        .map(|name| format!("the index {name}"))
        .collect();
    lacking.extend(lost.iter().map(String::as_str));
    if lacking.is_empty() {
        return Ok(());
    }
    Err(database::lacks(store, &lacking))
}

/// How many anomalies are listed.
const MOST_ANOMALIES: usize = 100;

/// Looks for users whom another program stored as they cannot be served.
async fn no_anomalies(store: &OpenStore) -> Result<(), Failure> {
    let anomalies = store.anomalies().await.map_err(Failure::failed)?;
    if anomalies.is_empty() {
        return Ok(());
    }
    let listed = anomalies.iter().take(MOST_ANOMALIES).map(sentence);
    let left_out = anomalies.len().saturating_sub(MOST_ANOMALIES);
    let rest = (left_out > 0).then(|| format!("and {left_out} more like these"));
    Err(Failure::because_of_all(listed.chain(rest)))
}

/// What is odd, and what to do about it.
fn sentence(anomaly: &Anomaly) -> String {
    let rows: Vec<_> = anomaly
        .rows
        .iter()
        .map(|(stored, user)| format!("{} (user {})", Visible(stored), user.get()))
        .collect();
    let rows = rows.join(", ");
    match anomaly.kind {
        AnomalyKind::SharedEmail if anomaly.rows.len() == 1 => format!(
            "{rows}: someone else has this address or number in another spelling; neither can log in or \
             reset a password by it until one of them has another"
        ),
        AnomalyKind::SharedEmail => format!(
            "{rows}: e-mail addresses that differ only by case; none of these users can log in or reset \
             a password by it until all but one have another"
        ),
        AnomalyKind::SharedUsername => format!(
            "{rows}: usernames that differ only by case; each must be typed exactly as it is stored"
        ),
        AnomalyKind::UsernameOfAnother => format!(
            "{rows}: a username that is the e-mail address or phone number of someone else; anyone who types \
             it is taken for the other, so give this user another username"
        ),
        AnomalyKind::ForeignEmail => format!(
            "{rows}: an e-mail address that is not written as this site writes them, such as ann@example.org \
             or ann@xn--bcher-kva.example; it works as it is stored, and messages go to it like that"
        ),
        AnomalyKind::ForeignPhone => format!(
            "{rows}: a phone number that is not in the form +14155552671; it works as it is stored, and \
             messages go to it like that"
        ),
        AnomalyKind::UnassignedPhone => format!(
            "{rows}: a phone number that no numbering plan has, or no longer; it works as exactly this number"
        ),
        AnomalyKind::Ownerless => format!(
            "{rows}: an address of a user who is not there; nobody can log in or reset a password by it, so \
             give it to a user or remove it"
        ),
        _ => format!("{rows}: something that cannot be read is stored"),
    }
}

/// Says whose hashes a clock can tell from others. The site works with them, so nothing is wrong.
async fn note_hashes(django: &DjangoSettings, store: &OpenStore) -> Result<(), Failure> {
    let kinds = store.password_kinds().await.map_err(Failure::failed)?;
    for note in legacy_hashes::notes(&kinds, django.hash_iterations) {
        console::print(format_args!("note: {note}")).map_err(Failure::failed)?;
    }
    Ok(())
}

/// How many users are read at once.
const PAGE: u32 = 1_000;

/// Names the users whose stored password no password can match. They get a link to another one as everybody does, so
/// nothing is wrong with the site.
async fn note_shut_out(settings: &DjangoSettings, store: &OpenStore) -> Result<(), Failure> {
    let hasher = Argon2Hasher::new().with_legacy_hashes(django::hashes(settings));
    let mut found: BTreeMap<String, (Vec<String>, usize)> = BTreeMap::new();
    let (store, mut after) = (store.store(), None);
    // In pages: no statement takes long, however many users there are.
    loop {
        let users = store
            .users_after(after, PAGE)
            .await
            .map_err(Failure::failed)?;
        after = users.last().map(|user| user.id);
        if after.is_none() {
            break;
        }
        for user in users {
            if user.password.is_usable() && !hasher.can_match(&user.password) {
                let (listed, left_out) = found.entry(kind_of_hash(&user.password)).or_default();
                if listed.len() < MOST_ANOMALIES {
                    let name = Visible(&user.username).to_string();
                    listed.push(format!("{name} (user {})", user.id.get()));
                } else {
                    *left_out += 1;
                }
            }
        }
    }
    for (kind, (listed, left_out)) in found {
        let more = if left_out > 0 {
            format!(", and {left_out} more")
        } else {
            String::new()
        };
        console::print(format_args!(
            "note: {}{more}: no password can match what is stored ({kind}); they can sign in once they have reset \
             their password, or after `phone-auth user set-password`",
            listed.join(", ")
        ))
        .map_err(Failure::failed)?;
    }
    Ok(())
}

/// What kind of hash is stored, as far as that gives nothing of it away.
fn kind_of_hash(stored: &EncodedPassword) -> String {
    let is_name = |text: &str| {
        text.len() <= 16
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut parts = stored.reveal().split('$');
    match (parts.next(), parts.next()) {
        (Some(algorithm), Some(_)) if is_name(algorithm) && !algorithm.is_empty() => {
            algorithm.to_owned()
        }
        _ => "a text of no known kind".to_owned(),
    }
}

/// Puts the pages together.
async fn pages(
    configuration: &Configuration,
    keys: Keys,
    django: Django,
    store: OpenStore,
) -> Result<(), Failure> {
    let mut keys = keys.into_all();
    let current = keys.next().map_or_else(SecretKey::generate, Ok);
    let keyring = Keyring::new(current.map_err(Failure::failed)?);
    let origin = site::links_begin_with(configuration)?;
    // Who receives what makes no difference here; it was looked at by itself.
    let signals = Signals::isolated();
    let _someone = (
        signals.connect(|_: &ResetPasswordEmail| {}),
        signals.connect(|_: &ResetPasswordPhone| {}),
        signals.connect(|_: &VerifyEmail| {}),
        signals.connect(|_: &VerifyPhone| {}),
    );
    let parts = Parts {
        signals: signals.clone(),
        origin,
        keyring: keys.fold(keyring, Keyring::with_fallback),
        django,
        store,
        worker: None,
    };
    site::assemble(configuration, parts).await.map(drop)
}
