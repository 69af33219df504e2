use phone_auth_signals::{Signals, VerifyEmail};

fn main() {
    let _connection = Signals::isolated().connect_async(|_: &VerifyEmail| async {});
}
