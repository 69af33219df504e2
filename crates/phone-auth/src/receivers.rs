//! The receivers of a site: what is provided to them, which are left out, and which messages nobody receives.

use std::sync::Arc;

use crate::core::accounts::{Accounts, AccountsBuilder, AccountsHandle};
use crate::core::settings::{NoticesBy, Settings};
use crate::signals::{
    AddressKind, Channel, MessageSignal, Purpose, ReceiverInfo, SetupError, Signals,
    SignalsBuilder, SiteOrigin,
};

/// The dispatcher of a site before it is built.
#[derive(Default)]
pub(crate) struct Receivers {
    builder: SignalsBuilder,
    /// Whether anything was said of it, so that another dispatcher would drop it.
    pub(crate) is_described: bool,
}

impl Receivers {
    /// Says more of them.
    pub(crate) fn describe(&mut self, change: impl FnOnce(SignalsBuilder) -> SignalsBuilder) {
        self.builder = change(std::mem::take(&mut self.builder));
        self.is_described = true;
    }

    /// Whether messages would be shown on this machine.
    #[cfg(feature = "development")]
    pub(crate) fn show_messages(&self) -> bool {
        use crate::delivery::development::{LinePrinter, Mailbox};
        self.builder.provided::<Mailbox>().is_some()
            || self.builder.provided::<LinePrinter>().is_some()
    }

    /// The flows, told what text messages say, where a gateway here sends them.
    #[cfg_attr(
        not(feature = "sms-gateway"),
        expect(clippy::unused_self, reason = "there is no gateway to ask")
    )]
    pub(crate) fn say_to(&self, accounts: AccountsBuilder) -> AccountsBuilder {
        #[cfg(feature = "sms-gateway")]
        if let Some(gateway) = self
            .builder
            .provided::<crate::delivery::sms_gateway::SmsGateway>()
        {
            return accounts.phone_carries(gateway.carries().clone());
        }
        accounts
    }

    /// The dispatcher, whose receivers find the flows by this handle, and what its receivers leave alone.
    ///
    /// # Errors
    /// When a linked receiver cannot be used as it is.
    pub(crate) fn build(
        self,
        site: &SiteOrigin,
        accounts: &AccountsHandle,
    ) -> Result<(Signals, LeftAlone), SetupError> {
        let accounts = accounts.clone();
        let find = move || accounts.upgrade().map(Arc::new);
        let mut builder = self.builder.provide_late::<Accounts>(find);
        if builder.provided::<SiteOrigin>().is_none() {
            builder = builder.provide(site.clone());
        }
        let left_alone = LeftAlone::by(&builder);
        let dispatcher = builder.build()?;
        Ok((dispatcher, left_alone))
    }
}

/// The signals that ready receivers were told to leave alone: the id of the receiver, and the signal.
#[derive(Default)]
pub(crate) struct LeftAlone(Vec<(&'static str, MessageSignal)>);

impl LeftAlone {
    #[cfg_attr(
        not(any(feature = "webhook", feature = "nats")),
        expect(
            unused_variables,
            unused_mut,
            reason = "no ready receiver can be told to"
        )
    )]
    fn by(builder: &SignalsBuilder) -> Self {
        let mut left = Self::default();
        #[cfg(feature = "webhook")]
        if let Some(webhook) = builder.provided::<crate::delivery::webhook::Webhook>() {
            left.note(crate::delivery::webhook::RECEIVER, |signal| {
                webhook.takes(signal)
            });
        }
        #[cfg(feature = "nats")]
        if let Some(nats) = builder.provided::<crate::delivery::nats::Nats>() {
            left.note(crate::delivery::nats::RECEIVER, |signal| nats.takes(signal));
        }
        left
    }

    #[cfg(any(feature = "webhook", feature = "nats"))]
    fn note(&mut self, receiver: &'static str, takes: impl Fn(&str) -> bool) {
        let left = MessageSignal::ALL.into_iter();
        let left = left.filter(|signal| !takes(signal.name()));
        self.0.extend(left.map(|signal| (receiver, signal)));
    }

    /// Who receives a signal and does not leave it alone.
    fn receivers_of(&self, signal: MessageSignal, dispatcher: &Signals) -> Vec<ReceiverInfo> {
        let mut receivers = signal.receivers(dispatcher);
        receivers.retain(|receiver| {
            let mut left = self.0.iter();
            !left.any(|(id, left)| *id == receiver.id() && *left == signal)
        });
        receivers
    }
}

/// Which messages have a receiver.
pub(crate) struct Reception<'a> {
    pub(crate) dispatcher: &'a Signals,
    pub(crate) left_alone: &'a LeftAlone,
    /// The messages that nobody needs to receive.
    pub(crate) allowed: &'a [&'static str],
}

