//! Text messages through a gateway that answers well, badly, and not at all.
#![cfg(feature = "sms-gateway")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

use phone_auth_delivery::sms_gateway::{SmsGateway, SmsGatewayBuilder, Twilio, TwilioSender};
use phone_auth_delivery::{BuildErrorKind, Secret, TemplateProblem};
use phone_auth_events::{
    Channel, Envelope, Outcome, RelativeUrl, ResetPasswordPhone, Retry, Sender, Signals,
    SiteOrigin, Undelivered, User, VerifyPhone,
};
use phone_auth_tests::{Gateway, Reply};
use serde_json::json;

const LINK: &str = "/accounts/user_verification_confirm/cGhvbmUx/toxjx0-5ec7e7/?a=1&b=2";

fn site() -> SiteOrigin {
    SiteOrigin::parse("https://example.org").unwrap()
}

/// A gateway that takes JSON.
fn json_to(gateway: &Gateway) -> SmsGatewayBuilder {
    SmsGateway::builder(site(), format!("{}/send", gateway.origin()))
        .json(json!({ "to": "{{ to }}", "text": "{{ text }}" }))
}

fn message() -> VerifyPhone {
    let user = User::new(1, "ann", "", "");
    let url = RelativeUrl::new(LINK).unwrap();
    let envelope = Envelope::new("0190-7f3c").working_for(Duration::from_mins(10));
    VerifyPhone::new(Sender::new("test"), user, url, "+41446681800".to_owned())
        .with_envelope(envelope)
}

/// What sending fails with, which tells neither the link nor a secret.
async fn refusal(sms: &SmsGateway) -> Undelivered {
    let error = sms.send(&message()).await.unwrap_err();
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push_str(&error.to_string());
        cause = error.source();
    }
    let secrets = ["5ec7e7", "hunter2", "41446681800", "/send"];
    let told: Vec<_> = secrets
        .iter()
        .filter(|secret| said.contains(**secret))
        .collect();
    assert!(told.is_empty(), "{told:?} in {said}");
    error
}

#[tokio::test]
async fn statuses_are_told_apart() {
    let gateway = Gateway::start().await;
    let sms = json_to(&gateway).never("410, 422".parse().unwrap());
    let sms = sms.build().unwrap();
    for status in [200, 201, 202, 204] {
        gateway.reply([Reply::status(status, "", "")]);
        sms.send(&message()).await.unwrap();
    }
    let soon = httpdate(Duration::from_secs(90));
    let far = httpdate(Duration::from_hours(48));
    for (status, headers, body, retry, said) in [
        (
            410,
            "",
            r#"{"code": 21211}"#,
            Retry::Never,
            "the gateway answered 410 (code 21211)",
        ),
        (
            410,
            "Retry-After: 5\r\n",
            "garbage",
            Retry::Never,
            "the gateway answered 410",
        ),
        (
            400,
            "",
            r#"{"code": 21211}"#,
            Retry::Later,
            "the gateway answered 400 (code 21211)",
        ),
        (422, "", "", Retry::Never, "the gateway answered 422"),
        (401, "", "", Retry::Later, "the gateway answered 401"),
        (404, "", "", Retry::Later, "the gateway answered 404"),
        (500, "", "5ec7e7", Retry::Later, "the gateway answered 500"),
        (
            503,
            "Retry-After: soon\r\n",
            "",
            Retry::Later,
            "the gateway answered 503",
        ),
        (
            429,
            "Retry-After: 30\r\n",
            "",
            Retry::After(Duration::from_secs(30)),
            "the gateway answered 429",
        ),
        (
            429,
            "Retry-After: 604800\r\n",
            "",
            Retry::After(Duration::from_hours(1)),
            "the gateway answered 429",
        ),
        (
            503,
            far.as_str(),
            "",
            Retry::After(Duration::from_hours(1)),
            "the gateway answered 503",
        ),
        (
            307,
            "Location: /elsewhere\r\n",
            "",
            Retry::Later,
            "the gateway answered 307",
        ),
    ] {
        gateway.reply([Reply::status(status, headers, body)]);
        let error = refusal(&sms).await;
        assert_eq!((error.retry(), error.to_string().as_str()), (retry, said));
    }
    gateway.reply([Reply::status(429, &soon, "")]);
    let Retry::After(wait) = refusal(&sms).await.retry() else {
        unreachable!("a date was given");
    };
    assert!((60..=90).contains(&wait.as_secs()), "{wait:?}");
    assert!(
        gateway
            .received()
            .iter()
            .all(|request| request.target == "/send")
    );
}

