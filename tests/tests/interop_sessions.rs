//! One session at two sites: Django and ours share the table, the cookie and the signing key.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_tests::{Client, Django, Site, User, run};

const PROFILE: &str = "/accounts/profile/";
const BASKET: &str = "/basket/";

/// Both sites on one database and with one kind of session.
async fn both() -> (Django, Site) {
    let django = Django::start().await;
    let site = django.successor_sharing_sessions().start().await;
    (django, site)
}

/// The same browser at the other site: one host, one cookie.
fn follow(from: &Client, to: &Client) {
    let cookie = from.session_cookie().unwrap();
    to.plant("sessionid", &cookie.value);
}

/// Someone who signed up by this client and is not logged in.
async fn signed_up(client: &Client) -> User {
    let ann = User::new();
    client.sign_up(&ann).await.expect(302);
    ann
}

async fn log_in(client: &Client, user: &User) {
    client
        .log_in(&user.phone, &user.password)
        .await
        .redirects_to(PROFILE);
}

fn key(client: &Client) -> String {
    client.session_cookie().unwrap().value
}

#[tokio::test]
async fn log_in_counts_at_both() {
    let (django, site) = both().await;
    for is_django_first in [true, false] {
        let (there, here) = if is_django_first {
            (django.client(), site.client())
        } else {
            (site.client(), django.client())
        };
        let ann = signed_up(&there).await;
        assert!(!there.is_logged_in().await && !here.is_logged_in().await);
        log_in(&there, &ann).await;
        follow(&there, &here);
        here.get(PROFILE).await.expect(200).says(&ann.username);
        // And log-out at the one is log-out at the other.
        here.log_out().await.redirects_to("/");
        assert!(!there.is_logged_in().await);
        let sessions = django.database();
        assert_eq!(sessions.number("SELECT count(*) FROM django_session"), 0);
        assert_eq!(
            sessions.number("SELECT count(*) FROM phone_auth_session"),
            0
        );
    }
}

#[tokio::test]
async fn values_of_others_move_along() {
    let (django, site) = both().await;
    let (there, here) = (django.client(), site.client());
    let ann = signed_up(&site.client()).await;
    there.get("/basket/?put=plums").await.expect(200);
    let planted = key(&there);
    follow(&there, &here);
    log_in(&here, &ann).await;
    assert_ne!(key(&here), planted, "a log-in takes another key");
    follow(&here, &there);
    there.get(BASKET).await.expect(200).says("plums");
    assert!(there.is_logged_in().await);
    let thief = django.client();
    thief.plant("sessionid", &planted);
    assert!(!thief.is_logged_in().await);
    assert!(!thief.get(BASKET).await.text().contains("plums"));

    // What someone else kept does not: Ann's session is dead, and Bob logs in over it.
    let second = "walnut-Harbour-22";
    let elsewhere = site.client();
    log_in(&elsewhere, &ann).await;
    elsewhere
        .change_password(&ann.password, second)
        .await
        .expect(302);
    assert!(!here.is_logged_in().await);
    let bob = signed_up(&site.client()).await;
    log_in(&here, &bob).await;
    follow(&here, &there);
    there.get(PROFILE).await.expect(200).says(&bob.username);
    assert!(!there.get(BASKET).await.text().contains("plums"));
}

#[tokio::test]
async fn proof_is_kept_in_the_shared_session() {
    let (django, site) = both().await;
    let (there, here) = (django.client(), site.client());
    let ann = signed_up(&here).await;
    log_in(&there, &ann).await;
    there.get("/basket/?put=plums").await.expect(200);
    follow(&there, &here);
    let add = "/accounts/email/add/";
    let asks = format!("/accounts/confirm_identity/?next={add}");
    here.get(add).await.redirects_to(&asks);
    let before = key(&here);
    here.confirm_identity(&ann.password).await.expect(302);
    assert_ne!(key(&here), before);
    here.get(add).await.expect(200);
    // The session is the same to Django, under its new key.
    assert!(!there.is_logged_in().await);
    follow(&here, &there);
    there.get(BASKET).await.expect(200).says("plums");
    assert!(there.is_logged_in().await);
    // The next log-in begins without a proof, and takes along what is Django's.
    here.post_log_in(&ann.phone, &ann.password)
        .await
        .expect(302);
    here.get(add).await.redirects_to(&asks);
    follow(&here, &there);
    there.get(BASKET).await.expect(200).says("plums");
}

