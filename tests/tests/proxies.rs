//! The site behind a real proxy that says nothing of where requests come from: no stranger reads a message.
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::net::Ipv4Addr;

use phone_auth_tests::{Gateway, Naming, Printed, Proxy, Site, SiteOptions, run, secret_file};

/// What a stranger may send as `Host`; `SITE` is the address that the program listens on.
const HOSTS: [&str; 13] = [
    "SITE",
    "127.0.0.1",
    "localhost",
    "LOCALHOST:80",
    "localhost.",
    "[::1]",
    "[::ffff:127.0.0.1]:8000",
    "0.0.0.0",
    "127.1",
    "example.org",
    "evil.example",
    "127.0.0.1.evil.example",
    "a@localhost",
];

/// What a stranger may add, to be taken for someone of this machine.
const FORGED: [&str; 8] = [
    "",
    "X-Forwarded-For: 127.0.0.1\r\n",
    "X-Forwarded-Host: localhost\r\n",
    "Forwarded: for=127.0.0.1;host=localhost;proto=http\r\n",
    "X-Real-IP: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n",
    "Via: 1.1 localhost\r\n",
    "Referer: http://127.0.0.1/dev/mailbox/\r\nOrigin: http://127.0.0.1\r\n",
    "Host: localhost\r\n",
];

/// Where the mailbox might be asked for without its token.
const PATHS: [&str; 6] = [
    "/dev/mailbox/",
    "/dev/mailbox",
    "/dev/mailbox/?token=",
    "/dev/mailbox/0123456789abcdef0123456789abcdef/",
    "//dev/mailbox/",
    "/accounts/../dev/mailbox/",
];

