//! The promises about addresses and about the end of accounts on tables that Django made, where no index keeps spellings apart.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use phone_auth_store_testkit::{Subject, django_suite};
use phone_auth_test_postgres::Database;
use tokio::sync::OnceCell;

use crate::common::{or_say, store};
use crate::django::made_by_django;
use crate::promises::of;

/// A copy of a database as Django left it, whose rows are gone once our tables are made.
async fn emptied() -> Subject {
    static SHARED: OnceCell<&Database> = OnceCell::const_new();
    let template = SHARED.get_or_init(|| async {
        let template = made_by_django();
        store(&template).await.close().await;
        let empty = "TRUNCATE auth_user, phone_auth_emailaddress, phone_auth_phonenumber, django_session CASCADE";
        template.run(empty).unwrap();
        let unique = "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE 'CREATE UNIQUE INDEX%any_case%'";
        let unique = template.run(unique).unwrap();
        assert_eq!(unique.trim(), "0", "as the rows that Django left want it");
        or_say(template.keep_to_the_end())
    });
    of(Arc::new(or_say(template.await.copy()))).await
}

django_suite!(emptied);
