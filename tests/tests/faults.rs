//! The database taken away, the process killed, the process asked to stop.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phone_auth_tests::{Kind, OwnDatabase, Raw, Site, User, encode, until};

const NEW: &str = "walnut-Harbour-22";

#[tokio::test]
async fn locked_database_answers_503() {
    let site = Site::options()
        .setting("database_busy_timeout", "300 ms")
        .start()
        .await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    let bob = site.signed_up().await;
    let reset = site.reset_link(&bob.phone).await;
    let resetter = site.client();
    let form = resetter.open_reset_link(reset.url()).await;
    let newcomer = User::new();
    let added = User::another_email();

    let lock = site.database();
    let before = lock.dump();
    lock.hold();
    let change = [
        ("old_password", ann.user.password.as_str()),
        ("new_password1", NEW),
        ("new_password2", NEW),
    ];
    let answers = [
        site.client().sign_up(&newcomer).await,
        site.client()
            .log_in(&ann.user.username, &ann.user.password)
            .await,
        ann.client.add_address(&added).await,
        ann.client
            .submit("/accounts/change_password/", change)
            .await,
        site.client().get(link.url()).await,
        resetter
            .submit(&form, [("new_password1", NEW), ("new_password2", NEW)])
            .await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 503, "{}", answer.asked);
        assert!(answer.header("retry-after").is_some(), "{}", answer.asked);
        assert!(
            answer
                .cookies()
                .iter()
                .all(|cookie| !cookie.name.ends_with("sessionid")),
            "{}",
            answer.asked
        );
    }
    // What only reads goes on.
    site.client().get("/accounts/login/").await.expect(200);
    assert!(ann.client.is_logged_in().await);
    lock.release();
    assert_eq!(site.database().dump(), before, "nothing is stored");

    site.client()
        .sign_up(&newcomer)
        .await
        .redirects_to("/accounts/login/?notice=signed-up");
    ann.client.add_address(&added).await.expect(302);
    site.client()
        .get(link.url())
        .await
        .expect(200)
        .says("Verification successful");
    resetter
        .submit(&form, [("new_password1", NEW), ("new_password2", NEW)])
        .await
        .expect(302);
    site.client().log_in(&bob.username, NEW).await.expect(302);
}

#[tokio::test]
async fn log_out_under_lock_is_honest() {
    let site = Site::options()
        .setting("database_busy_timeout", "300 ms")
        .start()
        .await;
    let ann = site.member().await;
    let thief = ann.client.thief();
    let lock = site.database();
    lock.hold();
    let answer = ann.client.log_out().await;
    lock.release();
    assert_eq!(
        answer.status, 503,
        "a log-out that did not happen is not called one"
    );
    assert!(thief.is_logged_in().await);
    ann.client.log_out().await.redirects_to("/");
    assert!(!thief.is_logged_in().await);
}

#[tokio::test]
async fn short_lock_is_waited_for() {
    let site = Site::options()
        .setting("database_busy_timeout", "20 s")
        .start()
        .await;
    let lock = site.database();
    lock.hold();
    let client = site.client();
    let waiting = tokio::spawn(async move { client.sign_up(&User::new()).await });
    // Reading goes on meanwhile. Each of these takes a hash of its own, which is made after that of the sign-up: one that does not
    // wait has been refused by then.
    for _ in 0..8 {
        let guess = site.client().log_in("nobody", "correct-Horse-9").await;
        assert_eq!(guess.status, 400);
    }
    assert!(!waiting.is_finished(), "it did not wait");
    lock.release();
    waiting
        .await
        .expect("the sign-up is answered")
        .redirects_to("/accounts/login/?notice=signed-up");
}

#[tokio::test]
async fn killed_site_keeps_its_word() {
    let site = Arc::new(Site::start().await);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (client, acknowledged) = (site.client(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut kept = Vec::new();
                loop {
                    let user = User::new();
                    let request = client.request("POST", "/accounts/signup/").same_origin();
                    match request.form(user.fields()).try_send().await {
                        Ok(answer) if answer.status == 302 => {
                            kept.push(user);
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(answer) => assert_eq!(answer.status, 503),
                        Err(_) => return (kept, user),
                    }
                }
            })
        })
        .collect();
    until("users have signed up", || async {
        acknowledged.load(Ordering::Relaxed) >= 12
    })
    .await;
    site.kill();
    let again = site.restart(Site::options()).await;
    let database = again.database();
    assert_eq!(database.text("PRAGMA integrity_check"), "ok");
    for task in tasks {
        let (kept, torn) = task.await.expect("the clients end");
        for user in kept {
            again
                .client()
                .log_in(&user.email, &user.password)
                .await
                .expect(302);
            again
                .client()
                .log_in(&user.phone, &user.password)
                .await
                .expect(302);
        }
        // The one under way is whole or not there, and can be tried again or used.
        let status = again.client().sign_up(&torn).await.status;
        assert!([302, 400].contains(&status), "{status}");
        again
            .client()
            .log_in(&torn.phone, &torn.password)
            .await
            .expect(302);
    }
    for table in ["phone_auth_emailaddress", "phone_auth_phonenumber"] {
        let sql = format!(
            "SELECT (SELECT count(*) FROM auth_user) - (SELECT count(DISTINCT user_id) FROM {table})"
        );
        assert_eq!(database.number(&sql), 0, "someone has no row in {table}");
    }
}

