//! `phone-auth serve`: the site, from the first check to the last answer.

use std::any::Any;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{StatusCode, Version};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use phone_auth::{PhoneAuth, SiteOrigin, web};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::banner::Banner;
use crate::console;
use crate::exit::Failure;
use crate::mailbox_page;
use crate::server::{Finishing, Limits, Server};
use crate::setup::Setup;
use crate::site::{self, Schema, Site};
use crate::stop::Stop;

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

async fn serve(setup: Setup) -> Result<(), Failure> {
    let mode = site::mode(&setup.configuration)?;
    let addr = setup.configuration.addr;
    // Before anything is made, so that a second start beside a running site leaves no trace.
    let server = Server::bind(addr)
        .await
        .map_err(|error| cannot_listen(addr, error))?;
    let stop = Stop::listen().map_err(Failure::failed)?;
    let origin = origin(&setup, server.addr())?;
    let limits = Limits {
        connections: setup.configuration.max_connections,
        head: setup.configuration.header_timeout,
    };
    let grace = setup.configuration.shutdown_grace;
    let request_timeout = setup.configuration.request_timeout;
    let worker = setup
        .configuration
        .outbox_worker
        .then(|| setup.configuration.worker());
    let site = site::open(setup, origin, mode, worker, Schema::Newest).await?;
    let router = bounded(router(&site), request_timeout);
    console::tell(Banner {
        addr: server.addr(),
        site: &site,
    });
    let finishing = server.serve(router, limits, stop.asked()).await;
    finish(finishing, &site.auth, &stop, grace).await
}

/// The pages of the site.
fn router(site: &Site) -> Router {
    let router = site.auth.router().merge(web::site::router(site.auth.web()));
    match &site.mailbox {
        Some(mailbox) => router.merge(mailbox_page::router(&site.auth, mailbox.clone())),
        None => router,
    }
}

/// Bounds what a request may do: above all how long a client may take to send a body. A panic of a
/// handler ends its request, not the connection, and tells nobody why.
fn bounded(router: Router, request_timeout: Duration) -> Router {
    let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, request_timeout);
    router
        .layer(timeout)
        .layer(middleware::from_fn(with_one_host))
        .layer(CatchPanicLayer::custom(after_panic))
}

/// Refuses a request without a `Host`, or with several, as RFC 9112, 3.2 asks: what stands before this
/// program may go by another one than it does.
async fn with_one_host(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(HOST).iter().count();
    let is_fit = hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11);
    if is_fit {
        next.run(request).await
    } else {
        (StatusCode::BAD_REQUEST, "A request names one Host.\n").into_response()
    }
}

/// The answer after a panic; the log has what it said, see [`logs`](crate::logs).
fn after_panic(_payload: Box<dyn Any + Send>) -> Response {
    let answer = (
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong here.\n",
    );
    answer.into_response()
}

/// What links begin with: as set, or the loopback address that is listened on.
fn origin(setup: &Setup, bound: SocketAddr) -> Result<SiteOrigin, Failure> {
    match &setup.configuration.site_url {
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
    let begun = Instant::now();
    // At once, so that messages and requests finish side by side, whoever keeps us waiting.
    auth.stop_claiming();
    console::tell(match finishing.open() {
        Some(open) => format!("stopping: {open} connections to finish, at most {grace:?}"),
        None => "stopping".to_owned(),
    });
    let finished = async {
        let answered = finishing.finish(grace).await;
        let left = grace.saturating_sub(begun.elapsed());
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
            "stopped although messages were not sent in time; those that are owed are sent later",
        ));
    }
    console::tell("stopped");
    Ok(())
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
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn panic_is_answered_without_reason() {
        async fn fails() {
            "no number".parse::<u8>().unwrap();
        }
        let router = bounded(Router::new().route("/", get(fails)), Duration::from_secs(1));
        let request = Request::get("/").header(HOST, "localhost");
        let request = request.body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(answer.into_body(), 1000)
            .await
            .unwrap();
        assert_eq!(body, "Something went wrong here.\n");
    }

    #[tokio::test]
    async fn request_names_one_host() {
        for (hosts, version, status) in [
            (&["a.example"][..], Version::HTTP_11, StatusCode::OK),
            (&[], Version::HTTP_10, StatusCode::OK),
            (&[], Version::HTTP_11, StatusCode::BAD_REQUEST),
            (
                &["a.example", "b.example"],
                Version::HTTP_11,
                StatusCode::BAD_REQUEST,
            ),
        ] {
            let router = Router::new().route("/", get(|| async {}));
            let router = bounded(router, Duration::from_secs(1));
            let request = Request::get("/").version(version);
            let request = hosts
                .iter()
                .fold(request, |request, host| request.header(HOST, *host));
            let answer = router
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
            assert_eq!(answer.status(), status, "{hosts:?} {version:?}");
        }
    }
}
