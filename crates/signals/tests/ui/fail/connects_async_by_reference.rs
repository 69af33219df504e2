use phone_auth_events::{Signals, VerifyEmail};

fn main() {
    let _connection = Signals::isolated().connect_async(|_: &VerifyEmail| async {});
}
