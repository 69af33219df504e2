//! What is said to the mail server before the client of mail takes over: the greeting, our name, STARTTLS.
//!
//! The client of mail, lettre, says `EHLO` and nothing else, and takes no answer without a text. RFC 5321 asks for more:
//! `HELO` where `EHLO` is refused (3.2), answers of a code alone (4.2), keywords in any case (2.4), and `QUIT` before one
//! leaves (4.1.1.10). So these few lines are said here, and [`Spoken`](super::spoken::Spoken) hands over what came of them.
//!
//! Answers are read one at a time. What stands behind one would be taken for the answer to the next command, and each
//! answer from there on for that of another message; before TLS it can come from anyone on the way (CVE-2011-0411).

use lettre::transport::smtp::extension::ClientId;
use phone_auth_events::{Retry, Undelivered};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::refusal::{self, Step};

/// The longest answer that is read.
const MOST_BYTES: usize = 16 * 1024;

/// An answer that refuses a command.
struct Refused {
    code: u16,
    words: String,
}

/// Waits for the greeting, and says our name. When this returns, the stream has nothing left to read.
///
/// The lines that it returns are what the server calls itself, and what it offers.
///
/// # Errors
/// `Later` when the server refuses us, or says more than it was asked.
pub(super) async fn greeted<S>(stream: &mut S, hello: &ClientId) -> Result<Vec<String>, Undelivered>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match answer(stream, Step::Connect).await? {
        Ok(_greeting) => say_hello(stream, hello).await,
        Err(refused) => Err(refused.leave(stream, Step::Connect).await),
    }
}

/// Says our name, and if need be as servers understand it that know no extensions.
///
/// # Errors
/// As those of [`greeted`].
pub(super) async fn say_hello<S>(
    stream: &mut S,
    hello: &ClientId,
) -> Result<Vec<String>, Undelivered>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let refused = match command(stream, &format!("EHLO {hello}"), Step::Connect).await? {
        Ok(offers) => return Ok(offers),
        Err(refused) => refused,
    };
    if (500..600).contains(&refused.code) {
        let second = command(stream, &format!("HELO {hello}"), Step::Connect).await;
        match second {
            // It offers nothing besides, whatever it says.
            Ok(Ok(mut lines)) => {
                lines.truncate(1);
                return Ok(lines);
            }
            Ok(Err(_also_refused)) => {}
            Err(_gone) => return Err(refused.told(Step::Connect)),
        }
    }
    Err(refused.leave(stream, Step::Connect).await)
}

/// Asks a server that has greeted for TLS (RFC 3207). When this returns, the stream has nothing left to read that was
/// sent before the other side could have begun TLS.
///
/// # Errors
/// `Later` when the server offers no TLS, refuses it, or says more than it was asked.
pub(super) async fn start_tls<S>(stream: &mut S, offers: &[String]) -> Result<(), Undelivered>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let is_offered = |line: &String| line.trim().eq_ignore_ascii_case("STARTTLS");
    // The first line is a greeting.
    if !offers.iter().skip(1).any(is_offered) {
        leave(stream).await;
        let why = "the mail server does not offer STARTTLS";
        return Err(Undelivered::new(Retry::Later, why));
    }
    match command(stream, "STARTTLS", Step::Tls).await? {
        Ok(_lines) => Ok(()),
        Err(refused) => Err(refused.leave(stream, Step::Tls).await),
    }
}

impl Refused {
    fn told(self, step: Step) -> Undelivered {
        refusal::refused(step, self.code, &self.words)
    }

    /// Leaves a server that has refused us.
    async fn leave<S: AsyncWrite + Unpin>(self, stream: &mut S, step: Step) -> Undelivered {
        // It leaves us (RFC 5321, 3.8).
        if self.code != 421 {
            leave(stream).await;
        }
        self.told(step)
    }
}

/// Says that we leave. Nobody waits for the answer: it changes nothing.
async fn leave(stream: &mut (impl AsyncWrite + Unpin)) {
    let said = stream.write_all(b"QUIT\r\n").await;
    drop(said.and(stream.flush().await));
}

async fn command<S>(
    stream: &mut S,
    words: &str,
    step: Step,
) -> Result<Result<Vec<String>, Refused>, Undelivered>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let line = format!("{words}\r\n");
    let said = async {
        stream.write_all(line.as_bytes()).await?;
        stream.flush().await
    };
    let said = said.await;
    said.map_err(|error| Undelivered::with_source(Retry::Later, step.failed(), error))?;
    answer(stream, step).await
}

