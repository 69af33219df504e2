//! Odd input in every field: look-alikes, control characters, floods, broken encodings.

use phone_auth_tests::{Client, Kind, Member, OwnDatabase, Raw, Site, User, changed};

/// Texts that break programs.
fn odd() -> Vec<String> {
    [
        "\u{0}",
        "a\u{0}b",
        "\r\n",
        "a\r\nSet-Cookie: x=y",
        "\u{202e}gpj.exe",
        "\u{200b}",
        "\u{feff}ann",
        "\u{2028}",
        "\u{1b}[31mred",
        "\u{7f}",
        "'",
        "\"",
        "';--",
        "' OR '1'='1",
        "<script>alert(1)</script>",
        "{{7919*7907}}",
        "{% raw %}",
        "${jndi:ldap://x}",
        "%00",
        "%s%s%n",
        "..",
        "../../etc/passwd",
        "\\",
        "🌷",
        "Z\u{351}\u{36b}\u{343}",
        "ﷺ",
        "ＡＮＮ",
        "null",
        "undefined",
        "NaN",
        "-1",
        "0",
        "99999999999999999999",
        "1e309",
        "true",
        "[]",
        "{}",
        "+",
        "@",
        ".;phone-context=",
        "+dwPAA;phone-context=AA",
        ";phone-context=+1",
        "tel:+1;isub=",
        "+1 (",
        "\u{ff0b}919876543210",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([255, 256, 1_000, 10_000].map(|length| "a".repeat(length)))
    .chain([300, 2_000].map(|length| "ä".repeat(length)))
    .chain([
        "@".repeat(300),
        "+".repeat(300),
        "1".repeat(300),
        ".".repeat(300),
        " ".repeat(300),
    ])
    .collect()
}

#[tokio::test]
async fn odd_sign_ups_never_break() {
    let site = Site::start().await;
    let names: Vec<String> = User::new()
        .fields()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for text in odd() {
        for name in &names {
            let fields = changed(User::new().fields(), name, &text);
            check(&site.client(), "/accounts/signup/", fields, &text).await;
        }
    }
    assert!(site.client().get("/").await.status == 200);
}

#[tokio::test]
async fn odd_fields_never_break() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let options = database.site().setting("login_by_code", "true");
        odd_fields_are_answered(kind, options.start().await).await;
    }
}

async fn odd_fields_are_answered(kind: Kind, site: Site) {
    let ann = site.member().await;
    let Member { client, user, .. } = &ann;
    let waits = site.client();
    for path in ["/accounts/password_reset/", "/accounts/login_code/"] {
        let asked = waits.submit(path, [("login", "nobody@example.org")]).await;
        asked.expect(302);
    }
    for text in odd() {
        let text = text.as_str();
        let password = user.password.as_str();
        let anyone = site.client();
        check(
            &anyone,
            "/accounts/login/",
            [("login", text), ("password", password)],
            text,
        )
        .await;
        check(
            &anyone,
            "/accounts/password_reset/",
            [("login", text)],
            text,
        )
        .await;
        check(client, "/accounts/email/add/", [("email", text)], text).await;
        check(client, "/accounts/phone/add/", [("phone", text)], text).await;
        check(
            client,
            "/accounts/user_verification/",
            [("method", text), ("pk", "1")],
            text,
        )
        .await;
        check(
            client,
            "/accounts/user_verification/",
            [("method", "email"), ("pk", text)],
            text,
        )
        .await;
        if kind == Kind::Sqlite {
            // No database sees a password.
            check(
                &anyone,
                "/accounts/login/",
                [("login", user.username.as_str()), ("password", text)],
                text,
            )
            .await;
            check(
                client,
                "/accounts/change_password/",
                [
                    ("old_password", text),
                    ("new_password1", text),
                    ("new_password2", text),
                ],
                text,
            )
            .await;
        }
        check(&anyone, "/accounts/login/", [(text, "x")], text).await;
        check(&anyone, "/accounts/login_code/", [("login", text)], text).await;
        for path in [
            "/accounts/password_reset_done/",
            "/accounts/login_code_done/",
        ] {
            check(&waits, path, [("code", text)], text).await;
        }
        let another = [("resend", text), ("channel", text)];
        check(&waits, "/accounts/login_code_done/", another, text).await;
        check(
            client,
            "/accounts/user_verification/",
            [("code", text)],
            text,
        )
        .await;
    }
    assert!(client.is_logged_in().await);
    assert_eq!(
        site.stop().record.printed(),
        [],
        "nothing of it is anyone's address"
    );
}

/// Whatever is typed, the answer is the site's own and nothing runs in it.
async fn check<N: Into<String>, V: Into<String>>(
    client: &Client,
    path: &str,
    fields: impl IntoIterator<Item = (N, V)>,
    text: &str,
) {
    let answer = client.post(path, fields).await;
    assert!(
        answer.status < 500,
        "{} for {text:?} at {path}",
        answer.status
    );
    assert!(!answer.text().contains("<script>alert"), "{path}");
    // A number that stands on no page by chance, as part of a port or of a token.
    assert!(!answer.text().contains("62615533"), "{path} runs templates");
    assert!(
        answer.cookies().iter().all(|cookie| cookie.name != "x"),
        "{path}"
    );
}

