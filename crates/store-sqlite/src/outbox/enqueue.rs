//! Enqueueing, in the transaction of what a message tells.

use phone_auth_core::language::Language;
use phone_auth_core::outbox::{NewMessage, Notices, Superseded};
use phone_auth_core::user::UserId;
use rusqlite::{Connection, params};

use super::place::Place;
use super::statements;
use crate::challenges;
use crate::failure::Failure;
use crate::links;
use crate::rows;

/// Enqueues a message, and begins the challenge that comes with it, if one does; the message that it superseded.
pub(super) fn enqueue_with_challenge(
    connection: &Connection,
    message: &NewMessage,
) -> Result<Option<Superseded>, Failure> {
    let superseded = enqueue(connection, message)?;
    if let Some(new) = &message.challenge {
        challenges::begin(connection, new)?;
    }
    Ok(superseded)
}

/// Enqueues a message, in the place of one that it supersedes. No matter who it is to, the same is looked for, written
/// and looked for again.
fn enqueue(connection: &Connection, message: &NewMessage) -> Result<Option<Superseded>, Failure> {
    if let Some((user, text)) = message.told() {
        let statement = statements::ENQUEUE_NOTICE;
        enqueue_told(connection, statement, message, Some(user), &text)?;
        return Ok(None);
    }
    let recipient = message.recipient;
    let user = recipient.map(|recipient| recipient.user.get());
    let address = recipient.map(|recipient| recipient.address.get());
    let (purpose, kind) = (message.purpose.as_str(), message.kind.as_str());
    let now = rows::time_text(message.created_at)?;
    let language = message.language.as_ref().map(Language::as_str);
    let (digest, parts) = (message.binding.digest(), message.binding.parts());
    let request = message.request(message.created_at);
    let requested_at = links::request(connection, &request)?;
    // The same link again: as though it had been enqueued when that was made.
    let made_at = request.made_at(requested_at);
    let created_at = rows::time_text(made_at)?;
    let expires_at = rows::time_text(message.expires_at + (made_at - message.created_at))?;
    let requested_at = links::micros(requested_at);
    let same_link = params![address, kind, purpose, requested_at];
    rows::change(connection, statements::AGE_LETTERS, same_link)?;
    let target = params![address, kind, purpose];
    let place = rows::first(connection, statements::SUPERSEDED, target, |row| {
        Ok(Place::after(row, message.created_at, &now))
    })?;
    let mut superseded = None;
    if let Some(place) = place {
        let values = params![
            place.id,
            message.key,
            user,
            digest,
            parts,
            language,
            created_at,
            expires_at,
            place.attempts,
            place.ready_attempt,
            place.leased_attempt,
            place.due_at,
            requested_at,
            message.channel.as_str(),
        ];
        rows::change(connection, statements::SUPERSEDE, values)?;
        superseded = place.superseded;
    } else {
        let values = params![
            message.key,
            purpose,
            kind,
            user,
            address,
            digest,
            parts,
            language,
            created_at,
            expires_at,
            requested_at,
            now,
            message.channel.as_str(),
        ];
        rows::change(connection, statements::ENQUEUE, values)?;
    }
    rows::change(connection, statements::FORGET, [&message.key])?;
    Ok(superseded)
}

/// Enqueues the notices of a change to this user that was made in this transaction.
pub(crate) fn enqueue_notices(
    connection: &Connection,
    user: UserId,
    notices: &Notices,
) -> Result<(), Failure> {
    let mut told = notices
        .iter()
        .filter_map(|message| Some((message, message.told()?.1)));
    let statement = statements::ENQUEUE_NOTICE;
    told.try_for_each(|(message, text)| {
        enqueue_told(connection, statement, message, Some(user), &text)
    })
}

/// Enqueues an event that says of a user who is gone who they were.
pub(crate) fn enqueue_for_nobody(
    connection: &Connection,
    message: &NewMessage,
) -> Result<(), Failure> {
    let Some((_, text)) = message.told() else {
        return Ok(());
    };
    enqueue_told(
        connection,
        statements::ENQUEUE_FOR_NOBODY,
        message,
        None,
        &text,
    )
}

fn enqueue_told(
    connection: &Connection,
    statement: &str,
    message: &NewMessage,
    user: Option<UserId>,
    text: &str,
) -> Result<(), Failure> {
    let values = params![
        message.key,
        message.purpose.as_str(),
        message.kind.as_str(),
        user.map(UserId::get),
        message.language.as_ref().map(Language::as_str),
        rows::time_text(message.created_at)?,
        rows::time_text(message.expires_at)?,
        text,
        message.channel.as_str(),
    ];
    rows::change(connection, statement, values)?;
    Ok(())
}
