//! A record of all that the signals tell, in order.

use std::mem;
use std::sync::{Arc, Mutex};

use phone_auth_events::{
    AccountClosed, AccountClosing, AccountClosingCancelled, AccountClosingScheduled,
    AccountExporting, AttemptLimited, Connection, EmailAdded, EmailLost, EmailRemoved,
    EmailVerified, Event, LinkFollowed, MessageRefused, PasswordChanged, PasswordWasReset,
    PhoneAdded, PhoneLost, PhoneRemoved, PhoneVerified, ResetPasswordEmail, ResetPasswordPhone,
    Sender, Signals, User, UserLoggedIn, UserLoggedOut, UserLoginFailed, UserSignedUp, VerifyEmail,
    VerifyPhone,
};
use phone_auth_tokens::{TokenIssued, TokenRefused};

/// A message that someone should deliver.
#[derive(Clone)]
pub struct Message {
    pub to: String,
    pub url: String,
    pub user: User,
}

impl Message {
    /// The id and the token of its link.
    pub fn parts(&self) -> (String, String) {
        let mut parts = self.url.trim_end_matches('/').rsplit('/');
        let token = parts.next().unwrap().to_owned();
        (parts.next().unwrap().to_owned(), token)
    }
}

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    messages: Vec<Message>,
}

/// All that was told since it was made or emptied.
pub struct Record {
    told: Arc<Mutex<Told>>,
    _connections: Vec<Connection>,
}

impl Record {
    pub fn of(signals: &Signals) -> Self {
        let told = Arc::new(Mutex::new(Told::default()));
        let listener = Listener {
            signals,
            told: &told,
        };
        let connections = vec![
            listener.to_event_user(|e: &UserSignedUp| (e.sender, Some(&e.user), String::new())),
            listener.to_event_user(|e: &UserLoggedIn| (e.sender, Some(&e.user), String::new())),
            listener.to_event_user(|e: &UserLoggedOut| (e.sender, Some(&e.user), String::new())),
            listener.to_event_user(|e: &UserLoginFailed| {
                (e.sender, e.user.as_ref(), format!("{:?}", e.kind))
            }),
            listener.to_event_user(|e: &AttemptLimited| {
                (e.sender, e.user.as_ref(), e.limit.to_string())
            }),
            listener.to_event_user(|e: &MessageRefused| {
                let effect = if e.enforced { "enforced" } else { "recorded" };
                (e.sender, e.user.as_ref(), format!("{} {effect}", e.reason))
            }),
            listener.to_event_user(|e: &PasswordChanged| (e.sender, Some(&e.user), String::new())),
            listener.to_event_user(|e: &PasswordWasReset| (e.sender, Some(&e.user), String::new())),
            listener.to_event_user(|e: &EmailAdded| (e.sender, Some(&e.user), e.email.clone())),
            listener.to_event_user(|e: &PhoneAdded| (e.sender, Some(&e.user), e.phone.clone())),
            listener.to_event_user(|e: &EmailRemoved| (e.sender, Some(&e.user), e.email.clone())),
            listener.to_event_user(|e: &PhoneRemoved| (e.sender, Some(&e.user), e.phone.clone())),
            listener.to_event_user(|e: &EmailLost| (e.sender, Some(&e.user), e.email.clone())),
            listener.to_event_user(|e: &PhoneLost| (e.sender, Some(&e.user), e.phone.clone())),
            listener.to_event_user(|e: &EmailVerified| (e.sender, Some(&e.user), e.email.clone())),
            listener.to_event_user(|e: &PhoneVerified| (e.sender, Some(&e.user), e.phone.clone())),
            listener.to_event_user(|e: &AccountClosing| (e.sender, Some(&e.user), String::new())),
            listener.to_event_user(|e: &AccountClosed| (e.sender, Some(&e.user), String::new())),
            listener.to_event_user(|e: &AccountClosingScheduled| {
                (e.sender, Some(&e.user), String::new())
            }),
            listener.to_event_user(|e: &AccountClosingCancelled| {
                (e.sender, Some(&e.user), String::new())
            }),
            listener.to_event_user(|e: &AccountExporting| (e.sender, Some(&e.user), String::new())),
            listener.to_event_user(|e: &TokenIssued| (e.sender, None, e.purpose.clone())),
            listener.to_event_user(|e: &TokenRefused| {
                (e.sender, None, format!("{} {:?}", e.purpose, e.reason))
            }),
            listener.to_event_user(|e: &LinkFollowed| (e.sender, None, e.name.clone())),
            listener.message(|e: &ResetPasswordEmail| {
                message(e.sender, &e.user, e.url.as_str(), &e.email)
            }),
            listener.message(|e: &ResetPasswordPhone| {
                message(e.sender, &e.user, e.url.as_str(), &e.phone)
            }),
            listener
                .message(|e: &VerifyEmail| message(e.sender, &e.user, e.url.as_str(), &e.email)),
            listener
                .message(|e: &VerifyPhone| message(e.sender, &e.user, e.url.as_str(), &e.phone)),
        ];
        Self {
            told,
            _connections: connections,
        }
    }

    /// Every signal that was told, one line each: its name, sender, username and what else it says.
    pub fn take(&self) -> Vec<String> {
        let mut told = self.told.lock().unwrap();
        told.messages.clear();
        mem::take(&mut told.lines)
    }

    /// The same without what tokens and links tell.
    pub fn take_flows(&self) -> Vec<String> {
        let mut lines = self.take();
        lines.retain(|line| !line.starts_with("token_") && !line.starts_with("link_"));
        lines
    }

    pub fn messages(&self) -> Vec<Message> {
        self.told.lock().unwrap().messages.clone()
    }

    /// The only message that was told.
    pub fn take_message(&self) -> Message {
        let mut messages = mem::take(&mut self.told.lock().unwrap().messages);
        assert_eq!(messages.len(), 1);
        messages.remove(0)
    }

    pub fn forget(&self) {
        *self.told.lock().unwrap() = Told::default();
    }
}

struct Listener<'a> {
    signals: &'a Signals,
    told: &'a Arc<Mutex<Told>>,
}

impl Listener<'_> {
    fn to_event_user<E: Event>(
        &self,
        read: impl Fn(&E) -> (Sender, Option<&User>, String) + Send + Sync + 'static,
    ) -> Connection {
        let told = Arc::clone(self.told);
        self.signals.connect(move |event: &E| {
            let (sender, user, rest) = read(event);
            told.lock()
                .unwrap()
                .lines
                .push(line::<E>(sender, user, &rest));
        })
    }

    fn message<E: Event>(
        &self,
        read: impl Fn(&E) -> (Sender, Message) + Send + Sync + 'static,
    ) -> Connection {
        let told = Arc::clone(self.told);
        self.signals.connect(move |event: &E| {
            let (sender, message) = read(event);
            let line = line::<E>(sender, Some(&message.user), &message.to);
            let mut told = told.lock().unwrap();
            told.lines.push(line);
            told.messages.push(message);
        })
    }
}

fn line<E: Event>(sender: Sender, user: Option<&User>, rest: &str) -> String {
    let username = user.map_or("-", |user| user.username.as_str());
    let line = format!(
        "{} {} {username} {rest}",
        E::signal().info().name,
        sender.as_str()
    );
    line.trim_end().to_owned()
}

fn message(sender: Sender, user: &User, url: &str, to: &str) -> (Sender, Message) {
    let message = Message {
        to: to.to_owned(),
        url: url.to_owned(),
        user: user.clone(),
    };
    (sender, message)
}
