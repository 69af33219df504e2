//! Sessions: how they begin, whom they follow, and all that ends them.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use phone_auth_tests::{Kind, OwnDatabase, Site, together, until};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

const PROFILE: &str = "/accounts/profile/";

#[tokio::test]
async fn planted_session_is_replaced() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    for planted in [
        "a".repeat(32),
        "abcdefghijklmnopqrstuvwxyz012345".to_owned(),
        "x".to_owned(),
    ] {
        let victim = site.client();
        victim.plant("sessionid", &planted);
        victim
            .log_in(&ann.username, &ann.password)
            .await
            .expect(302);
        let given = victim.session_cookie().expect("she is logged in").value;
        assert_ne!(given, planted);
        let attacker = site.client();
        attacker.plant("sessionid", &planted);
        assert!(!attacker.is_logged_in().await);
        assert!(victim.is_logged_in().await);
    }
}

#[tokio::test]
async fn every_log_in_is_a_new_session() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let mut values = Vec::new();
    for _ in 0..5 {
        let member = site.log_in(&ann).await;
        values.push(
            member
                .client
                .session_cookie()
                .expect("she is logged in")
                .value,
        );
    }
    assert!(values.iter().all(|value| value.len() >= 32), "{values:?}");
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 5);
}

#[tokio::test]
async fn logged_out_session_is_dead() {
    let site = Site::start().await;
    let ann = site.member().await;
    let thief = ann.client.thief();
    assert!(thief.is_logged_in().await, "until then the copy works");
    ann.client.log_out().await.redirects_to("/");
    assert_eq!(
        ann.client.session_cookie(),
        None,
        "the cookie is taken away"
    );
    assert!(!thief.is_logged_in().await);
    thief
        .post("/accounts/email/add/", [("email", "thief@example.org")])
        .await
        .expect(302);
    assert!(!site.database().dump().contains("thief@example.org"));
}

#[tokio::test]
async fn reset_ends_every_session() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let ann = site.member().await;
        let other = site.log_in(&ann.user).await;
        let link = site.reset_link(&ann.user.email).await;
        other
            .client
            .reset(link.url(), "walnut-Harbour-22")
            .await
            .expect(302);
        assert!(!ann.client.is_logged_in().await);
        assert!(!other.client.is_logged_in().await);
    }
}

#[tokio::test]
async fn change_ends_other_sessions_only() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let (ann, bob) = (site.member().await, site.member().await);
        let others = [site.log_in(&ann.user).await, site.log_in(&ann.user).await];
        let stolen = ann.client.session_cookie().expect("a session");
        let changed = ann
            .client
            .change_password(&ann.user.password, "walnut-Harbour-22")
            .await;
        changed.redirects_to("/accounts/change_password_done/");
        assert!(ann.client.is_logged_in().await);
        let thief = site.client();
        thief.plant(&stolen.name, &stolen.value);
        assert!(!thief.is_logged_in().await);
        assert!(bob.client.is_logged_in().await);
        for other in others {
            assert!(!other.client.is_logged_in().await);
        }
    }
}

#[tokio::test]
async fn failed_change_keeps_everything() {
    let site = Site::start().await;
    let ann = site.member().await;
    let other = site.log_in(&ann.user).await;
    let path = "/accounts/change_password/";
    for (old, first, second, wrong) in [
        (
            "not-Her-Password-1",
            "walnut-Harbour-22",
            "walnut-Harbour-22",
            "old_password",
        ),
        (
            ann.user.password.as_str(),
            "walnut-Harbour-22",
            "walnut-Harbour-23",
            "new_password2",
        ),
        ("", "", "", "old_password"),
    ] {
        let fields = [
            ("old_password", old),
            ("new_password1", first),
            ("new_password2", second),
        ];
        let answer = ann.client.submit(path, fields).await.expect(400);
        let form = answer.page().form_with(&["old_password"]);
        assert!(
            form.the(wrong).is_invalid && form.the(wrong).description.is_some(),
            "{wrong}: {}",
            answer.page().words()
        );
        assert!(
            form.fields
                .iter()
                .all(|field| field.kind != "password" || field.value.is_empty())
        );
        assert!(ann.client.is_logged_in().await && other.client.is_logged_in().await);
    }
    let weak = [
        ("old_password", ann.user.password.as_str()),
        ("new_password1", "12345678"),
        ("new_password2", "12345678"),
    ];
    ann.client.submit(path, weak).await.expect(400);
    site.client()
        .log_in(&ann.user.username, &ann.user.password)
        .await
        .expect(302);
}

