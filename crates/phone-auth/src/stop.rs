//! Being asked to stop.

use std::io;

/// Listens for the wish that the process ends, and gives what waits for it.
///
/// On Unix it is SIGINT, which Ctrl-C sends, or SIGTERM, which systemd, Docker and Kubernetes send; elsewhere it is Ctrl-C.
/// From this call on, neither ends the process by itself, for as long as it lives; so call it before the site serves, and
/// once it is ready, stop by [`PhoneAuth::finish`](crate::PhoneAuth::finish).
///
/// # Errors
/// When the system refuses to tell the process of a signal.
///
/// # Panics
/// Outside of a runtime of tokio, or in one that has no input and output.
///
/// # Examples
/// ```no_run
/// # use std::{io, time::Duration};
/// # async fn serve(auth: phone_auth::PhoneAuth, server: impl Future<Output = ()>) -> io::Result<()> {
/// let stop = phone_auth::stop_requested()?;
/// tokio::select! {
///     () = server => {}
///     () = stop => {
///         let _in_time = auth.shut_down(Duration::from_secs(20)).await;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[cfg(unix)]
pub fn stop_requested() -> io::Result<impl Future<Output = ()> + Send> {
    use std::task::Poll;

    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(std::future::poll_fn(move |context| {
        // Both are polled, so that either wakes.
        let asked = [&mut interrupt, &mut terminate].map(|it| it.poll_recv(context).is_ready());
        if asked.contains(&true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }))
}

#[cfg(not(unix))]
#[expect(missing_docs, reason = "it is the function above")]
pub fn stop_requested() -> io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nobody can ask.
            std::future::pending::<()>().await;
        }
    })
}
