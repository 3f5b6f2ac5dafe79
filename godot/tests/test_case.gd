# What every suite needs: checks, waiting with a bound, and servers that are gone after the test.
extends RefCounted

const PATIENCE_MS := 20000

var _runner: SceneTree
var _nodes: Array[Node] = []
var _children: Array[int] = []

func _init(runner: SceneTree) -> void:
	_runner = runner

func check(holds: bool, what: String) -> void:
	_runner.call("note", holds, what)

func equal(found: Variant, expected: Variant, what: String) -> void:
	var same: bool = found == null if expected == null else typeof(found) == typeof(expected) and found == expected
	check(same, "%s: %s, not %s" % [what, found, expected])

## The sentence of the last failed call contains this.
func says(text: String) -> void:
	check(SinewServer.get_last_error().contains(text), "'%s' in '%s'" % [text, SinewServer.get_last_error()])

func option(name: String) -> String:
	var options: Dictionary[String, String] = _runner.get("options")
	check(options.has(name), "the suite is given %s=…" % name)
	return options.get(name, "")

func tree() -> SceneTree:
	return _runner

func frame() -> void:
	await _runner.process_frame

## Waits until `condition` holds, frame by frame; fails after 20 s.
func until(condition: Callable, what: String) -> void:
	# bounded wait: a condition, with PATIENCE_MS as its bound.
	var limit := Time.get_ticks_msec() + PATIENCE_MS
	while not condition.call() and Time.get_ticks_msec() < limit:
		await frame()
	var holds: bool = condition.call()
	check(holds, what)

## A port that was free a moment ago.
func free_port() -> int:
	var socket := TCPServer.new()
	socket.listen(0, "127.0.0.1")
	var port := socket.get_local_port()
	socket.stop()
	return port

## A node with this configuration, in the tree, not started.
func node(config_text: String) -> SinewServer:
	var server := SinewServer.new()
	server.config_text = config_text
	_runner.root.add_child(server)
	_nodes.append(server)
	return server

func started(config_text: String) -> SinewServer:
	var server := node(config_text)
	equal(server.start(), OK, "start (%s)" % SinewServer.get_last_error())
	return server

## Of the lobby, which dials the world, and hosts the registry.
func lobby(registry_port: int, more: String = "") -> SinewServer:
	return started(config("lobby", "lobby-1", "registry = { host = true, listen = '127.0.0.1:%d', lease_ms = 1000 }" % registry_port, more))

func world(registry_port: int, name: String = "world-1", more: String = "") -> SinewServer:
	return started(config("world", name, "registry.addresses = ['127.0.0.1:%d']" % registry_port, more))

func config(group: String, name: String, registry: String, more: String = "") -> String:
	return """
server.group = '%s'
server.name = '%s'
groups.lobby.connects_to = ['world']
groups.world = { visibility = 'external' }
log.level = 'error'
%s
%s
""" % [group, name, registry, more]

## Waits until the two are connected, and returns `of` as `seen_by` sees it.
func connected(seen_by: SinewServer, of: SinewServer) -> SinewRemoteServer:
	await until(func() -> bool: return is_connected_with(seen_by, of) and is_connected_with(of, seen_by), "the two connect")
	return seen_by.find_server(of.server_id)

func is_connected_with(seen_by: SinewServer, of: SinewServer) -> bool:
	var remote := seen_by.find_server(of.server_id)
	return remote != null and remote.state == SinewServer.STATE_CONNECTED

## A process of this machine, ended with the test.
func process(program: String, arguments: PackedStringArray) -> int:
	var pid := OS.create_process(program, arguments)
	check(pid > 0, "%s starts" % program)
	_children.append(pid)
	return pid

func kill(pid: int) -> void:
	OS.kill(pid)
	_children.erase(pid)

## Threads of this process that belong to Sinew.
func threads() -> int:
	var count := 0
	for task in DirAccess.get_directories_at("/proc/self/task"):
		var name := FileAccess.open("/proc/self/task/%s/comm" % task, FileAccess.READ)
		if name != null and name.get_line().begins_with("sinew"):
			count += 1
	return count

## The kernel may still show one that was joined a moment ago.
func no_thread_is_left() -> void:
	await until(func() -> bool: return threads() == 0, "no thread is left")

func clean_up() -> void:
	for one in _nodes:
		if is_instance_valid(one):
			one.free()
	for pid in _children:
		if OS.is_process_running(pid):
			OS.kill(pid)
	await frame()
