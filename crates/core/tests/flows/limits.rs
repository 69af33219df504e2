//! Limits, at the bounds that ship: what strangers may do, and who gets in all the same.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::common::limited::{is_limited, passes};
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE};
use phone_auth_core::accounts::{Accounts, FailureKind, FlowError};
use phone_auth_core::address::AddressKind;
use phone_auth_core::client::{Client, Devices};
use phone_auth_core::password::Password;
use phone_auth_core::store::StoreErrorKind;

/// A network of its own for each number, and a wide one for each 100.
fn network(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(203, number / 100, number, 7)
}

/// The flows for a stranger in a network.
fn from(kit: &Kit, address: Ipv4Addr) -> Accounts {
    kit.accounts.for_client(Client::new().at(address.into()))
}

/// How a flow ended: done or refused for a reason of its own, or the seconds until it is possible again.
fn limited<T, R>(outcome: Result<T, FlowError<R>>) -> Option<u64> {
    match outcome {
        Err(FlowError::Failed(failure)) => match failure.kind() {
            FailureKind::Limited { wait, .. } => Some(wait.as_secs()),
            kind => {
                assert_eq!(kind, FailureKind::Busy);
                None
            }
        },
        Ok(_) | Err(FlowError::Refused(_)) => None,
    }
}

/// Tries a password once.
async fn try_log_in(accounts: &Accounts, login: &str, password: &str) -> Option<u64> {
    limited(accounts.log_in(login, &Password::new(password), None).await)
}

/// How often a wrong password is checked before the client is limited, and the wait then.
async fn guesses(accounts: &Accounts, login: &str) -> (u32, u64) {
    let mut waits = None;
    let checked = passes(async |_| {
        waits = try_log_in(accounts, login, "wrong horse").await;
        waits.is_some()
    });
    (checked.await, waits.unwrap())
}

#[tokio::test]
async fn failed_log_ins_of_a_network_end() {
    let kit = Kit::limited();
    let stranger = from(&kit, network(1));
    for number in 0..10 {
        let login = format!("nobody{number}@example.org");
        assert_eq!(try_log_in(&stranger, &login, "wrong").await, None);
    }
    assert_eq!(
        try_log_in(&stranger, "nobody@example.org", "wrong").await,
        Some(6)
    );
    assert_eq!(kit.hasher.checked(), 10);
    // Others are not meant.
    assert_eq!(
        try_log_in(&from(&kit, network(2)), "nobody", "wrong").await,
        None
    );
    kit.clock.advance(Duration::from_secs(6));
    assert_eq!(guesses(&stranger, "someone else").await, (1, 6));
}

/// Whatever devices it makes up: only one of ours is looked at more closely.
#[tokio::test]
async fn flood_costs_the_store_nothing() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let ann = kit.log_in("ann", HORSE).await.user;
    let device = || kit.accounts.remember_device(&ann).unwrap().text();
    let expired = device();
    kit.clock.advance(Devices::LIFETIME);
    let genuine = device();
    let (first, rest) = genuine.split_at(1);
    let altered = format!("{}{rest}", if first == "B" { "C" } else { "B" });
    let made_up = "A".repeat(genuine.len());
    let from = |devices: &str| {
        let client = Client::new().at(network(1).into());
        let devices = Devices::parse(devices);
        kit.accounts.for_client(client.with_devices(devices))
    };
    let ask = async |flow: &str, devices: &str, number: u32| {
        let (accounts, login) = (from(devices), format!("nobody{number}@example.org"));
        match flow {
            "log in" => {
                let password = Password::new("wrong");
                is_limited(accounts.log_in(&login, &password, None).await)
            }
            _ => is_limited(accounts.request_password_reset(&login).await),
        }
    };
    for flow in ["log in", "reset"] {
        passes(async |number| ask(flow, "", number).await).await;
    }
    kit.store.fail_with(StoreErrorKind::Unavailable);
    let several = [made_up.as_str(), &altered, &expired].join(".");
    for flow in ["log in", "reset"] {
        for devices in ["", &made_up, &altered, &expired, &several] {
            for number in 0..20 {
                assert!(ask(flow, devices, number).await, "{flow} {devices}");
            }
        }
        assert!(
            !ask(flow, &genuine, 0).await,
            "{flow}: a device of ours is looked at"
        );
    }
}

