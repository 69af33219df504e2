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

/// Three nodes on one database.
async fn nodes() -> Subject {
    let database = with_tables().await;
    let nodes = [
        store(&database).await,
        store(&database).await,
        store(&database).await,
    ];
    let hand = Hand::on(&database).await;
    let mut subject = Subject::new(store(&database).await, hand);
    for node in nodes {
        subject = subject.with_limits(node);
    }
    subject.keeping(database)
}

limit_suite!(nodes);
