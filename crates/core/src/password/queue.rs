//! Who is next when more passwords wait than can be hashed at once. It counts and orders; it neither
//! hashes nor waits.
//!
//! There are five lanes. Those of people who are known have one working place that strangers never take,
//! and waiting places of their own; beyond that the lanes take turns. Within a lane the shares take turns: a
//! request comes after all that wait for its network and for its account, and before the second of any
//! other (fair queueing with rounds, as in RFC 970 and its successors). So whoever asks for the first time
//! waits for one of each at most, however many somebody else has sent.
//!
//! How many one share may have waiting is no fixed number: no more than are still free, and one in any case.
//! Alone it has half of the lane; the more ask, the less each has, and there is room left for the next.

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

/// Where somebody waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    requester: Requester,
    position: Position,
}

/// What becomes of somebody who comes.
pub(super) enum Entry {
    /// A working place is theirs.
    Works,
    /// They wait until [`Queue::next`] gives them out.
    Waits(Ticket),
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

    /// Lets somebody work, wait, or go. What wakes them up is asked for only if they wait.
    pub(super) fn enter(&mut self, requester: Requester, waker: impl FnOnce() -> T) -> Entry {
        let can_start = self.can_start(requester.lane);
        let number = self.arrived + 1;
        let Some(line) = self.line(requester.lane) else {
            return Entry::Busy;
        };
        if can_start && line.waiting.is_empty() {
            self.start(requester.lane);
            return Entry::Works;
        }
        if !line.has_room_for(&requester) {
            return Entry::Busy;
        }
        let round = line.next_round(&requester);
        let position = Position { round, number };
        line.put(position, requester, waker());
        self.arrived = number;
        Entry::Waits(Ticket {
            requester,
            position,
        })
    }

    /// Takes somebody out who waits no more. Not there any more is whom [`next`](Self::next) gave out.
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

    /// How many strangers may work is bounded by itself, so that a place is left for people who are known.
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
        let held = |share| self.shares.get(&share).map_or(0, |held| held.count);
        free > 0 && requester.shares().all(|share| held(share) < free)
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
            if let Some(held) = self.shares.get_mut(&share) {
                held.count -= 1;
                if held.count == 0 {
                    self.shares.remove(&share);
                }
            }
        }
        Some((requester, waker))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::collections::VecDeque;

    use super::*;
    use crate::client::Client;
    use crate::person::PersonId;

    /// The requesters of a flood, one after the other.
    type Flood = Box<dyn Fn(i64) -> Requester>;

    /// A queue as it ships for two cores, and who waits in it by name.
    struct Site {
        queue: Queue<String>,
        tickets: Vec<(String, Ticket)>,
    }

    impl Site {
        fn new() -> Self {
            Self {
                queue: Queue::new(2, 64),
                tickets: Vec::new(),
            }
        }

        /// Somebody comes: whether they work or wait.
        fn comes(&mut self, name: &str, requester: Requester) -> bool {
            match self.queue.enter(requester, || name.to_owned()) {
                Entry::Works => true,
                Entry::Waits(ticket) => {
                    self.tickets.push((name.to_owned(), ticket));
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
    }

    fn at(address: &str) -> Client {
        Client::new().at(address.parse().unwrap())
    }

    fn ann_from(address: &str) -> Requester {
        Requester::stranger(&at(address), "ann")
    }

    /// What a flood may hold, whoever comes from where.
    #[test]
    fn shares_are_bounded() {
        let nowhere = Client::new();
        let person = |n: i64| PersonId::new(n);
        let floods: [(&str, Flood, usize); 9] = [
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
            (
                "one device",
                Box::new(|_| Requester::with_device(&Client::new(), [7; 16])),
                32,
            ),
            (
                "one session",
                Box::new(move |_| Requester::signed_in(&Client::new(), person(1))),
                32,
            ),
            (
                "many links, one address",
                Box::new(move |n| Requester::with_link(&at("192.0.2.1"), person(n))),
                32,
            ),
        ];
        for (flood, requester, most) in floods {
            let mut site = Site::new();
            for n in 0..200 {
                site.comes("flood", requester(n));
            }
            assert_eq!(site.waiting(), most, "{flood}");
            // Somebody else finds room, unless strangers nobody can tell apart have it all.
            let other = Requester::stranger(&at("198.51.100.1"), "bob");
            assert_eq!(site.comes("bob", other), most < 64, "{flood}");
            let link = Requester::with_link(&nowhere, person(1000));
            assert!(site.comes("link", link), "{flood}");
        }
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
        let device = Requester::with_device(&Client::new(), [1; 16]);
        assert!(matches!(
            site.queue.enter(device, String::new),
            Entry::Works
        ));
        // The next who is known waits for one hash of anybody, and the strangers get on.
        site.comes("known", device);
        assert_eq!(site.ends(Lane::Stranger), ["known"]);
        assert_eq!(site.ends(Lane::Device), ["stranger"]);
        assert!(site.ends(Lane::Device).is_empty());
    }

    #[test]
    fn known_people_starve_no_strangers() {
        let mut site = Site::new();
        for n in 0..60 {
            let person = PersonId::new(n);
            site.comes("signed in", Requester::signed_in(&Client::new(), person));
            site.comes("link", Requester::with_link(&Client::new(), person));
            site.comes(
                "stranger",
                Requester::stranger(&Client::new(), &n.to_string()),
            );
        }
        // All work as long as each other: whoever began first ends first.
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
