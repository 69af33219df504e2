//! A real proxy before the site: nginx and `HAProxy`, configured as their manuals begin.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use crate::PATIENCE;
use crate::site::Site;
use crate::together::until;

/// The last part of the next address that a proxy of this process listens on.
static NEXT: AtomicU8 = AtomicU8::new(1);

/// A proxy that passes everything on to a site, without a word about where it comes from. It listens on a socket in a
/// folder of its own, so that no other program can have its place.
#[derive(Debug)]
pub struct Proxy {
    name: &'static str,
    child: Child,
    folder: TempDir,
    /// Where it listens, if clients have addresses there.
    listens: Option<SocketAddr>,
}

/// What a proxy says of its clients, who come by TCP, so that they have addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests take all of them")]
pub enum Naming {
    /// nginx in `X-Forwarded-For`, behind whatever the client wrote there.
    XForwardedFor,
    /// nginx in `X-Real-IP`.
    XRealIp,
    /// `HAProxy` in `Forwarded`.
    Forwarded,
    /// `HAProxy` in the PROXY protocol, version 2.
    Preface,
}

impl Proxy {
    /// A proxy that names its clients.
    pub async fn naming(site: &Site, naming: Naming) -> Self {
        // An address of its own: no other program listens there.
        let [_, .., first, second] = std::process::id().to_be_bytes();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let listens = SocketAddr::from(([127, first | 128, second, number], 8000));
        match naming {
            Naming::XForwardedFor => {
                let header = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";
                Self::nginx_at(site, Some(listens), header).await
            }
            Naming::XRealIp => {
                let header = "proxy_set_header X-Real-IP $remote_addr;";
                Self::nginx_at(site, Some(listens), header).await
            }
            Naming::Forwarded => {
                let line = "http-request add-header Forwarded for=%[src]\n";
                Self::haproxy_at(site, Some(listens), line, "").await
            }
            Naming::Preface => Self::haproxy_at(site, Some(listens), "", "send-proxy-v2").await,
        }
    }

    /// nginx with `proxy_pass` and room for a crowd, which sends the site's own address as `Host`.
    ///
    /// The program is named by `NGINX`; else it is `/usr/sbin/nginx`, where Debian has it.
    pub async fn nginx(site: &Site) -> Self {
        Self::nginx_at(site, None, "").await
    }

    /// nginx that keeps its connections to the site, for whichever client comes next, and passes bodies on as they come.
    pub async fn nginx_keeping(site: &Site) -> Self {
        let more = "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_request_buffering off;";
        Self::nginx_at(site, None, more).await
    }

    async fn nginx_at(site: &Site, listens: Option<SocketAddr>, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|name| format!("{name}_temp_path {at}/{name};\n"));
        let temporary = temporary.concat();
        let socket = listens.map_or_else(|| format!("unix:{at}/socket"), |at| at.to_string());
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/errors;\n\
             worker_rlimit_nofile 8192;\nevents {{ worker_connections 8192; }}\n\
             http {{\naccess_log off;\n{temporary}upstream {host} {{ server {host}; keepalive 4; }}\n\
             server {{\nlisten {socket} backlog=4096;\n\
             location / {{ {more} proxy_pass http://{host}; }}\n}}\n}}\n",
            host = site.host()
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new(program("NGINX", "/usr/sbin/nginx"));
        command.arg("-p").arg(folder.path());
        // Before it reads where its errors go.
        command.arg("-e").arg(folder.path().join("errors"));
        command.arg("-c").arg(file);
        Self::start("nginx", "nginx-light", command, folder, listens).await
    }

    /// `HAProxy` with a server and nothing else, which passes on what stands in a request as it is.
    ///
    /// The program is named by `HAPROXY`; else it is `/usr/sbin/haproxy`, where Debian has it.
    pub async fn haproxy(site: &Site) -> Self {
        Self::haproxy_at(site, None, "", "").await
    }

    async fn haproxy_at(
        site: &Site,
        listens: Option<SocketAddr>,
        line: &str,
        of_server: &str,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let socket = listens.map_or_else(|| format!("unix@{at}/socket"), |at| at.to_string());
        let configuration = format!(
            "defaults\nmode http\ntimeout connect 30s\ntimeout client 30s\ntimeout server 30s\n\
             frontend all\nbind {socket}\n{line}default_backend site\n\
             backend site\nserver site {} {of_server}\n",
            site.host()
        );
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new(program("HAPROXY", "/usr/sbin/haproxy"));
        command.arg("-db").arg("-f").arg(file);
        Self::start("HAProxy", "haproxy", command, folder, listens).await
    }

    async fn start(
        name: &'static str,
        package: &str,
        mut command: Command,
        folder: TempDir,
        listens: Option<SocketAddr>,
    ) -> Self {
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("the package {package} must be installed: {error}"));
        let proxy = Self {
            name,
            child,
            folder,
            listens,
        };
        until(&format!("{name} listens"), || async {
            match listens {
                Some(listens) => TcpStream::connect(listens).await.is_ok(),
                None => proxy.connect().await.is_ok(),
            }
        })
        .await;
        proxy
    }

    /// What it is.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Sends these bytes, the head of a request and perhaps more, and reads the answer to its end.
    pub async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let asking = async {
            let mut stream = self.connect().await.unwrap();
            // One that is refused early may be answered before it is read to its end.
            drop(stream.write_all(request.as_ref()).await);
            let mut answer = Vec::new();
            drop(stream.read_to_end(&mut answer).await);
            String::from_utf8_lossy(&answer).into_owned()
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await;
        answer.unwrap_or_else(|_| panic!("{} does not answer in time", self.name))
    }

    /// Sends a request from this address of the client, and reads the answer to its end.
    pub async fn exchange_from(&self, client: Ipv4Addr, request: &str) -> String {
        let listens = self.listens.expect("it names its clients");
        let asking = async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((client, 0).into()).unwrap();
            let mut stream = socket.connect(listens).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await;
        answer.unwrap_or_else(|_| panic!("{} does not answer in time", self.name))
    }

    /// Sends as much as the proxy takes within a moment, and reads nothing.
    pub async fn press(&self, bytes: &[u8]) -> UnixStream {
        let mut stream = self.connect().await.unwrap();
        let sending = stream.write_all(bytes);
        drop(tokio::time::timeout(Duration::from_millis(20), sending).await);
        stream
    }

    async fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.folder.path().join("socket")).await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program that a variable names, else that of Debian.
fn program(variable: &str, of_debian: &str) -> PathBuf {
    env::var_os(variable).map_or_else(|| PathBuf::from(of_debian), PathBuf::from)
}
