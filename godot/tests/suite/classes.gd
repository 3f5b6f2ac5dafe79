# What scripts and the editor see of the classes.
extends "res://tests/test_case.gd"

func test_every_class_is_there_with_its_parent() -> void:
	equal(ClassDB.get_parent_class("SinewServer"), &"Node", "SinewServer")
	for name: String in ["SinewServerGroup", "SinewRemoteServer", "SinewRequest", "SinewReply", "SinewWriter", "SinewReader", "SinewRegistryConnector"]:
		equal(ClassDB.get_parent_class(name), &"RefCounted", name)

func test_handles_are_made_by_servers_alone() -> void:
	for name: String in ["SinewServerGroup", "SinewRemoteServer", "SinewRequest", "SinewReply"]:
		check(not ClassDB.can_instantiate(name), "%s cannot be made by hand" % name)

func test_signals_have_the_same_names_everywhere() -> void:
	var everywhere := ["server_connected", "server_interrupted", "server_resumed", "server_disconnected", "server_left", "server_updated", "message_received",
		"request_received", "writable"]
	var once := ["started", "registry_lost", "registry_restored", "stopped"]
	for name: String in everywhere:
		for owner: String in ["SinewServer", "SinewServerGroup", "SinewRemoteServer"]:
			check(ClassDB.class_has_signal(owner, name), "%s.%s" % [owner, name])
	for name: String in once:
		check(ClassDB.class_has_signal("SinewServer", name), name)
	check(ClassDB.class_has_signal("SinewServer", "server_joined"), "server_joined")
	check(ClassDB.class_has_signal("SinewServerGroup", "server_joined"), "server_joined of a group")
	check(ClassDB.class_has_signal("SinewReply", "completed"), "completed")

func test_constants_are_those_of_the_c_header() -> void:
	var header := FileAccess.get_file_as_string(option("header"))
	var names := ClassDB.class_get_integer_constant_list("SinewServer", true)
	var other_names := { "DISCONNECT": true, "LEAVE": true, "STOP": true, "REQUEST": true, "POLICY": true, "READINESS": true, "STATE": true, "DIRECTION": true,
		"VISIBILITY": true, "MODE": true, "LANE": true }
	var found := 0
	for line in header.split("\n"):
		var words := line.split(" ", false)
		if words.size() < 3 or words[0] != "#define" or not words[1].begins_with("SINEW_"):
			continue
		var name := words[1].trim_prefix("SINEW_")
		if other_names.has(name.get_slice("_", 0)) and name != "MODE_MASK":
			check(names.has(name), "%s is a constant of SinewServer" % name)
			equal(ClassDB.class_get_integer_constant("SinewServer", name), int(words[2]), name)
			found += 1
	check(found > 40, "the header has its constants (%d)" % found)

func test_defaults() -> void:
	var server := node("")
	equal(server.process_mode, Node.PROCESS_MODE_ALWAYS, "process_mode")
	equal(server.autostart, false, "autostart")
	equal(server.poll_budget_us, 0, "poll_budget_us")
	equal(server.is_running(), false, "is_running")
	equal(server.server_id, 0, "server_id")
	equal(server.get_server_groups().size(), 0, "groups")
	equal(server.get_remote_servers().size(), 0, "servers")
	equal(server.poll(), 0, "poll")
	equal(server.reload(), ERR_UNCONFIGURED, "reload")
	equal(server.send(7, 1, PackedByteArray()), ERR_UNCONFIGURED, "send")
	equal(server.broadcast("world", 1, PackedByteArray()), -1, "broadcast")
	check(SinewServer.get_version().count(".") == 2, "version")
