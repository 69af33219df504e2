//! What a receiver answers: how the return value of any allowed function becomes one type.

use std::{error::Error, fmt};

/// An error of any receiver.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What calling a receiver comes to.
///
/// A receiver whose filter refused the event answers with [`skipped`], which is an error to the type alone: so an answer
/// is two machine words, returned in registers, and dispatch asks no more than whether all is well.
#[doc(hidden)]
pub type Answer = Result<(), BoxError>;

#[derive(Debug)]
struct Skipped;

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the filter refused the event")
    }
}

impl Error for Skipped {}

/// The answer of a receiver whose filter refused the event. A box of nothing allocates nothing.
#[doc(hidden)]
#[cold]
pub fn skipped() -> Answer {
    Err(Box::new(Skipped))
}

/// Whether what looks like an error is the answer of a receiver that was not called.
pub(crate) fn is_skipped(error: &BoxError) -> bool {
    error.is::<Skipped>()
}

/// What a receiver may return: `()` or `Result<(), E>`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a signal receiver cannot return `{Self}`",
    label = "return `()` or `Result<(), E>`",
    note = "what awaits is an `async fn`, or is connected by `connect_async`, `connect_async_with`"
)]
pub trait IntoAnswer {
    fn into_answer(self) -> Answer;
}

impl IntoAnswer for () {
    #[inline]
    fn into_answer(self) -> Answer {
        Ok(())
    }
}

impl<E: ReceiverError> IntoAnswer for Result<(), E> {
    #[inline]
    fn into_answer(self) -> Answer {
        self.map_err(ReceiverError::into_box)
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
