use phone_auth_signals::signal;

struct OrderPlaced;

signal! {
    /// An order was placed.
    pub order_placed: OrderPlaced;
}

fn main() {}
