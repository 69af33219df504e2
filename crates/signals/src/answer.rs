//! What a receiver answers: how the return value of any allowed function becomes one type.

use std::error::Error;

/// An error of any receiver.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What calling a receiver comes to.
#[doc(hidden)]
pub type Answer = Result<Flow, BoxError>;

/// Whether a receiver that did not fail ran.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "made by our own macro in other crates"
)]
pub enum Flow {
    Done,
    Skipped,
}

/// The answer of a receiver whose filter refused the event.
#[doc(hidden)]
pub const SKIPPED: Answer = Ok(Flow::Skipped);

/// What a receiver may return: `()` or `Result<(), E>`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a signal receiver cannot return `{Self}`",
    label = "return `()` or `Result<(), E>`"
)]
pub trait IntoAnswer {
    fn into_answer(self) -> Answer;
}

impl IntoAnswer for () {
    #[inline]
    fn into_answer(self) -> Answer {
        Ok(Flow::Done)
    }
}

impl<E: ReceiverError> IntoAnswer for Result<(), E> {
    #[inline]
    fn into_answer(self) -> Answer {
        match self {
            Ok(()) => Ok(Flow::Done),
            Err(error) => Err(error.into_box()),
        }
    }
}

/// What a receiver may fail with: anything that becomes a boxed error, such as every `std::error::Error` that can be
/// sent between threads.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a signal receiver cannot fail with `{Self}`",
    label = "needs `impl std::error::Error for {Self}`, `Send` and `Sync`"
)]
pub trait ReceiverError {
    fn into_box(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> ReceiverError for E {
    fn into_box(self) -> BoxError {
        self.into()
    }
}

/// Gives a filter the type of the event, so that `when = |event| …` needs no annotation.
#[doc(hidden)]
#[inline]
pub fn admits<E: ?Sized>(event: &E, when: impl FnOnce(&E) -> bool) -> bool {
    when(event)
}
