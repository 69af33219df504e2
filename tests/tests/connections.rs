//! A thousand connections that keep the site waiting, with the limits that it is shipped with: everybody else is answered.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use phone_auth_test_postgres::Database;
use phone_auth_tests::{PATIENCE, Proxy, Raw, Site, together, until};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Mutex;

/// As many as there are places.
const MANY: usize = 1000;

/// How long anyone who comes then may wait. The shortest clock that would end the others is ten seconds.
const SOON: Duration = Duration::from_secs(3);

/// How many ask then, one after the other.
const ASKING: usize = 20;

/// How often they may ask again in all, because an answer did not come soon: the machine does other things as well, and the
/// program is built without optimisation. Where nobody gives way, nobody is answered for those ten seconds. A median would
/// not do: when a clock ends all strangers at once, it is the first alone who has waited for it.
const AGAIN: usize = 2;

/// One crowd at a time: it is not to be measured how they slow each other.
static CROWD: Mutex<()> = Mutex::const_new(());

/// How long a connection may stay open whose head cannot be read. The listener gives it a second to see the answer.
const ENDS: Duration = Duration::from_secs(5);

/// How many descriptors the site may have more than before: for those who asked meanwhile, and for the database.
const SPARE: usize = 50;

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
    Unreadable(Head),
}

/// The head of a request that is none.
#[derive(Clone, Copy, Debug)]
enum Head {
    Nonsense,
    OtherProtocol,
    Tls,
    Http2,
    Noise,
    LongLine,
    LongField,
}

impl Head {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Nonsense => b"what is this\r\n\r\n".to_vec(),
            Self::OtherProtocol => b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
            Self::Tls => {
                // A record with a ClientHello of TLS 1.2 and its 508 bytes, here all random.
                let mut hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
                hello.extend(noise().take(506));
                hello
            }
            Self::Http2 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            Self::Noise => noise().take(4000).collect(),
            Self::LongLine => format!("GET /{} HTTP/1.1\r\n", "y".repeat(20_000)).into(),
            Self::LongField => format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(20_000)).into(),
        }
    }

    /// The status of the answer to it.
    fn status(self) -> u16 {
        match self {
            Self::LongLine | Self::LongField => 431,
            _ => 400,
        }
    }
}

/// Bytes that are no text, always the same.
fn noise() -> impl Iterator<Item = u8> {
    let mut state = 0x9e37_79b9_u32;
    std::iter::repeat_with(move || {
        // Xorshift.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0] | 0x80
    })
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
            Self::Unreadable(head) => {
                raw.press(&head.bytes()).await;
            }
        }
        raw
    }
}

/// Has many strangers come and others ask while they are there.
async fn check(stranger: Stranger) {
    let _alone = CROWD.lock().await;
    raise_limit();
    let site = Site::options().limited().start().await;
    let style = style_sheet(&site).await;
    let (before, descriptors) = (site.peak_memory(), site.descriptors());
    let mut strangers = Vec::new();
    for from in FROM.into_iter().cycle().take(MANY) {
        strangers.push(stranger.come(&site, from, &style).await);
    }
    let mut late = 0;
    for _ in 0..ASKING {
        while !is_answered_soon(&site).await {
            late += 1;
            assert!(late <= AGAIN, "{stranger:?}: not answered soon");
        }
    }
    if let Stranger::Unreadable(head) = stranger {
        check_refused(head, &site, descriptors, strangers).await;
    }
    let grown = site.peak_memory().saturating_sub(before);
    assert!(grown < MOST_MEMORY, "{stranger:?}: {grown} bytes");
    let said = site.stop().record.stderr;
    // Of each kind of line that was written, one tells at the end how many there were.
    let is_count = |line: &&String| line.ends_with("more of this kind, this is the latest)");
    let (counts, warnings): (Vec<_>, Vec<_>) = said.iter().partition(is_count);
    assert!(warnings.len() <= 2, "{stranger:?}: {said:#?}");
    assert!(counts.len() <= warnings.len(), "{stranger:?}: {said:#?}");
}

/// The path of the style sheet.
async fn style_sheet(site: &Site) -> String {
    let page = site.client().get("/").await.expect(200);
    let style = page.text().split("href=\"").find_map(|rest| {
        let path = rest.split('"').next()?;
        path.contains("/static/").then_some(path.to_owned())
    });
    style.expect("the page has a style sheet")
}

