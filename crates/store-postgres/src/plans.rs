//! No statement looks at every row: that every lookup has an index is a test.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::AddressKind;
use phone_auth_core::user::UserId;
use phone_auth_test_postgres::Database;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, query_scalar, raw_sql};

use crate::spellings::Texts;
use crate::{
    PostgresOptions, PostgresStore, address_changes, addresses, challenges, claim_proofs, claims,
    closing, closing_schedule, django_sessions, limits, links, outbox, passwords, proofs,
    replacements, sessions, site_key, taken, users, verification,
};

/// Rows enough that plans tell, Django's table of sessions, and no look at all rows, for itself or to join
/// them, where there is another way.
const SETTING: &str = "
    CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text, expire_date timestamptz);
    INSERT INTO auth_user (id, username, email, first_name, last_name, password, date_joined, is_active,
            is_staff, is_superuser)
        SELECT n, 'ann' || n, 'ann' || n || '@example.org', 'Ann', 'Lee', 'hash', now(), true, false, false
        FROM generate_series(1, 3000) n;
    INSERT INTO phone_auth_emailaddress SELECT id, email, true, id FROM auth_user;
    INSERT INTO phone_auth_phonenumber SELECT id, '+9198765' || id, true, id FROM auth_user;
    INSERT INTO phone_auth_email_verified SELECT id, now() FROM auth_user;
    INSERT INTO phone_auth_phone_verified SELECT id, now() FROM auth_user;
    INSERT INTO phone_auth_session
        SELECT decode(md5(username), 'hex'), id, now(), now() + id * interval '1 min' FROM auth_user;
    INSERT INTO django_session SELECT md5(username), 'data', now() FROM auth_user;
    INSERT INTO phone_auth_outbox (message_key, purpose, kind, person_id, address_id, binding, created_at,
            expires_at, attempts, due_at, died_at)
        SELECT username, 'verify', 'email', id, id, '', now(), now(), id % 20, now() + id * interval '1 min',
            CASE WHEN id % 10 = 0 THEN now() + id * interval '1 min' END
        FROM auth_user;
    INSERT INTO phone_auth_limit SELECT decode(md5(username), 'hex'), 'log_ins', 1, id, id FROM auth_user;
    INSERT INTO phone_auth_challenge
        SELECT decode(md5(username), 'hex'), 'verify', id, NULL, 5, now(), now() + id * interval '1 s' FROM auth_user;
    INSERT INTO phone_auth_claim (user_id, kind, value) SELECT id, 'email', email FROM auth_user;
    INSERT INTO phone_auth_link_request (kind, purpose, holder, email_id, requested_at)
        SELECT 'email', 'verify', id, id, now() FROM auth_user;
    INSERT INTO phone_auth_link_request (kind, purpose, holder, phone_id, requested_at)
        SELECT 'phone', 'verify', id, id, now() FROM auth_user;
    INSERT INTO phone_auth_link_request (kind, purpose, holder, claim_id, requested_at)
        SELECT 'email', 'verify', id, id, now() FROM phone_auth_claim;
    INSERT INTO phone_auth_replacement SELECT id, 'email', id, id FROM auth_user;
    INSERT INTO phone_auth_closing SELECT id, now(), now() + id * interval '1 min' FROM auth_user;
    INSERT INTO phone_auth_limit_sms SELECT decode(md5(username), 'hex'), id, 'site', 1, 0 FROM auth_user;
    ANALYZE;
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off";

