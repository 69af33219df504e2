//! What was enqueued arrives: anyone who is killed, wherever the worker runs, whatever had failed.
#![expect(
    clippy::indexing_slicing,
    reason = "indexing JSON that lacks a key gives null"
)]
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::collections::HashMap;
use std::net::TcpListener;
use std::time::Duration;

use phone_auth_tests::{
    Gateway, Kind, OwnDatabase, Raw, Site, SiteOptions, User, Worker, encode, holds_code, run,
    until,
};
use serde_json::Value;

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

/// When the process is killed, as the steps of a message go.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The request is on its way; nothing has answered.
    Requested,
    /// The message is committed and acknowledged.
    Acknowledged,
    /// So long after the acknowledgement: somewhere between claim, call and record.
    After(Duration),
    /// The receiver was called, and that is perhaps not recorded.
    Called,
}

const MOMENTS: [Moment; 10] = [
    Moment::Requested,
    Moment::Acknowledged,
    Moment::After(Duration::from_micros(500)),
    Moment::After(Duration::from_millis(1)),
    Moment::Called,
    Moment::After(Duration::from_millis(2)),
    Moment::After(Duration::from_millis(3)),
    Moment::Called,
    Moment::After(Duration::from_millis(5)),
    Moment::After(Duration::from_millis(8)),
];

/// A site on this database that takes over soon what a killed one had claimed.
fn options(database: &OwnDatabase) -> SiteOptions {
    database.site().setting("outbox_lease", "300 ms")
}

/// Asks for a reset by a raw connection, kills the site at the moment; whether the request was acknowledged.
async fn ask_and_kill(site: &Site, user: &User, moment: Moment) -> bool {
    let body = format!("login={}", encode(&user.email));
    let mut raw = Raw::connect(site).await;
    let sent = raw
        .send(&format!(
            "POST /accounts/password_reset/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len(),
            host = site.host(),
        ))
        .await;
    assert!(sent);
    if let Moment::Requested = moment {
        site.kill();
        return raw.status().await == Some(302);
    }
    assert_eq!(raw.status().await, Some(302));
    match moment {
        Moment::Requested | Moment::Acknowledged => {}
        Moment::After(time) => tokio::time::sleep(time).await,
        Moment::Called => drop(site.printed("reset_password_email", &user.email).await),
    }
    site.kill();
    true
}

