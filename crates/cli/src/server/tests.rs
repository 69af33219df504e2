//! The listener, over connections of this machine, with a router of its own.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::Response;
use axum::routing::{get, post};
use phone_auth::web::ClientAddressHeader;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_millis(200);

const HELLO: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const BIG: &str = "GET /big HTTP/1.1\r\nhost: a\r\n\r\n";
const POST_CHUNKS: &str =
    "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const SLOW: &str = "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n";
/// More than the system keeps of an answer that nobody reads.
const SIZE: usize = 8 << 20;
/// Of an answer that has no body.
const HEAD_SIZE: usize = 4096;

/// A server that runs.
struct Running {
    addr: SocketAddr,
    /// How many answers of some size were asked for.
    asked: Arc<AtomicUsize>,
    /// Has slow handlers answer.
    go: watch::Sender<bool>,
    stop: oneshot::Sender<()>,
    finishing: JoinHandle<Finishing>,
}

const fn limits(connections: usize, clocks: Clocks) -> Limits {
    Limits {
        connections,
        share: connections,
        clocks,
    }
}

const fn clocks(head: Duration, answer: Duration, idle: Duration) -> Clocks {
    Clocks { head, answer, idle }
}

const PATIENT: Clocks = clocks(HOUR, HOUR, HOUR);

async fn refusals() -> Refusals {
    Refusals::new(|status| {
        let response = Response::builder().status(status).header("x-ours", "yes");
        response.body(Body::from("our words")).unwrap()
    })
    .await
}

impl Running {
    async fn start(limits: Limits) -> Self {
        Self::start_on(Server::bind(([127, 0, 0, 1], 0).into()).unwrap(), limits).await
    }

    async fn start_on(server: Server, limits: Limits) -> Self {
        let addr = server.addr();
        let asked = Arc::new(AtomicUsize::new(0));
        let (counting, moving) = (Arc::clone(&asked), Arc::clone(&asked));
        let big = Bytes::from(vec![b'x'; SIZE]);
        let (go, gone) = watch::channel(false);
        let slow = async move || {
            let mut gone = gone.clone();
            gone.wait_for(|gone| *gone).await.unwrap();
            "slow"
        };
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route(
                "/big",
                get(async move || {
                    counting.fetch_add(1, Ordering::SeqCst);
                    big.clone()
                }),
            )
            .route(
                "/moved",
                get(async move || {
                    moving.fetch_add(1, Ordering::SeqCst);
                    [("location", "x".repeat(HEAD_SIZE))]
                }),
            )
            .route("/slow", get(slow))
            .route("/echo", post(async |body: String| body))
            .route(
                "/peer",
                get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()),
            );
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap_or_default() };
        let refusals = refusals().await;
        let finishing = tokio::spawn(server.serve(router, refusals, limits, stopped));
        Self {
            addr,
            asked,
            go,
            stop,
            finishing,
        }
    }

    async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(self.addr).await.unwrap()
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// Asks for a page on a connection of its own; whether it came.
    async fn answers(&self) -> bool {
        let asked = async {
            let mut stream = self.send(HELLO).await;
            answer(&mut stream).await.contains("hello")
        };
        timeout(PATIENCE, asked).await.unwrap_or(false)
    }
}

/// Reads until the small answer is there, or the connection ends.
async fn answer(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let reading = async {
        loop {
            let ends = ["hello", "slow", "body", "our words"];
            let text = String::from_utf8_lossy(&said).into_owned();
            if ends.iter().any(|end| text.ends_with(end)) {
                return text;
            }
            match stream.read_u8().await {
                Ok(byte) => said.push(byte),
                Err(_) => return text,
            }
        }
    };
    timeout(PATIENCE, reading).await.unwrap()
}

/// How a client goes on after it has sent something.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// It waits for the end.
    Reads,
    /// It reads a byte now and then, or none, and sends nothing that means something.
    Trickles(&'static str),
}

/// Whether the other side ends the connection in time.
async fn is_ended(mut stream: TcpStream, then: Then) -> bool {
    let ended = async {
        let mut byte = [0];
        loop {
            match then {
                Then::Reads => {
                    if !matches!(stream.read(&mut byte).await, Ok(1)) {
                        return;
                    }
                }
                Then::Trickles(bytes) => {
                    drop(stream.try_read(&mut byte));
                    if stream.write_all(bytes.as_bytes()).await.is_err() {
                        return;
                    }
                    sleep(Duration::from_millis(10)).await;
                }
            }
        }
    };
    timeout(PATIENCE, ended).await.is_ok()
}

