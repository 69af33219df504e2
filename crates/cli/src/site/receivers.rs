//! Who receives the messages, by the manifest of the linked receivers.

use std::fmt;

use phone_auth::delivery::development::RECEIVERS;
use phone_auth::delivery::sms_gateway;
use phone_auth::signals::{
    AddressKind, Channel, LoginEmail, LoginPhone, Manifest, MessageSignal, Purpose,
    ResetPasswordEmail, ResetPasswordPhone, SecurityNoticeEmail, SecurityNoticePhone, VerifyEmail,
    VerifyPhone,
};
use phone_auth::{PhoneAuthBuilder, Signals};

use crate::configuration::Configuration;
use crate::delivery::{self, Target};
use crate::start::mode::{self, MESSAGES, Mode, Process};
use crate::terminal::visible::Visible;

/// Says that nobody receives a signal.
pub(super) fn without(auth: PhoneAuthBuilder, signal: MessageSignal) -> PhoneAuthBuilder {
    match signal {
        MessageSignal::ResetPasswordEmail => auth.allow_unreceived::<ResetPasswordEmail>(),
        MessageSignal::ResetPasswordPhone => auth.allow_unreceived::<ResetPasswordPhone>(),
        MessageSignal::VerifyEmail => auth.allow_unreceived::<VerifyEmail>(),
        MessageSignal::VerifyPhone => auth.allow_unreceived::<VerifyPhone>(),
        MessageSignal::LoginEmail => auth.allow_unreceived::<LoginEmail>(),
        MessageSignal::LoginPhone => auth.allow_unreceived::<LoginPhone>(),
        MessageSignal::SecurityNoticeEmail => auth.allow_unreceived::<SecurityNoticeEmail>(),
        MessageSignal::SecurityNoticePhone => auth.allow_unreceived::<SecurityNoticePhone>(),
    }
}

/// Who gets the messages, the development mode aside.
#[derive(Debug)]
pub(crate) struct Reception {
    /// The signals whose messages are asked for and nobody would get.
    pub(crate) missing: Vec<&'static str>,
    /// Whether someone is there to send messages, of whichever signal.
    pub(crate) is_sent: bool,
    /// The ids of receivers that would get messages, were they not disabled by name.
    pub(crate) disabled: Vec<String>,
}

/// Who gets the messages, by the settings and the linked receivers.
pub(crate) fn reception(configuration: &Configuration) -> Reception {
    let off = &configuration.messages.disabled_receivers;
    let mut missing = MESSAGES.to_vec();
    missing.retain(|signal| is_needed(configuration, signal));
    let mut disabled = Vec::new();
    let mut is_sent = !delivery::targets(configuration).is_empty();
    for receiver in linked().receivers {
        let is_a_sender = MESSAGES.contains(&receiver.signal)
            && !RECEIVERS.contains(&receiver.id.as_str())
            && !delivery::is_off(configuration, &receiver.id, receiver.signal);
        if !is_a_sender {
            continue;
        }
        is_sent = true;
        if !off.contains(&receiver.id) {
            missing.retain(|signal| *signal != receiver.signal);
        } else if !disabled.contains(&receiver.id) {
            disabled.push(receiver.id);
        }
    }
    Reception {
        missing,
        is_sent,
        disabled,
    }
}

/// A channel that the site offers and nobody sends by: the SMS gateway sends text messages alone. Of a receiver of the application it
/// is not known what it sends, so it is taken for one that sends all.
pub(crate) fn unsent_channel(configuration: &Configuration) -> Option<Channel> {
    let off = &configuration.messages.disabled_receivers;
    let is_sent = |signal: MessageSignal, channel: Channel| {
        linked().receivers.iter().any(|receiver| {
            receiver.signal == signal.name()
                && !RECEIVERS.contains(&receiver.id.as_str())
                && !off.contains(&receiver.id)
                && !delivery::is_off(configuration, &receiver.id, receiver.signal)
                && (channel == Channel::Sms || receiver.id != sms_gateway::RECEIVER)
        })
    };
    let settings = &configuration.accounts;
    let allowed = &configuration.messages.allow_unreceived;
    let signals = MESSAGES.into_iter().filter_map(MessageSignal::named);
    let phones = signals.filter(|it| it.kind() == AddressKind::Phone && !allowed.contains(it));
    // Where nobody receives it at all, it is not sent, or the start says so.
    let may_go = |it: &MessageSignal| {
        settings.sends(*it) || settings.may_send(*it) && is_sent(*it, Channel::Sms)
    };
    let needed: Vec<_> = phones.filter(may_go).collect();
    let mut channels = settings.phone_channels.iter().copied();
    channels.find(|channel| needed.iter().any(|signal| !is_sent(*signal, *channel)))
}

/// By which kinds of addresses the site sends security notices.
pub(crate) fn kinds_of_notices(configuration: &Configuration) -> Vec<AddressKind> {
    let receivers = manifest(configuration).receivers;
    let is_sent = |kind: &AddressKind| {
        MessageSignal::of(Purpose::SecurityNotice, *kind).is_some_and(|signal| {
            let mut called = receivers.iter().filter(|it| it.is_called());
            called.any(|receiver| receiver.signal == signal.name())
        })
    };
    [AddressKind::Email, AddressKind::Phone]
        .into_iter()
        .filter(is_sent)
        .collect()
}

