use phone_auth_events::{Sender, Signals, User, UserLoggedIn};

fn main() {
    let event = UserLoggedIn::new(Sender::new("log_in"), User::new(1, "anna", "", ""));
    let _ = Signals::isolated().send_sync(&event);
}
