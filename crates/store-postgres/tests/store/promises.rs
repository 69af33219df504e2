//! PostgreSQL keeps every promise of the port.

use std::sync::Arc;

use phone_auth_store_testkit::{Subject, limit_suite, outbox_suite, store_suite};
use phone_auth_test_postgres::Database;

use crate::common::{store, with_tables};
use crate::external_writer::Hand;

async fn empty() -> Subject {
    let database = with_tables().await;
    let database = Arc::new(database);
    let same = Arc::clone(&database);
    of(Arc::clone(&database))
        .await
        .reopening(move || of(Arc::clone(&same)))
        .keeping(database)
}

/// The store in a database.
pub(crate) async fn of(database: Arc<Database>) -> Subject {
    let store = store(&database).await;
    let hand = Hand::on(&database).await;
    Subject::with_outbox(store, hand).keeping(database)
}

store_suite!(empty);
outbox_suite!(empty);

async fn nodes() -> Subject {
    let database = Arc::new(with_tables().await);
    let same = Arc::clone(&database);
    let subject = nodes_of(database).await;
    subject.reopening(move || nodes_of(Arc::clone(&same)))
}

/// Three nodes on one database.
async fn nodes_of(database: Arc<Database>) -> Subject {
    let mut subject = of(Arc::clone(&database)).await;
    for _ in 0..3 {
        subject = subject.with_limits(store(&database).await);
    }
    subject
}

limit_suite!(nodes);
