//! What is lost of the tables and indexes is named.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;

use phone_auth_store_sqlite::{LOST_INDEXES, MigrateErrorKind, SqliteOptions, SqliteStore};
use rusqlite::Connection;

use crate::common::Scratch;

fn texts(connection: &Connection, question: &str) -> Vec<String> {
    let mut asked = connection.prepare(question).unwrap();
    let texts = asked.query_map([], |row| row.get(0)).unwrap();
    texts.map(Result::unwrap).collect()
}

/// All columns and indexes, without regard to the order of columns and to the form of definitions.
fn definitions(scratch: &Scratch) -> Vec<String> {
    let all = "SELECT t.name || ' ' || c.name || ' ' || c.type || c.\"notnull\" || c.pk
            FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'
        UNION ALL SELECT name || ' ' || sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
        ORDER BY 1";
    let all = texts(&scratch.connect(), all);
    let words = all.iter().map(|it| it.split_whitespace().collect());
    words.collect::<Vec<String>>()
}

#[test]
fn every_way_to_the_schema_ends_in_one() {
    // From nothing and from the first version.
    let new = Scratch::new();
    drop(new.store());
    let upgraded = Scratch::new();
    let dump = "../../tests/fixtures/first/own.sqlite.sql";
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join(dump);
    let dump = std::fs::read_to_string(dump).unwrap();
    upgraded.connect().execute_batch(&dump).unwrap();
    drop(upgraded.store());
    assert_eq!(definitions(&upgraded), definitions(&new));
}

#[test]
fn every_lost_index_is_named() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let connection = scratch.connect();
    // Those of constraints have no text: they belong to their tables.
    let all = "SELECT i.name || ' ' || i.tbl_name || ' ' || (
            SELECT c.name FROM pragma_table_info(i.tbl_name) c
            WHERE c.name NOT IN (SELECT k.name FROM pragma_index_info(i.name) k WHERE k.name IS NOT NULL)
            ORDER BY c.cid DESC LIMIT 1)
        FROM sqlite_master i WHERE i.type = 'index' AND i.sql IS NOT NULL";
    let all = texts(&connection, all);
    assert!(all.len() > 20, "{all:?}");
    for index in all {
        let [name, table, other] = index.split(' ').collect::<Vec<_>>()[..] else {
            unreachable!()
        };
        // Dropped, and another one of its name.
        let drop = format!("DROP INDEX {name}");
        let again = format!("{drop}; CREATE INDEX {name} ON {table} ({other}, 1)");
        for loss in [drop, again] {
            connection.execute_batch(&loss).unwrap();
            assert_eq!(store.lost_indexes().unwrap(), [name], "{loss}");
            let lost = [LOST_INDEXES];
            assert_eq!(store.pending_migrations().unwrap(), lost, "{loss}");
            assert_eq!(store.migrate().unwrap(), lost, "{loss}");
            assert_eq!(store.pending_migrations().unwrap(), [""; 0], "{loss}");
        }
    }
    // Under another name it is there as well.
    let renamed = "DROP INDEX phone_auth_phonenumber_user_id_32500e94;
        CREATE INDEX \"other\" ON \"phone_auth_phonenumber\" (\"user_id\")";
    connection.execute_batch(renamed).unwrap();
    assert_eq!(store.pending_migrations().unwrap(), [""; 0]);
}

#[test]
fn every_lost_table_is_named() {
    let scratch = Scratch::new();
    drop(scratch.store());
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
        AND name <> 'phone_auth_schema'";
    for table in texts(&scratch.connect(), tables) {
        let connection = scratch.connect();
        connection
            .execute_batch(&format!(
                "PRAGMA legacy_alter_table = ON; ALTER TABLE {table} RENAME TO away"
            ))
            .unwrap();
        let store = SqliteStore::open(scratch.path(), SqliteOptions::default()).unwrap();
        for error in [
            store.pending_migrations().unwrap_err(),
            store.migrate().unwrap_err(),
        ] {
            let MigrateErrorKind::TablesGone { tables, .. } = error.kind() else {
                unreachable!("{error}")
            };
            assert_eq!(tables[..], [table.as_str()]);
            assert!(error.to_string().contains(&table), "{error}");
        }
        connection
            .execute_batch(&format!("ALTER TABLE away RENAME TO {table}"))
            .unwrap();
        assert_eq!(store.pending_migrations().unwrap(), [""; 0], "{table}");
    }
    // As the sentence says.
    scratch
        .connect()
        .execute_batch(
            "DROP TABLE phone_auth_outbox; DELETE FROM phone_auth_schema WHERE version >= 3",
        )
        .unwrap();
    let store = scratch.store();
    assert_eq!(store.pending_migrations().unwrap(), [""; 0]);
}
