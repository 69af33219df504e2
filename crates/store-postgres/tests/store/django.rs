//! A database that Django made is taken over as it stands.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressKind, EmailAddress, EmailSpellings, Losses, PhoneSpellings,
};
use phone_auth_core::django_session::{DjangoLogIn, DjangoRewrite, DjangoRow};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{PasswordReplacement, SessionKey};
use phone_auth_core::store::{
    AddressStore, AnomalyKind, AnomalyStore, DjangoSessionStore, PasswordKindStore, SessionStore,
    StoreErrorKind, UniqueName, UserStore,
};
use phone_auth_core::user::{AccountName, NewUser, UserId, WantedNames};
use phone_auth_store_postgres::{MigrateErrorKind, OpenErrorKind, PostgresOptions, PostgresStore};
use phone_auth_store_testkit::keeps_django_sessions;
use phone_auth_test_postgres::Database;
use sqlx::{Connection, PgConnection};

use crate::common::{STEPS, database, log_in, run, store, user};

/// Which of the tables are Django's.
const TABLES: [&str; 4] = [
    "auth_user",
    "phone_auth_emailaddress",
    "phone_auth_phonenumber",
    "django_session",
];

/// A database as Django left it.
pub(crate) fn made_by_django() -> Database {
    let database = database();
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/django_5_2.sql");
    database.run_file(&dump).unwrap();
    database
}

/// The rows of Django's tables.
fn rows(database: &Database) -> String {
    let all = TABLES.map(|table| format!("SELECT * FROM {table} ORDER BY 1;"));
    database.run(&all.concat()).unwrap()
}

/// The columns, constraints and indexes of a table, but for the indexes that we add.
fn shape(database: &Database, table: &str) -> String {
    database
        .run(&format!(
            "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default,
                is_identity, identity_generation
            FROM information_schema.columns WHERE table_name = '{table}' ORDER BY column_name;
            SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = '{table}'::regclass ORDER BY conname;
            SELECT indexdef FROM pg_indexes
            WHERE tablename = '{table}' AND indexname NOT LIKE 'phone_auth_%_any_%'
            ORDER BY indexname"
        ))
        .unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn by_username(username: &str) -> AccountName {
    AccountName {
        username: Some(username.to_owned()),
        ..AccountName::default()
    }
}

#[test]
fn migration_touches_no_row() {
    let database = made_by_django();
    let look = || (rows(&database), TABLES.map(|table| shape(&database, table)));
    let before = look();
    run(async {
        let options = PostgresOptions::default();
        let store = PostgresStore::connect(database.url(), options).await;
        let store = store.unwrap();
        assert_eq!(store.pending_migrations().await.unwrap(), STEPS);
        assert_eq!(store.migrate().await.unwrap(), STEPS);
        assert_eq!(store.pending_migrations().await.unwrap(), [""; 0]);
        assert_eq!(store.migrate().await.unwrap(), [""; 0]);
    });
    assert_eq!(before, look());
}

#[test]
fn own_tables_are_the_models() {
    let (ours, djangos) = (database(), made_by_django());
    run(async { drop(store(&ours).await) });
    for table in &TABLES[..3] {
        assert_eq!(shape(&ours, table), shape(&djangos, table), "{table}");
    }
}

#[test]
fn users_of_django_are_read() {
    let database = made_by_django();
    run(async {
        let store = store(&database).await;
        let users = store.users_after(None, 10).await.unwrap();
        let told: Vec<_> = users
            .iter()
            .map(|it| {
                (
                    it.username.as_str(),
                    it.is_active,
                    it.last_login,
                    it.date_joined,
                )
            })
            .collect();
        let expected = [
            ("Bob", true, None, time("2024-01-02T03:04:05Z")),
            (
                "bob",
                true,
                Some(time("2024-05-06T07:08:09Z")),
                time("2024-01-02T03:04:05.678901Z"),
            ),
            (
                "Chef Ünal",
                true,
                Some(time("2024-05-06T07:08:09.12Z")),
                time("2024-02-02T03:04:05.000001Z"),
            ),
            ("off", false, None, time("2024-02-02T03:04:05.000001Z")),
        ];
        assert_eq!(told, expected);
        let bob = users.first().unwrap();
        assert_eq!(bob.email, "Bob@Example.org");
        assert_eq!(bob.password.reveal(), "pbkdf2_sha256$1000000$salt$Bob");
        let addresses = store.addresses_of(bob.id, 100).await.unwrap();
        let told: Vec<_> = addresses
            .iter()
            .map(|it| (it.kind, it.value.as_str(), it.is_verified))
            .collect();
        let expected = [
            (AddressKind::Email, "Bob@Example.org", true),
            (AddressKind::Phone, "+919876543210", true),
        ];
        assert_eq!(told, expected);
    });
}

#[test]
fn names_that_differ_by_case_stay_apart() {
    let database = made_by_django();
    run(async {
        let store = store(&database).await;
        for (typed, id) in [("Bob", 1), ("bob", 2), ("OFF", 4)] {
            let found = store.find_user(&by_username(typed)).await.unwrap();
            assert_eq!(found.unwrap().user.id.get(), id, "{typed}");
        }
        // Neither, and of two email addresses not even the one that is exactly what was typed.
        let by_email = AccountName {
            email: EmailSpellings::read("bob@example.org"),
            username: Some("bob".to_owned()),
            ..AccountName::default()
        };
        for name in [by_username("BOB"), by_email.clone()] {
            let error = store.find_user(&name).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Ambiguous, "{name:?}");
        }
        // By phone they are told apart.
        let by_phone = AccountName {
            phone: PhoneSpellings::read("+919876543211", None),
            ..by_email.clone()
        };
        let found = store.find_user(&by_phone).await.unwrap().unwrap();
        assert_eq!(found.user.id.get(), 2);
        // A user's own two spellings are one user's.
        database
            .run("UPDATE phone_auth_emailaddress SET user_id = 1")
            .unwrap();
        let found = store.find_user(&by_email).await.unwrap().unwrap();
        let address = found.address.unwrap();
        assert_eq!((found.user.id.get(), address.id.get()), (1, 2));
    });
}

