//! Pages, sessions and guards of phone-auth on axum.

mod answer;
mod build_error;
mod cookies;
mod csrf;
mod form;
mod guard;
mod headers;
mod page;
mod pages;
mod redirect;
mod request_log;
mod router;
pub mod site;
mod stylesheet;
mod templates;
mod visit;
mod web;

pub use crate::build_error::{WebBuildError, WebBuildErrorKind};
pub use crate::csrf::{SameOrigin, SameOriginLayer};
pub use crate::form::SubmittedForm;
pub use crate::guard::{
    Anonymous, GuardLayer, Guarded, LoggedIn, Refusal, VerifiedEmail, VerifiedPhone,
};
pub use crate::headers::{PageHeaders, PageHeadersLayer};
pub use crate::page::Page;
pub use crate::redirect::append_slash;
pub use crate::request_log::{RequestLog, RequestLogLayer};
pub use crate::visit::Visit;
pub use crate::web::{Web, WebBuilder};
