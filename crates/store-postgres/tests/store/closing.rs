//! Closing an account beside tables of others that name its user, and an export read against the database.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common;
use crate::common::{database, run, store, user};
use chrono::{DateTime, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressKind, AddressRecord, AddressRemoval, EmailAddress, Losses,
    PhoneNumber, ProofByHand, RemovalOutcome,
};
use phone_auth_core::link::{LinkRequest, OpenedLink};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::store::{
    AddressStore, AsSeen, Closed, ClosingStore, EndOfUser, Store, StoreError, StoreErrorKind,
    UserStore,
};
use phone_auth_core::user::{User, UserId};
use phone_auth_test_postgres::Database;
use sqlx::{AssertSqlSafe, PgPool, query_scalar, raw_sql};

/// A table of others: how its `user_id` refers to a user, what refers to it in turn, what becomes of a user whom a row of it
/// names, and whom the row names after.
const OTHERS: [(&str, &str, Closed, Option<&str>); 7] = [
    (
        "REFERENCES auth_user (id)",
        "",
        Closed::Anonymised,
        Some("1"),
    ),
    (
        "REFERENCES auth_user (id) DEFERRABLE INITIALLY DEFERRED",
        "",
        Closed::Anonymised,
        Some("1"),
    ),
    (
        "REFERENCES auth_user (id) ON DELETE RESTRICT",
        "",
        Closed::Anonymised,
        Some("1"),
    ),
    (
        "REFERENCES AUTH_USER ON DELETE CASCADE",
        "",
        Closed::Removed,
        None,
    ),
    (
        "REFERENCES auth_user (id) ON DELETE SET NULL",
        "",
        Closed::Removed,
        Some("nobody"),
    ),
    (
        "REFERENCES auth_user (id) ON DELETE CASCADE",
        "CREATE TABLE item (id integer REFERENCES other (id))",
        Closed::Anonymised,
        Some("1"),
    ),
    ("", "", Closed::Removed, Some("1")),
];

#[test]
fn rows_of_others_are_respected() {
    run(async {
        for (refers, in_turn, expected, left) in OTHERS {
            let database = database();
            let store = store(&database).await;
            let outside = pool(&database).await;
            let tables = format!(
                "CREATE TABLE other (id integer PRIMARY KEY, user_id integer {refers}); {in_turn}"
            );
            raw_sql(AssertSqlSafe(tables))
                .execute(&outside)
                .await
                .unwrap();
            let ann = store.create_user(&user("ann", 1)).await.unwrap();
            let bob = store.create_user(&user("bob", 2)).await.unwrap();
            let row = "INSERT INTO other SELECT id, id FROM auth_user WHERE username = 'ann';
                INSERT INTO item SELECT id FROM other";
            let row = if in_turn.is_empty() {
                row.split(';').next().unwrap()
            } else {
                row
            };
            raw_sql(row).execute(&outside).await.unwrap();
            // One that nobody has shown to be theirs, but that others keep something of.
            if expected == Closed::Anonymised {
                let error = store
                    .close_user(&unless_referenced(&ann))
                    .await
                    .unwrap_err();
                assert_eq!(error.kind(), StoreErrorKind::Referenced, "{refers}");
                assert_eq!(store.user(ann.id).await.unwrap(), Some(ann.clone()));
                assert_eq!(store.addresses_of(ann.id, 9).await.unwrap().len(), 2);
            }
            let closed = store
                .close_user(&EndOfUser::now(ann.id, "closed-1"))
                .await
                .unwrap();
            assert_eq!(closed, expected, "{refers}");
            let named = "SELECT coalesce(user_id::text, 'nobody') FROM other";
            assert_eq!(
                texts(&outside, named).await.pop().as_deref(),
                left,
                "{refers}"
            );

            let addresses = "SELECT email FROM phone_auth_emailaddress UNION SELECT phone FROM phone_auth_phonenumber";
            assert_eq!(texts(&outside, addresses).await.len(), 2, "those of Bob");
            let kept = store.user(ann.id).await.unwrap();
            assert_eq!(kept.is_some(), expected == Closed::Anonymised);
            if let Some(kept) = kept {
                assert_eq!(kept.username, "closed-1");
                assert!(!kept.is_active && !kept.password.is_usable());
                // The day alone: the moment would join the row to what else was written then.
                assert_eq!(kept.date_joined.time(), chrono::NaiveTime::MIN, "{refers}");
                let values = [kept.email, kept.first_name, kept.last_name].concat();
                assert_eq!((values.as_str(), kept.last_login), ("", None));
            }
            let again = store.create_user(&user("ann", 1)).await.unwrap();
            assert_ne!(again.id, ann.id);
            let closed = store
                .close_user(&EndOfUser::now(bob.id, "closed-2"))
                .await
                .unwrap();
            assert_eq!(closed, Closed::Removed, "nothing names him: {refers}");
        }
    });
}

