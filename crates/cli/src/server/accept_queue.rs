//! The connections that were accepted and have no place yet, and which of them is next.
//!
//! The queue of the system is first come, first served: anyone who opens thousands of connections at once stands before all
//! who come after. So they are accepted as they come, and wait here, where it is known whose they are. The next place is for
//! the client that has the fewest. When there is no room, one is refused of the client that has most, unless that is less
//! than a browser may open; then the others go on waiting in the queue of the system. It neither accepts nor refuses itself,
//! and knows no sockets.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;
use super::places::Wanted;

/// From how many connections on one client is a crowd: browsers open so many to one site, and no more.
pub(super) const FEW: usize = 6;

/// What may be a proxy counts as a client that has so many. It has most of all, for all who are behind it.
const HELD_BY_PROXY: usize = 1;

/// For how long a client that has its share is refused without another look at its connections.
const REFUSED_FOR: Duration = Duration::from_millis(50);

/// What waits, and whose it is.
#[derive(Debug)]
pub(super) struct AcceptQueue<T> {
    room: usize,
    waiting: HashMap<Client, VecDeque<(u64, T)>>,
    count: usize,
    /// How many have come, to keep them in their order.
    arrived: u64,
    /// Clients that have their share, and since when that is known.
    over_share: HashMap<Client, Instant>,
}

impl<T> AcceptQueue<T> {
    /// One with room for so many.
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            waiting: HashMap::new(),
            count: 0,
            arrived: 0,
            over_share: HashMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether no more are to be accepted for now.
    pub(super) fn is_full(&self) -> bool {
        self.count > self.room
    }

    /// Takes one in. Gives one back that is to be refused, if there was no room and a client has too many; `held` says how
    /// many places a client has.
    pub(super) fn put(
        &mut self,
        client: Client,
        connection: T,
        held: impl Fn(Client) -> usize,
    ) -> Option<T> {
        let refused_at = self.over_share.get(&client);
        if refused_at.is_some_and(|at| at.elapsed() < REFUSED_FOR) {
            return Some(connection);
        }
        self.arrived += 1;
        let line = self.waiting.entry(client).or_default();
        line.push_back((self.arrived, connection));
        self.count += 1;
        if !self.is_full() {
            return None;
        }
        let lines = self.waiting.iter();
        let all = lines.map(|(client, line)| (*client, held(*client) + line.len()));
        let crowds = all.filter(|(client, all)| !client.is_near() && *all >= FEW);
        let (most, _) = crowds.max_by_key(|(_, all)| *all)?;
        self.take(most, VecDeque::pop_back)
    }

    /// The client that is next, by how many places each has, and how many places are wanted.
    pub(super) fn next(&self, held: impl Fn(Client) -> usize) -> Option<(Client, Wanted)> {
        let lines = self.waiting.iter();
        let first = lines.filter_map(|(client, line)| {
            let held = if client.is_near() {
                HELD_BY_PROXY
            } else {
                held(*client)
            };
            let (number, _) = line.front()?;
            Some((held, *number, *client))
        });
        let (.., client) = first.min_by_key(|(held, number, _)| (*held, *number))?;
        let wanted = Wanted {
            by_client: self.waiting.get(&client).map_or(0, VecDeque::len),
            by_all: self.count,
        };
        Some((client, wanted))
    }

    /// Takes out the first of a client.
    pub(super) fn pop(&mut self, client: Client) -> Option<T> {
        self.take(client, VecDeque::pop_front)
    }

    /// Takes out the first of a client that has its share. For a moment whatever else it sends is refused as it comes:
    /// looking at all its connections for each new one would keep others waiting.
    pub(super) fn refuse(&mut self, client: Client) -> Option<T> {
        self.over_share.retain(|_, at| at.elapsed() < REFUSED_FOR);
        self.over_share.insert(client, Instant::now());
        self.pop(client)
    }

