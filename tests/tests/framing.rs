//! Requests that a proxy in front may read otherwise than the site does: each is refused, and what follows it on the
//! connection is not taken for a request.

use phone_auth_tests::{Proxy, Raw, Site};

const LENGTH: &str = "Content-Length: 5\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

/// What stands behind the request line and the `Host`, and whether that is a request.
const CASES: &[(&str, &str, &str, bool)] = &[
    ("a length", LENGTH, "hello", true),
    ("chunks", CHUNKED, CHUNKS, true),
    (
        "both",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        CHUNKS,
        false,
    ),
    (
        "both, the other way round",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        CHUNKS,
        false,
    ),
    (
        "a length of nothing",
        "Transfer-Encoding: chunked\r\ncontent-length: 0\r\n",
        CHUNKS,
        false,
    ),
    (
        "two lengths",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "hello",
        false,
    ),
    (
        "a list of lengths",
        "Content-Length: 5, 5\r\n",
        "hello",
        false,
    ),
    ("a sign", "Content-Length: +5\r\n", "hello", false),
    ("below nothing", "Content-Length: -5\r\n", "hello", false),
    ("another base", "Content-Length: 0x5\r\n", "hello", false),
    ("no length", "Content-Length:\r\n", "hello", false),
    (
        "beyond all numbers",
        "Content-Length: 99999999999999999999\r\n",
        "hello",
        false,
    ),
    (
        "no coding",
        "Transfer-Encoding: xchunked\r\n",
        CHUNKS,
        false,
    ),
    ("identity", "Transfer-Encoding: identity\r\n", CHUNKS, false),
    (
        "a coding besides",
        "Transfer-Encoding: gzip, chunked\r\n",
        CHUNKS,
        false,
    ),
    (
        "chunks in chunks",
        "Transfer-Encoding: chunked, chunked\r\n",
        CHUNKS,
        false,
    ),
    (
        "two codings",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        CHUNKS,
        false,
    ),
    (
        "a tab of lines",
        "Transfer-Encoding: \x0bchunked\r\n",
        CHUNKS,
        false,
    ),
    (
        "a folded line",
        "Transfer-Encoding:\r\n chunked\r\n",
        CHUNKS,
        false,
    ),
    (
        "a folded line elsewhere",
        "X: a\r\n b\r\nContent-Length: 5\r\n",
        "hello",
        false,
    ),
    (
        "a space before the colon",
        "Content-Length : 5\r\n",
        "hello",
        false,
    ),
    (
        "a tab before the colon",
        "Transfer-Encoding\t: chunked\r\n",
        CHUNKS,
        false,
    ),
    (
        "a space before the name",
        " Content-Length: 5\r\n",
        "hello",
        false,
    ),
    (
        "a bare CR",
        "X: a\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "hello",
        false,
    ),
    (
        "a line by CR",
        "X: a\rContent-Length: 5\r\n",
        "hello",
        false,
    ),
    (
        "a line by LF",
        "X: a\nContent-Length: 5\r\n",
        "hello",
        false,
    ),
    ("NUL", "X: a\0\r\nContent-Length: 5\r\n", "hello", false),
    ("no colon", "Content-Length 5\r\n", "hello", false),
    ("a chunk by LF", CHUNKED, "5\nhello\r\n0\r\n\r\n", false),
    (
        "an extension by LF",
        CHUNKED,
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        false,
    ),
    (
        "a chunk of a base",
        CHUNKED,
        "0x5\r\nhello\r\n0\r\n\r\n",
        false,
    ),
    (
        "a chunk beyond all numbers",
        CHUNKED,
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        false,
    ),
];

/// What follows on the connection.
const NEXT: &str = "GET /smuggled/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A form for a page that reads its body, and says so with its own form.
fn request(head: &str, body: &str) -> String {
    format!(
        "POST /accounts/login/ HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n{head}\r\n{body}"
    )
}

/// The statuses of the answers on a connection.
fn statuses(answers: &str) -> Vec<&str> {
    let answers = answers.split("HTTP/1.1 ").skip(1);
    answers.filter_map(|answer| answer.get(..3)).collect()
}

#[tokio::test]
async fn request_with_two_ends_is_refused() {
    let site = Site::start().await;
    let other_version = request(CHUNKED, CHUNKS).replacen("HTTP/1.1", "HTTP/1.0", 1);
    let all = CASES.iter().map(|(what, head, body, is_request)| {
        (*what, request(head, body), *head == LENGTH, *is_request)
    });
    let all = all.chain([("an old version", other_version, false, false)]);
    for (what, request, has_length, is_request) in all {
        let mut raw = Raw::connect(&site).await;
        raw.send(request + NEXT).await;
        let said = raw.rest().await;
        assert_eq!(said.contains("<form"), is_request, "{what}: {said}");
        // A body without a length is the last thing that is read.
        let expected: &[&str] = if has_length {
            &["400", "404"]
        } else {
            &["400"]
        };
        assert_eq!(statuses(&said), expected, "{what}: {said}");
    }
}

/// A proxy that keeps its connections to the site, and passes bodies on as they come: whatever it makes of such a request,
/// its next client gets the answer to its own.
#[tokio::test]
async fn client_of_a_proxy_gets_its_own_answer() {
    let site = Site::start().await;
    let proxy = Proxy::nginx_keeping(&site).await;
    for (what, head, body, is_request) in CASES {
        let said = proxy.exchange(request(head, body) + NEXT).await;
        assert!(!is_request || said.contains("<form"), "{what}: {said}");
        for _ in 0..2 {
            let get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            let said = proxy.exchange(get).await;
            assert_eq!(statuses(&said), ["200"], "{what}: {said}");
        }
    }
}
