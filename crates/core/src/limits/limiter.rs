//! Which counters there are, under which keys, and what this process remembers of those that are full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_events::Channel;
use phone_auth_tokens::{Keyring, Subkey};
use zeroize::Zeroizing;

use super::{Hit, Limit, LimitKey, LimitRule, LimitSettings, LimitSubject, Rate};
use crate::challenge::{ChallengeId, ChallengeKey, ChallengeSubject};
use crate::client::ClientNetwork;
use crate::store::LimitStore;

/// How many rows of failures a user's sessions share: they are kept for 30 days, and sessions can be begun without end.
pub(crate) const PLACES_OF_SESSIONS: u8 = 64;

/// What the key of all digests is derived for.
const LABEL: &str = "limits";

/// For how long a refusal is remembered at most: an operator may clear a counter meanwhile, or another node give a hit
/// back.
const REMEMBERED: TimeDelta = TimeDelta::seconds(5);

/// How often a receiver is told of one counter at most.
const TOLD_EVERY: TimeDelta = TimeDelta::minutes(1);

/// How many counters are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// How often what is over is dropped at most, where too much is remembered.
const SWEPT_EVERY: TimeDelta = TimeDelta::seconds(1);

/// How much more a wide network may do than a single client.
const WIDE: u32 = 10;

/// Where counters are kept, and what makes their keys.
pub(crate) struct Limiter {
    pub(crate) store: Arc<dyn LimitStore>,
    key: Subkey,
    recent: Mutex<Recent>,
}

/// What this process remembers, so that a flood costs the store nothing and receivers little.
#[derive(Default)]
struct Recent {
    /// Since when and until when a counter is full.
    full: Remembered<(DateTime<Utc>, DateTime<Utc>)>,
    /// When a receiver was last told of a counter.
    told: Remembered<DateTime<Utc>>,
}

/// What is remembered of counters, of so many at most.
struct Remembered<V> {
    of: HashMap<LimitKey, V>,
    /// When what is over was last dropped.
    swept_at: Option<DateTime<Utc>>,
}

impl<V> Default for Remembered<V> {
    fn default() -> Self {
        Self {
            of: HashMap::new(),
            swept_at: None,
        }
    }
}

impl<V> Remembered<V> {
    /// Whether there is room for this key. Drops what is over when there is too much, once a second at most, so that each
    /// further counter of a flood does not look through all. What is remembered stays, or anyone who fills many
    /// counters would have the others forgotten.
    fn has_room(
        &mut self,
        key: LimitKey,
        now: DateTime<Utc>,
        is_wanted: impl Fn(&V) -> bool,
    ) -> bool {
        let is_due = |at: DateTime<Utc>| now < at || now >= at + SWEPT_EVERY;
        if self.of.len() >= MOST_REMEMBERED && self.swept_at.is_none_or(is_due) {
            self.swept_at = Some(now);
            self.of.retain(|_, value| is_wanted(value));
        }
        self.of.len() < MOST_REMEMBERED || self.of.contains_key(&key)
    }
}

impl Limiter {
    pub(crate) fn new(store: Arc<dyn LimitStore>, keyring: &Keyring) -> Self {
        Self {
            store,
            key: keyring.derive(LABEL),
            recent: Mutex::default(),
        }
    }

    /// What counters of a limit are about. The name of the limit is a part of it: no two limits share a counter.
    pub(crate) fn subject(&self, limit: Limit, about: &[&[u8]]) -> LimitSubject {
        let fields = [&[limit.as_str().as_bytes(), b"about"], about].concat();
        LimitSubject::from_bytes(first_half(&self.key.sign(&fields)))
    }

    /// One of four million places for a name that nobody has: names can be made up without end, counters of
    /// them are kept for long, and they must not fill the store.
    pub(crate) fn place_of_nobody(&self, name: &str) -> [u8; 3] {
        Self::place_of(&self.key.sign(&[b"nobody", name.as_bytes()]))
    }

    /// The place that a keyed digest names.
    pub(crate) fn place_of(digest: &[u8]) -> [u8; 3] {
        let [first, second, third] = digest.first_chunk().copied().unwrap_or_default();
        [first & 0b11_1111, second, third]
    }

    /// The place of a session, by what is its own, among the [places](PLACES_OF_SESSIONS) of all.
    pub(crate) fn place_of_session(&self, own: &[u8]) -> u8 {
        let [first, ..] = self.key.sign(&[b"session", own]);
        first % PLACES_OF_SESSIONS
    }

