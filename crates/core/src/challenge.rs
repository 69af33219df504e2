//! Challenges: what waits for a proof, such as a code that was sent, and who may give it.
//!
//! A code is taken from a browser that asked for one and from no other (ASVS 5.0, 6.6.2): it holds a [`ChallengeKey`], the store
//! only its [`ChallengeId`]. Browsers that ask within half of a code's life with one purpose at one address wait for the same
//! code, each with a challenge of its own; those of a user who verifies an address share one. The code itself is in no row.
//! It is derived when it is sent and when it is checked, from what its link is bound to and from when it was asked for.

use std::fmt;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::{DateTime, Utc};
use phone_auth_events::Channel;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::address::{AddressId, AddressKind};
use crate::outbox::Purpose;

pub use crate::typed_names::TypedNames;

/// For how long a challenge is remembered after its code is over: so that the wait before the next message goes on growing.
/// The longest wait and the shortest life of a code are within it.
pub const REMEMBERED: Duration = Duration::from_mins(40);

/// The secret of the one who asked for a code: 32 bytes as 43 characters of base64url. Most of them are random; the others show
/// what it was made for, to the site alone.
#[derive(Clone)]
pub struct ChallengeKey(Zeroizing<String>);

impl ChallengeKey {
    /// How many bytes a key is made of.
    pub const BYTES: usize = 32;

    /// How many of them are random.
    pub(crate) const RANDOM: usize = 20;

    /// A key of these random bytes, which shows by the rest that it was made for what this is a digest of.
    pub(crate) fn made_for(
        random: &[u8; Self::RANDOM],
        digest: impl FnOnce(&[u8; Self::RANDOM]) -> [u8; Self::BYTES],
    ) -> Self {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        let shows = Zeroizing::new(digest(random));
        let all = random.iter().chain(shows.iter());
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = *from;
        }
        Self::from_bytes(&bytes)
    }

    /// Whether it was [made for](Self::made_for) what this is a digest of.
    pub(crate) fn was_made_for(
        &self,
        digest: impl FnOnce(&[u8; Self::RANDOM]) -> [u8; Self::BYTES],
    ) -> bool {
        let mut bytes = Zeroizing::new([0_u8; Self::BYTES]);
        let is_read = Base64UrlUnpadded::decode(self.0.as_bytes(), bytes.as_mut()).is_ok();
        let random = bytes.first_chunk().filter(|_| is_read);
        random.is_some_and(|random| {
            let made = Self::made_for(random, digest);
            made.0.as_bytes().ct_eq(self.0.as_bytes()).into()
        })
    }

    /// A key of these bytes.
    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(Base64UrlUnpadded::encode_string(bytes)))
    }

    /// Reads a key from a cookie or a request; `None` for a text that is no key.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::challenge::ChallengeKey;
    ///
    /// let text = "q0tmUhrN9xkYI3AlW5m1v2cQ7dSgZ4bE6fHjK8oPRsU";
    /// assert_eq!(ChallengeKey::parse(text).ok_or("no key")?.reveal(), text);
    /// assert!(ChallengeKey::parse("q0tm").is_none());
    /// # Ok::<(), &str>(())
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0_u8; Self::BYTES]);
        let decoded = Base64UrlUnpadded::decode(text, bytes.as_mut()).ok()?;
        (decoded.len() == Self::BYTES).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text for the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store knows of this key.
    pub fn id(&self) -> ChallengeId {
        ChallengeId(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for ChallengeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeKey(…)")
    }
}

/// The SHA-256 of a [`ChallengeKey`]: names a challenge, answers none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChallengeId([u8; 32]);

impl ChallengeId {
    /// In how many groups of places challenges of nobody are kept.
    const GROUPS: u32 = 1 << 13;

    /// How many places a group has.
    pub const PLACES_OF_GROUP: u8 = 32;

    /// In how many places challenges of nobody are kept, which are overwritten: strangers fill the store no further.
    pub const PLACES: u32 = Self::GROUPS * Self::PLACES_OF_GROUP as u32;