#[tokio::test]
async fn spellings_share_one_counter() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let stranger = from(&kit, network(1));
    for login in [
        "ann",
        "Ann@Example.ORG",
        ANNS_PHONE,
        "ANN",
        " +91 98765-43210 ",
    ] {
        assert_eq!(try_log_in(&stranger, login, "wrong").await, None, "{login}");
    }
    for login in ["ann", ANNS_EMAIL, ANNS_PHONE, "aNN"] {
        assert!(
            try_log_in(&stranger, login, HORSE).await.is_some(),
            "{login}"
        );
    }
    assert_eq!(kit.hasher.checked(), 5);
}

#[tokio::test]
async fn unknown_names_are_limited_alike() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    kit.store_user("disabled", "!").await;
    let mut all = Vec::new();
    for (number, login) in (1..).zip(["ann", "nobody", "disabled", "nobody@example.org", "-"]) {
        let mut waits = Vec::new();
        // From one network, then from many.
        for other in 0..20 {
            let network = Ipv4Addr::new(198, number, other / 7, 1);
            waits.push(try_log_in(&from(&kit, network), login, "wrong").await);
            kit.clock.advance(Duration::from_millis(100));
        }
        assert!(waits.iter().any(Option::is_some), "{login}");
        all.push(waits);
    }
    let first = all.first().unwrap().clone();
    assert!(all.iter().all(|waits| *waits == first), "{all:?}");
}

#[tokio::test]
async fn parallel_guesses_are_bounded() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let guesses: Vec<_> = (0..200)
        .map(|_| {
            let stranger = from(&kit, network(1));
            tokio::spawn(async move { try_log_in(&stranger, "ann", "wrong").await })
        })
        .collect();
    let mut passed = 0;
    for guess in guesses {
        passed += usize::from(guess.await.unwrap().is_none());
    }
    assert_eq!((passed, kit.hasher.checked()), (5, 5));
}

#[tokio::test]
async fn own_success_refills_nobody_else() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    kit.sign_up_bob().await;
    let stranger = from(&kit, network(1));
    for _ in 0..4 {
        assert_eq!(try_log_in(&stranger, "ann", "wrong").await, None);
    }
    for _ in 0..3 {
        kit.clock.advance(Duration::from_millis(1));
        assert_eq!(try_log_in(&stranger, "bob", HORSE).await, None);
    }
    assert_eq!(guesses(&stranger, "ann").await.0, 1);
    // Nor does it take from others what they may fail.
    for _ in 0..20 {
        kit.clock.advance(Duration::from_secs(2));
        assert_eq!(try_log_in(&stranger, "bob", HORSE).await, None);
    }
}

#[tokio::test]
async fn failures_from_many_networks_slow_down_and_stop() {
    let kit = Kit::limited();
    let ann = kit.sign_up_ann().await;
    let devices = kit.accounts.remember_device(&ann).unwrap();
    let mut waits = Vec::new();
    passes(async |number| {
        let [.., number] = number.to_be_bytes();
        let stranger = from(&kit, Ipv4Addr::new(100, number, number, 1));
        if let Some(wait) = try_log_in(&stranger, "ann", "wrong").await {
            waits.push(wait);
            kit.clock.advance(Duration::from_secs(wait));
        }
        kit.hasher.checked() == 100
    })
    .await;
    assert_eq!(waits.get(..5), Some(&[1, 2, 4, 8, 16][..]));
    // For strangers there is an end, whatever they know.
    for days in [0, 1, 20] {
        kit.clock.advance(Duration::from_hours(24 * days));
        let stranger = from(&kit, network(99));
        assert!(
            try_log_in(&stranger, "ann", HORSE).await.is_some(),
            "{days}"
        );
    }
    assert_eq!(kit.hasher.checked(), 100);
    // Not for the browser that Ann has signed in with before, which does not let strangers begin anew.
    let known = Client::new().with_devices(Devices::parse(&devices.text()));
    let known = kit.accounts.for_client(known.at(network(99).into()));
    assert_eq!(try_log_in(&known, "ann", HORSE).await, None);
    let stranger = from(&kit, network(98));
    assert!(try_log_in(&stranger, "ann", HORSE).await.is_some());
}

