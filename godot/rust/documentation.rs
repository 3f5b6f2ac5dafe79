//! Prints the in-editor documentation as the engine gets it, one XML page per class: `cargo xtask test godot` holds it against the classes' members.

fn main() {
    for page in sinew_godot::documentation() {
        println!("{page}");
    }
}
