//! Mail to a real server: what it receives, what becomes of refusals, and that connections are kept.
#![cfg(feature = "smtp")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::{Duration, Instant};

use phone_auth_delivery::smtp::{Security, Smtp, SmtpBuilder};
use phone_auth_delivery::{BuildErrorKind, Secret, TemplateProblem};
use phone_auth_events::{
    Envelope, RelativeUrl, ResetPasswordEmail, Retry, Sender, Signals, SiteOrigin, Undelivered,
    User, VerifyEmail,
};
use phone_auth_tests::MailServer;

const LINK: &str = "/accounts/user_verification_confirm/ZW1haWwx/toxjx0-5ec7e7/";

fn site() -> SiteOrigin {
    SiteOrigin::parse("https://example.org").unwrap()
}

/// Mail through this server, from the usual sender.
fn mail_through(server: &MailServer, security: Security) -> SmtpBuilder {
    let root = std::fs::read(server.certificates().root()).unwrap();
    Smtp::builder(site(), "localhost", "Example <accounts@example.org>")
        .port(server.port())
        .security(security)
        .log_in("accounts", Secret::new("hunter2"))
        .root_certificate(root)
}

fn message_to(email: &str) -> VerifyEmail {
    let user = User::new(
        1,
        "ann",
        "Win now!\r\nBcc: all@example.org",
        "http://evil.example",
    );
    let url = RelativeUrl::new(LINK).unwrap();
    let envelope = Envelope::new("0190-7f3c").working_for(Duration::from_hours(24));
    VerifyEmail::new(Sender::new("test"), user, url, email.to_owned()).with_envelope(envelope)
}

async fn refusal(smtp: &Smtp, email: &str) -> Undelivered {
    let error = smtp.send(&message_to(email)).await.unwrap_err();
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        said.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(
        !said.contains("5ec7e7") && !said.contains("hunter2"),
        "{said}"
    );
    error
}

