//! Whose request it is, behind proxies and without them: in what is told of it, in the log, and nowhere else.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{Method, Request};
use phone_auth_core::settings::Settings;
use phone_auth_events::UserLoginFailed;
use phone_auth_web::{ClientAddress, ClientAddressHeader, RequestLogLayer, TrustedProxies};
use tower::ServiceExt;

use crate::log::Lines;
use crate::support::Site;

/// A log-in that is refused, as a connection from this peer brings it.
fn log_in(peer: &str) -> Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/accounts/login/")
        .header(HOST, "site.example")
        .header(ORIGIN, "http://site.example")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("login=ann&password=wrong-password"))
        .unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

fn behind_proxies() -> Site {
    let networks = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|network| network.parse().unwrap());
    let proxies = TrustedProxies::new(networks, ClientAddressHeader::XForwardedFor);
    Site::built(|web| web.trusted_proxies(proxies))
}

/// The address that is told of a log-in that failed.
async fn told(site: &Site, request: Request<Body>) -> Option<String> {
    let mut failed = site.signals.capture::<UserLoginFailed>();
    site.router.clone().oneshot(request).await.unwrap();
    let mut events = failed.take();
    assert_eq!(events.len(), 1, "{events:?}");
    let client = events.remove(0).client;
    client.map(|client| client.address.to_string())
}

#[tokio::test]
async fn trusted_proxies_name_the_client() {
    let (bare, proxied) = (Site::new(), behind_proxies());
    let forwarded = "198.51.100.1, 203.0.113.7";
    for (site, peer, header, expected) in [
        (&bare, "203.0.113.9:1", None, Some("203.0.113.9")),
        (&bare, "[::ffff:203.0.113.9]:1", None, Some("203.0.113.9")),
        (&bare, "10.0.0.1:1", Some(forwarded), Some("10.0.0.1")),
        (&proxied, "10.0.0.1:1", Some(forwarded), Some("203.0.113.7")),
        (
            &proxied,
            "[::ffff:10.0.0.1]:1",
            Some(forwarded),
            Some("203.0.113.7"),
        ),
        (
            &proxied,
            "[2001:db8:ffff::1]:1",
            Some(forwarded),
            Some("203.0.113.7"),
        ),
        // Nobody else is believed.
        (
            &proxied,
            "203.0.113.9:1",
            Some(forwarded),
            Some("203.0.113.9"),
        ),
        (
            &proxied,
            "[2001:db8::1]:1",
            Some(forwarded),
            Some("2001:db8::1"),
        ),
        // A proxy that says nothing of it is not the client.
        (&proxied, "10.0.0.1:1", None, None),
        (&proxied, "10.0.0.1:1", Some("unknown"), None),
    ] {
        let mut request = log_in(peer);
        if let Some(header) = header {
            let headers = request.headers_mut();
            headers.insert("x-forwarded-for", header.parse().unwrap());
            // Only the one that is named counts.
            headers.insert("x-real-ip", "198.51.100.2".parse().unwrap());
            headers.insert("forwarded", "for=198.51.100.3".parse().unwrap());
        }
        assert_eq!(
            told(site, request).await.as_deref(),
            expected,
            "{peer} {header:?}"
        );
    }
    // What the application says of it comes first.
    for said in ["192.0.2.5", "::ffff:192.0.2.5"] {
        let mut request = log_in("10.0.0.1:1");
        request
            .extensions_mut()
            .insert(ClientAddress(said.parse().unwrap()));
        let told = told(&proxied, request).await;
        assert_eq!(told.as_deref(), Some("192.0.2.5"), "{said}");
    }
}

#[tokio::test]
async fn log_names_the_client_unless_it_is_redacted() {
    for is_redacted in [false, true] {
        let (lines, _until_the_end) = Lines::collecting();
        let site = Site::with(|settings: &mut Settings| {
            settings.redact_client_addresses = is_redacted;
        });
        let site = site.serving(|web| web.router().layer(RequestLogLayer::new()));
        let mut failed = site.signals.capture::<UserLoginFailed>();
        site.router
            .clone()
            .oneshot(log_in("203.0.113.9:1"))
            .await
            .unwrap();
        let events = format!("{:?}", failed.take());
        let log = lines.text();
        assert!(log.contains("answered"), "{log}");
        assert_eq!(log.contains("203.0.113.9"), !is_redacted, "{log}");
        assert_eq!(events.contains("203.0.113.9"), !is_redacted, "{events}");
    }
}