#[test]
fn odd_rows_are_listed() {
    let database = made_by_django();
    database
        .run("UPDATE phone_auth_phonenumber SET phone = '+1 415-555-2671' WHERE id = 2")
        .unwrap();
    database
        .run("UPDATE auth_user SET last_login = 'infinity' WHERE id = 4")
        .unwrap();
    // A table of Django's with a column that may be empty.
    database
        .run("ALTER TABLE phone_auth_emailaddress ALTER user_id DROP NOT NULL")
        .unwrap();
    database
        .run("INSERT INTO phone_auth_emailaddress (email, is_verified) VALUES ('lost@example.org', false)")
        .unwrap();
    run(async {
        let found = store(&database).await.anomalies().await.unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|anomaly| {
                let rows = anomaly.rows.iter();
                let rows = rows.map(|(text, id)| (text.as_str(), id.get()));
                (anomaly.kind, rows.collect::<Vec<_>>())
            })
            .collect();
        let expected = [
            (
                AnomalyKind::SharedEmail,
                vec![("Bob@Example.org", 1), ("bob@example.org", 2)],
            ),
            (AnomalyKind::SharedUsername, vec![("Bob", 1), ("bob", 2)]),
            (AnomalyKind::ForeignPhone, vec![("+1 415-555-2671", 2)]),
            (AnomalyKind::Ownerless, vec![("lost@example.org", 0)]),
            (AnomalyKind::UnreadableTime, vec![("off", 4)]),
        ];
        assert_eq!(told, expected);
    });
}

