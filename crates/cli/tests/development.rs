//! The development mode: what it prints, what its mailbox shows, and when it is not there.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a failed unwrap is a failed test"
)]

mod common;

use common::{Answer, Folder, Ran, Site};

/// A site with somebody on it, who has asked for both her addresses to be verified.
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
    let cookies = site
        .post("/accounts/login/", "login=ann&password=correct-horse")
        .cookies();
    let mut lines = Vec::new();
    for method in ["email", "phone"] {
        let form = format!("method={method}&pk=1");
        let answer = site.post_as("/accounts/user_verification/", &form, &cookies);
        assert_eq!(answer.status, 200, "{}", answer.body);
        lines.push(site.wait_for(|line| line.starts_with("verify_")));
    }
    for login in ["ann%40example.org", "%2B41446681800"] {
        site.post("/accounts/password_reset/", &format!("login={login}"));
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
        let expected = format!(
            r#"{signal} {{"user":{user},"url":"{url}","{field}":"{value}","sender":"{sender}"}}"#
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
    let (site, lines) = site_with_messages(&folder, Some("http://accounts.example.org"));
    let page = site.get("/dev/mailbox/");
    assert_eq!(page.status, 200);
    let mut from = 0;
    for line in lines.iter().rev() {
        let link = format!("<a href=\"http://accounts.example.org{}\">", url(line));
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
    assert_eq!(
        site.get("/dev/mailbox").header("location"),
        Some("/dev/mailbox/")
    );
}

#[test]
fn link_of_mailbox_verifies() {
    let folder = Folder::new();
    let (site, _) = site_with_messages(&folder, None);
    let page = site.get("/dev/mailbox/").body;
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
fn mailbox_answers_this_machine_only() {
    let folder = Folder::new();
    let site = folder.serve();
    let ask = |headers: &str| -> Answer {
        site.request(&format!("GET /dev/mailbox/ HTTP/1.1\r\n{headers}\r\n"), "")
    };
    assert_eq!(ask("Host: localhost").status, 200);
    for headers in [
        "Host: evil.example",
        "Host: localhost\r\nX-Forwarded-For: 203.0.113.7",
        "Host: localhost\r\nForwarded: for=203.0.113.7",
    ] {
        assert_eq!(ask(headers).status, 404, "{headers}");
    }
}

#[test]
fn strangers_need_receivers() {
    let folder = Folder::new();
    for addr in ["0.0.0.0:0", "[::]:0"] {
        let ran = folder.run(&["--addr", addr, "--site-url", "https://example.org"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        for said in [
            "nobody would receive reset_password_email, reset_password_phone, verify_email, verify_phone",
            "#[receiver(reset_password_email)]",
            "127.0.0.1:8000",
        ] {
            assert!(ran.stderr.contains(said), "{}", ran.stderr);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn development_can_be_forbidden() {
    let folder = Folder::new();
    let mut command = folder.command();
    command
        .args(["--addr", "127.0.0.1:0"])
        .env("PHONE_AUTH_DEVELOPMENT", "false");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("leave the setting development out"),
        "{}",
        ran.stderr
    );
    let mut command = folder.command();
    command
        .args(["--addr", "0.0.0.0:0"])
        .env("PHONE_AUTH_DEVELOPMENT", "true");
    let ran = Ran::from(command.output().unwrap());
    assert!(
        ran.stderr
            .contains("would be shown to whoever reaches 0.0.0.0:0"),
        "{}",
        ran.stderr
    );
}
