//! `phone-auth signals`: the signals and who receives them.

use phone_auth::signals::Manifest;

use crate::exit::Failure;
use crate::program::Setup;
use crate::receivers;
use crate::table::Table;

/// Lists signals and receivers, those that are switched off too.
///
/// # Errors
/// When the output cannot be written.
pub(crate) fn run(setup: &Setup, json: bool) -> Result<(), Failure> {
    let manifest = receivers::manifest(&setup.configuration);
    let text = if json {
        serde_json::to_string_pretty(&manifest).map_err(Failure::failed)?
    } else {
        format!("{}\n\n{}", signals(&manifest), receivers_of(&manifest))
    };
    setup.console.print(text).map_err(Failure::failed)
}

fn signals(manifest: &Manifest) -> Table<4> {
    let mut table = Table::new(["signal", "event", "receivers", "sent when"]);
    for signal in &manifest.signals {
        let called = manifest
            .receivers
            .iter()
            .filter(|receiver| receiver.signal == signal.name && !receiver.switched_off)
            .count();
        let doc = signal.doc.lines().next().unwrap_or_default();
        table.row([signal.name, signal.event, &called.to_string(), doc.trim()]);
    }
    table
}

fn receivers_of(manifest: &Manifest) -> Table<7> {
    let mut table = Table::new([
        "signal", "receiver", "crate", "place", "priority", "takes", "",
    ]);
    for receiver in &manifest.receivers {
        let place = format!("{}:{}", receiver.file, receiver.line);
        let state: Vec<_> = receiver
            .state
            .iter()
            .map(|state| format!("&{state}"))
            .collect();
        table.row([
            receiver.signal,
            &receiver.id,
            receiver.package,
            &place,
            &receiver.priority.to_string(),
            &state.join(", "),
            if receiver.switched_off {
                "switched off"
            } else {
                ""
            },
        ]);
    }
    table
}
