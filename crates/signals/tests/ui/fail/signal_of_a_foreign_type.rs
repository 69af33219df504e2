use phone_auth_signals::signal;

signal! {
    /// A text came in.
    pub text_came: String;
}

fn main() {}
