//! For whom passwords are hashed: who is known, and who is a stranger.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, SECRET, STAPLE, keyring};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::client::{Client, Devices};
use phone_auth_core::password::{Password, Requester};
use phone_auth_core::user::User;
use phone_auth_tokens::{Keyring, SecretKey};

/// Another secret, for a rotation.
const NEWER: &str = "Xw7Lr2DnVb9KcTz4HsYp6MfQj8Ga3Eu5-core";

/// What this user's browser holds.
fn remembered(accounts: &Accounts, user: &User) -> Client {
    let devices = accounts.remember_device(user).unwrap();
    Client::new().with_devices(Devices::parse(&devices.text()))
}

/// For whom a wrong password is checked, when this client gives it.
async fn asks(kit: &Kit, accounts: &Accounts, client: &Client, login: &str) -> Requester {
    kit.hasher.forget();
    let accounts = accounts.for_client(client.clone());
    let refused = accounts
        .log_in(login, &Password::new("wrong horse"), None)
        .await;
    assert!(refused.is_err());
    assert_eq!(kit.hasher.checked(), 1, "{login}");
    kit.hasher.last().unwrap()
}

/// Whether the client is known by its device for this account.
async fn is_known(kit: &Kit, accounts: &Accounts, client: &Client, login: &str) -> bool {
    let requester = asks(kit, accounts, client, login).await;
    let is_known = format!("{requester:?}").contains("lane: Device");
    assert!(
        is_known || requester == Requester::stranger(client, login),
        "{requester:?}"
    );
    is_known
}

#[tokio::test]
async fn device_is_known_for_its_account() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let ann = kit.log_in("ann", HORSE).await.user;
    let client = remembered(&kit.accounts, &ann);
    for login in ["ann", ANNS_EMAIL, ANNS_PHONE] {
        assert!(
            is_known(&kit, &kit.accounts, &client, login).await,
            "{login}"
        );
    }
    for login in ["bob", "nobody", "nobody@example.org", "-"] {
        assert!(
            !is_known(&kit, &kit.accounts, &client, login).await,
            "{login}"
        );
    }
    assert!(!is_known(&kit, &kit.accounts, &Client::new(), "ann").await);

    // Two of one household, each remembered beside the other, and once.
    let bob = kit.log_in("bob", HORSE).await.user;
    let both = remembered(&kit.accounts.for_client(client), &bob);
    for login in ["ann", "bob"] {
        assert!(is_known(&kit, &kit.accounts, &both, login).await, "{login}");
    }
    let again = kit.accounts.for_client(both).remember_device(&ann).unwrap();
    assert_eq!(again.text().split('.').count(), 2);
}

/// Before it is known whose the name is, too: anyone who was signed in here once is no stranger, whichever account is asked
/// for and whichever key has signed.
#[tokio::test]
async fn accounts_are_looked_up_by_who_asks() {
    let kit = Kit::with_ann().await;
    let ann = kit.log_in("ann", HORSE).await.user;
    let known = remembered(&kit.accounts, &ann);
    let text = kit.accounts.remember_device(&ann).unwrap().text();
    let other_site = kit.rekeyed(Keyring::new(SecretKey::new(NEWER).unwrap()));
    let other = remembered(&other_site, &ann);
    let current_user = kit.current_user("ann", HORSE).await;
    let signed_in = Client::new().signed_in(&current_user);
    let stranger = |login: &str| Requester::stranger(&Client::new(), login);
    let looked_up_for = async |client: &Client, login: &str, flow: &str| {
        let accounts = kit.accounts.for_client(client.clone());
        match flow {
            "log in" => drop(
                accounts
                    .log_in(login, &Password::new("wrong horse"), None)
                    .await,
            ),
            _ => drop(accounts.request_password_reset(login).await),
        }
        kit.store.looked_up_for().unwrap()
    };
    for flow in ["log in", "reset"] {
        for login in ["ann@example.org", "nobody@example.org"] {
            let asker = looked_up_for(&known, login, flow).await;
            assert!(format!("{asker:?}").contains("lane: Device"), "{asker:?}");
            let of_device = asker;
            // Another device of the same account has the same share.
            let again = remembered(&kit.accounts, &ann);
            assert_eq!(looked_up_for(&again, login, flow).await, of_device);
            let asker = looked_up_for(&signed_in, login, flow).await;
            assert_eq!(asker, Requester::signed_in(&Client::new(), ann.id));
            for client in [&Client::new(), &other] {
                assert_eq!(looked_up_for(client, login, flow).await, stranger(login));
            }
        }
    }
    // The nonce and the time are in the first 24 bytes, 32 letters.
    for place in 0..32 {
        let mut altered = text.clone().into_bytes();
        let byte = altered.get_mut(place).unwrap();
        *byte = if *byte == b'B' { b'C' } else { b'B' };
        let devices = Devices::parse(&String::from_utf8(altered).unwrap());
        let client = Client::new().with_devices(devices);
        let asker = looked_up_for(&client, "ann@example.org", "reset").await;
        assert_eq!(asker, stranger("ann@example.org"), "{place}");
    }
    kit.clock.advance(Devices::LIFETIME);
    let asker = looked_up_for(&known, "ann@example.org", "reset").await;
    assert_eq!(asker, stranger("ann@example.org"), "it is over");
}

