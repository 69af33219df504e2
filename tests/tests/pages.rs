//! The pages: paths, fields, words, redirects and status codes, for users logged in and not.
#![expect(clippy::panic, reason = "it is how a test fails")]

use phone_auth_tests::{Answer, Client, Page, Site};

/// Path, status for anyone, status for a user who is logged in.
const PAGES: [(&str, u16, u16); 21] = [
    ("/", 200, 200),
    ("/accounts/signup/", 200, 302),
    ("/accounts/login/", 200, 302),
    ("/accounts/logout/", 200, 200),
    ("/accounts/password_reset/", 200, 200),
    ("/accounts/password_reset_done/", 200, 200),
    ("/accounts/password_reset_complete/", 200, 200),
    ("/accounts/change_password/", 302, 200),
    ("/accounts/change_password_done/", 302, 200),
    ("/accounts/confirm_identity/", 302, 200),
    ("/accounts/close_account/", 302, 200),
    ("/accounts/close_account_done/", 200, 200),
    ("/accounts/export_account/", 302, 200),
    ("/accounts/user_verification/", 302, 200),
    ("/accounts/phone/add/", 302, 200),
    ("/accounts/email/add/", 302, 200),
    ("/accounts/profile/", 302, 200),
    ("/members/email/", 302, 302),
    ("/members/phone/", 302, 302),
    (
        "/accounts/user_verification_confirm/ZW1haWwx/nonsense/",
        400,
        400,
    ),
    ("/accounts/password_reset_confirm/MQ/nonsense/", 400, 400),
];

#[tokio::test]
async fn every_page_is_served() {
    let site = Site::start().await;
    let (anyone, ann) = (site.client(), site.member().await);
    for (path, for_anybody, for_member) in PAGES {
        anyone.get(path).await.expect(for_anybody);
        ann.client.get(path).await.expect(for_member);
    }
}

#[tokio::test]
async fn strangers_are_sent_to_log_in() {
    let site = Site::start().await;
    let client = site.client();
    for path in [
        "/accounts/change_password/",
        "/accounts/change_password_done/",
        "/accounts/confirm_identity/",
        "/accounts/close_account/",
        "/accounts/export_account/",
        "/accounts/user_verification/",
        "/accounts/phone/add/",
        "/accounts/email/add/",
        "/accounts/profile/",
        "/members/email/",
        "/members/phone/",
    ] {
        client
            .get(path)
            .await
            .redirects_to(&format!("/accounts/login/?next={path}"));
    }
}

#[tokio::test]
async fn log_in_leads_to_next() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let client = site.client();
    let asked = client.get("/accounts/change_password/").await;
    let log_in = client.path_of(&asked);
    let answer = client
        .submit(
            &log_in,
            [("login", &ann.username), ("password", &ann.password)],
        )
        .await;
    answer.redirects_to("/accounts/change_password/");
}

#[tokio::test]
async fn failed_log_in_keeps_next() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let client = site.client();
    let log_in = "/accounts/login/?next=/accounts/email/add/";
    let wrong = [
        ("login", ann.username.as_str()),
        ("password", "not-Her-Password-1"),
    ];
    let page = client.submit(log_in, wrong).await.expect(400).page();
    let form = page.form_with(&["login", "password"]);
    let right = [
        ("login".to_owned(), ann.username),
        ("password".to_owned(), ann.password),
    ];
    client
        .send_form(log_in, &form.filled(&right))
        .await
        .redirects_to("/accounts/email/add/");
}

#[tokio::test]
async fn members_leave_anonymous_pages() {
    let site = Site::start().await;
    let ann = site.member().await;
    for path in ["/accounts/signup/", "/accounts/login/"] {
        ann.client
            .get(path)
            .await
            .redirects_to("/accounts/profile/");
    }
    ann.client
        .post("/accounts/signup/", [("login", "x"), ("password", "y")])
        .await
        .expect(409)
        .says("No account was created");
    // A log-in page that waited in another tab asks for the password all the same, and says who is signed in.
    ann.client
        .post("/accounts/login/", [("login", "x"), ("password", "y")])
        .await
        .expect(400)
        .says("You are signed in as");
}

#[tokio::test]
async fn unverified_members_must_verify() {
    let site = Site::start().await;
    let ann = site.member().await;
    for path in ["/members/email/", "/members/phone/"] {
        ann.client.get(path).await.leads_to_verification(path);
    }
    site.verify(&ann.client, &ann.user.email).await;
    ann.client.get("/members/email/").await.expect(200);
    let path = "/members/phone/";
    ann.client.get(path).await.leads_to_verification(path);
    site.verify(&ann.client, &ann.user.phone).await;
    ann.client.get("/members/phone/").await.expect(200);
}