fn unless_referenced(user: &User) -> EndOfUser {
    EndOfUser {
        as_seen: Some(AsSeen {
            password: user.password.clone(),
            last_login: user.last_login,
            unless_referenced: true,
        }),
        ..EndOfUser::now(user.id, "closed-1")
    }
}

/// How a table of others refers to an address, and whether the address can go.
const REFERENCES: [(&str, bool); 5] = [
    ("", false),
    ("DEFERRABLE INITIALLY DEFERRED", false),
    ("ON DELETE RESTRICT", false),
    ("ON DELETE CASCADE", true),
    ("ON DELETE SET NULL", true),
];

/// What takes an address away from a user.
#[derive(Clone, Copy, Debug)]
enum Taking {
    Removing,
    ProvingAClaim,
    OpeningAResetLink,
    Closing,
}

/// Does it to an address of this kind that Ann has not verified; whether it was done.
async fn take(store: &dyn Store, taking: Taking, kind: AddressKind) -> Result<bool, StoreError> {
    let ann = store.create_user(&user("ann", 1)).await?;
    let other = match kind {
        AddressKind::Email => AddressKind::Phone,
        AddressKind::Phone => AddressKind::Email,
    };
    let of = |kind| async move {
        let all = store.addresses_of(ann.id, 9).await.unwrap();
        all.into_iter().find(|it| it.kind == kind).unwrap()
    };
    let (address, kept) = (of(kind).await, of(other).await);
    let by_hand = |address: &AddressRecord| ProofByHand {
        kind: address.kind,
        id: address.id,
        user: address.user,
        is_verified: true,
        at: DateTime::UNIX_EPOCH,
        notices: Notices::default(),
        losses: Losses::default(),
    };
    assert!(store.set_verified(&by_hand(&kept)).await?);
    match taking {
        Taking::Removing => {
            let removal = AddressRemoval {
                user: ann.id,
                kind,
                id: address.id,
                needs: None,
                replaced_by: None,
                notices: Notices::default(),
            };
            let outcome = store.remove_address(&removal).await?;
            Ok(outcome == RemovalOutcome::Removed)
        }
        Taking::ProvingAClaim => {
            let bob = store.create_user(&user("bob", 2)).await?;
            let caps = AddressCaps {
                all: 9,
                unverified: 9,
                replaces: None,
            };
            let same = match kind {
                AddressKind::Email => EmailAddress::parse(&address.value).map(Address::Email).ok(),
                AddressKind::Phone => PhoneNumber::parse(&address.value).map(Address::Phone).ok(),
            };
            let (same, nothing) = (same.unwrap(), Notices::default());
            let claim = store.add_address(bob.id, &same, caps, &nothing);
            let claim = claim.await?;
            assert!(claim.id.is_claim());
            store.set_verified(&by_hand(&claim)).await
        }
        Taking::OpeningAResetLink => {
            let request = LinkRequest {
                purpose: Purpose::ResetPassword,
                kind,
                address: Some(address.id),
                at: DateTime::UNIX_EPOCH,
                half_life: None,
                code_half_life: None,
            };
            let newest = store.request_link(&request).await?;
            let link = OpenedLink {
                kind,
                address: address.id,
                value: address.value,
                newest: Some(newest),
                at: DateTime::UNIX_EPOCH,
            };
            let nothing = Notices::default();
            store.free_address(ann.id, &link, &nothing).await
        }
        Taking::Closing => Ok(store
            .close_user(&EndOfUser::now(ann.id, "closed-1"))
            .await?
            == Closed::Removed),
    }
}

