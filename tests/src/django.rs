//! The site that is left behind: Django with django-phone-auth, serving the same database.

use std::fmt;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::watch;

use crate::PATIENCE;
use crate::client::Client;
use crate::database::Database;
use crate::options::SiteOptions;
use crate::printed::{Printed, Record, nth_printed};
use crate::python::python;
use crate::site::{Site, database_path, follow};

/// A running site of Django's, on a database that its own `migrate` made.
pub struct Django {
    folder: Arc<TempDir>,
    /// The URL of its PostgreSQL, if it has one; else its database is a file in the folder.
    postgres: Option<String>,
    origin: String,
    record: watch::Receiver<Record>,
    child: Child,
}

impl Django {
    /// The `SECRET_KEY` of the site.
    pub const SECRET_KEY: &str = "the-secret-of-the-site-that-is-left-behind-0123456789";

    /// Makes a database with Django's own `migrate` and serves it.
    pub async fn start() -> Self {
        Self::make(None).await
    }

    /// The same in an empty database of PostgreSQL.
    pub async fn start_on(postgres: &str) -> Self {
        Self::make(Some(postgres.to_owned())).await
    }

    async fn make(postgres: Option<String>) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        manage(
            &folder,
            postgres.as_deref(),
            &["migrate", "--verbosity", "0"],
        );
        Self::serve(folder, postgres, &[]).await
    }

    /// Ends it and serves the same database, with further variables for its settings.
    #[must_use]
    pub async fn restart(self, variables: &[(&str, &str)]) -> Self {
        let (folder, postgres) = (Arc::clone(&self.folder), self.postgres.clone());
        drop(self);
        Self::serve(folder, postgres, variables).await
    }

    async fn serve(
        folder: Arc<TempDir>,
        postgres: Option<String>,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = command(&folder, postgres.as_deref())
            .arg("serve.py")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, mut record) = watch::channel(Record::default());
        let send = Arc::new(send);
        let out = Arc::clone(&send);
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let keep = |record: &mut Record, line: String| record.stdout.push(line);
        drop(follow(stdout, move |line| {
            out.send_modify(|it| keep(it, line));
        }));
        drop(follow(stderr, move |line| {
            send.send_modify(|it| it.stderr.push(line));
        }));
        let said = tokio::time::timeout(PATIENCE, record.wait_for(|it| it.origin().is_some()))
            .await
            .ok()
            .and_then(|heard| heard.ok()?.origin());
        let Some(origin) = said else {
            drop(child.kill());
            panic!("Django does not start: {:#?}", *record.borrow())
        };
        Self {
            folder,
            postgres,
            origin,
            record,
            child,
        }
    }

    /// How to start our site on the same database, with links accepted until a time.
    pub fn successor_until(&self, time: &str) -> SiteOptions {
        self.successor()
            .setting("django_secret_key_file", &self.key_file(Self::SECRET_KEY))
            .setting("accept_django_tokens_until", time)
    }

    /// How to start our site on the same database, with the same sessions.
    pub fn successor_sharing_sessions(&self) -> SiteOptions {
        self.successor()
            .setting("django_secret_key_file", &self.key_file(Self::SECRET_KEY))
            .setting("django_sessions", "true")
    }

    /// The path of a file with this key in it, which its owner alone may read.
    pub fn key_file(&self, key: &str) -> String {
        let path = self.folder().join(format!("{}.key", crate::unique()));
        std::fs::write(&path, format!("{key}\n")).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// How to start our site on the same database.
    pub fn successor(&self) -> SiteOptions {
        let options = Site::options().folder(Arc::clone(&self.folder));
        match &self.postgres {
            Some(url) => options.database(url),
            None => options,
        }
    }

    /// A new client without cookies.
    pub fn client(&self) -> Client {
        Client::new(&self.origin)
    }

    /// The database in its folder, opened by a stranger.
    pub fn database(&self) -> Database {
        Database::open(&database_path(self.folder.path()))
    }

    /// The folder with the database in it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder, for the one who outlives the site.
    pub(crate) fn shared_folder(&self) -> Arc<TempDir> {
        Arc::clone(&self.folder)
    }

    /// The value of `--database` that names the same database.
    pub fn database_url(&self) -> String {
        let in_folder = || format!("sqlite:{}", database_path(self.folder.path()).display());
        self.postgres.clone().unwrap_or_else(in_folder)
    }

    /// Runs a command of Django's own, which must succeed; what it prints.
    pub fn manage(&self, arguments: &[&str]) -> String {
        manage(&self.folder, self.postgres.as_deref(), arguments)
    }

    /// The line of `signal` to `destination` that is number `nth` (from 1) of its kind.
    pub async fn nth_printed(&self, signal: &str, destination: &str, nth: usize) -> Printed {
        let found = nth_printed(self.record.clone(), signal, destination, nth).await;
        found.unwrap_or_else(|| panic!("no line {nth} of {signal} to {destination}:\n{self:?}"))
    }

    /// The first line of `signal` to `destination`.
    pub async fn printed(&self, signal: &str, destination: &str) -> Printed {
        self.nth_printed(signal, destination, 1).await
    }
}

impl fmt::Debug for Django {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.record.borrow();
        writeln!(f, "Django at {:?}, which has said", self.origin)?;
        for line in record.stdout.iter().chain(&record.stderr) {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}

impl Drop for Django {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Python where the project is, with the settings of a site on the database in `folder`.
fn command(folder: &TempDir, postgres: Option<&str>) -> Command {
    let project: PathBuf = concat!(env!("CARGO_MANIFEST_DIR"), "/django").into();
    let mut command = Command::new(python());
    command
        .current_dir(&project)
        .env("PYTHONPATH", &project)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DJANGO_SETTINGS_MODULE", "settings")
        .env("SITE_SECRET_KEY", Django::SECRET_KEY)
        .env("SITE_SQLITE", database_path(folder.path()))
        .stdin(Stdio::null());
    if let Some(url) = postgres {
        command.env("SITE_POSTGRES", url);
    }
    command
}

fn manage(folder: &TempDir, postgres: Option<&str>, arguments: &[&str]) -> String {
    let ran = command(folder, postgres)
        .args(["-m", "django"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success(),
        "django {arguments:?} fails: {said}{errors}"
    );
    said
}
