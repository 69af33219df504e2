//! Removing addresses, choosing the primary one, and what operators do with them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common;
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, failure, refusal};
use phone_auth_core::accounts::{
    AddAddressRefusal, CurrentUser, InvalidLink, LastWayIn, PrimaryRefusal, Removal, RenameRefusal,
};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::settings::NoticesBy;
use phone_auth_core::store::UserStore;
use phone_auth_core::user::User;
use phone_auth_events::{AccountChange, SecurityNoticeEmail, SecurityNoticePhone};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

const WORK: &str = "ann@work.example";

async fn own(kit: &Kit, ann: &CurrentUser, value: &str) -> AddressRecord {
    let addresses = kit.accounts.addresses(ann).await.unwrap();
    let found = addresses.into_iter().find(|it| it.value == value);
    found.unwrap()
}

async fn set_verified(kit: &Kit, ann: &CurrentUser, value: &str) {
    let address = own(kit, ann, value).await;
    let set = kit.accounts.set_verified(ann.user(), &address, true).await;
    assert!(set.unwrap().is_changed());
    kit.record.forget();
}

#[tokio::test]
async fn removed_address_is_told_and_leads_nowhere() {
    let kit = Kit::with_settings(|settings| settings.notices = NoticesBy::All);
    kit.sign_up_ann().await;
    let mut emails = kit.signals.capture::<SecurityNoticeEmail>();
    let mut phones = kit.signals.capture::<SecurityNoticePhone>();
    let ann = kit.current_user("ann", HORSE).await;
    let email = own(&kit, &ann, ANNS_EMAIL).await;
    let verification = kit.verification_link(&ann, &email).await;
    set_verified(&kit, &ann, ANNS_EMAIL).await;
    set_verified(&kit, &ann, ANNS_PHONE).await;
    let reset = kit.reset_link(ANNS_EMAIL).await;
    drop((emails.take(), phones.take()));
    kit.record.forget();

    let removed = kit.accounts.remove_address(&ann, email.kind, email.id);
    assert!(matches!(removed.await.unwrap(), Removal::Removed(it) if it.value == ANNS_EMAIL));
    assert_eq!(
        kit.record.take_flows(),
        ["email_removed remove_address ann ann@example.org"]
    );
    // The one that is gone hears of it as well: it may be the thief who removes it.
    let change = AccountChange::AddressRemoved(ANNS_EMAIL.to_owned());
    let told: Vec<_> = emails
        .take()
        .into_iter()
        .map(|it| (it.email, it.change))
        .collect();
    assert_eq!(told, [(ANNS_EMAIL.to_owned(), change.clone())]);
    let told: Vec<_> = phones
        .take()
        .into_iter()
        .map(|it| (it.phone, it.change))
        .collect();
    assert_eq!(told, [(ANNS_PHONE.to_owned(), change)]);

    let again = kit.accounts.remove_address(&ann, email.kind, email.id);
    assert_eq!(again.await.unwrap(), Removal::NotThere, "a double click");
    assert!(kit.record.take_flows().is_empty());
    let opened = kit
        .accounts
        .verify_address(&verification.0, &verification.1);
    assert_eq!(refusal(opened.await), InvalidLink);
    let opened = kit.accounts.open_reset_link(&reset.0, &reset.1).await;
    assert_eq!(refusal(opened), InvalidLink);
    assert_eq!(kit.stored(ann.user()).await.email, "");
    assert!(kit.accounts.find(ANNS_EMAIL).await.unwrap().is_none());
}

#[tokio::test]
async fn last_way_in_depends_on_the_methods() {
    // Whether users log in by phone, email and username; what a user has beside a phone number, is verified of it, and
    // whether the number may go.
    let cases = [
        ((true, true, true), "ann", "", true),
        ((true, true, false), "ann", "", true),
        ((true, false, true), "ann", "", true),
        ((true, false, false), "ann", "", false),
        ((true, true, false), "ann", ANNS_PHONE, false),
        ((true, true, true), "ann", ANNS_PHONE, true),
        (
            (true, true, true),
            "0123456789abcdef0123456789abcdef",
            ANNS_PHONE,
            false,
        ),
        (
            (true, true, true),
            "0123456789abcdef0123456789abcdef",
            "",
            true,
        ),
        ((false, true, false), "ann", ANNS_PHONE, true),
    ];
    for ((phone, email, username), name, verified, may_go) in cases {
        let kit = Kit::with_settings(|settings| {
            settings.authentication_methods.phone = phone;
            settings.authentication_methods.email = email;
            settings.authentication_methods.username = username;
        });
        // Of a site whose settings were others.
        let elsewhere = Kit::with_ann().await;
        let user = elsewhere.accounts.find("ann").await.unwrap().unwrap();
        let at = elsewhere.store.clone();
        at.make(ExternalChange::RenameUser(user.id, name.to_owned()))
            .await;
        let accounts = phone_auth_core::accounts::Accounts::builder(
            std::sync::Arc::new(at),
            common::keyring(common::SECRET),
        )
        .settings(kit.accounts.settings().clone())
        .clock(elsewhere.clock.clone())
        .hasher(elsewhere.hasher.clone())
        .build()
        .unwrap();
        let key = accounts.begin_session(user.id, None).await.unwrap().key;
        let ann = accounts.current_user(&key).await.unwrap().unwrap();
        let number = own(&elsewhere, &ann, ANNS_PHONE).await;
        if !verified.is_empty() {
            let set = accounts.set_verified(ann.user(), &number, true).await;
            assert!(set.unwrap().is_changed());
        }
        let removed = accounts.remove_address(&ann, number.kind, number.id).await;
        let what = format!("{phone} {email} {username} {name} {verified}");
        if may_go {
            assert!(matches!(removed.unwrap(), Removal::Removed(_)), "{what}");
        } else {
            assert_eq!(refusal(removed), LastWayIn, "{what}");
        }
    }
}

