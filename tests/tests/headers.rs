//! What every answer says to the browser.
#![expect(clippy::panic, reason = "it is how a test fails")]

use phone_auth_tests::{Answer, Site};

const PATHS: [&str; 10] = [
    "/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/profile/",
    "/accounts/password_reset/",
    "/accounts/nowhere/",
    "/accounts/user_verification_confirm/ZW1haWwx/nonsense/",
    "/members/email/",
    "/dev/mailbox/",
    "/accounts/password_reset_confirm/MQ/x/",
];

#[tokio::test]
async fn no_page_can_be_framed() {
    let site = Site::start().await;
    let ann = site.member().await;
    let mailbox = site.mailbox().await;
    for path in PATHS.into_iter().chain([mailbox.as_str()]) {
        for client in [&site.client(), &ann.client] {
            let answer = client.get(path).await;
            assert!(
                policy(&answer).contains("frame-ancestors 'none'"),
                "{path} ({})",
                answer.status
            );
            assert_eq!(
                answer.header("x-frame-options"),
                Some("DENY"),
                "{path} ({})",
                answer.status
            );
        }
    }
}

#[tokio::test]
async fn policy_allows_no_inline_code() {
    let site = Site::start().await;
    let mailbox = site.mailbox().await;
    for path in PATHS.into_iter().chain([mailbox.as_str()]) {
        let answer = site.client().get(path).await;
        let policy = policy(&answer);
        for part in [
            "default-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(
                policy.contains(part),
                "{path} ({}): {policy}",
                answer.status
            );
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{path}: {policy}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert!(answer.header("referrer-policy").is_some(), "{path}");
    }
}

#[tokio::test]
async fn refusals_have_headers_too() {
    let site = Site::start().await;
    let client = site.client();
    let answers = [
        client
            .request("POST", "/accounts/login/")
            .send()
            .await
            .expect(403),
        client
            .request("PUT", "/accounts/login/")
            .same_origin()
            .send()
            .await
            .expect(405),
        client
            .post("/accounts/login/", [("login", "x"), ("password", "y")])
            .await
            .expect(400),
        client
            .post("/accounts/login/", [("login", "x"), ("login", "y")])
            .await
            .expect(400),
        client
            .request("POST", "/accounts/login/")
            .same_origin()
            .raw_form(vec![b'a'; 3_000_000])
            .send()
            .await
            .expect(413),
    ];
    for answer in answers {
        assert!(
            policy(&answer).contains("frame-ancestors 'none'"),
            "{} {}",
            answer.asked,
            answer.status
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{}",
            answer.status
        );
        assert!(
            answer
                .header("cache-control")
                .is_some_and(|it| it.contains("no-store")),
            "{}",
            answer.status
        );
    }
}

fn policy(answer: &Answer) -> &str {
    answer.header("content-security-policy").unwrap_or_default()
}

#[tokio::test]
async fn https_is_remembered() {
    let plain = Site::start().await;
    for path in PATHS {
        assert_eq!(
            plain
                .client()
                .get(path)
                .await
                .header("strict-transport-security"),
            None,
            "{path}"
        );
    }
    let site = Site::options()
        .site_url("https://example.org")
        .without_messages()
        .start()
        .await;
    let client = site.client().through("https://example.org");
    for path in ["/", "/accounts/login/", "/accounts/profile/"] {
        let answer = client.get(path).await;
        let header = answer
            .header("strict-transport-security")
            .unwrap_or_default();
        assert!(
            header.starts_with("max-age=") && !header.contains("max-age=0"),
            "{path}: {header:?}"
        );
    }
}

#[tokio::test]
async fn styles_are_served_and_cached() {
    let site = Site::start().await;
    let page = site
        .client()
        .get("/accounts/login/")
        .await
        .expect(200)
        .page();
    let styles: Vec<String> = page.attributes("link", "href");
    let path = styles.iter().find(|path| path.contains(".css"));
    let path = path.unwrap_or_else(|| panic!("no stylesheet among {styles:?}"));
    let answer = site.client().get(path).await.expect(200);
    assert!(
        answer
            .header("content-type")
            .is_some_and(|it| it.starts_with("text/css"))
    );
    assert!(
        answer
            .header("cache-control")
            .is_some_and(|it| it.contains("max-age"))
    );
    assert!(answer.cookies().is_empty());
    assert!(
        !answer.text().contains("http://") && !answer.text().contains("https://"),
        "it needs no other host"
    );
}

#[tokio::test]
async fn program_keeps_quiet_about_itself() {
    let site = Site::start().await;
    for path in PATHS {
        let answer = site.client().get(path).await;
        assert_eq!(answer.header("server"), None, "{path}");
        assert_eq!(answer.header("x-powered-by"), None, "{path}");
    }
}