#[tokio::test]
async fn disabled_user_is_a_stranger() {
    let site = Site::start().await;
    let ann = site.member().await;
    let sql = format!(
        "UPDATE auth_user SET is_active = 0 WHERE username = '{}'",
        ann.user.username
    );
    assert_eq!(site.database().execute(&sql), 1);
    ann.client
        .get(PROFILE)
        .await
        .redirects_to("/accounts/login/?next=/accounts/profile/");
    site.client()
        .log_in(&ann.user.username, &ann.user.password)
        .await
        .expect(400)
        .says("password don’t match.");
}

#[tokio::test]
async fn deleted_user_is_a_stranger() {
    let site = Site::start().await;
    let ann = site.member().await;
    let database = site.database();
    let id = database.number(&format!(
        "SELECT id FROM auth_user WHERE username = '{}'",
        ann.user.username
    ));
    ann.client.get(PROFILE).await.expect(200);
    for table in ["phone_auth_emailaddress", "phone_auth_phonenumber"] {
        database.execute(&format!("DELETE FROM {table} WHERE user_id = {id}"));
    }
    database.execute("PRAGMA foreign_keys = OFF");
    database.execute(&format!("DELETE FROM auth_user WHERE id = {id}"));
    ann.client.get(PROFILE).await.expect(302);
}

#[tokio::test]
async fn session_cookie_is_kept_close() {
    let site = Site::start().await;
    let ann = site.member().await;
    for cookie in ann.client.cookies() {
        assert_eq!(cookie.attribute("httponly"), Some(""), "{cookie:?}");
        assert_eq!(cookie.attribute("samesite"), Some("Lax"), "{cookie:?}");
        assert_eq!(cookie.attribute("path"), Some("/"), "{cookie:?}");
        assert_eq!(
            cookie.attribute("secure"),
            None,
            "plain http cannot have it: {cookie:?}"
        );
        assert_eq!(cookie.attribute("domain"), None, "{cookie:?}");
    }
    let session = ann.client.session_cookie().expect("she is logged in");
    assert_eq!(session.attribute("max-age"), Some("1209600"));
}

#[tokio::test]
async fn https_cookies_are_secure() {
    let site = Site::options()
        .site_url("https://example.org")
        .without_messages()
        .start()
        .await;
    let ann = site.signed_up_through("https://example.org").await;
    let cookies = ann.client.cookies();
    assert!(ann.client.session_cookie().is_some(), "{cookies:?}");
    for cookie in cookies {
        assert_eq!(cookie.attribute("secure"), Some(""), "{cookie:?}");
        assert_eq!(cookie.attribute("httponly"), Some(""), "{cookie:?}");
        if cookie.name.starts_with("__Host-") {
            assert_eq!(
                (cookie.attribute("path"), cookie.attribute("domain")),
                (Some("/"), None),
                "{cookie:?}"
            );
        }
    }
}

#[tokio::test]
async fn session_ends_with_its_lifetime() {
    let site = Site::options()
        .setting("session_lifetime", "1 s")
        .start()
        .await;
    let ann = site.signed_up().await;
    let client = site.client();
    let answer = client
        .log_in(&ann.username, &ann.password)
        .await
        .expect(302);
    assert!(
        answer
            .cookies()
            .iter()
            .any(|cookie| cookie.attribute("max-age") == Some("1")),
        "{:?}",
        answer.cookies()
    );
    // The client keeps the cookie past its end, as an attacker would.
    until("the session ends", || async {
        !client.is_logged_in().await
    })
    .await;
}

#[tokio::test]
async fn anonymous_visits_write_nothing() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    drop(ann);
    let before = site.database().counts();
    let paths = [
        "/",
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/profile/",
        "/accounts/password_reset/",
        "/accounts/password_reset_confirm/MQ/nonsense/",
        "/accounts/password_reset_confirm/MQ/set-password/",
        "/nowhere/",
    ];
    together((0..20).map(|_| {
        let client = site.client();
        async move {
            for n in 0..500_usize {
                let path = paths.iter().cycle().nth(n).copied().unwrap_or("/");
                assert!(client.get(path).await.status < 500);
            }
        }
    }))
    .await;
    assert_eq!(site.database().counts(), before);
}

#[tokio::test]
async fn opened_links_write_no_row() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let before = site.database().counts();
    for _ in 0..20 {
        site.client().get(link.url()).await.expect(302);
    }
    assert_eq!(site.database().counts(), before);
}

