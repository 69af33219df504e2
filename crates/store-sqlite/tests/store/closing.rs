//! Closing an account beside tables of others that name its user, and an export read against the database.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common::{Scratch, run, user};
use chrono::DateTime;
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
use rusqlite::Connection;

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
        "CREATE TABLE item (id integer REFERENCES \"an \"\"other\" (id))",
        Closed::Anonymised,
        Some("1"),
    ),
    ("", "", Closed::Removed, Some("1")),
];

#[test]
fn rows_of_others_are_respected() {
    for (refers, in_turn, expected, left) in OTHERS {
        let scratch = Scratch::new();
        let store = scratch.store();
        let outside = scratch.connect();
        let table = "CREATE TABLE \"an \"\"other\" (id integer PRIMARY KEY, user_id integer";
        let tables = format!("{table} {refers}); {in_turn}");
        outside.execute_batch(&tables).unwrap();
        run(async {
            let ann = store.create_user(&user("ann", 1)).await.unwrap();
            let bob = store.create_user(&user("bob", 2)).await.unwrap();
            let row = "INSERT INTO \"an \"\"other\" VALUES (1, ?1)";
            outside.execute(row, [ann.id.get()]).unwrap();
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
            let named = "SELECT coalesce(user_id || '', 'nobody') FROM \"an \"\"other\"";
            assert_eq!(texts(&outside, named).pop().as_deref(), left, "{refers}");
            let broken = texts(&outside, "SELECT \"table\" FROM pragma_foreign_key_check");
            assert!(broken.is_empty(), "{refers}: {broken:?}");

            let addresses = "SELECT email FROM phone_auth_emailaddress UNION SELECT phone FROM phone_auth_phonenumber";
            assert_eq!(texts(&outside, addresses).len(), 2, "those of Bob");
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
        });
    }
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
    {
        let what = format!("{taking:?} {kind} {refers}");
        let scratch = Scratch::new();
        let store = scratch.store();
        let outside = scratch.connect();
        // Its row comes with the address.
        let other = format!(
            "CREATE TABLE other (address_id integer REFERENCES {table} (id) {refers});
            CREATE TRIGGER refer AFTER INSERT ON {table}
                WHEN NEW.user_id = (SELECT min(id) FROM auth_user)
                BEGIN INSERT INTO other VALUES (NEW.id); END;"
        );
        outside.execute_batch(&other).unwrap();
        let done = run(take(&store, taking, kind));
        let left = texts(
            &outside,
            &format!("SELECT id || '' FROM {table} WHERE id = 1"),
        );
        let named = texts(
            &outside,
            "SELECT address_id || '' FROM other WHERE address_id = 1",
        );
        if goes {
            assert!(done.unwrap(), "{what}");
            assert_eq!((left.len(), named.len()), (0, 0), "{what}");
        } else {
            assert_eq!(
                done.unwrap_err().kind(),
                StoreErrorKind::Referenced,
                "{what}"
            );
            assert_eq!((left.len(), named.len()), (1, 1), "{what}");
            let ann = run(store.user(UserId::new(1))).unwrap().unwrap();
            assert!(ann.is_active && ann.username == "ann", "{what}");
            let all = run(store.addresses_of(ann.id, 9)).unwrap();
            assert_eq!(all.len(), 2, "nothing half done: {what}");
            let proven = texts(
                &outside,
                "SELECT id || '' FROM phone_auth_claim WHERE is_proven",
            );
            assert!(proven.is_empty(), "{what}");
        }
    }
}

/// Rows of a user in every table that can have some.
const ROWS: &str = "
    INSERT INTO phone_auth_session (digest, person_id, created_at, expires_at)
        VALUES (x'01', 1, '2026-01-01 00:00:00', '2026-01-02 00:00:00');
    INSERT INTO phone_auth_outbox (message_key, purpose, kind, person_id, binding, created_at, expires_at, due_at)
        VALUES ('k', 'verify', 'email', 1, x'', '2026-01-01 00:00:00', '2026-01-02 00:00:00', '2026-01-01 00:00:00');
    INSERT INTO phone_auth_email_verified (address_id, verified_at) SELECT id, '2026-01-01 00:00:00' FROM phone_auth_emailaddress;
    INSERT INTO phone_auth_phone_verified (address_id, verified_at) SELECT id, '2026-01-01 00:00:00' FROM phone_auth_phonenumber;
    INSERT INTO phone_auth_claim (user_id, kind, value) VALUES (1, 'email', 'ann@example.net');
    INSERT INTO phone_auth_replacement VALUES (1, 'email', 1, 2, 1);
    INSERT INTO phone_auth_closing VALUES (1, 1, 2, 0);
    INSERT INTO phone_auth_link_request (kind, purpose, holder, email_id, requested_at)
        SELECT 'email', 'verify', id, id, 1 FROM phone_auth_emailaddress;
    INSERT INTO phone_auth_challenge (id, purpose, email_id, attempts_left, created_at, expires_at)
        SELECT x'02', 'verify', id, 5, 1, 2 FROM phone_auth_emailaddress;
    INSERT INTO phone_auth_challenge (id, purpose, email_id, attempts_left, created_at, expires_at)
        SELECT x'03', 'verify', id, 5, 1, 2 FROM phone_auth_claim";

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
    let scratch = Scratch::new();
    let store = scratch.store();
    let outside = scratch.connect();
    let ann = run(store.create_user(&user("ann", 1))).unwrap();
    outside.execute_batch(ROWS).unwrap();
    // Another program may have written bytes.
    let odd = "UPDATE phone_auth_emailaddress SET email = CAST(email AS blob)";
    outside.execute_batch(odd).unwrap();
    let rows = run(store.rows_of(ann.id)).unwrap();
    let exact = rows
        .iter()
        .filter(|row| row.row.contains("1970-01-01T00:00:00.000001Z"));
    assert_eq!(exact.count(), 5, "to the microsecond: {rows:?}");
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('phone_auth_schema', 'sqlite_sequence')";
    for table in texts(&outside, tables) {
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
            "SELECT value FROM json_each('{row}') WHERE key LIKE '%\\_at' ESCAPE '\\' AND value <> ''"
        );
        for time in texts(&outside, &times) {
            let is_utc = time.ends_with('Z') && DateTime::parse_from_rfc3339(&time).is_ok();
            assert!(is_utc, "{row}");
        }
        let exported = texts(&outside, &format!("SELECT key FROM json_each('{row}')"));
        for column in texts(
            &outside,
            &format!("SELECT name FROM pragma_table_info('{table}')"),
        ) {
            let is_kept_back = kept_back.split_whitespace().any(|it| it == column);
            assert!(
                is_kept_back != exported.contains(&column),
                "{table}.{column} is either exported or kept back: {row}"
            );
        }
    }
    run(store.close_user(&EndOfUser::now(ann.id, "closed-1"))).unwrap();
    for (table, _) in KEPT_BACK {
        if !table.contains("_limit") && table != "phone_auth_site_key" {
            let left = texts(&outside, &format!("SELECT '1' FROM {table}"));
            assert!(left.is_empty(), "{table}");
        }
    }
}

fn texts(outside: &Connection, query: &str) -> Vec<String> {
    let mut query = outside.prepare(query).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}
