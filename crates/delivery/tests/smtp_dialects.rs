//! Mail to servers that speak as RFC 5321 lets them, and as those that are met do.
#![cfg(feature = "smtp")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use phone_auth_delivery::Secret;
use phone_auth_delivery::smtp::{Security, Smtp, SmtpBuilder};
use phone_auth_events::{RelativeUrl, Retry, Sender, SiteOrigin, User, VerifyEmail};
use phone_auth_tests::{GONE, Script, ScriptedMailServer};

/// Mail through this server, without TLS.
fn mail_through(server: &ScriptedMailServer) -> SmtpBuilder {
    let site = SiteOrigin::parse("https://example.org").unwrap();
    Smtp::builder(site, "localhost", "accounts@example.org")
        .port(server.port())
        .security(Security::None)
}

fn message() -> VerifyEmail {
    let user = User::new(1, "ann", "", "");
    let url = RelativeUrl::new("/accounts/5ec7e7/").unwrap();
    VerifyEmail::new(Sender::new("test"), user, url, "ann@example.org".to_owned())
}

/// How often it has heard a line that begins so.
fn count(server: &ScriptedMailServer, line: &str) -> usize {
    let heard = server.heard();
    heard.iter().filter(|heard| heard.starts_with(line)).count()
}

/// Answers of a code alone (RFC 5321, 4.2).
const MINIMALIST: Script = &[
    ("CONNECT", "220\r\n"),
    ("EHLO", "502\r\n"),
    ("HELO", "250\r\n"),
    ("NOOP", "250\r\n"),
    ("MAIL", "250\r\n"),
    ("RCPT", "250\r\n"),
    ("DATA", "354\r\n"),
    (".", "250\r\n"),
    ("QUIT", "221\r\n"),
];

const EXIM: Script = &[
    (
        "CONNECT",
        "220-mail.example.org ESMTP Exim 4.94.2\r\n220-We do not authorize\r\n220 spam.\r\n",
    ),
    (
        "EHLO",
        "250-mail.example.org Hello localhost [127.0.0.1]\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n\
         250-PIPELINING\r\n250-AUTH PLAIN LOGIN\r\n250 HELP\r\n",
    ),
    (".", "250 OK id=1lVc2k-0002Jx-Qz\r\n"),
];

const QMAIL: Script = &[
    ("CONNECT", "220 mail.example.org ESMTP\r\n"),
    (
        "EHLO",
        "250-mail.example.org\r\n250-auth login plain\r\n250-AUTH=LOGIN PLAIN\r\n250-pipelining\r\n250 8bitmime\r\n",
    ),
    (".", "250 ok 1620000000 qp 4711\r\n"),
];

const POSTFIX: Script = &[
    (
        "EHLO",
        "250-3f2a9c1b7d5e\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n",
    ),
    ("MAIL", "250 2.1.0 Ok\r\n"),
    (".", "250 2.0.0 Ok: queued as 4FZ\r\n"),
];

const IRONPORT: Script = &[
    ("CONNECT", "220 mail.example.org ESMTP\r\n"),
    (
        "EHLO",
        "250-mail.example.org\r\n250-8BITMIME\r\n250-SIZE 33554432\r\n250 AUTH=LOGIN PLAIN\r\n",
    ),
    ("MAIL", "250 sender <accounts@example.org> ok\r\n"),
    (".", "250 ok:  Message 4711 accepted\r\n"),
];

/// Ends of line without CR.
const CARELESS: Script = &[
    ("CONNECT", "220 hello\n"),
    ("EHLO", "250-hello\n250 Auth Plain\n"),
    ("AUTH", "235\n"),
    ("MAIL", "250 ok\n"),
];

#[tokio::test]
async fn mail_is_sent_in_every_dialect() {
    for (name, script, can_log_in) in [
        ("minimalist", MINIMALIST, false),
        ("Exim", EXIM, true),
        ("qmail", QMAIL, true),
        ("Postfix", POSTFIX, true),
        ("IronPort", IRONPORT, true),
        ("careless", CARELESS, true),
    ] {
        let server = ScriptedMailServer::start(script).await;
        let mut smtp = mail_through(&server);
        if can_log_in {
            smtp = smtp.log_in("accounts", Secret::new("hunter2"));
        }
        let smtp = smtp.build().unwrap();
        for _ in 0..2 {
            let sent = smtp.send(&message()).await;
            assert!(sent.is_ok(), "{name}: {sent:?} {:?}", server.heard());
        }
        assert_eq!(count(&server, "."), 2, "{name}");
        assert_eq!(count(&server, "CONNECT"), 1, "{name}");
        assert_eq!(count(&server, "AUTH"), usize::from(can_log_in), "{name}");
        drop(smtp);
        server.hears("QUIT").await;
    }
}

#[tokio::test]
async fn helo_is_said_where_ehlo_is_refused() {
    for (answer, is_tried) in [
        ("500 5.5.1 unrecognized\r\n", true),
        ("501 syntax\r\n", true),
        ("502 no\r\n", true),
        ("504 5.5.2 no\r\n", true),
        ("550 no\r\n", true),
        ("421 4.3.2 not now\r\n", false),
        ("451 4.3.0 later\r\n", false),
    ] {
        let script = Box::leak(Box::new([("EHLO", answer)]));
        let server = ScriptedMailServer::start(script).await;
        let smtp = mail_through(&server).build().unwrap();
        let sent = smtp.send(&message()).await;
        assert_eq!(sent.is_ok(), is_tried, "{answer}: {sent:?}");
        assert_eq!(count(&server, "HELO"), usize::from(is_tried), "{answer}");
    }
}

