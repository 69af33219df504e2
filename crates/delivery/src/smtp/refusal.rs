//! What a refusal of the mail server means.
//!
//! A message is given up only where the server says that the address does not exist, or that its mailbox is full for
//! good. Whatever else is refused can be mended before the link has expired: our name in the greeting, the log-in, the
//! sender, a list that we are on, a rule of the server, a quota. Servers say such things at any command, and with any
//! code of 5xx, as Exim does by "550 relay not permitted".

use std::error::Error as _;

use lettre::transport::smtp::Error;
use phone_auth_events::{Retry, Undelivered};

/// How far a message had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Tls,
    LogIn,
    Sender,
    Recipient,
    Content,
}

impl Step {
    /// What the server did not do.
    pub(super) const fn failed(self) -> &'static str {
        match self {
            Self::Connect => "the mail server cannot be reached",
            Self::Tls => "the mail server does not begin TLS",
            Self::LogIn => "the mail server refused the login",
            Self::Sender => "the mail server does not take the sender",
            Self::Recipient => "the mail server does not take the recipient",
            Self::Content => "the mail server does not take the mail",
        }
    }
}

/// What to say of an error at a step.
pub(super) fn of(step: Step, error: Error) -> Undelivered {
    let Some(code) = error.status() else {
        let failed = step.failed();
        return if error.is_response() {
            Undelivered::new(Retry::Later, failed)
        } else {
            Undelivered::with_source(Retry::Later, failed, error)
        };
    };
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    refused(step, code.into(), &words)
}

/// What to say of an answer that refuses. The words of a server are left out, because they may repeat what was
/// sent; its codes are kept (RFC 5321, 4.2.1; RFC 3463).
pub(super) fn refused(step: Step, code: u16, words: &str) -> Undelivered {
    let retry = if is_final(step, code, words) {
        Retry::Never
    } else {
        Retry::Later
    };
    let reason = match enhanced(words).next() {
        Some(enhanced) => format!("{} ({code} {enhanced})", step.failed()),
        None => format!("{} ({code})", step.failed()),
    };
    Undelivered::new(retry, reason)
}

/// Whether an answer says that there is no such address, or no room in it for good.
fn is_final(step: Step, code: u16, words: &str) -> bool {
    if !(500..600).contains(&code) || !matches!(step, Step::Recipient | Step::Content) {
        return false;
    }
    let mut codes = enhanced(words).peekable();
    if codes.peek().is_some() {
        return codes.all(|code| {
            code.strip_prefix("5.")
                .is_some_and(|code| FINAL.contains(&code))
        });
    }
    step == Step::Recipient && says_unknown(words)
}

/// The subjects and details of RFC 3463, 3, and of those registered since, that are about the address alone.
const FINAL: [&str; 6] = [
    // No such mailbox, no such system, and what can be no address.
    "1.1", "1.2", "1.3", // The mailbox has moved, and nothing is forwarded.
    "1.6",
    // The domain takes no mail (RFC 7505); at Exchange, a recipient that is not found.
    "1.10", // The mailbox is full.
    "2.2",
];

/// The status codes of RFC 3463 in an answer, such as `5.1.1`. They should begin each line; qmail and `IronPort` write
/// `#5.1.1`, some put them in brackets or behind the words.
fn enhanced(words: &str) -> impl Iterator<Item = &str> {
    let is_between = |sign: char| sign.is_whitespace() || "()[]<>{}#:;,=\"'".contains(sign);
    words
        .split(is_between)
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| is_enhanced(word))
}

