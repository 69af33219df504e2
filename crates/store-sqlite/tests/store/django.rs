//! A database that Django made is taken over as it stands.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{DateTime, Utc};
use phone_auth_core::address::{AddressKind, EmailAddress, EmailSpellings, Losses, PhoneSpellings};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{
    NewLogIn, NewSession, PasswordReplacement, SessionClient, SessionDigest, SessionHandle,
    SessionKey,
};
use phone_auth_core::store::{
    AddressStore, AnomalyKind, AnomalyStore, DjangoSessionStore as _, PasswordKindStore,
    SessionStore, StoreErrorKind, UniqueName, UserStore,
};
use phone_auth_core::user::{AccountName, UserId, WantedNames};
use phone_auth_django::TimeZone;
use phone_auth_store_sqlite::{MigrateErrorKind, OpenErrorKind, SqliteOptions, SqliteStore};
use phone_auth_store_testkit::keeps_django_sessions;
use rusqlite::Connection;

use crate::common::{STEPS, Scratch, run, user};

const DJANGO: &str = include_str!("../data/django_5_2.sql");

/// All rows that a query answers, each as one text.
fn answer(connection: &Connection, query: &str) -> Vec<String> {
    let mut query = connection.prepare(query).unwrap();
    let columns = query.column_count();
    let found = query
        .query_map([], |row| {
            let values = (0..columns).map(|it| row.get::<_, rusqlite::types::Value>(it));
            Ok(format!("{:?}", values.collect::<Result<Vec<_>, _>>()?))
        })
        .unwrap();
    found.map(Result::unwrap).collect()
}

/// The rows of the tables that Django made.
fn rows(connection: &Connection) -> Vec<Vec<String>> {
    let tables = [
        "auth_user",
        "phone_auth_emailaddress",
        "phone_auth_phonenumber",
        "django_session",
    ];
    let all = tables.map(|table| answer(connection, &format!("SELECT * FROM {table} ORDER BY 1")));
    all.into()
}

/// The definitions of Django's own tables and indexes.
fn definitions(connection: &Connection) -> Vec<String> {
    answer(
        connection,
        "SELECT name, sql FROM sqlite_master
        WHERE name NOT GLOB 'phone_auth_*_any_*' AND name NOT GLOB '*phone_auth_session*' AND name NOT GLOB '*phone_auth_outbox*'
            AND name NOT GLOB 'phone_auth_*_verified' AND name <> 'phone_auth_site_key'
            AND name NOT GLOB 'phone_auth_link_request*' AND name NOT GLOB '*phone_auth_limit*'
            AND name NOT GLOB '*phone_auth_challenge*' AND name NOT GLOB '*phone_auth_claim*' AND name NOT GLOB '*phone_auth_closing*'
            AND name <> 'phone_auth_replacement' AND name <> 'phone_auth_schema' ORDER BY name",
    )
}