#[tokio::test]
async fn mail_is_whole() {
    let server = MailServer::start("tls").await;
    let smtp = mail_through(&server, Security::Implicit).build().unwrap();
    smtp.send(&message_to("ann@example.org")).await.unwrap();
    let mail = server.mail_to("ann@example.org").await;
    assert_eq!(*mail.value("is_encrypted"), true);
    assert_eq!(*mail.value("user"), "accounts");
    assert_eq!(*mail.value("from"), "accounts@example.org");
    assert_eq!(*mail.value("to"), serde_json::json!(["ann@example.org"]));
    assert_eq!(*mail.value("type"), "multipart/alternative");
    assert_eq!(*mail.value("defects"), serde_json::json!([]));
    for (name, value) in [
        ("from", "Example <accounts@example.org>"),
        ("to", "ann@example.org"),
        ("subject", "Confirm your email address at example.org"),
        ("auto-submitted", "auto-generated"),
        ("content-language", "en"),
    ] {
        assert_eq!(mail.header(name), value);
    }
    assert!(!mail.header("date").is_empty());
    assert!(mail.header("message-id").ends_with("@example.org>"));
    assert_eq!(mail.link(), format!("https://example.org{LINK}"));
    for text in [mail.text(), mail.html()] {
        assert!(text.contains("works for 24 hours"), "{text}");
        assert!(
            !text.contains("Win now") && !text.contains("evil"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn repeat_has_same_id() {
    let server = MailServer::start("starttls").await;
    let smtp = mail_through(&server, Security::StartTls).build().unwrap();
    for _ in 0..2 {
        smtp.send(&message_to("ann@example.org")).await.unwrap();
    }
    let other = message_to("ann@example.org").with_envelope(Envelope::new("0190-7f3d"));
    smtp.send(&other).await.unwrap();
    let mails = server.mails_when(3).await;
    let ids: Vec<_> = mails.iter().map(|mail| mail.header("message-id")).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids.first(), ids.get(1));
    assert_ne!(ids.first(), ids.get(2));
    let connections: Vec<_> = mails
        .iter()
        .map(|mail| mail.value("connection").clone())
        .collect();
    assert!(
        connections.windows(2).all(|two| two.first() == two.last()),
        "{connections:?}"
    );
}

#[tokio::test]
async fn language_is_the_users() {
    let server = MailServer::start("none").await;
    let smtp = Smtp::builder(site(), "127.0.0.1", "accounts@example.org")
        .port(server.port())
        .security(Security::None)
        .build()
        .unwrap();
    for (tag, address, subject, lifetime) in [
        (
            "de-AT",
            "de@example.org",
            "Bestätigen Sie Ihre E-Mail-Adresse bei example.org",
            "gilt 10 Minuten lang",
        ),
        (
            "fr",
            "fr@example.org",
            "Confirmez votre adresse e-mail sur example.org",
            "valable pendant 10 minutes",
        ),
        (
            "tlh",
            "tlh@example.org",
            "Confirm your email address at example.org",
            "works for 10 minutes",
        ),
    ] {
        let envelope = Envelope::new(tag)
            .in_language(tag)
            .working_for(Duration::from_mins(10));
        let message = message_to(address).with_envelope(envelope);
        smtp.send(&message).await.unwrap();
        let mail = server.mail_to(address).await;
        assert_eq!(mail.header("subject"), subject);
        assert!(mail.text().contains(lifetime), "{}", mail.text());
        assert_eq!(mail.link(), format!("https://example.org{LINK}"));
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let server = MailServer::start("tls").await;
    let smtp = mail_through(&server, Security::Implicit).build().unwrap();
    for (email, retry, said) in [
        (
            "nobody@example.org",
            Retry::Never,
            "the recipient (550 5.1.1)",
        ),
        ("refused@example.org", Retry::Later, "the recipient (550)"),
        (
            "full@example.org",
            Retry::Later,
            "the recipient (452 4.2.2)",
        ),
        (
            "waiting@example.org",
            Retry::Later,
            "the recipient (451 4.7.1)",
        ),
        ("echo@example.org", Retry::Later, "the mail (554 5.7.1)"),
        ("no address", Retry::Never, "none that mail can be sent to"),
        (
            "a@b.example\r\nRCPT TO:<c@d.example>",
            Retry::Never,
            "none that mail can be sent to",
        ),
    ] {
        let error = refusal(&smtp, email).await;
        assert_eq!(error.retry(), retry, "{email}");
        assert!(error.to_string().ends_with(said), "{email}: {error}");
    }
    // The next message is not troubled by those before.
    smtp.send(&message_to("ann@example.org")).await.unwrap();
}

#[tokio::test]
async fn own_mistakes_are_tried_again() {
    let server = MailServer::start("tls").await;
    let builder = || mail_through(&server, Security::Implicit);
    let wrong = builder().log_in("accounts", Secret::new("hunter3"));
    let error = refusal(&wrong.build().unwrap(), "ann@example.org").await;
    assert_eq!(error.retry(), Retry::Later);
    assert!(
        error.to_string().contains("refused the login (535"),
        "{error}"
    );

    let root = std::fs::read(server.certificates().root()).unwrap();
    let stranger = Smtp::builder(site(), "localhost", "stranger@example.org")
        .port(server.port())
        .log_in("accounts", Secret::new("hunter2"))
        .root_certificate(root);
    let error = refusal(&stranger.build().unwrap(), "ann@example.org").await;
    assert_eq!(error.retry(), Retry::Later);
    assert!(
        error.to_string().ends_with("the sender (550 5.7.1)"),
        "{error}"
    );
}

#[tokio::test]
async fn untrusted_server_gets_nothing() {
    let server = MailServer::start("tls").await;
    let smtp = Smtp::builder(site(), "localhost", "accounts@example.org").port(server.port());
    let smtp = smtp
        .log_in("accounts", Secret::new("hunter2"))
        .build()
        .unwrap();
    let error = refusal(&smtp, "ann@example.org").await;
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(server.mails().len(), 0);
    // Neither does one that offers no TLS when it should begin.
    let plain = MailServer::start("none").await;
    let smtp = mail_through(&plain, Security::StartTls).build().unwrap();
    let error = refusal(&smtp, "ann@example.org").await;
    assert!(
        error.to_string().contains("does not offer STARTTLS"),
        "{error}"
    );
}

#[tokio::test]
async fn silent_server_is_left() {
    let server = MailServer::start("tls").await;
    let smtp = mail_through(&server, Security::Implicit).timeout(Duration::from_secs(1));
    let smtp = smtp.build().unwrap();
    let begun = Instant::now();
    let error = refusal(&smtp, "slow@example.org").await;
    assert_eq!(error.retry(), Retry::Later);
    assert!(begun.elapsed() < Duration::from_secs(20));
    // A message whose future was dropped leaves no answers behind for the next.
    let dropped = smtp.send(&message_to("slow@example.org")).await;
    assert!(dropped.is_err());
    smtp.send(&message_to("ann@example.org")).await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn closed_port_is_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let smtp = Smtp::builder(site(), "127.0.0.1", "accounts@example.org").port(port);
    let error = refusal(&smtp.build().unwrap(), "ann@example.org").await;
    assert_eq!(error.retry(), Retry::Later);
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn linked_receiver_sends_mail() {
    let server = MailServer::start("tls").await;
    let smtp = mail_through(&server, Security::Implicit).build().unwrap();
    let dispatcher = Signals::builder().provide(smtp).build().unwrap();
    dispatcher
        .send(&message_to("ann@example.org"))
        .await
        .unwrap();
    let url = RelativeUrl::new(LINK).unwrap();
    let user = User::new(2, "bob", "", "");
    let reset = ResetPasswordEmail::new("test".into(), user, url, "bob@example.org".to_owned());
    dispatcher.send(&reset).await.unwrap();
    let mail = server.mail_to("bob@example.org").await;
    assert_eq!(mail.header("subject"), "Set a new password at example.org");
    assert!(!mail.text().contains("works for"), "{}", mail.text());
}

#[tokio::test]
async fn own_templates_replace_ours() {
    let server = MailServer::start("none").await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "en/verify_email.subject.txt",
        "Hello {{ user.username }}\nBcc: x@example.org",
    );
    write(
        "en/verify_email.html",
        "<a href=\"{{ link }}\">{{ user.first_name }} <b></a>",
    );
    write("en/_foot.txt", "never asked for");
    let build = || {
        Smtp::builder(site(), "127.0.0.1", "accounts@example.org")
            .port(server.port())
            .security(Security::None)
            .templates_from(folder.path())
            .build()
    };
    let mut message = message_to("ann@example.org");
    message.user.first_name = "<script>".to_owned();
    build().unwrap().send(&message).await.unwrap();
    let mail = server.mail_to("ann@example.org").await;
    assert_eq!(mail.header("subject"), "Hello ann Bcc: x@example.org");
    assert!(!mail.value("header_names").to_string().contains("bcc"));
    assert!(
        mail.html().contains("&lt;script&gt; <b>"),
        "{}",
        mail.html()
    );
    assert!(mail.text().starts_with("Please confirm your email address"));

    let problem = |expected: TemplateProblem, file: &str| match build().unwrap_err().kind() {
        BuildErrorKind::Template { name, wrong } => {
            assert_eq!((name.as_str(), wrong), (file, &expected));
        }
        other => unreachable!("{other:?}"),
    };
    write("it/verify_email.txt", "{{ link }}");
    problem(TemplateProblem::Missing, "it/reset_password_email.html");
    std::fs::remove_dir_all(folder.path().join("it")).unwrap();
    write("en/verify_mail.txt", "{{ link }}");
    problem(TemplateProblem::Unknown, "en/verify_mail.txt");
    std::fs::remove_file(folder.path().join("en/verify_mail.txt")).unwrap();
    let silent = TemplateProblem::NeitherLinkNorCode;
    for (file, text) in [
        ("de/verify_email.txt", "Bitte best\u{e4}tigen"),
        ("de/login_email.html", "<b>{{ site_name }}</b>"),
        (
            "en/reset_password_email.txt",
            "{% if false %}{{ link }}{{ code }}{% endif %}",
        ),
        // A message of which the code is over by then would say nothing.
        ("en/confirm_email.txt", "{{ code }}"),
        // With a code and no link it would say nothing.
        (
            "en/login_email.txt",
            "{% if not code %}{{ link }}{% endif %}",
        ),
    ] {
        write(file, text);
        problem(silent, file);
        std::fs::remove_file(folder.path().join(file)).unwrap();
    }
    // A subject and a notice need neither.
    write("en/login_email.subject.txt", "Hello");
    write("en/security_notice_email.txt", "Something was changed");
    build().unwrap();
    write("de/verify_email.txt", "\n{{ lnik }}");
    problem(TemplateProblem::Broken { line: 2 }, "de/verify_email.txt");
    write("de/verify_email.txt", "{% if");
    problem(TemplateProblem::Broken { line: 1 }, "de/verify_email.txt");
}

#[test]
fn unfit_settings_are_refused() {
    let builder = |host: &str, from: &str| Smtp::builder(site(), host, from);
    for (builder, kind) in [
        (builder("", "a@example.org"), BuildErrorKind::Host),
        (builder("a b", "a@example.org"), BuildErrorKind::Host),
        (builder("mail.example.org", "Ann"), BuildErrorKind::Sender),
        (
            builder("mail.example.org", "a@b\r\nBcc: c@d"),
            BuildErrorKind::Sender,
        ),
        (
            builder("mail.example.org", "m\u{fc}ller@example.org"),
            BuildErrorKind::Sender,
        ),
        (
            builder("mail.example.org", "x@b\u{fc}cher.-example"),
            BuildErrorKind::Sender,
        ),
        (
            builder("mail.example.org", "a@example.org").security(Security::None),
            BuildErrorKind::Plaintext,
        ),
        (
            builder("mail.example.org", "a@example.org").root_certificate(*b"none"),
            BuildErrorKind::Certificate,
        ),
        (
            builder("mail.example.org", "a@example.org").default_language("tlh"),
            BuildErrorKind::Language,
        ),
        (
            builder("mail.example.org", "a@example.org").templates_from("/nowhere/at/all"),
            BuildErrorKind::TemplateFolder,
        ),
    ] {
        assert_eq!(*builder.build().unwrap_err().kind(), kind);
    }
    let plain = builder("mail.example.org", "a@example.org").security(Security::None);
    let shown = format!(
        "{:?}",
        plain.danger_plain().log_in("ann", Secret::new("hunter2"))
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}
