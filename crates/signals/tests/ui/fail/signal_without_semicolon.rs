use phone_auth_signals::signal;

pub struct OrderPlaced;

signal! {
    /// An order was placed.
    pub order_placed: OrderPlaced
}

fn main() {}