/// Neither an address of four parts nor the version of a program, as in `(Exim 4.94.2)`.
fn is_enhanced(word: &str) -> bool {
    let mut parts = word.split('.');
    let (Some(class), Some(subject), Some(detail), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_number = detail.bytes().all(|byte| byte.is_ascii_digit());
    matches!(class, "2" | "4" | "5")
        && matches!(subject, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7")
        && (1..=3).contains(&detail.len())
        && is_number
}

/// Whether an answer without a status code says in words that the address is unknown. Exim writes no codes unless it is
/// told to.
fn says_unknown(words: &str) -> bool {
    const UNKNOWN: [&str; 14] = [
        "account does not exist",
        "invalid mailbox",
        "invalid recipient",
        "mailbox does not exist",
        "mailbox not found",
        "no mailbox here by that name",
        "no such mailbox",
        "no such person",
        "no such recipient",
        "no such user",
        "recipient not found",
        "unknown user",
        "user not found",
        "user unknown",
    ];
    // It may be about the sender, whose address was looked for, or about us.
    const OTHERS: [&str; 11] = [
        "auth", "block", "denied", "helo", "ehlo", "listed", "policy", "relay", "sender", "spam",
        "verif",
    ];
    let words = words.to_lowercase();
    let says = |phrase: &&str| words.contains(*phrase);
    UNKNOWN.iter().any(says) && !OTHERS.iter().any(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_read() {
        for (words, codes) in [
            ("5.1.1 no such user", &["5.1.1"][..]),
            ("4.7.100 wait", &["4.7.100"]),
            ("no mailbox here by that name. (#5.1.1)", &["5.1.1"]),
            ("[5.7.1] no", &["5.7.1"]),
            ("#5.1.0 Address rejected.", &["5.1.0"]),
            ("see below 5.1.1: no such user", &["5.1.1"]),
            ("it was 5.1.1.", &["5.1.1"]),
            ("5.1.1 no such 5.1.1 user", &["5.1.1", "5.1.1"]),
            ("SMTP; 5.7.54 SMTP;", &["5.7.54"]),
            ("no such user", &[]),
            ("5.1 x", &[]),
            ("5.1.1.1 and [192.0.2.1]", &[]),
            ("5.1.1000 5.8.1 5.11.1 3.1.1 5..1 5.1. .1.1", &[]),
            ("rejected (Exim 4.94.2, Postfix 3.5.6)", &[]),
            ("https://example.org/5.1.1/a.b.c", &[]),
            ("", &[]),
        ] {
            assert_eq!(enhanced(words).collect::<Vec<_>>(), codes, "{words}");
        }
    }

    /// As each line of an answer is written, the code left out.
    type Answers = &'static [(&'static str, u16, &'static str)];

    const GONE: Answers = &[
        ("RFC 3463", 550, "5.1.1 no such user"),
        (
            "Postfix",
            550,
            "5.1.1 <a@example.org>: Recipient address rejected: User unknown in local recipient table",
        ),
        (
            "Postfix",
            550,
            "5.1.1 <a@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
        ),
        (
            "Postfix",
            550,
            "5.1.2 <a@b.invalid>: Recipient address rejected: Domain not found",
        ),
        ("Postfix", 501, "5.1.3 Bad recipient address syntax"),
        (
            "Postfix",
            556,
            "5.1.10 <a@example.org>: Recipient address rejected: Domain example.org does not accept mail (nullMX)",
        ),
        ("Sendmail", 550, "5.1.1 <a@example.org>... User unknown"),
        (
            "Dovecot",
            552,
            "5.2.2 <a@example.org> Quota exceeded (mailbox for user is full)",
        ),
        (
            "qmail",
            550,
            "sorry, no mailbox here by that name. (#5.1.1)",
        ),
        (
            "qmail",
            511,
            "sorry, no mailbox here by that name (#5.1.1 - chkuser)",
        ),
        ("qmail", 553, "sorry, no mailbox here by that name"),
        ("Exim", 550, "Unknown user"),
        ("Exim", 550, "No such user here"),
        ("Exim", 550, "no such user (Exim 4.94.2)"),
        (
            "Exchange",
            550,
            "5.1.1 RESOLVER.ADR.RecipNotFound; not found",
        ),
        (
            "Exchange",
            550,
            "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        ),
        (
            "Exchange",
            554,
            "5.2.2 mailbox full; STOREDRV.Deliver.Exception",
        ),
        (
            "Gmail",
            550,
            "5.1.1 The email account that you tried to reach does not exist. Please try 5.1.1 double-checking the recipient's email address for typos or 5.1.1 unnecessary spaces. For more information, go to 5.1.1 https://support.google.com/mail/?p=NoSuchUser d2-20020a - gsmtp",
        ),
        (
            "Gmail",
            552,
            "5.2.2 The email account that you tried to reach is over quota. https://support.google.com/mail/?p=OverQuotaPerm - gsmtp",
        ),
        ("IronPort", 550, "#5.1.1 User unknown"),
        ("in brackets", 550, "[5.1.1] mailbox unavailable"),
        (
            "on the last line",
            550,
            "Your message was not delivered. The reason: 5.1.1",
        ),
    ];

    const KEPT: Answers = &[
        ("nothing", 550, ""),
        (
            "RFC 5321",
            550,
            "Requested action not taken: mailbox unavailable",
        ),
        ("RFC 5321", 554, "Transaction failed"),
        (
            "Postfix",
            504,
            "5.5.2 <web-1>: Helo command rejected: need fully-qualified hostname",
        ),
        (
            "Postfix",
            501,
            "5.5.2 <web_1>: Helo command rejected: Invalid name",
        ),
        (
            "Postfix",
            550,
            "5.7.1 <web-1>: Helo command rejected: Host not found",
        ),
        (
            "Postfix",
            450,
            "4.7.1 <web-1>: Helo command rejected: Host not found",
        ),
        ("Postfix", 554, "5.7.1 <a@example.org>: Relay access denied"),
        (
            "Postfix",
            553,
            "5.7.1 <x@example.org>: Sender address rejected: not owned by user x",
        ),
        (
            "Postfix",
            550,
            "5.1.8 <x@b.invalid>: Sender address rejected: Domain not found",
        ),
        (
            "Postfix",
            550,
            "5.1.0 <x@example.org>: Sender address rejected: User unknown in local recipient table",
        ),
        ("Postfix", 530, "5.7.0 Must issue a STARTTLS command first"),
        (
            "Postfix",
            554,
            "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        ),
        ("Postfix", 552, "5.3.4 Message size exceeds fixed limit"),
        (
            "Postfix",
            450,
            "4.1.1 <a@example.org>: Recipient address rejected: unverified address: User unknown",
        ),
        (
            "Postfix",
            450,
            "4.2.0 <a@example.org>: Recipient address rejected: Greylisted",
        ),
        ("Postfix", 452, "4.3.1 Insufficient system storage"),
        (
            "Sendmail",
            550,
            "5.7.1 <a@example.org>... Relaying denied. Proper authentication required.",
        ),
        ("Exim", 550, "relay not permitted"),
        ("Exim", 550, "Sender verify failed"),
        (
            "Exim",
            550,
            "Verification failed for <x@example.org> No Such User Here Sender verify failed",
        ),
        ("Exim", 550, "Administrative prohibition"),
        ("Exim", 550, "Unrouteable address"),
        ("Exim", 550, "relay not permitted, authentication required"),
        ("Exim", 501, "Syntactically invalid HELO argument(s)"),
        (
            "Exim",
            550,
            "rejected because 192.0.2.1 is in a black list at zen.spamhaus.org",
        ),
        (
            "qmail",
            553,
            "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        ),
        (
            "qmail",
            553,
            "sorry, your envelope sender is in my badmailfrom list (#5.7.1)",
        ),
        ("qmail", 451, "qq temporary problem (#4.3.0)"),
        (
            "Exchange",
            550,
            "5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        ),
        (
            "Exchange",
            550,
            "5.7.60 SMTP; Client does not have permissions to send as this sender",
        ),
        (
            "Exchange",
            550,
            "5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        ),
        (
            "Exchange",
            550,
            "5.7.708 Service unavailable. Access denied, traffic not accepted from this IP",
        ),
        (
            "Gmail",
            550,
            "5.4.5 Daily user sending limit exceeded. For more information on Gmail 5.4.5 sending limits go to 5.4.5 https://support.google.com/a/answer/166852 - gsmtp",
        ),
        (
            "Gmail",
            550,
            "5.7.26 This mail has been blocked because the sender is unauthenticated.",
        ),
        (
            "Gmail",
            550,
            "5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail.",
        ),
        (
            "Gmail",
            550,
            "5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.",
        ),
        ("IronPort", 550, "#5.1.0 Address rejected."),
        (
            "IronPort",
            550,
            "#5.7.1 Your access to submit messages to this e-mail system has been rejected.",
        ),
        (
            "IronPort",
            554,
            "Your access to this mail system has been rejected due to the sending MTA's poor reputation.",
        ),
        (
            "Amazon SES",
            554,
            "Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: x@example.org",
        ),
        (
            "Amazon SES",
            454,
            "Throttling failure: Daily message quota exceeded.",
        ),
        ("a policy", 554, "5.6.0 malformed"),
        ("two codes", 550, "5.7.1 relaying denied 5.1.1 no such user"),
        ("two classes", 550, "4.1.1 no such user"),
        ("a class that is not of the code", 450, "5.1.1 no such user"),
        ("an address", 550, "no such host [5.1.1.7]"),
        ("a quota of ours", 552, "quota exceeded"),
        ("log-in", 535, "5.6.0 log in"),
    ];

    #[test]
    fn only_an_address_that_is_gone_is_final() {
        for (answers, expected) in [(GONE, Retry::Never), (KEPT, Retry::Later)] {
            for (server, code, words) in answers {
                let told = refused(Step::Recipient, *code, words);
                assert_eq!(told.retry(), expected, "{server}: {code} {words}");
            }
        }
    }

    #[test]
    fn words_count_at_the_recipient_alone() {
        let told = |step, words| refused(step, 550, words).retry();
        for step in [Step::Connect, Step::Tls, Step::LogIn, Step::Sender] {
            for words in ["5.1.1 no such user", "no such user"] {
                assert_eq!(told(step, words), Retry::Later, "{step:?}");
            }
        }
        assert_eq!(told(Step::Content, "5.1.1 no such user"), Retry::Never);
        assert_eq!(told(Step::Content, "no such user"), Retry::Later);
    }
}
