//! Bodies that no browser sends.

use std::future::IntoFuture;
use std::io::{Read, Write};

use axum::body::{Body, Bytes};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ORIGIN};
use http::{Method, StatusCode};

use crate::support::{Answer, PASSWORD, Site};

const FORM: &str = "application/x-www-form-urlencoded";

/// Posts a body to the log-in page.
async fn post_body(site: &Site, kind: Option<&str>, body: impl Into<Body>) -> Answer {
    let mut browser = site.browser();
    let mut request = browser
        .request(Method::POST, "/accounts/login/")
        .header(ORIGIN, "http://site.example");
    if let Some(kind) = kind {
        request = request.header(CONTENT_TYPE, kind);
    }
    browser.send(request.body(body.into()).unwrap()).await
}

/// A body that must not be asked for.
fn untouched() -> Body {
    Body::from_stream(futures_util::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> { std::task::Poll::Pending },
    ))
}

#[tokio::test]
async fn long_body_is_refused_unread() {
    let site = Site::new();
    let mut browser = site.browser();
    let request = browser
        .request(Method::POST, "/accounts/login/")
        .header(ORIGIN, "http://site.example")
        .header(CONTENT_TYPE, FORM)
        .header(CONTENT_LENGTH, "3145728")
        .body(untouched())
        .unwrap();
    let answer = browser.send(request).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn long_stream_is_refused_on_its_way() {
    let site = Site::new();
    let pieces = (0..1000).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'a'; 4096])));
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let answer = post_body(&site, Some(FORM), body).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// A client that sends everything before it listens, over a connection of its own.
#[tokio::test]
async fn large_upload_still_hears_its_answer() {
    let site = Site::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, site.router.clone()).into_future());
    let answer = tokio::task::spawn_blocking(move || {
        let body = vec![b'a'; 3 * 1024 * 1024];
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /accounts/login/ HTTP/1.1\r\nhost: {address}\r\norigin: http://site.example\r\n\
             content-type: {FORM}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        )
        .unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    server.abort();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn compressed_form_is_another_kind() {
    let site = Site::new();
    for (codings, is_read) in [
        (&[][..], true),
        (&["identity"], true),
        (&["Identity"], true),
        (&[""], true),
        (&["gzip"], false),
        (&["x-gzip"], false),
        (&["deflate, identity"], false),
        (&["identity", "br"], false),
        (&["unheard-of"], false),
    ] as [(&[&str], bool); 9]
    {
        let mut browser = site.browser();
        let mut request = browser
            .request(Method::POST, "/accounts/login/")
            .header(ORIGIN, "http://site.example")
            .header(CONTENT_TYPE, FORM);
        for coding in codings {
            request = request.header("content-encoding", *coding);
        }
        let request = request.body(Body::from("login=ann&password=x")).unwrap();
        let answer = browser.send(request).await;
        let is_of_another_kind = answer.status == StatusCode::UNSUPPORTED_MEDIA_TYPE;
        assert_eq!(
            !is_of_another_kind, is_read,
            "{codings:?}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn thousand_fields_are_refused() {
    let site = Site::new();
    let fields: Vec<String> = (0..1000).map(|number| format!("f{number}=x")).collect();
    let answer = post_body(&site, Some(FORM), fields.join("&")).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn repeated_field_is_refused() {
    let site = Site::new();
    site.ann_signed_up().await;
    for body in [
        format!(
            "login=eve&login=ann&password={}",
            PASSWORD.replace(' ', "+")
        ),
        format!(
            "login=ann&log%69n=eve&password={}",
            PASSWORD.replace(' ', "+")
        ),
        format!(
            "login=ann&password=x&password={}",
            PASSWORD.replace(' ', "+")
        ),
    ] {
        let answer = post_body(&site, Some(FORM), body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.heading(), "This form cannot be read");
        assert!(answer.set_cookie("sessionid").is_none());
    }
}

#[tokio::test]
async fn odd_bytes_are_told_at_their_field() {
    let site = Site::new();
    for text in ["%FF", "a%00b", "%ED%A0%80", "%C3"] {
        let body = format!("login={text}&password=x");
        let answer = post_body(&site, Some(FORM), body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(
            answer.error_at("login").contains("cannot be seen"),
            "{text}"
        );
    }
    let answer = post_body(&site, Some(FORM), "%FF=1").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// Each form tells it at the field, and does with such a text nothing that it does with others.
#[tokio::test]
async fn odd_bytes_are_told_at_every_form() {
    let site = Site::with(|settings| settings.login_by_code = true);
    let mut ann = site.ann().await;
    ann.confirm(PASSWORD).await;
    let link = site.browser().reset_link("ann@example.org").await;
    let mut opens = site.browser();
    let form = opens.get(&link).await.location().to_owned();
    let mut browsers = [site.browser(), opens, ann];
    let [nobody, opens, ann] = [0, 1, 2];
    for (browser, path, fields) in [
        (nobody, "/accounts/login/", &["login", "password"][..]),
        (nobody, "/accounts/login_code/", &["login"]),
        (nobody, "/accounts/password_reset/", &["login"]),
        (opens, &form, &["new_password1", "new_password2"]),
        (
            ann,
            "/accounts/change_password/",
            &["old_password", "new_password1", "new_password2"],
        ),
        (ann, "/accounts/confirm_identity/", &["password"]),
        (ann, "/accounts/email/add/", &["email"]),
        (ann, "/accounts/phone/add/", &["phone"]),
    ] {
        let browser = &mut browsers[browser];
        for odd in fields {
            let pairs = fields.iter().map(|field| match field {
                field if field == odd => format!("{field}=a%FFb"),
                field => format!("{field}=battery+staple+fence"),
            });
            let body = pairs.collect::<Vec<_>>().join("&");
            let request = browser
                .request(Method::POST, path)
                .header(ORIGIN, "http://site.example")
                .header(CONTENT_TYPE, FORM);
            let answer = browser.send(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {odd}");
            let error = answer.error_at(odd);
            assert!(error.contains("cannot be seen"), "{path} {odd}: {error}");
        }
    }
}

#[tokio::test]
async fn odd_bytes_hide_no_other_error() {
    let site = Site::new();
    let mut browser = site.browser();
    let body =
        "first_name=&last_name=%00x&username=..&email=%FF&phone=12&password=1&confirm_password=2";
    let request = browser
        .request(Method::POST, "/accounts/signup/")
        .header(ORIGIN, "http://site.example")
        .header(CONTENT_TYPE, FORM);
    let answer = browser.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    for field in ["last_name", "email"] {
        assert!(answer.error_at(field).contains("cannot be seen"), "{field}");
    }
    for field in [
        "first_name",
        "username",
        "phone",
        "password",
        "confirm_password",
    ] {
        assert!(!answer.error_at(field).is_empty(), "{field}");
    }
}

#[tokio::test]
async fn other_kinds_of_body_are_refused() {
    let site = Site::new();
    for kind in [
        Some("application/json"),
        Some("multipart/form-data; boundary=x"),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded-not"),
        None,
    ] {
        let mut browser = site.browser();
        let mut request = browser
            .request(Method::POST, "/accounts/login/")
            .header(ORIGIN, "http://site.example")
            .header(CONTENT_LENGTH, "18");
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        let answer = browser
            .send(request.body(Body::from("login=a&password=b")).unwrap())
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{kind:?}"
        );
    }
    let kind = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    let answer = post_body(&site, Some(kind), "login=a&password=b").await;
    assert_eq!(
        answer.error_at("login"),
        "That email, phone number or username and password don’t match."
    );
}

#[tokio::test]
async fn broken_off_body_changes_nothing() {
    let site = Site::new();
    let pieces = [
        Ok(Bytes::from("login=ann&pass")),
        Err(std::io::Error::other("gone")),
    ];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let answer = post_body(&site, Some(FORM), body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn odd_paths_are_no_fault_of_ours() {
    let site = Site::new();
    for path in [
        "/accounts/password_reset_confirm/%FF/%FF/",
        "/accounts/user_verification_confirm/%FF/x/",
        "/accounts/user_verification_confirm/%2F/%2F/",
        "/accounts/login/?next=%FF%00",
        "/accounts/login/?next",
        "/accounts/login/?&&&=&",
    ] {
        let answer = site.browser().get(path).await;
        assert!(
            !answer.status.is_server_error(),
            "{path}: {}",
            answer.status
        );
        assert_eq!(answer.header("x-frame-options"), "DENY");
    }
}