/// So many requests of a peer, which send forms or only look, in turns with those of others.
fn peers(of_each: &[(&'static str, bool, usize)]) -> Vec<(&'static str, bool)> {
    let most = of_each.iter().map(|(_, _, count)| *count).max();
    let turns = 0..most.unwrap_or_default();
    let of_turn = |turn| {
        let left = of_each.iter().filter(move |(_, _, count)| *count > turn);
        left.map(|(peer, is_form, _)| (*peer, *is_form))
    };
    turns.flat_map(of_turn).collect()
}

/// By the forms that it sends, more than all others: nothing that a scanner sends past it hides it, and no health check is
/// taken for it. By a header that only a proxy sends, at once.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
async fn unknown_proxy_is_warned_of_once() {
    const MANY: usize = 300;
    const NEAR: &str = "10.0.0.1:1";
    const OTHER: &str = "10.0.0.2:1";
    const THIRD: &str = "10.0.1.3:1";
    const FAR: &str = "203.0.113.9:1";
    // The operator is told what is amiss.
    const UNTRUSTED: &str = "a proxy that is not trusted";
    const SILENT: &str = "does not say whose requests it sends";
    let forwarded = ("x-forwarded-for", "203.0.113.7");
    let real = ("x-real-ip", "203.0.113.7");
    let nothing: &[(&str, &str)] = &[];
    for (is_behind, of_each, headers, warning) in [
        (false, &[(NEAR, true, 29)][..], nothing, ""),
        (false, &[(NEAR, true, 30)], nothing, UNTRUSTED),
        (false, &[(NEAR, true, MANY)], nothing, UNTRUSTED),
        // Health checks, beside users and without any.
        (false, &[(NEAR, false, MANY)], nothing, ""),
        (false, &[(NEAR, false, MANY), (FAR, true, 1)], nothing, ""),
        (true, &[(NEAR, false, MANY)], nothing, ""),
        (false, &[(FAR, true, MANY)], nothing, ""),
        // Scanners that reach the node directly come first.
        (
            false,
            &[(FAR, true, 1), (NEAR, true, MANY)],
            nothing,
            UNTRUSTED,
        ),
        (
            false,
            &[(FAR, true, 100), (NEAR, true, MANY)],
            nothing,
            UNTRUSTED,
        ),
        (
            false,
            &[(FAR, false, MANY), (NEAR, true, MANY)],
            nothing,
            UNTRUSTED,
        ),
        (
            true,
            &[(FAR, true, 100), (NEAR, true, MANY)],
            nothing,
            SILENT,
        ),
        // A few neighbours of a site that everybody reaches directly are no proxy.
        (false, &[(NEAR, true, 100), (FAR, true, MANY)], nothing, ""),
        (
            false,
            &[
                (NEAR, true, 100),
                (FAR, true, 100),
                (OTHER, true, 100),
                ("198.51.100.9:1", true, 100),
            ],
            nothing,
            "",
        ),
        // Replicas of one have an address each, and take turns.
        (
            false,
            &[(NEAR, true, MANY), (OTHER, true, MANY)],
            nothing,
            UNTRUSTED,
        ),
        (
            false,
            &[(NEAR, true, 10), (OTHER, true, 10), (THIRD, true, 10)],
            nothing,
            UNTRUSTED,
        ),
        (
            false,
            &[
                (NEAR, true, MANY),
                (OTHER, true, MANY),
                (THIRD, true, MANY),
                (FAR, true, 100),
            ],
            nothing,
            UNTRUSTED,
        ),
        (
            true,
            &[(NEAR, true, MANY), (OTHER, true, MANY), (THIRD, true, MANY)],
            nothing,
            SILENT,
        ),
        // A header says it at once, no matter who came before.
        (false, &[(NEAR, false, 1)], &[forwarded], UNTRUSTED),
        (
            false,
            &[("127.0.0.1:1", false, 1)],
            &[("forwarded", "for=203.0.113.7")],
            UNTRUSTED,
        ),
        (
            false,
            &[(FAR, true, MANY), (NEAR, false, 1)],
            &[forwarded],
            UNTRUSTED,
        ),
        (true, &[(NEAR, false, 1)], &[real], "sends another header"),
        // Right settings, also where someone looks from inside, and whatever else the proxy says.
        (true, &[(NEAR, true, MANY)], &[forwarded], ""),
        (
            true,
            &[(NEAR, true, 29)],
            &[("x-forwarded-for", "10.1.2.3")],
            "",
        ),
        (
            true,
            &[(NEAR, true, 29)],
            &[("x-forwarded-for", "10.1.2.3"), real],
            "",
        ),
        (
            true,
            &[(NEAR, true, MANY)],
            &[("x-forwarded-for", "unknown")],
            SILENT,
        ),
    ] {
        let (lines, _until_the_end) = Lines::collecting();
        let site = if is_behind {
            behind_proxies()
        } else {
            Site::new()
        };
        for (peer, is_form) in peers(of_each) {
            let mut request = log_in(peer);
            if !is_form {
                *request.method_mut() = Method::GET;
            }
            for (name, value) in headers {
                request.headers_mut().insert(*name, value.parse().unwrap());
            }
            site.router.clone().oneshot(request).await.unwrap();
        }
        let log = lines.text();
        let said = log.matches("limits by client network do not apply").count();
        let case = format!("{is_behind} {of_each:?} {headers:?}: {log}");
        assert_eq!(said, usize::from(!warning.is_empty()), "{case}");
        assert!(log.contains(warning), "{case}");
    }
}