/// What clients do that keep a server waiting, and the clock that ends it.
const WAITERS: [(&str, &str, Clocks, Then); 7] = [
    ("says nothing", "", clocks(SHORT, HOUR, HOUR), Then::Reads),
    (
        "stops in a head",
        "GET / HTTP/1.1\r\nho",
        clocks(SHORT, HOUR, HOUR),
        Then::Reads,
    ),
    (
        "sends a head byte by byte",
        "GET / HTTP/1.1\r\nx: ",
        clocks(SHORT, HOUR, HOUR),
        Then::Trickles("x"),
    ),
    (
        "sends empty lines",
        "",
        clocks(SHORT, HOUR, HOUR),
        Then::Trickles("\r\n"),
    ),
    ("is idle", HELLO, clocks(HOUR, HOUR, SHORT), Then::Reads),
    (
        "reads no answer",
        BIG,
        clocks(HOUR, SHORT, HOUR),
        Then::Trickles(""),
    ),
    (
        "reads an answer byte by byte",
        BIG,
        clocks(HOUR, SHORT, HOUR),
        Then::Trickles("\r\n"),
    ),
];

#[tokio::test]
async fn every_stage_has_a_clock() {
    for (what, sent, clocks, then) in WAITERS {
        let server = Running::start(limits(10, clocks)).await;
        let stream = server.send(sent).await;
        let then = match then {
            // An error is seen only by who writes.
            Then::Trickles("") => Then::Trickles("\r\n"),
            then => then,
        };
        assert!(is_ended(stream, then).await, "{what}");
    }
}

/// Many have come at once, and stand in the queue of the system before one who has come alone. It is answered before their
/// turn comes: it is not for them that others give way first.
#[tokio::test]
async fn newcomer_waits_for_no_crowd() {
    let server = Server::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let addr = server.addr();
    let mut crowd = Vec::new();
    for n in 0..400_u32 {
        let socket = TcpSocket::new_v4().unwrap();
        let [.., last] = (n % 4 + 2).to_be_bytes();
        socket.bind(([127, 0, 0, last], 0).into()).unwrap();
        crowd.push(socket.connect(addr).await.unwrap());
    }
    let mut newcomer = TcpStream::connect(addr).await.unwrap();
    newcomer.write_all(HELLO.as_bytes()).await.unwrap();
    let _running = Running::start_on(server, limits(50, PATIENT)).await;
    assert!(answer(&mut newcomer).await.ends_with("hello"));
    // A connection that gave way ends without a word; one that never had a place is told so.
    let mut gave_way = 0;
    for stream in crowd {
        let mut said = [0; 64];
        gave_way += usize::from(matches!(stream.try_read(&mut said), Ok(0)));
    }
    assert!(gave_way <= 32, "{gave_way} had a place before");
}

#[tokio::test]
async fn slow_client_gives_way() {
    let half_body = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf";
    let more = [("stops in a body", half_body, PATIENT, Then::Reads)];
    for (what, sent, _, _) in WAITERS.into_iter().chain(more) {
        let server = Running::start(limits(4, PATIENT)).await;
        let mut waiters = Vec::new();
        for _ in 0..4 {
            waiters.push(server.send(sent).await);
        }
        for _ in 0..8 {
            assert!(server.answers().await, "{what}");
        }
    }
}

#[tokio::test]
async fn what_is_handled_keeps_its_place() {
    let server = Running::start(limits(2, PATIENT)).await;
    let mut slow = [server.send(SLOW).await, server.send(SLOW).await];
    let mut next = server.send(HELLO).await;
    let early = timeout(SHORT, next.read_u8()).await;
    assert!(early.is_err(), "there is no place for it");
    server.go.send(true).unwrap();
    for stream in &mut slow {
        assert!(answer(stream).await.ends_with("slow"));
    }
    assert!(answer(&mut next).await.ends_with("hello"));
}