#[test]
fn passwords_are_counted_by_kind() {
    let database = made_by_django();
    database
        .run(
            "UPDATE auth_user SET password = CASE id
                WHEN 1 THEN 'pbkdf2_sha256$870000$salt$hash='
                WHEN 2 THEN 'pbkdf2_sha256$1000000$salt$hash='
                WHEN 3 THEN 'bcrypt$$2b$12$hash'
                ELSE '!pbkdf2_sha256$3$salt$hash=' END;
            INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,
                is_staff, is_active, date_joined)
            SELECT column1, false, column2, '', '', '', false, true, now() FROM (VALUES
                ('pbkdf2_sha256$870000$other$hash=', 'p1'), ('', 'p2'), ('$', 'p3'), ('$$', 'p4'),
                ('secret', 'p5'), ('secret$secret', 'p6'), ('md5$salt$hash', 'p7'), ('md5$12345$hash', 'p8'),
                ('pbkdf2_sha1$salt$hash', 'p9')) AS users;",
        )
        .unwrap();
    run(async {
        let kinds = store(&database).await.password_kinds().await.unwrap();
        let told: Vec<_> = kinds
            .iter()
            .map(|kind| (kind.algorithm.as_str(), kind.cost.as_str(), kind.users))
            .collect();
        let expected = [
            ("bcrypt", "", 1),
            ("md5", "", 2),
            ("pbkdf2_sha1", "", 1),
            ("pbkdf2_sha256", "1000000", 1),
            ("pbkdf2_sha256", "870000", 2),
        ];
        assert_eq!(told, expected);
    });
}

