//! Strangers who ask for resets without end: what they can have stored, and whom they keep waiting.
#![expect(clippy::print_stdout, reason = "who runs it by hand sees the times")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use phone_auth_tests::{Flood, Kind, OwnDatabase, Post, Site, User, until};

/// How long strangers ask while users wait for their messages.
const LASTS: Duration = Duration::from_secs(6);

/// How many times they have asked when the database is measured first: often enough to fill each slot that counts requests
/// for nobody, of which there are 64 a kind, and on PostgreSQL to leave more room of rows that were written anew than what
/// follows takes.
const MANY: u64 = 4_000;

/// How many times more, when it is measured again. What does not grow meanwhile does not grow, however long they ask.
const MORE: u64 = 2_000;

/// By how many bytes it may grow for each of these. A row that stays takes 360 on SQLite, and more on PostgreSQL.
const BYTES_EACH: i64 = 200;

/// How many connections ask for names without an account.
const CONNECTIONS: u8 = 32;

/// How many strangers may be answered before the first message of three is there: few of those who ask meanwhile. How long that
/// takes is a matter of the machine.
const MEANWHILE: u64 = 1_000;

/// How long the others may take: the machine does other things as well, and the program is built without optimisation.
const PATIENCE: Duration = Duration::from_secs(15);

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

fn ask(login: &str) -> Post {
    Post::new("/accounts/password_reset/", [("login", login)])
}

/// Asks for another user's reset every second, as a stranger who wants the message never to arrive. With limits the network
/// of this address is over its own after some.
async fn ask_every_second(site: &Site, user: &User, from: Ipv4Addr) {
    let client = site.client().at(from);
    let begun = Instant::now();
    while begun.elapsed() < LASTS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let status = client.ask_reset(&user.phone).await.status;
        assert!(matches!(status, 302 | 429), "{status}");
    }
}

/// Asks once, from this address; how long the message takes, and how many of a flood are answered meanwhile.
async fn ask_once(site: &Site, user: &User, from: Ipv4Addr, flood: &Flood) -> (Duration, u64) {
    let signal = "reset_password_phone";
    let lines = site.record().printed();
    let before = lines
        .iter()
        .filter(|line| line.destination() == user.phone)
        .count();
    let answered = || flood.answers().values().sum::<u64>();
    let (begun, before_it) = (Instant::now(), answered());
    let client = site.client().at(from);
    client.ask_reset(&user.phone).await.expect(302);
    site.nth_printed(signal, &user.phone, before + 1).await;
    (begun.elapsed(), answered() - before_it)
}

/// How many bytes the database takes once a flood was answered so often, and how often it was by then. A server of
/// PostgreSQL takes the room of rows that are gone again when it vacuums, which it does by itself each minute.
async fn size_after(database: &OwnDatabase, flood: &Flood, answers: u64) -> (i64, u64) {
    let answered = || flood.answers().values().sum::<u64>();
    until("strangers have asked often", || async {
        answered() >= answers
    })
    .await;
    let size = match database.kind() {
        Kind::Sqlite => "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        Kind::Postgres => {
            // Room at the end of a table that is given back is taken again, and pages of an index that the first finds empty
            // are used again after the second: either would look like growth.
            for _ in 0..2 {
                database.execute("VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF)");
            }
            "SELECT pg_database_size(current_database())"
        }
    };
    (database.number(size), answered())
}