/// A client sends on and on without reading: with large answers, and with ones that are all head.
#[tokio::test]
async fn unread_answers_do_not_pile_up() {
    for (path, size, requests, at_once) in
        [("/big", SIZE, 20, 1), ("/moved", HEAD_SIZE, 2000, 1000)]
    {
        let server = Running::start(limits(10, PATIENT)).await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        let last = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let mut stream = server.send(&(request.repeat(requests) + last)).await;
        // Others are answered meanwhile, until it gets no further.
        let mut asked = 0;
        loop {
            for _ in 0..20 {
                assert!(server.answers().await);
            }
            let before = std::mem::replace(&mut asked, server.asked.load(Ordering::SeqCst));
            if asked > 0 && asked == before {
                break;
            }
        }
        assert!(asked <= at_once, "{path}: {asked}");
        let mut sink = vec![0; 1 << 20];
        let mut read = 0;
        let reading = async {
            while let Ok(more @ 1..) = stream.read(&mut sink).await {
                read += more;
            }
        };
        timeout(PATIENCE, reading).await.unwrap();
        assert!(read > requests * size);
        assert_eq!(server.asked.load(Ordering::SeqCst), requests);
    }
}

#[tokio::test]
async fn heads_that_cannot_be_read_are_answered_in_words() {
    let server = Running::start(limits(10, clocks(SHORT, HOUR, HOUR))).await;
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "x".repeat(20_000));
    let long_path = format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200));
    let second = format!("{HELLO}what is this\r\n\r\n");
    let two_ends = POST_CHUNKS.replace("host: a", "host: a\r\ncontent-length: 5");
    for (what, sent, status) in [
        ("nonsense", "what is this\r\n\r\n", "400 Bad Request"),
        (
            "TLS",
            "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
            "400 Bad Request",
        ),
        (
            "HTTP/2",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "400 Bad Request",
        ),
        (
            "a bad name",
            "GET / HTTP/1.1\r\na b: c\r\n\r\n",
            "400 Bad Request",
        ),
        ("a long head", &long, "431 Request Header Fields Too Large"),
        (
            "a long path",
            &long_path,
            "431 Request Header Fields Too Large",
        ),
        ("many headers", &many, "431 Request Header Fields Too Large"),
        ("half a head", "GET / HTTP/1.1\r\n", "408 Request Timeout"),
        ("after an answer", &second, "400 Bad Request"),
        ("two ends", &two_ends, "400 Bad Request"),
        (
            "two ends after an answer",
            &format!("{HELLO}{two_ends}"),
            "400 Bad Request",
        ),
        (
            "a line without a return",
            "GET / HTTP/1.1\nhost: a\r\n\r\n",
            "400 Bad Request",
        ),
        (
            "another coding",
            &POST_CHUNKS.replace("chunked", "gzip, chunked"),
            "400 Bad Request",
        ),
        (
            "two codings",
            &POST_CHUNKS.replace("chunked", "chunked\r\ntransfer-encoding: chunked"),
            "400 Bad Request",
        ),
    ] {
        let mut stream = server.send(sent).await;
        let mut said = answer(&mut stream).await;
        if what.ends_with("after an answer") {
            assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
            said = answer(&mut stream).await;
        }
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{what}: {said}"
        );
        for part in [
            "x-ours: yes",
            "date: ",
            "content-length: 9",
            "connection: close",
        ] {
            assert!(said.contains(part), "{what}: {part}: {said}");
        }
        assert!(is_ended(stream, Then::Reads).await, "{what}");
    }
}

