//! Posts that another site makes a browser send.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use phone_auth_tests::{Client, Form, Member, Request, Site, User};

/// Paths that take posts, with fields that would do something.
fn posts(ann: &Member) -> Vec<(&'static str, Vec<(String, String)>)> {
    let password = ann.user.password.as_str();
    let fields = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    vec![
        ("/accounts/signup/", User::new().fields()),
        (
            "/accounts/login/",
            fields(&[("login", &ann.user.username), ("password", password)]),
        ),
        ("/accounts/logout/", Vec::new()),
        (
            "/accounts/password_reset/",
            fields(&[("login", &ann.user.email)]),
        ),
        (
            "/accounts/change_password/",
            fields(&[
                ("old_password", password),
                ("new_password1", "walnut-Harbour-22"),
                ("new_password2", "walnut-Harbour-22"),
            ]),
        ),
        (
            "/accounts/user_verification/",
            fields(&[("method", "email"), ("pk", "1")]),
        ),
        (
            "/accounts/phone/add/",
            vec![("phone".to_owned(), User::another_phone())],
        ),
        (
            "/accounts/email/add/",
            vec![("email".to_owned(), User::another_email())],
        ),
        (
            "/accounts/password_reset_confirm/MQ/set-password/",
            fields(&[
                ("new_password1", "walnut-Harbour-22"),
                ("new_password2", "walnut-Harbour-22"),
            ]),
        ),
    ]
}

/// What foreign pages make a browser send, and what no page is known to send.
fn foreign(site: &Site, request: Request) -> Vec<(&'static str, Request)> {
    let own = site.origin();
    vec![
        ("nothing at all", request.clone()),
        (
            "a foreign origin",
            request.clone().header("origin", "https://evil.example"),
        ),
        ("a null origin", request.clone().header("origin", "null")),
        ("an empty origin", request.clone().header("origin", "")),
        (
            "another port",
            request.clone().header("origin", "http://127.0.0.1:1"),
        ),
        (
            "another scheme",
            request
                .clone()
                .header("origin", own.replace("http:", "https:")),
        ),
        (
            "an origin as a prefix",
            request
                .clone()
                .header("origin", format!("{own}.evil.example")),
        ),
        (
            "an origin as user",
            request
                .clone()
                .header("origin", format!("http://{}@evil.example", site.host())),
        ),
        (
            "a cross-site fetch",
            request
                .clone()
                .same_origin()
                .header("sec-fetch-site", "cross-site"),
        ),
        (
            "a same-site fetch",
            request
                .clone()
                .same_origin()
                .header("sec-fetch-site", "same-site"),
        ),
        (
            "an unknown fetch",
            request
                .clone()
                .same_origin()
                .header("sec-fetch-site", "whatever"),
        ),
        (
            "a foreign referer",
            request.clone().header("referer", "https://evil.example/"),
        ),
        (
            "a referer that holds us",
            request
                .clone()
                .header("referer", format!("https://evil.example/{own}/")),
        ),
        (
            "a referer without origin",
            request.header("referer", "/accounts/login/"),
        ),
    ]
}

#[tokio::test]
async fn foreign_posts_are_refused() {
    let site = Site::start().await;
    let ann = site.member().await;
    let before = site.database().dump();
    for (path, fields) in posts(&ann) {
        let request = ann.client.request("POST", path).form(fields);
        for (what, request) in foreign(&site, request) {
            let answer = request.send().await;
            assert_eq!(answer.status, 403, "{what} at {path}");
        }
    }
    assert!(ann.client.is_logged_in().await);
    assert_eq!(site.database().dump(), before);
    assert_eq!(site.stop().record.printed(), []);
}

#[tokio::test]
async fn own_pages_may_post() {
    let site = Site::start().await;
    let origin = site.origin().to_owned();
    for headers in [
        vec![("origin", origin.clone())],
        vec![("sec-fetch-site", "same-origin".to_owned())],
        vec![
            ("sec-fetch-site", "same-origin".to_owned()),
            ("origin", origin.clone()),
        ],
        vec![("sec-fetch-site", "none".to_owned())],
        vec![("referer", format!("{origin}/accounts/signup/"))],
    ] {
        let mut request = site
            .client()
            .request("POST", "/accounts/signup/")
            .form(User::new().fields());
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let answer = request.send().await;
        assert_eq!(answer.status, 302, "{headers:?}");
    }
}

/// The sign-up form with someone typed in.
async fn filled_form(client: &Client) -> Form {
    let page = client.get("/accounts/signup/").await.expect(200).page();
    page.form_with(&["first_name"])
        .filled(&User::new().fields())
}

