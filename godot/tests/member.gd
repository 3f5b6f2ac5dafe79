# The member of a mixed cluster in GDScript; tests/mixed/README.md of the repository tells what it does. It is never the conductor.
extends SceneTree

## How far it is with one of the others.
class Peer extends RefCounted:
	var remote: SinewRemoteServer
	var sent := 0
	var received := 0

var server := SinewServer.new()
var peers: Dictionary[int, Peer] = {}
var count := 0
var wanted := 0
var verified := false
var conductor_left := false

func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	if arguments.size() != 4:
		wrong("it is called as: member NAME REGISTRY COUNT PEERS")
		return
	count = arguments[2].to_int()
	wanted = arguments[3].to_int()
	server.config_text = "server.group = 'mixed'\nserver.name = '%s'\ngroups.mixed.connects_to = ['mixed']\nregistry.addresses = ['%s']\nlog.level = 'error'\n" % [
		arguments[0], arguments[1]]
	root.add_child(server)
	server.server_joined.connect(func(remote: SinewRemoteServer) -> void: print("joined ", remote.name))
	server.server_connected.connect(_on_server_connected)
	server.server_disconnected.connect(_on_server_disconnected)
	server.server_left.connect(_on_server_left)
	server.message_received.connect(_on_message_received)
	server.stopped.connect(_on_stopped)
	if server.start() != OK:
		wrong(SinewServer.get_last_error())

func _process(_delta: float) -> bool:
	for peer: Peer in peers.values():
		while peer.sent < count and peer.remote.send(peer.sent % 65536, payload(peer.sent)) == OK:
			peer.sent += 1
	if not verified and peers.size() == wanted and peers.values().all(func(peer: Peer) -> bool: return peer.sent == count and peer.received == count):
		verified = true
		print("verified")
	if verified and conductor_left:
		server.stop()
	return false

func payload(number: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(4 + number % 100)
	bytes.encode_u32(0, number)
	for i in number % 100:
		bytes[4 + i] = (number + 7 * i) & 0xff
	return bytes

func wrong(what: String) -> void:
	print("wrong: ", what)
	quit(1)

func _on_server_connected(remote: SinewRemoteServer) -> void:
	print("connected ", remote.name)
	if peers.size() < wanted:
		peers[remote.id] = Peer.new()
		peers[remote.id].remote = remote

func _on_message_received(remote: SinewRemoteServer, tag: int, received: PackedByteArray, _mode: int) -> void:
	var peer: Peer = peers.get(remote.id)
	if peer == null or peer.received == count or tag != peer.received % 65536 or received != payload(peer.received):
		wrong("message %d of %s: tag %d, %s" % [0 if peer == null else peer.received, remote.name, tag, received.hex_encode()])
		return
	peer.received += 1

func _on_server_disconnected(remote: SinewRemoteServer, _reason: int, _unacknowledged: int) -> void:
	if peers.has(remote.id) and not verified:
		wrong("%s is disconnected: %s" % [remote.name, remote.disconnect_text])

func _on_server_left(remote: SinewRemoteServer, _reason: int) -> void:
	print("left ", remote.name)
	if remote.name == "conductor":
		conductor_left = true

func _on_stopped(_reason: int, _text: String) -> void:
	print("stopped")
	quit(0)