    /// An id read back from a store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes for a store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first of the places that the challenge may have if nobody is meant: those of a group, which is the same for many keys.
    /// They are no digest of any, and differ in the last byte, so that a group is a range. Whose challenge stands at one says
    /// its [`key_digest`](NewChallenge::key_digest).
    #[must_use]
    pub const fn group_of_nobody(&self) -> Self {
        let [first, second, ..] = self.0;
        let mut place = [0; 32];
        [place[0], place[1]] = [first, second & 0b1111_1000];
        Self(place)
    }

    /// The last place of the group of which this is the first.
    #[must_use]
    pub const fn end_of_group(&self) -> Self {
        self.in_group(Self::PLACES_OF_GROUP - 1)
    }

    /// The place with this number in the group of which this is the first.
    const fn in_group(&self, number: u8) -> Self {
        let mut place = self.0;
        place[31] = number;
        Self(place)
    }
}

impl fmt::Debug for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeId(…)")
    }
}

/// What a code was asked for: a keyed digest of the name that was typed, or of the address, and by which channels. So that the
/// one who asks for it again is known, also for a name that nobody has, and who asks for another channel.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChallengeSubject([u8; 8]);

impl ChallengeSubject {
    /// A subject read back from a store.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes for a store.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// The subject of this digest, asked for by one channel.
    pub(crate) const fn new(digest: [u8; 8], channel: Channel) -> Self {
        let mut bytes = digest;
        bytes[7] = last(channel) | used(channel);
        Self(bytes)
    }

    /// Whether the same was asked for, by whichever channels.
    pub(crate) fn is_about(self, other: Self) -> bool {
        self.digest() == other.digest()
    }

    /// What was asked for, by whichever channels.
    pub(crate) fn digest(self) -> u64 {
        u64::from_be_bytes(self.0) >> 8
    }

    /// Whether this channel was the last that it was asked for by.
    pub(crate) const fn was_last(self, channel: Channel) -> bool {
        self.channels() & LAST == last(channel)
    }

    /// Whether it was asked for by this channel.
    pub(crate) const fn has_used(self, channel: Channel) -> bool {
        self.channels() & used(channel) != 0
    }

    /// The same, asked for by the channels of both, and by that of the other at last.
    #[must_use]
    pub(crate) const fn then(self, other: Self) -> Self {
        let mut bytes = other.0;
        bytes[7] |= self.channels() & !LAST;
        Self(bytes)
    }

    const fn channels(self) -> u8 {
        let [.., channels] = self.0;
        channels
    }
}

/// Where the last byte of a subject says by which channel it was asked for at last; the other bits say by which ones it was.
const LAST: u8 = 0b1111_0000;

/// What says that this channel was the last. A channel that this version does not know shares the place of those to come.
const fn last(channel: Channel) -> u8 {
    place(channel) << 4
}

/// What says that a channel was asked for.
const fn used(channel: Channel) -> u8 {
    1 << place(channel)
}

const fn place(channel: Channel) -> u8 {
    match channel {
        Channel::Email => 0,
        Channel::Sms => 1,
        Channel::Voice => 2,
        _ => 3,
    }
}

impl fmt::Debug for ChallengeSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeSubject(…)")
    }
}

/// A challenge that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct NewChallenge {
    /// The id of its key.
    pub id: ChallengeId,
    /// The challenge that the same browser had before for what was asked for now, which ends if it is of the same purpose.
    pub previous: Option<ChallengeId>,
    /// What its code is for.
    pub purpose: Purpose,
    /// What was asked for.
    pub subject: ChallengeSubject,
    /// The email address that a code was sent to.
    pub email: Option<AddressId>,
    /// The phone number that a code was sent to. A challenge with neither is nobody's.
    pub phone: Option<AddressId>,
    /// How many attempts it has.
    pub attempts: u32,
    /// When it begins.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
    /// How many messages were sent for it.
    pub sends: u32,
    /// When the next one may be.
    pub resend_at: DateTime<Utc>,
}

/// What stands at a place of a group in which challenges of nobody are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct TakenPlace {
    /// The place.
    pub place: ChallengeId,
    /// Whose it is: the id of a key.
    pub key_digest: Option<ChallengeId>,
    /// When the challenge began.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

