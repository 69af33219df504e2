//! The store in memory keeps every promise of the port, and fails when told to.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::future::ready;

use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::Notices;
use phone_auth_core::store::{StoreErrorKind, UserStore};
use phone_auth_store_testkit::suite::{CASES, Case, LIMIT_CASES, OUTBOX_CASES, run_case};
use phone_auth_store_testkit::{MemoryStore, Subject, limit_suite, outbox_suite, store_suite};

async fn empty() -> Subject {
    of(MemoryStore::new())
}

fn of(store: MemoryStore) -> Subject {
    let same = store.clone();
    Subject::with_outbox(store.clone(), store.clone())
        .with_limits(store)
        .reopening(move || ready(of(same.clone())))
}

store_suite!(empty);
outbox_suite!(empty);
limit_suite!(empty);

/// Runs a future to its end.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(future)
}

#[test]
fn every_case_runs_in_turn() {
    block_on(phone_auth_store_testkit::suite::run_suite(empty));
}

/// A store that keeps all in memory and writes nothing, as who opens it again finds out.
async fn forgetful() -> Subject {
    let store = MemoryStore::new();
    Subject::with_outbox(store.clone(), store.clone())
        .with_limits(store)
        .reopening(|| ready(of(MemoryStore::new())))
}

#[test]
fn store_that_never_writes_fails() {
    let all = [CASES, OUTBOX_CASES, LIMIT_CASES].concat();
    let cases = || all.iter().map(Case::name);
    let failed: Vec<_> = cases()
        .filter(|name| std::panic::catch_unwind(|| run_case(name, forgetful)).is_err())
        .collect();
    let reopening: Vec<_> = cases()
        .filter(|name| name.starts_with("reopening::"))
        .collect();
    assert_eq!(reopening.len(), 14);
    assert_eq!(failed, reopening);
}

#[test]
fn fault_comes_when_asked() {
    block_on(async {
        let store = MemoryStore::new();
        store.fail_after(2, StoreErrorKind::Unavailable);
        let mut kinds = Vec::new();
        for _ in 0..4 {
            let answer = store.users_after(None, 1).await;
            kinds.push(answer.err().map(|error| error.kind()));
        }
        let failed = Some(StoreErrorKind::Unavailable);
        assert_eq!(kinds, [None, None, failed, failed]);
        store.recover();
        assert_eq!(store.users_after(None, 1).await.unwrap(), []);
    });
}

#[test]
fn clones_share_their_rows() {
    use phone_auth_core::password::EncodedPassword;
    use phone_auth_core::user::NewUser;
    block_on(async {
        let store = MemoryStore::new();
        let other = store.clone();
        let new = NewUser {
            username: "ann".to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            password: EncodedPassword::new("!"),
            email: None,
            phone: None,
            date_joined: "2026-01-02T03:04:05Z".parse().unwrap(),
            notices: Notices::default(),
            closes_at: None,
        };
        store.create_user(&new).await.unwrap();
        assert_eq!(other.user_count(), 1);
        assert_eq!(other.session_count(), 0);
        assert_eq!(other.address_count(AddressKind::Email), 0);
    });
}
