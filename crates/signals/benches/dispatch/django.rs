//! Django's `Signal.send` on the same machine in the same run, where python3 can import Django.

use std::process::Command;

/// One measurement of Django's.
pub(crate) struct Line {
    pub(crate) name: String,
    /// The case of ours that does the same.
    pub(crate) ours: &'static str,
    pub(crate) receivers: String,
    pub(crate) nanoseconds: f64,
}

const SCRIPT: &str = "
import timeit
from django.dispatch import Signal
def receiver(number):
    def receive(sender, value, **kwargs):
        value ^ number
    return receive
for count in (1, 8, 64):
    signal = Signal()
    kept = [receiver(number) for number in range(count)]
    for each in kept:
        signal.connect(each)
    for name, call in (('send', signal.send), ('send_robust', signal.send_robust)):
        times = 20000 // count
        took = min(timeit.repeat(lambda: call(sender=None, value=1), number=times, repeat=7))
        print(name, count, took / times * 1e9)
";

/// Django's figures, or why there are none.
pub(crate) fn measure() -> Result<Vec<Line>, String> {
    let python = Command::new("python3").arg("-c").arg(SCRIPT).output();
    let output = python.map_err(|error| format!("python3 does not run: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().last().unwrap_or("it said nothing");
        return Err(format!("python3 cannot import it ({last})"));
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(line)
        .collect())
}

fn line(text: &str) -> Option<Line> {
    let [name, receivers, nanoseconds] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let ours = if name == "send" {
        "send_sync"
    } else {
        "send_robust_sync"
    };
    let nanoseconds = nanoseconds.parse().ok()?;
    Some(Line {
        name: format!("Signal.{name}"),
        ours,
        receivers: receivers.to_owned(),
        nanoseconds,
    })
}
