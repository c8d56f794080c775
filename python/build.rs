//! The symbols of BLAS and LAPACK that the conic solver calls are its own: not those of another library in the process, such as
//! NumPy's or PyTorch's, nor theirs.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