#[tokio::test]
async fn body_without_a_length_is_the_last() {
    let server = Running::start(limits(10, PATIENT)).await;
    let mut stream = server.send(&format!("{POST_CHUNKS}{HELLO}")).await;
    let said = answer(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    assert!(said.contains("connection: close"), "{said}");
    assert!(is_ended(stream, Then::Reads).await);
}

#[tokio::test]
async fn client_over_its_share_is_told() {
    // No address of this machine has a share, so there is none left for anyone.
    let shared = Shared::new(Router::new(), refusals().await, Proxies::default());
    let places = Places::new(2, 2, PATIENT);
    let serving = Serving::new(shared, places);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let (accepted, peer) = listener.accept().await.unwrap();
    serving.begin(accepted, peer, None);
    let said = answer(&mut stream).await;
    assert!(
        said.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{said}"
    );
    assert!(said.ends_with("our words"), "{said}");
}

#[tokio::test]
async fn rest_of_a_body_is_answered_by_nothing() {
    let clocks = clocks(SHORT, HOUR, HOUR);
    for rest in [60_000, 69_990, 0] {
        let running = Running::start(limits(10, clocks)).await;
        // Answered without a look at the body.
        let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 70000\r\n\r\n0123456789";
        let mut stream = running.send(head).await;
        let mut said = vec![0; 5];
        stream.read_exact(&mut said).await.unwrap();
        // The server may have closed the connection by now.
        drop(stream.write_all(&vec![b'x'; rest]).await);
        drop(
            timeout(PATIENCE, stream.read_to_end(&mut said))
                .await
                .unwrap(),
        );
        let said = String::from_utf8_lossy(&said).to_lowercase();
        assert_eq!(said.matches("http/1.1").count(), 1, "{rest}: {said}");
        assert!(said.contains("connection: close"), "{rest}: {said}");
    }
}

#[tokio::test]
async fn requests_know_their_peer() {
    let server = Running::start(limits(10, PATIENT)).await;
    let close = "GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut stream = server.send(close).await;
    let own = stream.local_addr().unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.ends_with(&own.to_string()), "{said}");
}

/// What the proxy in front says in the PROXY protocol: the client 203.0.113.7:4711.
const PREFACE: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x0a\0\0\x01\x12\x67\0\x50";

#[tokio::test]
async fn proxy_says_who_its_client_is() {
    let ask = "GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let with_preface = [PREFACE, ask.as_bytes()].concat();
    for (trusted, preface, sent, expected) in [
        // Without a proxy it is nobody's word, and no request.
        ("192.0.2.0/24", None, ask.as_bytes(), "127.0.0.1:"),
        ("192.0.2.0/24", None, &with_preface, "our words"),
        ("192.0.2.0/24", Some(HOUR), &with_preface, "our words"),
        ("127.0.0.0/8", None, ask.as_bytes(), "127.0.0.1:"),
        ("127.0.0.0/8", Some(HOUR), &with_preface, "203.0.113.7:4711"),
        ("127.0.0.0/8", Some(HOUR), ask.as_bytes(), "our words"),
        // What does not come in time is not waited for.
        (
            "127.0.0.0/8",
            Some(SHORT),
            PREFACE.get(..15).unwrap(),
            "our words",
        ),
    ] {
        let server = Server::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let networks = [trusted.parse().unwrap()];
        let server = server.behind(Proxies {
            trusted: TrustedProxies::new(networks, ClientAddressHeader::XForwardedFor),
            preface,
        });
        let running = Running::start_on(server, limits(10, PATIENT)).await;
        let mut stream = running.connect().await;
        stream.write_all(sent).await.unwrap();
        let mut said = Vec::new();
        let reading = timeout(PATIENCE, stream.read_to_end(&mut said));
        reading.await.unwrap().unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(expected), "{trusted} {preface:?}: {said}");
    }
}

/// Many connections of one proxy, each of another client, are as many as there are places; none has to say at once whose
/// it is, and those that do not make room for others.
#[tokio::test]
async fn silent_connections_of_a_proxy_make_room() {
    let server = Server::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let networks = ["127.0.0.1/32".parse().unwrap()];
    let server = server.behind(Proxies {
        trusted: TrustedProxies::new(networks, ClientAddressHeader::XForwardedFor),
        preface: Some(HOUR),
    });
    let running = Running::start_on(server, limits(5, PATIENT)).await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(running.connect().await);
    }
    let mut stream = running.connect().await;
    let ask = [
        PREFACE,
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    ]
    .concat();
    stream.write_all(&ask).await.unwrap();
    let mut said = String::new();
    let reading = timeout(PATIENCE, stream.read_to_string(&mut said));
    reading.await.unwrap().unwrap();
    assert!(said.ends_with("hello"), "{said}");
}

