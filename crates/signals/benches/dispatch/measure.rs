//! Measures many cases side by side: all of them once in each round, so that a busy moment of the machine hits all
//! alike; what counts is the tenth of the rounds that was disturbed least.

use std::time::{Duration, Instant};

/// One thing to measure: runs it as often as it is told.
pub(crate) struct Case {
    name: &'static str,
    run: Box<dyn FnMut(u32)>,
    times: u32,
    rounds: Vec<f64>,
}

/// What a case took.
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) nanoseconds: f64,
}

impl Case {
    /// A case that calls `once` again and again.
    pub(crate) fn new(name: &'static str, mut once: impl FnMut() + 'static) -> Self {
        let run = Box::new(move |times| {
            for _ in 0..times {
                once();
            }
        });
        Self {
            name,
            run,
            times: 1,
            rounds: Vec::new(),
        }
    }

    fn time(&mut self) -> Duration {
        let start = Instant::now();
        (self.run)(self.times);
        start.elapsed()
    }

    /// Finds how often to run for a round to last about `budget`.
    fn settle(&mut self, budget: Duration) {
        while self.time() < budget {
            self.times = self.times.saturating_mul(2);
        }
    }
}

/// What each case takes, in their order; a quick run only shows that they work.
pub(crate) fn side_by_side(cases: &mut [Case], is_quick: bool) -> Vec<Measured> {
    let (rounds, budget) = if is_quick {
        (1, Duration::ZERO)
    } else {
        (50, Duration::from_millis(2))
    };
    for case in cases.iter_mut() {
        case.settle(budget);
    }
    for _ in 0..rounds {
        for case in cases.iter_mut() {
            let nanoseconds = case.time().as_secs_f64() * 1e9 / f64::from(case.times);
            case.rounds.push(nanoseconds);
        }
    }
    cases.iter_mut().map(measured).collect()
}

fn measured(case: &mut Case) -> Measured {
    case.rounds.sort_by(f64::total_cmp);
    let calm = case.rounds.len() / 10;
    Measured {
        name: case.name.to_owned(),
        nanoseconds: case.rounds.get(calm).copied().unwrap_or(f64::NAN),
    }
}
