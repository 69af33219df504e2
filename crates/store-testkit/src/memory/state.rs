//! What the store in memory keeps, and the questions asked of it.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, SubsecRound, Utc};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::outbox::{MessageId, OutboxMessage};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::person::{Person, PersonId};
use phone_auth_core::session::{KeptSession, NewSession, PasswordDigest, SessionDigest};
use phone_auth_core::store::{KeyRecord, StoreError, StoreErrorKind, UniqueName};

/// The addresses of one kind, by the number of their row.
pub(super) type Addresses = BTreeMap<AddressId, AddressRecord>;

/// A session, and the password that it is bound to.
pub(super) struct Session {
    pub(super) session: NewSession,
    pub(super) bound_to: Option<PasswordDigest>,
}

/// All rows. Numbers of rows are never used twice, as `AUTOINCREMENT` and a sequence promise.
#[derive(Default)]
pub(super) struct State {
    pub(super) people: BTreeMap<PersonId, Person>,
    pub(super) sessions: HashMap<SessionDigest, Session>,
    pub(super) outbox: BTreeMap<MessageId, OutboxMessage>,
    pub(super) last_message: i64,
    /// When an address was last verified by a link.
    pub(super) verified: HashMap<(AddressKind, AddressId), DateTime<Utc>>,
    pub(super) key_record: Option<KeyRecord>,
    emails: Addresses,
    phones: Addresses,
    last_person: i64,
    last_email: i64,
    last_phone: i64,
}

impl State {
    /// The addresses of a kind.
    pub(super) fn addresses(&self, kind: AddressKind) -> &Addresses {
        match kind {
            AddressKind::Email => &self.emails,
            AddressKind::Phone => &self.phones,
        }
    }

    /// The addresses of a kind, to be changed.
    pub(super) fn addresses_mut(&mut self, kind: AddressKind) -> &mut Addresses {
        match kind {
            AddressKind::Email => &mut self.emails,
            AddressKind::Phone => &mut self.phones,
        }
    }

    /// A number for a new person.
    pub(super) fn next_person(&mut self) -> PersonId {
        self.last_person += 1;
        PersonId::new(self.last_person)
    }

    /// Stores an unverified address.
    pub(super) fn insert_address(
        &mut self,
        kind: AddressKind,
        person: PersonId,
        value: &str,
    ) -> AddressRecord {
        let last = match kind {
            AddressKind::Email => &mut self.last_email,
            AddressKind::Phone => &mut self.last_phone,
        };
        *last += 1;
        let record = AddressRecord {
            id: AddressId::new(*last),
            kind,
            value: value.to_owned(),
            person,
            is_verified: false,
        };
        self.addresses_mut(kind).insert(record.id, record.clone());
        record
    }

    /// Whether somebody has this username in any ASCII case.
    pub(super) fn has_username(&self, username: &str) -> bool {
        self.people
            .values()
            .any(|person| person.username.eq_ignore_ascii_case(username))
    }

    /// Whether an address row has this text in any ASCII case.
    pub(super) fn has_address(&self, kind: AddressKind, value: &str) -> bool {
        self.addresses(kind)
            .values()
            .any(|address| address.value.eq_ignore_ascii_case(value))
    }

    /// Whether the own row of a person other than `except` has this e-mail address in any ASCII case,
    /// as its address or as its username.
    pub(super) fn has_own_email(&self, email: &str, except: Option<PersonId>) -> bool {
        self.people
            .values()
            .filter(|person| Some(person.id) != except)
            .any(|person| {
                person.email.eq_ignore_ascii_case(email)
                    || person.username.eq_ignore_ascii_case(email)
            })
    }

    /// The verified addresses of a kind that a person has.
    pub(super) fn has_verified(&self, kind: AddressKind, person: PersonId) -> bool {
        self.addresses(kind)
            .values()
            .any(|address| address.person == person && address.is_verified)
    }

    /// Ends the sessions of a person.
    pub(super) fn end_sessions_of(&mut self, person: PersonId) {
        self.sessions.retain(|_, it| it.session.person != person);
    }

    /// Ends the sessions of a person who has a new password, but the one that is kept under its new name.
    pub(super) fn end_sessions_but(
        &mut self,
        person: PersonId,
        keeps: Option<KeptSession>,
        password: &EncodedPassword,
    ) {
        let kept = keeps.and_then(|kept| Some((kept, self.sessions.remove(&kept.digest)?)));
        self.end_sessions_of(person);
        if let Some((kept, mut it)) = kept {
            it.session.digest = kept.becomes;
            it.bound_to = Some(PasswordDigest::of(password));
            self.sessions.insert(kept.becomes, it);
        }
    }
}

/// Fails because somebody has this name.
pub(super) fn taken<T>(name: UniqueName) -> Result<T, StoreError> {
    Err(StoreError::new(StoreErrorKind::Taken(name)))
}

/// A time as a database keeps it: whole microseconds.
pub(super) fn to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}
