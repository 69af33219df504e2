//! Builds a dispatcher and refuses one that could not work.

use crate::{
    Place, ReceiverInfo, SetupError, Signals, WeakSignals, any_signal::AnySignal, catalogue,
    config::DispatcherConfig, setup_error::Problem, trace,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Builds a [`Signals`] dispatcher.
///
/// # Examples
/// ```
/// use phone_auth_signals::{SetupErrorKind, Signals};
/// use std::time::Duration;
///
/// let builder = Signals::builder().isolated().provide(7_u8).timeout(Duration::from_secs(30));
/// assert!(builder.build().is_ok());
///
/// let error = Signals::builder().isolated().disable_receiver("nobody").build().unwrap_err();
/// assert_eq!(error.kind(), SetupErrorKind::UnknownId);
/// ```
#[derive(Default)]
#[must_use = "a builder makes no dispatcher until `build` is called"]
pub struct SignalsBuilder {
    config: DispatcherConfig,
    problems: Vec<Problem>,
}

impl Signals {
    /// A builder of a dispatcher with all linked receivers.
    pub fn builder() -> SignalsBuilder {
        SignalsBuilder::default()
    }

    /// A dispatcher with all linked receivers and no state.
    ///
    /// # Errors
    /// As [`SignalsBuilder::build`]; above all when a linked receiver takes state.
    pub fn linked() -> Result<Self, SetupError> {
        Self::builder().build()
    }
}

impl SignalsBuilder {
    /// Provides state: every receiver with an argument `&T` gets this value.
    ///
    /// # Examples
    /// ```
    /// let builder = phone_auth_signals::Signals::builder().provide(String::from("https://example.org"));
    /// assert!(builder.provided::<String>().is_some());
    /// ```
    pub fn provide<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.provide_arc(Arc::new(value))
    }

    /// Provides state that others share, or that is known by a trait: `provide_arc::<dyn Mailer>(mailer)` is what a
    /// receiver with an argument `&dyn Mailer` takes.
    ///
    /// # Examples
    /// ```
    /// use std::fmt::Display;
    /// use std::sync::Arc;
    ///
    /// let name: Arc<dyn Display + Send + Sync> = Arc::new("example.org");
    /// let builder = phone_auth_signals::Signals::builder().provide_arc(name);
    /// assert!(builder.provided::<dyn Display + Send + Sync>().is_some());
    /// ```
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        if self.config.provided.insert(value) {
            self.problems.push(Problem::ProvidedTwice {
                type_name: std::any::type_name::<T>(),
            });
        }
        self
    }

    /// Provides state that is looked up at each call, and kept for the call: what is made after the dispatcher, or holds
    /// it. A value that holds the dispatcher would keep it for ever; let `find` go through a [`Weak`](std::sync::Weak).
    /// While it finds nothing, the receivers that take it fail.
    ///
    /// The dispatcher itself is provided to every receiver with an argument `&Signals`, unless another is.
    ///
    /// # Examples
    /// ```standalone_crate
    /// use phone_auth_signals::Signals;
    /// use std::sync::{Arc, OnceLock, Weak};
    ///
    /// struct Shop { signals: Signals }
    ///
    /// let shop: Arc<OnceLock<Weak<Shop>>> = Arc::default();
    /// let find = Arc::clone(&shop);
    /// let signals = Signals::builder().provide_late(move || find.get()?.upgrade()).build()?;
    /// let made = Arc::new(Shop { signals });
    /// assert!(shop.set(Arc::downgrade(&made)).is_ok());
    /// # drop(made);
    /// # Ok::<(), phone_auth_signals::SetupError>(())
    /// ```
    pub fn provide_late<T: ?Sized + Send + Sync + 'static>(
        mut self,
        find: impl Fn() -> Option<Arc<T>> + Send + Sync + 'static,
    ) -> Self {
        if self.config.provided.insert_late(find) {
            self.problems.push(Problem::ProvidedTwice {
                type_name: std::any::type_name::<T>(),
            });
        }
        self
    }

    /// The state of this type that was provided so far, if any was: for the one who decides by it what else is provided
    /// or disabled. State that is looked up [late](Self::provide_late) is not there yet.
    ///
    /// # Examples
    /// ```
    /// let builder = phone_auth_signals::Signals::builder().provide(7_u8);
    /// assert_eq!(builder.provided::<u8>(), Some(&7));
    /// assert_eq!(builder.provided::<u16>(), None);
    /// ```
    pub fn provided<T: ?Sized + Send + Sync + 'static>(&self) -> Option<&T> {
        self.config.provided.get()
    }

    /// Leaves out the linked receivers with this id: the one that was given, otherwise the path of the function. What
    /// they need need not be provided.
    ///
    /// # Examples
    /// ```
    /// let builder = phone_auth_signals::Signals::builder().disable_receiver("orders.mail");
    /// // No receiver of this program is called so.
    /// assert!(builder.build().is_err());
    /// ```
    pub fn disable_receiver(mut self, id: impl Into<String>) -> Self {
        self.config.disabled.insert(id.into());
        self
    }

    /// Leaves out all linked receivers.
    ///
    /// # Examples
    /// ```
    /// let signals = phone_auth_signals::Signals::builder().isolated().build()?;
    /// # let _ = signals;
    /// # Ok::<(), phone_auth_signals::SetupError>(())
    /// ```
    pub fn isolated(mut self) -> Self {
        self.config.is_isolated = true;
        self
    }

    /// The time-out of every `async` receiver that has none of its own. Without it, such a receiver may wait for ever.
    /// It needs Tokio's timer wherever this dispatcher sends.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = phone_auth_signals::Signals::builder().timeout(Duration::from_secs(30));
    /// # assert!(builder.isolated().build().is_ok());
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = Some(timeout);
        self
    }

    /// Whether reports say how long each receiver took. Without this they do, except those of
    /// [`send_robust_sync`](Signals::send_robust_sync), where reading the clock costs more than calling the receiver.
    ///
    /// # Examples
    /// ```
    /// // Reports without times: a dispatch reads no clock.
    /// let builder = phone_auth_signals::Signals::builder().timed(false);
    /// # assert!(builder.isolated().build().is_ok());
    /// ```
    pub fn timed(mut self, timed: bool) -> Self {
        self.config.timed = Some(timed);
        self
    }

    /// Builds the dispatcher.
    ///
    /// # Errors
    /// With one sentence for each problem, all at once: state that a receiver takes and nobody provided
    /// ([`MissingState`](crate::SetupErrorKind::MissingState)), unless the receiver is optional, or someone provided twice
    /// ([`ProvidedTwice`](crate::SetupErrorKind::ProvidedTwice)), two receivers of one signal with one id
    /// ([`DuplicateId`](crate::SetupErrorKind::DuplicateId)), an id to disable that no receiver has
    /// ([`UnknownId`](crate::SetupErrorKind::UnknownId)), receivers that the linker dropped
    /// ([`RegistriesDisagree`](crate::SetupErrorKind::RegistriesDisagree)), a crate that declares signals and is linked in two
    /// versions ([`TwoVersions`](crate::SetupErrorKind::TwoVersions)).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_signals::{SetupErrorKind, Signals};
    ///
    /// let error = Signals::builder().provide(7_u8).provide(8_u8).build().unwrap_err();
    /// assert_eq!(error.kind(), SetupErrorKind::ProvidedTwice);
    /// ```
    pub fn build(mut self) -> Result<Signals, SetupError> {
        let signals = catalogue::signals();
        let itself: Arc<OnceLock<WeakSignals>> = Arc::default();
        if !self.config.provided.has::<Signals>() {
            let itself = Arc::clone(&itself);
            let find = move || itself.get()?.upgrade().map(Arc::new);
            self.config.provided.insert_late::<Signals>(find);
        }
        let (mut missing, mut idle) = (BTreeSet::new(), BTreeMap::new());
        // Without linked receivers none can be missing, and `Signals::isolated` asks for nothing either.
        if !self.config.is_isolated {
            for signal in signals {
                self.check(*signal, &mut missing, &mut idle);
            }
            for [first, second] in catalogue::versions() {
                self.problems.push(Problem::TwoVersions { first, second });
            }
        }
        for id in &self.config.disabled {
            let is_known = signals
                .iter()
                .any(|signal| signal.receiver_infos().iter().any(|info| info.id() == id));
            if !is_known {
                self.problems.push(Problem::UnknownId { id: id.clone() });
            }
        }
        if let Some(error) = SetupError::from_problems(self.problems) {
            return Err(error);
        }
        for (_, (receiver, lacks)) in idle {
            trace::idle(receiver, &lacks);
        }
        let signals = Signals::from_config(self.config);
        itself.get_or_init(|| signals.downgrade());
        Ok(signals)
    }

    /// Finds what is wrong with a signal. What a receiver of several signals lacks is said once: `missing` are the
    /// functions and what they lack, `idle` the optional ones that lack something.
    fn check(
        &mut self,
        signal: &'static dyn AnySignal,
        missing: &mut BTreeSet<(Place, &'static str)>,
        idle: &mut BTreeMap<Place, (&'static ReceiverInfo, Vec<&'static str>)>,
    ) {
        let registries = signal.registries();
        if !registries.is_whole() {
            self.problems
                .push(Problem::RegistriesDisagree { registries });
        }
        let mut ids = HashMap::new();
        for receiver in signal.receiver_infos() {
            if self.config.disabled.contains(receiver.id()) {
                continue;
            }
            let lacks: Vec<_> = self.config.provided.missing(receiver.needs()).collect();
            if receiver.is_optional() && !lacks.is_empty() {
                let lacks = lacks.iter().map(|it| it.type_name()).collect();
                idle.insert(*receiver.place(), (receiver, lacks));
                continue;
            }
            for need in lacks {
                let type_name = need.type_name();
                if missing.insert((*receiver.place(), type_name)) {
                    self.problems.push(Problem::MissingState {
                        receiver,
                        type_name,
                    });
                }
            }
            // Automatic ids too: what is called, and what became of it, is kept by the id.
            if let Some(first) = ids.insert(receiver.id(), receiver) {
                self.problems.push(Problem::DuplicateId {
                    signal: signal.info().name,
                    first,
                    second: receiver,
                });
            }
        }
    }
}

impl std::fmt::Debug for SignalsBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignalsBuilder")
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}
