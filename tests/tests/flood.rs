//! Whole crowds that ask for passwords to be checked: whom they keep out, and what they leave in the log.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it is how a test fails"
)]
#![expect(clippy::print_stdout, reason = "who runs it by hand sees the times")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use phone_auth_test_postgres::Database;
use phone_auth_tests::{Client, Flood, Post, Site, User, encode, until};

/// How many connections a flood has.
const CONNECTIONS: u8 = 200;

/// How often the owner comes at the least while wrong passwords for the own account pour in, and while others do.
const TIMES: [usize; 2] = [9, 5];

/// How often at the most, where the machine has other things to do.
const MOST_TIMES: usize = 40;

const WRONG: &str = "not-Her-Password-1";

/// A wrong password for this name, from this address.
fn guess(name: &str, from: [u8; 4]) -> Post {
    Post::new("/accounts/login/", [("login", name), ("password", WRONG)]).from(Ipv4Addr::from(from))
}

/// A change of the password of who is signed in here, with a wrong one, from this address.
fn change_of_password(member: &Client, from: [u8; 4]) -> Post {
    let fields = [
        ("old_password", WRONG),
        ("new_password1", "walnut-Harbour-22"),
        ("new_password2", "walnut-Harbour-22"),
    ];
    Post::new("/accounts/change_password/", fields)
        .with_cookies_of(member)
        .from(Ipv4Addr::from(from))
}

/// A client whose browser is remembered, and has no session any more.
async fn known(site: &Site, user: &User) -> Client {
    let member = site.log_in(user).await;
    member.client.log_out().await.expect(302);
    assert!(member.client.session_cookie().is_none());
    member.client
}

/// How many passwords of a flood may be checked while the owner's is: fewer than can wait for it. Who has to wait for all
/// that came before waits for as many, each time. Of those that are counted most were checked before, and answered late,
/// how late is a matter of the machine: so the owner comes until some of the counts are low, as none is for one who waits.
const MEANWHILE: u64 = 63;

/// How many requests of a flood came to a check, whatever came of it.
fn checked(flood: &Flood) -> u64 {
    let answers = flood.answers().into_iter();
    answers
        .filter(|(status, _)| *status != 503)
        .map(|(_, count)| count)
        .sum()
}

