//! Forms: what a browser sends, and how a form with problems is shown again.

mod parse;
mod submitted;
mod view;
pub(crate) mod words;

pub(crate) use submitted::AnyonesForm;
pub use submitted::SubmittedForm;
pub(crate) use view::{FieldView, FormView};
pub use words::sentence;