#[tokio::test]
async fn control_characters_are_refused() {
    let site = Site::start().await;
    let before = site.database().counts();
    for text in [
        "Ann\u{0}",
        "Ann\r\nBcc: x",
        "An\u{202e}n",
        "Ann\u{1b}[31m",
        "An\u{2066}n",
    ] {
        for name in ["first_name", "last_name", "username", "email", "phone"] {
            let value = if name == "email" {
                format!("{text}@example.org")
            } else {
                text.to_owned()
            };
            let fields = changed(User::new().fields(), name, &value);
            let answer = site.client().post("/accounts/signup/", fields).await;
            assert_eq!(answer.status, 400, "{text:?} in {name}");
        }
    }
    assert_eq!(site.database().counts(), before);
    for password in ["plum-Orchard\u{0}-7", "plum-Orchard\r\n-7"] {
        let user = User {
            password: password.to_owned(),
            ..User::new()
        };
        let status = site.client().sign_up(&user).await.status;
        assert!(status == 400 || status == 302, "{password:?}: {status}");
        if status == 302 {
            site.client()
                .log_in(&user.username, password)
                .await
                .expect(302);
        }
    }
}

#[tokio::test]
async fn look_alikes_match_nobody() {
    let site = Site::start().await;
    let mike = User {
        username: "mike".into(),
        email: "mike@kiss-site.example".into(),
        ..User::new()
    };
    site.client()
        .sign_up(&mike)
        .await
        .redirects_to("/accounts/login/?notice=signed-up");
    for alike in [
        "m\u{131}ke@kiss-site.example",
        "mike@ki\u{17f}s-site.example",
        "mi\u{212a}e@kiss-site.example",
        "MİKE@kiss-site.example",
        "mike@\u{212a}iss-site.example",
        "mike@kiss-s\u{131}te.example",
        "mıke",
        "mi\u{212a}e",
        "ｍｉｋｅ",
        "m\u{456}ke@kiss-site.example",
        "mike\u{200d}@kiss-site.example",
        "mike@kiss\u{ad}-site.example.",
        "mike@kiss-site.example\u{0}",
    ] {
        let entered = site.client().log_in(alike, &mike.password).await;
        assert_eq!(entered.status, 400, "{alike}");
        let asked = site
            .client()
            .post("/accounts/password_reset/", [("login", alike)])
            .await;
        assert!(
            asked.status == 302 || asked.status == 400,
            "{alike}: {}",
            asked.status
        );
    }
    // The Kelvin sign in a domain is mapped by IDNA; what is reached then is mike's own address.
    let printed = site.stop().record.printed();
    for line in &printed {
        assert_eq!(
            line.destination(),
            mike.email,
            "sent only to what is stored"
        );
    }
}

#[tokio::test]
async fn fake_punycode_is_refused() {
    let site = Site::start().await;
    for email in [
        "ann@xn--example-.org",
        "ann@xn--abc.example",
        "ann@xn--.example",
        "ann@xn--a.example",
        "ann@xn--zz99999zz.example",
    ] {
        let fields = changed(User::new().fields(), "email", email);
        let answer = site.client().post("/accounts/signup/", fields).await;
        assert_eq!(answer.status, 400, "{email}");
    }
}

#[tokio::test]
async fn international_domain_has_one_form() {
    let site = Site::start().await;
    let ann = User {
        email: "ann@bücher.example".into(),
        ..User::new()
    };
    site.client()
        .sign_up(&ann)
        .await
        .redirects_to("/accounts/login/?notice=signed-up");
    let fields = changed(User::new().fields(), "email", "Ann@XN--BCHER-KVA.example");
    site.client()
        .post("/accounts/signup/", fields)
        .await
        .expect(400)
        .says("This email address is already in use");
    site.client()
        .log_in("ANN@BÜCHER.example", &ann.password)
        .await
        .expect(302);
    site.client()
        .ask_reset("ann@bücher.example")
        .await
        .expect(302);
    let line = site
        .printed("reset_password_email", "ann@xn--bcher-kva.example")
        .await;
    assert_eq!(line.username(), ann.username);
}

#[tokio::test]
async fn repeated_fields_are_refused() {
    let site = Site::start().await;
    let ann = site.member().await;
    let fields = [
        ("login", &ann.user.username),
        ("password", &ann.user.password),
        ("password", &ann.user.password),
    ];
    site.client()
        .post("/accounts/login/", fields)
        .await
        .expect(400);
    let mut twice = User::new().fields();
    twice.push(("email".into(), User::another_email()));
    let before = site.database().counts();
    site.client()
        .post("/accounts/signup/", twice)
        .await
        .expect(400);
    ann.client
        .post(
            "/accounts/email/add/",
            [("email", "a@example.org"), ("email", "b@example.org")],
        )
        .await
        .expect(400);
    ann.client
        .post(
            "/accounts/logout/",
            [("csrfmiddlewaretoken", "a"), ("csrfmiddlewaretoken", "b")],
        )
        .await
        .expect(400);
    assert_eq!(site.database().counts(), before);
    assert!(ann.client.is_logged_in().await);
}

