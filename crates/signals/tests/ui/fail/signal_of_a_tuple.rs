use phone_auth_signals::signal;

signal! {
    /// An order was placed.
    pub order_placed: (u32, u32);
}

fn main() {}
