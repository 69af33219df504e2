//! Ann, with flows over an outbox and a worker.

use std::time::Duration;

use super::{ANNS_EMAIL, Kit};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::outbox::{BackOff, OutboxMessage};
use phone_auth_core::outbox::{OutboxWorker, WorkerOptions};
use phone_auth_events::{Capture, ResetPasswordEmail};

/// A kit with Ann, and flows over an outbox.
pub(crate) struct Mailing {
    pub(crate) kit: Kit,
    pub(crate) accounts: Accounts,
    pub(crate) worker: OutboxWorker,
    pub(crate) resets: Capture<ResetPasswordEmail>,
}

impl Mailing {
    pub(crate) async fn new() -> Self {
        let kit = Kit::with_ann().await;
        let accounts = kit.with_outbox(&kit.signals);
        Self {
            worker: accounts.outbox().unwrap().worker(options()),
            resets: kit.signals.capture(),
            accounts,
            kit,
        }
    }

    /// Asks for a reset by Ann's email address.
    pub(crate) async fn ask(&self) {
        self.accounts
            .request_password_reset(ANNS_EMAIL)
            .await
            .unwrap();
    }

    /// Delivers what is due; how many messages were claimed.
    pub(crate) async fn deliver(&self) -> usize {
        self.worker.deliver_due().await.unwrap()
    }

    pub(crate) async fn outbox(&self) -> Vec<OutboxMessage> {
        messages(&self.accounts).await
    }
}

/// Everything in the outbox of these flows, all of which can be read.
pub(crate) async fn messages(accounts: &Accounts) -> Vec<OutboxMessage> {
    let rows = accounts
        .outbox()
        .unwrap()
        .rows_after(None, 100)
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| row.into_message().unwrap())
        .collect()
}

pub(crate) fn options() -> WorkerOptions {
    let mut options = WorkerOptions::default();
    options.back_off = BackOff::new(Duration::from_secs(2), Duration::from_mins(10));
    options
}
