//! What the store in memory keeps, and the questions asked of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use phone_auth_core::address::{
    AddressId, AddressKind, AddressRecord, EmailAddress, EmailSpellings, PhoneNumber,
    PhoneSpellings,
};
use phone_auth_core::challenge::{ChallengeId, NewChallenge, TypedNames};
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{MessageId, Purpose};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{KeptSession, NewSession, PasswordDigest, SessionDigest};
use phone_auth_core::store::{
    KeyRecord, PublicSite, Replacement, ScheduledClosing, StoreError, StoreErrorKind, UniqueName,
};
use phone_auth_core::user::{User, UserId};

use super::kept_message::Kept;

/// The addresses of one kind, by the number of their row.
pub(super) type Addresses = BTreeMap<AddressId, AddressRecord>;

/// A session, and the password that it is bound to.
pub(super) struct BoundSession {
    pub(super) session: NewSession,
    pub(super) bound_to: Option<PasswordDigest>,
    pub(super) proven_at: Option<DateTime<Utc>>,
    pub(super) seen_at: DateTime<Utc>,
}

/// When a link was last asked for, and its code.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) requested_at: DateTime<Utc>,
    pub(super) code_at: Option<DateTime<Utc>>,
}

/// All rows. Numbers of rows are never used twice, as `AUTOINCREMENT` and a sequence promise.
#[derive(Default)]
pub(super) struct State {
    pub(super) users: BTreeMap<UserId, User>,
    /// Whom an operator has made one of their own.
    pub(super) operators: HashSet<UserId>,
    pub(super) sessions: HashMap<SessionDigest, BoundSession>,
    pub(super) outbox: BTreeMap<MessageId, Kept>,
    pub(super) last_message: i64,
    /// When an address was last verified by a link.
    pub(super) verified: HashMap<(AddressKind, AddressId), DateTime<Utc>>,
    /// The addresses that were shown by someone who was signed in, or who set the password with it.
    pub(super) in_session: HashSet<(AddressKind, AddressId)>,
    pub(super) key_record: Option<KeyRecord>,
    /// The site that serves others.
    pub(super) public_site: Option<PublicSite>,
    /// When a link was last asked for, by purpose and by the row or the place for nobody.
    pub(super) requests: HashMap<(AddressKind, &'static str, i64), Request>,
    /// Each with when its right code came.
    pub(super) challenges: BTreeMap<ChallengeId, (NewChallenge, Option<DateTime<Utc>>)>,
    /// Accounts that are to be closed.
    pub(super) closings: BTreeMap<UserId, ScheduledClosing>,
    /// What was typed by those who sign up, by where their challenges are.
    pub(super) typed_names: BTreeMap<ChallengeId, TypedNames>,
    /// Addresses that are to take the place of others.
    pub(super) replacements: HashMap<(UserId, AddressKind), Replacement>,
    /// By how much the counters of limits are shifted in time.
    pub(super) limits_shifted: TimeDelta,
    emails: Addresses,
    phones: Addresses,
    /// Claims of both kinds; one that is verified has become an address.
    pub(super) claims: Addresses,
    pub(super) last_claim: i64,
    last_user: i64,
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

    /// The address or claim of this number.
    pub(super) fn address(&self, kind: AddressKind, id: AddressId) -> Option<&AddressRecord> {
        let found = if id.is_claim() {
            self.claims.get(&id)
        } else {
            self.addresses(kind).get(&id)
        };
        found.filter(|it| it.kind == kind)
    }

    /// A number for a new user.
    pub(super) fn next_user(&mut self) -> UserId {
        self.last_user += 1;
        UserId::new(self.last_user)
    }

    /// Stores an unverified address.
    pub(super) fn insert_address(
        &mut self,
        kind: AddressKind,
        user: UserId,
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
            user,
            is_verified: false,
        };
        self.addresses_mut(kind).insert(record.id, record.clone());
        record
    }

    /// Whether a user other than `except` has this username in any ASCII case, or it is an address.
    pub(super) fn is_username_taken(&self, username: &str, except: Option<UserId>) -> bool {
        let email = EmailSpellings::read(username);
        let phone = PhoneSpellings::named(username);
        self.others(except).any(|user| {
            is_username(&user.username, username)
                || email.as_ref().is_some_and(|email| email.has(&user.email))
        }) || email.is_some_and(|email| self.has_address(AddressKind::Email, |it| email.has(it)))
            || phone.is_some_and(|phone| self.has_address(AddressKind::Phone, |it| phone.has(it)))
    }

    /// Whether an account has this email address, or a user other than `except` has it in their own row, as the
    /// address or as the username.
    pub(super) fn is_email_taken(&self, email: &EmailAddress, except: Option<UserId>) -> bool {
        let email = EmailSpellings::from(email);
        let mut others = self.others(except);
        self.has_address(AddressKind::Email, |it| email.has(it))
            || others.any(|it| email.has(&it.email) || email.has(&it.username))
    }

    /// Whether an account has this phone number, or a user other than `except` has it as the username.
    pub(super) fn is_phone_taken(&self, phone: &PhoneNumber, except: Option<UserId>) -> bool {
        let phone = PhoneSpellings::from(phone);
        let mut others = self.others(except);
        self.has_address(AddressKind::Phone, |it| phone.has(it))
            || others.any(|it| phone.has_name(&it.username))
    }

    fn others(&self, except: Option<UserId>) -> impl Iterator<Item = &User> {
        let users = self.users.values();
        users.filter(move |user| Some(user.id) != except)
    }