/// Our indexes, Django's that we rely on among them, which no constraint needs. Without `phone_auth_outbox_letters` all
/// dead letters would be looked through by another index, and without `phone_auth_outbox_queue_due` all that is due, and
/// without `phone_auth_limit_sms_hour` all that is counted of text messages, which such a plan does not tell. Nor does it tell of
/// `phone_auth_link_request_claim`, by which the end of a claim ends its requests: that is a constraint's doing.
const INDEXES: [&str; 24] = [
    "phone_auth_user_username_any_digits",
    "phone_auth_user_username_any_padding",
    "phone_auth_user_email_any_spelling",
    "phone_auth_emailaddress_any_spelling",
    "phone_auth_phonenumber_any_digits",
    "phone_auth_user_username_any_case",
    "phone_auth_user_email_any_case",
    "phone_auth_emailaddress_any_case",
    "phone_auth_emailaddress_user_id_a18b6ae9",
    "phone_auth_phonenumber_user_id_32500e94",
    "phone_auth_session_person",
    "phone_auth_session_expires",
    "phone_auth_outbox_due",
    "phone_auth_outbox_address",
    "phone_auth_outbox_died",
    "phone_auth_outbox_queue_ready",
    "phone_auth_outbox_waits",
    "phone_auth_limit_expires",
    "phone_auth_challenge_expires",
    "phone_auth_link_request_email",
    "phone_auth_link_request_phone",
    "phone_auth_challenge_email",
    "phone_auth_challenge_phone",
    "phone_auth_closing_due",
];

#[tokio::test]
async fn every_lookup_uses_an_index() {
    let (_database, mut connection) = planner().await;
    assert_eq!(scans(&mut connection).await, [""; 0]);
}

/// A plan that is made while the tables are empty, and known to be, is the plan of the tables when they are full.
#[tokio::test]
async fn empty_tables_are_looked_up_by_index() {
    let database = Database::new().unwrap();
    let options = PostgresOptions::default();
    let store = PostgresStore::connect_and_migrate(database.url(), options).await;
    let store = store.unwrap();
    let mut other = PgConnection::connect(database.url()).await.unwrap();
    let sessions = "CREATE TABLE django_session
        (session_key varchar(40) PRIMARY KEY, session_data text, expire_date timestamptz)";
    raw_sql(sessions).execute(&mut other).await.unwrap();
    raw_sql("VACUUM ANALYZE").execute(&mut other).await.unwrap();
    let (mut lease, _) = store.connections.lease().await.unwrap();
    let mut read = Vec::new();
    for statement in statements() {
        let plan = plan(lease.connection(), &statement).await;
        let all = plan.iter().filter(|step| step.contains("Seq Scan"));
        read.extend(all.map(|step| format!("{}: {statement}", step.trim())));
    }
    assert_eq!(read, [""; 0]);
}

#[tokio::test]
async fn lookup_without_index_is_found() {
    let (_database, mut connection) = planner().await;
    for index in INDEXES {
        let mut without = connection.begin().await.unwrap();
        let drop = AssertSqlSafe(format!("DROP INDEX {index}"));
        raw_sql(drop).execute(&mut *without).await.unwrap();
        let scans = scans(&mut without).await;
        assert!(!scans.is_empty(), "nothing looks up by {index}");
        without.rollback().await.unwrap();
    }
}

/// Of a queue that is left out, however many wait in it, a claim looks at none.
#[tokio::test]
async fn paused_queue_is_not_looked_at() {
    let (_database, mut connection) = planner().await;
    let plan = plan(&mut connection, outbox::statements::CLAIM).await;
    let condition = |index: &str| {
        let scan = format!(" using {index} ");
        let scan = plan.iter().position(|step| step.contains(&scan));
        let next = scan.and_then(|place| plan.get(place + 1));
        next.map_or("", |next| next.trim_start())
    };
    let ready = condition("phone_auth_outbox_queue_ready");
    assert!(ready.starts_with("Index Cond: (CASE WHEN"), "{ready}");
    let due = condition("phone_auth_outbox_queue_due");
    assert!(due.starts_with("Index Cond: ((CASE WHEN"), "{due}");
    assert!(due.contains("AND (due_at <= "), "{due}");
    let mut walks = plan
        .iter()
        .filter(|it| it.contains("phone_auth_outbox_due"));
    assert_eq!(walks.next(), None, "all that is pending");
}