#[tokio::test]
async fn large_bodies_are_refused_early() {
    let site = Site::start().await;
    for path in [
        "/accounts/signup/",
        "/accounts/login/",
        "/accounts/logout/",
        "/accounts/password_reset/",
    ] {
        let body = format!("login={}", "a".repeat(3_000_000));
        site.client()
            .request("POST", path)
            .same_origin()
            .raw_form(body)
            .send()
            .await
            .expect(413);
    }
    let mut raw = Raw::connect(&site).await;
    let head = format!(
        "POST /accounts/login/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3000000\r\n\r\n",
        host = site.host()
    );
    raw.send(head).await;
    assert_eq!(
        raw.status().await,
        Some(413),
        "before a byte of the body is sent"
    );
}

#[tokio::test]
async fn endless_chunks_are_refused() {
    let site = Site::start().await;
    let mut raw = Raw::connect(&site).await;
    let head = format!(
        "POST /accounts/login/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n",
        host = site.host()
    );
    raw.send(head).await;
    for _ in 0..100 {
        if !raw
            .send(format!("8000\r\n{}\r\n", "a".repeat(0x8000)))
            .await
        {
            break;
        }
    }
    assert!(matches!(raw.status().await, Some(413) | None));
    assert!(site.peak_memory() < 300 << 20, "{}", site.peak_memory());
    site.client().get("/").await.expect(200);
}

#[tokio::test]
async fn too_many_fields_are_refused() {
    let site = Site::start().await;
    let fields: Vec<(String, String)> = (0..1_000)
        .map(|n| (format!("f{n}"), "x".to_owned()))
        .collect();
    let answer = site.client().post("/accounts/login/", fields).await;
    assert!([400, 413].contains(&answer.status), "{}", answer.status);
}

#[tokio::test]
async fn broken_encodings_are_refused() {
    let site = Site::start().await;
    let bodies: [&[u8]; 8] = [
        b"login=\xff\xfe&password=x",
        b"login=%FF%FE&password=x",
        b"login=%C0%80&password=x",
        b"login=%ED%A0%80&password=x",
        b"login=ann%00&password=x",
        b"login=\x00&password=x",
        b"%FF=x&login=a&password=b",
        b"\xf0\x9f",
    ];
    for body in bodies {
        let answer = site
            .client()
            .request("POST", "/accounts/login/")
            .same_origin()
            .raw_form(body)
            .send()
            .await;
        assert_eq!(answer.status, 400, "{:?}", String::from_utf8_lossy(body));
    }
    for path in [
        "/accounts/login/?next=%FF",
        "/accounts/login/?next=%00",
        "/accounts/login/?%",
        "/accounts/%FF/",
        "/%00",
        "/accounts/login/?next=/a&next=/b",
    ] {
        let answer = site.client().get(path).await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let options = Site::options().setting("login_by_code", "true");
    let site = options.start().await;
    let ann = site.signed_up().await;
    let form = format!("login={}&password={}", ann.username, ann.password);
    let json = format!(
        "{{\"login\":\"{}\",\"password\":\"{}\"}}",
        ann.username, ann.password
    );
    let array = "[]".to_owned();
    for (kind, body) in [
        ("application/json", &json),
        ("application/json", &array),
        ("text/plain", &form),
        ("multipart/form-data; boundary=x", &form),
        ("", &form),
    ] {
        for path in [
            "/accounts/login/",
            "/accounts/password_reset/",
            "/accounts/password_reset_done/",
            "/accounts/login_code/",
            "/accounts/login_code_done/",
        ] {
            let request = site.client().request("POST", path).same_origin();
            let mut request = request.body(body.clone());
            if !kind.is_empty() {
                request = request.header("content-type", kind);
            }
            let status = request.send().await.status;
            assert!([400, 415].contains(&status), "{path} {kind}: {status}");
        }
    }
}

#[tokio::test]
async fn broken_requests_are_refused() {
    let site = Site::start().await;
    let huge = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n",
        "a".repeat(2_000_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "a: b\r\n".repeat(5_000)
    );
    let smuggled = "POST /accounts/login/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for bytes in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        &huge,
        &many,
        "GET /accounts/\u{e9}/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        smuggled,
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://evil.example/accounts/login HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ] {
        let mut raw = Raw::connect(&site).await;
        raw.send(bytes).await;
        let status = raw.status().await;
        let begin: String = bytes.chars().take(40).collect();
        assert!(
            status.is_none_or(|status| status < 500),
            "{begin:?}: {status:?}"
        );
    }
    site.client().get("/").await.expect(200);
}
