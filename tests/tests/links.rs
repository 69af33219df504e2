//! Links: used twice, mixed up, altered, aliased, stale, opened by machines and by others.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use phone_auth_tests::{Client, Person, Printed, Site, until};

const NEW: &str = "marble-Cottage-31";

fn verify_path(id: &str, token: &str) -> String {
    format!("/accounts/user_verification_confirm/{id}/{token}/")
}

fn reset_path(id: &str, token: &str) -> String {
    format!("/accounts/password_reset_confirm/{id}/{token}/")
}

fn encoded(id: &str) -> String {
    Base64UrlUnpadded::encode_string(id.as_bytes())
}

/// A reset link that is not valid gets a page that says so and offers another.
async fn check_dead_reset(client: &Client, path: &str) {
    let mut answer = client.get(path).await;
    // A cleaning redirect is fine; a form at its end is not.
    if answer.status == 302 {
        answer = client.get(&client.path_of(&answer)).await;
    }
    let answer = answer.expect(400);
    let page = answer.page();
    let forms = page.forms();
    assert!(
        forms
            .iter()
            .all(|form| form.field("new_password1").is_none()),
        "{path} shows a form"
    );
    let links = page.attributes("a", "href");
    assert!(
        links.iter().any(|link| link == "/accounts/password_reset/"),
        "{path} offers no new link"
    );
}

async fn check_dead_verification(client: &Client, path: &str) {
    client
        .get(path)
        .await
        .expect(400)
        .says("Verification failed");
}

#[tokio::test]
async fn altered_verification_token_fails() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.person.email).await;
    for token in altered(link.token()) {
        check_dead_verification(&site.client(), &verify_path(link.id(), &token)).await;
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
        check_dead_reset(&site.client(), &reset_path(link.id(), &token)).await;
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
                '-' => '0',
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
    let Person { email, phone, .. } = &ann.person;
    let by_email = site.verification_link(&ann.client, email).await;
    let by_phone = site.verification_link(&ann.client, phone).await;
    let bobs = site.verification_link(&bob.client, &bob.person.email).await;
    let reset = site.reset_link(email).await;
    let bobs_reset = site.reset_link(&bob.person.email).await;
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
        check_dead_verification(&client, &verify_path(id, token)).await;
    }
    for (id, token) in [
        (reset.id(), by_email.token()),
        (reset.id(), by_phone.token()),
        (reset.id(), bobs_reset.token()),
        (bobs_reset.id(), reset.token()),
        (by_email.id(), by_email.token()),
        (by_email.id(), reset.token()),
    ] {
        check_dead_reset(&client, &reset_path(id, token)).await;
    }
    for member in [&ann, &bob] {
        member.client.get("/members/email/").await.expect(302);
        member.client.get("/members/phone/").await.expect(302);
        site.client()
            .log_in(&member.person.username, &member.person.password)
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
    let link = site.verification_link(&ann.client, &ann.person.email).await;
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
        check_dead_verification(&site.client(), &verify_path(link.id(), &token)).await;
    }
}

#[tokio::test]
async fn used_reset_link_fails() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.phone).await;
    let client = site.client();
    let form = client.open_reset_link(link.url()).await;
    let page = client.get(&form).await.expect(200).page();
    client
        .reset(link.url(), NEW)
        .await
        .redirects_to("/accounts/password_reset_complete/");
    check_dead_reset(&client, link.url()).await;
    check_dead_reset(&site.client(), link.url()).await;
    check_dead_reset(&client, &form).await;
    let filled = [
        ("new_password1".to_owned(), "other-Words-99".to_owned()),
        ("new_password2".to_owned(), "other-Words-99".to_owned()),
    ];
    let again = page.form_with(&["new_password1"]).filled(&filled);
    client.send_form(&form, &again).await.expect(400);
    site.client().log_in(&ann.username, NEW).await.expect(302);
}

#[tokio::test]
async fn used_verification_link_changes_nothing() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.person.email).await;
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
async fn change_of_password_ends_reset_links() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.reset_link(&ann.person.email).await;
    ann.client
        .change_password(&ann.person.password, NEW)
        .await
        .expect(302);
    check_dead_reset(&site.client(), link.url()).await;
}

#[tokio::test]
async fn log_in_ends_reset_links() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    site.log_in(&ann).await;
    check_dead_reset(&site.client(), link.url()).await;
}

#[tokio::test]
async fn disabled_person_cannot_reset() {
    let site = Site::start().await;
    let (ann, bob) = (site.signed_up().await, site.signed_up().await);
    let link = site.reset_link(&ann.email).await;
    let sql = format!(
        "UPDATE auth_user SET is_active = 0 WHERE username = '{}'",
        ann.username
    );
    assert_eq!(site.database().execute(&sql), 1);
    check_dead_reset(&site.client(), link.url()).await;
    site.client()
        .ask_reset(&ann.email)
        .await
        .redirects_to("/accounts/password_reset_done/");
    site.client()
        .log_in(&ann.username, &ann.password)
        .await
        .expect(400)
        .says("Invalid Credentials");
    site.reset_link(&bob.email).await;
    let printed = site.stop().record.printed();
    assert_eq!(
        printed.len(),
        2,
        "the disabled person got one before, and none after: {printed:?}"
    );
}