/// Who has no password gets in by codes: what remains must be sent some.
#[tokio::test]
async fn address_that_is_sent_no_codes_is_no_way_in() {
    for (login_by_code, unsent, may_go) in [
        (true, None, true),
        (true, Some("login_phone"), false),
        (true, Some("login_email"), true),
        (false, None, true),
    ] {
        let kit = Kit::with_ann().await;
        let user = kit.accounts.find("ann").await.unwrap().unwrap();
        let unusable = ExternalChange::SetPassword(user.id, "!".to_owned());
        kit.store.make(unusable).await;
        let mut settings = kit.accounts.settings().clone();
        settings.authentication_methods.username = false;
        settings.login_by_code = login_by_code;
        let accounts = phone_auth_core::accounts::Accounts::builder(
            std::sync::Arc::new(kit.store.clone()),
            common::keyring(common::SECRET),
        )
        .settings(settings)
        .allow_unreceived(unsent)
        .clock(kit.clock.clone())
        .build()
        .unwrap();
        let key = accounts.begin_session(user.id, None).await.unwrap().key;
        let ann = accounts.current_user(&key).await.unwrap().unwrap();
        let email = own(&kit, &ann, ANNS_EMAIL).await;
        let removed = accounts.remove_address(&ann, email.kind, email.id).await;
        let what = format!("{login_by_code} {unsent:?}");
        if may_go {
            assert!(matches!(removed.unwrap(), Removal::Removed(_)), "{what}");
        } else {
            assert_eq!(refusal(removed), LastWayIn, "{what}");
        }
    }
}

/// A misspelt name would leave a flow on offer whose messages nobody sends.
#[test]
fn signals_without_receivers_are_those_that_carry_messages() {
    for (name, is_one) in [
        ("verify_phone", true),
        ("login_email", true),
        ("security_notice_phone", true),
        ("verify_fone", false),
        ("user_signed_up", false),
        ("", false),
    ] {
        let store = std::sync::Arc::new(phone_auth_store_testkit::MemoryStore::new());
        let builder =
            phone_auth_core::accounts::Accounts::builder(store, common::keyring(common::SECRET));
        let refused = builder.allow_unreceived([name]).build().err();
        let setting = refused
            .as_ref()
            .and_then(|it| it.setting())
            .map(phone_auth_core::settings::SettingsError::setting);
        assert_eq!(setting, (!is_one).then_some("allow_unreceived"), "{name}");
    }
}

#[tokio::test]
async fn primary_address_stands_in_the_users_row() {
    let kit = Kit::with_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let add = kit.accounts.add_address(&ann, AddressKind::Email, WORK);
    let work = add.await.unwrap();
    let number = own(&kit, &ann, ANNS_PHONE).await;
    let primary = async |id| kit.accounts.make_primary(&ann, id).await;
    assert_eq!(refusal(primary(work.id).await), PrimaryRefusal::NotVerified);
    set_verified(&kit, &ann, WORK).await;
    set_verified(&kit, &ann, ANNS_EMAIL).await;
    let mut told = kit.signals.capture::<SecurityNoticeEmail>();
    assert_eq!(primary(work.id).await.unwrap().value, WORK);
    assert_eq!(kit.stored(ann.user()).await.email, WORK);
    let change = AccountChange::PrimaryChanged(WORK.to_owned());
    let to: Vec<_> = told
        .take()
        .into_iter()
        .map(|it| (it.email, it.change))
        .collect();
    assert_eq!(
        to,
        [ANNS_EMAIL, WORK].map(|to| (to.to_owned(), change.clone()))
    );

    let ann = kit.current_user("ann", HORSE).await;
    let again = kit.accounts.make_primary(&ann, work.id).await;
    assert!(again.is_ok() && told.take().is_empty(), "it is so already");
    assert!(number.id != work.id, "numbers of rows are counted apart");
    let refused = kit
        .accounts
        .make_primary(&ann, phone_auth_core::address::AddressId::new(99));
    assert_eq!(refusal(refused.await), PrimaryRefusal::NoSuchAddress);
}

