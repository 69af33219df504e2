//! The manifest: every signal and every receiver of the program, with crate, file and line.

use crate::{Place, RegistryCheck, Signals, any_signal::AnySignal, catalogue, signal::SignalInfo};
use serde::Serialize;
use std::fmt;

/// Every signal and every linked receiver of the program, as one dispatcher sees them. Prints as tables and serialises.
///
/// # Examples
/// ```
/// phone_auth_signals::signal! {
///     /// An order was placed.
///     order_placed: OrderPlaced;
/// }
///
/// struct OrderPlaced;
///
/// # fn main() {
/// let manifest = phone_auth_signals::Signals::isolated().manifest();
/// assert!(manifest.signals.iter().any(|signal| signal.name == "order_placed"));
/// assert!(manifest.to_string().contains("OrderPlaced"));
/// # }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The signals, by name.
    pub signals: Vec<SignalInfo>,
    /// The linked receivers, by signal and then in the order of dispatch.
    pub receivers: Vec<ReceiverEntry>,
    /// What the two registries say, for each signal.
    pub registries: Vec<RegistryCheck>,
}

/// One linked receiver in the manifest.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a receiver"
)]
pub struct ReceiverEntry {
    /// The signal it receives.
    pub signal: &'static str,
    /// Its id.
    pub id: String,
    /// The package it stands in.
    #[serde(rename = "crate")]
    pub package: &'static str,
    /// The file.
    pub file: &'static str,
    /// The line.
    pub line: u32,
    /// The higher, the earlier.
    pub priority: i32,
    /// Whether it is awaited.
    pub is_async: bool,
    /// Its own time-out in milliseconds.
    pub timeout_ms: Option<u64>,
    /// The types of state it takes.
    pub state: Vec<&'static str>,
    /// Whether it is called until it has the event, by the one who keeps it meanwhile.
    pub durable: bool,
    /// Whether this dispatcher leaves it out.
    pub disabled: bool,
    /// Whether it is optional, and this dispatcher calls it not because it lacks its state.
    pub idle: bool,
    /// Where its signal is declared: two may have one name.
    #[serde(skip)]
    declared: Place,
}

impl Signals {
    /// Every signal and every linked receiver, and which of them this dispatcher leaves out.
    pub fn manifest(&self) -> Manifest {
        let signals = catalogue::signals();
        Manifest {
            signals: signals.iter().map(|signal| *signal.info()).collect(),
            receivers: signals
                .iter()
                .flat_map(|signal| self.entries(*signal))
                .collect(),
            registries: signals.iter().map(|signal| signal.registries()).collect(),
        }
    }

    fn entries(&self, signal: &'static dyn AnySignal) -> Vec<ReceiverEntry> {
        let config = &self.inner.config;
        let entries = signal.receiver_infos().iter().map(|info| ReceiverEntry {
            signal: signal.info().name,
            id: info.id().to_owned(),
            package: info.place().package,
            file: info.place().file,
            line: info.place().line,
            priority: info.priority(),
            is_async: info.is_async(),
            timeout_ms: info
                .timeout()
                .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            state: info.needs().iter().map(crate::Need::type_name).collect(),
            durable: info.is_durable(),
            disabled: config.is_isolated || config.disabled.contains(info.id()),
            idle: info.is_optional() && config.provided.missing(info.needs()).next().is_some(),
            declared: signal.info().place,
        });
        entries.collect()
    }
}

impl fmt::Display for Manifest {
    /// Two tables: the signals with the number of their receivers, then the receivers in the order of dispatch.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = [
            "SIGNAL",
            "EVENT",
            "RECEIVERS",
            "DECLARED AT",
            "WHAT IT SAYS",
        ]
        .map(str::to_owned);
        let signals = self.signals.iter().map(|signal| self.signal_row(signal));
        write_table(f, &std::iter::once(head).chain(signals).collect::<Vec<_>>())?;
        writeln!(f)?;
        let head = ["SIGNAL", "RECEIVER", "PRIORITY", "STATE", "CRATE", "PLACE"].map(str::to_owned);
        let receivers = self.receivers.iter().map(|receiver| self.row(receiver));
        write_table(
            f,
            &std::iter::once(head).chain(receivers).collect::<Vec<_>>(),
        )
    }
}

impl Manifest {
    fn signal_row(&self, signal: &SignalInfo) -> [String; 5] {
        let received =
            |receiver: &&ReceiverEntry| receiver.declared == signal.place && receiver.is_called();
        let receivers = self.receivers.iter().filter(received).count();
        let name = if signal.is_sync {
            format!("{} (sync)", self.name(signal.name, signal.place))
        } else {
            self.name(signal.name, signal.place)
        };
        [
            name,
            signal.event.to_owned(),
            receivers.to_string(),
            format!("{}:{}", signal.place.file, signal.place.line),
            signal.doc.lines().next().unwrap_or_default().to_owned(),
        ]
    }

    /// The name of a signal, with its module where another has it as well.
    fn name(&self, name: &str, declared: Place) -> String {
        let others = self.signals.iter().filter(|signal| signal.name == name);
        if others.count() > 1 {
            // The signal is a module itself.
            declared.module.to_owned()
        } else {
            name.to_owned()
        }
    }

    fn row(&self, receiver: &ReceiverEntry) -> [String; 6] {
        let id = match receiver {
            ReceiverEntry {
                disabled: true, id, ..
            } => format!("{id} (off)"),
            ReceiverEntry { idle: true, id, .. } => format!("{id} (idle)"),
            ReceiverEntry {
                durable: true, id, ..
            } => format!("{id} (durable)"),
            ReceiverEntry { id, .. } => id.clone(),
        };
        [
            self.name(receiver.signal, receiver.declared),
            id,
            receiver.priority.to_string(),
            if receiver.state.is_empty() {
                "-".to_owned()
            } else {
                receiver.state.join(", ")
            },
            receiver.package.to_owned(),
            format!("{}:{}", receiver.file, receiver.line),
        ]
    }
}

impl ReceiverEntry {
    /// Whether this dispatcher calls it.
    pub const fn is_called(&self) -> bool {
        !self.disabled && !self.idle
    }
}

/// Columns as wide as their widest cell, without blanks at the ends of lines.
fn write_table<const COLUMNS: usize>(
    f: &mut fmt::Formatter<'_>,
    rows: &[[String; COLUMNS]],
) -> fmt::Result {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let cells = row
            .iter()
            .zip(widths)
            // Not by a width of `format!`, which panics beyond 65,535.
            .map(|(cell, width)| {
                let blanks = width.saturating_sub(cell.chars().count());
                format!("{cell}{}", " ".repeat(blanks))
            });
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
