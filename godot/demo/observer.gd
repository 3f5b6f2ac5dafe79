extends "res://demo/member.gd"
## The observer: it is connected with everybody, asks each server once a second how it is doing,
## and draws what it hears.

## Somebody clicked on this world: its process is to be killed.
signal world_unwanted(world: String)
## Somebody wants one more world.
signal world_wanted

const ClusterMap := preload("res://demo/cluster_map.gd")

## What has been seen so far; `main.gd` judges it at the end.
var seen_answers := 0
var seen_messages := 0
var seen_moves := 0
var seen_chats := 0

@onready var map: ClusterMap = %Map
@onready var chat: RichTextLabel = %Chat
@onready var news: RichTextLabel = %News


func _ready() -> void:
	super()
	server.started.connect(_on_started)
	server.server_joined.connect(_on_state_changed.bind("joined"))
	server.server_connected.connect(_on_state_changed.bind("connected"))
	server.server_interrupted.connect(_on_state_changed.bind("interrupted"))
	server.server_resumed.connect(_on_state_changed.bind("resumed"))
	server.server_disconnected.connect(_on_server_disconnected)
	map.world_clicked.connect(world_unwanted.emit)
	(%AddWorld as Button).pressed.connect(world_wanted.emit)


## The names of the servers that are connected now.
func connected() -> Array[String]:
	var names: Array[String] = []
	for remote in server.get_remote_servers():
		if remote.state == SinewServer.STATE_CONNECTED:
			names.append(remote.name)
	return names


## Tells everybody to stop; their processes end when they have.
func end_all() -> void:
	server.broadcast("lobby", Protocol.END, PackedByteArray())
	server.broadcast("world", Protocol.END, PackedByteArray())


func _on_started() -> void:
	map.set_member(server.server_name, "observer", SinewServer.STATE_CONNECTED)


## Once a second, all at once: nothing here waits for an answer but the coroutine that asked.
func _on_second() -> void:
	super()
	for remote in server.get_remote_servers():
		var rate: int = rates.get(remote.name, 0)
		map.set_link(server.server_name, remote.name, remote.state, rate, remote.round_trip_time)
		_ask(remote)
	map.set_about(server.server_name, "draws this, and asks every second")


func _ask(remote: SinewRemoteServer) -> void:
	var reply: SinewReply = await remote.request(Protocol.ABOUT, PackedByteArray(), 900)
	if not reply.ok:
		return
	seen_answers += 1
	var told: Dictionary = reply.get_variant()
	var links: Array = told["links"]
	for link: Dictionary in links:
		var other: String = link["name"]
		var state: int = link["state"]
		var rate: int = link["rate"]
		var round_trip_time: float = link["round_trip_time"]
		map.set_link(remote.name, other, state, rate, round_trip_time)
	if told.has("players"):
		map.set_about(remote.name, "%d of %d players" % [told["players"], told["capacity"]])
	else:
		var numbers := [told["placed"], told["turned_away"]]
		map.set_about(remote.name, "%d players placed, %d turned away" % numbers)


func _on_message_received(
	remote: SinewRemoteServer, tag: int, payload: PackedByteArray, mode: int
) -> void:
	super(remote, tag, payload, mode)
	seen_messages += 1
	var reader := SinewReader.create(payload)
	match tag:
		Protocol.PLAYERS:
			var players: Dictionary[int, Vector2] = {}
			for _index in reader.read_len():
				if not reader.get_error().is_empty():
					break
				var player := reader.read_u32()
				players[player] = Vector2(reader.read_f32(), reader.read_f32())
			map.set_players(remote.name, players)
		Protocol.MOVED:
			seen_moves += 1
			map.fly(reader.read_u32(), remote.name, reader.read_str())
		Protocol.CHAT:
			seen_chats += 1
			var said: Array[String] = [reader.read_str(), reader.read_str(), reader.read_str()]
			_write(chat, "[color=#4fb3ff]%s[/color] [color=#6d7a8c]%s[/color]\n%s\n" % said)


func _on_state_changed(remote: SinewRemoteServer, what: String) -> void:
	map.set_member(remote.name, remote.group, remote.state)
	var color := ClusterMap.STATE_COLORS[remote.state].to_html(false)
	_write(news, "[color=#%s]%s[/color] %s\n" % [color, what, remote.name])


func _on_server_disconnected(remote: SinewRemoteServer, _reason: int, unacknowledged: int) -> void:
	_on_state_changed(remote, "disconnected")
	if unacknowledged > 0:
		_write(news, "[color=#6d7a8c]%d messages to it may be lost[/color]\n" % unacknowledged)


func _on_server_left(remote: SinewRemoteServer, reason: int) -> void:
	super(remote, reason)
	_on_state_changed(remote, "left")


func _write(label: RichTextLabel, text: String) -> void:
	# Of what nobody can see any more, nothing is kept.
	while label.get_paragraph_count() > 60:
		label.remove_paragraph(0)
	label.append_text(text)
