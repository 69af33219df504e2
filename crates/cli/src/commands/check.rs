//! `phone-auth check`: whether the site could start, without starting it.
//!
//! It looks where a start looks ([`start`](crate::start)), at all of it even if something is wrong, so that one run names
//! all there is to mend; then at what is in the database.

use std::collections::BTreeMap;
use std::io;

use phone_auth::core::password::{Argon2Hasher, EncodedPassword};
use phone_auth::core::store::{Anomaly, AnomalyKind};
use phone_auth::sqlite::LOST_INDEXES;
use phone_auth::{Keyring, SecretKey, SiteOrigin};

use crate::commands::serve;
use crate::configuration::{Configuration, DjangoSettings};
use crate::database::django;
use crate::database::legacy_hashes;
use crate::database::{self, OpenStore};
use crate::exit::{Failure, Gathered};
use crate::site::receivers;
use crate::site::{self, Parts};
use crate::start::mode::{Mode, Process};
use crate::start::setup::Setup;
use crate::start::{self, Prepared, Seen};
use crate::terminal::console;
use crate::terminal::visible::Visible;

/// Looks at receivers, key, database and templates, and changes none of them.
///
/// # Errors
/// A sentence for each thing that would keep the site from starting or from sending its messages, for a
/// database that lacks a migration, and for users whom another program has stored in a way that keeps
/// them from being served in full.
pub(crate) fn run(mut setup: Setup) -> Result<(), Failure> {
    let mut wrong = Gathered::default();
    let origin = site::links_begin_with(&setup.configuration)?;
    let mut seen = Seen::new(&mut wrong, &mut setup, Process::Site, &origin);
    let configuration = &setup.configuration;
    // A pool of connections lives as long as the runtime that it was made in.
    let runtime = site::runtime()?;
    let told = runtime.block_on(async {
        let is_taken = wrong.keep(serve::can_listen(configuration.server.addr));
        let mut store = wrong.keep(store(configuration).await).flatten();
        let mut empty = None;
        if let Some(open) = &store
            && look(&mut wrong, configuration, &mut seen, open).await == Tables::None
        {
            empty = Some(open.place());
            store = None;
        }
        // Put together only when nothing is wrong with any of them: each was named already.
        let prepared = seen.whole().filter(|_| wrong.is_empty())?;
        let (mode, mut notes) = (prepared.mode, prepared.notes.clone());
        notes.extend(empty.map(|place| {
            let place = Visible(&place);
            format!("the database {place} is empty; `serve` or `migrate` makes the tables")
        }));
        if let Some(store) = store {
            wrong.keep(assemble(configuration, prepared, origin, store).await);
        }
        if is_taken == Some(true) {
            let addr = configuration.server.addr;
            notes.push(format!(
                "a program listens on {addr} already; if it is not this site, choose another address with addr"
            ));
        }
        Some((mode, notes))
    });
    match told {
        Some((mode, notes)) if wrong.is_empty() => {
            tell(configuration, mode, &notes).map_err(Failure::failed)
        }
        _ => Err(wrong.failure()),
    }
}

/// Whether a database has tables to look at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tables {
    /// None of ours: a start makes them.
    None,
    /// Some, or it could not be asked.
    Some,
}

/// Looks at a database: as a start does, and at what is in it.
async fn look(
    wrong: &mut Gathered,
    configuration: &Configuration,
    seen: &mut Seen,
    store: &OpenStore,
) -> Tables {
    store.warn_of_readers();
    let (keys, django) = (seen.keys.as_mut(), seen.django.as_ref());
    wrong.keep(start::before_migrations(configuration, keys, django, store).await);
    wrong.keep(has_rights(store).await);
    if wrong.keep(store.has_no_tables().await) == Some(true) {
        return Tables::None;
    }
    if wrong.keep(has_newest_schema(store).await).is_none() {
        return Tables::Some;
    }
    wrong.keep(start::suits(configuration, seen.keys.as_mut(), seen.mode, store).await);
    wrong.keep(no_anomalies(store).await);
    wrong.keep(note_hashes(&configuration.django, store).await);
    wrong.keep(note_shut_out(&configuration.django, store).await);
    Tables::Some
}

/// Refuses a database in which this program may not do what it will have to.
async fn has_rights(store: &OpenStore) -> Result<(), Failure> {
    let missing = store.missing_rights().await?;
    if missing.is_empty() {
        return Ok(());
    }
    let place = store.place();
    let told = missing.into_iter();
    Err(Failure::because_of_all(told.map(|it| {
        format!("the database {}: {it}", Visible(&place))
    })))
}

/// Says what a start would do.
fn tell(configuration: &Configuration, mode: Mode, notes: &[String]) -> io::Result<()> {
    let destinations = receivers::destinations(configuration);
    let messages = match mode {
        _ if !configuration.messages.outbox_worker => {
            "left to `phone-auth worker`, which needs the same database, key and senders (outbox_worker is false)"
                .to_owned()
        }
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
    for note in notes {
        console::print(format_args!("note: {note}"))?;
    }
    Ok(())
}

/// The store. None when there is no database yet: the site makes it when it starts.
async fn store(configuration: &Configuration) -> Result<Option<OpenStore>, Failure> {
    if !configuration.database.name.may_exist() {
        return Ok(None);
    }
    database::open_as_it_is(configuration).await.map(Some)
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
            "{rows}: email addresses that differ only by case; none of these users can log in or reset \
             a password by it until all but one have another"
        ),
        AnomalyKind::SharedUsername => format!(
            "{rows}: usernames that differ only by case; each must be typed exactly as it is stored"
        ),
        AnomalyKind::UsernameOfAnother => format!(
            "{rows}: a username that is the email address or phone number of someone else; anyone who types \
             it is taken for the other, so give this user another username"
        ),
        AnomalyKind::ForeignEmail => format!(
            "{rows}: an email address that is not written as this site writes them, such as ann@example.org \
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
        AnomalyKind::UnreadableTime => format!(
            "{rows}: a time that nobody can read in auth_user (date_joined or last_login); they joined in 1970, or never \
             signed in, as far as anyone can tell, until a time such as 2026-01-02 03:04:05 stands there"
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

/// Puts the site together, as a start does in the end.
async fn assemble(
    configuration: &Configuration,
    prepared: Prepared,
    origin: SiteOrigin,
    store: OpenStore,
) -> Result<(), Failure> {
    let mut keys = prepared.keys.into_all();
    let current = keys.next().map_or_else(SecretKey::generate, Ok);
    let keyring = Keyring::new(current.map_err(Failure::failed)?);
    let parts = Parts {
        signals: prepared.signals,
        accounts: prepared.accounts,
        origin,
        keyring: keys.fold(keyring, Keyring::with_fallback),
        django: prepared.django,
        store,
        worker: None,
    };
    site::assemble(configuration, parts).await.map(drop)
}
