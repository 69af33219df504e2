//! A client that knows only HTTP: cookies, forms, and any header or body one likes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};

use crate::answer::Answer;
use crate::cookies::{Cookie, Jar};
use crate::html::Form;
use crate::{PATIENCE, wire};

/// A client with cookies of its own, that follows no redirect by itself.
///
/// Its clones share the cookies.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    /// Where the connections go.
    target: String,
    /// What stands in the address bar: other than `target` behind a proxy.
    origin: String,
    jar: Arc<Mutex<Jar>>,
}

impl Client {
    /// A client of the site at this origin.
    pub fn new(origin: &str) -> Self {
        Self::of(origin, None)
    }

    /// A client with the same cookies at this address of the machine, one of 127.0.0.0/8.
    #[must_use]
    pub fn at(&self, address: Ipv4Addr) -> Self {
        Self {
            jar: Arc::clone(&self.jar),
            origin: self.origin.clone(),
            ..Self::of(&self.target, Some(address))
        }
    }

    fn of(origin: &str, address: Option<Ipv4Addr>) -> Self {
        // Where another package of the workspace gives reqwest TLS, it asks for a provider of cryptography,
        // also of a client that speaks plain HTTP. The first to name one has named it for all.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // It speaks plain HTTP. To read the certificates of the system takes longer than many a test.
            .tls_certs_only([])
            .local_address(address.map(IpAddr::from))
            .timeout(2 * PATIENCE)
            .build()
            .unwrap();
        let target = origin.to_owned();
        Self {
            http,
            target,
            origin: origin.to_owned(),
            jar: Arc::default(),
        }
    }

    /// The same connections, as they come from a proxy that serves `origin` to the world.
    #[must_use]
    pub fn through(&self, origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            jar: Arc::default(),
            ..self.clone()
        }
    }

    /// A client with a copy of these cookies: what a thief of them has.
    #[must_use]
    pub fn thief(&self) -> Self {
        let jar = self.jar.lock().unwrap().clone();
        Self {
            jar: Arc::new(Mutex::new(jar)),
            ..self.clone()
        }
    }

    /// What stands in the address bar.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The cookies held.
    pub fn cookies(&self) -> Vec<Cookie> {
        self.jar.lock().unwrap().all().to_vec()
    }

    /// The cookie of the session, if there is one.
    pub fn session_cookie(&self) -> Option<Cookie> {
        self.cookies()
            .into_iter()
            .find(|cookie| cookie.name.ends_with("sessionid"))
    }

    /// Holds a cookie that the site did not give.
    pub fn plant(&self, name: &str, value: &str) {
        let cookie = Cookie {
            name: name.into(),
            value: value.into(),
            attributes: Vec::new(),
        };
        self.jar.lock().unwrap().take(cookie);
    }

    /// Forgets a cookie.
    pub fn forget(&self, name: &str) {
        self.jar.lock().unwrap().forget(name);
    }

    /// A request to build on. It has the cookies, and nothing else that a browser would add.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request {
            client: self.clone(),
            method: method.parse().unwrap(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    /// Asks for the headers of a page.
    pub async fn head(&self, path: &str) -> Answer {
        self.request("HEAD", path).send().await
    }

    /// Posts these fields and no others, from the site's own origin.
    pub async fn post<N: Into<String>, V: Into<String>>(
        &self,
        path: &str,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Answer {
        self.request("POST", path)
            .same_origin()
            .form(fields)
            .send()
            .await
    }

    /// Opens a page, fills in the form that has these fields, and sends it as a browser would.
    #[track_caller]
    pub fn submit<N: Into<String>, V: Into<String>>(
        &self,
        path: &str,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> impl Future<Output = Answer> + Send {
        let fields: Vec<(String, String)> = fields
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let (client, path) = (self.clone(), path.to_owned());
        async move {
            let page = client.get(&path).await.expect(200).page();
            let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
            let form = page.form_with(&names);
            client.send_form(&path, &form.filled(&fields)).await
        }
    }

    /// Sends a form that stands on the page at `path`.
    pub async fn send_form(&self, path: &str, form: &Form) -> Answer {
        let action = form.action.clone().filter(|action| !action.is_empty());
        let path = action.unwrap_or_else(|| path.to_owned());
        self.post(&path, form.values()).await
    }

    /// Where a redirect leads, as a path of this site.
    #[track_caller]
    pub fn path_of(&self, answer: &Answer) -> String {
        let location = answer.location();
        let path = location.strip_prefix(&self.origin).unwrap_or(location);
        assert!(
            path.starts_with('/'),
            "{} leads out of the site: {location}",
            answer.asked
        );
        path.to_owned()
    }

    /// Opens a page and follows redirects inside the site.
    pub async fn open(&self, path: &str) -> Answer {
        let mut answer = self.get(path).await;
        for _ in 0..5 {
            if !(300..400).contains(&answer.status) {
                return answer;
            }
            answer = self.get(&self.path_of(&answer)).await;
        }
        panic!("{} redirects for ever", answer.asked)
    }
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    client: Client,
    method: Method,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Request {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        self.headers.push((name.parse().unwrap(), value));
        self
    }

    /// Says that it comes from a page of the site.
    #[must_use]
    pub fn same_origin(self) -> Self {
        let origin = self.client.origin.clone();
        self.header("origin", origin)
    }

    /// A form as the body.
    #[must_use]
    pub fn form<N: Into<String>, V: Into<String>>(
        self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let fields: Vec<(String, String)> = fields
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        self.raw_form(wire::form(&fields))
    }

    /// Any bytes as a form.
    #[must_use]
    pub fn raw_form(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }

    /// Any bytes as the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it. A connection that breaks fails the test.
    pub async fn send(self) -> Answer {
        let asked = format!("{} {}", self.method, self.path);
        self.try_send()
            .await
            .unwrap_or_else(|error| panic!("{asked} gets no answer: {error:?}"))
    }

    /// Sends it to a site that may break the connection.
    ///
    /// # Errors
    /// What reqwest says when no answer comes.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let url = format!("{}{}", self.client.target, self.path);
        let mut request = self.client.http.request(self.method.clone(), url);
        if self.client.origin != self.client.target {
            let (_, host) = self.client.origin.split_once("://").unwrap();
            request = request.header("host", host);
        }
        let cookies = self.client.jar.lock().unwrap().header(&self.path);
        if let Some(cookies) =
            cookies.filter(|_| !self.headers.iter().any(|(name, _)| name == "cookie"))
        {
            request = request.header("cookie", cookies);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if !self.body.is_empty() || self.method == Method::POST {
            request = request.body(self.body);
        }
        let response = request.send().await?;
        let answer = Answer {
            asked: format!("{} {}", self.method, self.path),
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?.into(),
        };
        let mut jar = self.client.jar.lock().unwrap();
        for cookie in answer.cookies() {
            jar.take(cookie);
        }
        Ok(answer)
    }
}
