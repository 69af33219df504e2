//! Who is next when more passwords wait than can be hashed at once. It counts and orders; it neither
//! hashes nor waits.
//!
//! There are five lanes. Those of users who are known have one working place that strangers never take,
//! and waiting places of their own; beyond that the lanes take turns. Within a lane the shares take turns: a
//! request comes after all that wait for its network and for its account, and before the second of any
//! other (fair queueing with rounds, as in RFC 970 and its successors). So anyone who asks for the first time
//! waits for one of each at most, however many someone else has sent.
//!
//! How many one share may have waiting is no fixed number: no more than are still free, and one in any case.
//! Alone it has half of the lane; the more ask, the less each has, and there is room left for the next. When
//! there is none, anyone who has less than others takes the place of the newest of those who have most. So a share
//! that has nothing gets a place as long as any other has two.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::requester::{Lane, Requester, Share};

/// What works and what waits.
pub(super) struct Queue<T> {
    lanes: [Line<T>; Lane::ALL.len()],
    /// How many may work at once, apart from the one place that strangers never take.
    at_once: usize,
    working: usize,
    strangers_working: usize,
    /// How many have come, to keep those of one round in their order.
    arrived: u64,
    /// The lane whose turn it is.
    turn: usize,
}

/// A place in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    round: u64,
    number: u64,
}

/// Where someone waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    requester: Requester,
    position: Position,
}

/// What becomes of someone who comes.
pub(super) enum Entry<T> {
    /// A working place is theirs.
    Works,
    /// They wait until [`Queue::next`] gives them out. If there was no room, someone gave way, who waits no more.
    Waits { ticket: Ticket, gave_way: Option<T> },
    /// Too many wait.
    Busy,
}

struct Line<T> {
    lane: Lane,
    room: usize,
    waiting: BTreeMap<Position, (Requester, T)>,
    shares: HashMap<Share, Held>,
    /// The round of the last who was taken out.
    round: u64,
}

/// What one share has waiting.
#[derive(Default)]
struct Held {
    count: usize,
    /// The round of the latest.
    round: u64,
}

impl<T> Queue<T> {
    /// One with so many working places, and so many waiting places in each lane.
    pub(super) fn new(at_once: usize, room: usize) -> Self {
        Self {
            lanes: Lane::ALL.map(|lane| Line::new(lane, room)),
            at_once: at_once.max(1),
            working: 0,
            strangers_working: 0,
            arrived: 0,
            turn: 0,
        }
    }

    /// Lets someone work, wait, or go. What wakes them up is asked for only if they wait.
    pub(super) fn enter(&mut self, requester: Requester, waker: impl FnOnce() -> T) -> Entry<T> {
        let can_start = self.can_start(requester.lane);
        let number = self.arrived + 1;
        let Some(line) = self.line(requester.lane) else {
            return Entry::Busy;
        };
        if can_start && line.waiting.is_empty() {
            self.start(requester.lane);
            return Entry::Works;
        }
        let mut gave_way = None;
        if !line.has_room_for(&requester) {
            gave_way = line.make_room_for(&requester);
            if gave_way.is_none() {
                return Entry::Busy;
            }
        }
        let round = line.next_round(&requester);
        let position = Position { round, number };
        line.put(position, requester, waker());
        self.arrived = number;
        Entry::Waits {
            ticket: Ticket {
                requester,
                position,
            },
            gave_way,
        }
    }

    /// Takes someone out who waits no more. Not there any more is whom [`next`](Self::next) gave out.
    pub(super) fn leave(&mut self, ticket: &Ticket) {
        if let Some(line) = self.line(ticket.requester.lane) {
            line.take(ticket.position);
        }
    }

    /// The next who may work, with a working place.
    pub(super) fn next(&mut self) -> Option<(Requester, T)> {
        for step in 0..Lane::ALL.len() {
            let index = (self.turn + step) % Lane::ALL.len();
            let Some(lane) = self.lanes.get(index).map(|line| line.lane) else {
                continue;
            };
            if !self.can_start(lane) {
                continue;
            }
            let Some(next) = self.line(lane).and_then(Line::take_first) else {
                continue;
            };
            self.turn = index + 1;
            self.start(lane);
            return Some(next);
        }
        None
    }

