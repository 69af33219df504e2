//! Secrets: the key of a site, the files that hold them, and which settings must not be shown.

pub(crate) mod folders;
pub(crate) mod key_file;
pub(crate) mod keys;
pub(crate) mod secrecy;
pub(crate) mod secret_file;
