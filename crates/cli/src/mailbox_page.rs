//! The page of the development mailbox.
//!
//! It shows links that let one in, so it answers only the machine it runs on: not a request that a
//! proxy passed on, and not one for another host than this machine. The latter is what a foreign page
//! sends whose name was turned to 127.0.0.1 meanwhile (DNS rebinding).

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use chrono::SecondsFormat;
use phone_auth::PhoneAuth;
use phone_auth::delivery::development::{Mailbox, Message};
use phone_auth::web::{Page, Visit, append_slash};
use serde::Serialize;

/// Where the page is.
pub(crate) const PATH: &str = "/dev/mailbox/";

/// The name and the source of its template.
pub(crate) const TEMPLATE: (&str, &str) = (
    "dev/mailbox.html",
    include_str!("../templates/mailbox.html"),
);

/// Headers by which a proxy says that it passes on a request of somebody else.
const PASSED_ON: [&str; 5] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
];

/// The route of the page.
pub(crate) fn router(auth: &PhoneAuth, mailbox: Mailbox) -> Router {
    let show = async move |visit: Visit| show(&visit, &mailbox);
    Router::new()
        .route(PATH, get(show))
        .route(PATH.trim_end_matches('/'), any(append_slash))
        .route_layer(middleware::from_fn(only_this_machine))
        .route_layer(auth.web().page_headers())
        .with_state(auth.web().clone())
}

fn show(visit: &Visit, mailbox: &Mailbox) -> Response {
    let messages: Vec<_> = mailbox.messages().into_iter().map(Shown::from).collect();
    visit.render(Page::new(TEMPLATE.0, "Mailbox").with("messages", messages))
}

async fn only_this_machine(request: Request, next: Next) -> Response {
    if is_from_this_machine(request.headers()) {
        next.run(request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

fn is_from_this_machine(headers: &HeaderMap) -> bool {
    let passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(is_loopback) && !passed_on
}

/// Whether a host, perhaps with a port, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// A message as the template takes it.
#[derive(Serialize)]
struct Shown {
    number: u64,
    subject: &'static str,
    signal: &'static str,
    to: String,
    username: String,
    link: String,
    at: String,
    at_text: String,
}

impl From<Message> for Shown {
    fn from(message: Message) -> Self {
        let subject = match message.signal {
            "reset_password_email" | "reset_password_phone" => "Reset your password",
            "verify_email" => "Verify your e-mail address",
            "verify_phone" => "Verify your phone number",
            other => other,
        };
        Self {
            number: message.number,
            subject,
            signal: message.signal,
            to: message.to,
            username: message.username,
            link: message.link,
            at: message.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            at_text: message.at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn check(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        is_from_this_machine(&map)
    }

    #[test]
    fn this_machine_is_answered() {
        for host in [
            "127.0.0.1:8000",
            "localhost",
            "LOCALHOST:80",
            "[::1]:8000",
            "127.9.9.9",
        ] {
            assert!(check(&[("host", host)]), "{host}");
        }
    }

    #[test]
    fn others_are_not_answered() {
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:8000",
            "10.0.0.1",
            "[::2]:8000",
            "",
        ] {
            assert!(!check(&[("host", host)]), "{host}");
        }
        assert!(!check(&[]));
        assert!(!check(&[("host", "localhost"), ("host", "evil.example")]));
        assert!(!check(&[
            ("host", "localhost"),
            ("x-forwarded-for", "203.0.113.7")
        ]));
        assert!(!check(&[("host", "localhost"), ("via", "1.1 proxy")]));
    }
}