/// The signals of codes by which users who have no password confirm who they are, and that nobody receives, although messages to such
/// addresses are received. Where users sign in by code, the start refuses it.
pub(crate) fn unconfirmed(configuration: &Configuration) -> Vec<&'static str> {
    let receivers = manifest(configuration).receivers;
    let is_sent = |signal: MessageSignal| {
        let mut called = receivers.iter().filter(|it| it.is_called());
        called.any(|receiver| receiver.signal == signal.name())
    };
    let of = |purpose, kind| MessageSignal::of(purpose, kind);
    let accounts = &configuration.accounts;
    let kinds = [AddressKind::Email, AddressKind::Phone].into_iter();
    let kinds = kinds.filter(|kind| accounts.has_addresses(*kind) && !accounts.login_by_code);
    let is_reached = |kind| of(Purpose::Verify, kind).is_some_and(is_sent);
    let signals = kinds.filter_map(|kind| of(Purpose::Confirm, kind).filter(|_| is_reached(kind)));
    signals
        .filter(|it| !is_sent(*it) && !configuration.messages.allow_unreceived.contains(it))
        .map(MessageSignal::name)
        .collect()
}

/// Whether this site has messages of this signal to send, and someone is to send them.
fn is_needed(configuration: &Configuration, signal: &str) -> bool {
    let signal = MessageSignal::named(signal);
    let is_on = signal.is_none_or(|signal| configuration.accounts.sends(signal));
    is_on && signal.is_none_or(|signal| !configuration.messages.allow_unreceived.contains(&signal))
}

/// Every signal and receiver of the program, marked as the site would call them. Unlike the manifest
/// of a dispatcher, it is there also when a receiver lacks its state and no dispatcher can be built.
pub(crate) fn manifest(configuration: &Configuration) -> Manifest {
    let mut manifest = linked();
    let mode = mode::decide(configuration, &reception(configuration), Process::Site);
    let is_development = mode.is_ok_and(|mode| mode == Mode::Development);
    for receiver in &mut manifest.receivers {
        let is_of_development = RECEIVERS.contains(&receiver.id.as_str());
        receiver.idle = delivery::is_off(configuration, &receiver.id, receiver.signal);
        receiver.disabled = (is_of_development && !is_development)
            || configuration
                .messages
                .disabled_receivers
                .contains(&receiver.id);
    }
    manifest
}

/// What is linked, called or not.
fn linked() -> Manifest {
    Signals::isolated().manifest()
}

/// Where the messages of a signal go, besides to the development mode.
#[derive(Debug)]
pub(crate) struct Destination {
    signal: &'static str,
    /// How they are sent and to where, or the id of a receiver of which that is not known.
    to: Vec<String>,
}

impl Destination {
    /// Whether nobody gets them.
    pub(crate) fn is_nobody(&self) -> bool {
        self.to.is_empty()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = if self.is_nobody() {
            "nobody".to_owned()
        } else {
            self.to.join(", ")
        };
        write!(f, "  {:<20} to {to}", self.signal)
    }
}

/// What sends the messages, each once: `SMTP (mail.example.org) and SMS gateway (sms.example)`. None if nothing does.
pub(crate) fn senders(destinations: &[Destination]) -> Option<String> {
    let mut senders: Vec<&str> = Vec::new();
    for sender in destinations.iter().flat_map(|it| &it.to) {
        if !senders.contains(&sender.as_str()) {
            senders.push(sender);
        }
    }
    let last = senders.pop()?;
    if senders.is_empty() {
        return Some(last.to_owned());
    }
    Some(format!("{} and {last}", senders.join(", ")))
}

/// Where the messages of each signal go.
pub(crate) fn destinations(configuration: &Configuration) -> Vec<Destination> {
    let receivers = manifest(configuration).receivers;
    let targets = delivery::targets(configuration);
    let described = |id: &str| {
        let target = targets
            .iter()
            .find(|target: &&Target<'_>| target.receiver == id);
        match target {
            Some(target) => target.sender.clone(),
            None => Visible(id).to_string(),
        }
    };
    let to = |signal: &str| {
        let called = receivers.iter().filter(|receiver| {
            let is_of_development = RECEIVERS.contains(&receiver.id.as_str());
            receiver.signal == signal && receiver.is_called() && !is_of_development
        });
        called.map(|receiver| described(&receiver.id)).collect()
    };
    let settings = &configuration.accounts;
    let all = MessageSignal::ALL.into_iter().map(|signal| {
        let name = signal.name();
        let to: Vec<_> = to(name);
        // Those of signing in are sent without that flow where someone receives them, see [`unconfirmed`].
        let is_sent =
            settings.has_flow(signal.purpose()) || settings.may_send(signal) && !to.is_empty();
        is_sent.then_some(Destination { signal: name, to })
    });
    all.flatten().collect()
}
