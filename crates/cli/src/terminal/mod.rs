//! What is said to the user who started the program, and asked of them.

pub(crate) mod banner;
pub(crate) mod console;
pub(crate) mod password_input;
pub(crate) mod table;
pub(crate) mod visible;
