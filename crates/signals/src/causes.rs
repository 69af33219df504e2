//! How an error that stops a program is shown, as a `main` that returns it shows it.

use std::{error::Error, fmt};

/// Writes an error and its causes in one line. For the `Debug` of errors that stop a program: a `main` that returns one
/// prints that, and the user is to read sentences. A cause that says the same as what it caused is not said again.
///
/// # Errors
/// When the formatter refuses.
///
/// # Examples
/// ```
/// use std::{error::Error, fmt};
///
/// struct ColoursError(std::num::ParseIntError);
///
/// impl fmt::Display for ColoursError {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("the file of colours cannot be read")
///     }
/// }
///
/// impl Error for ColoursError {
///     fn source(&self) -> Option<&(dyn Error + 'static)> {
///         Some(&self.0)
///     }
/// }
///
/// impl fmt::Debug for ColoursError {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         phone_auth_signals::write_causes(self, f)
///     }
/// }
///
/// let error = ColoursError("red".parse::<u8>().unwrap_err());
/// assert_eq!(format!("{error:?}"), "the file of colours cannot be read: invalid digit found in string");
/// ```
pub fn write_causes(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut said = error.to_string();
    f.write_str(&said)?;
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if text != said {
            write!(f, ": {text}")?;
        }
        said = text;
        cause = error.source();
    }
    Ok(())
}