/// Whatever is kept at the places of a group is read to its end: where the key was found first would tell, by the time that it
/// takes, how many of nobody's are there.
#[tokio::test]
async fn group_of_a_key_is_read_to_its_end() {
    let (_database, mut connection) = planner().await;
    for statement in [
        challenges::statements::BEGIN,
        challenges::statements::OPEN,
        challenges::statements::FIND,
        challenges::statements::KEEP_NAMES,
        challenges::statements::NAMES,
        challenges::statements::RENEW,
        challenges::statements::ATTEMPT,
        challenges::statements::RETURN,
    ] {
        let plan = plan(&mut connection, statement).await.join("\n");
        let key = "Sort Key: phone_auth_challenge";
        let sorted = plan.lines().filter(|it| it.contains(key));
        let by_time = sorted.filter(|it| it.ends_with(".created_at"));
        assert_eq!(by_time.count(), 1, "{plan}");
    }
}

/// A database with many rows in all tables, and a connection on which statements are planned.
async fn planner() -> (Database, PgConnection) {
    let database = Database::new().unwrap();
    let options = PostgresOptions::default();
    let store = PostgresStore::connect_and_migrate(database.url(), options).await;
    store.unwrap().close().await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    raw_sql(SETTING).execute(&mut connection).await.unwrap();
    (database, connection)
}

/// The steps of all plans that look at every row, each with its statement.
async fn scans(connection: &mut PgConnection) -> Vec<String> {
    let mut scans = Vec::new();
    for statement in statements() {
        let plan = plan(connection, &statement).await;
        for (place, step) in plan.iter().enumerate() {
            let by_index = ["Index Scan", "Index Only Scan"]
                .iter()
                .any(|it| step.contains(it));
            let next = plan.get(place + 1).map_or("", |next| next.trim_start());
            // What is in this index is what is looked for.
            let is_whole = step.contains(" phone_auth_outbox_queue_ready ");
            let narrows = by_index && (is_whole || next.starts_with("Index Cond:"));
            if step.contains("Seq Scan") || (by_index && !narrows) {
                scans.push(format!("{}: {statement}", step.trim()));
            }
        }
    }
    scans
}

/// The steps in which PostgreSQL would run a statement whatever its arguments are.
async fn plan(connection: &mut PgConnection, statement: &str) -> Vec<String> {
    let has = |number: &usize| statement.contains(&format!("${number}"));
    let arguments = vec!["NULL"; (1_usize..100).take_while(has).count()].join(", ");
    let arguments = if arguments.is_empty() {
        arguments
    } else {
        format!("({arguments})")
    };
    let prepare = AssertSqlSafe(format!("DEALLOCATE ALL; PREPARE planned AS {statement}"));
    raw_sql(prepare).execute(&mut *connection).await.unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN (COSTS OFF) EXECUTE planned {arguments}"));
    // Not to be prepared itself: DEALLOCATE would take it away from under the driver.
    query_scalar(explain)
        .persistent(false)
        .fetch_all(connection)
        .await
        .unwrap()
}

/// Those that there are for either kind of address.
fn of_addresses() -> impl Iterator<Item = &'static str> {
    let of_both = [AddressKind::Email, AddressKind::Phone].map(|kind| {
        let of_kind = addresses::statements(kind);
        let changes = address_changes::statements(kind);
        let of_claims = claims::statements(kind);
        let proofs = verification::statements(kind);
        [
            of_claims.add,
            of_claims.with_user,
            of_claims.holders,
            of_claims.target,
            claim_proofs::prove(kind),
            changes.remove,
            changes.text,
            changes.set_verified,
            of_kind.add,
            of_kind.with_user,
            proofs.verify,
            proofs.is_verified,
            proofs.keep_session,
            proofs.keep_session_of_claim,
            of_kind.target,
            of_kind.end_link,
            of_kind.free,
        ]
    });
    of_both.into_iter().flatten()
}

