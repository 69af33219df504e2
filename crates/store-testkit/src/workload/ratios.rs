//! A table of what operations cost beside the barest way to do their work. Only the ratios say something; the machine
//! makes the rest.

use std::io::Write as _;
use std::time::Duration;

/// How often each side is measured; the median counts.
const ROUNDS: usize = 7;

/// Writes the table to standard output, a line at a time.
///
/// # Examples
/// ```
/// use std::time::Instant;
///
/// use phone_auth_store_testkit::workload::Ratios;
///
/// let add = |numbers: std::ops::Range<u64>| {
///     let begun = Instant::now();
///     std::hint::black_box(numbers.sum::<u64>());
///     begun.elapsed()
/// };
/// let ratios = Ratios::begin(2);
/// ratios.compare("twice as many", 1, || add(0..1000), || add(0..2000));
/// ```
#[derive(Debug)]
pub struct Ratios {
    digits: usize,
}

impl Ratios {
    /// Writes the head. Times have so many digits after the point.
    pub fn begin(digits: usize) -> Self {
        write("| operation | bare | ours | ours ÷ bare |");
        write("|---|---|---|---|");
        Self { digits }
    }

    /// Measures both sides in turns (A B A B), each of which does its work so often and says how long that took.
    pub fn compare(
        &self,
        name: &str,
        count: u32,
        mut bare: impl FnMut() -> Duration,
        mut ours: impl FnMut() -> Duration,
    ) {
        let times: Vec<_> = (0..ROUNDS).map(|_| (bare(), ours())).collect();
        let median = |side: fn(&(Duration, Duration)) -> Duration| {
            let mut times: Vec<_> = times.iter().map(side).collect();
            times.sort_unstable();
            let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
            median.as_secs_f64() * 1e6 / f64::from(count)
        };
        let (bare, ours) = (median(|it| it.0), median(|it| it.1));
        let (digits, ratio) = (self.digits, ours / bare);
        write(&format!(
            "| {name} | {bare:.digits$} µs | {ours:.digits$} µs | {ratio:.2} |"
        ));
    }
}

/// A table that nobody reads any more is not worth an end.
fn write(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
