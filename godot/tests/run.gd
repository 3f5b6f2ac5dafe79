# Runs the tests of suite/ in the engine: `godot --headless --path godot -s res://tests/run.gd -- [name=value…] [suite…]`.
#
# A test is a method whose name begins with `test_`; it may await. The last line is `ALL-OK` and the exit code 0 only if every check held.
extends SceneTree

const TestCase := preload("res://tests/test_case.gd")
const FOLDER := "res://tests/suite"
const MOST_SECONDS := 60.0

var options: Dictionary[String, String] = {}
var chosen: Array[String] = []
var checks := 0
var failures: Array[String] = []
var running := ""
var began := 0

func _initialize() -> void:
	for argument in OS.get_cmdline_user_args():
		if argument.contains("="):
			options[argument.get_slice("=", 0)] = argument.get_slice("=", 1)
		else:
			chosen.append(argument)
	if not ClassDB.class_exists("SinewServer"):
		printerr("the extension is not loaded: build it with `cargo xtask godot`")
		quit(3)
		return
	run_all.call_deferred()

func run_all() -> void:
	for file in DirAccess.get_files_at(FOLDER):
		var name := file.get_basename()
		if file.get_extension() == "gd" and (chosen.is_empty() or chosen.has(name)):
			await run_suite(name)
	for failure in failures:
		print("FAILED ", failure)
	if failures.is_empty() and checks > 0:
		print("ALL-OK %d checks" % checks)
		quit(0)
	else:
		quit(1)

func run_suite(name: String) -> void:
	var script: GDScript = load(FOLDER.path_join(name + ".gd"))
	if script == null or not script.can_instantiate():
		failures.append("%s cannot be loaded" % name)
		return
	for method in script.get_script_method_list():
		var test: String = method.name
		if not test.begins_with("test_"):
			continue
		running = "%s.%s" % [name, test]
		began = Time.get_ticks_msec()
		var before := checks
		var case: TestCase = script.new(self)
		await case.call(test)
		await case.clean_up()
		if checks == before:
			failures.append("%s checks nothing" % running)
		print("%s: %d checks, %d ms" % [running, checks - before, Time.get_ticks_msec() - began])

func note(holds: bool, what: String) -> void:
	checks += 1
	if not holds:
		failures.append("%s: %s" % [running, what])
		printerr("%s: does not hold: %s" % [running, what])

func _process(_delta: float) -> bool:
	if running != "" and Time.get_ticks_msec() - began > MOST_SECONDS * 1000.0:
		print("FAILED %s: takes longer than %d s" % [running, MOST_SECONDS])
		quit(1)
		return true
	return false
