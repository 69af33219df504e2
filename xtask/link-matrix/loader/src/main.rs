//! Opens the C library named by its first argument, as a program in another language would, and calls it.

use std::ffi::{CString, c_char, c_int, c_void};

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// Bind every symbol now, so that a missing one is found here.
const RTLD_NOW: c_int = 2;

fn main() {
    let path = std::env::args().nth(1).expect("the path of a library");
    let path = CString::new(path).expect("a path without NUL");
    // SAFETY: both are the C library's, called as it describes; the library is never closed.
    let symbol = unsafe {
        let library = dlopen(path.as_ptr(), RTLD_NOW);
        assert!(!library.is_null(), "the library cannot be opened");
        dlsym(library, c"print_report".as_ptr())
    };
    assert!(!symbol.is_null(), "the library has no `print_report`");
    // SAFETY: the symbol is the function of this type that the crate `cdylib` exports.
    let print_report = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn()>(symbol) };
    print_report();
}