/// A header with the date after this time.
fn httpdate(after: Duration) -> String {
    let date = chrono::DateTime::<chrono::Utc>::from(SystemTime::now() + after);
    format!(
        "Retry-After: {}\r\n",
        date.format("%a, %d %b %Y %H:%M:%S GMT")
    )
}

#[tokio::test]
async fn silence_and_garbage_are_tried_again() {
    let gateway = Gateway::start().await;
    let patient = json_to(&gateway).build().unwrap();
    let impatient = json_to(&gateway).timeout(Duration::from_secs(2));
    let impatient = impatient.build().unwrap();
    let late = "the gateway does not answer in time";
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(10_000_000));
    for (reply, said) in [
        (Reply::Hang, late),
        (Reply::Close, "the gateway gives no answer that is HTTP"),
        (
            Reply::Bytes("\u{0}\u{1}garbage\r\n\r\n".to_owned()),
            "the gateway gives no answer that is HTTP",
        ),
        (Reply::Unfinished("HTTP/1.1 200".to_owned()), late),
        (
            Reply::Unfinished(long),
            "the gateway gives no answer that is HTTP",
        ),
    ] {
        gateway.reply([reply]);
        // What is answered is, however busy the machine.
        let sms = if said == late { &impatient } else { &patient };
        let error = refusal(sms).await;
        assert_eq!(
            (error.retry(), error.to_string().as_str()),
            (Retry::Later, said)
        );
    }
}

