//! A day of floods leaves the file as large as two hours of them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::future::Ready;
use std::sync::Arc;
use std::time::Duration;

use phone_auth_store_testkit::growth::{Size, day_of_floods, days_of_sign_ups};

use crate::common::{Scratch, run};

const TABLES: &str = "SELECT name FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";

/// Lets a flood pass over an empty database.
macro_rules! flood {
    ($flood:ident, $age:expr) => {
        let scratch = Scratch::new();
        let store = Arc::new(scratch.store());
        let looks = scratch.connect();
        let mut tables = looks.prepare(TABLES).unwrap();
        let mut measure = || {
            let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
            let rows = names.map(|name| {
                let name = name.unwrap();
                let count = format!("SELECT count(*) FROM \"{name}\"");
                let count: i64 = looks.query_row(&count, [], |row| row.get(0)).unwrap();
                (name, u64::try_from(count).unwrap())
            });
            // All that is written goes into the file first.
            Size {
                rows: rows.collect(),
                bytes: looks
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                    .map(|()| scratch.path().metadata().unwrap().len())
                    .unwrap(),
            }
        };
        run($flood(store, $age, async || measure()));
    };
}

#[test]
fn floods_fill_no_file() {
    flood!(day_of_floods, async |_| {});
}

#[test]
fn sign_ups_fill_no_file() {
    flood!(days_of_sign_ups, None::<fn(Duration) -> Ready<()>>);
}
