//! Mail to servers that are slow, silent or hostile, and what their refusals mean.
#![cfg(feature = "smtp")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::num::NonZeroUsize;
use std::time::Duration;

use phone_auth_delivery::smtp::{Security, Smtp, SmtpBuilder};
use phone_auth_events::{RelativeUrl, Retry, Sender, SiteOrigin, User, VerifyEmail};
use phone_auth_tests::{MailServer, SILENCE, Script, ScriptedMailServer};

/// Mail through the server at this port, without TLS.
fn mail_through(port: u16) -> SmtpBuilder {
    let site = SiteOrigin::parse("https://example.org").unwrap();
    Smtp::builder(site, "localhost", "accounts@example.org")
        .port(port)
        .security(Security::None)
}

/// Mail over TLS that begins by STARTTLS.
fn starttls_through(server: &ScriptedMailServer) -> Smtp {
    let root = std::fs::read(server.certificates().root()).unwrap();
    let smtp = mail_through(server.port()).security(Security::StartTls);
    smtp.root_certificate(root).build().unwrap()
}

fn message_to(email: &str) -> VerifyEmail {
    let user = User::new(1, "ann", "", "");
    let url = RelativeUrl::new("/accounts/5ec7e7/").unwrap();
    VerifyEmail::new(Sender::new("test"), user, url, email.to_owned())
}

#[tokio::test]
async fn waiting_costs_no_time() {
    let server = MailServer::start("none").await;
    let smtp = mail_through(server.port())
        .connections(NonZeroUsize::MIN)
        .timeout(Duration::from_secs(2));
    let smtp = smtp.build().unwrap();
    // The only connection is taken until the first message has run out of time.
    let (slow, quick) = (
        message_to("slow@example.org"),
        message_to("ann@example.org"),
    );
    let (slow, quick) = tokio::join!(smtp.send(&slow), smtp.send(&quick));
    assert_eq!(slow.unwrap_err().retry(), Retry::Later);
    quick.unwrap();
    server.mail_to("ann@example.org").await;
}

#[tokio::test]
async fn silent_connection_is_replaced() {
    const FORGOTTEN: Script = &[("NOOP", SILENCE)];
    let server = ScriptedMailServer::start(FORGOTTEN).await;
    let smtp = mail_through(server.port()).timeout(Duration::from_secs(8));
    let smtp = smtp.build().unwrap();
    for _ in 0..2 {
        smtp.send(&message_to("ann@example.org")).await.unwrap();
    }
    let heard = server.heard();
    let count = |line: &str| heard.iter().filter(|known| *known == line).count();
    assert_eq!(
        (count("CONNECT"), count("NOOP"), count(".")),
        (2, 1, 2),
        "{heard:?}"
    );
}

/// What is on the way has forgotten all that were kept, so that one answer is waited for in vain, and not one for each.
#[tokio::test]
async fn silent_connection_takes_the_others_along() {
    const FORGOTTEN: Script = &[("NOOP", SILENCE), ("NOOP", "250 ok\r\n")];
    let server = ScriptedMailServer::start(FORGOTTEN).await;
    let smtp = mail_through(server.port()).timeout(Duration::from_secs(8));
    let smtp = smtp.build().unwrap();
    let message = message_to("ann@example.org");
    let two = async || {
        let (one, other) = tokio::join!(smtp.send(&message), smtp.send(&message));
        one.unwrap();
        other.unwrap();
    };
    two().await;
    smtp.send(&message).await.unwrap();
    two().await;
    let heard = server.heard();
    let count = |line: &str| heard.iter().filter(|known| *known == line).count();
    // Two that were forgotten, the one in their place, which is used again, and another beside it.
    assert_eq!((count("CONNECT"), count("NOOP")), (4, 2), "{heard:?}");
}

/// What someone on the way put behind the answer to STARTTLS would be read as the answer to what is said
/// over TLS, and each answer as that to the command after its own (CVE-2011-0411).
#[tokio::test]
async fn words_before_tls_are_refused() {
    const HELLO: (&str, &str) = ("EHLO", "250-localhost\r\n250 STARTTLS\r\n");
    const REFUSAL: (&str, &str) = (".", "554 5.6.0 refused\r\n");
    const BEHIND: Script = &[
        HELLO,
        ("STARTTLS", "220 go on\r\n250 STARTTLS\r\n"),
        REFUSAL,
    ];
    const HALF_A_LINE: Script = &[HELLO, ("STARTTLS", "220 go on\r\n25"), REFUSAL];
    const AT_THE_GREETING: Script = &[
        ("CONNECT", "220 localhost\r\n250 STARTTLS\r\n220 go on\r\n"),
        HELLO,
        REFUSAL,
    ];
    for script in [BEHIND, HALF_A_LINE, AT_THE_GREETING] {
        let server = ScriptedMailServer::start(script).await;
        let smtp = starttls_through(&server);
        let error = smtp.send(&message_to("ann@example.org")).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Later);
        assert_eq!(
            error.to_string(),
            "the mail server says more than it was asked"
        );
        assert!(!server.heard().contains(&"TLS".to_owned()));
    }
}

