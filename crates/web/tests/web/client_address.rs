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

#[tokio::test]
async fn unknown_proxy_is_warned_of_once() {
    let many = 300;
    let nothing: &[(&str, &str)] = &[];
    // The operator is told what is amiss.
    let untrusted = "a proxy that is not trusted";
    for (site, peers, headers, warning) in [
        // Nothing tells a proxy from the health checks of a balancer, until there is nobody else.
        (Site::new(), vec!["10.0.0.1:1"; 99], nothing, ""),
        (Site::new(), vec!["10.0.0.1:1"; 100], nothing, untrusted),
        (Site::new(), vec!["10.0.0.1:1"; many], nothing, untrusted),
        (
            Site::new(),
            vec!["10.0.0.1:1"; many],
            &[("x-forwarded-for", "203.0.113.7")],
            untrusted,
        ),
        (
            Site::new(),
            vec!["127.0.0.1:1"; 1],
            &[("forwarded", "for=203.0.113.7")],
            untrusted,
        ),
        (Site::new(), vec!["203.0.113.9:1"; many], nothing, ""),
        (
            Site::new(),
            [vec!["203.0.113.9:1"], vec!["10.0.0.1:1"; many]].concat(),
            nothing,
            "",
        ),
        (
            behind_proxies(),
            vec!["10.0.0.1:1"; many],
            &[("x-forwarded-for", "203.0.113.7")],
            "",
        ),
        (
            behind_proxies(),
            vec!["10.0.0.1:1"; many],
            &[("x-real-ip", "203.0.113.7")],
            "sends another header",
        ),
        (
            behind_proxies(),
            vec!["10.0.0.1:1"; many],
            nothing,
            "does not say whose requests it sends",
        ),
    ] {
        let (lines, _until_the_end) = Lines::collecting();
        let (count, peer) = (peers.len(), peers[0]);
        for peer in peers {
            let mut request = log_in(peer);
            *request.method_mut() = Method::GET;
            for (name, value) in headers {
                request.headers_mut().insert(*name, value.parse().unwrap());
            }
            site.router.clone().oneshot(request).await.unwrap();
        }
        let log = lines.text();
        let said = log.matches("limits by client network do not apply").count();
        let case = format!("{count} from {peer} {headers:?}: {log}");
        assert_eq!(said, usize::from(!warning.is_empty()), "{case}");
        assert!(log.contains(warning), "{case}");
    }
}
