//! Django with django-phone-auth and our site on one database of PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use phone_auth_test_postgres::Database;
use phone_auth_tests::{Client, Django, User, run};

const PROFILE: &str = "/accounts/profile/";

/// A database of its own.
fn database() -> Database {
    Database::new().unwrap_or_else(|error| panic!("{error}"))
}

/// The same browser at the other site.
fn follow(from: &Client, to: &Client) {
    to.plant("sessionid", &from.session_cookie().unwrap().value);
}

async fn log_in(client: &Client, login: &str, password: &str) {
    client.log_in(login, password).await.redirects_to(PROFILE);
}

/// Asks for a verification link by the form beside an address.
async fn ask_verification(client: &Client, value: &str) {
    let path = "/accounts/user_verification/";
    let forms = client.get(path).await.expect(200).page().forms();
    let form = forms
        .iter()
        .find(|form| form.about.as_deref() == Some(value) && form.field("pk").is_some());
    // Django answers with the page, we lead to it.
    let answer = client.send_form(path, form.unwrap()).await;
    assert!(matches!(answer.status, 200 | 302), "{}", answer.status);
}

#[tokio::test]
async fn users_and_links_are_shared() {
    let database = database();
    let django = Django::start_on(database.url()).await;
    let users = || {
        let tables = [
            "auth_user",
            "phone_auth_emailaddress",
            "phone_auth_phonenumber",
        ];
        let all = tables.map(|table| format!("SELECT * FROM {table} ORDER BY id;"));
        database.run(&all.concat()).unwrap()
    };
    let there = django.client();
    let ann = User::new();
    there.sign_up(&ann).await.expect(302);
    let before = users();
    let arguments = ["migrate", "--database", database.url()];
    let ran = run(django.folder(), &arguments, &[], "");
    assert!(ran.success, "{ran:?}");
    assert_eq!(users(), before, "no row was touched");

    // Links made there work here.
    log_in(&there, &ann.phone, &ann.password).await;
    ask_verification(&there, &ann.email).await;
    ask_verification(&there, &ann.phone).await;
    django.client().ask_reset(&ann.email).await.expect(302);
    let site = django.successor_until("2999-01-01T00:00:00Z").start().await;
    let here = site.client();
    for (signal, value) in [("verify_email", &ann.email), ("verify_phone", &ann.phone)] {
        let link = django.printed(signal, value).await;
        let opened = here.get(link.url()).await;
        opened.expect(200).says("Verification successful");
    }
    let link = django.printed("reset_password_email", &ann.email).await;
    let second = "walnut-Harbour-22";
    here.reset(link.url(), second).await.expect(302);
    here.meets_dead_reset(link.url()).await;
    for login in [&ann.email, &ann.phone, &ann.username] {
        log_in(&here, login, second).await;
        here.get("/members/email/").await.expect(200);
        here.get("/members/phone/").await.expect(200);
        here.log_out().await.expect(302);
        let there = django.client();
        there.log_in(login, &ann.password).await.expect(400);
        log_in(&there, login, second).await;
        there.get("/members/email/").await.expect(200);
    }

    // And the other way round.
    let bob = User::new();
    here.sign_up(&bob).await.expect(302);
    log_in(&here, &bob.phone, &bob.password).await;
    ask_verification(&here, &bob.email).await;
    let link = site.printed("verify_email", &bob.email).await;
    here.get(link.url()).await.expect(200);
    let there = django.client();
    log_in(&there, &bob.email, &bob.password).await;
    there.get("/members/email/").await.expect(200);
    there.get("/members/phone/").await.expect(302);
    django.manage(&["migrate", "--check"]);
    django.manage(&["makemigrations", "--check", "--dry-run"]);
}

#[tokio::test]
async fn reset_links_go_by_zones() {
    let zones = [
        // Django's settings, and what ours must say for its links to work.
        (
            [
                ("SITE_DATABASE_TIME_ZONE", "Asia/Tokyo"),
                ("SITE_USE_TZ", "true"),
            ],
            ("django_database_time_zone", "Asia/Tokyo"),
        ),
        (
            [
                ("SITE_TIME_ZONE", "America/Chicago"),
                ("SITE_USE_TZ", "false"),
            ],
            ("django_use_tz", "false"),
        ),
    ];
    let database = database();
    let mut django = Django::start_on(database.url()).await;
    for (theirs, (setting, value)) in zones {
        django = django.restart(&theirs).await;
        let (ann, there) = (User::new(), django.client());
        there.sign_up(&ann).await.expect(302);
        log_in(&there, &ann.phone, &ann.password).await;
        django.client().ask_reset(&ann.email).await.expect(302);
        let link = django.printed("reset_password_email", &ann.email).await;
        let until = "2999-01-01T00:00:00Z";
        let site = django.successor_until(until).start().await;
        site.client().meets_dead_reset(link.url()).await;
        drop(site);
        let options = django.successor_until(until).setting(setting, value);
        let site = options.start().await;
        let here = site.client();
        here.reset(link.url(), "walnut-Harbour-22")
            .await
            .expect(302);
    }
}

#[tokio::test]
async fn sessions_are_shared() {
    let database = database();
    let django = Django::start_on(database.url()).await;
    let site = django.successor_sharing_sessions().start().await;
    let (there, here) = (django.client(), site.client());
    let ann = User::new();
    there.sign_up(&ann).await.expect(302);
    there.get("/basket/?put=plums").await.expect(200);
    follow(&there, &here);
    log_in(&here, &ann.phone, &ann.password).await;
    follow(&here, &there);
    there.get("/basket/").await.expect(200).says("plums");
    assert!(there.is_logged_in().await);

    let elsewhere = django.client();
    log_in(&elsewhere, &ann.phone, &ann.password).await;
    // That log-in replaced the hash, and so ended the sessions that were bound to it.
    assert!(!here.is_logged_in().await);
    follow(&elsewhere, &here);
    here.get(PROFILE).await.expect(200).says(&ann.username);
    let other = site.client();
    follow(&here, &other);
    let second = "walnut-Harbour-22";
    here.change_password(&ann.password, second)
        .await
        .redirects_to("/accounts/change_password_done/");
    // The session goes on under another key: anyone who has a copy of the old one is out.
    assert!(here.is_logged_in().await && !elsewhere.is_logged_in().await);
    follow(&here, &elsewhere);
    assert!(elsewhere.is_logged_in().await);

    database
        .run("UPDATE django_session SET expire_date = now() - interval '1 second'")
        .unwrap();
    assert!(!here.is_logged_in().await && !elsewhere.is_logged_in().await);
    log_in(&here, &ann.email, second).await;
    follow(&here, &there);
    assert!(there.is_logged_in().await);
    there.log_out().await.expect(302);
    assert!(!here.is_logged_in().await);
}