/// The lines of one answer, without their code.
async fn answer<S>(stream: &mut S, step: Step) -> Result<Result<Vec<String>, Refused>, Undelivered>
where
    S: AsyncRead + Unpin,
{
    let failed = || Undelivered::new(Retry::Later, step.failed());
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = end_of_answer(&bytes) {
            break end;
        }
        let read = stream.read_buf(&mut bytes).await;
        let read =
            read.map_err(|error| Undelivered::with_source(Retry::Later, step.failed(), error))?;
        if read == 0 || bytes.len() > MOST_BYTES {
            return Err(failed());
        }
    };
    if end < bytes.len() {
        let why = "the mail server says more than it was asked";
        return Err(Undelivered::new(Retry::Later, why));
    }
    let (code, lines) = parse(&bytes).ok_or_else(failed)?;
    if (200..300).contains(&code) {
        return Ok(Ok(lines));
    }
    let words = lines.join(" ");
    Ok(Err(Refused { code, words }))
}

/// Where the first answer ends, if all of it is there (RFC 5321, 4.2.1).
fn end_of_answer(bytes: &[u8]) -> Option<usize> {
    let mut end = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if !line.ends_with(b"\n") {
            return None;
        }
        if line.get(3) != Some(&b'-') {
            return Some(end);
        }
    }
    None
}

/// The code of an answer, and its lines without it.
fn parse(answer: &[u8]) -> Option<(u16, Vec<String>)> {
    let text = String::from_utf8_lossy(answer);
    let mut code = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        let digits = line.get(..3)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit())
            || *code.get_or_insert(digits) != digits
        {
            return None;
        }
        lines.push(line.get(4..).unwrap_or_default().to_owned());
    }
    Some((code?.parse().ok()?, lines))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HELLO: ClientId = ClientId::Ipv4(Ipv4Addr::LOCALHOST);

    /// What is said to a server of these words, which then keeps silent and stays.
    async fn said_to(words: String) -> Result<Vec<String>, Undelivered> {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 20);
        let written = theirs.write_all(words.as_bytes()).await;
        assert!(written.is_ok());
        let hour = std::time::Duration::from_hours(1);
        let said = tokio::time::timeout(hour, say_hello(&mut ours, &HELLO)).await;
        drop(theirs);
        said.unwrap_or_else(|_| Ok(vec!["it was waited for".to_owned()]))
    }

    #[tokio::test(start_paused = true)]
    async fn endless_answer_has_an_end() {
        let line = "250-and so on\r\n";
        let most = MOST_BYTES / line.len();
        for (lines, is_waited_for) in [(most, true), (most + 1, false)] {
            let said = said_to(line.repeat(lines)).await;
            assert_eq!(said.is_ok(), is_waited_for, "{lines}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn helo_offers_nothing() {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 10);
        let server = async {
            let mut heard = vec![0; 100];
            for answer in ["502 no\r\n", "250-hello\r\n250 STARTTLS\r\n"] {
                let _ = theirs.read(&mut heard).await;
                let written = theirs.write_all(answer.as_bytes()).await;
                assert!(written.is_ok());
            }
        };
        let (offers, ()) = tokio::join!(say_hello(&mut ours, &HELLO), server);
        assert_eq!(offers.ok(), Some(vec!["hello".to_owned()]));
    }

    #[test]
    fn answer_ends_with_its_last_line() {
        for (bytes, end) in [
            ("220 go on\r\n", Some(11)),
            ("220\r\n", Some(5)),
            ("250-a\r\n250 b\r\n", Some(14)),
            ("250-a\r\n250 b\r\n250 c\r\n", Some(14)),
            ("250-a\r\n250 b", None),
            ("250-a\r\n", None),
            ("250", None),
            ("\r\n", Some(2)),
            ("", None),
        ] {
            assert_eq!(end_of_answer(bytes.as_bytes()), end, "{bytes:?}");
        }
    }

    #[test]
    fn odd_answers_are_none() {
        let lines = vec!["a".to_owned(), "b c".to_owned()];
        assert_eq!(parse(b"250-a\r\n250 b c\r\n"), Some((250, lines)));
        assert_eq!(parse(b"220\r\n"), Some((220, vec![String::new()])));
        for answer in [
            "",
            "\r\n",
            "25\r\n",
            "hello\r\n",
            "+25 a\r\n",
            "250-a\r\n220 b\r\n",
        ] {
            assert_eq!(parse(answer.as_bytes()), None, "{answer:?}");
        }
    }
}
