//! By what a name is counted: whatever finds a user counts as that user, and all else as nobody.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;

use phone_auth_core::accounts::{Accounts, FailureKind, FlowError};
use phone_auth_core::client::Client;
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::{EncodedPassword, Password};
use phone_auth_core::signals::Signals;
use phone_auth_core::tokens::{Keyring, SecretKey};
use phone_auth_core::user::NewUser;

use super::Subject;
use super::sample::at;
use crate::plain::Plain;

/// Spellings of `ádmin` with a number behind it, and whether they find the user of that name.
const SPELLINGS: [(&str, bool); 7] = [
    ("\u{e1}dmin", true),
    ("\u{e1}DMIN", true),
    // The accent apart, none, another one, a large one, and letters of another width: names of others, if of anyone.
    ("a\u{301}dmin", false),
    ("admin", false),
    ("\u{e0}dmin", false),
    ("\u{c1}dmin", false),
    ("\u{e1}\u{ff44}min", false),
];

/// Whether a wrong password is refused unread there.
async fn is_limited(accounts: &Accounts, network: u8, login: &str) -> bool {
    let client = Client::new().at(Ipv4Addr::new(203, network, 113, 7).into());
    let tried = accounts.for_client(client);
    let tried = tried.log_in(login, &Password::new("wrong"), None).await;
    matches!(
        tried,
        Err(FlowError::Failed(failure)) if matches!(failure.kind(), FailureKind::Limited { .. })
    )
}

pub(super) async fn names_are_counted_as_they_are_found(subject: &Subject) {
    let store = subject.shared_store();
    let key = SecretKey::generate().unwrap();
    let accounts = Accounts::builder(subject.shared_store(), Keyring::new(key))
        .limits(subject.limits_of(0))
        .signals(Signals::isolated())
        .hasher(Plain)
        .build()
        .unwrap();
    for (network, (spelling, finds)) in (1..).zip(SPELLINGS) {
        // What another program stored, one for each spelling.
        let username = format!("\u{e1}dmin{network}");
        let new = NewUser {
            username: username.clone(),
            first_name: String::new(),
            last_name: String::new(),
            password: EncodedPassword::new("plain$plum-Orchard-1"),
            email: None,
            phone: None,
            date_joined: at(0),
            notices: Notices::default(),
            closes_at: None,
        };
        let user = store.create_user(&new).await.unwrap();
        let typed = format!("{spelling}{network}");
        let found = accounts.find(&typed).await.unwrap();
        assert_eq!(found.map(|it| it.id), finds.then_some(user.id), "{typed:?}");
        let mut tried = 0;
        while !is_limited(&accounts, network, &typed).await {
            tried += 1;
            assert!(tried <= 5, "{typed:?} has no limit");
        }
        assert_eq!(tried, 5, "{typed:?}");
        assert_eq!(
            is_limited(&accounts, network, &username).await,
            finds,
            "{typed:?} is counted as {username:?}"
        );
    }
}
