//! Being asked to stop, with messages under way and a client that keeps the site waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use phone_auth_tests::{
    Gateway, Kind, OwnDatabase, Raw, Reply, Site, SiteOptions, User, Worker, until,
};
use rustix::process::Signal;

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How long the service takes for a message; the grace of a stop is enough for two, and not for all.
const LATE: Duration = Duration::from_millis(700);

fn settings(service: &Gateway) -> [(&'static str, String); 4] {
    [
        ("webhook_url", format!("{}/hook", service.origin())),
        ("webhook_secret", SECRET.to_owned()),
        ("shutdown_grace", "1500 ms".to_owned()),
        ("outbox_lease", "300 ms".to_owned()),
    ]
}

fn options(database: &OwnDatabase, service: &Gateway, delivers: bool) -> SiteOptions {
    let options = settings(service)
        .iter()
        .fold(database.site(), |options, (name, value)| {
            options.setting(name, value)
        });
    options.setting("outbox_worker", if delivers { "true" } else { "false" })
}

/// Asks for a message to each of these users by email and by phone.
async fn ask(site: &Site, users: &[User]) {
    for user in users {
        site.client().ask_reset(&user.email).await.expect(302);
        site.client().ask_reset(&user.phone).await.expect(302);
    }
}

/// How often the service was given each message.
fn times(service: &Gateway) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for request in service.received() {
        let id = request.header("webhook-id").to_owned();
        *times.entry(id).or_default() += 1;
    }
    times
}

async fn users(site: &Site, count: usize) -> Vec<User> {
    let mut users = Vec::new();
    for _ in 0..count {
        users.push(site.signed_up().await);
    }
    users
}

/// Each message came once, though some were under way and others pending when the program was asked to stop.
fn check_once(service: &Gateway, messages: usize) {
    let times = times(service);
    assert_eq!(times.len(), messages);
    assert!(times.values().all(|times| *times == 1), "{times:#?}");
}

/// A connection that keeps the site waiting for the rest of a form.
async fn stuck(site: &Site) -> Raw {
    let mut raw = Raw::connect(site).await;
    let host = site.host();
    raw.send(format!(
        "POST /accounts/login/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\nlogin="
    ))
    .await;
    raw
}

// The service answers while the test waits for the end of the program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_site_repeats_no_message() {
    for kind in KINDS {
        check_stop_of_a_site(&OwnDatabase::new(kind)).await;
    }
}

async fn check_stop_of_a_site(database: &OwnDatabase) {
    let service = Gateway::start().await;
    let site = options(database, &service, false).start().await;
    let users = users(&site, 20).await;
    ask(&site, &users).await;
    service.reply(vec![Reply::Late(LATE); 40]);
    // More are pending than can be sent in time when the site begins to send and is asked to stop.
    let site = site.restart(options(database, &service, true)).await;
    let _stuck = stuck(&site).await;
    service.nth(1).await;
    site.stop();
    let site = site.restart(options(database, &service, true)).await;
    site.delivered().await;
    check_once(&service, 40);
}

// The service answers while the test waits for the end of the program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_worker_repeats_no_message() {
    for kind in KINDS {
        check_stop_of_a_worker(&OwnDatabase::new(kind)).await;
    }
}

async fn check_stop_of_a_worker(database: &OwnDatabase) {
    let service = Gateway::start().await;
    let site = options(database, &service, false).start().await;
    let users = users(&site, 20).await;
    ask(&site, &users).await;
    service.reply(vec![Reply::Late(LATE); 40]);
    let settings = settings(&service);
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let worker = Worker::start(&site, &settings).await;
    service.nth(1).await;
    assert!(worker.stop(), "it ends in good order");
    let first = service.received().len();
    assert!((1..40).contains(&first), "{first}");
    let worker = Worker::start(&site, &settings).await;
    site.delivered().await;
    check_once(&service, 40);
    // The signals of a terminal that closes end it as well, and what comes within a second is the same wish.
    worker.signal(Signal::HUP);
    worker.signal(Signal::TERM);
    assert!(worker.stop(), "it ends in good order");
}

#[tokio::test]
async fn connected_clients_are_answered() {
    let site = Site::start().await;
    let mut clients = Vec::new();
    for _ in 0..12 {
        clients.push(Raw::connect(&site).await);
    }
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", site.host());
    for client in &mut clients {
        client.send(&request).await;
    }
    site.terminate();
    for client in &mut clients {
        assert_eq!(client.status().await, Some(200));
    }
    until("it has ended", || async {
        site.record().stdout.iter().any(|line| line == "stopped")
    })
    .await;
    let ended = site.stop_waiting();
    assert!(ended.status.success(), "{ended:?}");
}

/// A write that waits for a lock, and whose request was answered 503 long ago, delays no stop.
#[tokio::test]
async fn stop_waits_for_no_locked_database() {
    let options = Site::options()
        .setting("outbox_worker", "false")
        .setting("database_busy_timeout", "10 minutes")
        .setting("request_timeout", "1 s");
    let site = options.start().await;
    let ann = site.signed_up().await;
    let database = site.database();
    database.hold();
    let answer = site.client().ask_reset(&ann.email).await.expect(503);
    assert!(answer.header("retry-after").is_some());
    answer.page().words();
    let ended = site.stop();
    assert!(ended.status.success(), "{ended:?}");
    database.release();
}
