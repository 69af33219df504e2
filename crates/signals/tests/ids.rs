//! The ids of receivers that are connected: each is the id of one receiver, and the same in each run. And what is the
//! user's is dropped where the user may connect again.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use futures_util::FutureExt as _;
use phone_auth_signals::{ConnectOptions, Connection, ReceiverInfo, Signals, receiver, signal};
use std::{
    collections::HashSet,
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

signal! {
    /// A chime sounded.
    chime: Chime;
}

#[derive(Clone)]
struct Chime;

#[receiver(chime, id = "porter")]
fn porter(_event: &Chime) {}

fn ids(signals: &Signals) -> Vec<String> {
    let receivers = signals.receivers_of::<Chime>();
    receivers.iter().map(|one| one.id().to_owned()).collect()
}

/// Connects in each of the ways, and at one place several times.
fn connect_all(signals: &Signals) -> Vec<Connection> {
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(signals.connect::<Chime>(|_| ()));
    }
    let helper = |name: &'static str| {
        signals.connect_async::<Chime>(move |_| async move {
            let _ = name;
        })
    };
    connections.extend(["one", "other"].map(helper));
    for _ in 0..2 {
        let options = ConnectOptions::new().priority(1);
        connections.push(signals.connect_with::<Chime>(options, |_| ()).unwrap());
    }
    // What another place has as its second is another user's own id already.
    let taken = format!("{} (2)", connected_here(signals, &mut connections));
    let own = ConnectOptions::new().id(taken);
    connections.push(signals.connect_with::<Chime>(own, |_| ()).unwrap());
    connected_here(signals, &mut connections);
    connections
}

fn connected_here(signals: &Signals, connections: &mut Vec<Connection>) -> String {
    connections.push(signals.connect::<Chime>(|_| ()));
    ids(signals).pop().unwrap()
}

#[test]
fn each_id_is_of_one_receiver() {
    let signals = Signals::linked().unwrap();
    let connections = connect_all(&signals);
    let mut capture = [signals.capture::<Chime>(), signals.capture::<Chime>()];
    let ids = ids(&signals);
    let distinct: HashSet<_> = ids.iter().collect();
    assert_eq!(
        distinct.len(),
        connections.len() + capture.len() + 1,
        "{ids:?}"
    );
    assert!(ids.iter().any(|id| id.ends_with(" (3)")), "{ids:?}");
    assert!(capture.iter_mut().all(|capture| capture.take().is_empty()));
}

#[test]
fn ids_are_the_same_in_each_run() {
    let run = || {
        let signals = Signals::linked().unwrap();
        let connections = connect_all(&signals);
        (ids(&signals), connections)
    };
    let (first, _connections) = run();
    assert_eq!(run().0, first);
}

#[test]
fn id_that_is_free_again_is_reused() {
    let signals = Signals::isolated();
    let connect = || signals.connect::<Chime>(|_| ());
    let (first, _second) = (connect(), connect());
    let before = ids(&signals);
    drop(first);
    let _again = connect();
    let after = ids(&signals);
    assert_eq!(
        after.iter().collect::<HashSet<_>>(),
        before.iter().collect()
    );
}

#[test]
fn taken_id_is_refused_across_both() {
    let signals = Signals::linked().unwrap();
    let mut connections = Vec::new();
    let automatic = connected_here(&signals, &mut connections);
    for id in ["porter", &automatic] {
        let named = || ConnectOptions::new().id(id);
        let refused = signals.connect_with::<Chime>(named(), |_| ()).unwrap_err();
        assert_eq!(refused.id, id);
        let refused = signals.connect_async_with::<Chime>(named(), |_| async {});
        assert_eq!(refused.unwrap_err().id, id);
    }
    assert_eq!(signals.receivers_of::<Chime>().len(), 2);
}

#[test]
fn successor_is_another_receiver() {
    let signals = Signals::linked().unwrap();
    let named = || ConnectOptions::new().id("audit").priority(1);
    let connect = || signals.connect_with::<Chime>(named(), |_| ()).unwrap();
    let first = connect();
    let before = signals.receivers_of::<Chime>();
    drop(first);
    let _second = connect();
    let after = signals.receivers_of::<Chime>();
    let same: Vec<_> = (before.iter().zip(&after))
        .map(|(one, other): (&ReceiverInfo, &ReceiverInfo)| (one.id(), one.is_same(other)))
        .collect();
    assert_eq!(same, [("audit", false), ("porter", true)]);
    for (index, one) in after.iter().enumerate() {
        let found = after.iter().position(|other| one.is_same(other));
        assert_eq!(found, Some(index));
    }
}

/// Does something of the user's when it is dropped.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// What a closure that is dropped may do with the signal it was to receive. Each has a dispatcher of its own, where the id
/// "taken" is: one that is locked for ever must not keep this test from failing.
fn uses() -> Vec<(Signals, Box<dyn Fn() + Send + Sync>)> {
    let dispatcher = || {
        let (signals, options) = (Signals::isolated(), ConnectOptions::new().id("taken"));
        signals
            .connect_with::<Chime>(options, |_| ())
            .unwrap()
            .forever();
        signals
    };
    let (cuts, connects, names, captures, sends) = (
        dispatcher(),
        dispatcher(),
        dispatcher(),
        dispatcher(),
        dispatcher(),
    );
    let held = Mutex::new(Some(cuts.connect::<Chime>(|_| ())));
    let mut uses: Vec<(Signals, Box<dyn Fn() + Send + Sync>)> = Vec::new();
    uses.push((cuts, Box::new(move || drop(held.lock().unwrap().take()))));
    let signals = connects.clone();
    uses.push((
        connects,
        Box::new(move || drop(signals.connect::<Chime>(|_| ()))),
    ));
    let signals = names.clone();
    let name = move || {
        let options = ConnectOptions::new().id("taken");
        assert!(signals.connect_with::<Chime>(options, |_| ()).is_err());
    };
    uses.push((names, Box::new(name)));
    let signals = captures.clone();
    uses.push((captures, Box::new(move || drop(signals.capture::<Chime>()))));
    let signals = sends.clone();
    let send = move || assert!(signals.send_robust(&Chime).now_or_never().unwrap().is_ok());
    uses.push((sends, Box::new(send)));
    uses
}

type Receive = Box<dyn Fn(&Chime) + Send + Sync>;

/// Lets `act` happen with a closure that uses the signal when it is dropped, and waits until both have ended.
fn check_dropped(act: fn(&Signals, Receive)) {
    for (index, (signals, on_drop)) in uses().into_iter().enumerate() {
        let (ended, end) = mpsc::channel();
        let dispatcher = signals.clone();
        thread::spawn(move || {
            let dropped = ended.clone();
            let closure = OnDrop(move || {
                on_drop();
                dropped.send("dropped").unwrap();
            });
            let closure = Box::new(move |_: &Chime| {
                let _ = &closure;
            });
            act(&dispatcher, closure);
            ended.send("ended").unwrap();
        });
        for step in ["dropped", "ended"] {
            let told = end.recv_timeout(Duration::from_secs(30));
            assert_eq!(told, Ok(step), "{index}: it hangs, or panicked");
        }
        assert_eq!(ids(&signals), ["taken"]);
    }
}

#[test]
fn refused_receiver_may_connect_when_dropped() {
    check_dropped(|signals, closure| {
        let taken = ConnectOptions::new().id("taken");
        assert!(signals.connect_with::<Chime>(taken, closure).is_err());
    });
}

#[test]
fn disconnected_receiver_may_connect_when_dropped() {
    check_dropped(|signals, closure| drop(signals.connect::<Chime>(closure)));
}
