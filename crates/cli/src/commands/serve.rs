//! `phone-auth serve`: the site, from the first check to the last answer.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::{Method, StatusCode, Version};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use phone_auth::{PhoneAuth, SiteOrigin, web};
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

use crate::configuration::ServerSettings;
use crate::exit::Failure;
use crate::server::{Clocks, Finishing, Limits, Proxies, Refusals, Server};
use crate::site::pages;
use crate::site::{self, Schema, Site};
use crate::start::Prepared;
use crate::start::mode::Process;
use crate::start::setup::Setup;
use crate::stop::Stop;
use crate::terminal::banner::Banner;
use crate::terminal::console;

/// Serves until asked to stop.
///
/// # Errors
/// When the settings do not go together, the address is taken, or the database cannot be used.
pub(crate) fn run(setup: Setup) -> Result<(), Failure> {
    let runtime = site::runtime()?;
    let done = runtime.block_on(serve(setup));
    // What still hashes or waits for the database was given its time.
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}

async fn serve(mut setup: Setup) -> Result<(), Failure> {
    let addr = setup.configuration.server.addr;
    // Before anything is made, so that a second start beside a running site leaves no trace.
    let server = Server::bind(addr).map_err(|error| cannot_listen(addr, error))?;
    let stop = Stop::listen().map_err(Failure::failed)?;
    let origin = origin(&setup, server.addr())?;
    let prepared = Prepared::new(&mut setup, Process::Site, &origin)?;
    let configuration = &setup.configuration;
    let server = server.behind(proxies(&configuration.server));
    let limits = limits(&configuration.server);
    let grace = configuration.server.shutdown_grace;
    let request_timeout = configuration.server.request_timeout;
    let messages = &configuration.messages;
    let worker = messages.outbox_worker.then(|| messages.worker());
    // A database that does not answer must not keep anyone who starts the site from stopping it.
    let site = tokio::select! {
        site = site::open(configuration, prepared, origin, worker, Schema::Newest) => site?,
        () = stop.asked() => return Err(Failure::because("stopped before the site was ready")),
    };
    let web = site.auth.web();
    let router = bounded(router(&site), web, request_timeout);
    let refusals = Refusals::new(|status| web.error_page(status)).await;
    console::tell(Banner {
        addr: server.addr(),
        site: &site,
        delivers: configuration.messages.outbox_worker,
    });
    let finishing = server.serve(router, refusals, limits, stop.asked()).await;
    let finished = finish(finishing, &site.auth, &stop, grace).await;
    site.close().await;
    finished
}

/// What stands in front.
fn proxies(settings: &ServerSettings) -> Proxies {
    Proxies {
        trusted: pages::trusted_proxies(settings),
        preface: settings.proxy_protocol.then_some(settings.header_timeout),
    }
}

/// What clients may take.
fn limits(settings: &ServerSettings) -> Limits {
    let connections = settings.max_connections;
    Limits {
        connections,
        share: settings
            .max_connections_per_client
            .unwrap_or(connections.div_ceil(2)),
        clocks: Clocks {
            head: settings.header_timeout,
            answer: settings.response_timeout,
            idle: settings.keep_alive_timeout,
        },
    }
}

/// The pages of the site.
fn router(site: &Site) -> Router {
    let router = site.auth.router().merge(web::site::router(site.auth.web()));
    match &site.mailbox {
        Some(page) => router.merge(page.router(&site.auth)),
        None => router,
    }
}

/// Bounds what a request may do, and has whatever goes wrong around the pages answered as they do: with words, and with
/// their headers. A panic of a handler ends its request, not the connection, and tells nobody why; the log has what it
/// said, see [`logs`](crate::logs).
fn bounded(router: Router, web: &web::Web, request_timeout: Duration) -> Router {
    let after_panic = web.clone();
    let words = web.clone();
    router
        .layer(web.time_limit(request_timeout))
        .layer(middleware::from_fn(with_one_host))
        .layer(CatchPanicLayer::custom(move |_what| {
            after_panic.error_page(StatusCode::INTERNAL_SERVER_ERROR)
        }))
        .layer(middleware::from_fn(move |request, next| {
            with_words(words.clone(), request, next)
        }))
        .layer(web.page_headers())
}

