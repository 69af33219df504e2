//! The file: made, kept, shared, locked, full.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use phone_auth_core::session::{NewLogIn, NewSession, SessionClient, SessionDigest, SessionHandle};
use phone_auth_core::store::{AddressStore, SessionStore, StoreErrorKind, UniqueName, UserStore};
use phone_auth_store_sqlite::{MigrateErrorKind, OpenErrorKind, SqliteOptions, SqliteStore};

use crate::common::{STEPS, Scratch, run, user};

#[test]
fn users_survive_a_reopening() {
    let scratch = Scratch::new();
    run(async {
        let ann = scratch.store().create_user(&user("ann", 1)).await.unwrap();
        let store = scratch.store();
        assert_eq!(store.user(ann.id).await.unwrap(), Some(ann.clone()));
        assert_eq!(store.addresses_of(ann.id, 100).await.unwrap().len(), 2);
    });
}

#[test]
fn closing_leaves_one_file() {
    let scratch = Scratch::new();
    run(async {
        scratch.store().create_user(&user("ann", 1)).await.unwrap();
    });
    let folder = scratch.path();
    let files = std::fs::read_dir(folder.parent().unwrap()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["site.sqlite3"]);
}

#[cfg(unix)]
#[test]
fn file_is_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let store = scratch.store();
    run(async {
        store.create_user(&user("ann", 1)).await.unwrap();
    });
    for suffix in ["", "-wal", "-shm"] {
        let mut path = scratch.path().into_os_string();
        path.push(suffix);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path:?}");
    }
}

#[test]
fn migrations_are_applied_once() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.path(), SqliteOptions::default()).unwrap();
    assert_eq!(store.pending_migrations().unwrap(), STEPS);
    run(async {
        let error = store.users_after(None, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Broken);
    });
    assert_eq!(store.migrate().unwrap(), STEPS);
    assert_eq!(store.pending_migrations().unwrap(), [] as [&str; 0]);
    assert_eq!(store.migrate().unwrap(), [] as [&str; 0]);
    run(async {
        assert_eq!(store.users_after(None, 1).await.unwrap(), []);
    });
}

#[test]
fn version_of_the_file_is_the_applications() {
    let scratch = Scratch::new();
    let version = |connection: &rusqlite::Connection| -> i64 {
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    };
    scratch
        .connect()
        .pragma_update(None, "user_version", 77)
        .unwrap();
    drop(scratch.store());
    assert_eq!(version(&scratch.connect()), 77);
}

#[test]
fn later_tables_are_refused() {
    let scratch = Scratch::new();
    let store = scratch.store();
    scratch
        .connect()
        .execute_batch("INSERT INTO phone_auth_schema VALUES (99, 'later', '')")
        .unwrap();
    assert_eq!(
        *store.migrate().unwrap_err().kind(),
        MigrateErrorKind::TooNew
    );
    let error = SqliteStore::open(scratch.path(), SqliteOptions::default()).unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::TooNew);
}

#[test]
fn what_cannot_be_opened_is_told() {
    let scratch = Scratch::new();
    let folder = scratch.path().with_file_name("");
    let open = |path| SqliteStore::open(path, SqliteOptions::default()).unwrap_err();
    assert_eq!(
        open(folder.join("no/such/folder.db")).kind(),
        OpenErrorKind::Unreachable
    );
    assert_eq!(open(folder.clone()).kind(), OpenErrorKind::Unreachable);
    assert_eq!(open("".into()).kind(), OpenErrorKind::Unreachable);
    let text = folder.join("text");
    std::fs::write(&text, "a text, and certainly no database".repeat(200)).unwrap();
    let error = open(text.clone());
    assert_eq!(error.kind(), OpenErrorKind::NotADatabase);
    let expected = format!("the file {} is not a SQLite database", text.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn two_stores_write_in_parallel() {
    let scratch = Scratch::new();
    let stores = [Arc::new(scratch.store()), Arc::new(scratch.store())];
    run(async {
        let mut tasks = Vec::new();
        for number in 0..100 {
            for store in &stores {
                let store = Arc::clone(store);
                let name = format!("ann{number}");
                tasks.push(tokio::spawn(async move {
                    store.create_user(&user(&name, number)).await
                }));
            }
        }
        let mut made = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => made += 1,
                Err(error) => {
                    assert_eq!(error.kind(), StoreErrorKind::Taken(UniqueName::Username));
                }
            }
        }
        assert_eq!(made, 100);
        for store in &stores {
            let users = store.users_after(None, 1000).await.unwrap();
            assert_eq!(users.len(), 100);
        }
    });
}

