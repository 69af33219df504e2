//! The site's database, as a stranger with the file sees it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// A connection of one's own to the database of a site.
#[derive(Debug)]
pub struct Database(Connection);

impl Database {
    pub(crate) fn open(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        Self(connection)
    }

    /// Holds the write lock until [`Database::release`], so that nobody else can write.
    pub fn hold(&self) {
        self.0.execute_batch("BEGIN IMMEDIATE").unwrap();
    }

    /// Lets go of the lock.
    pub fn release(&self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }

    /// Runs statements and returns how many rows the last one changed.
    pub fn execute(&self, sql: &str) -> usize {
        self.0.execute(sql, []).unwrap()
    }

    /// One number.
    pub fn number(&self, sql: &str) -> i64 {
        self.0.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// One text.
    pub fn text(&self, sql: &str) -> String {
        self.0.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The names of all tables.
    pub fn tables(&self) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let mut statement = self.0.prepare(sql).unwrap();
        statement
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    /// How many rows each table has.
    pub fn counts(&self) -> BTreeMap<String, i64> {
        let count = |table: &String| self.number(&format!("SELECT count(*) FROM \"{table}\""));
        self.tables()
            .into_iter()
            .map(|table| (table.clone(), count(&table)))
            .collect()
    }

    /// Every value of every row, a line each: `table.column=value`; bytes both as text and as hex.
    pub fn dump(&self) -> String {
        let mut lines = String::new();
        for table in self.tables() {
            let mut statement = self
                .0
                .prepare(&format!("SELECT * FROM \"{table}\""))
                .unwrap();
            let columns: Vec<String> = statement
                .column_names()
                .into_iter()
                .map(str::to_owned)
                .collect();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for (n, column) in columns.iter().enumerate() {
                    let value = shown(row.get_ref(n).unwrap());
                    writeln!(lines, "{table}.{column}={value}").unwrap();
                }
            }
        }
        lines
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            bytes.iter().fold(text + " ", |mut shown, byte| {
                write!(shown, "{byte:02x}").unwrap();
                shown
            })
        }
    }
}