    /// All that wait, in the order in which they came.
    pub(super) fn into_all(self) -> Vec<T> {
        let mut all: Vec<_> = self.waiting.into_values().flatten().collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, connection)| connection).collect()
    }

    fn take(
        &mut self,
        client: Client,
        from: impl Fn(&mut VecDeque<(u64, T)>) -> Option<(u64, T)>,
    ) -> Option<T> {
        let line = self.waiting.get_mut(&client)?;
        let (_, connection) = from(line)?;
        if line.is_empty() {
            self.waiting.remove(&client);
        }
        self.count -= 1;
        Some(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(last: u8) -> Client {
        Client::of([203, 0, 113, last].into(), None)
    }

    fn proxy() -> Client {
        Client::of([127, 0, 0, 1].into(), None)
    }

    #[test]
    fn client_with_the_fewest_is_next() {
        let held = |client: Client| match client {
            Client::Near(_) => 800,
            client if client == network(1) => 500,
            client if client == network(2) => 5,
            Client::Network(_) => 0,
        };
        let mut queue = AcceptQueue::new(100);
        for (client, name) in [
            (network(1), "many"),
            (network(1), "more"),
            (network(2), "some"),
            (proxy(), "proxy"),
            (network(3), "first"),
            (network(4), "second"),
        ] {
            assert!(queue.put(client, name, held).is_none());
        }
        let mut order = Vec::new();
        while let Some((client, _)) = queue.next(held) {
            order.extend(queue.pop(client));
        }
        assert_eq!(order, ["first", "second", "proxy", "some", "many", "more"]);
        assert!(queue.is_empty() && queue.waiting.is_empty());
    }

    /// Two thousand come at once to a queue as it ships, with all places taken, before one who has none.
    #[test]
    fn crowd_keeps_no_newcomer_out() {
        for (what, clients, held) in [
            ("one network", 1, 500),
            ("twenty networks", 20, 50),
            ("two hundred networks", 200, 5),
        ] {
            let held = |client: Client| if client == network(0) { 0 } else { held };
            let mut queue = AcceptQueue::new(128);
            let mut refused = 0;
            for n in 0..2000_u32 {
                let [.., low] = (n % clients).to_be_bytes();
                refused += usize::from(queue.put(network(low + 1), n, held).is_some());
                assert!(!queue.is_full(), "{what}: nobody is accepted any more");
            }
            assert_eq!(refused, 2000 - 128, "{what}");
            let refused = queue.put(network(0), 2000, held);
            assert_ne!(refused, Some(2000), "{what}");
            let next = queue.next(held).and_then(|(client, _)| queue.pop(client));
            assert_eq!(next, Some(2000), "{what}");
        }
    }

    /// The clients of a proxy, and many who have come once, are not refused: they wait for their turn.
    #[test]
    fn who_is_no_crowd_is_not_refused() {
        type From = fn(u8) -> Client;
        let cases: [(&str, From); 2] = [("a proxy", |_| proxy()), ("many", network)];
        for (what, from) in cases {
            let mut queue = AcceptQueue::new(128);
            for n in 0..=128 {
                assert!(!queue.is_full(), "{what} {n}");
                assert!(queue.put(from(n), n, |_| 4).is_none(), "{what} {n}");
            }
            assert!(queue.is_full(), "{what}");
            assert_eq!(queue.into_all(), (0..=128).collect::<Vec<_>>(), "{what}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn client_over_its_share_is_refused_for_a_moment() {
        let mut queue = AcceptQueue::new(128);
        assert!(queue.put(network(1), 1, |_| 500).is_none());
        assert_eq!(queue.refuse(network(1)), Some(1));
        assert_eq!(queue.put(network(1), 2, |_| 500), Some(2));
        assert!(queue.put(network(2), 3, |_| 0).is_none());
        tokio::time::advance(REFUSED_FOR).await;
        assert!(queue.put(network(1), 4, |_| 500).is_none());
    }
}