    /// The key of what is counted of text messages. It is never one of a limit.
    pub(crate) fn text_key(&self, about: &[&[u8]], detail: &[&[u8]]) -> LimitKey {
        let of = |part: &'static [u8], fields: &[&[u8]]| {
            first_half(
                &self
                    .key
                    .sign(&[&[b"texts".as_slice(), part], fields].concat()),
            )
        };
        let detail = if detail.is_empty() {
            [0; 8]
        } else {
            of(b"detail", detail)
        };
        LimitKey::new(LimitSubject::from_bytes(of(b"about", about)), detail)
    }

    /// What tells a sign-up form from others. It is never a subject of a limit.
    pub(crate) fn form_digest(&self, form: &[&[u8]]) -> [u8; 16] {
        let fields = [&[b"sign_up".as_slice()], form].concat();
        let mut half = [0; 16];
        for (to, from) in half.iter_mut().zip(self.key.sign(&fields)) {
            *to = from;
        }
        half
    }

    /// What a gate was asked. It is never the id of a challenge.
    pub(crate) fn question(&self, about: &[&[u8]]) -> ChallengeId {
        let fields = [&[b"question".as_slice()], about].concat();
        ChallengeId::from_bytes(self.key.sign(&fields))
    }

    /// What a challenge is about, as it is stored, asked for by this channel. It is never a subject of a limit.
    pub(crate) fn challenge_subject(&self, about: &[&[u8]], channel: Channel) -> ChallengeSubject {
        let fields = [&[b"challenge".as_slice()], about].concat();
        ChallengeSubject::new(first_half(&self.key.sign(&fields)), channel)
    }

    /// The key of a challenge that is about these, and never about anything else.
    pub(crate) fn challenge_key(&self, about: &[&[u8]]) -> ChallengeKey {
        let fields = [&[b"challenge key".as_slice()], about].concat();
        ChallengeKey::from_bytes(&Zeroizing::new(self.key.sign(&fields)))
    }

    /// What a key shows that was made for these.
    pub(crate) fn shown_by_key(&self, about: &[&[u8]]) -> [u8; 32] {
        self.key
            .sign(&[&[b"shown by key".as_slice()], about].concat())
    }

    fn detail(&self, limit: Limit, detail: &[&[u8]]) -> [u8; 8] {
        if detail.is_empty() {
            return [0; 8];
        }
        let fields = [&[limit.as_str().as_bytes(), b"detail"], detail].concat();
        first_half(&self.key.sign(&fields))
    }

    /// The counter among these that is full as far as this process knows, and for how long. A clock that was set back
    /// makes it forget.
    pub(crate) fn recall(&self, hits: &[Hit], now: DateTime<Utc>) -> Option<(usize, Duration)> {
        let recent = self.lock();
        let waits = hits.iter().enumerate().filter_map(|(place, hit)| {
            let (since, until) = recent.full.of.get(&hit.key)?;
            let is_known = *since <= now && now < *since + REMEMBERED;
            let wait = (*until - now).to_std().ok().filter(|_| is_known)?;
            (!wait.is_zero()).then_some((place, wait))
        });
        waits.max_by_key(|(_, wait)| *wait)
    }

    /// Remembers that a counter is full.
    pub(crate) fn remember(&self, key: LimitKey, now: DateTime<Utc>, wait: Duration) {
        let recent = &mut *self.lock();
        let is_wanted = |(since, until): &(DateTime<Utc>, _)| {
            *until > now && *since <= now && *since + REMEMBERED > now
        };
        if recent.full.has_room(key, now, is_wanted) {
            recent.full.of.insert(key, (now, now + wait));
        }
    }

    /// Forgets that counters were full.
    pub(crate) fn forget(&self, hits: &[Hit]) {
        let recent = &mut *self.lock();
        for hit in hits {
            recent.full.of.remove(&hit.key);
        }
    }

    /// Whether receivers are to be told of this counter now. Of more than can be remembered nobody is told.
    pub(crate) fn is_news(&self, key: LimitKey, now: DateTime<Utc>) -> bool {
        let recent = &mut *self.lock();
        let is_recent = |told: &DateTime<Utc>| *told <= now && now < *told + TOLD_EVERY;
        if recent.told.of.get(&key).is_some_and(is_recent) {
            return false;
        }
        let has_room = recent.told.has_room(key, now, is_recent);
        if has_room {
            recent.told.of.insert(key, now);
        }
        has_room
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rule that lets so many times as much through.
fn times(rule: LimitRule, factor: u32) -> LimitRule {
    match rule {
        LimitRule::Rate(rate) => LimitRule::Rate(rate.times(factor)),
        LimitRule::InARow(_) | LimitRule::Row { .. } => rule,
    }
}

fn first_half(digest: &[u8; 32]) -> [u8; 8] {
    digest.first_chunk().copied().unwrap_or_default()
}

/// The counters that one attempt hits.
#[derive(Clone)]
pub(crate) struct Counters<'a> {
    limiter: &'a Limiter,
    settings: &'a LimitSettings,
    hits: Vec<Hit>,
}