    /// Gives a working place back.
    pub(super) fn finish(&mut self, lane: Lane) {
        self.working = self.working.saturating_sub(1);
        if lane.is_of_strangers() {
            self.strangers_working = self.strangers_working.saturating_sub(1);
        }
    }

    /// How many strangers may work is bounded by itself, so that a place is left for users who are known.
    fn can_start(&self, lane: Lane) -> bool {
        self.working <= self.at_once
            && (!lane.is_of_strangers() || self.strangers_working < self.at_once)
    }

    fn start(&mut self, lane: Lane) {
        self.working += 1;
        if lane.is_of_strangers() {
            self.strangers_working += 1;
        }
    }

    fn line(&mut self, lane: Lane) -> Option<&mut Line<T>> {
        self.lanes.iter_mut().find(|line| line.lane == lane)
    }
}

impl<T> Line<T> {
    fn new(lane: Lane, room: usize) -> Self {
        Self {
            lane,
            room,
            waiting: BTreeMap::new(),
            shares: HashMap::new(),
            round: 0,
        }
    }

    fn has_room_for(&self, requester: &Requester) -> bool {
        let free = self.room.saturating_sub(self.waiting.len());
        free > 0 && requester.shares().all(|share| self.held(share) < free)
    }

    fn held(&self, share: Share) -> usize {
        self.shares.get(&share).map_or(0, |held| held.count)
    }

    /// Takes the newest out of those whose shares hold most, if those of the newcomer hold less even when they
    /// have this place.
    fn make_room_for(&mut self, newcomer: &Requester) -> Option<T> {
        let candidates = self.waiting.iter().filter_map(|(position, (waits, _))| {
            let held = weight(waits, |share| self.held(share));
            let instead = weight(newcomer, |share| {
                let is_left = waits.shares().any(|left| left == share);
                self.held(share) + usize::from(!is_left)
            });
            (instead < held).then_some((held, *position))
        });
        let (_, position) = candidates.max()?;
        self.take(position).map(|(_, waker)| waker)
    }

    fn next_round(&self, requester: &Requester) -> u64 {
        let rounds = requester
            .shares()
            .filter_map(|share| self.shares.get(&share).map(|held| held.round));
        rounds.fold(self.round, u64::max) + 1
    }

    fn put(&mut self, position: Position, requester: Requester, waker: T) {
        for share in requester.shares() {
            let held = self.shares.entry(share).or_default();
            held.count += 1;
            held.round = position.round;
        }
        self.waiting.insert(position, (requester, waker));
    }

    fn take_first(&mut self) -> Option<(Requester, T)> {
        let (position, _) = self.waiting.first_key_value()?;
        let position = *position;
        self.round = position.round;
        self.take(position)
    }

    fn take(&mut self, position: Position) -> Option<(Requester, T)> {
        let (requester, waker) = self.waiting.remove(&position)?;
        for share in requester.shares() {
            // Anyone who comes and goes leaves no round behind that others of this share would have to wait for.
            let has = |(waits, _): &(Requester, T)| waits.shares().any(|other| other == share);
            let mut others = self.waiting.iter().rev();
            let latest = others.find_map(|(position, it)| has(it).then_some(position.round));
            let Some(round) = latest else {
                self.shares.remove(&share);
                continue;
            };
            if let Some(held) = self.shares.get_mut(&share) {
                held.count -= 1;
                held.round = round;
            }
        }
        Some((requester, waker))
    }
}