impl Reception<'_> {
    /// The signals whose messages go to addresses that users have here, and that nobody receives although someone must.
    pub(crate) fn missing(&self, settings: &Settings) -> Vec<&'static str> {
        // A site that knows no notices goes without.
        let is_sent = |signal: &MessageSignal| signal.has_link() && settings.sends(*signal);
        let is_missing = |signal: &MessageSignal| {
            let receivers = self.left_alone.receivers_of(*signal, self.dispatcher);
            receivers.is_empty() && !self.allowed.contains(&signal.name())
        };
        let sent = MessageSignal::ALL.into_iter().filter(is_sent);
        sent.filter(is_missing).map(MessageSignal::name).collect()
    }

    /// A channel that the settings offer, with the signals whose messages nobody sends by it: the SMS gateway sends text messages
    /// alone. Of a receiver of the application it is not known what it sends, so it is taken for one that sends all.
    pub(crate) fn unsent_channel(&self, settings: &Settings) -> Option<UnsentChannel> {
        let of = |channel: Channel| {
            let is_unsent = |signal: &MessageSignal| {
                let receivers = self.left_alone.receivers_of(*signal, self.dispatcher);
                let sends = |it: &ReceiverInfo| channel == Channel::Sms || !is_gateway(it.id());
                // Nobody is asked by which channel they want a notice: it goes by the usual one.
                let may_go = signal.has_link() || settings.phone_channels.first() == Some(&channel);
                let is_needed = signal.kind() == AddressKind::Phone
                    && may_go
                    && settings.may_send(*signal)
                    && !self.allowed.contains(&signal.name());
                // Where nobody receives it at all, that is said, and of notices nobody need.
                is_needed && !receivers.is_empty() && !receivers.iter().any(sends)
            };
            let unsent = MessageSignal::ALL.into_iter().filter(is_unsent);
            let signals: Vec<_> = unsent.map(MessageSignal::name).collect();
            (!signals.is_empty()).then_some(UnsentChannel { channel, signals })
        };
        settings.phone_channels.iter().copied().find_map(of)
    }

    /// Says what a site goes without that nobody need receive.
    pub(crate) fn tell_what_is_lacking(&self, accounts: &Accounts) {
        if self.lacks_notices(accounts.settings()) {
            tracing::info!(
                "nobody receives security_notice_email or security_notice_phone: users are not told that their account was changed"
            );
        }
        if self.lacks_confirmations(accounts) {
            tracing::info!(
                "nobody receives login_email or login_phone for all kinds of addresses: users without a password get no code there \
                 to confirm who they are"
            );
        }
    }

    /// Whether users are to be told of changes, and nobody sends them notices.
    fn lacks_notices(&self, settings: &Settings) -> bool {
        let mut notices = MessageSignal::ALL.into_iter();
        let is_missing = |signal: MessageSignal| {
            settings.has_addresses(signal.kind())
                && !self.allowed.contains(&signal.name())
                && self
                    .left_alone
                    .receivers_of(signal, self.dispatcher)
                    .is_empty()
        };
        settings.notices != NoticesBy::Off
            && notices.all(|signal| signal.has_link() || is_missing(signal))
    }

    /// Whether users who have no password are to confirm who they are, and nobody sends them a code.
    fn lacks_confirmations(&self, accounts: &Accounts) -> bool {
        let settings = accounts.settings();
        let mut kinds = [AddressKind::Email, AddressKind::Phone].into_iter();
        let is_lacking = |kind: AddressKind| {
            let signal = MessageSignal::of(Purpose::Confirm, kind);
            let is_allowed = signal.is_some_and(|it| self.allowed.contains(&it.name()));
            let is_silent = !is_allowed && !accounts.offers(Purpose::Confirm, kind);
            settings.has_addresses(kind) && is_silent
        };
        kinds.any(is_lacking)
    }

    /// The signals that nobody receives, on purpose. Receivers of the development mode do not count: they show a site
    /// as it will be. Of the codes that confirm who a user is nobody need be there, so those that all leave alone are among them.
    pub(crate) fn unsent(&self) -> Vec<&'static str> {
        let is_unsent = |signal: &MessageSignal| {
            let receivers = self.left_alone.receivers_of(*signal, self.dispatcher);
            let is_left_alone = signal.purpose() == Purpose::LogIn
                && receivers.is_empty()
                && !signal.receivers(self.dispatcher).is_empty();
            let mut receivers = receivers.iter();
            receivers.all(|receiver| is_of_development(receiver.id()))
                && (is_left_alone || self.allowed.contains(&signal.name()))
        };
        let unsent = MessageSignal::ALL.into_iter().filter(is_unsent);
        unsent.map(MessageSignal::name).collect()
    }
}

/// A channel that is offered and by which nobody sends some messages.
pub(crate) struct UnsentChannel {
    pub(crate) channel: Channel,
    /// The signals of these messages.
    pub(crate) signals: Vec<&'static str>,
}

/// Whether a receiver is the one that sends text messages and nothing else.
#[cfg(feature = "sms-gateway")]
fn is_gateway(id: &str) -> bool {
    id == crate::delivery::sms_gateway::RECEIVER
}

#[cfg(not(feature = "sms-gateway"))]
fn is_gateway(_id: &str) -> bool {
    false
}

/// Whether a receiver is one of the development mode or of a test, which send nothing: their ids say so.
fn is_of_development(id: &str) -> bool {
    id.starts_with("phone_auth.development.")
}