#[tokio::test]
async fn status_counts_before_body() {
    let gateway = Gateway::start().await;
    let sms = json_to(&gateway).build().unwrap();
    let begun = Instant::now();
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n";
    gateway.reply([
        Reply::Unfinished(head.to_owned()),
        Reply::Unfinished(format!("{head}{}", "x".repeat(1_000_000))),
        Reply::status(200, "Content-Encoding: gzip\r\n", "not gzip"),
    ]);
    for _ in 0..3 {
        sms.send(&message()).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(gateway.received().len(), 3);
}

#[tokio::test]
async fn values_are_encoded_for_their_place() {
    let gateway = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("en")).unwrap();
    let text = "\"a\" & b=c\\ \u{e4}\u{1F511}\n</x> #% {{ link }}";
    std::fs::write(folder.path().join("en/verify_phone.txt"), text).unwrap();
    let sent = text.replace("{{ link }}", &format!("https://example.org{LINK}"));

    let url = format!(
        "{}/v1/{{{{ to }}}}?text={{{{ text }}}}&x=1",
        gateway.origin()
    );
    let get = SmsGateway::builder(site(), url)
        .method("GET")
        .templates_from(folder.path());
    get.build().unwrap().send(&message()).await.unwrap();
    let received = gateway.last();
    assert_eq!(
        (received.method.as_str(), received.body.as_str()),
        ("GET", "")
    );
    let url = format!("http://x{}", received.target)
        .parse::<url::Url>()
        .unwrap();
    assert_eq!(url.path(), "/v1/%2B41446681800");
    let query: Vec<_> = url.query_pairs().into_owned().collect();
    assert_eq!(
        query,
        [
            ("text".to_owned(), sent.clone()),
            ("x".to_owned(), "1".to_owned())
        ]
    );

    let url = format!("{}/send", gateway.origin());
    let form = SmsGateway::builder(site(), &url).templates_from(folder.path());
    let form = form.form([
        ("To", "tel:{{ to }}"),
        ("Body", "{{ text }}"),
        ("From", "A&B"),
    ]);
    form.build().unwrap().send(&message()).await.unwrap();
    let received = gateway.last();
    assert_eq!(
        received.header("content-type"),
        "application/x-www-form-urlencoded"
    );
    let pairs = form_urlencoded::parse(received.body.as_bytes()).into_owned();
    assert_eq!(
        pairs.collect::<Vec<_>>(),
        [("To", "tel:+41446681800"), ("Body", &sent), ("From", "A&B")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );

    let json = SmsGateway::builder(site(), &url)
        .templates_from(folder.path())
        .json(json!({
            "messages": [{ "to": "{{ to | replace('+', '') }}", "text": "{{ text }}", "parts": 3 }],
            "flash": false,
        }));
    json.build().unwrap().send(&message()).await.unwrap();
    let received = gateway.last();
    assert_eq!(received.header("content-type"), "application/json");
    let body: serde_json::Value = serde_json::from_str(&received.body).unwrap();
    let expected = json!({
        "messages": [{ "to": "41446681800", "text": sent, "parts": 3 }],
        "flash": false,
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn one_template_leaves_the_others() {
    let gateway = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("de")).unwrap();
    let file = folder.path().join("de/verify_phone.txt");
    std::fs::write(&file, "Nur hier: {{ link }}").unwrap();
    let sms = || json_to(&gateway).templates_from(folder.path()).build();

    let ready = sms().unwrap();
    let in_language = |tag: &str| Envelope::new(tag).in_language(tag);
    for (tag, says) in [
        ("de-CH", "Nur hier: https://example.org"),
        ("fr", "à confirmer"),
        ("en", "Confirm your"),
        ("tlh", "Confirm your"),
    ] {
        let message = message().with_envelope(in_language(tag));
        ready.send(&message).await.unwrap();
        let body = gateway.last().body;
        assert!(body.contains(says), "{tag}: {body}");
    }
    let url = RelativeUrl::new(LINK).unwrap();
    let user = User::new(1, "ann", "Ann", "Lee");
    let reset = ResetPasswordPhone::new("test".into(), user, url, "+41446681800".to_owned());
    let reset = reset.with_envelope(in_language("de"));
    ready.send(&reset).await.unwrap();
    let body = gateway.last().body;
    assert!(
        !body.contains("Nur hier") && body.contains("Passwort"),
        "{body}"
    );

    std::fs::write(&file, "\n{{ token }}").unwrap();
    let error = sms().unwrap_err();
    assert_eq!(
        *error.kind(),
        BuildErrorKind::Template {
            name: "de/verify_phone.txt".to_owned(),
            wrong: TemplateProblem::Broken { line: 2 },
        }
    );
}

#[tokio::test]
async fn headers_log_in() {
    let gateway = Gateway::start().await;
    let basic = json_to(&gateway).basic_auth("ann", Secret::new("hunter2"));
    basic.build().unwrap().send(&message()).await.unwrap();
    assert_eq!(
        gateway.last().header("authorization"),
        "Basic YW5uOmh1bnRlcjI="
    );
    assert_eq!(gateway.last().header("idempotency-key"), "0190-7f3c");

    let bearer = json_to(&gateway)
        .bearer(Secret::new("hunter2"))
        .header("idempotency-KEY", "sms-{{ key }}");
    bearer.build().unwrap().send(&message()).await.unwrap();
    assert_eq!(gateway.last().header("authorization"), "Bearer hunter2");
    assert_eq!(gateway.last().header("idempotency-key"), "sms-0190-7f3c");

    let own = json_to(&gateway).secret(Secret::new("hunter2"));
    let own = own
        .header("X-Api-Key", "{{ secret }}")
        .header("X-Text", "{{ text }}");
    let own = own.build().unwrap();
    own.send(&message()).await.unwrap();
    assert_eq!(gateway.last().header("x-api-key"), "hunter2");
    assert!(!format!("{own:?}").contains("hunter2"));
}

#[tokio::test]
async fn line_end_in_header_sends_nothing() {
    let gateway = Gateway::start().await;
    let sms = json_to(&gateway).header("X-Note", "{{ key }}");
    let message = message().with_envelope(Envelope::new("a\r\nX-Other: b"));
    let error = sms.build().unwrap().send(&message).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(gateway.received().len(), 0);
}

#[tokio::test]
async fn twilio_is_asked_as_it_wants() {
    let gateway = Gateway::start().await;
    for (sender, name, value) in [
        (
            TwilioSender::From("+15005550006".to_owned()),
            "From",
            "+15005550006",
        ),
        (
            TwilioSender::MessagingService("MG{{ \"x\" }}".to_owned()),
            "MessagingServiceSid",
            "MG{{ \"x\" }}",
        ),
    ] {
        let account = Twilio::new("AC/0123", Secret::new("hunter2"), sender).at(gateway.origin());
        let sms = SmsGateway::twilio(site(), account).build().unwrap();
        gateway.reply([Reply::status(
            201,
            "",
            r#"{"sid": "SM1", "status": "queued"}"#,
        )]);
        sms.send(&message()).await.unwrap();
        let received = gateway.last();
        assert_eq!(
            received.target,
            "/2010-04-01/Accounts/AC%2F0123/Messages.json"
        );
        assert_eq!(
            received.header("authorization"),
            "Basic QUMvMDEyMzpodW50ZXIy"
        );
        let text = format!("Confirm your number (10 min): https://example.org{LINK}");
        let pairs = form_urlencoded::parse(received.body.as_bytes()).into_owned();
        assert_eq!(
            pairs.collect::<Vec<_>>(),
            [
                ("To", "+41446681800"),
                ("Body", text.as_str()),
                (name, value)
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}

#[tokio::test]
async fn tls_is_checked() {
    let gateway = Gateway::start_tls().await;
    let error = refusal(&json_to(&gateway).build().unwrap()).await;
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(error.to_string(), "the gateway cannot be reached");
    assert_eq!(gateway.received().len(), 0);
    let root = std::fs::read(gateway.certificates().root()).unwrap();
    let sms = json_to(&gateway).root_certificate(root).build().unwrap();
    sms.send(&message()).await.unwrap();
    assert_eq!(gateway.received().len(), 1);
}

#[tokio::test]
async fn linked_receiver_sends_text() {
    let gateway = Gateway::start().await;
    let dispatcher = Signals::builder()
        .provide(json_to(&gateway).build().unwrap())
        .build()
        .unwrap();
    let url = RelativeUrl::new("/x/").unwrap();
    let user = User::new(2, "bob", "", "");
    let reset = ResetPasswordPhone::new("test".into(), user, url, "+41446681801".to_owned());
    let reset = reset.with_envelope(Envelope::new("k").in_language("de"));
    dispatcher.send(&reset).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&gateway.last().body).unwrap();
    let text = "Neues Passwort: https://example.org/x/";
    assert_eq!(body, json!({ "to": "+41446681801", "text": text }));
    // It makes no calls: another receiver is to.
    let called = reset.envelope.clone().by_channel(Channel::Voice);
    let report = dispatcher.send_robust(&reset.with_envelope(called)).await;
    let retries: Vec<_> = report
        .failures()
        .filter_map(|failed| match failed.outcome() {
            Outcome::Failed(error) => Some(Undelivered::retry_after(&**error)),
            _ => None,
        })
        .collect();
    assert_eq!(retries, [Retry::NotMine]);
    assert_eq!(gateway.received().len(), 1);
}

#[test]
fn unfit_settings_are_refused() {
    let complete = |url: &str| {
        SmsGateway::builder(site(), url).form([("to", "{{ to }}"), ("text", "{{ text }}")])
    };
    let good = "https://sms.example/";
    for (builder, kind) in [
        (complete("sms.example"), BuildErrorKind::Url),
        (complete("ftp://sms.example/"), BuildErrorKind::Url),
        (complete("https://{{ to }}.example/"), BuildErrorKind::Url),
        (complete("http://sms.example/"), BuildErrorKind::Plaintext),
        (
            complete("https://sms.example/{{ tow }}"),
            BuildErrorKind::Request,
        ),
        (
            complete("https://sms.example/{{ to"),
            BuildErrorKind::Request,
        ),
        (complete(good).method("GET /"), BuildErrorKind::Method),
        (complete(good).method("get"), BuildErrorKind::Method),
        (complete(good).method("DELETE"), BuildErrorKind::Method),
        (
            complete(good).basic_auth("ann:lee", Secret::new("hunter2")),
            BuildErrorKind::User,
        ),
        (
            complete(good).success_json("/a~2", "0"),
            BuildErrorKind::Confirmation,
        ),
        (
            complete(good).success_json("/a", json!(["0"])),
            BuildErrorKind::Confirmation,
        ),
        (
            complete(good).success_text(""),
            BuildErrorKind::Confirmation,
        ),
        (
            complete(good).failure_text(""),
            BuildErrorKind::Confirmation,
        ),
        (complete(good).header("a b", ""), BuildErrorKind::Header),
        (
            complete(good).bearer(Secret::new("a\nb")),
            BuildErrorKind::Secret,
        ),
        (
            complete("https://ann:hunter2@sms.example/"),
            BuildErrorKind::LogInUrl,
        ),
        (
            complete("https://ann:{{ secret }}@sms.example/").secret(Secret::new("hunter2")),
            BuildErrorKind::LogInUrl,
        ),
        // A line end, ours or that of the secret.
        (
            complete(good).header("X-Note", "a\r\nX-Other: {{ language }}"),
            BuildErrorKind::Request,
        ),
        (
            complete(good)
                .header("X-Api-Key", "{{ secret }}")
                .secret(Secret::new("hunter2\n")),
            BuildErrorKind::Request,
        ),
        // A secret that was never given.
        (
            complete(good).header("X-Api-Key", "{{ secret }}"),
            BuildErrorKind::Request,
        ),
        (
            complete("https://sms.example/?key={{ secret }}"),
            BuildErrorKind::Request,
        ),
        (
            complete(good).never("2xx".parse().unwrap()),
            BuildErrorKind::Statuses,
        ),
        (
            complete(good).root_certificate(*b"none"),
            BuildErrorKind::Certificate,
        ),
        (
            complete(good).form([("to", "{{ to }}")]),
            BuildErrorKind::Incomplete,
        ),
        (
            complete(good).default_language("tlh"),
            BuildErrorKind::Language,
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(*error.kind(), kind);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    assert!(
        complete("http://sms.example/")
            .danger_plain()
            .build()
            .is_ok()
    );
}