#[tokio::test]
async fn unusable_password_gets_no_reset() {
    let site = Site::start().await;
    let (ann, bob) = (site.signed_up().await, site.signed_up().await);
    let sql = format!(
        "UPDATE auth_user SET password = '!unusable' WHERE username = '{}'",
        ann.username
    );
    assert_eq!(site.database().execute(&sql), 1);
    site.client()
        .ask_reset(&ann.email)
        .await
        .redirects_to("/accounts/password_reset_done/");
    site.client()
        .log_in(&ann.username, &ann.password)
        .await
        .expect(400)
        .says("Invalid Credentials");
    site.client()
        .log_in(&ann.username, "!unusable")
        .await
        .expect(400);
    site.reset_link(&bob.email).await;
    assert_eq!(site.stop().record.printed().len(), 1);
}

#[tokio::test]
async fn nobody_else_gets_a_reset() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let client = site.client();
    for login in [
        "nobody@example.org",
        "+919876599999",
        "nobody",
        &ann.username,
        "'; --",
        "%",
        "*@*",
    ] {
        client
            .ask_reset(login)
            .await
            .redirects_to("/accounts/password_reset_done/");
    }
    client
        .post("/accounts/password_reset/", [("login", "")])
        .await
        .expect(400);
    let known = client.ask_reset(&ann.email).await;
    let unknown = client.ask_reset("nobody@example.org").await;
    assert_eq!(
        (known.status, &known.body, known.location()),
        (unknown.status, &unknown.body, unknown.location())
    );
    let printed = site.stop().record.printed();
    assert_eq!(printed.len(), 1, "{printed:?}");
}

#[tokio::test]
async fn machines_do_not_use_links_up() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.person.email).await;
    let reset = site.reset_link(&ann.person.phone).await;
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
    let link = site.verification_link(&ann.client, &ann.person.email).await;
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
async fn reset_token_leaves_the_address_bar() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let client = site.client();
    let answer = client.get(link.url()).await.expect(302);
    let location = answer.location();
    assert_eq!(location, reset_path(link.id(), "set-password"));
    let form = client.get(location).await.expect(200);
    assert!(
        !form.text().contains(link.token()),
        "the page holds the token"
    );
    for answer in [&answer, &form] {
        let policy = answer.header("referrer-policy").unwrap_or_default();
        assert!(
            ["no-referrer", "same-origin"].contains(&policy),
            "{}: {policy:?}",
            answer.asked
        );
        assert!(
            answer
                .header("cache-control")
                .is_some_and(|it| it.contains("no-store")),
            "{}",
            answer.asked
        );
    }
    check_dead_reset(&site.client(), location).await;
}

#[tokio::test]
async fn reset_cookie_is_kept_close() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let client = site.client();
    let opened = client.get(link.url()).await.expect(302);
    for cookie in opened.cookies() {
        assert_eq!(cookie.attribute("httponly"), Some(""), "{cookie:?}");
        if cookie.value.contains(link.token()) {
            assert!(
                cookie
                    .path()
                    .starts_with("/accounts/password_reset_confirm/"),
                "{cookie:?}"
            );
        }
    }
    client.reset(link.url(), NEW).await.expect(302);
    let left = client.cookies();
    assert!(
        left.iter()
            .all(|cookie| !cookie.value.contains(link.token())),
        "{left:?}"
    );
}

#[tokio::test]
async fn odd_ids_are_invalid_links() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.person.email).await;
    let reset = site.reset_link(&ann.person.email).await;
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
        check_dead_verification(&site.client(), &verify_path(&encoded(alias), link.token())).await;
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
        check_dead_verification(&site.client(), &verify_path(&id, link.token())).await;
        check_dead_reset(&site.client(), &reset_path(&id, reset.token())).await;
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
            check_dead_reset(&site.client(), &path).await;
        }
    }
    ann.client.get("/members/email/").await.expect(302);
}