/// A file as Django left it.
pub(crate) fn made_by_django() -> Scratch {
    let scratch = Scratch::new();
    Connection::open(scratch.path())
        .unwrap()
        .execute_batch(DJANGO)
        .unwrap();
    scratch
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn migration_touches_no_row() {
    let scratch = made_by_django();
    let before = (rows(&scratch.connect()), definitions(&scratch.connect()));
    let store = SqliteStore::open(scratch.path(), SqliteOptions::default()).unwrap();
    let applied = store.migrate().unwrap();
    assert_eq!(applied, STEPS);
    assert_eq!(store.migrate().unwrap(), [] as [&str; 0]);
    let after = (rows(&scratch.connect()), definitions(&scratch.connect()));
    assert_eq!(before, after);
}

#[test]
fn own_tables_are_the_models() {
    // The same columns with the same types, defaults and NULLs, the same foreign keys and the same
    // unique columns.
    let (ours, djangos) = (Scratch::new(), made_by_django());
    drop(ours.store());
    let shape = |connection: &Connection, table: &str| {
        let queries = [
            format!("SELECT * FROM pragma_table_info('{table}')"),
            format!("SELECT * FROM pragma_foreign_key_list('{table}')"),
            format!(
                "SELECT name, \"unique\", origin, partial FROM pragma_index_list('{table}')
                WHERE name NOT GLOB 'phone_auth_*_any_*' ORDER BY name"
            ),
        ];
        queries.map(|query| answer(connection, &query))
    };
    for table in [
        "auth_user",
        "phone_auth_emailaddress",
        "phone_auth_phonenumber",
    ] {
        let (ours, djangos) = (ours.connect(), djangos.connect());
        assert_eq!(shape(&ours, table), shape(&djangos, table), "{table}");
    }
}

#[test]
fn users_of_django_are_read() {
    let scratch = made_by_django();
    let store = scratch.store();
    run(async {
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
    let scratch = made_by_django();
    let store = scratch.store();
    run(async {
        let by_username = |typed: &str| AccountName {
            username: Some(typed.to_owned()),
            ..AccountName::default()
        };
        for (typed, id) in [("Bob", 1), ("bob", 2), ("OFF", 4)] {
            let found = store.find_user(&by_username(typed)).await;
            assert_eq!(found.unwrap().unwrap().user.id.get(), id, "{typed}");
        }
        // Neither, and of two email addresses not even the one that is exactly what was typed: telephones
        // write a capital letter first, and mail servers do not care.
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
        scratch
            .connect()
            .execute_batch("UPDATE phone_auth_emailaddress SET user_id = 1")
            .unwrap();
        let found = store.find_user(&by_email).await.unwrap().unwrap();
        assert_eq!(
            (found.user.id.get(), found.address.unwrap().id.get()),
            (1, 2)
        );
    });
}

#[test]
fn new_names_are_checked_in_any_case() {
    let scratch = made_by_django();
    let store = scratch.store();
    run(async {
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
        scratch
            .connect()
            .execute_batch("UPDATE auth_user SET username = 'CARL' WHERE id = 4")
            .unwrap();
    });
}

#[test]
fn rows_are_written_as_django_does() {
    let scratch = made_by_django();
    let store = scratch.store();
    run(async {
        let carl = store.create_user(&user("carl", 1)).await.unwrap();
        let bob = store.users_after(None, 1).await.unwrap().remove(0);
        let change = NewLogIn {
            checked_password: bob.password,
            upgraded_password: None,
            session: NewSession {
                digest: SessionDigest::from_bytes([1; 32]),
                user: bob.id,
                created_at: time("2026-01-02T03:04:05Z"),
                expires_at: time("2026-01-03T03:04:05Z"),
                handle: SessionHandle::of_digest(&SessionDigest::from_bytes([1; 32])),
                client: SessionClient::default(),
            },
            ends: None,
            max_sessions: 50,
            unless_closing: false,
        };
        assert!(store.log_in(&change).await.unwrap());
        let row = |statement: &str| -> String {
            scratch
                .connect()
                .query_row(statement, [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(
            row("SELECT last_login FROM auth_user WHERE id = 1"),
            "2026-01-02 03:04:05"
        );
        let joined = format!(
            "SELECT date_joined FROM auth_user WHERE id = {}",
            carl.id.get()
        );
        assert_eq!(row(&joined), "2026-01-02 03:04:05.678901");
        let types = "SELECT typeof(is_active) || typeof(is_staff) || typeof(is_superuser)
            || typeof(date_joined) || typeof(last_login) || email FROM auth_user WHERE id = 5";
        assert_eq!(row(types), "integerintegerintegertextnullcarl@example.org");
    });
}

#[test]
fn other_tables_of_the_name_are_refused() {
    let scratch = Scratch::new();
    scratch
        .connect()
        .execute_batch(
            "CREATE TABLE auth_user (id integer PRIMARY KEY, username text, password text)",
        )
        .unwrap();
    let store = SqliteStore::open(scratch.path(), SqliteOptions::default()).unwrap();
    let error = store.migrate().unwrap_err();
    let expected = MigrateErrorKind::Incompatible {
        table: "auth_user",
        column: "last_login",
    };
    assert_eq!(*error.kind(), expected);
    assert_eq!(
        error.to_string(),
        "the table auth_user has no column last_login"
    );
    assert_eq!(store.pending_migrations().unwrap(), STEPS);
    let error =
        SqliteStore::open_and_migrate(scratch.path(), SqliteOptions::default()).unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::Migration);
}

#[test]
fn odd_rows_are_read_and_listed() {
    let scratch = made_by_django();
    scratch
        .connect()
        .execute_batch(
            "UPDATE auth_user SET last_login = 'yesterday', date_joined = '' WHERE id = 1;
            UPDATE auth_user SET date_joined = '2024-02-02T03:04:05+00:00', last_login = 7 WHERE id = 2;
            UPDATE auth_user SET first_name = x'ff', is_active = 'yes' WHERE id = 4;
            UPDATE phone_auth_phonenumber SET phone = '+1 415-555-2671' WHERE id = 2;
            UPDATE phone_auth_emailaddress SET is_verified = 'yes' WHERE id = 1;
            PRAGMA foreign_keys = OFF;
            UPDATE phone_auth_phonenumber SET user_id = 77 WHERE id = 1;
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = replace(sql, '\"user_id\" integer NOT NULL', '\"user_id\" integer')
                WHERE name = 'phone_auth_emailaddress';
            PRAGMA writable_schema = RESET;
            INSERT INTO phone_auth_emailaddress (email, is_verified) VALUES ('lost@example.org', false);
            INSERT INTO phone_auth_emailaddress (email, is_verified, user_id) VALUES ('odd@example.org', false, 'abc');",
        )
        .unwrap();
    let store = scratch.store();
    run(async {
        let users = store.users_after(None, 10).await.unwrap();
        assert_eq!(users.len(), 4);
        let bob = users.first().unwrap();
        assert_eq!(
            (bob.last_login, bob.date_joined),
            (None, DateTime::UNIX_EPOCH)
        );
        // Anyone who is not plainly active is not.
        assert!(!users.last().unwrap().is_active);
        let addresses = store.addresses_of(bob.id, 100).await.unwrap();
        assert!(!addresses.first().unwrap().is_verified);

        let found = store.anomalies().await.unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|anomaly| {
                let rows = anomaly
                    .rows
                    .iter()
                    .map(|(text, id)| (text.as_str(), id.get()));
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
            (AnomalyKind::Ownerless, vec![("+919876543210", 77)]),
            (AnomalyKind::Ownerless, vec![("lost@example.org", 0)]),
            (AnomalyKind::Ownerless, vec![("odd@example.org", 0)]),
            (AnomalyKind::UnreadableTime, vec![("Bob", 1)]),
            (AnomalyKind::UnreadableTime, vec![("bob", 2)]),
        ];
        assert_eq!(told, expected);
    });
}

#[test]
fn passwords_are_counted_by_kind() {
    let scratch = made_by_django();
    scratch
        .connect()
        .execute_batch(
            "UPDATE auth_user SET password = CASE id
                WHEN 1 THEN 'pbkdf2_sha256$870000$salt$hash='
                WHEN 2 THEN 'pbkdf2_sha256$1000000$salt$hash='
                WHEN 3 THEN 'bcrypt$$2b$12$hash'
                ELSE '!pbkdf2_sha256$3$salt$hash=' END;
            INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,
                is_staff, is_active, date_joined)
            SELECT column1, 0, column2, '', '', '', 0, 1, '2024-01-02 03:04:05' FROM (VALUES
                ('pbkdf2_sha256$870000$other$hash=', 'p1'), ('', 'p2'), ('$', 'p3'), ('$$', 'p4'),
                ('secret', 'p5'), ('secret$secret', 'p6'), ('md5$salt$hash', 'p7'), ('md5$12345$hash', 'p8'),
                ('pbkdf2_sha1$salt$hash', 'p9'));",
        )
        .unwrap();
    let kinds = run(scratch.store().password_kinds()).unwrap();
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
}

#[test]
fn sessions_of_django_are_shared() {
    let scratch = made_by_django();
    let store = scratch.store();
    run(keeps_django_sessions(&store, UserId::new(1)));
    // A time that cannot be read is over, and in another form it is read all the same.
    let row = |key: &str, date: &str| {
        let statement = format!("INSERT INTO django_session VALUES ('{key}', '', '{date}')");
        scratch.connect().execute_batch(&statement).unwrap();
        let key = SessionKey::parse(key).unwrap();
        run(store.django_session(&key, time("2026-01-02T03:04:05Z"))).unwrap()
    };
    assert!(row(&"a".repeat(32), "2026-01-02 03:04:05.000001").is_some());
    assert!(row(&"b".repeat(32), "2026-01-02T03:04:06Z").is_some());
    assert!(row(&"c".repeat(32), "2026-01-02T03:04:05Z").is_none());
    assert!(row(&"d".repeat(32), "zzzz").is_none());
}

#[test]
fn times_are_those_of_a_zone() {
    // Django without USE_TZ: 03:04:05 on the wall is 21:34:05 of the day before in UTC.
    let scratch = made_by_django();
    let zone = TimeZone::named("Asia/Kolkata").unwrap();
    let store = scratch.store_with(SqliteOptions::default().with_time_zone(zone));
    run(keeps_django_sessions(&store, UserId::new(1)));
    scratch
        .connect()
        .execute_batch("UPDATE auth_user SET last_login = '2024-01-02 03:04:05' WHERE id = 2")
        .unwrap();
    let last_login = Some(time("2024-01-01T21:34:05Z"));
    let bob = run(store.user(UserId::new(2))).unwrap().unwrap();
    assert_eq!(bob.last_login, last_login);
    let replacement = PasswordReplacement {
        user: bob.id,
        old: bob.password,
        new: EncodedPassword::new("argon2$sample"),
        last_login: Some(last_login),
        link: None,
        keeps: None,
        notices: Notices::default(),
        losses: Losses::default(),
        names: None,
    };
    assert!(run(store.replace_password(&replacement)).unwrap());

    let session = |date: &str, now| {
        let statement = format!(
            "REPLACE INTO django_session VALUES ('{0}', '', '{date}')",
            "k".repeat(32)
        );
        scratch.connect().execute_batch(&statement).unwrap();
        let key = SessionKey::parse(&"k".repeat(32)).unwrap();
        run(store.django_session(&key, time(now))).unwrap()
    };
    for (now, is_alive) in [
        ("2024-01-01T21:34:04Z", true),
        ("2024-01-01T21:34:05Z", false),
    ] {
        let found = session("2024-01-02 03:04:05", now);
        assert_eq!(found.is_some(), is_alive, "{now}");
    }

    // What is written reads the same there; what is ours alone stays in UTC.
    let carl = run(store.create_user(&user("carl", 1))).unwrap();
    assert_eq!(carl.date_joined, time("2026-01-02T03:04:05.678901Z"));
    let log_in = NewLogIn {
        checked_password: carl.password.clone(),
        upgraded_password: None,
        session: NewSession {
            digest: SessionDigest::from_bytes([1; 32]),
            user: carl.id,
            created_at: time("2026-01-02T23:04:05Z"),
            expires_at: time("2026-01-03T23:04:05Z"),
            handle: SessionHandle::of_digest(&SessionDigest::from_bytes([1; 32])),
            client: SessionClient::default(),
        },
        ends: None,
        max_sessions: 50,
        unless_closing: false,
    };
    assert!(run(store.log_in(&log_in)).unwrap());
    let written =
        "SELECT date_joined || ' ' || last_login || ' ' || created_at || ' ' || expires_at
        FROM auth_user u JOIN phone_auth_session s ON s.person_id = u.id";
    let written: String = scratch
        .connect()
        .query_row(written, [], |row| row.get(0))
        .unwrap();
    assert_eq!(
        written,
        "2026-01-02 08:34:05.678901 2026-01-03 04:34:05 2026-01-02 23:04:05 2026-01-03 23:04:05"
    );
}

#[test]
fn looking_leaves_the_mode_of_the_file() {
    let scratch = made_by_django();
    let mode = || -> String {
        let connection = scratch.connect();
        connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap()
    };
    let store = SqliteStore::open(scratch.path(), SqliteOptions::default()).unwrap();
    store.pending_migrations().unwrap();
    assert_eq!(mode(), "delete");
    store.migrate().unwrap();
    assert_eq!(mode(), "wal");
    run(store.users_after(None, 10)).unwrap();
}

#[test]
fn lost_indexes_are_made_again() {
    let scratch = made_by_django();
    let store = scratch.store();
    let indexes = || {
        let all = "SELECT sql FROM sqlite_master WHERE name LIKE 'phone_auth_%_any_%'";
        let mut all = answer(&scratch.connect(), all);
        all.sort();
        all
    };
    let before = indexes();
    assert_eq!(before.len(), 10);
    // As Django changes a table: it makes another one in its place.
    scratch
        .connect()
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
            CREATE TABLE new__auth_user AS SELECT * FROM auth_user;
            DROP TABLE auth_user;
            ALTER TABLE new__auth_user RENAME TO auth_user;",
        )
        .unwrap();
    assert_eq!(indexes().len(), 5);
    assert_eq!(store.pending_migrations().unwrap(), ["lost indexes"]);
    assert_eq!(store.migrate().unwrap(), ["lost indexes"]);
    assert_eq!(indexes(), before);
    assert_eq!(store.pending_migrations().unwrap(), [""; 0]);
}

/// Another program may have written bytes where a text belongs; SQLite keeps what it is given.
#[test]
fn password_written_as_bytes_is_a_password() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let ann = run(store.create_user(&user("ann", 1))).unwrap();
    let as_bytes = || {
        let statement = "UPDATE auth_user SET password = CAST(password AS BLOB)";
        scratch.connect().execute_batch(statement).unwrap();
    };
    as_bytes();
    let log_in = NewLogIn {
        checked_password: ann.password.clone(),
        upgraded_password: None,
        session: NewSession {
            digest: SessionDigest::from_bytes([1; 32]),
            user: ann.id,
            created_at: time("2026-01-02T03:04:05Z"),
            expires_at: time("2026-01-03T03:04:05Z"),
            handle: SessionHandle::of_digest(&SessionDigest::from_bytes([1; 32])),
            client: SessionClient::default(),
        },
        ends: None,
        max_sessions: 50,
        unless_closing: false,
    };
    assert!(run(store.log_in(&log_in)).unwrap());
    let replacement = PasswordReplacement {
        user: ann.id,
        old: ann.password,
        new: EncodedPassword::new("argon2$new"),
        last_login: None,
        link: None,
        keeps: None,
        notices: Notices::default(),
        losses: Losses::default(),
        names: None,
    };
    assert!(run(store.replace_password(&replacement)).unwrap());
}

#[test]
fn spellings_and_namesakes_are_listed() {
    let scratch = made_by_django();
    let store = scratch.store();
    scratch.connect().execute_batch(SPELLINGS).unwrap();
    run(async {
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
        ('ann@b\u{fc}cher.example', 1, 1), ('ann@xn--bcher-kva.example', 1, 2),
        ('dan@localhost', 1, 3), ('\"dan\"@example.org', 1, 3), ('eve@example.org ', 1, 4),
        ('boss@example.org', 1, 4), ('Carl@Example.org', 1, 4);
    INSERT INTO phone_auth_phonenumber (phone, is_verified, user_id) VALUES
        ('0091 98765 43212', 1, 1), ('+919876543212', 1, 2), ('+22997123456', 1, 3);";