impl NewChallenge {
    /// Whether nobody is meant: no code answers it.
    pub const fn is_nobodys(&self) -> bool {
        self.email.is_none() && self.phone.is_none()
    }

    /// Where a store keeps it, of which these places are taken in its [group](ChallengeId::group_of_nobody): someone's under its
    /// id; nobody's at a place that is free, else at that of one which is over, else at that of the oldest.
    ///
    /// Of the free ones it is the first from a number on that its key says, so that those which begin at the same moment seldom
    /// choose the same. The oldest is the one that began first: one that was asked for again is none the younger, or anyone
    /// who has filled a group once could keep it full.
    pub fn place(&self, taken: &[TakenPlace]) -> ChallengeId {
        if !self.is_nobodys() {
            return self.id;
        }
        let [.., start] = self.id.0;
        let (group, now) = (self.id.group_of_nobody(), self.created_at);
        let places = (0..ChallengeId::PLACES_OF_GROUP).map(|step| {
            let number = start.wrapping_add(step) % ChallengeId::PLACES_OF_GROUP;
            group.in_group(number)
        });
        let rank = |place: &ChallengeId| match taken.iter().find(|it| it.place == *place) {
            Some(it) if it.key_digest == Some(self.id) => (0, None),
            None => (1, None),
            Some(it) => (2 + u8::from(it.expires_at > now), Some(it.created_at)),
        };
        places.min_by_key(rank).unwrap_or(group)
    }

    /// The id of its key where it is kept at a place instead. One of many keys finds it there, as one of many finds
    /// someone's: who could find it by another would tell nobody's from someone's.
    pub fn key_digest(&self) -> Option<ChallengeId> {
        self.is_nobodys().then_some(self.id)
    }
}

/// A challenge as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct KeptChallenge {
    /// The email address that a code was sent to.
    pub email: Option<AddressId>,
    /// The phone number that a code was sent to.
    pub phone: Option<AddressId>,
    /// What was asked for; none where a server of an older version began it.
    pub subject: Option<ChallengeSubject>,
    /// How many attempts are left.
    pub attempts_left: u32,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
    /// How many messages were sent for it.
    pub sends: u32,
    /// When the next one may be; none where a server of an older version began it.
    pub resend_at: Option<DateTime<Utc>>,
    /// When it was ended by the right code, if it was.
    pub proven_at: Option<DateTime<Utc>>,
}

/// A challenge for which another message is sent, or was not sent after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct Renewal {
    /// The id of its key.
    pub id: ChallengeId,
    /// How many messages were sent for it so far: of many at once one sends the next.
    pub sends: u32,
    /// How many there are then: one more, or one less where the last was not sent after all.
    pub sends_then: u32,
    /// What was asked for, with the channels by now.
    pub subject: ChallengeSubject,
    /// When the one after that may be sent.
    pub resend_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
    /// How many attempts it has from now on if its code is over at this time; else it keeps those that are left.
    pub attempts: u32,
    /// When that is.
    pub now: DateTime<Utc>,
}

/// A challenge that an attempt was just taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct Challenge {
    /// The email address that a code was sent to.
    pub email: Option<AddressId>,
    /// The phone number that a code was sent to.
    pub phone: Option<AddressId>,
    /// What was asked for; none where a server of an older version began it.
    pub subject: Option<ChallengeSubject>,
    /// How many attempts are left after this one.
    pub attempts_left: u32,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

impl Challenge {
    /// The addresses that a code was sent to.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (AddressKind, AddressId)> + use<> {
        addresses(self.email, self.phone)
    }
}

impl KeptChallenge {
    /// The addresses that a code was sent to.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (AddressKind, AddressId)> + use<> {
        addresses(self.email, self.phone)
    }
}

fn addresses(
    email: Option<AddressId>,
    phone: Option<AddressId>,
) -> impl Iterator<Item = (AddressKind, AddressId)> {
    let email = email.map(|id| (AddressKind::Email, id));
    let phone = phone.map(|id| (AddressKind::Phone, id));
    email.into_iter().chain(phone)
}
