//! More than the program can take: it says so, and stays within its bounds.
#![expect(clippy::panic, reason = "it is how a test fails")]

use std::thread::available_parallelism;
use std::time::Duration;

use phone_auth_tests::{PATIENCE, Raw, Site, User, changed, together};

/// How many passwords the program hashes at once.
fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// What the program may take: a buffer of 19 MiB for each password that it hashes at once, and room
/// for the rest of it. A buffer for each request would be far more.
fn memory() -> u64 {
    u64::try_from(cores())
        .unwrap_or(u64::MAX)
        .saturating_mul(20 << 20)
        + (200 << 20)
}

#[tokio::test]
async fn hundred_log_ins_stay_bounded() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let many = u32::try_from(cores())
        .unwrap_or(u32::MAX)
        .saturating_add(98);
    let answers = together((0..many).map(|n| {
        let (client, ann) = (site.client(), ann.clone());
        async move {
            let password = if n.is_multiple_of(2) {
                ann.password.as_str()
            } else {
                "not-Her-Password-1"
            };
            (
                client.post_log_in(&ann.username, password).await,
                n.is_multiple_of(2),
            )
        }
    }))
    .await;
    let mut logged_in = 0;
    for (answer, is_right) in &answers {
        match answer.status {
            302 => {
                assert!(is_right);
                logged_in += 1;
            }
            400 => assert!(!is_right, "a right password is called wrong"),
            503 => assert!(
                answer.header("retry-after").is_some(),
                "a 503 says when to come back"
            ),
            other => panic!("{other}"),
        }
    }
    assert!(logged_in > 0, "some get in");
    let peak = site.peak_memory();
    assert!(peak < memory(), "{peak} bytes");
    site.log_in(&ann).await;
}

/// More requests than are hashed at once, with one that waits, on any machine.
fn flood() -> usize {
    cores() + 28
}

#[tokio::test]
async fn full_queue_answers_503() {
    let site = Site::options().setting("hashing_queue", "1").start().await;
    let ann = site.signed_up().await;
    let answers = together((0..flood()).map(|_| {
        let (client, ann) = (site.client(), ann.clone());
        async move { client.post_log_in(&ann.username, &ann.password).await }
    }))
    .await;
    let busy: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 503)
        .collect();
    assert!(!busy.is_empty(), "a queue of one is full at once");
    for answer in &busy {
        assert!(
            answer
                .header("retry-after")
                .is_some_and(|after| after.parse::<u32>().is_ok())
        );
        assert!(
            answer
                .cookies()
                .iter()
                .all(|cookie| !cookie.name.ends_with("sessionid"))
        );
    }
    assert!(
        answers
            .iter()
            .all(|answer| [302, 503].contains(&answer.status))
    );
    // A full queue keeps nobody out of what needs no hashing.
    site.client().get("/accounts/login/").await.expect(200);
    let unknown = together((0..flood()).map(|_| {
        let client = site.client();
        async move { client.post_log_in("nobody", "whatever-Word-1").await.status }
    }))
    .await;
    assert!(
        unknown.contains(&503),
        "unknown users queue as well: {unknown:?}"
    );
    assert!(
        unknown.iter().all(|status| [400, 503].contains(status)),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn busy_sign_up_stores_nothing() {
    let site = Site::options().setting("hashing_queue", "1").start().await;
    let users: Vec<User> = (0..flood()).map(|_| User::new()).collect();
    let answers = together(users.iter().map(|user| {
        let (client, fields) = (site.client(), user.fields());
        async move { client.post("/accounts/signup/", fields).await.status }
    }))
    .await;
    let made = answers.iter().filter(|status| **status == 302).count();
    assert!(
        answers.iter().all(|status| [302, 503].contains(status)),
        "{answers:?}"
    );
    assert!(answers.contains(&503) && made > 0, "{answers:?}");
    let stored = site.database().number("SELECT count(*) FROM auth_user");
    assert_eq!(usize::try_from(stored), Ok(made));
}

#[tokio::test]
async fn huge_passwords_are_bounded() {
    let site = Site::start().await;
    let ann = site.member().await;
    for length in [1_000_000, 60_000, 5_000] {
        let huge = "x7-Q".repeat(length / 4);
        let before = site.processor_time();
        let fields = changed(User::new().fields(), "password", &huge);
        let fields = changed(fields, "confirm_password", &huge);
        let answers = [
            site.client()
                .post(
                    "/accounts/login/",
                    [("login", ann.user.username.as_str()), ("password", &huge)],
                )
                .await,
            site.client().post("/accounts/signup/", fields).await,
            ann.client
                .post(
                    "/accounts/change_password/",
                    [
                        ("old_password", &huge),
                        ("new_password1", &huge),
                        ("new_password2", &huge),
                    ],
                )
                .await,
        ];
        for answer in answers {
            assert!(
                [400, 413].contains(&answer.status),
                "{length}: {} {}",
                answer.asked,
                answer.status
            );
        }
        let worked = site.processor_time() - before;
        assert!(worked < Duration::from_secs(10), "{length}: {worked:?}");
    }
    let peak = site.peak_memory();
    assert!(peak < memory(), "{peak} bytes");
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    // Each has a site of its own: a time for the head that is short enough to wait for would now and
    // then end a client whose body is slow, before it has sent its head.
    let impatient = |setting| Site::options().setting(setting, "200 ms").start();
    let site = impatient("header_timeout").await;
    let mut slow_head = Raw::connect(&site).await;
    slow_head.send("GET / HTTP/1.1\r\nHost: ").await;
    assert!(
        slow_head.is_closed_within(PATIENCE).await,
        "a slow head is let go"
    );
    let site = impatient("request_timeout").await;
    let mut slow_body = Raw::connect(&site).await;
    let head = format!(
        "POST /accounts/login/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\nlogin=a",
        host = site.host()
    );
    slow_body.send(head).await;
    assert_eq!(slow_body.status().await, Some(408), "a slow body is let go");
}
