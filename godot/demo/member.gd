extends Node
## What lobby, worlds and observers have in common: how a server of the demo starts, tells how it
## is doing, and ends.

const Protocol := preload("res://demo/protocol.gd")

## Once a second: what each other server has sent in it, messages and requests together, by its
## name.
var rates: Dictionary[String, int] = {}

var _received: Dictionary[String, int] = {}

@onready var server: SinewServer = $Server


func _ready() -> void:
	server.message_received.connect(_on_message_received)
	server.request_received.connect(_on_request_received)
	server.server_left.connect(_on_server_left)
	server.registry_lost.connect(_on_registry_lost)
	server.stopped.connect(_on_stopped)
	var second := Timer.new()
	second.timeout.connect(_on_second)
	add_child(second)
	second.start(1.0)


## Becomes [param server_name] of [param group]. The registry is at [param registry], an address
## with a port; if [param is_host], this server keeps it there.
func start(group: String, server_name: String, registry: String, is_host := false) -> Error:
	var who := "server = { group = '%s', name = '%s' }\n" % [group, server_name]
	var where := "registry.addresses = ['%s']\n"
	if is_host:
		where = "registry = { host = true, listen = '%s' }\n"
	var common := FileAccess.get_file_as_string("res://demo/cluster.toml")
	server.config_text = who + where % registry + common
	return server.start()


## What this server tells observers who ask; each role adds what it has to tell.
func about() -> Dictionary:
	var links: Array[Dictionary] = []
	for remote in server.get_remote_servers():
		var link := {"name": remote.name, "state": remote.state}
		link["round_trip_time"] = remote.round_trip_time
		link["rate"] = rates.get(remote.name, 0)
		links.append(link)
	return {"links": links}


## A message of another server. Each role handles its own and leaves the rest to this.
func _on_message_received(
	remote: SinewRemoteServer, tag: int, _payload: PackedByteArray, _mode: int
) -> void:
	_count(remote)
	if tag == Protocol.END:
		server.stop()


## A request of another server. One that no role answers is refused by itself when it is forgotten.
func _on_request_received(request: SinewRequest) -> void:
	_count(request.remote)
	if request.tag == Protocol.ABOUT:
		request.reply_variant(about())


func _on_server_left(remote: SinewRemoteServer, _reason: int) -> void:
	rates.erase(remote.name)
	_received.erase(remote.name)


## A game would carry on: links live on, and the registry comes back. But here the registry is in
## the process that has started this one, and without it nobody would ever end it.
func _on_registry_lost(text: String) -> void:
	print("%s ends, because the demo has: %s" % [server.server_name, text])
	server.stop()


func _on_stopped(reason: int, text: String) -> void:
	if reason != SinewServer.STOP_REQUESTED:
		push_error("%s: %s" % [server.server_name, text])
	# The engine ends this frame first, and a role's timers may be due in it.
	process_mode = PROCESS_MODE_DISABLED
	get_tree().quit(0 if reason == SinewServer.STOP_REQUESTED else 1)


func _on_second() -> void:
	rates = _received
	_received = {}


func _count(remote: SinewRemoteServer) -> void:
	_received[remote.name] = _received.get(remote.name, 0) + 1