#[tokio::test]
async fn changed_password_ends_others() {
    let (django, site) = both().await;
    let (there, here) = (django.client(), site.client());
    let ann = signed_up(&here).await;
    log_in(&here, &ann).await;
    follow(&here, &there);
    there.get("/basket/?put=plums").await.expect(200);
    let elsewhere = site.client();
    log_in(&elsewhere, &ann).await;

    let second = "walnut-Harbour-22";
    here.change_password(&ann.password, "!").await.expect(400);
    assert!(here.is_logged_in().await && elsewhere.is_logged_in().await);
    here.change_password(&ann.password, second)
        .await
        .redirects_to("/accounts/change_password_done/");
    assert!(here.is_logged_in().await && !elsewhere.is_logged_in().await);
    // The session goes on under another key, as Django does it.
    assert!(!there.is_logged_in().await);
    follow(&here, &there);
    assert!(there.is_logged_in().await);
    there.get(BASKET).await.expect(200).says("plums");

    // There, too, and the session that changed it goes on under another key.
    let elsewhere = site.client();
    elsewhere.log_in(&ann.email, second).await.expect(302);
    let third = "copper-Lantern-33";
    there
        .change_password(second, third)
        .await
        .redirects_to("/accounts/change_password_done/");
    assert!(!elsewhere.is_logged_in().await && !here.is_logged_in().await);
    follow(&there, &here);
    assert!(here.is_logged_in().await);

    // A reset ends all.
    let link = site.reset_link(&ann.email).await;
    site.client().reset(link.url(), second).await.expect(302);
    assert!(!here.is_logged_in().await && !there.is_logged_in().await);
}

#[tokio::test]
async fn dead_sessions_let_nobody_in() {
    let (django, site) = both().await;
    let here = site.client();
    let ann = signed_up(&here).await;
    let database = django.database();
    for change in [
        "UPDATE django_session SET expire_date = '2020-01-01 00:00:00'",
        // In another form, and as a text after any time in Django's.
        "UPDATE django_session SET expire_date = '2020-01-01T00:00:00+00:00'",
        "UPDATE django_session SET expire_date = 'never'",
        "UPDATE django_session SET session_data = replace(session_data, ':', ':1')",
        "UPDATE django_session SET session_data = substr(session_data, 2)",
        "UPDATE django_session SET session_data = ''",
        "UPDATE auth_user SET password = replace(password, 'p=1$', 'p=1$x')",
        "UPDATE auth_user SET is_active = 0",
        "DELETE FROM django_session",
    ] {
        log_in(&here, &ann).await;
        assert!(here.is_logged_in().await);
        assert!(database.execute(change) > 0, "{change}");
        assert!(!here.is_logged_in().await, "{change}");
        database.execute(
            "UPDATE auth_user SET is_active = 1, password = replace(password, 'p=1$x', 'p=1$')",
        );
        database.execute("DELETE FROM django_session");
    }
    // Nobody gets a row for looking.
    for odd in [
        "",
        "a",
        &"a".repeat(32),
        &"A".repeat(32),
        &"a".repeat(43),
        "'; --",
    ] {
        let current_user = site.client();
        current_user.plant("sessionid", odd);
        assert!(!current_user.is_logged_in().await, "{odd}");
    }
    assert_eq!(database.number("SELECT count(*) FROM django_session"), 0);
}

#[tokio::test]
async fn fallback_keys_cycle() {
    let (django, site) = both().await;
    let (there, here) = (django.client(), site.client());
    let ann = signed_up(&here).await;
    there.get("/basket/?put=plums").await.expect(200);
    follow(&there, &here);
    log_in(&here, &ann).await;
    let old = key(&here);

    let second = "another-secret-of-the-site-9876543210-abcdefghijklmnop";
    let options = django
        .successor_sharing_sessions()
        .setting("django_secret_key_file", &django.key_file(second))
        .setting(
            "django_secret_key_fallback_files",
            &django.key_file(Django::SECRET_KEY),
        );
    let site = site.restart(options).await;
    let again = site.client();
    again.plant("sessionid", &old);
    assert!(again.is_logged_in().await);
    let new = key(&again);
    assert_ne!(new, old, "the session has another key");
    assert!(again.is_logged_in().await);
    assert_eq!(key(&again), new, "once is enough");
    let thief = site.client();
    thief.plant("sessionid", &old);
    assert!(!thief.is_logged_in().await);

    // A Django that knows the new key alone takes it.
    let django = django.restart(&[("SITE_SECRET_KEY", second)]).await;
    let there = django.client();
    follow(&again, &there);
    assert!(there.is_logged_in().await);
    there.get(BASKET).await.expect(200).says("plums");
    // A log-out right where the key changes ends the session all the same.
    let ran = again.log_out().await;
    ran.redirects_to("/");
    assert!(!there.is_logged_in().await);
}

