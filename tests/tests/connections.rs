//! A thousand connections that keep the site waiting, with the limits that it is shipped with: everybody else is answered.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use phone_auth_tests::{PATIENCE, Raw, Site, together};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many as there are places.
const MANY: usize = 1000;

/// How long whoever comes then may wait. The shortest clock that would end the others is ten seconds.
const SOON: Duration = Duration::from_secs(5);

/// How much memory they may cost: 64 KiB each.
const MOST_MEMORY: u64 = 64 << 20;

/// Where the many come from: one client may have half of the places.
const FROM: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];

/// What each of them does.
#[derive(Clone, Copy, Debug)]
enum Stranger {
    SaysNothing,
    StopsInAHead,
    SendsAHeadWithoutEnd,
    StopsInABody,
    IsIdle,
    ReadsNoAnswer,
}

/// Room for both ends of so many connections.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("the limit may be raised to its maximum");
}

impl Stranger {
    async fn come(self, site: &Site, from: Ipv4Addr, style: &str) -> Raw {
        let host = site.host().to_owned();
        let mut raw = Raw::connect_from(site, from).await;
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        match self {
            Self::SaysNothing => {}
            Self::StopsInAHead => {
                raw.send("GET / HTTP/1.1\r\nHost: ").await;
            }
            Self::SendsAHeadWithoutEnd => {
                raw.send("GET / HTTP/1.1\r\nX: ").await;
                raw.press("y".repeat(400_000).as_bytes()).await;
            }
            Self::StopsInABody => {
                let form = "application/x-www-form-urlencoded";
                raw.send(format!(
                    "POST /accounts/login/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
                     Content-Type: {form}\r\nContent-Length: 60000\r\n\r\nlogin="
                ))
                .await;
            }
            Self::IsIdle => {
                raw.send(get(style)).await;
                assert_eq!(raw.status().await, Some(200));
            }
            Self::ReadsNoAnswer => {
                raw.press(get(style).repeat(200).as_bytes()).await;
            }
        }
        raw
    }
}

async fn check(stranger: Stranger) {
    raise_limit();
    let site = Site::start().await;
    let page = site.client().get("/").await.expect(200);
    let style = page.text().split("href=\"").find_map(|rest| {
        let path = rest.split('"').next()?;
        path.contains("/static/").then_some(path.to_owned())
    });
    let style = style.expect("the page has a style sheet");
    let before = site.peak_memory();
    let mut strangers = Vec::new();
    for from in FROM.into_iter().cycle().take(MANY) {
        strangers.push(stranger.come(&site, from, &style).await);
    }
    for _ in 0..20 {
        let asked = Instant::now();
        let client = site.client();
        client.get("/accounts/login/").await.expect(200);
        assert!(
            asked.elapsed() < SOON,
            "{stranger:?}: {:?}",
            asked.elapsed()
        );
    }
    let grown = site.peak_memory().saturating_sub(before);
    assert!(grown < MOST_MEMORY, "{stranger:?}: {grown} bytes");
    let warnings = site.record().stderr;
    assert!(warnings.len() <= 2, "{stranger:?}: {warnings:#?}");
    drop(strangers);
}

#[tokio::test]
async fn connections_that_say_nothing_give_way() {
    check(Stranger::SaysNothing).await;
}

#[tokio::test]
async fn unfinished_heads_give_way() {
    check(Stranger::StopsInAHead).await;
}

#[tokio::test]
async fn heads_without_end_are_cut_short() {
    check(Stranger::SendsAHeadWithoutEnd).await;
}

#[tokio::test]
async fn unfinished_bodies_give_way() {
    check(Stranger::StopsInABody).await;
}

#[tokio::test]
async fn idle_connections_give_way() {
    check(Stranger::IsIdle).await;
}

#[tokio::test]
async fn unread_answers_give_way() {
    check(Stranger::ReadsNoAnswer).await;
}

/// One client may have half of the places, at most; what may be a proxy, all.
#[tokio::test]
async fn one_client_has_its_share() {
    let site = Site::options()
        .setting("max_connections_per_client", "3")
        .start()
        .await;
    let host = site.host();
    let head = format!("HEAD / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for (from, open) in [(FROM[0], 3), (FROM[1], 3), (Ipv4Addr::LOCALHOST, 10)] {
        let mut all = Vec::new();
        for _ in 0..10 {
            let mut raw = Raw::connect_from(&site, from).await;
            raw.send(&head).await;
            assert_eq!(raw.status().await, Some(200), "{from}");
            all.push(raw);
        }
        let mut answered = 0;
        for mut raw in all {
            raw.press(head.as_bytes()).await;
            answered += usize::from(raw.status().await == Some(200));
        }
        assert_eq!(answered, open, "{from}");
    }
}

/// A system that gives few file descriptors is no reason for a line in the log at each connection.
#[tokio::test]
async fn few_descriptors_are_told_once() {
    let site = Site::options().descriptors(64).start().await;
    let mut strangers = Vec::new();
    for _ in 0..200 {
        strangers.push(Raw::connect_from(&site, FROM[0]).await);
    }
    let answers = together((0..10).map(|_| {
        let client = site.client();
        async move { client.get("/accounts/login/").await.status }
    }));
    let answers = tokio::time::timeout(PATIENCE, answers).await;
    assert_eq!(answers.expect("they are answered in time"), [200; 10]);
    let warnings = site.record().stderr;
    assert!((1..=3).contains(&warnings.len()), "{warnings:#?}");
    assert!(
        warnings.iter().any(|line| line.contains("ulimit -n")),
        "{warnings:#?}"
    );
}
