use phone_auth_events::{LinkFollowed, Signals};

fn main() {
    let _connection = Signals::isolated().connect_async::<LinkFollowed>(|_| async {});
}