#[tokio::test]
async fn token_stands_in_for_headers() {
    let site = Site::start().await;
    let client = site.client();
    let form = filled_form(&client).await;
    assert!(
        form.field("csrfmiddlewaretoken").is_some(),
        "the form has a token"
    );
    let sent = client
        .request("POST", "/accounts/signup/")
        .form(form.values())
        .send()
        .await;
    sent.redirects_to("/accounts/login/?notice=signed-up");
}

#[tokio::test]
async fn wrong_token_is_refused() {
    let site = Site::start().await;
    let client = site.client();
    let form = filled_form(&client).await;
    let token = form.the("csrfmiddlewaretoken").value.clone();
    let others = filled_form(&site.client())
        .await
        .the("csrfmiddlewaretoken")
        .value
        .clone();
    let flipped: String = token.chars().rev().collect();
    let shorter: String = token.chars().skip(1).collect();
    for wrong in [
        "",
        "x",
        &others,
        &flipped,
        &shorter,
        &token.repeat(2),
        &"0".repeat(token.len()),
    ] {
        if wrong == token {
            continue;
        }
        let fields = form
            .clone()
            .filled(&[("csrfmiddlewaretoken".to_owned(), wrong.to_owned())]);
        let answer = client
            .request("POST", "/accounts/signup/")
            .form(fields.values())
            .send()
            .await;
        assert_eq!(answer.status, 403, "{wrong}");
    }
    // A neighbour on the same domain can plant a cookie, but not one that fits a token he knows.
    let victim = site.client();
    victim.plant("csrftoken", &token);
    let answer = victim
        .request("POST", "/accounts/signup/")
        .form([("csrfmiddlewaretoken", &token)])
        .send()
        .await;
    assert_eq!(answer.status, 403);
    client.forget("csrftoken");
    let answer = client
        .request("POST", "/accounts/signup/")
        .form(form.values())
        .send()
        .await;
    assert_eq!(answer.status, 403, "without the cookie");
}

#[tokio::test]
async fn right_token_does_not_excuse_origin() {
    let site = Site::start().await;
    let client = site.client();
    let form = filled_form(&client).await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("referer", "https://evil.example/"),
    ] {
        let request = client
            .request("POST", "/accounts/signup/")
            .form(form.values());
        let answer = request.header(name, value).send().await;
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
    // It says nothing, so the token speaks.
    let request = client
        .request("POST", "/accounts/signup/")
        .form(form.values());
    let answer = request.header("origin", "null").send().await;
    assert_eq!(answer.status, 302);
}

#[tokio::test]
async fn token_of_before_log_in_ends() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let client = site.client();
    let form = client
        .get("/accounts/login/")
        .await
        .expect(200)
        .page()
        .form_with(&["login"]);
    let thief = client.thief();
    client
        .log_in(&ann.username, &ann.password)
        .await
        .expect(302);
    // What was planted before log-in must not speak for the session after it.
    let old = form.the("csrfmiddlewaretoken").value.clone();
    let cookies = client.session_cookie().expect("she is logged in");
    thief.plant(&cookies.name, &cookies.value);
    let answer = thief
        .request("POST", "/accounts/logout/")
        .form([("csrfmiddlewaretoken", &old)])
        .send()
        .await;
    assert_eq!(answer.status, 403);
    assert!(client.is_logged_in().await);
}

#[tokio::test]
async fn configured_site_may_post() {
    let site = Site::options()
        .site_url("https://example.org")
        .without_messages()
        .start()
        .await;
    let post = |origin: &str, host: &str| {
        let request = site
            .client()
            .request("POST", "/accounts/signup/")
            .form(User::new().fields());
        request.header("origin", origin).header("host", host).send()
    };
    post("https://example.org", "example.org").await.expect(302);
    post("https://example.org", "backend.internal:8000")
        .await
        .expect(302);
    post("http://example.org", "example.org").await.expect(403);
    post("https://evil.example", "example.org")
        .await
        .expect(403);
    post("https://example.org.evil.example", "example.org")
        .await
        .expect(403);
    post("https://example.org:8443", "example.org")
        .await
        .expect(403);
    // A foreign name that leads here is not the site because the request says so twice.
    for name in ["evil.example", "localhost", "127.0.0.1:8000"] {
        post(&format!("https://{name}"), name).await.expect(403);
    }
}

#[tokio::test]
async fn trusted_origin_may_post() {
    let site = Site::options()
        .site_url("https://example.org")
        .without_messages()
        .setting(
            "trusted_origins",
            "https://app.example.org, https://shop.example:8443",
        )
        .start()
        .await;
    for (origin, status) in [
        ("https://app.example.org", 302),
        ("https://shop.example:8443", 302),
        ("https://shop.example", 403),
        ("https://other.example.org", 403),
    ] {
        let request = site.client().request("POST", "/accounts/signup/");
        let request = request.form(User::new().fields()).header("origin", origin);
        assert_eq!(request.send().await.status, status, "{origin}");
    }
}
