//! The macros of phone-auth-signals: `#[receiver]` and `signal!`.