/// Logs in with a browser that is remembered, again and again. They are let in each time, and do not wait until those
/// are through who came before: it is counted how many of these are, until a quarter of the times that one has to come are low
/// counts. How long that took is no matter of places alone, of a program that is built without optimisation and beside other
/// tests. The slowest, and what was counted.
async fn all_get_in(
    owner: &Client,
    user: &User,
    (name, flood): (&str, &Flood),
) -> (Duration, Vec<u64>) {
    let (mut slowest, mut counts) = (Duration::ZERO, Vec::new());
    let [of_own, of_others] = TIMES;
    let times = if name.starts_with("one account") {
        of_own
    } else {
        of_others
    };
    let mut low = 0;
    while counts.len() < times || low <= times / 4 {
        let (began, before) = (Instant::now(), checked(flood));
        let answer = owner.post_log_in(&user.username, &user.password).await;
        slowest = slowest.max(began.elapsed());
        assert_eq!(answer.status, 302, "{name}: {counts:?}");
        let count = checked(flood) - before;
        low += usize::from(count <= MEANWHILE);
        counts.push(count);
        assert!(
            counts.len() < MOST_TIMES,
            "{name}: {counts:?} were checked before"
        );
    }
    (slowest, counts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_devices_get_in() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let owner = known(&site, &ann).await;
    let mallory = site.member().await;
    let accounts = [ann.username.clone(), ann.email.clone(), ann.phone.clone()];
    let each = || (1..=CONNECTIONS).map(|n| [127, 0, 7, n]);
    let floods: Vec<(&str, Vec<Post>)> = vec![
        (
            "one account from one address behind a proxy",
            each()
                .map(|_| guess(&ann.username, [127, 0, 0, 1]))
                .collect(),
        ),
        (
            "one account from one address",
            each().map(|_| guess(&ann.email, [127, 0, 7, 1])).collect(),
        ),
        (
            "one account from twenty addresses",
            each()
                .map(|[.., n]| guess(&ann.username, [127, 0, 7, n % 20 + 1]))
                .collect(),
        ),
        (
            "one account by all its names from two hundred addresses",
            each()
                .zip(accounts.iter().cycle())
                .map(|(from, name)| guess(name, from))
                .collect(),
        ),
        (
            "many names behind a proxy",
            each().map(|_| guess("nobody{n}", [127, 0, 0, 1])).collect(),
        ),
        (
            "many names from two hundred addresses",
            each()
                .map(|from| guess("nobody{n}@example.org", from))
                .collect(),
        ),
        (
            "sign-ups",
            each()
                .map(|from| {
                    let fields = [
                        ("username", "mallory{n}"),
                        ("first_name", "Mallory"),
                        ("last_name", "Example"),
                        ("email", "mallory{n}@example.org"),
                        ("phone", "+9198{n}"),
                        ("password", WRONG),
                        ("confirm_password", WRONG),
                    ];
                    Post::new("/accounts/signup/", fields).from(Ipv4Addr::from(from))
                })
                .collect(),
        ),
        (
            "changes of another's password",
            each()
                .map(|from| change_of_password(&mallory.client, from))
                .collect(),
        ),
        (
            "a known device of another account",
            each()
                .map(|from| {
                    guess(&mallory.user.username, from)
                        .with_cookies_of(&remembered(&mallory.client))
                })
                .collect(),
        ),
        (
            "another's known device at this account",
            each()
                .map(|from| {
                    guess(&ann.username, from).with_cookies_of(&remembered(&mallory.client))
                })
                .collect(),
        ),
    ];
    for (name, posts) in floods {
        gets_in_during(&site, (&owner, &ann), name, posts).await;
    }
}

/// Posts of a wrong password for each of these accounts, each with another device that is known for it, from one address
/// that may be a proxy: as many as a stranger collects who logs in to the own accounts again and again.
async fn with_many_devices(site: &Site, accounts: &[User], devices: usize) -> Vec<Post> {
    let mut posts = Vec::new();
    for account in accounts.iter().cycle().take(devices) {
        let member = site.log_in(account).await;
        posts.push(
            guess(&account.username, [127, 0, 0, 1]).with_cookies_of(&remembered(&member.client)),
        );
    }
    posts
}

/// Anyone who has accounts gets as many devices known as they like. They have the share of one account each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_of_others_keep_nobody_out() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let owner = known(&site, &ann).await;
    for (name, accounts) in [
        ("a hundred known devices of another account", 1),
        ("a hundred known devices of eight other accounts", 8),
    ] {
        let mut others = Vec::new();
        for _ in 0..accounts {
            others.push(site.signed_up().await);
        }
        let posts = with_many_devices(&site, &others, 104).await;
        gets_in_during(&site, (&owner, &ann), name, posts).await;
    }
}