/// Refuses a request without a `Host`, or with several, as RFC 9112, 3.2 asks: what stands before this
/// program may go by another one than it does.
async fn with_one_host(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(HOST).iter().count();
    let is_fit = hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11);
    if is_fit {
        next.run(request).await
    } else {
        StatusCode::BAD_REQUEST.into_response()
    }
}

/// Puts the page for its status into an answer that is an error and says nothing.
async fn with_words(web: web::Web, request: Request, next: Next) -> Response {
    let is_head = request.method() == Method::HEAD;
    let mut response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if is_head || !is_error || response.body().size_hint().exact() != Some(0) {
        return response;
    }
    let (parts, body) = web.error_page(status).into_parts();
    *response.body_mut() = body;
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_TYPE);
    for (name, value) in &parts.headers {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    response
}

/// What links begin with: as set, or the loopback address that is listened on.
fn origin(setup: &Setup, bound: SocketAddr) -> Result<SiteOrigin, Failure> {
    match &setup.configuration.site.url {
        Some(origin) => Ok(origin.clone()),
        None => SiteOrigin::parse(&format!("http://{bound}")).map_err(Failure::failed),
    }
}

/// Lets requests and messages under way finish.
async fn finish(
    finishing: Finishing,
    auth: &PhoneAuth,
    stop: &Stop,
    grace: Duration,
) -> Result<(), Failure> {
    let deadline = Instant::now() + grace;
    // At once, so that messages and requests finish side by side, no matter who keeps us waiting.
    auth.stop_claiming();
    console::tell(match finishing.open() {
        Some(open) => format!("stopping: {open} connections to finish, at most {grace:?}"),
        None => "stopping".to_owned(),
    });
    let finished = async {
        let answered = finishing.finish(deadline).await;
        let left = deadline.saturating_duration_since(Instant::now());
        let told = auth.shut_down(left).await;
        (answered, told)
    };
    let (answered, told) = tokio::select! {
        finished = finished => finished,
        () = stop.insisted() => return Err(Failure::because("stopped at once, as asked twice")),
    };
    if !answered {
        return Err(Failure::because(
            "stopped although requests were not answered in time",
        ));
    }
    if !told {
        return Err(Failure::because(
            "stopped although messages were not sent in time; those that are pending are sent later",
        ));
    }
    console::tell("stopped");
    Ok(())
}

/// Whether another program listens on the address, which may be this site.
///
/// # Errors
/// When nobody on this machine, or not this user, could listen there.
pub(crate) fn can_listen(addr: SocketAddr) -> Result<bool, Failure> {
    match Server::look(addr) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(true),
        Err(error) => Err(cannot_listen(addr, error)),
        Ok(()) => Ok(false),
    }
}

