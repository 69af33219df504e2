//! How a site is started: settings by environment, by file and by argument.

use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::site::{Site, database_path};

/// How to start a [`Site`]. What is not said is the program's own default, but for limits, which most tests are not about.
#[derive(Clone, Debug, Default)]
pub struct SiteOptions {
    pub(crate) folder: Option<Arc<TempDir>>,
    pub(crate) database: Option<String>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) arguments: Vec<String>,
    pub(crate) config: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) descriptors: Option<u32>,
    pub(crate) is_limited: bool,
}

impl SiteOptions {
    /// A setting by its environment variable, without the prefix: `setting("login_redirect_url", "/")`
    /// sets `PHONE_AUTH_LOGIN_REDIRECT_URL`.
    #[must_use]
    pub fn setting(self, name: &str, value: &str) -> Self {
        let name = format!("PHONE_AUTH_{}", name.to_uppercase());
        self.variable(&name, value)
    }

    /// An environment variable of the program.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Further arguments of `phone-auth serve`.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// The text of a `phone-auth.toml`, passed with `--config`.
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.config = Some(toml.to_owned());
        self
    }

    /// The public origin, passed with `--site-url`.
    #[must_use]
    pub fn site_url(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    /// A site that sends no messages and shows none, so that it may be one for others.
    #[must_use]
    pub fn without_messages(self) -> Self {
        let all = "reset_password_email,reset_password_phone,verify_email,verify_phone";
        self.setting("allow_unreceived", all)
    }

    /// In development mode, although some of its messages are sent.
    #[must_use]
    pub fn development(self) -> Self {
        self.setting("development", "true")
    }

    /// On a system that gives the program no more file descriptors than these.
    #[must_use]
    pub fn descriptors(mut self, count: u32) -> Self {
        self.descriptors = Some(count);
        self
    }

    /// With the limits that the program has by default.
    #[must_use]
    pub fn limited(mut self) -> Self {
        self.is_limited = true;
        self
    }

    /// Logs as loud as they get.
    #[must_use]
    pub fn trace(self) -> Self {
        self.variable("RUST_LOG", "trace")
    }

    /// On a database that these statements of SQLite make.
    #[must_use]
    pub fn database_of(self, sql: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Connection::open(database_path(folder.path()))
            .and_then(|connection| connection.execute_batch(sql))
            .unwrap();
        self.folder(folder)
    }

    /// On a database elsewhere, passed with `--database`; else on a file in the folder.
    #[must_use]
    pub fn database(mut self, url: &str) -> Self {
        self.database = Some(url.to_owned());
        self
    }

    /// Whether nothing in the settings speaks of another than development mode.
    pub(crate) fn is_for_this_machine(&self) -> bool {
        let others = [
            "SITE_URL",
            "ALLOW_UNRECEIVED",
            "CONFIG",
            "SMTP_",
            "SMS_",
            "WEBHOOK_",
            "NATS_",
        ];
        let is_other = |name: &str| {
            let name = name.strip_prefix("PHONE_AUTH_").unwrap_or_default();
            others.iter().any(|other| name.starts_with(other))
        };
        let is_named = self.config.is_some() || self.origin.is_some();
        let is_argued = |text: &String| text.starts_with("--site-url") || text == "--config";
        !is_named
            && !self.variables.iter().any(|(name, _)| is_other(name))
            && !self.arguments.iter().any(is_argued)
    }

    /// In the folder of a site that was there before, with its database and key.
    #[must_use]
    pub(crate) fn folder(mut self, folder: Arc<TempDir>) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Starts the site.
    pub async fn start(self) -> Site {
        Site::start_with(self).await
    }
}
