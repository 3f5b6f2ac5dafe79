# Other processes: frozen, killed and started again.
extends "res://tests/test_case.gd"

var seen: Array[String] = []

func watch(server: SinewServer) -> void:
	server.server_joined.connect(func(_remote: SinewRemoteServer) -> void: seen.append("joined"))
	server.server_connected.connect(func(_remote: SinewRemoteServer) -> void: seen.append("connected"))
	server.server_interrupted.connect(func(_remote: SinewRemoteServer) -> void: seen.append("interrupted"))
	server.server_resumed.connect(func(_remote: SinewRemoteServer) -> void: seen.append("resumed"))
	server.server_disconnected.connect(func(_remote: SinewRemoteServer, _reason: int, _unacknowledged: int) -> void: seen.append("disconnected"))
	server.server_left.connect(func(_remote: SinewRemoteServer, reason: int) -> void: seen.append("left %d" % reason))

func host(port: int) -> SinewServer:
	return started("server.group = 'mixed'\nserver.name = 'conductor'\ngroups.mixed.connects_to = ['mixed']\nlog.level = 'error'\nlimits.interrupted_after_ms = 500\nlimits.keep_alive_ms = 100\n"
		+ "registry = { host = true, listen = '127.0.0.1:%d', lease_ms = 30000 }\n" % port)

func test_a_process_that_is_frozen_is_interrupted_and_resumed() -> void:
	var port := free_port()
	var server := host(port)
	watch(server)
	var pid := process(option("member"), ["in-rust", "127.0.0.1:%d" % port, "0", "0"])
	await until(func() -> bool: return seen.has("connected"), "it connects")
	OS.execute("kill", ["-STOP", str(pid)])
	await until(func() -> bool: return seen.has("interrupted"), "it is interrupted")
	equal(server.get_remote_servers()[0].state, SinewServer.STATE_INTERRUPTED, "state")
	OS.execute("kill", ["-CONT", str(pid)])
	await until(func() -> bool: return seen.has("resumed"), "it is resumed")
	equal(seen, ["joined", "connected", "interrupted", "resumed"] as Array[String], "in this order")

func test_a_godot_that_is_killed_and_started_again() -> void:
	var port := free_port()
	var server := host(port)
	watch(server)
	var arguments := ["--headless", "--path", ProjectSettings.globalize_path("res://"), "-s", "res://tests/member.gd", "--", "in-godot", "127.0.0.1:%d" % port, "0", "0"]
	var pid := process(option("godot"), arguments)
	await until(func() -> bool: return seen.has("connected"), "it connects")
	var first := server.get_remote_servers()[0]
	kill(pid)
	process(option("godot"), arguments)
	await until(func() -> bool: return seen.count("connected") == 2, "it connects again")
	var without_interruption := seen.filter(func(what: String) -> bool: return what != "interrupted")
	equal(without_interruption, ["joined", "connected", "disconnected", "left %d" % SinewServer.LEAVE_REPLACED, "joined", "connected"] as Array[String], "in this order")
	equal(first.state, SinewServer.STATE_LEFT, "the old handle")
	check(server.get_remote_servers()[0] != first, "a new handle")
	equal(server.get_remote_servers()[0].name, "in-godot", "the same name")