    fn has_address(&self, kind: AddressKind, is_it: impl Fn(&str) -> bool) -> bool {
        let mut rows = self.addresses(kind).values();
        rows.any(|address| is_it(&address.value))
    }

    /// At most so many addresses of each kind that a user has.
    pub(super) fn addresses_of(
        &self,
        user: UserId,
        limit: u32,
    ) -> impl Iterator<Item = &AddressRecord> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        [AddressKind::Email, AddressKind::Phone]
            .into_iter()
            .flat_map(move |kind| {
                let of_kind = self.addresses(kind).values();
                of_kind.filter(move |it| it.user == user).take(limit)
            })
    }

    /// Keeps a request for a link; the time under which that is known.
    pub(super) fn request_link(&mut self, request: &LinkRequest) -> DateTime<Utc> {
        let exists = |id| self.address(request.kind, id).is_some();
        let holder = match request.address.filter(|id| exists(*id)) {
            Some(id) => id.get(),
            None => request.slot(),
        };
        let row = (request.kind, request.purpose.as_str(), holder);
        let at = to_micros(request.at);
        let repeats = request.repeats_from()..=request.repeats_until();
        let before = self.requests.get(&row).copied();
        let is_repeat = before.is_some_and(|before| {
            repeats.contains(&before.requested_at) && !self.is_used(request, before.requested_at)
        });
        let requested_at = match before {
            Some(before) if is_repeat => before.requested_at,
            Some(before) => at.max(before.requested_at + TimeDelta::microseconds(1)),
            None => at,
        };
        let code_at = before.and_then(|before| before.code_at);
        let is_same_code = match (request.code_repeats_from(), code_at) {
            (None, _) => is_repeat,
            (Some(from), Some(code_at)) => {
                is_repeat && (from..=request.repeats_until()).contains(&code_at)
            }
            (Some(_), None) => false,
        };
        let code_at = match request.code_half_life {
            _ if is_same_code => code_at,
            asked => asked.map(|_| at),
        };
        let newest = Request {
            requested_at,
            code_at,
        };
        self.requests.insert(row, newest);
        requested_at
    }

    /// Whether a link that was asked for then has verified its address, to the second, as its token tells the time.
    fn is_used(&self, request: &LinkRequest, requested_at: DateTime<Utc>) -> bool {
        let row = request.address.map(|id| (request.kind, id));
        let verified_at = row.and_then(|row| self.verified.get(&row));
        request.purpose == Purpose::Verify
            && verified_at.is_some_and(|at| *at >= requested_at.trunc_subsecs(0))
    }

    /// The newest request for a link to this address.
    pub(super) fn newest_request(
        &self,
        purpose: Purpose,
        kind: AddressKind,
        id: AddressId,
    ) -> Option<DateTime<Utc>> {
        let row = (kind, purpose.as_str(), id.get());
        self.requests.get(&row).map(|request| request.requested_at)
    }

    /// Since when the code of the newest link to this address counts its age.
    pub(super) fn code_at(
        &self,
        purpose: Purpose,
        kind: AddressKind,
        id: AddressId,
    ) -> Option<DateTime<Utc>> {
        let row = (kind, purpose.as_str(), id.get());
        self.requests.get(&row)?.code_at
    }

    /// Keeps when an address was proven, and whether its user was signed in.
    pub(super) fn keep_proof(
        &mut self,
        row: (AddressKind, AddressId),
        at: DateTime<Utc>,
        in_session: bool,
    ) {
        self.verified.insert(row, at);
        if in_session {
            self.in_session.insert(row);
        } else {
            self.in_session.remove(&row);
        }
    }

    /// Forgets what is known of the proof of an address that is gone.
    pub(super) fn forget_proof(&mut self, row: (AddressKind, AddressId)) {
        self.verified.remove(&row);
        self.in_session.remove(&row);
    }

    /// The verified addresses of a kind that a user has.
    pub(super) fn has_verified(&self, kind: AddressKind, user: UserId) -> bool {
        self.addresses(kind)
            .values()
            .any(|address| address.user == user && address.is_verified)
    }

    /// Ends the sessions of a user.
    pub(super) fn end_sessions_of(&mut self, user: UserId) {
        self.sessions.retain(|_, it| it.session.user != user);
    }

    /// Ends the sessions of a user who has a new password, but the one that is kept under its new name.
    pub(super) fn end_sessions_but(
        &mut self,
        user: UserId,
        keeps: Option<KeptSession>,
        password: &EncodedPassword,
    ) {
        let kept = keeps.and_then(|kept| Some((kept, self.sessions.remove(&kept.digest)?)));
        self.end_sessions_of(user);
        if let Some((kept, mut it)) = kept {
            it.session.digest = kept.becomes;
            it.bound_to = Some(PasswordDigest::of(password));
            self.sessions.insert(kept.becomes, it);
        }
    }
}

/// Fails because someone has this name.
pub(super) fn taken<T>(name: UniqueName) -> Result<T, StoreError> {
    Err(StoreError::new(StoreErrorKind::Taken(name)))
}

/// Gives a user the names that were typed, if any were.
pub(super) fn take_names(user: &mut User, names: Option<&TypedNames>) {
    if let Some(names) = names {
        user.first_name.clone_from(&names.first_name);
        user.last_name.clone_from(&names.last_name);
    }
}

/// A time as a database keeps it: whole microseconds.
pub(super) fn to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

/// Whether a stored username is one that is wanted, white space at its ends and ASCII case apart.
fn is_username(stored: &str, wanted: &str) -> bool {
    let trimmed = stored.trim_matches([' ', '\t', '\r', '\n']);
    [stored, trimmed]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(wanted))
}
