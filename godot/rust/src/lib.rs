//! Sinew for Godot: the classes of the addon, thin over the Rust core.
//!
//! A [`SinewServer`](server::SinewServer) node owns a `sinew::Server` and polls it once a frame, on the main thread; what comes out of it becomes signals there, in its
//! order (`running.rs`). Groups, remote servers, requests and replies are reference-counted handles that stay harmless when what they stand for is gone. Nothing here
//! runs on another thread, and no method keeps its object borrowed while a script runs, so a handler may call anything, also free the node.

mod configuration;
mod connector;
mod constants;
mod errors;
mod group;
mod reader;
mod remote;
mod request;
mod running;
mod server;
mod writer;

use godot::init::InitStage;
use godot::prelude::*;

struct SinewLibrary;

// The only unsafe line: the promise that the library was built for the engine's interface, which the crate `godot` checks when it is loaded.
#[gdextension]
unsafe impl ExtensionLibrary for SinewLibrary {
    fn on_stage_init(stage: InitStage) {
        if stage == InitStage::Scene {
            errors::this_is_the_main_thread();
        }
    }

    /// The engine is about to close the library: a server whose node was never freed must not leave threads in unmapped code.
    fn on_stage_deinit(stage: InitStage) {
        if stage == InitStage::Scene {
            running::end_all();
        }
    }
}

/// The in-editor documentation, a page of XML per class.
pub fn documentation() -> impl Iterator<Item = String> {
    godot::docs::__gather_xml_docs()
}
