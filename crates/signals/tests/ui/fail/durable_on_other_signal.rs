use phone_auth_signals::{receiver, signal};

struct Made;
signal! { made: Made; }

#[receiver(made, durable)]
fn tell(_: &Made) {}

fn main() {}
