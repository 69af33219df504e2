use phone_auth_events::{Signals, User};

fn main() {
    let _ = Signals::isolated().send_robust_sync(&User::new(1, "anna", "", ""));
}
