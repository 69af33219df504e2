//! The `phone-auth` program.

fn main() {}
