//! What was told to be stored is there for who opens the store after it: another process, or the next start.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::Duration;
use phone_auth_core::address::{AddressId, AddressKind, Losses, VerificationClaim};
use phone_auth_core::challenge::{ChallengeId, ChallengeSubject, NewChallenge, TypedNames};
use phone_auth_core::limits::{
    Attempt, Decision, Hit, Limit, LimitKey, LimitRule, LimitSubject, TextChange, TextCount,
    TextScope,
};
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{LeaseState, Notices, OutboxRow, Purpose};
use phone_auth_core::store::{
    KeyFingerprint, KeyRecord, LimitStore, PublicSite, Replacement, ScheduledClosing, SiteOrigin,
};
use phone_auth_core::user::User;

use super::Subject;
use super::message_sample::{all, claimed, dead, enqueued, finished};
use super::sample::{
    AMPLE, address_of, at, email_address, hash, is_alive, logged_in, replacement, stored, user_now,
    whole,
};

async fn ann(subject: &Subject) -> User {
    stored(subject.store(), &whole("ann", 1)).await
}

fn challenge() -> NewChallenge {
    NewChallenge {
        id: ChallengeId::from_bytes([9; 32]),
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
    }
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
    let new = challenge();
    subject.store().begin_challenge(&new).await.unwrap();
    let again = subject.reopened().await;
    let taken = again.store().attempt_challenge(&new.id, new.purpose, at(1));
    let taken = taken.await.unwrap().unwrap();
    assert_eq!((taken.phone, taken.attempts_left), (new.phone, 4));
}

pub(super) async fn typed_names_survive_reopening(subject: &Subject) {
    let names = TypedNames {
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
    };
    let (store, new) = (subject.store(), challenge());
    store.begin_challenge(&new).await.unwrap();
    store.keep_typed_names(&new.id, &names).await.unwrap();
    let again = subject.reopened().await;
    let there = again.store().typed_names(&new.id).await.unwrap();
    assert_eq!(there, Some(names));
}

pub(super) async fn closings_survive_reopening(subject: &Subject) {
    let (store, ann) = (subject.store(), ann(subject).await);
    let closing = ScheduledClosing {
        user: ann.id,
        begun_at: at(0),
        due_at: at(60),
        is_of_nobody: false,
    };
    let scheduled = store.schedule_closing(&closing, &Notices::default()).await;
    assert!(scheduled.unwrap().is_some());
    let again = subject.reopened().await;
    let there = again.store().scheduled_closing(ann.id).await.unwrap();
    assert_eq!(there, Some(closing));
}

pub(super) async fn replacements_survive_reopening(subject: &Subject) {
    let (store, ann) = (subject.store(), ann(subject).await);
    let (kind, new) = (AddressKind::Email, AddressId::new(7));
    let old = address_of(store, ann.id, kind).await.id;
    let asked_at = at(5);
    let replaces = store.replace_address(ann.id, kind, Replacement { old, new, asked_at });
    assert!(replaces.await.unwrap());
    let again = subject.reopened().await;
    let there = again.store().replaced_address(ann.id, kind, new, asked_at);
    assert_eq!(there.await.unwrap(), Some(old));
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
    let first = claimed(subject.outbox(), at(1), 10).await;
    assert_eq!(first.len(), 1);
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
    let twice = claimed(again.outbox(), early, 10).await;
    assert_eq!(twice, []);
}

pub(super) async fn dead_letters_survive_reopening(subject: &Subject) {
    let outbox = subject.outbox();
    enqueued(subject, "one", at(0)).await;
    let lease = claimed(outbox, at(0), 1).await.pop().unwrap().lease();
    assert_eq!(finished(outbox, &lease, &dead(3)).await, LeaseState::Held);
    let here = all(outbox).await;
    let again = subject.reopened().await;
    assert_eq!(all(again.outbox()).await, here);
    let dead: Vec<_> = here.iter().map(|it| it.dead.is_some()).collect();
    assert_eq!(dead, [true]);
}

pub(super) async fn limits_survive_reopening(subject: &Subject) {
    let key = LimitKey::from_bytes([1; 16]);
    let (limit, rule) = (Limit::LogIns, LimitRule::Rate("1/d".parse().unwrap()));
    let attempt = Attempt {
        hits: vec![Hit { key, limit, rule }],
        at: at(0),
        is_stranger: true,
    };
    let is_counted = async |limits: &dyn LimitStore| {
        let decision = limits.count(&attempt).await.unwrap();
        matches!(decision, Decision::Counted { .. })
    };
    assert!(is_counted(subject.limits()).await);
    let again = subject.reopened().await;
    assert!(!is_counted(again.limits()).await);
}

pub(super) async fn text_counts_survive_reopening(subject: &Subject) {
    let subject_key = LimitSubject::from_bytes([1; 8]);
    let scope = TextScope {
        key: LimitKey::new(subject_key, [0; 8]),
        name: "number".to_owned(),
    };
    let count = |change| TextCount {
        scopes: vec![scope.clone()],
        change,
        hour: 500_000,
    };
    for change in [TextChange::Sent, TextChange::Sent, TextChange::Used] {
        let texts = count(change);
        subject.limits().count_texts(&texts).await.unwrap();
    }
    let again = subject.reopened().await;
    let rows = again.limits().count_texts(&count(TextChange::Sent)).await;
    let rows: Vec<_> = rows.unwrap().iter().map(|it| (it.sent, it.used)).collect();
    assert_eq!(rows, [(3, 1)]);
}