/// A constraint is checked at once or at the end; either way the address stays, with all that would have gone with it.
#[test]
fn address_that_others_need_stays() {
    run(async {
        let taking = [
            Taking::Removing,
            Taking::ProvingAClaim,
            Taking::OpeningAResetLink,
            Taking::Closing,
        ];
        let tables = [
            (AddressKind::Email, "phone_auth_emailaddress"),
            (AddressKind::Phone, "phone_auth_phonenumber"),
        ];
        for (taking, (kind, table), (refers, goes)) in taking
            .into_iter()
            .flat_map(|taking| tables.map(|table| (taking, table)))
            .flat_map(|(taking, table)| REFERENCES.map(|it| (taking, table, it)))
            .step_by(3)
        {
            let what = format!("{taking:?} {kind} {refers}");
            let database = common::with_tables().await;
            let store = store(&database).await;
            let outside = pool(&database).await;
            // Its row comes with the address.
            let other = format!(
                "CREATE TABLE other (address_id integer REFERENCES {table} (id) {refers});
                CREATE FUNCTION refer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF NEW.user_id = (SELECT min(id) FROM auth_user) THEN
                        INSERT INTO other VALUES (NEW.id);
                    END IF;
                    RETURN NULL;
                END $$;
                CREATE TRIGGER refer AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refer()"
            );
            raw_sql(AssertSqlSafe(other))
                .execute(&outside)
                .await
                .unwrap();
            let done = take(&store, taking, kind).await;
            let left = format!("SELECT id::text FROM {table} WHERE id = 1");
            let left = texts(&outside, &left).await;
            let named = "SELECT address_id::text FROM other WHERE address_id = 1";
            let named = texts(&outside, named).await;
            if goes {
                assert!(done.unwrap(), "{what}");
                assert_eq!((left.len(), named.len()), (0, 0), "{what}");
                continue;
            }
            let error = done.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Referenced, "{what}");
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("other_address_id_fkey"), "{what}: {cause}");
            assert_eq!((left.len(), named.len()), (1, 1), "{what}");
            let ann = store.user(UserId::new(1)).await.unwrap().unwrap();
            assert!(ann.is_active && ann.username == "ann", "{what}");
            let all = store.addresses_of(ann.id, 9).await.unwrap();
            assert_eq!(all.len(), 2, "nothing half done: {what}");
            let proven = "SELECT id::text FROM phone_auth_claim WHERE is_proven";
            assert!(texts(&outside, proven).await.is_empty(), "{what}");
        }
    });
}

/// Rows of a user in every table that can have some.
const ROWS: &str = "
    INSERT INTO phone_auth_session (digest, person_id, created_at, expires_at)
        VALUES ('\\x01', 1, now(), now());
    INSERT INTO phone_auth_outbox (message_key, purpose, kind, person_id, binding, created_at, expires_at, due_at)
        VALUES ('k', 'verify', 'email', 1, '', now(), now(), now());
    INSERT INTO phone_auth_email_verified SELECT id, now() FROM phone_auth_emailaddress;
    INSERT INTO phone_auth_phone_verified SELECT id, now() FROM phone_auth_phonenumber;
    INSERT INTO phone_auth_claim (user_id, kind, value) VALUES (1, 'email', 'ann@example.net');
    INSERT INTO phone_auth_replacement VALUES (1, 'email', 1, 2);
    INSERT INTO phone_auth_closing VALUES (1, now(), now());
    INSERT INTO phone_auth_link_request (kind, purpose, holder, email_id, requested_at)
        SELECT 'email', 'verify', id, id, now() FROM phone_auth_emailaddress;
    INSERT INTO phone_auth_challenge (id, purpose, email_id, attempts_left, created_at, expires_at)
        SELECT '\\x02'::bytea, 'verify', id, 5, now(), now() FROM phone_auth_emailaddress;
    INSERT INTO phone_auth_challenge (id, purpose, email_id, attempts_left, created_at, expires_at)
        SELECT '\\x03'::bytea, 'verify', id, 5, now(), now() FROM phone_auth_claim";