const OF_OUTBOX: [&str; 18] = [
    outbox::statements::PARTS_OF_ENQUEUE[0],
    outbox::statements::PARTS_OF_ENQUEUE[1],
    outbox::statements::PENDING,
    outbox::statements::CLAIM,
    outbox::statements::WAIT_ANEW,
    outbox::statements::TARGET,
    outbox::statements::EXTEND,
    outbox::statements::PUT_OFF,
    outbox::statements::RELEASE,
    outbox::statements::REMOVE,
    outbox::statements::DEAD_LETTER,
    outbox::statements::DEAD_LETTER_UNREADABLE,
    outbox::statements::HELD,
    outbox::statements::NEXT_DUE,
    outbox::statements::MESSAGE,
    outbox::statements::MESSAGES_AFTER,
    outbox::statements::REQUEUE,
    outbox::statements::PURGE,
];

fn statements() -> Vec<String> {
    let statements = [
        users::USER,
        users::USERS_AFTER,
        users::FIND,
        taken::TAKEN,
        users::CREATE,
        users::RENAME,
        users::SET_NAMES,
        address_changes::MAKE_PRIMARY,
        claim_proofs::IS_PROVEN,
        claim_proofs::VALUE,
        claims::REMOVE,
        users::ACTIVATE,
        users::DEACTIVATE,
        passwords::REPLACE,
        sessions::ALIVE,
        sessions::LOG_IN,
        sessions::LOG_IN_UPGRADING,
        sessions::BIND,
        sessions::PROVE,
        sessions::NOTE_USE,
        sessions::OF_USER,
        sessions::END_OF_USER,
        sessions::BIND_SOME,
        sessions::END,
        sessions::REMOVE_EXPIRED,
        sessions::END_DISABLED,
        django_sessions::SESSION,
        django_sessions::PROVEN,
        django_sessions::LOG_IN,
        django_sessions::REWRITE,
        django_sessions::REPLACE_PASSWORD,
        django_sessions::REMOVE,
        django_sessions::END,
        addresses::OF_USER,
        proofs::OLDEST_PROOF,
        proofs::VERIFIED_OF,
        replacements::REPLACE,
        replacements::FIND,
        replacements::END,
        closing_schedule::SCHEDULE,
        closing_schedule::FIND,
        closing_schedule::CANCEL,
        closing_schedule::DUE,
        closing_schedule::PUT_OFF,
        closing::CLOSE,
        closing::ANONYMISE,
        closing::ROWS,
        challenges::statements::BEGIN,
        challenges::statements::OPEN,
        challenges::statements::FIND,
        challenges::statements::KEEP_NAMES,
        challenges::statements::NAMES,
        challenges::statements::RENEW,
        challenges::statements::ATTEMPT,
        challenges::statements::RETURN,
        challenges::statements::END,
        challenges::statements::REOPEN,
        links::RESTORE,
        challenges::statements::REMOVE_EXPIRED,
        limits::COUNT,
        limits::COUNT_WITH_TEXT,
        limits::GIVE_BACK,
        limits::CLEAR,
        limits::FULL_AFTER,
        limits::FULL_FOR,
        limits::REMOVE_EMPTY,
        limits::COUNT_TEXTS,
        limits::TEXTS_AFTER,
        limits::CLEAR_TEXTS,
        limits::REMOVE_OLD_TEXTS,
        links::REQUEST,
        links::OF_USER,
        site_key::RECORD,
        site_key::REPLACE,
        site_key::PUBLIC_SITE,
        site_key::NOTE_PUBLIC_SITE,
    ];
    let statements = statements
        .into_iter()
        .chain(OF_OUTBOX)
        .chain(of_addresses());
    statements
        .map(str::to_owned)
        .chain([users::lock(UserId::new(1))])
        .chain(
            [
                (AddressKind::Email, "ann@b\u{fc}cher.example"),
                (AddressKind::Phone, "+919876543210"),
            ]
            .map(|(kind, stored)| {
                let texts = Texts::of_stored(kind, stored);
                claim_proofs::lock_with_holders(kind, UserId::new(1), &texts)
            }),
        )
        .collect()
}
