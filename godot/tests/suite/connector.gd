# A registry of the game's own, written as a script.
extends "res://tests/test_case.gd"

## A registry that all servers of this process share: the simplest there can be.
class Shared extends RefCounted:
	var entries: Dictionary[int, Dictionary] = {}
	var fail_first := 0

class Connector extends SinewRegistryConnector:
	var shared: Shared
	var own := 0
	var known: Dictionary[int, bool] = {}
	var failures: Array[String] = []
	var looked := 0

	func _init(the_shared: Shared) -> void:
		shared = the_shared

	func _register_server(entry: Dictionary) -> void:
		if shared.fail_first > 0:
			shared.fail_first -= 1
			register_failed("the registry is closed")
			return
		own = entry["id"]
		shared.entries[own] = entry
		registered(own)

	func _deregister_server(server_id: int) -> void:
		shared.entries.erase(server_id)

	func _handle_connection_failure(remote: SinewRemoteServer) -> void:
		failures.append(remote.name)

	func _look() -> void:
		looked += 1
		if own == 0:
			return
		for id: int in shared.entries:
			if not known.has(id) and handle_server_join(shared.entries[id]) == OK:
				known[id] = true
		for id: int in known.keys():
			if not shared.entries.has(id):
				handle_server_leave(id)
				known.erase(id)

func external(group: String, name: String, shared: Shared) -> SinewServer:
	var server := node(config(group, name, "registry.kind = 'external'"))
	server.registry_connector = Connector.new(shared)
	equal(server.start(), OK, "start (%s)" % SinewServer.get_last_error())
	return server

func test_two_servers_find_each_other_by_it() -> void:
	var shared := Shared.new()
	var a := external("lobby", "lobby-1", shared)
	var b := external("world", "world-1", shared)
	var remote := await connected(a, b)
	var entry: Dictionary = shared.entries[b.server_id]
	equal(entry["group"], "world", "group of the entry")
	equal(entry["port"], b.port, "port of the entry")
	var left: Array[int] = []
	a.server_left.connect(func(_remote: SinewRemoteServer, reason: int) -> void: left.append(reason))
	b.stop()
	await until(func() -> bool: return left.size() == 1, "it leaves")
	equal(remote.state, SinewServer.STATE_LEFT, "state")
	check(not shared.entries.has(remote.id), "its entry is taken out")

func test_a_node_that_is_freed_is_taken_out_at_once() -> void:
	var shared := Shared.new()
	var server := external("lobby", "lobby-1", shared)
	await until(func() -> bool: return server.server_id != 0, "it is registered")
	server.free()
	equal(shared.entries.size(), 0, "its entry is taken out")

func test_a_registration_that_fails_is_told_and_tried_again() -> void:
	var shared := Shared.new()
	shared.fail_first = 2
	var server := node(config("lobby", "lobby-1", "registry.kind = 'external'"))
	server.registry_connector = Connector.new(shared)
	var lost: Array[String] = []
	var restored: Array[int] = [0]
	server.registry_lost.connect(func(text: String) -> void: lost.append(text))
	server.registry_restored.connect(func() -> void: restored[0] += 1)
	equal(server.start(), OK, "start")
	await until(func() -> bool: return server.server_id != 0, "it is registered at last")
	equal(lost.size(), 1, "told once")
	check(lost[0].contains("the registry is closed"), lost[0])

func test_reports_that_are_wrong_are_refused() -> void:
	var shared := Shared.new()
	var server := external("lobby", "lobby-1", shared)
	await until(func() -> bool: return server.server_id != 0, "it is registered")
	var connector := server.registry_connector
	equal(connector.handle_server_join({ "id": 5 }), ERR_INVALID_PARAMETER, "an entry without a name")
	says("group")
	equal(connector.handle_server_leave(99), ERR_DOES_NOT_EXIST, "an id that never joined")
	equal(connector.registered(0), ERR_INVALID_PARAMETER, "an id that is none")
	equal(connector.snapshot_end(), ERR_UNCONFIGURED, "an end without a beginning")
	equal(connector.snapshot_begin(), OK, "a snapshot")
	equal(connector.snapshot_end(), OK, "its end")
	equal(connector.lost("no way"), OK, "lost")
	equal(connector.restored(), OK, "restored")
	server.free()
	equal(connector.restored(), ERR_UNCONFIGURED, "after the server")
