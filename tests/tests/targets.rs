//! Where users and links are sent: never to another site.

use phone_auth_tests::{Site, encode};

const EVIL: [&str; 24] = [
    "//evil.example",
    "///evil.example",
    "////evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "https://evil.example/",
    "http:evil.example",
    "https:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    " //evil.example",
    "/\r\nSet-Cookie: a=b",
    "/%0d%0aSet-Cookie:a",
    "evil.example",
    "//user@evil.example",
    "/\u{0}/evil.example",
    "",
    "/\u{a0}/x\u{7f}",
];

#[tokio::test]
async fn evil_next_leads_home() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    for next in EVIL {
        let path = format!("/accounts/login/?next={}", encode(next));
        let client = site.client();
        let answer = client
            .submit(
                &path,
                [("login", &ann.username), ("password", &ann.password)],
            )
            .await
            .expect(302);
        let location = answer.location();
        let harmless = location == "/accounts/profile/"
            || (next.starts_with("/%0d") && location.starts_with("/%0"));
        assert!(harmless, "{next:?} leads to {location:?}");
        assert!(
            answer.cookies().iter().all(|cookie| cookie.name != "a"),
            "{next:?} sets a cookie"
        );
    }
}

#[tokio::test]
async fn evil_next_in_the_form_leads_home() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    for next in EVIL {
        let fields = [
            ("login", ann.username.as_str()),
            ("password", &ann.password),
            ("next", next),
        ];
        let answer = site
            .client()
            .post("/accounts/login/", fields)
            .await
            .expect(302);
        let location = answer.location();
        assert!(
            location == "/accounts/profile/" || location.starts_with("/%0"),
            "{next:?} leads to {location:?}"
        );
    }
}

#[tokio::test]
async fn evil_next_is_not_shown() {
    let site = Site::start().await;
    for next in [
        "javascript:alert(1)",
        "//evil.example",
        "/\"><script>alert(1)</script>",
    ] {
        let answer = site
            .client()
            .get(&format!("/accounts/login/?next={}", encode(next)))
            .await
            .expect(200);
        assert!(!answer.text().contains("<script"), "{next}");
        let page = answer.page();
        let places = [
            page.attributes("a", "href"),
            page.attributes("form", "action"),
        ]
        .concat();
        let leaves = |place: &String| place.starts_with("//") || place.starts_with("javascript:");
        assert!(!places.iter().any(leaves), "{places:?}");
    }
}

#[tokio::test]
async fn good_next_is_followed() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    for next in [
        "/members/email/",
        "/",
        "/x?a=1&b=%2F%2Fevil.example#c",
        "/päge/",
    ] {
        let path = format!("/accounts/login/?next={}", encode(next));
        let answer = site
            .client()
            .submit(
                &path,
                [("login", &ann.username), ("password", &ann.password)],
            )
            .await
            .expect(302);
        let location = answer.location().replace("%C3%A4", "ä");
        assert_eq!(location, next);
    }
}

#[tokio::test]
async fn endless_next_is_bounded() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    for length in [1_000, 8_000, 60_000] {
        let next = format!("/{}", "a".repeat(length));
        let page = site
            .client()
            .get(&format!("/accounts/login/?next={next}"))
            .await;
        assert!(page.status < 500, "{length}: {}", page.status);
        let fields = [
            ("login", ann.username.as_str()),
            ("password", &ann.password),
            ("next", &next),
        ];
        let answer = site.client().post("/accounts/login/", fields).await;
        assert!(
            [302, 400, 413].contains(&answer.status),
            "{length}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn next_is_ignored_for_members() {
    let site = Site::start().await;
    let ann = site.member().await;
    for next in EVIL {
        let answer = ann
            .client
            .get(&format!("/accounts/login/?next={}", encode(next)))
            .await
            .expect(302);
        assert!(
            answer.location().starts_with("/accounts/profile/")
                || answer.location().starts_with("/%0"),
            "{}",
            answer.location()
        );
    }
}

#[tokio::test]
async fn evil_host_reaches_no_link() {
    let site = Site::start().await;
    let ann = site.member().await;
    let headers = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-server", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-original-url", "http://evil.example/"),
        ("x-host", "evil.example"),
    ];
    let mut sent = 0;
    for (name, value) in headers {
        let request = site
            .client()
            .request("POST", "/accounts/password_reset/")
            .header("sec-fetch-site", "same-origin");
        let answer = request
            .form([("login", &ann.user.email)])
            .header(name, value)
            .send()
            .await;
        // Refusing such a host is as good as not heeding it.
        if answer.status == 302 {
            assert!(
                !answer.location().contains("evil"),
                "{name}: {}",
                answer.location()
            );
            sent += 1;
            let line = site
                .nth_printed("reset_password_email", &ann.user.email, sent)
                .await;
            assert!(!line.payload.to_string().contains("evil"), "{name}");
        } else {
            assert!(
                (400..500).contains(&answer.status),
                "{name}: {}",
                answer.status
            );
        }
        let slash = site
            .client()
            .request("GET", "/accounts/login")
            .header(name, value)
            .send()
            .await;
        assert!(
            !slash
                .header("location")
                .unwrap_or_default()
                .contains("evil"),
            "{name}"
        );
        let guarded = site
            .client()
            .request("GET", "/accounts/profile/")
            .header(name, value)
            .send()
            .await;
        assert!(
            !guarded
                .header("location")
                .unwrap_or_default()
                .contains("evil"),
            "{name}"
        );
    }
    let request = site
        .client()
        .request("GET", &site.mailbox().await)
        .header("host", "evil.example");
    let mailbox = request.send().await;
    assert!(
        !mailbox.text().contains("evil.example"),
        "the mailbox heeds the host"
    );
    let page = site
        .client()
        .request("GET", "/accounts/login/")
        .header("host", "evil.example")
        .send()
        .await;
    assert!(!page.text().contains("evil.example"));
}

#[tokio::test]
async fn forged_proxy_headers_change_nothing() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let client = site.client();
    let fields = [("login", &ann.username), ("password", &ann.password)];
    let request = client
        .request("POST", "/accounts/login/")
        .same_origin()
        .form(fields);
    let request = [
        "x-forwarded-for",
        "x-real-ip",
        "x-forwarded-proto",
        "forwarded",
    ]
    .into_iter()
    .fold(request, |request, name| request.header(name, "https"));
    let answer = request.send().await.expect(302);
    for cookie in answer.cookies() {
        assert_eq!(
            cookie.attribute("secure"),
            None,
            "only the configured site decides: {cookie:?}"
        );
    }
    assert_eq!(answer.header("strict-transport-security"), None);
}

#[tokio::test]
async fn mailbox_links_go_to_the_site() {
    let site = Site::start().await;
    let ann = site.member().await;
    let link = site.verification_link(&ann.client, &ann.user.email).await;
    let page = site.mailbox_with(&link).await.expect(200).page();
    let links = page.attributes("a", "href");
    let absolute = format!("{}{}", site.origin(), link.url());
    assert!(
        links
            .iter()
            .any(|own| own == &absolute || own == link.url()),
        "{links:?}"
    );
}
