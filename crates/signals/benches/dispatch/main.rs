//! Dispatch, side by side in one run: ours, a bare slice of function pointers as the limit, and what else there is.
//!
//! `cargo bench -p phone-auth-signals`. Nanoseconds depend on the machine and on what else it does; read the ratios.
//! Those to one receiver, which takes a nanosecond, also move by a third with where the compiler happens to put the code.
#![expect(clippy::print_stdout, reason = "a program for users at a terminal")]
#![expect(clippy::unwrap_used, reason = "what fails here fails the measurement")]

mod cases;
mod django;
mod measure;
mod receivers;
mod table;

fn main() {
    // `cargo test --benches` and `cargo nextest` run this as well; they want to know that it works, not how fast it is.
    let is_quick = !std::env::args().any(|argument| argument == "--bench");
    let mut cases = cases::all();
    let mut measured = measure::side_by_side(&mut cases, is_quick);
    let django = if is_quick {
        Ok(Vec::new())
    } else {
        django::measure()
    };
    let left_out = match django {
        Ok(lines) => {
            measured.extend(lines);
            None
        }
        Err(reason) => Some(reason),
    };
    println!("{}", table::of(&measured));
    if let Some(reason) = left_out {
        println!("Django is left out: {reason}");
    }
}
