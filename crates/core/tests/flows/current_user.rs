//! What someone who is logged in is called, and whether they must verify an address first.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit};
use phone_auth_core::address::{Address, AddressCaps, AddressKind, PhoneNumber};
use phone_auth_core::outbox::Notices;

use phone_auth_core::store::AddressStore as _;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};

const MADE_UP: &str = "0f8fad5bd9cb469fa16570867728950e";
const SECOND: &str = "+442079460018";
const CAPS: AddressCaps = AddressCaps {
    all: 10,
    unverified: 10,
    replaces: None,
};

#[tokio::test]
async fn nameless_users_are_called_by_their_number() {
    let (own, none) = (ANNS_EMAIL, "");
    for (by_username, username, email, verified, display, account) in [
        (true, "ann", own, [false, false], "Ann", "ann"),
        // Where nobody logs in by a username, an application makes it up as it likes.
        (false, "guest-7", own, [false, false], "Ann", own),
        (false, "guest-7", none, [false, false], "Ann", ANNS_PHONE),
        (true, MADE_UP, own, [false, false], "Ann", own),
        (true, MADE_UP, none, [false, false], "Ann", ANNS_PHONE),
        (true, MADE_UP, none, [true, true], "Ann", ANNS_PHONE),
        (true, MADE_UP, none, [false, true], "Ann", SECOND),
        (true, MADE_UP, none, [true, false], "Ann", ANNS_PHONE),
    ] {
        let kit = Kit::with_settings(|it| it.authentication_methods.username = by_username);
        kit.sign_up_ann().await;
        let key = kit.log_in(ANNS_EMAIL, HORSE).await.key;
        let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
        let id = ann.user().id;
        let second = Address::Phone(PhoneNumber::parse(SECOND).unwrap());
        let added = kit
            .store
            .add_address(id, &second, CAPS, &Notices::default())
            .await
            .unwrap();
        let first = kit.address(&ann, AddressKind::Phone).await;
        for (phone, is_verified) in [first, added].iter().zip(verified) {
            let change = ExternalChange::SetVerified(AddressKind::Phone, phone.id, is_verified);
            kit.store.make(change).await;
        }
        for change in [
            ExternalChange::RenameUser(id, username.to_owned()),
            ExternalChange::SetOwnEmail(id, email.to_owned()),
        ] {
            kit.store.make(change).await;
        }
        let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
        let settings = kit.accounts.settings();
        let called = (ann.display_name(settings), ann.account_name(settings));
        let case = format!("{username} {email:?} {verified:?}");
        assert_eq!(called, (Some(display), Some(account)), "{case}");
    }
}

#[tokio::test]
async fn one_verified_address_of_any_kind_is_enough() {
    for is_required in [true, false] {
        for verified in [[false, false], [true, false], [false, true], [true, true]] {
            let kit = Kit::with_settings(|settings| settings.require_verified = is_required);
            kit.sign_up_ann().await;
            let key = kit.log_in("ann", HORSE).await.key;
            let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
            let kinds = [AddressKind::Email, AddressKind::Phone];
            for (kind, is_verified) in kinds.into_iter().zip(verified) {
                let address = kit.address(&ann, kind).await;
                let change = ExternalChange::SetVerified(kind, address.id, is_verified);
                kit.store.make(change).await;
            }
            let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
            let must = is_required && verified == [false, false];
            assert_eq!(
                kit.accounts.must_verify(&ann),
                must,
                "{is_required} {verified:?}"
            );
        }
    }
}