#[tokio::test]
async fn altered_devices_are_strangers() {
    let kit = Kit::with_ann().await;
    let ann = kit.log_in("ann", HORSE).await.user;
    let text = kit.accounts.remember_device(&ann).unwrap().text();
    for place in 0..text.len() {
        let mut altered = text.clone().into_bytes();
        let byte = altered.get_mut(place).unwrap();
        *byte = if *byte == b'B' { b'C' } else { b'B' };
        let altered = String::from_utf8(altered).unwrap();
        let client = Client::new().with_devices(Devices::parse(&altered));
        assert!(
            !is_known(&kit, &kit.accounts, &client, "ann").await,
            "{place}"
        );
    }
}

#[tokio::test]
async fn devices_end_with_the_password() {
    let kit = Kit::with_ann().await;
    let ann = kit.log_in("ann", HORSE).await.user;
    let client = remembered(&kit.accounts, &ann);
    let (id, token) = kit.reset_link(ANNS_EMAIL).await;
    assert!(is_known(&kit, &kit.accounts, &client, "ann").await);
    let new = Password::new(STAPLE);
    let reset = kit.accounts.reset_password(&id, &token, &new, &new).await;
    assert!(
        !is_known(&kit, &kit.accounts, &client, "ann").await,
        "after the reset"
    );
    // Anyone who followed the link is known from then on.
    let client = remembered(&kit.accounts, &reset.unwrap());
    assert!(is_known(&kit, &kit.accounts, &client, "ann").await);

    let current_user = kit.current_user("ann", STAPLE).await;
    let changed = Password::new("purple monkey dishwasher");
    let key = kit
        .accounts
        .change_password(&current_user, &new, &changed, &changed)
        .await
        .unwrap();
    assert!(
        !is_known(&kit, &kit.accounts, &client, "ann").await,
        "after the change"
    );
    let current_user = kit.accounts.current_user(&key).await.unwrap().unwrap();
    let client = remembered(&kit.accounts, current_user.user());
    assert!(is_known(&kit, &kit.accounts, &client, "ann").await);
}

#[tokio::test]
async fn upgraded_hash_is_remembered() {
    let kit = Kit::new();
    // Django's, of our costs, with a salt of its own.
    let old = "argon2$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$X8Bt7kothtMC1iGQcJE830rekyLLva2apkp2adF+MMI";
    kit.store_user("olga", old).await;
    let olga = kit.log_in("olga", "S3cret-pass!9").await.user;
    assert_ne!(olga.password.reveal(), old);
    let client = remembered(&kit.accounts, &olga);
    assert!(is_known(&kit, &kit.accounts, &client, "olga").await);
}

#[tokio::test]
async fn devices_outlive_rotations_not_their_time() {
    let kit = Kit::with_ann().await;
    let ann = kit.log_in("ann", HORSE).await.user;
    let client = remembered(&kit.accounts, &ann);
    let newer = || SecretKey::new(NEWER).unwrap();
    let rotated = Keyring::new(newer()).with_fallback(SecretKey::new(SECRET).unwrap());
    assert!(is_known(&kit, &kit.rekeyed(rotated), &client, "ann").await);
    assert!(!is_known(&kit, &kit.rekeyed(Keyring::new(newer())), &client, "ann").await);
    assert!(is_known(&kit, &kit.rekeyed(keyring(SECRET)), &client, "ann").await);

    kit.clock
        .advance(Devices::LIFETIME.saturating_sub(Duration::from_mins(1)));
    assert!(is_known(&kit, &kit.accounts, &client, "ann").await);
    kit.clock.advance(Duration::from_mins(1));
    assert!(!is_known(&kit, &kit.accounts, &client, "ann").await);
}

#[tokio::test]
async fn session_counts_for_its_account() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let client = Client::new().signed_in(&current_user);
    let ann = asks(&kit, &kit.accounts, &client, "ann").await;
    assert_eq!(ann, Requester::signed_in(&client, current_user.user().id));
    let bob = asks(&kit, &kit.accounts, &client, "bob").await;
    assert_eq!(bob, Requester::stranger(&client, "bob"));
}

/// Whether a name exists, or how it is spelled, changes no share.
#[tokio::test]
async fn spellings_share_one_place() {
    let kit = Kit::with_ann().await;
    let client = Client::new().at("203.0.113.7".parse().unwrap());
    for (spellings, canonical) in [
        (["ann", "ANN", " Ann "], "ann"),
        (["nobody", "NoBody", "nobody\t"], "nobody"),
        (
            ["ann@example.org", "Ann@Example.ORG", " ann@example.org"],
            ANNS_EMAIL,
        ),
        (
            ["eve@example.org", "Eve@Example.ORG", "eve@example.org "],
            "eve@example.org",
        ),
        (
            ["+919876543210", "+91 98765 43210", "+91-98765-43210"],
            ANNS_PHONE,
        ),
        (
            ["+442079460019", "+44 20 7946 0019", "+44 (20) 79460019"],
            "+442079460019",
        ),
    ] {
        for spelling in spellings {
            let requester = asks(&kit, &kit.accounts, &client, spelling).await;
            assert_eq!(
                requester,
                Requester::stranger(&client, canonical),
                "{spelling}"
            );
        }
    }
}