async fn is_answered_soon(site: &Site) -> bool {
    let client = site.client();
    let asked = tokio::time::timeout(SOON, client.get("/accounts/login/"));
    let answer = asked.await.ok();
    answer.map(|answer| answer.expect(200)).is_some()
}

/// Each was told why, and has no place any more although it does not hang up.
async fn check_refused(head: Head, site: &Site, before: usize, strangers: Vec<Raw>) {
    let let_go = until("connections are let go", || async {
        site.descriptors() <= before + SPARE
    });
    let is_in_time = tokio::time::timeout(ENDS, let_go).await.is_ok();
    assert!(is_in_time, "{head:?}: {} are open", site.descriptors());
    let statuses = strangers
        .into_iter()
        .map(|mut raw| async move { raw.status().await });
    let statuses = together(statuses).await;
    let told = statuses
        .iter()
        .filter(|status| **status == Some(head.status()));
    assert_eq!(told.count(), MANY, "{head:?}");
}

/// Twice as many as there are places come at once from some networks, and each comes again when its connection ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_that_comes_again_delays_nobody() {
    let _alone = CROWD.lock().await;
    raise_limit();
    for networks in [1, 20] {
        let site = Arc::new(Site::options().limited().start().await);
        let come = |index: usize| {
            let site = Arc::clone(&site);
            let last = u8::try_from(index % networks + 2).expect("some networks");
            tokio::spawn(async move {
                loop {
                    let mut raw = Raw::connect_from(&site, Ipv4Addr::new(127, 0, 0, last)).await;
                    raw.is_closed_within(PATIENCE).await;
                }
            })
        };
        let crowd: Vec<_> = (0..2 * MANY).map(come).collect();
        let mut late = 0;
        for _ in 0..ASKING {
            while !is_answered_soon(&site).await {
                late += 1;
                assert!(late <= AGAIN, "{networks} networks: not answered soon");
            }
        }
        for stranger in crowd {
            stranger.abort();
        }
    }
}

/// How long each stage may take as the program ships, and how much later the end may come on a busy machine.
const CLOCKS: [(Stranger, Duration); 5] = [
    (Stranger::SaysNothing, Duration::from_secs(10)),
    (Stranger::StopsInAHead, Duration::from_secs(10)),
    (Stranger::StopsInABody, Duration::from_secs(30)),
    (Stranger::ReadsNoAnswer, Duration::from_secs(30)),
    (Stranger::IsIdle, Duration::from_secs(75)),
];
const LATE: Duration = Duration::from_secs(15);

