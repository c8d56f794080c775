//! Links a BLAS/LAPACK of the system under the feature `system-blas`; without it there is nothing to do.

fn main() {
    println!("cargo::rerun-if-env-changed=UFMIN_BLAS");
    if std::env::var_os("CARGO_FEATURE_SYSTEM_BLAS").is_some() {
        let library = std::env::var("UFMIN_BLAS").unwrap_or_else(|_| "openblas".to_owned());
        println!("cargo::rustc-link-lib={library}");
    }
}
