//! A test of the checks: each mistake is found in a copy of the package, and nothing is found in the package as it is.

use super::*;

/// A copy of the package that this test alone has; gone afterwards.
struct Copy(PathBuf);

impl Copy {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sinew-unity-{}-{name}", std::process::id()));
        files::copy_folder(&root().join("unity"), &folder, &|name| name.ends_with(".so") || name == "sinew").unwrap();
        Copy(folder)
    }

    fn file(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from:?}");
        fs::write(self.file(path), text.replacen(from, to, 1)).unwrap();
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left in a temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// After `mistake`, the check says all of `says`; before it, nothing.
fn found(check: Check, mistake: impl Fn(&Copy), says: &[&str]) {
    static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let copy = Copy::new(&NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string());
    assert_eq!(check(&copy.0), Ok(()));
    mistake(&copy);
    let sentence = check(&copy.0).unwrap_err();
    assert!(says.iter().all(|it| sentence.contains(it)), "{sentence}");
}

const COMPONENT: &str = "Runtime/Unity/SinewServerBehaviour.cs";

#[test]
fn metas_that_are_missing_too_many_or_changed() {
    found(metas, |it| fs::remove_file(it.file(&format!("{COMPONENT}.meta"))).unwrap(), &["SinewServerBehaviour.cs has no .meta"]);
    found(metas, |it| fs::write(it.file("Editor/New.cs"), "").unwrap(), &["Editor/New.cs has no .meta"]);
    found(metas, |it| fs::create_dir(it.file("Editor/New")).unwrap(), &["Editor/New has no .meta"]);
    found(metas, |it| fs::remove_file(it.file(COMPONENT)).unwrap(), &["SinewServerBehaviour.cs.meta belongs to nothing"]);
    found(
        metas,
        |it| it.edit(&format!("{COMPONENT}.meta"), "guid: b", "guid: a"),
        &["SinewServerBehaviour.cs.meta is not what is generated"],
    );
    found(metas, |it| fs::write(it.file("logo.png"), "").unwrap(), &["nobody has said yet how Unity is to import it"]);
    let library = "Runtime/Plugins/Linux/x86_64/libsinew.so.meta";
    found(metas, |it| it.edit(library, "Exclude Win64: 1", "Exclude Win64: 0"), &["libsinew.so.meta is not what is generated"]);
    // What Unity does not look at needs none.
    let copy = Copy::new("ignored");
    fs::create_dir(copy.file("Editor/Some~")).unwrap();
    fs::write(copy.file("Editor/.hidden"), "").unwrap();
    assert_eq!(metas(&copy.0), Ok(()));
}

#[test]
fn guids_that_are_none_or_not_alone() {
    let guid = meta::guid(COMPONENT);
    found(guids, |it| it.edit(&format!("{COMPONENT}.meta"), &guid, "123"), &["SinewServerBehaviour.cs.meta has no GUID"]);
    found(guids, |it| it.edit("Editor.meta", &meta::guid("Editor"), &guid), &["have one GUID"]);
}

#[test]
fn a_manifest_that_is_wrong() {
    let manifests = [
        ("\"version\": \"", "\"version\": \"9", "version is \"9"),
        ("\"dependencies\": {}", "\"dependencies\": {\"com.unity.x\": \"1.0.0\"}", "depends on nothing"),
        ("Samples~/TwoServers", "Samples~/TwoServer", "lists the samples"),
        ("\"unity\": \"2021.3\",", "", "unity is \"\""),
        ("\"samples\": [", "\"samples\": [,", "line "),
    ];
    for (from, to, says) in manifests {
        found(manifest, |it| it.edit("package.json", from, to), &[says]);
    }
    found(manifest, |it| fs::create_dir(it.file("Samples~/Another")).unwrap(), &["Samples~/Another"]);
}

#[test]
fn assemblies_that_do_not_fit() {
    let (unity, core, editor) = ("Runtime/Unity/Sinew.Unity.asmdef", "Runtime/Core/Sinew.Core.asmdef", "Editor/Sinew.Editor.asmdef");
    found(assemblies_fit, |it| it.edit(unity, "\"Sinew.Core\"", "\"Sinew.Kore\""), &["cannot be resolved", "Sinew.Kore"]);
    found(assemblies_fit, |it| it.edit(unity, "\"Sinew.Core\"", "\"GUID:1\""), &["by its GUID"]);
    found(assemblies_fit, |it| it.edit(core, "\"noEngineReferences\": true", "\"noEngineReferences\": false"), &["does without Unity"]);
    found(assemblies_fit, |it| it.edit(editor, "        \"Editor\"\n", ""), &["what is for the editor alone"]);
    found(assemblies_fit, |it| it.edit(unity, "\"autoReferenced\": true", "\"autoReferenced\": false"), &["autoReferenced"]);
    found(assemblies_fit, |it| it.edit(unity, "\"name\": \"Sinew.Unity\"", "\"name\": \"Sinew.Other\""), &["not named after"]);
    found(assemblies_fit, |it| fs::write(it.file("Runtime/Lost.cs"), "").unwrap(), &["Lost.cs", "belongs to no assembly"]);
    let tests = "Tests/Runtime/Sinew.PlayModeTests.asmdef";
    found(assemblies_fit, |it| it.edit(tests, "\"nunit.framework.dll\"", ""), &["nunit.framework.dll"]);
}

#[test]
fn files_that_git_or_a_user_would_not_get() {
    found(nothing_is_dropped, |it| it.edit(".gitignore", "/Tools~/", "*.meta"), &["unity/.gitignore leaves out"]);
    found(no_lfs, |it| it.edit(".gitattributes", "*.so binary", "*.so filter=lfs"), &["into LFS"]);
    let library = "Runtime/Plugins/Linux/x86_64/libsinew.so";
    found(no_lfs, |it| fs::write(it.file(library), "version https://git-lfs.example/v1\noid 1\n").unwrap(), &["is a pointer of LFS"]);
    found(inside, |it| it.edit("README.md", "(Documentation~/index.md)", "(../docs/unity.md)"), &["README.md leads out of the package"]);
}