#[tokio::test]
async fn right_password_ends_the_row() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    for round in 0..4_u8 {
        for number in 0..9 {
            let stranger = from(&kit, Ipv4Addr::new(100, round, number, 1));
            let refused = try_log_in(&stranger, "ann", "wrong").await;
            assert_eq!(refused, None, "{round}");
        }
        let owner = from(&kit, network(round));
        assert_eq!(try_log_in(&owner, "ann", HORSE).await, None, "{round}");
    }
}

#[tokio::test]
async fn reset_link_ends_a_stop() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let stop = async || {
        for number in 0..40 {
            let stranger = from(&kit, Ipv4Addr::new(100, number, 1, 1));
            try_log_in(&stranger, "ann", "wrong").await;
        }
    };
    stop().await;
    let owner = from(&kit, network(1));
    assert!(try_log_in(&owner, "ann", HORSE).await.is_some());
    let (id, token) = kit.reset_link(ANNS_EMAIL).await;
    let new = Password::new(STAPLE);
    owner.reset_password(&id, &token, &new, &new).await.unwrap();
    assert_eq!(try_log_in(&owner, "ann", STAPLE).await, None);
}

#[tokio::test]
async fn known_browser_is_counted_apart() {
    let kit = Kit::limited();
    let ann = kit.sign_up_ann().await;
    let bob = kit.sign_up_bob().await;
    let strangers = from(&kit, network(1));
    passes(async |_| try_log_in(&strangers, "ann", "wrong").await.is_some()).await;
    for number in 0..20 {
        try_log_in(&strangers, &format!("nobody{number}"), "wrong").await;
    }
    let known = |user| {
        let devices = kit.accounts.remember_device(user).unwrap();
        let client = Client::new().at(network(1).into());
        let client = client.with_devices(Devices::parse(&devices.text()));
        kit.accounts.for_client(client)
    };
    let owner = known(&ann);
    for _ in 0..20 {
        kit.clock.advance(Duration::from_millis(1));
        assert_eq!(try_log_in(&owner, "ann", HORSE).await, None);
        assert!(try_log_in(&strangers, "ann", "wrong").await.is_some());
    }
    // A browser that is known for one account is a stranger to another.
    assert!(try_log_in(&known(&bob), "ann", "wrong").await.is_some());
    // It was refused as one, at a network that is over its limits: for five seconds it is refused before it is looked at.
    assert!(try_log_in(&known(&bob), "bob", "wrong").await.is_some());
    kit.clock.advance(Duration::from_secs(5));
    // What it fails is counted too.
    assert_eq!(guesses(&known(&bob), "bob").await.0, 5);
}

#[tokio::test]
async fn resets_are_limited_by_network_and_address() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let ask = async |network, login: &str| {
        limited(from(&kit, network).request_password_reset(login).await)
    };
    for number in 0..20 {
        let login = format!("nobody{number}@example.org");
        assert_eq!(ask(network(1), &login).await, None, "{number}");
    }
    assert_eq!(ask(network(1), "nobody@example.org").await, Some(3));
    assert_eq!(ask(network(1), ANNS_EMAIL).await, Some(3));
    for login in [ANNS_EMAIL, "nobody@example.net", "ann", "nobody"] {
        // One network has half of what all have. What all have stops messages and nobody: the owner may be next.
        let passed = async |network| passes(async |_| ask(network, login).await.is_some()).await;
        kit.clock.advance(Duration::from_mins(1));
        kit.record.forget();
        for number in 2..7 {
            assert_eq!(passed(network(number)).await, 2, "{login}");
        }
        let sent = kit.record.messages().len();
        assert_eq!(sent, if login == ANNS_EMAIL { 5 } else { 0 }, "{login}");
    }
}

