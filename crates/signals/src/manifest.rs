//! The manifest: every signal and every receiver of the program, with crate, file and line.

use crate::{
    Integrity, Signals, catalogue,
    signal::{AnySignal, SignalInfo},
};
use serde::Serialize;

/// Every signal and every linked receiver of the program, as one hub sees them.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The signals, by name.
    pub signals: Vec<SignalInfo>,
    /// The linked receivers, by signal and then in the order of dispatch.
    pub receivers: Vec<ReceiverEntry>,
    /// What the two registries say, for each signal.
    pub integrity: Vec<Integrity>,
}

/// One linked receiver in the manifest.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
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
    /// Whether this hub leaves it out.
    pub switched_off: bool,
}

impl Signals {
    /// Every signal and every linked receiver, and which of them this hub leaves out.
    pub fn manifest(&self) -> Manifest {
        let signals = catalogue::signals();
        Manifest {
            signals: signals.iter().map(|signal| *signal.info()).collect(),
            receivers: signals
                .iter()
                .flat_map(|signal| self.entries(*signal))
                .collect(),
            integrity: signals.iter().map(|signal| signal.integrity()).collect(),
        }
    }

    fn entries(&self, signal: &'static dyn AnySignal) -> Vec<ReceiverEntry> {
        let recipe = &self.inner.recipe;
        let entries = signal
            .receiver_infos()
            .into_iter()
            .map(|info| ReceiverEntry {
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
                switched_off: recipe.is_isolated || recipe.switched_off.contains(info.id()),
            });
        entries.collect()
    }
}
