extends Node
## The demo. Run without arguments (press Play), it shows the observer and starts the lobby and the
## worlds as processes of their own, which end with it.
##
## [codeblock lang=text]
## godot --path godot -- [--worlds=2] [--seconds=N] [--shot=picture.png]
## godot --path godot --headless -- --role=lobby|world [--name=NAME] [--registry=127.0.0.1:4100]
## [/codeblock]
##
## With [code]--seconds[/code] it ends by itself, says what it has seen and exits with 0 if that
## was everything. [code]--shot[/code] takes a picture before.

const Member := preload("res://demo/member.gd")
const Observer := preload("res://demo/observer.gd")
const MOST_WORLDS := 3

var _options: Dictionary[String, String] = {}
var _registry := ""
## The processes this one has started, by the name of their server.
var _children: Dictionary[String, int] = {}
var _observer: Observer
var _is_ending := false


func _ready() -> void:
	for argument in OS.get_cmdline_user_args():
		var words := argument.trim_prefix("--").split("=")
		_options[words[0]] = words[1] if words.size() > 1 else ""
	if DisplayServer.get_name() == "headless":
		# Nothing else slows down a process without a screen: it would use a whole core.
		Engine.max_fps = 60
	if _options.has("role"):
		var role := _option("role", "")
		_add_member(role, _option("name", role), _option("registry", "127.0.0.1:4100"))
	else:
		_run_demo()


func _notification(what: int) -> void:
	if what == NOTIFICATION_WM_CLOSE_REQUEST and _observer != null:
		_end(0)


func _option(option: String, otherwise: String) -> String:
	return _options.get(option, otherwise)


func _add_member(role: String, server_name: String, registry: String, is_host := false) -> Member:
	var scene: PackedScene = load("res://demo/%s.tscn" % role)
	var member: Member = scene.instantiate()
	add_child(member)
	if member.start(role, server_name, registry, is_host) != OK:
		push_error(SinewServer.get_last_error())
		get_tree().quit(1)
	return member


func _run_demo() -> void:
	# The others are ended first, then this.
	get_tree().auto_accept_quit = false
	_registry = "127.0.0.1:%d" % _free_port()
	_observer = _add_member("observer", "observer", _registry, true)
	_observer.world_wanted.connect(_start_world)
	_observer.world_unwanted.connect(_kill_world)
	_start_child("lobby", "lobby")
	for _index in int(_option("worlds", "2")):
		_start_world()
	if _options.has("seconds"):
		await get_tree().create_timer(float(_options["seconds"])).timeout
		if _options.has("shot"):
			await RenderingServer.frame_post_draw
			get_viewport().get_texture().get_image().save_png(_options["shot"])
		var missing := _missing()
		print("the demo has seen: %s" % _seen())
		print("DEMO-OK" if missing.is_empty() else "DEMO-FAILED: %s" % ", ".join(missing))
		_end(0 if missing.is_empty() else 1)


func _start_world() -> void:
	for number in range(1, MOST_WORLDS + 1):
		# One that was killed comes back under its name: the others see the same server start again.
		var world := "world-%d" % number
		if not _children.has(world):
			_start_child("world", world)
			return


func _kill_world(world: String) -> void:
	if _children.has(world):
		OS.kill(_children[world])
		_children.erase(world)


func _start_child(role: String, server_name: String) -> void:
	# An exported game is its own project; the engine has to be told where it is.
	var arguments := PackedStringArray(["--headless"])
	if OS.has_feature("editor"):
		arguments.append_array(["--path", ProjectSettings.globalize_path("res://")])
	arguments.append_array(["--", "--role=" + role, "--name=" + server_name])
	arguments.append("--registry=" + _registry)
	# Where the engine is started by a wrapper, its own path is not what starts it.
	var program := OS.get_environment("SINEW_DEMO_GODOT")
	if program.is_empty():
		program = OS.get_executable_path()
	var process := OS.create_process(program, arguments)
	if process > 0:
		_children[server_name] = process
	else:
		push_error("the process of %s cannot be started" % server_name)


## Stops the others, then this server; who has not ended after five seconds is killed.
func _end(code: int) -> void:
	if _is_ending:
		return
	_is_ending = true
	var last_moment := Time.get_ticks_msec() + 5000
	while _children.values().any(OS.is_process_running) and Time.get_ticks_msec() < last_moment:
		# Again and again: one that was started just now is connected only later.
		_observer.end_all()
		await get_tree().create_timer(0.1).timeout
	for child: String in _children:
		if OS.is_process_running(_children[child]):
			push_error("%s did not stop, and is killed" % child)
			OS.kill(_children[child])
			code = 1
			continue
		var exit_code := OS.get_process_exit_code(_children[child])
		if exit_code != 0:
			push_error("%s ended with exit code %d" % [child, exit_code])
			code = 1
	# The observer quits when its server has stopped. Freed, it cannot: the exit code is ours.
	_observer.queue_free()
	await _observer.tree_exited
	get_tree().quit(code)


func _seen() -> String:
	var servers := _observer.connected().size()
	var numbers := [servers, _observer.seen_messages, _observer.seen_chats, _observer.seen_answers]
	var drawn := [_observer.seen_moves, _observer.map.frames]
	return (
		"%d servers connected, %d messages, %d chat lines, %d answers" % numbers
		+ ", %d players moved, %d frames drawn" % drawn
	)


## What should have been seen, and was not.
func _missing() -> PackedStringArray:
	var seconds := float(_options["seconds"])
	var missing := PackedStringArray()
	for child in _children:
		if not _observer.connected().has(child):
			missing.append("%s is not connected" % child)
	# Worlds say where their players are 20 times a second. A machine under load may do with half,
	# and start late.
	if _observer.seen_messages < 10.0 * _children.size() * (seconds - 4.0):
		missing.append("too few messages")
	if _observer.seen_answers < _children.size() * (seconds - 5.0):
		missing.append("too few answers")
	if _observer.seen_moves == 0:
		missing.append("no player was placed")
	if _observer.map.frames < 10:
		missing.append("nothing was drawn")
	return missing


func _free_port() -> int:
	var listener := TCPServer.new()
	listener.listen(0, "127.0.0.1")
	var port := listener.get_local_port()
	listener.stop()
	return port
