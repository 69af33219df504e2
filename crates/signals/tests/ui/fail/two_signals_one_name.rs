use phone_auth_signals::signal;

pub struct OrderPlaced;
pub struct OrderSent;

signal! {
    /// An order was placed.
    pub order: OrderPlaced;
    /// An order was sent.
    pub order: OrderSent;
}

fn main() {}
