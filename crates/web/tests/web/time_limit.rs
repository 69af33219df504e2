//! Requests that take too long, and whose time it was.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{Request, StatusCode};
use phone_auth_web::SubmittedForm;
use tokio::time::sleep;
use tower::ServiceExt as _;

use crate::support::Site;

const LIMIT: Duration = Duration::from_mins(2);

/// A form whose last part comes after so long.
fn form(comes_after: Duration) -> Request<Body> {
    let parts = futures_util::stream::unfold(0, move |sent| async move {
        match sent {
            0 => Some((Ok::<_, std::io::Error>("a="), 1)),
            1 => {
                sleep(comes_after).await;
                Some((Ok("b"), 2))
            }
            _ => None,
        }
    });
    let kind = "application/x-www-form-urlencoded";
    let request = Request::post("/form").header("host", "localhost");
    let request = request.header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", kind);
    request.body(Body::from_stream(parts)).unwrap()
}

/// Body and handling have each their own time, whatever the limit of a form without one is.
#[tokio::test(start_paused = true)]
async fn late_request_says_whose_time_it_was() {
    let site = Site::new();
    let most = LIMIT.mul_f32(0.8);
    let more = LIMIT.mul_f32(1.2);
    for (body, handling, status) in [
        (Duration::ZERO, Duration::ZERO, StatusCode::OK),
        (most, most, StatusCode::OK),
        (more, Duration::ZERO, StatusCode::REQUEST_TIMEOUT),
        (most, more, StatusCode::SERVICE_UNAVAILABLE),
        (Duration::ZERO, more, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let handler = async move |form: SubmittedForm| {
            assert_eq!(form.text("a"), "b");
            sleep(handling).await;
        };
        let router = Router::new().route("/form", post(handler));
        let router = router.with_state(site.web.clone());
        let router = router.layer(site.web.time_limit(LIMIT));
        let answer = router.oneshot(form(body)).await.unwrap();
        assert_eq!(answer.status(), status, "{body:?} {handling:?}");
        let is_ours = status == StatusCode::SERVICE_UNAVAILABLE;
        let headers = answer.headers();
        assert_eq!(headers.contains_key("retry-after"), is_ours);
        assert_eq!(
            headers.contains_key("x-frame-options"),
            status != StatusCode::OK
        );
    }
}
