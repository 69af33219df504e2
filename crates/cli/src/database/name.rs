//! Which database is meant: a file of SQLite, or one on a server of PostgreSQL.

use std::fmt;
use std::path::{Path, PathBuf};

use phone_auth::postgres::PostgresStore;
use phone_auth::sqlite::names_a_file;

use crate::start::folder;
use crate::terminal::visible;

/// A database by its name in the settings.
#[derive(Clone, PartialEq)]
pub(crate) enum DatabaseName {
    /// A file.
    Sqlite(PathBuf),
    /// A URL, which may hold a password.
    Postgres(String),
}

impl DatabaseName {
    /// Reads `sqlite:PATH` or `postgres://…`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Self::file(PathBuf::from(path));
        }
        PostgresStore::place_of(text).map(|_| Self::Postgres(text.to_owned()))
    }

    /// The file at a path, unless that is none.
    pub(crate) fn file(path: PathBuf) -> Option<Self> {
        let is_of_a_shell = path.to_str().is_some_and(folder::is_of_a_shell);
        (names_a_file(&path) && !is_of_a_shell).then_some(Self::Sqlite(path))
    }

    /// Whether there is something to open. What is on a server is known only once it is asked.
    pub(crate) fn may_exist(&self) -> bool {
        match self {
            Self::Sqlite(path) => path.exists(),
            Self::Postgres(_) => true,
        }
    }

    /// What the key file stands beside, if nobody says where it is: the file, or one in the working
    /// directory that is called like the database.
    pub(crate) fn stem(&self) -> PathBuf {
        match self {
            Self::Sqlite(path) => path.clone(),
            Self::Postgres(url) => {
                let place = PostgresStore::place_of(url).unwrap_or_default();
                let name = place.split('?').next().unwrap_or_default();
                let name = Path::new(name).file_name();
                name.map_or_else(|| PathBuf::from("phone-auth"), PathBuf::from)
            }
        }
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.write_str(&visible::bytes(path.as_os_str())),
            Self::Postgres(url) => f.write_str(&PostgresStore::place_of(url).unwrap_or_default()),
        }
    }
}

impl fmt::Debug for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let cases = [
            ("sqlite:site.db", Some("site.db"), "site.db"),
            ("sqlite::memory:", None, ""),
            ("sqlite://site.db", None, ""),
            ("sqlite:///site.db", None, ""),
            ("sqlite:site.db?mode=rwc", None, ""),
            ("sqlite:file:site.db", None, ""),
            ("sqlite:/site.db", Some("/site.db"), "/site.db"),
            ("sqlite:~/site.db", None, ""),
            ("sqlite:~ann/site.db", None, ""),
            ("sqlite:~site.db", Some("~site.db"), "~site.db"),
            (
                "postgres://ann:s3cret@db/site?sslmode=require",
                Some("postgres://ann@db:5432/site"),
                "site",
            ),
            (
                "postgres://ann@localhost/site?host=/run/x",
                Some("postgres://ann@/site?host=/run/x"),
                "site",
            ),
            ("postgres://db/site", None, ""),
            ("mysql://ann@db/site", None, ""),
        ];
        for (text, shown, stem) in cases {
            let name = DatabaseName::parse(text);
            let told = name.as_ref().map(ToString::to_string);
            assert_eq!(told.as_deref(), shown, "{text}");
            if let Some(name) = name {
                assert_eq!(name.stem(), Path::new(stem), "{text}");
                assert!(!format!("{name:?}").contains("s3cret"), "{text}");
            }
        }
    }
}
