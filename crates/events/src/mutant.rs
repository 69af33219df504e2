//! Mutants.
#![allow(missing_docs)]
use std::sync::atomic::{AtomicBool, Ordering};
pub static PG: AtomicBool = AtomicBool::new(false);
pub fn on(name: &str) -> bool {
    let Ok(all) = std::env::var("MUT") else { return false };
    all.split(',').any(|it| it == name || (it.strip_prefix("pg:") == Some(name) && PG.load(Ordering::Relaxed)))
}
