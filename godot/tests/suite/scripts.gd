# Every script of the project, with every warning turned into an error by project.godot.
extends "res://tests/test_case.gd"

func test_every_script_compiles_without_a_warning() -> void:
	check_folder("res://")

func check_folder(folder: String) -> void:
	for file in DirAccess.get_files_at(folder):
		if file.get_extension() == "gd":
			var script: GDScript = load(folder.path_join(file))
			check(script != null and script.can_instantiate(), folder.path_join(file))
	for inner in DirAccess.get_directories_at(folder):
		check_folder(folder.path_join(inner))
