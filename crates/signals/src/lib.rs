//! Typed signals whose receivers are checked by the compiler and registered by the linker.
