//! Links: altered, mixed up, aliased, used twice, opened by machines and by others.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use phone_auth_tests::{Printed, Site, User, secret_file, until};

const NEW: &str = "marble-Cottage-31";

fn verify_path(id: &str, token: &str) -> String {
    format!("/accounts/user_verification_confirm/{id}/{token}/")
}

fn reset_path(id: &str, token: &str) -> String {
    format!("/accounts/password_reset_confirm/{id}/{token}/")
}

/// The time, as links count it.
fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn encoded(id: &str) -> String {
    Base64UrlUnpadded::encode_string(id.as_bytes())
}

#[tokio::test]
async fn altered_verification_token_fails() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    for token in altered(link.token()) {
        site.client()
            .meets_dead_verification(&verify_path(link.id(), &token))
            .await;
    }
    ann.client.get("/members/email/").await.expect(302);
    site.client()
        .get(link.url())
        .await
        .expect(200)
        .says("Verification successful");
}

#[tokio::test]
async fn altered_reset_token_fails() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    for token in altered(link.token()) {
        site.client()
            .meets_dead_reset(&reset_path(link.id(), &token))
            .await;
    }
    site.client()
        .reset(link.url(), NEW)
        .await
        .redirects_to("/accounts/password_reset_complete/");
}

/// The token with each of its characters changed, one shortened, lengthened, in capitals.
fn altered(token: &str) -> Vec<String> {
    let mut all: Vec<String> = (0..token.len())
        .map(|at| {
            let change = |(n, c): (usize, char)| match c {
                c if n != at => c,
                '0' => '1',
                _ => '0',
            };
            token.chars().enumerate().map(change).collect()
        })
        .collect();
    all.push(token.to_uppercase());
    all.push(format!("{token}0"));
    all.push(format!("0{token}"));
    all.push(format!("%20{token}"));
    all.push(token.chars().skip(1).collect());
    all.push(token.chars().take(token.len() - 1).collect());
    all.push(token.replace('-', "--"));
    all.push("-".to_owned());
    all.push("set-password".to_owned());
    all.push("a".repeat(5_000));
    all.push("%00".to_owned());
    all.push("%FF%FE".to_owned());
    all.retain(|it| it != token);
    all
}

#[tokio::test]
async fn mixed_up_links_fail() {
    let site = Site::start().await;
    let (ann, bob) = (site.member().await, site.member().await);
    let client = site.client();
    let User { email, phone, .. } = &ann.user;
    let by_email = site.verification_link(&ann.client, email).await;
    let by_phone = site.verification_link(&ann.client, phone).await;
    let bobs = site.verification_link(&bob.client, &bob.user.email).await;
    let reset = site.reset_link(email).await;
    let bobs_reset = site.reset_link(&bob.user.email).await;
    for (id, token) in [
        (by_email.id(), by_phone.token()),
        (by_phone.id(), by_email.token()),
        (by_email.id(), bobs.token()),
        (bobs.id(), by_email.token()),
        (by_email.id(), reset.token()),
        (by_phone.id(), reset.token()),
        (reset.id(), reset.token()),
        (reset.id(), by_email.token()),
    ] {
        client
            .meets_dead_verification(&verify_path(id, token))
            .await;
    }
    for (id, token) in [
        (reset.id(), by_email.token()),
        (reset.id(), by_phone.token()),
        (reset.id(), bobs_reset.token()),
        (bobs_reset.id(), reset.token()),
        (by_email.id(), by_email.token()),
        (by_email.id(), reset.token()),
    ] {
        client.meets_dead_reset(&reset_path(id, token)).await;
    }
    for member in [&ann, &bob] {
        member.client.get("/members/email/").await.expect(302);
        member.client.get("/members/phone/").await.expect(302);
        site.client()
            .log_in(&member.user.username, &member.user.password)
            .await
            .expect(302);
    }
    for link in [&by_email, &by_phone, &bobs] {
        client
            .get(link.url())
            .await
            .expect(200)
            .says("Verification successful");
    }
}

#[tokio::test]
async fn future_and_forged_tokens_fail() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    let (time, mac) = link.token().split_once('-').unwrap_or_default();
    let later = format!("z{time}-{mac}");
    let old_format = format!("{time}-{}", "0".repeat(32));
    for token in [
        later,
        old_format,
        format!("{time}-"),
        format!("-{mac}"),
        "zzzzzzzzzzzzzzzzzzzzzzzz-0".to_owned(),
    ] {
        site.client()
            .meets_dead_verification(&verify_path(link.id(), &token))
            .await;
    }
}

