use phone_auth_signals::signal;

pub struct Local(pub std::cell::Cell<u8>);

signal! {
    /// Something that cannot leave its thread.
    pub local: Local;
}

fn main() {}
