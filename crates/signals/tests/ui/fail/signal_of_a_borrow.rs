use phone_auth_signals::signal;

pub struct OrderPlaced<'a>(pub &'a str);

signal! {
    /// An order was placed.
    pub order_placed: OrderPlaced<'_>;
}

fn main() {}
