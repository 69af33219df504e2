//! Receivers and signals that a macro of the user's writes, with each kind of fragment in each place that takes it.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, rust_2018_idioms, missing_debug_implementations)]

use phone_auth_signals::{Signals, receiver, signal};
use std::sync::Mutex;

/// What was heard.
#[derive(Debug, Default)]
pub struct Heard(Mutex<Vec<&'static str>>);

impl Heard {
    fn add(&self, name: &'static str) {
        self.0.lock().unwrap().push(name);
    }
}

/// What events share.
pub trait Numbered {
    /// The number.
    fn number(&self) -> u32;
}

macro_rules! declare {
    ($(#[$meta:meta])* $vis:vis $name:ident: $event:ty, $doc:literal) => {
        signal! {
            $(#[$meta])*
            #[doc = $doc]
            $vis sync $name: $event;
        }
    };
}

/// An order.
#[derive(Debug)]
pub struct Ordered(u32);

impl Numbered for Ordered {
    fn number(&self) -> u32 {
        self.0
    }
}

declare!(#[doc = "An order."] pub(crate) ordered: Ordered, "In two lines.");

/// Called twice: the names that it writes stand at one place.
macro_rules! module {
    ($module:ident) => {
        mod $module {
            #[derive(Debug)]
            pub(crate) struct Event;
            phone_auth_signals::signal! {
                /// Declared twice by one macro.
                pub(crate) sync created: Event;
            }
            #[phone_auth_signals::receiver(created)]
            fn hears(_event: &Event, heard: &super::Heard) {
                heard.add(stringify!($module));
            }
        }
    };
}

module!(first);
module!(second);

macro_rules! by_type { ($signal:path, $name:ident, $event:ty) => {
    #[receiver($signal)] fn $name(_event: &$event, heard: &Heard) { heard.add(stringify!($name)); }
} }
by_type!(ordered, by_type, Ordered);

macro_rules! by_reference { ($signal:ident, $name:ident, $event:ty, $state:ty, $returned:ty) => {
    #[receiver($signal)] fn $name(_event: $event, heard: $state) -> $returned { heard.add(stringify!($name)); Ok(()) }
} }
by_reference!(ordered, by_reference, &Ordered, &Heard, Result<(), String>);

macro_rules! by_signal_type { ($signal:ty) => {
    #[receiver($signal)] fn by_signal_type(_event: &Ordered, heard: &Heard) { heard.add("by_signal_type"); }
} }
by_signal_type!(ordered);

macro_rules! by_pattern { ($pattern:pat, $block:block, $event:path, $state:path) => {
    #[receiver(ordered)] fn by_pattern($pattern: &$event, heard: &$state) { heard.add("by_pattern"); $block }
} }
by_pattern!(Ordered(_number), {}, Ordered, Heard);

macro_rules! by_view { ($view:ty, $state:ty) => {
    #[receiver(ordered)] fn by_view(event: &$view, heard: &Heard, _state: &$state) { if event.number() == 7 { heard.add("by_view") } }
} }
by_view!(dyn Numbered, dyn Fn() -> u32 + Send + Sync);

macro_rules! by_options { ($id:literal, $priority:literal, $when:expr, $optional:literal, $id2:expr, $priority2:expr) => {
    #[receiver(ordered, id = $id, priority = $priority, when = $when, optional = $optional)]
    fn by_options(_event: &Ordered, heard: &Heard) { heard.add("by_options"); }
    #[receiver(ordered, id = $id2, priority = $priority2)]
    fn by_more_options(_event: &Ordered, heard: &Heard) { heard.add("by_more_options"); }
    #[receiver(ordered, id = "negative", priority = -$priority2)]
    fn by_negative(_event: &Ordered, heard: &Heard) { heard.add("by_negative"); }
} }
by_options!("by-options", 3, |event| event.0 > 0, true, "by-more", (2));

macro_rules! by_tokens { ($($option:tt)*) => {
    #[receiver($($option)*)] fn by_tokens(_event: &Ordered, heard: &Heard) { heard.add("by_tokens"); }
} }
by_tokens!(ordered, id = "by-tokens");

macro_rules! by_meta { ($meta:meta, $vis:vis, $life:lifetime) => {
    #[$meta] $vis fn by_meta(_event: &Ordered, heard: &Heard, _text: &std::borrow::Cow<$life, str>) { heard.add("by_meta"); }
} }
by_meta!(receiver(ordered), pub(crate), 'static);

macro_rules! by_item { ($item:item) => { #[receiver(ordered)] $item } }
by_item! { fn by_item(_event: &Ordered, heard: &Heard) { heard.add("by_item"); } }

macro_rules! awaited { ($name:ident: $event:ident, $timeout:literal) => {
    #[derive(Debug)]
    struct $event;
    signal! {
        /// Awaited.
        $name: $event;
    }
    #[receiver($name, timeout = $timeout)]
    async fn is_timed(_event: &$event) {}
} }
awaited!(waited: Waited, "5s");

fn main() {
    let state: std::sync::Arc<dyn Fn() -> u32 + Send + Sync> = std::sync::Arc::new(|| 1);
    let heard = std::sync::Arc::new(Heard::default());
    let builder = Signals::builder().provide_arc(std::sync::Arc::clone(&heard)).provide_arc(state);
    let signals = builder.provide(std::borrow::Cow::Borrowed("text")).build().unwrap();
    signals.send_sync(&Ordered(7)).unwrap();
    let mut all = std::mem::take(&mut *heard.0.lock().unwrap());
    assert_eq!(all.first(), Some(&"by_options"));
    assert_eq!(all.last(), Some(&"by_negative"));
    all.sort_unstable();
    let expected = [
        "by_item", "by_meta", "by_more_options", "by_negative", "by_options", "by_pattern", "by_reference",
        "by_signal_type", "by_tokens", "by_type", "by_view",
    ];
    assert_eq!(all, expected);
    signals.send_sync(&first::Event).unwrap();
    signals.send_sync(&second::Event).unwrap();
    assert_eq!(*heard.0.lock().unwrap(), ["first", "second"]);
    assert!(signals.has_receiver::<Waited>());
    assert_eq!(ordered::SIGNAL.info().doc, "An order.\nIn two lines.");
}