#[tokio::test]
async fn two_reset_links_share_a_browser() {
    let site = Site::start().await;
    let (ann, bob) = (site.signed_up().await, site.signed_up().await);
    let links = [
        site.reset_link(&ann.email).await,
        site.reset_link(&bob.email).await,
    ];
    let client = site.client();
    let mut forms = Vec::new();
    for link in &links {
        forms.push(client.open_reset_link(link.url()).await);
    }
    for (form, (person, other)) in forms.iter().zip([(&ann, &bob), (&bob, &ann)]) {
        let page = client.get(form).await.expect(200).says(&person.username);
        page.does_not_say(&other.username);
        let password = format!("{NEW}-{}", person.username);
        let fields = [("new_password1", &password), ("new_password2", &password)];
        let answer = client.submit(form, fields).await;
        answer.redirects_to("/accounts/password_reset_complete/");
        site.client()
            .log_in(&person.email, &password)
            .await
            .expect(302);
    }
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
        let link = site.verification_link(&ann.client, &ann.person.email).await;
        let changed = site
            .database()
            .execute(&change.replace("{}", &ann.person.email));
        assert_eq!(changed, 1, "{change}");
        check_dead_verification(&site.client(), link.url()).await;
        let verified = "SELECT count(*) FROM phone_auth_emailaddress WHERE is_verified";
        assert_eq!(site.database().number(verified), 0, "{change}");
        site.database()
            .execute("DELETE FROM phone_auth_emailaddress WHERE email = 'moved@example.org'");
    }
}

#[tokio::test]
async fn stale_reset_form_says_so() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let client = site.client();
    let path = client.open_reset_link(link.url()).await;
    let form = client
        .get(&path)
        .await
        .expect(200)
        .page()
        .form_with(&["new_password1"]);
    site.log_in(&ann).await;
    let filled = form
        .filled(&["new_password1", "new_password2"].map(|name| (name.to_owned(), NEW.to_owned())));
    let answer = client.send_form(&path, &filled).await.expect(400);
    let links = answer.page().attributes("a", "href");
    assert!(
        links.iter().any(|link| link == "/accounts/password_reset/"),
        "{}",
        answer.page().words()
    );
    site.client().log_in(&ann.username, NEW).await.expect(400);
}

#[tokio::test]
async fn reset_form_tells_what_is_wrong() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let client = site.client();
    let path = client.open_reset_link(link.url()).await;
    for (first, second, wrong) in [
        ("", "", "new_password1"),
        ("12345678", "12345678", "new_password2"),
        (NEW, "marble-Cottage-32", "new_password2"),
    ] {
        let fields = [("new_password1", first), ("new_password2", second)];
        let answer = client.submit(&path, fields).await.expect(400);
        let form = answer.page().form_with(&["new_password1"]);
        let told = form
            .fields
            .iter()
            .any(|field| field.is_invalid && field.description.is_some());
        assert!(told, "{wrong}: {}", answer.page().words());
    }
    client
        .log_in(&ann.username, &ann.password)
        .await
        .expect(302);
}

#[tokio::test]
async fn links_name_the_account_they_are_for() {
    let site = Site::start().await;
    let (ann, bob) = (site.member().await, site.member().await);
    let reset = site.reset_link(&ann.person.email).await;
    let path = bob.client.open_reset_link(reset.url()).await;
    bob.client
        .get(&path)
        .await
        .expect(200)
        .says(&ann.person.username);
    let link = site.verification_link(&ann.client, &ann.person.phone).await;
    let answer = bob
        .client
        .get(link.url())
        .await
        .expect(200)
        .says("Verification successful");
    answer.says(&ann.person.username);
    ann.client.get("/members/phone/").await.expect(200);
    bob.client.get("/members/phone/").await.expect(302);
}

#[tokio::test]
async fn rotated_key_needs_a_fallback() {
    let first = Site::start().await;
    let ann = first.member().await;
    let link = first
        .verification_link(&ann.client, &ann.person.email)
        .await;
    let key = first.folder().join("site.sqlite3.key");
    let old = first.folder().join("old.key");
    first.stop();
    std::fs::rename(key, &old).expect("the key lies beside the database");
    let second = first.restart(Site::options()).await;
    check_dead_verification(&second.client(), link.url()).await;
    let old = old.display().to_string();
    let third = second
        .restart(Site::options().setting("secret_key_fallback_files", &old))
        .await;
    third
        .client()
        .get(link.url())
        .await
        .expect(200)
        .says("Verification successful");
    let fresh = third
        .verification_link(&third.log_in(&ann.person).await.client, &ann.person.phone)
        .await;
    let fourth = third.restart(Site::options()).await;
    fourth
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
    let link = site.verification_link(&ann.client, &ann.person.email).await;
    let by_phone = site.verification_link(&ann.client, &ann.person.phone).await;
    let reset = site.reset_link(&ann.person.email).await;
    let reset_by_phone = site.reset_link(&ann.person.phone).await;
    let client = site.client();
    until("the reset link ends", || async {
        client.get(reset.url()).await.status == 400
    })
    .await;
    check_dead_verification(&client, link.url()).await;
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
        site.verification_link(&ann.client, &ann.person.email).await,
        site.reset_link(&ann.person.phone).await,
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
        .chain([session.as_str(), &ann.person.password])
    {
        assert!(!dump.contains(secret), "the database holds a secret");
    }
}
