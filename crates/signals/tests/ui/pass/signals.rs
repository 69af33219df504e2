//! How signals may be declared, in a crate with strict lints.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, rust_2018_idioms, missing_debug_implementations)]

use phone_auth_signals::{Signals, receiver, signal};

/// An order was placed.
#[derive(Debug)]
pub struct OrderPlaced;

#[derive(Debug)]
struct Private;

#[derive(Debug)]
struct Matched;

mod deep {
    use phone_auth_signals::signal;

    #[derive(Debug)]
    pub(crate) struct InCrate;

    signal! {
        /// Seen in the crate.
        pub(crate) in_crate: InCrate;
        /// Seen one level up.
        pub(super) above: super::Above;
        /// Seen where a path says.
        pub(in crate::deep) path: Path;
    }

    #[derive(Debug)]
    pub(crate) struct Path;

    pub(crate) fn send_here() {
        assert_eq!(path::SIGNAL.info().name, "path");
    }
}

#[derive(Debug)]
struct Above;

signal! {
    /// An order was placed.
    ///
    /// In two paragraphs.
    pub order_placed: OrderPlaced;

    /// A private one.
    sync private: Private;

    /// Bears a word of the language.
    sync r#match: Matched;
}

#[receiver(private)]
fn heard(_event: &Private) {}

#[receiver(r#match)]
fn heard_match(_event: &Matched) {}

#[receiver(deep::in_crate)]
fn heard_deep(_event: &deep::InCrate) {}

#[receiver(deep::above)]
async fn heard_above(_event: &Above) {}

fn main() {
    deep::send_here();
    let signals = Signals::linked().unwrap();
    signals.send_sync(&Private).unwrap();
    assert_eq!(order_placed::SIGNAL.info().doc, "An order was placed.\n\nIn two paragraphs.");
    assert_eq!(r#match::SIGNAL.info().name, "match");
    signals.send_sync(&Matched).unwrap();
    assert!(signals.has_receiver::<deep::InCrate>());
    let _: fn(&deep::Path) = |_| ();
    let _: Option<order_placed::Event> = Some(OrderPlaced);
}