#[tokio::test]
async fn requests_in_flight_finish() {
    let site = Site::start().await;
    let ann = User::new();
    let body: Vec<String> = ann
        .fields()
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let body = body.join("&");
    let mut raw = Raw::connect(&site).await;
    let head = format!(
        "POST /accounts/signup/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len(),
        host = site.host()
    );
    raw.send(head).await;
    assert_eq!(raw.status().await, Some(100), "the request is under way");
    site.terminate();
    until("nobody new is let in", || async {
        site.client().request("GET", "/").try_send().await.is_err()
    })
    .await;
    assert!(raw.send(body).await);
    assert_eq!(raw.status().await, Some(302));
    let ended = site.stop_waiting();
    assert!(ended.status.success(), "{ended:?}");
    let again = site.restart(Site::options()).await;
    again.log_in(&ann).await;
}

#[tokio::test]
async fn idle_site_stops_at_once() {
    let site = Site::start().await;
    let client = site.client();
    client.get("/").await.expect(200);
    let ended = site.stop();
    assert!(ended.status.success(), "{ended:?}");
    assert!(
        ended.took < Duration::from_secs(15),
        "idle connections hold it up: {:?}",
        ended.took
    );
    drop(client);
}

#[tokio::test]
async fn lines_under_way_are_printed() {
    let site = Site::start().await;
    let mut users = Vec::new();
    for _ in 0..4 {
        users.push(site.signed_up().await);
    }
    // To different addresses: a newer request takes the place of one that was not sent yet.
    for user in &users {
        site.client().ask_reset(&user.email).await.expect(302);
        site.client().ask_reset(&user.phone).await.expect(302);
    }
    let before = site.stop().record.printed();
    // What nobody had begun to deliver when the site was told to stop, the next one sends.
    let again = site.restart(Site::options()).await;
    until("the rest is printed", || async {
        before.len() + again.record().printed().len() >= 2 * users.len()
    })
    .await;
    let after = again.stop().record.printed();
    let told: BTreeSet<String> = before
        .iter()
        .chain(&after)
        .map(|printed| printed.destination().to_owned())
        .collect();
    assert_eq!(told.len(), 2 * users.len(), "what was answered is told");
    assert_eq!(before.len() + after.len(), told.len(), "and told once");
}

#[tokio::test]
async fn users_outlive_a_restart() {
    let first = Site::start().await;
    let ann = first.member().await;
    first.verify(&ann.client, &ann.user.email).await;
    let cookie = ann.client.session_cookie().expect("she is logged in");
    let second = first.restart(Site::options()).await;
    let client = second.client();
    client.plant(&cookie.name, &cookie.value);
    client.get("/members/email/").await.expect(200);
    second.log_in(&ann.user).await;
}

/// A change of the machine's zone, as summer time is one but by more than any link lives, ends nothing early: what is
/// stored are points in time.
#[tokio::test]
async fn zone_of_the_machine_expires_nothing() {
    // As POSIX writes it, west is positive.
    let zones = ["EAST-14", "WEST+12"];
    for (kind, [before, after]) in [
        (Kind::Sqlite, zones),
        (Kind::Sqlite, [zones[1], zones[0]]),
        (Kind::Postgres, zones),
        (Kind::Postgres, [zones[1], zones[0]]),
    ] {
        let database = OwnDatabase::new(kind);
        let at = |zone| database.site().variable("TZ", zone).variable("PGTZ", zone);
        let first = at(before).start().await;
        let ann = first.member().await;
        let email = &ann.user.email;
        let verification = first.verification_link(&ann.client, email).await;
        let reset = first.reset_link(&first.signed_up().await.phone).await;
        let cookie = ann.client.session_cookie().expect("she is logged in");
        let second = first.restart(at(after)).await;
        let client = second.client();
        client.plant(&cookie.name, &cookie.value);
        assert!(client.is_logged_in().await, "{kind:?} {before} {after}");
        let opened = client.get(verification.url()).await.expect(200);
        opened.says("Verification successful");
        let answer = second.client().reset(reset.url(), NEW).await;
        answer.redirects_to("/accounts/password_reset_complete/");
    }
}
