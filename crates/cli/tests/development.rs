//! The development mode: what it prints, what its mailbox shows, and when it is not there.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a failed unwrap is a failed test"
)]

mod common;

use common::{Answer, Folder, Site};

/// A site with someone on it, who has asked for both their addresses to be verified.
fn site_with_messages(folder: &Folder, origin: Option<&str>) -> (Site, Vec<String>) {
    let made = folder.run_with_input(
        &[
            "user",
            "create",
            "ann",
            "--email",
            "ann@example.org",
            "--phone",
            "+41 44 668 18 00",
            "--first-name",
            "<b>",
        ],
        "correct-horse\n",
    );
    assert_eq!(made.code, Some(0), "{made:?}");
    let mut site = folder.serve_with(|command| {
        if let Some(origin) = origin {
            command.args(["--site-url", origin]);
        }
    });
    let post = |site: &Site, path: &str, form: &str, cookies: &str| {
        let (host, length) = (&site.host, form.len());
        // The browser says that the form is of this site, whatever that is called.
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
             Cookie: {cookies}\r\n"
        );
        site.request(&head, form)
    };
    let log_in = "login=ann&password=correct-horse";
    let cookies = post(&site, "/accounts/login/", log_in, "").cookies();
    let mut lines = Vec::new();
    for method in ["email", "phone"] {
        let form = format!("method={method}&pk=1");
        let answer = post(&site, "/accounts/user_verification/", &form, &cookies);
        assert_eq!(answer.status, 302, "{}", answer.body);
        lines.push(site.wait_for(|line| line.starts_with("verify_")));
    }
    for login in ["ann%40example.org", "%2B41446681800"] {
        let form = format!("login={login}");
        post(&site, "/accounts/password_reset/", &form, "");
        lines.push(site.wait_for(|line| line.starts_with("reset_")));
    }
    (site, lines)
}

/// The URL of a line.
fn url(line: &str) -> &str {
    let (_, rest) = line.split_once("\"url\":\"").unwrap();
    rest.split('"').next().unwrap()
}

#[test]
fn lines_have_exact_form() {
    let folder = Folder::new();
    let (mut site, lines) = site_with_messages(&folder, None);
    let user = r#"{"id":1,"username":"ann","first_name":"<b>","last_name":""}"#;
    let (verify, reset) = ("request_verification", "request_password_reset");
    for (line, signal, field, value, sender, path) in [
        (
            &lines[0],
            "verify_email",
            "email",
            "ann@example.org",
            verify,
            "/accounts/user_verification_confirm/ZW1haWwx/",
        ),
        (
            &lines[1],
            "verify_phone",
            "phone",
            "+41446681800",
            verify,
            "/accounts/user_verification_confirm/cGhvbmUx/",
        ),
        (
            &lines[2],
            "reset_password_email",
            "email",
            "ann@example.org",
            reset,
            "/accounts/password_reset_confirm/MQ/",
        ),
        (
            &lines[3],
            "reset_password_phone",
            "phone",
            "+41446681800",
            reset,
            "/accounts/password_reset_confirm/MQ/",
        ),
    ] {
        let url = url(line);
        assert!(url.starts_with(path) && url.ends_with('/'), "{url}");
        let (_, code) = line.rsplit_once(",\"code\":").unwrap();
        let digits = code.trim_matches(|c| "\"}".contains(c));
        assert!(
            digits.len() == 6 && digits.bytes().all(|c| c.is_ascii_digit()),
            "{line}"
        );
        let expected = format!(
            r#"{signal} {{"user":{user},"url":"{url}","{field}":"{value}","sender":"{sender}","code":"{digits}"}}"#
        );
        assert_eq!(*line, expected);
    }
    // Nothing else has a line: not the log-in, not what happened besides.
    let (code, logs) = site.stop();
    assert_eq!((code, logs.as_str()), (Some(0), ""));
    let printed = site.said.iter().filter(|line| line.contains('{')).count();
    assert_eq!(printed, 4, "{:#?}", site.said);
}