#[tokio::test]
async fn used_verification_link_changes_nothing() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    site.client()
        .get(link.url())
        .await
        .expect(200)
        .says("Verification successful");
    let before = site.database().dump();
    let again = site.client().get(link.url()).await;
    let words = again.page().words().to_lowercase();
    assert!(words.contains("already verified"), "{words}");
    assert_eq!(site.database().dump(), before);
}

#[tokio::test]
async fn used_link_does_not_verify_again() {
    let site = Site::start().await;
    let ann = site.member().await;
    for (value, table, page) in [
        (
            &ann.user.email,
            "phone_auth_emailaddress",
            "/members/email/",
        ),
        (&ann.user.phone, "phone_auth_phonenumber", "/members/phone/"),
    ] {
        let link = site.verification_link(&ann.client, value).await;
        let opened = site.client().get(link.url()).await.expect(200);
        opened.says("Verification successful");
        ann.client.get(page).await.expect(200);
        // What django-phone-auth's admin pages do to an address that someone complains about.
        let unverify = format!("UPDATE {table} SET is_verified = 0");
        assert_eq!(site.database().execute(&unverify), 1);
        site.client().meets_dead_verification(link.url()).await;
        ann.client.get(page).await.expect(302);
        // A link of the second in which the other was used would be no newer.
        let used = seconds();
        until("the second is over", || async { seconds() > used }).await;
        site.verify(&ann.client, value).await;
        ann.client.get(page).await.expect(200);
    }
}

#[tokio::test]
async fn machines_do_not_use_links_up() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    let reset = site.reset_link(&site.signed_up().await.phone).await;
    for _ in 0..10 {
        for method in ["HEAD", "OPTIONS"] {
            for url in [link.url(), reset.url()] {
                let answer = site.client().request(method, url).send().await;
                assert!(answer.status < 500, "{method}: {}", answer.status);
            }
        }
    }
    ann.client.get("/members/email/").await.expect(302);
    for _ in 0..3 {
        site.client().get(reset.url()).await.expect(302);
    }
    site.client()
        .get(link.url())
        .await
        .expect(200)
        .says("Verification successful");
    let reset = site.client().reset(reset.url(), NEW).await;
    reset.redirects_to("/accounts/password_reset_complete/");
}

#[tokio::test]
async fn click_setting_asks_for_a_click() {
    let site = Site::options()
        .setting("verify_by_click", "true")
        .start()
        .await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    let client = site.client();
    for _ in 0..3 {
        client
            .get(link.url())
            .await
            .expect(200)
            .does_not_say("Verification successful");
        ann.client.get("/members/email/").await.expect(302);
    }
    client
        .submit(link.url(), [("", ""); 0])
        .await
        .expect(200)
        .says("Verification successful");
    ann.client.get("/members/email/").await.expect(200);
}

#[tokio::test]
async fn odd_ids_are_invalid_links() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    let reset = site.reset_link(&ann.user.email).await;
    let row = String::from_utf8(Base64UrlUnpadded::decode_vec(link.id()).unwrap_or_default())
        .unwrap_or_default();
    let number = row.trim_start_matches("email");
    assert_ne!(number, row, "the id says what it is of");
    let aliases = [
        format!("email+{number}"),
        format!("email0{number}"),
        format!("email {number}"),
        format!("Email{number}"),
        format!("email{number} "),
        format!("email{number}_0"),
        "email１".to_owned(),
        format!("phone{number}"),
        "email".to_owned(),
        "email-1".to_owned(),
        "email0".to_owned(),
        "email9223372036854775808".to_owned(),
        "email99999999999999999999999999".to_owned(),
        "email\u{0}1".to_owned(),
        "fax1".to_owned(),
        "日本".to_owned(),
    ];
    for alias in &aliases {
        site.client()
            .meets_dead_verification(&verify_path(&encoded(alias), link.token()))
            .await;
    }
    for id in [
        format!("{}=", link.id()),
        format!("{}%3D%3D", link.id()),
        "%00".into(),
        "%FF".into(),
        "-".into(),
        "_".into(),
        "a".repeat(3_000),
        link.id().to_lowercase(),
        format!("%20{}", link.id()),
    ] {
        site.client()
            .meets_dead_verification(&verify_path(&id, link.token()))
            .await;
        site.client()
            .meets_dead_reset(&reset_path(&id, reset.token()))
            .await;
    }
    for alias in [
        "+1",
        "01",
        " 1",
        "1 ",
        "１",
        "1_0",
        "-1",
        "0",
        "9223372036854775808",
        "1e0",
        "",
        "email1",
    ] {
        let path = reset_path(&encoded(alias), reset.token());
        if !alias.is_empty() {
            site.client().meets_dead_reset(&path).await;
        }
    }
    ann.client.get("/members/email/").await.expect(302);
}

