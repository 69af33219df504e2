//! What the system knows of a socket at this moment. What the runtime knows is older where it has much to do.

use tokio::net::TcpStream;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Bytes of the client, or its end.
    Bytes,
    /// Room for more of ours.
    Room,
}

/// Whether it is there. Nothing is read or written.
#[cfg(unix)]
pub(super) fn is_ready(socket: &TcpStream, wanted: Wanted) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let flags = match wanted {
        Wanted::Bytes => PollFlags::IN,
        Wanted::Room => PollFlags::OUT,
    };
    // Where it cannot be asked, it is not said to be there: some connection must give way.
    poll(
        &mut [PollFd::new(socket, flags)],
        Some(&Timespec::default()),
    )
    .is_ok_and(|ready| ready > 0)
}

/// Whether it is there, as far as the runtime knows. Nothing is read or written.
#[cfg(not(unix))]
pub(super) fn is_ready(socket: &TcpStream, wanted: Wanted) -> bool {
    let interest = match wanted {
        Wanted::Bytes => tokio::io::Interest::READABLE,
        Wanted::Room => tokio::io::Interest::WRITABLE,
    };
    socket.try_io(interest, || Ok(())).is_ok()
}
