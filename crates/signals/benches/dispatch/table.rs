//! The tables: every case, then the ratios that have a target.

use crate::measure::Measured;
use std::fmt::Write;

/// A ratio with a target: the case, what it is set against, how far it may go.
const TARGETS: [(&str, &str, f64); 15] = [
    ("send_sync, 1", "slice of fn pointers, 1", 2.5),
    ("send_sync, 8", "slice of fn pointers, 8", 1.4),
    ("send_sync, 64", "slice of fn pointers, 64", 1.1),
    ("send_robust_sync, 8", "send_sync, 8", 1.5),
    ("send_robust untimed, 8", "send to sync receivers, 8", 1.5),
    ("send_sync to connected, 1", "signals2, 1", 1.0),
    ("send_sync to connected, 8", "signals2, 8", 1.0),
    ("send_sync to connected, 64", "signals2, 64", 1.0),
    ("nobody listening, 0", "one fn pointer, 1", 1.5),
    ("send_sync, 8", "tokio broadcast, 8", 1.0),
    ("send_robust_sync, 8", "signals2, 8", 1.0),
    ("send_sync, 1", "Django Signal.send, 1", 1.0),
    ("send_sync, 8", "Django Signal.send, 8", 1.0),
    ("send_sync, 64", "Django Signal.send, 64", 1.0),
    ("send_robust_sync, 8", "Django Signal.send_robust, 8", 1.0),
];

/// Nanoseconds above sync receivers that one `async` receiver which is ready may cost.
const READY: f64 = 20.0;

/// All cases, and the ratios with their targets.
pub(crate) fn of(measured: &[Measured]) -> String {
    let mut text = format!(
        "{:30} {:>10} {:>14}\n",
        "case, receivers", "ns", "ns a receiver"
    );
    for case in measured {
        let receivers = receivers(&case.name).max(1.0);
        let each = case.nanoseconds / receivers;
        let _ = writeln!(
            text,
            "{:30} {:10.1} {each:14.2}",
            case.name, case.nanoseconds
        );
    }
    let _ = writeln!(
        text,
        "\n{:30} {:30} {:>9} {:>7}",
        "case", "against", "ratio", "target"
    );
    for (case, against, target) in TARGETS {
        let ratio = find(measured, case) / find(measured, against);
        // What was left out was said to be.
        if ratio.is_nan() {
            continue;
        }
        let _ = writeln!(
            text,
            "{case:30} {against:30} {ratio:9.4} {target:7.2}{}",
            verdict(ratio, target)
        );
    }
    let _ = writeln!(
        text,
        "\nns that a ready async receiver costs above a sync one"
    );
    for count in ["1", "8", "64"] {
        let ready = find(measured, &format!("send to ready async, {count}"));
        let plain = find(measured, &format!("send to sync receivers, {count}"));
        let above = (ready - plain) / receivers(count);
        let _ = writeln!(
            text,
            "{count:>61} {above:9.1} {READY:7.1}{}",
            verdict(above, READY)
        );
    }
    text
}

fn find(measured: &[Measured], name: &str) -> f64 {
    measured
        .iter()
        .find(|case| case.name == name)
        .map_or(f64::NAN, |case| case.nanoseconds)
}

fn receivers(name: &str) -> f64 {
    name.rsplit(' ')
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(1.0)
}

fn verdict(ratio: f64, target: f64) -> &'static str {
    if ratio <= target { "" } else { "  above" }
}