#[tokio::test]
async fn forms_have_the_fields_of_django_phone_auth() {
    let site = Site::start().await;
    let (anyone, ann) = (site.client(), site.member().await);
    let sign_up = [
        "first_name",
        "last_name",
        "username",
        "email",
        "phone",
        "password",
        "confirm_password",
    ];
    check_fields(&anyone, "/accounts/signup/", &sign_up).await;
    check_fields(&anyone, "/accounts/login/", &["login", "password"]).await;
    check_fields(&anyone, "/accounts/password_reset/", &["login"]).await;
    let change = ["old_password", "new_password1", "new_password2"];
    check_fields(&ann.client, "/accounts/change_password/", &change).await;
    check_fields(&ann.client, "/accounts/phone/add/", &["phone"]).await;
    check_fields(&ann.client, "/accounts/email/add/", &["email"]).await;
    let link = site.reset_link(&ann.user.email).await;
    let path = anyone.open_reset_link(link.url()).await;
    assert!(
        path.ends_with(&format!("/{}/set-password/", link.id())),
        "{path}"
    );
    check_fields(&anyone, &path, &["new_password1", "new_password2"]).await;
}

async fn check_fields(client: &Client, path: &str, names: &[&str]) {
    let form = client.get(path).await.expect(200).page().form_with(names);
    assert_eq!(form.visible_names(), names, "{path}");
    assert_eq!(form.method, "post", "{path}");
    for field in form.fields.iter().filter(|field| field.is_visible) {
        let name = &field.name;
        assert!(
            field.label.as_ref().is_some_and(|label| !label.is_empty()),
            "{path}: {name} has no label"
        );
        assert!(
            field.autocomplete.is_some(),
            "{path}: {name} does not say what to fill in"
        );
        assert_eq!(
            field.kind == "password",
            name.contains("password"),
            "{path}: {name}"
        );
        assert_eq!(field.value, "", "{path}: {name}");
        assert!(
            !field.is_invalid,
            "{path}: {name} is wrong before anyone typed"
        );
    }
}

#[tokio::test]
async fn log_out_needs_post() {
    let site = Site::start().await;
    let ann = site.member().await;
    ann.client.get("/accounts/logout/").await.expect(200);
    assert!(ann.client.is_logged_in().await);
    ann.client.log_out().await.redirects_to("/");
    assert!(!ann.client.is_logged_in().await);
    ann.client.log_out().await.redirects_to("/");
}

#[tokio::test]
async fn missing_slash_is_added() {
    let site = Site::start().await;
    let client = site.client();
    for (path, _, _) in PAGES.into_iter().skip(1) {
        let bare = path.trim_end_matches('/');
        let answer = client.get(bare).await;
        assert!(
            [301, 302, 307, 308].contains(&answer.status),
            "{bare}: {}",
            answer.status
        );
        assert_eq!(client.path_of(&answer), path, "{bare}");
    }
    let answer = client
        .get("/accounts/login?next=/accounts/email/add/")
        .await;
    assert_eq!(
        client.path_of(&answer),
        "/accounts/login/?next=/accounts/email/add/"
    );
}

#[tokio::test]
async fn missing_slash_never_leaves() {
    let site = Site::start().await;
    let client = site.client();
    for path in [
        "//evil.example/accounts/login",
        "//evil.example",
        "/\\evil.example/accounts/login",
        "//evil.example/%2e%2e",
    ] {
        let answer = client.get(path).await;
        if let Some(location) = answer.header("location") {
            let leaves = location.starts_with("//")
                || location.starts_with("/\\")
                || location.contains("://");
            assert!(!leaves, "{path} leads to {location}");
        }
    }
}

