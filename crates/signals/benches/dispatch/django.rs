//! Django's `Signal.send` on the same machine in the same run, where a Python can import Django: the one that `PYTHON`
//! names, as `cargo xtask bench signals` does after it has brought Django, else `python3`.

use crate::measure::Measured;
use std::{env, ffi::OsString, process::Command};

/// Measures as [`crate::measure`] does: many short rounds, and of them the tenth that was disturbed least.
const SCRIPT: &str = "
from timeit import Timer
from django.dispatch import Signal
def receiver(number):
    def receive(sender, value, **kwargs):
        value ^ number
    return receive
def nanoseconds(call):
    timer = Timer('call(sender=None, value=1)', globals={'call': call})
    times = 1
    while timer.timeit(times) < 0.002:
        times *= 2
    return sorted(timer.repeat(50, times))[5] / times * 1e9
for count in (1, 8, 64):
    signal = Signal()
    kept = [receiver(number) for number in range(count)]
    for each in kept:
        signal.connect(each)
    for name in ('send', 'send_robust'):
        print(f'Django Signal.{name}, {count}\t{nanoseconds(getattr(signal, name))}')
";

/// Django's figures, or why there are none.
pub(crate) fn measure() -> Result<Vec<Measured>, String> {
    let python = env::var_os("PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let run = Command::new(&python).arg("-c").arg(SCRIPT).output();
    let name = python.display();
    let output = run.map_err(|error| format!("{name} does not run: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().last().unwrap_or("it said nothing");
        return Err(format!("{name} cannot import it ({last})"));
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(line)
        .collect())
}

fn line(text: &str) -> Option<Measured> {
    let (name, nanoseconds) = text.split_once('\t')?;
    Some(Measured {
        name: name.to_owned(),
        nanoseconds: nanoseconds.parse().ok()?,
    })
}