/// How far clients are when the server stops, and whether they are answered.
#[tokio::test]
async fn what_was_accepted_is_answered() {
    let half = HELLO.split_at(10);
    // A connection that waits in the system's queue, its request sent or not.
    for (sent_before, sent_after) in [(HELLO, ""), ("", HELLO), half] {
        let server = Server::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let mut streams = Vec::new();
        for _ in 0..12 {
            let mut stream = TcpStream::connect(server.addr()).await.unwrap();
            stream.write_all(sent_before.as_bytes()).await.unwrap();
            streams.push(stream);
        }
        // Fewer places than connections: they are served one after the other.
        let running = Running::start_on(server, limits(5, PATIENT)).await;
        check_answered(running, streams, sent_after).await;
    }
    // One that is being served.
    for (sent_before, sent_after) in [(HELLO, ""), ("", HELLO), half] {
        let running = Running::start(limits(50, PATIENT)).await;
        let mut streams = Vec::new();
        for _ in 0..12 {
            streams.push(running.send(sent_before).await);
        }
        check_answered(running, streams, sent_after).await;
    }
}

/// Stops a server, sends the rest of requests to it, and expects answers and the end of each connection.
async fn check_answered(running: Running, streams: Vec<TcpStream>, rest: &str) {
    running.stop.send(()).unwrap();
    let finishing = running.finishing.await.unwrap();
    let gone = TcpStream::connect(running.addr).await;
    assert!(gone.is_err(), "nobody is let in any more");
    let finished = tokio::spawn(finishing.finish(Instant::now() + PATIENCE));
    for mut stream in streams {
        let rest = rest.to_owned();
        // A connection that is closed too early fails to be written to, or to be read from.
        drop(stream.write_all(rest.as_bytes()).await);
        let said = answer(&mut stream).await;
        assert!(said.ends_with("hello"), "{rest:?}: {said:?}");
        assert!(is_ended(stream, Then::Reads).await);
    }
    assert!(finished.await.unwrap(), "all have ended");
}

#[tokio::test]
async fn idle_connections_do_not_delay_a_stop() {
    let running = Running::start(limits(50, PATIENT)).await;
    let mut idle = running.send(HELLO).await;
    assert!(answer(&mut idle).await.ends_with("hello"));
    let fresh = running.connect().await;
    let mut slow = running.send(SLOW).await;
    // A request that is being handled: its connection is known to be further than the others.
    while !running.answers().await {}
    running.stop.send(()).unwrap();
    let finishing = running.finishing.await.unwrap();
    assert!(finishing.open().is_some());
    let finished = tokio::spawn(finishing.finish(Instant::now() + PATIENCE));
    assert!(is_ended(idle, Then::Reads).await);
    assert!(is_ended(fresh, Then::Reads).await);
    assert!(!finished.is_finished());
    running.go.send(true).unwrap();
    let said = answer(&mut slow).await;
    assert!(
        said.contains("connection: close") && said.ends_with("slow"),
        "{said}"
    );
    assert!(finished.await.unwrap());
}

#[tokio::test]
async fn grace_of_the_listener_ends() {
    let running = Running::start(limits(50, PATIENT)).await;
    let _slow = running.send(SLOW).await;
    assert!(running.answers().await);
    running.stop.send(()).unwrap();
    let finishing = running.finishing.await.unwrap();
    assert!(!finishing.finish(Instant::now() + SHORT).await);
}

/// A client sends on while the last answer of its connection is on the way: the answer is not lost in a reset.
#[tokio::test]
async fn last_answer_is_read_to_its_end() {
    let last = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let body = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n";
    // More than is read at once, so that some of it stays with the system.
    for (what, sent, status) in [
        ("more requests", last.to_owned() + &HELLO.repeat(3000), 200),
        ("a body", body.to_owned() + &"x".repeat(100_000), 405),
    ] {
        let server = Running::start(limits(10, PATIENT)).await;
        let mut stream = server.connect().await;
        drop(timeout(SHORT, stream.write_all(sent.as_bytes())).await);
        // By then a connection that is closed at once was reset, and the system has thrown the answer away.
        sleep(SHORT).await;
        let mut said = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut said)).await;
        let said = String::from_utf8_lossy(&said).into_owned();
        let start = format!("HTTP/1.1 {status} ");
        assert!(read.unwrap().is_ok(), "{what}: {said}");
        // The system here keeps an answer whose end has come, others throw it away with the reset.
        let reset = stream.take_error().unwrap();
        assert!(reset.is_none(), "{what}: {reset:?}");
        assert!(said.starts_with(&start), "{what}: {said}");
        assert_eq!(said.matches("HTTP/1.1").count(), 1, "{what}: {said}");
    }
}
