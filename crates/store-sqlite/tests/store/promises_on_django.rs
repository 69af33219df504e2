//! The promises about addresses and about the end of accounts on tables that Django made, where no index keeps spellings apart.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use phone_auth_store_testkit::{Subject, django_suite};

use crate::django::made_by_django;
use crate::promises::of;

/// A file as Django left it, whose rows are gone once our tables are made.
async fn emptied() -> Subject {
    let scratch = made_by_django();
    drop(scratch.store());
    let django = scratch.connect();
    let empty = "PRAGMA foreign_keys = OFF;
        DELETE FROM phone_auth_emailaddress; DELETE FROM phone_auth_phonenumber;
        DELETE FROM django_session; DELETE FROM auth_user;";
    django.execute_batch(empty).unwrap();
    let unique =
        "SELECT count(*) FROM sqlite_master WHERE sql LIKE 'CREATE UNIQUE INDEX%any_case%'";
    let unique: u32 = django.query_row(unique, [], |row| row.get(0)).unwrap();
    assert_eq!(unique, 0, "as the rows that Django left want it");
    of(Arc::new(scratch))
}

django_suite!(emptied);
