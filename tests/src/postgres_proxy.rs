//! A way to a server of PostgreSQL that can lose the answer to what was committed.

use std::sync::{Arc, Mutex};

use phone_auth_test_postgres::Database;
use tokio::io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;
use url::Url;

/// What the next answer to be lost is an answer to: any request in which these bytes stand.
type Marker = Arc<Mutex<Option<&'static str>>>;

/// A proxy that hands everything on. When it is told to, it waits until a transaction has been committed, and then
/// closes the connection instead of handing on what the server said.
#[derive(Debug)]
pub struct PostgresProxy {
    url: String,
    marker: Marker,
    accepting: JoinHandle<()>,
}

impl PostgresProxy {
    /// One before this database, on a port of its own.
    pub async fn before(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut url = Url::parse(database.url()).unwrap();
        let server = Server::of(&url);
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port()))
            .unwrap();
        url.set_query(Some("sslmode=disable"));
        let marker = Marker::default();
        let shared = Arc::clone(&marker);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let marker = Arc::clone(&shared);
                // Each small packet would wait for the answer to the one before.
                client.set_nodelay(true).unwrap();
                match &server {
                    Server::At(address) => {
                        let server = TcpStream::connect(address).await.unwrap();
                        server.set_nodelay(true).unwrap();
                        tokio::spawn(carry(client, server, marker));
                    }
                    Server::Socket(path) => {
                        let server = UnixStream::connect(path).await.unwrap();
                        tokio::spawn(carry(client, server, marker));
                    }
                }
            }
        });
        Self {
            url: url.into(),
            marker,
            accepting,
        }
    }

    /// The URL of the database through it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Loses the answer to the next transaction in which this text is sent, and to no other.
    pub fn lose_answer_to(&self, text: &'static str) {
        *self.marker.lock().unwrap() = Some(text);
    }

    /// Whether the answer was lost that was to be.
    pub fn has_lost_it(&self) -> bool {
        self.marker.lock().unwrap().is_none()
    }
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

enum Server {
    At(String),
    Socket(String),
}

impl Server {
    fn of(url: &Url) -> Self {
        let port = url.port().unwrap_or(5432);
        let parameter = |name| url.query_pairs().find(|(it, _)| it == name);
        match parameter("host") {
            Some((_, folder)) if folder.starts_with('/') => {
                Self::Socket(format!("{folder}/.s.PGSQL.{port}"))
            }
            _ => Self::At(format!("{}:{port}", url.host_str().unwrap())),
        }
    }
}

/// Carries a connection until either side closes it or its answer is lost, and closes both sides.
async fn carry(client: TcpStream, server: impl AsyncRead + AsyncWrite, marker: Marker) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = io::split(server);
    // Whether the answer to the transaction under way is to be lost.
    let loses = Mutex::new(false);
    tokio::select! {
        _ = requests(from_client, to_server, &marker, &loses) => {}
        _ = answers(from_server, to_client, &loses) => {}
    }
}

/// Hands on what the client says.
async fn requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    marker: &Marker,
    loses: &Mutex<bool>,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        let said = &bytes[..count];
        let is_marked = |text: &mut &str| said.windows(text.len()).any(|it| it == text.as_bytes());
        if marker.lock().unwrap().take_if(is_marked).is_some() {
            *loses.lock().unwrap() = true;
        }
        to.write_all(said).await?;
        to.flush().await?;
    }
}

/// Hands on what the server says, message by message
/// (<https://www.postgresql.org/docs/current/protocol-message-formats.html>). Of an answer that is to be lost nothing is
/// handed on before it is known whether the transaction is over.
async fn answers(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    loses: &Mutex<bool>,
) -> io::Result<()> {
    let mut answer = Vec::new();
    loop {
        let kind = from.read_u8().await?;
        let length = from.read_u32().await?;
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        from.read_exact(&mut body).await?;
        answer.push(kind);
        answer.extend(length.to_be_bytes());
        answer.extend(&body);
        let is_ready = kind == b'Z';
        if *loses.lock().unwrap() {
            if is_ready && body == *b"I" {
                return Ok(());
            }
            if !is_ready {
                continue;
            }
        }
        to.write_all(&answer).await?;
        to.flush().await?;
        answer.clear();
    }
}
