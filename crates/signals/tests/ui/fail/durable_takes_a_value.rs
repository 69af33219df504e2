use phone_auth_signals::{receiver, signal};

struct Made;
signal! { durable made: Made; }

#[receiver(made, durable = true)]
fn tell(_: &Made) {}

fn main() {}