impl<'a> Counters<'a> {
    pub(crate) fn new(limiter: &'a Limiter, settings: &'a LimitSettings) -> Self {
        Self {
            limiter,
            settings,
            hits: Vec::new(),
        }
    }

    /// The counter of this limit about someone or something, if it is limited.
    pub(crate) fn about(self, limit: Limit, about: &[&[u8]], detail: &[&[u8]]) -> Self {
        let rule = self.settings.rule(limit);
        self.with(limit, rule, about, detail)
    }

    /// The same, of which everyone has one of so many shares, and once at least.
    pub(crate) fn share_about(
        self,
        shares: u32,
        limit: Limit,
        about: &[&[u8]],
        detail: &[&[u8]],
    ) -> Self {
        let share = |rule| match rule {
            LimitRule::Rate(rate) => LimitRule::Rate(rate.share(shares)),
            LimitRule::InARow(_) | LimitRule::Row { .. } => rule,
        };
        self.by_rule(share, limit, about, detail)
    }

    /// A counter of this limit that never is full, if it is limited: where there is nothing to count it costs the same.
    pub(crate) fn never_full(self, limit: Limit, about: &[&[u8]]) -> Self {
        const NEVER: LimitRule = LimitRule::Rate(Rate::of(u32::MAX, Duration::from_secs(1)));
        let rule = self.settings.rule(limit).map(|_| NEVER);
        self.with(limit, rule, about, &[])
    }

    /// The counter of this limit by another rule, if it is limited.
    pub(crate) fn by_rule(
        self,
        rule: impl FnOnce(LimitRule) -> LimitRule,
        limit: Limit,
        about: &[&[u8]],
        detail: &[&[u8]],
    ) -> Self {
        let rule = self.settings.rule(limit).map(rule);
        self.with(limit, rule, about, detail)
    }

    /// The counters of a client network, and of the one that it is in.
    pub(crate) fn network(self, limit: Limit, network: Option<ClientNetwork>) -> Self {
        let Some(network) = network else {
            return self;
        };
        let rule = self.settings.rule(limit);
        self.with(limit, rule, &[b"network", network.bytes()], &[])
            .wide_network(limit, network)
    }

    /// The counter of the network around a client's alone.
    pub(crate) fn wide_network(self, limit: Limit, network: ClientNetwork) -> Self {
        let wide = self.settings.rule(limit).map(|rule| times(rule, WIDE));
        self.with(limit, wide, &[b"network", network.wide_bytes()], &[])
    }

    fn with(
        mut self,
        limit: Limit,
        rule: Option<LimitRule>,
        about: &[&[u8]],
        detail: &[&[u8]],
    ) -> Self {
        if let Some(rule) = rule {
            let subject = self.limiter.subject(limit, about);
            let key = LimitKey::new(subject, self.limiter.detail(limit, detail));
            self.hits.push(Hit { key, limit, rule });
        }
        self
    }