/// The columns that no row of an export has: secrets and digests, numbers of rows, what the worker counts by, and what the
/// flow has exported of users and addresses. Of the tables with `*` nothing is anyone's: counters are under keyed digests.
const KEPT_BACK: [(&str, &str); 15] = [
    (
        "auth_user",
        "id password last_login username last_name email is_active date_joined first_name",
    ),
    ("phone_auth_emailaddress", "*"),
    ("phone_auth_phonenumber", "*"),
    ("phone_auth_claim", "id user_id"),
    ("phone_auth_email_verified", "address_id"),
    ("phone_auth_phone_verified", "address_id"),
    (
        "phone_auth_session",
        "digest person_id password_digest handle",
    ),
    (
        "phone_auth_outbox",
        "id message_key person_id address_id binding binding_parts due_at receipts earlier_receipts failures ready_attempt \
         leased_attempt unended_attempt enqueued_at waits_since requested_at",
    ),
    (
        "phone_auth_link_request",
        "holder email_id phone_id claim_id",
    ),
    (
        "phone_auth_challenge",
        "id email_id phone_id subject key_digest",
    ),
    ("phone_auth_closing", "user_id"),
    ("phone_auth_replacement", "user_id old_id new_id"),
    ("phone_auth_limit", "*"),
    ("phone_auth_limit_sms", "*"),
    ("phone_auth_site_key", "*"),
];

#[test]
fn export_leaves_no_column_out() {
    run(async {
        let database = database();
        let zone = format!(
            "ALTER DATABASE {} SET TimeZone = 'Asia/Kolkata'",
            database.name()
        );
        database.run(&zone).unwrap();
        let store = store(&database).await;
        let outside = pool(&database).await;
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        raw_sql(ROWS).execute(&outside).await.unwrap();
        let rows = store.rows_of(ann.id).await.unwrap();
        let tables = "SELECT tablename::text FROM pg_tables
            WHERE schemaname = current_schema() AND tablename <> 'phone_auth_schema'";
        for table in texts(&outside, tables).await {
            let kept_back = KEPT_BACK.iter().find(|(name, _)| *name == table);
            let kept_back = kept_back.map_or("", |(_, columns)| columns);
            if kept_back == "*" {
                continue;
            }
            let row = rows.iter().find(|row| row.table == table);
            let row = &row
                .unwrap_or_else(|| unreachable!("{table} is in no export"))
                .row;
            let times = format!(
                "SELECT value FROM json_each_text('{row}') WHERE key LIKE '%\\_at' AND value <> ''"
            );
            for time in texts(&outside, &times).await {
                assert!(time.ends_with('Z'), "{row}");
                let age = Utc::now() - DateTime::parse_from_rfc3339(&time).unwrap().to_utc();
                assert!(age.num_minutes().abs() < 60, "{row}");
            }
            let exported = format!("SELECT json_object_keys('{row}')");
            let exported = texts(&outside, &exported).await;
            let columns = format!(
                "SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'"
            );
            for column in texts(&outside, &columns).await {
                let is_kept_back = kept_back.split_whitespace().any(|it| it == column);
                assert!(
                    is_kept_back != exported.contains(&column),
                    "{table}.{column} is either exported or kept back: {row}"
                );
            }
        }
        store
            .close_user(&EndOfUser::now(ann.id, "closed-1"))
            .await
            .unwrap();
        for (table, _) in KEPT_BACK {
            if !table.contains("_limit") && table != "phone_auth_site_key" {
                let left = texts(&outside, &format!("SELECT '1' FROM {table}")).await;
                assert!(left.is_empty(), "{table}");
            }
        }
    });
}

async fn pool(database: &Database) -> PgPool {
    PgPool::connect(database.url()).await.unwrap()
}

async fn texts(outside: &PgPool, query: &str) -> Vec<String> {
    let rows = query_scalar(AssertSqlSafe(query.to_owned()));
    rows.fetch_all(outside).await.unwrap()
}
