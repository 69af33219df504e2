//! What the thread that writes does with requests that go wrong.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test, and a panic is what is tested"
)]

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use phone_auth_core::store::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use tempfile::TempDir;

use super::Writer;
use crate::failure::Failure;
use crate::place::Place;

/// A database with one table of numbers, and its writer.
struct HashMemory {
    writer: Writer,
    folder: TempDir,
}

impl HashMemory {
    fn new(waiting: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder);
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;
                CREATE TABLE number (
                    it integer PRIMARY KEY,
                    parent integer REFERENCES number DEFERRABLE INITIALLY DEFERRED
                )",
            )
            .unwrap();
        let writer =
            Writer::start(connection, Place::of(&path(&folder)).unwrap(), waiting).unwrap();
        Self { writer, folder }
    }

    /// The numbers that are stored.
    fn numbers(&self) -> Vec<i64> {
        let connection = connect(&self.folder);
        let mut query = connection
            .prepare("SELECT it FROM number ORDER BY it")
            .unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Keeps the thread busy until the answer is sent, so that what is asked meanwhile is one group.
    async fn hold(&self, held: Sender<()>, release: Receiver<()>) {
        let work = move |_: &Connection| {
            let _ = held.send(());
            let _ = release.recv_timeout(Duration::from_secs(30));
            Ok(())
        };
        self.writer.write(work).await.unwrap();
    }

    /// Asks for all of this at once, as one group, and collects the answers.
    async fn together<const N: usize>(&self, works: [Work; N]) -> [Result<(), StoreErrorKind>; N] {
        let (held, is_held) = channel();
        let (release, released) = channel();
        let holding = self.hold(held, released);
        let asking = async {
            is_held.recv_timeout(Duration::from_secs(30)).unwrap();
            let mut answers = Vec::new();
            let mut writes = Vec::new();
            for work in works {
                writes.push(Box::pin(self.writer.write(work)));
            }
            // A first look at each puts it into the queue behind the one that holds the thread.
            let mut first = futures(&mut writes);
            release.send(()).unwrap();
            for (write, answer) in writes.into_iter().zip(first.drain(..)) {
                let answer = match answer {
                    Some(answer) => answer,
                    None => write.await,
                };
                answers.push(answer.map_err(|error: StoreError| error.kind()));
            }
            answers.try_into().unwrap()
        };
        let ((), answers) = tokio::join!(holding, asking);
        answers
    }
}

/// A piece of work.
type Work = Box<dyn FnMut(&Connection) -> Result<(), Failure> + Send>;

/// Polls each once.
fn futures<F: Future + Unpin>(writes: &mut [F]) -> Vec<Option<F::Output>> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    writes
        .iter_mut()
        .map(|write| match std::pin::Pin::new(write).poll(&mut context) {
            std::task::Poll::Ready(answer) => Some(answer),
            std::task::Poll::Pending => None,
        })
        .collect()
}

fn connect(folder: &TempDir) -> Connection {
    Connection::open(path(folder)).unwrap()
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("numbers.sqlite3")
}

/// Stores a number.
fn store(number: i64) -> Work {
    Box::new(move |connection| {
        connection.execute("INSERT INTO number VALUES (?1, NULL)", [number])?;
        Ok(())
    })
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(test)
}

const BROKEN: Result<(), StoreErrorKind> = Err(StoreErrorKind::Broken);

#[test]
fn failure_undoes_its_own_work_only() {
    run(async {
        let bench = HashMemory::new(16);
        let stores_then_fails = Box::new(|connection: &Connection| {
            connection.execute("INSERT INTO number VALUES (2, NULL)", [])?;
            Err(StoreErrorKind::SessionExists.into())
        });
        let answers = bench
            .together([store(1), stores_then_fails, store(3)])
            .await;
        assert_eq!(
            answers,
            [Ok(()), Err(StoreErrorKind::SessionExists), Ok(())]
        );
        assert_eq!(bench.numbers(), [1, 3]);
    });
}

#[test]
fn panic_stops_nobody_else() {
    run(async {
        let bench = HashMemory::new(16);
        let stores_then_panics = Box::new(|connection: &Connection| {
            connection.execute("INSERT INTO number VALUES (2, NULL)", [])?;
            panic!("as asked")
        });
        let alone: Work = stores_then_panics.clone();
        let answers = bench
            .together([store(1), stores_then_panics, store(3)])
            .await;
        assert_eq!(answers, [Ok(()), BROKEN, Ok(())]);
        let error = bench.writer.write(alone).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Broken);
        bench.writer.write(store(4)).await.unwrap();
        assert_eq!(bench.numbers(), [1, 3, 4]);
    });
}

