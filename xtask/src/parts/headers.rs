//! What is generated out of `src/capi`: the C header and the C# declarations.

use crate::outcome::Outcome;
use crate::shell::{cargo, fresh_folder, root, run};
use std::fs;
use std::process::Command;

/// What is committed, and the variable that has it written elsewhere.
const GENERATED: &[(&str, &str)] =
    &[("include/sinew.h", "SINEW_HEADER_OUT"), ("unity/Runtime/Core/Native/NativeMethods.cs", "SINEW_CSHARP_OUT")];

/// Writes them.
pub(crate) fn write() -> Result<(), String> {
    let mut command = generator();
    GENERATED.iter().for_each(|(_, variable)| {
        command.env_remove(variable);
    });
    run(&mut command)
}

/// Generates into a folder of its own, the way [`write()`] does, and compares.
pub(super) fn check() -> Outcome {
    let mut outcome = Outcome::default();
    let generated = fresh_folder("headers").and_then(|folder| {
        let mut command = generator();
        for (index, (_, variable)) in GENERATED.iter().enumerate() {
            // Another name each time: the build script runs again only for what has changed, and the file of the last time is gone.
            command.env(variable, folder.join(format!("{index}-{}", std::process::id())));
        }
        run(&mut command).map(|()| folder)
    });
    match generated {
        Err(sentence) => outcome.add(Err(sentence)),
        Ok(folder) => {
            for (index, (committed, _)) in GENERATED.iter().enumerate() {
                let fresh = fs::read(folder.join(format!("{index}-{}", std::process::id())));
                let same = fs::read(root().join(committed)).is_ok_and(|committed| fresh.is_ok_and(|fresh| fresh == committed));
                let wrong = || format!("{committed} is not what src/capi declares; run cargo xtask headers");
                outcome.add(if same { Ok(()) } else { Err(wrong()) });
            }
        }
    }
    outcome
}

fn generator() -> Command {
    let mut command = cargo();
    command.args(["check", "--package", "sinew", "--lib", "--features", "headers"]);
    command
}
