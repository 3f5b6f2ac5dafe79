extends "res://demo/member.gd"
## A world: it has players, moves them, and hands those who walk over its edge to the next world.

const Player := preload("res://demo/player.gd")
const CAPACITY := 24
const PHRASES: Array[String] = [
	"hello from over here!",
	"anyone at the gate?",
	"need one more healer",
	"that was close",
	"selling 3 apples",
	"where is everybody?",
	"good game",
	"the dragon is awake",
	"follow me",
	"new here, hi!",
	"wait for me",
	"nice hat",
]
const ANSWERS: Array[String] = ["yes!", "on my way", "haha", "no idea", "hi!", "same here", "sure"]

var _players: Dictionary[int, Player] = {}


func _ready() -> void:
	super()
	server.started.connect(_on_started)
	($Tick as Timer).timeout.connect(_on_tick)
	($Talk as Timer).timeout.connect(_on_talk)


func about() -> Dictionary:
	return super().merged({"players": _players.size(), "capacity": CAPACITY})


func _on_started() -> void:
	server.set_capacity(CAPACITY)
	_tell_load()


func _on_request_received(request: SinewRequest) -> void:
	super(request)
	if request.tag == Protocol.ENTER:
		var player: Player = Player.read(request.payload)
		if player == null or _players.size() >= CAPACITY:
			request.refuse()
			return
		# By id, so that who asks twice, because the first answer was lost, has not two of her.
		_players[player.id] = player
		_tell_load()
		request.reply(PackedByteArray())


func _on_message_received(
	remote: SinewRemoteServer, tag: int, payload: PackedByteArray, mode: int
) -> void:
	super(remote, tag, payload, mode)
	# A real world would tell its players. Here one of them answers at times.
	if tag == Protocol.CHAT and randf() < 0.25:
		_say(ANSWERS)


func _on_tick() -> void:
	var seconds := ($Tick as Timer).wait_time
	for player: Player in _players.values():
		player.seconds_left -= seconds
		if player.seconds_left <= 0.0 and not player.is_leaving:
			_players.erase(player.id)
			_tell_load()
		else:
			_move(player, seconds)
	var all: Array[Player] = []
	all.assign(_players.values())
	var near := all.filter(func(player: Player) -> bool: return absf(player.position.x - 0.5) > 0.4)
	# What is told anew so soon may get lost: unreliable messages never wait for each other.
	server.broadcast("observer", Protocol.PLAYERS, _described(all), SinewServer.MODE_UNRELIABLE)
	server.broadcast("world", Protocol.NEAR_THE_EDGE, _described(near), SinewServer.MODE_UNRELIABLE)


func _on_talk() -> void:
	_say(PHRASES)


func _move(player: Player, seconds: float) -> void:
	if player.is_leaving:
		return
	player.position += player.velocity * seconds
	if player.position.y < 0.0 or player.position.y > 1.0:
		player.velocity.y = -player.velocity.y
		player.position.y = clampf(player.position.y, 0.0, 1.0)
	if player.position.x < 0.0:
		_hand_over(player, -1)
	elif player.position.x > 1.0:
		_hand_over(player, 1)


## To the world on the left (-1) or on the right (1); if that does not take her, she turns round.
func _hand_over(player: Player, side: int) -> void:
	var next := _next_world(side)
	if next != null:
		player.is_leaving = true
		player.position.x = fposmod(player.position.x, 1.0)
		var reply: SinewReply = await next.request(Protocol.ENTER, player.write(), 1000)
		player.is_leaving = false
		if reply.ok:
			_players.erase(player.id)
			_tell_load()
			var moved := SinewWriter.new().write_u32(player.id).write_str(next.name)
			server.broadcast("observer", Protocol.MOVED, moved.to_bytes())
			return
	player.position.x = 0.0 if side < 0 else 1.0
	player.velocity.x = absf(player.velocity.x) * -side


## The connected worlds and this one stand in a ring, by name; null if this one is alone.
func _next_world(side: int) -> SinewRemoteServer:
	var ring: Dictionary[String, SinewRemoteServer] = {server.server_name: null}
	for remote in server.get_server_group("world").get_remote_servers():
		if remote.state == SinewServer.STATE_CONNECTED:
			ring[remote.name] = remote
	ring.sort()
	var names := ring.keys()
	var here := names.find(server.server_name)
	return ring[names[posmod(here + side, names.size())]]


## One of the players says one of [param phrases].
func _say(phrases: Array[String]) -> void:
	if _players.is_empty():
		return
	var player: Player = _players.values().pick_random()
	var phrase: String = phrases.pick_random()
	var chat := SinewWriter.new()
	chat.write_str(player.name).write_str(server.server_name).write_str(phrase)
	server.broadcast("lobby", Protocol.CHAT, chat.to_bytes())


## The load is what POLICY_LEAST_LOADED looks at; the other servers hear of it within 100 ms.
func _tell_load() -> void:
	server.set_load(_players.size())


func _described(players: Array) -> PackedByteArray:
	var writer := SinewWriter.new().write_len(players.size())
	for player: Player in players:
		writer.write_u32(player.id).write_f32(player.position.x).write_f32(player.position.y)
	return writer.to_bytes()
