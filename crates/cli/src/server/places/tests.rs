//! Who gives way, and who keeps a place.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::task::{Context, Waker};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::*;

const CLOCKS: Clocks = Clocks {
    head: Duration::from_secs(10),
    answer: Duration::from_secs(10),
    idle: Duration::from_secs(10),
};

fn client(last: u8) -> Client {
    Client::of([203, 0, 113, last].into(), None)
}

/// Brings a connection to a stage, as its bytes would.
fn bring(place: &Place, stage: Stage) {
    let progress = &place.progress;
    let turn = |progress: &Progress| {
        progress.has_read();
        assert!(
            progress
                .poll_turn(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        );
    };
    match stage {
        Stage::Fresh => {}
        Stage::Head => progress.has_read(),
        Stage::Handling => turn(progress),
        Stage::Body => {
            turn(progress);
            progress.awaits_body();
        }
        Stage::Writing => {
            turn(progress);
            progress.begins_answer();
            progress.has_written(true);
        }
        Stage::Idle => {
            turn(progress);
            progress.begins_answer();
            progress.ends_answer();
            progress.has_flushed();
        }
    }
    assert_eq!(place.stage(), stage);
}

async fn taken(places: &Arc<Places>, who: Client, stage: Stage) -> Place {
    let place = places.take(who).await.unwrap();
    bring(&place, stage);
    tokio::time::advance(Duration::from_millis(1)).await;
    place
}

/// Which of these connections gives way to a new one, all of them having waited for a while.
async fn gives_way(taken_by: &[(u8, Stage)]) -> Option<usize> {
    let places = Places::new(taken_by.len(), taken_by.len(), CLOCKS);
    let mut all = Vec::new();
    for (who, stage) in taken_by {
        all.push(taken(&places, client(*who), *stage).await);
    }
    tokio::time::advance(PATIENCE).await;
    let Asked::Taken(_new) = places.ask(client(99), Wanted::ONE, true) else {
        return None;
    };
    let gone = all.iter().filter(|place| place.progress.has_given_way());
    assert_eq!(gone.count(), 1, "{taken_by:?}");
    all.iter().position(|place| place.progress.has_given_way())
}

#[tokio::test(start_paused = true)]
async fn idle_ones_give_way_first() {
    use Stage::{Body, Fresh, Handling, Head, Idle, Writing};
    for (taken_by, goes) in [
        (
            &[(1, Fresh), (1, Head), (2, Idle), (1, Body), (1, Writing)][..],
            Some(2),
        ),
        (&[(1, Idle), (2, Idle), (2, Idle)], Some(1)),
        (&[(1, Fresh), (2, Body), (2, Writing)], Some(1)),
        (&[(1, Head), (2, Writing), (2, Handling)], Some(1)),
        (&[(1, Handling), (1, Handling), (2, Head)], Some(2)),
        (&[(1, Handling), (2, Handling)], None),
    ] {
        assert_eq!(gives_way(taken_by).await, goes, "{taken_by:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_has_just_begun_keeps_its_place() {
    let places = Places::new(1, 1, CLOCKS);
    let first = taken(&places, client(1), Stage::Head).await;
    assert!(matches!(
        places.ask(client(2), Wanted::ONE, true),
        Asked::Full
    ));
    let second = places.take(client(2)).await.unwrap();
    assert!(first.progress.has_given_way() && !second.progress.has_given_way());
}

#[tokio::test(start_paused = true)]
async fn proxy_may_begin_late() {
    let proxy = Client::of([127, 0, 0, 1].into(), None);
    for (stage, patience) in [
        (Stage::Fresh, PROXY_PATIENCE),
        (Stage::Head, PATIENCE),
        (Stage::Body, PATIENCE),
        (Stage::Writing, PATIENCE),
    ] {
        let places = Places::new(1, 1, CLOCKS);
        let _first = taken(&places, proxy, stage).await;
        tokio::time::advance(patience.saturating_sub(Duration::from_millis(2))).await;
        assert!(
            matches!(places.ask(proxy, Wanted::ONE, true), Asked::Full),
            "{stage:?}"
        );
        tokio::time::advance(Duration::from_millis(2)).await;
        let new = places.ask(proxy, Wanted::ONE, true);
        assert!(matches!(new, Asked::Taken(_)), "{stage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn share_is_of_one_client() {
    let places = Places::new(4, 2, CLOCKS);
    let stranger = client(1);
    let idle = taken(&places, stranger, Stage::Idle).await;
    let busy = taken(&places, stranger, Stage::Handling).await;
    let other = taken(&places, client(2), Stage::Idle).await;
    let third = taken(&places, stranger, Stage::Handling).await;
    assert!(idle.progress.has_given_way(), "its own gives way");
    assert!(!other.progress.has_given_way(), "and nobody else's");
    assert!(places.take(stranger).await.is_none(), "nothing of it waits");
    drop(busy);
    assert!(places.take(stranger).await.is_some());
    drop(third);
    // A proxy may have all.
    let proxy = Client::of([10, 0, 0, 1].into(), None);
    let places = Places::new(4, 2, CLOCKS);
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(taken(&places, proxy, Stage::Handling).await);
    }
    assert_eq!(places.taken(), 4);
}

#[tokio::test(start_paused = true)]
async fn freed_place_is_taken_at_once() {
    let places = Places::new(1, 1, CLOCKS);
    let first = taken(&places, client(1), Stage::Handling).await;
    let waits = tokio::spawn({
        let places = Arc::clone(&places);
        async move { places.take(client(2)).await.is_some() }
    });
    tokio::task::yield_now().await;
    drop(first);
    assert!(waits.await.unwrap());
    places.emptied().await;
}

/// The two ends of a connection, the client's with little room.
async fn ends() -> (TcpStream, Arc<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let addr = listener.local_addr().unwrap();
    let (ours, theirs) = tokio::join!(listener.accept(), socket.connect(addr));
    (theirs.unwrap(), Arc::new(ours.unwrap().0))
}

/// Until the system knows of it; whether it ever does.
async fn becomes(place: &Place) -> bool {
    for _ in 0..1000 {
        if place.progress.is_ready() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
        tokio::task::yield_now().await;
    }
    false
}

/// No task runs here: whatever a client does is only known to the system.
#[tokio::test]
async fn client_that_waits_for_us_keeps_its_place() {
    use Stage::{Body, Fresh, Head, Idle, Writing};
    for (stage, sends, reads, stays) in [
        (Fresh, true, false, true),
        (Head, true, false, true),
        (Body, true, false, true),
        (Idle, true, false, true),
        (Writing, false, true, true),
        (Fresh, false, false, false),
        (Head, false, false, false),
        (Body, false, false, false),
        (Idle, false, false, false),
        (Writing, false, false, false),
        // It sends on without reading.
        (Writing, true, false, false),
    ] {
        for is_told_before in [false, true] {
            let what = format!("{stage:?} {sends} {reads} {is_told_before}");
            let places = Places::new(1, 1, CLOCKS);
            let place = places.take(client(1)).await.unwrap();
            let (mut theirs, ours) = ends().await;
            place.progress.is_on(&ours);
            bring(&place, stage);
            if stage == Writing {
                ours.writable().await.unwrap();
                while ours.try_write(&[b'x'; 4096]).is_ok() {}
                assert!(!place.progress.is_ready(), "{what}");
            }
            place.progress.runs(Waker::noop());
            place.progress.rests();
            // It has waited long enough.
            sleep(PATIENCE).await;
            let told = is_told_before.then(|| places.ask(client(2), Wanted::ONE, true));
            assert_eq!(place.progress.has_given_way(), is_told_before, "{what}");
            if sends {
                theirs.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            }
            if reads {
                let mut all = vec![0; 1 << 20];
                while !place.progress.is_ready() {
                    assert_ne!(theirs.read(&mut all).await.unwrap(), 0, "{what}");
                }
            }
            assert!(!stays || becomes(&place).await, "{what}");
            place.progress.runs(Waker::noop());
            place.progress.rests();
            if is_told_before {
                assert_eq!(place.stays(), stays, "{what}");
                // One too many, so that two must leave before the next comes.
                assert_eq!(places.taken(), 1 + usize::from(stays), "{what}");
            } else {
                let new = places.ask(client(2), Wanted::ONE, true);
                assert_eq!(matches!(new, Asked::Full), stays, "{what}");
                assert_eq!(place.progress.is_last(), stays, "{what}");
            }
            drop((place, told));
            assert!(places.is_empty(), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn request_that_awaits_its_turn_keeps_its_place() {
    let places = Places::new(1, 1, CLOCKS);
    let idle = taken(&places, client(1), Stage::Idle).await;
    let mut context = Context::from_waker(Waker::noop());
    assert!(idle.progress.poll_turn(&mut context).is_pending());
    tokio::time::advance(PATIENCE).await;
    assert!(matches!(
        places.ask(client(2), Wanted::ONE, true),
        Asked::Full
    ));
    // The answer to it is the last, or anyone who sends on and on would never leave.
    assert!(idle.progress.poll_turn(&mut context).is_ready());
    assert!(idle.progress.is_last());
    drop(idle);
    let second = places.take(client(2)).await.unwrap();
    assert!(!second.progress.is_last());
}

#[tokio::test(start_paused = true)]
async fn what_gave_way_begins_nothing() {
    let places = Places::new(1, 1, CLOCKS);
    let idle = taken(&places, client(1), Stage::Idle).await;
    let _new = places.take(client(2)).await.unwrap();
    idle.progress.has_read();
    let mut context = Context::from_waker(Waker::noop());
    assert!(idle.progress.poll_turn(&mut context).is_pending());
}

/// Without a moment's wait: a crowd gives way to who has far fewer, and to nobody else.
#[tokio::test(start_paused = true)]
async fn crowd_gives_way_at_once() {
    let proxy = Client::of([10, 0, 0, 1].into(), None);
    for (what, holder, held, newcomer, holds, gives_way) in [
        ("a newcomer", client(1), 6, client(2), 0, true),
        ("a proxy", client(1), 7, proxy, 20, true),
        ("one that has few", client(1), 20, client(2), 9, true),
        ("one that has half", client(1), 20, client(2), 10, false),
        ("itself", client(1), 20, client(1), 0, false),
        ("a browser", client(1), 5, client(2), 0, false),
        ("what may be a proxy", proxy, 20, client(2), 0, false),
    ] {
        let places = Places::new(held + holds, held + holds, CLOCKS);
        let mut all = Vec::new();
        for _ in 0..holds {
            let place = places.take(newcomer).await.unwrap();
            bring(&place, Stage::Handling);
            all.push(place);
        }
        for _ in 0..held {
            all.push(places.take(holder).await.unwrap());
        }
        let wanted = Wanted {
            by_client: 9,
            by_all: 9,
        };
        let asked = places.ask(newcomer, wanted, true);
        assert_eq!(matches!(asked, Asked::Taken(_)), gives_way, "{what}");
        let gone = all.iter().filter(|place| place.progress.has_given_way());
        // One alone: the others have not waited long enough for who else may come.
        assert_eq!(gone.count(), usize::from(gives_way), "{what}");
    }
}

/// All are looked at once for many who wait, and not again before half of those that were told are closed.
#[tokio::test(start_paused = true)]
async fn as_many_give_way_as_are_wanted() {
    for (by_all, told) in [(0, 1), (1, 1), (10, 10), (500, MOST_CLOSING)] {
        let places = Places::new(100, 100, CLOCKS);
        let mut all = Vec::new();
        for _ in 0..100 {
            all.push(places.take(client(1)).await.unwrap());
        }
        tokio::time::advance(PATIENCE).await;
        let wanted = Wanted {
            by_client: 1,
            by_all,
        };
        let mut taken = Vec::new();
        for _ in 0..told {
            let asked = places.ask(client(2), wanted, true);
            assert!(matches!(asked, Asked::Taken(_)), "{by_all}");
            taken.push(asked);
        }
        let gone = |all: &Vec<Place>| {
            let gone = all.iter().filter(|place| place.progress.has_given_way());
            gone.count()
        };
        assert_eq!(gone(&all), told, "{by_all}");
        if told == MOST_CLOSING {
            let half = MOST_CLOSING / 2;
            let ask = || places.ask(client(2), Wanted::ONE, true);
            let mut closing: Vec<_> = all
                .extract_if(.., |place| place.progress.has_given_way())
                .collect();
            closing.truncate(half + 1);
            assert!(matches!(ask(), Asked::Full));
            closing.truncate(half);
            assert!(matches!(ask(), Asked::Full), "half of them are not closed");
            closing.truncate(half - 1);
            assert!(matches!(ask(), Asked::Taken(_)));
        }
    }
}
