//! Names the shared library for the linker and, only under the cargo feature `headers`, writes `include/sinew.h` and the C# declarations.

#[cfg(feature = "headers")]
#[path = "bindings/c/generate.rs"]
mod generate;
#[cfg(feature = "headers")]
#[path = "bindings/csharp/generate.rs"]
mod generate_csharp;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    name_the_shared_library(&std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default());
    #[cfg(feature = "headers")]
    write_the_declarations();
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

/// Writes to `$SINEW_HEADER_OUT` and `$SINEW_CSHARP_OUT`, by default the committed files.
#[cfg(feature = "headers")]
fn write_the_declarations() {
    use std::path::PathBuf;

    for input in ["src/capi", "cbindgen.toml", "bindings/c", "bindings/csharp/generate.rs"] {
        println!("cargo:rerun-if-changed={input}");
    }
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let out = |variable: &str, committed: &str| {
        println!("cargo:rerun-if-env-changed={variable}");
        std::env::var_os(variable).map_or_else(|| package.join(committed), PathBuf::from)
    };
    let header = out("SINEW_HEADER_OUT", "include/sinew.h");
    let csharp = out("SINEW_CSHARP_OUT", "unity/Runtime/Core/Native/NativeMethods.cs");
    let written = generate::generate(&package, &header).and_then(|()| generate_csharp::generate(&package, &csharp));
    if let Err(sentence) = written {
        eprintln!("{sentence}");
        std::process::exit(1);
    }
}
