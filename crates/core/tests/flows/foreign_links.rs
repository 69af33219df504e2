//! Reset links that another site has sent: whose password they reset, whatever their tokens look like.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::address::AddressRecord;
use phone_auth_core::foreign_tokens::ForeignTokens;
use phone_auth_core::settings::Methods;
use phone_auth_core::user::User;
use phone_auth_urls::id;

use crate::common::{Kit, SECRET, keyring, unlimited};

/// A site whose tokens have this text.
struct Elsewhere(&'static str);

impl ForeignTokens for Elsewhere {
    fn resets(&self, _user: &User, token: &str, _now: DateTime<Utc>) -> bool {
        token == self.0
    }

    fn verifies(&self, _address: &AddressRecord, _token: &str, _now: DateTime<Utc>) -> bool {
        false
    }

    fn is_older(&self, _token: &str, _time: DateTime<Utc>) -> bool {
        false
    }
}

fn accounts(kit: &Kit, token: &'static str, methods: Methods) -> Accounts {
    let mut settings = unlimited();
    settings.authentication_methods = methods;
    Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
        .foreign_tokens(Elsewhere(token))
        .settings(settings)
        .signals(kit.signals.clone())
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .build()
        .unwrap()
}

/// Ours say at their end, after two dashes, to which address they were sent.
#[tokio::test]
async fn token_of_another_site_may_look_like_ours() {
    let kit = Kit::new();
    let ann = kit.sign_up_ann().await;
    let idb64 = id::encode_user(ann.id.get());
    for token in ["7", "7-9f", "7-e1", "7-p1", "e1", "7-9f-e1x", "7-9f-e01"] {
        let accounts = accounts(&kit, token, Methods::default());
        let found = accounts.check_reset_link(&idb64, token).await;
        assert!(found.is_ok(), "{token}");
        let other = accounts.check_reset_link(&idb64, "8").await;
        assert!(other.is_err(), "{token}");
    }
}

/// A link was sent to an address. Who has none that this site sends resets to has been sent none.
#[tokio::test]
async fn link_to_no_address_resets_nothing() {
    let kit = Kit::new();
    let ann = kit.sign_up_ann().await;
    let idb64 = id::encode_user(ann.id.get());
    for (email, phone) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut methods = Methods::default();
        (methods.username, methods.email, methods.phone) = (true, email, phone);
        let accounts = accounts(&kit, "7-9f", methods);
        let found = accounts.check_reset_link(&idb64, "7-9f").await;
        assert_eq!(found.is_ok(), email || phone, "{email} {phone}");
    }
}