#[test]
fn mailbox_shows_newest_first() {
    let folder = Folder::new();
    let (mut site, lines) = site_with_messages(&folder, Some("http://accounts.localhost"));
    let mailbox = site.mailbox();
    let page = site.get(&mailbox);
    assert_eq!(page.status, 200);
    let mut from = 0;
    for line in lines.iter().rev() {
        let link = format!("<a href=\"http://accounts.localhost{}\">", url(line));
        let at = page.body[from..].find(&link);
        assert!(
            at.is_some(),
            "{link} is not there or in another order: {}",
            page.body
        );
        from += at.unwrap();
    }
    assert!(page.body.contains("<title>Mailbox"));
    assert!(!page.body.contains("<b>"));
    assert_eq!(page.header("cache-control"), Some("private, no-store"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
}

#[test]
fn link_of_mailbox_verifies() {
    let folder = Folder::new();
    let (mut site, _) = site_with_messages(&folder, None);
    let mailbox = site.mailbox();
    let page = site.get(&mailbox).body;
    let origin = format!("http://{}", site.host);
    let link = page
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find_map(|link| {
            link.strip_prefix(&*origin)
                .filter(|path| path.contains("ZW1haWwx"))
        });
    let answer = site.get(link.unwrap());
    assert!(
        answer.body.contains("Verification successful"),
        "{}",
        answer.body
    );
}

#[test]
fn token_alone_opens_the_mailbox() {
    let folder = Folder::new();
    let (mut site, lines) = site_with_messages(&folder, None);
    let mailbox = site.mailbox();
    let ask = |method: &str, path: &str, headers: &str| -> Answer {
        site.request(&format!("{method} {path} HTTP/1.1\r\n{headers}\r\n"), "")
    };
    let token = mailbox.rsplit('/').nth(1).unwrap();
    assert!(token.len() >= 22, "{mailbox}");
    let hosts = [
        "Host: localhost",
        "Host: evil.example",
        "Host: localhost\r\nX-Forwarded-For: 203.0.113.7",
    ];
    for headers in hosts {
        // Anyone who has it is let in, wherever they come from.
        for path in [mailbox.as_str(), mailbox.trim_end_matches('/')] {
            let page = ask("GET", path, headers);
            assert_eq!(page.status, 200, "{path} {headers}");
            assert!(page.body.contains(url(&lines[0])), "{path} {headers}");
        }
        for path in [
            "/dev/mailbox".to_owned(),
            "/dev/mailbox/".to_owned(),
            "/dev/mailbox//".to_owned(),
            format!("/dev/mailbox/?token={token}"),
            mailbox.to_uppercase(),
            mailbox.replace(token, &token[1..]),
            mailbox.replace(token, &format!("{token}0")),
            mailbox.replace(token, &"0".repeat(token.len())),
            mailbox.replace(token, "%FF"),
            format!("/dev/mailbox/{token}/x"),
        ] {
            for method in ["GET", "HEAD", "POST"] {
                let answer = ask(method, &path, headers);
                assert_eq!(answer.status, 404, "{method} {path} {headers}");
                assert!(!answer.body.contains(url(&lines[0])), "{path} {headers}");
            }
        }
    }
    // Another start has another token.
    assert_ne!(folder.serve().mailbox(), mailbox);
}

#[test]
fn token_is_in_no_log() {
    let folder = Folder::new();
    let mut site = folder.serve_with(|command| {
        command.env("RUST_LOG", "trace");
    });
    let mailbox = site.mailbox();
    for path in [mailbox.as_str(), "/dev/mailbox/wrong/"] {
        site.get(path);
    }
    let (_, logs) = site.stop();
    let token = mailbox.rsplit('/').nth(1).unwrap();
    assert!(logs.contains("applied the migration"), "{logs}");
    assert!(!logs.contains(token), "{logs}");
}

/// The sections that turn senders on.
const SMTP: &str = "[smtp]\nhost = \"mail.example\"\nfrom = \"a@b.example\"\n";
const SMS: &str = "[sms]\nurl = \"https://sms.example/?n={{ to }}&t={{ text }}\"\n";
const TWILIO: &str = "[sms]\ntwilio_account_sid = \"AC0\"\ntwilio_auth_token = \"x\"\ntwilio_from = \"+12125552368\"\n";
const WEBHOOK: &str = "[webhook]\nurl = \"https://sender.example/\"\nsignals = [\"verify_email\"]\n\
                       secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
const NATS: &str = "[nats]\nurl = \"tls://nats.example\"\nsignals = [\"verify_email\"]\n";

/// What `serve` and `check` say to these settings, which one of them refuses as the other does: the setting that is
/// named, and a cure.
fn refused(settings: &str, setting: &str, cure: &str) {
    for command in ["serve", "check", "worker"] {
        let folder = Folder::new();
        folder.write("x.toml", settings);
        let ran = folder.run(&[command, "--config", "x.toml"]);
        assert_eq!(ran.code, Some(2), "{command} {settings}: {ran:?}");
        let start = format!("phone-auth: {setting} (");
        assert!(ran.stderr.starts_with(&start), "{setting}: {}", ran.stderr);
        assert!(ran.stderr.contains(cure), "{cure}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn half_configured_site_is_refused() {
    let addr = "addr = \"127.0.0.1:0\"\n";
    let all = "nobody would receive reset_password_email, reset_password_phone, verify_email, verify_phone; \
               set smtp.host and sms.url, webhook.url or nats.url";
    let public = "site_url = \"https://example.org\"\n";
    let local = "site_url = \"http://localhost:8000\"\n";
    let phones = "nobody would receive reset_password_phone, verify_phone; set sms.url, ";
    let emails = "nobody would receive reset_password_email, verify_email; set smtp.host, ";
    let rest = "nobody would receive reset_password_email, reset_password_phone, verify_phone; ";
    for (settings, setting, cure) in [
        (public.to_owned(), "site_url", all),
        ("addr = \"0.0.0.0:0\"\n".to_owned() + public, "addr", all),
        (public.to_owned() + SMTP, "site_url", phones),
        (SMTP.to_owned(), "smtp.host", phones),
        (local.to_owned() + SMTP, "smtp.host", phones),
        (SMS.to_owned(), "sms.url", emails),
        (TWILIO.to_owned(), "sms.twilio_account_sid", emails),
        (WEBHOOK.to_owned(), "webhook.url", rest),
        (
            WEBHOOK.to_owned(),
            "webhook.url",
            "add them to webhook.signals",
        ),
        (NATS.to_owned(), "nats.url", rest),
        (
            "disabled_receivers = [\"phone_auth.smtp\"]\n".to_owned() + SMTP,
            "smtp.host",
            "take phone_auth.smtp out of disabled_receivers",
        ),
        (
            SMTP.to_owned(),
            "smtp.host",
            "set development = true to look at them",
        ),
        (
            "authentication_methods = [\"email\", \"phone\"]\nallow_unreceived = [\"reset_password_phone\"]\n".to_owned() + SMTP,
            "smtp.host",
            "nobody would receive verify_phone; ",
        ),
        (
            SMTP.to_owned(),
            "smtp.host",
            "set allow_unreceived = [\"reset_password_phone\", \"verify_phone\"] (in the environment \
             PHONE_AUTH_ALLOW_UNRECEIVED=reset_password_phone,verify_phone) to do without",
        ),
        (
            "login_by_code = true\n".to_owned() + SMTP,
            "smtp.host",
            "nobody would receive reset_password_phone, verify_phone, login_phone; set sms.url, ",
        ),
        (
            "login_by_code = true\n".to_owned() + SMS,
            "sms.url",
            "nobody would receive reset_password_email, verify_email, login_email; set smtp.host, ",
        ),
        (
            "login_by_code = true\n".to_owned() + public,
            "site_url",
            "nobody would receive reset_password_email, reset_password_phone, verify_email, verify_phone, login_email, \
             login_phone; set smtp.host and ",
        ),
        (
            "login_by_code = true\nallow_unreceived = [\"reset_password_phone\", \"verify_phone\"]\n".to_owned() + SMTP,
            "smtp.host",
            "nobody would receive login_phone; set sms.url, ",
        ),
        (
            "login_by_code = true\nallow_unreceived = [\"reset_password_email\", \"verify_email\"]\n".to_owned() + SMS,
            "sms.url",
            "nobody would receive login_email; set smtp.host, ",
        ),
        (
            "development = false\n".to_owned(),
            "development",
            "to look at them on this machine alone",
        ),
        (
            "development = true\n".to_owned() + public,
            "development",
            "others see the site at https://example.org",
        ),
        (
            "development = true\naddr = \"0.0.0.0:0\"\n".to_owned() + public,
            "development",
            "would be shown to anyone who reaches 0.0.0.0:0",
        ),
    ] {
        let settings = if settings.contains("addr") {
            settings
        } else {
            addr.to_owned() + &settings
        };
        refused(&settings, setting, cure);
    }
}

#[test]
fn check_tells_what_serve_does() {
    for (settings, mode, says) in [
        (
            "",
            "development: messages are not sent",
            "(development mode)",
        ),
        (
            "site_url = \"http://localhost:8000\"\n",
            "development: messages are not sent",
            "(development mode)",
        ),
        (
            &format!("development = true\n{SMTP}"),
            "development: messages are shown",
            "  verify_email         to SMTP (mail.example)",
        ),
        (
            &format!("{SMTP}{SMS}"),
            "delivery: messages are sent by",
            "note: site_url is not set, so links in messages begin with http://127.0.0.1:",
        ),
        (
            &format!("site_url = \"https://example.org\"\n{SMTP}{SMS}"),
            "delivery: messages are sent by",
            "  verify_phone         to SMS gateway (sms.example)",
        ),
        (
            &format!(
                "site_url = \"https://example.org\"\nallow_unreceived = [\"verify_phone\", \"reset_password_phone\"]\n{SMTP}"
            ),
            "delivery: messages are sent by",
            "  verify_phone         to nobody",
        ),
    ] {
        let folder = Folder::new();
        folder.write("x.toml", &format!("addr = \"127.0.0.1:0\"\n{settings}"));
        let ran = folder.run(&["check", "--config", "x.toml"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{settings}");
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
        let is_development = ran.stdout.contains("(development mode)");

        let mut command = folder.command();
        command.args(["--config", "x.toml"]);
        let mut site = Site::start(command);
        site.wait_for(|line| line.starts_with("Ctrl-C"));
        let said = site.said.join("\n");
        assert!(
            said.contains(&format!("mode       {mode}")),
            "{settings}: {said}"
        );
        assert_eq!(said.contains("/dev/mailbox/"), is_development, "{said}");
        let is_nameless = ran.stdout.contains("note: site_url is not set");
        assert_eq!(
            said.contains("WARNING    site_url is not set"),
            is_nameless,
            "{said}"
        );
    }
}

#[test]
fn message_without_receiver_is_not_enqueued() {
    let folder = Folder::new();
    let made = folder.run_with_input(
        &[
            "user",
            "create",
            "ann",
            "--email",
            "ann@example.org",
            "--phone",
            "+41 44 668 18 00",
        ],
        "correct-horse\n",
    );
    assert_eq!(made.code, Some(0), "{made:?}");
    let none = "reset_password_phone,verify_phone";
    let site = folder.serve_with(|command| {
        command.env("PHONE_AUTH_ALLOW_UNRECEIVED", none);
    });
    let cookies = site
        .post("/accounts/login/", "login=ann&password=correct-horse")
        .cookies();
    let answer = site.post_as(
        "/accounts/user_verification/",
        "method=phone&pk=1",
        &cookies,
    );
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(
        answer.body.contains("No message was sent"),
        "{}",
        answer.body
    );
    // Anyone who has the number, or nobody.
    for login in ["%2B41446681800", "%2B41446681801"] {
        let answer = site.post("/accounts/password_reset/", &format!("login={login}"));
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(
            answer.body.contains("send text messages"),
            "{}",
            answer.body
        );
    }
    let answer = site.post_as(
        "/accounts/user_verification/",
        "method=email&pk=1",
        &cookies,
    );
    assert_eq!(answer.status, 302, "{}", answer.body);
    let answer = site.post("/accounts/password_reset/", "login=ann%40example.org");
    assert_eq!(answer.status, 302, "{}", answer.body);
    let outbox = folder.run(&["outbox", "list"]);
    assert!(!outbox.stdout.contains("phone"), "{outbox:?}");
}
