//! A signal with so many linked receivers that they are called in another way than a few.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_signals::{Signals, receiver, signal};
use std::sync::Mutex;

signal! {
    /// Has two eights of receivers and three more.
    sync rollcall: Rollcall;
}

#[derive(Clone, Copy)]
struct Rollcall {
    /// The receivers from here on fail.
    fails_from: usize,
    /// Every so manieth is skipped.
    skipped: usize,
}

#[derive(Default)]
struct Heard(Mutex<Vec<usize>>);

impl Heard {
    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

macro_rules! receivers {
    ($($name:ident: $number:literal,)+) => {
        $(
            #[receiver(rollcall, when = |event| $number % event.skipped != 0)]
            fn $name(event: &Rollcall, heard: &Heard) -> Result<(), &'static str> {
                heard.0.lock().unwrap().push($number);
                if $number < event.fails_from { Ok(()) } else { Err("absent") }
            }
        )+
    };
}

receivers! {
    a0: 1, a1: 2, a2: 3, a3: 4, a4: 5, a5: 6, a6: 7, a7: 8,
    b0: 9, b1: 10, b2: 11, b3: 12, b4: 13, b5: 14, b6: 15, b7: 16,
    c0: 17, c1: 18, c2: 19,
}

fn dispatcher() -> (Signals, std::sync::Arc<Heard>) {
    let heard = std::sync::Arc::new(Heard::default());
    let builder = Signals::builder().provide_arc(std::sync::Arc::clone(&heard));
    (builder.build().unwrap(), heard)
}

/// The numbers that are not skipped, up to `last`.
fn called(event: Rollcall, last: usize) -> Vec<usize> {
    let all = 1..=last;
    all.filter(|number| number % event.skipped != 0).collect()
}

#[test]
fn many_stop_at_the_failure() {
    let (signals, heard) = dispatcher();
    for skipped in [2, 3, 8, 100] {
        for fails_from in 1..=20 {
            let event = Rollcall {
                fails_from,
                skipped,
            };
            let sent = signals.send_sync(&event);
            let failing = (fails_from..=19).find(|number| number % skipped != 0);
            assert_eq!(heard.take(), called(event, failing.unwrap_or(19)));
            let found = sent.err().map(|error| error.receiver().id().to_owned());
            let expected = failing.map(|number| {
                let (row, column) = ((number - 1) / 8, (number - 1) % 8);
                format!("many::{}{column}", ["a", "b", "c"].get(row).unwrap())
            });
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn many_are_all_reported() {
    let (signals, heard) = dispatcher();
    let event = Rollcall {
        fails_from: 10,
        skipped: 3,
    };
    let report = signals.send_robust_sync(&event);
    assert_eq!(heard.take(), called(event, 19));
    let names: Vec<_> = report
        .receivers()
        .map(|receiver| receiver.outcome().name())
        .collect();
    let expected: Vec<_> = (1..=19)
        .map(|number| match number {
            _ if number % 3 == 0 => "skipped",
            10.. => "error",
            _ => "done",
        })
        .collect();
    assert_eq!(names, expected);
}
