//! The BLAS and LAPACK routines that `clarabel` calls, under their Fortran names, on `faer`.
//!
//! With its features `sdp`, `blas-src` and `lapack-src` and no provider chosen, `clarabel` leaves 22 symbols undefined:
//! eleven routines in single and double precision. This crate defines them, so that a C linker is all a build needs: no
//! Fortran compiler, no system library. It has no interface in Rust; whoever depends on it makes the linker see it,
//!
//! ```
//! extern crate lapack_faer as _;
//! ```
//!
//! in the crate that calls `clarabel`. The feature `system-blas` defines nothing and links a library of the system
//! instead: `openblas`, or what the environment variable `UFMIN_BLAS` names at build time.
//!
//! Conventions, as in the reference implementation unless said otherwise:
//!
//! * Every argument is a pointer, matrices are column major with a leading dimension, option letters may be of either
//!   case, and `C` means `T`. The hidden string lengths that a Fortran compiler appends are neither passed by the `blas`
//!   and `lapack` crates nor read here.
//! * Only the triangle named by `uplo` is read or written; rows beyond the matrix never are.
//! * `beta = 0` overwrites the output without reading it and `alpha = 0` reads no operand.
//! * LAPACK: `info = -i` says that argument `i` is invalid, or asks for something that this crate does not compute:
//!   `range` other than `A` in `?syevr`, a job `O` in the SVDs.
//! * BLAS has no `info`, and the reference `xerbla` would end the process: an invalid argument fills the output with NaN.
//!   With `ldc < 1` or `incy = 0` no element of the output is known to exist and none is written.
//! * Input that is not finite gives NaN eigenvalues and `info = 0` in `?syevr`, as LAPACK answers, and `info > 0` in
//!   `?gesdd`, `?gesvd` (always 1), `?potrf` and `?gesv`, where the reference may go on with NaN. `clarabel` turns a
//!   failure of `?potrf` into a status, but panics (in Rust, on its own side) where `?syevr` or `?gesdd` fail, so its
//!   caller has to catch an unwinding `solve`.
//! * A matrix without rows may have the leading dimension 0, which the reference rejects, but which the completion step
//!   of `clarabel` passes for an empty separator.
//! * Workspaces are never read: the routines allocate their own. A query (`lwork = -1`) answers 1.
//! * All work is sequential. Nothing here panics, since a panic could not leave `extern "C"`: every dimension is checked
//!   before a `faer` kernel (which asserts them) sees it.
// With a library of the system the crate is empty.
#![cfg(not(feature = "system-blas"))]
#![expect(
    clippy::too_many_arguments,
    reason = "the argument lists are those of BLAS and LAPACK"
)]

mod eigen;
mod factor;
mod product;
mod routine;
mod singular;
#[cfg(test)]
mod tests;
mod view;
