//! State: what the application provides and receivers take as further arguments.

use crate::answer::BoxError;
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::Arc,
};

/// A value kept under its type: an `Arc<T>` behind `Any`, where `T` may be unsized.
type Slot = Arc<dyn Any + Send + Sync>;

/// A type that a receiver takes by reference.
#[derive(Clone, Copy)]
pub struct Need {
    type_id: TypeId,
    type_name: fn() -> &'static str,
}

impl Need {
    #[doc(hidden)]
    pub const fn of<T: ?Sized + 'static>() -> Self {
        Self {
            type_id: TypeId::of::<T>(),
            type_name: std::any::type_name::<T>,
        }
    }

    /// The type's path, as the compiler writes it.
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

/// A value that is looked up at each call, kept under its type as others are.
struct Late<T: ?Sized>(Box<dyn Fn() -> Option<Arc<T>> + Send + Sync>);

/// Everything the application provides, by type.
#[derive(Clone, Default)]
pub(crate) struct Provided(HashMap<TypeId, Slot>);

impl Provided {
    /// Whether something of the same type was there before.
    pub(crate) fn insert<T: ?Sized + Send + Sync + 'static>(&mut self, value: Arc<T>) -> bool {
        self.0.insert(TypeId::of::<T>(), Arc::new(value)).is_some()
    }

    /// As [`insert`](Self::insert), for a value that is looked up at each call.
    pub(crate) fn insert_late<T: ?Sized + Send + Sync + 'static>(
        &mut self,
        find: impl Fn() -> Option<Arc<T>> + Send + Sync + 'static,
    ) -> bool {
        let late = Arc::new(Late(Box::new(find)));
        self.0.insert(TypeId::of::<T>(), late).is_some()
    }

    /// Whether a value of this type is provided, now or later.
    pub(crate) fn has<T: ?Sized + 'static>(&self) -> bool {
        self.0.contains_key(&TypeId::of::<T>())
    }

    /// The value of a type, if there is one.
    pub(crate) fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Option<&T> {
        let value: &Arc<T> = self.0.get(&TypeId::of::<T>())?.downcast_ref()?;
        Some(value)
    }

    /// Those of `needs` that nothing meets.
    pub(crate) fn missing<'a>(&'a self, needs: &'a [Need]) -> impl Iterator<Item = &'a Need> {
        needs
            .iter()
            .filter(|need| !self.0.contains_key(&need.type_id))
    }

    /// The state for one receiver, if all of its needs are met.
    pub(crate) fn select(&self, needs: &[Need]) -> Option<State> {
        let slots = needs.iter().map(|need| self.0.get(&need.type_id).cloned());
        slots.collect::<Option<_>>().map(State)
    }
}

/// The state of one receiver, in the order of its arguments.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct State(Arc<[Slot]>);

impl State {
    /// The value for the argument at `index`.
    ///
    /// # Errors
    /// For a value that is looked up at each call and is not there now. Never else for a state that a dispatcher selected
    /// by the same list of needs.
    #[inline]
    pub fn find<T: ?Sized + Send + Sync + 'static>(
        &self,
        index: usize,
    ) -> Result<Held<'_, T>, BoxError> {
        match self
            .0
            .get(index)
            .and_then(|slot| slot.downcast_ref::<Arc<T>>())
        {
            Some(value) => Ok(Held::Provided(value)),
            None => self.find_late(index),
        }
    }

    #[cold]
    fn find_late<T: ?Sized + Send + Sync + 'static>(
        &self,
        index: usize,
    ) -> Result<Held<'_, T>, BoxError> {
        let Some(Late(find)) = self
            .0
            .get(index)
            .and_then(|slot| slot.downcast_ref::<Late<T>>())
        else {
            return Err(BoxError::from("state was not selected for this receiver"));
        };
        find().map(Held::Late).ok_or_else(|| {
            let name = std::any::type_name::<T>();
            BoxError::from(format!(
                "the state {name} is not there: it is not made yet, or is gone already"
            ))
        })
    }
}

/// A value of the state while a receiver has it: one that is looked up at each call is kept for the call.
#[doc(hidden)]
#[expect(
    missing_debug_implementations,
    reason = "what a receiver takes need have none"
)]
#[expect(
    clippy::exhaustive_enums,
    reason = "made and taken apart by our own macro in other crates"
)]
pub enum Held<'a, T: ?Sized> {
    Provided(&'a T),
    Late(Arc<T>),
}

impl<T: ?Sized> Deref for Held<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self {
            Self::Provided(value) => value,
            Self::Late(value) => value,
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}
