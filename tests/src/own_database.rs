//! A database for one test, of either kind, which the test fills and looks into by itself.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use phone_auth_test_postgres::Database as PostgresDatabase;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use tempfile::TempDir;

use crate::django::Django;
use crate::fixture::hex;
use crate::options::SiteOptions;
use crate::site::{Site, database_path};

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the product has two stores")]
pub enum Kind {
    /// A file.
    Sqlite,
    /// On the server that `DATABASE_URL` names.
    Postgres,
}

/// An empty database, and a folder for what belongs to it.
#[derive(Debug)]
pub struct OwnDatabase {
    folder: Arc<TempDir>,
    postgres: Option<PostgresDatabase>,
}

impl OwnDatabase {
    /// An empty database of this kind.
    pub fn new(kind: Kind) -> Self {
        let postgres = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(PostgresDatabase::new().unwrap_or_else(|why| panic!("{why}"))),
        };
        Self {
            folder: Arc::new(tempfile::tempdir().unwrap()),
            postgres,
        }
    }

    /// The same in the folder of a Django site that was started on it, or, if it is a file, the file of that
    /// site.
    #[must_use]
    pub fn beside(self, django: &Django) -> Self {
        Self {
            folder: django.shared_folder(),
            ..self
        }
    }

    /// Which kind it is of.
    pub fn kind(&self) -> Kind {
        match &self.postgres {
            None => Kind::Sqlite,
            Some(_) => Kind::Postgres,
        }
    }

    /// What `--database` says.
    pub fn url(&self) -> String {
        match &self.postgres {
            None => format!("sqlite:{}", database_path(self.folder.path()).display()),
            Some(database) => database.url().to_owned(),
        }
    }

    /// The folder in which the program is started.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the program looks for the key if nobody says where it is.
    pub fn key_file(&self) -> PathBuf {
        let mut path = match &self.postgres {
            None => database_path(self.folder.path()),
            Some(database) => self.folder.path().join(database.name()),
        }
        .into_os_string();
        path.push(".key");
        path.into()
    }

    /// How to start a site on it.
    pub fn site(&self) -> SiteOptions {
        let options = Site::options().folder(Arc::clone(&self.folder));
        options.database(&self.url())
    }

    /// Runs statements.
    pub fn execute(&self, sql: &str) {
        match &self.postgres {
            None => self.file().execute_batch(sql).unwrap(),
            Some(database) => {
                // A file: a whole dump is too long for an argument.
                let path = self.folder.path().join("statements.sql");
                std::fs::write(&path, sql).unwrap();
                let ran = database.run_file(&path);
                ran.unwrap_or_else(|why| panic!("{why}"));
                std::fs::remove_file(&path).unwrap();
            }
        }
    }

    /// Runs a statement and returns its rows, every value as text: bytes in hexadecimal digits, NULL as nothing.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match &self.postgres {
            None => {
                let connection = self.file();
                let mut statement = connection.prepare(sql).unwrap();
                let count = statement.column_count();
                let read = |row: &Row<'_>| {
                    let values = (0..count).map(|at| Ok(shown(row.get_ref(at)?)));
                    values.collect()
                };
                let rows = statement.query_map([], read).unwrap();
                rows.collect::<Result<_, _>>().unwrap()
            }
            Some(database) => {
                let said = database.run(sql).unwrap_or_else(|why| panic!("{why}"));
                let rows = said.lines().map(|line| {
                    let values = line
                        .split('|')
                        .map(|it| it.trim_start_matches("\\x").to_owned());
                    values.collect()
                });
                rows.collect()
            }
        }
    }

    /// Whether each of these statements, with parameters, could run on the tables as they are.
    pub fn prepares(&self, statements: &[(String, String)]) {
        if self.kind() == Kind::Sqlite {
            let connection = self.file();
            for (name, sql) in statements {
                let prepared = connection.prepare(sql);
                assert!(prepared.is_ok(), "{name}: {prepared:?}");
            }
            return;
        }
        let mut all = String::new();
        for (number, (name, sql)) in statements.iter().enumerate() {
            writeln!(all, "-- {name}\nPREPARE s{number} AS {sql};").unwrap();
        }
        self.execute(&all);
    }

    /// A time so many seconds from now, as SQL.
    pub fn time(&self, seconds: i64) -> String {
        match self.kind() {
            Kind::Sqlite => {
                format!("strftime('%Y-%m-%d %H:%M:%S', 'now', '{seconds} seconds') || '.000000'")
            }
            Kind::Postgres => format!("(now() + interval '{seconds} seconds')"),
        }
    }

    /// Bytes, as SQL.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        match self.kind() {
            Kind::Sqlite => format!("x'{}'", hex(bytes)),
            Kind::Postgres => format!("'\\x{}'::bytea", hex(bytes)),
        }
    }

    /// What the first version binds a link to that goes to this address of someone.
    pub fn first_state(&self, signal: &str, username: &str, value: &str) -> Vec<Vec<u8>> {
        let (kind, table) = if value.contains('@') {
            ("email", "phone_auth_emailaddress")
        } else {
            ("phone", "phone_auth_phonenumber")
        };
        let of_user = |what: &str| {
            self.text(&format!(
                "SELECT {what} FROM auth_user WHERE username = '{username}'"
            ))
        };
        let user: i64 = of_user("id").parse().unwrap();
        let address = self.number(&format!("SELECT id FROM {table} WHERE {kind} = '{value}'"));
        let last_login = self.last_login(username).map(i64::to_be_bytes);
        if signal.starts_with("reset") {
            vec![
                user.to_be_bytes().into(),
                of_user("password").into(),
                last_login.map(Vec::from).unwrap_or_default(),
                of_user("email").into(),
                address.to_be_bytes().into(),
                value.into(),
            ]
        } else {
            vec![
                user.to_be_bytes().into(),
                kind.into(),
                address.to_be_bytes().into(),
                value.into(),
            ]
        }
    }

    /// The one value that a query answers, as text.
    pub fn text(&self, sql: &str) -> String {
        match &self.postgres {
            None => {
                let sql = format!("SELECT coalesce(CAST(({sql}) AS text), '')");
                self.file().query_row(&sql, [], |row| row.get(0)).unwrap()
            }
            Some(database) => {
                let said = database.run(sql).unwrap_or_else(|why| panic!("{why}"));
                said.trim_end_matches('\n').to_owned()
            }
        }
    }

    /// The one number that a query answers.
    pub fn number(&self, sql: &str) -> i64 {
        let text = self.text(sql);
        text.parse().unwrap_or_else(|_| panic!("{sql}: {text:?}"))
    }

    /// The names of all tables.
    pub fn tables(&self) -> String {
        self.text(match self.kind() {
            Kind::Sqlite => "SELECT group_concat(name) FROM sqlite_master WHERE type = 'table'",
            Kind::Postgres => {
                "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'"
            }
        })
    }

    /// The last log-in of someone in microseconds since 1970, if there was one.
    pub fn last_login(&self, username: &str) -> Option<i64> {
        let micros = match self.kind() {
            Kind::Sqlite => {
                "CAST(strftime('%s', last_login) AS integer) * 1000000
                 + CAST(substr(substr(last_login, 21) || '000000', 1, 6) AS integer)"
            }
            Kind::Postgres => "(extract(epoch FROM last_login) * 1000000)::int8",
        };
        let text = self.text(&format!(
            "SELECT {micros} FROM auth_user WHERE username = '{username}'"
        ));
        (!text.is_empty()).then(|| text.parse().unwrap())
    }

    /// Moves the times of a column on by so many seconds.
    pub(crate) fn move_times(&self, table: &str, column: &str, seconds: i64) {
        let moved = match self.kind() {
            // What follows the seconds stays as it is.
            Kind::Sqlite => format!(
                "strftime('%Y-%m-%d %H:%M:%S', {column}, '{seconds} seconds') || substr({column}, 20)"
            ),
            Kind::Postgres => format!("{column} + interval '{seconds} seconds'"),
        };
        self.execute(&format!("UPDATE {table} SET {column} = {moved};"));
    }

    /// All of it, as statements that make it anew in an empty database.
    pub fn dump(&self) -> String {
        match &self.postgres {
            None => dump_file(&self.file()),
            Some(database) => dump_server(database.url()),
        }
    }

    fn file(&self) -> Connection {
        let connection = Connection::open(database_path(self.folder.path())).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => hex(bytes),
    }
}

