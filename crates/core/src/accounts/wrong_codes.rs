//! What wrong codes are counted by that come from strangers. The owner of an address may be one: they have a browser that is
//! not known, and wait for a code that is over in ten minutes, while someone else guesses.

use std::time::Duration;

use phone_auth_events::Limit;

use crate::challenge::ChallengeId;
use crate::client::ClientNetwork;
use crate::limits::{Counters, LimitRule, Rate};

/// How many cost no time. As many more are let through of a network that has tried none: for each the tenth is the last.
const FREE: u32 = 5;

/// What one client network may try while others have made everyone wait: the attempts of one challenge.
const OF_NETWORK: Rate = Rate::of(5, Duration::from_hours(24));

/// What the network around it may.
const OF_WIDE_NETWORK: Rate = Rate::of(50, Duration::from_hours(24));

/// What all networks together may then. Those who have many would else come to the last one at once, after which there is
/// no other for anyone.
const OF_ALL_NETWORKS: Rate = Rate::of(20, Duration::from_hours(4));

/// All wrong codes in a row, which come to an end but cost no time.
pub(super) fn all<'a>(counters: Counters<'a>, about: &[&[u8]]) -> Counters<'a> {
    let stops = |rule| match rule {
        LimitRule::InARow(most) => LimitRule::Row { free: most, most },
        other => other,
    };
    counters.by_rule(stops, Limit::WrongCodes, about, &[])
}

/// From anywhere: each takes longer than the one before.
pub(super) fn slowed<'a>(counters: Counters<'a>, about: &[&[u8]]) -> Counters<'a> {
    let slows = |rule| match rule {
        LimitRule::InARow(most) => LimitRule::Row { free: FREE, most },
        other => other,
    };
    all(counters, about).by_rule(slows, Limit::WrongCodes, about, &[b"wait"])
}

/// From a network that has tried few: a browser, where the network is not known.
pub(super) fn new_here<'a>(
    counters: Counters<'a>,
    about: &[&[u8]],
    network: Option<ClientNetwork>,
    challenge: &ChallengeId,
) -> Counters<'a> {
    let at = |rate| move |_| LimitRule::Rate(rate);
    let (narrow, wide) = match &network {
        Some(network) => (network.bytes(), network.wide_bytes()),
        None => (challenge.as_bytes().as_slice(), b"browsers".as_slice()),
    };
    all(counters, about)
        .by_rule(at(OF_ALL_NETWORKS), Limit::WrongCodes, about, &[b"new"])
        .by_rule(
            at(OF_NETWORK),
            Limit::WrongCodes,
            about,
            &[b"network", narrow],
        )
        .by_rule(
            at(OF_WIDE_NETWORK),
            Limit::WrongCodes,
            about,
            &[b"network", wide],
        )
}