#[tokio::test]
async fn unknown_page_is_404() {
    let site = Site::start().await;
    for path in [
        "/nowhere/",
        "/accounts/nowhere/",
        "/accounts/login/more/",
        "/accounts/LOGIN/",
        "/accounts/user_verification_confirm/a/b/c/",
        "/members/",
        "/.env",
        "/static/../Cargo.toml",
        "/static/..%2f..%2fCargo.toml",
    ] {
        let answer = site.client().get(path).await;
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[tokio::test]
async fn wrong_method_is_405() {
    let site = Site::start().await;
    let ann = site.member().await;
    for (path, _, _) in PAGES {
        for method in ["PUT", "DELETE", "PATCH"] {
            let answer = ann.client.request(method, path).same_origin().send().await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(
                answer
                    .header("allow")
                    .is_some_and(|allow| allow.contains("GET")),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn head_has_no_body() {
    let site = Site::start().await;
    let client = site.client();
    for (path, status, _) in PAGES {
        let answer = client.head(path).await.expect(status);
        assert!(answer.body.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn verification_says_where_the_message_went() {
    let site = Site::start().await;
    let ann = site.member().await;
    let path = "/accounts/user_verification/";
    for (value, kind) in [
        (&ann.user.email, "email address"),
        (&ann.user.phone, "phone"),
    ] {
        let rows = ann.client.unverified().await;
        let row = rows.iter().find(|row| row.value == *value);
        let Some(row) = row else {
            panic!("{value} is not offered: {rows:?}")
        };
        let fields = [("method", row.method.as_str()), ("pk", row.pk.as_str())];
        let shown = async |answer: Answer| {
            let page = ann.client.path_of(&answer);
            ann.client.get(&page).await.expect(200)
        };
        let sent = ann.client.post(path, fields).await.expect(302);
        let sent = shown(sent).await;
        sent.says(&format!("We sent a message to your {kind}"));
        let link = site.printed(&format!("verify_{}", row.method), value).await;
        site.client()
            .get(link.url())
            .await
            .expect(200)
            .says("Verification successful");
        let again = ann.client.post(path, fields).await.expect(302);
        let again = shown(again).await;
        again.says("is already verified");
    }
    let printed = site.stop().record.printed();
    // Besides, the one is told that the other was verified.
    let links = printed.iter().filter(|it| it.signal.starts_with("verify_"));
    assert_eq!(
        links.count(),
        2,
        "nothing is sent to what is verified: {printed:?}"
    );
}

#[tokio::test]
async fn nobody_verifies_others_addresses() {
    let site = Site::start().await;
    let (ann, mallory) = (site.member().await, site.member().await);
    let path = "/accounts/user_verification/";
    for row in ann.client.unverified().await {
        let answer = mallory
            .client
            .post(path, [("method", &row.method), ("pk", &row.pk)])
            .await;
        assert!(answer.status < 500, "{}", answer.status);
        answer.does_not_say(&row.value);
    }
    for (method, pk) in [
        ("email", "999999"),
        ("email", "0"),
        ("email", "-1"),
        ("email", "1e3"),
        ("email", ""),
        ("email", "99999999999999999999999"),
        ("phone", "x"),
        ("fax", "1"),
        ("", ""),
        ("email", "１"),
    ] {
        let answer = mallory
            .client
            .post(path, [("method", method), ("pk", pk)])
            .await;
        assert!(answer.status < 500, "{method} {pk}: {}", answer.status);
    }
    mallory
        .client
        .post(path, [("method", "email")])
        .await
        .expect(400);
    assert_eq!(site.stop().record.printed(), [], "nothing was sent");
}

#[tokio::test]
async fn pages_are_whole_documents() {
    let site = Site::start().await;
    let (anyone, ann) = (site.client(), site.member().await);
    for (path, _, _) in PAGES {
        check_document(&anyone.get(path).await);
        check_document(&ann.client.get(path).await);
    }
    check_document(&anyone.get("/nowhere/").await);
}

fn check_document(answer: &Answer) {
    if answer.status == 302 {
        return;
    }
    let asked = &answer.asked;
    let text = answer.text();
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8"),
        "{asked}"
    );
    assert!(
        text.trim_start()
            .to_ascii_lowercase()
            .starts_with("<!doctype html>"),
        "{asked}"
    );
    let page = Page::parse(text);
    assert_eq!(page.attributes("html", "lang"), ["en"], "{asked}");
    assert!(
        page.words_of("title")
            .is_some_and(|title| !title.is_empty()),
        "{asked} has no title"
    );
    assert!(
        page.words_of("h1").is_some_and(|title| !title.is_empty()),
        "{asked} has no heading"
    );
    assert!(page.words_of("main").is_some(), "{asked} has no main part");
    let viewport = page
        .attributes("meta", "name")
        .iter()
        .any(|name| name == "viewport");
    assert!(viewport, "{asked} does not fit a phone");
    assert!(
        page.attributes("script", "src").is_empty() && !text.contains("<script"),
        "{asked} needs scripts"
    );
    assert!(
        !text.contains(" style="),
        "{asked} has inline style, which the policy forbids"
    );
    let mut ids: Vec<String> = [
        "input", "p", "div", "span", "ul", "form", "main", "h1", "section",
    ]
    .iter()
    .flat_map(|element| page.attributes(element, "id"))
    .collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "{asked} has an id twice");
}
