//! Counters that are full: an operator sees whose they are, and empties those of one alone.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::common::limited::{is_limited, passes};
use crate::common::{self, ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, SECRET, keyring};
use phone_auth_core::accounts::{Accounts, LimitsAbout, UsernameRefusal};
use phone_auth_core::client::Client;
use phone_auth_core::password::Password;
use phone_auth_core::store::LimitStore;

const OFFICE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 8);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

/// Flows that are counted by the client network.
const FLOWS: [&str; 3] = ["log in", "reset", "sign up"];

fn from(kit: &Kit, address: Ipv4Addr) -> Accounts {
    kit.accounts.for_client(Client::new().at(address.into()))
}

/// Whether a flow is refused there, of names that nobody has used yet.
async fn is_refused(kit: &Kit, address: Ipv4Addr, flow: &str, number: u32) -> bool {
    let accounts = from(kit, address);
    let login = format!("nobody{number}@example.org");
    match flow {
        "log in" => is_limited(accounts.log_in(&login, &Password::new("wrong"), None).await),
        "reset" => is_limited(accounts.request_password_reset(&login).await),
        _ => is_limited(accounts.sign_up(common::ann()).await),
    }
}

/// Begins a flow there until it is refused.
async fn fill(kit: &Kit, address: Ipv4Addr, flow: &str) {
    passes(async |number| is_refused(kit, address, flow, number).await).await;
}

/// The limits of the counters that are full, of these.
async fn full(kit: &Kit, about: &LimitsAbout) -> Vec<String> {
    let rows = kit.accounts.full_limits_after(None, 1_000).await.unwrap();
    let mut full: Vec<_> = rows.iter().filter(|row| about.has(row)).collect();
    full.sort_by_key(|row| &row.limit);
    full.iter().map(|row| row.limit.clone()).collect()
}

#[tokio::test]
async fn network_is_shown_and_cleared() {
    let kit = Kit::limited();
    for flow in FLOWS {
        fill(&kit, OFFICE, flow).await;
        fill(&kit, ELSEWHERE, flow).await;
    }
    let of = |address: Ipv4Addr| kit.accounts.limits_about_network(address.into());
    let limits = ["failed_log_ins", "reset_requests", "sign_ups"];
    assert_eq!(full(&kit, &of(OFFICE)).await, limits);
    assert_eq!(full(&kit, &of(NEIGHBOUR)).await, [""; 0]);
    assert_eq!(full(&kit, &of(Ipv4Addr::new(10, 0, 0, 1))).await, [""; 0]);
    // Each of the three, with log-ins that had room, and those around them.
    let cleared = kit.accounts.clear_limits_of_network(OFFICE.into()).await;
    assert_eq!(cleared.unwrap(), 8);
    assert_eq!(full(&kit, &of(OFFICE)).await, [""; 0]);
    assert_eq!(full(&kit, &of(ELSEWHERE)).await, limits);
    // What this process remembers of it is over.
    kit.clock.advance(Duration::from_secs(5));
    for (flow, number) in FLOWS.into_iter().zip(5_000..) {
        assert!(!is_refused(&kit, OFFICE, flow, number).await, "{flow}");
    }
}

/// The network around it counts for all that are in it: clearing one of them frees the others.
#[tokio::test]
async fn wide_network_is_shown_and_cleared() {
    let kit = Kit::limited();
    for host in 20..31 {
        fill(&kit, Ipv4Addr::new(203, 0, 113, host), "sign up").await;
    }
    assert!(is_refused(&kit, OFFICE, "sign up", 0).await);
    let about = kit.accounts.limits_about_network(OFFICE.into());
    assert_eq!(full(&kit, &about).await, ["sign_ups"]);
    assert!(kit.accounts.clear_limits_about(&about).await.unwrap() > 0);
    kit.clock.advance(Duration::from_secs(5));
    assert!(!is_refused(&kit, OFFICE, "sign up", 0).await);
}

/// By each of the names of an account, and by none of another.
#[tokio::test]
async fn account_is_shown_by_its_names() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    kit.sign_up_bob().await;
    let wrong = Password::new("wrong");
    let there = from(&kit, OFFICE);
    passes(async |_| is_limited(there.log_in("ann", &wrong, None).await)).await;
    passes(async |_| is_limited(there.request_password_reset(ANNS_EMAIL).await)).await;
    for (login, expected) in [
        ("ann", &["failures_of_network", "resets_of_address"][..]),
        ("ANN", &["failures_of_network", "resets_of_address"]),
        (ANNS_EMAIL, &["failures_of_network", "resets_of_address"]),
        (ANNS_PHONE, &["failures_of_network", "resets_of_address"]),
        ("bob", &[]),
    ] {
        let about = kit.accounts.limits_about_login(login).await.unwrap();
        assert_eq!(full(&kit, &about).await, expected, "{login}");
    }
    let nobodys = kit.accounts.limits_about_login("nobody").await;
    assert_eq!(common::refusal(nobodys), UsernameRefusal::NoSuchUser);
    let texts = kit.accounts.limits_about_texts("+91").unwrap();
    assert_eq!(full(&kit, &texts).await, [""; 0]);
    assert!(kit.accounts.limits_about_texts("ann").is_none());
}

/// Nobody who has the counters but not the key can tell by a guess whom they are about.
#[tokio::test]
async fn other_key_has_other_counters() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let other = |secret: &str| {
        let builder = Accounts::builder(std::sync::Arc::new(kit.store.clone()), keyring(secret));
        let builder = builder.limits(std::sync::Arc::new(kit.store.clone()));
        let builder = builder.clock(kit.clock.clone()).hasher(kit.hasher.clone());
        builder.signals(kit.signals.clone()).build().unwrap()
    };
    let attack = async |accounts: &Accounts| {
        let stranger = accounts.for_client(Client::new().at(OFFICE.into()));
        let wrong = Password::new("wrong");
        let tried = passes(async |_| is_limited(stranger.log_in("ann", &wrong, None).await)).await;
        let asked = stranger.request_password_reset(ANNS_PHONE).await;
        drop(asked);
        tried
    };
    let same = other(SECRET);
    let another = other("another secret, which is long and random enough: 7fK2");
    assert_eq!(attack(&kit.accounts).await, 5);
    let keys = async || {
        let texts = kit.store.texts_after(None, 1_000).await.unwrap();
        texts.iter().map(|row| row.key).collect::<Vec<_>>()
    };
    let own = keys().await;
    assert_eq!(attack(&same).await, 0, "the same key finds them");
    assert_eq!(keys().await, own);
    assert_eq!(attack(&another).await, 5, "another does not");
    assert_eq!(
        keys().await.len(),
        2 * own.len(),
        "no key is one of the others"
    );
    let about = async |accounts: &Accounts| {
        let of_login = accounts.limits_about_login("ann").await.unwrap();
        full(
            &kit,
            &of_login.and(accounts.limits_about_network(OFFICE.into())),
        )
        .await
    };
    // The second request by the key that both have is one too many.
    let of_both = ["failures_of_network", "resets_of_address"];
    assert_eq!(about(&kit.accounts).await, of_both);
    assert_eq!(about(&another).await, ["failures_of_network"]);
    let right = Password::new(HORSE);
    kit.clock.advance(Duration::from_secs(5));
    assert!(kit.accounts.clear_limits_of_login("ann").await.unwrap() > 0);
    assert_eq!(about(&kit.accounts).await, [""; 0]);
    assert_eq!(about(&another).await, ["failures_of_network"]);
    assert!(!is_limited(
        from(&kit, OFFICE).log_in("ann", &right, None).await
    ));
}
