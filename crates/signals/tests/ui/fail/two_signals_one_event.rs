use phone_auth_signals::signal;

pub struct OrderPlaced;

signal! {
    /// An order was placed.
    pub order_placed: OrderPlaced;
    /// An order was placed, again.
    pub order_placed_too: OrderPlaced;
}

fn main() {}
