//! State that is looked up at each call: what holds the dispatcher, and the dispatcher itself.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_signals::{SetupErrorKind, Signals, SignalsBuilder, receiver, signal};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

#[derive(Clone)]
struct Ordered(u32);

struct Packed(u32);

signal! {
    /// An order was placed.
    ordered: Ordered;
    /// An order was packed.
    sync packed: Packed;
}

/// What holds the dispatcher that calls its receivers.
struct Shop {
    signals: Signals,
    packed: AtomicU32,
}

#[receiver(ordered)]
async fn pack(event: &Ordered, shop: &Shop, signals: &Signals) -> Result<(), std::io::Error> {
    tokio::task::yield_now().await;
    let failed = signals
        .send_robust_sync(&Packed(event.0))
        .failures()
        .count();
    assert_eq!(failed, 0);
    shop.packed.fetch_add(100, Ordering::SeqCst);
    Ok(())
}

#[receiver(packed)]
fn count(event: &Packed, shop: &Shop) {
    shop.packed.fetch_add(event.0, Ordering::SeqCst);
}

/// Where the shop will be found, and a builder that looks there.
fn late() -> (Arc<OnceLock<Weak<Shop>>>, SignalsBuilder) {
    let place: Arc<OnceLock<Weak<Shop>>> = Arc::default();
    let find = Arc::clone(&place);
    let builder = Signals::builder().provide_late(move || find.get()?.upgrade());
    (place, builder)
}

#[tokio::test]
async fn receivers_have_what_holds_the_dispatcher() {
    let (place, builder) = late();
    let signals = builder.build().unwrap();
    let early = signals.send_robust(&Ordered(1)).await;
    let error = early.into_result().unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        cause,
        "the state late::Shop is not there: it is not made yet, or is gone already"
    );

    let shop = Arc::new(Shop {
        signals,
        packed: AtomicU32::new(0),
    });
    place.set(Arc::downgrade(&shop)).unwrap();
    shop.signals.send(&Ordered(7)).await.unwrap();
    assert!(shop.signals.send_robust(&Ordered(7)).await.is_ok());
    assert_eq!(shop.packed.load(Ordering::SeqCst), 214);

    // Nothing keeps the two but who has them.
    let (gone, dispatcher) = (Arc::downgrade(&shop), shop.signals.downgrade());
    drop(shop);
    assert!(gone.upgrade().is_none() && dispatcher.upgrade().is_none());
}

#[test]
fn late_state_counts_as_provided() {
    let missing = Signals::builder().build().unwrap_err();
    assert_eq!(missing.kind(), SetupErrorKind::MissingState);
    let sentences: Vec<_> = missing.problems().map(|(_, said)| said).collect();
    assert!(
        sentences.iter().all(|said| said.contains("Shop")),
        "the dispatcher is there: {sentences:?}"
    );
    let (_, builder) = late();
    let twice = builder.provide_late::<Shop>(|| None).build().unwrap_err();
    assert_eq!(twice.kind(), SetupErrorKind::ProvidedTwice);
}

#[test]
fn another_dispatcher_may_be_provided() {
    let (place, builder) = late();
    let other = Signals::isolated();
    let mut heard = other.capture::<Ordered>();
    let signals = builder.provide(other).build().unwrap();
    let shop = Arc::new(Shop {
        signals,
        packed: AtomicU32::new(0),
    });
    place.set(Arc::downgrade(&shop)).unwrap();
    shop.signals.send_sync(&Packed(1)).unwrap();
    assert!(heard.take().is_empty() && shop.packed.load(Ordering::SeqCst) == 1);
}
