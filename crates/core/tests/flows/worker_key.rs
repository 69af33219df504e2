//! A worker whose secret key is replaced while it runs.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use phone_auth_core::outbox::WorkerOptions;
use phone_auth_core::site_key;
use phone_auth_events::ResetPasswordEmail;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, Kit, SECRET, keyring};

/// Longer than a worker goes without asking.
const A_WHILE: Duration = Duration::from_mins(2);

#[tokio::test(start_paused = true)]
async fn worker_sends_only_with_the_key_of_the_store() {
    let kit = Kit::with_ann().await;
    let accounts = kit.with_outbox(&kit.signals);
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let worker = accounts.outbox().unwrap().worker(WorkerOptions::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = worker.clone();
    let running = tokio::spawn(async move {
        running
            .run(async { stopped.await.unwrap_or_default() })
            .await;
    });
    let another = keyring("another secret that is long enough, and as random as it need be");
    for (key, is_sent) in [
        (keyring(SECRET), true),
        (another, false),
        (keyring(SECRET), true),
    ] {
        site_key::replace(&kit.store, &key).await.unwrap();
        tokio::time::sleep(A_WHILE).await;
        accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(!sent.take().is_empty(), is_sent);
        // The message is kept for the one who has the key.
        let pending = accounts
            .outbox()
            .unwrap()
            .rows_after(None, 10)
            .await
            .unwrap();
        assert_eq!(pending.is_empty(), is_sent);
        assert_eq!(worker.deliver_due().await.unwrap(), 0);
    }
    drop(stop);
    running.await.unwrap();
}

/// However soon after: the links would open nowhere, and nobody would hear of it.
#[tokio::test(start_paused = true)]
async fn key_that_was_just_replaced_sends_nothing() {
    let kit = Kit::with_ann().await;
    let accounts = kit.with_outbox(&kit.signals);
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let outbox = accounts.outbox().unwrap();
    let worker = outbox.worker(WorkerOptions::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        worker
            .run(async { stopped.await.unwrap_or_default() })
            .await;
    });
    site_key::replace(&kit.store, &keyring(SECRET))
        .await
        .unwrap();
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(sent.take().len(), 1, "while it is the key of the store");

    let another = keyring("another secret that is long enough, and as random as it need be");
    site_key::replace(&kit.store, &another).await.unwrap();
    accounts.request_password_reset(ANNS_PHONE).await.unwrap();
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(sent.take().is_empty());
    assert_eq!(outbox.rows_after(None, 10).await.unwrap().len(), 2);
    drop(stop);
    running.await.unwrap();
}