/// Each browser that is known for an account has what it may fail, and requests of its own.
#[tokio::test]
async fn known_browsers_use_up_nothing_of_each_other() {
    let kit = Kit::limited();
    let ann = kit.sign_up_ann().await;
    let known = || {
        let devices = kit.accounts.remember_device(&ann).unwrap();
        let client = Client::new().at(network(1).into());
        let client = client.with_devices(Devices::parse(&devices.text()));
        kit.accounts.for_client(client)
    };
    let (one, other) = (known(), known());
    assert_eq!(guesses(&one, "ann").await.0, 5);
    assert_eq!(guesses(&other, "ann").await.0, 5);

    let stranger = |number| from(&kit, network(number));
    let requests = async |accounts: &Accounts| {
        passes(async |_| is_limited(accounts.request_password_reset(ANNS_EMAIL).await)).await
    };
    let mut passed = 0;
    for number in 2..6 {
        passed += requests(&stranger(number)).await;
    }
    assert_eq!((passed, kit.record.messages().len()), (8, 5));
    kit.record.forget();
    assert_eq!(requests(&one).await, 5);
    assert_eq!(requests(&other).await, 5);
    assert_eq!(kit.record.messages().len(), 10);
}

/// A right password gives back what was counted as a failure, not that someone logged in.
#[tokio::test]
async fn log_ins_are_counted_whatever_becomes_of_them() {
    let kit = Kit::limited();
    kit.sign_up_bob().await;
    let client = from(&kit, network(1));
    for number in 0..30 {
        kit.clock.advance(Duration::from_millis(1));
        assert_eq!(try_log_in(&client, "bob", HORSE).await, None, "{number}");
    }
    kit.clock.advance(Duration::from_millis(1));
    assert_eq!(try_log_in(&client, "bob", HORSE).await, Some(1));
}

#[tokio::test]
async fn sign_ups_of_a_wide_network_end() {
    let kit = Kit::limited();
    let mut passed = Vec::new();
    for host in 0..12 {
        let stranger = from(&kit, Ipv4Addr::new(203, 0, 113, host));
        // Whatever becomes of them.
        let sign_ups = passes(async |_| limited(stranger.sign_up(common::ann()).await).is_some());
        passed.push(sign_ups.await);
    }
    assert_eq!(passed.get(..9), Some(&[20; 9][..]));
    assert_eq!(passed.iter().sum::<u32>(), 200);
}

#[tokio::test]
async fn own_requests_are_limited_by_user() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    kit.sign_up_bob().await;
    let ann = kit.current_user("ann", HORSE).await;
    let bob = kit.current_user("bob", HORSE).await;
    let accounts = &kit.accounts;

    let phone = kit.address(&ann, AddressKind::Phone).await;
    let email = kit.address(&ann, AddressKind::Email).await;
    let verify = async |address: &phone_auth_core::address::AddressRecord| {
        limited(
            accounts
                .request_verification(&ann, address.kind, address.id)
                .await,
        )
    };
    for address in [&phone, &email] {
        // The second of two clicks is answered as the first, and sends nothing.
        kit.record.forget();
        assert_eq!([verify(address).await, verify(address).await], [None; 2]);
        assert_eq!(kit.record.messages().len(), 1);
    }
    kit.clock.advance(Duration::from_secs(10));
    assert_eq!(
        [verify(&phone).await, verify(&email).await],
        [Some(20), Some(170)]
    );
    kit.clock.advance(Duration::from_secs(20));
    assert_eq!(verify(&phone).await, None);
    for _ in 2..10 {
        kit.clock.advance(Duration::from_secs(30));
        assert_eq!(verify(&phone).await, None);
    }
    kit.clock.advance(Duration::from_secs(30));
    assert_eq!(verify(&phone).await, Some(60));

    let (wrong, new) = (Password::new("wrong"), Password::new(STAPLE));
    for user in [&ann, &bob] {
        for _ in 0..5 {
            let outcome = accounts.change_password(user, &wrong, &new, &new).await;
            assert_eq!(limited(outcome), None);
        }
        let outcome = accounts.change_password(user, &wrong, &new, &new).await;
        assert_eq!(limited(outcome), Some(12));
        for number in 0..11 {
            let text = format!("more{number}@{}.example", user.user().username);
            let added = accounts.add_address(user, AddressKind::Email, &text).await;
            let expected = (number == 10).then_some(360);
            assert_eq!(limited(added), expected, "{text}");
        }
    }
}

