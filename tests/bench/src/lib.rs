//! Two ways of doing the same work, timed turn by turn in one run, and the ratio between them.
//!
//! Only the ratio says something: both sides suffer the same machine, its neighbours and its clock.
//!
//! What is not here: anything of the product. Only benchmarks depend on this package.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long one turn of one side takes: so short that the system seldom interrupts a pair of turns.
const TURN: Duration = Duration::from_micros(100);

/// How many turns each side gets.
const TURNS: usize = 2001;

/// Prints a table of comparisons, a line at a time.
///
/// # Examples
/// ```
/// // Measured only under `cargo bench`; else each side runs once.
/// let table = phone_auth_test_bench::Table::new("adding by hand");
/// table.compare("sum", 1.5, || (1..=100).sum::<u64>(), || 100 * 101 / 2);
/// ```
#[derive(Debug)]
pub struct Table {
    /// Whether to measure, or to run everything once as `cargo test --benches` does.
    measures: bool,
}

impl Table {
    /// Prints the head.
    pub fn new(limit: &str) -> Self {
        println!("limit: {limit}");
        println!(
            "{:<44} {:>9} {:>9} {:>7} {:>7}",
            "", "ours ns", "limit ns", "ratio", "target"
        );
        Self {
            measures: std::env::args().any(|argument| argument == "--bench"),
        }
    }

    /// Compares, and prints a line. The ratio is the median of those of all turns.
    pub fn compare<A, B>(
        &self,
        name: &str,
        target: f64,
        mut ours: impl FnMut() -> A,
        mut limit: impl FnMut() -> B,
    ) {
        if !self.measures {
            black_box(ours());
            black_box(limit());
            println!("{name:<44} ran once");
            return;
        }
        // Both sides behind a pointer that the optimiser cannot see through, or it inlines one of them.
        let ours: &mut dyn FnMut() -> A = black_box(&mut ours);
        let limit: &mut dyn FnMut() -> B = black_box(&mut limit);
        let (our_count, limit_count) = (count(ours), count(limit));
        let (mut our_times, mut limit_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let our_time = turn(our_count, ours);
            let limit_time = turn(limit_count, limit);
            our_times.push(our_time);
            limit_times.push(limit_time);
            ratios.push(our_time / limit_time);
        }
        let ratio = median(ratios);
        let verdict = if ratio <= target { "" } else { "  over" };
        println!(
            "{name:<44} {:>9.1} {:>9.1} {ratio:>7.2} {target:>7.2}{verdict}",
            median(our_times),
            median(limit_times),
        );
    }
}

/// How often the work fits into a turn.
fn count<A>(work: &mut dyn FnMut() -> A) -> u32 {
    let mut count = 1;
    loop {
        let start = Instant::now();
        turn(count, work);
        if start.elapsed() >= TURN {
            return count;
        }
        count *= 2;
    }
}

/// Nanoseconds for the work done once, on average over a turn.
fn turn<A>(count: u32, work: &mut dyn FnMut() -> A) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        black_box(work());
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