#[test]
fn locked_database_is_unavailable() {
    let scratch = Scratch::new();
    let timeout = Duration::from_millis(200);
    let store = scratch.store_with(SqliteOptions::default().with_busy_timeout(timeout));
    let other = scratch.connect();
    run(async {
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();

        let begun = Instant::now();
        let many: Vec<_> = (2..40)
            .map(|number| user(&format!("u{number}"), number))
            .collect();
        let mut answers = Vec::new();
        for write in many
            .iter()
            .map(|new| store.create_user(new))
            .collect::<Vec<_>>()
        {
            answers.push(write);
        }
        let errors = join_all(answers).await;
        for answer in errors {
            let error = answer.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            assert!(error.is_retryable());
        }
        let waited = begun.elapsed();
        // Well below what it takes to wait one after the other, also on a busy machine.
        assert!(waited >= timeout && waited < 20 * timeout, "{waited:?}");
        // Readers are not held up by a writer.
        assert_eq!(store.user(ann.id).await.unwrap(), Some(ann.clone()));

        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(store.users_after(None, 10).await.unwrap(), [ann]);
        store.create_user(&user("u2", 2)).await.unwrap();
    });
}

#[cfg(unix)]
#[test]
fn file_taken_away_is_unavailable() {
    let scratch = Scratch::new();
    let (path, away) = (scratch.path(), scratch.path().with_extension("away"));
    let store = scratch.store();
    run(async {
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        let refused = async || {
            let error = store.create_user(&user("bob", 2)).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        };
        std::fs::rename(&path, &away).unwrap();
        refused().await;
        std::fs::write(&path, b"another").unwrap();
        refused().await;
        // Back in its place it is the same file.
        std::fs::rename(&away, &path).unwrap();
        store.create_user(&user("bob", 2)).await.unwrap();
        assert_eq!(store.user(ann.id).await.unwrap(), Some(ann));
    });
}