    /// These, and all of the others.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.hits.extend(others.hits);
        self
    }

    /// Whether this is one of them.
    pub(crate) fn has(&self, key: LimitKey) -> bool {
        self.hits.iter().any(|hit| hit.key == key)
    }

    /// The hits, in the order of their keys and each once.
    pub(crate) fn into_hits(self) -> Vec<Hit> {
        let mut hits = self.hits;
        hits.sort_unstable_by_key(|hit| hit.key);
        hits.dedup_by_key(|hit| hit.key);
        hits
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::collections::HashSet;

    use phone_auth_tokens::SecretKey;

    use super::*;
    use crate::limits::MemoryLimits;

    fn limiter() -> Limiter {
        let key = SecretKey::generate().unwrap();
        Limiter::new(Arc::new(MemoryLimits::new()), &Keyring::new(key))
    }

    #[test]
    fn limits_share_no_counter() {
        let (limiter, settings) = (limiter(), LimitSettings::default());
        let network = ClientNetwork::of("203.0.113.7".parse().unwrap());
        let mut keys = HashSet::new();
        for limit in Limit::ALL {
            let counters = Counters::new(&limiter, &settings)
                .network(limit, network)
                .about(limit, &[b"user", &[1]], &[])
                .about(limit, &[b"user", &[1]], &[b"network"])
                .about(limit, &[b"use", b"r", &[1]], &[]);
            let hits = counters.into_hits();
            assert_eq!(hits.len(), 5, "{limit}");
            keys.extend(hits.iter().map(|hit| hit.key));
        }
        assert_eq!(keys.len(), 5 * Limit::ALL.len());
    }

    #[test]
    fn wide_networks_may_do_ten_times_as_much() {
        let (limiter, settings) = (limiter(), LimitSettings::default());
        let network = ClientNetwork::of("2001:db8::1".parse().unwrap());
        let hits = Counters::new(&limiter, &settings)
            .network(Limit::LogIns, network)
            .into_hits();
        let mut rates: Vec<_> = hits.iter().map(|hit| hit.rule.numbers()).collect();
        rates.sort_by_key(|rule| rule.step);
        let counts = rates.iter().map(|rule| rule.span / rule.step);
        assert_eq!(counts.collect::<Vec<_>>(), [300, 30]);
    }

    #[test]
    fn refusals_are_remembered_for_a_moment() {
        let limiter = limiter();
        let now = Utc::now();
        let hit = Hit {
            key: LimitKey::from_bytes([1; 16]),
            limit: Limit::LogIns,
            rule: LimitRule::InARow(1),
        };
        let recall = |seconds| {
            let at = now + TimeDelta::seconds(seconds);
            limiter.recall(&[hit], at).map(|(_, wait)| wait.as_secs())
        };
        limiter.remember(hit.key, now, Duration::from_mins(1));
        assert_eq!([0, 4, 5, -1].map(recall), [Some(60), Some(56), None, None]);
        limiter.remember(hit.key, now, Duration::from_secs(2));
        assert_eq!([1, 2].map(recall), [Some(1), None]);
        limiter.remember(hit.key, now, Duration::from_secs(2));
        limiter.forget(&[hit]);
        assert_eq!(recall(0), None);
    }

    #[test]
    fn receivers_are_told_once_a_minute() {
        let limiter = limiter();
        let (now, key) = (Utc::now(), LimitKey::from_bytes([1; 16]));
        let news = [0, 1, 59, 60, 61].map(|seconds| {
            let at = now + TimeDelta::seconds(seconds);
            limiter.is_news(key, at)
        });
        assert_eq!(news, [true, false, false, true, false]);
    }

    #[test]
    fn flood_is_looked_through_once_a_second() {
        let keys = |from: u128| (from..).map(|number| LimitKey::from_bytes(number.to_be_bytes()));
        let mut full = Remembered::default();
        for key in keys(1).take(MOST_REMEMBERED) {
            full.of.insert(key, ());
        }
        let (now, looked) = (Utc::now(), std::cell::Cell::new(0));
        let look = |full: &mut Remembered<()>, key, at| {
            full.has_room(key, at, |()| {
                looked.set(looked.get() + 1);
                at == now
            })
        };
        for key in keys(1 << 100).take(1000) {
            assert!(!look(&mut full, key, now));
        }
        assert_eq!(looked.get(), MOST_REMEMBERED);
        assert!(
            keys(1).take(1).all(|key| look(&mut full, key, now)),
            "it is there"
        );
        let later = now + TimeDelta::seconds(1);
        assert!(
            keys(1 << 110)
                .take(1)
                .all(|key| look(&mut full, key, later)),
            "all were dropped"
        );
    }

    #[test]
    fn what_was_told_in_the_future_is_news() {
        let (limiter, now, key) = (limiter(), Utc::now(), LimitKey::from_bytes([1; 16]));
        for (at, is_news) in [
            (now, true),
            (now + TOLD_EVERY - TimeDelta::microseconds(1), false),
            (now + TOLD_EVERY, true),
            // The clock was set back.
            (now, true),
        ] {
            assert_eq!(limiter.is_news(key, at), is_news, "{at}");
        }
    }

    #[test]
    fn places_of_nobody_are_counted() {
        assert_eq!(Limiter::place_of(&[0xff; 32]), [0x3f, 0xff, 0xff]);
        assert_eq!(Limiter::place_of(&[0x40; 32]), [0, 0x40, 0x40]);
    }

    #[test]
    fn flood_has_nothing_forgotten() {
        let limiter = limiter();
        let (now, key) = (Utc::now(), LimitKey::from_bytes([1; 16]));
        let hit = Hit {
            key,
            limit: Limit::LogIns,
            rule: LimitRule::InARow(1),
        };
        assert!(limiter.is_news(key, now));
        limiter.remember(key, now, Duration::from_mins(1));
        let keys = (9_u128..).map(|number| LimitKey::from_bytes(number.to_be_bytes()));
        let mut told = 1;
        for key in keys.take(MOST_REMEMBERED + 5) {
            told += usize::from(limiter.is_news(key, now));
            limiter.remember(key, now, Duration::from_mins(1));
        }
        assert_eq!(told, MOST_REMEMBERED);
        assert!(!limiter.is_news(key, now), "it was told");
        assert!(limiter.recall(&[hit], now).is_some(), "it is full");
        let recent = limiter.lock();
        assert_eq!(recent.full.of.len(), MOST_REMEMBERED);
        drop(recent);
        let later = now + TOLD_EVERY;
        assert!(limiter.is_news(key, later));
    }
}
