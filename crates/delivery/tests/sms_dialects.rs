//! Text messages through gateways that answer as those that are met do, and requests as they want them.
#![cfg(feature = "sms-gateway")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_delivery::sms_gateway::{SmsGateway, SmsGatewayBuilder, Twilio, TwilioSender};
use phone_auth_delivery::{BuildErrorKind, Secret};
use phone_auth_events::{RelativeUrl, Retry, Sender, SiteOrigin, User, VerifyPhone};
use phone_auth_tests::{Gateway, Reply};
use serde_json::json;

const LINK: &str = "/accounts/user_verification_confirm/cGhvbmUx/toxjx0-5ec7e7/";

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
    VerifyPhone::new(Sender::new("test"), user, url, "+41446681800".to_owned())
}

/// Why a message is not delivered, if it is not.
async fn outcome(gateway: &Gateway, sms: &SmsGateway, reply: Reply) -> Option<(Retry, String)> {
    gateway.reply([reply]);
    let error = sms.send(&message()).await.err()?;
    let said = format!("{error} {:?}", std::error::Error::source(&error));
    assert!(
        !said.contains("5ec7e7") && !said.contains("41446681800"),
        "{said}"
    );
    Some((error.retry(), error.to_string()))
}

#[tokio::test]
async fn bodies_tell_what_became_of_a_message() {
    let gateway = Gateway::start().await;
    let vonage = || json_to(&gateway).success_json("/messages/0/status", "0");
    let clickatell = || json_to(&gateway).success_json("/messages/0/accepted", true);
    let old_clickatell = || json_to(&gateway).failure_text("ERR:");
    let sms77 = || json_to(&gateway).success_text("100");
    let both = || old_clickatell().success_text("ID:");
    let not = |why: &str| Some(format!("the gateway answered 200, but no success ({why})"));
    for (builder, body, expected) in [
        (
            vonage(),
            r#"{"message-count":"1","messages":[{"to":"41","message-id":"0A","status":"0"}]}"#,
            None,
        ),
        (vonage(), r#"{"messages":[{"status":0}]}"#, None),
        (
            vonage(),
            r#"{"messages":[{"status":"4","error-text":"Bad Credentials 5ec7e7"}]}"#,
            not("/messages/0/status is 4"),
        ),
        (
            vonage(),
            r#"{"messages":[{"status":"https://example.org/5ec7e7"}]}"#,
            not("/messages/0/status is not as it must be"),
        ),
        (
            vonage(),
            r#"{"messages":[]}"#,
            not("/messages/0/status is not as it must be"),
        ),
        (
            vonage(),
            r#"{"messages":[{"status":{"0":0}}]}"#,
            not("/messages/0/status is not as it must be"),
        ),
        (
            vonage(),
            "OK",
            not("/messages/0/status is not as it must be"),
        ),
        (vonage(), "", not("/messages/0/status is not as it must be")),
        (
            clickatell(),
            r#"{"messages":[{"apiMessageId":"77","accepted":true,"error":null}]}"#,
            None,
        ),
        (
            clickatell(),
            r#"{"messages":[{"accepted":false,"to":"41446681800","error":{"code":105}}]}"#,
            not("/messages/0/accepted is not as it must be"),
        ),
        (old_clickatell(), "ID: 0A1B", None),
        (
            old_clickatell(),
            "ERR: 001, Authentication failed",
            not("with the text that it must not have"),
        ),
        (sms77(), "100", None),
        (sms77(), "900", not("without the text that it must have")),
        (sms77(), "", not("without the text that it must have")),
        (both(), "ID: 0A1B", None),
        (
            both(),
            "ID: 0A1B ERR: 1",
            not("with the text that it must not have"),
        ),
        (both(), "neither", not("without the text that it must have")),
    ] {
        let sms = builder.build().unwrap();
        let outcome = outcome(&gateway, &sms, Reply::status(200, "", body)).await;
        let expected = expected.map(|why| (Retry::Later, why));
        assert_eq!(outcome, expected, "{body}");
    }
}

/// Where the body counts, one that does not come whole says nothing; and a status still counts before it.
#[tokio::test]
async fn whole_body_is_needed_where_it_counts() {
    let gateway = Gateway::start().await;
    let sms = json_to(&gateway)
        .failure_text("ERR:")
        .timeout(std::time::Duration::from_secs(2))
        .build()
        .unwrap();
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n";
    let not = "the gateway answered 200, but no success (it did not come whole)";
    for reply in [
        Reply::Unfinished(head.to_owned()),
        Reply::status(200, "", &"x".repeat(1_000_000)),
    ] {
        let outcome = outcome(&gateway, &sms, reply).await;
        assert_eq!(outcome, Some((Retry::Later, not.to_owned())));
    }
    let refused = outcome(&gateway, &sms, Reply::status(500, "", "ID: 1")).await;
    let why = "the gateway answered 500".to_owned();
    assert_eq!(refused, Some((Retry::Later, why)));
}

/// As for mail: final is what says that nothing can be sent to the number, and no more.
#[tokio::test]
async fn twilio_gives_up_numbers_alone() {
    let gateway = Gateway::start().await;
    let sender = TwilioSender::From("+15005550006".to_owned());
    let account = Twilio::new("AC0123", Secret::new("hunter2"), sender).at(gateway.origin());
    let sms = SmsGateway::twilio(site(), account.clone()).build().unwrap();
    for (status, body, retry) in [
        (400, r#"{"code": 21211, "status": 400}"#, Retry::Never),
        (400, r#"{"code": 21214, "status": 400}"#, Retry::Never),
        (400, r#"{"code": 21610, "status": 400}"#, Retry::Never),
        (400, r#"{"code": 21614, "status": 400}"#, Retry::Never),
        // The sender, the country, the account, the text.
        (400, r#"{"code": 21606, "status": 400}"#, Retry::Later),
        (400, r#"{"code": 21408, "status": 400}"#, Retry::Later),
        (400, r#"{"code": 21608, "status": 400}"#, Retry::Later),
        (400, r#"{"code": 21617, "status": 400}"#, Retry::Later),
        (400, r#"{"code": 99999, "status": 400}"#, Retry::Later),
        (400, "no JSON", Retry::Later),
        (401, r#"{"code": 20003, "status": 401}"#, Retry::Later),
        (404, r#"{"code": 20404, "status": 404}"#, Retry::Later),
        (429, r#"{"code": 20429, "status": 429}"#, Retry::Later),
    ] {
        let outcome = outcome(&gateway, &sms, Reply::status(status, "", body)).await;
        assert_eq!(outcome.map(|(retry, _)| retry), Some(retry), "{body}");
    }
    // Who says which statuses are final is taken at her word.
    let own = SmsGateway::twilio(site(), account).never("400".parse().unwrap());
    let reply = Reply::status(400, "", r#"{"code": 21606}"#);
    let outcome = outcome(&gateway, &own.build().unwrap(), reply).await;
    assert_eq!(outcome.map(|(retry, _)| retry), Some(Retry::Never));
}

#[tokio::test]
async fn templates_are_tried_with_real_numbers() {
    let gateway = Gateway::start().await;
    let at = |rest: &str| SmsGateway::builder(site(), format!("{}{rest}", gateway.origin()));
    let form = |to: &str, text: &str| at("/send").form([("to", to), ("text", text)]);
    let (to, text) = ("{{ to }}", "{{ text }}");
    let sent = [
        form("{{ to[1:] }}", text),
        form("{{ to | int }}", text),
        form("00{{ to | replace('+', '') }}", text),
        form("{{ to | replace('+41', '0') }}", text),
        form(
            "{% if to[:2] == '+1' %}us{% else %}eu{% endif %}:{{ to }}",
            text,
        ),
        form(to, "{{ text | trim }}"),
        form(to, "{{ text | replace('\"', \"'\") }}"),
        form(
            to,
            "{% if language == 'de' %}Hallo{% else %}Hi{% endif %} {{ text }}",
        ),
        at("/{{ to }}?text={{ text }}"),
        at("/{{ to[1:] }}?text={{ text }}&key={{ key }}"),
        at("/send?cc={{ to[1:3] }}&number={{ to[3:] }}&text={{ text }}"),
        at("/send?to=%2B{{ to[1:] }}&text={{ text }}"),
        at("/send")
            .header("X-To", "{{ to }}")
            .form([("text", text)]),
        at("/send").json(json!([{ "to": ["{{ to | int }}"], "body": "{{ text }}" }])),
        at("/send").json(json!({ "to": to, "body": "{\"text\": {{ text | tojson }}}" })),
    ];
    for (at, builder) in sent.into_iter().enumerate() {
        let sms = builder.build();
        assert!(sms.is_ok(), "{at}: {sms:?}");
        sms.unwrap().send(&message()).await.unwrap();
    }
    let refused = [
        // Encoded twice.
        (
            at("/?to={{ to | urlencode }}&text={{ text }}"),
            BuildErrorKind::Changed,
        ),
        (
            at("/{{ to | urlencode }}?text={{ text }}"),
            BuildErrorKind::Changed,
        ),
        (
            at("/?to={{ to }}&text={{ text | urlencode }}"),
            BuildErrorKind::Changed,
        ),
        (form("{{ to | urlencode }}", text), BuildErrorKind::Changed),
        (form(to, "{{ text | urlencode }}"), BuildErrorKind::Changed),
        (form(to, "{{ text | e }}"), BuildErrorKind::Changed),
        // The link would not work.
        (form(to, "{{ text | upper }}"), BuildErrorKind::Changed),
        (form(to, "{{ text | lower }}"), BuildErrorKind::Changed),
        (form(to, "{{ text | title }}"), BuildErrorKind::Changed),
        (form(to, "{{ text[:70] }}"), BuildErrorKind::Changed),
        (
            form(to, "{{ text | replace('/', '') }}"),
            BuildErrorKind::Changed,
        ),
        // Nobody would get it.
        (form("{{ to[:4] }}", text), BuildErrorKind::Changed),
        (form("{{ to | length }}", text), BuildErrorKind::Incomplete),
        (
            form("{% if to %}41446681800{% endif %}", text),
            BuildErrorKind::Incomplete,
        ),
        (
            form(to, "{{ text and 'hello' }}"),
            BuildErrorKind::Incomplete,
        ),
        (form(to, "hello"), BuildErrorKind::Incomplete),
        (form("{{ to | round }}", text), BuildErrorKind::Request),
        (at("/{{ to }}"), BuildErrorKind::Incomplete),
    ];
    for (at, (builder, kind)) in refused.into_iter().enumerate() {
        let error = builder.build().map(drop).unwrap_err();
        assert_eq!(*error.kind(), kind, "{at}: {error:?}");
    }
}
