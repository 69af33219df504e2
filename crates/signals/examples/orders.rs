//! A signal of one's own, with this crate alone: declared, received with state, sent.
#![expect(clippy::print_stdout, reason = "an example is there to be seen")]

use phone_auth_signals::{Signals, receiver, signal};
use std::sync::atomic::{AtomicU32, Ordering};

signal! {
    /// An order was placed.
    pub sync order_placed: OrderPlaced;
}

/// What the receivers of `order_placed` get.
#[derive(Debug)]
#[non_exhaustive]
pub struct OrderPlaced {
    /// How many pieces.
    pub pieces: u32,
}

#[derive(Default)]
struct Stock {
    taken: AtomicU32,
}

// No registration call: the linker finds it, in this crate or in any other of the program.
#[receiver(order_placed, when = |order| order.pieces > 0)]
fn take_from_stock(order: &OrderPlaced, stock: &Stock) {
    stock.taken.fetch_add(order.pieces, Ordering::Relaxed);
}

#[receiver(order_placed, priority = -1)]
fn tell(order: &OrderPlaced, stock: &Stock) -> Result<(), String> {
    match stock.taken.load(Ordering::Relaxed) {
        taken @ ..=10 => println!("{} more, {taken} in all", order.pieces),
        taken => return Err(format!("{taken} are more than there are")),
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let signals = Signals::builder().provide(Stock::default()).build()?;
    signals.send_sync(&OrderPlaced { pieces: 3 })?;
    signals.send_sync(&OrderPlaced { pieces: 4 })?;
    if let Some(error) = signals.send_sync(&OrderPlaced { pieces: 5 }).err() {
        println!("{error}");
    }
    print!("{}", signals.manifest());
    Ok(())
}
