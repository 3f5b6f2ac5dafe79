//! Names the shared library for the linker and, only under the cargo feature `headers`, writes `include/sinew.h`.

#[cfg(feature = "headers")]
#[path = "bindings/c/generate.rs"]
mod generate;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    name_the_shared_library(&std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default());
    #[cfg(feature = "headers")]
    write_the_header();
}

fn name_the_shared_library(target_os: &str) {
    match target_os {
        "linux" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" => {
            // Programs record this name, not the file they were linked with: a newer compatible library takes the older one's
            // place, and the loader refuses an incompatible one. The number changes only when the ABI breaks.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libsinew.so.0");
            // A thread that called Sinew keeps thread-local values of it (its last error) and destroys them when it ends. Engine
            // editors unload libraries while their threads live on, so the code those destructors run must stay mapped after dlclose.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        // Programs find the library beside them or in their rpath, not at a path of the machine it was built on.
        "macos" => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libsinew.dylib"),
        // Windows knows a DLL by its file name.
        _ => {}
    }
}

/// Writes to `$SINEW_HEADER_OUT`, by default the committed `include/sinew.h`.
#[cfg(feature = "headers")]
fn write_the_header() {
    use std::path::PathBuf;

    for input in ["src/capi", "cbindgen.toml", "bindings/c"] {
        println!("cargo:rerun-if-changed={input}");
    }
    println!("cargo:rerun-if-env-changed=SINEW_HEADER_OUT");
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let out = std::env::var_os("SINEW_HEADER_OUT").map_or_else(|| package.join("include/sinew.h"), PathBuf::from);
    if let Err(sentence) = generate::generate(&package, &out) {
        eprintln!("{sentence}");
        std::process::exit(1);
    }
}