#[tokio::test]
async fn settings_are_checked_together() {
    let django = Django::start().await;
    let database = django.database_url();
    let check = |more: &[(&str, &str)]| {
        let arguments = ["check", "--database", &database];
        run(django.folder(), &arguments, more, "")
    };
    run(
        django.folder(),
        &["migrate", "--database", &database],
        &[],
        "",
    );
    let ran = check(&[("PHONE_AUTH_DJANGO_SESSIONS", "true")]);
    assert!(ran.stderr.contains("django_secret_key_file"), "{ran:?}");
    let key = django.key_file(Django::SECRET_KEY);
    let with_key = [
        ("PHONE_AUTH_DJANGO_SESSIONS", "true"),
        ("PHONE_AUTH_DJANGO_SECRET_KEY_FILE", key.as_str()),
    ];
    assert!(check(&with_key).success);
    for (domain, is_right) in [(".example.org", true), ("example.com", false)] {
        let site = [
            ("PHONE_AUTH_SITE_URL", "https://www.example.org"),
            (
                "PHONE_AUTH_ALLOW_UNRECEIVED",
                "reset_password_email,reset_password_phone,verify_email,verify_phone",
            ),
            ("PHONE_AUTH_DJANGO_SESSION_COOKIE_DOMAIN", domain),
        ];
        let ran = check(&[&with_key[..], &site].concat());
        assert_eq!(ran.success, is_right, "{domain}: {ran:?}");
        let is_said = ran.stderr.contains("the domain of the session cookie");
        assert_eq!(is_said, !is_right, "{domain}: {ran:?}");
    }
    django.database().execute("DROP TABLE django_session");
    let ran = check(&with_key);
    assert!(ran.stderr.contains("no table django_session"), "{ran:?}");
}

#[tokio::test]
async fn sessions_end_by_the_same_clock() {
    // Without USE_TZ Django writes the time of its own wall: in India five and a half hours past UTC.
    let zone = ("SITE_TIME_ZONE", "Asia/Kolkata");
    let django = Django::start().await;
    let django = django.restart(&[("SITE_USE_TZ", "false"), zone]).await;
    let options = django.successor_sharing_sessions();
    let options = options.setting("django_time_zone", zone.1);
    let site = options.setting("django_use_tz", "false").start().await;
    let database = django.database();
    let (there, here) = (django.client(), site.client());
    let ann = signed_up(&here).await;
    log_in(&here, &ann).await;
    for (column, table, offset) in [
        ("date_joined", "auth_user", "0 days"),
        ("last_login", "auth_user", "0 days"),
        ("expire_date", "django_session", "14 days"),
    ] {
        let far = format!(
            "SELECT abs(strftime('%s', {column}) - strftime('%s', 'now', '+330 minutes', '+{offset}'))
             FROM {table}"
        );
        assert!(database.number(&far) < 600, "{column}");
    }
    follow(&here, &there);
    assert!(there.is_logged_in().await);

    for (ends, is_alive) in [("+1 hours", true), ("-1 hours", false)] {
        let end = format!(
            "UPDATE django_session SET expire_date = datetime('now', '+330 minutes', '{ends}')"
        );
        database.execute(&end);
        assert_eq!(here.is_logged_in().await, is_alive, "{ends}");
        assert_eq!(there.is_logged_in().await, is_alive, "{ends}");
    }
}

#[tokio::test]
async fn sessions_of_other_classes_are_nobodys() {
    let (django, site) = both().await;
    let (there, here) = (django.client(), site.client());
    let ann = signed_up(&here).await;
    let options = django.successor_sharing_sessions();
    let other = options.setting("django_auth_backend", "site.Other");
    let other = other.start().await;
    let elsewhere = other.client();
    log_in(&elsewhere, &ann).await;
    assert!(elsewhere.is_logged_in().await);
    for current_user in [&here, &there] {
        follow(&elsewhere, current_user);
        assert!(!current_user.is_logged_in().await);
    }
    assert!(elsewhere.is_logged_in().await, "it is left as it is");
    // Messages of one database are sent by the first of its sites, and a link is looked for at one.
    other.stop();

    // One that is bound to an older password is removed, as there.
    log_in(&there, &ann).await;
    let link = site.reset_link(&ann.email).await;
    let second = "walnut-Harbour-22";
    site.client().reset(link.url(), second).await.expect(302);
    let count = || {
        django
            .database()
            .number("SELECT count(*) FROM django_session")
    };
    let before = count();
    follow(&there, &here);
    assert!(!here.is_logged_in().await);
    assert_eq!(count(), before - 1);
}