/// Kills a site so often, each time while it delivers a message; asserts that none is lost and none comes twice more.
async fn survives_kills(kind: Kind, rounds: usize) {
    let database = OwnDatabase::new(kind);
    let mut site = options(&database).start().await;
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut count = |site: &Site| {
        for line in site.record().printed() {
            *lines.entry(line.destination().to_owned()).or_default() += 1;
        }
    };
    let mut enqueued = Vec::new();
    for round in 0..rounds {
        let user = site.signed_up().await;
        let moment = MOMENTS[round % MOMENTS.len()];
        if ask_and_kill(&site, &user, moment).await {
            enqueued.push((user.email.clone(), moment));
        }
        count(&site);
        site = site.restart(options(&database)).await;
        // One kill a message: it is delivered before the next one.
        site.delivered().await;
    }
    count(&site);
    for (email, moment) in &enqueued {
        let times = lines.get(email).copied().unwrap_or_default();
        assert!(
            (1..=2).contains(&times),
            "{kind:?} {email} {moment:?}: {times} times"
        );
    }
    assert!(enqueued.len() >= rounds - rounds / MOMENTS.len() - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_site_delivers_every_message() {
    // A hundred kills, on each store the half, at once.
    let (one, other) = tokio::join!(
        tokio::spawn(survives_kills(Kind::Sqlite, 50)),
        tokio::spawn(survives_kills(Kind::Postgres, 50))
    );
    one.and(other).expect("both survive");
}

#[tokio::test]
async fn worker_apart_delivers() {
    let site = Site::options()
        .setting("outbox_worker", "false")
        .start()
        .await;
    let ann = site.signed_up().await;
    site.client().ask_reset(&ann.email).await.expect(302);
    let worker = Worker::start(&site, &[]).await;
    let first = worker.printed("reset_password_email", &ann.email).await;
    site.client().ask_reset(&ann.phone).await.expect(302);
    worker.printed("reset_password_phone", &ann.phone).await;
    site.delivered().await;
    assert!(worker.stop(), "it ends in good order");
    assert_eq!(site.record().printed(), [], "the site delivers nothing");

    let client = site.client();
    let form = client.open_reset_link(first.url()).await;
    let new = "walnut-Harbour-22";
    client
        .submit(&form, [("new_password1", new), ("new_password2", new)])
        .await
        .expect(302);
}

#[tokio::test]
async fn several_workers_share_the_work() {
    let site = Site::options()
        .setting("outbox_worker", "false")
        .start()
        .await;
    let mut users = Vec::new();
    for _ in 0..8 {
        users.push(site.signed_up().await);
    }
    let workers = [
        Worker::start(&site, &[]).await,
        Worker::start(&site, &[]).await,
    ];
    for user in &users {
        site.client().ask_reset(&user.email).await.expect(302);
        site.client().ask_reset(&user.phone).await.expect(302);
    }
    site.delivered().await;
    let mut seen: HashMap<String, usize> = HashMap::new();
    for line in workers.iter().flat_map(|worker| worker.record().printed()) {
        *seen.entry(line.destination().to_owned()).or_default() += 1;
    }
    assert_eq!(seen.len(), 2 * users.len());
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
}

/// Neither the token of a link nor a code is in the database while its message waits, nor where it could not be delivered (O11).
#[tokio::test]
async fn waiting_message_holds_no_token_and_no_code() {
    for database in KINDS.map(OwnDatabase::new) {
        let kind = database.kind();
        let site = database.site().setting("outbox_worker", "false");
        let site = site.setting("login_by_code", "true").start().await;
        let (ann, bob) = (site.signed_up().await, site.member().await);
        for table in ["phone_auth_emailaddress", "phone_auth_phonenumber"] {
            database.execute(&format!(
                "UPDATE {table} SET is_verified = true
                WHERE user_id = (SELECT id FROM auth_user WHERE username = '{}')",
                ann.username
            ));
        }
        let mut messages = Vec::new();
        for (name, value) in [("email", &ann.email), ("phone", &ann.phone)] {
            site.client().ask_reset(value).await.expect(302);
            let asked = site.client();
            let asked = asked.submit("/accounts/login_code/", [("login", value)]);
            asked.await.expect(302);
            messages.push((format!("reset_password_{name}"), value));
            messages.push((format!("login_{name}"), value));
        }
        for (name, value) in [("email", &bob.user.email), ("phone", &bob.user.phone)] {
            bob.client.ask_verification(value).await.expect(200);
            messages.push((format!("verify_{name}"), value));
        }
        let count = |state: &str| {
            database.number(&format!(
                "SELECT count(*) FROM phone_auth_outbox WHERE {state}
                AND purpose IN ('reset_password', 'log_in', 'verify')"
            ))
        };
        assert_eq!(count("died_at IS NULL"), 6, "{kind:?}");
        let pending = database.dump();

        database.execute("UPDATE phone_auth_outbox SET expires_at = '2020-01-01 00:00:00'");
        let worker = Worker::start(&site, &[("login_by_code", "true")]).await;
        site.delivered().await;
        assert_eq!(count("died_at IS NOT NULL"), 6, "{kind:?}");
        assert_eq!(worker.record().printed(), []);
        let dead = database.dump();

        // As they were: what an operator has sent again is another link, and has no code.
        assert!(worker.stop());
        let waits = match kind {
            Kind::Sqlite => ", waits_since = NULL",
            Kind::Postgres => "",
        };
        database.execute(&format!(
            "UPDATE phone_auth_outbox SET died_at = NULL, reason = NULL, expires_at = '2099-01-01 00:00:00',
                attempts = attempts + 1, ready_attempt = attempts + 1, leased_attempt = NULL,
                due_at = enqueued_at{waits}"
        ));
        let worker = Worker::start(&site, &[("login_by_code", "true")]).await;
        for (signal, value) in messages {
            let line = worker.printed(&signal, value).await;
            let parts = line.token().split('-');
            let mac = parts.max_by_key(|it| it.len()).unwrap_or_default();
            assert!(mac.len() >= 32, "{mac}");
            for (state, dump) in [("pending", &pending), ("dead", &dead)] {
                assert!(dump.contains("INSERT INTO"), "{dump}");
                assert!(!dump.contains(mac), "{kind:?} {signal} {state}: its link");
                let code = line.code();
                assert!(!holds_code(dump, code), "{kind:?} {signal} {state}: {code}");
            }
        }
    }
}

#[tokio::test]
async fn newer_request_takes_the_older_place() {
    let site = Site::options()
        .setting("outbox_worker", "false")
        .start()
        .await;
    let ann = site.signed_up().await;
    for _ in 0..3 {
        site.client().ask_reset(&ann.email).await.expect(302);
    }
    let worker = Worker::start(&site, &[]).await;
    worker.printed("reset_password_email", &ann.email).await;
    site.delivered().await;
    assert_eq!(worker.record().printed().len(), 1);
}

#[tokio::test]
async fn dead_letters_are_listed_and_sent_again() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = database.site().setting("outbox_worker", "false");
        let site = site.start().await;
        let ann = site.signed_up().await;
        site.client().ask_reset(&ann.email).await.expect(302);
        database.execute("UPDATE phone_auth_outbox SET expires_at = '2020-01-01 00:00:00'");
        let worker = Worker::start(&site, &[]).await;
        site.delivered().await;

        let url = site.database_url();
        let outbox = |arguments: &[&str]| {
            let all = [&["outbox"], arguments, &["--database", &url]].concat();
            run(site.folder(), &all, &[], "")
        };
        let says = |arguments: &[&str]| {
            let ran = outbox(arguments);
            assert!(ran.success, "{}", ran.said());
            ran.stdout
        };
        let listed: Value = serde_json::from_str(&says(&["list", "--json"])).expect("it is JSON");
        assert_eq!(listed[0]["state"], "failed");
        let reason = "its link expired before it could be delivered";
        assert_eq!(listed[0]["reason"], reason);
        assert!(says(&["list"]).contains(reason));
        assert_eq!(worker.record().printed(), []);

        let id = listed[0]["id"].to_string();
        assert!(says(&["retry", &id]).contains("re-queued: 1"));
        let line = worker.printed("reset_password_email", &ann.email).await;
        site.client().open_reset_link(line.url()).await;
        site.delivered().await;
        assert_eq!(says(&["list", "--json"]).trim(), "[]");
        assert_eq!(worker.record().printed().len(), 1);

        let ran = outbox(&["retry", &id]);
        let is_told = ran.stderr.contains("no such dead letter");
        assert!(!ran.success && is_told, "{}", ran.said());
    }
}

