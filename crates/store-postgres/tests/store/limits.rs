//! Counters of limits outlive the process, and nobody waits for those of others.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use phone_auth_core::limits::{Attempt, Decision, Hit, Limit, LimitKey, LimitRule};
use phone_auth_core::store::LimitStore;
use phone_auth_store_postgres::PostgresOptions;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, raw_sql};
use tokio::time::timeout;

use crate::common::waiting::{LONG, TWO_WAIT, until};
use crate::common::{database, run, store, store_with};

/// An attempt that hits the counter of this number.
fn attempt(number: u8, rate: &str, is_stranger: bool) -> Attempt {
    Attempt {
        hits: vec![Hit {
            key: LimitKey::from_bytes([number; 16]),
            limit: Limit::LogIns,
            rule: LimitRule::Rate(rate.parse().unwrap()),
        }],
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
        is_stranger,
    }
}

#[test]
fn restart_forgets_no_counter() {
    let database = database();
    run(async {
        for is_counted in [true, false] {
            let store = store(&database).await;
            let decision = store.count(&attempt(1, "1/d", true)).await.unwrap();
            assert_eq!(matches!(decision, Decision::Counted { .. }), is_counted);
            store.close().await;
        }
    });
}

/// How many wait for a lock in this database.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Someone else may hold the row of a counter for as long as they like.
#[test]
fn held_counter_holds_up_nobody_else() {
    let database = database();
    run(async {
        let patient = PostgresOptions::default().with_statement_timeout(LONG);
        let store = Arc::new(store_with(&database, patient).await);
        for (number, rate) in [(1, "1/d"), (2, "500/d")] {
            store.count(&attempt(number, rate, true)).await.unwrap();
        }
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        let mut holds = other.begin().await.unwrap();
        raw_sql("SELECT 1 FROM phone_auth_limit FOR UPDATE")
            .execute(&mut *holds)
            .await
            .unwrap();

        let soon = Duration::from_secs(2);
        // A counter that is full is looked at and not waited for.
        for _ in 0..20 {
            let refused = timeout(soon, store.count(&attempt(1, "1/d", true))).await;
            assert!(matches!(
                refused.unwrap().unwrap(),
                Decision::Refused { .. }
            ));
        }
        // One that has room is waited for, by few at once: the others need no connection until it is their turn.
        let waiting: Vec<_> = (0..200)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.count(&attempt(2, "500/d", true)).await })
            })
            .collect();
        until(&mut holds, TWO_WAIT).await;
        for (number, is_stranger) in [(3, true), (4, false)] {
            let counted = timeout(soon, store.count(&attempt(number, "9/d", is_stranger))).await;
            assert!(matches!(
                counted.unwrap().unwrap(),
                Decision::Counted { .. }
            ));
        }
        let waiting_now: i64 = sqlx::query_scalar(WAITING)
            .fetch_one(&mut *holds)
            .await
            .unwrap();
        assert_eq!(waiting_now, 2);
        holds.rollback().await.unwrap();
        drop(waiting);
    });
}