fn dump_file(connection: &Connection) -> String {
    let texts = |sql: &str| -> Vec<(String, String)> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    };
    let mut dump = "BEGIN;\n".to_owned();
    let tables = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL
        AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
    let mut tables = texts(tables);
    for (_, sql) in &tables {
        writeln!(dump, "{sql};").unwrap();
    }
    if connection.table_exists(None, "sqlite_sequence").unwrap() {
        tables.push(("sqlite_sequence".to_owned(), String::new()));
    }
    for (table, _) in &tables {
        let columns = texts(&format!(
            "SELECT name, type FROM pragma_table_info('{table}')"
        ));
        let quoted: Vec<_> = columns
            .iter()
            .map(|(column, _)| format!("quote(\"{column}\")"))
            .collect();
        let rows = format!(
            "SELECT '', 'INSERT INTO \"{table}\" VALUES (' || {} || ');' FROM \"{table}\"",
            quoted.join(" || ', ' || ")
        );
        for (_, insert) in texts(&rows) {
            writeln!(dump, "{insert}").unwrap();
        }
    }
    let others = "SELECT name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL";
    for (_, sql) in texts(others) {
        writeln!(dump, "{sql};").unwrap();
    }
    dump + "COMMIT;\n"
}

/// What `pg_dump` says, without what only its own version understands.
fn dump_server(url: &str) -> String {
    let binaries = phone_auth_test_postgres::Binaries::find().unwrap();
    let mut command = std::process::Command::new(binaries.folder().join("pg_dump"));
    command.args([
        "--inserts",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
    ]);
    let ran = command.args(["--dbname", url]).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let text = String::from_utf8(ran.stdout).unwrap();
    let is_kept = |line: &&str| {
        let is_comment = line.is_empty() || line.starts_with("--") || line.starts_with('\\');
        !is_comment && !line.starts_with("SET ")
    };
    let lines: Vec<_> = text.lines().filter(is_kept).collect();
    format!("{}\nRESET search_path;\n", lines.join("\n"))
}
