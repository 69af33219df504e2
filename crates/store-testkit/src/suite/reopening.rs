//! What was told to be stored is there for who opens the store after it: another process, or the next start.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::Duration;
use phone_auth_core::address::{AddressId, AddressKind, Losses, VerificationClaim};
use phone_auth_core::challenge::{ChallengeId, ChallengeSubject, NewChallenge};
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{Notices, OutboxRow, Purpose};
use phone_auth_core::store::{KeyFingerprint, KeyRecord, PublicSite, SiteOrigin};
use phone_auth_core::user::User;

use super::Subject;
use super::message_sample::enqueued;
use super::sample::{
    AMPLE, address_of, at, email_address, hash, is_alive, logged_in, replacement, stored, user_now,
    whole,
};

async fn ann(subject: &Subject) -> User {
    stored(subject.store(), &whole("ann", 1)).await
}

pub(super) async fn users_survive_reopening(subject: &Subject) {
    let ann = ann(subject).await;
    let bob = stored(subject.store(), &whole("bob", 2)).await;
    assert!(subject.store().set_active(bob.id, false).await.unwrap());
    let again = subject.reopened().await;
    assert_eq!(user_now(again.store(), ann.id).await, ann);
    assert!(!user_now(again.store(), bob.id).await.is_active);
}

pub(super) async fn addresses_survive_reopening(subject: &Subject) {
    let (store, ann) = (subject.store(), ann(subject).await);
    let more = email_address("more@example.org");
    store
        .add_address(ann.id, &more, AMPLE, &Notices::default())
        .await
        .unwrap();
    let phone = address_of(store, ann.id, AddressKind::Phone).await;
    let claim = VerificationClaim {
        kind: phone.kind,
        id: phone.id,
        user: ann.id,
        value: phone.value,
        newest: None,
        issued_at: at(0),
        at: at(1),
        in_session: true,
        notices: Notices::default(),
        losses: Losses::default(),
        account: None,
    };
    store.verify_address(&claim).await.unwrap();
    let here = store.addresses_of(ann.id, 100).await.unwrap();
    let again = subject.reopened().await;
    let there = again.store().addresses_of(ann.id, 100).await.unwrap();
    assert_eq!(there, here);
    let texts: Vec<_> = there
        .iter()
        .map(|it| (it.value.as_str(), it.is_verified))
        .collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts.contains(&("more@example.org", false)), "{texts:?}");
    assert!(
        texts.iter().any(|(_, is_verified)| *is_verified),
        "{texts:?}"
    );
}

pub(super) async fn passwords_survive_reopening(subject: &Subject) {
    let ann = ann(subject).await;
    let replaced = subject
        .store()
        .replace_password(&replacement(ann.id, "new"))
        .await;
    assert!(replaced.unwrap());
    let again = subject.reopened().await;
    assert_eq!(user_now(again.store(), ann.id).await.password, hash("new"));
}

pub(super) async fn sessions_survive_reopening(subject: &Subject) {
    let (store, ann) = (subject.store(), ann(subject).await);
    for number in [1, 2] {
        logged_in(store, ann.id, number).await;
    }
    assert!(store.end_session(&super::sample::digest(2)).await.unwrap());
    let again = subject.reopened().await;
    assert!(is_alive(again.store(), 1).await);
    assert!(!is_alive(again.store(), 2).await);
    assert_eq!(
        user_now(again.store(), ann.id).await.last_login,
        Some(at(0))
    );
}

pub(super) async fn links_survive_reopening(subject: &Subject) {
    let (store, ann) = (subject.store(), ann(subject).await);
    let address = address_of(store, ann.id, AddressKind::Email).await;
    let request = LinkRequest {
        purpose: Purpose::ResetPassword,
        kind: address.kind,
        address: Some(address.id),
        at: at(5),
        half_life: None,
        code_half_life: None,
    };
    let newest = store.request_link(&request).await.unwrap();
    let again = subject.reopened().await;
    let again = again.store();
    let target = again
        .link_target(request.purpose, address.kind, address.id)
        .await;
    assert_eq!(target.unwrap().unwrap().newest, Some(newest));
}

pub(super) async fn challenges_survive_reopening(subject: &Subject) {
    let id = ChallengeId::from_bytes([9; 32]);
    let new = NewChallenge {
        id,
        previous: None,
        purpose: Purpose::Verify,
        subject: ChallengeSubject::from_bytes([7; 8]),
        email: None,
        phone: Some(AddressId::new(3)),
        attempts: 5,
        created_at: at(0),
        expires_at: at(600),
        sends: 1,
        resend_at: at(30),
    };
    subject.store().begin_challenge(&new).await.unwrap();
    let again = subject.reopened().await;
    let taken = again.store().attempt_challenge(&id, Purpose::Verify, at(1));
    let taken = taken.await.unwrap().unwrap();
    assert_eq!((taken.phone, taken.attempts_left), (new.phone, 4));
}

pub(super) async fn site_key_survives_reopening(subject: &Subject) {
    let store = subject.store();
    let record = KeyRecord::new([KeyFingerprint::from_bytes([7; KeyFingerprint::BYTES])]);
    assert!(store.replace_key_record(None, &record).await.unwrap());
    let origin = SiteOrigin::parse("https://example.org").unwrap();
    let site = PublicSite::new(origin, "/accounts/");
    store.note_public_site(&site).await.unwrap();
    let again = subject.reopened().await;
    assert_eq!(again.store().key_record().await.unwrap(), Some(record));
    assert_eq!(again.store().public_site().await.unwrap(), Some(site));
}

pub(super) async fn messages_survive_reopening(subject: &Subject) {
    let message = enqueued(subject, "one", at(0)).await;
    let claimed = super::message_sample::claimed(subject.outbox(), at(1), 10).await;
    assert_eq!(claimed.len(), 1);
    let again = subject.reopened().await;
    let rows = again.outbox().outbox_after(None, 10).await.unwrap();
    let rows: Vec<_> = rows
        .into_iter()
        .filter_map(OutboxRow::into_message)
        .collect();
    let found: Vec<_> = rows.iter().map(|it| (&it.message, it.attempts)).collect();
    assert_eq!(found, [(&message, 1)]);
    // The lease holds for others too.
    let early = at(1) + Duration::seconds(1);
    let twice = super::message_sample::claimed(again.outbox(), early, 10).await;
    assert_eq!(twice, []);
}