#[tokio::test]
async fn starttls_takes_one_answer() {
    const REFUSED: Script = &[
        ("EHLO", "250-localhost\r\n250 starttls\r\n"),
        ("STARTTLS", "454 4.7.0 no TLS today\r\n"),
    ];
    const HONEST: Script = &[
        ("EHLO", "250-localhost\r\n250 STARTTLS\r\n"),
        ("STARTTLS", "220 go on\r\n"),
    ];
    let server = ScriptedMailServer::start(REFUSED).await;
    let error = starttls_through(&server)
        .send(&message_to("ann@example.org"))
        .await
        .unwrap_err();
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(
        error.to_string(),
        "the mail server does not begin TLS (454 4.7.0)"
    );

    let server = ScriptedMailServer::start(HONEST).await;
    let smtp = starttls_through(&server);
    for _ in 0..2 {
        smtp.send(&message_to("ann@example.org")).await.unwrap();
    }
    let heard = server.heard();
    let connections = heard.iter().filter(|line| *line == "CONNECT").count();
    assert_eq!(connections, 1, "{heard:?}");
    let hellos = heard.iter().filter(|line| line.starts_with("EHLO")).count();
    assert_eq!(hellos, 2, "{heard:?}");
}

/// The server is asked for addresses beyond ASCII only where the recipient has one.
#[tokio::test]
async fn sender_is_written_in_ascii() {
    let server = ScriptedMailServer::start(&[]).await;
    let site = SiteOrigin::parse("https://example.org").unwrap();
    let smtp = Smtp::builder(site, "localhost", "B\u{fc}cher <x@b\u{fc}cher.example>")
        .port(server.port())
        .security(Security::None);
    let smtp = smtp.build().unwrap();
    smtp.send(&message_to("ann@example.org")).await.unwrap();
    let heard = server.heard();
    assert!(
        heard.contains(&"MAIL FROM:<x@xn--bcher-kva.example>".to_owned()),
        "{heard:?}"
    );
}

/// What the server was greeted with, before TLS and after it.
async fn greetings(server: &ScriptedMailServer, smtp: &Smtp) -> Vec<String> {
    smtp.send(&message_to("ann@example.org")).await.unwrap();
    let heard = server.heard();
    let hellos = heard.iter().filter_map(|line| line.strip_prefix("EHLO "));
    hellos.map(str::to_owned).collect()
}

#[tokio::test]
async fn server_is_greeted_with_a_full_domain() {
    const TLS: Script = &[
        ("EHLO", "250-localhost\r\n250 STARTTLS\r\n"),
        ("STARTTLS", "220 go on\r\n"),
    ];
    let server = ScriptedMailServer::start(TLS).await;
    let expected = ["example.org", "example.org"];
    assert_eq!(
        greetings(&server, &starttls_through(&server)).await,
        expected
    );

    for (name, said) in [
        ("www.example.org", "www.example.org"),
        ("[192.0.2.1]", "[192.0.2.1]"),
    ] {
        let server = ScriptedMailServer::start(&[]).await;
        let smtp = mail_through(server.port()).hello(name).build().unwrap();
        assert_eq!(greetings(&server, &smtp).await, [said]);
    }
}

#[tokio::test]
async fn only_an_address_that_is_gone_ends_the_trying() {
    const HELO_AT_EHLO: Script = &[
        (
            "EHLO",
            "504 5.5.2 <web-1>: Helo command rejected: need fully-qualified hostname\r\n",
        ),
        (
            "HELO",
            "504 5.5.2 <web-1>: Helo command rejected: need fully-qualified hostname\r\n",
        ),
    ];
    const HELO_AT_RCPT: Script = &[(
        "RCPT",
        "504 5.5.2 <web-1>: Helo command rejected: need fully-qualified hostname\r\n",
    )];
    const RELAY: Script = &[("RCPT", "550 relay not permitted\r\n")];
    const SENDER: Script = &[(
        "RCPT",
        "550-Verification failed for <accounts@example.org>\r\n550-No Such User Here\r\n550 Sender verify failed\r\n",
    )];
    const SPAM: Script = &[(
        ".",
        "550-5.7.1 Our system has detected\r\n550 5.7.1 spam\r\n",
    )];
    const GONE: Script = &[("RCPT", "550 5.1.1 no such user\r\n")];
    const GONE_AT_THE_END: Script = &[("RCPT", "550-Sorry, no mailbox\r\n550 here. (#5.1.1)\r\n")];
    const GONE_AFTER_THE_MAIL: Script = &[(".", "550-5.1.1 no\r\n550 5.1.1 such user\r\n")];
    const GONE_IN_WORDS: Script = &[("RCPT", "550 Unknown user\r\n")];
    for (script, retry, said) in [
        (HELO_AT_EHLO, Retry::Later, "cannot be reached (504 5.5.2)"),
        (HELO_AT_RCPT, Retry::Later, "the recipient (504 5.5.2)"),
        (RELAY, Retry::Later, "the recipient (550)"),
        (SENDER, Retry::Later, "the recipient (550)"),
        (SPAM, Retry::Later, "the mail (550 5.7.1)"),
        (GONE, Retry::Never, "the recipient (550 5.1.1)"),
        (GONE_AT_THE_END, Retry::Never, "the recipient (550 5.1.1)"),
        (GONE_AFTER_THE_MAIL, Retry::Never, "the mail (550 5.1.1)"),
        (GONE_IN_WORDS, Retry::Never, "the recipient (550)"),
    ] {
        let server = ScriptedMailServer::start(script).await;
        let smtp = mail_through(server.port()).build().unwrap();
        let error = smtp.send(&message_to("ann@example.org")).await.unwrap_err();
        assert_eq!(error.retry(), retry, "{script:?}");
        assert!(error.to_string().ends_with(said), "{script:?}: {error}");
    }
}