#[test]
fn new_names_are_checked_in_any_case() {
    let database = made_by_django();
    run(async {
        let store = store(&database).await;
        let error = store.create_user(&user("BOB", 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Taken(UniqueName::Username));
        let error = store.create_user(&user("boss", 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Taken(UniqueName::Email));
        let email = EmailAddress::parse("boss@example.org").unwrap();
        let wanted = WantedNames {
            email: Some(&email),
            ..WantedNames::default()
        };
        assert!(store.taken_names(&wanted).await.unwrap().email);

        let carl = store.create_user(&user("carl", 1)).await.unwrap();
        assert_eq!(carl.id.get(), 5);
        // Django is not hindered in what it could do before.
        database
            .run("UPDATE auth_user SET username = 'CARL' WHERE id = 4")
            .unwrap();
    });
}

#[test]
fn one_of_many_spellings_wins() {
    // No constraint of Django's keeps these apart: the lock on a name does.
    one_spelling_wins(&made_by_django());
}

#[test]
fn isolation_is_not_the_servers_choice() {
    for isolation in ["repeatable read", "serializable"] {
        let database = made_by_django();
        let name = database.name();
        database
            .run(&format!(
                "ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'"
            ))
            .unwrap();
        one_spelling_wins(&database);
    }
}

/// Has many users take one name and one address at once, each in another case.
fn one_spelling_wins(database: &Database) {
    run(async {
        let store = Arc::new(store(database).await);
        let spellings = [
            "carl", "Carl", "CARL", "cArl", "caRl", "carL", "CArl", "caRL",
        ];
        let sign_ups: Vec<_> = (1..)
            .zip(spellings)
            .map(|(number, username)| {
                let store = Arc::clone(&store);
                let new = NewUser {
                    email: None,
                    ..user(username, number)
                };
                tokio::spawn(async move { store.create_user(&new).await.is_ok() })
            })
            .collect();
        let mut made = 0;
        for sign_up in sign_ups {
            made += usize::from(sign_up.await.unwrap());
        }
        assert_eq!(made, 1);

        let adds: Vec<_> = [1, 2, 4, 5]
            .into_iter()
            .flat_map(|id| spellings.map(|spelling| (id, spelling)))
            .map(|(id, spelling)| {
                let store = Arc::clone(&store);
                let email = EmailAddress::parse(&format!("x@{spelling}.example")).unwrap();
                let user = UserId::new(id);
                let caps = AddressCaps {
                    all: 10,
                    unverified: 10,
                    replaces: None,
                };
                let add = async move {
                    store
                        .add_address(user, &Address::Email(email), caps, &Notices::default())
                        .await
                };
                // The others claim it, or have it already.
                tokio::spawn(async move { add.await.is_ok_and(|it| !it.id.is_claim()) })
            })
            .collect();
        let mut made = 0;
        for add in adds {
            made += usize::from(add.await.unwrap());
        }
        assert_eq!(made, 1);
    });
}

#[test]
fn rows_are_written_as_django_does() {
    let database = made_by_django();
    run(async {
        let store = store(&database).await;
        let carl = store.create_user(&user("carl", 1)).await.unwrap();
        let mut change = log_in(carl.id, 1);
        change.session.created_at = time("2026-01-02T03:04:05.678901999Z");
        assert!(store.log_in(&change).await.unwrap());
        let row = database
            .run("SET TimeZone = 'UTC'; SELECT * FROM auth_user WHERE id = 5")
            .unwrap();
        assert_eq!(
            row.trim(),
            "5|argon2$sample|2026-01-02 03:04:05.678901+00|f|carl|Ann|Lee|carl@example.org|f|t|\
             2026-01-02 03:04:05.678901+00"
        );
    });
}

#[test]
fn ids_of_any_width_are_served() {
    let database = made_by_django();
    let wide = TABLES[..3].iter().map(|table| {
        format!(
            "ALTER TABLE {table} ALTER id TYPE bigint;
            ALTER SEQUENCE {table}_id_seq AS bigint RESTART 5000000000;"
        )
    });
    run(async {
        // The statements were prepared while ids were narrow.
        let store = store(&database).await;
        let dora = store.create_user(&user("dora", 9)).await.unwrap();
        assert!(store.log_in(&log_in(dora.id, 9)).await.unwrap());
        let wide: String = wide
            .chain([
                "ALTER TABLE phone_auth_emailaddress ALTER user_id TYPE bigint;
                ALTER TABLE phone_auth_phonenumber ALTER user_id TYPE bigint;"
                    .to_owned(),
            ])
            .collect();
        database.run(&wide).unwrap();

        let carl = store.create_user(&user("carl", 1)).await.unwrap();
        assert_eq!(carl.id.get(), 5_000_000_000);
        assert!(store.log_in(&log_in(carl.id, 1)).await.unwrap());
        let addresses = store.addresses_of(carl.id, 100).await.unwrap();
        let ids: Vec<_> = addresses.iter().map(|it| it.id.get()).collect();
        assert_eq!(ids, [5_000_000_000, 5_000_000_000]);
        for number in [1, 9] {
            let digest = log_in(carl.id, number).session.digest;
            let session = store.session(&digest, time("2026-01-02T04:00:00Z")).await;
            assert!(session.unwrap().is_some(), "{number}");
        }
        let found = store.find_user(&by_username("DORA")).await.unwrap();
        assert_eq!(found.unwrap().user.username, "dora");
    });
}

#[test]
fn other_tables_of_the_name_are_refused() {
    let database = database();
    database
        .run("CREATE TABLE auth_user (id integer PRIMARY KEY, username text, password text)")
        .unwrap();
    run(async {
        let options = PostgresOptions::default();
        let store = PostgresStore::connect(database.url(), options.clone()).await;
        let store = store.unwrap();
        let error = store.migrate().await.unwrap_err();
        let expected = MigrateErrorKind::Incompatible {
            table: "auth_user",
            column: "last_login",
        };
        assert_eq!(*error.kind(), expected);
        assert_eq!(
            error.to_string(),
            "the table auth_user has no column last_login"
        );
        assert_eq!(store.pending_migrations().await.unwrap(), STEPS);
        let error = PostgresStore::connect_and_migrate(database.url(), options).await;
        assert_eq!(error.unwrap_err().kind(), OpenErrorKind::Migration);
    });
}

#[test]
fn sessions_of_django_are_shared() {
    let database = made_by_django();
    run(async {
        let store = store(&database).await;
        keeps_django_sessions(&store, UserId::new(1)).await;
    });
}

#[test]
fn unreadable_times_keep_nobody_out() {
    let database = made_by_django();
    let key = "k".repeat(SessionKey::DJANGO_CHARS);
    for time in [
        "infinity",
        "-infinity",
        "0044-03-15 BC",
        "294276-12-31 23:59:59+00",
    ] {
        database
            .run(&format!(
                "UPDATE auth_user SET last_login = '{time}', date_joined = '{time}' WHERE id = 1;
                INSERT INTO django_session VALUES ('{key}', '', '{time}')
                    ON CONFLICT (session_key) DO UPDATE SET expire_date = excluded.expire_date"
            ))
            .unwrap();
        run(async {
            let store = store(&database).await;
            let users = store.users_after(None, 10).await.unwrap();
            assert_eq!(users.len(), 4, "{time}");
            let bob = users.first().unwrap();
            assert_eq!(bob.last_login, None, "{time}");
            assert_eq!(bob.date_joined, DateTime::UNIX_EPOCH, "{time}");
            let key = SessionKey::parse(&key).unwrap();
            let session = store.django_session(&key, bob.date_joined).await;
            assert!(session.unwrap().is_none(), "{time}");

            // Anyone who resets a password goes by what was read.
            let replacement = PasswordReplacement {
                user: bob.id,
                old: bob.password.clone(),
                new: bob.password.clone(),
                last_login: Some(None),
                link: None,
                keeps: None,
                notices: Notices::default(),
                losses: Losses::default(),
                names: None,
            };
            assert!(store.replace_password(&replacement).await.unwrap());
        });
    }
}

#[test]
fn tables_in_another_schema_are_not_hidden() {
    let database = made_by_django();
    // What "$user" at the front of the usual search path comes to for a role that has a schema.
    let name = database.name();
    let search = format!("ALTER DATABASE {name} SET search_path = site, public");
    database
        .run(&format!("CREATE SCHEMA site; {search}"))
        .unwrap();
    let count = || {
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'site' AND tablename IN
            ('auth_user', 'phone_auth_emailaddress', 'phone_auth_phonenumber')";
        database.run(tables).unwrap()
    };
    run(async {
        let store = store(&database).await;
        assert_eq!(store.users_after(None, 10).await.unwrap().len(), 4);
        assert_eq!(count().trim(), "0");
        let carl = store.create_user(&user("carl", 1)).await.unwrap();
        assert!(store.log_in(&log_in(carl.id, 1)).await.unwrap());
    });

    // Ours, too: someone adds a schema later.
    let search = format!("ALTER DATABASE {name} SET search_path = later, site, public");
    database
        .run(&format!(
            "CREATE SCHEMA later; {search};
            DELETE FROM site.phone_auth_schema WHERE version > 3; DROP TABLE
            site.phone_auth_email_verified, site.phone_auth_phone_verified, site.phone_auth_site_key, site.phone_auth_link_request,
            site.phone_auth_limit, site.phone_auth_challenge;
            ALTER TABLE site.phone_auth_session DROP COLUMN password_digest; DROP INDEX site.phone_auth_outbox_letters,
            site.phone_auth_outbox_queue_due;
            ALTER TABLE site.phone_auth_outbox DROP COLUMN failures, DROP COLUMN ready_attempt,
            DROP COLUMN leased_attempt, DROP COLUMN enqueued_at, DROP COLUMN binding_parts, DROP COLUMN earlier_receipts,
            DROP COLUMN waits_since"
        ))
        .unwrap();
    run(async {
        let options = PostgresOptions::default();
        let store = PostgresStore::connect(database.url(), options).await;
        let applied = store.unwrap().migrate().await.unwrap();
        assert_eq!(applied, STEPS[3..]);
    });
}

#[test]
fn session_keys_stand_in_no_statement() {
    // A server writes the text of a statement that waits too long into its log.
    let database = made_by_django();
    run(async {
        let store = Arc::new(store(&database).await);
        let bob = store.user(UserId::new(1)).await.unwrap().unwrap();
        let row = |data: &str| DjangoRow {
            key: SessionKey::parse(&"k".repeat(SessionKey::DJANGO_CHARS)).unwrap(),
            data: data.to_owned(),
            expires_at: time("2099-01-02T03:04:05Z"),
        };
        let begin = DjangoLogIn {
            user: bob.id,
            checked_password: bob.password.clone(),
            upgraded_password: None,
            at: time("2026-01-02T03:04:05Z"),
            ends: None,
            begins: row("first"),
            unless_closing: false,
        };
        assert!(store.django_log_in(&begin).await.unwrap());

        let mut holder = PgConnection::connect(database.url()).await.unwrap();
        let mut held = holder.begin().await.unwrap();
        let lock = "SELECT 1 FROM django_session FOR UPDATE";
        sqlx::query(lock).execute(&mut *held).await.unwrap();
        let (old, new) = (begin.begins, row("second"));
        let replacement = PasswordReplacement {
            user: bob.id,
            old: bob.password,
            new: EncodedPassword::new("argon2$new"),
            last_login: None,
            link: None,
            keeps: None,
            notices: Notices::default(),
            losses: Losses::default(),
            names: None,
        };
        let waits = tokio::spawn({
            let store = Arc::clone(&store);
            let rewrite = DjangoRewrite {
                old: old.clone(),
                new,
            };
            async move {
                store
                    .replace_password_of_django(&replacement, &rewrite)
                    .await
            }
        });
        let statement = "SELECT query FROM pg_stat_activity WHERE datname = current_database()
            AND wait_event_type = 'Lock'";
        // In a transaction the server would answer what it did the first time.
        let mut watcher = PgConnection::connect(database.url()).await.unwrap();
        let statement: String = loop {
            let waiting = sqlx::query_scalar(statement).fetch_optional(&mut watcher);
            if let Some(text) = waiting.await.unwrap() {
                break text;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert!(statement.contains("django_session"), "{statement}");
        assert!(!statement.contains(old.key.reveal()), "{statement}");

        // Someone else has changed the row meanwhile: nothing of what waited happens.
        let change = "UPDATE django_session SET session_data = 'other'";
        sqlx::query(change).execute(&mut *held).await.unwrap();
        held.commit().await.unwrap();
        assert!(!waits.await.unwrap().unwrap());
        let bob = store.user(UserId::new(1)).await.unwrap().unwrap();
        assert_ne!(bob.password.reveal(), "argon2$new");
    });
}

#[test]
fn spellings_and_namesakes_are_listed() {
    let database = made_by_django();
    run(async {
        let store = store(&database).await;
        database.run(SPELLINGS).unwrap();
        let found = store.anomalies().await.unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|anomaly| {
                let rows = anomaly.rows.iter();
                let rows = rows.map(|(text, id)| (text.as_str(), id.get()));
                (anomaly.kind, rows.collect::<Vec<_>>())
            })
            .collect();
        let expected = [
            (
                AnomalyKind::SharedEmail,
                vec![("ann@b\u{fc}cher.example", 1)],
            ),
            (AnomalyKind::SharedEmail, vec![("0091 98765 43212", 1)]),
            (
                AnomalyKind::UsernameOfAnother,
                vec![("+919876543211", 1), ("+919876543211", 2)],
            ),
            (
                AnomalyKind::UsernameOfAnother,
                vec![("Boss@Example.org", 3), ("boss@example.org", 4)],
            ),
            (AnomalyKind::ForeignEmail, vec![("\"dan\"@example.org", 3)]),
            (
                AnomalyKind::ForeignEmail,
                vec![("ann@b\u{fc}cher.example", 1)],
            ),
            (AnomalyKind::ForeignEmail, vec![("dan@localhost", 3)]),
            (AnomalyKind::ForeignEmail, vec![("eve@example.org ", 4)]),
            (AnomalyKind::UnassignedPhone, vec![("+22997123456", 3)]),
            (AnomalyKind::ForeignPhone, vec![("0091 98765 43212", 1)]),
        ];
        for (kind, rows) in &expected {
            assert!(
                told.contains(&(*kind, rows.clone())),
                "{kind:?} {rows:?}: {told:?}"
            );
        }
        assert_eq!(told.len(), expected.len(), "{told:?}");
    });
}

/// What is odd although everybody can log in, and what is not: letters of another case alone.
const SPELLINGS: &str = "
    DELETE FROM phone_auth_emailaddress;
    UPDATE auth_user SET username = 'robert' WHERE id = 2;
    UPDATE auth_user SET username = '+919876543211' WHERE id = 1;
    UPDATE auth_user SET username = 'Boss@Example.org' WHERE id = 3;
    INSERT INTO phone_auth_emailaddress (email, is_verified, user_id) VALUES
        ('ann@b\u{fc}cher.example', true, 1), ('ann@xn--bcher-kva.example', true, 2),
        ('dan@localhost', true, 3), ('\"dan\"@example.org', true, 3), ('eve@example.org ', true, 4),
        ('boss@example.org', true, 4), ('Carl@Example.org', true, 4);
    INSERT INTO phone_auth_phonenumber (phone, is_verified, user_id) VALUES
        ('0091 98765 43212', true, 1), ('+919876543212', true, 2), ('+22997123456', true, 3);";
