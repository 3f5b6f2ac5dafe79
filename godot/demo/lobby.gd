extends "res://demo/member.gd"
## The lobby: players come here, and it finds a world for each of them. It also passes on what
## players say, because it is connected with every world.

const Player := preload("res://demo/player.gd")

var _last_id := 0
var _placed := 0
var _turned_away := 0


func _ready() -> void:
	super()
	($Arrivals as Timer).timeout.connect(_on_player_arrived)


func about() -> Dictionary:
	return super().merged({"placed": _placed, "turned_away": _turned_away})


func _on_player_arrived() -> void:
	var worlds := server.get_server_group("world")
	if worlds == null:
		return
	_last_id += 1
	var player: Player = Player.create(_last_id)
	# The world with the smallest share of its capacity in use; if it does not answer within a
	# second, one more.
	var reply: SinewReply = await worlds.request_any(
		SinewServer.POLICY_LEAST_LOADED, Protocol.ENTER, player.write(), 1000, 1
	)
	if not reply.ok:
		_turned_away += 1
		return
	_placed += 1
	var moved := SinewWriter.new().write_u32(player.id).write_str(reply.remote.name)
	server.broadcast("observer", Protocol.MOVED, moved.to_bytes())


func _on_message_received(
	remote: SinewRemoteServer, tag: int, payload: PackedByteArray, mode: int
) -> void:
	super(remote, tag, payload, mode)
	if tag == Protocol.CHAT:
		server.broadcast("world", Protocol.CHAT, payload)
		server.broadcast("observer", Protocol.CHAT, payload)