#[tokio::test]
async fn limit_is_told_once_a_minute() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let stranger = from(&kit, network(1));
    let told = || {
        let mut lines = kit.record.take();
        lines.retain(|line| line.starts_with("attempt_limited"));
        lines
    };
    for seconds in [0, 1, 30, 28] {
        kit.clock.advance(Duration::from_secs(seconds));
        guesses(&stranger, "ann").await;
    }
    assert_eq!(told(), ["attempt_limited log_in ann failures_of_network"]);
    kit.clock.advance(Duration::from_secs(1));
    guesses(&stranger, "ann").await;
    assert_eq!(told().len(), 1);
}

/// Also where this process remembers that the limit was met, and asks no store.
#[tokio::test]
async fn limit_is_told_from_memory_too() {
    let kit = Kit::limited();
    let ann = kit.sign_up_ann().await;
    let mut networks = 1..;
    let mut refused = async || {
        let network = Ipv4Addr::new(100, networks.next().unwrap(), 1, 1);
        try_log_in(&from(&kit, network), "ann", "wrong").await
    };
    passes(async |_| {
        let wait = refused().await.unwrap_or_default();
        let is_over = wait >= 200;
        if !is_over {
            kit.clock.advance(Duration::from_secs(wait));
        }
        is_over
    })
    .await;
    kit.record.take();
    for (seconds, told) in [(61, 1), (57, 0)] {
        kit.clock.advance(Duration::from_secs(seconds));
        assert!(refused().await.is_some());
        assert_eq!(kit.record.take_flows().len(), told, "{seconds}");
    }
    // From here on the store would let it pass.
    assert!(kit.accounts.clear_limits(ann.id).await.unwrap() > 0);
    for told in [0, 0, 1, 0] {
        kit.clock.advance(Duration::from_secs(1));
        assert!(refused().await.is_some());
        let lines = kit.record.take_flows();
        let expected = "attempt_limited log_in ann failures_in_a_row";
        assert_eq!(lines, vec![expected; told]);
    }
}

#[tokio::test]
async fn operator_clears_a_user() {
    let kit = Kit::limited();
    let ann = kit.sign_up_ann().await;
    for number in 0..40 {
        let stranger = from(&kit, Ipv4Addr::new(100, number, 1, 1));
        guesses(&stranger, "ann").await;
    }
    let full = kit.accounts.full_limits_after(None, 100).await.unwrap();
    let limits: Vec<_> = full.iter().map(|row| row.limit.as_str()).collect();
    assert!(limits.contains(&"failures_in_a_row"), "{limits:?}");
    assert!(limits.contains(&"failures_of_network"), "{limits:?}");
    assert_eq!(kit.accounts.clear_limits(ann.id).await.unwrap(), 3);
    assert_eq!(kit.accounts.full_limits_after(None, 100).await.unwrap(), []);
    kit.clock.advance(Duration::from_secs(5));
    let stranger = from(&kit, Ipv4Addr::new(100, 0, 1, 1));
    assert_eq!(try_log_in(&stranger, "ann", HORSE).await, None);
}

#[tokio::test]
async fn nothing_is_limited_where_it_is_off() {
    let kit = Kit::new();
    let stranger = from(&kit, network(1));
    for _ in 0..40 {
        assert_eq!(try_log_in(&stranger, "nobody", "wrong").await, None);
    }
    assert_eq!(kit.store.limit_count(), 0);
}