#[test]
fn full_disk_is_unavailable() {
    let scratch = Scratch::new();
    drop(scratch.store());
    let pages: u32 = scratch
        .connect()
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    let store = scratch.store_with(SqliteOptions::default().with_max_pages(pages + 3));
    run(async {
        let mut made = 0_u32;
        let error = loop {
            match store.create_user(&user(&format!("ann{made}"), made)).await {
                Ok(_) => made += 1,
                Err(error) => break error,
            }
            assert!(made < 10_000, "the limit has no effect");
        };
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        // Nothing of the refused user is there, and all of the others.
        let users = store.users_after(None, 10_000).await.unwrap();
        assert_eq!(u32::try_from(users.len()), Ok(made));
        for user in &users {
            assert_eq!(store.addresses_of(user.id, 100).await.unwrap().len(), 2);
        }
        let count: u32 = scratch
            .connect()
            .query_row("SELECT count(*) FROM phone_auth_emailaddress", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(count, made);

        // With room again it goes on.
        drop(store);
        let store = scratch.store();
        store
            .create_user(&user(&format!("ann{made}"), made))
            .await
            .unwrap();
    });
}

#[test]
fn session_without_readable_end_lets_nobody_in() {
    let scratch = Scratch::new();
    let store = scratch.store();
    run(async {
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        let (digest, now) = (SessionDigest::from_bytes([1; 32]), ann.date_joined);
        let log_in = NewLogIn {
            checked_password: ann.password,
            upgraded_password: None,
            session: NewSession {
                digest,
                user: ann.id,
                created_at: now,
                expires_at: now + chrono::TimeDelta::days(1),
                handle: SessionHandle::of_digest(&digest),
                client: SessionClient::default(),
            },
            ends: None,
            max_sessions: 50,
            unless_closing: false,
        };
        assert!(store.log_in(&log_in).await.unwrap());
        // A table of our own, which nobody else writes to; all sort after any time.
        for date in ["'2999-01-02T03:04:05Z'", "'yesterday'", "x'00'"] {
            scratch
                .connect()
                .execute_batch(&format!(
                    "UPDATE phone_auth_session SET expires_at = {date}"
                ))
                .unwrap();
            let session = store.session(&digest, now).await;
            assert_eq!(session.unwrap(), None, "{date}");
        }
    });
}

#[test]
fn lost_schema_table_is_made_again() {
    for loss in [
        "DROP TABLE phone_auth_schema",
        "DELETE FROM phone_auth_schema",
        "DELETE FROM phone_auth_schema WHERE version > 1",
        "DELETE FROM phone_auth_schema WHERE version > 3",
        "DROP TABLE phone_auth_schema; DROP TABLE phone_auth_email_verified; DROP TABLE phone_auth_phone_verified",
        "DROP TABLE phone_auth_schema; DROP INDEX phone_auth_user_username_any_case",
    ] {
        let scratch = Scratch::new();
        run(async {
            let ann = scratch.store().create_user(&user("ann", 1)).await;
            let ann = ann.unwrap();
            scratch.connect().execute_batch(loss).unwrap();
            let options = SqliteOptions::default();
            let store = SqliteStore::open(scratch.path(), options).unwrap();
            let pending = store.pending_migrations().unwrap();
            assert!(!pending.is_empty(), "{loss}");
            let applied = store.migrate().unwrap();
            assert!(applied.starts_with(&pending), "{loss}: {applied:?}");
            assert_eq!(store.pending_migrations().unwrap(), [""; 0], "{loss}");
            assert_eq!(store.user(ann.id).await.unwrap(), Some(ann), "{loss}");
            store.create_user(&user("bob", 2)).await.unwrap();
        });
    }
}

#[test]
fn replaced_file_is_not_read() {
    type Loss = fn(&std::path::Path);
    let losses: [(&str, Loss); 3] = [
        ("removed", |path| std::fs::remove_file(path).unwrap()),
        ("moved", |path| {
            std::fs::rename(path, path.with_extension("old")).unwrap();
        }),
        ("replaced", |path| {
            // As a backup that is put back.
            let copy = path.with_extension("copy");
            std::fs::copy(path, &copy).unwrap();
            std::fs::rename(copy, path).unwrap();
        }),
    ];
    for (what, loss) in losses {
        let scratch = Scratch::new();
        let store = scratch.store();
        run(async {
            let ann = store.create_user(&user("ann", 1)).await.unwrap();
            assert!(store.user(ann.id).await.unwrap().is_some());
            loss(&scratch.path());
            let error = store.user(ann.id).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{what}");
            let digest = SessionDigest::from_bytes([7; 32]);
            let error = store.session(&digest, ann.date_joined).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{what}");
            let error = store.set_active(ann.id, false).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{what}");
        });
    }
}

/// All that an error says, to anyone it is shown.
fn all_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        text = format!("{text}\n{error}\n{error:?}");
        next = error.source();
    }
    text
}

#[test]
fn errors_tell_no_row() {
    // What another user's trigger says may be anything.
    let scratch = Scratch::new();
    let store = scratch.store();
    scratch
        .connect()
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON phone_auth_emailaddress
                BEGIN SELECT RAISE(ABORT, 'no such table: ann@example.org argon2$sample'); END;
            CREATE TRIGGER refuse_too BEFORE UPDATE ON auth_user
                BEGIN SELECT RAISE(FAIL, 'UNIQUE constraint failed: argon2$sample'); END",
        )
        .unwrap();
    run(async {
        let added = store.create_user(&user("ann", 1)).await.unwrap_err();
        let mut bare = user("bob", 2);
        bare.email = None;
        let bob = store.create_user(&bare).await.unwrap();
        let changed = store.set_active(bob.id, false).await.unwrap_err();
        for error in [added, changed] {
            assert_eq!(error.kind(), StoreErrorKind::Broken);
            let text = all_of(&error);
            assert!(text.contains("1811"), "{text}");
            for secret in ["argon2", "sample", "example.org", "9876"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    });
}

#[test]
fn errors_name_what_is_missing() {
    let scratch = Scratch::new();
    let store = scratch.store();
    scratch
        .connect()
        .execute_batch("DROP TABLE phone_auth_session")
        .unwrap();
    run(async {
        let digest = SessionDigest::from_bytes([7; 32]);
        let error = store.end_session(&digest).await.unwrap_err();
        let text = all_of(&error);
        assert!(text.contains("no such table: phone_auth_session"), "{text}");
    });
}

/// Waits for all of them at once.
async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs = Vec::new();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                outputs.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs
}