#[test]
fn refused_commit_spares_the_others() {
    // A foreign key that is checked at COMMIT fails the transaction that all share.
    run(async {
        let bench = HashMemory::new(16);
        let orphan = Box::new(|connection: &Connection| {
            connection.execute("INSERT INTO number VALUES (2, 99)", [])?;
            Ok(())
        });
        let answers = bench.together([store(1), orphan, store(3)]).await;
        assert_eq!(answers, [Ok(()), Err(StoreErrorKind::Referenced), Ok(())]);
        assert_eq!(bench.numbers(), [1, 3]);
    });
}

#[test]
fn lost_transaction_spares_the_others() {
    // Some errors make SQLite end the transaction by itself; a ROLLBACK stands in for them.
    run(async {
        let bench = HashMemory::new(16);
        let loses = Box::new(|connection: &Connection| {
            connection.execute_batch("ROLLBACK")?;
            Err(StoreErrorKind::Unavailable.into())
        });
        let answers = bench.together([store(1), loses, store(3)]).await;
        assert_eq!(answers, [Ok(()), Err(StoreErrorKind::Unavailable), Ok(())]);
        assert_eq!(bench.numbers(), [1, 3]);
    });
}

#[test]
fn waiting_requests_share_a_transaction() {
    run(async {
        let bench = HashMemory::new(16);
        let (seen, numbers) = channel();
        let looks = |number: i64, seen: Sender<i64>| -> Work {
            Box::new(move |connection| {
                connection.execute("INSERT INTO number VALUES (?1, NULL)", [number])?;
                // Another connection sees what is committed, and nothing else.
                let path = connection.path().map(str::to_owned);
                let other = Connection::open(path.unwrap_or_default())?;
                let count = other.query_row("SELECT count(*) FROM number", [], |row| row.get(0))?;
                let _ = seen.send(count);
                Ok(())
            })
        };
        let works = [
            looks(1, seen.clone()),
            looks(2, seen.clone()),
            looks(3, seen),
        ];
        assert_eq!(bench.together(works).await, [Ok(()); 3]);
        assert_eq!(numbers.try_iter().collect::<Vec<_>>(), [0, 0, 0]);
        assert_eq!(bench.numbers(), [1, 2, 3]);
    });
}

#[test]
fn full_queue_is_answered_at_once() {
    run(async {
        let bench = HashMemory::new(1);
        let (held, is_held) = channel();
        let (release, released) = channel();
        let mut holding = [Box::pin(bench.hold(held, released))];
        futures(&mut holding);
        is_held.recv_timeout(Duration::from_secs(30)).unwrap();
        let mut waiting = [Box::pin(bench.writer.write(store(1)))];
        assert!(futures(&mut waiting).iter().all(Option::is_none));

        let error = bench.writer.write(store(2)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        release.send(()).unwrap();
        for write in waiting {
            write.await.unwrap();
        }
        assert_eq!(bench.numbers(), [1]);
    });
}

#[test]
fn dropped_request_never_begins() {
    run(async {
        let bench = HashMemory::new(16);
        let (held, is_held) = channel();
        let (release, released) = channel();
        let mut holding = [Box::pin(bench.hold(held, released))];
        futures(&mut holding);
        is_held.recv_timeout(Duration::from_secs(30)).unwrap();
        let mut dropped = [Box::pin(bench.writer.write(store(1)))];
        futures(&mut dropped);
        drop(dropped);
        release.send(()).unwrap();
        bench.writer.write(store(2)).await.unwrap();
        assert_eq!(bench.numbers(), [2]);
    });
}

#[test]
fn drop_waits_for_begun_work() {
    run(async {
        let HashMemory { writer, folder } = HashMemory::new(16);
        let (begun, is_begun) = channel();
        let mut writes = [Box::pin(writer.write(move |connection| {
            let _ = begun.send(());
            connection.execute("INSERT INTO number VALUES (1, NULL)", [])?;
            Ok(())
        }))];
        futures(&mut writes);
        is_begun.recv_timeout(Duration::from_secs(30)).unwrap();
        drop(writes);
        drop(writer);
        let count = connect(&folder).query_row("SELECT count(*) FROM number", [], |row| row.get(0));
        assert_eq!(count, Ok(1_i64));
    });
}
