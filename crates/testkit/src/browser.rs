//! A browser without a network: it keeps cookies, follows redirects and fills in forms.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::request::Builder;
use http::{HeaderValue, Method, Request, StatusCode};
use phone_auth::SiteOrigin;
use tower::ServiceExt;
use url::Url;

use crate::form::{Form, forms_of};
use crate::page::TestPage;

/// How many redirects are followed; more than that lead in a circle.
const MOST_REDIRECTS: usize = 10;

/// A browser of one user: it keeps cookies, says where its forms come from, and follows redirects.
///
/// From [`TestSite::browser`](crate::TestSite::browser), or, already logged in, from
/// [`TestUser::signed_in`](crate::TestUser::signed_in). Any router can be asked with one of [`new`](Self::new).
///
/// # Examples
/// ```
/// use axum::{Router, routing::get};
/// use phone_auth::SiteOrigin;
/// use phone_auth_testkit::TestBrowser;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let app = Router::new().route("/", get(async || "Hello"));
/// let mut browser = TestBrowser::new(app, &SiteOrigin::parse("https://example.org")?);
/// assert_eq!(browser.get("/").await.body, "Hello");
/// assert_eq!(browser.get("/nowhere/").await.status, 404);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TestBrowser {
    router: Router,
    site: SiteOrigin,
    cookies: BTreeMap<String, String>,
}

impl TestBrowser {
    /// A browser that has not been here before.
    pub fn new(router: Router, site: &SiteOrigin) -> Self {
        Self {
            router,
            site: site.clone(),
            cookies: BTreeMap::new(),
        }
    }

    /// Opens a page.
    ///
    /// # Panics
    /// When redirects lead in a circle, or to another site.
    pub async fn get(&mut self, path: &str) -> TestPage {
        self.walk(Method::GET, path.to_owned(), None).await
    }

    /// Sends a form as it is, without looking at a page before.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> TestPage {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.walk(Method::POST, path.to_owned(), Some(body)).await
    }

    /// Fills in the form of a page that has this button, and presses it. What the page has put into other fields, hidden
    /// ones too, goes with it, as a browser sends it.
    ///
    /// A box, a radio button or an option is ticked or chosen by its value, which is `on` where a box has none; an empty
    /// value unticks a box. A name may come several times, for several boxes: those of that name that are not named here
    /// are not ticked.
    ///
    /// # Panics
    /// When the page has no such button, or the form no such field or choice, when it goes to another site, and as
    /// [`get`](Self::get).
    pub async fn press(
        &mut self,
        page: &TestPage,
        button: &str,
        fields: &[(&str, &str)],
    ) -> TestPage {
        let forms = forms_of(&page.body);
        let found = forms
            .iter()
            .find_map(|form| form.button(button).map(|pressed| (form, pressed)));
        let Some((form, pressed)) = found else {
            let labels: Vec<_> = forms.iter().flat_map(Form::labels).collect();
            panic!(
                "{} has no button {button:?}; it has {labels:?}:\n{}",
                page.path, page.body
            );
        };
        let target = pressed.action.as_ref().unwrap_or(&form.action);
        let target = self.on_this_site(&page.path, target);
        let is_post = form.is_posted_by(pressed);
        let sent = match form.sent(pressed, fields) {
            Ok(sent) => sent,
            Err(error) => panic!("the form of {button:?} {error}"),
        };
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(sent)
            .finish();
        if is_post {
            return self.walk(Method::POST, target, Some(body)).await;
        }
        let path = target.split('?').next().unwrap_or_default();
        self.walk(Method::GET, format!("{path}?{body}"), None).await
    }

    /// A request with the cookies of this browser and nothing about where it comes from, to be
    /// [sent](Self::send) as it is.
    pub fn request(&self, method: Method, path: &str) -> Builder {
        let host = self.site.as_str().split("://").nth(1).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host);
        if self.cookies.is_empty() {
            return request;
        }
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        request.header(COOKIE, pairs.join("; "))
    }

    /// Sends a request as it is, keeps the cookies that come back, and follows nothing.
    pub async fn send(&mut self, request: Request<Body>) -> TestPage {
        let path = request.uri().to_string();
        let response = self.answer(request).await;
        TestPage::read(path, response).await
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    async fn answer(&mut self, request: Request<Body>) -> Response {
        let Ok(response) = self.router.clone().oneshot(request).await;
        for cookie in response.headers().get_all(SET_COOKIE) {
            self.keep(cookie);
        }
        response
    }

    fn keep(&mut self, cookie: &HeaderValue) {
        let cookie = cookie.to_str().unwrap_or_default();
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let Some((name, value)) = pair.split_once('=') else {
            return;
        };
        let ends = |it: &str| it.trim().eq_ignore_ascii_case("max-age=0");
        if attributes.split(';').any(ends) {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    async fn walk(
        &mut self,
        mut method: Method,
        mut path: String,
        form: Option<String>,
    ) -> TestPage {
        let begun = path.clone();
        let mut form = form;
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.request(method.clone(), &path);
            if form.is_some() {
                request = request
                    .header(ORIGIN, self.site.as_str())
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            }
            let request = match request.body(form.clone().map_or_else(Body::empty, Body::from)) {
                Ok(request) => request,
                Err(error) => panic!("{path:?} is no path to ask for: {error}"),
            };
            let response = self.answer(request).await;
            let location = response.headers().get(LOCATION);
            let Some(location) = location.filter(|_| response.status().is_redirection()) else {
                return TestPage::read(path, response).await;
            };
            let location = String::from_utf8_lossy(location.as_bytes());
            path = self.on_this_site(&path, &location);
            // 307 and 308 keep what was sent (RFC 9110, section 15.4).
            let keeps = [
                StatusCode::TEMPORARY_REDIRECT,
                StatusCode::PERMANENT_REDIRECT,
            ];
            if !keeps.contains(&response.status()) {
                (method, form) = (Method::GET, None);
            }
        }
        panic!("{begun} leads in a circle, through {path}");
    }

    /// The path that a redirect or a form leads to, which may be relative to where it is (RFC 9110, section 10.2.2).
    fn on_this_site(&self, from: &str, target: &str) -> String {
        let site = self.site.as_str();
        let base = if from.starts_with('/') {
            format!("{site}{from}")
        } else {
            from.to_owned()
        };
        let url = Url::parse(&base).and_then(|base| base.join(target));
        let url = match url {
            Ok(url) if Url::parse(site).is_ok_and(|site| site.origin() == url.origin()) => url,
            _ => panic!("{from} leads to {target}, which is not on this site"),
        };
        let query = url.query().map(|query| format!("?{query}"));
        format!("{}{}", url.path(), query.unwrap_or_default())
    }
}