/// How much the shares of someone hold, the greatest first. What is not known of them, such as their network, counts
/// as much as the greatest.
fn weight(requester: &Requester, held: impl Fn(Share) -> usize) -> [usize; Requester::MOST_SHARES] {
    let most = requester.shares().map(&held).max();
    let mut weight = [most.unwrap_or(1); Requester::MOST_SHARES];
    for (place, share) in weight.iter_mut().zip(requester.shares()) {
        *place = held(share);
    }
    weight.sort_unstable_by_key(|held| Reverse(*held));
    weight
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::collections::VecDeque;

    use super::*;
    use crate::client::Client;
    use crate::user::UserId;

    /// The requesters of a flood, one after the other.
    type Flood = Box<dyn Fn(i64) -> Requester>;

    /// A queue as it ships for two cores, and who waits in it by name.
    struct Site {
        queue: Queue<String>,
        tickets: Vec<(String, Ticket)>,
        gave_way: Vec<String>,
    }

    impl Site {
        fn new() -> Self {
            Self {
                queue: Queue::new(2, 64),
                tickets: Vec::new(),
                gave_way: Vec::new(),
            }
        }

        /// Someone comes: whether they work or wait.
        fn comes(&mut self, name: &str, requester: Requester) -> bool {
            match self.queue.enter(requester, || name.to_owned()) {
                Entry::Works => true,
                Entry::Waits { ticket, gave_way } => {
                    self.tickets.push((name.to_owned(), ticket));
                    self.gave_way.extend(gave_way);
                    true
                }
                Entry::Busy => false,
            }
        }

        /// One of this lane is done; who starts then.
        fn ends(&mut self, lane: Lane) -> Vec<String> {
            self.queue.finish(lane);
            std::iter::from_fn(|| self.queue.next())
                .map(|(_, name)| name)
                .collect()
        }

        fn waiting(&self) -> usize {
            self.queue.lanes.iter().map(|line| line.waiting.len()).sum()
        }

        /// How many of this name wait.
        fn waiting_as(&self, name: &str) -> usize {
            let lines = self.queue.lanes.iter();
            let waiting = lines.flat_map(|line| line.waiting.values());
            waiting.filter(|(_, waits)| waits == name).count()
        }
    }

    /// One of this account's devices, behind a proxy.
    fn device(user: i64, nonce: i64) -> Requester {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&nonce.to_be_bytes());
        Requester::with_device(&Client::new(), UserId::new(user), bytes)
    }

    fn at(address: &str) -> Client {
        Client::new().at(address.parse().unwrap())
    }

    fn ann_from(address: &str) -> Requester {
        Requester::stranger(&at(address), "ann")
    }

    /// What a flood may hold, no matter who comes from where.
    #[test]
    fn shares_are_bounded() {
        let nowhere = Client::new();
        let user = |n: i64| UserId::new(n);
        let floods: [(&str, Flood, usize); 10] = [
            (
                "one name, one address",
                Box::new(|_| ann_from("192.0.2.1")),
                32,
            ),
            (
                "one name, many addresses",
                Box::new(|n| ann_from(&format!("192.0.2.{n}"))),
                32,
            ),
            (
                "many names, one address",
                Box::new(|n| Requester::stranger(&at("192.0.2.1"), &n.to_string())),
                32,
            ),
            (
                "many names, one IPv6 customer",
                Box::new(|n| Requester::stranger(&at(&format!("2001:db8::{n}")), &n.to_string())),
                32,
            ),
            ("one name, a proxy", Box::new(|_| ann_from("127.0.0.1")), 32),
            (
                "many names, a proxy",
                Box::new(|n| Requester::stranger(&at("127.0.0.1"), &n.to_string())),
                64,
            ),
            ("one device", Box::new(|_| device(1, 7)), 32),
            ("many devices, one account", Box::new(|n| device(1, n)), 32),
            (
                "one session",
                Box::new(move |_| Requester::signed_in(&Client::new(), user(1))),
                32,
            ),
            (
                "many links, one address",
                Box::new(move |n| Requester::with_link(&at("192.0.2.1"), user(n))),
                32,
            ),
        ];
        for (flood, requester, most) in floods {
            let mut site = Site::new();
            for n in 0..200 {
                site.comes("flood", requester(n));
            }
            assert_eq!(site.waiting(), most, "{flood}");
            // Someone else finds room, unless strangers nobody can tell apart have it all.
            let other = Requester::stranger(&at("198.51.100.1"), "bob");
            assert_eq!(site.comes("bob", other), most < 64, "{flood}");
            let link = Requester::with_link(&nowhere, user(1000));
            assert!(site.comes("link", link), "{flood}");
            assert!(site.comes("device", device(1000, 1000)), "{flood}");
        }
    }

    /// However many flood and whatever they hold, a share that has nothing gets a place, and is next.
    #[test]
    fn newcomers_take_the_place_of_who_has_most() {
        type Asks = fn(i64, i64) -> Requester;
        let lanes: [(&str, Asks); 5] = [
            ("devices", device),
            ("sessions", |account, _| {
                Requester::signed_in(&Client::new(), UserId::new(account))
            }),
            ("links", |account, _| {
                Requester::with_link(&Client::new(), UserId::new(account))
            }),
            ("names", |account, _| {
                Requester::stranger(&Client::new(), &account.to_string())
            }),
            ("sign-ups", |account, _| {
                Requester::signing_up(&at(&format!("192.0.2.{account}")))
            }),
        ];
        for (lane, of) in lanes {
            for accounts in [1, 2, 7, 40] {
                let mut site = Site::new();
                for n in 0..40 {
                    for account in 1..=accounts {
                        site.comes(&account.to_string(), of(account, 1000 * account + n));
                    }
                }
                let told = format!("{lane}: {accounts} accounts");
                assert!(site.waiting() <= 64, "{told}");
                let held = |site: &Site| -> Vec<usize> {
                    let names = (1..=accounts).map(|account| account.to_string());
                    names.map(|name| site.waiting_as(&name)).collect()
                };
                let before = held(&site);
                let least = before.iter().min().unwrap();
                let most = before.iter().max().unwrap();
                assert!(most - least <= 1 || accounts < 3, "{told}: {before:?}");
                let gave_way = site.gave_way.len();
                assert!(site.comes("owner", of(200, 1)), "{told}");
                assert!(site.waiting() <= 64, "{told}");
                if let Some(name) = site.gave_way.get(gave_way) {
                    let of_whom: usize = name.parse().unwrap();
                    assert_eq!(before.get(of_whom - 1), Some(most), "{told}");
                }
                // One of each account at most is before the owner, and the one that was next.
                let ended = of(200, 1).lane;
                let turn =
                    (0..=accounts + 1).position(|_| site.ends(ended).contains(&"owner".to_owned()));
                assert!(turn.is_some(), "{told}");
            }
        }
    }

    /// Who has one place keeps it, no matter who comes.
    #[test]
    fn single_places_are_kept() {
        let mut site = Site::new();
        for n in 0..200 {
            site.comes(&n.to_string(), device(n, n));
        }
        assert_eq!(site.waiting(), 64);
        assert!(!site.comes("owner", device(1000, 1)));
        assert!(site.gave_way.is_empty());
    }

    /// Within an account or a name that is flooded, a network or device that has nothing gets a place.
    #[test]
    fn floods_from_one_place_leave_room_in_their_share() {
        let cases: [(&str, Requester, Requester); 3] = [
            ("one name", ann_from("192.0.2.1"), ann_from("198.51.100.1")),
            (
                "one network",
                ann_from("192.0.2.1"),
                Requester::stranger(&at("192.0.2.1"), "bob"),
            ),
            ("one account", device(1, 1), device(1, 2)),
        ];
        for (case, flood, owner) in cases {
            let mut site = Site::new();
            for _ in 0..100 {
                site.comes("flood", flood);
            }
            assert!(site.comes("owner", owner), "{case}");
            assert_eq!(site.waiting_as("flood"), 31, "{case}");
            assert_eq!(site.waiting_as("owner"), 1, "{case}");
            assert_eq!(site.gave_way, ["flood"], "{case}");
        }
    }

    /// Anyone who comes and goes, again and again, makes nobody of the same share wait longer.
    #[test]
    fn who_leaves_takes_their_turn_along() {
        let mut site = Site::new();
        for n in 0..10 {
            site.comes("other", Requester::stranger(&Client::new(), &n.to_string()));
        }
        site.comes("ann", ann_from("192.0.2.1"));
        for _ in 0..100 {
            assert!(site.comes("gone", ann_from("192.0.2.1")));
            let (_, ticket) = site.tickets.pop().unwrap();
            site.queue.leave(&ticket);
        }
        site.comes("ann", ann_from("192.0.2.1"));
        for n in 0..10 {
            let again = Requester::stranger(&Client::new(), &n.to_string());
            assert!(site.comes("other", again));
            assert!(site.comes("other", again));
        }
        let order: Vec<String> = (0..30).flat_map(|_| site.ends(Lane::Stranger)).collect();
        let turns = order.iter().enumerate();
        let anns: Vec<usize> = turns
            .filter_map(|(turn, who)| (who == "ann").then_some(turn))
            .collect();
        assert!(matches!(anns[..], [_, second] if second < 22), "{order:?}");
    }

    #[test]
    fn newcomers_are_next() {
        let mut site = Site::new();
        for _ in 0..34 {
            site.comes("flood", ann_from("192.0.2.1"));
        }
        for (name, address) in [("bob", "192.0.2.2"), ("carl", "192.0.2.3")] {
            let requester = Requester::stranger(&at(address), name);
            assert!(site.comes(name, requester));
        }
        // The first of the flood was there before them, its second is not.
        assert_eq!(site.ends(Lane::Stranger), ["flood"]);
        assert_eq!(site.ends(Lane::Stranger), ["bob"]);
        assert_eq!(site.ends(Lane::Stranger), ["carl"]);
        assert_eq!(site.ends(Lane::Stranger), ["flood"]);
    }

    #[test]
    fn one_place_is_never_strangers() {
        let mut site = Site::new();
        for n in 0..50 {
            site.comes(
                "stranger",
                Requester::stranger(&Client::new(), &n.to_string()),
            );
        }
        let device = device(1, 1);
        assert!(matches!(
            site.queue.enter(device, String::new),
            Entry::Works
        ));
        // The next who is known waits for one hash of anyone, and the strangers get on.
        site.comes("known", device);
        assert_eq!(site.ends(Lane::Stranger), ["known"]);
        assert_eq!(site.ends(Lane::Device), ["stranger"]);
        assert!(site.ends(Lane::Device).is_empty());
    }

    #[test]
    fn known_users_starve_no_strangers() {
        let mut site = Site::new();
        for n in 0..60 {
            let user = UserId::new(n);
            site.comes("signed in", Requester::signed_in(&Client::new(), user));
            site.comes("link", Requester::with_link(&Client::new(), user));
            site.comes(
                "stranger",
                Requester::stranger(&Client::new(), &n.to_string()),
            );
        }
        // All work as long as each other: anyone who began first ends first.
        let mut working = VecDeque::from([Lane::SignedIn, Lane::Link, Lane::Stranger]);
        let mut started = Vec::new();
        for _ in 0..9 {
            let ended = working.pop_front().unwrap();
            for name in site.ends(ended) {
                working.push_back(match name.as_str() {
                    "signed in" => Lane::SignedIn,
                    "link" => Lane::Link,
                    _ => Lane::Stranger,
                });
                started.push(name);
            }
        }
        for lane in ["signed in", "link", "stranger"] {
            let turns = started.iter().filter(|name| *name == lane).count();
            assert_eq!(turns, 3, "{started:?}");
        }
    }

    #[test]
    fn who_leaves_leaves_nothing() {
        let mut site = Site::new();
        for n in 0..100 {
            site.comes("flood", ann_from(&format!("192.0.2.{n}")));
        }
        let tickets = std::mem::take(&mut site.tickets);
        for (_, ticket) in &tickets {
            site.queue.leave(ticket);
            // Twice is as good as once.
            site.queue.leave(ticket);
        }
        assert_eq!(site.waiting(), 0);
        assert!(site.queue.lanes.iter().all(|line| line.shares.is_empty()));
        // What worked goes on, and holds its places.
        assert!(site.comes("ann", ann_from("192.0.2.1")));
        assert_eq!(site.waiting(), 1);
        assert_eq!(site.ends(Lane::Stranger), ["ann"]);
    }

    #[test]
    fn no_room_still_works() {
        let mut queue = Queue::new(1, 0);
        let stranger = ann_from("192.0.2.1");
        assert!(matches!(queue.enter(stranger, || ()), Entry::Works));
        assert!(matches!(queue.enter(stranger, || ()), Entry::Busy));
        assert!(matches!(
            queue.enter(Requester::operator(), || ()),
            Entry::Works
        ));
        assert!(matches!(
            queue.enter(Requester::operator(), || ()),
            Entry::Busy
        ));
        queue.finish(Lane::Stranger);
        assert!(matches!(queue.enter(stranger, || ()), Entry::Works));
    }
}