/// Ann as an operator finds her.
async fn called(kit: &Kit, login: &str) -> User {
    kit.accounts.find(login).await.unwrap().unwrap()
}

#[tokio::test]
async fn operator_mends_a_mistyped_number() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let (old, user) = kit
        .accounts
        .find_address("0091 98765 43210")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(old.value, ANNS_PHONE);
    let added = kit
        .accounts
        .add_address_for(&user, " +91 98765-43211 ")
        .await
        .unwrap();
    assert_eq!(
        (added.value.as_str(), added.is_verified),
        ("+919876543211", false)
    );
    assert!(
        kit.accounts
            .set_verified(&user, &added, true)
            .await
            .unwrap()
            .is_changed()
    );
    assert!(
        !kit.accounts
            .set_verified(&user, &added, true)
            .await
            .unwrap()
            .is_changed()
    );
    let removed = kit.accounts.remove_address_of(&user, &old).await.unwrap();
    assert!(matches!(removed, Removal::Removed(_)));
    assert_eq!(
        kit.record.take_flows(),
        [
            "phone_added add_address_for ann +919876543211",
            "phone_removed remove_address_of ann +919876543210"
        ]
    );
    kit.log_in("+919876543211", HORSE).await;
    let (bobs, bob) = kit
        .accounts
        .find_address("bob@example.net")
        .await
        .unwrap()
        .unwrap();
    assert!(
        kit.accounts
            .set_verified(&bob, &bobs, true)
            .await
            .unwrap()
            .is_changed()
    );
    for (typed, field, problem) in [
        ("bob@example.net", Field::Email, Problem::Taken),
        ("nobody@", Field::Email, Problem::InvalidEmail),
        ("nobody", Field::Phone, Problem::InvalidPhone),
    ] {
        let refused = refusal(kit.accounts.add_address_for(&user, typed).await);
        let expected = AddAddressRefusal::Invalid(vec![FieldProblem::new(field, problem)]);
        assert_eq!(refused, expected, "{typed}");
    }
    // The last way in, too: an operator knows why.
    for address in kit.accounts.addresses_of(user.id).await.unwrap() {
        let removed = kit.accounts.remove_address_of(&user, &address).await;
        assert!(matches!(removed.unwrap(), Removal::Removed(_)));
    }
    assert_eq!(kit.accounts.addresses_of(user.id).await.unwrap(), []);
}

#[tokio::test]
async fn operator_gives_another_username() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let ann = called(&kit, "ann").await;
    for (typed, problem) in [
        ("", Problem::Required),
        ("an na", Problem::InvalidUsername),
        ("BOB", Problem::Taken),
        ("442079460018", Problem::UsernameIsNumber),
        ("919876543211", Problem::UsernameIsNumber),
    ] {
        let refused = refusal(kit.accounts.rename(&ann, typed).await);
        let problem = vec![FieldProblem::new(Field::Username, problem)];
        assert_eq!(refused, RenameRefusal::Invalid(problem), "{typed}");
    }
    assert_eq!(
        kit.accounts.rename(&ann, " anna ").await.unwrap().username,
        "anna"
    );
    kit.log_in("anna", HORSE).await;
    assert_eq!(
        kit.store.user(ann.id).await.unwrap().unwrap().username,
        "anna"
    );
}

/// All verified addresses are told of a change: without a limit one user could fill the outbox, so that nobody is told
/// anything any more.
#[tokio::test]
async fn changes_of_addresses_are_limited() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let ann = async || kit.accounts.current_user(&key).await.unwrap().unwrap();
    let current_user = ann().await;
    let added = kit
        .accounts
        .add_address(&current_user, AddressKind::Email, WORK);
    added.await.unwrap();
    for value in [ANNS_EMAIL, WORK] {
        set_verified(&kit, &ann().await, value).await;
    }
    let mut told = kit.signals.capture::<SecurityNoticeEmail>();
    let mut limited = 0;
    for value in [WORK, ANNS_EMAIL].repeat(10) {
        let (ann, id) = (ann().await, own(&kit, &ann().await, value).await.id);
        if let Err(error) = kit.accounts.make_primary(&ann, id).await {
            let failure = failure::<AddressRecord, _>(Err(error));
            assert!(failure.limited_for().is_some(), "{failure:?}");
            limited += 1;
        }
    }
    // Every other one of the last ten would change nothing.
    assert_eq!((limited, told.take().len()), (5, 20));

    // Each kind of change by itself. One that finds nothing to do is the second click, and uses up nothing.
    let (ann, kind) = (ann().await, AddressKind::Email);
    for number in 0..12 {
        let added = format!("more{number}@example.org");
        let added = kit.accounts.add_address_for(ann.user(), &added).await;
        let id = added.unwrap().id;
        for _ in 0..3 {
            let removed = kit.accounts.remove_address(&ann, kind, id).await;
            assert_eq!(removed.is_ok(), number < 10, "{number}");
        }
    }
}