#[tokio::test]
async fn link_of_a_changed_address_fails() {
    let site = Site::start().await;
    for change in [
        "UPDATE phone_auth_emailaddress SET email = 'moved@example.org' WHERE email = '{}'",
        "UPDATE phone_auth_emailaddress SET user_id = (SELECT max(id) FROM auth_user) WHERE email = '{}'",
        "DELETE FROM phone_auth_emailaddress WHERE email = '{}'",
    ] {
        let ann = site.member().await;
        site.signed_up().await;
        let link = site.verification_link(&ann.client, &ann.user.email).await;
        let changed = site
            .database()
            .execute(&change.replace("{}", &ann.user.email));
        assert_eq!(changed, 1, "{change}");
        site.client().meets_dead_verification(link.url()).await;
        let verified = "SELECT count(*) FROM phone_auth_emailaddress WHERE is_verified";
        assert_eq!(site.database().number(verified), 0, "{change}");
        site.database()
            .execute("DELETE FROM phone_auth_emailaddress WHERE email = 'moved@example.org'");
    }
}

#[tokio::test]
async fn links_name_the_account_they_are_for() {
    let site = Site::start().await;
    let (ann, bob) = (site.member().await, site.member().await);
    let reset = site.reset_link(&ann.user.email).await;
    let path = bob.client.open_reset_link(reset.url()).await;
    bob.client
        .get(&path)
        .await
        .expect(200)
        .says(&ann.user.username);
    let link = site.verification_link(&ann.client, &ann.user.phone).await;
    let answer = bob
        .client
        .get(link.url())
        .await
        .expect(200)
        .says("Verification successful");
    answer.says(&ann.user.username);
    ann.client.get("/members/phone/").await.expect(200);
    bob.client.get("/members/phone/").await.expect(302);
}

#[tokio::test]
async fn rotated_key_needs_a_fallback() {
    let first = Site::start().await;
    let (ann, bob) = (first.member().await, first.member().await);
    let link = first.verification_link(&ann.client, &ann.user.email).await;
    let unopened = first.verification_link(&bob.client, &bob.user.email).await;
    first.stop();
    let old = first.folder().join("site.sqlite3.key");
    let new = first.folder().join("new.key");
    secret_file(
        &new,
        "7d0f6a3b9c1e48528a4d6e0b3f2c5a9714e8b06d93c7f1a25e4b8d0c6a7f3912\n",
    );
    let (old, new) = (old.display().to_string(), new.display().to_string());
    let renewed = || Site::options().setting("secret_key_file", &new);
    let second = first
        .restart(renewed().setting("secret_key_fallback_files", &old))
        .await;
    second
        .client()
        .get(link.url())
        .await
        .expect(200)
        .says("Verification successful");
    let fresh = second
        .verification_link(&second.log_in(&ann.user).await.client, &ann.user.phone)
        .await;
    let third = second.restart(renewed()).await;
    third.client().meets_dead_verification(unopened.url()).await;
    third
        .client()
        .get(fresh.url())
        .await
        .expect(200)
        .says("Verification successful");
}

#[tokio::test]
async fn short_lifetime_ends_links() {
    let site = Site::options()
        .setting("reset_email_lifetime", "1 s")
        .setting("verify_email_lifetime", "1 s")
        .start()
        .await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    let by_phone = site.verification_link(&ann.client, &ann.user.phone).await;
    let reset = site.reset_link(&ann.user.email).await;
    let reset_by_phone = site.reset_link(&ann.user.phone).await;
    let client = site.client();
    until("the reset link ends", || async {
        client.get(reset.url()).await.status == 400
    })
    .await;
    client.meets_dead_verification(link.url()).await;
    client.get(reset_by_phone.url()).await.expect(302);
    client
        .get(by_phone.url())
        .await
        .expect(200)
        .says("Verification successful");
}

#[tokio::test]
async fn database_holds_no_token() {
    let site = Site::start().await;
    let ann = site.member().await;
    let links: Vec<Printed> = vec![
        site.verification_link(&ann.client, &ann.user.email).await,
        site.reset_link(&ann.user.phone).await,
    ];
    for link in &links {
        let opened = ann.client.get(link.url()).await;
        assert!(opened.status < 400, "{}", opened.status);
    }
    let session = ann.client.session_cookie().expect("she is logged in").value;
    let dump = site.database().dump();
    for secret in links
        .iter()
        .map(Printed::token)
        .chain([session.as_str(), &ann.user.password])
    {
        assert!(!dump.contains(secret), "the database holds a secret");
    }
}
