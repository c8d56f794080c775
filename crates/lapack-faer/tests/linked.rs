//! Another crate that names `lapack_faer` and nothing in it can link all 22 symbols: what a program with clarabel does.

extern crate lapack_faer as _;

use std::ffi::{c_char, c_int};

unsafe extern "C" {
    fn dpotrf_(uplo: *const c_char, n: *const c_int, a: *mut f64, lda: *const c_int, info: *mut c_int);
}

/// Declares symbols whose arguments do not matter here, and lists their addresses.
macro_rules! addresses {
    ($($name:ident)*) => {{
        unsafe extern "C" {
            $(fn $name();)*
        }
        [$($name as *const ()),*]
    }};
}

#[test]
fn a_symbol_computes() {
    let (uplo, n, mut info) = (b'L' as c_char, 2, 9);
    // A = L L^T of L = [[3, 0], [1, 2]], by columns; the upper triangle is not read.
    let mut a = [9.0, 3.0, f64::NAN, 5.0];
    // SAFETY: the matrix is 2 by 2 in memory.
    unsafe {
        dpotrf_(
            &raw const uplo,
            &raw const n,
            a.as_mut_ptr(),
            &raw const n,
            &raw mut info,
        )
    };
    assert_eq!(info, 0);
    assert_eq!(
        [a[0], a[1], a[3]].map(|entry| (entry * 1e12).round() / 1e12),
        [3.0, 1.0, 2.0]
    );
    assert!(a[2].is_nan());
}

#[test]
fn every_symbol_is_linked_once() {
    let mut found = addresses! {
        sgemm_ dgemm_ sgemv_ dgemv_ ssymv_ dsymv_ ssyrk_ dsyrk_ ssyr2k_ dsyr2k_ ssyevr_ dsyevr_
        spotrf_ spotrs_ dpotrs_ sgesdd_ dgesdd_ sgesvd_ dgesvd_ sgesv_ dgesv_
    }
    .to_vec();
    found.push(dpotrf_ as *const ());
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 22);
}