/// The owner gets in while these posts pour in.
async fn gets_in_during(
    site: &Site,
    (owner, user): (&Client, &User),
    name: &str,
    posts: Vec<Post>,
) {
    let flood = Flood::begin(site, posts).await;
    let (slowest, counts) = all_get_in(owner, user, (name, &flood)).await;
    let answers = flood.end().await;
    println!(
        "{name}: the slowest took {slowest:?}, {counts:?} were checked meanwhile, the flood was answered {answers:?}"
    );
    assert!(
        answers.contains_key(&503),
        "{name} is no flood: {answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_devices_get_in_on_postgres() {
    let database = Database::new().unwrap_or_else(|error| panic!("{error}"));
    let site = Site::options().database(database.url()).start().await;
    let ann = site.signed_up().await;
    let owner = known(&site, &ann).await;
    for (name, addresses) in [
        ("one account from one address", 1),
        ("one account from twenty addresses", 20),
        ("one account from two hundred addresses", 200),
    ] {
        let from = (0..CONNECTIONS).map(|n| [127, 0, 7, n % addresses + 1]);
        let posts = from.map(|from| guess(&ann.username, from)).collect();
        gets_in_during(&site, (&owner, &ann), name, posts).await;
    }
    // Sessions and devices cost a look-up each before anything is hashed.
    let mallory = site.member().await;
    let from = || (1..=CONNECTIONS).map(|n| [127, 0, 7, n]);
    let changes = from().map(|from| change_of_password(&mallory.client, from));
    let device = remembered(&mallory.client);
    let devices = from().map(|from| guess(&mallory.user.username, from).with_cookies_of(&device));
    for (name, posts) in [
        ("changes of another's password", changes.collect()),
        ("a known device of another account", devices.collect()),
    ] {
        gets_in_during(&site, (&owner, &ann), name, posts).await;
    }
}

/// The same browser without its session.
fn remembered(client: &Client) -> Client {
    let client = client.thief();
    client.forget("sessionid");
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_get_in() {
    let site = Site::start().await;
    let (ann, bob) = (site.signed_up().await, site.signed_up().await);
    let link = site.reset_link(&ann.email).await;
    let carl = site.member().await;
    let posts = (1..=CONNECTIONS).map(|n| guess(&ann.username, [127, 0, 7, n]));
    let flood = Flood::begin(&site, posts).await;

    // Another account, with a browser that nobody knows.
    let answer = site
        .client()
        .post_log_in(&bob.username, &bob.password)
        .await;
    answer.expect(302);
    // Anyone who is signed in changes the password, and is remembered with the new one.
    let client = carl.client;
    client
        .change_password(&carl.user.password, "walnut-Harbour-33")
        .await
        .expect(302);
    client.log_out().await.expect(302);
    client
        .log_in(&carl.user.username, "walnut-Harbour-33")
        .await
        .expect(302);
    // The owner without a device has the link that was sent, and gets in with the new password.
    let client = site.client();
    let answer = client.reset(link.url(), "walnut-Harbour-22").await;
    answer.redirects_to("/accounts/password_reset_complete/");
    for _ in 0..3 {
        client
            .log_in(&ann.username, "walnut-Harbour-22")
            .await
            .expect(302);
        client.log_out().await.expect(302);
    }
    flood.end().await;

    // One address has a share of the strangers' places, whatever names it gives.
    let posts = (0..CONNECTIONS).map(|_| guess("nobody{n}", [127, 0, 7, 1]));
    let flood = Flood::begin(&site, posts).await;
    for _ in 0..3 {
        let client = site.client();
        let answer = client.post_log_in(&bob.username, &bob.password).await;
        answer.expect(302);
    }
    flood.end().await;
}

#[tokio::test]
async fn device_is_for_one_account_and_password() {
    let site = Site::start().await;
    let (ann, bob) = (site.signed_up().await, site.signed_up().await);
    let name = "phone_auth_device";
    let client = site.client();
    let device = |client: &Client| {
        let cookies = client.cookies();
        cookies.into_iter().find(|cookie| cookie.name == name)
    };
    client.log_in(&ann.username, WRONG).await.expect(400);
    assert!(device(&client).is_none(), "a wrong password is remembered");
    client
        .log_in(&ann.username, &ann.password)
        .await
        .expect(302);
    let cookie = device(&client).expect("she is remembered");
    for (attribute, value) in [
        ("httponly", ""),
        ("samesite", "Lax"),
        ("path", "/"),
        ("max-age", "31536000"),
    ] {
        assert_eq!(cookie.attribute(attribute), Some(value), "{attribute}");
    }
    assert!(!cookie.value.contains(&encode(&ann.username)));
    client.log_out().await.expect(302);
    assert_eq!(device(&client), Some(cookie.clone()), "it stays");
    // Both of one household are remembered, each once.
    client
        .log_in(&bob.username, &bob.password)
        .await
        .expect(302);
    client.log_out().await.expect(302);
    client
        .log_in(&ann.username, &ann.password)
        .await
        .expect(302);
    let both = device(&client).expect("they are remembered");
    assert_eq!(both.value.len(), 2 * cookie.value.len() + 1);
    assert!(
        !both.value.contains(&cookie.value),
        "the older token is replaced"
    );
}

/// What a stranger can cause without end, and how little of it is in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_stays_small() {
    let templates = tempfile::tempdir().unwrap();
    std::fs::create_dir(templates.path().join("phone_auth")).unwrap();
    let own = templates.path().join("phone_auth/login.html");
    std::fs::write(&own, "<h1>Come in</h1>").unwrap();
    let webhook = "[webhook]\nurl = \"http://127.0.0.1:9/\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
    let kinds = [
        ("wrong passwords", Site::options()),
        ("wrong passwords, with limits", Site::options().limited()),
        ("forms of other sites", Site::options()),
        (
            "a template with a mistake",
            Site::options().setting("templates", &templates.path().display().to_string()),
        ),
        (
            "a locked database",
            Site::options().setting("database_busy_timeout", "1 ms"),
        ),
        (
            "messages that nobody takes",
            Site::options().config(webhook),
        ),
    ];
    for (kind, options) in kinds {
        let site = options.start().await;
        let ann = site.signed_up().await;
        let lock = site.database();
        let wrong = |n| guess(&ann.username, [127, 0, 7, n]);
        let reset = |email: &str| Post::new("/accounts/password_reset/", [("login", email)]);
        // A message that was tried once waits, however often another one is asked for. So there are many.
        let mut others = vec![ann.email.clone()];
        if kind == "messages that nobody takes" {
            for _ in 0..20 {
                others.push(site.signed_up().await.email);
            }
        }
        let mut others = others.iter().cycle();
        let post = |n| match kind {
            "forms of other sites" => wrong(n).of_page("https://evil.example"),
            "a locked database" | "messages that nobody takes" => reset(others.next().unwrap()),
            _ => wrong(n),
        };
        match kind {
            "a template with a mistake" => std::fs::write(&own, "{% if %}").unwrap(),
            "a locked database" => lock.hold(),
            _ => {}
        }
        let flood = Flood::begin(&site, (1..=CONNECTIONS).map(post)).await;
        let answers = flood.end_after(2000).await;
        if kind == "a locked database" {
            lock.release();
        }
        let said = site.stop().record.stderr;
        let bytes: usize = said.iter().map(String::len).sum();
        println!("{kind}: {answers:?}, {} lines, {bytes} bytes", said.len());
        assert!(said.len() <= 20, "{kind}: {said:#?}");
        assert!(bytes < 20_000, "{kind}: {bytes} bytes");
        let counts = said
            .iter()
            .filter(|line| line.ends_with("more of this kind, this is the latest)"));
        // What is over a limit is refused without a line: no place was missing.
        let is_told = kind != "wrong passwords, with limits";
        assert_eq!(counts.count() > 0, is_told, "{kind}: {said:#?}");
    }
}

/// Each flow that strangers, or someone who is signed in, can ask for without end, at the limits that ship.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_of_each_flow_stays_small() {
    let options = Site::options().limited().setting("login_by_code", "true");
    // Which limits were met is said at a louder level than that of a program that nobody asked.
    let site = options
        .variable("RUST_LOG", "warn,phone_auth_core::accounts=info")
        .start()
        .await;
    let ann = site.member().await;
    let row = ann.client.unverified().await.remove(0);
    let user = &ann.user;
    let post = |number: u8| {
        let from = [127, 0, 7, number % 4 + 1];
        let is_known = (number / 10).is_multiple_of(2);
        let name = if is_known {
            &*user.phone
        } else {
            "nobody{n}@example.org"
        };
        let post = match number % 10 {
            0 => return guess(&user.username, from),
            1 => return change_of_password(&ann.client, from),
            2 | 3 => Post::new("/accounts/password_reset/", [("login", name)]),
            4 | 5 => Post::new("/accounts/login_code/", [("login", name)]),
            6 => {
                let new = [
                    ("username", "mallory{n}"),
                    ("first_name", "Mallory"),
                    ("last_name", "Example"),
                    ("email", "mallory{n}@example.org"),
                    ("phone", "+9198{n}"),
                    ("password", WRONG),
                    ("confirm_password", WRONG),
                ];
                Post::new("/accounts/signup/", new)
            }
            7 => Post::new("/accounts/confirm_identity/", [("password", WRONG)]),
            8 => Post::new("/accounts/email/add/", [("email", "ann{n}@example.org")]),
            _ => {
                let of = [("method", row.method.as_str()), ("pk", row.pk.as_str())];
                Post::new("/accounts/user_verification/", of)
            }
        };
        let post = post.from(Ipv4Addr::from(from));
        if number % 10 > 6 {
            post.with_cookies_of(&ann.client)
        } else {
            post
        }
    };
    let flood = Flood::begin(&site, (1..=CONNECTIONS).map(post)).await;
    // Who asks again waits by the challenge of the code that verifies, and meets the limit only at the moment of the first request,
    // before its challenge stands. So that is taken away until someone has.
    let verifications = "flow=\"request_verification\" limit=";
    let database = site.database();
    until("verifications meet their limit", || {
        database.execute("DELETE FROM phone_auth_challenge WHERE purpose = 'verify'");
        let is_met = site
            .record()
            .stderr
            .iter()
            .any(|line| line.contains(verifications));
        async move { is_met }
    })
    .await;
    let answers = flood.end_after(2000).await;
    let said = site.stop().record.stderr;
    let bytes: usize = said.iter().map(String::len).sum();
    println!("{answers:?}, {} lines, {bytes} bytes", said.len());
    assert!(
        said.len() <= 100 && bytes < 20_000,
        "{bytes} bytes: {said:#?}"
    );
    // Each of them has met its limit. Resets and codes to sign in share theirs, and each limit is told once a minute.
    for limit in [
        "flow=\"log_in\" limit=",
        "limit=password_checks",
        "limit=resets_of_address",
        "limit=sign_ups",
        "limit=added_addresses",
        verifications,
    ] {
        let is_told = said.iter().any(|line| line.contains(limit));
        assert!(is_told, "{limit}: {said:#?}");
    }
}
