//! What must be built before anything can be measured: the library of the checkout this stands in, and the programs in C and C++.

use crate::catalogue::Program;
use crate::pair::Start;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders this works in.
#[derive(Debug)]
pub(crate) struct Folders {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// Where the release build of the library is.
    pub(crate) release: PathBuf,
    /// For the programs in C and C++, the certificate, and what a part of the measurements stores.
    pub(crate) work: PathBuf,
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{:?} cannot be started: {error}", command.get_program()))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

impl Folders {
    /// This program stands in `TARGET/release`, or wherever the profile it was built with puts it.
    pub(crate) fn find() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace has no folder")?.to_owned();
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let target = program.parent().and_then(Path::parent).ok_or("this program stands in no target folder")?;
        let work = target.join("bench");
        fs::create_dir_all(&work).map_err(|error| format!("{work:?} cannot be created: {error}"))?;
        Ok(Folders { root, release: target.join("release"), work })
    }

    /// Builds the library that users get.
    pub(crate) fn build_library(&self) -> Result<(), String> {
        let target = self.release.parent().unwrap_or(&self.release);
        run(cargo().current_dir(&self.root).args(["build", "--release", "--package", "sinew", "--lib", "--target-dir"]).arg(target))?;
        // Under the name that programs look for, and as it is now: a later build does not change what is being measured.
        let (from, to) = (self.release.join("libsinew.so"), self.work.join("libsinew.so.0"));
        _ = fs::remove_file(&to);
        fs::copy(&from, &to).map(drop).map_err(|error| format!("{from:?} cannot be copied to {to:?}: {error}"))
    }

    /// Makes sure that a peer's program is there, and says how it is started.
    pub(crate) fn build_peer(&self, program: Program) -> Result<Start, String> {
        match program {
            Program::Own => {
                let program = std::env::current_exe().map_err(|error| error.to_string())?;
                Ok(Start { program, first_arguments: vec!["peer".to_owned()] })
            }
            Program::Package(name) => {
                let target = self.work.join(name);
                let manifest = self.root.join("bench").join(name).join("Cargo.toml");
                let mut cargo = cargo();
                cargo.args(["build", "--release", "--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(&target);
                run(&mut cargo)?;
                Ok(Start { program: target.join("release").join(format!("sinew-bench-{name}")), first_arguments: Vec::new() })
            }
            Program::Mono(name) => {
                // The library lies beside the program, where mono looks for it.
                let folder = self.work.join(format!("{name}-mono"));
                fs::create_dir_all(&folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))?;
                let library = folder.join("libsinew.so");
                _ = fs::remove_file(&library);
                fs::copy(self.work.join("libsinew.so.0"), &library).map_err(|error| format!("{library:?} cannot be written: {error}"))?;
                let program = folder.join(name).with_extension("exe");
                let mut compiler = Command::new("mcs");
                compiler.args(["-langversion:7.2", "-warnaserror", "-optimize", "-unsafe"]).arg(format!("-out:{}", program.display()));
                compiler.arg(format!("-recurse:{}", self.root.join("unity/Runtime/Core/*.cs").display()));
                run(compiler.arg(self.root.join("bench/peers").join(name).with_extension("cs")))?;
                // Mono's default way of stopping threads makes every call into a library five times as long (bench/README.md).
                let first_arguments = ["MONO_THREADS_SUSPEND=preemptive", "mono", &program.display().to_string()].map(str::to_owned);
                Ok(Start { program: "env".into(), first_arguments: first_arguments.to_vec() })
            }
            Program::Godot(name) => self.godot(name),
            Program::C { name, flags } => self.compile("cc", "-std=gnu99", &format!("{name}.c"), name, flags),
            Program::Cpp { name, flags } => self.compile("c++", "-std=c++17", &format!("{name}.cpp"), &format!("{name}-cpp"), flags),
        }
    }

    /// A project with the addon and the scripts. `cargo xtask bench` fetches the engine and tells where it is.
    fn godot(&self, script: &str) -> Result<Start, String> {
        let engine =
            std::env::var("SINEW_GODOT").map_err(|_| "SINEW_GODOT does not name an engine; cargo xtask bench fetches one".to_owned())?;
        let project = self.work.join("godot");
        let addon = project.join("addons/sinew");
        for folder in [&addon.join("bin/linux.x86_64"), &project.join(".godot")] {
            fs::create_dir_all(folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))?;
        }
        let target = self.release.parent().unwrap_or(&self.release).join("godot");
        let mut build = cargo();
        build.current_dir(&self.root).args(["build", "--release", "--package", "sinew-godot", "--target-dir"]).arg(&target);
        run(&mut build)?;
        let copy = |from: PathBuf, to: PathBuf| {
            fs::copy(&from, &to).map(drop).map_err(|error| format!("{from:?} cannot be copied to {to:?}: {error}"))
        };
        copy(target.join("release/libsinew_godot.so"), addon.join("bin/linux.x86_64/libsinew_godot.so"))?;
        copy(self.root.join("godot/addons/sinew/sinew.gdextension"), addon.join("sinew.gdextension"))?;
        for file in ["measured.gd", &format!("{script}.gd")] {
            copy(self.root.join("bench/peers/godot").join(file), project.join(file))?;
        }
        let write =
            |file: &str, text: &str| fs::write(project.join(file), text).map_err(|error| format!("{file} cannot be written: {error}"));
        write("project.godot", "config_version=5\n\n[application]\nconfig/name=\"Bench\"\nrun/flush_stdout_on_print=true\n")?;
        write(".godot/extension_list.cfg", "res://addons/sinew/sinew.gdextension\n")?;
        let path = project.display();
        let arguments = [
            format!("HOME={path}"),
            engine,
            "--headless".into(),
            "--path".into(),
            path.to_string(),
            "-s".into(),
            format!("res://{script}.gd"),
            "--".into(),
        ];
        Ok(Start { program: "env".into(), first_arguments: arguments.to_vec() })
    }

    fn compile(&self, compiler: &str, standard: &str, source: &str, name: &str, flags: &[&str]) -> Result<Start, String> {
        let program = self.work.join(name);
        let mut command = Command::new(compiler);
        command.args([standard, "-O2", "-Wall", "-Wextra", "-Werror"]);
        command.arg("-I").arg(self.root.join("include")).arg("-I").arg(self.root.join("bindings/cpp"));
        command.arg(self.root.join("bench/peers").join(source)).arg("-o").arg(&program);
        command.arg("-L").arg(&self.release).arg(format!("-Wl,-rpath,{}", self.work.display()));
        run(command.args(flags))?;
        Ok(Start { program, first_arguments: Vec::new() })
    }

    /// A self-signed certificate for `localhost`, as PEM files: the certificate and its key.
    pub(crate) fn certificate(&self) -> Result<(String, String), String> {
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).map_err(|error| error.to_string())?;
        let write = |name: &str, text: String| {
            let path = self.work.join(name);
            fs::write(&path, text).map_err(|error| format!("{path:?} cannot be written: {error}"))?;
            Ok::<String, String>(path.display().to_string())
        };
        Ok((write("cert.pem", made.cert.pem())?, write("key.pem", made.signing_key.serialize_pem())?))
    }
}

/// The machine in one sentence, for whoever reads the numbers later.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{cores} cores of {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}
