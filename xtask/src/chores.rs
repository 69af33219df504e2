//! The chores that call cargo.

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod docs;
pub(crate) mod test;
pub(crate) mod timing;
