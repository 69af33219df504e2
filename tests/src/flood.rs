//! Many connections that post again and again, each from an address of its own choice.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::site::Site;
use crate::{PATIENCE, unique, wire};

/// A post that a flood sends again and again.
#[derive(Clone, Debug)]
pub struct Post {
    from: Ipv4Addr,
    path: String,
    cookies: String,
    /// Whose page sends it; that of the site unless said.
    origin: Option<String>,
    headers: String,
    fields: Vec<(String, String)>,
}

impl Post {
    /// A post of these fields. Where a value, or that of a header, has `{n}`, another number of eight digits stands there
    /// each time.
    pub fn new<V: Into<String>>(
        path: &str,
        fields: impl IntoIterator<Item = (&'static str, V)>,
    ) -> Self {
        Self {
            from: Ipv4Addr::LOCALHOST,
            path: path.to_owned(),
            cookies: String::new(),
            origin: None,
            headers: String::new(),
            fields: fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
        }
    }

    /// The same from this address of the machine, one of 127.0.0.0/8.
    #[must_use]
    pub const fn from(mut self, address: Ipv4Addr) -> Self {
        self.from = address;
        self
    }

    /// The same with the cookies of this client.
    #[must_use]
    pub fn with_cookies_of(mut self, client: &crate::Client) -> Self {
        let cookies = client.cookies();
        let pairs: Vec<String> = cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        self.cookies = pairs.join("; ");
        self
    }

    /// The same as a page of this other site would send it.
    #[must_use]
    pub fn of_page(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    /// The same with this line in its head.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.extend([name, ": ", value, "\r\n"]);
        self
    }

    fn bytes(&self, host: &str) -> Vec<u8> {
        let number = format!("{:08}", unique());
        let fields: Vec<(String, String)> = self
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), value.replace("{n}", &number)))
            .collect();
        let (path, cookies, body) = (&self.path, &self.cookies, wire::form(&fields));
        let length = body.len();
        let ours = format!("http://{host}");
        let origin = self.origin.as_ref().unwrap_or(&ours);
        let headers = self.headers.replace("{n}", &number);
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nCookie: {cookies}\r\n\
             {headers}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// Connections that post until they are told to stop. They end with this value.
#[derive(Debug)]
pub struct Flood {
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<BTreeMap<u16, u64>>>,
    connections: Vec<JoinHandle<()>>,
}

impl Flood {
    /// Begins one connection for each of these posts, and waits until some are answered.
    pub async fn begin(site: &Site, posts: impl IntoIterator<Item = Post>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answers = Arc::default();
        let connections: Vec<_> = posts
            .into_iter()
            .map(|post| {
                let (host, stop, answers) = (
                    site.host().to_owned(),
                    Arc::clone(&stop),
                    Arc::clone(&answers),
                );
                tokio::spawn(pour(host, post, stop, answers))
            })
            .collect();
        let flood = Self {
            stop,
            answers,
            connections,
        };
        let many = u64::try_from(flood.connections.len()).unwrap();
        crate::until("the flood is answered", || async {
            flood.answers().values().sum::<u64>() >= many
        })
        .await;
        flood
    }

    /// How many answers there were with each status.
    pub fn answers(&self) -> BTreeMap<u16, u64> {
        self.answers.lock().unwrap().clone()
    }

    /// Waits until there were so many answers, and stops.
    pub async fn end_after(self, answers: u64) -> BTreeMap<u16, u64> {
        crate::until("the flood goes on", || async {
            self.answers().values().sum::<u64>() >= answers
        })
        .await;
        self.end().await
    }

    /// Stops, and waits until the last connection has its answer.
    pub async fn end(mut self) -> BTreeMap<u16, u64> {
        self.stop.store(true, Ordering::Relaxed);
        for connection in std::mem::take(&mut self.connections) {
            tokio::time::timeout(PATIENCE, connection)
                .await
                .unwrap()
                .unwrap();
        }
        self.answers()
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        for connection in &self.connections {
            connection.abort();
        }
    }
}

async fn pour(
    host: String,
    post: Post,
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<BTreeMap<u16, u64>>>,
) {
    let address: SocketAddr = host.parse().unwrap();
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        let stream = match connection.take() {
            Some(stream) => Some(stream),
            None => connect(post.from, address).await,
        };
        let Some(mut stream) = stream else {
            tokio::task::yield_now().await;
            continue;
        };
        if let Some(status) = ask(&mut stream, &post.bytes(&host)).await {
            *answers.lock().unwrap().entry(status).or_default() += 1;
            connection = Some(stream);
        }
    }
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).ok()?;
    socket.connect(to).await.ok()
}

/// Sends a request and reads its answer to the end; nothing when the connection is over.
async fn ask(stream: &mut TcpStream, request: &[u8]) -> Option<u16> {
    stream.write_all(request).await.ok()?;
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")?
                .trim()
                .parse()
                .ok()
        });
        if body.len() >= length.unwrap_or(0_usize) {
            return head.split(' ').nth(1)?.parse().ok();
        }
    }
}
