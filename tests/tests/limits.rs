//! Limits at the bounds that ship, against the program: what strangers may do from how many networks, and who gets in
//! all the same.

#![expect(clippy::print_stdout, reason = "who runs it by hand sees the times")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use phone_auth_tests::{Client, Flood, Kind, OwnDatabase, Post, Site, User};

const WRONG: &str = "not-Her-Password-1";

/// How often a wrong password for this name is checked at this site from this address, of so many tries.
async fn checked(site: &Site, address: [u8; 4], name: &str, tries: usize) -> usize {
    let mut checked = 0;
    for _ in 0..tries {
        let client = site.client().at(address.into());
        let answer = client.post_log_in(name, WRONG).await;
        match answer.status {
            400 => checked += 1,
            status => assert_eq!(status, 429),
        }
    }
    checked
}

/// A client whose browser is remembered, and has no session any more.
async fn known(site: &Site, user: &User) -> Client {
    let member = site.log_in(user).await;
    member.client.log_out().await.expect(302);
    member.client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_restarts_share_limits() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let first = database.site().limited().start().await;
        let ann = first.signed_up().await;
        let others = [
            database.site().limited().start().await,
            database.site().limited().start().await,
        ];
        let mut passed = 0;
        for site in others.iter().chain([&first]).cycle().take(12) {
            passed += checked(site, [127, 0, 9, 1], &ann.username, 1).await;
        }
        assert_eq!(passed, 5, "{kind:?}: three nodes");
        drop(others);
        let again = first.restart(database.site().limited()).await;
        assert_eq!(checked(&again, [127, 0, 9, 1], &ann.email, 3).await, 0);
        assert_eq!(checked(&again, [127, 0, 10, 1], &ann.phone, 7).await, 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owner_gets_in_during_a_flood_of_guesses() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().limited().start().await;
        for networks in [1, 20, 200] {
            let ann = site.signed_up().await;
            // Even from the network that the flood comes from.
            let owner = known(&site, &ann).await.at(Ipv4Addr::new(127, 0, 11, 1));
            let guesses = (0..200_u8).map(|number| {
                let from = Ipv4Addr::new(127, 0, 11, number % networks + 1);
                let fields = [("login", ann.username.as_str()), ("password", WRONG)];
                Post::new("/accounts/login/", fields).from(from)
            });
            let flood = Flood::begin(&site, guesses).await;
            let mut slowest = Duration::ZERO;
            for time in 0..20 {
                let began = Instant::now();
                let answer = owner.post_log_in(&ann.username, &ann.password).await;
                slowest = slowest.max(began.elapsed());
                assert_eq!(answer.status, 302, "{kind:?}, {networks}: {time}");
            }
            // Who is known nowhere is let in by a link.
            let (stranger, began) = (site.client(), Instant::now());
            let link = site.reset_link(&ann.email).await;
            let new = "walnut-Harbour-22";
            stranger.reset(link.url(), new).await.expect(302);
            stranger.log_in(&ann.username, new).await.expect(302);
            let by_link = began.elapsed();
            let answers = flood.end().await;
            println!(
                "{kind:?}, {networks} networks: the slowest log-in took {slowest:?}, the way by a link {by_link:?}, \
                 the flood was answered {answers:?}"
            );
            let checked = answers.get(&400).copied().unwrap_or_default();
            assert!(answers.contains_key(&429), "{answers:?}");
            // Five of a network, and of all together ten at once and then ever fewer; and as many of the new password.
            assert!(checked <= 40, "{kind:?}, {networks}: {answers:?}");
        }
    }
}

#[tokio::test]
async fn refusals_do_not_tell_who_is_there() {
    let site = Site::options().limited().start().await;
    let ann = site.signed_up().await;
    let mut pages = Vec::new();
    for (name, network) in [(ann.username.as_str(), 1), ("nobody-of-this-site", 2)] {
        let address = [127, 0, 12, network];
        assert_eq!(checked(&site, address, name, 8).await, 5);
        let client = site.client().at(address.into());
        let answer = client.post_log_in(name, WRONG).await.expect(429);
        assert!(answer.header("retry-after").is_some());
        let tokenless: Vec<_> = answer
            .text()
            .lines()
            .filter(|line| !line.contains("csrfmiddlewaretoken"))
            .map(|line| {
                line.replace(name, "NAME")
                    .replace(|sign: char| sign.is_ascii_digit(), "")
            })
            .collect();
        pages.push(tokenless);
    }
    assert_eq!(pages.first(), pages.last());
}
