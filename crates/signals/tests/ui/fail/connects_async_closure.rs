use phone_auth_events::{Signals, UserLoggedIn};

fn main() {
    let _ = Signals::isolated().connect::<UserLoggedIn>(|_event| async {});
}