/// Anyone who runs the site learns why mail does not go out before the link has expired, though another receiver has
/// had the message.
#[tokio::test]
async fn list_says_why_mail_waits() {
    let service = Gateway::start().await;
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("there is a port that is free")
        .port();
    let toml = format!(
        "[smtp]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"a@example.org\"\n\
         [webhook]\nurl = \"{}/hook\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n",
        service.origin()
    );
    let site = Site::options().config(&toml).start().await;
    let ann = site.signed_up().await;
    site.client().ask_reset(&ann.email).await.expect(302);
    service.nth(1).await;
    let database = site.database();
    let recorded = "SELECT count(*) FROM phone_auth_outbox WHERE receipts LIKE '%failed%done%'";
    until("the failure is recorded", || async {
        database.number(recorded) == 1
    })
    .await;

    let url = site.database_url();
    let ran = run(
        site.folder(),
        &["outbox", "list", "--database", &url],
        &[],
        "",
    );
    let said = ran.said();
    assert!(ran.success, "{said}");
    assert!(
        said.contains("phone_auth.smtp: the mail server cannot be reached"),
        "{said}"
    );
    assert!(said.contains("Connection refused"), "{said}");
    assert!(
        !said.contains(&ann.email) && !said.contains("password_reset_confirm"),
        "{said}"
    );
}

#[tokio::test]
async fn dead_letters_are_purged() {
    for database in KINDS.map(OwnDatabase::new) {
        let site = database.site().setting("outbox_worker", "false");
        let site = site.start().await;
        let ann = site.signed_up().await;
        site.client().ask_reset(&ann.email).await.expect(302);
        database.execute(
            "UPDATE phone_auth_outbox SET died_at = '2020-01-01 00:00:00', reason = 'why'",
        );
        let url = site.database_url();
        let purge = |age: &str| {
            let arguments = ["outbox", "purge", "--older-than", age, "--database", &url];
            run(site.folder(), &arguments, &[], "")
        };
        assert!(purge("520 w").stdout.contains("dead letters removed: 0"));
        assert!(!purge("long").success);
        assert!(purge("30d").stdout.contains("dead letters removed: 1"));
    }
}
