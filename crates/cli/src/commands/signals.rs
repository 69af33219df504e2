//! `phone-auth signals`: the signals and who receives them.

use phone_auth::signals::Manifest;

use crate::exit::Failure;
use crate::site::receivers;
use crate::start::setup::Setup;
use crate::terminal::console;
use crate::terminal::table::Table;
use crate::terminal::visible;

/// Lists signals and receivers, those that are disabled too.
///
/// # Errors
/// When the output cannot be written.
pub(crate) fn run(setup: &Setup, json: bool) -> Result<(), Failure> {
    let manifest = receivers::manifest(&setup.configuration);
    let text = if json {
        visible::to_json(&manifest).map_err(Failure::failed)?
    } else {
        format!("{}\n\n{}", signals(&manifest), receivers_of(&manifest))
    };
    console::print(text).map_err(Failure::failed)
}

fn signals(manifest: &Manifest) -> Table<5> {
    let mut table = Table::new(["signal", "event", "receivers", "place", "sent when"]);
    for signal in &manifest.signals {
        let called = manifest
            .receivers
            .iter()
            .filter(|receiver| receiver.signal == signal.name && receiver.is_called())
            .count();
        let doc = signal.doc.lines().next().unwrap_or_default();
        let place = at(signal.place.file, signal.place.line);
        table.row([
            signal.name,
            signal.event,
            &called.to_string(),
            &place,
            doc.trim(),
        ]);
    }
    table
}

fn receivers_of(manifest: &Manifest) -> Table<7> {
    let mut table = Table::new([
        "signal", "receiver", "crate", "place", "priority", "takes", "",
    ]);
    for receiver in &manifest.receivers {
        let place = at(receiver.file, receiver.line);
        let state: Vec<_> = receiver
            .state
            .iter()
            .map(|state| format!("&{}", short(state)))
            .collect();
        table.row([
            receiver.signal,
            &receiver.id,
            receiver.package,
            &place,
            &receiver.priority.to_string(),
            &state.join(", "),
            if receiver.disabled {
                "disabled"
            } else if receiver.idle {
                "idle: not set up"
            } else {
                ""
            },
        ]);
    }
    table
}

fn at(file: &str, line: u32) -> String {
    format!("{file}:{line}")
}

/// The name of a type without the modules it stands in: `Arc<app::mail::Mailer>` is `Arc<Mailer>`. The
/// JSON has it whole.
fn short(type_name: &str) -> String {
    let mut short = String::new();
    for part in type_name.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_' && c != ':') {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_left_out() {
        for (whole, expected) in [
            ("app::mail::Mailer", "Mailer"),
            ("alloc::sync::Arc<dyn app::Mailer>", "Arc<dyn Mailer>"),
            ("(u8, app::A)", "(u8, A)"),
            ("str", "str"),
        ] {
            assert_eq!(short(whole), expected);
        }
    }
}
