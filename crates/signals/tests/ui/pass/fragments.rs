//! Each kind of fragment of `macro_rules!` in each place of a receiver and of a signal that can take one: a row each.
#![forbid(unsafe_code)]
#![deny(warnings)]

use phone_auth_signals::{Signals, receiver, signal};

#[derive(Debug)]
struct Ordered(u32);

fn is_large(event: &Ordered) -> bool {
    event.0 > 100
}

#[derive(Debug)]
struct Waited;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Kept;

#[derive(Debug)]
struct State;

signal! {
    /// Sent without waiting.
    sync ordered: Ordered;
    /// Awaited.
    waited: Waited;
    /// Kept.
    durable kept: Kept;
}


// The signal.
macro_rules! signal_path { ($x:path, end) => { #[receiver($x)] fn signal_path(_event: &Ordered) {} } }
signal_path!(ordered, end);
macro_rules! signal_ident { ($x:ident, end) => { #[receiver($x)] fn signal_ident(_event: &Ordered) {} } }
signal_ident!(ordered, end);
macro_rules! signal_ty { ($x:ty, end) => { #[receiver($x)] fn signal_ty(_event: &Ordered) {} } }
signal_ty!(ordered, end);
macro_rules! signal_tt { ($x:tt, end) => { #[receiver($x)] fn signal_tt(_event: &Ordered) {} } }
signal_tt!(ordered, end);
macro_rules! signal_expr { ($x:expr, end) => { #[receiver($x)] fn signal_expr(_event: &Ordered) {} } }
signal_expr!(ordered, end);
macro_rules! signal_pat { ($x:pat, end) => { #[receiver($x)] fn signal_pat(_event: &Ordered) {} } }
signal_pat!(ordered, end);
macro_rules! signal_pat_param { ($x:pat_param, end) => { #[receiver($x)] fn signal_pat_param(_event: &Ordered) {} } }
signal_pat_param!(ordered, end);
macro_rules! signal_meta { ($x:meta, end) => { #[receiver($x)] fn signal_meta(_event: &Ordered) {} } }
signal_meta!(ordered, end);

// Options.
macro_rules! id_literal { ($x:literal, end) => { #[receiver(ordered, id = $x)] fn id_literal(_event: &Ordered) {} } }
id_literal!("id_literal", end);
macro_rules! id_expr { ($x:expr, end) => { #[receiver(ordered, id = $x)] fn id_expr(_event: &Ordered) {} } }
id_expr!("id_expr", end);
macro_rules! id_tt { ($x:tt, end) => { #[receiver(ordered, id = $x)] fn id_tt(_event: &Ordered) {} } }
id_tt!("id_tt", end);
macro_rules! priority_literal { ($x:literal, end) => { #[receiver(ordered, priority = $x)] fn priority_literal(_event: &Ordered) {} } }
priority_literal!(7, end);
macro_rules! priority_expr { ($x:expr, end) => { #[receiver(ordered, priority = $x)] fn priority_expr(_event: &Ordered) {} } }
priority_expr!(7, end);
macro_rules! priority_tt { ($x:tt, end) => { #[receiver(ordered, priority = $x)] fn priority_tt(_event: &Ordered) {} } }
priority_tt!(7, end);
macro_rules! priority_pat { ($x:pat, end) => { #[receiver(ordered, priority = $x)] fn priority_pat(_event: &Ordered) {} } }
priority_pat!(7, end);
macro_rules! priority_neg_literal { ($x:literal, end) => { #[receiver(ordered, priority = $x)] fn priority_neg_literal(_event: &Ordered) {} } }
priority_neg_literal!(-7, end);
macro_rules! priority_neg_expr { ($x:expr, end) => { #[receiver(ordered, priority = $x)] fn priority_neg_expr(_event: &Ordered) {} } }
priority_neg_expr!(-7, end);
macro_rules! timeout_literal { ($x:literal, end) => { #[receiver(waited, timeout = $x)] async fn timeout_literal(_event: &Waited) {} } }
timeout_literal!("5s", end);
macro_rules! timeout_expr { ($x:expr, end) => { #[receiver(waited, timeout = $x)] async fn timeout_expr(_event: &Waited) {} } }
timeout_expr!("5s", end);
macro_rules! timeout_tt { ($x:tt, end) => { #[receiver(waited, timeout = $x)] async fn timeout_tt(_event: &Waited) {} } }
timeout_tt!("5s", end);
macro_rules! optional_literal { ($x:literal, end) => { #[receiver(ordered, optional = $x)] fn optional_literal(_event: &Ordered) {} } }
optional_literal!(true, end);
macro_rules! optional_expr { ($x:expr, end) => { #[receiver(ordered, optional = $x)] fn optional_expr(_event: &Ordered) {} } }
optional_expr!(true, end);
macro_rules! optional_tt { ($x:tt, end) => { #[receiver(ordered, optional = $x)] fn optional_tt(_event: &Ordered) {} } }
optional_tt!(true, end);
macro_rules! optional_ident { ($x:ident, end) => { #[receiver(ordered, optional = $x)] fn optional_ident(_event: &Ordered) {} } }
optional_ident!(true, end);
macro_rules! when_expr { ($x:expr, end) => { #[receiver(ordered, when = $x)] fn when_expr(_event: &Ordered) {} } }
when_expr!(|event| event.0 > 0, end);
macro_rules! when_path_expr { ($x:expr, end) => { #[receiver(ordered, when = $x)] fn when_path_expr(_event: &Ordered) {} } }
when_path_expr!(is_large, end);
macro_rules! when_path_path { ($x:path, end) => { #[receiver(ordered, when = $x)] fn when_path_path(_event: &Ordered) {} } }
when_path_path!(is_large, end);
macro_rules! when_path_ident { ($x:ident, end) => { #[receiver(ordered, when = $x)] fn when_path_ident(_event: &Ordered) {} } }
when_path_ident!(is_large, end);
macro_rules! when_path_tt { ($x:tt, end) => { #[receiver(ordered, when = $x)] fn when_path_tt(_event: &Ordered) {} } }
when_path_tt!(is_large, end);
macro_rules! when_path_ty { ($x:ty, end) => { #[receiver(ordered, when = $x)] fn when_path_ty(_event: &Ordered) {} } }
when_path_ty!(is_large, end);

// The option that is a word, and the name of another.
macro_rules! durable_ident { ($x:ident, end) => { #[receiver(kept, $x)] async fn durable_ident(_event: &Kept) {} } }
durable_ident!(durable, end);
macro_rules! durable_tt { ($x:tt, end) => { #[receiver(kept, $x)] async fn durable_tt(_event: &Kept) {} } }
durable_tt!(durable, end);
macro_rules! durable_path { ($x:path, end) => { #[receiver(kept, $x)] async fn durable_path(_event: &Kept) {} } }
durable_path!(durable, end);
macro_rules! durable_ty { ($x:ty, end) => { #[receiver(kept, $x)] async fn durable_ty(_event: &Kept) {} } }
durable_ty!(durable, end);
macro_rules! durable_expr { ($x:expr, end) => { #[receiver(kept, $x)] async fn durable_expr(_event: &Kept) {} } }
durable_expr!(durable, end);
macro_rules! option_name_ident { ($x:ident, end) => { #[receiver(ordered, $x = 3)] fn option_name_ident(_event: &Ordered) {} } }
option_name_ident!(priority, end);
macro_rules! option_name_tt { ($x:tt, end) => { #[receiver(ordered, $x = 3)] fn option_name_tt(_event: &Ordered) {} } }
option_name_tt!(priority, end);

// Arguments.
macro_rules! event_ty { ($x:ty, end) => { #[receiver(ordered)] fn event_ty(_event: &$x) {} } }
event_ty!(Ordered, end);
macro_rules! event_path { ($x:path, end) => { #[receiver(ordered)] fn event_path(_event: &$x) {} } }
event_path!(Ordered, end);
macro_rules! event_ident { ($x:ident, end) => { #[receiver(ordered)] fn event_ident(_event: &$x) {} } }
event_ident!(Ordered, end);
macro_rules! event_tt { ($x:tt, end) => { #[receiver(ordered)] fn event_tt(_event: &$x) {} } }
event_tt!(Ordered, end);
macro_rules! event_ref_ty { ($x:ty, end) => { #[receiver(ordered)] fn event_ref_ty(_event: $x) {} } }
event_ref_ty!(&Ordered, end);
macro_rules! pattern_pat { ($x:pat, end) => { #[receiver(ordered)] fn pattern_pat($x: &Ordered) {} } }
pattern_pat!(_event, end);
macro_rules! pattern_pat_param { ($x:pat_param, end) => { #[receiver(ordered)] fn pattern_pat_param($x: &Ordered) {} } }
pattern_pat_param!(_event, end);
macro_rules! pattern_ident { ($x:ident, end) => { #[receiver(ordered)] fn pattern_ident($x: &Ordered) {} } }
pattern_ident!(_event, end);
macro_rules! pattern_tt { ($x:tt, end) => { #[receiver(ordered)] fn pattern_tt($x: &Ordered) {} } }
pattern_tt!(_event, end);
macro_rules! pattern2_pat { ($x:pat, end) => { #[receiver(ordered)] fn pattern2_pat($x: &Ordered) {} } }
pattern2_pat!(Ordered(_n), end);
macro_rules! pattern2_pat_param { ($x:pat_param, end) => { #[receiver(ordered)] fn pattern2_pat_param($x: &Ordered) {} } }
pattern2_pat_param!(Ordered(_n), end);

// The rest of the function.
macro_rules! vis_vis { ($x:vis, end) => { #[receiver(ordered)] $x fn vis_vis(_event: &Ordered) {} } }
vis_vis!(, end);
macro_rules! vis2_vis { ($x:vis, end) => { #[receiver(ordered)] $x fn vis2_vis(_event: &Ordered) {} } }
vis2_vis!(pub(crate), end);
macro_rules! stmt_stmt { ($x:stmt; end) => { #[receiver(ordered)] fn stmt_stmt(_event: &Ordered) { $x } } }
stmt_stmt!((); end);
macro_rules! stmt_expr { ($x:expr, end) => { #[receiver(ordered)] fn stmt_expr(_event: &Ordered) { $x } } }
stmt_expr!((), end);
macro_rules! stmt_tt { ($x:tt, end) => { #[receiver(ordered)] fn stmt_tt(_event: &Ordered) { $x } } }
stmt_tt!((), end);
macro_rules! body_block { ($x:block, end) => { #[receiver(ordered)] fn body_block(_event: &Ordered) $x } }
body_block!({}, end);
macro_rules! body_tt { ($x:tt, end) => { #[receiver(ordered)] fn body_tt(_event: &Ordered) $x } }
body_tt!({}, end);
macro_rules! ret_ty { ($x:ty, end) => { #[receiver(ordered)] fn ret_ty(_event: &Ordered) -> $x { Ok(()) } } }
ret_ty!(Result<(), String>, end);
macro_rules! ret_path { ($x:path, end) => { #[receiver(ordered)] fn ret_path(_event: &Ordered) -> $x { Ok(()) } } }
ret_path!(Result<(), String>, end);
macro_rules! name_ident { ($x:ident, end) => { #[receiver(ordered)] fn $x(_event: &Ordered) {} } }
name_ident!(name_ident, end);
macro_rules! name_tt { ($x:tt, end) => { #[receiver(ordered)] fn $x(_event: &Ordered) {} } }
name_tt!(name_tt, end);
macro_rules! state_ty { ($x:ty, end) => { #[receiver(ordered, optional = true)] fn state_ty(_event: &Ordered, _state: &$x) {} } }
state_ty!(State, end);
macro_rules! state_path { ($x:path, end) => { #[receiver(ordered, optional = true)] fn state_path(_event: &Ordered, _state: &$x) {} } }
state_path!(State, end);
macro_rules! state_ident { ($x:ident, end) => { #[receiver(ordered, optional = true)] fn state_ident(_event: &Ordered, _state: &$x) {} } }
state_ident!(State, end);
macro_rules! state_tt { ($x:tt, end) => { #[receiver(ordered, optional = true)] fn state_tt(_event: &Ordered, _state: &$x) {} } }
state_tt!(State, end);

// The whole function, and the attribute.
macro_rules! item_item { ($x:item end) => { #[receiver(ordered)] $x } }
item_item!(fn item_item(_e: &Ordered) {} end);
macro_rules! meta_meta { ($x:meta, end) => { #[$x] fn meta_meta(_event: &Ordered) {} } }
meta_meta!(receiver(ordered), end);

// A signal.
macro_rules! sig_event_ty { ($x:ty, end) => { #[derive(Debug)] struct SigEventTy; signal! { #[doc = "text"] sync sig_event_ty: $x; } } }
sig_event_ty!(SigEventTy, end);
macro_rules! sig_event_path { ($x:path, end) => { #[derive(Debug)] struct SigEventPath; signal! { #[doc = "text"] sync sig_event_path: $x; } } }
sig_event_path!(SigEventPath, end);
macro_rules! sig_event_ident { ($x:ident, end) => { #[derive(Debug)] struct SigEventIdent; signal! { #[doc = "text"] sync sig_event_ident: $x; } } }
sig_event_ident!(SigEventIdent, end);
macro_rules! sig_event_tt { ($x:tt, end) => { #[derive(Debug)] struct SigEventTt; signal! { #[doc = "text"] sync sig_event_tt: $x; } } }
sig_event_tt!(SigEventTt, end);
macro_rules! sig_name_ident { ($x:ident, end) => { #[derive(Debug)] struct SigNameIdent; signal! { #[doc = "text"] sync $x: SigNameIdent; } } }
sig_name_ident!(sig_name_ident, end);
macro_rules! sig_name_tt { ($x:tt, end) => { #[derive(Debug)] struct SigNameTt; signal! { #[doc = "text"] sync $x: SigNameTt; } } }
sig_name_tt!(sig_name_tt, end);
macro_rules! sig_vis_vis { ($x:vis, end) => { #[derive(Debug)] struct SigVisVis; signal! { #[doc = "text"] $x sync sig_vis_vis: SigVisVis; } } }
sig_vis_vis!(pub(crate), end);
macro_rules! sig_vis0_vis { ($x:vis, end) => { #[derive(Debug)] struct SigVis0Vis; signal! { #[doc = "text"] $x sync sig_vis0_vis: SigVis0Vis; } } }
sig_vis0_vis!(, end);
macro_rules! sig_visr_vis { ($x:vis, end) => { #[derive(Debug)] struct SigVisrVis; signal! { #[doc = "text"] $x sig_visr_vis: SigVisrVis; } } }
sig_visr_vis!(pub(crate), end);
macro_rules! sig_doc_literal { ($x:literal, end) => { #[derive(Debug)] struct SigDocLiteral; signal! { #[doc = $x] sync sig_doc_literal: SigDocLiteral; } } }
sig_doc_literal!("text", end);
macro_rules! sig_doc_expr { ($x:expr, end) => { #[derive(Debug)] struct SigDocExpr; signal! { #[doc = $x] sync sig_doc_expr: SigDocExpr; } } }
sig_doc_expr!("text", end);
macro_rules! sig_doc_tt { ($x:tt, end) => { #[derive(Debug)] struct SigDocTt; signal! { #[doc = $x] sync sig_doc_tt: SigDocTt; } } }
sig_doc_tt!("text", end);
macro_rules! sig_mode_ident { ($x:ident, end) => { #[derive(Debug)] struct SigModeIdent; signal! { #[doc = "text"] $x sig_mode_ident: SigModeIdent; } } }
sig_mode_ident!(sync, end);
macro_rules! sig_mode_tt { ($x:tt, end) => { #[derive(Debug)] struct SigModeTt; signal! { #[doc = "text"] $x sig_mode_tt: SigModeTt; } } }
sig_mode_tt!(sync, end);

fn main() {
    let signals = Signals::builder().provide(State).build().unwrap();
    assert_eq!(signals.receivers_of::<Ordered>().len(), 57);
    assert_eq!(signals.receivers_of::<Waited>().len(), 3);
    let manifest = signals.manifest();
    assert_eq!(manifest.receivers.iter().filter(|it| it.durable).count(), 5);
    signals.send_sync(&Ordered(7)).unwrap();
}
