use phone_auth_signals::signal;

signal! {
    /// An order was placed.
    pub order_placed;
}

fn main() {}
