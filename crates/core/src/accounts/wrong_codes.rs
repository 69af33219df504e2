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

/// What all users together may try at an address that they want to prove.
const OF_ALL_CLAIMANTS: Rate = Rate::of(100, Duration::from_hours(24));

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
    of_few(all(counters, about), (about, b"any"), network, challenge)
}

/// From users who want to prove an address: what each may is counted by itself, and this is what all may. Each has a code of
/// their own, so many of them would else have as many guesses at an address that is none of theirs.
pub(super) fn of_claimants<'a>(counters: Counters<'a>, about: &[&[u8]]) -> Counters<'a> {
    let rate = |_| LimitRule::Rate(OF_ALL_CLAIMANTS);
    counters.by_rule(rate, Limit::WrongCodes, about, &[b"claimants"])
}

/// The same from a network that has tried few, so that those who have used up what all may keep no owner from proving it by a
/// code until they have also used up what such networks have in all.
pub(super) fn of_new_claimants<'a>(
    counters: Counters<'a>,
    about: &[&[u8]],
    network: Option<ClientNetwork>,
    challenge: &ChallengeId,
) -> Counters<'a> {
    of_few(counters, (about, b"claimants"), network, challenge)
}

/// What is let through of networks that have tried few, in all, of each, and of those around it.
fn of_few<'a>(
    counters: Counters<'a>,
    (about, whose): (&[&[u8]], &[u8]),
    network: Option<ClientNetwork>,
    challenge: &ChallengeId,
) -> Counters<'a> {
    let at = |rate| move |_| LimitRule::Rate(rate);
    let (narrow, wide) = match &network {
        Some(network) => (network.bytes(), network.wide_bytes()),
        None => (challenge.as_bytes().as_slice(), b"browsers".as_slice()),
    };
    let rates: [(_, &[&[u8]]); 3] = [
        (OF_ALL_NETWORKS, &[b"new", whose]),
        (OF_NETWORK, &[b"network", whose, narrow]),
        (OF_WIDE_NETWORK, &[b"network", whose, wide]),
    ];
    rates
        .into_iter()
        .fold(counters, |counters, (rate, detail)| {
            counters.by_rule(at(rate), Limit::WrongCodes, about, detail)
        })
}