/// Where nobody needs the place of a connection, it ends all the same.
#[tokio::test]
async fn each_stage_ends_by_its_clock() {
    let site = Arc::new(Site::start().await);
    let style = style_sheet(&site).await;
    let ends = CLOCKS.map(|(stranger, clock)| {
        let (site, style) = (Arc::clone(&site), style.clone());
        async move {
            let begun = Instant::now();
            let mut raw = stranger.come(&site, Ipv4Addr::LOCALHOST, &style).await;
            let is_over = match stranger {
                // Its end is seen by who writes: who looks for it by reading has read the answer.
                Stranger::ReadsNoAnswer => {
                    let writes = async { while raw.send("GET / HTTP/1.1\r\n").await {} };
                    tokio::time::timeout(clock + LATE, writes).await.is_ok()
                }
                _ => raw.is_closed_within(clock + LATE).await,
            };
            (stranger, clock, is_over, begun.elapsed())
        }
    });
    for (stranger, clock, is_over, after) in together(ends).await {
        assert!(is_over, "{stranger:?}: it is open after {after:?}");
        let is_early = after + Duration::from_secs(1) < clock;
        assert!(!is_early, "{stranger:?}: it ended after {after:?}");
    }
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

#[tokio::test]
async fn unreadable_heads_are_refused_and_let_go() {
    for head in [
        Head::Nonsense,
        Head::OtherProtocol,
        Head::Tls,
        Head::Http2,
        Head::Noise,
        Head::LongLine,
        Head::LongField,
    ] {
        check(Stranger::Unreadable(head)).await;
    }
}

/// More clients than there are places send on and on without reading, all from where a proxy may be; those who come with
/// them send one request each. However long it waits unread, it is answered.
#[tokio::test]
async fn sent_requests_are_answered_in_a_crowd() {
    let _alone = CROWD.lock().await;
    raise_limit();
    let site = Arc::new(Site::options().limited().start().await);
    let style = style_sheet(&site).await;
    let host = site.host().to_owned();
    let come = |index: usize| {
        let (site, style, host) = (Arc::clone(&site), style.clone(), host.clone());
        async move {
            if !index.is_multiple_of(10) {
                let raw = Stranger::ReadsNoAnswer;
                return (None, raw.come(&site, Ipv4Addr::LOCALHOST, &style).await);
            }
            let mut raw = Raw::connect_from(&site, Ipv4Addr::LOCALHOST).await;
            let head = format!("GET {style} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            raw.send(head).await;
            (Some(raw.status().await), raw)
        }
    };
    let all = together((0..2 * MANY).map(come)).await;
    let statuses: Vec<_> = all.into_iter().filter_map(|(status, _)| status).collect();
    assert_eq!(statuses, vec![Some(200); 2 * MANY / 10]);
}

/// The same crowd behind nginx, whose connections are all those of one client: it never has to answer 502.
#[tokio::test]
async fn sent_requests_are_answered_behind_nginx() {
    let _alone = CROWD.lock().await;
    raise_limit();
    let site = Site::options().limited().start().await;
    let style = style_sheet(&site).await;
    let proxy = Arc::new(Proxy::nginx(&site).await);
    let come = |index: usize| {
        let (proxy, style) = (Arc::clone(&proxy), style.clone());
        async move {
            let get = format!("GET {style} HTTP/1.1\r\nHost: a\r\n");
            if !index.is_multiple_of(10) {
                let raw = proxy.press((get + "\r\n").repeat(400).as_bytes()).await;
                return (None, Some(raw));
            }
            let answer = proxy.exchange(get + "Connection: close\r\n\r\n").await;
            (answer.lines().next().map(str::to_owned), None)
        }
    };
    let all = together((0..2 * MANY).map(come)).await;
    let answers: Vec<_> = all.into_iter().filter_map(|(answer, _)| answer).collect();
    assert_eq!(answers, vec!["HTTP/1.1 200 OK"; 2 * MANY / 10]);
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
        // One that was told to give way stays if its client asks once more before it is closed: so nothing is asked until those are.
        let mut kept = 0;
        for _ in 0..20 {
            kept = 0;
            for raw in &mut all {
                let is_closed = raw.is_closed_within(Duration::from_millis(100));
                kept += usize::from(!is_closed.await);
            }
            if kept <= open {
                break;
            }
        }
        let mut answered = 0;
        for raw in &mut all {
            raw.press(head.as_bytes()).await;
            answered += usize::from(raw.status().await == Some(200));
        }
        assert_eq!((kept, answered), (open, open), "{from}");
    }
}

/// A system that gives few file descriptors is no reason for a line in the log at each connection, nor for accounts that
/// cannot be looked up: a server of databases is reached by descriptors as well. While strangers come it may be out of reach.
#[tokio::test]
async fn few_descriptors_are_told_once() {
    let postgres = Database::new().expect("there is a server");
    for options in [Site::options(), Site::options().database(postgres.url())] {
        let site = options.descriptors(64).start().await;
        let mut strangers = Vec::new();
        for _ in 0..200 {
            strangers.push(Raw::connect_from(&site, FROM[0]).await);
        }
        let answers = together((0..10).map(|_| {
            let client = site.client();
            async move {
                loop {
                    let answer = client.post_log_in("nobody", "not-Her-Password-1").await;
                    if answer.status != 503 {
                        return answer.status;
                    }
                }
            }
        }));
        let answers = tokio::time::timeout(PATIENCE, answers).await;
        assert_eq!(answers.expect("they are answered in time"), [400; 10]);
        site.says("ulimit -n").await;
        let warnings = site.record().stderr;
        // Of each kind there is one.
        let without_time = |line: &String| line.split_once(' ').map(|(_, said)| said.to_owned());
        let kinds: HashSet<_> = warnings.iter().filter_map(without_time).collect();
        assert_eq!(kinds.len(), warnings.len(), "{warnings:#?}");
        assert!(warnings.len() <= 10, "{warnings:#?}");
    }
}
