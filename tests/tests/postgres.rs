//! Several nodes on one PostgreSQL, and a server that goes away under load.
#![expect(clippy::panic, clippy::expect_used, reason = "it is how a test fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use phone_auth_test_postgres::{Binaries, Database, PostgresError, Server, Stop};
use phone_auth_tests::{Client, Site, SiteOptions, User, Worker, together, until};

/// What there is, or a failed test that says why not.
fn there<T>(found: Result<T, PostgresError>) -> T {
    found.unwrap_or_else(|error| panic!("{error}"))
}

/// A client of a node with the session of a client of another.
fn at_another(node: &Site, client: &Client) -> Client {
    let there = node.client();
    let session = client.session_cookie().expect("she is logged in");
    there.plant(&session.name, &session.value);
    there
}

/// Someone who is logged in.
async fn member(site: &Site) -> (User, Client) {
    let user = User::new();
    let client = site.client();
    client.sign_up(&user).await.expect(302);
    let password = &user.password;
    client.log_in(&user.username, password).await.expect(302);
    (user, client)
}

/// A node of a site on this database; all nodes have the key of the first.
fn node(database: &Database, first: Option<&Site>) -> SiteOptions {
    let options = Site::options()
        .database(database.url())
        .setting("outbox_worker", "false");
    let Some(first) = first else {
        return options;
    };
    let key = first.folder().join(format!("{}.key", database.name()));
    options.setting("secret_key_file", &key.display().to_string())
}

