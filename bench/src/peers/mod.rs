//! The peers that are written in Rust; those in C are in `bench/peers`.

mod quinn;
mod rustls;
mod tasks;
mod tcp;
mod tls;
mod tokio_rustls;
mod udp;

use crate::settings::Settings;

/// The program of one peer in one role.
pub(crate) fn run(settings: &Settings) -> Result<(), String> {
    match settings.variant.as_str() {
        "tcp-batch" => tcp::run(settings, true),
        "tcp-write" => tcp::run(settings, false),
        "rustls" => rustls::run(settings),
        "tokio-rustls" => tokio_rustls::run(settings),
        "udp" => udp::run(settings),
        "quinn" => quinn::run(settings),
        unknown => Err(format!("`{unknown}` is no peer")),
    }
}

fn in_words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
