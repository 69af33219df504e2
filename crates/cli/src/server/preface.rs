//! What stands before the first request of a connection that a proxy has opened: whose connection it is, in the PROXY
//! protocol, version 2 (<https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt>).
//!
//! It is read in full before a byte of HTTP, and only of proxies that are trusted: anyone who may write it can choose an address.

use std::io;
use std::net::SocketAddr;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::net::TcpStream;

/// The signature, a byte each for version and family, and two for the length of what follows.
const HEAD: usize = 16;

/// How much may follow. Addresses take 36 bytes at most, and what balancers say of TLS some hundred.
const MOST: usize = 2048;

/// The client that a proxy has opened this connection for; none for one of its own, such as a health check.
///
/// # Errors
/// When the connection breaks, or does not begin with such a header.
pub(super) async fn read(stream: &TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut bytes = vec![0; HEAD];
    fill(stream, &mut bytes).await?;
    let [.., high, low] = bytes.as_slice() else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    // Anything else gives a length, too. It is not waited for.
    if length > MOST || !is_version_2(&bytes) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.resize(HEAD + length, 0);
    fill(stream, bytes.get_mut(HEAD..).unwrap_or_default()).await?;
    client(&bytes)
}

/// The client that a whole header names.
fn client(bytes: &[u8]) -> io::Result<Option<SocketAddr>> {
    let config = ParseConfig {
        include_tlvs: false,
        allow_v1: false,
        allow_v2: true,
    };
    let (header, _) = ProxyHeader::parse(bytes, config).map_err(io::Error::other)?;
    Ok(header.proxied_address().map(|address| address.source))
}

fn is_version_2(head: &[u8]) -> bool {
    head.starts_with(b"\r\n\r\n\0\r\nQUIT\n")
}

/// Reads until the buffer is full.
async fn fill(stream: &TcpStream, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.readable().await?;
        match stream.try_read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => buffer = buffer.get_mut(read..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "what is not as it should be is a failed test"
    )]

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    /// What comes of these bytes, sent in pieces, and what of the request behind them is left.
    async fn sent(bytes: &[u8]) -> (io::Result<Option<SocketAddr>>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let bytes = [bytes, b"GET /"].concat();
        let sending = tokio::spawn(async move {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.set_nodelay(true).unwrap();
            for piece in bytes.chunks(9) {
                // Anyone who is refused may be closed before the end.
                if stream.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        });
        let (stream, _) = listener.accept().await.unwrap();
        let read = read(&stream).await;
        sending.await.unwrap();
        stream.readable().await.unwrap();
        let mut rest = vec![0; 64];
        let left = stream.try_read(&mut rest).unwrap_or_default();
        rest.truncate(left);
        (read, rest)
    }

    #[tokio::test]
    async fn header_names_the_client() {
        let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x67, 0, 80];
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
        v6[15] = 7;
        v6[33] = 9;
        let with_more = [&v4[..], &[0x04, 0, 3, 1, 2, 3]].concat();
        for (bytes, expected) in [
            (header(0x21, 0x11, &v4), Some("203.0.113.7:4711")),
            (header(0x21, 0x11, &with_more), Some("203.0.113.7:4711")),
            (header(0x21, 0x21, &v6), Some("[2001:db8::7]:9")),
            // The proxy's own, and one of which it says nothing.
            (header(0x20, 0x11, &v4), None),
            (header(0x20, 0x00, &[]), None),
            (header(0x21, 0x00, &[1, 2, 3]), None),
        ] {
            let (read, rest) = sent(&bytes).await;
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(read.unwrap(), expected, "{bytes:?}");
            assert_eq!(rest, b"GET /", "{bytes:?}");
        }
    }

    /// As long as may be, and then the request.
    #[tokio::test]
    async fn longest_header_is_read() {
        let mut rest = vec![0; MOST];
        rest[..12].copy_from_slice(&[203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x67, 0, 80]);
        let length = u16::try_from(MOST - 12 - 3).unwrap().to_be_bytes();
        rest[12..15].copy_from_slice(&[0x04, length[0], length[1]]);
        let (read, left) = sent(&header(0x21, 0x11, &rest)).await;
        let expected = "203.0.113.7:4711".parse().unwrap();
        assert_eq!(read.unwrap(), Some(expected));
        assert_eq!(left, b"GET /");
    }

    /// One that ends early, and one that is none and goes on: neither is waited for.
    #[tokio::test]
    async fn broken_beginnings_end_at_once() {
        let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x67, 0, 80];
        let whole = header(0x21, 0x11, &v4);
        let mut other = whole.clone();
        other[4] = b'!';
        for (bytes, is_open) in [
            (&whole[..27], false),
            (&whole[..16], false),
            (&whole[..15], false),
            (&whole[..0], false),
            (&other[..16], true),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = listener.local_addr().unwrap();
            let mut client = TcpStream::connect(addr).await.unwrap();
            client.write_all(bytes).await.unwrap();
            let client = is_open.then_some(client);
            let (stream, _) = listener.accept().await.unwrap();
            let read = tokio::time::timeout(std::time::Duration::from_secs(20), read(&stream));
            let read = read.await.expect("it is not waited for");
            assert!(read.is_err(), "{} bytes", bytes.len());
            drop(client);
        }
    }

    #[tokio::test]
    async fn other_beginnings_are_refused() {
        let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x67, 0, 80];
        for bytes in [
            b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 10.0.0.1 4711 80\r\n".to_vec(),
            header(0x11, 0x11, &v4),
            header(0x22, 0x11, &v4),
            header(0x21, 0x41, &v4),
            header(0x21, 0x11, &v4[..11]),
            header(0x21, 0x21, &v4),
            header(0x21, 0x11, &[7; MOST + 1]),
        ] {
            let (read, _) = sent(&bytes).await;
            assert!(read.is_err(), "{bytes:?}");
        }
    }
}
