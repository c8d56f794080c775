//! The macro that turns the body of a routine into its two symbols.

/// Defines for each routine a function over both precisions, with the given body, and its two
/// symbols, which read the arguments that are passed by reference. Kinds of arguments: `letter`,
/// `int` and `value` (a scalar) arrive by value, `input`, `output` and `ints` as pointers.
/// A routine with `-> info` returns what the symbol stores there, its last argument.
macro_rules! routines {
    (@value $real:ty, letter) => { u8 };
    (@value $real:ty, int) => { std::ffi::c_int };
    (@value $real:ty, value) => { $real };
    (@value $real:ty, $pointer:ident) => { $crate::routine::routines!(@pointer $real, $pointer) };
    (@pointer $real:ty, letter) => { *const std::ffi::c_char };
    (@pointer $real:ty, int) => { *const std::ffi::c_int };
    (@pointer $real:ty, ints) => { *mut std::ffi::c_int };
    (@pointer $real:ty, output) => { *mut $real };
    (@pointer $real:ty, $read:ident) => { *const $real };
    (@read letter $argument:ident) => { (*$argument as u8).to_ascii_uppercase() };
    (@read int $argument:ident) => { *$argument };
    (@read value $argument:ident) => { *$argument };
    (@read $pointer:ident $argument:ident) => { $argument };
    (@result info) => { std::ffi::c_int };
    (@symbol $real:ty, $symbol:ident = $name:ident($($argument:ident: $kind:ident),*) $($info:ident)?) => {
        /// The function of the same name for one precision.
        ///
        /// # Safety
        ///
        /// The pointers satisfy the contract of the routine.
        #[unsafe(no_mangle)]
        pub(crate) unsafe extern "C" fn $symbol(
            $($argument: $crate::routine::routines!(@pointer $real, $kind),)* $($info: *mut std::ffi::c_int,)?
        ) {
            // SAFETY: the contract of the routine.
            unsafe {
                $(*$info =)? $name::<$real>($($crate::routine::routines!(@read $kind $argument)),*);
            }
        }
    };
    (@symbols $single:ident, $double:ident, $($rest:tt)*) => {
        $crate::routine::routines!(@symbol f32, $single = $($rest)*);
        $crate::routine::routines!(@symbol f64, $double = $($rest)*);
    };
    ($(
        $(#[$doc:meta])*
        $single:ident, $double:ident = $name:ident(
            $($argument:ident: $kind:ident),*
        ) $(-> $info:ident)? $body:block
    )*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// The pointers satisfy the contract of the routine.
        pub(crate) unsafe fn $name<T: $crate::view::Real>(
            $($argument: $crate::routine::routines!(@value T, $kind)),*
        ) $(-> $crate::routine::routines!(@result $info))? {
            // SAFETY: the contract of the routine. The bodies make a view only of what it says to
            // exist for arguments that they have checked.
            unsafe { $body }
        }
        $crate::routine::routines!(@symbols $single, $double, $name($($argument: $kind),*) $($info)?);
    )*};
}
pub(crate) use routines;