fn cannot_listen(addr: SocketAddr, error: std::io::Error) -> Failure {
    let cure = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or choose another port with --addr"
        }
        std::io::ErrorKind::PermissionDenied => {
            "this user may not; choose a port above 1023 with --addr"
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; choose one with --addr"
        }
        _ => return Failure::failed(error),
    };
    Failure::because(format!("cannot listen on {addr}: {cure}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::{get, post};
    use phone_auth::signals::{ResetPasswordEmail, ResetPasswordPhone, VerifyEmail, VerifyPhone};
    use phone_auth::{Database, SecretKey, Signals};
    use tower::ServiceExt;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    async fn auth(folder: &tempfile::TempDir) -> PhoneAuth {
        let name = format!("sqlite:{}", folder.path().join("site.sqlite3").display());
        let site = SiteOrigin::parse("https://example.org").unwrap();
        let database = Database::open(&name).await.unwrap();
        PhoneAuth::builder(site, SecretKey::generate().unwrap(), database)
            .signals(Signals::isolated())
            .allow_unreceived::<VerifyEmail>()
            .allow_unreceived::<VerifyPhone>()
            .allow_unreceived::<ResetPasswordEmail>()
            .allow_unreceived::<ResetPasswordPhone>()
            .without_worker()
            .build()
            .await
            .unwrap()
    }

    fn request(method: &str, path: &str) -> Request<Body> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(HOST, "localhost");
        request.body(Body::empty()).unwrap()
    }

    /// A request that names so many hosts.
    fn hosts(count: usize, version: Version) -> Request<Body> {
        let request = Request::get("/").version(version);
        let named = (0..count).fold(request, |request, _| request.header(HOST, "a.example"));
        named.body(Body::empty()).unwrap()
    }

    /// A form that does not come.
    fn slow_form() -> Request<Body> {
        let never = futures_util::stream::pending::<Result<&str, std::io::Error>>();
        let kind = "application/x-www-form-urlencoded";
        let request = Request::post("/form").header(HOST, "localhost");
        let request = request.header("sec-fetch-site", "same-origin");
        let request = request.header(CONTENT_TYPE, kind);
        request.body(Body::from_stream(never)).unwrap()
    }

    /// Everything that is answered outside the pages, with the status that it has.
    async fn odd_answers(auth: &PhoneAuth) -> Vec<(&'static str, StatusCode, Response)> {
        async fn fails() {
            "no number".parse::<u8>().unwrap();
        }
        let web = auth.web();
        let router = |limit| {
            let router = Router::new()
                .route("/fails", get(fails))
                .route("/slow", get(std::future::pending::<()>))
                .route("/form", post(async |_: web::SubmittedForm| {}))
                .with_state(web.clone());
            let pages = auth.router().merge(web::site::router(web));
            bounded(router.merge(pages), web, limit)
        };
        let short = Duration::from_millis(20);
        let style = web.stylesheet();
        let mut answers = Vec::new();
        for (what, limit, request, status) in [
            (
                "a panic",
                HOUR,
                request("GET", "/fails"),
                StatusCode::INTERNAL_SERVER_ERROR,
            ),
            (
                "a slow handler",
                short,
                request("GET", "/slow"),
                StatusCode::SERVICE_UNAVAILABLE,
            ),
            (
                "a slow body",
                short,
                slow_form(),
                StatusCode::REQUEST_TIMEOUT,
            ),
            (
                "no host",
                HOUR,
                hosts(0, Version::HTTP_11),
                StatusCode::BAD_REQUEST,
            ),
            (
                "two hosts",
                HOUR,
                hosts(2, Version::HTTP_11),
                StatusCode::BAD_REQUEST,
            ),
            (
                "no host before 1.1",
                HOUR,
                hosts(0, Version::HTTP_10),
                StatusCode::OK,
            ),
            (
                "no page",
                HOUR,
                request("GET", "/nowhere"),
                StatusCode::NOT_FOUND,
            ),
            (
                "a wrong method",
                HOUR,
                request("PATCH", "/"),
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            (
                "a posted style sheet",
                HOUR,
                request("POST", style),
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            ("a style sheet", HOUR, request("GET", style), StatusCode::OK),
            (
                "a route of no page",
                HOUR,
                request("POST", "/slow"),
                StatusCode::METHOD_NOT_ALLOWED,
            ),
        ] {
            let answer = router(limit).oneshot(request).await.unwrap();
            answers.push((what, status, answer));
        }
        for status in Refusals::STATUSES {
            answers.push(("the listener", status, web.error_page(status)));
        }
        answers
    }

    #[tokio::test]
    async fn every_answer_has_words_and_headers() {
        let folder = tempfile::tempdir().unwrap();
        let auth = auth(&folder).await;
        for (what, status, answer) in odd_answers(&auth).await {
            let (head, body) = answer.into_parts();
            assert_eq!(head.status, status, "{what}");
            for name in [
                "content-security-policy",
                "x-frame-options",
                "x-content-type-options",
                "referrer-policy",
                "permissions-policy",
                "cross-origin-opener-policy",
                "cross-origin-resource-policy",
                "strict-transport-security",
                "cache-control",
            ] {
                assert!(head.headers.contains_key(name), "{what}: {name}");
            }
            let retries = head.headers.contains_key("retry-after");
            assert_eq!(retries, status == StatusCode::SERVICE_UNAVAILABLE, "{what}");
            let varies = head.headers.contains_key("vary");
            assert_eq!(varies, what != "a style sheet", "{what}");
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(
                !body.is_empty() && !body.contains("no number"),
                "{what}: {body}"
            );
            assert_eq!(
                body.contains("<h1>"),
                what != "a style sheet",
                "{what}: {body}"
            );
        }
    }
}
