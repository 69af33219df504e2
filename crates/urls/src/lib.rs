//! Named routes: reverse, resolve, and links that are relative until a site is named.

pub mod id;
mod next;
mod page;
mod percent;

pub use crate::next::{MAX_NEXT_BYTES, local_path};
pub use crate::page::AccountPage;