/// Fills each place in which a challenge of nobody is kept. They are many, and bounded; what is measured is the rest.
fn fill_challenges_of_nobody(database: &OwnDatabase) {
    let (numbers, id, [subject, digest, now, then]) = match database.kind() {
        Kind::Sqlite => (
            "(WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 262143) SELECT n FROM s)",
            "unhex(printf('%04x', (n >> 5) << 3) || printf('%058d', 0) || printf('%02x', n & 31))",
            ["zeroblob(8)", "zeroblob(32)", "0", "4102444800000000"],
        ),
        Kind::Postgres => (
            "generate_series(0, 262143) n",
            "decode(lpad(to_hex((n >> 5) << 3), 4, '0') || repeat('00', 29) || lpad(to_hex(n & 31), 2, '0'), 'hex')",
            [
                "decode(repeat('00', 8), 'hex')",
                "decode(repeat('00', 32), 'hex')",
                "now()",
                "now() + interval '1 year'",
            ],
        ),
    };
    database.execute(&format!(
        "INSERT INTO phone_auth_challenge (id, purpose, attempts_left, subject, key_digest, created_at, expires_at, sends, resend_at)
        SELECT {id}, 'reset', 5, {subject}, {digest}, {now}, {then}, 1, {now} FROM {numbers};"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_nobody_fill_and_delay_nothing() {
    // Without limits all that is asked for is begun; with those that are shipped, what each of the networks may ask for.
    for (kind, is_limited) in KINDS
        .into_iter()
        .flat_map(|kind| [(kind, false), (kind, true)])
    {
        let database = OwnDatabase::new(kind);
        let site = database.site();
        let site = if is_limited { site.limited() } else { site };
        let site = site.start().await;
        let users = [
            site.signed_up().await,
            site.signed_up().await,
            site.signed_up().await,
        ];
        let posts = (0..CONNECTIONS).map(|number| {
            let post = match number % 2 {
                0 => ask("nobody{n}@example.org"),
                _ => ask("+91988{n}"),
            };
            post.from(Ipv4Addr::new(127, 20, number, 1))
        });
        fill_challenges_of_nobody(&database);
        let flood = Flood::begin(&site, posts).await;
        let [ann, bob, carl] = &users;
        let pestered = async {
            tokio::join!(
                ask_every_second(&site, ann, Ipv4Addr::new(127, 21, 0, 1)),
                ask_every_second(&site, bob, Ipv4Addr::new(127, 21, 0, 2))
            )
        };
        let waited = async {
            tokio::time::sleep(LASTS / 3).await;
            let mut most = 0;
            let waited = tokio::join!(
                ask_once(&site, ann, Ipv4Addr::new(127, 22, 1, 1), &flood),
                ask_once(&site, bob, Ipv4Addr::new(127, 22, 2, 1), &flood),
                ask_once(&site, carl, Ipv4Addr::new(127, 22, 3, 1), &flood)
            );
            for _ in 0..10 {
                let rows = database.number("SELECT count(*) FROM phone_auth_outbox");
                most = most.max(rows);
                tokio::time::sleep(LASTS / 20).await;
            }
            (waited, most)
        };
        let (_, (waited, most)) = tokio::join!(pestered, waited);
        let (first, from) = size_after(&database, &flood, MANY).await;
        let (last, to) = size_after(&database, &flood, from + MORE).await;
        let (grown, requests) = (last - first, to - from);
        let answers = flood.end().await;
        println!(
            "{kind:?}, limited {is_limited}: {answers:?}, waited {waited:?}, at most {most} rows at once, {requests} took {grown} bytes"
        );
        let bound = BYTES_EACH * i64::try_from(requests).unwrap_or(i64::MAX);
        assert!(grown <= bound, "{kind:?}: {grown} bytes for {requests}");
        let statuses: Vec<_> = answers.keys().copied().collect();
        let expected: &[u16] = if is_limited { &[302, 429] } else { &[302] };
        assert_eq!(statuses, expected, "{kind:?}: {answers:?}");
        assert!(most <= 3, "{most} rows");
        assert_eq!(
            database.number("SELECT count(*) FROM phone_auth_outbox WHERE person_id IS NULL"),
            0
        );
        let requests = database.number("SELECT count(*) FROM phone_auth_link_request");
        assert!(requests <= 2 * 64 + 6, "{requests} requests");
        let waited = [waited.0, waited.1, waited.2];
        let is_soon = waited.iter().any(|(_, meanwhile)| *meanwhile <= MEANWHILE);
        assert!(is_soon, "{kind:?}: {waited:?}");
        let are_there = waited.iter().all(|(time, _)| *time < PATIENCE);
        assert!(are_there, "{kind:?}: {waited:?}");
    }
}

#[tokio::test]
async fn full_outbox_answers_everybody_alike() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database
            .site()
            .setting("outbox_worker", "false")
            .start()
            .await;
        let (ann, bob) = (site.signed_up().await, site.signed_up().await);
        site.client().ask_reset(&ann.email).await.expect(302);
        // As many as may be by default, but for one.
        let now = "message_key || n, purpose, kind, person_id, 1000000 + n, binding, created_at, expires_at, due_at";
        let series = match kind {
            Kind::Sqlite => {
                "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 9998) SELECT n FROM s)"
            }
            Kind::Postgres => "generate_series(1, 9998) n",
        };
        database.execute(&format!(
            "INSERT INTO phone_auth_outbox
                (message_key, purpose, kind, person_id, address_id, binding, created_at, expires_at, due_at)
            SELECT {now} FROM phone_auth_outbox, {series};"
        ));
        tokio::time::sleep(Duration::from_millis(1100)).await;
        site.client().ask_reset(&bob.email).await.expect(302);
        let pending = "SELECT count(*) FROM phone_auth_outbox";
        assert_eq!(database.number(pending), 10_000);
        // Someone whose message is pending, someone whose is not, and nobody.
        for name in [
            &ann.email,
            &ann.phone,
            "nobody@example.org",
            "+442079460123",
        ] {
            let answer = site.client().ask_reset(name).await.expect(503);
            assert_eq!(answer.header("retry-after"), Some("5"), "{name}");
            answer.says("Wait a few seconds and try again");
        }
        assert_eq!(database.number(pending), 10_000);
        database.execute("DELETE FROM phone_auth_outbox WHERE address_id > 1000000;");
        tokio::time::sleep(Duration::from_millis(200)).await;
        for name in [&ann.email, "nobody@example.org"] {
            site.client().ask_reset(name).await.expect(302);
        }
        let said = site.stop().record.stderr;
        let told = said
            .iter()
            .filter(|line| line.contains("max_pending_messages"));
        // The first, and at the end how many more there were.
        assert_eq!(told.count(), 2, "{said:#?}");
        let counted = said.iter().filter(|line| line.contains("(3 more of this"));
        assert_eq!(counted.count(), 1, "{said:#?}");
        let refused = said.iter().filter(|line| line.contains("not available"));
        assert_eq!(refused.count(), 0, "{said:#?}");
    }
}
