//! A real mail server: aiosmtpd, over TLS, with log-in.

use std::env;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tokio::sync::watch;

use crate::PATIENCE;
use crate::certificates::Certificates;
use crate::site::follow;

/// The server, as Python reads it.
const SCRIPT: &str = include_str!("mail_server.py");

/// A mail server on a port of its own. It lets `accounts` in with the password `hunter2`, and refuses mail
/// to `nobody`, `refused`, `full`, `waiting`, `echo` and from `stranger`, at any host; to `slow` it does not
/// answer.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    port: u16,
    lines: watch::Receiver<Vec<String>>,
    certificates: Certificates,
}

/// A mail as the server has read it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mail(Value);

impl MailServer {
    /// Starts one that is reached by `tls`, `starttls` or `none`.
    ///
    /// The Python that runs it is named by `AIOSMTPD_PYTHON`; else it is `/usr/bin/python3`, where Debian's
    /// `python3-aiosmtpd` is.
    pub async fn start(security: &str) -> Self {
        let python = env::var_os("AIOSMTPD_PYTHON").unwrap_or_else(|| "/usr/bin/python3".into());
        let certificates = Certificates::new();
        let mut child = Command::new(python)
            .args(["-c", SCRIPT, security])
            .args([certificates.certificate(), certificates.key()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, mut lines) = watch::channel(Vec::new());
        let stdout = child.stdout.take().unwrap();
        follow(stdout, move |line| {
            send.send_modify(|lines| lines.push(line));
        });
        let begun = lines.wait_for(|lines| !lines.is_empty());
        let port = tokio::time::timeout(PATIENCE, begun)
            .await
            .ok()
            .and_then(|lines| lines.ok()?.first()?.parse().ok())
            .expect("the mail server says its port; python3-aiosmtpd must be installed");
        Self {
            child,
            port,
            lines,
            certificates,
        }
    }

    /// Its port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that a client is to trust.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The mail that it has taken so far.
    pub fn mails(&self) -> Vec<Mail> {
        read(&self.lines.borrow())
    }

    /// All that it has, once there are so many: it tells of each a moment after it has taken it.
    pub async fn mails_when(&self, count: usize) -> Vec<Mail> {
        let mut lines = self.lines.clone();
        let all = lines.wait_for(|lines| read(lines).len() >= count);
        let all = tokio::time::timeout(PATIENCE, all).await.is_ok();
        assert!(all, "not {count} mails: {:?}", self.mails());
        self.mails()
    }

    /// The first mail to this address.
    pub async fn mail_to(&self, address: &str) -> Mail {
        let pick = |lines: &Vec<String>| read(lines).into_iter().find(|mail| mail.to() == address);
        let mut lines = self.lines.clone();
        let found = lines.wait_for(|lines| pick(lines).is_some());
        let found = tokio::time::timeout(PATIENCE, found).await;
        let lines = found.unwrap_or_else(|_| panic!("no mail to {address}: {:?}", self.mails()));
        pick(&lines.unwrap()).unwrap()
    }
}

/// The lines after the first, which has the port.
fn read(lines: &[String]) -> Vec<Mail> {
    let mails = lines.iter().skip(1);
    mails
        .map(|line| Mail(serde_json::from_str(line).unwrap()))
        .collect()
}

impl Mail {
    /// What the server says of it under this name; see `mail_server.py`.
    pub fn value(&self, name: &str) -> &Value {
        &self.0[name]
    }

    /// The address it was sent to.
    pub fn to(&self) -> &str {
        self.0["to"][0].as_str().unwrap()
    }

    /// A header; nothing when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.0["headers"][name].as_str().unwrap_or_default()
    }

    /// The plain text.
    pub fn text(&self) -> &str {
        self.0["text"].as_str().unwrap()
    }

    /// The HTML.
    pub fn html(&self) -> &str {
        self.0["html"].as_str().unwrap()
    }

    /// The one link that both texts have.
    pub fn link(&self) -> String {
        let mut words = self.text().split_whitespace();
        let link = words.find(|word| word.contains("://")).unwrap();
        let in_html = self.html().split("href=\"").nth(1).unwrap();
        let in_html = in_html.split('"').next().unwrap();
        assert_eq!(unescaped(in_html), link, "both texts have the same link");
        link.to_owned()
    }
}

/// What a browser reads in an attribute.
fn unescaped(attribute: &str) -> String {
    attribute
        .replace("&#x2f;", "/")
        .replace("&#x3d;", "=")
        .replace("&amp;", "&")
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