/// Every request of a stranger: hosts, forged headers and paths in all pairs, and the path as a whole URL.
fn requests(site: &Site) -> Vec<String> {
    let mut requests = Vec::new();
    for host in HOSTS {
        let host = host.replace("SITE", site.host());
        for forged in FORGED {
            for path in PATHS {
                requests.push(format!(
                    "GET {path} HTTP/1.1\r\nHost: {host}\r\n{forged}Connection: close\r\n\r\n"
                ));
            }
        }
        let whole = format!("http://{host}/dev/mailbox/");
        requests.push(format!(
            "GET {whole} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        ));
        requests.push(format!(
            "GET {whole} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ));
    }
    requests.push("GET /dev/mailbox/ HTTP/1.0\r\n\r\n".to_owned());
    requests
}

/// That no request reads a message through a proxy; where there is a mailbox, its token does.
async fn check(site: &Site, message: Option<&Printed>) {
    for proxy in [Proxy::nginx(site).await, Proxy::haproxy(site).await] {
        let name = proxy.name();
        for request in requests(site) {
            let answer = proxy.exchange(&request).await;
            let status = answer.split(' ').nth(1).unwrap_or_default();
            let is_refused = status.starts_with('4') || status == "301" || status == "308";
            assert!(is_refused, "{name} {request}: {answer}");
            assert!(!answer.contains("Mailbox"), "{name} {request}: {answer}");
            if let Some(message) = message {
                assert!(!answer.contains(message.token()), "{name} {request}");
            }
        }
        // The proxy works, and it is the site behind it that refused.
        let page = "GET /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let answer = proxy.exchange(page).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer}");
        let Some(message) = message else {
            continue;
        };
        let mailbox = site.mailbox().await;
        for host in ["localhost", "evil.example"] {
            let request =
                format!("GET {mailbox} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let answer = proxy.exchange(request).await;
            assert!(answer.contains(message.token()), "{name}: {answer}");
        }
    }
}

const PUBLIC: &str = "site_url = \"https://example.org\"\n";
const LOCAL: &str = "site_url = \"http://localhost\"\n";

/// A section that has one sender take the messages of one signal.
fn sender(gateway: &Gateway, signals: &str) -> String {
    format!(
        "[webhook]\nurl = \"{}/hook\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
         signals = [{signals}]\n",
        gateway.origin()
    )
}

const ONE: &str = "\"verify_email\"";
const ALL: &str =
    "\"reset_password_email\", \"reset_password_phone\", \"verify_email\", \"verify_phone\"";

#[tokio::test]
async fn stranger_reads_no_message() {
    let gateway = Gateway::start().await;
    let one = sender(&gateway, ONE);
    for settings in [
        String::new(),
        LOCAL.to_owned(),
        format!("development = true\n{one}"),
        format!("development = true\n{LOCAL}{one}"),
    ] {
        let site = started(&settings).await;
        let ann = site.signed_up_through(origin(&site, &settings)).await;
        let email = &ann.user.email;
        ann.client.ask_reset(email).await.expect(302);
        let message = site.printed("reset_password_email", email).await;
        site.mailbox_with(&message).await;
        check(&site, Some(&message)).await;
    }
}

#[tokio::test]
async fn site_for_others_has_no_mailbox() {
    let gateway = Gateway::start().await;
    let all = sender(&gateway, ALL);
    for settings in [
        all.clone(),
        format!("{LOCAL}{all}"),
        format!("{PUBLIC}{all}"),
    ] {
        let site = started(&settings).await;
        let ann = site.signed_up_through(origin(&site, &settings)).await;
        ann.client.ask_reset(&ann.user.email).await.expect(302);
        check(&site, None).await;
        let printed = site.record().printed();
        assert!(printed.is_empty(), "{settings}: {printed:?}");
    }
}

#[tokio::test]
async fn half_configured_site_does_not_start() {
    let gateway = Gateway::start().await;
    let one = sender(&gateway, ONE);
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("site.toml");
    for (settings, named) in [
        (PUBLIC.to_owned(), "site_url"),
        (format!("{PUBLIC}{one}"), "site_url"),
        (format!("{LOCAL}{one}"), "webhook.url"),
        (one.clone(), "webhook.url"),
        (format!("development = true\n{PUBLIC}"), "development"),
        (format!("development = true\n{PUBLIC}{one}"), "development"),
    ] {
        secret_file(&file, &format!("addr = \"127.0.0.1:0\"\n{settings}"));
        for command in ["serve", "check", "worker"] {
            let ran = run(folder.path(), &[command, "--config", "site.toml"], &[], "");
            let start = format!("phone-auth: {named} (");
            assert!(!ran.success, "{command} {settings}: {}", ran.said());
            assert!(ran.stderr.starts_with(&start), "{named}: {}", ran.stderr);
            assert_eq!(ran.stdout, "", "{command} {settings}");
        }
    }
}

/// What the site is called under these settings.
fn origin<'a>(site: &'a Site, settings: &str) -> &'a str {
    if settings.contains(PUBLIC) {
        "https://example.org"
    } else if settings.contains(LOCAL) {
        "http://localhost"
    } else {
        site.origin()
    }
}

async fn started(settings: &str) -> Site {
    let options: SiteOptions = Site::options();
    options.config(settings).start().await
}

/// Each client behind a proxy is limited by itself, by any way in which the proxy says who it is, and nothing that a client
/// writes makes it another.
#[tokio::test]
async fn clients_behind_a_proxy_are_told_apart() {
    for (naming, header, preface) in [
        (Naming::XForwardedFor, "x-forwarded-for", false),
        (Naming::XRealIp, "x-real-ip", false),
        (Naming::Forwarded, "forwarded", false),
        (Naming::Preface, "x-forwarded-for", true),
    ] {
        let settings = format!(
            "site_url = \"https://example.org\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
             client_address_header = \"{header}\"\nproxy_protocol = {preface}\n"
        );
        let site = Site::options()
            .without_messages()
            .limited()
            .config(&settings)
            .start()
            .await;
        let proxy = Proxy::naming(&site, naming).await;
        let [one, other] = [1, 2].map(|last| Ipv4Addr::new(127, 6, 0, last));
        let guess = async |client: Ipv4Addr, number: u32| {
            let body = format!("login=nobody{number}&password=not-Her-Password-1");
            let request = format!(
                "POST /accounts/login/ HTTP/1.1\r\nHost: example.org\r\nOrigin: https://example.org\r\n\
                 X-Forwarded-For: 198.51.100.{number}\r\nX-Real-IP: 198.51.100.{number}\r\n\
                 Forwarded: for=198.51.100.{number}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let answer = proxy.exchange_from(client, &request).await;
            answer.split(' ').nth(1).unwrap_or_default().to_owned()
        };
        let mut statuses = Vec::new();
        for number in 1..=11 {
            statuses.push(guess(one, number).await);
        }
        let expected = [vec!["400"; 10], vec!["429"]].concat();
        assert_eq!(statuses, expected, "{naming:?}");
        assert_eq!(guess(other, 1).await, "400", "{naming:?}");
        assert_eq!(guess(one, 12).await, "429", "{naming:?}");
    }
}
