//! What the program can be asked to do, one file for each command.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod key;
pub(crate) mod limits;
pub(crate) mod migrate;
pub(crate) mod outbox;
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod signals;
pub(crate) mod user;
pub(crate) mod worker;
