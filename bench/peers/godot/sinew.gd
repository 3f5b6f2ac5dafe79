# Sinew as a Godot game uses it: nodes and signals.
extends "res://measured.gd"

var server := SinewServer.new()
var remote: SinewRemoteServer

func start(group: String, registry: String) -> void:
	root.add_child(server)
	server.config_text = "log.to = 'none'\nserver.group = '%s'\ngroups.world.visibility = 'internal'\ngroups.lobby.connects_to = ['world']\n%s" % [group, registry]
	server.server_connected.connect(func(connected: SinewRemoteServer) -> void: remote = connected)
	server.message_received.connect(_on_message_received)
	if server.start() != OK:
		fail(SinewServer.get_last_error())

func serve() -> void:
	# A port that was free a moment ago.
	var socket := TCPServer.new()
	socket.listen(0, "127.0.0.1")
	var free_port := socket.get_local_port()
	socket.stop()
	start("world", "registry = { host = true, listen = '127.0.0.1:%d' }" % free_port)
	while server.server_id == 0:
		server.poll()
	print("ready %d" % free_port)
	while true:
		server.poll()

func ask() -> void:
	start("lobby", "registry.addresses = ['127.0.0.1:%d']" % port())
	while remote == null:
		server.poll()
	while true:
		for i in BURST:
			message.encode_u64(0, sent)
			if remote.send(TAG, message, SinewServer.MODE_RELIABLE) == OK:
				sent += 1
			else:
				break
		count(sent)
		server.poll()

func _on_message_received(_remote: SinewRemoteServer, _tag: int, payload: PackedByteArray, _mode: int) -> void:
	if payload.decode_u64(0) != next or payload.size() != size:
		disorder += 1
	next += 1
	if next % BURST == 0:
		count(next)