/// A server that is left without it bans those who do so often.
#[tokio::test]
async fn server_is_left_with_quit() {
    const AUTH: (&str, &str) = ("EHLO", "250-localhost\r\n250 AUTH PLAIN\r\n");
    for (script, count_of_quit) in [
        (&[("CONNECT", "554 no service\r\n")][..], 1),
        (&[("EHLO", "504 no\r\n"), ("HELO", "504 no\r\n")], 1),
        (&[AUTH, ("AUTH", "535 5.7.8 no\r\n")], 1),
        // The server offers no log-in.
        (&[("EHLO", "250 localhost\r\n")], 1),
        (&[AUTH, ("MAIL", "550 5.7.1 no\r\n")], 1),
        (&[AUTH, ("RCPT", "550 5.1.1 no\r\n")], 1),
        (&[AUTH, ("DATA", "451 4.3.0 no\r\n")], 1),
        (&[AUTH, (".", "554 5.7.1 no\r\n")], 1),
        // The server has left.
        (&[("CONNECT", "421 4.3.2 no\r\n")], 0),
        (&[AUTH, ("MAIL", "421 4.3.2 no\r\n")], 0),
    ] as [(Script, usize); 10]
    {
        let server = ScriptedMailServer::start(script).await;
        let smtp = mail_through(&server).log_in("accounts", Secret::new("hunter2"));
        let smtp = smtp.build().unwrap();
        smtp.send(&message()).await.unwrap_err();
        if count_of_quit > 0 {
            server.hears("QUIT").await;
        }
        assert_eq!(count(&server, "QUIT"), count_of_quit, "{script:?}");
    }
    // So is one that TLS was asked of in vain.
    for script in [
        &[("EHLO", "250 localhost\r\n")][..],
        &[
            ("EHLO", "250-localhost\r\n250 STARTTLS\r\n"),
            ("STARTTLS", "454 4.7.0 no\r\n"),
        ],
    ] as [Script; 2]
    {
        let server = ScriptedMailServer::start(script).await;
        let smtp = mail_through(&server).security(Security::StartTls);
        smtp.build().unwrap().send(&message()).await.unwrap_err();
        server.hears("QUIT").await;
    }
}

/// A server may leave a connection that is kept; that says nothing of the mail.
#[tokio::test]
async fn mail_is_sent_anew_where_the_server_has_left() {
    const LEFT: &str = "421 4.4.2 idle for too long\r\n";
    for script in [
        &[("NOOP", LEFT)][..],
        &[
            ("MAIL", "250 ok\r\n"),
            ("MAIL", LEFT),
            ("MAIL", "250 ok\r\n"),
        ],
        &[
            ("RCPT", "250 ok\r\n"),
            ("RCPT", LEFT),
            ("RCPT", "250 ok\r\n"),
        ],
        &[
            ("DATA", "354 ok\r\n"),
            ("DATA", LEFT),
            ("DATA", "354 ok\r\n"),
        ],
        &[(".", "250 ok\r\n"), (".", LEFT), (".", "250 ok\r\n")],
        // Without a code, before there was a mail.
        &[
            ("MAIL", "250 ok\r\n"),
            ("MAIL", "221\r\n"),
            ("MAIL", "250 ok\r\n"),
        ],
    ] as [Script; 6]
    {
        let server = ScriptedMailServer::start(script).await;
        let smtp = mail_through(&server).build().unwrap();
        for _ in 0..2 {
            let sent = smtp.send(&message()).await;
            assert!(sent.is_ok(), "{script:?}: {sent:?} {:?}", server.heard());
        }
        assert_eq!(count(&server, "CONNECT"), 2, "{script:?}");
    }
    // A new connection that is left is tried again later.
    let server = ScriptedMailServer::start(&[("MAIL", LEFT)]).await;
    let smtp = mail_through(&server).build().unwrap();
    let error = smtp.send(&message()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(count(&server, "CONNECT"), 1);
}

/// A server that leaves without a word after a whole mail may have taken it.
#[tokio::test]
async fn mail_that_may_be_taken_is_not_sent_anew() {
    let script = &[(".", "250 ok\r\n"), (".", GONE), (".", "250 ok\r\n")];
    let server = ScriptedMailServer::start(script).await;
    let smtp = mail_through(&server).build().unwrap();
    smtp.send(&message()).await.unwrap();
    let error = smtp.send(&message()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!((count(&server, "."), count(&server, "CONNECT")), (2, 1));
}

/// One that was idle for a minute is not used again, and not asked whether it could be.
#[tokio::test]
async fn connection_is_kept_for_a_minute() {
    let server = ScriptedMailServer::start(&[]).await;
    let smtp = mail_through(&server).build().unwrap();
    smtp.send(&message()).await.unwrap();
    for (idle, connections, asked) in [(50, 1, 1), (60, 2, 1), (59, 2, 2)] {
        // The clock stands only while nobody waits for the server.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(idle)).await;
        tokio::time::resume();
        smtp.send(&message()).await.unwrap();
        let counts = (count(&server, "CONNECT"), count(&server, "NOOP"));
        assert_eq!(counts, (connections, asked), "{idle} s");
    }
}