#[tokio::test]
async fn odd_cookies_are_no_session() {
    let site = Site::start().await;
    let ann = site.member().await;
    let value = ann.client.session_cookie().expect("she is logged in").value;
    for cookie in [
        String::new(),
        "a".repeat(4_000),
        "' OR 1=1 --".into(),
        "%00".into(),
        "\"quoted\"".into(),
        value.to_uppercase(),
        format!("{value}a"),
        value.chars().skip(1).collect(),
        "../../etc/passwd".into(),
    ] {
        let answer = site
            .client()
            .request("GET", PROFILE)
            .header("cookie", format!("sessionid={cookie}"))
            .send()
            .await;
        assert_eq!(answer.status, 302, "{cookie}");
    }
    let answer = site
        .client()
        .request("GET", PROFILE)
        .header("cookie", b"sessionid=\xff\xfe; a=\x80")
        .send()
        .await;
    assert_eq!(answer.status, 302);
}

#[tokio::test]
async fn personal_pages_are_not_cached() {
    let site = Site::start().await;
    let ann = site.member().await;
    for path in [
        "/",
        PROFILE,
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/user_verification/",
        "/accounts/change_password/",
        "/accounts/email/add/",
        "/accounts/phone/add/",
        "/accounts/logout/",
        "/accounts/password_reset/",
        "/members/email/",
    ] {
        for client in [&site.client(), &ann.client] {
            let answer = client.get(path).await;
            let cached = answer.header("cache-control").unwrap_or_default();
            assert!(
                cached.contains("no-store"),
                "{path} ({}): {cached:?}",
                answer.status
            );
            let vary = answer.header("vary").unwrap_or_default().to_lowercase();
            assert!(
                vary.contains("cookie"),
                "{path} ({}): vary {vary:?}",
                answer.status
            );
        }
    }
}

#[tokio::test]
async fn password_of_others_ends_sessions() {
    // As `manage.py changepassword` and Django's admin pages do it: one statement beside the site.
    let changes = [
        "UPDATE auth_user SET password = 'pbkdf2_sha256$1000000$salt$hash'",
        "UPDATE auth_user SET password = '!unusable'",
        "UPDATE auth_user SET password = ''",
    ];
    let site = Site::start().await;
    let database = site.database();
    for change in changes {
        let ann = site.member().await;
        let elsewhere = site.log_in(&ann.user).await;
        let old = database.text(&format!(
            "SELECT password FROM auth_user WHERE username = '{}'",
            ann.user.username
        ));
        database.execute(change);
        assert!(!ann.client.is_logged_in().await, "{change}");
        // Not even the same text again makes them live.
        database.execute(&format!("UPDATE auth_user SET password = '{old}'"));
        assert!(!ann.client.is_logged_in().await, "{change}");
        assert!(elsewhere.client.is_logged_in().await, "nobody met it then");
        database.execute(change);
        assert!(!elsewhere.client.is_logged_in().await, "{change}");
    }
}

#[tokio::test]
async fn enabled_again_is_logged_out() {
    let site = Site::start().await;
    let database = site.database();
    let ann = site.member().await;
    for active in ["0", "1"] {
        database.execute(&format!("UPDATE auth_user SET is_active = {active}"));
        assert!(!ann.client.is_logged_in().await, "{active}");
    }
}

/// The hash of `plum-Orchard-1` as Django made it once, and the digest that sessions with it are bound to.
const WEAK: &str =
    "pbkdf2_sha256$1000$salt0123456789salt0123$8BSGtzxC5dwVouuBPiPMLD7JX9sIRqEbRWo+wR9WOQU=";
const WEAK_DIGEST: &str = "da14dd2229b3bf9b34fc0d3474ecf4b9231cc62aad05d58d372c05b102dac8e4";

#[tokio::test]
async fn upgraded_hash_keeps_sessions() {
    let site = Site::start().await;
    let database = site.database();
    let ann = site.member().await;
    database.execute(&format!("UPDATE auth_user SET password = '{WEAK}'"));
    database.execute(&format!(
        "UPDATE phone_auth_session SET password_digest = x'{WEAK_DIGEST}'"
    ));
    let elsewhere = site.client();
    let log_in = elsewhere.log_in(&ann.user.username, "plum-Orchard-1");
    log_in.await.expect(302);
    let hash = database.text("SELECT substr(password, 1, 7) FROM auth_user");
    assert_eq!(hash, "argon2$", "the log-in has replaced it");
    assert!(ann.client.is_logged_in().await && elsewhere.is_logged_in().await);
}