/// Until told to stop, visits a page for members at one of two nodes after the other. A node that is dead
/// answers nothing; no answer ever says that she is logged out.
async fn context(nodes: [Client; 2], stop: Arc<AtomicBool>) -> usize {
    let mut answered = 0;
    while !stop.load(Ordering::Relaxed) {
        for client in &nodes {
            let request = client.request("GET", "/accounts/profile/");
            if let Ok(answer) = request.try_send().await {
                assert_eq!(answer.status, 200, "{}", answer.asked);
                answered += 1;
            }
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_node_logs_nobody_out() {
    let database = there(Database::new());
    let one = node(&database, None).start().await;
    let two = node(&database, Some(&one)).start().await;
    let worker = Worker::start(&one, &[]).await;
    let mut members = Vec::new();
    for number in 0..6 {
        members.push(member(if number % 2 == 0 { &one } else { &two }).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let visits: Vec<_> = members
        .iter()
        .map(|(_, client)| [at_another(&one, client), at_another(&two, client)])
        .map(|nodes| tokio::spawn(context(nodes, Arc::clone(&stop))))
        .collect();

    // Messages are enqueued while a node dies; what it acknowledged is delivered.
    let mut enqueued = Vec::new();
    for (user, _) in &members {
        one.client().ask_reset(&user.email).await.expect(302);
        enqueued.push(&user.email);
    }
    one.kill();
    for (user, _) in &members {
        two.client().ask_reset(&user.phone).await.expect(302);
        enqueued.push(&user.phone);
    }
    let one = one.restart(node(&database, None)).await;
    let worker_said = |destination: &String| {
        let record = worker.record();
        let printed = record.printed();
        printed.iter().any(|line| line.destination() == destination)
    };
    until("all messages are sent", || async {
        enqueued.iter().all(|destination| worker_said(destination))
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    for answered in together(visits).await {
        assert!(answered.expect("no context found anyone logged out") > 0);
    }
    for (user, client) in &members {
        for node in [&one, &two] {
            let client = at_another(node, client);
            assert!(client.is_logged_in().await, "{}", user.username);
        }
    }
    // A log-out at one counts at the other.
    let Some((_, client)) = members.first() else {
        panic!("nobody is a member");
    };
    at_another(&one, client).log_out().await.expect(302);
    assert!(!at_another(&two, client).is_logged_in().await);
}

#[tokio::test]
async fn password_of_others_ends_sessions() {
    // As `manage.py changepassword` and Django's admin pages do it: one statement beside the site.
    let database = there(Database::new());
    let site = node(&database, None).start().await;
    let run = |statement: &str| there(database.run(statement));
    for change in [
        "UPDATE auth_user SET password = 'pbkdf2_sha256$1000000$salt$hash'",
        "UPDATE auth_user SET password = '!unusable'",
        "UPDATE auth_user SET is_active = false",
    ] {
        let (ann, client) = member(&site).await;
        let old = run(&format!(
            "SELECT password FROM auth_user WHERE username = '{}'",
            ann.username
        ));
        run(change);
        assert!(!client.is_logged_in().await, "{change}");
        // Nor does it come back with what was there before.
        run(&format!(
            "UPDATE auth_user SET password = '{}', is_active = true",
            old.trim()
        ));
        assert!(!client.is_logged_in().await, "{change}");
    }
}

/// What became of requests while the server of the database went away and came back.
#[derive(Debug, Default)]
struct Tally {
    done: AtomicUsize,
    refused: AtomicUsize,
}

impl Tally {
    /// Counts an answer: what it should be, or that it is not possible now.
    fn count(&self, status: u16, right: u16) -> bool {
        match status {
            status if status == right => self.done.fetch_add(1, Ordering::Relaxed),
            503 => self.refused.fetch_add(1, Ordering::Relaxed),
            other => panic!("{other} is neither done nor unavailable"),
        };
        status == right
    }

    /// How many were done so far.
    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }
}

/// Signs users up until told to stop; those whose sign-up was acknowledged.
async fn sign_up_many(site: Client, tally: Arc<Tally>, stop: Arc<AtomicBool>) -> Vec<User> {
    let mut acknowledged = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let user = User::new();
        let answer = site.post("/accounts/signup/", user.fields()).await;
        if tally.count(answer.status, 302) {
            acknowledged.push(user);
        }
    }
    acknowledged
}

/// Visits a page for members until told to stop.
async fn visit_often(client: Client, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let answer = client.get("/accounts/profile/").await;
        tally.count(answer.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_server_loses_nothing_acknowledged() {
    let binaries = there(Binaries::find());
    let mut server = there(Server::start(&binaries));
    let database = there(Database::on(&binaries, &server.url()));
    let site = Site::options().database(database.url()).start().await;
    let (_, client) = member(&site).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (signed_up, visited) = (Arc::<Tally>::default(), Arc::<Tally>::default());
    let sign_ups: Vec<_> = (0..3)
        .map(|_| sign_up_many(site.client(), Arc::clone(&signed_up), Arc::clone(&stop)))
        .map(tokio::spawn)
        .collect();
    let visits: Vec<_> = (0..3)
        .map(|_| visit_often(client.clone(), Arc::clone(&visited), Arc::clone(&stop)))
        .map(tokio::spawn)
        .collect();

    for how in [Stop::Fast, Stop::Immediate, Stop::Fast] {
        // Before each restart, and after the last, both kinds of requests are served, without a restart of ours.
        let (before_sign_ups, before_requests) = (signed_up.done(), visited.done());
        until("the site serves", || async {
            signed_up.done() > before_sign_ups + 5 && visited.done() > before_requests + 20
        })
        .await;
        there(server.stop(how));
        there(server.start_again());
    }
    let (before_sign_ups, before_requests) = (signed_up.done(), visited.done());
    until("the site serves again", || async {
        signed_up.done() > before_sign_ups + 5 && visited.done() > before_requests + 20
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    for context in together(visits).await {
        context.expect("no context was answered wrongly");
    }
    for acknowledged in together(sign_ups).await {
        for user in acknowledged.expect("no sign-up was answered wrongly") {
            let username = &user.username;
            let found = database.run(&format!(
                "SELECT count(*) FROM auth_user u
                JOIN phone_auth_emailaddress e ON e.user_id = u.id
                JOIN phone_auth_phonenumber p ON p.user_id = u.id WHERE username = '{username}'"
            ));
            assert_eq!(there(found), "1\n", "{username}");
        }
    }
    assert!(
        client.is_logged_in().await,
        "their session outlived the restarts"
    );
}
